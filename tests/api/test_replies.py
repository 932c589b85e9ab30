"""What is not the broker's reply is an outage: every broker, every step where a token is due, every kind of reply."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr, ValidationError
from support.replies import NO, YES, answering, flow_at, reply

from autologin.errors import AutologinError, BrokerUnavailable
from autologin.flow import registry
from autologin.flow.base import ApiFlow, AuthCode, Verdict
from autologin.flow.http import broker_client
from autologin.token import Token

NOW = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
JSON, HTML = "application/json", "text/html"
PAGE = "<html><head><title>{}</title></head><body>x</body></html>"
KINDS = {
    "maintenance": reply(200, HTML, PAGE.format("Scheduled maintenance")),
    "empty": reply(200, JSON, ""),
    "cut": reply(200, JSON, '{"status": "error", "mess'),
    "nothing": reply(200, JSON, {}),
    "null": reply(200, JSON, "null"),
    "list": reply(200, JSON, [1]),
    "number": reply(200, JSON, 7),
    "no_text": reply(200, "application/octet-stream", b"\xff\xfe\x00"),
    "another_api": reply(200, JSON, {"ok": True, "result": {"id": 1}}),
    "firewall": reply(403, HTML, PAGE.format("Just a moment...")),
    "gateway_401": reply(401, HTML, PAGE.format("401 Authorization Required")),
    "gateway_404": reply(404, HTML, PAGE.format("404 Not Found")),
    "gateway_json": reply(403, JSON, {"message": "Forbidden"}),
    "moved": reply(302, HTML, "", location="https://broker.example/maintenance"),
    "cut_off": reply(200, JSON, {})[:-1],
}
TWO_STEPS = ("fivepaisa", "kotak", "mstock")
REFRESHING = ("angelone", "fyers", "icici_oauth", "oauth2")
DUE = [(broker, 1) for broker in YES] + [(broker, 2) for broker in TWO_STEPS]


def test_every_broker_is_here():
    flows = Path(__file__).parents[2].joinpath("flows").glob("[a-z]*.py")
    assert YES.keys() == NO.keys() == {file.stem for file in flows}


async def token_from(broker, step, *answers):
    """What comes of a login, or of an exchange, whose `step` gets these answers."""
    good = [reply(200, JSON, YES[broker]("good"))] * (step - 1)
    async with answering(*good, *answers) as server, broker_client(None) as http:
        return await from_flow(flow_at(broker, server.url), http)


async def from_flow(flow, http):
    if isinstance(flow, ApiFlow):
        return await flow.sign_in(http, "123456", NOW)
    return await flow.exchange(AuthCode("c0de", SecretStr("v")), http, NOW)


async def error_from(broker, step, *answers):
    with pytest.raises(AutologinError) as caught:
        await token_from(broker, step, *answers)
    return caught.value


def token(url=""):
    extra = {"refresh_token": "r", "session_token": "s", "base_url": url, "susertoken": "u"}
    return Token(SecretStr("t"), NOW, NOW + timedelta(hours=9), "", extra)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("broker", "step"), DUE)
async def test_where_a_token_is_due(broker, step, kind):
    error = await error_from(broker, step, KINDS[kind])
    assert (error.name, error.sent) == ("broker_unavailable", True), error.message
    assert "<" not in error.message
    if kind == "maintenance":
        assert 'HTTP 200, text/html, "Scheduled maintenance"' in error.detail


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("broker", YES)
async def test_where_a_token_is_proven(broker, kind):
    async with answering(KINDS[kind]) as server, broker_client(None) as http:
        answer = await flow_at(broker, server.url).verify(token(server.url), http)
    if kind == "another_api" and broker in {"oauth2", "icici_oauth"}:
        assert answer.verdict is Verdict.VALID  # what a profile looks like nobody knows
    else:
        assert answer.verdict is Verdict.UNKNOWN, answer.detail


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("broker", REFRESHING)
async def test_where_a_token_is_renewed(broker, kind):
    """Any no is a login."""
    async with answering(KINDS[kind]) as server, broker_client(None) as http:
        assert await flow_at(broker, server.url).refresh(token(), http, NOW) is None


@pytest.mark.parametrize("given", ["abc\u00e9def", "a b", "a\nb", "\u0000", "", 7, ["t"], {"t": 1}])
@pytest.mark.parametrize(("broker", "step"), DUE)
async def test_a_token_that_no_header_can_carry(broker, step, given):
    error = await error_from(broker, step, reply(200, JSON, YES[broker](given)))
    assert error.name == "broker_unavailable", error.message
    async with (
        answering(reply(200, JSON, YES[broker](given))) as server,
        broker_client(None) as http,
    ):
        assert await flow_at(broker, server.url).refresh(token(), http, NOW) is None


@pytest.mark.parametrize("broker", YES)
async def test_a_token_is_taken(broker):
    answers = [reply(200, JSON, YES[broker]("good"))]
    if broker == "kotak":  # the session's address must be the broker's own
        body = YES[broker]("good")
        body["data"]["baseUrl"] = "https://gw-napi.kotaksecurities.com"
        answers = [answers[0], reply(200, JSON, body)]
    assert (await token_from(broker, 1, *answers)).access_token.get_secret_value() == "good"


@pytest.mark.parametrize("status", [200, 400, 403])
@pytest.mark.parametrize(("broker", "step"), DUE)
async def test_the_brokers_own_no_is_one(broker, step, status):
    """In its own envelope, whatever HTTP says."""
    error = await error_from(broker, step, reply(status, JSON, NO[broker]("Purple fish")))
    named = {"groww": "consent_required"} if status == 403 else {}
    assert error.name == named.get(broker, "exchange_rejected")
    assert "Purple fish" in error.detail


LATER = [
    "Something Went Wrong, Please Try After Sometime",
    "Internal server error",
    "Unable to process request, try again in a few minutes",
    "Service is temporarily unavailable",
    "System under maintenance",
]


@pytest.mark.parametrize("words", LATER)
@pytest.mark.parametrize(("broker", "step"), DUE)
async def test_a_no_that_says_later_is_an_outage(broker, step, words):
    error = await error_from(broker, step, reply(200, JSON, NO[broker](words)))
    assert (error.name, words in error.detail) == ("broker_unavailable", True)


FIREWALL = ["Request blocked", "Sorry, you have been blocked", "Your IP has been blocked"]


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (200, "credentials_rejected"),
        (401, "credentials_rejected"),
        (429, "credentials_rejected"),
        (500, "broker_unavailable"),
    ],
)
async def test_a_refusal_of_a_secret_is_one_unless_the_server_is_broken(status, name):
    words = "Invalid PIN. Please try again later"
    body = {"status": False, "message": words, "errorcode": "AB1007"}
    error = await error_from("angelone", 1, reply(status, JSON, body))
    assert error.name == name


@pytest.mark.parametrize("words", FIREWALL)
@pytest.mark.parametrize(("broker", "step"), DUE)
async def test_what_a_firewall_blocks_is_not_the_account(broker, step, words):
    for body in ({"message": words}, NO[broker](words)):
        error = await error_from(broker, step, reply(403, JSON, body))
        assert error.name in {"broker_unavailable", "exchange_rejected", "consent_required"}


API = [pair for pair in DUE if issubclass(registry.load(pair[0]), ApiFlow)]


@pytest.mark.parametrize("status", [200, 401, 429])
@pytest.mark.parametrize(("broker", "step"), API)
async def test_a_lock_is_one_though_it_says_when_to_try_again(broker, step, status):
    words = "Too many incorrect OTP attempts. Please try after 15 minutes"
    error = await error_from(broker, step, reply(status, JSON, NO[broker](words)))
    assert error.name == "account_locked"


@pytest.mark.parametrize(("broker", "step"), API)
async def test_what_the_words_of_a_no_mean(broker, step):
    async def name_of(words):
        return (await error_from(broker, step, reply(200, JSON, NO[broker](words)))).name

    assert await name_of("T-OTP is not enabled for you") == "otp_not_available"
    warned = "Invalid password. 4 attempts left before the account gets blocked."
    if broker != "groww":  # it knows no password
        assert await name_of(warned) == "credentials_rejected"
    assert await name_of("Invalid OTP, please try again later") == "otp_rejected"


ADDRESSED = [
    ("Invalid Input : INVALID_IP", "127.0.0.1"),
    ("IP 203.0.113.7 is not whitelisted", "203.0.113.7"),
    ("Request from unregistered IP 2001:db8:0:1::7", "2001:db8:0:1::7"),
]


@pytest.mark.parametrize(("words", "address"), ADDRESSED)
@pytest.mark.parametrize(("broker", "step"), DUE)
async def test_an_address_that_is_not_registered_is_named(broker, step, words, address):
    error = await error_from(broker, step, reply(200, JSON, NO[broker](words)))
    assert error.name == "exchange_rejected"
    assert "Register this machine's address" in error.hint
    assert address in error.message


PLANTED = "eyJhbGciOiJIUzUxMiJ9.PLANTED.SECRET"
HIDDEN = [
    {"success": True, "data": {"jwtToken": PLANTED}},
    {"status": "error", "message": {"token": PLANTED}},
    {"status": "error", "errors": [{"message": [PLANTED]}], "data": {PLANTED: PLANTED}},
    {"stat": "Not_Ok", "emsg": {"t": PLANTED}, "Error": [PLANTED], "Status": 200},
    {"status": "failed", "data": {"accessToken": PLANTED}},
    {"error": {"message": {"a": PLANTED}}, "error_description": [PLANTED]},
    {"token": {"value": PLANTED}, "body": {"Status": 1, "Message": [PLANTED]}},
    {"status": "error", "message": f"Bad request: {PLANTED}", "emsg": PLANTED, "msg": PLANTED},
]


@pytest.mark.parametrize("broker", YES)
async def test_a_secret_in_an_unexpected_answer_is_not_quoted(broker):
    bodies = [reply(200, JSON, body) for body in HIDDEN]
    bodies.append(reply(200, HTML, f"<title>{PLANTED}</title>{PLANTED}"))
    for body in bodies:
        assert "PLANTED" not in (await error_from(broker, 1, body)).message
        async with answering(body) as server, broker_client(None) as http:
            answer = await flow_at(broker, server.url).verify(token(server.url), http)
        assert "PLANTED" not in answer.detail


OTHER_MEANINGS = [
    (403, "Segment not enabled"),
    (401, "Segment not enabled for this session"),
    (401, "Invalid token: IP is not whitelisted"),
    (400, "Something else"),
]


@pytest.mark.parametrize(("status", "words"), OTHER_MEANINGS)
@pytest.mark.parametrize("broker", YES)
async def test_a_no_with_another_meaning_keeps_the_token(broker, status, words):
    no = reply(status, JSON, NO[broker](words))
    async with answering(no) as server, broker_client(None) as http:
        answer = await flow_at(broker, server.url).verify(token(server.url), http)
    assert answer.verdict is Verdict.UNKNOWN, answer.detail


SENT = ["ReadTimeout", "ReadError", "RemoteProtocolError", "WriteError", "WriteTimeout"]
NOT_SENT = [
    "ConnectError",
    "ConnectTimeout",
    "PoolTimeout",
    "ProxyError",
    "UnsupportedProtocol",
    "LocalProtocolError",
]


@pytest.mark.parametrize("kind", [*SENT, *NOT_SENT])
async def test_what_may_have_arrived_by_the_error(kind):
    def fail(_request):
        raise getattr(httpx, kind)("x")

    async with httpx.AsyncClient(transport=httpx.MockTransport(fail)) as http:
        with pytest.raises(BrokerUnavailable) as caught:
            await from_flow(flow_at("angelone", URL), http)
    assert caught.value.sent == (kind in SENT)


async def test_what_was_sent_and_what_was_not():
    async with answering(b"") as server, broker_client(None) as http:
        flow = flow_at("dhan", server.url)
        with pytest.raises(AutologinError) as caught:
            await flow.sign_in(http, "123456", NOW)
        assert (caught.value.name, caught.value.sent) == ("broker_unavailable", True)
        url = server.url
    async with broker_client(None) as http:  # nobody listens there any more
        with pytest.raises(AutologinError) as caught:
            await flow_at("dhan", url).sign_in(http, "123456", NOW)
    assert (caught.value.name, caught.value.sent) == ("broker_unavailable", False)


@pytest.mark.parametrize("broker", YES)
def test_a_key_that_no_request_can_carry_is_told_of_at_the_start(broker):
    """Not by a traceback in the morning."""
    good = flow_at(broker, URL).credentials
    kind = type(good)
    for name in {"api_key", "client_id", "consumer_key"} & kind.model_fields.keys():
        odd = {**shown(good), name: "ab\u00e9c-100"}
        with pytest.raises(ValidationError, match=name):
            kind(**odd)


def shown(credentials):
    fields = {name: getattr(credentials, name) for name in type(credentials).model_fields}
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in fields.items()
        if value is not None
    }


@pytest.mark.parametrize("broker", YES)
async def test_any_json_at_all_is_an_answer_that_is_understood(broker):
    """Values of every other type, in every place: no traceback, neither now nor with the token."""
    fields = json.dumps([YES[broker]("good"), NO[broker]("no")])
    flow = flow_at(broker, URL)
    answer = httpx.Response(200)
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer)) as http:
        for index, (odd, status) in enumerate(product(ODD, (200, 401, 403, 500))):
            good, bad = json.loads(fields)
            for body in (mixed(good, odd, index), mixed(bad, odd, index), odd):
                answer = httpx.Response(status, content=json.dumps(body))
                assert (await flow.verify(token(URL), http)).verdict in Verdict
                with suppress(AutologinError):
                    found = await from_flow(flow, http)
                    json.dumps(found.to_json("a", broker)).encode()
                    await flow.verify(found, http)
                await flow.refresh(token(), http, NOW)


URL = "http://127.0.0.1:9"
ODD = [
    None,
    [],
    7,
    True,
    {"a": 1},
    ["x"],
    "\u00e9",
    "a b",
    "\ud800",
    {"message": ["x"], "code": []},
]


def mixed(body, odd, index):
    """The body with every second value, from this one on, replaced."""
    if not isinstance(body, dict):
        return body
    return {
        name: odd if (place + index) % 2 else mixed(value, odd, index)
        for place, (name, value) in enumerate(body.items())
    }
