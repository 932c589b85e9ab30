"""What the store gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from autologin.clock import format_ist
from autologin.message import Message
from autologin.token import Token

if TYPE_CHECKING:
    from pydantic import SecretStr


@dataclass(frozen=True)
class StoredToken:
    """The last good token of an account, and when the broker last confirmed it."""

    broker: str
    token: Token
    verified_at: datetime | None


@dataclass(frozen=True)
class ManualLogin:
    """A login by hand that was begun.

    The state that must come back, and the PKCE verifier, where there are such.
    """

    nonce: str | None
    verifier: SecretStr | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Block:
    """Why no login is tried on an account, and since when.

    `what` names the credentials that were refused, as the config does.
    """

    at: datetime
    what: str
    error: str
    message: str


@dataclass(frozen=True)
class AttemptCount:
    """What became of one secret since the broker accepted it last."""

    rejected: int = 0
    unclear: int = 0
    """Sent, and nobody understood the answer."""
    unanswered: int = 0
    """Sent, and no answer came, or the process died before it."""
    trusted: bool = False
    """Whether the broker accepted it in the last days."""


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
    skew: float | None = None
    """The broker's clock minus ours in seconds, where an OTP was made by it."""


@dataclass(frozen=True)
class Counter:
    """How often something happened since the store was made.

    `kind` is a run's error, or a delivery's sink.
    """

    account: str
    kind: str
    outcome: str
    number: int


@dataclass(frozen=True)
class Lease:
    """The right to log in to an account now; `number` is higher than that of every earlier one."""

    account: str
    owner: str
    number: int


Found = Literal["present", "gone", "taken", "replaced", "unknown", "unasked"]
"""What a sink answered when it was asked for its token. `taken`: gone, as `redeliver: false`
expects; `unasked`: it had it before the service was started."""
Again = Literal["gone", "moved", "forced"]
"""Why a token that was delivered is delivered once more.

`moved`: the config names another place.
"""


@dataclass(frozen=True)
class Presence:
    """Whether a sink still holds the token that it was given, in words where it does not."""

    found: Found
    words: str = ""
    moved: bool = False
    """Whether it is missing because the config names another place or form since."""


@dataclass(frozen=True)
class Claim:
    """A message that one owner has taken out of the outbox for one sink; `tries` failed before.

    `again`: it was delivered before, and left `receipt`. `untouched`: nobody has begun to deliver
    it (once more) before.
    """

    id: int
    sink: str
    owner: str
    message: Message
    tries: int
    again: Again | None = None
    receipt: str | None = None
    untouched: bool = False


@dataclass(frozen=True)
class Delivered:
    """A delivery that has arrived, and the receipt of what it left at the sink."""

    id: int
    message: str
    receipt: str | None
    found: Found | None


@dataclass(frozen=True)
class DeliveryState:
    """The newest message at a sink. `outcome` None: it is outstanding, and tried next at `due`.

    `again`: it is a token that was there before. `found` is what the sink answered at `looked`,
    None where it cannot be asked.
    """

    sink: str
    type: str
    about: str
    outcome: str | None
    tries: int
    error: str | None
    due: datetime | None
    settled: datetime | None
    again: Again | None = None
    found: Found | None = None
    looked: datetime | None = None
    words: str = ""

    @property
    def is_lost(self) -> bool:
        """Whether the sink no longer holds the token that it was given."""
        if self.outcome is None:
            return self.again is not None
        return self.outcome == "delivered" and self.found in {"gone", "replaced"}


@dataclass(frozen=True)
class UntakenNotices:
    """What a way to people was offered and has not taken, since when, and why."""

    way: str
    number: int
    since: datetime
    error: str

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "way": self.way,
            "number": self.number,
            "since": self.since.isoformat(),
            "error": self.error,
        }

    def describe(self) -> str:
        """A line for a person."""
        notices = "1 notice" if self.number == 1 else f"{self.number} notices"
        return f"{self.way} has not taken {notices} since {format_ist(self.since)}: {self.error}"


@dataclass(frozen=True)
class DisabledSink:
    """Why nothing is sent to a sink; `fingerprint` is of the config that it had then."""

    fingerprint: str
    message: str
