"""Groww's flow without a twin: what each answer means, and the form of its credentials."""

from __future__ import annotations

import hashlib
from datetime import datetime

import httpx
import pytest
from pydantic import SecretStr, ValidationError
from support.clock import MORNING

from autologin.clock import IST
from autologin.errors import BrokerUnavailable
from autologin.flow import registry
from autologin.flow.base import Verdict
from autologin.token import Token

SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXQ"
NEXT_RESET = datetime(2026, 11, 25, 6, tzinfo=IST)


def flow():
    kind = registry.load("groww")
    return kind(
        kind.credentials_class(api_key="eyJkey", totp_secret=SEED), {"api": "http://groww.test/v1"}
    )


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


async def signed_in(*answers):
    token, _ = await asked(lambda http: flow().sign_in(http, "123456", MORNING), *answers)
    return token


async def fails(*answers):
    with pytest.raises(Exception) as caught:  # noqa: PT011  (its name is what is tested)
        await signed_in(*answers)
    return caught.value


def failure(status, code="GA001", message="", **more):
    return httpx.Response(
        status, json={"status": "FAILURE", "error": {"code": code, "message": message, **more}}
    )


async def test_it_sends_what_the_sdk_sends():
    call = lambda http: flow().sign_in(http, "012345", MORNING)  # noqa: E731
    _, (request,) = await asked(call, httpx.Response(200, json={"token": "t"}))
    assert (request.method, str(request.url)) == ("POST", "http://groww.test/v1/token/api/access")
    assert request.content == b'{"key_type": "totp", "totp": "012345"}'
    assert (request.headers["authorization"], request.headers["x-api-version"]) == (
        "Bearer eyJkey",
        "1.0",
    )
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("body", "expires"),
    [
        ({"token": "t", "expiry": "2026-11-25T06:00:00"}, NEXT_RESET),
        (
            {"token": "t", "expiry": "2026-11-24T23:34:56"},
            datetime(2026, 11, 24, 23, 34, 56, tzinfo=IST),
        ),
        ({"token": "t", "expiry": "2026-11-25T00:30:00Z"}, NEXT_RESET),
        (
            {"payload": {"token": "t", "expiry": "2026-11-25T05:00:00"}},
            datetime(2026, 11, 25, 5, tzinfo=IST),
        ),
        ({"token": "t", "expiry": "2024-07-01T12:34:56"}, NEXT_RESET),
        ({"token": "t", "expiry": "2026-12-25T06:00:00"}, NEXT_RESET),
        ({"token": "t", "expiry": None}, NEXT_RESET),
        ({"token": "t", "expiry": 1795488481}, NEXT_RESET),
        ({"token": "t"}, NEXT_RESET),
    ],
)
async def test_the_end_of_a_token_is_indias(body, expires):
    token = await signed_in(httpx.Response(200, json=body))
    assert (token.access_token.get_secret_value(), token.expires_at) == ("t", expires)
    assert token.issued_at == MORNING


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (failure(401, "GA005", "User not authorised"), "credentials_rejected"),
        (httpx.Response(401), "broker_unavailable"),
        (failure(400, "GA001", "Invalid TOTP"), "otp_rejected"),
        (failure(400, "GA005", "The TOTP is not valid"), "otp_rejected"),
        (failure(400, displayMessage="Incorrect OTP entered"), "otp_rejected"),
        (httpx.Response(400, json={"error": "x", "message": "no"}), "broker_unavailable"),
        (failure(403, "GA005", "Forbidden"), "consent_required"),
        (httpx.Response(403, text="<html>Forbidden</html>"), "broker_unavailable"),
        (failure(400, "GA005", "TOTP token requires daily approval"), "consent_required"),
        (failure(401, "GA005", "Key is not approved"), "consent_required"),
        (
            httpx.Response(
                200, json={"status": "FAILURE", "error": {"message": "Approve the key"}}
            ),
            "consent_required",
        ),
        (failure(400, "GA005", "User not authorised"), "exchange_rejected"),
        (failure(404, "GA004", "No entity"), "exchange_rejected"),
        (httpx.Response(400, text="no JSON"), "broker_unavailable"),
        (httpx.Response(200, json={"token": ""}), "broker_unavailable"),
        (httpx.Response(200, json=["t"]), "broker_unavailable"),
        (failure(400, "GA006", "Your account has been locked"), "account_locked"),
        (failure(502), "broker_unavailable"),
        (httpx.ConnectTimeout(""), "broker_unavailable"),
    ],
)
async def test_what_an_answer_means(answer, name):
    error = await fails(answer)
    assert error.name == name
    if name == "consent_required":
        assert "https://groww.in/trade-api/api-keys" in error.hint


async def test_a_retry_after_is_kept():
    error = await fails(httpx.Response(429, headers={"retry-after": "7"}))
    assert (error.name, error.retry_after) == ("broker_unavailable", 7)


async def test_the_brokers_count_of_attempts_is_kept():
    assert (await fails(failure(400, message="Invalid TOTP. 2 attempts left"))).attempts_left == 2


TOKEN = Token(SecretStr("dead-or-alive"), MORNING, NEXT_RESET, "")


@pytest.mark.parametrize(
    ("answer", "verdict", "user_id"),
    [
        (
            httpx.Response(
                200, json={"status": "SUCCESS", "payload": {"vendor_user_id": "v", "ucc": "u"}}
            ),
            Verdict.VALID,
            "v",
        ),
        (
            httpx.Response(200, json={"status": "SUCCESS", "payload": {"ucc": "u"}}),
            Verdict.VALID,
            "u",
        ),
        (httpx.Response(200, json={"ucc": "u"}), Verdict.VALID, "u"),
        (httpx.Response(200, json={"status": "SUCCESS", "payload": {}}), Verdict.VALID, None),
        (failure(401, "GA005", "User not authorised"), Verdict.REJECTED, None),
        (failure(403, "GA005", "User not authorised"), Verdict.UNKNOWN, None),
        (failure(200, "GA000", "Internal"), Verdict.UNKNOWN, None),
        (httpx.Response(200, text="<html>"), Verdict.UNKNOWN, None),
        (httpx.Response(429), Verdict.UNKNOWN, None),
        (httpx.Response(500), Verdict.UNKNOWN, None),
        (httpx.ReadTimeout(""), Verdict.UNKNOWN, None),
    ],
)
async def test_three_answers_to_verify(answer, verdict, user_id):
    found, (request,) = await asked(lambda http: flow().verify(TOKEN, http), answer)
    assert (found.verdict, found.user_id) == (verdict, user_id)
    assert (request.method, request.url.path) == ("GET", "/v1/user/detail")
    assert request.headers["authorization"] == "Bearer dead-or-alive"


@pytest.mark.parametrize("key", ["", "two words", "a\nb", "ключ"])
def test_a_key_that_no_header_can_hold_is_refused(key):
    with pytest.raises(ValidationError) as caught:
        registry.load("groww").credentials_class(api_key=key, totp_secret=SEED)
    assert "not an API key" in str(caught.value)
    assert not key or key not in str(caught.value)


def test_the_checksum_of_the_docs():
    digest = hashlib.sha256(b"SS1795488481").hexdigest()
    assert digest == "1ed5828fabf5e828b0bfa6b1d91a4ac303699c2bb79a36b3a4fb713e22987ae2"


async def test_why_there_was_no_answer_is_told():
    detail = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"
    with pytest.raises(BrokerUnavailable) as caught:
        await asked(
            lambda http: flow().sign_in(http, "123456", MORNING), httpx.ConnectError(detail)
        )
    assert (
        f"No answer from POST groww.test/v1/token/api/access (ConnectError: {detail})"
        in caught.value.detail
    )
