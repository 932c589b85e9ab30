"""Answers as documentation, SDKs and public programs show them, given to a flow one by one: what each is taken for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from autologin import redaction
from autologin.errors import AutologinError
from autologin.flow import registry
from autologin.flow.base import ApiFlow, Verdict
from autologin.sandbox.jwt import session
from autologin.sandbox.server import twin_classes
from autologin.token import Token

GROWW = {"api_key": "eyJh.eyJz.c2ln", "totp_secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}
NOW = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)


def flow_of(broker):
    flow = registry.load(broker)
    known = GROWW if broker == "groww" else twin_classes()[broker].account
    return flow(flow.credentials_class(**known))


def answering(*answers):
    """A client whose broker answers so, call by call."""
    left = list(answers)
    return httpx.AsyncClient(transport=httpx.MockTransport(lambda _: left.pop(0)))


def says(status, body, **headers):
    return httpx.Response(status, json=body, headers=headers)


async def error_for(broker, *answers):
    async with answering(*answers) as http:
        with pytest.raises(AutologinError) as caught:
            await flow_of(broker).sign_in(http, "123456", NOW)
    return caught.value


async def verdict_for(broker, answer, **extra):
    from pydantic import SecretStr

    async with answering(answer) as http:
        return await flow_of(broker).verify(Token(SecretStr("t"), NOW, NOW, "", extra), http)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, {"message": "Access denied because of exceeding access rate", "errorcode": ""}),
        (200, {"status": False, "message": "Access denied because of exceeding access rate"}),
        (
            200,
            {
                "status": False,
                "message": "Internal error, try after sometime",
                "errorcode": "AB2001",
            },
        ),
    ],
)
async def test_angelones_not_now(status, body):
    assert (await error_for("angelone", says(status, body))).name == "broker_unavailable"


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ({"message": "Invalid Token", "errorcode": ""}, Verdict.REJECTED),
        (
            {"success": False, "message": "Invalid Token", "errorCode": "AG8001", "data": ""},
            Verdict.REJECTED,
        ),
        (
            {"message": "Access denied because of exceeding access rate", "errorcode": ""},
            Verdict.UNKNOWN,
        ),
    ],
)
async def test_angelones_dead_token(body, verdict):
    """The gateway refuses a token in a 200, with words and no code."""
    assert (await verdict_for("angelone", says(200, body))).verdict is verdict


async def test_mstocks_key_that_has_ended():
    """The documented answer; "suspended" is not said of the account."""
    first = says(
        200,
        {
            "status": "true",
            "message": "",
            "errorcode": "",
            "data": {"jwtToken": "first", "refreshToken": ""},
        },
    )
    words = "API is suspended/expired for use. Please check your API subscription and try again."
    error = await error_for(
        "mstock", first, says(403, {"status": "error", "message": words, "data": None})
    )
    assert (error.name, words in error.detail) == ("credentials_rejected", True)


@pytest.mark.parametrize(
    ("message", "status", "name"),
    [
        ("Invalid Login", 1, "credentials_rejected"),
        ("Invalid Login", "1", "credentials_rejected"),
        ("Invalid TOTP", 1, "otp_rejected"),
        ("Request from an unregistered IP", 1, "exchange_rejected"),
        ("Something else", 2, "exchange_rejected"),
    ],
)
async def test_fivepaisas_invalid_login(message, status, name):
    """Status 1 is documented as that: a PIN with which it came is not sent again."""
    body = {"Message": message, "Status": status, "RequestToken": ""}
    assert (
        await error_for("fivepaisa", says(200, {"body": body, "head": {"Status": 0}}))
    ).name == name


async def test_fivepaisas_words_in_the_head():
    error = await error_for(
        "fivepaisa",
        says(200, {"body": None, "head": {"StatusDescription": "Invalid head parameters."}}),
    )
    assert "Invalid head parameters." in error.detail


@pytest.mark.parametrize(
    ("named", "ends"),
    [
        (datetime(2026, 11, 28, 1, 30, tzinfo=UTC), datetime(2026, 11, 28, 1, 30, tzinfo=UTC)),
        (datetime(2026, 12, 27, tzinfo=UTC), datetime(2026, 11, 28, 3, 0, tzinfo=UTC)),
    ],
)
async def test_indstocks_token_ends_when_it_says_so_within_a_day(named, ends):
    async with answering(says(200, {"token": session("1234567", named)})) as http:
        token = await flow_of("indstocks").sign_in(http, "123456", NOW)
    assert token.expires_at == ends


@pytest.mark.parametrize(
    ("profile", "user"),
    [({"user_id": 1234567, "ucc": "1ABCDE2N7X"}, "1234567"), ({"ucc": "1A"}, "1A")],
)
async def test_indstocks_user_is_the_profiles(profile, user):
    answer = await verdict_for("indstocks", says(200, {"status": "success", "data": profile}))
    assert (answer.verdict, answer.user_id) == (Verdict.VALID, user)


@pytest.mark.parametrize(
    ("stated", "hours"),
    [(21600, 6), ("21600", 6), (604800, 24), ("a day", 24), (None, 24), (-1, 24)],
)
async def test_tradejinis_token_ends_when_the_reply_says_so_within_a_day(stated, hours):
    async with answering(says(200, {"access_token": "t", "expires_in": stated})) as http:
        token = await flow_of("tradejini").sign_in(http, "123456", NOW)
    assert token.expires_at == NOW + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("status", "body", "verdict", "user"),
    [
        (200, {"s": "ok", "d": {"userId": "JNDEMO01"}}, Verdict.VALID, "JNDEMO01"),
        (200, {"s": "no-data", "msg": "no-data"}, Verdict.VALID, None),
        (
            200,
            {"s": "error", "msg": "Internal Error occurred. Kindly try again."},
            Verdict.UNKNOWN,
            None,
        ),
        (403, {"s": "error", "msg": "Forbidden"}, Verdict.UNKNOWN, None),
        (401, {"s": "error", "msg": "Unauthorized"}, Verdict.REJECTED, None),
    ],
)
async def test_what_tradejinis_details_say_of_a_token(status, body, verdict, user):
    answer = await verdict_for("tradejini", says(status, body))
    assert (answer.verdict, answer.user_id) == (verdict, user)


@pytest.mark.parametrize(
    ("status", "code", "words", "name"),
    [
        (403, "GA005", "Your account is locked", "account_locked"),
        (403, "GA005", "IP not whitelisted", "exchange_rejected"),
        (403, "GA005", "User not authorised to perform this operation", "consent_required"),
        (200, "GA003", "Unable to serve request currently", "broker_unavailable"),
        (400, "GA000", "Internal error occurred", "broker_unavailable"),
        (400, "GA003", "Invalid TOTP", "otp_rejected"),
    ],
)
async def test_growws_refusals(status, code, words, name):
    """What a 403 says comes before what it may mean: only the rest of them are a missing approval."""
    error = await error_for(
        "groww", says(status, {"status": "FAILURE", "error": {"code": code, "message": words}})
    )
    assert error.name == name


async def test_kotaks_consumer_key_under_its_other_name():
    """No second code goes out for it."""
    body = {"status": "error", "message": "Invalid access token", "errorCode": "401"}
    assert (await error_for("kotak", says(401, body))).name == "credentials_rejected"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("Too many failed attempts. Token generation locked for 15 minutes", "account_locked"),
        ("Only one token can be generated every 60 seconds", "broker_unavailable"),
        ("Slow down or you will be locked out", "broker_unavailable"),
    ],
)
async def test_a_429_in_the_brokers_words(words, name):
    """A lock is never taken for "later", and what a broker says with its status is told."""
    error = await error_for("indstocks", says(429, {"status": "error", "message": words}))
    assert (error.name, words in error.detail) == (name, True)


ODD = [None, [], 7, True, {"a": 1}, ["x"]]


@pytest.mark.parametrize(
    "broker", sorted(name for name in twin_classes() if issubclass(registry.load(name), ApiFlow))
)
async def test_an_answer_of_any_shape_is_an_error_by_name(broker):
    """Every field that some broker uses, with a value of every other type."""
    names = [
        "status",
        "message",
        "data",
        "body",
        "head",
        "error",
        "errors",
        "errorcode",
        "errorMessage",
        "token",
        "AuthToken",
    ]
    for odd in ODD:
        inner = dict.fromkeys(
            [
                *names,
                "Status",
                "Message",
                "RequestToken",
                "jwtToken",
                "accessToken",
                "isAuthTokenVerified",
            ],
            odd,
        )
        for body in (
            odd,
            inner,
            {"data": inner, "body": inner, "head": inner, "error": inner, "errors": [inner]},
        ):
            assert (await error_for(broker, says(200, body))).exit_code in {3, 4, 5}


@pytest.mark.parametrize("broker", ["firstock", "motilal"])
async def test_a_hashed_password_that_a_broker_echoes_is_cut_out(broker):
    """It is what the broker takes for the password."""
    sent = []

    def echo(request):
        sent.append(json.loads(request.content)["password"])
        return says(
            400, {"status": "failed", "message": f"Bad request: {request.content.decode()}"}
        )

    async with httpx.AsyncClient(transport=httpx.MockTransport(echo)) as http:
        with pytest.raises(AutologinError) as caught:
            await flow_of(broker).sign_in(http, "123456", NOW)
    assert "Bad request" in caught.value.detail
    assert sent[0] not in caught.value.detail


async def test_json_too_deep_to_read_is_no_json():
    deep = httpx.Response(
        200, content=b"[" * 100_000 + b"]" * 100_000, headers={"Content-Type": "application/json"}
    )
    assert (await error_for("angelone", deep)).name == "broker_unavailable"


@pytest.mark.parametrize("status", [200, 502])
async def test_words_that_are_cut_off_hold_no_part_of_a_secret(status):
    pin = flow_of("angelone").credentials.pin.get_secret_value()
    redaction.remember(pin)
    body = "-" * (98 if status == 200 else 198) + pin
    answer = httpx.Response(200, text=body) if status == 200 else says(502, {"message": body})
    assert f"-{pin[:2]}" not in (await error_for("angelone", answer)).detail
