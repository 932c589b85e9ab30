"""What results look like: as lines for a person, and as the JSON that programs rely on.

Here is what several commands print; what one command prints stands beside it. `run` imports this
before the browser's driver starts, so nothing heavy is imported here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from textwrap import indent
from typing import TYPE_CHECKING, Any

import click

from autologin.cli.errors import as_text, print_problems, problems_json
from autologin.clock import format_ist
from autologin.errors import ConfigError, Problem

if TYPE_CHECKING:
    from autologin.delivery.dispatcher import DeliveryResult
    from autologin.delivery.webhook_consumer import Event
    from autologin.preflight import Finding
    from autologin.run import Outcome
    from autologin.status import Status

COLOURS = {
    "ok": "green",
    "issued": "green",
    "still_valid": "green",
    "warning": "yellow",
    "problem": "red",
    "failed": "red",
}


def print_outcomes(outcomes: Sequence[Outcome], *, as_json: bool) -> None:
    """Print what became of each account."""
    if as_json:
        rows = [_outcome_json(outcome) for outcome in outcomes]
        click.echo(as_text({"accounts": rows, **problems_json(problems_in(outcomes))}))
        return
    for outcome in outcomes:
        until = f"  valid until {format_ist(outcome.expires_at)}" if outcome.expires_at else ""
        result = _coloured(outcome.outcome, 11)
        click.echo(f"{outcome.account:<16} {result}{until}  ({outcome.seconds:.1f} s)")
        _print_deliveries(outcome.deliveries)
        print_problems(problems_in([outcome]), "    ")
        if outcome.error and not isinstance(outcome.error, ConfigError):
            click.echo(f"    {outcome.error.name}: {outcome.error.message}", err=True)


def print_deliveries(
    deliveries: Mapping[str, Sequence[DeliveryResult]], began: datetime, *, as_json: bool
) -> None:
    """Print what became of each account's newest message at its sinks.

    What was delivered before `began` was not delivered now: it is told where it is.
    """
    if as_json:
        rows = [
            {"account": name, "deliveries": _delivery_rows(ours)}
            for name, ours in deliveries.items()
        ]
        click.echo(as_text({"accounts": rows}))
        return
    for name, ours in deliveries.items():
        owed = [one for one in ours if one.outcome != "delivered" or not one.at or one.at >= began]
        click.echo(f"{name}{'' if owed else ': nothing to deliver'}")
        for one in ours:
            click.echo(f"    {_describe(one) if one in owed else _describe_earlier(one)}")


def _print_deliveries(deliveries: Iterable[DeliveryResult]) -> None:
    for delivery in deliveries:
        click.echo(f"    {_describe(delivery)}")


def _describe(delivery: DeliveryResult) -> str:
    words = {"delivered": "delivered to", "replaced_by_other": "replaced at"}
    done = words.get(delivery.outcome, "not delivered to")
    return f"{done} {delivery.sink}{f': {delivery.message}' if delivery.message else ''}"


def _describe_earlier(delivery: DeliveryResult) -> str:
    """A delivery of an earlier command, and whether it is still there."""
    since = f" since {format_ist(delivery.at)}" if delivery.at else ""
    place = f": {delivery.place}" if delivery.place else ""
    if delivery.found == "present":
        return f"still in {delivery.sink}{since}{place}"
    why = f" ({delivery.message})" if delivery.message else ""
    return f"{delivery.sink} got it{since.replace('since', 'at')}{why}{place}"


def _delivery_rows(deliveries: Iterable[DeliveryResult]) -> list[dict[str, Any]]:
    return [
        {
            "sink": delivery.sink,
            "outcome": delivery.outcome,
            "message": delivery.message,
            "found": delivery.found,
        }
        for delivery in deliveries
    ]


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "account": outcome.account,
        "broker": outcome.broker,
        "outcome": outcome.outcome,
        "error": outcome.error.name if outcome.error else None,
        "message": outcome.error.message if outcome.error else None,
        "expires_at": outcome.expires_at.isoformat() if outcome.expires_at else None,
        "deliveries": _delivery_rows(outcome.deliveries),
        "seconds": round(outcome.seconds, 3),
    }


def print_findings(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print what a check found."""
    problems = [
        Problem(finding.key, finding.message, finding.hint)
        for finding in findings
        if finding.level == "problem"
    ]
    if as_json:
        rows = [
            {
                "key": finding.key,
                "level": finding.level,
                "message": finding.message,
                "hint": finding.hint or None,
            }
            for finding in findings
        ]
        click.echo(as_text({"ok": not problems, "findings": rows, **problems_json(problems)}))
        return
    for finding in findings:
        click.echo(f"{_coloured(finding.level, 8)} {finding.key}: {finding.message}")
        if finding.hint:
            click.echo(indent(finding.hint, " " * 9))
    warnings = sum(finding.level == "warning" for finding in findings)
    click.echo(f"{_counted(len(problems), 'problem')}, {_counted(warnings, 'warning')}")


def print_webhook_event(event: Event, *, as_json: bool) -> None:
    """Print an event that a consumer received."""
    if as_json:
        click.echo(json.dumps({**asdict(event), "verified": not event.refused}))
        return
    if event.refused:
        verdict = f"refused, {event.refused}"
    else:
        verdict = "verified, again" if event.again else "verified"
    click.echo(f"{event.type or '?':<15} {event.account:<16} {event.id}  {verdict}")


def local(moment: datetime) -> str:
    """A moment as people in India read it."""
    return format_ist(moment)


def problems_in(results: Sequence[Outcome | Status]) -> list[Problem]:
    """What must be fixed in the config before these accounts can log in."""
    errors = [result.error for result in results if isinstance(result.error, ConfigError)]
    return [problem for error in errors for problem in error.problems]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _coloured(word: str, width: int) -> str:
    return click.style(word.ljust(width), fg=COLOURS.get(word))
