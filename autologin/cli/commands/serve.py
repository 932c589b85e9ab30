"""`autologin serve`: the service as a process: its signals, its web server, systemd."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from pathlib import Path

import click

from autologin.app import App
from autologin.cli.base import Command, config_file
from autologin.cli.init_process import wait_for_orphans
from autologin.cli.process import configure_log, run_async
from autologin.cli.service_manager import ServiceManager
from autologin.clock import SystemClock
from autologin.config import loader
from autologin.log import event
from autologin.market.loader import load_calendar
from autologin.service.service import LOOK, Service
from autologin.web.app import serve_http
from autologin.web.connections import raise_file_limit

SLACK = 30.0
"""Seconds that a look may come late before the service manager gets no sign of life any more."""


@click.command(cls=Command)
@click.option(
    "--log-format",
    type=click.Choice(["human", "json"]),
    default="human",
    show_default=True,
    help="json: one line for each event.",
)
@click.pass_context
def serve(ctx: click.Context, log_format: str) -> None:
    """Log in every trading day, until you stop it.

    \b
    For every account in the config: logs in on time, catches up on missed logins, retries
    outstanding deliveries, verifies the token through the session, and tells you when something
    is wrong.
    \b
    SIGTERM, Ctrl-C   start nothing more, let a login finish (stop_timeout), exit 0
    SIGHUP            read the config again; an invalid one is reported and ignored
    """  # noqa: D301  (click wants the character)
    wait_for_orphans()
    # Until the service can take it, a SIGHUP asks for nothing: the config is not read yet.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    configure_log(ctx, as_json=log_format == "json")
    raise_file_limit()
    run_async(serve_until_signal(config_file(ctx)))


async def serve_until_signal(file: Path | None) -> None:
    """Serve until a signal ends it.

    Raises:
        ConfigError, StoreError: it cannot begin.
    """
    app = App.open(loader.load(file), SystemClock())
    with contextlib.closing(app.store):
        service = Service(app, load_calendar, file)
        web = await serve_http(service, app.settings.http.listen)
        event("listening", url=web.url)
        manager = ServiceManager(loader.environment())
        life = Life(service)
        signs = asyncio.ensure_future(manager.give_signs(life.lasts))

        def stop() -> None:
            manager.tell("STOPPING=1")
            life.end()
            service.stop()

        try:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, stop)
            loop.add_signal_handler(signal.SIGHUP, service.reload)
            manager.tell("READY=1")
            await service.serve()
        finally:
            signs.cancel()
            await web.close()
            manager.close()


class Life:
    """Whether a service turns: it looks at its accounts in time, or ends in time."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._until = 0.0
        service.heartbeat = self._look
        self._look()

    def lasts(self) -> bool:
        """Whether it looked, or began to end, not too long ago."""
        return time.monotonic() < self._until

    def end(self) -> None:
        """It begins to end."""
        self._until = time.monotonic() + self._service.settings.stop_timeout + SLACK

    def _look(self) -> None:
        self._until = time.monotonic() + LOOK + SLACK
