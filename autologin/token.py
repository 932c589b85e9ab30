"""The day's session at a broker, the one shape in which it is written down, and when it ends."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from autologin import redaction
from autologin.clock import IST

if TYPE_CHECKING:
    from pydantic import SecretStr


AN_EPOCH = 1e9
"""From here on a number of seconds is a moment: thirty years would be a long session."""


@dataclass(frozen=True)
class Token:
    """What the exchange gave.

    `issued_at` and `expires_at` are aware; `expires_at` is the broker's own rule, never a guess at
    a duration. `extra` holds what else the broker's SDK needs to start, under the SDK's own names;
    its values are secret too.
    """

    access_token: SecretStr
    issued_at: datetime
    expires_at: datetime
    user_id: str
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.issued_at.tzinfo is None or self.expires_at.tzinfo is None:
            raise ValueError("a token's times must be aware")
        words = (value for value in self.extra.values() if isinstance(value, str))
        redaction.remember_for_days(
            self.access_token.get_secret_value(),
            *(word for word in words if not word.startswith("http")),
        )

    def expired(self, now: datetime) -> bool:
        """Whether the broker's rule has ended this token."""
        return now >= self.expires_at

    def to_json(self, account: str, broker: str) -> dict[str, Any]:
        """The object that sinks write and the store keeps.

        It holds the secret: seal it or write it 0600.
        """
        return {
            "account": account,
            "broker": broker,
            "user_id": self.user_id,
            "access_token": self.access_token.get_secret_value(),
            "issued_at": self.issued_at.isoformat(),
            "expires_at": self.expires_at.isoformat(),
            "extra": dict(self.extra),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Token:
        """The token that `to_json` wrote."""
        from pydantic import SecretStr  # noqa: PLC0415  (60 ms, which the guess in early.py must not wait for)

        return cls(
            access_token=SecretStr(data["access_token"]),
            issued_at=datetime.fromisoformat(data["issued_at"]),
            expires_at=datetime.fromisoformat(data["expires_at"]),
            user_id=data["user_id"],
            extra=data["extra"],
        )


def next_daily(at: time, after: datetime) -> datetime:
    """The next moment that a wall clock in India shows `at`, strictly after `after` (aware)."""
    local = after.astimezone(IST)
    today = datetime.combine(local.date(), at, IST)
    return today if today > local else today + timedelta(days=1)


def jwt_expiry(token: str) -> datetime | None:
    """The `exp` of a JWT, aware; None where it has none.

    Nothing is checked: the broker does that.
    """
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        ends = claims["exp"]
        return None if isinstance(ends, bool) else datetime.fromtimestamp(ends, IST)
    except (LookupError, ValueError, TypeError, OverflowError, OSError, RecursionError):
        return None


def stated_expiry(value: object, now: datetime) -> datetime | None:
    """The end that a broker's `expires_in` states, aware; None where it states none.

    Some mean seconds from now by it, others a moment in seconds since 1970.
    """
    try:
        seconds = float(str(value))
        if seconds >= AN_EPOCH:
            return datetime.fromtimestamp(seconds, IST)
        return now + timedelta(seconds=seconds) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def earliest_expiry(stated: datetime | None, rule: datetime, now: datetime) -> datetime:
    """The end of a token: what the broker states, where that is to come and before its rule.

    Else the rule's.
    """
    return stated if stated and now < stated < rule else rule


def plausible_expiry(
    stated: datetime | None, rule: datetime, now: datetime, longest: timedelta = timedelta(days=2)
) -> datetime:
    """The end of a token: what the broker states, where that is to come and within `longest`.

    Else the rule's. Nobody would log in again before an end in the year 9999.
    """
    return stated if stated and now < stated < now + longest else rule
