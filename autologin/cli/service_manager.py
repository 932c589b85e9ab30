"""What a service manager such as systemd is told, where there is one: sd_notify(3)."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Callable, Mapping

from autologin.log import event

SHORTEST = 0.1
"""Seconds between two signs of life, at least."""


class ServiceManager:
    """Takes our states.

    One that does not listen is its own alarm: it misses READY or WATCHDOG. The service goes on.
    `sign_every` is in seconds: half of what it waits for a sign of life; None: it wants none.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.sign_every = _sign_every(environ)
        self._told = True
        self._datagrams: socket.socket | None = None
        address = environ.get("NOTIFY_SOCKET", "")
        if not address:
            return
        if address.startswith("@"):  # an abstract socket
            address = "\0" + address[1:]
        try:
            # Opened once, so that no lack of files later keeps a sign of life back.
            self._datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._datagrams.settimeout(0)  # a full queue must not stop the service
            self._datagrams.connect(address)
        except OSError as error:
            self.close()
            self._complain("NOTIFY_SOCKET", error)

    def tell(self, state: str) -> None:
        """Tell a state, such as "READY=1"."""
        if self._datagrams is None:
            return
        try:
            self._datagrams.send(state.encode())
            self._told = True
        except OSError as error:
            self._complain(state, error)

    async def give_signs(self, is_alive: Callable[[], bool]) -> None:
        """Give a sign of life as often as it is wanted, while there is life."""
        while self.sign_every is not None:
            if is_alive():
                self.tell("WATCHDOG=1")
            await asyncio.sleep(self.sign_every)

    def close(self) -> None:
        """Tell nothing more."""
        if self._datagrams:
            self._datagrams.close()
            self._datagrams = None

    def _complain(self, state: str, error: OSError) -> None:
        """Log that it was not told, once until it is told again."""
        if self._told:
            self._told = False
            message = error.strerror or str(error)
            event("systemd_not_told", level="WARNING", state=state, message=message)


def _sign_every(environ: Mapping[str, str]) -> float | None:
    """Half of WATCHDOG_USEC, in seconds, where it is meant for this process and makes sense."""
    microseconds = environ.get("WATCHDOG_USEC", "")
    process = environ.get("WATCHDOG_PID", str(os.getpid()))
    if not re.fullmatch(r"0*[1-9][0-9]{0,17}", microseconds) or process != str(os.getpid()):
        return None
    return max(int(microseconds) / 2e6, SHORTEST)
