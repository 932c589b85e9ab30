"""Fyers' flow, apart from its pages: the app's proof, what ends a token, what the broker's answers mean."""

from __future__ import annotations

import json
from datetime import datetime

import httpx
import pytest
from pydantic import SecretStr, ValidationError
from support.clock import MORNING

from autologin.errors import BrokerUnavailable, ExchangeRejected
from autologin.flow import registry
from autologin.flow.base import Verdict
from autologin.sandbox.brokers.fyers.state import jwt
from autologin.token import Token

GOOD = {
    "client_id": "ABC-100",
    "secret_key": "S",
    "redirect_uri": "https://127.0.0.1/",
    "fy_id": "XX00000",
    "totp_secret": "JBSWY3DPEHPK3PXP",
    "pin": "1234",
}
SIX = datetime.fromisoformat("2026-11-25T06:00:00+05:30")


def flow(**change):
    kind = registry.load("fyers")
    return kind(kind.credentials_class(**{**GOOD, **change}))


async def answered(work, status=200, **answer):
    """What came of some work whose call is answered so, and the calls themselves."""
    calls = []

    def answer_it(request):
        calls.append(request)
        return httpx.Response(status, json=answer)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer_it)) as http:
        return await work(http), calls


def exchange(http):
    return flow().exchange(SecretStr("the-code"), http, MORNING)


async def test_the_apps_proof_is_the_published_one():
    _, (call,) = await answered(exchange, s="ok", access_token="a")
    body = json.loads(call.content)
    assert body["appIdHash"] == "bc263c9ed3cf810f0f9c3f188524683def3f799e2146d5f4ecc46aa82a3efc04"
    assert (body["grant_type"], body["code"]) == ("authorization_code", "the-code")


async def test_the_token_ends_when_it_says_or_at_six():
    plain, _ = await answered(exchange, s="ok", access_token="a")
    assert plain.expires_at == SIX
    ends = datetime.fromisoformat("2026-11-25T06:00:41+05:30")
    told, _ = await answered(
        exchange, s="ok", access_token=jwt("access_token", "x", "XX00000", MORNING, ends)
    )
    assert told.expires_at == ends


@pytest.mark.parametrize(
    ("status", "answer"), [(401, {"s": "error", "code": -16}), (200, {"s": "error", "code": -371})]
)
async def test_a_refusal_names_fyers_number(status, answer):
    with pytest.raises(ExchangeRejected, match=str(answer["code"])):
        await answered(exchange, status, **answer, message="no")


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_later_is_not_no(status):
    with pytest.raises(BrokerUnavailable):
        await answered(exchange, status, s="error")


@pytest.mark.parametrize(
    ("status", "answer", "verdict"),
    [
        (200, {"s": "ok", "data": {"fy_id": "XX00000"}}, Verdict.VALID),
        *(
            (401, {"s": "error", "code": code, "message": "no"}, Verdict.REJECTED)
            for code in (-8, -15, -16, -17)
        ),
        (200, {"s": "error", "code": -16, "message": "no"}, Verdict.REJECTED),
        (403, {}, Verdict.UNKNOWN),
        (400, {"s": "error", "code": -50}, Verdict.UNKNOWN),
        (429, {"s": "error", "code": -16}, Verdict.UNKNOWN),
    ],
)
async def test_only_fyers_word_for_a_dead_token_is_a_refusal(status, answer, verdict):
    token = Token(SecretStr("t"), MORNING, SIX, "")
    found, (call,) = await answered(lambda http: flow().verify(token, http), status, **answer)
    assert found.verdict is verdict
    assert call.headers["authorization"] == "ABC-100:t"


@pytest.mark.parametrize(
    ("status", "answer"), [(400, {"s": "error", "code": -501}), (502, {}), (200, {"s": "ok"})]
)
async def test_a_refresh_that_fails_is_none(status, answer):
    old = Token(SecretStr("t"), MORNING, SIX, "", {"refresh_token": "r"})
    token, (call,) = await answered(
        lambda http: flow().refresh(old, http, MORNING), status, **answer
    )
    assert token is None
    assert json.loads(call.content)["pin"] == "1234"


async def test_without_a_refresh_token_nothing_is_asked():
    token, calls = await answered(
        lambda http: flow().refresh(Token(SecretStr("t"), MORNING, SIX, ""), http, MORNING)
    )
    assert (token, calls) == (None, [])


@pytest.mark.parametrize(
    ("key", "value"), [("pin", "123"), ("pin", "12345"), ("pin", "12a4"), ("client_id", "XX00000")]
)
def test_what_cannot_be_right_is_refused(key, value):
    with pytest.raises(ValidationError) as caught:
        flow(**{key: value})
    assert value not in str(caught.value.errors()[0]["msg"])
