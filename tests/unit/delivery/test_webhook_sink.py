"""The webhook sink: what is sent can be verified by the official library, and each answer means what it should."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from loguru import logger
from pydantic import SecretStr, ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from support.clock import MORNING
from support.leaks import leaks
from support.tls import pair, says_why, server_side
from support.webhook_consumer import Consumer, listening

from autologin.clock import retry_after
from autologin.delivery.dispatcher import Dispatcher, report
from autologin.delivery.sinks import webhook
from autologin.delivery.sinks.base import parse
from autologin.errors import ConfigError, CredentialsRejected, DeliveryFailed
from autologin.message import Message
from autologin.secret_refs import RefContext
from autologin.store.store import Store
from autologin.token import Token

SECRET = "whsec_" + base64.b64encode(b"a canary of 24 bytes ...").decode()
OTHER = "whsec_" + base64.b64encode(b"another one of 32 bytes, longer.").decode()
TOKEN = Token(
    SecretStr("access-token-canary"),
    MORNING,
    MORNING + timedelta(hours=20),
    "AB1234",
    {"public_token": "é\"'"},
)
ISSUED = Message.issued("mine", "zerodha", TOKEN)


def made(consumer, **more):
    config = parse({"type": "webhook", "url": consumer.url, "secret": SECRET, **more})
    return config.build("hook", RefContext(Path("/"), {"TOKEN": "header-canary"}))


async def given(consumer, message=ISSUED, **more):
    sink = made(consumer, **more)
    try:
        await sink.deliver(message)
    finally:
        await sink.close()


async def refused(consumer, **more):
    with pytest.raises(DeliveryFailed) as caught:
        await given(consumer, **more)
    assert leaks([SECRET, "access-token-canary"], [caught.value.message]) == []
    return caught.value


async def test_a_token_is_verified_by_the_official_library():
    async with listening(Consumer()) as consumer:
        await given(consumer)
    ((method, headers, body),) = consumer.got
    assert method == "POST"
    assert Webhook(SECRET).verify(body, headers) == {
        "type": "token.issued",
        "timestamp": MORNING.isoformat(),
        "data": TOKEN.to_json("mine", "zerodha"),
    }
    assert headers["webhook-id"] == ISSUED.id
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.replace(b"AB1234", b"AB1235"), headers)


async def test_while_secrets_are_rotated_each_of_them_verifies():
    async with listening(Consumer()) as consumer:
        await given(consumer, secret=[SECRET, OTHER])
    ((_, headers, body),) = consumer.got
    assert Webhook(SECRET).verify(body, headers) == Webhook(OTHER).verify(body, headers)


async def test_news_hold_no_secret():
    failed = Message.failed(
        "login.failed", "mine", "zerodha", CredentialsRejected('The broker said: "no"'), MORNING
    )
    async with listening(Consumer()) as consumer:
        await given(consumer, failed)
    ((_, headers, body),) = consumer.got
    told = Webhook(SECRET).verify(body, headers)
    assert (told["type"], told["data"]["error"]) == ("login.failed", "credentials_rejected")
    assert told["data"].keys() == {"account", "broker", "error", "message"}


async def test_more_headers_are_sent():
    async with listening(Consumer()) as consumer:
        await given(consumer, headers={"Authorization": {"env": "TOKEN"}, "X-Mine": "1"})
    ((_, headers, _),) = consumer.got
    assert (headers["authorization"], headers["x-mine"]) == ("header-canary", "1")


@pytest.mark.parametrize(
    ("status", "more", "detail", "gone", "pause"),
    [
        (500, {}, "answered 500", False, None),
        (404, {}, "answered 404", False, None),
        (302, {"location": "https://example.com/"}, "redirects are not followed", False, None),
        (429, {"retry-after": "7"}, "answered 429", False, 7.0),
        (503, {"retry-after": "soon"}, "answered 503", False, None),
        (410, {}, "410 Gone", True, None),
    ],
)
async def test_an_answer_that_is_no_yes(status, more, detail, gone, pause):
    async with listening(Consumer([(status, more)])) as consumer:
        error = await refused(consumer)
    assert detail in error.detail
    assert (error.gone, error.retry_after) == (gone, pause)
    assert len(consumer.got) == 1


ODD = [
    (200, {"set-cookie": "a=\u00e9\u00ff; path=/"}),
    (302, {"location": "javascript:1"}),
    (301, {"location": "http://[::1"}),
    (503, {"retry-after": "\u00b2", "content-type": "\u00ff"}),
    (200, {"content-encoding": "gzip, br, x"}),
]


@pytest.mark.parametrize(("status", "more"), ODD)
async def test_an_odd_answer_is_taken_by_its_status_each_time(status, more):
    async with listening(Consumer([(status, more)])) as consumer:
        sink = made(consumer)
        said = ""
        for _ in range(2):  # a cookie of the first must not be in the way of the second
            try:
                await sink.deliver(ISSUED)
            except DeliveryFailed as error:
                said = error.message
        await sink.close()
    assert len(consumer.got) == 2
    assert bool(said) == (status != 200)
    assert "is not a valid URL" not in said


def test_a_pause_can_be_a_date():
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 85 < retry_after(later) <= 90
    assert retry_after(format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)) == 0
    assert retry_after(None) is retry_after("") is retry_after("x") is None


async def test_nobody_there_and_nobody_answering():
    async with listening(Consumer()) as consumer:
        pass
    assert "cannot be reached" in (await refused(consumer)).detail
    async with listening(Consumer(hold=asyncio.Event())) as consumer:
        assert "timed out after 0.2 s" in (await refused(consumer, timeout=0.2)).detail
        consumer.hold.set()


async def test_a_check_sends_no_event():
    async with listening(Consumer([(404, {})])) as consumer:
        sink = made(consumer)
        await sink.check()
        await sink.close()
    assert [method for method, _, _ in consumer.got] == ["HEAD"]
    with pytest.raises(DeliveryFailed, match="cannot be reached"):
        await made(consumer).check()


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"url": "https://example.com:x/"}, "is not a valid URL"),
        ({"url": "https://example.com:70000/"}, "is not a valid URL"),
        ({"url": "https://exa mple.com/"}, "is not a valid URL"),
        ({"headers": {"no name": "x"}}, "is not the name of a header"),
        ({"headers": {"Webhook-Id": "x"}}, "sets itself"),
        ({"url": "http://example.com/"}, "is not https"),
        ({"url": "ftp://example.com/"}, "is not a valid URL"),
        ({"url": "https://me:pw@example.com/"}, "is not a valid URL"),
        ({"secret": []}, "at least 1 item"),
        ({"timeout": 60}, "less than or equal to 25"),
    ],
)
def test_a_config_with_a_mistake(change, detail):
    with pytest.raises(ValidationError, match=detail):
        parse({"type": "webhook", "url": "https://example.com/", "secret": SECRET, **change})


@pytest.mark.parametrize(
    "secret", ["hunter2canary", "whsec_!!!", "whsec_" + base64.b64encode(b"short").decode()]
)
def test_a_secret_that_is_none(secret):
    config = parse({"type": "webhook", "url": "https://example.com/", "secret": secret})
    with pytest.raises(
        ConfigError, match=r"sinks\.hook\.secret\.0: is not a webhook secret"
    ) as caught:
        config.build("hook", RefContext(Path("/"), {}))
    assert secret not in str(caught.value)


def test_a_header_that_cannot_be_sent():
    config = parse(
        {
            "type": "webhook",
            "url": "https://example.com/",
            "secret": SECRET,
            "headers": {"X-Mine": "canary-é"},
        }
    )
    with pytest.raises(
        ConfigError, match=r"sinks\.hook\.headers\.X-Mine: holds a character"
    ) as caught:
        config.build("hook", RefContext(Path("/"), {}))
    assert "canary" not in str(caught.value)


async def test_a_host_that_cannot_be():
    config = parse({"type": "webhook", "url": "https://xn--/", "secret": SECRET})
    with pytest.raises(DeliveryFailed, match="is not a valid URL"):
        await config.build("hook", RefContext(Path("/"), {})).check()


# How much of an answer is read, and what of the address is told


@asynccontextmanager
async def babbling(babble, begins=b"HTTP/1.1 200 OK\r\n\r\n"):
    """Begins an answer, then does as `babble` says; gives the consumer, and an event for when it was hung up on."""
    hung_up = asyncio.Event()

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(begins)
        with contextlib.suppress(ConnectionError):
            await babble(reader, writer)
        writer.close()
        hung_up.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield Consumer(port=server.sockets[0].getsockname()[1]), hung_up


async def test_an_answer_without_end_is_cut_off():
    detail = []

    async def without_end(_reader, writer):
        while True:
            writer.write(b"x" * 65536)
            detail.append(65536)
            await writer.drain()

    async with babbling(without_end) as (consumer, hung_up):
        await given(consumer)
        await asyncio.wait_for(hung_up.wait(), 20)
    assert sum(detail) < 20_000_000, "it was read on and on"


async def test_an_answer_whose_end_does_not_come_is_taken_by_its_status(monkeypatch):
    monkeypatch.setattr(webhook, "READ_SECONDS", 0.01)

    async def one_byte(reader, writer):
        writer.write(b"x")
        while await reader.read(65536):
            pass

    async with babbling(one_byte) as (consumer, hung_up):
        await given(consumer, timeout=20)
        await asyncio.wait_for(hung_up.wait(), 20)


async def test_a_status_that_drips_does_not_outlast_the_timeout():
    async def drip(_reader, writer):
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)  # never long enough for a timeout between two bytes

    async with babbling(drip, b"HTTP/1.1 200 ") as (consumer, hung_up):
        assert "timed out after 0.3 s" in (await refused(consumer, timeout=0.3)).detail
        await asyncio.wait_for(hung_up.wait(), 20)


@pytest.mark.parametrize("status", [500, 410, 302])
async def test_the_addresss_path_and_query_are_told_nowhere(post, status):
    lines = []
    logger.remove()
    number = logger.add(
        lambda line: lines.append(str(line.record["extra"])), level="DEBUG", format="{message}"
    )
    async with listening(Consumer([(status, {"location": "/path-canary"})])) as consumer:
        consumer.path = "/path-canary/x?key=query-canary"
        ours = post(consumer)
        ours.store.outbox.enqueue(ISSUED, ["hook"])
        await ours.drain(["hook"], seconds=0)
        await ours.close()
    logger.remove(number)
    (owed,) = ours.store.outbox.latest("mine")
    assert f"http://127.0.0.1:{consumer.port} answered {status}" in owed.error
    told = [owed.error, *lines, str(made(consumer)), repr(made(consumer))]
    assert leaks(["path-canary", "query-canary"], told) == []
    assert any("delivery_failed" in line for line in lines)


# TLS


@pytest.fixture
def authority(tmp_path):
    return pair(tmp_path, "authority")


async def test_a_client_certificate_is_shown_and_without_one_nothing_is_accepted(
    tmp_path, authority
):
    ours, alien = (
        pair(tmp_path, "ours", authority),
        pair(tmp_path, "alien", pair(tmp_path, "elsewhere")),
    )
    tls = server_side(pair(tmp_path, "server", authority), clients=authority)
    trusted = {"ca_cert": str(authority.cert)}
    async with listening(Consumer(scheme="https"), tls) as consumer:
        for shown in ({}, {"client_cert": str(alien.cert), "client_key": str(alien.key)}):
            error = await refused(consumer, **trusted, **shown)
            assert "cannot be reached" in error.detail
            assert "client certificate" in error.hint
        assert consumer.got == []
        await given(consumer, **trusted, client_cert=str(ours.cert), client_key=str(ours.key))
        assert len(consumer.got) == 1


async def test_a_server_that_tells_why_it_refuses_is_quoted(tmp_path, authority):
    with says_why(server_side(pair(tmp_path, "server", authority), clients=authority)) as url:
        config = parse(
            {"type": "webhook", "url": url, "secret": SECRET, "ca_cert": str(authority.cert)}
        )
        sink = config.build("hook", RefContext(Path("/"), {}))
        with pytest.raises(
            DeliveryFailed, match="it refused the connection: handshake failure"
        ) as caught:
            await sink.check()
        await sink.close()
    assert "client_cert" in caught.value.hint


@pytest.mark.parametrize(
    ("server", "trusted", "why"),
    [
        ({}, None, "self-signed certificate in certificate chain|unable to get local issuer"),
        (
            {},
            "elsewhere",
            "self-signed certificate in certificate chain|unable to get local issuer",
        ),
        ({"ip": "127.0.0.2"}, "authority", "not valid for '127.0.0.1'"),
        ({"days": -1}, "authority", "has expired"),
    ],
)
async def test_a_certificate_that_is_not_trusted(tmp_path, authority, server, trusted, why):
    pair(tmp_path, "elsewhere")
    tls = server_side(pair(tmp_path, "server", authority, **server))
    async with listening(Consumer(scheme="https"), tls) as consumer:
        error = await refused(
            consumer, **({"ca_cert": str(tmp_path / f"{trusted}.crt")} if trusted else {})
        )
    assert re.search(f"its certificate is not trusted: .*({why})", error.detail), error.detail
    assert "ca_cert" in error.hint
    assert consumer.got == []


@pytest.mark.parametrize(
    ("change", "key", "detail"),
    [
        ({"ca_cert": "missing"}, "ca_cert", "cannot be read (No such file or directory)"),
        ({"ca_cert": "."}, "ca_cert", "cannot be read (Is a directory)"),
        ({"ca_cert": "ours.key"}, "ca_cert", "holds no certificate"),
        ({"ca_cert": "empty"}, "ca_cert", "holds no certificate"),
        ({"client_cert": "missing"}, "client_cert", "cannot be read"),
        ({"client_cert": "ours.key"}, "client_cert", "holds no certificate"),
        ({"client_key": "missing"}, "client_key", "cannot be read"),
        ({"client_key": "ours.crt"}, "client_key", "holds no private key"),
        ({"client_key": "authority.key"}, "client_key", "is not the key of client_cert"),
        ({"client_key": "locked.key"}, "client_key", "needs a passphrase"),
    ],
)
def test_a_certificate_file_that_cannot_be_used_is_named_with_its_key(
    tmp_path, authority, change, key, detail
):
    pair(tmp_path, "ours", authority)
    pair(tmp_path, "locked", authority, passphrase=b"x")
    (tmp_path / "empty").touch()
    files = {
        "client_cert": "ours.crt",
        "client_key": "ours.key",
        "ca_cert": "authority.crt",
    } | change
    place = RefContext(tmp_path, {})
    config = parse(
        {"type": "webhook", "url": "https://example.com/", "secret": SECRET, **files}
    ).with_absolute_paths(place)
    with pytest.raises(ConfigError) as caught:
        config.build("hook", place)
    (problem,) = caught.value.problems
    assert (problem.key, detail in problem.message, bool(problem.hint)) == (
        f"sinks.hook.{key}",
        True,
        True,
    ), problem


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"client_cert": "x"}, "`client_cert` needs a `client_key`"),
        ({"client_key": "x"}, "`client_key` needs a `client_cert`"),
        ({"ca_cert": ""}, "is an empty path"),
        ({"ca_cert": "x", "url": "http://127.0.0.1/"}, "`ca_cert` is of no use"),
    ],
)
def test_certificates_that_make_no_sense(change, detail):
    with pytest.raises(ValidationError, match=detail):
        parse({"type": "webhook", "url": "https://example.com/", "secret": SECRET, **change})


@pytest.fixture
def post(tmp_path, clock):
    store = Store.open(tmp_path / "state", clock)

    def made_for(consumer, environ=None, **more):
        config = parse({"type": "webhook", "url": consumer.url, "secret": SECRET, **more})
        return Dispatcher({"hook": config}, RefContext(Path("/"), environ or {}), store, clock)

    yield made_for
    store.close()


async def test_ten_failures_and_then_a_success_are_one_message(post, clock):
    async with listening(Consumer([(500, {})] * 10 + [(204, {})])) as consumer:
        ours = post(consumer)
        ours.store.outbox.enqueue(ISSUED, ["hook"])
        await ours.drain(["hook"], seconds=3600)
        await ours.close()
    assert consumer.ids == [ISSUED.id] * 11
    assert [one.outcome for one in report(ours.store.outbox.latest("mine"), ["hook"])] == [
        "delivered"
    ]


async def test_an_answer_that_comes_too_late_is_the_same_message_again(post):
    async with listening(Consumer(hold=asyncio.Event())) as consumer:
        ours = post(consumer, timeout=0.2)
        ours.store.outbox.enqueue(ISSUED, ["hook"])
        await ours.drain(["hook"], seconds=1)
        consumer.hold.set()
        await ours.drain(["hook"], seconds=60)
        await ours.close()
    assert consumer.ids == [ISSUED.id] * 2


async def test_an_endpoint_that_is_gone_hears_no_more_until_its_config_changes(post, clock):
    async with listening(Consumer([(410, {}), (200, {})])) as consumer:
        ours = post(consumer)
        ours.store.outbox.enqueue(ISSUED, ["hook"])
        await ours.drain(["hook"], seconds=3600)
        assert len(consumer.got) == 1
        await ours.close()
        changed = post(consumer, headers={"X-New": "1"})
        changed.store.outbox.retry_now()
        await changed.drain(["hook"], seconds=10)
        await changed.close()
    assert consumer.ids == [ISSUED.id] * 2


@pytest.mark.parametrize(
    ("environ", "heard"),
    [
        ({"HOOK": SECRET, "TOKEN": "one"}, 1),
        ({"HOOK": OTHER, "TOKEN": "one"}, 2),
        ({"HOOK": SECRET, "TOKEN": "two"}, 2),
        ({"TOKEN": "one"}, 1),
    ],
    ids=["the same", "another secret", "another header", "no secret"],
)
async def test_an_endpoint_that_is_gone_is_tried_again_with_what_a_reference_leads_to_now(
    post, environ, heard
):
    config = {"secret": {"env": "HOOK"}, "headers": {"Authorization": {"env": "TOKEN"}}}
    async with listening(Consumer([(410, {}), (200, {})])) as consumer:
        for now in ({"HOOK": SECRET, "TOKEN": "one"}, environ):
            ours = post(consumer, now, **config)
            ours.store.outbox.enqueue(ISSUED, ["hook"])
            ours.store.outbox.retry_now()
            await ours.drain(["hook"], seconds=1)
            await ours.close()
    assert consumer.ids == [ISSUED.id] * heard
    (owed,) = ours.store.outbox.latest("mine")
    assert (owed.outcome == "delivered") is (heard == 2)
    if "HOOK" not in environ:
        assert "HOOK is not set" in owed.error


async def test_the_environments_proxies_are_not_used(monkeypatch):
    monkeypatch.setitem(os.environ, "HTTP_PROXY", "http://127.0.0.1:9")
    async with listening(Consumer()) as consumer:
        await given(consumer)
    assert len(consumer.got) == 1
    assert json.loads(consumer.got[0][2])["type"] == "token.issued"
