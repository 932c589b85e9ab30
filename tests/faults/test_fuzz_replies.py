"""Any answer of a broker, and any redirect: an outcome or an error of our own, soon, and no secret in what is told of it.

A sample is run each time; CASES=100000 runs so many, of each kind.
"""

from __future__ import annotations

import asyncio
import base64
import copy
import gzip
import json
import os
import random
import re
import string
import time
import zlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from support.replies import NO, YES, flow_at

from autologin import redaction
from autologin.clock import format_ist
from autologin.errors import AutologinError
from autologin.flow.base import ApiFlow, AuthCode, BrowserFlow, Verdict
from autologin.flow.http import IN_HEADER, broker_client
from autologin.login import interpret
from autologin.login.capture import (
    origin,
    parameters,
    parse_pasted,
    read_auth_code,
    resolver_rule,
    same_address,
)
from autologin.login.network import ApiReply, skew_of
from autologin.login.state import LoginState, Observation
from autologin.token import Token

CASES = int(os.environ.get("CASES", "600"))
LONGEST = 3.0
"""Seconds of this process's time for a case; a run has 90."""
NOW = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
URL = "http://127.0.0.1:9"
SECRET = "Pl4nt3d9c1e55b207fa4d8833e01b6"
SENT = {"otp": "482913", "auth code": "c0deZ9y8x7w6"}
SOURCES = Path(__file__).parents[2] / "flows"
FIELD = re.compile(r"""\b(?:get|token_in|text_of)\(["'](\w+)["']|\w\[["'](\w+)["']\]""")


def names_in(source):
    """The fields that a flow's file looks for in answers."""
    return {name for found in FIELD.findall(source) for name in found if name}


SHARED = ["data", "error", "errors", "message", "code", "status", SECRET]
FAMILIES = {file.stem: file.read_text() for file in SOURCES.glob("_*.py")}
NAMES = {}
"""By the broker's name."""
for flow_file in SOURCES.glob("[a-z]*.py"):
    text = flow_file.read_text()
    text += "".join(more for name, more in FAMILIES.items() if f"from .{name} " in text)
    NAMES[flow_file.stem] = sorted(names_in(text)) * 3 + SHARED
JWTS = [
    f"{header}.{base64.urlsafe_b64encode(claims.encode()).decode().rstrip('=')}.x"
    for header in ("eyJhbGciOiJIUzI1NiJ9", "")
    for claims in (
        *('{"exp":1}', '{"exp":-1e9}', '{"exp":253402200000}', '{"exp":1e308}', '{"exp":NaN}'),
        *('{"exp":"2026"}', '{"exp":true}', '{"exp":[1]}', "[]", "7", '{"exp":1764280800}', "\xff"),
    )
]
WORDS = [
    "success",
    "Ok",
    "Not_Ok",
    "error",
    "TokenException",
    "Invalid TOTP, 2 attempts left",
    f"Welcome, token {SECRET}",
    f"Bad token: {SECRET}. Log in again",
    f'{{"jwt":"{SECRET}"}}',
    f"at https://x.example/{SECRET}?a={SECRET}",
    f"Session {quote(SECRET)}% is for 2026-11-28",
    f"IP 203.0.113.7 is not whitelisted for {SECRET}",
    "account locked",
    "2026-11-28T06:00:00",
    "9999-12-31T23:59:59.999999+14:00",
    "0001-01-01T00:00:00-23:59",
    f"http://[{SECRET}",
    "https://gw.kotaksecurities.com:99999",
    "https://gw.kotaksecurities.com:x\n/",
    f"eyJhbGciOiJIUzI1NiJ9.{SECRET}.x",
    "²",
    "a b",
    "\x00\x1b[2J",
    "\ud800",
    "é" * 99,
    "QTpC",
    SECRET * 700,
]
VALUES = [
    *WORDS,
    *JWTS,
    *(None, True, False, 0, 1, -1, 200, 10**30, 10**399, 1.5, -0.0, 1e308, 2**53, 253402300000),
    *(float("nan"), float("inf"), [], {}, [[]], [None], [{}], {"message": SECRET}, [SECRET]),
    *({"token": SECRET, "message": [SECRET]}, {SECRET: SECRET}, [{"errorCode": SECRET}]),
]
KINDS = [
    "application/json",
    "text/html",
    "text/html; charset=hex",
    f"a/{SECRET}",
    "",
    "\x7f\xff",
    "x" * 99,
]
ODD_HEADERS = {
    "retry-after": ["1", "²", "-1", "inf", SECRET, "Fri, 31 Dec 9999 23:59:59 GMT", "9" * 5000],
    "date": [
        "Fri, 27 Nov 2026 03:00:00 GMT",
        "x",
        ",",
        "Fri, 31 Dec 99999 99:99:99 +99999",
        SECRET,
    ],
    "location": [
        "javascript:1",
        "http://[",
        f"https://x/{SECRET}",
        "\xff",
        "//",
        "app:",
        "http://x:y",
    ],
    "set-cookie": ["a=\xe9", f"a={SECRET}; expires=x", "=", "a=1; domain=\xff", ";" * 99],
    "content-encoding": ["gzip", "deflate", "br", "gzip, gzip", SECRET, "identity", "\xff"],
    "content-length": ["-1", "x", "5"],
    "transfer-encoding": ["chunked", SECRET],
    "www-authenticate": ["Bearer", f'Bearer error="invalid_token", a="{SECRET}"', "\xff"],
    "age": ["1", "x"],
    "link": [SECRET],
}
PAGE = f"<html><title>Down {SECRET}</title><body>{SECRET}</body></html>"
STATUSES = [
    *[200] * 8,
    201,
    204,
    302,
    400,
    401,
    401,
    403,
    404,
    408,
    410,
    424,
    429,
    500,
    502,
    503,
    599,
    999,
]

fuzz = settings(
    max_examples=max(CASES // len(YES), 1),
    deadline=None,
    database=None,
    derandomize="CASES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
seeds = st.integers(0, 2**64)


class Body(httpx.AsyncByteStream):
    """What a server sends, in parts, and perhaps not all of it."""

    def __init__(self, chance, body):
        cuts = sorted(chance.randrange(len(body) + 1) for _ in range(chance.randrange(3)))
        self._parts = [
            body[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True)
        ]
        self._error = chance.choice([None] * 12 + [httpx.ReadError, httpx.RemoteProtocolError])

    async def __aiter__(self):
        for part in self._parts:
            yield part
        if self._error:
            raise self._error(f"illegal line: {SECRET}")


class Chaos(httpx.AsyncBaseTransport):
    """Answers as chance has it: in the broker's own way with something else in it, or in no way at all."""

    def __init__(self, broker, chance):
        self._broker, self._chance = broker, chance

    async def handle_async_request(self, request):
        chance = self._chance
        if chance.random() < 0.02:
            raise chance.choice([httpx.ConnectError, httpx.ReadTimeout, httpx.ProxyError])(SECRET)
        headers = [("content-type", chance.choice([*[KINDS[0]] * 9, *KINDS]))]
        for name, values in ODD_HEADERS.items():
            if chance.random() < 0.06:
                headers.append((name, chance.choice(values)))
        body = body_of(self._broker, chance)
        packed = dict(headers).get("content-encoding")
        if packed in {"gzip", "deflate"} and chance.random() < 0.7:
            body = (gzip.compress if packed == "gzip" else zlib.compress)(body)
        raw = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers]
        status = chance.choice(STATUSES)
        return httpx.Response(status, headers=raw, stream=Body(chance, body), request=request)


def body_of(broker, chance):
    kind = chance.random()
    if kind < 0.05:
        return chance.choice(
            [b"", PAGE.encode(), b"\xff\xfe\x00\xd8", b"[" * 99_999, SECRET.encode()]
        )
    if kind < 0.1:
        return chance.randbytes(chance.randrange(200))
    token = chance.choice([SECRET, "ok", chance.choice(JWTS), chance.choice(VALUES)])
    answer = copy.deepcopy(YES[broker](token))
    if kind < 0.4:
        answer = NO[broker](chance.choice([*WORDS, *VALUES]))
    for _ in range(chance.choice([0, 0, 1, 1, 2, 4])):
        answer = mutated(answer, NAMES[broker], chance)
    text = json.dumps(answer)
    text = text[: chance.randrange(len(text))] if chance.random() < 0.03 else text
    text = text.replace("}", ', "x": ' + "9" * 5000 + "}", 1) if chance.random() < 0.02 else text
    return text.encode(chance.choice(["utf-8"] * 20 + ["utf-16", "utf-8-sig", "utf-32"]))


def mutated(value, names, chance):
    """With one place of it changed, dropped or added."""
    if not isinstance(value, dict | list) or not value or chance.random() < 0.1:
        return chance.choice(VALUES)
    if isinstance(value, list):
        place = chance.randrange(len(value))
        return [*value[:place], mutated(value[place], names, chance), *value[place + 1 :]]
    name = chance.choice(list(value))
    way = chance.random()
    if way < 0.4:
        return {**value, name: mutated(value[name], names, chance)}
    if way < 0.5:
        return {other: kept for other, kept in value.items() if other != name}
    if way < 0.7 and any(isinstance(inner, dict) for inner in value.values()):
        name = next(name for name, inner in value.items() if isinstance(inner, dict))
        return {**value, name: {**value[name], chance.choice(names): chance.choice(VALUES)}}
    return {**value, chance.choice(names): chance.choice(VALUES)}


def check_told(*texts):
    """Nothing that was planted is in what people are told."""
    for text in texts:
        assert SECRET[-12:] not in text
        assert SECRET[:12] not in text
        assert not any(sent in text for sent in SENT.values())
        text.encode()


def check_token(token, broker):
    """One that can be kept, delivered and sent."""
    assert re.fullmatch(IN_HEADER, token.access_token.get_secret_value())
    assert json.dumps(token.to_json("a", broker)).encode()
    assert format_ist(token.expires_at)
    assert token.expires_at > NOW
    assert token.expires_at.astimezone(UTC) - timedelta(days=1)
    check_told(repr(token.access_token), f"{token.extra.keys()}")


def clients(broker, chance):
    """The client that runs use, with chance at its other end."""
    http = broker_client(None)
    http._transport = Chaos(broker, chance)

    async def learn_skew(response):
        skew_of(response.headers, NOW)

    http.event_hooks["response"] = [learn_skew]
    return http


def former(url):
    extra = {"refresh_token": "r", "session_token": "s", "base_url": url, "susertoken": "u"}
    return Token(SecretStr("t"), NOW, NOW + timedelta(hours=9), "", extra)


async def walk(broker, chance):
    flow = FLOWS[broker]
    redaction._known = redaction.Known()
    redaction.remember_for_days(*SENT.values())
    async with clients(broker, chance) as http:
        found = None
        try:
            if isinstance(flow, ApiFlow):
                found = await flow.sign_in(http, SENT["otp"], NOW)
            else:
                code = AuthCode(SENT["auth code"], SecretStr("verifier"))
                found = await flow.exchange(code, http, NOW)
        except AutologinError as error:
            check_told(error.message, error.hint, str(error), repr(error))
        if found:
            check_token(found, broker)
        answer = await flow.verify(found or former(URL), http)
        assert answer.verdict in Verdict
        check_told(answer.detail)
        if renewed := await flow.refresh(found or former(URL), http, NOW):
            check_token(renewed, broker)


FLOWS = {broker: flow_at(broker, URL) for broker in YES}


@pytest.mark.parametrize("broker", YES)
def test_any_answer_is_understood(broker):
    @fuzz
    @given(seed=seeds)
    def case(seed):
        began = time.process_time()
        asyncio.run(walk(broker, random.Random(seed)))
        assert time.process_time() - began < LONGEST

    case()


PAGES = [broker for broker, flow in FLOWS.items() if isinstance(flow, BrowserFlow)]


@pytest.mark.parametrize("broker", PAGES)
def test_any_answer_to_a_page_is_understood(broker):
    """What the login page's own calls are answered with."""
    script = FLOWS[broker].login_script(object())

    @fuzz
    @given(seed=seeds)
    def case(seed):
        chance = random.Random(seed)
        redaction._known = redaction.Known()
        redaction.remember_for_days(*SENT.values())
        began = time.process_time()
        step = chance.choice(script.steps)
        path = step.reply if isinstance(step.reply, str) else step.reply[0]
        text = body_of(broker, chance).decode("utf-8", "replace")
        data = {}
        with suppress(ValueError, RecursionError):
            data = json.loads(text)
        reply = ApiReply(
            path=path or "/session/x",
            status=chance.choice(STATUSES),
            document=chance.random() < 0.1,
            carried_secret=True,
            data=data if isinstance(data, dict) else {},
            text=text[:20_000],
        )
        observed = Observation(0.0, None, replies=(reply,))
        error = interpret.update(script, LoginState(99.0, 0.0, last_step=step), observed).error
        if error:
            check_told(error.message, error.hint)
        assert time.process_time() - began < LONGEST

    case()


REDIRECT = "https://127.0.0.1:8443/callback?mine=1"
PIECES = [
    *(
        "http",
        "https",
        "app",
        "javascript",
        ":",
        "//",
        "127.0.0.1",
        ":8443",
        "/callback",
        "?",
        "#",
        "&",
        "=",
    ),
    *(
        "mine=1",
        "code",
        "request_token",
        "auth_code",
        "state",
        "nonce",
        "error",
        "s=error",
        "status=failed",
    ),
    *(
        "error_description",
        "message",
        f"Welcome, token {SECRET}",
        SECRET,
        quote(f"no: {SECRET}"),
        "access_denied",
    ),
    *(
        "[",
        "]",
        ":99999999",
        ":x",
        "@",
        "%",
        "%ff",
        "%00",
        "\x00",
        "\n",
        "é",
        "²",
        "\ud800",
        "xn--\xff",
        "[::1",
    ),
    *("a" * 3000, "&" * 2000, "%25" * 500, ";", "+", " ", "\\", "|", "٣", "::", "IP 203.0.113.7"),
]


@st.composite
def redirects(draw):
    """Addresses that begin as the redirect, and others."""
    seed = draw(seeds)
    chance = random.Random(seed)
    if chance.random() < 0.5:
        names = ["code", "state", "error", "error_description", "message", "status", "s", SECRET]
        fields = [(chance.choice(names), chance.choice(PIECES)) for _ in range(chance.randrange(6))]
        query = urlencode(fields, errors="replace")
        return chance.choice(["", REDIRECT + "&", "https://127.0.0.1/#"]) + query
    return "".join(chance.choices(PIECES, k=chance.randrange(12)))


@settings(fuzz, max_examples=CASES)
@given(url=redirects(), body=redirects(), printable=st.text(string.printable, max_size=40))
def test_any_redirect_is_understood(url, body, printable):
    redaction._known = redaction.Known()
    began = time.process_time()
    names = ("code", "request_token")
    for nonce in (None, "nonce"):
        for pasted in (url, printable):
            with suppress(AutologinError):
                try:
                    parse_pasted(pasted, names, "state", nonce)
                except AutologinError as error:
                    check_told(error.message)
        redaction._known = redaction.Known()
        try:
            read_auth_code(parameters(url, body), names, "state", nonce)
        except AutologinError as error:
            check_told(error.message)
    for address in (url, REDIRECT):
        same_address(address, url)
        same_address(url, address)
    origin(url)
    resolver_rule(url, [body, url])
    assert time.process_time() - began < LONGEST
