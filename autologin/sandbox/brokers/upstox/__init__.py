"""Upstox's twin: the dialog, the login site with its service, and API v2, with the rules that all keep to.

The pages are in `upstox_web.py`, the XHRs in `upstox_service.py`, the token API in `upstox_api.py`, the scenarios in
`upstox_scenarios.py`.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from starlette.middleware import Middleware

from autologin.sandbox.brokers.upstox.api import Api
from autologin.sandbox.brokers.upstox.pages import Web
from autologin.sandbox.brokers.upstox.scenarios import SCENARIOS, UpstoxBehaviour
from autologin.sandbox.brokers.upstox.service import Cors, Service, no
from autologin.sandbox.brokers.upstox.wire import jwt
from autologin.sandbox.twin import Twin, alnum, matching_step

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.routing import BaseRoute

STRIKES = 5
"""Wrong codes, or wrong PINs, until Upstox blocks the account."""


@dataclass
class User:
    """Somebody with an account, and what Upstox holds against them."""

    user_id: str
    mobile_number: str
    pin: str
    totp_secret: str
    wrong_codes: int = 0
    wrong_pins: int = 0
    authorised: bool = False
    used_steps: set[int] = field(default_factory=set)

    @property
    def blocked(self) -> bool:
        """Whether there were too many wrong entries."""
        return max(self.wrong_codes, self.wrong_pins) >= STRIKES


@dataclass
class Visit:
    """A visit to the dialog. The login site knows it by `lead` and by a client id that is not the app's."""

    lead: str
    client: str
    state: str | None
    otp_token: str = ""
    code_right: bool = False
    signed_in: bool = False
    hop: str = ""
    """The login site's own code, for the hop on the way back."""
    denied: bool = False


@dataclass
class Grant:
    """A code."""

    ends: datetime
    used: bool = False


class Upstox(Twin):
    """One app, one user."""

    broker = "upstox"
    title = "Upstox (API v2)"
    roles = ("api", "login", "service", "api_v2")
    table = SCENARIOS
    plain = UpstoxBehaviour()
    behaviour: UpstoxBehaviour
    client_id = "5b1f7a02-1e0c-4a35-9d2b-sandboxclient"
    client_secret = "sandbox+s3cret/&="  # noqa: S105  (a sandbox's)
    user_id = "SB1234"

    def reset(self) -> None:
        """Forget visits, tokens, wrong entries, consents and counts. The scenarios stay on."""
        super().reset()
        self.user = User(self.user_id, "9812345670", "042617", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXS")
        self.visits: dict[str, Visit] = {}
        self.grants: dict[str, Grant] = {}
        self.tokens: dict[str, datetime] = {}
        self.extended_tokens: list[str] = []

    @property
    def credentials(self) -> dict[str, str]:
        """What the account needs."""
        app = {"client_id": self.client_id, "client_secret": self.client_secret, "redirect_uri": self.redirect_uri}
        user = self.user
        return {**app, "mobile_number": user.mobile_number, "totp_secret": user.totp_secret, "pin": user.pin}

    @property
    def endpoints(self) -> dict[str, str]:
        """The API's origin: it leads to all others."""
        return {"api": self.origins["api"]}

    def routes(self, role: str) -> list[BaseRoute]:
        """The routes of one host."""
        return {
            "api": [*Web(self).dialog_routes(), *Api(self).routes()],
            "login": Web(self).login_routes(),
            "service": Service(self).routes(),
            "api_v2": Web(self).hop_routes(),
        }[role]

    def _app(self, role: str) -> Starlette:
        app = super()._app(role)
        if role == "service":
            app.user_middleware.append(Middleware(Cors, twin=self))
        return app

    # What the pages need

    def open_visit(self, state: str | None) -> Visit:
        """Note a visit to the dialog."""
        visit = Visit(f"LEAD-{alnum(10)}", f"IND-{alnum(10).lower()}", state)
        self.visits[visit.lead] = self.visits[visit.client] = visit
        return visit

    def check_mobile(self, number: str) -> None:
        """Raise for a number without an account."""
        self._check_open()
        if number != self.user.mobile_number or self.behaviour.wrong_mobile:
            raise no(self, "This mobile number is not registered with Upstox")

    def check_code(self, value: str) -> None:
        """Raise for a wrong code, and for one that was used before; each is a strike."""
        self._check_open()
        user, behaviour = self.user, self.behaviour
        step = matching_step(user.totp_secret, value, self.now(), behaviour.otp_window)
        fresh = step is not None and (behaviour.code_reuse or step not in user.used_steps)
        if step is not None:
            user.used_steps.add(step)
        refused = behaviour.refused_codes
        if fresh and behaviour.totp_enabled and refused != "all" and not (refused == "first" and self.once("refused code")):
            user.wrong_codes = 0
            return
        user.wrong_codes += 1
        left = STRIKES - user.wrong_codes - behaviour.strikes
        raise no(self, "Invalid OTP." + (f" {left} attempts left." if behaviour.strikes else ""))

    def check_pin(self, value: str) -> None:
        """Raise for a wrong PIN; each is a strike."""
        self._check_open()
        user = self.user
        if not hmac.compare_digest(value.encode(), user.pin.encode()) or self.behaviour.wrong_pin:
            user.wrong_pins += 1
            raise no(self, f"Incorrect PIN. You have {STRIKES - user.wrong_pins} attempts left.")
        user.wrong_pins = 0

    def _check_open(self) -> None:
        if self.behaviour.locked or self.user.blocked:
            raise no(self, "Your account has been blocked. Please reset your PIN.")

    def redirect_params(self, visit: Visit) -> list[tuple[str, str]]:
        """What the redirect carries: the code, unless the user said no, and the caller's state."""
        if visit.denied or self.behaviour.denied:
            params = [("error", "access_denied"), ("error_description", "The user denied the request")]
        else:
            code = alnum(24)
            self.grants[code] = Grant(self.now() + timedelta(seconds=self.behaviour.code_ttl))
            self.codes_issued.append(code)
            params = [("code", code)]
        if visit.state is not None and self.behaviour.state != "lost":
            params.append(("state", f"not-{visit.state}" if self.behaviour.state == "wrong" else visit.state))
        return params

    # What the API needs

    def open_token(self) -> str:
        """A token until 03:30 IST; those from before live on."""
        ends, kind = self.next_daily(time(3, 30)), self.behaviour.token
        said = None if kind == "jwt_without_end" else ends
        token = alnum(40) if kind == "opaque" else jwt(self.user_id, alnum(16), self.now(), said)
        self.tokens[token] = ends
        return token
