"""Loading the calendar: what is shipped, and over it a user's own file of days (`calendar.

{override: FILE}`).

    good_until: 2027-12-31
    closures:
      - {day: 2027-01-26, name: Republic Day}
      - {day: 2027-03-22, name: Holi, segments: [commodity], part: morning}
    sessions:
      - {day: 2027-10-29, name: Muhurat trading, opens: "18:00", closes: "19:00"}

Without `segments` an entry is for all three. What it says of a day and a segment replaces what is
shipped for them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from autologin.clock import IST
from autologin.config import yaml_file
from autologin.config.fields import NullIsNoList, TimeOfDay
from autologin.config.schema import Section
from autologin.errors import ConfigError, Problem
from autologin.market import calendar
from autologin.problems import Report, refuse

DATA = Path(__file__).with_name("calendar.json")


def load_calendar(override: Path | None = None) -> calendar.Calendar:
    """The shipped calendar, with a user's own file over it.

    Raises:
        ConfigError: that file cannot be used; every problem at once.
    """
    with DATA.open(encoding="utf-8") as file:
        data = json.load(file)
    return calendar.Calendar(data, read_override(override) if override else None)


def _date(value: Any) -> date:
    try:
        return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=IST).date()
    except (ValueError, TypeError):
        refuse("must be a date", "Write it as 2027-01-26.")


Day = Annotated[date, BeforeValidator(_date)]


class _Entry(Section):
    """A day, and the segments that it is about."""

    day: Day = Field(description="a date such as 2027-01-26")
    name: str = Field(min_length=1, description="what the day is, such as Republic Day")
    segments: Annotated[list[calendar.SegmentName], NullIsNoList, Field(min_length=1)] = Field(
        default_factory=lambda: list(calendar.SEGMENTS), description="equity, currency, commodity"
    )


class _Closed(_Entry):
    """A day without regular hours; of the commodity segment also without its morning or evening."""

    part: Literal["all", "morning", "evening"] = "all"


class _Open(_Entry):
    """A session. Without its times it is one whose times are not known yet."""

    opens: TimeOfDay | None = None
    closes: TimeOfDay | None = None


class _File(Section):
    """The whole file."""

    good_until: Day | None = None
    closures: Annotated[list[_Closed], NullIsNoList] = Field(default_factory=list)
    sessions: Annotated[list[_Open], NullIsNoList] = Field(default_factory=list)


def read_override(file: Path) -> calendar.Override:
    """What the file says.

    Raises:
        ConfigError: it cannot be used; every problem, with its place in the file.
    """
    if not file.is_file():
        raise ConfigError(
            Problem(
                "calendar.override",
                f"there is no file {file}",
                "Correct the path, or remove the key.",
            )
        )
    document, problems = yaml_file.read(file)
    report = Report(lambda _: None)
    whole = None
    try:
        whole = _File.model_validate(document)
        _check(whole, report)
    except ValidationError as error:
        report.add_validation(error, _File, document)
    problems += [
        Problem(f"{file}: {problem.key}", problem.message, problem.hint)
        for problem in report.problems
    ]
    if problems or whole is None:
        raise ConfigError(problems)
    return _override(whole)


def _check(whole: _File, report: Report) -> None:
    seen: set[tuple[date, str]] = set()
    for index, closed in enumerate(whole.closures):
        if closed.part != "all" and closed.segments != ["commodity"]:
            hint = "Only commodities have an evening: write `segments: [commodity]`."
            report.add(("closures", index, "part"), "is for the commodity segment alone", hint)
        about = set(_about(closed))
        if seen & about:
            report.add(
                ("closures", index, "day"), "is there twice for one segment", "Remove one of them."
            )
        seen |= about
    for index, session in enumerate(whole.sessions):
        if (session.opens is None) != (session.closes is None):
            report.add(
                ("sessions", index),
                "has one of opens and closes",
                "Give both, or none where they are not known.",
            )
        elif session.opens and session.closes and session.closes <= session.opens:
            report.add(
                ("sessions", index, "closes"),
                "must be later than opens",
                "A session ends on its day.",
            )


def _override(whole: _File) -> calendar.Override:
    closures = {key: _closure(entry) for entry in whole.closures for key in _about(entry)}
    sessions: dict[tuple[date, str], tuple[calendar.Session, ...]] = {}
    for entry in sorted(whole.sessions, key=lambda entry: entry.opens or time.min):
        for key in _about(entry):
            sessions[key] = (*sessions.get(key, ()), _session(entry))
    return calendar.Override(whole.good_until, closures, sessions)


def _about(entry: _Entry) -> Iterator[tuple[date, str]]:
    segments: Sequence[str] = entry.segments
    yield from ((entry.day, segment) for segment in segments)


def _closure(entry: _Closed) -> calendar.Closure:
    return calendar.Closure(entry.name, (calendar.OWN,), part=entry.part)


def _session(entry: _Open) -> calendar.Session:
    opens = calendar.moment(entry.day, entry.opens)
    closes = calendar.moment(entry.day, entry.closes)
    return calendar.Session(entry.name, (calendar.OWN,), opens=opens, closes=closes)
