"""The official upstox-python-sdk takes Upstox's twin for Upstox, and our exchange is the SDK's."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from autologin.flow import registry
from autologin.flow.base import Verdict
from autologin.sandbox.server import Sandbox
from autologin.sandbox.user import Grants

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".sdks/upstox/bin/python"
MATTERS = ("api-version", "accept", "content-type")
NOW = datetime(2026, 11, 24, 2, 45, 10, tzinfo=UTC)


@pytest.fixture
async def twin():
    async with Sandbox(brokers=["upstox"]) as sandbox:
        yield sandbox.twins["upstox"]


def grant(twin, code):
    """A code, as a login would leave it."""
    return twin.grants.open(code, twin.user, twin.now() + timedelta(minutes=2))


async def sdk(twin, *calls, token=""):
    """What the SDK gives or raises for each call; its venv is made by `scripts/install-sdks`."""
    assert PYTHON.exists(), "run `make sdks`"
    words = [
        str(PYTHON),
        str(ROOT / "tests/support/sdk_clients/upstox.py"),
        twin.origins["api"],
        token,
        json.dumps(calls),
    ]
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, err.decode()
    return json.loads(out.decode().splitlines()[-1])


def exchange_call(twin, code, **change):
    mine = twin.credentials
    named = {name: mine[name] for name in ("client_id", "client_secret", "redirect_uri")}
    return [
        "LoginApi",
        "token",
        ["2.0"],
        {"code": code, **named, "grant_type": "authorization_code", **change},
    ]


PROFILE = ["UserApi", "get_profile", ["2.0"], {}]
LOGOUT = ["LoginApi", "logout", ["2.0"], {}]


def flow(twin):
    kind = registry.load("upstox")
    return kind(kind.credentials_class(**twin.credentials), twin.endpoints)


async def ours(twin, code):
    """The flow's own exchange."""
    async with httpx.AsyncClient() as http:
        return await flow(twin).exchange(SecretStr(code), http, NOW)


async def test_the_sdk_exchanges(twin):
    (token,) = await sdk(twin, exchange_call(twin, grant(twin, "a1b2c3")))
    assert token["gave"]["access_token"] in twin.tokens
    assert (token["gave"]["user_id"], token["gave"]["broker"]) == (twin.user_id, "UPSTOX")


async def test_the_sdk_starts_from_our_token_reads_and_logs_out(twin):
    token = (await ours(twin, grant(twin, "a1b2c3"))).access_token.get_secret_value()
    profile, logout, dead = await sdk(twin, PROFILE, LOGOUT, PROFILE, token=token)
    assert (profile["gave"]["status"], profile["gave"]["data"]["user_id"]) == (
        "success",
        twin.user_id,
    )
    assert logout["gave"] == {"status": "success", "data": True}
    assert (dead["status"], dead["body"]["errors"][0]["errorCode"]) == (401, "UDAPI100050")
    assert twin.tokens == {}


@pytest.mark.parametrize("secret", ["sandbox+s3cret/&=", 'é% "\\~*()', "plain"])
async def test_our_bytes_are_the_sdks(twin, secret):
    twin.client_secret = secret
    (first,) = await sdk(twin, exchange_call(twin, grant(twin, "code-1/+=")))
    assert "gave" in first
    twin.grants = Grants()
    await ours(twin, grant(twin, "code-1/+="))
    theirs, mine = twin.seen
    assert (mine.method, mine.path, mine.query, mine.body) == (
        theirs.method,
        theirs.path,
        theirs.query,
        theirs.body,
    )
    assert {name: mine.headers[name] for name in MATTERS} == {
        name: theirs.headers[name] for name in MATTERS
    }


async def test_our_profile_call_is_the_sdks(twin):
    token = await ours(twin, grant(twin, "a1b2c3"))
    await sdk(twin, PROFILE, token=token.access_token.get_secret_value())
    async with httpx.AsyncClient() as http:
        verified = await flow(twin).verify(token, http)
    _, theirs, mine = twin.seen
    assert (verified.verdict, verified.user_id) == (Verdict.VALID, twin.user_id)
    assert (mine.method, mine.path, mine.query) == (theirs.method, theirs.path, theirs.query)
    assert {n: mine.headers[n] for n in ("authorization", "accept")} == {
        n: theirs.headers[n] for n in ("authorization", "accept")
    }


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"code": "never-issued"}, 401, "UDAPI100057"),
        ({"client_secret": "wrong"}, 401, "UDAPI100069"),
        ({"redirect_uri": "http://127.0.0.1/other"}, 401, "UDAPI100068"),
        ({"grant_type": ""}, 400, "UDAPI1023"),
    ],
)
async def test_a_refused_exchange_is_the_sdks_exception(twin, change, status, code):
    (refused,) = await sdk(twin, exchange_call(twin, **{"code": grant(twin, "a1b2c3"), **change}))
    (error,) = refused["body"]["errors"]
    assert (refused["raised"], refused["status"]) == ("ApiException", status)
    assert (error["errorCode"], error["error_code"]) == (code, code)


async def test_a_code_is_used_up_by_an_exchange_that_fails(twin):
    code = grant(twin, "a1b2c3")
    _, again = await sdk(
        twin, exchange_call(twin, code, client_secret="wrong"), exchange_call(twin, code)
    )
    assert again["body"]["errors"][0]["errorCode"] == "UDAPI100057"


async def test_a_request_for_approval(twin):
    twin_call = [
        "LoginApi",
        "init_token_request_for_indie_user",
        [twin.client_secret, twin.client_id],
        {},
    ]
    (asked,) = await sdk(twin, twin_call)
    ends = datetime.fromtimestamp(int(asked["gave"]["data"]["authorization_expiry"]) / 1000, UTC)
    assert ends.strftime("%H:%M") == "22:00"  # 03:30 in India
    assert json.loads(twin.seen[-1].body) == {"client_secret": twin.client_secret}


@pytest.mark.parametrize(
    ("scenario", "status"), [("429_at_exchange", 429), ("broker_502_at_exchange", 502)]
)
async def test_a_gateway_that_fails_is_the_sdks_exception(twin, scenario, status):
    twin.switch(scenario)
    (refused,) = await sdk(twin, exchange_call(twin, grant(twin, "a1b2c3")))
    assert (refused["raised"], refused["status"]) == ("ApiException", status)
