"""The rules of the OAuth 2.0 twin, seen through HTTP only."""

from __future__ import annotations

import base64
import hashlib
import re
from urllib.parse import parse_qsl, urlsplit

import httpx
import pyotp
import pytest
from support.clock import HandClock

from autologin.sandbox.brokers.icici_oauth import IciciOAuth
from autologin.sandbox.brokers.oauth2 import OAuth2

REDIRECT = "https://app.example/back?own=1"
VERIFIER = "v" * 43
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
)


class Visitor:
    """A browser and a program in one."""

    def __init__(self, twin, http):
        self.twin, self.http = twin, http

    async def open(self, **change):
        query = {
            "client_id": self.twin.client_id,
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "state": "s 1",
        } | change
        answer = await self.http.get("/oauth/authorize", params=query)
        found = re.search(r"tx=(\w+)", answer.headers.get("location", ""))
        return answer, found and found.group(1)

    async def password(self, tx, password=None):
        mine = self.twin.user
        data = {
            "tx": tx,
            "username": mine.user_id,
            "password": mine.password if password is None else password,
        }
        return await self.http.post("/login", data=data)

    def otp(self, steps=0):
        return pyotp.TOTP(self.twin.user.totp_secret).at(self.twin.now(), counter_offset=steps)

    async def otp_sent(self, tx, value=None):
        return await self.http.post("/code", data={"tx": tx, "otp": value or self.otp()})

    async def signed_in(self, **change):
        _, tx = await self.open(**change)
        await self.password(tx)
        return await self.http.get((await self.otp_sent(tx)).headers["location"])

    async def code(self, **change):
        return dict(
            parse_qsl(urlsplit((await self.signed_in(**change)).headers["location"]).query)
        )["code"]

    async def token(self, code, **change):
        data = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        data |= {
            "client_id": self.twin.client_id,
            "client_secret": self.twin.client_secret,
        } | change
        return await self.http.post(
            "/oauth/token", data={key: value for key, value in data.items() if value is not None}
        )

    async def profile(self, token):
        return await self.http.get("/oauth/profile", headers={"Authorization": f"Bearer {token}"})


@pytest.fixture(params=[OAuth2, IciciOAuth])
async def visitor(request):
    twin = request.param(clock=HandClock())
    twin.redirect_uri = REDIRECT
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(twin.apps["server"]), base_url="http://as"
    ) as http:
        yield Visitor(twin, http)


async def test_the_redirect_carries_code_and_state(visitor):
    answer = await visitor.signed_in()
    assert answer.headers["location"].startswith(REDIRECT + "&")
    query = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    assert query == {"own": "1", "code": visitor.twin.codes_issued[0], "state": "s 1"}


@pytest.mark.parametrize(
    "change", [{"client_id": "x"}, {"redirect_uri": "https://x.test/"}, {"response_type": "token"}]
)
async def test_a_client_that_is_not_known_sees_no_form(visitor, change):
    answer, tx = await visitor.open(**change)
    assert (answer.status_code, tx) == (400, None)


async def test_five_wrong_passwords_lock_the_account(visitor):
    for _ in range(5):
        _, tx = await visitor.open()
        assert "Invalid username or password" in (await visitor.password(tx, "wrong")).text
    assert "locked" in (await visitor.password(tx)).text


async def test_five_wrong_codes_lock_the_account(visitor):
    _, tx = await visitor.open()
    await visitor.password(tx)
    for _ in range(5):
        assert "Invalid one-time code" in (await visitor.otp_sent(tx, "000000")).text
    _, tx = await visitor.open()
    assert "locked" in (await visitor.password(tx)).text


async def test_a_code_counts_once_and_only_in_its_window(visitor):
    _, tx = await visitor.open()
    await visitor.password(tx)
    assert "Invalid" in (await visitor.otp_sent(tx, visitor.otp(2))).text
    assert (await visitor.otp_sent(tx, visitor.otp(1))).status_code == 303
    assert "Invalid" in (await visitor.otp_sent(tx, visitor.otp(1))).text


async def test_no_step_can_be_left_out(visitor):
    _, tx = await visitor.open()
    assert (await visitor.otp_sent(tx)).status_code == 400
    assert (await visitor.http.get(f"/finish?tx={tx}")).headers["location"] == f"/login?tx={tx}"
    assert (
        await visitor.http.post("/consent", data={"tx": tx, "decision": "allow"})
    ).status_code == 400


async def test_consent_is_asked_once_and_can_be_denied(visitor):
    visitor.twin.switch("first_use")
    asked = await visitor.signed_in()
    tx = asked.headers["location"].removeprefix("/consent?tx=")
    denied = await visitor.http.post("/consent", data={"tx": tx, "decision": "deny"})
    assert dict(parse_qsl(urlsplit(denied.headers["location"]).query))["error"] == "access_denied"
    allowed = await visitor.http.post("/consent", data={"tx": tx, "decision": "allow"})
    assert "code" in dict(parse_qsl(urlsplit(allowed.headers["location"]).query))
    visitor.twin.clock.move(seconds=60)
    assert "code=" in (await visitor.signed_in()).headers["location"]


async def test_a_code_is_exchanged_once(visitor):
    code = await visitor.code()
    data = (await visitor.token(code)).json()
    assert data["token_type"] == "Bearer"
    assert data["expires_in"] == visitor.twin.lifetime
    assert (await visitor.profile(data["access_token"])).json()["user_id"] == visitor.twin.user_id
    again = await visitor.token(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": None}, 401, "invalid_client"),
        ({"redirect_uri": "https://x.test/"}, 400, "invalid_grant"),
        ({"code": "never issued"}, 400, "invalid_grant"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, 400, "invalid_grant"),
    ],
)
async def test_a_refused_exchange_leaves_the_code_alone(visitor, change, status, error):
    code = await visitor.code()
    answer = await visitor.token(**({"code": code} | change))
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert (await visitor.token(code)).status_code == 200


async def test_a_challenge_needs_its_verifier(visitor):
    code = await visitor.code(code_challenge=CHALLENGE, code_challenge_method="S256")
    for verifier in (None, "w" * 43):
        assert (await visitor.token(code, code_verifier=verifier)).json()[
            "error"
        ] == "invalid_grant"
    assert (await visitor.token(code, code_verifier=VERIFIER)).status_code == 200


async def test_a_token_and_its_code_die_in_time(visitor):
    late = await visitor.code()
    visitor.twin.clock.move(seconds=180)
    assert (await visitor.token(late)).status_code == 400
    token = (await visitor.token(await visitor.code())).json()["access_token"]
    visitor.twin.clock.move(seconds=visitor.twin.lifetime)
    assert (await visitor.profile(token)).status_code == 401


async def test_a_refresh_token_gives_a_new_token(visitor):
    first = (await visitor.token(await visitor.code())).json()
    again = {
        "grant_type": "refresh_token",
        "refresh_token": first["refresh_token"],
        "redirect_uri": None,
    }
    second = (await visitor.token(None, **again)).json()
    assert (await visitor.profile(second["access_token"])).status_code == 200
    assert "refresh_token" not in second
    visitor.twin.switch("refresh_rotates")
    assert (await visitor.token(None, **again)).json()["refresh_token"] != first["refresh_token"]
    assert (await visitor.token(None, **again)).status_code == 400
