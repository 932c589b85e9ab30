"""`autologin calendar`: which segments trade on a day and when, or why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from autologin.cli.base import Command, as_json, config_file
from autologin.cli.errors import as_text
from autologin.cli.process import configure_log
from autologin.clock import IST, Clock, SystemClock
from autologin.config import loader, yaml_file
from autologin.errors import ConfigError
from autologin.market.calendar import REGULAR, SATURDAY, SEGMENTS, Calendar, Closure, Session
from autologin.market.loader import load_calendar

HINT = "Update autologin, or give the days yourself in calendar.override (docs/calendar.md)."


@click.command(cls=Command)
@click.option(
    "--from",
    "first",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The first day; today by default.",
)
@click.option(
    "--days", type=click.IntRange(1, 400), default=15, show_default=True, help="How many days."
)
@click.option(
    "--segment",
    "segments",
    multiple=True,
    type=click.Choice(["equity", "currency", "commodity"]),
    help="Only this segment (repeatable).",
)
@as_json
@click.pass_context
def calendar(
    ctx: click.Context,
    first: datetime | None,
    days: int,
    segments: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Show when the exchanges trade.

    Hours are Indian time. Days beyond the end of the calendar are "not known": autologin logs in
    on them.
    """
    configure_log(ctx)
    day = first.date() if first else None
    agenda = look_up(config_file(ctx), SystemClock(), day, days, segments)
    if as_json:
        click.echo(as_text(agenda.to_json()))
    else:
        _print_days(agenda.rows)
    if agenda.warning:
        click.echo(f"{click.style('warning', fg='yellow')}: {agenda.warning}", err=True)


@dataclass(frozen=True)
class Row:
    """One segment on one day.

    `trading` is None where it is not known; `closure` is why it keeps no regular hours.
    """

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
        if self.closure:
            return self.closure.name
        return "weekend" if self.day.weekday() >= SATURDAY else None

    def to_json(self) -> dict[str, Any]:
        """For programs. `single_source`: somebody should look at it once more."""
        entries: list[Session | Closure] = [*self.sessions]
        if self.closure and not self.sessions:
            entries.append(self.closure)
        return {
            "date": self.day.isoformat(),
            "segment": self.segment,
            "trading": self.trading,
            "reason": self.reason,
            "sessions": [_session_json(one) for one in self.sessions],
            "sources": list(dict.fromkeys(source for one in entries for source in one.sources)),
            "single_source": any(one.single_source for one in entries),
        }

    def describe(self) -> str:
        """The day, in one line."""
        if self.trading is None:
            return "not known: a login is made"
        if not self.sessions:
            doubt = " [one source]" if self.closure and self.closure.single_source else ""
            return f"closed ({self.reason}){doubt}"
        return ", ".join(_describe(one) for one in self.sessions)


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
            "sources": {key: text for key, text in self.calendar.sources.items() if key in used},
        }


def look_up(
    file: Path | None, clock: Clock, first: date | None, days: int, segments: Sequence[str]
) -> Agenda:
    """The days from `first` (None: today in India), of the named segments (none: all).

    Raises:
        ConfigError: there is a config, and it or its calendar.override cannot be used.
    """
    calendar = load_calendar(_override(file))
    first = first or clock.now().astimezone(IST).date()
    chosen = [segment for segment in SEGMENTS if segment in segments or not segments]
    days = min(days, (date.max - first).days + 1)
    dates = [first + timedelta(days=number) for number in range(days)]
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


def _print_days(rows: Sequence[Row]) -> None:
    """A block of lines for each day; segments that do the same share a line."""
    for day, rows_of_day in groupby(rows, key=lambda row: row.day):
        segments: dict[str, list[str]] = {}
        for row in rows_of_day:
            segments.setdefault(row.describe(), []).append(row.segment)
        heading = f"{day:%Y-%m-%d %a}"
        for hours, names in segments.items():
            click.echo(f"{heading:<16}{', '.join(names):<29} {hours}")
            heading = ""


def _row(calendar: Calendar, day: date, segment: str) -> Row:
    trading = calendar.is_trading_day(day, [segment])
    sessions = calendar.sessions(day, segment)
    return Row(day, segment, trading, sessions, calendar.closure(day, segment))


def _warning(calendar: Calendar, rows: Sequence[Row]) -> str | None:
    if all(row.trading is not None for row in rows):
        return None
    known = f"The calendar knows the days from {calendar.first} to {calendar.good_until}."
    return f"{known} On any other day autologin logs in, with a warning. {HINT}"


def _session_json(one: Session) -> dict[str, Any]:
    return {
        "name": one.name,
        "opens": one.opens and one.opens.isoformat(),
        "closes": one.closes and one.closes.isoformat(),
        "note": one.note or None,
    }


def _describe(one: Session) -> str:
    hours = "time not known:"
    if one.opens or one.closes:
        hours = f"{_hour(one.opens)}-{_hour(one.closes)}"
    name = "" if one.name == REGULAR else f" {one.name}"
    return f"{hours}{name}{' [one source]' if one.single_source else ''}"


def _hour(moment: datetime | None) -> str:
    return f"{moment:%H:%M}" if moment else "?"
