"""Answers that are broken, endless or packed too well: an outage each time, in time, in little memory, told in our words."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
import zlib
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from support.replies import NO, YES, answering, flow_at, reply

from autologin import exchange, redaction
from autologin.clock import LONGEST_RETRY_AFTER, retry_after
from autologin.errors import AutologinError, BrokerUnavailable
from autologin.flow import http as flow_http
from autologin.flow.base import ApiFlow, AuthCode, Verdict, Verification
from autologin.flow.http import LARGEST, broker_client, send
from autologin.redaction import scrub
from autologin.token import Token

NOW = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
JSON = "application/json"
MIB = 1024 * 1024
PLANTED = "PLANTED7f3a9c5512de8812aa90"
GOOD = json.dumps(YES["zerodha"]("good")).encode()
BOMB = gzip.compress(b"\0" * (300 * MIB), 9)


def packed(body, kind, **headers):
    return reply(200, JSON, body, content_encoding=kind, **headers)


def raw(text, body=b""):
    return text.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body


BROKEN = {
    "bomb": packed(BOMB, "gzip"),
    "deflate bomb": packed(zlib.compress(b"[" * (64 * MIB), 9), "deflate"),
    "bomb in a bomb": packed(gzip.compress(BOMB), "gzip, gzip"),
    "brotli": packed(b"\x8b\x00\x80", "br"),
    "zstd": packed(b"\x28\xb5\x2f\xfd", "zstd"),
    "no gzip": packed(b"no gzip", "gzip"),
    "gzip that breaks off": packed(gzip.compress(GOOD)[:20], "gzip"),
    "gzip of nothing": packed(b"", "gzip"),
    "fifty megabytes": reply(200, JSON, b" " * (50 * MIB)),
    "deep": reply(200, JSON, "[" * 1_000_000),
    "deep object": reply(200, JSON, '{"data":' * 100_000),
    "utf-7": reply(200, "application/json; charset=utf-7", b"+2D3eAA-"),
    "half a character": reply(200, "application/json; charset=utf-16", b"\xff\xfe\x00\xd8"),
    "no alphabet": reply(200, "text/html; charset=hex", b"<title>x</title>\xff"),
    "unknown alphabet": reply(200, "text/html; charset=\xff\xfe".encode().decode("latin-1"), b"x"),
    "undefined": reply(200, "text/html; charset=undefined", b"<title>x</title>"),
    "idna": reply(200, "text/html; charset=idna", b"<title>" + b"x." * 9000),
    "script": reply(302, JSON, b"", location="javascript:1"),
    "no address": reply(302, JSON, b"", location="http://[::1"),
    "bad port": reply(307, JSON, b"", location="https://x:99999999/\xff"),
    "own scheme": reply(301, JSON, b"", location="app://back?code=1"),
    "empty location": reply(302, JSON, b"", location=""),
    "chunks": raw("HTTP/1.1 200 OK\ntransfer-encoding: chunked", b"zz\r\nabc\r\n"),
    "chunks that end": raw("HTTP/1.1 200 OK\ntransfer-encoding: chunked", b"5\r\nab"),
    "huge header": raw(f"HTTP/1.1 200 OK\nx: {'a' * 200_000}\ncontent-length: 0"),
    "odd header": raw(f"HTTP/1.1 200 OK\nset-cookie {PLANTED}\ncontent-length: 0"),
    "odd status": raw(f"HTTP/1.1 {PLANTED} OK"),
    "odd start": raw(f"{PLANTED} is the token"),
    "odd length": raw("HTTP/1.1 200 OK\ncontent-length: -1"),
    "two lengths": raw("HTTP/1.1 200 OK\ncontent-length: 1\ncontent-length: 2", b"{}"),
    "long status": raw("HTTP/1.1 999 X\ncontent-length: 0"),
    "odd kind": reply(200, f"text/{PLANTED}; x", b"<html>"),
    "kind of signs": reply(200, "\xe9\x01\xff", b"<html>"),
}


async def error_from(flow, http):
    with pytest.raises(AutologinError) as caught:
        await token_from(flow, http)
    return caught.value


async def token_from(flow, http):
    if isinstance(flow, ApiFlow):
        return await flow.sign_in(http, "123456", NOW)
    return await flow.exchange(AuthCode("c0de", SecretStr("v")), http, NOW)


def token():
    return Token(SecretStr("t"), NOW, NOW + timedelta(hours=9), "", {"session_token": "s"})


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("broker", ["zerodha", "angelone"])
async def test_what_cannot_be_read_is_an_outage(broker, kind):
    async with answering(BROKEN[kind]) as server, broker_client(None) as http:
        flow = flow_at(broker, server.url)
        error = await error_from(flow, http)
        assert (error.name, error.sent) == ("broker_unavailable", True), error.message
        assert PLANTED[:8] not in error.message
        answer = await flow.verify(token(), http)
        assert answer.verdict is Verdict.UNKNOWN
        assert PLANTED[:8] not in answer.detail
        assert await flow.refresh(token(), http, NOW) is None


async def test_a_bomb_takes_little_memory():
    async with answering(BROKEN["bomb"]) as server, broker_client(None) as http:
        request = http.build_request("GET", server.url)
        tracemalloc.start()
        try:
            with pytest.raises(BrokerUnavailable, match="larger than 2 MiB"):
                await send(request, http)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert most < 8 * MIB


@asynccontextmanager
async def streaming(head, part, pause=0.0):
    """A server whose answers never end."""

    async def handle(reader, writer):
        with suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head)
            while not writer.is_closing():
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


ENDLESS = {
    "body": (raw("HTTP/1.1 200 OK\ncontent-type: application/json"), b" " * 65_536),
    "chunks": (
        raw("HTTP/1.1 200 OK\ntransfer-encoding: chunked"),
        b"4000\r\n" + b" " * 0x4000 + b"\r\n",
    ),
}


@pytest.mark.parametrize("kind", ENDLESS)
async def test_an_endless_answer_ends_where_it_is_too_large(kind):
    async with streaming(*ENDLESS[kind]) as url, broker_client(None) as http:
        error = await error_from(flow_at("zerodha", url), http)
    assert "larger than 2 MiB" in error.message


@pytest.mark.parametrize(
    "head", [b"", raw("HTTP/1.1 200 OK\ncontent-length: 999"), b"HTTP/1.1 200 OK\r\nx: "]
)
async def test_an_answer_that_comes_in_drops_ends_in_time(monkeypatch, head):
    monkeypatch.setattr(flow_http, "ANSWER_SECONDS", 0.3)
    drop = b"HTTP/1.1 102 X\r\n\r\n" if not head else b" "
    async with streaming(head, drop, 0.01) as url, broker_client(None) as http:
        error = await error_from(flow_at("angelone", url), http)
    assert (error.name, error.sent) == ("broker_unavailable", True)
    assert "did not end its answer in time" in error.message


async def test_a_run_that_ends_meanwhile_ends_as_it_would():
    """Its own time-out is its own, and a cancellation stays one."""
    async with streaming(b"", b"", 0.01) as url, broker_client(None) as http:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await token_from(flow_at("angelone", url), http)
        task = asyncio.ensure_future(token_from(flow_at("angelone", url), http))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


PLAIN = {
    "plain": reply(200, JSON, GOOD),
    "gzip": packed(gzip.compress(GOOD), "gzip"),
    "x-gzip": packed(gzip.compress(GOOD), "X-GZip"),
    "deflate": packed(zlib.compress(GOOD), "deflate"),
    "bare deflate": packed(zlib.compress(GOOD)[2:-4], "deflate"),
    "identity": packed(GOOD, "identity"),
    "utf-16": reply(200, JSON, GOOD.decode().encode("utf-16")),
    "byte-order mark": reply(200, JSON, b"\xef\xbb\xbf" + GOOD),
    "another alphabet": reply(200, "application/json; charset=hex", GOOD),
    "a sign that is none": reply(200, JSON, GOOD[:-1] + b', "x": "caf\xe9"}'),
    "odd cookie": reply(200, JSON, GOOD, set_cookie="name=\xe9\xff; path=/"),
    "odd name": reply(200, JSON, GOOD, set_cookie="\xe9=1; expires=Wed, 99 Abc 99999"),
    "odd date": reply(200, JSON, GOOD, date="Mon, 99 Abc 99999 99:99:99 +9999999"),
    "large": reply(200, JSON, GOOD + b" " * (LARGEST - len(GOOD))),
    "twice": reply(200, JSON, b'{"data": 7, ' + GOOD[1:]),
    "numbers": reply(200, JSON, GOOD[:-1] + b', "a": NaN, "b": 1e999, "c": ' + b"9" * 5000 + b"}"),
}


@pytest.mark.parametrize("kind", PLAIN)
async def test_what_is_odd_and_can_be_read_is_read(kind):
    async with answering(PLAIN[kind]) as server, broker_client(None) as http:
        flow = flow_at("zerodha", server.url)
        for _ in range(2):  # with the cookies of the first
            found = await token_from(flow, http)
            assert found.access_token.get_secret_value() == "good"


async def test_a_brokers_cookies_come_back():
    cookie = reply(200, JSON, GOOD, set_cookie="sticky=1; path=/")
    async with answering(cookie) as server, broker_client(None) as http:
        flow = flow_at("zerodha", server.url)
        await token_from(flow, http)
        await token_from(flow, http)
        assert dict(http.cookies) == {"sticky": "1"}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("12", 12.0),
        (" 1.5 ", 1.5),
        ("9" * 5000, LONGEST_RETRY_AFTER),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_RETRY_AFTER),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        *[
            (odd, None)
            for odd in (
                *(
                    "²",
                    "٣",
                    "-1",
                    "inf",
                    "nan",
                    "1e9",
                    "0x10",
                    "1_000",
                    "",
                    " ",
                    "soon",
                    "\xe9",
                    "+5",
                ),
                *("Fri, 31 Dec 99999 23:59:59 GMT", "Fri, ² Dec 2026 23:59:59 GMT", ",,,", ":::"),
                *("Fri, 31 Dec 2026 99:99:99 GMT", "1 Jan 2026 00:00:00 +99999999999", "\0", "1;1"),
            )
        ],
    ],
)
async def test_a_pause_that_is_asked_for(header, seconds):
    assert retry_after(header) == seconds
    answer = reply(503, JSON, b"", retry_after=header.encode().decode("latin-1").replace("\0", ""))
    async with answering(answer) as server, broker_client(None) as http:
        error = await error_from(flow_at("angelone", server.url), http)
    assert error.name == "broker_unavailable"
    if header.isascii():
        assert error.retry_after == seconds


MESSAGES = [
    f"Welcome, token {PLANTED}",
    f"Invalid token eyJhbGciOiJIUzI1NiJ9.{PLANTED}.c2ln",
    f'{{"jwtToken": "{PLANTED}"}}',
    f"see https://broker.example/back?request_token={PLANTED}",
]


@pytest.mark.parametrize("status", [200, 400, 401, 503])
@pytest.mark.parametrize("broker", YES)
async def test_no_token_in_a_message_is_printed(broker, status):
    for words in MESSAGES:
        no = reply(status, JSON, NO[broker](words))
        async with answering(no) as server, broker_client(None) as http:
            flow = flow_at(broker, server.url)
            error = await error_from(flow, http)
            answer = await flow.verify(token(), http)
        assert PLANTED[7:] not in error.message + error.hint + answer.detail


async def test_what_we_sent_is_not_quoted_back():
    for words in ("Wrong PIN 4711", "totp=482913&pin=4711", "code 482 913", "%34%37%31%31"):
        redaction.remember("4711", "482913")
        no = reply(200, JSON, NO["angelone"](words))
        async with answering(no) as server, broker_client(None) as http:
            error = await error_from(flow_at("angelone", server.url), http)
        assert not any(sent in error.message for sent in ("4711", "482", "%34"))


async def test_the_secrets_of_an_answer_are_known_as_soon_as_it_is_read():
    """Whoever quotes the answer later, in an error or a bug, gives nothing away."""
    body = {
        "success": True,
        "data": {"jwtToken": PLANTED, "list": [{"feedToken": "0912345678"}], "userName": "RAVI"},
        "refresh": "550e8400-e29b-41d4-a716-446655440000",
        "expiry": "2026-11-28T06:00:00",
        "message": "SUCCESS",
        "clientcode": "A123456",
        "session_type": "individual",
        "at": "20261128",
    }
    async with answering(reply(200, JSON, body)) as server, broker_client(None) as http:
        await send(http.build_request("GET", server.url), http)
    shown = scrub(json.dumps(body))
    for secret in (PLANTED, "0912345678", "550e8400"):
        assert secret not in shown
    for plain in ("RAVI", "2026-11-28T06:00:00", "SUCCESS", "A123456", "individual", "20261128"):
        assert plain in shown


async def test_a_flow_that_asks_in_its_own_way_gets_errors_of_ours_too():
    """Somebody's own flow may call the client as httpx has it."""
    async with answering(BROKEN["bomb"]) as server, broker_client(None) as http:
        with pytest.raises(BrokerUnavailable, match="larger than 2 MiB"):
            await http.get(server.url)
        url = server.url
    async with broker_client(None) as http:
        with pytest.raises(BrokerUnavailable) as caught:
            await http.post(f"{url}/x?pin=4711", json={})
        assert not caught.value.sent
        assert "4711" not in caught.value.message
    async with answering(PLAIN["gzip"]) as server, broker_client(None) as http:
        assert (await http.get(server.url)).json() == json.loads(GOOD)


class OwnFlow:
    """One that lets an outage pass where it should not."""

    async def verify(self, _token, _http):
        raise BrokerUnavailable("no answer")

    async def refresh(self, _token, _http, _now):
        raise BrokerUnavailable("no answer")


async def test_an_outage_is_no_word_against_a_token():
    answer = await exchange.verify_once(OwnFlow(), token(), None, 9.0)
    assert answer == Verification(Verdict.UNKNOWN, detail="no answer")
    assert await exchange.renew(OwnFlow(), token(), None, NOW) is None


async def test_what_a_flow_says_of_a_token_holds_none():
    said = Verification(Verdict.UNKNOWN, detail=f"answer: eyJhbGciOiJIUzI1NiJ9.{PLANTED}.c2ln")
    assert said.detail == f"answer: {redaction.MASK}"
