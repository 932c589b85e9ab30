"""The official SDKs take our twins for the brokers, and our calls are theirs, byte for byte.

Each twin says what its SDK is and how it signs in: a new broker's is collected by itself.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import httpx
import pyotp
import pytest
from pydantic import SecretStr
from support.sdk_clients import start

from autologin.flow import registry
from autologin.sandbox.page_twin import FormTwin
from autologin.sandbox.server import Sandbox, twin_classes

ROOT = Path(__file__).parents[2]
SDKS = {broker: twin.sdk for broker, twin in twin_classes().items() if twin.sdk}
SIGN_IN = [broker for broker, sdk in SDKS.items() if sdk.login]
SHOW = [broker for broker, sdk in SDKS.items() if sdk.shows]


@pytest.fixture
async def served(request):
    async with Sandbox(brokers=[request.param]) as sandbox:
        yield sandbox.twins[request.param]


def code_for(twin):
    """What a login needs: the code of a redirect, or a one-time password."""
    return (
        twin.open_code()
        if isinstance(twin, FormTwin)
        else pyotp.TOTP(twin.totp_secret).at(twin.now())
    )


async def ours(twin, code):
    """Our flow's login, or exchange."""
    kind = registry.load(twin.broker)
    flow = kind(kind.credentials_class(**twin.credentials), twin.endpoints)
    async with httpx.AsyncClient() as http:
        if isinstance(twin, FormTwin):
            return await flow.exchange(SecretStr(code), http, twin.now())
        return await flow.sign_in(http, code, twin.now())


@pytest.mark.parametrize("served", SIGN_IN, indirect=True)
async def test_the_sdk_signs_in(served):
    found = await start(served, served.sdk.login, code=code_for(served))
    (token,) = served.tokens
    gave = found["gave"]
    assert token in (
        gave.values() if isinstance(gave, dict) else [gave] if isinstance(gave, str) else gave
    )
    assert found["says"] in {*served.credentials.values(), served.sdk.shows}


@pytest.mark.parametrize("served", SHOW, indirect=True)
async def test_the_lines_of_the_docs_start_the_sdk_from_our_token(served):
    page = (ROOT / f"docs/brokers/{served.broker}.md").read_text()
    (lines,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    token = await ours(served, code_for(served))
    found = await start(served, lines, token=token.to_json("mine", served.broker))
    assert served.sdk.shows in found["printed"]
    assert len(served.tokens) == 1


@pytest.mark.parametrize("served", SIGN_IN, indirect=True)
async def test_our_bytes_are_the_sdks(served):
    if not isinstance(served, FormTwin):
        served.switch("code_reuse")
    code = code_for(served)
    await start(served, served.sdk.login, code=code)
    theirs = {seen.path: seen for seen in served.seen}
    served.seen.clear()
    served.codes_exchanged.clear()
    await ours(served, code)
    mine = {seen.path: seen for seen in served.seen}
    assert served.sdk.calls
    for path in served.sdk.calls:
        sent = mine[path]
        right = theirs[path]
        assert (sent.method, sent.query, sent.body) == (right.method, right.query, right.body)
        names = served.sdk.headers
        assert {name: sent.headers[name] for name in names} == {
            name: right.headers[name] for name in names
        }


@pytest.mark.parametrize("served", ["shoonya", "zebu"], indirect=True)
async def test_a_wrong_secret_is_norens_sdks_none(served):
    found = await start(served, served.sdk.login, code=code_for(served), secret_code="wrong")
    assert found["gave"] is None


def test_a_venv_has_one_set_of_packages():
    """Two SDKs in one would replace each other at each `make sdks`."""
    venvs = [sdk.venv or broker for broker, sdk in SDKS.items()]
    assert len(venvs) == len(set(venvs))


async def test_the_checksums():
    from autologin.flows._codifi import checksum as codifi
    from autologin.flows._noren import checksum as noren
    from autologin.flows.firstock import password_hash as firstock
    from autologin.flows.flattrade import checksum as flattrade
    from autologin.flows.motilal import password_hash as motilal

    joined = hashlib.sha256(b"one2three").hexdigest()
    assert {sum_of("one", "2", "three") for sum_of in (codifi, noren, flattrade)} == {joined}
    assert (
        firstock("password") == "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"
    )
    assert motilal("pass", "word") == hashlib.sha256(b"password").hexdigest()
