"""The official breeze-connect takes ICICI Direct's twin for ICICI Direct, and our exchange is the SDK's."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from autologin.flow import registry
from autologin.flow.base import Verdict
from autologin.sandbox.server import Sandbox

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".sdks/breeze-connect/bin/python"


@pytest.fixture
async def twin():
    async with Sandbox(brokers=["icici_breeze"]) as sandbox:
        yield sandbox.twins["icici_breeze"]


@pytest.fixture
def sdk(twin, tmp_path):
    """Starts the SDK; its venv is made by `scripts/install-sdks`."""

    async def started(*starts):
        assert PYTHON.exists(), "run `make sdks`"
        words = [
            str(PYTHON),
            str(ROOT / "tests/support/sdk_clients/icici_breeze.py"),
            twin.origins["icici"],
            json.dumps(starts),
        ]
        pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
        process = await asyncio.create_subprocess_exec(*words, cwd=tmp_path, **pipes)
        out, err = await asyncio.wait_for(process.communicate(), 150)
        assert process.returncode == 0, err.decode()
        return json.loads(out.decode().splitlines()[-1])

    return started


def flow(twin):
    kind = registry.load("icici_breeze")
    return kind(kind.credentials_class(**twin.credentials), twin.endpoints)


async def ours(twin, session):
    async with httpx.AsyncClient() as http:
        return await flow(twin).exchange(SecretStr(session), http, datetime.now(UTC))


def customer_calls(twin):
    return [call for call in twin.seen if call.path.endswith("/customerdetails")]


async def test_the_sdk_starts_from_our_token_and_makes_a_signed_call(twin, sdk):
    token = await ours(twin, twin.open_session().value)
    (started,) = await sdk([token.extra["api_key"], twin.secret_key, token.extra["session_token"]])
    assert started["user"] == twin.user_id == token.user_id
    assert (started["funds"]["Status"], started["funds"]["Error"]) == (200, None)
    assert twin.tokens.keys() == {token.access_token.get_secret_value()}


async def test_our_bytes_are_the_sdks(twin, sdk):
    await sdk([twin.api_key, twin.secret_key, twin.open_session().value])
    theirs = customer_calls(twin)[0]
    session = json.loads(theirs.body)["SessionToken"]
    await ours(twin, session)
    mine = customer_calls(twin)[-1]
    assert (mine.method, mine.path, mine.query, mine.body) == (
        theirs.method,
        theirs.path,
        theirs.query,
        theirs.body,
    )
    assert mine.headers["content-type"] == theirs.headers["content-type"]


@pytest.mark.parametrize(
    ("key", "session", "words"),
    [("", "12345678", "Could not authenticate credentials"), ("wrong", "", "check api key")],
)
async def test_a_refusal_is_the_sdks_exception(twin, sdk, key, session, words):
    (refused,) = await sdk(
        [key or twin.api_key, twin.secret_key, session or twin.open_session().value]
    )
    assert words in refused["raised"]


async def test_an_old_session_is_the_sdks_exception_and_our_refusal(twin, sdk):
    token = await ours(twin, twin.open_session().value)
    twin.switch("dead_token")
    (refused,) = await sdk([twin.api_key, twin.secret_key, token.extra["session_token"]])
    assert "Session key is expired" in refused["raised"]
    async with httpx.AsyncClient() as http:
        assert (await flow(twin).verify(token, http)).verdict is Verdict.REJECTED
