"""The trading calendar.

When NSE, BSE and MCX trade, from 2024 to the last year that they have published.

    calendar = load_calendar()                             market/loader.py
    calendar.is_trading_day(date(2026, 11, 8), ["equity"]) True: Muhurat trading, on a Sunday
    calendar.sessions(date(2026, 11, 10), "commodity")     the evening alone: a holiday of NSE

The dates are in calendar.json, each with its sources, and a user's own file goes over them;
docs/calendar.md says how sure they are. What is not known stays unknown: the time of a session is
None until it is published, and a day after `good_until` is neither a trading day nor a closed one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Literal, TypeVar

from autologin.clock import IST

SegmentName = Literal["equity", "currency", "commodity"]
SEGMENTS: tuple[SegmentName, ...] = ("equity", "currency", "commodity")
REGULAR = "Regular hours"
OWN = "override"
"""The source of what a user's own file says."""
DAY = timedelta(days=1)
SATURDAY = 5
Part = Literal["all", "morning", "evening"]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Dated:
    """What the calendar says of a day, and who says so.

    Keys of `Calendar.sources`, or "override".
    """

    name: str
    sources: tuple[str, ...]
    note: str = ""

    @property
    def single_source(self) -> bool:
        """Whether it rests on one source alone. What the user says is sure."""
        return len(self.sources) < 2 and OWN not in self.sources


@dataclass(frozen=True)
class Session(Dated):
    """One opening of a segment: aware times in India, None where the time is not known."""

    opens: datetime | None = None
    closes: datetime | None = None


@dataclass(frozen=True)
class Closure(Dated):
    """A day on which regular hours are not kept.

    `part`: only the evening ("morning" is closed) or only the morning is.
    """

    part: Part = "all"


@dataclass(frozen=True)
class Hours:
    """Regular hours from a day on."""

    since: date
    opens: time
    closes: time
    sources: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True)
class Override:
    """What a user's own file says. It replaces what is shipped for the same day and segment."""

    good_until: date | None = None
    closures: Mapping[tuple[date, str], Closure] = field(default_factory=dict)
    sessions: Mapping[tuple[date, str], tuple[Session, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Segment:
    """One segment's hours, the oldest first, and the days that differ.

    `evening` is when its evening session begins.
    """

    hours: tuple[Hours, ...]
    closures: Mapping[date, Closure]
    extra: Mapping[date, tuple[Session, ...]]
    evening: time | None = None
    own: frozenset[date] = frozenset()
    """The days of which the user's file speaks."""

    def sessions(self, day: date) -> tuple[Session, ...]:
        """The sessions of a day. One that has sessions of its own keeps no regular hours."""
        if day in self.extra:
            return self.extra[day]
        closure = self.closures.get(day)
        if day.weekday() >= SATURDAY or (closure and closure.part == "all"):
            return ()
        return (self._partial(day, closure) if closure else self._regular(day),)

    def _regular(self, day: date) -> Session:
        hours = self._hours(day)
        return Session(
            REGULAR, hours.sources, hours.note, _at(day, hours.opens), _at(day, hours.closes)
        )

    def _partial(self, day: date, closure: Closure) -> Session:
        regular = self._regular(day)
        boundary = _at(day, self.evening or time(17))
        common = replace(regular, sources=closure.sources, note=closure.note)
        if closure.part == "morning":
            return replace(common, name=f"Evening session ({closure.name})", opens=boundary)
        return replace(common, name=f"Morning session ({closure.name})", closes=boundary)

    def _hours(self, day: date) -> Hours:
        return next((hours for hours in reversed(self.hours) if hours.since <= day), self.hours[0])

    def overlaid(self, name: str, override: Override) -> Segment:
        """The segment with the user's word for its days."""
        closures = {
            day: closure for (day, segment), closure in override.closures.items() if segment == name
        }
        extra = {
            day: sessions
            for (day, segment), sessions in override.sessions.items()
            if segment == name
        }
        own = frozenset({*closures, *extra})
        return replace(
            self,
            closures=_without(self.closures, own) | closures,
            extra=_without(self.extra, own) | extra,
            own=own,
        )


class Calendar:
    """The days and hours of every segment."""

    def __init__(self, data: Mapping[str, Any], override: Override | None = None) -> None:
        override = override or Override()
        self.first = date.fromisoformat(data["first"])
        shipped = date.fromisoformat(data["good_until"])
        self.good_until = max(shipped, override.good_until or shipped)
        """The last day that it knows. The next year's holidays are published in December."""
        self.sources: Mapping[str, str] = {
            **data["sources"],
            OWN: "your own file (calendar.override)",
        }
        """What each key in a `sources` stands for."""
        self._segments = {
            name: _segment(segment).overlaid(name, override)
            for name, segment in data["segments"].items()
        }

    def knows(self, day: date, segment: str) -> bool:
        """Whether anything can be said of this day."""
        return self.first <= day <= self.good_until or day in self._segments[segment].own

    def sessions(self, day: date, segment: str) -> Sequence[Session]:
        """The sessions of a segment on a day in India, the earliest first.

        None where it is closed, or not known.
        """
        return self._segments[segment].sessions(day) if self.knows(day, segment) else ()

    def closure(self, day: date, segment: str) -> Closure | None:
        """Why regular hours are not kept on a day; None: the weekend, or no reason at all."""
        return self._segments[segment].closures.get(day) if self.knows(day, segment) else None

    def is_trading_day(self, day: date, segments: Sequence[str]) -> bool | None:
        """Whether any of the segments trades on a day in India.

        None: nobody knows, so log in and say so.
        """
        if any(self.sessions(day, segment) for segment in segments):
            return True
        known = segments and all(self.knows(day, segment) for segment in segments)
        return False if known else None

    def next_session(self, after: datetime, segments: Sequence[str]) -> Session | None:
        """The first session of any of the segments that opens after an aware moment.

        None where none is known.

        Today's session counts where its time is not known: it may still come.
        """
        for day in self._days(after):
            for session in self._in_order(day, segments):
                if session.opens is None or session.opens > after:
                    return session
        return None

    def _days(self, after: datetime) -> Iterator[date]:
        day = max(after.astimezone(IST).date(), self.first)
        own = (max(segment.own, default=self.first) for segment in self._segments.values())
        last = max(self.good_until, *own)
        while day <= last:
            yield day
            day += DAY

    def _in_order(self, day: date, segments: Sequence[str]) -> list[Session]:
        sessions = [session for segment in segments for session in self.sessions(day, segment)]
        return sorted(sessions, key=lambda session: session.opens or _at(day, time.min))


def moment(day: date, hour: time | None) -> datetime | None:
    """An hour of a day in India; None stays None."""
    return None if hour is None else _at(day, hour)


def _at(day: date, hour: time) -> datetime:
    return datetime.combine(day, hour, IST)


def _without(days: Mapping[date, Value], excluded: frozenset[date]) -> dict[date, Value]:
    return {day: value for day, value in days.items() if day not in excluded}


def _segment(data: Mapping[str, Any]) -> Segment:
    hours = tuple(_hours(row) for row in data["hours"])
    closures = {date.fromisoformat(row["day"]): _closure(row) for row in data["closures"]}
    extra: dict[date, tuple[Session, ...]] = {}
    for row in data["sessions"]:
        day = date.fromisoformat(row["day"])
        extra[day] = (*extra.get(day, ()), _session(day, row))
    return Segment(hours, closures, extra, _time(data.get("evening")))


def _hours(row: Mapping[str, Any]) -> Hours:
    return Hours(
        since=date.fromisoformat(row["from"]),
        opens=time.fromisoformat(row["opens"]),
        closes=time.fromisoformat(row["closes"]),
        sources=tuple(row["sources"]),
        note=row.get("note", ""),
    )


def _closure(row: Mapping[str, Any]) -> Closure:
    return Closure(row["name"], tuple(row["sources"]), row.get("note", ""), row.get("part", "all"))


def _session(day: date, row: Mapping[str, Any]) -> Session:
    opens = moment(day, _time(row["opens"]))
    closes = moment(day, _time(row["closes"]))
    return Session(row["name"], tuple(row["sources"]), row.get("note", ""), opens, closes)


def _time(text: str | None) -> time | None:
    return time.fromisoformat(text) if text else None
