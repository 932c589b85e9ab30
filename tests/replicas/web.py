"""A web server of a few lines, because replicas must also hang, stall and cut connections."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from email.utils import format_datetime
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Asked:
    """A request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: str

    @property
    def form(self):
        return (
            dict(parse_qsl(self.raw, keep_blank_values=True))
            if not self.raw.startswith("{")
            else json.loads(self.raw)
        )

    @property
    def cookies(self):
        pairs = (pair.partition("=") for pair in self.headers.get("cookie", "").split("; "))
        return {name: value for name, _, value in pairs if name}


@dataclass
class Said:
    """A response; `cut` closes the connection instead, without a word."""

    body: str = ""
    status: int = 200
    kind: str = "text/html; charset=utf-8"
    headers: list[tuple[str, str]] = field(default_factory=list)
    cut: bool = False


def page(html, status=200, **headers):
    return Said(
        html, status, headers=[(name.replace("_", "-"), value) for name, value in headers.items()]
    )


def data(content, status=200, **headers):
    answer = page(json.dumps(content), status, **headers)
    answer.kind = "application/json"
    return answer


def redirect(url, status=302, **headers):
    return page("", status, location=url, **headers)


class Site:
    """Serves `answer(asked)` on a port of its own."""

    def __init__(self, answer, clock, host="127.0.0.1"):
        self.answer, self.clock, self.host = answer, clock, host
        self.date_off = 0.0
        self._busy = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.origin = f"http://{self.host}:{self.port}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in self._busy:
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._busy.add(task)
        try:
            with contextlib.suppress(
                ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError
            ):
                await self._one(reader, writer)
        finally:
            self._busy.discard(task)
            writer.close()

    async def _one(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ", 2)
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        parts = urlsplit(target)
        asked = Asked(
            method,
            parts.path,
            dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers,
            body.decode(),
        )
        said = await self.answer(asked)
        if said.cut:
            writer.transport.abort()
            return
        content = said.body.encode()
        now = self.clock.now()
        lines = [
            f"HTTP/1.1 {said.status} {HTTPStatus(said.status).phrase}",
            f"Content-Type: {said.kind}",
            "Connection: close",
        ]
        lines += [
            f"Date: {format_datetime(now.fromtimestamp(now.timestamp() + self.date_off, now.tzinfo), usegmt=True)}"
        ]
        lines += [
            f"Content-Length: {len(content)}",
            *(f"{name}: {value}" for name, value in said.headers),
        ]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
        await writer.drain()
