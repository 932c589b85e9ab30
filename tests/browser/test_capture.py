"""The redirect is caught in real Chromium, however the broker sends it, and nothing reaches its target."""

from __future__ import annotations

import asyncio
import html
import json
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from autologin.config.schema import BrowserSettings
from autologin.errors import ConsentRequired, ExchangeRejected, StateMismatch
from autologin.login import browser
from autologin.login.capture import Capture, resolver_rule

CODE = "c0de-canary/+=%&1"
NONCE = "nonce-123"
TIME = 8
"""Seconds in which an answer must have come."""


# What listens


@dataclass
class Listener:
    """Counts who connects, and what they ask; answers by `pages`."""

    pages: object = None
    connections: int = 0
    asked: list = field(default_factory=list)
    port: int = 0

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            line, *headers = head.split("\r\n")
            lengths = [
                int(one.split(":")[1])
                for one in headers
                if one.lower().startswith("content-length")
            ]
            body = (await reader.readexactly(lengths[0])).decode() if lengths else ""
            self.asked.append(line)
            status, more, page = (
                self.pages(line.split(" ")[1], body) if self.pages else (200, {}, "here")
            )
            data = page.encode()
            told = {
                "content-type": "text/html",
                "content-length": len(data),
                "connection": "close",
                **more,
            }
            lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
            writer.write(f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + data)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(listener, tls=None):
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0, ssl=tls)
    listener.port = server.sockets[0].getsockname()[1]
    async with server:
        yield listener


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """One that nobody trusts."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nobody.test")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1)
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    plain = (
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(
        key.private_bytes(*plain)
        + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


# The ways back


def moved(status):
    return lambda there, _here, _other: (status, {"location": there}, "")


def page(text):
    return lambda there, here, other: (200, {}, text(there, here, other))


def script(text):
    return page(
        lambda there, _here, _other: f"<script>{text.replace('THERE', json.dumps(there))}</script>"
    )


def form(method):
    def made(there, _here, _other):
        where, _, query = there.partition("?")
        pairs = {name: html.escape(values[0]) for name, values in parse_qs(query).items()}
        inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in pairs.items())
        return f'<form method="{method}" action="{html.escape(where)}">{inputs}</form><script>document.forms[0].submit()</script>'

    return page(made)


WAYS = {
    **{str(status): moved(status) for status in (301, 302, 303, 307, 308)},
    "chain": lambda there, here, _other: (
        302,
        {"location": f"{here}/hop?left=2&{urlencode({'to': there})}"},
        "",
    ),
    "chain over another origin": lambda there, _here, other: (
        302,
        {"location": f"{other}/hop?{urlencode({'to': there})}"},
        "",
    ),
    "refresh header": lambda there, _here, _other: (200, {"refresh": f"0;url={there}"}, "wait"),
    "meta refresh": page(
        lambda there, _here, _other: (
            f'<meta http-equiv="refresh" content="0;url={html.escape(there)}">'
        )
    ),
    "location.href": script("location.href = THERE"),
    "location.replace": script("location.replace(THERE)"),
    "location.assign, later": script("setTimeout(() => location.assign(THERE), 200)"),
    "a call, then location": script("fetch('/json').then(() => { location.href = THERE })"),
    "posted form": form("post"),
    "form with a query": form("get"),
    "fragment": lambda there, _here, _other: (302, {"location": there.replace("?", "#")}, ""),
    "popup": script("window.open(THERE)"),
    "popup that is redirected": page(
        lambda there, here, _other: (
            f"<script>window.open({json.dumps(f'{here}/hop?' + urlencode({'to': there}))})</script>"
        )
    ),
    "popup that moves its opener": script(
        "const w = window.open('about:blank'); w.eval('opener.location = ' + JSON.stringify(THERE))"
    ),
    "link to a new tab": page(
        lambda there, _here, _other: (
            f'<a id="a" target="_blank" href="{html.escape(there)}">x</a><script>a.click()</script>'
        )
    ),
    "frame": page(lambda there, _here, _other: f'<iframe src="{html.escape(there)}"></iframe>'),
    "hints first": page(
        lambda there, _here, _other: (
            f'<link rel="preconnect" href="{html.escape(there)}"><link rel="dns-prefetch" href="'
            f'{html.escape(there)}"><link rel="prefetch" href="{html.escape(there)}"><link rel="preload" as="fetch" href="'
            f'{html.escape(there)}"><script>setTimeout(() => {{ location.href = {json.dumps(there)} }}, 300)</script>'
        )
    ),
}
FEW = [
    "302",
    "303",
    "chain",
    "location.href",
    "meta refresh",
    "posted form",
    "fragment",
    "popup",
    "popup that is redirected",
]
SCHEME = ["302", "303", "chain", "location.href", "meta refresh", "popup that is redirected"]


def broker_pages(way, there, here, other):
    def answer(path, _body):
        parts = urlsplit(path)
        asked = parse_qs(parts.query)
        if parts.path == "/hop":
            left = int(asked.get("left", ["1"])[0])
            to = asked["to"][0]
            return (
                302,
                {"location": to if left < 2 else f"/hop?left={left - 1}&{urlencode({'to': to})}"},
                "",
            )
        if parts.path == "/json":
            return 200, {"content-type": "application/json"}, "{}"
        if parts.path == "/favicon.ico":
            return 404, {}, ""
        return (
            WAYS[way](there(), here(), other())
            if isinstance(way, str)
            else way(there(), here(), other())
        )

    return answer


@dataclass
class Caught:
    """What a login's browser came back with."""

    capture: Capture
    target: Listener


@asynccontextmanager
async def signed_in(way, redirect_uri, *, answer=None, known=True, target=None, state=NONCE):
    """A browser that went to the broker, which sent it back in some way; `answer` is what the redirect carries."""
    target = target or Listener()
    broker, other = Listener(), Listener()
    query = urlencode(
        {"s": "ok", "request_token": CODE, "state": state} if answer is None else answer
    )
    there = lambda: f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{query}"  # noqa: E731
    async with listening(broker), listening(other):
        here, elsewhere = (f"http://127.0.0.1:{one.port}" for one in (broker, other))
        broker.pages = other.pages = broker_pages(way, there, lambda: here, lambda: elsewhere)
        catch = Capture(
            redirect_uri if known else None, ("request_token",), "state", NONCE, [here, elsewhere]
        )
        rule = resolver_rule(redirect_uri if known else None, [here, elsewhere])
        driver = browser.Driver()
        context = browser.fresh_context(
            driver, BrowserSettings(), headed=False, resolver_rule=rule, proxy=None
        )
        async with context as (chromium, tabs):
            await catch.attach(chromium, tabs)
            tab = await tabs.new_page()
            going = asyncio.ensure_future(tab.goto(f"{here}/start"))
            await asyncio.wait_for(catch.answered.wait(), TIME)
            await asyncio.wait([going])
            going.exception()
            yield Caught(catch, target)
        await driver.stop()


@pytest.mark.parametrize("way", WAYS)
async def test_nothing_reaches_an_app_that_listens(way):
    async with listening(Listener()) as target:
        async with signed_in(
            way, f"http://127.0.0.1:{target.port}/callback", target=target
        ) as caught:
            assert caught.capture.auth_code().get_secret_value() == CODE
        assert (target.connections, target.asked) == (0, [])


@pytest.mark.parametrize("way", FEW)
async def test_nothing_reaches_an_app_with_a_bad_certificate(way, certificate):
    async with listening(Listener(), certificate) as target:
        async with signed_in(
            way, f"https://127.0.0.1:{target.port}/callback", target=target
        ) as caught:
            assert caught.capture.auth_code().get_secret_value() == CODE
        assert target.connections == 0


@pytest.mark.parametrize("way", FEW)
async def test_an_address_where_nobody_listens(way):
    async with listening(Listener()) as gone:
        pass
    async with signed_in(way, f"http://127.0.0.1:{gone.port}/") as caught:
        assert caught.capture.auth_code().get_secret_value() == CODE


@pytest.mark.parametrize("way", SCHEME)
async def test_an_address_with_a_scheme_of_its_own(way):
    async with signed_in(way, "mytrader://callback") as caught:
        assert caught.capture.auth_code().get_secret_value() == CODE


@pytest.mark.parametrize("way", FEW)
async def test_an_address_that_the_user_did_not_name(way):
    async with listening(Listener()) as target:
        async with signed_in(
            way, f"http://localhost:{target.port}/callback", known=False, target=target
        ) as caught:
            assert caught.capture.auth_code().get_secret_value() == CODE
        assert target.connections == 0


@pytest.mark.parametrize("uri", ["/callback?mine=1&x=%20y", "/deep/path/", "/"])
async def test_the_addresss_own_query_and_path(uri):
    async with listening(Listener()) as target:
        async with signed_in(
            "302", f"http://127.0.0.1:{target.port}{uri}", target=target
        ) as caught:
            assert caught.capture.auth_code().get_secret_value() == CODE
        assert target.connections == 0


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"request_token": CODE}, StateMismatch),
        ({"request_token": CODE, "state": "another"}, StateMismatch),
        ({"request_token": CODE, "state": ""}, StateMismatch),
        ({"error": "access_denied", "state": NONCE}, ConsentRequired),
        ({"s": "error", "message": "User denied", "state": NONCE}, ConsentRequired),
        (
            {"error": "server_error", "error_description": "try later", "state": NONCE},
            ExchangeRejected,
        ),
        ({"s": "ok", "code": "200", "state": NONCE}, ExchangeRejected),
        ({"request_token": "", "state": NONCE}, ExchangeRejected),
        ({}, StateMismatch),
    ],
)
async def test_an_answer_that_is_no_code(answer, error):
    async with listening(Listener()) as target:
        async with signed_in(
            "302", f"http://127.0.0.1:{target.port}/callback", answer=answer, target=target
        ) as caught:
            with pytest.raises(error):
                caught.capture.auth_code()
        assert target.connections == 0


async def test_a_picture_from_the_redirects_host_is_no_answer_and_does_not_reach_it():
    def shows(there, _here, _other):
        host = there.partition("/callback")[0]
        later = f"<script>setTimeout(() => {{ location.href = {json.dumps(there)} }}, 300)</script>"
        return 200, {}, f'<img src="{host}/logo.png"><script src="{host}/app.js"></script>{later}'

    async with listening(Listener()) as target:
        async with signed_in(
            shows, f"http://127.0.0.1:{target.port}/callback", target=target
        ) as caught:
            assert caught.capture.auth_code().get_secret_value() == CODE
        assert target.connections == 0
