"""The official SDKs of brokers without a page take our twins for the brokers, and our calls are theirs, byte for byte."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from pathlib import Path

import httpx
import pyotp
import pytest
from pydantic import SecretStr

from autologin.flow import registry
from autologin.sandbox.server import Sandbox

ROOT = Path(__file__).parents[2]
LOGIN = {
    "angelone": ("/rest/auth/angelbroking/user/v1/loginByPassword",),
    "dhan": ("/app/generateAccessToken",),
    "kotak": ("/login/1.0/tradeApiLogin", "/login/1.0/tradeApiValidate"),
    "fivepaisa": ("/VendorsAPI/Service1.svc/TOTPLogin",),
    "firstock": ("/V1/login",),
}
"""The calls of a login that must be the SDK's. m.Stock's SDK has a code sent by SMS instead; 5paisa's repeats the PIN and the
code in its second call, which nobody asks for."""
MATTERS = {
    "angelone": (
        *("content-type", "accept", "x-privatekey", "x-usertype", "x-sourceid", "x-clientlocalip", "x-clientpublicip"),
    ),
    "dhan": (),
    "kotak": ("content-type", "authorization", "neo-fin-key"),
    "fivepaisa": ("content-type",),
    "firstock": ("content-type",),
}


VENVS = {"shoonya": "norenrestapioauth", "zebu": "myntapi"}
SAYS = {
    "angelone": "A123456",
    "dhan": "availabelBalance",
    "kotak": "CLIENT",
    "fivepaisa": "NetAvailableMargin",
    "mstock": "AVAILABLE_BALANCE",
    "firstock": "SB1234",
    "shoonya": "100000",
    "zebu": "100000",
    "aliceblue": "AB12345",
}
"""A word of the answer that the lines in docs/brokers print."""


@pytest.fixture
async def served(request):
    async with Sandbox(brokers=[request.param]) as sandbox:
        yield sandbox.twins[request.param]


def totp(twin):
    return pyotp.TOTP(twin.totp_secret).at(twin.now())


async def sdk(twin, what, code=None, **more):
    """What the SDK says; its venv is made by `scripts/install-sdks`."""
    python = ROOT / f".sdks/{VENVS.get(twin.broker, twin.broker)}/bin/python"
    assert python.exists(), "run `make sdks`"
    given = {"origins": twin.origins, "credentials": twin.credentials, "code": code or totp(twin), **more}
    words = [str(python), str(ROOT / "tests/contract/api_sdks.py"), twin.broker, what, json.dumps(given)]
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    out, err = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, err.decode()
    return json.loads(out.decode().splitlines()[-1])


async def ours(twin):
    kind = registry.load(twin.broker)
    flow = kind(kind.Credentials(**twin.credentials), twin.endpoints)
    async with httpx.AsyncClient() as http:
        if flow.needs_browser:
            return await flow.exchange(SecretStr(twin.open_code()), http, twin.now())
        return await flow.sign_in(http, totp(twin), twin.now())


@pytest.mark.parametrize("served", LOGIN, indirect=True)
async def test_the_sdk_signs_in(served):
    found = await sdk(served, "login")
    assert found["token"] in served.tokens
    assert found["says"] in {*served.credentials.values(), "CLIENT"}


@pytest.mark.parametrize("served", SAYS, indirect=True)
async def test_the_lines_of_the_docs_start_the_sdk_from_our_token(served):
    page = (ROOT / f"docs/brokers/{served.broker}.md").read_text()
    (lines,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    token = await ours(served)
    found = await sdk(served, "docs", token=token.to_json("mine", served.broker), lines=lines)
    assert SAYS[served.broker] in found["says"]


@pytest.mark.parametrize("served", LOGIN, indirect=True)
async def test_our_bytes_are_the_sdks(served):
    served.switch("code_reuse")
    await sdk(served, "login")
    theirs = {seen.path: seen for seen in served.seen}
    served.seen.clear()
    await ours(served)
    mine = {seen.path: seen for seen in served.seen}
    for path in LOGIN[served.broker]:
        sent, right = mine[path], theirs[path]
        assert (sent.method, sent.query, sent.body) == (right.method, right.query, right.body)
        names = MATTERS[served.broker]
        assert {name: sent.headers[name] for name in names} == {name: right.headers[name] for name in names}


@pytest.mark.parametrize("served", ["aliceblue"], indirect=True)
async def test_alice_blues_sdk_exchanges_a_code_as_we_do(served):
    """ant-a3-tradehub-sdk-production speaks of itself as Alice Blue's; it takes the code of a redirect."""
    kind, code = registry.load("aliceblue"), served.open_code()
    found = await sdk(served, "login", code=code)
    assert (found["token"] in served.tokens, found["says"]) == (True, served.user_id)
    (theirs,) = [seen for seen in served.seen if seen.path.endswith("getUserDetails")]
    served.codes_exchanged.clear()
    flow = kind(kind.Credentials(**served.credentials), served.endpoints)
    async with httpx.AsyncClient() as http:
        await flow.exchange(SecretStr(code), http, served.now())
    mine = served.seen[-1]
    assert (mine.method, mine.path, mine.body) == (theirs.method, theirs.path, theirs.body)


async def test_the_checksums():
    from autologin.flows._codifi import checksum as codifi
    from autologin.flows._noren import checksum as noren
    from autologin.flows.firstock import sealed
    from autologin.flows.flattrade import checksum as flattrade
    from autologin.flows.motilal import checksum

    joined = hashlib.sha256(b"one2three").hexdigest()
    assert {sum_of("one", "2", "three") for sum_of in (codifi, noren, flattrade)} == {joined}
    assert sealed("password") == "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"
    assert checksum("pass", "word") == hashlib.sha256(b"password").hexdigest()
