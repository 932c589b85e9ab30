"""What the tries of one account's login share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from autologin.clock import Clock
from autologin.login.attempts import AttemptLog
from autologin.stages import Stages

if TYPE_CHECKING:
    from autologin.config.schema import Account
    from autologin.errors import AutologinError
    from autologin.flow.otp import OtpGenerator


class ExpectToken(Protocol):
    """Notes whether the broker may issue a token for what is sent now."""

    def __call__(self, *, expected: bool) -> None: ...  # noqa: D102


@dataclass
class LoginContext:
    """One account's way in, as often as it is tried.

    `deadline` is in monotonic seconds, `otp_rejections` counts those of earlier runs too; bundles
    go to `failures`.
    """

    account: Account
    otp: OtpGenerator | None
    attempts: AttemptLog
    clock: Clock
    stages: Stages
    deadline: float
    failures: Path
    expect_token: ExpectToken
    """Told before a call that the broker may answer with a token, and where it did not."""
    headed: bool = False
    otp_rejections: int = 0
    secrets_sent: bool = False
    """Whether any try got as far as sending a secret."""
    last_error: AutologinError | None = None
    """What the last try ended in: that is told where there is no time for another."""

    @property
    def seconds_left(self) -> float:
        """Seconds until the run's time is over."""
        return self.deadline - self.clock.monotonic()
