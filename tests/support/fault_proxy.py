"""A proxy in front of a twin, which lets everything through but for one call, whose reply meets with a fault.

What that call asks for has happened: it reaches the twin, and is counted there, before its reply meets with the fault.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlsplit

DRIP = 0.3
"""Seconds between two bytes."""
HUGE = b"a" * 50_000_000
PAGE = b"<!doctype html><title>Welcome</title><h1>Welcome</h1><p>There is nothing to see here.</p>"
LOCKED = (
    b'{"status": %b, "message": "Your account is locked after too many attempts", "data": null}'
)
JSON = "application/json"


def reply(status, body=b"", kind="text/html", **headers):
    """A whole reply."""
    told = {"Content-Type": kind, "Content-Length": len(body), "Connection": "close", **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in told.items())
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode("latin-1") + body


def in_two_seconds():
    return format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)


OTHER_REPLIES = {
    "502": lambda _: reply(502, b"<title>Bad Gateway</title>"),
    "429": lambda _: reply(429, b"<title>Too Many Requests</title>"),
    "429 seconds": lambda _: reply(429, Retry_After=2),
    "429 date": lambda _: reply(429, Retry_After=in_two_seconds()),
    "429 absurd": lambda _: reply(429, Retry_After="\u00b2"),
    "429 locked": lambda right: reply(429, LOCKED % no_of(right), JSON),
    "cut JSON": lambda right: reply(200, cut(right), JSON),
    "HTML": lambda _: reply(200, PAGE),
    "empty": lambda _: reply(200),
    "50 MB": lambda _: reply(200, b'{"data": "' + HUGE, JSON),
}
"""What is sent instead of the right reply."""


def no_of(right):
    """How the broker that answers like this says no in JSON."""
    return b"false" if b'"status":true' in right else b'"error"'


def cut(right):
    """The first half of a reply's body, or of some JSON where it has none."""
    body = right.partition(b"\r\n\r\n")[2] or b'{"status": "success", "data": {}}'
    return body[: len(body) // 2]


class FaultProxy:
    """Stands before the server at `target`; a `call`, such as "GET /profile", meets with `fault` while that is set.

    `before` is the call whose reply is the last before that call: "refused" begins with it, and from the start where
    there is none. `arrived` is set when the twin has answered such a call. Under the fault "held" its reply waits for
    `release`. `elsewhere` is the address that the fault "elsewhere" redirects to.
    """

    def __init__(self, target, call, *, before="", fault="", tls=None, elsewhere=""):
        self.target, self.call, self.before, self.fault, self.tls = target, call, before, fault, tls
        self.elsewhere = elsewhere
        self.arrived, self.release = asyncio.Event(), asyncio.Event()
        self.port = 0
        self._server = None
        self._open = {}

    @property
    def origin(self):
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    async def __aenter__(self):
        await self.come()
        if self.fault == "refused" and not self.before:
            self.go()
        return self

    async def __aexit__(self, *_):
        self.go()
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def come(self):
        """Listen, without a fault or with one."""
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self.tls, limit=2**20
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def go(self):
        """Refuse every connection from now on."""
        if self._server:
            self._server.close()
            self._server = None
        for task, writer in self._open.items():
            if task is not _this_task():
                hang_up(writer)

    async def heal(self):
        """From now on everything is let through."""
        self.fault, self.tls = "", None
        self.release.set()
        self.go()
        await self.come()

    async def _serve(self, reader, writer):
        self._open[_this_task()] = writer
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._answer(reader, writer)
        del self._open[_this_task()]
        writer.close()

    async def _answer(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(length_of(head))
        method, address, _ = head.decode("latin-1").split(" ", 2)
        call = f"{method} {urlsplit(address).path}"
        answer = await self._ask(head, body)
        if self.fault == "refused" and call == self.before and not answer.startswith(b"HTTP/1.1 3"):
            self.go()
        if self.fault and call == self.call:
            self.arrived.set()
            await self._break(writer, answer, method == "GET")
        else:
            writer.write(answer)
            await writer.drain()

    async def _ask(self, head, body):
        """The target's whole reply."""
        where = urlsplit(self.target)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        lines = [
            line
            for line in head.split(b"\r\n")
            if not line.lower().startswith((b"connection:", b"accept-encoding:"))
        ]
        writer.write(b"\r\n".join([lines[0], b"connection: close", *lines[1:]]) + body)
        answer = await reader.read()
        writer.close()
        return answer

    async def _break(self, writer, answer, is_get):
        fault = self.fault
        if fault == "reset before":
            hang_up(writer)
        elif fault == "reset within":
            head, _, body = answer.partition(b"\r\n\r\n")
            writer.write(answer[: len(head) + 6] if body else head[: len(head) // 2])
            await writer.drain()
            hang_up(writer)
        elif fault == "stall":
            await asyncio.Event().wait()
        elif fault == "drip":
            await drip(writer, answer)
        elif fault == "held":
            await self.release.wait()
            writer.write(answer)
        elif fault == "elsewhere":
            writer.write(reply(302 if is_get else 307, Location=self.elsewhere))
        else:
            writer.write(OTHER_REPLIES[fault](answer))
        with contextlib.suppress(OSError):
            await writer.drain()


class Elsewhere:
    """A server of somebody else's, on another address of this machine; `heard` is all that arrived there."""

    def __init__(self):
        self.heard = []

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.2", 0)
        self.url = f"http://127.0.0.2:{self._server.sockets[0].getsockname()[1]}/welcome"
        return self

    async def __aexit__(self, *_):
        self._server.close()

    async def _serve(self, reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(length_of(head))
            self.heard.append((head + body).decode(errors="replace"))
            writer.write(reply(200, PAGE, Access_Control_Allow_Origin="*"))
            await writer.drain()
        writer.close()


async def drip(writer, answer):
    """One byte at a time, so that no timeout between two of them helps."""
    for at in range(len(answer)):
        writer.write(answer[at : at + 1])
        await writer.drain()
        await asyncio.sleep(DRIP)


def hang_up(writer):
    """Reset a connection."""
    with contextlib.suppress(OSError, AttributeError):
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def length_of(head):
    lines = head.decode("latin-1").lower().split("\r\n")
    return next((int(line[15:]) for line in lines if line.startswith("content-length:")), 0)


def _this_task():
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
