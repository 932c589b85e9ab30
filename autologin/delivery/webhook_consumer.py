"""A small consumer of webhooks, on loopback.

It verifies each event as Standard Webhooks says, and forgets what is in it.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from autologin.delivery.sinks.webhook import KEY_HINT, key_in, sign
from autologin.errors import AutologinError, ConfigError, Problem

TOLERANCE = 300
"""Seconds that an event's time may be off: an older one may be a replay."""
MOST = 16
"""Connections at once."""
MAX_BYTES = 1_000_000
"""Bytes of an event."""


@dataclass(frozen=True)
class Event:
    """What arrived, without its secrets.

    `refused` is why it is not to be trusted; empty where it is.
    """

    id: str
    type: str
    account: str
    refused: str
    again: bool
    """Whether an event of this id was here before."""


@dataclass
class Consumer:
    """Takes events at one key and tells of each."""

    key: bytes
    tell: Callable[[Event], None]
    seen: set[str] = field(default_factory=set)
    seconds: float = 10.0
    """How long a request may take to arrive."""
    _open: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request on one connection; the oldest one makes room where there are too many."""
        self._open.append(writer)
        if len(self._open) > MOST:
            self._open.pop(0).transport.abort()
        try:
            async with asyncio.timeout(self.seconds):
                await self._serve(reader, writer)
            writer.close()
        except TimeoutError:
            writer.transport.abort()
        finally:
            if writer in self._open:
                self._open.remove(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(
            asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError
        ):
            line, *lines = (
                (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
            )
            headers = {
                name.lower(): value.strip()
                for name, _, value in (one.partition(":") for one in lines)
            }
            body = await reader.readexactly(min(int(headers.get("content-length", 0)), MAX_BYTES))
            status = (
                self._accept(headers, body)
                if line.startswith("POST ")
                else "405 Method Not Allowed"
            )
            writer.write(
                f"HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()
            )
            await writer.drain()

    def _accept(self, headers: Mapping[str, str], body: bytes) -> str:
        refused = self._verify(headers, body)
        identity = headers.get("webhook-id", "")
        event = _parse(body) if not refused else {}
        data = event.get("data")
        account = str(data.get("account", "")) if isinstance(data, dict) else ""
        self.tell(
            Event(identity, str(event.get("type", "")), account, refused, identity in self.seen)
        )
        if not refused:
            self.seen.add(identity)
        return "401 Unauthorized" if refused else "204 No Content"

    def _verify(self, headers: Mapping[str, str], body: bytes) -> str:
        """Why an event is not to be trusted; empty where it is."""
        stamp = headers.get("webhook-timestamp", "")
        if not stamp:
            return "it is not signed"
        if not re.fullmatch(r"[0-9]{1,12}", stamp) or abs(time.time() - int(stamp)) > TOLERANCE:
            return "its time is more than five minutes off"
        right = sign(headers.get("webhook-id", ""), int(stamp), body, [self.key])[
            "webhook-signature"
        ]
        given = headers.get("webhook-signature", "").split()
        return (
            ""
            if any(hmac.compare_digest(right, one) for one in given)
            else "its signature is wrong"
        )


@asynccontextmanager
async def listen(key: bytes, port: int, tell: Callable[[Event], None]) -> AsyncIterator[str]:
    """A consumer on loopback; gives its address.

    Raises:
        ConfigError: the port is in use.
    """
    try:
        serve = Consumer(key, tell).serve
        # So many connections are accepted at a time, before any of them is looked at.
        server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=MOST)
    except OSError as error:
        raise ConfigError(
            Problem(
                "--port", f"{port} cannot be used: {error.strerror}", "Choose another (0: any)."
            )
        ) from None
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def serve_forever(
    key: bytes, port: int, tell: Callable[[Event], None], ready: Callable[[str], None]
) -> None:
    """Listen until somebody stops it, or nobody can be told any more.

    Raises:
        OSError, AutologinError: what `tell` raised; its event was not accepted.
    """
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def tell_or_end(event: Event) -> None:
        try:
            tell(event)
        except (OSError, AutologinError) as error:
            if not over.done():
                over.set_exception(error)
            raise ConnectionAbortedError from None

    async with listen(key, port, tell_or_end) as url:
        ready(url)
        await over


def key_from(environ: Mapping[str, str], variable: str) -> bytes:
    """The key in the secret that a variable holds.

    Raises:
        ConfigError: it holds none.
    """
    try:
        return key_in(environ.get(variable, ""))
    except ValueError as error:
        raise ConfigError(Problem(variable, str(error), KEY_HINT)) from None


def _parse(body: bytes) -> dict[str, object]:
    try:
        data = json.loads(body)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
