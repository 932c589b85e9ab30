"""Upstox's flow without a browser: what each answer means, and the form of its credentials."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from pydantic import SecretStr, ValidationError
from support.clock import MORNING

from autologin.clock import IST
from autologin.flow import registry
from autologin.flow.base import Verdict
from autologin.flow.phrases import classify
from autologin.flow.script import LoginScript
from autologin.sandbox.brokers.upstox.state import jwt
from autologin.token import Token

SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXQ"
KIND = registry.load("upstox")
FLOW = importlib.import_module(KIND.__module__)
PLAIN = {
    "client_id": "key",
    "client_secret": "sec ret",
    "redirect_uri": "https://127.0.0.1:5000/",
    "mobile_number": "9812345670",
    "totp_secret": SEED,
    "pin": "012345",
}
NEXT_RESET = datetime(2026, 11, 25, 3, 30, tzinfo=IST)


def flow(**change):
    return KIND(KIND.credentials_class(**{**PLAIN, **change}), {"api": "http://upstox.test"})


async def asked(call, *answers):
    """What a call of the flow's gives, and the requests that it made."""
    seen, left = [], list(answers)

    def answer(request):
        seen.append(request)
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        return await call(http), seen


async def exchanged(*answers, now=MORNING):
    token, _ = await asked(lambda http: flow().exchange(SecretStr("c0de"), http, now), *answers)
    return token


def no(status, code, message="", **more):
    error = {
        "errorCode": code,
        "message": message,
        "propertyPath": None,
        "error_code": code,
        **more,
    }
    return httpx.Response(status, json={"status": "error", "errors": [error]})


# The login address


def test_the_dialog_gets_what_the_docs_name():
    url = urlsplit(flow().login_url("n0nce").url)
    assert (url.scheme, url.netloc, url.path) == (
        "http",
        "upstox.test",
        "/v2/login/authorization/dialog",
    )
    assert parse_qsl(url.query) == [
        ("response_type", "code"),
        ("client_id", "key"),
        ("redirect_uri", "https://127.0.0.1:5000/"),
        ("state", "n0nce"),
    ]


@pytest.mark.parametrize(
    ("reply", "hint"),
    [
        ({"success": True, "data": {"isTotpEnabled": True}}, "totp"),
        ({"success": True, "data": {"isTotpEnabled": False}}, "sms"),
        ({"success": True, "data": {"isTotpEnabled": None}}, ""),
        ({"success": True, "data": {}}, ""),
        ({"success": True, "data": "text"}, ""),
        ({}, ""),
    ],
)
def test_the_service_says_whether_totp_is_enabled(reply, hint):
    assert FLOW.otp_kind(reply) == hint


@pytest.mark.parametrize(
    "code", ["UDAPI100068", "UDAPI100069", "UDAPI100016", "UDAPI100073", "UDAPI1018"]
)
def test_a_dialog_that_refuses_the_app_means_the_credentials(code):
    script = LoginScript((), phrases={FLOW.CredentialsRejected: FLOW.REFUSED_APP})
    line = f'{{"status":"error","errors":[{{"errorCode":"{code}","message":"Please check.","propertyPath":null'
    error = classify(line, script, None)
    assert (error.name, error.detail) == (
        "credentials_rejected",
        'The broker said: "Please check."',
    )


# The exchange


async def test_it_sends_what_the_sdk_sends():
    call = lambda http: flow().exchange(SecretStr("c/0+de"), http, MORNING)  # noqa: E731
    _, (request,) = await asked(call, httpx.Response(200, json={"access_token": "t"}))
    assert (request.method, str(request.url)) == (
        "POST",
        "http://upstox.test/v2/login/authorization/token",
    )
    assert request.content == (
        b"code=c%2F0%2Bde&client_id=key&client_secret=sec+ret&redirect_uri=https%3A%2F%2F127.0.0.1%3A5000%2F"
        b"&grant_type=authorization_code"
    )
    assert (request.headers["api-version"], request.headers["accept"]) == (
        "2.0",
        "application/json",
    )
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


async def test_a_reply_without_an_envelope_is_a_token():
    token = await exchanged(
        httpx.Response(200, json={"access_token": "t", "user_id": "SB1234", "extended_token": "x"})
    )
    assert (token.access_token.get_secret_value(), token.user_id) == ("t", "SB1234")
    assert (token.issued_at, token.extra) == (MORNING, {"client_id": "key", "extended_token": "x"})


@pytest.mark.parametrize("extended", [{}, {"extended_token": ""}, {"extended_token": None}])
async def test_no_extended_token_is_none(extended):
    assert (await exchanged(httpx.Response(200, json={"access_token": "t", **extended}))).extra == {
        "client_id": "key"
    }


@pytest.mark.parametrize(
    ("token", "expires"),
    [
        (jwt("u", "1", MORNING, NEXT_RESET), NEXT_RESET),
        (
            jwt("u", "1", MORNING, datetime(2026, 11, 24, 20, tzinfo=IST)),
            datetime(2026, 11, 24, 20, tzinfo=IST),
        ),
        (jwt("u", "1", MORNING, None), NEXT_RESET),
        ("opaque", NEXT_RESET),
        ("a.b.c", NEXT_RESET),
    ],
)
async def test_a_token_ends_as_its_jwt_says_else_at_half_past_three(token, expires):
    assert (
        await exchanged(httpx.Response(200, json={"access_token": token}))
    ).expires_at == expires


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        (
            datetime(2026, 11, 24, 20, 59, tzinfo=UTC),
            datetime(2026, 11, 25, 3, 30, tzinfo=IST),
        ),  # 02:29 in India
        (
            datetime(2026, 11, 24, 22, 0, tzinfo=UTC),
            datetime(2026, 11, 26, 3, 30, tzinfo=IST),
        ),  # 03:30 in India
    ],
)
async def test_the_hour_of_the_login_does_not_matter(now, ends):
    assert (
        await exchanged(httpx.Response(200, json={"access_token": "t"}), now=now)
    ).expires_at == ends


@pytest.mark.parametrize(
    ("answer", "name", "words"),
    [
        (
            no(401, "UDAPI100057", "Invalid Auth code"),
            "exchange_rejected",
            "UDAPI100057: Invalid Auth code",
        ),
        (no(400, "UDAPI100069", "Check your client"), "exchange_rejected", "Check your client"),
        (
            httpx.Response(400, json={"status": "error", "errors": [{"error_code": "UDAPI1"}]}),
            "exchange_rejected",
            "UDAPI1",
        ),
        (httpx.Response(400, json={"message": "plain"}), "broker_unavailable", "plain"),
        (
            httpx.Response(200, json={"status": "success", "data": {"access_token": "t"}}),
            "broker_unavailable",
            "no token",
        ),
        (httpx.Response(200, json={"access_token": ""}), "broker_unavailable", "no token"),
        (httpx.Response(403, text="<html>error 1010"), "broker_unavailable", "HTTP 403"),
        (no(429, "UDAPI10005"), "broker_unavailable", "429"),
        (no(502, "UDAPI100500"), "broker_unavailable", "502"),
        (httpx.ConnectTimeout(""), "broker_unavailable", "ConnectTimeout"),
    ],
)
async def test_what_an_answer_means(answer, name, words):
    with pytest.raises(Exception) as caught:  # noqa: PT011  (its name is what is tested)
        await exchanged(answer)
    assert caught.value.name == name
    assert words in caught.value.detail


async def test_a_dormant_account_is_told_what_to_do():
    words = "No segments for these users are active. Manual reactivation is recommended from Upstox app/web."
    with pytest.raises(Exception, match="No segments") as caught:
        await exchanged(no(401, "", words))
    assert (caught.value.name, "Reactivate" in caught.value.hint) == ("exchange_rejected", True)


# The profile

TOKEN = Token(SecretStr("dead-or-alive"), MORNING, NEXT_RESET, "")


@pytest.mark.parametrize(
    ("answer", "verdict", "user_id"),
    [
        (
            httpx.Response(200, json={"status": "success", "data": {"user_id": "SB1234"}}),
            Verdict.VALID,
            "SB1234",
        ),
        (no(401, "UDAPI100050", "Invalid token used to access API"), Verdict.REJECTED, None),
        (no(401, "UDAPI1221", "IP"), Verdict.UNKNOWN, None),
        (no(403, "UDAPI100067"), Verdict.UNKNOWN, None),
        (no(401, ""), Verdict.UNKNOWN, None),
        (httpx.Response(403, text="<html>"), Verdict.UNKNOWN, None),
        (httpx.Response(429), Verdict.UNKNOWN, None),
        (httpx.Response(500), Verdict.UNKNOWN, None),
        (httpx.ReadTimeout(""), Verdict.UNKNOWN, None),
    ],
)
async def test_three_answers_to_verify(answer, verdict, user_id):
    found, (request,) = await asked(lambda http: flow().verify(TOKEN, http), answer)
    assert (found.verdict, found.user_id) == (verdict, user_id)
    assert (request.method, request.url.path) == ("GET", "/v2/user/profile")
    assert request.headers["authorization"] == "Bearer dead-or-alive"


# The credentials


@pytest.mark.parametrize(
    "number",
    [
        "9812345670",
        "+919812345670",
        "+91 98123 45670",
        "0091-9812345670",
        "919812345670",
        "09812345670",
        " (981) 234-5670 ",
    ],
)
def test_a_mobile_number_is_taken_as_people_write_it(number):
    assert flow(mobile_number=number).credentials.mobile_number == "9812345670"


def test_a_number_that_begins_with_91_is_not_shortened():
    assert flow(mobile_number="9191234567").credentials.mobile_number == "9191234567"


@pytest.mark.parametrize(
    ("key", "value", "detail"),
    [
        ("mobile_number", "98123", "not an Indian mobile number"),
        ("mobile_number", "+1 981 234 5670", "not an Indian mobile number"),
        ("mobile_number", "٩٨١٢٣٤٥٦٧٠", "not an Indian mobile number"),
        ("mobile_number", "SB1234", "not an Indian mobile number"),
        ("pin", "1234", "not a valid Upstox PIN"),
        ("pin", "1234567", "not a valid Upstox PIN"),
        ("pin", "12345a", "not a valid Upstox PIN"),
        ("pin", "١٢٣٤٥٦", "not a valid Upstox PIN"),
    ],
)
def test_what_cannot_be_right_is_refused_without_repeating_it(key, value, detail):
    with pytest.raises(ValidationError) as caught:
        flow(**{key: value})
    assert detail in str(caught.value)
    assert value not in str(caught.value)


def test_a_pin_keeps_its_zeros():
    assert flow(pin=" 000012\n").credentials.pin.get_secret_value() == "000012"
