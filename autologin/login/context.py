"""What the tries of one account's login share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autologin.clock import Clock
from autologin.login.attempts import AttemptLog
from autologin.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable

    from autologin.config.schema import Account
    from autologin.errors import AutologinError
    from autologin.flow.otp import OtpGenerator


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
    headed: bool = False
    otp_rejections: int = 0
    secrets_sent: bool = False
    """Whether any try got as far as sending a secret."""
    on_sending: Callable[[], None] = lambda: None
    """Called before a call to which the broker may answer with a token."""
    last_error: AutologinError | None = None
    """What the last try ended in: that is told where there is no time for another."""

    @property
    def seconds_left(self) -> float:
        """Seconds until the run's time is over."""
        return self.deadline - self.clock.monotonic()
