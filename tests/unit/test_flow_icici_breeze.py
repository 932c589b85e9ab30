"""ICICI Direct's flow, apart from its pages: the exchange, whose session it is, what the broker's envelopes mean."""

from __future__ import annotations

import base64
import json
from datetime import datetime

import httpx
import pytest
from pydantic import SecretStr
from support.clock import MORNING

from autologin.errors import BrokerUnavailable, ExchangeRejected
from autologin.flow import registry
from autologin.flow.base import Verdict
from autologin.sandbox.brokers.icici_breeze.pages import decrypt, hex_pair, key
from autologin.token import Token

GOOD = {
    "api_key": "8q4+X3=1!d^0#m2&7/k~",
    "secret_key": "SEC",
    "user_id": "AB123456",
    "password": "p",
    "totp_secret": "JBSWY3DPEHPK3PXP",
}
PAIR = "QUIxMjM0NTY6OTg3NjU0MzI="  # base64("AB123456:98765432"), as published
MIDNIGHT = datetime.fromisoformat("2026-11-25T00:00:00+05:30")


def flow(**change):
    kind = registry.load("icici_breeze")
    return kind(kind.credentials_class(**{**GOOD, **change}))


def success(**change):
    return {
        "Success": {"idirect_userid": "AB123456", "session_token": PAIR, **change},
        "Status": 200,
        "Error": None,
    }


def failure(words, status=500):
    return {"Success": None, "Status": status, "Error": words}


async def answered(work, status=200, answer=None, text=None):
    calls = []

    def answer_it(request):
        calls.append(request)
        return (
            httpx.Response(status, json=answer)
            if text is None
            else httpx.Response(status, text=text)
        )

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer_it)) as http:
        return await work(http), calls


def exchange(http):
    return flow().exchange(SecretStr("57212559"), http, MORNING)


def test_the_signs_of_an_app_key_are_encoded():
    assert flow().login_url("").url.endswith("?api_key=8q4%2BX3%3D1%21d%5E0%23m2%267%2Fk~")


async def test_the_exchange_is_a_get_with_a_compact_body():
    token, (call,) = await answered(exchange, 200, success())
    assert (call.method, call.url.path) == ("GET", "/breezeapi/api/v1/customerdetails")
    assert (
        call.content == b'{"SessionToken":"57212559","AppKey":"' + GOOD["api_key"].encode() + b'"}'
    )
    assert (token.access_token.get_secret_value(), token.user_id, token.expires_at) == (
        PAIR,
        "AB123456",
        MIDNIGHT,
    )
    assert token.extra == {
        "api_key": GOOD["api_key"],
        "session_token": "57212559",
        "base64_session_token": PAIR,
    }


@pytest.mark.parametrize(
    ("details", "owner"),
    [
        ({"idirect_userid": ""}, "AB123456"),
        ({"session_token": base64.b64encode(b"OTHER:1").decode()}, "AB123456"),
        ({"session_token": "no-base64!"}, "AB123456"),
        ({"session_token": base64.b64encode(b"ZZ1:1").decode(), "idirect_userid": "ZZ1"}, "ZZ1"),
    ],
)
async def test_whose_session_it_is(details, owner):
    token, _ = await answered(exchange, 200, success(**details))
    assert token.user_id == owner


@pytest.mark.parametrize("status", [200, 401, 500])
@pytest.mark.parametrize(
    "words", ["Invalid session.", "Public Key does not exist.", "Resource not available."]
)
async def test_icicis_no_is_a_no_whatever_http_says(status, words):
    with pytest.raises(ExchangeRejected, match=words.rstrip(".")):
        await answered(exchange, status, failure(words))


@pytest.mark.parametrize(
    ("status", "answer", "text"),
    [
        (502, None, "Bad Gateway"),
        (429, None, ""),
        (200, None, "<html>no</html>"),
        (200, failure("Internal error"), None),
    ],
)
async def test_an_outage_is_no_refusal(status, answer, text):
    with pytest.raises(BrokerUnavailable):
        await answered(exchange, status, answer, text)


@pytest.mark.parametrize(
    ("status", "answer", "verdict"),
    [
        (200, success(), Verdict.VALID),
        (200, failure("Resource not available."), Verdict.REJECTED),
        (500, failure("Resource not available."), Verdict.REJECTED),
        (200, failure("Invalid session.", 401), Verdict.REJECTED),
        (200, failure("Internal error"), Verdict.UNKNOWN),
        (503, failure("x"), Verdict.UNKNOWN),
    ],
)
async def test_only_a_sure_no_throws_a_token_away(status, answer, verdict):
    token = Token(SecretStr(PAIR), MORNING, MIDNIGHT, "AB123456", {"session_token": "57212559"})
    found, (call,) = await answered(lambda http: flow().verify(token, http), status, answer)
    assert found.verdict is verdict
    assert json.loads(call.content)["SessionToken"] == "57212559"


def test_the_twins_key_opens_what_the_page_encrypts():
    """The page's own arithmetic, in Python: PKCS #1 v1.5 with the public half."""
    exponent, modulus = (int(part, 16) for part in hex_pair(key()).split("~"))
    block = b"\0\2" + b"\x07" * (128 - 3 - 6) + b"\0" + "pässw".encode()
    sent = pow(int.from_bytes(block, "big"), exponent, modulus).to_bytes(128, "big")
    assert decrypt(key(), sent) == "pässw"
    assert decrypt(key(), sent[:-1]) is None
