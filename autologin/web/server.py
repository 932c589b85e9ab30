"""One ASGI app on one port, inside an event loop that somebody else runs."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from starlette.types import ASGIApp


class Served:
    """uvicorn without its signal handlers and main loop: it leaves ours alone and ends at once.

    Raises:
        OSError: the port cannot be used.
    """

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._socket = listener(host, port)
        self.host = host
        self.port = int(self._socket.getsockname()[1])
        quiet = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            date_header=False,
            server_header=False,
        )
        self.server = uvicorn.Server(quiet)

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    async def open(self) -> None:
        """Listen."""
        self.server.config.load()
        self.server.lifespan = self.server.config.lifespan_class(self.server.config)
        await self.server.startup(sockets=[self._socket])

    async def close(self) -> None:
        """Stop listening, cut every connection, and end what was still being answered."""
        for server in self.server.servers:
            server.close()
        self._socket.close()
        for connection in list(self.server.server_state.connections):
            connection.transport.abort()
        tasks = list(self.server.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


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
