"""What Kite knows of users, logins and tokens, and the rules that pages and API keep to."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import count

from starlette.responses import JSONResponse

from autologin.sandbox.brokers.zerodha.scenarios import OTHER_USER, KiteBehaviour
from autologin.sandbox.redirects import pairs
from autologin.sandbox.twin import Refusal, Twin, alnum
from autologin.sandbox.user import Grants, TestUser

LOGIN_TTL = timedelta(minutes=10)


@dataclass
class Connect:
    """A visit to /connect/login, and the caller's own parameters that must come back.

    `turn` orders it with sessions.
    """

    sess_id: str
    redirect_params: str
    turn: int
    user_id: str | None = None


@dataclass(frozen=True)
class Login:
    """A right password that waits for its second factor."""

    request_id: str
    kf_session: str
    user: TestUser
    ends: datetime


@dataclass(frozen=True)
class Session:
    """Somebody signed in at Kite web."""

    enctoken: str
    public_token: str
    user: TestUser
    turn: int
    ends: datetime


@dataclass(frozen=True)
class Access:
    """An access_token."""

    access_token: str
    user: TestUser
    session: Mapping[str, str]
    ends: datetime


class ZerodhaState(Twin):
    """Kite for one app; one user to begin with, and as many as `add_user` makes."""

    plain = KiteBehaviour()
    behaviour: KiteBehaviour
    api_key = "sandboxkey"
    api_secret = "sandboxsecret0123456789abcdefghi"  # noqa: S105  (a sandbox's)
    user_id = "AB1234"

    def reset(self) -> None:
        """Forget sessions, tokens, entries, consents, added users and counts.

        The scenarios stay on.
        """
        super().reset()
        self._turns = count()
        seed = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
        self.users = {self.user_id: TestUser(seed, self.user_id, 'p@ss w0rd&+/"é%')}
        self.connects: dict[str, Connect] = {}
        self.logins: dict[str, Login] = {}
        self.sessions: dict[str, Session] = {}
        self.grants: Grants[TestUser] = Grants()
        self.tokens: dict[str, Access] = {}

    def add_user(self, user_id: str) -> dict[str, str]:
        """One more user of the same app, with a password and a seed; gives their credentials."""
        seed = base64.b32encode(secrets.token_bytes(20)).decode()
        self.users[user_id] = TestUser(seed, user_id, f"{user_id}'s p@ss")
        return self.credentials_of(user_id)

    @property
    def credentials(self) -> dict[str, str]:
        """What the first user's account needs."""
        return self.credentials_of(self.user_id)

    def credentials_of(self, user_id: str) -> dict[str, str]:
        """What this user's account needs."""
        user = self.users[user_id]
        own = {"user_id": user_id, "password": user.password, "totp_secret": user.totp_secret}
        return {
            "api_key": self.api_key,
            "api_secret": self.api_secret,
            **own,
            "redirect_uri": self.redirect_uri,
        }

    # What the pages need

    def open_connect(self, redirect_params: str, session: Session | None) -> Connect:
        """Note a visit to the login page; with a session alive it is that user's at once."""
        connect = Connect(
            alnum(), redirect_params, next(self._turns), session.user.user_id if session else None
        )
        self.connects[connect.sess_id] = connect
        return connect

    def check_password(self, user_id: str, password: str) -> Login:
        """A login that waits for its second factor."""
        user = self.users.get(user_id)
        if user and (user.blocked or self.behaviour.locked):
            raise blocked()
        if not user or not user.check_password(password, refuse=self.behaviour.wrong_password):
            warning = " 4 attempts left before the account gets blocked."
            words = "Invalid username or password." + (warning if self.behaviour.warns else "")
            raise refusal(403, "UserException", words)
        login = Login(alnum(), alnum(), user, self.now() + LOGIN_TTL)
        self.logins[login.request_id] = login
        return login

    def check_code(self, login: Login, value: str, kind: str) -> Session:
        """A session for the right code; a wrong one, or a used one, is a strike."""
        user = login.user
        if user.blocked:
            raise blocked({"attempts_remaining": 0})
        app_only = self.behaviour.app_code_mode
        if self.check_otp(user, value, enabled=kind == "totp" and not app_only):
            return self.open_session(user)
        if user.blocked:
            raise blocked({"attempts_remaining": 0})
        words = "Invalid TOTP" if kind == "totp" else "Invalid App Code"
        remaining = user.attempts_left("otp", self.behaviour.strikes)
        if app_only:
            words = f"Invalid App Code. {remaining} attempt(s) remain."
            raise refusal(400, "TwoFAException", words)
        raise refusal(403, "TwoFAException", words, {"attempts_remaining": remaining})

    def open_session(self, user: TestUser) -> Session:
        """Sign somebody in."""
        user.forgive()
        session = Session(alnum(86), alnum(), user, next(self._turns), self.next_daily(time(6)))
        self.sessions[session.enctoken] = session
        return session

    def live_session(self, cookies: Mapping[str, str]) -> Session | None:
        """Whose browser this is, where somebody is signed in."""
        session = self.sessions.get(cookies.get("enctoken", ""))
        return session if session and session.ends > self.now() else None

    def redirect_params(
        self, connect: Connect, user: TestUser, *, denied: bool
    ) -> list[tuple[str, str]]:
        """The code, unless the user said no, and the caller's own parameters."""
        denied = denied or self.behaviour.denied
        params = [
            ("action", "login"),
            ("type", "login"),
            ("status", "cancelled" if denied else "success"),
        ]
        if not denied:
            params.append(("request_token", self._grant(user)))
        return self.with_state(params, *pairs(connect.redirect_params))

    def _grant(self, user: TestUser) -> str:
        ends = self.now() + timedelta(seconds=self.behaviour.code_ttl)
        code = self.grants.open(alnum() + self.behaviour.code_end, user, ends)
        self.codes_issued.append(code)
        return code

    # What the API needs

    def open_access(self, user: TestUser) -> Access:
        """A token for the day; it replaces the one that the user had for this app."""
        if not self.behaviour.old_token_survives:
            self.tokens = {key: old for key, old in self.tokens.items() if old.user is not user}
        ends = self.next_daily(time(6))
        if self.behaviour.flushed:
            ends = min(ends, self.next_daily(time(7, 30)))
        access = Access(alnum(), user, {"public_token": alnum(), "enctoken": alnum(86)}, ends)
        self.tokens[access.access_token] = access
        return access

    def shown_user(self, user: TestUser) -> str:
        """Whom the API says that a token belongs to."""
        return OTHER_USER if self.behaviour.wrong_account else user.user_id


def reply(data: object) -> JSONResponse:
    """An answer."""
    return JSONResponse({"status": "success", "data": data})


def error(status: int, kind: str, message: str, data: object = None) -> JSONResponse:
    """An answer that says no."""
    return JSONResponse(
        {"status": "error", "message": message, "data": data, "error_type": kind}, status
    )


def refusal(status: int, kind: str, message: str, data: object = None) -> Refusal:
    """The same, to be raised."""
    return Refusal(error(status, kind, message, data))


def blocked(data: object = None) -> Refusal:
    """What a blocked account hears."""
    words = "Your account has been blocked. Reset your password to unblock it."
    return refusal(403, "UserException", words, data)
