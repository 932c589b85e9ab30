"""When an account logs in: its times of day on its trading days, and what a moment asks for.

Times of day in zones with summer time are reckoned by APScheduler; its scheduler is not used, because a host's clock may
jump, or sleep. A plan is one day of one account: from its login time to the end of trading. Whatever was missed (a
stopped process, a sleeping machine, a clock that jumped) is caught up as long as the plan lasts.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal, Protocol

from autologin import errors, retry
from autologin.clock import IST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, tzinfo

    from apscheduler.triggers.base import BaseTrigger

    from autologin.config.schema import Schedule, Watch
    from autologin.store.records import Run, StoredToken

Action = Literal["login", "renew"]
MARKET = time(9, 15), time(15, 30)
"""Regular hours in India, where the calendar knows no others for a day."""
AFTER_HOURS = timedelta(hours=1)
"""How long a login is caught up whose time is after the market's."""
LOOK_BACK = timedelta(hours=36)
KEPT = timedelta(hours=6)
LOOK_AHEAD = timedelta(days=40)
LIFE = 0.8
"""The part of its life after which a token that ends before the market closes is renewed."""
RENEWALS = 16
"""Logins in one plan, renewals included, after which no more is renewed."""
FIGHT = timedelta(minutes=30)
"""A token that is refused sooner than this after its login was ended by another login, which we do not answer."""
WEEK = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
TRANSIENT = {errors.name_of(kind) for kind in (*errors.Transient.__subclasses__(), errors.StoreError)}


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
class Plan:
    """One day of one account. Logins are made from `at` to `closes`; `certain`: the calendar knows this day."""

    at: datetime
    ready_by: datetime
    opens: datetime
    closes: datetime
    certain: bool = True


@dataclass(frozen=True)
class Known:
    """What the store knows of an account: its token, and its runs since a plan began, the newest first."""

    stored: StoredToken | None
    runs: Sequence[Run]

    def proven(self, plan: Plan, now: datetime) -> bool:
        """Whether there is a token that the broker has confirmed since the plan began."""
        if self.stored is None or self.stored.token.expired(now):
            return False
        confirmed = self.stored.verified_at or self.stored.token.issued_at
        return confirmed >= plan.at or any(good(run) for run in self.runs)


class Timetable:
    """One account's plans."""

    def __init__(self, name: str, schedule: Schedule, segments: Sequence[str], zone: tzinfo, calendar: Calendar) -> None:
        self._name, self._schedule, self._segments, self._zone, self._calendar = name, schedule, segments, zone, calendar
        self._triggers = list(triggers(schedule, zone))
        self._reckoned: tuple[datetime, Sequence[Plan]] | None = None

    def current(self, now: datetime) -> Plan | None:
        """The plan that a moment belongs to."""
        going = [plan for plan in self._around(now) if plan.at <= now < plan.closes]
        return going[-1] if going else None

    def next(self, now: datetime) -> Plan | None:
        """The first plan that begins later."""
        later = (plan for plan in self._around(now) if plan.at > now)
        return next(later, None) or next((plan for plan in self._plans(now, now + LOOK_AHEAD) if plan.at > now), None)

    def _around(self, now: datetime) -> Sequence[Plan]:
        """The plans of these days, reckoned once for some hours."""
        if not self._reckoned or not self._reckoned[0] <= now < self._reckoned[0] + KEPT:
            self._reckoned = now, tuple(self._plans(now - LOOK_BACK, now + LOOK_BACK))
        return self._reckoned[1]

    def _plans(self, start: datetime, end: datetime) -> Iterator[Plan]:
        late = timedelta(seconds=self._schedule.jitter)
        for moment in _fires(self._triggers, start - late, end):
            plan = self._plan(moment)
            if plan and plan.at <= end:
                yield plan

    def _plan(self, moment: datetime) -> Plan | None:
        day = moment.astimezone(IST).date()
        trading = self._calendar.is_trading_day(day, self._segments)
        if self._schedule.days == "trading" and not self._schedule.cron and trading is False:
            return None
        opens, closes = self._hours(day)
        at = moment + self._jitter(day)
        ready = _following(at, self._schedule.ready_by, self._zone)
        return Plan(at, ready, opens, max(closes, at + AFTER_HOURS), certain=trading is not None)

    def _hours(self, day: date) -> tuple[datetime, datetime]:
        found = [session for segment in self._segments for session in self._calendar.sessions(day, segment)]
        opens = [session.opens for session in found if session.opens]
        closes = [session.closes for session in found if session.closes]
        usual = [datetime.combine(day, hour, IST) for hour in MARKET]
        return min(opens, default=usual[0]), max(closes, default=usual[1])

    def _jitter(self, day: date) -> timedelta:
        """The same all day, so that a restart does not log in at another time."""
        share = random.Random(f"{self._name} {day}").random()  # noqa: S311  (it only spreads logins)
        return timedelta(seconds=share * self._schedule.jitter)


def wanted(now: datetime, plan: Plan, known: Known, watch: Watch) -> Action | None:
    """What a moment of a plan asks for; None: nothing now."""
    if not plan.at <= now < plan.closes:
        return None
    if not known.runs:
        return "login"
    last = known.runs[0]
    if not good(last):
        due = again_at(known.runs)
        return "login" if due and now >= due else None
    if known.stored is None:
        return "login" if _may_log_in_again(now, known.runs, watch) else None
    return _renewal(now, plan, known)


def again_at(runs: Sequence[Run]) -> datetime | None:
    """When to try again after runs that failed, the newest first; None: a person is needed first."""
    failed = 0
    for run in runs:
        if good(run):
            break
        failed += 1
    last = runs[0]
    if last.error is not None and last.error not in TRANSIENT:
        return None
    ended = last.began + timedelta(seconds=last.seconds or 0.0)
    return ended + timedelta(seconds=retry.pause_before_rerun(failed))


def renew_at(plan: Plan, stored: StoredToken) -> datetime | None:
    """When a token that ends before the market closes is renewed."""
    token = stored.token
    if token.expires_at >= plan.closes:
        return None
    return token.issued_at + LIFE * (token.expires_at - token.issued_at)


def triggers(schedule: Schedule, zone: tzinfo) -> Iterator[BaseTrigger]:
    """What fires at an account's times, in its zone. Day of month and day of week of a cron expression are alternatives."""
    from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415  (200 ms that only `serve` needs)

    if not schedule.cron:
        days = {"trading": "*", "weekdays": "mon-fri", "daily": "*"}.get(schedule.days, schedule.days)
        yield CronTrigger(hour=schedule.at.hour, minute=schedule.at.minute, day_of_week=days, timezone=zone)
        return
    minute, hour, day, month, week = ALIASES.get(schedule.cron.lower(), schedule.cron).split()
    common = {"minute": minute, "hour": hour, "month": month.lower(), "timezone": zone}
    if day.startswith("*") or week.startswith("*"):
        yield CronTrigger(day=day, day_of_week=_named_days(week), **common)
        return
    yield CronTrigger(day=day, **common)
    yield CronTrigger(day_of_week=_named_days(week), **common)


def cron(text: str) -> str:
    """A cron expression that can be used, as it is.

    Raises:
        ValueError: it is none.
    """
    fields = ALIASES.get(text.strip().lower(), text).split()
    if len(fields) != 5:
        raise ValueError(f"has {len(fields)} fields, and five are needed")
    from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415  (see above)

    minute, hour, day, month, week = fields
    CronTrigger(minute=minute, hour=hour, day=day, month=month.lower(), day_of_week=_named_days(week), timezone=UTC)
    return text


def _named_days(field: str) -> str:
    """Days of the week by name. Cron counts from Sunday = 0 (and 7), APScheduler from Monday = 0: names mean the same."""
    if field == "*":
        return field
    return ",".join(sorted({WEEK[number % 7] for part in field.lower().split(",") for number in _numbers(part)}))


def _numbers(part: str) -> range:
    found = re.fullmatch(r"(?:(\*)|([0-7]|[a-z]{3})(?:-([0-7]|[a-z]{3}))?)(?:/(\d+))?", part)
    if found is None:
        raise ValueError(f'"{part}" is no day of the week')
    first = 0 if found[1] else _number(found[2])
    last = 6 if found[1] or (found[4] and not found[3]) else _number(found[3]) if found[3] else first
    if found[3] == "sun" and last < first:
        last = 7
    if last < first or found[4] == "0":
        raise ValueError(f'"{part}" is no range of days')
    return range(first, last + 1, int(found[4] or 1))


def _number(word: str) -> int:
    return int(word) if word.isdigit() else WEEK.index(word)


def _fires(found: Sequence[BaseTrigger], start: datetime, end: datetime) -> Iterator[datetime]:
    """Every moment from `start` to `end` at which one of the triggers fires, in order."""
    moment = start
    while True:
        times = [time for trigger in found if (time := trigger.get_next_fire_time(None, moment))]
        if not times or min(times) > end:
            return
        first = min(times)
        yield first
        moment = first.astimezone(UTC) + timedelta(seconds=1)


def _following(moment: datetime, hour: time, zone: tzinfo) -> datetime:
    """The first time of day `hour` after a moment."""
    local = moment.astimezone(zone)
    found = local.replace(hour=hour.hour, minute=hour.minute, second=0, microsecond=0)
    return (
        found
        if found > local
        else (local + timedelta(days=1)).replace(hour=hour.hour, minute=hour.minute, second=0, microsecond=0)
    )


def good(run: Run) -> bool:
    """Whether a run ended with a token."""
    return run.outcome in {"issued", "still_valid"}


def _may_log_in_again(now: datetime, runs: Sequence[Run], watch: Watch) -> bool:
    """Whether a token that the broker has refused in mid-session is replaced."""
    logins = sum(run.outcome == "issued" for run in runs)
    return watch.relogin and logins <= watch.max_per_day and now - runs[0].began >= FIGHT


def _renewal(now: datetime, plan: Plan, known: Known) -> Action | None:
    assert known.stored is not None
    due = renew_at(plan, known.stored)
    if due is None or now < due or sum(map(good, known.runs)) >= RENEWALS:
        return None
    return "login" if known.stored.token.expired(now) else "renew"
