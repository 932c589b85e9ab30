"""What the twins of brokers without a login page share: one user, tokens that end, and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, ClassVar

from starlette.requests import Request

from autologin.sandbox.scenarios import (
    CLOCK,
    HANG_UP,
    Behaviour,
    Failure,
    Scenario,
    failing,
    scenario,
)
from autologin.sandbox.twin import Refusal, Twin
from autologin.sandbox.user import TestUser


@dataclass(frozen=True)
class ApiBehaviour(Behaviour):
    """What each of these twins can do; a broker's adds its own fields."""

    refused: str = ""
    """What a login is refused for; each twin says what there is."""
    login: str = ""
    """empty: a good login without a token."""
    profile: str = ""
    """What the call that proves a token says; empty: whose it is."""
    attempts_shown: bool = False
    """Whether a refusal says how many attempts are left."""
    locked: bool = False
    one_token: bool = False
    """Whether a new token ends the old one."""
    dead_token: bool = False
    """Whether a new token is refused at once."""


class ApiTwin(Twin):
    """A broker's API for one user with an authenticator. `tokens` maps each token to its end."""

    account: ClassVar[Mapping[str, str]] = {}
    """The one user's credentials."""
    behaviour: ApiBehaviour
    login_call: ClassVar[str] = "login"
    """The name of the call that sends the one-time password."""
    profile_call: ClassVar[str] = "profile"
    """The name of the call that proves a token."""
    ends_at: ClassVar[time | None] = None
    """When a token dies, by a clock in India; None: a day after it was issued."""

    def reset(self) -> None:
        """Forget tokens, wrong codes and counts. The scenarios stay on."""
        super().reset()
        self.user = TestUser(self.account["totp_secret"])
        self.tokens: dict[str, datetime] = {}

    @property
    def credentials(self) -> dict[str, str]:
        """What an account's `credentials` must hold."""
        return dict(self.account)

    @property
    def locked(self) -> bool:
        """Whether the account takes no code any more."""
        return self.behaviour.locked or self.user.blocked

    def require(self, name: str, ok: bool, error: Refusal) -> None:  # noqa: FBT001
        """Refuse what is not right, and what a scenario refuses by this name."""
        if self.behaviour.refused == name or not ok:
            raise error

    def token_end(self) -> datetime:
        """When a token that is issued now will die."""
        return (
            self.now() + timedelta(days=1)
            if self.ends_at is None
            else self.next_daily(self.ends_at)
        )

    def open_token(self, token: str, ends: datetime) -> str:
        """A new session's token."""
        if self.behaviour.one_token:
            self.tokens.clear()
        self.tokens[token] = ends
        return token

    def lives(self, token: str) -> bool:
        """Whether a token counts now."""
        ends = self.tokens.get(token)
        return ends is not None and ends > self.now() and not self.behaviour.dead_token


CODES = {
    "wrong_code": scenario("Every code is refused", expect="otp_rejected", refused_codes="all"),
    "wrong_code_once": scenario(
        "The first code is refused, the next right one is not", refused_codes="first"
    ),
    "locked": scenario("The account is locked", expect="account_locked", locked=True),
    "one_token": scenario("A new token ends the old one", one_token=True),
    "dead_token": scenario(
        "The new token is refused at once", expect="token_rejected", dead_token=True
    ),
}
"""The scenarios of an API login that every broker's twin has."""


def calls(login: Mapping[str, str], profile: Mapping[str, str]) -> dict[str, Scenario]:
    """What can become of each call of a login, and of the one that proves a token.

    And the clocks.
    """
    first, what = next(iter(login.items()))
    (proof,) = profile
    rows = failing({**login, **profile}, proof=proof)
    rows[f"{first}_hangs_once"] = scenario(
        f"The first {what} is cut off", failures={first: Failure(HANG_UP)}
    )
    rows[f"maintenance_at_{first}"] = scenario(
        f"The first {what} answers 200 with a page: maintenance",
        failures={first: Failure(200, page=True)},
    )
    rows["firewall"] = scenario(
        f"A firewall answers each {what}: 403 with a page",
        expect="broker_unavailable",
        logins=1,
        failures={first: Failure(403, always=True, page=True)},
    )
    rows["429_for_long"] = scenario(
        f"Each {what} answers 429 with Retry-After: 3600",
        expect="broker_unavailable",
        logins=1,
        failures={first: Failure(429, always=True, retry_after=3600)},
    )
    return {**rows, **CLOCK}


async def json_object(request: Request) -> dict[str, Any]:
    """The JSON object that was sent; an empty one where there is none."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
