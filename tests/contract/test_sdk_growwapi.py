"""What growwapi makes of refusals and of an approval key; test_sdk_apis.py has what it shares with others."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path

import pyotp
import pytest

from autologin.sandbox.server import Sandbox

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".sdks/growwapi/bin/python"


@pytest.fixture
async def twin():
    async with Sandbox(brokers=["groww"]) as sandbox:
        yield sandbox.twins["groww"]


async def sdk(twin, *calls):
    """What the SDK gives or raises for each call; its venv is made by `scripts/install-sdks`."""
    assert PYTHON.exists(), "run `make sdks`"
    words = [
        str(PYTHON),
        str(ROOT / "tests/support/sdk_clients/groww.py"),
        twin.origins["api"],
        json.dumps(calls),
    ]
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, err.decode()
    return json.loads(out.decode().splitlines()[-1])


def totp(twin):
    return pyotp.TOTP(twin.totp_secret).at(twin.now())


async def test_the_sdk_signs_in_and_reads(twin):
    calls = (["get_access_token", {"api_key": twin.api_key, "totp": totp(twin)}], ["GrowwAPI", {}])
    token, client, profile, margins = await sdk(
        twin, *calls, ["get_user_profile", {}], ["get_available_margin_details", {}]
    )
    assert token["gave"] in twin.tokens
    assert client == {"gave": None}
    assert profile["gave"]["ucc"] == twin.ucc
    assert margins["gave"]["clear_cash"] == 100000
    assert twin.counters == {"access": 1, "changelog": 1, "profile": 1, "margins": 1}


async def test_the_sdk_signs_in_with_an_approval_key(twin):
    call = ["get_access_token", {"api_key": twin.approval_key, "secret": twin.approval_secret}]
    (token,) = await sdk(twin, call)
    assert token["gave"] in twin.tokens
    sent = json.loads(twin.seen[-1].body)
    assert isinstance(sent["timestamp"], int)
    assert sent["checksum"] == hashlib.sha256(f"SS{sent['timestamp']}".encode()).hexdigest()


@pytest.mark.parametrize(
    ("scenario", "raised", "said"),
    [
        ("wrong_key", "GrowwAPIAuthenticationException", ""),
        ("approval_missing_403", "GrowwAPIAuthorisationException", ""),
        ("wrong_code_display", "GrowwAPIException", "Invalid TOTP"),
        ("broker_502_at_access", "GrowwAPIException", ""),
        ("429_at_access", "GrowwAPIRateLimitException", ""),
    ],
)
async def test_refusals_are_the_sdks_exceptions(twin, scenario, raised, said):
    twin.switch(scenario)
    (result,) = await sdk(twin, ["get_access_token", {"api_key": twin.api_key, "totp": totp(twin)}])
    assert result["raised"] == raised
    assert said in result["said"]


async def test_a_dead_token_is_the_sdks_exception(twin):
    _, profile = await sdk(twin, ["GrowwAPI", {"token": "dead"}], ["get_user_profile", {}])
    assert (profile["raised"], profile["code"]) == ("GrowwAPIException", "GA005")
