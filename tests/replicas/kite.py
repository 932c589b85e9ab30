"""A second Kite, made from the fact sheet alone: it shares nothing with the sandbox, so neither hides the other's errors."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from pyotp import TOTP
from replicas import pages
from replicas.web import Said, Site, data, page, redirect

USER, PASSWORD, SEED = "QX7731", "s3cret & späce+1", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
KEY, SECRET = "replica_key", "replica_secret_9f2"
STEP = 30


def refusal(message, kind="UserException", status=403, **more):
    return data(
        {"status": "error", "message": message, "data": more or None, "error_type": kind}, status
    )


@dataclass
class Variant:
    """One way for this Kite to look and behave; what it expects of a login is in the test."""

    page: str = pages.PLAIN
    login: object = None
    """Answers a password call instead of the default: f(kite, form) -> Said."""
    twofa: object = None
    finish: object = None
    authorize: str = ""
    """The consent page; empty: this user has allowed the app."""
    faults: dict[str, list[str]] = field(default_factory=dict)
    """By call, what happens to its first, second ... request; a last "always" repeats the one before."""
    right: bool = True
    window: int = 1
    off: float = 0.0
    twofa_type: str = "totp"
    user: str = USER
    mood: set[str] = field(default_factory=set)


class Kite:
    """The login site, the token API and the app's own listening redirect target."""

    def __init__(self, variant, clock):
        self.variant, self.clock = variant, clock
        self.passwords, self.codes, self.exchanges, self.hits, self.pressed = [], [], [], [], []
        self.asked = []
        self.unexpected = []
        self.sessions = {}
        self.tokens = {}
        self.issued = []
        self._calls = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self):
        sites = (self._web, self._api, self._target, self._web)
        self.web, self.api, self.target, self.other = [
            await self._stack.enter_async_context(Site(answer, self.clock)) for answer in sites
        ]
        for site in (self.web, self.other):
            site.date_off = self.variant.off
        return self

    async def __aexit__(self, *_):
        await self._stack.aclose()

    def config(self):
        credentials = {
            "api_key": KEY,
            "api_secret": SECRET,
            "user_id": USER,
            "password": PASSWORD,
            "totp_secret": SEED,
        }
        return {
            "state": {"path": "state"},
            "sinks": {"tokens": {"type": "file", "path": "tokens/{account}.json"}},
            "accounts": {
                "zerodha": {
                    "broker": "zerodha",
                    "credentials": {**credentials, "redirect_uri": self.redirect_uri},
                    "endpoints": {"login": self.web.origin, "api": self.api.origin},
                    "sinks": ["tokens"],
                }
            },
        }

    @property
    def redirect_uri(self):
        return f"{self.target.origin}/hello/kite"

    @property
    def secrets(self):
        return [PASSWORD, SEED, SECRET, *self.codes, *self.issued, *self.tokens]

    def code_is_right(self, code):
        now = self.clock.now().timestamp() + self.variant.off
        steps = range(-self.variant.window, self.variant.window + 1)
        return any(code == TOTP(SEED).at(int(now + step * STEP)) for step in steps)

    # The login site

    async def _fault(self, call):
        """What is wrong with this request; None: nothing."""
        plan = self.variant.faults.get(call, [])
        number = self._calls[call] = self._calls.get(call, -1) + 1
        fault = plan[number] if number < len(plan) else ""
        if plan and plan[-1] == "always" and number >= len(plan) - 1:
            fault = plan[-2]
        kind, _, more = fault.partition(":")
        if kind == "hang":
            await asyncio.sleep(3600)
        if kind == "slow":
            await asyncio.sleep(float(more))
        if kind == "reset":
            return Said(cut=True)
        if kind.isdigit():
            words = "<h1>nginx</h1><p>Bad gateway, or too much of something</p>"
            return page(words, int(kind), **({"retry_after": more} if more else {}))
        return None

    async def _web(self, asked):
        self.asked.append(f"{asked.method} {asked.path}")
        ways = {
            "/connect/login": ("page", self._connect),
            "/api/login": ("login", self._login),
            "/api/twofa": ("twofa", self._twofa),
            "/connect/finish": ("finish", self._finish),
            "/connect/authorize": ("authorize", self._authorize),
            "/api/connect/session": ("session", self._session),
            "/session/form": ("login", self._form_login),
            "/session/code": ("twofa", self._form_twofa),
        }
        if asked.path not in ways:
            if asked.method == "POST":
                self.unexpected.append(asked.path)
            return page(pages.other(asked.path), 200 if asked.path.startswith("/note") else 404)
        call, answer = ways[asked.path]
        if call == "login" and asked.method == "POST":
            self.passwords.append(asked.form.get("password"))
        if call == "twofa" and asked.method == "POST":
            self.codes.append(asked.form.get("twofa_value"))
        return await self._fault(call) or await answer(asked)

    async def _connect(self, asked):
        mood = self.variant.mood
        if "bad_key_json" in mood:
            return refusal("Invalid `api_key`.", "InputException", 400)
        if "bad_key_html" in mood:
            return page(
                "<body><div id=container><h2>Error</h2><p>Invalid `api_key`.</p></div>", 400
            )
        if asked.query.get("api_key") != KEY:
            return refusal("Invalid `api_key`.", "InputException", 400)
        if "sess_id" not in asked.query:
            session = secrets.token_hex(16)
            self.sessions[session] = {"params": asked.query.get("redirect_params", "")}
            where = f"/connect/login?{urlencode({'api_key': KEY, 'sess_id': session})}"
            if "other_port" in mood:
                where = self.other.origin + where
            return redirect(where)
        session = self.sessions[asked.query["sess_id"]]
        if "live" in mood:
            session["done"] = True
            return redirect(
                f"/connect/finish?{urlencode({'api_key': KEY, 'sess_id': asked.query['sess_id']})}"
            )
        html = self.variant.page
        return html if isinstance(html, Said) else page(html)

    def _known(self, form):
        return form.get("user_id", "").upper() == USER and form.get("password") == PASSWORD

    async def _login(self, asked):
        form = asked.form
        if self.variant.login:
            return self.variant.login(self, form)
        if not self._known(form):
            return refusal("Invalid username or password.")
        request = secrets.token_hex(12)
        kinds = [self.variant.twofa_type]
        kinds += [kind for kind in ("totp", "sms") if kind != self.variant.twofa_type]
        answer = {
            "user_id": USER,
            "request_id": request,
            "twofa_type": self.variant.twofa_type,
            "twofa_types": kinds,
        }
        return data({"status": "success", "data": answer}, set_cookie="kf_session=abc; Path=/")

    async def _twofa(self, asked):
        form = asked.form
        if self.variant.twofa:
            return self.variant.twofa(self, form)
        return self.judge_code(form)

    def judge_code(self, form):
        code = form.get("twofa_value", "")
        if self.codes.count(code) > 1 or not self.code_is_right(code) or not form.get("request_id"):
            return refusal(
                "Invalid TOTP.", "TwoFAException", attempts_remaining=5 - len(self.codes)
            )
        self.signed_in = True
        return data(
            {"status": "success", "data": {"profile": {}}}, set_cookie="enctoken=e1; Path=/"
        )

    signed_in = False

    # The same without any script: forms, posted and answered by whole pages

    async def _form_login(self, asked):
        form = asked.form
        if self.variant.login:
            return self.variant.login(self, form)
        if not self._known(form):
            return page(
                pages.form_login(
                    form["sess"], "Invalid user ID or password. Please check and try again."
                )
            )
        return page(pages.form_code(form["sess"]))

    async def _form_twofa(self, asked):
        form = asked.form
        if self.variant.twofa:
            return self.variant.twofa(self, form)
        if not self.code_is_right(form["twofa_value"]) or self.codes.count(form["twofa_value"]) > 1:
            return page(pages.form_code(form["sess"], "The TOTP you entered is incorrect."))
        self.signed_in = True
        return redirect(
            f"/connect/finish?{urlencode({'api_key': KEY, 'sess_id': form['sess']})}", 303
        )

    # Consent and redirect

    async def _finish(self, asked):
        form = asked.form if asked.method == "POST" else asked.query
        session = self.sessions.get(form.get("sess_id", ""))
        if session is None or not (self.signed_in or session.get("done")):
            return refusal("Invalid session.", "InputException", 400)
        if self.variant.authorize and asked.method == "GET":
            return redirect(
                f"/connect/authorize?{urlencode({'api_key': KEY, 'sess_id': form['sess_id']})}"
            )
        if asked.method == "POST":
            self.pressed.append(form.get("authorize"))
        token = secrets.token_hex(16)
        self.issued.append(token)
        params = {"action": "login", "type": "login", "status": "success", "request_token": token}
        params |= dict(parse_qsl(session["params"]))
        url = f"{self.redirect_uri}?{urlencode(params)}"
        return self.variant.finish(self, url, params) if self.variant.finish else redirect(url)

    async def _authorize(self, asked):
        return page(self.variant.authorize)

    async def _session(self, asked):
        return data({"status": "success", "data": {"public_token": "p1"}})

    # The token API

    async def _api(self, asked):
        call = {"/session/token": "exchange", "/user/profile": "profile"}.get(asked.path, "other")
        if call == "exchange":
            self.exchanges.append(asked.form["request_token"])
        if fault := await self._fault(call):
            return fault
        if call == "exchange":
            return self._exchange(asked.form)
        token = asked.headers.get("authorization", "").removeprefix(f"token {KEY}:")
        if token not in self.tokens:
            return refusal("Incorrect `api_key` or `access_token`.", "TokenException")
        return data(
            {"status": "success", "data": {"user_id": self.variant.user, "user_name": "Q X"}}
        )

    def _exchange(self, form):
        code = form["request_token"]
        whole = hashlib.sha256(f"{KEY}{code}{SECRET}".encode()).hexdigest()
        if (
            form["checksum"] != whole
            or code not in self.issued
            or self.exchanges.count(code) > 1 + self._calls_lost()
        ):
            return refusal("Token is invalid or has expired.", "TokenException")
        token = secrets.token_hex(16)
        self.tokens[token] = code
        answer = {
            "access_token": token,
            "public_token": "p2",
            "user_id": self.variant.user,
            "refresh_token": "",
        }
        return data({"status": "success", "data": answer})

    def _calls_lost(self):
        return len(
            [fault for fault in self.variant.faults.get("exchange", []) if fault != "always"]
        )

    async def _target(self, asked):
        self.hits.append(asked.path)
        return page("the user's own app")
