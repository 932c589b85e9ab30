"""When an account logs in: its times of day on its trading days, and what a moment asks for.

Times of day in zones with summer time are reckoned by APScheduler; its scheduler is not used,
because a host's clock may jump, or sleep. A window is one day of one account: from its login time
to the end of trading. Whatever was missed (a stopped process, a sleeping machine, a clock that
jumped) is caught up as long as the window lasts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import takewhile
from typing import TYPE_CHECKING, Literal, Protocol

from autologin import errors, retry
from autologin.clock import IST
from autologin.config.fields import cron_fields, weekday_names
from autologin.config.schema import Schedule, Watch
from autologin.store.records import Run, StoredToken

if TYPE_CHECKING:
    from apscheduler.triggers.base import BaseTrigger

Action = Literal["login", "renew"]
MARKET_HOURS = (time(9, 15), time(15, 30))
"""Regular hours in India, where the calendar knows no others for a day."""
AFTER_HOURS = timedelta(hours=1)
"""How long a login is caught up whose time is after the market's."""
LOOK_BACK = timedelta(hours=36)
KEPT = timedelta(hours=6)
LOOK_AHEAD = timedelta(days=40)
RENEW_AFTER = 0.8
"""The part of its life after which a token that ends before the market closes is renewed."""
MAX_RENEWALS = 16
"""Logins in one window, renewals included, after which no more is renewed."""
TOO_SOON = timedelta(minutes=30)
"""A token that is refused sooner than this after its login was ended by another login, which we do
not answer."""
TRANSIENT = {
    errors.name_of(kind) for kind in (*errors.Transient.__subclasses__(), errors.StoreError)
}


class Session(Protocol):
    """One opening of one segment; None where the time is not known."""

    @property
    def opens(self) -> datetime | None: ...  # noqa: D102

    @property
    def closes(self) -> datetime | None: ...  # noqa: D102


class Calendar(Protocol):
    """What is needed of the trading calendar."""

    def sessions(self, day: date, segment: str) -> Sequence[Session]:
        """The sessions of a segment on a day in India."""
        ...

    def is_trading_day(self, day: date, segments: Sequence[str]) -> bool | None:
        """Whether any of the segments trades; None where nobody knows."""
        ...


@dataclass(frozen=True)
class Window:
    """One day of one account.

    Logins are made from `at` to `closes`; `certain`: the calendar knows this day.
    """

    at: datetime
    ready_by: datetime
    opens: datetime
    closes: datetime
    certain: bool = True


@dataclass(frozen=True)
class History:
    """What the store knows of an account.

    Its token, its runs since a window began, the newest first, and its logins without an answer.
    """

    stored: StoredToken | None
    runs: Sequence[Run]
    unanswered: int = 0
    """How often in a row, since the window began, a secret was sent and no answer came."""

    def has_verified_token(self, window: Window, now: datetime) -> bool:
        """Whether there is a token that the broker has confirmed since the window began."""
        if self.stored is None or self.stored.token.expired(now):
            return False
        confirmed = self.stored.verified_at or self.stored.token.issued_at
        return confirmed >= window.at or any(is_good(run) for run in self.runs)


class Timetable:
    """One account's windows."""

    def __init__(
        self,
        name: str,
        schedule: Schedule,
        segments: Sequence[str],
        zone: tzinfo,
        calendar: Calendar,
    ) -> None:
        self._name = name
        self._schedule = schedule
        self._segments = segments
        self._zone = zone
        self._calendar = calendar
        self._triggers = list(triggers(schedule, zone))
        self._cached_at: datetime | None = None
        self._cached: Sequence[Window] = ()

    def current(self, now: datetime) -> Window | None:
        """The window that a moment belongs to."""
        open_now = [window for window in self._around(now) if window.at <= now < window.closes]
        return open_now[-1] if open_now else None

    def next(self, now: datetime) -> Window | None:
        """The first window that begins later."""
        for windows in (self._around(now), self._windows(now, now + LOOK_AHEAD)):
            for window in windows:
                if window.at > now:
                    return window
        return None

    def _around(self, now: datetime) -> Sequence[Window]:
        """The windows of these days, computed once for some hours."""
        if self._cached_at is None or not self._cached_at <= now < self._cached_at + KEPT:
            self._cached = tuple(self._windows(now - LOOK_BACK, now + LOOK_BACK))
            self._cached_at = now
        return self._cached

    def _windows(self, start: datetime, end: datetime) -> Iterator[Window]:
        jitter = timedelta(seconds=self._schedule.jitter)
        for moment in _fire_times(self._triggers, start - jitter, end):
            window = self._window(moment)
            if window and window.at <= end:
                yield window

    def _window(self, moment: datetime) -> Window | None:
        day = moment.astimezone(IST).date()
        trading = self._calendar.is_trading_day(day, self._segments)
        if self._schedule.days == "trading" and not self._schedule.cron and trading is False:
            return None
        opens, closes = self._trading_hours(day)
        at = moment + self._jitter(day)
        ready_by = _next_time_of_day(at, self._schedule.ready_by, self._zone)
        return Window(
            at, ready_by, opens, max(closes, at + AFTER_HOURS), certain=trading is not None
        )

    def _trading_hours(self, day: date) -> tuple[datetime, datetime]:
        sessions = [
            session
            for segment in self._segments
            for session in self._calendar.sessions(day, segment)
        ]
        opens = [session.opens for session in sessions if session.opens]
        closes = [session.closes for session in sessions if session.closes]
        usual = [datetime.combine(day, hour, IST) for hour in MARKET_HOURS]
        return min(opens, default=usual[0]), max(closes, default=usual[1])

    def _jitter(self, day: date) -> timedelta:
        """The same all day, so that a restart does not log in at another time."""
        share = random.Random(f"{self._name} {day}").random()  # noqa: S311  (it only spreads logins)
        return timedelta(seconds=share * self._schedule.jitter)


def next_action(now: datetime, window: Window, history: History, watch: Watch) -> Action | None:
    """What a moment of a window asks for; None: nothing now."""
    if not window.at <= now < window.closes:
        return None
    if not history.runs:
        return "login"
    if not is_good(history.runs[0]):
        due = retry_at(history, now)
        return "login" if due and now >= due else None
    if history.stored is None:
        return "login" if _may_log_in_again(now, history.runs, watch) else None
    due = renew_at(window, history.stored)
    if due is None or now < due or sum(map(is_good, history.runs)) >= MAX_RENEWALS:
        return None
    return "login" if history.stored.token.expired(now) else "renew"


def retry_at(history: History, now: datetime) -> datetime | None:
    """When to try again after runs that failed.

    None: a person is needed first. A run in the future was timed by a clock that was ahead, and
    says nothing of when.
    """
    if not history.runs:
        return now
    failed = sum(1 for _ in takewhile(lambda run: not is_good(run), history.runs))
    last = history.runs[0]
    if last.error is not None and last.error not in TRANSIENT:
        return None
    ended = last.began + timedelta(seconds=last.seconds or 0.0)
    if ended > now:
        return now
    return ended + timedelta(seconds=retry.pause_before_rerun(failed, history.unanswered))


def renew_at(window: Window, stored: StoredToken) -> datetime | None:
    """When a token that ends before the market closes is renewed."""
    token = stored.token
    if token.expires_at >= window.closes:
        return None
    return token.issued_at + RENEW_AFTER * (token.expires_at - token.issued_at)


def triggers(schedule: Schedule, zone: tzinfo) -> Iterator[BaseTrigger]:
    """What fires at an account's times, in its zone.

    Day of month and day of week of a cron expression are alternatives.
    """
    from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415  (200 ms that only `serve` needs)

    if not schedule.cron:
        days = {"trading": "*", "weekdays": "mon-fri", "daily": "*"}.get(
            schedule.days, schedule.days
        )
        yield CronTrigger(
            hour=schedule.at.hour, minute=schedule.at.minute, day_of_week=days, timezone=zone
        )
        return
    minute, hour, day, month, weekday = cron_fields(schedule.cron)
    common = {"minute": minute, "hour": hour, "month": month, "timezone": zone}
    if day.startswith("*") or weekday.startswith("*"):
        yield CronTrigger(day=day, day_of_week=weekday_names(weekday), **common)
        return
    yield CronTrigger(day=day, **common)
    yield CronTrigger(day_of_week=weekday_names(weekday), **common)


def _fire_times(
    triggers: Sequence[BaseTrigger], start: datetime, end: datetime
) -> Iterator[datetime]:
    """Every moment from `start` to `end` at which one of the triggers fires, in order."""
    moment = start
    while True:
        fire_times = (trigger.get_next_fire_time(None, moment) for trigger in triggers)
        first = min(filter(None, fire_times), default=None)
        if first is None or first > end:
            return
        yield first
        moment = first.astimezone(UTC) + timedelta(seconds=1)


def _next_time_of_day(moment: datetime, hour: time, zone: tzinfo) -> datetime:
    """The first time of day `hour` after a moment."""
    local = moment.astimezone(zone)
    today = local.replace(hour=hour.hour, minute=hour.minute, second=0, microsecond=0)
    if today > local:
        return today
    tomorrow = local + timedelta(days=1)
    return tomorrow.replace(hour=hour.hour, minute=hour.minute, second=0, microsecond=0)


def is_good(run: Run) -> bool:
    """Whether a run ended with a token."""
    return run.outcome in {"issued", "still_valid"}


def _may_log_in_again(now: datetime, runs: Sequence[Run], watch: Watch) -> bool:
    """Whether a token that the broker has refused in mid-session is replaced."""
    logins = sum(run.outcome == "issued" for run in runs)
    return watch.relogin and logins <= watch.max_per_day and abs(now - runs[0].began) >= TOO_SOON
