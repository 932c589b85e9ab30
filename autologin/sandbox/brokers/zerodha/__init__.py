"""Zerodha's twin: Kite's login pages and Kite Connect v3, with the rules that both keep to.

The pages and XHRs are in `zerodha_web.py`, the token API in `zerodha_api.py`, the scenarios in `zerodha_scenarios.py`.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from itertools import count
from typing import TYPE_CHECKING

from autologin.sandbox.brokers.zerodha.api import Api
from autologin.sandbox.brokers.zerodha.pages import Web
from autologin.sandbox.brokers.zerodha.scenarios import OTHER_USER, SCENARIOS, KiteBehaviour
from autologin.sandbox.brokers.zerodha.wire import blocked, refusal
from autologin.sandbox.redirects import pairs
from autologin.sandbox.twin import IST, Twin, alnum, matching_step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.routing import BaseRoute

STRIKES = 5
"""Wrong passwords, or wrong codes, until Kite blocks the account."""
LOGIN_TTL = timedelta(minutes=10)


@dataclass
class User:
    """Somebody with an account, and what Kite holds against them."""

    user_id: str
    password: str
    totp_secret: str
    wrong_passwords: int = 0
    wrong_codes: int = 0
    blocked: bool = False
    authorised: bool = False
    used_steps: set[int] = field(default_factory=set)


@dataclass
class Connect:
    """A visit to /connect/login, and the caller's own parameters that must come back. `turn` orders it with sessions."""

    sess_id: str
    redirect_params: str
    turn: int
    user_id: str | None = None


@dataclass(frozen=True)
class Login:
    """A right password that waits for its second factor."""

    request_id: str
    kf_session: str
    user: User
    ends: datetime


@dataclass(frozen=True)
class Session:
    """Somebody signed in at Kite web."""

    enctoken: str
    public_token: str
    user: User
    turn: int
    ends: datetime


@dataclass
class Grant:
    """A request_token."""

    user: User
    ends: datetime
    used: bool = False


@dataclass(frozen=True)
class Access:
    """An access_token."""

    access_token: str
    user: User
    session: Mapping[str, str]
    ends: datetime


class Zerodha(Twin):
    """Kite for one app; one user to begin with, and as many as `add_user` makes."""

    broker = "zerodha"
    title = "Zerodha (Kite Connect v3)"
    roles = ("login", "api")
    table = SCENARIOS
    plain = KiteBehaviour()
    behaviour: KiteBehaviour
    api_key = "sandboxkey"
    api_secret = "sandboxsecret0123456789abcdefghi"  # noqa: S105  (a sandbox's)
    user_id = "AB1234"

    def reset(self) -> None:
        """Forget sessions, tokens, wrong entries, consents, added users and counts. The scenarios stay on."""
        super().reset()
        self._turns = count()
        self.users = {self.user_id: User(self.user_id, 'p@ss w0rd&+/"é%', "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")}
        self.connects: dict[str, Connect] = {}
        self.logins: dict[str, Login] = {}
        self.sessions: dict[str, Session] = {}
        self.grants: dict[str, Grant] = {}
        self.tokens: dict[str, Access] = {}

    def add_user(self, user_id: str) -> dict[str, str]:
        """One more user of the same app, with a password and a seed of their own; gives their credentials."""
        seed = base64.b32encode(secrets.token_bytes(20)).decode()
        self.users[user_id] = User(user_id, f"{user_id}'s p@ss", seed)
        return self.credentials_of(user_id)

    @property
    def credentials(self) -> dict[str, str]:
        """What the first user's account needs."""
        return self.credentials_of(self.user_id)

    def credentials_of(self, user_id: str) -> dict[str, str]:
        """What this user's account needs."""
        user = self.users[user_id]
        own = {"user_id": user_id, "password": user.password, "totp_secret": user.totp_secret}
        return {"api_key": self.api_key, "api_secret": self.api_secret, **own, "redirect_uri": self.redirect_uri}

    def routes(self, role: str) -> list[BaseRoute]:
        """Kite web, or api.kite.trade."""
        return Web(self).routes() if role == "login" else Api(self).routes()

    # What the pages need

    def open_connect(self, redirect_params: str, session: Session | None) -> Connect:
        """Note a visit to the login page; with a session alive it is that user's at once."""
        connect = Connect(alnum(), redirect_params, next(self._turns), session.user.user_id if session else None)
        self.connects[connect.sess_id] = connect
        return connect

    def check_password(self, user_id: str, password: str) -> Login:
        """A login that waits for its second factor."""
        user = self.users.get(user_id)
        if user and (user.blocked or self.behaviour.locked):
            raise blocked()
        right = user and secrets.compare_digest(user.password.encode(), password.encode())
        if not user or not right or self.behaviour.wrong_password:
            if user:
                user.wrong_passwords += 1
                user.blocked = user.wrong_passwords >= STRIKES
            raise refusal(403, "UserException", "Invalid username or password.")
        login = Login(alnum(), alnum(), user, self.now() + LOGIN_TTL)
        self.logins[login.request_id] = login
        return login

    def check_code(self, login: Login, value: str, kind: str) -> Session:
        """A session for the right code; a wrong one is a strike, and so is one that was used before."""
        user = login.user
        if user.blocked:
            raise blocked({"attempts_remaining": 0})
        step = matching_step(user.totp_secret, value, self.now(), self.behaviour.otp_window)
        fresh = step is not None and (self.behaviour.code_reuse or step not in user.used_steps)
        if step is not None:
            user.used_steps.add(step)
        if kind == "totp" and fresh and not self._refuses_code():
            return self.open_session(user)
        user.wrong_codes += 1
        remaining = max(STRIKES - user.wrong_codes - self.behaviour.strikes, 0)
        user.blocked = remaining == 0
        said = "Invalid TOTP" if kind == "totp" else "Invalid App Code"
        raise (
            blocked({"attempts_remaining": 0})
            if user.blocked
            else refusal(403, "TwoFAException", said, {"attempts_remaining": remaining})
        )

    def _refuses_code(self) -> bool:
        refused = self.behaviour.refused_codes
        return refused == "all" or (refused == "first" and self.once("refused code"))

    def open_session(self, user: User) -> Session:
        """Sign somebody in."""
        user.wrong_passwords = user.wrong_codes = 0
        session = Session(alnum(86), alnum(), user, next(self._turns), self.next_daily(time(6)))
        self.sessions[session.enctoken] = session
        return session

    def live_session(self, cookies: Mapping[str, str]) -> Session | None:
        """Whose browser this is, where somebody is signed in."""
        session = self.sessions.get(cookies.get("enctoken", ""))
        return session if session and session.ends > self.now() else None

    def redirect_params(self, connect: Connect, user: User, *, denied: bool) -> list[tuple[str, str]]:
        """What the redirect carries: the code, unless the user said no, and the caller's own parameters."""
        denied = denied or self.behaviour.denied
        params = [("action", "login"), ("type", "login"), ("status", "cancelled" if denied else "success")]
        if not denied:
            params.append(("request_token", self._grant(user)))
        if self.behaviour.state == "lost":
            return params
        wrong = self.behaviour.state == "wrong"
        return params + [(name, f"not-{value}" if wrong else value) for name, value in pairs(connect.redirect_params)]

    def _grant(self, user: User) -> str:
        code = alnum()
        self.grants[code] = Grant(user, self.now() + timedelta(seconds=self.behaviour.code_ttl))
        self.codes_issued.append(code)
        return code

    # What the API needs

    def open_access(self, user: User) -> Access:
        """A token for the day; it replaces the one that the user had for this app."""
        if not self.behaviour.old_token_survives:
            self.tokens = {key: old for key, old in self.tokens.items() if old.user is not user}
        ends = self.next_daily(time(6))
        if self.behaviour.flushed:
            ends = min(ends, self.next_daily(time(7, 30)))
        access = Access(alnum(), user, {"public_token": alnum(), "enctoken": alnum(86)}, ends)
        self.tokens[access.access_token] = access
        return access

    def shown_user(self, user: User) -> str:
        """Whom the API says that a token belongs to."""
        return OTHER_USER if self.behaviour.wrong_account else user.user_id

    def next_daily(self, at: time) -> datetime:
        """The next moment, strictly later, at which a clock in India shows `at`."""
        now = self.now().astimezone(IST)
        today = datetime.combine(now.date(), at, IST)
        return today if today > now else today + timedelta(days=1)
