"""The official fyers-apiv3 takes Fyers' twin for Fyers, and our exchange is the SDK's."""

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
PYTHON = ROOT / ".sdks/fyers/bin/python"
NOW = datetime(2026, 11, 24, 2, 45, 10, tzinfo=UTC)


@pytest.fixture
async def twin():
    async with Sandbox(brokers=["fyers"]) as sandbox:
        yield sandbox.twins["fyers"]


@pytest.fixture
def sdk(twin, tmp_path):
    """Calls the SDK; its venv is made by `scripts/install-sdks`."""

    async def called(*calls):
        assert PYTHON.exists(), "run `make sdks`"
        script = str(ROOT / "tests/support/sdk_clients/fyers.py")
        words = [str(PYTHON), script, twin.endpoints["api"], str(tmp_path), json.dumps(calls)]
        pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
        process = await asyncio.create_subprocess_exec(*words, cwd=tmp_path, **pipes)
        out, err = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode == 0, err.decode()
        return json.loads(out.decode().splitlines()[-1])

    return called


def grant(twin, code):
    """A code, as a login would leave it."""
    return twin.grants.open(code, twin.user, twin.now() + timedelta(minutes=2))


def app(twin, **change):
    return {"client_id": twin.client_id, "secret_key": twin.secret_key, **change}


def flow(twin):
    kind = registry.load("fyers")
    return kind(kind.credentials_class(**twin.credentials), twin.endpoints)


async def ours(twin, code):
    async with httpx.AsyncClient() as http:
        return await flow(twin).exchange(SecretStr(code), http, NOW)


async def test_our_login_address_is_the_sdks(twin, sdk):
    mine = {
        "client_id": twin.client_id,
        "redirect_uri": twin.redirect_uri + "?a=b&c=d e",
        "state": "n+o/n=ce",
    }
    (theirs,) = await sdk(["url", mine])
    kind = registry.load("fyers")
    one = kind(
        kind.credentials_class(**{**twin.credentials, "redirect_uri": mine["redirect_uri"]}),
        twin.endpoints,
    )
    assert one.login_url("n+o/n=ce").url == theirs


async def test_our_bytes_are_the_sdks(twin, sdk):
    (token,) = await sdk(["exchange", {**app(twin), "code": grant(twin, "co/de+1=é")}])
    assert token["access_token"] in twin.tokens
    twin.grants = Grants()
    await ours(twin, grant(twin, "co/de+1=é"))
    theirs, mine = twin.seen
    assert (mine.method, mine.path, mine.query) == (theirs.method, theirs.path, theirs.query)
    assert mine.body == theirs.body
    assert mine.headers["content-type"] == theirs.headers["content-type"] == "application/json"
    assert "authorization" not in mine.headers


async def test_the_sdk_starts_from_our_token_reads_and_logs_out(twin, sdk):
    token = await ours(twin, grant(twin, "a"))
    start = {"client_id": token.extra["client_id"], "token": token.access_token.get_secret_value()}
    calls = [
        ["model", {**start, "method": method}]
        for method in ("get_profile", "logout", "get_profile")
    ]
    profile, logout, dead = await sdk(*calls)
    assert (profile["s"], profile["data"]["fy_id"]) == ("ok", twin.user.user_id)
    assert logout["s"] == "ok"
    assert (dead["s"], dead["code"]) == ("error", -16)
    assert [call.path for call in twin.seen][-2] == "/api/v3/logout"


async def test_our_profile_call_is_the_sdks(twin, sdk):
    token = await ours(twin, grant(twin, "a"))
    await sdk(
        [
            "model",
            {
                "client_id": twin.client_id,
                "token": token.access_token.get_secret_value(),
                "method": "get_profile",
            },
        ]
    )
    async with httpx.AsyncClient() as http:
        verified = await flow(twin).verify(token, http)
    _, theirs, mine = twin.seen
    assert (verified.verdict, verified.user_id) == (Verdict.VALID, twin.user.user_id)
    assert (mine.method, mine.path, mine.query, mine.body) == (
        theirs.method,
        theirs.path,
        theirs.query,
        theirs.body,
    )
    names = ("authorization", "content-type", "version")
    assert {name: mine.headers[name] for name in names} == {
        name: theirs.headers[name] for name in names
    }


@pytest.mark.parametrize(
    ("change", "code", "number"),
    [({}, "never-issued", -16), ({"secret_key": "wrong"}, "a", -371), ({}, "", -374)],
)
async def test_a_refused_exchange_is_what_the_sdk_gives(twin, sdk, change, code, number):
    grant(twin, "a")
    (refused,) = await sdk(["exchange", {**app(twin, **change), "code": code}])
    assert (refused["s"], refused["code"]) == ("error", number)


async def test_a_code_counts_once(twin, sdk):
    call = ["exchange", {**app(twin), "code": grant(twin, "a")}]
    first, again = await sdk(call, call)
    assert (first["s"], again["code"]) == ("ok", -16)
