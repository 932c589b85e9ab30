"""Handing the day's token to a program: the program takes autologin's place, with the token in its environment."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from autologin import status
from autologin.config import loader
from autologin.delivery import formats
from autologin.errors import AutologinError, ConfigError, Problem
from autologin.flow import registry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from autologin.app import App
    from autologin.config.schema import Account

NOT_FOUND, NOT_STARTED = 127, 126
"""The exit codes that shells give a command that is not there, and one that cannot be started."""


def start(app: App, account: Account, command: Sequence[str]) -> NoReturn:
    """Become a program that has an account's token in its environment. Signals and the exit code are its own.

    Raises:
        ConfigError: no command is given.
        TokenRejected: there is no token, or it has expired.
        AutologinError: the program cannot be started; `exit_code` is what a shell would give.
    """
    words = command[1:] if command[:1] == ("--",) else command
    if not words:
        raise ConfigError(Problem("CMD", "no command is given", f"Such as: autologin exec {account.name} -- python bot.py"))
    found = variables(status.token(app, account), registry.load(account.broker).environment)
    app.store.close()
    become(words, {**loader.environment(), **found})


def variables(data: Mapping[str, Any], named: Mapping[str, str]) -> dict[str, str]:
    """What a token adds to an environment: `<BROKER>_ACCESS_TOKEN` and so on, and the names of the broker's own users."""
    found = formats.variables(data)
    for name, path in named.items():
        try:
            text = formats.text_of(formats.field_of(data, path))
        except AutologinError:  # a token without this field: its user may not need it
            continue
        if text:
            found[name] = text
    return found


def become(command: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Replace this process by a program, found by the PATH in `environ`.

    Raises:
        AutologinError: it cannot be started.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    ignored = {one: signal.signal(one, signal.SIG_DFL) for one in (signal.SIGPIPE, signal.SIGXFSZ)}  # Python ignores them
    try:
        os.execvpe(command[0], list(command), environ)  # noqa: S606  (there is no shell, and that is the point)
    except OSError as error:
        failed = _not_started(command[0], error, environ)
    except ValueError:  # a zero byte; what exactly may be the token
        failed = _failed(
            NOT_STARTED, f"{command[0]} cannot be started: the token or an argument cannot stand in an environment"
        )
    for one, handler in ignored.items():
        signal.signal(one, handler)
    raise failed from None


def _not_started(name: str, error: OSError, environ: Mapping[str, str]) -> AutologinError:
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        if shutil.which(name, path=environ.get("PATH")):
            return _failed(NOT_FOUND, f"{name} cannot be started: the program in its first line is not there")
        return _failed(NOT_FOUND, f"There is no command {name}", "Check how it is written, and PATH.")
    if error.errno == errno.ENOEXEC:
        return _failed(NOT_STARTED, f"{name} is no program", "A script needs a first line such as #!/bin/sh.")
    return _failed(NOT_STARTED, f"{name} cannot be started: {(error.strerror or '').lower()}")


def _failed(code: int, detail: str, hint: str = "") -> AutologinError:
    error = AutologinError(detail, hint=hint)
    error.exit_code = code
    return error
