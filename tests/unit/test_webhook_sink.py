"""The webhook sink: what is sent can be verified by the official library, and each answer means what it should."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from kit import MORNING, leaks
from pydantic import SecretStr, ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from autologin.delivery import Post, report
from autologin.errors import ConfigError, CredentialsRejected, DeliveryFailed
from autologin.message import Message
from autologin.secrets import Place
from autologin.sinks import parse
from autologin.sinks.webhook import pause_in
from autologin.store import Store
from autologin.token import Token

SECRET = "whsec_" + base64.b64encode(b"a canary of 24 bytes ...").decode()
OTHER = "whsec_" + base64.b64encode(b"another one of 32 bytes, longer.").decode()
TOKEN = Token(SecretStr("access-token-canary"), MORNING, MORNING + timedelta(hours=20), "AB1234", {"public_token": "é\"'"})
ISSUED = Message.issued("mine", "zerodha", TOKEN)


@dataclass
class Consumer:
    """An endpoint: answers with these statuses and headers in turn, the last one for ever."""

    answers: list = field(default_factory=lambda: [(200, {})])
    got: list = field(default_factory=list)
    hold: asyncio.Event | None = None
    served: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    scheme: str = "http"

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}/hooks/token"

    async def serve(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.got.append((line.split()[0], headers, body))
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


def made(consumer, **more):
    config = parse({"type": "webhook", "url": consumer.url, "secret": SECRET, **more})
    return config.build("hook", Place(Path("/"), {"TOKEN": "header-canary"}))


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
    failed = Message.failed("login.failed", "mine", "zerodha", CredentialsRejected('The broker said: "no"'), MORNING)
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
    ("status", "more", "said", "gone", "pause"),
    [
        (500, {}, "answered 500", False, None),
        (404, {}, "answered 404", False, None),
        (302, {"location": "https://example.com/"}, "redirects are not followed", False, None),
        (429, {"retry-after": "7"}, "answered 429", False, 7.0),
        (503, {"retry-after": "soon"}, "answered 503", False, None),
        (410, {}, "410 Gone", True, None),
    ],
)
async def test_an_answer_that_is_no_yes(status, more, said, gone, pause):
    async with listening(Consumer([(status, more)])) as consumer:
        error = await refused(consumer)
    assert said in error.said
    assert (error.gone, error.retry_after) == (gone, pause)
    assert len(consumer.got) == 1


def test_a_pause_can_be_a_date():
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 85 < pause_in(later) <= 90
    assert pause_in(format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)) == 0
    assert pause_in(None) is pause_in("") is pause_in("x") is None


async def test_nobody_there_and_nobody_answering():
    async with listening(Consumer()) as consumer:
        pass
    assert "cannot be reached" in (await refused(consumer)).said
    async with listening(Consumer(hold=asyncio.Event())) as consumer:
        assert "within 0.2 seconds" in (await refused(consumer, timeout=0.2)).said
        consumer.hold.set()


async def test_a_certificate_that_nobody_trusts(tmp_path):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nobody.test")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem = key.private_bytes(*plain) + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (tmp_path / "pem").write_bytes(pem)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "pem")
    async with listening(Consumer(scheme="https"), tls) as consumer:
        assert "its certificate is not trusted" in (await refused(consumer)).said
    assert consumer.got == []


async def test_a_check_sends_no_event():
    async with listening(Consumer([(404, {})])) as consumer:
        sink = made(consumer)
        await sink.check()
        await sink.close()
    assert [method for method, _, _ in consumer.got] == ["HEAD"]
    with pytest.raises(DeliveryFailed, match="cannot be reached"):
        await made(consumer).check()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": "http://example.com/"}, "is not https"),
        ({"url": "ftp://example.com/"}, "must be an address"),
        ({"url": "https://me:pw@example.com/"}, "must be an address"),
        ({"secret": []}, "at least 1 item"),
        ({"timeout": 60}, "less than or equal to 25"),
    ],
)
def test_a_config_with_a_mistake(change, said):
    with pytest.raises(ValidationError, match=said):
        parse({"type": "webhook", "url": "https://example.com/", "secret": SECRET, **change})


@pytest.mark.parametrize("secret", ["hunter2canary", "whsec_!!!", "whsec_" + base64.b64encode(b"short").decode()])
def test_a_secret_that_is_none(secret):
    config = parse({"type": "webhook", "url": "https://example.com/", "secret": secret})
    with pytest.raises(ConfigError, match=r"sinks\.hook\.secret\.0: is no webhook secret") as caught:
        config.build("hook", Place(Path("/"), {}))
    assert secret not in str(caught.value)


@pytest.fixture
def post(tmp_path, clock):
    store = Store.open(tmp_path / "state", clock)

    def made_for(consumer, **more):
        config = parse({"type": "webhook", "url": consumer.url, "secret": SECRET, **more})
        return Post({"hook": config}, Place(Path("/"), {}), store, clock)

    yield made_for
    store.close()


def ids(consumer):
    return [headers["webhook-id"] for _, headers, _ in consumer.got]


async def test_ten_failures_and_then_a_success_are_one_message(post, clock):
    async with listening(Consumer([(500, {})] * 10 + [(204, {})])) as consumer:
        ours = post(consumer)
        ours.store.outbox.owe(ISSUED, ["hook"])
        await ours.drain(["hook"], seconds=3600)
        await ours.close()
    assert ids(consumer) == [ISSUED.id] * 11
    assert [one.outcome for one in report(ours.store.outbox.of("mine"), ["hook"])] == ["delivered"]


async def test_an_answer_that_comes_too_late_is_the_same_message_again(post):
    async with listening(Consumer(hold=asyncio.Event())) as consumer:
        ours = post(consumer, timeout=0.2)
        ours.store.outbox.owe(ISSUED, ["hook"])
        await ours.drain(["hook"], seconds=1)
        consumer.hold.set()
        await ours.drain(["hook"], seconds=60)
        await ours.close()
    assert ids(consumer) == [ISSUED.id] * 2


async def test_an_endpoint_that_is_gone_hears_no_more_until_its_config_changes(post, clock):
    async with listening(Consumer([(410, {}), (200, {})])) as consumer:
        ours = post(consumer)
        ours.store.outbox.owe(ISSUED, ["hook"])
        await ours.drain(["hook"], seconds=3600)
        assert len(consumer.got) == 1
        await ours.close()
        changed = post(consumer, headers={"X-New": "1"})
        changed.store.outbox.hurry()
        await changed.drain(["hook"], seconds=10)
        await changed.close()
    assert ids(consumer) == [ISSUED.id] * 2


async def test_the_environments_proxies_are_not_used(monkeypatch):
    monkeypatch.setitem(os.environ, "HTTP_PROXY", "http://127.0.0.1:9")
    async with listening(Consumer()) as consumer:
        await given(consumer)
    assert len(consumer.got) == 1
    assert json.loads(consumer.got[0][2])["type"] == "token.issued"
