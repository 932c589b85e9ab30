"""`autologin serve` as a process: its signals, its web server, and what systemd wants to hear."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from typing import TYPE_CHECKING

from autologin.app import App
from autologin.clock import SystemClock
from autologin.config import loader
from autologin.log import event
from autologin.market.loader import load_calendar
from autologin.service.service import Service
from autologin.web.app import serve_http

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


async def serve(file: Path | None) -> None:
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
            await _until_a_signal(service, loader.environment())
        finally:
            await web.close()


async def _until_a_signal(service: Service, environ: Mapping[str, str]) -> None:
    service.heartbeat = lambda: tell_systemd(environ, "WATCHDOG=1")
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.stop)
    loop.add_signal_handler(signal.SIGHUP, service.reload)
    tell_systemd(environ, "READY=1")
    await service.serve()
    tell_systemd(environ, "STOPPING=1")


def tell_systemd(environ: Mapping[str, str], what: str) -> None:
    """Tell the service manager how we are, where there is one (sd_notify(3))."""
    if not (address := environ.get("NOTIFY_SOCKET")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mouth:
        mouth.sendto(what.encode(), address.replace("@", "\0", 1) if address.startswith("@") else address)
