"""A broker whose answers are lost: it hears every call to its end, counts it, and the reply never arrives."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class LossyBroker:
    """Hears calls; `mode` is what becomes of the reply: reset, stalls, 502, cut."""

    mode: str
    url: str = ""
    calls: list[str] = field(default_factory=list)

    async def hear(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(
                (
                    int(line.split(":")[1])
                    for line in head.splitlines()
                    if line.lower().startswith("content-length")
                ),
                0,
            )
            body = (await reader.readexactly(length)).decode()
            self.calls.append(head.split("\r\n")[0] + "\n" + body)
            await self.lose(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def lose(self, writer):
        if self.mode == "reset":
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        elif self.mode == "stalls":
            await asyncio.sleep(3600)
        elif self.mode == "502":
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        elif self.mode == "cut":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
            writer.write(b'Content-Length: 400\r\n\r\n{"status": fal')
        await writer.drain()


@asynccontextmanager
async def lossy_broker(mode):
    """Serve one on loopback."""
    one = LossyBroker(mode)
    server = await asyncio.start_server(one.hear, "127.0.0.1", 0)
    one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield one
    finally:
        server.close()
