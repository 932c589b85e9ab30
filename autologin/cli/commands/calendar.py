"""`autologin calendar`: which segments trade on a day and when, or why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from autologin.clock import IST
from autologin.config import loader, yaml_file
from autologin.errors import ConfigError
from autologin.market.calendar import REGULAR, SATURDAY, SEGMENTS, Calendar
from autologin.market.loader import load_calendar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from autologin.clock import Clock
    from autologin.market.calendar import Closure, Session

MEND = "Update autologin, or give the days yourself in calendar.override (docs/calendar.md)."


@dataclass(frozen=True)
class Row:
    """One segment on one day. `trading` is None where it is not known; `closure` is why it keeps no regular hours."""

    day: date
    segment: str
    trading: bool | None
    sessions: Sequence[Session]
    closure: Closure | None

    @property
    def reason(self) -> str | None:
        """Why it is closed, or keeps other hours."""
        if self.trading is None:
            return None
        return self.closure.name if self.closure else "weekend" if self.day.weekday() >= SATURDAY else None

    def to_json(self) -> dict[str, Any]:
        """For programs. `single_source`: somebody should look at it once more."""
        told = (*self.sessions, *((self.closure,) if self.closure and not self.sessions else ()))
        return {
            "date": self.day.isoformat(),
            "segment": self.segment,
            "trading": self.trading,
            "reason": self.reason,
            "sessions": [_session(one) for one in self.sessions],
            "sources": list(dict.fromkeys(source for one in told for source in one.sources)),
            "single_source": any(one.single_source for one in told),
        }

    def in_words(self) -> str:
        """The day, in one line."""
        if self.trading is None:
            return "not known: a login is made"
        if not self.sessions:
            return f"closed ({self.reason})" + (" [one source]" if self.closure and self.closure.single_source else "")
        return ", ".join(_in_words(one) for one in self.sessions)


@dataclass(frozen=True)
class Agenda:
    """Days in a row, and what somebody should know about them."""

    calendar: Calendar
    rows: Sequence[Row]
    warning: str | None = None

    def to_json(self) -> dict[str, Any]:
        """For programs. `sources` says what each key in a row's sources stands for."""
        rows = [row.to_json() for row in self.rows]
        used = {source for row in rows for source in row["sources"]}
        return {
            "good_until": self.calendar.good_until.isoformat(),
            "warning": self.warning,
            "days": rows,
            "sources": {key: told for key, told in self.calendar.sources.items() if key in used},
        }


def look(file: Path | None, clock: Clock, first: date | None, days: int, segments: Sequence[str]) -> Agenda:
    """The days from `first` (None: today in India), of the named segments (none: all).

    Raises:
        ConfigError: there is a config, and it or its calendar.override cannot be used.
    """
    calendar = load_calendar(_override(file))
    first = first or clock.now().astimezone(IST).date()
    chosen = [segment for segment in SEGMENTS if segment in segments or not segments]
    dates = [first + timedelta(days=number) for number in range(min(days, (date.max - first).days + 1))]
    rows = [_row(calendar, day, segment) for day in dates for segment in chosen]
    return Agenda(calendar, rows, _warning(calendar, rows))


def _override(file: Path | None) -> Path | None:
    """A calendar needs no config, but where there is one it counts."""
    environ = loader.environment()
    if yaml_file.find(file, environ) is None:
        return None
    reading = loader.read(file, environ)
    if reading.settings is None:
        raise ConfigError(reading.problems)
    return reading.settings.calendar.override


def _row(calendar: Calendar, day: date, segment: str) -> Row:
    trading = calendar.is_trading_day(day, [segment])
    return Row(day, segment, trading, calendar.sessions(day, segment), calendar.closure(day, segment))


def _warning(calendar: Calendar, rows: Sequence[Row]) -> str | None:
    if all(row.trading is not None for row in rows):
        return None
    known = f"The calendar knows the days from {calendar.first} to {calendar.good_until}."
    return f"{known} On any other a login is made, with a warning. {MEND}"


def _session(one: Session) -> dict[str, Any]:
    times = {name: moment and moment.isoformat() for name, moment in (("opens", one.opens), ("closes", one.closes))}
    return {"name": one.name, **times, "note": one.note or None}


def _in_words(one: Session) -> str:
    hours = f"{_hour(one.opens)}-{_hour(one.closes)}" if one.opens or one.closes else "time not known:"
    name = "" if one.name == REGULAR else f" {one.name}"
    return f"{hours}{name}{' [one source]' if one.single_source else ''}"


def _hour(moment: datetime | None) -> str:
    return f"{moment:%H:%M}" if moment else "?"
