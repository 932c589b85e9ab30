"""Somebody who is told: an HTTP server on loopback that can be away, refuse or hang, and the notices that it took."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress


class Receiver:
    """One address; `status` is what it answers, `hangs` makes it answer nothing."""

    def __init__(self):
        self.status, self.hangs, self.calls = 200, False, 0
        self.refuses_pictures = False
        self.refused = None
        """Words that it does not take."""
        self.taken = []
        self.port = 0
        self._server = None
        self._open = set()

    @property
    def url(self):
        """What Apprise calls it."""
        return f"json://127.0.0.1:{self.port}/way-secret-canary"

    @property
    def titles(self):
        """What it was told, in order."""
        return [notice["title"] for notice in self.taken]

    async def come(self):
        """From now on somebody listens."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def go(self):
        """From now on a connection is refused."""
        if self._server:
            self._server.close()
            self._server = None
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._open.add(task)
        try:
            await self._answer(reader, writer)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, OSError):
            pass  # we go, or who called has gone
        finally:
            self._open.discard(task)
            with suppress(OSError):
                writer.close()

    async def _answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lengths = [line for line in head.splitlines() if line.lower().startswith("content-length")]
        body = await reader.readexactly(int(lengths[0].split(":")[1]) if lengths else 0)
        self.calls += 1
        if self.hangs:  # a byte at a time, so that no timeout between two of them helps
            while True:
                writer.write(b"H")
                await writer.drain()
                await asyncio.sleep(0.2)
        said = json.loads(body) if body else head.split()[1]
        picture = self.refuses_pictures and body and said["attachments"]
        words = self.refused is not None and self.refused in str(said)
        status = 413 if picture or words else self.status
        if status < 300:
            self.taken.append(said)
        answer = f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        writer.write(answer.encode())
        await writer.drain()


@asynccontextmanager
async def receiver(*, here=True):
    """A receiver that listens, or that is away and will come."""
    one = Receiver()
    await one.come()
    if not here:
        await one.go()
    try:
        yield one
    finally:
        await one.go()
