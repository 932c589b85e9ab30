"""The process that a command runs in: its log, its event loop and the signal that ends it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

import click

from autologin import log
from autologin.cli.base import verbose

Result = TypeVar("Result")


def configure_log(ctx: click.Context, *, as_json: bool = False) -> None:
    """Log as the command line says."""
    log.configure(verbose=verbose(ctx), as_json=as_json)


def run_async(work: Coroutine[Any, Any, Result]) -> Result:
    """Do asynchronous work to its end; SIGTERM ends it as Ctrl-C does, with everything closed."""

    async def stoppable() -> Result:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return asyncio.run(stoppable())
    except asyncio.CancelledError:
        raise click.exceptions.Exit(143) from None
