"""What the server knows of its user and tokens, and the rules that pages and API keep to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from autologin.sandbox.brokers.oauth2.scenarios import OTHER_USER, OAuthBehaviour
from autologin.sandbox.twin import Twin, alnum
from autologin.sandbox.user import Grants, TestUser


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


class No(Exception):
    """A wrong entry; `words` are for the page."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__(words)


class OAuth2State(Twin):
    """One client, one user."""

    plain = OAuthBehaviour()
    behaviour: OAuthBehaviour
    client_id = "sandbox-client"
    client_secret = "sandbox client secret/0123456789+="  # noqa: S105  (a sandbox's)
    user_id = "AB123456"
    seed: ClassVar[str] = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXR"
    lifetime: ClassVar[int] = 3600
    """Seconds that a token lives."""
    base_options: ClassVar[dict[str, Any]] = {
        "scope": "profile orders",
        "pkce": True,
        "user_id_path": "user_id",
    }

    def reset(self) -> None:
        """Forget visits, tokens, wrong entries, consents and counts. The scenarios stay on."""
        super().reset()
        self.user = TestUser(self.seed, self.user_id, 'p@ss w0rd&+/"é%')
        self.visits: dict[str, Visit] = {}
        self.grants: Grants[Mapping[str, str]] = Grants()
        self.tokens: dict[str, datetime] = {}
        self.refresh_tokens: dict[str, Mapping[str, str]] = {}

    @property
    def credentials(self) -> dict[str, str]:
        """What the account needs."""
        found = {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "redirect_uri": self.redirect_uri,
        }
        found |= {
            "user_id": self.user.user_id,
            "password": self.user.password,
            "totp_secret": self.user.totp_secret,
        }
        left_out = {
            "client_secret": self.behaviour.public_client,
            "totp_secret": not self.behaviour.known_seed,
        }
        return {key: value for key, value in found.items() if not left_out.get(key)}

    @property
    def endpoints(self) -> dict[str, str]:
        """The addresses of the server."""
        base = f"{self.origins['server']}/oauth"
        found = {"authorize": f"{base}/authorize", "token": f"{base}/token"}
        return (
            found if self.behaviour.profile == "absent" else {**found, "profile": f"{base}/profile"}
        )

    @property
    def options(self) -> dict[str, Any]:
        """What the flow must be told of this server."""
        return {**self.base_options, **self.behaviour.options}

    # What the pages need

    def open_visit(self, params: Mapping[str, str]) -> Visit:
        """Note what somebody wants."""
        visit = Visit(alnum(), params, signed_in=self.behaviour.live_session)
        self.visits[visit.tx] = visit
        return visit

    def check_password(self, user_id: str, password: str) -> None:
        """Raise No for a wrong one."""
        if self.behaviour.locked or self.user.blocked:
            raise No(self.word("locked", "Your account has been locked. Please contact support."))
        refuse = self.behaviour.wrong_password or user_id.strip() != self.user.user_id
        if not self.user.check_password(password, refuse=refuse):
            raise No(self.word("password", "Invalid username or password."))

    def check_code(self, value: str) -> None:
        """Raise No for a wrong one, and for one that was used before."""
        if self.check_otp(self.user, value):
            self.user.forgive()
            return
        left = self.user.attempts_left("otp", self.behaviour.strikes)
        words = f" {left} attempts left." if self.behaviour.strikes else ""
        raise No(self.word("code", f"Invalid one-time code.{words}"))

    def word(self, kind: str, usual: str) -> str:
        """The page's words for something, by the scenarios."""
        return self.behaviour.words.get(kind, usual)

    def redirect_params(self, visit: Visit, error: str = "") -> list[tuple[str, str]]:
        """What the redirect carries."""
        error = error or str(self.behaviour.denied or "")
        if error:
            params = [("error", error), ("error_description", error.replace("_", " "))]
        else:
            ends = self.now() + timedelta(seconds=self.behaviour.code_ttl)
            code = self.grants.open(alnum(40) + self.behaviour.code_end, visit.params, ends)
            self.codes_issued.append(code)
            params = [("code", code)]
        return self.with_state(params, ("state", visit.params.get("state") or None))

    # What the API needs

    def shown_user(self) -> str:
        """Whom the profile names."""
        return OTHER_USER if self.behaviour.wrong_account else self.user.user_id
