"""What the store gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from autologin.token import Token


@dataclass(frozen=True)
class StoredToken:
    """The last good token of an account, and when the broker last confirmed it."""

    broker: str
    token: Token
    verified_at: datetime | None


@dataclass(frozen=True)
class Block:
    """Why no login is tried on an account, and since when."""

    at: datetime
    error: str
    message: str


@dataclass(frozen=True)
class AttemptCount:
    """What was sent with these credentials since the last login that worked."""

    rejected_passwords: int = 0
    rejected_otps: int = 0
    unsettled: int = 0
    """Sent, and the broker's answer was never understood, or never seen because the process died."""


@dataclass(frozen=True)
class Run:
    """One run as history keeps it; `outcome` None: it is under way, or it was killed."""

    account: str
    broker: str
    began: datetime
    outcome: str | None
    error: str | None
    message: str | None
    seconds: float | None
    stages: Mapping[str, float]


@dataclass(frozen=True)
class Lease:
    """The right to log in to an account now."""

    account: str
    owner: str
