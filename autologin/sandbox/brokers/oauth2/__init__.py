"""The twin of an OAuth 2.0 server: authorization code with a login page, PKCE, refresh, profile.

The pages are in `oauth2_web.py`, the token API in `oauth2_api.py`, the scenarios in `oauth2_scenarios.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from autologin.sandbox.brokers.oauth2.api import Api
from autologin.sandbox.brokers.oauth2.pages import Web
from autologin.sandbox.brokers.oauth2.scenarios import OTHER_USER, SCENARIOS, OAuthBehaviour
from autologin.sandbox.twin import Twin, alnum, matching_step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.routing import BaseRoute

STRIKES = 5
"""Wrong passwords, or wrong codes, until the account is locked."""


@dataclass
class User:
    """Somebody with an account, and what the server holds against them."""

    user_id: str
    password: str
    totp_secret: str
    wrong_passwords: int = 0
    wrong_codes: int = 0
    used_steps: set[int] = field(default_factory=set)
    authorised: bool = False


@dataclass
class Visit:
    """A visit to the authorize address, with what it asked for and how far it has come."""

    tx: str
    params: Mapping[str, str]
    named: str = ""
    """The user that the first of two screens was given."""
    password_right: bool = False
    signed_in: bool = False
    noticed: bool = False


@dataclass
class Grant:
    """A code."""

    params: Mapping[str, str]
    ends: datetime
    used: bool = False


class No(Exception):
    """A wrong entry; `words` are for the page."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__(words)


class OAuth2(Twin):
    """One client, one user."""

    broker = "oauth2"
    title = "OAuth 2.0"
    roles = ("server",)
    table = SCENARIOS
    plain = OAuthBehaviour()
    behaviour: OAuthBehaviour
    client_id = "sandbox-client"
    client_secret = "sandbox client secret/0123456789+="  # noqa: S105  (a sandbox's)
    user_id = "AB123456"
    seed: ClassVar[str] = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXR"
    lifetime: ClassVar[int] = 3600
    """Seconds that a token lives."""
    base_options: ClassVar[dict[str, Any]] = {"scope": "profile orders", "pkce": True, "user_id_path": "user_id"}

    def reset(self) -> None:
        """Forget visits, tokens, wrong entries, consents and counts. The scenarios stay on."""
        super().reset()
        self.user = User(self.user_id, 'p@ss w0rd&+/"é%', self.seed)
        self.visits: dict[str, Visit] = {}
        self.grants: dict[str, Grant] = {}
        self.tokens: dict[str, datetime] = {}
        self.refresh_tokens: dict[str, Mapping[str, str]] = {}

    @property
    def credentials(self) -> dict[str, str]:
        """What the account needs."""
        found = {"client_id": self.client_id, "client_secret": self.client_secret, "redirect_uri": self.redirect_uri}
        found |= {"user_id": self.user.user_id, "password": self.user.password, "totp_secret": self.user.totp_secret}
        left_out = {"client_secret": self.behaviour.public_client, "totp_secret": not self.behaviour.known_seed}
        return {key: value for key, value in found.items() if not left_out.get(key)}

    @property
    def endpoints(self) -> dict[str, str]:
        """The addresses of the server."""
        base = f"{self.origins['server']}/oauth"
        found = {"authorize": f"{base}/authorize", "token": f"{base}/token"}
        return found if self.behaviour.profile == "absent" else {**found, "profile": f"{base}/profile"}

    @property
    def options(self) -> dict[str, Any]:
        """What the flow must be told of this server."""
        return {**self.base_options, **self.behaviour.options}

    def routes(self, role: str) -> list[BaseRoute]:
        """The pages and the API."""
        del role
        return [*Web(self).routes(), *Api(self).routes()]

    # What the pages need

    def open_visit(self, params: Mapping[str, str]) -> Visit:
        """Note what somebody wants."""
        visit = Visit(alnum(), params, signed_in=self.behaviour.live_session)
        self.visits[visit.tx] = visit
        return visit

    def check_password(self, user_id: str, password: str) -> None:
        """Raise No for a wrong one."""
        user = self.user
        if self.behaviour.locked or user.wrong_passwords >= STRIKES or user.wrong_codes >= STRIKES:
            raise No(self.word("locked", "Your account has been locked. Please contact support."))
        if user_id.strip() != user.user_id or password != user.password or self.behaviour.wrong_password:
            user.wrong_passwords += 1
            raise No(self.word("password", "Invalid username or password."))

    def check_code(self, value: str) -> None:
        """Raise No for a wrong one, and for one that was used before."""
        user, behaviour = self.user, self.behaviour
        step = matching_step(user.totp_secret, value, self.now(), behaviour.otp_window)
        fresh = step is not None and (behaviour.code_reuse or step not in user.used_steps)
        if step is not None:
            user.used_steps.add(step)
        refused = behaviour.refused_codes
        if fresh and refused != "all" and not (refused == "first" and self.once("refused code")):
            user.wrong_passwords = user.wrong_codes = 0
            return
        user.wrong_codes += 1
        left = STRIKES - user.wrong_codes - behaviour.strikes
        raise No(self.word("code", "Invalid one-time code." + (f" {left} attempts left." if behaviour.strikes else "")))

    def word(self, kind: str, usual: str) -> str:
        """The page's words for something, by the scenarios."""
        return self.behaviour.words.get(kind, usual)

    def redirect_params(self, visit: Visit, error: str = "") -> list[tuple[str, str]]:
        """What the redirect carries."""
        error = error or self.behaviour.denied
        if error:
            params = [("error", error), ("error_description", error.replace("_", " "))]
        else:
            code = alnum(40)
            self.grants[code] = Grant(visit.params, self.now() + timedelta(seconds=self.behaviour.code_ttl))
            self.codes_issued.append(code)
            params = [("code", code)]
        state = visit.params.get("state")
        if state and self.behaviour.state != "lost":
            params.append(("state", f"not-{state}" if self.behaviour.state == "wrong" else state))
        return params

    # What the API needs

    def shown_user(self) -> str:
        """Whom the profile names."""
        return OTHER_USER if self.behaviour.wrong_account else self.user.user_id
