"""What is tried again, and when to stop.

Pure functions, because a wrong answer here locks somebody's account.

Brokers lock an account after about five wrong entries. So a rejected password is never sent again,
a rejected OTP is followed by one more at most, and what the store remembers of earlier runs counts
too: a restart loop is one long attempt.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from autologin.errors import (
    AccountLocked,
    AutologinError,
    BrokerUnavailable,
    CredentialsRejected,
    ExchangeRejected,
    LeaseLost,
    OtpRejected,
    Transient,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from autologin.flow.base import RateLimit
    from autologin.store.records import AttemptCount

MAX_OTP_REJECTIONS = 2
"""Refused OTPs after which an account is left alone: the first, and one more in a new window."""
FEW_ATTEMPTS = 3
"""With this many attempts left the broker's own count is trusted more than a second try."""
UNSETTLED = 3
"""Attempts in a row whose answer nobody saw or understood: each may have been a rejection."""
TRIES_BEFORE_SECRETS = 4
TRIES_AFTER_SECRETS = 2
PAUSES = (1.0, 3.0, 8.0)
"""Seconds before the second, third and fourth try."""
REDELIVERY = (2.0, 5.0, 15.0, 30.0, 60.0, 120.0)
"""Seconds between the tries of a delivery; the last one is repeated until the token ends."""
RERUNS = (30.0, 60.0, 120.0, 300.0)
"""Seconds between the runs of a service while the broker is not available; the last one is repeated
until trading ends."""
UNANSWERED_RERUNS = (300.0, 600.0, 900.0)
"""The same where the broker took a secret three times and more and said nothing."""
LONGEST_PAUSE = 3600.0
"""Seconds; a sink that asks for more is asked again by then all the same."""
ON_THE_WAY = 2.0
"""Seconds that a call may take longer to the broker than the next one."""
SPARE = timedelta(hours=1)
"""A token that lives by its own clock and ends sooner than this (or a fifth of its life) is
replaced, not kept."""
LOGIN_SECONDS = 10.0
"""Seconds that must be left for another login: one that is cut off has sent the password for
nothing."""


def may_send_another_otp(rejected: int, attempts_left: int | None) -> bool:
    """Whether one more OTP may be sent after `rejected` refusals, with these attempts left."""
    return rejected < MAX_OTP_REJECTIONS and (attempts_left is None or attempts_left > FEW_ATTEMPTS)


def blocks(error: AutologinError) -> bool:
    """Whether a run that ends in this error blocks the account."""
    return isinstance(error, CredentialsRejected | OtpRejected | AccountLocked)


def exhausted(count: AttemptCount, what: str, *, most: int) -> str | None:
    """Why a secret must not be sent, by what became of it so far; None where it may.

    `what` names it, `most` are the refusals after which it is left alone. One that the broker
    accepted in the last days is not held back by answers that are lost: a morning of 502s must not
    cost the day.
    """
    if count.rejected >= most:
        times = "once" if count.rejected == 1 else f"{count.rejected} times"
        return f"the broker refused {what} {times} and has not accepted it since"
    if count.unclear >= UNSETTLED:
        return f"{count.unclear} logins ended without a yes or no that autologin understands"
    unsettled = count.rejected + count.unclear + count.unanswered
    if not count.trusted and unsettled >= UNSETTLED:
        return (
            f"{unsettled} logins in a row ended without a yes from the broker, which has accepted "
            "none with these credentials in the last days"
        )
    return None


def pause_before_retry(
    error: AutologinError,
    tries: int,
    *,
    secrets_sent: bool,
    seconds_left: float,
    waiting_out: bool = False,
) -> float | None:
    """Seconds to wait before another login, None where there must not be one.

    `tries` counts the logins so far; `waiting_out`: so many got no answer that one a run must do.
    Only failures of the infrastructure are tried again, and only once after a secret was typed.
    The broker's Retry-After is obeyed where it fits into the time that is left.
    """
    most = TRIES_AFTER_SECRETS if secrets_sent else TRIES_BEFORE_SECRETS
    if waiting_out and secrets_sent:
        return None
    if not _may_log_in_again(error) or tries >= most:
        return None
    return _fitting(error, PAUSES[min(tries, len(PAUSES)) - 1], seconds_left - LOGIN_SECONDS)


def ends_too_soon(issued: datetime, ends: datetime, now: datetime) -> bool:
    """Whether a token that still lives is of no use for the day.

    It lives a whole day from its issue, or an hour or two.

    One that dies at the broker's reset is kept to the end: another login would give none that lives
    longer.
    """
    life = ends - issued
    by_its_own_clock = life < timedelta(hours=4) or life > timedelta(hours=23, minutes=55)
    return by_its_own_clock and ends - now < min(SPARE, life / 5)


def pause_before_login(
    limits: Sequence[RateLimit], sent: Sequence[datetime], now: datetime
) -> float:
    """Seconds until the broker's limits allow another login.

    `sent` are the earlier ones, the last one last.

    A little more than the limit: the broker counts from when a call arrives, and the next one may
    travel faster. Moments in the future are those of a clock that was ahead, and do not count.
    """
    past = [moment for moment in sent if moment <= now]
    full = [limit for limit in limits if len(past) >= limit.logins]
    free = [past[-limit.logins] + timedelta(seconds=limit.seconds + ON_THE_WAY) for limit in full]
    return max([0.0, *((moment - now).total_seconds() for moment in free)])


def pause_before_same_auth_code(error: AutologinError, *, seconds_left: float) -> float | None:
    """Seconds to wait before a code is sent once more, None where it must not be.

    The broker has answered it.
    """
    return _fitting(error, PAUSES[0], seconds_left) if isinstance(error, Transient) else None


def pause_before_rerun(failed: int, unanswered: int = 0) -> float:
    """Seconds before a service runs an account again, after so many transient failures in a row.

    `unanswered` counts the logins of this morning, in a row, in which a secret was sent and no
    answer came: each may have been a wrong entry.
    """
    pause = RERUNS[min(max(failed, 1), len(RERUNS)) - 1]
    if unanswered < UNSETTLED:
        return pause
    return UNANSWERED_RERUNS[min(unanswered - UNSETTLED, len(UNANSWERED_RERUNS) - 1)]


def pause_before_redelivery(failed: int, asked: float | None, chance: float) -> float:
    """Seconds before a message is tried again at a sink, after `failed` failures and one more.

    `chance` (0 to 1) makes it a fifth shorter or longer, so that many do not come back at once. A
    sink that asks for a longer pause gets it.
    """
    pause = REDELIVERY[min(failed, len(REDELIVERY) - 1)] * (0.8 + 0.4 * chance)
    return max(pause, min(asked or 0.0, LONGEST_PAUSE))


def _may_log_in_again(error: AutologinError) -> bool:
    """A broker that answers neither try of an exchange would not answer a third.

    Then a login would be for nothing.
    """
    if isinstance(error, ExchangeRejected):
        return error.after_no_answer
    if isinstance(error, LeaseLost):
        return False
    return isinstance(error, Transient) and error.stage != "exchange"


def _fitting(error: AutologinError, pause: float, seconds_left: float) -> float | None:
    asked = error.retry_after if isinstance(error, BrokerUnavailable) else None
    pause = pause if asked is None else asked
    return pause if pause < seconds_left else None
