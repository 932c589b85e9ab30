"""Clients that dawdle, crowd in or talk nonsense: each is cut off, and those that behave are answered."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import resource
import socket
from contextlib import asynccontextmanager

import pytest

from autologin.web import connections
from autologin.web.connections import Patience
from autologin.web.server import Served

SHORT = Patience(head=0.1, body=0.1, answer=0.1)
BIG = b"x" * 5_000_000


async def answer(scope, receive, send):
    """/hang is never answered, /big is, /form reads a body, anything else is `alive`."""
    path = scope["path"]
    if path == "/hang":
        await asyncio.Event().wait()
    if path == "/form":
        while (message := await receive()).get("more_body"):
            pass
        if message["type"] == "http.disconnect":
            return
    body = BIG if path == "/big" else b"alive"
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    if path == "/late":
        raise RuntimeError("late-canary")


@asynccontextmanager
async def serving(patience=SHORT, most=None):
    served = Served(answer, "127.0.0.1", 0, patience=patience, most=most)
    await served.open()
    try:
        yield served
    finally:
        await served.close()


async def connect(served, sent=b""):
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(sent)
    return reader, writer


async def told(served, sent):
    """All that is answered until the server ends the connection."""
    reader, writer = await connect(served, sent)
    async with asyncio.timeout(20):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b"reset"
        finally:
            writer.transport.abort()
            await asyncio.sleep(0)


async def alive(served):
    heard = await told(served, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    return heard.endswith(b"alive")


DAWDLE = {
    "says nothing": b"",
    "says half a line": b"GET / HT",
    "says half its headers": b"GET / HTTP/1.1\r\nhost: x\r\n",
    "sends no body": b"POST /form HTTP/1.1\r\nhost: x\r\ncontent-length: 10000000000\r\n\r\n",
    "sends half a chunk": b"POST /form HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nff\r\nx",
    "waits for an answer that never comes": b"GET /hang HTTP/1.1\r\nhost: x\r\n\r\n",
}


@pytest.mark.parametrize("sent", DAWDLE.values(), ids=DAWDLE)
async def test_who_dawdles_is_cut_off(sent):
    async with serving() as served:
        assert await told(served, sent) in {b"", b"reset"}
        assert not served.connections
        assert await alive(served)


async def test_a_drip_gains_no_time():
    async with serving() as served:
        reader, writer = await connect(served)

        async def drip():
            for byte in b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 1000:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.01)

        dripping = asyncio.ensure_future(drip())
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionResetError):  # a byte was on its way
                assert await reader.read() == b""
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)
        writer.transport.abort()
        await asyncio.sleep(0)


async def test_who_does_not_take_the_answer_is_cut_off():
    async with serving() as served:
        _, writer = await connect(served, b"GET /big HTTP/1.1\r\nhost: x\r\n\r\n" * 3)
        writer.transport.pause_reading()
        async with asyncio.timeout(20):
            while not served.connections:  # noqa: ASYNC110
                await asyncio.sleep(0)
            while served.connections:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        writer.transport.abort()


async def test_a_body_that_nobody_wants_is_not_read_to_its_end():
    async with serving(Patience()) as served:
        reader, writer = await connect(
            served, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10000000000\r\n\r\n"
        )
        assert b"200" in await reader.readline()

        async def flood():
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()

        async with asyncio.timeout(20):
            with pytest.raises(ConnectionError):
                await flood()
        writer.transport.abort()


async def test_connections_stay_open_and_requests_may_come_in_a_row():
    async with serving(Patience()) as served:
        ask = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
        heard = await told(served, ask * 50 + ask.replace(b"host", b"connection: close\r\nhost"))
        assert heard.count(b"alive") == 51


@pytest.mark.parametrize("kind", [*DAWDLE][:5])
async def test_a_crowd_keeps_nobody_out(kind):
    """Those that have let us wait longest make room."""
    async with serving(Patience(), most=4) as served:
        crowd = [await connect(served, DAWDLE[kind]) for _ in range(40)]
        for _ in range(3):
            assert await alive(served)
        assert len(served.connections) <= 4
        for _, writer in crowd:
            writer.transport.abort()


async def test_where_all_are_being_answered_the_next_one_waits():
    async with serving(Patience(answer=0.5), most=4) as served:
        crowd = [await connect(served, DAWDLE[[*DAWDLE][5]]) for _ in range(4)]
        assert await alive(served)
        for _, writer in crowd:
            writer.transport.abort()


NONSENSE = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01" * 10 + b"\r\n\r\n",
    "headers without end": b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000,
    "a chunk that is none, after an answer": b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
    b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n\r\n",
    "a second request that is none": b"GET / HTTP/1.1\r\nhost: x\r\n\r\n\x00\x00\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    "an upgrade": b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    "an app that fails after its answer": b"GET /late HTTP/1.1\r\nhost: x\r\n\r\n",
}


@pytest.mark.parametrize("sent", NONSENSE.values(), ids=NONSENSE)
async def test_nonsense_ends_the_connection_without_a_word_on_our_side(sent, capfd):
    heard = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: heard.append(context))
    logging.getLogger("uvicorn.error").setLevel(logging.NOTSET)
    async with serving() as served:
        await told(served, sent)
        assert await alive(served)
    asyncio.get_running_loop().set_exception_handler(None)
    assert heard == []
    assert "Traceback" not in capfd.readouterr().err


async def test_where_no_file_is_left_it_waits_and_goes_on(monkeypatch):
    monkeypatch.setattr(connections, "NO_FILE_PAUSE", 0.05)
    said = []
    monkeypatch.setattr(connections, "event", lambda name, **facts: said.append((name, facts)))
    files = iter([None, None, None])

    class Short(socket.socket):
        def accept(self):
            if next(files, "some") is None:
                raise OSError(errno.EMFILE, "Too many open files")
            return super().accept()

    async with serving(Patience()) as served:
        served._listener._stop_listening()
        served._listener._socket = Short(fileno=served._socket.detach())
        served._listener.resume()
        assert await alive(served)
        served._socket = served._listener._socket
    assert next(files, "some") == "some"
    assert [name for name, _ in said] == ["http_crowded"]
    assert said[0][1]["message"].startswith("Too many open files")


def test_connections_leave_a_login_its_files(monkeypatch):
    for files, most in {128: 32, 1024: 64, 20: 5, 8: 4, resource.RLIM_INFINITY: 64}.items():
        monkeypatch.setattr(resource, "getrlimit", lambda _which, files=files: (files, files))
        assert connections.most_connections() == most


def test_the_limit_of_files_is_raised_as_far_as_it_may_be(monkeypatch):
    for limits, raised in {
        (128, 128): None,
        (1024, 20_000): (4096, 20_000),
        (256, 512): (512, 512),
        (20_000, 20_000): None,
        (1024, resource.RLIM_INFINITY): (4096, resource.RLIM_INFINITY),
    }.items():
        heard = []
        monkeypatch.setattr(resource, "getrlimit", lambda _which, limits=limits: limits)
        monkeypatch.setattr(
            resource, "setrlimit", lambda _which, limits, heard=heard: heard.append(limits)
        )
        connections.raise_file_limit()
        assert heard == ([raised] if raised else [])
