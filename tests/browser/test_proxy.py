"""An account's proxy is used by Chromium and by httpx alike: proxies that count what passes through them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import struct
from collections import Counter
from urllib.parse import urlsplit

import pytest
from support.clock import SkippingClock
from support.leaks import leaks
from support.sandbox import rehearsal


class Proxy:
    """A proxy on loopback; `passed` counts connections by the port that they went to, `refused` those without the password."""

    def __init__(self, password=""):
        self.password, self.passed, self.refused = password, Counter(), 0

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
        if base64.b64encode(self.password.encode()) not in rest:
            self.refused += 1
            writer.write(
                b'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
            )
            await writer.drain()
            return
        parts = urlsplit(url)
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


def ports(served):
    return {urlsplit(origin).port for origin in served.twin.origins.values()}


@pytest.mark.parametrize(("kind", "scheme"), [(HttpProxy, "http"), (SocksProxy, "socks5")])
async def test_page_and_exchange_go_through_the_proxy(tmp_path, kind, scheme):
    clock = SkippingClock()
    async with rehearsal(tmp_path, clock=clock) as served, kind("me:p@ss/word") as proxy:
        login = "me:p%40ss%2Fword@" if kind is HttpProxy else ""
        served.change(
            lambda data: data["accounts"]["zerodha"].update(
                proxy=f"{scheme}://{login}127.0.0.1:{proxy.port}"
            )
        )
        outcome = await served.run(clock)
        assert (outcome.outcome, outcome.error) == ("issued", None)
        assert ports(served) <= proxy.passed.keys()
        assert served.twin.counters["callback"] == 0
        assert {urlsplit(served.twin.redirect_uri).port} & proxy.passed.keys() == set()
        assert leaks(["p@ss/word"], [tmp_path / "state"]) == []


async def test_a_proxy_that_is_down_means_that_the_broker_cannot_be_reached(tmp_path):
    clock = SkippingClock()
    async with rehearsal(tmp_path, clock=clock) as served:
        served.change(
            lambda data: data["accounts"]["zerodha"].update(
                proxy="http://me:secret-of-proxy@127.0.0.1:9"
            )
        )
        outcome = await served.run(clock)
        assert outcome.error.name == "broker_unavailable"
        assert "secret-of-proxy" not in outcome.error.message
        assert served.twin.counters["login_page"] == 0


async def test_a_socks_proxy_with_a_password_is_refused_before_the_login(tmp_path):
    async with rehearsal(tmp_path) as served:
        served.change(
            lambda data: data["accounts"]["zerodha"].update(
                proxy="socks5://me:secret-of-proxy@127.0.0.1:9"
            )
        )
        done = await served.user.says("check", "--json")
        (found,) = [one for one in done.json["findings"] if one["key"] == "accounts.zerodha.proxy"]
        assert (done.code, found["level"]) == (2, "problem")
        assert (await served.user.says("run", "zerodha", "--json")).account[
            "error"
        ] == "config_error"
        assert leaks(["secret-of-proxy"], served.user.heard) == []
