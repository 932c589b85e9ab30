"""The process that a command runs in: its log, its event loop and the signal that ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import click

from autologin import log
from autologin.cli import core_dumps
from autologin.cli.base import verbose
from autologin.errors import AutologinError, Bug
from autologin.log import event

Result = TypeVar("Result")
EVERY = 60.0
"""Seconds between two lines that say the same."""


def configure_log(ctx: click.Context, *, as_json: bool = False) -> None:
    """Log as the command line says."""
    log.configure(verbose=verbose(ctx), as_json=as_json)


def run_async(work: Coroutine[Any, Any, Result]) -> Result:
    """Do asynchronous work to its end; SIGTERM ends it as Ctrl-C does, with everything closed."""
    core_dumps.forbid_for_good()
    os.environ.pop("SSLKEYLOGFILE", None)  # Python's ssl would put our connections' keys there

    async def stoppable() -> Result:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
        unexpected = UnexpectedErrors()
        loop.set_exception_handler(unexpected)
        threading.excepthook = lambda args: unexpected.tell("a thread", args.exc_value)
        sys.unraisablehook = lambda args: unexpected.tell("an object's end", args.exc_value)
        return await work

    try:
        return asyncio.run(stoppable())
    except asyncio.CancelledError:
        raise click.exceptions.Exit(143) from None


class UnexpectedErrors:
    """Logs what nobody waits for, in place of a traceback: each kind once a minute."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def __call__(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What the event loop calls."""
        self.tell(str(context.get("message")), context.get("exception"))

    def tell(self, where: str, error: BaseException | None) -> None:
        """Log it, without its words."""
        known = error if error is None or isinstance(error, AutologinError) else Bug.of(error)
        detail = known.detail if known else ""
        now = time.monotonic()
        if now - self._told.get(detail, -EVERY) >= EVERY:
            self._told[detail] = now
            event("failed", level="ERROR", message=where, detail=detail or None)
