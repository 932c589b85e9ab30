"""What results look like: as lines for a person, and as the JSON that programs rely on."""

from __future__ import annotations

import json
import traceback
from dataclasses import asdict
from itertools import groupby
from textwrap import indent
from typing import TYPE_CHECKING, Any

import click

from autologin.clock import format_ist
from autologin.errors import AutologinError, ConfigError, Problem
from autologin.flow.base import Verdict
from autologin.redaction import scrub
from autologin.status import describe_delivery

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from autologin.cli.commands.calendar import Agenda, Row
    from autologin.delivery.dispatcher import DeliveryResult
    from autologin.delivery.webhook_consumer import Event
    from autologin.preflight import Finding
    from autologin.run import Outcome
    from autologin.status import Status

COLOURS = {"ok": "green", "issued": "green", "still_valid": "green", "warning": "yellow", "problem": "red", "failed": "red"}
VERDICTS = {
    Verdict.VALID: "valid says the broker",
    Verdict.REJECTED: "refused by the broker",
    Verdict.UNKNOWN: "the broker could not be asked",
}


def as_text(data: Any) -> str:
    """JSON, readable."""
    return json.dumps(data, indent=2, ensure_ascii=False)


def tell_error(error: AutologinError, *, as_json: bool) -> None:
    """An error that ended a command."""
    if as_json:
        more = _problems(error.problems) if isinstance(error, ConfigError) else {"error": error.name, "message": error.message}
        click.echo(as_text(more))
    elif isinstance(error, ConfigError):
        for one in error.problems:
            _tell_problem(one)
    else:
        label = "error" if type(error) is AutologinError else error.name
        click.echo(f"{click.style(label, fg='red')}: {error.message}", err=True)


def _tell_problem(one: Problem, margin: str = "") -> None:
    click.echo(f"{margin}{click.style('error', fg='red')}: {one.key}: {one.message}", err=True)
    if one.hint:
        click.echo(indent(one.hint, margin + "    "), err=True)


def _to_mend(found: Sequence[Outcome | Status]) -> list[Problem]:
    return [problem for one in found if isinstance(one.error, ConfigError) for problem in one.error.problems]


def _problems(found: Iterable[Problem]) -> dict[str, Any]:
    """What every command prints with --json where the config is to be fixed (exit 2)."""
    problems = [{"key": one.key, "message": one.message, "hint": one.hint} for one in found]
    return {"error": ConfigError([]).name, "problems": problems} if problems else {}


def tell_bug(bug: Exception, *, verbose: bool) -> None:
    """Something that should not have happened; known secrets are cut out."""
    if verbose:
        click.echo(scrub("".join(traceback.format_exception(bug))), err=True)
    click.echo(f"{click.style('bug', fg='red')}: {type(bug).__name__}: {scrub(str(bug))[:500]}", err=True)
    click.echo("This is a mistake in autologin. Please report it with what --verbose says.", err=True)


def outcomes(found: Sequence[Outcome], *, as_json: bool) -> None:
    """What became of each account."""
    if as_json:
        click.echo(as_text({"accounts": [_outcome(one) for one in found], **_problems(_to_mend(found))}))
        return
    for one in found:
        until = f"  valid until {format_ist(one.expires_at)}" if one.expires_at else ""
        click.echo(f"{one.account:<16} {_coloured(one.outcome, 11)}{until}  ({one.seconds:.1f} s)")
        _deliveries(one.deliveries)
        for problem in _to_mend([one]):
            _tell_problem(problem, "    ")
        if one.error and not isinstance(one.error, ConfigError):
            click.echo(f"    {one.error.name}: {one.error.message}", err=True)


def deliveries(found: Mapping[str, Sequence[DeliveryResult]], *, as_json: bool) -> None:
    """What became of each account's newest message at its sinks."""
    if as_json:
        rows = [{"account": name, "deliveries": _as_rows(ours)} for name, ours in found.items()]
        click.echo(as_text({"accounts": rows}))
        return
    for name, ours in found.items():
        click.echo(f"{name}{'' if ours else ': nothing to deliver'}")
        _deliveries(ours)


def _deliveries(found: Iterable[DeliveryResult]) -> None:
    for delivery in found:
        done = "delivered" if delivery.outcome == "delivered" else "not delivered"
        click.echo(f"    {done} to {delivery.sink}{_after(': ', delivery.message)}")


def _as_rows(found: Iterable[DeliveryResult]) -> list[dict[str, Any]]:
    return [{"sink": one.sink, "outcome": one.outcome, "message": one.message} for one in found]


def _outcome(one: Outcome) -> dict[str, Any]:
    return {
        "account": one.account,
        "broker": one.broker,
        "outcome": one.outcome,
        "error": one.error.name if one.error else None,
        "message": one.error.message if one.error else None,
        "expires_at": one.expires_at.isoformat() if one.expires_at else None,
        "deliveries": _as_rows(one.deliveries),
        "seconds": round(one.seconds, 3),
    }


def findings(found: Sequence[Finding], *, as_json: bool) -> None:
    """What `check` found."""
    worst = "problem" if any(one.level == "problem" for one in found) else "ok"
    if as_json:
        rows = [{"key": one.key, "level": one.level, "message": one.message, "hint": one.hint or None} for one in found]
        to_mend = [Problem(one.key, one.message, one.hint) for one in found if one.level == "problem"]
        click.echo(as_text({"ok": worst == "ok", "findings": rows, **_problems(to_mend)}))
        return
    for one in found:
        click.echo(f"{_coloured(one.level, 8)} {one.key}: {one.message}")
        if one.hint:
            click.echo(indent(one.hint, " " * 9))
    counts = {level: sum(one.level == level for one in found) for level in ("problem", "warning")}
    click.echo(", ".join(f"{number} {level}{'s' * (number != 1)}" for level, number in counts.items()))


def statuses(found: Sequence[Status], *, as_json: bool) -> None:
    """How the accounts are."""
    if as_json:
        click.echo(as_text({"accounts": [one.to_json() for one in found], **_problems(_to_mend(found))}))
        return
    for one in found:
        click.echo(f"{one.account:<16} {one.broker:<12} {_describe_token(one)}")
        for line in _status_details(one):
            click.echo(f"    {line}")
        for problem in _to_mend([one]):
            _tell_problem(problem, "    ")
    if not found:
        click.echo("No account is configured.")


def _describe_token(status: Status) -> str:
    if status.stored is None:
        return "no token"
    until = format_ist(status.stored.token.expires_at)
    if status.state == "expired":
        return f"expired at {until}"
    return f"valid until {until}" + (f", {VERDICTS[status.verdict]}" if status.verdict else "")


def _status_details(status: Status) -> Iterator[str]:
    """What else there is to tell of an account, in lines."""
    if status.stored and status.stored.verified_at:
        yield f"last confirmed by the broker at {format_ist(status.stored.verified_at)}"
    if status.detail:
        yield f"the broker said: {status.detail}"
    if status.block:
        since = f"blocked since {format_ist(status.block.at)} after {status.block.error}"
        yield f"{since}: {status.block.message}"
        yield f"`autologin unblock {status.account}` lifts it, once you know why it was refused"
    for message in status.owed:
        yield f"{message.sink}: {describe_delivery(message)}"
    if status.last:
        how = status.last.error or status.last.outcome or "was cut off"
        yield f"last run at {format_ist(status.last.began)}: {how}"


def agenda(found: Agenda, *, as_json: bool) -> None:
    """When the exchanges trade. Segments that do the same on a day share a line."""
    if as_json:
        click.echo(as_text(found.to_json()))
    else:
        for day, rows in groupby(found.rows, key=lambda row: row.day):
            heading = f"{day:%Y-%m-%d %a}"
            for detail, same in _together(list(rows)):
                click.echo(f"{heading:<16}{', '.join(same):<29} {detail}")
                heading = ""
    if found.warning:
        click.echo(f"{click.style('warning', fg='yellow')}: {found.warning}", err=True)


def _together(rows: Sequence[Row]) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.in_words(), []).append(row.segment)
    return list(found.items())


def flows(rows: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    """The brokers."""
    if as_json:
        click.echo(as_text({"flows": rows}))
        return
    for row in rows:
        browser = "browser" if row["needs_browser"] else "no browser"
        marks = "" if row["verified"] else "  unverified"
        click.echo(f"{row['broker']:<14} {row['title']:<24} {browser:<10}  evidence of {row['evidence']}{marks}")
        if row["not_before"] != "00:00":
            click.echo(f"    log in after {row['not_before']} IST")
        click.echo(f"    {', '.join(key if needed else key + '?' for key, needed in row['credentials'].items())}")


def webhook_event(event: Event, *, as_json: bool) -> None:
    """An event that a consumer got."""
    if as_json:
        click.echo(json.dumps({**asdict(event), "verified": not event.refused}))
        return
    told = f"refused, {event.refused}" if event.refused else f"verified{', again' if event.again else ''}"
    click.echo(f"{event.type or '?':<15} {event.account:<16} {event.id}  {told}")


def _coloured(word: str, width: int) -> str:
    return click.style(word.ljust(width), fg=COLOURS.get(word))


def _after(joint: str, text: str | None) -> str:
    return joint + text if text else ""
