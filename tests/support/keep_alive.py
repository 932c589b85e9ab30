"""A server that keeps its connections open, and that hangs up on a POST instead of answering it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

PAGE = """<!doctype html><link rel="icon" href="data:,">
<form method="post" action="/login"><input name="password"><button>Login</button></form>
<script>
const warm = count => Promise.all([...Array(count).keys()].map(
  at => fetch(`/warm/${at}`).then(reply => reply.text())));
const send = () => fetch("/login", {
  method: "POST", body: new URLSearchParams({ password: document.forms[0].password.value }),
}).catch(error => error.message);
</script>"""


class KeepAliveServer:
    """HTTP/1.1 over sockets, so that what arrives is counted beneath every client library.

    `posts` are the bodies of the POSTs that arrived whole. `ending` says what becomes of one:
    "answered" (with `reply`), "dropped" (read, then the connection is closed), "dropped and gone" (and nobody
    listens any more).
    """

    def __init__(self, ending="answered", page=PAGE, tls=None):
        self.ending, self.page, self.tls = ending, page, tls
        self.posts = []
        self.reply = b"{}"
        self.connections = 0
        self._writers = set()
        self._held = []
        self._all_here = asyncio.Event()
        self.together = 0

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        scheme = "https" if self.tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_):
        self.leave()

    def leave(self):
        """Listen no more, and close every connection."""
        self._server.close()
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader, writer):
        self.connections += 1
        self._writers.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self._answer(reader, writer):
                pass
        writer.close()

    async def _answer(self, reader, writer):
        """Answer one request; False: hang up instead."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        line, *headers = head.split("\r\n")
        lengths = [int(one.split(":")[1]) for one in headers if one.startswith("content-length")]
        body = await reader.readexactly(lengths[0]) if lengths else b""
        method, path, _ = line.split(" ")
        if method == "post":
            self.posts.append(body.decode())
            if self.ending != "answered":
                if self.ending == "dropped and gone":
                    self.leave()
                return False
        if path.startswith("/warm/"):
            await self._wait_for_the_others()
        page = path == "/"
        kind, data = ("text/html", self.page.encode()) if page else ("application/json", self.reply)
        told = f"content-type: {kind}\r\ncontent-length: {len(data)}\r\nconnection: keep-alive"
        writer.write(f"HTTP/1.1 200 OK\r\n{told}\r\n\r\n".encode() + data)
        await writer.drain()
        return True

    async def _wait_for_the_others(self):
        """Each of `together` calls holds a connection of its own, until all of them are here."""
        self._held.append(None)
        if len(self._held) == self.together:
            self._all_here.set()
        await self._all_here.wait()
