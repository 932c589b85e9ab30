"""`autologin exec`: a program takes autologin's place, with the token in its environment."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import click

from autologin import status
from autologin.app import App
from autologin.cli import core_dumps
from autologin.cli.base import Command
from autologin.cli.context import account_name, load_settings, open_app
from autologin.config import loader
from autologin.config.schema import Account
from autologin.delivery import formats
from autologin.errors import AutologinError, ConfigError, Problem
from autologin.flow import registry

NOT_FOUND = 127
"""The exit code that shells give a command that is not there."""
NOT_STARTED = 126
"""The exit code that shells give a command that cannot be started."""


@click.command("exec", cls=Command, context_settings={"allow_interspersed_args": False})
@account_name
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="-- CMD...")
@click.pass_context
def exec_(ctx: click.Context, name: str, command: tuple[str, ...]) -> None:
    """Start a program with the token in its environment.

    The program replaces autologin: it receives the signals, and its exit code is the command's.
    Without a valid token it is not started (exit 3). Exit 127: there is no such command; 126: it
    cannot be started.

    \b
    autologin exec zerodha -- python bot.py
        finds KITE_API_KEY, KITE_ACCESS_TOKEN, ZERODHA_ACCESS_TOKEN ...
    """  # noqa: D301  (click wants the character)
    settings = load_settings(ctx)
    start(open_app(settings), settings.account(name), command)


def start(app: App, account: Account, command: Sequence[str]) -> NoReturn:
    """Become a program that has an account's token in its environment.

    Signals and the exit code are its own.

    Raises:
        ConfigError: no command is given.
        TokenRejected: there is no token, or it has expired.
        AutologinError: the program cannot be started; `exit_code` is what a shell would give.
    """
    words = command[1:] if command[:1] == ("--",) else command
    if not words:
        hint = f"For example: autologin exec {account.name} -- python bot.py"
        raise ConfigError(Problem("CMD", "no command is given", hint))
    added = variables(status.token(app, account), registry.load(account.broker).environment)
    app.store.close()
    become(words, {**loader.environment(), **added})


def variables(data: Mapping[str, Any], named: Mapping[str, str]) -> dict[str, str]:
    """What a token adds to an environment.

    `<BROKER>_ACCESS_TOKEN` and so on, and the names that programs of the broker's users expect.
    """
    variables = formats.variables(data)
    for name, path in named.items():
        try:
            text = formats.text_of(formats.field_of(data, path))
        except AutologinError:  # a token without this field: its user may not need it
            continue
        if text:
            variables[name] = text
    return variables


def become(command: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Replace this process by a program, found by the PATH in `environ`.

    Raises:
        AutologinError: it cannot be started.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    # Python ignores these two; the program must not inherit that.
    handlers = {one: signal.signal(one, signal.SIG_DFL) for one in (signal.SIGPIPE, signal.SIGXFSZ)}
    core_dumps.allow_again()
    try:
        os.execvpe(command[0], list(command), environ)  # noqa: S606  (no shell, on purpose)
    except OSError as error:
        failed = _not_started(command[0], error, environ)
    except ValueError:  # a zero byte; what exactly may be the token
        why = "the token or an argument cannot be passed to a program"
        detail = f"{command[0]} cannot be started: {why}"
        failed = _failed(NOT_STARTED, detail)
    for one, handler in handlers.items():
        signal.signal(one, handler)
    raise failed from None


def _not_started(name: str, error: OSError, environ: Mapping[str, str]) -> AutologinError:
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        if shutil.which(name, path=environ.get("PATH")):
            detail = f"{name} cannot be started: the program in its first line is not there"
            return _failed(NOT_FOUND, detail)
        return _failed(NOT_FOUND, f"There is no command {name}", "Check the spelling, and PATH.")
    if error.errno == errno.ENOEXEC:
        return _failed(
            NOT_STARTED,
            f"{name} is not a program",
            "A script needs a first line such as #!/bin/sh.",
        )
    return _failed(NOT_STARTED, f"{name} cannot be started: {(error.strerror or '').lower()}")


def _failed(code: int, detail: str, hint: str = "") -> AutologinError:
    error = AutologinError(detail, hint=hint)
    error.exit_code = code
    return error
