"""`autologin serve`: the service as a process: its signals, its web server, systemd."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Mapping
from pathlib import Path

import click

from autologin.app import App
from autologin.cli.base import Command, config_file
from autologin.cli.init_process import wait_for_orphans
from autologin.cli.process import configure_log, run_async
from autologin.clock import SystemClock
from autologin.config import loader
from autologin.log import event
from autologin.market.loader import load_calendar
from autologin.service.service import Service
from autologin.web.app import serve_http


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
        try:
            environ = loader.environment()
            service.heartbeat = lambda: notify_systemd(environ, "WATCHDOG=1")
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, service.stop)
            loop.add_signal_handler(signal.SIGHUP, service.reload)
            notify_systemd(environ, "READY=1")
            await service.serve()
            notify_systemd(environ, "STOPPING=1")
        finally:
            await web.close()


def notify_systemd(environ: Mapping[str, str], state: str) -> None:
    """Tell the service manager our state, where there is one (sd_notify(3)).

    One that does not listen is its own alarm: it misses READY or WATCHDOG. The service goes on.
    """
    address = environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # an abstract socket
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        try:
            # A full queue must not stop the service.
            datagrams.sendto(state.encode(), socket.MSG_DONTWAIT, address)
        except OSError as error:
            event("systemd_not_told", level="WARNING", state=state, message=error.strerror)
