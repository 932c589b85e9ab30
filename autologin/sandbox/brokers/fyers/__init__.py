"""Fyers' twin: the login page, its services, and API v3, with the rules that all keep to.

The pages are in `fyers_web.py`, the XHRs in `fyers_vagator.py`, the API in `fyers_api.py`, the scenarios in
`fyers_scenarios.py`.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from starlette.middleware import Middleware

from autologin.sandbox.brokers.fyers import wire as wire
from autologin.sandbox.brokers.fyers.api import Api
from autologin.sandbox.brokers.fyers.pages import Web
from autologin.sandbox.brokers.fyers.scenarios import SCENARIOS, FyersBehaviour
from autologin.sandbox.brokers.fyers.vagator import Cors, Vagator
from autologin.sandbox.twin import Twin, alnum, matching_step

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.routing import BaseRoute

STRIKES = 5
"""Wrong entries until Fyers blocks the account."""

DENIALS = {
    "s": (("s", "error"), ("code", "-1"), ("message", "Access denied by user")),
    "error": (("error", "access_denied"), ("error_description", "The user denied the request")),
    "bare": (("code", "200"),),
}


@dataclass
class User:
    """Somebody with an account, and what Fyers holds against them."""

    fy_id: str
    pin: str
    totp_secret: str
    wrong: int = 0
    wrong_pins: int = 0
    authorised: bool = False
    used_steps: set[int] = field(default_factory=set)


@dataclass
class Visit:
    """A login under way, known by its newest request key, then by its login token."""

    code_right: bool = False
    login_token: str = ""


@dataclass
class Grant:
    """A code."""

    ends: datetime
    used: bool = False


class Fyers(Twin):
    """One app, one user."""

    broker = "fyers"
    title = "Fyers (API v3)"
    roles = ("api", "vagator", "site")
    table = SCENARIOS
    plain = FyersBehaviour()
    behaviour: FyersBehaviour
    client_id = "SANDBOX123-100"
    secret_key = "SANDBOXKEY"  # noqa: S105  (a sandbox's)

    def reset(self) -> None:
        """Forget visits, tokens, wrong entries, consents and counts. The scenarios stay on."""
        super().reset()
        self.user = User("XS12345", "4271", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXF")
        self.visits: dict[str, Visit] = {}
        self.grants: dict[str, Grant] = {}
        self.tokens: dict[str, datetime] = {}
        self.refresh_tokens: list[str] = []

    @property
    def credentials(self) -> dict[str, str]:
        """What the account needs."""
        app = {"client_id": self.client_id, "secret_key": self.secret_key, "redirect_uri": self.redirect_uri}
        return {**app, "fy_id": self.user.fy_id, "totp_secret": self.user.totp_secret, "pin": self.user.pin}

    @property
    def endpoints(self) -> dict[str, str]:
        """The API's base; it leads to all others."""
        return {"api": f"{self.origins['api']}/api/v3"}

    def routes(self, role: str) -> list[BaseRoute]:
        """The routes of one host."""
        return {
            "api": [*Web(self).api_routes(), *Api(self).routes()],
            "vagator": Vagator(self).routes(),
            "site": Web(self).site_routes(),
        }[role]

    def _app(self, role: str) -> Starlette:
        app = super()._app(role)
        if role == "vagator":
            app.user_middleware.append(Middleware(Cors, twin=self))
        return app

    # What the pages need

    def open_visit(self, visit: Visit | None = None) -> str:
        """A new request key."""
        key = alnum(40)
        self.visits[key] = visit or Visit()
        return key

    def check_id(self, fy_id: str) -> None:
        """Raise for an id without an account."""
        self.check_open()
        if fy_id.upper() != self.user.fy_id or self.behaviour.unknown_id:
            said = "This client id is not associated with any account. Please make sure you have entered it correctly."
            raise wire.refusal(self.behaviour.status, -1005, said)

    def check_code(self, value: str) -> None:
        """Raise for a wrong code, and for one that was used before; each is a strike."""
        self.check_open()
        user, behaviour = self.user, self.behaviour
        step = matching_step(user.totp_secret, value, self.now(), behaviour.otp_window)
        fresh = step is not None and (behaviour.code_reuse or step not in user.used_steps)
        if step is not None:
            user.used_steps.add(step)
        refused = behaviour.refused_codes
        if not fresh or refused == "all" or (refused == "first" and self.once("refused code")):
            self.strike(-1003, "Please enter the valid TOTP. Please make sure you have entered it correctly.")
        user.wrong = 0

    def check_pin(self, value: str) -> None:
        """Raise for a wrong PIN; each is a strike."""
        self.check_open()
        if not hmac.compare_digest(value.encode(), self.user.pin.encode()) or self.behaviour.wrong_pin:
            self.user.wrong_pins += 1
            self.strike(-1049, "Wrong PIN, Again!")
        self.user.wrong = 0

    def strike(self, code: int, words: str) -> None:
        """Count a wrong entry and refuse it."""
        self.user.wrong += 1
        failed = self.user.wrong + self.behaviour.strikes
        left = f" {STRIKES - failed} attempts left" if self.behaviour.strikes and self.behaviour.words_left else ""
        more = {"failed_attempts": failed, "user_blocked": failed >= STRIKES}
        raise wire.refusal(self.behaviour.status, code, words + left, **more)

    def check_open(self) -> None:
        """Raise where the account is blocked."""
        told = {
            "words": "We have blocked your account for security reasons. Please get in touch with customer services.",
            "flag": "We Have Hit A Dead-end!",
        }
        if kind := self.behaviour.locked or ("words" if self.user.wrong >= STRIKES else ""):
            raise wire.refusal(self.behaviour.status, -1052, told[kind], failed_attempts=5, user_blocked=True)

    def redirect_params(self, state: str | None) -> list[tuple[str, str]]:
        """What the redirect carries: the code, and a status that is called `code`."""
        params = DENIALS.get(self.behaviour.denied) or self._granted()
        if state is None or self.behaviour.state == "lost":
            return list(params)
        return [*params, ("state", f"not-{state}" if self.behaviour.state == "wrong" else state)]

    def _granted(self) -> tuple[tuple[str, str], ...]:
        code = wire.auth_code(alnum(32), self.client_id.partition("-")[0], self.now())
        self.grants[code] = Grant(self.now() + timedelta(seconds=self.behaviour.code_ttl))
        self.codes_issued.append(code)
        return ("s", "ok"), ("code", "200"), ("auth_code", code)

    # What the API needs

    def open_token(self) -> str:
        """A token until 06:00 IST; those from before live on."""
        ends = self.next_daily(time(6))
        plain = self.behaviour.token == "opaque"  # noqa: S105  (a kind)
        token = alnum(40) if plain else wire.token("access_token", alnum(16), self.user.fy_id, self.now(), ends)
        self.tokens[token] = ends
        return token

    def open_refresh_token(self) -> str:
        """A refresh token for fifteen days."""
        ends = self.next_daily(time(6)) + timedelta(days=14)
        token = wire.token("refresh_token", alnum(16), self.user.fy_id, self.now(), ends)
        self.refresh_tokens.append(token)
        return token
