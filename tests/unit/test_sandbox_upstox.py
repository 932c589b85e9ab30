"""The rules of Upstox's twin, seen through HTTP only."""

from __future__ import annotations

import base64
import random
from contextlib import AsyncExitStack
from datetime import datetime
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pyotp
import pytest
from support.clock import HandClock

from autologin.clock import IST
from autologin.sandbox.brokers.upstox import Upstox
from autologin.token import jwt_expiry

REDIRECT = "https://app.example/back?own=1"
ROLES = ("api", "login", "service", "api_v2")


class Visitor:
    """A browser and a program in one: what a person, the page's script and the flow would send."""

    def __init__(self, twin, clients):
        self.twin, self.clients = twin, clients
        self.link = {}

    async def dialog(self, **change):
        mine = self.twin.credentials
        asked = {
            "response_type": "code",
            "client_id": mine["client_id"],
            "redirect_uri": REDIRECT,
            "state": "n 1",
        }
        params = {name: value for name, value in {**asked, **change}.items() if value is not None}
        answer = await self.clients["api"].get("/v2/login/authorization/dialog", params=params)
        self.link = dict(parse_qsl(urlsplit(answer.headers.get("location", "")).query))
        return answer

    async def post(self, path, data, **params):
        return await self.clients["service"].post(path, json={"data": data}, params=params)

    async def generate(self, number=None):
        data = {
            "mobileNumber": number or self.twin.user.mobile_number,
            "userId": self.link["user_id"],
        }
        return await self.post("/login/open/v6/auth/1fa/otp/generate", data)

    def otp(self, steps=0):
        return pyotp.TOTP(self.twin.totp_secret).at(self.twin.clock.now(), counter_offset=steps)

    async def verify(self, generated, value=None):
        data = {
            "otp": value or self.otp(),
            "validateOtpToken": generated.json()["data"]["validateOTPToken"],
        }
        return await self.post("/login/open/v4/auth/1fa/otp-totp/verify", data)

    async def pin(self, value=None):
        data = {
            "twoFAMethod": "SECRET_PIN",
            "inputText": base64.b64encode((value or self.twin.user.pin).encode()).decode(),
        }
        back = {"client_id": self.link["client_id"], "redirect_uri": self.link["redirect_uri"]}
        return await self.post("/login/open/v3/auth/2fa", data, **back)

    async def authorize(self, *, yes=True):
        params = {"client_id": self.link["client_id"], "response_type": "code"}
        return await self.post("/login/v2/oauth/authorize", {"userOAuthApproval": yes}, **params)

    async def redirect(self, **change):
        """All the way to where the browser is sent at last."""
        await self.dialog(**change)
        await self.verify(await self.generate())
        assert (await self.pin()).status_code == 200
        hop = urlsplit((await self.authorize()).json()["data"]["redirectUri"])
        return (await self.clients["api_v2"].get(f"{hop.path}?{hop.query}")).headers["location"]

    async def code(self):
        return parse_qs(urlsplit(await self.redirect()).query)["code"][0]

    async def exchange(self, code, **change):
        mine = self.twin.credentials
        app = {name: mine[name] for name in ("client_id", "client_secret", "redirect_uri")}
        data = {"code": code, **app, "grant_type": "authorization_code", **change}
        return await self.clients["api"].post("/v2/login/authorization/token", data=data)

    async def profile(self, token):
        return await self.clients["api"].get(
            "/v2/user/profile", headers={"Authorization": f"Bearer {token}"}
        )


@pytest.fixture
def twin(clock):
    made = Upstox(clock=clock)
    made.redirect_uri = REDIRECT
    made.origins = {role: f"http://{role}" for role in ROLES}
    return made


@pytest.fixture
async def visitor(twin):
    async with AsyncExitStack() as stack:
        clients = {
            role: httpx.AsyncClient(
                transport=httpx.ASGITransport(app=twin.apps[role]), base_url=f"http://{role}"
            )
            for role in ROLES
        }
        for client in clients.values():
            await stack.enter_async_context(client)
        yield Visitor(twin, clients)


def said(answer):
    """Status and words of a refusal of the login service's."""
    return answer.status_code, answer.json()["error"]["message"]


def refusal(answer):
    (error,) = answer.json()["errors"]
    assert error["errorCode"] == error["error_code"]
    return answer.status_code, error["errorCode"]


async def test_the_dialog_leads_to_the_login_site(visitor, twin):
    answer = await visitor.dialog()
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("http://login/?client_id=IND-")
    assert visitor.link["client_id"] != twin.client_id
    assert visitor.link["redirect_uri"] == "http://api_v2/login/authorization/redirect"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"client_id": "other"}, (401, "UDAPI100068")),
        ({"redirect_uri": REDIRECT + "/"}, (401, "UDAPI100068")),
        ({"response_type": "token"}, (401, "UDAPI100068")),
        ({"client_id": None}, (400, "UDAPI1017")),
        ({"redirect_uri": None}, (400, "UDAPI1018")),
    ],
)
async def test_the_dialog_checks_the_app(visitor, change, found):
    assert refusal(await visitor.dialog(**change)) == found


async def test_the_redirect_has_code_and_state(visitor, twin):
    location = await visitor.redirect()
    assert location.startswith(REDIRECT + "&")
    assert parse_qs(urlsplit(location).query) == {
        "own": ["1"],
        "code": twin.codes_issued,
        "state": ["n 1"],
    }


async def test_without_a_state_none_comes_back(visitor):
    assert "state" not in parse_qs(urlsplit(await visitor.redirect(state=None)).query)


async def test_the_service_tells_whether_totp_is_enabled(visitor, twin):
    await visitor.dialog()
    assert (await visitor.generate()).json()["data"]["isTotpEnabled"] is True
    twin.switch("sms_only")
    generated = await visitor.generate()
    assert generated.json()["data"]["isTotpEnabled"] is False
    assert said(await visitor.verify(generated)) == (401, "Invalid OTP.")
    assert twin.counters["sms"] == 1


async def test_steps_cannot_be_left_out(visitor):
    await visitor.dialog()
    assert said(await visitor.pin()) == (401, "Session has expired")
    assert said(await visitor.authorize()) == (401, "Session has expired")


async def test_a_code_counts_once(visitor):
    await visitor.dialog()
    generated = await visitor.generate()
    assert (await visitor.verify(generated)).status_code == 200
    assert said(await visitor.verify(generated)) == (401, "Invalid OTP.")


@pytest.mark.parametrize("kind", ["code", "pin"])
async def test_five_wrong_entries_block_the_account(visitor, twin, clock, kind):
    await visitor.dialog()
    generated = await visitor.generate()
    await visitor.verify(generated)
    for _ in range(5):
        assert (
            await (visitor.pin("999999") if kind == "pin" else visitor.verify(generated, "000000"))
        ).status_code == 401
    clock.move(seconds=30)
    assert "blocked" in said(await visitor.pin())[1]
    assert "blocked" in said(await visitor.generate())[1]


async def test_a_right_pin_forgives_wrong_ones(visitor, twin):
    await visitor.dialog()
    await visitor.verify(await visitor.generate())
    await visitor.pin("999999")
    assert twin.user.strikes["pin"] == 1
    await visitor.pin()
    assert twin.user.strikes["pin"] == 0


@pytest.mark.parametrize(
    ("utc", "ends"), [("2026-11-24T02:45", 25), ("2026-11-24T20:59", 25), ("2026-11-24T22:00", 26)]
)
async def test_a_token_dies_at_half_past_three(visitor, clock, utc, ends):
    clock.wall = datetime.fromisoformat(f"{utc}+00:00")
    body = (await visitor.exchange(await visitor.code())).json()
    end = datetime(2026, 11, ends, 3, 30, tzinfo=IST)
    assert jwt_expiry(body["access_token"]) == end
    clock.wall = end
    assert refusal(await visitor.profile(body["access_token"])) == (401, "UDAPI100050")


async def test_an_exchange_is_in_no_envelope_and_a_profile_is(visitor, twin):
    body = (await visitor.exchange(await visitor.code())).json()
    assert {"status", "data"}.isdisjoint(body)
    assert (body["user_id"], body["extended_token"]) == (twin.user_id, "")
    profile = (await visitor.profile(body["access_token"])).json()
    assert (profile["status"], profile["data"]["user_id"]) == ("success", twin.user_id)


async def test_a_code_is_used_up_even_where_the_exchange_fails(visitor):
    code = await visitor.code()
    assert refusal(await visitor.exchange(code, client_secret="wrong")) == (401, "UDAPI100069")
    assert refusal(await visitor.exchange(code)) == (401, "UDAPI100057")


async def test_a_code_expires(visitor, clock):
    code = await visitor.code()
    clock.move(seconds=181)
    assert refusal(await visitor.exchange(code)) == (401, "UDAPI100057")


async def test_a_new_login_leaves_the_old_token_alive(visitor, clock):
    first = (await visitor.exchange(await visitor.code())).json()["access_token"]
    clock.move(seconds=60)
    second = (await visitor.exchange(await visitor.code())).json()["access_token"]
    assert {(await visitor.profile(token)).status_code for token in (first, second)} == {200}


async def test_only_json_may_be_read_from_the_login_site(visitor, twin):
    twin.switch("blocked_after_pin")
    await visitor.dialog()
    generated = await visitor.generate()
    assert generated.headers["access-control-allow-origin"] == "http://login"
    await visitor.verify(generated)
    blocked = await visitor.pin()
    assert (blocked.status_code, "access-control-allow-origin" in blocked.headers) == (403, False)
    assert "Error 1010" in blocked.text


async def test_a_person_who_denies_sends_no_code(visitor, twin):
    await visitor.dialog()
    await visitor.verify(await visitor.generate())
    await visitor.pin()
    hop = urlsplit((await visitor.authorize(yes=False)).json()["data"]["redirectUri"])
    location = (await visitor.clients["api_v2"].get(f"{hop.path}?{hop.query}")).headers["location"]
    assert parse_qs(urlsplit(location).query)["error"] == ["access_denied"]
    assert twin.codes_issued == []


@pytest.mark.parametrize("seed", range(12))
async def test_no_order_of_calls_gives_a_code_without_both_secrets(visitor, twin, seed):
    """Rules hold whatever is called when."""
    draw = random.Random(seed)
    await visitor.dialog()
    generated, code_right = await visitor.generate(), False
    for _ in range(12):
        choice = draw.choice(["code", "wrong code", "wrong pin", "pin", "authorize"])
        if choice == "code":
            twin.clock.move(seconds=30)
            code_right |= (await visitor.verify(generated)).status_code == 200
        elif choice == "wrong code":
            await visitor.verify(generated, "000000")
        elif choice in {"pin", "wrong pin"}:
            accepted = (await visitor.pin(None if choice == "pin" else "999999")).status_code == 200
            assert not accepted or (code_right and choice == "pin")
        elif (await visitor.authorize()).status_code == 200:
            assert twin.visits[visitor.link["client_id"]].signed_in
            assert code_right


def test_the_clock_of_the_twin_can_be_injected():
    assert Upstox(clock=HandClock()).now() == HandClock().wall
