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
from autologin.errors import ConfigError, Problem

TOLERANCE = 300
"""Seconds that an event's time may be off: an older one may be a replay."""
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

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request on one connection."""
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
        writer.close()

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
        server = await asyncio.start_server(Consumer(key, tell).serve, "127.0.0.1", port)
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
    """Listen until somebody stops it."""
    async with listen(key, port, tell) as url:
        ready(url)
        await asyncio.Event().wait()


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
