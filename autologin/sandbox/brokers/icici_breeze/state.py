"""What ICICI Direct knows of its user and sessions, and the rules that pages and API keep to."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from autologin.clock import IST
from autologin.sandbox.brokers.icici_breeze.scenarios import OTHER_USER, BreezeBehaviour
from autologin.sandbox.twin import Twin, alnum
from autologin.sandbox.user import TestUser

LOCKED = (
    "Your account has been locked due to multiple invalid attempts. Please reset your password."
)


class No(Exception):
    """A refusal, in words for the page."""


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


class IciciBreezeState(Twin):
    """One app, one user. ICICI publishes no number of strikes."""

    plain = BreezeBehaviour()
    behaviour: BreezeBehaviour
    api_key = "8q4+X3=1!d^0#m2&7sandbox/key"
    secret_key = "9z!2+k=4#sandbox&secret^5"  # noqa: S105  (a sandbox's)
    user_id = "AB123456"

    def reset(self) -> None:
        """Forget visits, sessions, wrong entries, consents and counts. The scenarios stay on."""
        super().reset()
        self.user = TestUser("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXT", self.user_id, 'p@ss w0rd&+/"é%')
        self.forms: set[str] = set()
        self.visits: dict[str, Visit] = {}
        self.sessions: dict[str, Session] = {}
        self._newest = 57212559 + secrets.randbelow(1_000_000)

    @property
    def credentials(self) -> dict[str, str]:
        """What the account needs."""
        app = {
            "api_key": self.api_key,
            "secret_key": self.secret_key,
            "redirect_uri": self.redirect_uri,
        }
        user = self.user
        return {
            **app,
            "user_id": user.user_id,
            "password": user.password,
            "totp_secret": user.totp_secret,
        }

    @property
    def endpoints(self) -> dict[str, str]:
        """The bases of the login pages and of the API."""
        host = self.origins["icici"]
        return {"login": f"{host}/apiuser", "api": f"{host}/breezeapi/api/v1"}

    @property
    def tokens(self) -> dict[str, Session]:
        """The sessions by their pairs."""
        return {pair: session for session in self.sessions.values() for pair in session.pairs}

    # What the pages need

    def check_password(self, user_id: str, password: str | None) -> None:
        """Raise `No` for a wrong password; each is a strike."""
        self._check_open()
        ours = user_id.strip().upper() == self.user.user_id
        refuse = self.behaviour.wrong_password
        if not ours or not self.user.check_password(password or "", refuse=refuse):
            raise No("Invalid User Id or Password. Please try again.")
        self.user.forgive("password")

    def check_code(self, value: str) -> None:
        """Raise `No` for a wrong code, and for one that was used before; each is a strike."""
        self._check_open()
        if not self.check_otp(self.user, value, enabled=self.behaviour.otp == "totp"):
            left = self.user.attempts_left("otp", self.behaviour.strikes)
            words = f" {left} attempts left." if self.behaviour.strikes else ""
            raise No(f"Invalid TOTP entered.{words}")

    def _check_open(self) -> None:
        if self.behaviour.locked or self.user.blocked:
            raise No(LOCKED)

    def open_session(self) -> Session:
        """A session for the rest of the day in India; its value is a number that rises."""
        self._newest += 1 + secrets.randbelow(9)
        values = {
            "digits": str(self._newest),
            "short": str(self._newest % 90_000 + 10_000),
            "letters": alnum(28),
        }
        now = self.now()
        expires = now + timedelta(seconds=self.behaviour.code_ttl)
        tomorrow = now.astimezone(IST).date() + timedelta(days=1)
        session = Session(
            values[self.behaviour.session], [], expires, datetime.combine(tomorrow, time(), IST)
        )
        self.sessions[session.value] = session
        self.codes_issued.append(session.value)
        return session

    # What the API needs

    def pair_of(self, session: Session) -> str:
        """The session_token: base64 of user:key; the same each time, but for a scenario."""
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
