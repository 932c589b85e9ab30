"""What browsers see of ICICI Direct.

The page that sends itself on, the login page and its two calls, the way back.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from markupsafe import escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.brokers.icici_breeze.state import IciciBreezeState, No, Visit
from autologin.sandbox.page import LoginPage, page_routes
from autologin.sandbox.redirects import with_query
from autologin.sandbox.twin import Refusal, alnum, html_error, render

COOKIE = "ASP.NET_SessionId"
SMS = "OTP has been sent to your registered mobile number and email id"
POSTED = {
    "post_query": ({"apisession"}, {"API_Session"}),
    "query": ({"apisession"}, set()),
    "body": (set(), {"API_Session"}),
    "body_lower": (set(), {"apisession"}),
    "query_upper": ({"API_SESSION"}, set()),
    "more": ({"apisession"}, {"API_Session"}),
}
"""By the kind of way back: the names of the session in the query, and in the body of a form."""

PAGE = LoginPage.load("ICICI Direct", "#ad1e23", Path(__file__).parent)


class Pages:
    """Pages on one host."""

    def __init__(self, twin: IciciBreezeState) -> None:
        self.twin = twin

    def routes(self) -> list[BaseRoute]:
        """api.icicidirect.com/apiuser."""
        base = "/apiuser/tradelogin"
        return [
            Route("/apiuser/login", self.bounce),
            Route(base, self.login_page, methods=["POST"]),
            Route(f"{base}/getotp", self.getotp, methods=["POST"]),
            Route(f"{base}/validateuser", self.validateuser, methods=["POST"]),
            Route("/apiuser/consent", self.consent, methods=["POST"]),
            Route("/apiuser/back", self.back, methods=["POST"]),
            *page_routes(self.twin, "/apiuser"),
        ]

    async def bounce(self, request: Request) -> Response:
        """A form that posts itself to the login page."""
        self.twin.arrive("login_page")
        door = self.twin.behaviour.door
        if door == "access_denied":
            raise Refusal(html_error(403))
        if door or request.query_params.get("api_key") != self.twin.api_key:
            return HTMLResponse("<html><body>Public Key does not exist</body></html>")
        checksum = alnum(64)
        self.twin.forms.add(checksum)
        fields = {
            "AppKey": self.twin.api_key,
            "time_stamp": self.twin.now().isoformat(),
            "checksum": checksum,
        }
        return render(
            "icici_breeze/form.html", form="frmLog", action="/apiuser/tradelogin", fields=fields
        )

    async def login_page(self, request: Request) -> Response:
        """User id, password, terms; the panel for the code comes by a call."""
        self.twin.arrive("tradelogin")
        form = await request.form()
        if form.get("checksum") not in self.twin.forms:
            return HTMLResponse("<html><body>Invalid request.</body></html>")
        self.twin.forms.discard(str(form["checksum"]))
        return self._page()

    def _page(self, said: str = "") -> Response:
        behaviour = self.twin.behaviour
        known = {
            "kind": behaviour.public_key,
            "key": hex_pair(key()) if behaviour.public_key == "hidenc" else pem(key()),
        }
        told = {
            "says_no": behaviour.says_no,
            "after_no": behaviour.after_no,
            "said": said,
            "posts": behaviour.posts_page,
        }
        answer = PAGE.show(self.twin, {**known, **told})
        session = alnum(24)
        self.twin.visits[session] = Visit()
        answer.set_cookie(COOKIE, session, httponly=True)
        return answer

    async def getotp(self, request: Request) -> Response:
        """The password, encrypted; the answer is a panel for the code, or words that say no."""
        self.twin.arrive("getotp")
        form = await self._read_form(request)
        visit = self._visit(request)
        if visit is None or self.twin.behaviour.invalid_request or form.get("chkssTnc", "Y") != "Y":
            return HTMLResponse("Invalid request.")
        if no := self._refusal(
            lambda: self.twin.check_password(form.get("txtuid", ""), _opened(form.get("hidp", "")))
        ):
            return no
        visit.password_right = True
        return self._after_password(visit)

    def _after_password(self, visit: Visit) -> Response:
        kind = self.twin.behaviour.captcha_after_password
        if kind == "marker":
            return HTMLResponse("SHWCAP")
        if kind:
            return HTMLResponse(
                '<div id="dvcaptcha">SHWCAP<img id="imgCaptcha" alt="captcha" width="120" height="40"></div>'
            )
        self.twin.counters["sms"] += self.twin.behaviour.otp != "totp"
        totp = self.twin.behaviour.otp == "totp"
        words = {"totp": "Verify TOTP", "sms": SMS, "sms_flag": ""}[self.twin.behaviour.otp]
        return render("icici_breeze/otp.html", ticket=visit.ticket, totp=totp, words=words)

    async def validateuser(self, request: Request) -> Response:
        """The code; the answer holds the session in a form that goes to the app."""
        form = await self._read_form(request, only_calls=not self.twin.behaviour.posts_page)
        self.twin.otps.append(form.get("hiotp", ""))
        self.twin.arrive("validateuser")
        visit = self._visit(request)
        if visit is None or not visit.password_right:
            return HTMLResponse("Session has expired. Please login again.")
        if no := self._refusal(
            lambda: self.twin.check_code(form.get("hiotp", "")),
            posted=self.twin.behaviour.posts_page,
        ):
            return no
        visit.signed_in = True
        await asyncio.sleep(self.twin.behaviour.answer_seconds)
        return self._signed_in()

    def _signed_in(self) -> Response:
        behaviour = self.twin.behaviour
        if behaviour.page.get("then") == "nothing":
            return HTMLResponse("<p>Please wait</p>")
        if behaviour.page.get("then") == "notice":
            return HTMLResponse(
                "<h2>Update your nominee</h2><p>New rules ask every investor.</p><button>Update now</button>"
            )
        if behaviour.first_use and not self.twin.user.authorised:
            return _form("/apiuser/consent", {})
        return self._way_back(posted=behaviour.posts_page)

    async def consent(self, request: Request) -> Response:
        """Whether the app may use the account; asked once."""
        form = await request.form()
        if "answer" not in form:
            return render("icici_breeze/consent.html")
        self.twin.arrive("consent")
        self.twin.user.authorised = form["answer"] == "yes"
        return (
            self._way_back(posted=True)
            if self.twin.user.authorised
            else self._posted(self._without_session("cancelled"))
        )

    def _way_back(self, *, posted: bool = False) -> Response:
        kind = self.twin.behaviour.delivery
        if kind not in POSTED:
            return _form("/apiuser/back", {})
        in_query, in_body = POSTED[kind]
        answer = self.twin.behaviour.answer
        if answer in {"failed", "cancelled"}:
            return (
                self._posted(self._without_session(answer))
                if posted
                else _form(*self._without_session(answer))
            )
        value = "" if answer == "blank" else self.twin.open_session().value
        more = [("status", "success"), ("source", "api")] if kind == "more" else []
        query = [*((name, value) for name in in_query), *more]
        where = with_query(self.twin.redirect_uri, query) if query else self.twin.redirect_uri
        body = dict.fromkeys(in_body, value)
        return self._posted((where, body)) if posted else _form(where, body)

    def _without_session(self, status: str) -> tuple[str, dict[str, str]]:
        return with_query(self.twin.redirect_uri, [("status", status)]), {}

    def _posted(self, form: tuple[str, Mapping[str, str]]) -> Response:
        return render("icici_breeze/form.html", form="frmBack", action=form[0], fields=form[1])

    async def back(self, _request: Request) -> Response:
        """A hop on the way back, for the other kinds of redirect."""
        params: Sequence[tuple[str, str]] = [("apisession", self.twin.open_session().value)]
        return self.twin.delivery.answer(
            self.twin.behaviour.delivery, self.twin.redirect_uri, params
        )

    async def _read_form(self, request: Request, *, only_calls: bool = True) -> dict[str, str]:
        if only_calls and request.headers.get("x-requested-with") != "XMLHttpRequest":
            raise Refusal(HTMLResponse("Invalid request."))
        return {name: str(value) for name, value in (await request.form()).items()}

    def _visit(self, request: Request) -> Visit | None:
        return self.twin.visits.get(request.cookies.get(COOKIE, ""))

    def _refusal(self, check: Callable[[], None], *, posted: bool = False) -> Response | None:
        try:
            check()
        except No as no:
            return (
                self._page(str(no))
                if posted
                else HTMLResponse(f'<span id="otperr">{escape(no)}</span>')
            )
        return None


def _form(where: str, body: Mapping[str, str]) -> Response:
    """A form in an answer to a call; the page puts it in and sends it."""
    value = next(iter(body.values()), "")
    return render("icici_breeze/back.html", action=where, fields=body, value=value)


def _opened(text: str) -> str | None:
    """The password that the page encrypted, in hex or in base64."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        try:
            data = base64.b64decode(text, validate=True)
        except binascii.Error:
            return None
    return decrypt(key(), data)


@cache
def key() -> rsa.RSAPrivateKey:
    """The key pair with which the page encrypts a password.

    Small, for a sandbox on loopback only.
    """
    return rsa.generate_private_key(65537, 1024)  # noqa: S505


def hex_pair(pair: rsa.RSAPrivateKey) -> str:
    """How `hidenc` carries the public key: exponent~modulus, in hex."""
    numbers = pair.public_key().public_numbers()
    return f"{numbers.e:x}~{numbers.n:x}"


def pem(pair: rsa.RSAPrivateKey) -> str:
    """How `hidpv` carries it."""
    public = pair.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode().strip()


def decrypt(pair: rsa.RSAPrivateKey, data: bytes) -> str | None:
    """What was encrypted (PKCS #1 v1.5); None where it was not."""
    try:
        return pair.decrypt(data, padding.PKCS1v15()).decode("utf-8", "replace")
    except ValueError:
        return None
