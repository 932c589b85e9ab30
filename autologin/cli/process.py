"""The process that a command runs in: its log, its event loop and the signal that ends it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

import click

from autologin import log
from autologin.cli import core_dumps
from autologin.cli.base import verbose

Result = TypeVar("Result")


def configure_log(ctx: click.Context, *, as_json: bool = False) -> None:
    """Log as the command line says."""
    log.configure(verbose=verbose(ctx), as_json=as_json)


def run_async(work: Coroutine[Any, Any, Result]) -> Result:
    """Do asynchronous work to its end; SIGTERM ends it as Ctrl-C does, with everything closed."""
    core_dumps.forbid_for_good()

    async def stoppable() -> Result:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
        loop.set_exception_handler(_note_stray_error)
        return await work

    try:
        return asyncio.run(stoppable())
    except asyncio.CancelledError:
        raise click.exceptions.Exit(143) from None


def _note_stray_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Of an error that nobody waits for, such as that of a driver that was killed, the kind.

    What it says may hold anything.
    """
    kind = type(context.get("exception")).__name__
    log.event("stray_error", level="DEBUG", error=kind, message=context.get("message"))
