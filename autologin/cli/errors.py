"""How errors are printed: as sentences for a person, and as JSON for a program."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from textwrap import indent
from typing import Any

import click

from autologin.errors import AutologinError, Bug, ConfigError, OutputFailed, Problem


def as_text(data: Any) -> str:
    """JSON, readable; where standard output cannot show a sign, JSON's own spelling of it."""
    everything = sys.stdout.encoding.lower().replace("-", "") == "utf8"
    return json.dumps(data, indent=2, ensure_ascii=not everything)


def print_error(error: AutologinError, *, as_json: bool) -> None:
    """Print the error that ended a command."""
    as_json = as_json and not isinstance(error, OutputFailed)
    if isinstance(error, ConfigError):
        if as_json:
            click.echo(as_text(problems_json(error.problems)))
        else:
            print_problems(error.problems)
    elif as_json:
        click.echo(as_text({"error": error.name, "message": error.message}))
    else:
        label = "error" if type(error) is AutologinError else error.name
        click.echo(f"{click.style(label, fg='red')}: {error.message}", err=True)


def print_problems(problems: Iterable[Problem], margin: str = "") -> None:
    """Print what must be fixed in the config, and how."""
    for problem in problems:
        label = click.style("error", fg="red")
        click.echo(f"{margin}{label}: {problem.key}: {problem.message}", err=True)
        if problem.hint:
            click.echo(indent(problem.hint, margin + "    "), err=True)


def problems_json(problems: Iterable[Problem]) -> dict[str, Any]:
    """What every command prints with --json if the config must be fixed (exit 2), else nothing."""
    rows = [{"key": one.key, "message": one.message, "hint": one.hint} for one in problems]
    return {"error": ConfigError([]).name, "problems": rows} if rows else {}


def print_bug(bug: BaseException, *, as_json: bool, verbose: bool) -> None:
    """Print what should not have happened: its type and its place, for its words may be secret."""
    mistake = Bug.of(bug)
    if verbose:
        click.echo(mistake.frames, err=True)
    label = click.style("bug", fg="red")
    click.echo(f"{label}: {mistake.message}", err=True)
    if as_json:
        click.echo(as_text({"error": mistake.name, "message": mistake.message}))
