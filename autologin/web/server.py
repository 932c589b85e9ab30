"""One ASGI app on one port, inside an event loop that somebody else runs."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.server import ServerState

from autologin.web.connections import Connection, Listener, Patience, most_connections

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp


class Served:
    """uvicorn without its signal handlers and main loop: it leaves ours alone and ends at once.

    `most`: the connections that it takes at once; None: as many as leave a login its files.

    Raises:
        OSError: the port cannot be used.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        *,
        patience: Patience = Patience(),  # noqa: B008  (it cannot change)
        most: int | None = None,
    ) -> None:
        self._socket = listener(host, port)
        self._listener: Listener | None = None
        self._patience, self._most = patience, most
        self.host = host
        self.port = int(self._socket.getsockname()[1])
        self._config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            # What uvicorn says of an app's mistake is a traceback; apps tell of their mistakes.
            log_level="critical",
            access_log=False,
            date_header=False,
            server_header=False,
        )
        self._state = ServerState()

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def connections(self) -> Collection[Connection]:
        """Those that are open."""
        return self._listener.connections if self._listener else ()

    async def open(self) -> None:
        """Listen."""
        self._config.load()
        most = most_connections() if self._most is None else self._most
        self._listener = Listener(
            self._socket, self._connection, patience=self._patience, most=most
        )

    async def close(self) -> None:
        """Stop listening, cut every connection, and end what was still being answered."""
        if self._listener:
            self._listener.close()
        self._socket.close()
        tasks = list(self._state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)

    def _connection(self) -> Connection:
        assert self._listener is not None
        connection = Connection(self._config, self._state, {})
        connection.owner = self._listener
        return connection


def listener(host: str, port: int) -> socket.socket:
    """A socket that is bound, and takes connections once it is served.

    Raises:
        OSError: the address or the port cannot be used.
    """
    if port > 65535:
        raise OSError(errno.EINVAL, f"port {port} of {host} cannot be used: the highest is 65535")
    # Named as TCP, or asyncio leaves Nagle's algorithm on and each answer waits 40 ms.
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        family, kind, protocol, _, address = found[0]
    except socket.gaierror as error:
        raise OSError(
            error.errno, f"{host} is not an address of this machine: {error.strerror}"
        ) from error
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise OSError(
            error.errno, f"port {port} of {host} cannot be used: {error.strerror}"
        ) from error
    return bound
