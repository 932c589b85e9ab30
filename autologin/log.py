"""The only place that configures loguru.

Every line is scrubbed of known secrets before it is written.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from loguru import logger

from autologin.redaction import scrub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loguru import Record


def configure(
    *, verbose: bool = False, stream: TextIO | None = None, as_json: bool = False
) -> None:
    """Log to standard error, for a person, or each event as a line of JSON.

    `diagnose` and `backtrace` stay off: they print the values of variables, and those are
    passwords.
    """
    logger.remove()
    logger.configure(patcher=_scrub)
    level = "DEBUG" if verbose else "INFO"
    shape = _json if as_json else _human
    logger.add(stream or sys.stderr, level=level, format=shape, diagnose=False, backtrace=False)


def event(name: str, *, level: str = "INFO", **facts: object) -> None:
    """Log a stable event name with its facts.

    The names are a contract: people grep and alert on them.
    """
    logger.bind(event=name, facts=facts).log(level, name)


@contextmanager
def about(**context: object) -> Iterator[None]:
    """Everything that is logged inside carries this context (account, stage, run)."""
    with logger.contextualize(**context):
        yield


@contextmanager
def silenced() -> Iterator[None]:
    """Nothing is logged inside: in somebody else's program the log is theirs."""
    logger.disable("autologin")
    try:
        yield
    finally:
        logger.enable("autologin")


def _scrub(record: Record) -> None:
    record["message"] = scrub(record["message"])
    facts: dict[str, Any] = record["extra"].get("facts", {})
    record["extra"]["facts"] = {
        name: scrub(str(value)) for name, value in facts.items() if value is not None
    }


def _human(record: Record) -> str:
    extra = record["extra"]
    facts = "".join(f"  {name}={value}" for name, value in extra.get("facts", {}).items())
    extra["line"] = (
        f"{extra.get('account', ''):<12} {extra.get('stage', ''):<9} {record['message']}{facts}"
    )
    return "<dim>{time:HH:mm:ss.SSS}</dim> <level>{level: <7}</level> {extra[line]}\n"


def _json(record: Record) -> str:
    extra = record["extra"]
    context = {
        name: value for name, value in extra.items() if name not in {"facts", "event", "line"}
    }
    detail = {
        "time": record["time"].isoformat(),
        "level": record["level"].name,
        "event": record["message"],
    }
    extra["line"] = json.dumps(detail | context | extra.get("facts", {}), default=str)
    return "{extra[line]}\n"
