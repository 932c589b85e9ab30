"""ICICI Direct's twin: the login pages of apiuser and the Breeze API, with the rules that both keep to.

The pages and their calls are in `icici_breeze_web.py`, the API in `icici_breeze_api.py`, the page's RSA key in
`icici_breeze_rsa.py`, the scenarios in `icici_breeze_scenarios.py`.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from autologin.sandbox.brokers.icici_breeze.api import Api
from autologin.sandbox.brokers.icici_breeze.pages import Web
from autologin.sandbox.brokers.icici_breeze.scenarios import OTHER_USER, SCENARIOS, BreezeBehaviour
from autologin.sandbox.twin import IST, Twin, alnum, matching_step

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

STRIKES = 5
"""Wrong passwords, or wrong codes, until the twin locks the account. ICICI publishes no number."""
LOCKED = "Your account has been locked due to multiple invalid attempts. Please reset your password."


class No(Exception):
    """A refusal, in words for the page."""


@dataclass
class User:
    """Somebody with an account, and what ICICI holds against them."""

    user_id: str
    password: str
    totp_secret: str
    wrong_passwords: int = 0
    wrong_codes: int = 0
    authorised: bool = False
    used_steps: set[int] = field(default_factory=set)

    @property
    def locked(self) -> bool:
        """Whether there were too many wrong entries."""
        return max(self.wrong_passwords, self.wrong_codes) >= STRIKES


@dataclass
class Visit:
    """A browser on its way through the login, known by its ASP.NET_SessionId."""

    password_right: bool = False
    signed_in: bool = False
    ticket: str = field(default_factory=alnum)
    """Which panel for a code is the present one."""


@dataclass
class Session:
    """What the redirect carries, and the pair that customerdetails gives for it."""

    value: str
    pairs: list[str]
    expires: datetime
    """When the value can no longer be exchanged for the first time."""
    ends: datetime
    exchanged: bool = False
    burnt: bool = False


class IciciBreeze(Twin):
    """One app, one user, one host for everything."""

    broker = "icici_breeze"
    title = "ICICI Direct (Breeze)"
    roles = ("icici",)
    table = SCENARIOS
    plain = BreezeBehaviour()
    behaviour: BreezeBehaviour
    api_key = "8q4+X3=1!d^0#m2&7sandbox/key"
    secret_key = "9z!2+k=4#sandbox&secret^5"  # noqa: S105  (a sandbox's)
    user_id = "AB123456"

    def reset(self) -> None:
        """Forget visits, sessions, wrong entries, consents and counts. The scenarios stay on."""
        super().reset()
        self.user = User(self.user_id, 'p@ss w0rd&+/"é%', "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXT")
        self.forms: set[str] = set()
        self.visits: dict[str, Visit] = {}
        self.sessions: dict[str, Session] = {}
        self._newest = 57212559 + secrets.randbelow(1_000_000)

    @property
    def credentials(self) -> dict[str, str]:
        """What the account needs."""
        app = {"api_key": self.api_key, "secret_key": self.secret_key, "redirect_uri": self.redirect_uri}
        user = self.user
        return {**app, "user_id": user.user_id, "password": user.password, "totp_secret": user.totp_secret}

    @property
    def endpoints(self) -> dict[str, str]:
        """The bases of the login pages and of the API."""
        host = self.origins["icici"]
        return {"login": f"{host}/apiuser", "api": f"{host}/breezeapi/api/v1"}

    @property
    def tokens(self) -> dict[str, Session]:
        """The sessions by their pairs."""
        return {pair: session for session in self.sessions.values() for pair in session.pairs}

    def routes(self, role: str) -> list[BaseRoute]:
        """Everything that api.icicidirect.com has."""
        del role
        return [*Web(self).routes(), *Api(self).routes()]

    # What the pages need

    def check_password(self, user_id: str, password: str | None) -> None:
        """Raise `No` for a wrong password; each is a strike."""
        self._check_open()
        ours = user_id.strip().upper() == self.user.user_id
        right = hmac.compare_digest((password or "").encode(), self.user.password.encode())
        if not ours or not right or self.behaviour.wrong_password:
            self.user.wrong_passwords += ours
            raise No("Invalid User Id or Password. Please try again.")
        self.user.wrong_passwords = 0

    def check_code(self, value: str) -> None:
        """Raise `No` for a wrong code, and for one that was used before; each is a strike."""
        self._check_open()
        user, behaviour = self.user, self.behaviour
        step = matching_step(user.totp_secret, value, self.now(), behaviour.otp_window)
        fresh = step is not None and (behaviour.code_reuse or step not in user.used_steps)
        if step is not None:
            user.used_steps.add(step)
        refused = behaviour.refused_codes
        if fresh and behaviour.otp == "totp" and refused != "all" and not (refused == "first" and self.once("refused code")):
            user.wrong_codes = 0
            return
        user.wrong_codes += 1
        left = STRIKES - user.wrong_codes - behaviour.strikes
        raise No("Invalid TOTP entered." + (f" {left} attempts left." if behaviour.strikes else ""))

    def _check_open(self) -> None:
        if self.behaviour.locked or self.user.locked:
            raise No(LOCKED)

    def open_session(self) -> Session:
        """A session for the rest of the day in India; its value is a number that rises."""
        self._newest += 1 + secrets.randbelow(9)
        values = {"digits": str(self._newest), "short": str(self._newest % 90_000 + 10_000), "letters": alnum(28)}
        now = self.now()
        expires = now + timedelta(seconds=self.behaviour.code_ttl)
        tomorrow = now.astimezone(IST).date() + timedelta(days=1)
        session = Session(values[self.behaviour.session], [], expires, datetime.combine(tomorrow, time(), IST))
        self.sessions[session.value] = session
        self.codes_issued.append(session.value)
        return session

    # What the API needs

    def pair_of(self, session: Session) -> str:
        """The session_token: base64 of user:key; the same each time, unless a scenario says otherwise."""
        if not session.pairs or self.behaviour.new_pair_each_time:
            key = f"{secrets.randbelow(90_000_000) + 10_000_000}"
            user = "AB123456-2" if self.behaviour.login_alias else self.shown_user
            pair = base64.b64encode(f"{user}:{key}".encode()).decode()
            session.pairs.append(f"{alnum(12)}-{key}" if self.behaviour.odd_pair else pair)
        return session.pairs[-1]

    @property
    def shown_user(self) -> str:
        """Whom the API says that a session belongs to."""
        return OTHER_USER if self.behaviour.wrong_account else self.user.user_id
