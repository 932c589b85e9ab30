"""The official kiteconnect SDK takes Zerodha's twin for Kite Connect."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pyotp
import pytest
from kiteconnect import KiteConnect
from kiteconnect.exceptions import InputException, NetworkException, TokenException
from pydantic import SecretStr

from autologin.flow import registry
from autologin.sandbox.server import Sandbox

PAGE = Path(__file__).parents[2] / "docs/brokers/zerodha.md"


@pytest.fixture
async def twin():
    async with Sandbox(brokers=["zerodha"]) as sandbox:
        yield sandbox.twins["zerodha"]


@pytest.fixture
def kite(twin):
    sdk = KiteConnect("sandboxkey", root=twin.endpoints["api"])
    yield sdk
    sdk.reqsession.close()


async def request_token(twin):
    """What a browser ends up with, by the calls that it would make."""
    mine = twin.credentials
    async with httpx.AsyncClient(base_url=twin.endpoints["login"]) as web:
        page = await web.get("/connect/login", params={"api_key": mine["api_key"], "v": "3"})
        login = await web.post(
            "/api/login", data={"user_id": mine["user_id"], "password": mine["password"]}
        )
        found = {"user_id": mine["user_id"], "request_id": login.json()["data"]["request_id"]}
        value = pyotp.TOTP(mine["totp_secret"]).at(twin.clock.now())
        await web.post("/api/twofa", data={**found, "twofa_value": value, "twofa_type": "totp"})
        finish = await web.get(page.headers["location"].replace("/login", "/finish"))
    return dict(parse_qsl(urlsplit(finish.headers["location"]).query))["request_token"]


async def ask(call, *args):
    """The SDK blocks, and the twin lives in this loop: call it from a thread."""
    return await asyncio.to_thread(call, *args)


async def test_the_sdk_exchanges_reads_and_logs_out(twin, kite):
    session = await ask(
        kite.generate_session, await request_token(twin), twin.credentials["api_secret"]
    )
    assert isinstance(session["login_time"], datetime)
    assert (await ask(kite.profile))["user_id"] == session["user_id"] == twin.credentials["user_id"]
    assert (await ask(kite.margins))["equity"]["enabled"] is True
    assert await ask(kite.invalidate_access_token) is True
    with pytest.raises(TokenException, match="Incorrect `api_key` or `access_token`"):
        await ask(kite.profile)
    assert twin.counters["exchange"] == twin.counters["logout"] == 1


def written(folder, token):
    (folder / "tokens").mkdir()
    (folder / "tokens/zerodha.json").write_text(json.dumps(token.to_json("mine", "zerodha")))


async def test_the_lines_of_the_docs_start_the_sdk_from_our_token(twin, tmp_path):
    kind = registry.load("zerodha")
    flow = kind(kind.credentials_class(**twin.credentials), twin.endpoints)
    async with httpx.AsyncClient() as http:
        written(
            tmp_path, await flow.exchange(SecretStr(await request_token(twin)), http, twin.now())
        )
    (lines,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    there = f"import kiteconnect\nkiteconnect.KiteConnect._default_root_uri = {twin.endpoints['api']!r}\n"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", there + lines, cwd=tmp_path, stdout=pipe
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert out.decode().strip() == twin.credentials["user_id"]


@pytest.mark.parametrize(
    ("secret", "detail"),
    [("wrong", "Invalid `checksum`"), (None, "Token is invalid or has expired")],
)
async def test_a_refused_exchange_is_the_sdks_token_exception(twin, kite, secret, detail):
    code = await request_token(twin) if secret else "never-issued"
    with pytest.raises(TokenException, match=detail) as caught:
        await ask(kite.generate_session, code, secret or twin.credentials["api_secret"])
    assert caught.value.code == 403


async def test_a_missing_field_is_the_sdks_input_exception(twin, kite):
    with pytest.raises(InputException) as caught:
        await ask(kite.generate_session, "", twin.credentials["api_secret"])
    assert caught.value.code == 400


@pytest.mark.parametrize(
    ("scenario", "code"), [("broker_502_at_profile", 502), ("429_at_profile", 429)]
)
async def test_a_gateway_that_fails_is_the_sdks_network_exception(twin, kite, scenario, code):
    twin.switch(scenario)
    kite.set_access_token("any")
    with pytest.raises(NetworkException) as caught:
        await ask(kite.profile)
    assert caught.value.code == code


async def test_a_refresh_is_refused(twin, kite):
    with pytest.raises(TokenException):
        await ask(kite.renew_access_token, "rf", twin.credentials["api_secret"])


async def test_the_session_expiry_hook_is_called(twin, kite):
    called = []
    kite.set_session_expiry_hook(lambda: called.append(True))
    kite.set_access_token("dead")
    with pytest.raises(TokenException):
        await ask(kite.profile)
    assert called == [True]


async def test_the_sdk_sends_the_exchange_of_the_docs(twin, kite):
    kite.api_key = "key"
    with pytest.raises(TokenException):
        await ask(kite.generate_session, "rt", "sec")
    sent = twin.seen[-1]
    checksum = "7b47a9239417310c273435e60a7118c2e05174b9883bd2d839f4d39bea555557"
    assert (sent.method, sent.path, sent.headers["x-kite-version"]) == (
        "POST",
        "/session/token",
        "3",
    )
    assert sent.body.decode() == f"api_key=key&request_token=rt&checksum={checksum}"


async def test_the_sdk_sends_the_refresh_of_the_docs(twin, kite):
    kite.api_key = "key"
    with pytest.raises(TokenException):
        await ask(kite.renew_access_token, "rf", "sec")
    checksum = "8c0f0fcd4b12da0aab7e7707e64fff09971c537a7124940d92e851cdb702a061"
    assert twin.seen[-1].body.decode() == f"api_key=key&refresh_token=rf&checksum={checksum}"


async def test_the_twin_accepts_the_checksum_of_the_docs(twin):
    twin.api_key, twin.api_secret = "key", "sec"
    twin.grants.open("rt", twin.users[twin.user_id], twin.now() + timedelta(minutes=2))
    data = {"api_key": "key", "request_token": "rt"}
    checksum = "7b47a9239417310c273435e60a7118c2e05174b9883bd2d839f4d39bea555557"
    async with httpx.AsyncClient(base_url=twin.endpoints["api"]) as http:
        assert (
            await http.post("/session/token", data={**data, "checksum": checksum.upper()})
        ).status_code == 403
        assert (
            await http.post("/session/token", data={**data, "checksum": checksum})
        ).status_code == 200
