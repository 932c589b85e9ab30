"""Proxies on loopback that say what was asked of them. Whatever host is named, they ask this machine for it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import struct
from collections import Counter
from urllib.parse import urlsplit


class Proxy:
    """A proxy on loopback; `passed` counts connections by the port that they went to, `refused` those without the password."""

    def __init__(self, password=""):
        self.password, self.passed, self.refused = password, Counter(), 0
        self.asked = []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.server.close()

    async def _serve(self, reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self.talk(reader, writer)
        writer.close()

    async def between(self, port, reader, writer, head=b""):
        self.passed[port] += 1
        there, out = await asyncio.open_connection("127.0.0.1", port)
        out.write(head)
        await asyncio.gather(pump(reader, out), pump(there, writer))


async def pump(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()


class HttpProxy(Proxy):
    async def talk(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        first, _, rest = head.partition(b"\r\n")
        method, url, version = first.decode().split(" ")
        self.asked.append(url)
        if base64.b64encode(self.password.encode()) not in rest:
            self.refused += 1
            writer.write(
                b'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
            )
            await writer.drain()
            return
        parts = urlsplit(url)
        if method == "CONNECT" or parts.port < 1024:  # nobody is behind it
            writer.write(b"HTTP/1.1 502 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        path = parts._replace(scheme="", netloc="").geturl() or "/"
        rest = b"\r\n".join(
            line
            for line in rest.split(b"\r\n")
            if not line.lower().startswith((b"proxy-", b"connection:"))
        )
        await self.between(
            parts.port,
            reader,
            writer,
            f"{method} {path} {version}\r\nConnection: close\r\n".encode() + rest,
        )


class SocksProxy(Proxy):
    async def talk(self, reader, writer):
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        *_, kind = await reader.readexactly(4)
        await reader.readexactly(4 if kind == 1 else (await reader.readexactly(1))[0])
        (port,) = struct.unpack(">H", await reader.readexactly(2))
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        await self.between(port, reader, writer)
