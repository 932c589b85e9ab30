"""A consumer of webhooks that answers as a test tells it to."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Consumer:
    """An endpoint: answers with these statuses and headers in turn, the last one for ever, and not before `hold` is set."""

    answers: list = field(default_factory=lambda: [(200, {})])
    got: list = field(default_factory=list)
    hold: asyncio.Event | None = None
    served: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    scheme: str = "http"
    path: str = "/hooks/token"
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}{self.path}"

    @property
    def ids(self):
        """Of each request, in the order in which they came."""
        return [headers["webhook-id"] for _, headers, _ in self.got]

    async def heard(self, number):
        """Wait until so many requests have come."""
        async with asyncio.timeout(60), self._news:
            await self._news.wait_for(lambda: len(self.got) >= number)

    async def serve(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (one.partition(":") for one in lines)
            }
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            async with self._news:
                self.got.append((line.split()[0], headers, body))
                self._news.notify_all()
            if self.hold:
                await self.hold.wait()
            status, more = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            told = {"content-length": "0", "connection": "close", **more}
            lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
            writer.write(f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode())
            await writer.drain()
        writer.close()
        self.served.set()


@asynccontextmanager
async def listening(consumer, tls=None):
    server = await asyncio.start_server(consumer.serve, "127.0.0.1", 0, ssl=tls)
    consumer.port = server.sockets[0].getsockname()[1]
    try:
        yield consumer
    finally:
        server.close()
        if consumer.got:
            await consumer.served.wait()
