"""The types of the config's values.

Each takes what people write, and says what is wrong with anything else.
"""

# No `from __future__ import annotations`: pydantic reads these annotations at import.

import re
import zoneinfo
from contextlib import suppress
from datetime import UTC, time
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from autologin.problems import nearest, refuse

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST_NAME = 64
"""Names stand in file names, which have room for 255 bytes, and in tables."""
UNITS = {"s": 1, "m": 60, "h": 3600}
LONGEST_DURATION = 366 * 86400.0
CRON_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
"""As cron counts them, from 0."""
CRON_ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


def check_name(text: str) -> str:
    """A name of an account or a sink."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
        hint = "Use letters, digits, '.', '_' and '-', starting with a letter or a digit."
        refuse("is not a usable name", hint)
    if len(text) > LONGEST_NAME:
        refuse(f"is a name of {len(text)} characters", f"Use at most {LONGEST_NAME}.")
    return text


def check_host(text: str) -> str:
    """A host's name, or an IP address, in lower case as a browser writes it."""
    host = text.strip().rstrip(".").lower()
    with suppress(UnicodeError):
        host = host.encode("idna").decode()
    address = host.strip("[]")
    if ":" in address and re.fullmatch(r"[0-9a-f:.]+", address):
        return address
    if not re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", host):
        hint = "Write the host alone, such as login.broker.com: no https://, no port, no path."
        refuse("is not a host", hint)
    return host


def parse_duration(value: Any) -> Any:
    """Seconds, from a number or from text such as 10m."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    text = f"{value:f}" if number and -1 < value < 1e9 else value
    found = (
        re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([smh]?)\s*", text)
        if isinstance(text, str)
        else None
    )
    seconds = float(found[1]) * UNITS.get(found[2], 1) if found else 0.0
    if seconds <= 0:
        refuse("must be a length of time", "Write seconds (90), or a number with s, m or h (10m).")
    if seconds > LONGEST_DURATION:
        refuse("is longer than a year", "Write seconds (90), or a number with s, m or h (10m).")
    return seconds


def parse_jitter(value: Any) -> Any:
    """A duration, or 0 for none."""
    return 0.0 if value in (0, "0", "0s") and not isinstance(value, bool) else parse_duration(value)


def parse_time_of_day(value: Any) -> time:
    """A time of day such as "08:15"."""
    text = value if isinstance(value, str) else ""
    found = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", text)
    if found is None:
        refuse("must be a time of day", 'Write it in quotes, as "08:15".')
    return time(int(found[1]), int(found[2]))


def parse_days(value: Any) -> str:
    """A rule for days: one word, or names of days, as a list or with commas."""
    words = value.replace(" ", "").split(",") if isinstance(value, str) else value
    for word in words if words and isinstance(words, list) else [None]:
        if not isinstance(word, str):
            refuse("is not a rule for days", "Write trading, weekdays, daily, or days such as mon.")
        if word not in DAYS and (word not in {"trading", "weekdays", "daily"} or len(words) > 1):
            hint = "Write trading, weekdays, daily, or days such as mon,tue,fri."
            refuse("is not a rule for days", hint)
    return ",".join(words)


def check_cron(text: str) -> str:
    """A cron expression that can be used, as it is."""
    from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415  (200 ms, for those alone who write one)

    try:
        minute, hour, day, month, weekday = cron_fields(text)
        names = weekday_names(weekday)
        CronTrigger(minute=minute, hour=hour, day=day, month=month, day_of_week=names, timezone=UTC)
    except (ValueError, TypeError) as error:
        hint = 'Such as "15 8 * * 1-5": minute, hour, day, month, weekday.'
        refuse(f"is not a cron expression: {error}", hint)
    return text


def cron_fields(text: str) -> list[str]:
    """The five fields of a cron expression: minute, hour, day, month, weekday.

    Raises:
        ValueError: it has more or less.
    """
    fields = CRON_ALIASES.get(text.strip().lower(), text).split()
    if len(fields) != 5:
        raise ValueError(f"has {len(fields)} fields, and five are needed")
    fields[3] = fields[3].lower()
    return fields


def weekday_names(field: str) -> str:
    """The weekdays of a cron expression by name, which means the same to everybody.

    Cron counts from Sunday = 0 (and 7), APScheduler from Monday = 0.

    Raises:
        ValueError: it names no weekdays.
    """
    if field == "*":
        return field
    numbers = {number % 7 for part in field.lower().split(",") for number in _weekday_numbers(part)}
    return ",".join(sorted(CRON_DAYS[number] for number in numbers))


def _weekday_numbers(part: str) -> range:
    found = re.fullmatch(r"(?:(\*)|([0-7]|[a-z]{3})(?:-([0-7]|[a-z]{3}))?)(?:/(\d+))?", part)
    if found is None:
        raise ValueError(f'"{part}" is not a day of the week')
    star, start, end, step = found.groups()
    first = 0 if star else _weekday_number(start)
    last = first
    if end:
        last = 7 if end == "sun" and first > 0 else _weekday_number(end)
    elif star or step:
        last = 6
    if last < first or step == "0":
        raise ValueError(f'"{part}" is not a range of days')
    return range(first, last + 1, int(step or 1))


def _weekday_number(word: str) -> int:
    return int(word) if word.isdigit() else CRON_DAYS.index(word)


def parse_switch(value: Any) -> Any:
    """YAML reads `on` and `off` as true and false."""
    return {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value


def refuse_bool(value: Any) -> Any:
    """Python counts with true; people do not."""
    return refuse("must be a whole number") if isinstance(value, bool) else value


def parse_zone(value: Any) -> Any:
    """A time zone, by its name."""
    try:
        return zoneinfo.ZoneInfo(value)
    except (ValueError, TypeError, OSError, KeyError):
        zones = zoneinfo.available_timezones()
        meant = nearest(value[:64], zones) if isinstance(value, str) else None
        hint = f'Did you mean "{meant}"?' if meant else "Such as Asia/Kolkata, or UTC."
        refuse("is not a known time zone", hint)


def check_url(text: str) -> str:
    """An address without a query."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        refuse(
            "must be an address", "Write it as https://host or https://host/path, without a query."
        )
    return text


def check_listen(text: str) -> str:
    """A host and a port."""
    port = re.fullmatch(r"\S+:([0-9]{1,5})", text)
    if port is None or int(port[1]) > 65535:
        refuse("must be an address and a port", 'Write it as "127.0.0.1:8321".')
    return text


def check_line(text: str) -> str:
    """Text on one line, of which every character can be seen."""
    if not text.strip() or not text.isprintable():
        refuse("must be text on one line", "Write it again, without characters of control.")
    return text


def check_header(text: str) -> str:
    """What a header can carry."""
    if not text.isascii():
        refuse(
            "has a character that no header can carry", "Use letters, digits and signs of ASCII."
        )
    return check_line(text)


def check_command(text: str) -> str:
    """A shell command."""
    if not text.strip() or "\0" in text or not is_text(text):
        refuse("is not a command", "Write it as you would type it in a shell.")
    return text


def is_text(text: str) -> bool:
    """Whether it can be written as UTF-8: half a character cannot."""
    return text == text.encode(errors="replace").decode()


def empty_if_null(value: Any) -> Any:
    """A heading with nothing below it."""
    return {} if value is None else value


def empty_list_if_null(value: Any) -> Any:
    """The same, where a list is expected."""
    return [] if value is None else value


Name = Annotated[str, AfterValidator(check_name)]
Duration = Annotated[float, BeforeValidator(parse_duration)]
TimeOfDay = Annotated[time, BeforeValidator(parse_time_of_day)]
Cron = Annotated[str, AfterValidator(check_cron)]
Jitter = Annotated[float, BeforeValidator(parse_jitter)]
Days = Annotated[str, BeforeValidator(parse_days)]
Count = Annotated[int, BeforeValidator(refuse_bool), Field(ge=1)]
Line = Annotated[str, AfterValidator(check_line)]
HeaderText = Annotated[str, AfterValidator(check_header)]
Command = Annotated[str, AfterValidator(check_command)]
Url = Annotated[str, AfterValidator(check_url)]
Host = Annotated[str, AfterValidator(check_host)]
Zone = Annotated[zoneinfo.ZoneInfo, BeforeValidator(parse_zone)]
Listen = Annotated[str, AfterValidator(check_listen)]
NullIsEmpty = BeforeValidator(empty_if_null)
NullIsNoList = BeforeValidator(empty_list_if_null)
