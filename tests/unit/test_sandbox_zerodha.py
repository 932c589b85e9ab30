"""The rules of Zerodha's twin, seen through HTTP only."""

from __future__ import annotations

import asyncio
import hashlib
import random
import socket
import time
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pyotp
import pytest
import yaml

from autologin.sandbox.brokers.zerodha import Zerodha
from autologin.sandbox.brokers.zerodha.scenarios import SCENARIOS
from autologin.sandbox.server import Sandbox, twin_classes

MORNING = datetime(2026, 11, 24, 2, 45, 10, tzinfo=UTC)  # 08:15:10 in India
REDIRECT = "https://app.example/back?own=1"


@dataclass
class HandClock:
    """Stands still until it is moved."""

    wall: datetime = MORNING

    def now(self):
        return self.wall

    def monotonic(self):
        return self.wall.timestamp()

    async def sleep(self, seconds):
        self.wall += timedelta(seconds=seconds)

    def move(self, **by):
        self.wall += timedelta(**by)


@dataclass
class Visitor:
    """A browser and a program in one: what a person, the page's script and the flow would send."""

    twin: Zerodha
    web: httpx.AsyncClient
    api: httpx.AsyncClient
    user_id: str = "AB1234"

    @property
    def credentials(self):
        return self.twin.credentials_of(self.user_id)

    async def open(self, **more):
        """The login page, up to the 200; gives the connect parameters."""
        first = await self.web.get(
            "/connect/login", params={"api_key": "sandboxkey", "v": "3", **more}
        )
        assert first.status_code == 302
        onward = urlsplit(first.headers["location"])
        assert (await self.web.get(first.headers["location"])).status_code == 200
        return dict(parse_qsl(onward.query))

    async def password(self, password=None):
        data = {
            "user_id": self.user_id,
            "password": password or self.credentials["password"],
            "type": "user_id",
        }
        return await self.web.post("/api/login", data=data)

    def otp(self, steps=0):
        return pyotp.TOTP(self.credentials["totp_secret"]).at(
            self.twin.clock.now(), counter_offset=steps
        )

    async def code(self, login, value=None, kind="totp", **more):
        request_id = login.json()["data"]["request_id"]
        data = {
            "user_id": self.user_id,
            "request_id": request_id,
            "twofa_value": value or self.otp(),
            "twofa_type": kind,
        }
        return await self.web.post("/api/twofa", data={**data, "skip_session": "", **more})

    async def signed_in(self, **more):
        """All the way to the answer of /connect/finish."""
        connect = await self.open(**more)
        assert (await self.code(await self.password())).status_code == 200
        return await self.web.get("/connect/finish", params=connect)

    async def request_token(self):
        return query_of(await self.signed_in())["request_token"]

    async def exchange(self, code, secret=None, **change):
        secret = secret or self.credentials["api_secret"]
        checksum = hashlib.sha256(f"sandboxkey{code}{secret}".encode()).hexdigest()
        data = {"api_key": "sandboxkey", "request_token": code, "checksum": checksum} | change
        return await self.api.post(
            "/session/token",
            data={name: value for name, value in data.items() if value is not None},
        )

    async def access_token(self):
        return (await self.exchange(await self.request_token())).json()["data"]["access_token"]

    async def profile(self, token):
        return await self.api.get(
            "/user/profile", headers={"Authorization": f"token sandboxkey:{token}"}
        )


def query_of(response):
    assert response.status_code == 302, response.text
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


def refusal(response):
    body = response.json()
    assert body["status"] == "error"
    return response.status_code, body["error_type"], body["message"]


@asynccontextmanager
async def visitor_of(twin, user_id="AB1234"):
    web, api = (httpx.ASGITransport(app=twin.apps[role]) for role in ("login", "api"))
    async with (
        httpx.AsyncClient(transport=web, base_url="http://kite") as browser,
        httpx.AsyncClient(transport=api, base_url="http://api") as program,
    ):
        yield Visitor(twin, browser, program, user_id)


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def twin(clock):
    made = Zerodha(clock=clock)
    made.redirect_uri = REDIRECT
    return made


@pytest.fixture
async def visitor(twin):
    async with visitor_of(twin) as one:
        yield one


# The way in


async def test_the_login_page_binds_a_sess_id_and_gives_redirect_params_back(visitor):
    finish = await visitor.signed_in(redirect_params="state=n%201&more=a%26b")
    query = parse_qs(urlsplit(finish.headers["location"]).query)
    assert finish.headers["location"].startswith(REDIRECT + "&")
    assert query["own"] == ["1"]
    assert query["state"] == ["n 1"]
    assert query["more"] == ["a&b"]
    assert (query["action"], query["type"], query["status"]) == (["login"], ["login"], ["success"])
    assert query["request_token"] == visitor.twin.codes_issued
    assert len(visitor.twin.codes_issued[0]) == 32


@pytest.mark.parametrize("params", [{}, {"api_key": "other", "v": "3"}])
async def test_an_unknown_api_key_gets_json_instead_of_a_page(visitor, params):
    response = await visitor.web.get("/connect/login", params=params)
    assert refusal(response) == (400, "InputException", "Invalid `api_key`.")


async def test_live_cookies_skip_the_form(visitor):
    await visitor.signed_in()
    again = await visitor.web.get(
        "/connect/login", params={"api_key": "sandboxkey", "v": "3", "redirect_params": "state=2"}
    )
    assert again.headers["location"].startswith("/connect/finish?")
    redirect = query_of(await visitor.web.get(again.headers["location"]))
    assert redirect["state"] == "2"
    assert redirect["request_token"] == visitor.twin.codes_issued[1]


async def test_a_sess_id_from_after_the_login_is_refused(twin, visitor):
    await visitor.code(await visitor.password())
    async with visitor_of(twin) as stranger:
        theirs = await stranger.open()
    assert (await visitor.web.get("/connect/finish", params=theirs)).status_code == 400


async def test_finish_without_a_session_is_refused(visitor):
    assert (
        await visitor.web.get("/connect/finish", params=await visitor.open())
    ).status_code == 400


# Passwords and codes


async def test_the_login_answer_has_kites_shape_and_its_cookie(visitor):
    response = await visitor.password()
    data = response.json()["data"]
    assert (data["user_id"], data["twofa_type"], data["twofa_types"]) == (
        "AB1234",
        "totp",
        ["totp", "app_code"],
    )
    assert len(data["request_id"]) == 32
    assert set(data["profile"]) == {"user_name", "user_shortname", "avatar_url"}
    assert response.cookies["kf_session"]


async def test_the_code_answer_sets_kites_cookies(visitor):
    response = await visitor.code(await visitor.password())
    assert response.json() == {"status": "success", "data": {"profile": {}}}
    assert {"enctoken", "public_token", "user_id"} <= set(response.cookies)


async def test_five_wrong_passwords_block_the_account(visitor):
    for _ in range(5):
        assert refusal(await visitor.password("wrong")) == (
            403,
            "UserException",
            "Invalid username or password.",
        )
    status, kind, said = refusal(await visitor.password())
    assert (status, kind) == (403, "UserException")
    assert "blocked" in said


async def test_an_unknown_user_is_told_no_more_than_a_wrong_password(visitor, twin):
    async with visitor_of(twin) as stranger:
        response = await stranger.web.post(
            "/api/login", data={"user_id": "QQ0000", "password": "x"}
        )
    assert refusal(response) == refusal(await visitor.password("wrong"))


async def test_missing_fields_are_an_input_exception(visitor):
    response = await visitor.web.post("/api/login", data={"user_id": "AB1234"})
    assert refusal(response)[:2] == (400, "InputException")


async def test_wrong_codes_count_down_to_a_block(visitor):
    left = []
    for _ in range(4):
        response = await visitor.code(await visitor.password(), "000000")
        assert refusal(response) == (403, "TwoFAException", "Invalid TOTP")
        left.append(response.json()["data"]["attempts_remaining"])
    login = await visitor.password()
    last = await visitor.code(login, "000000")
    assert left == [4, 3, 2, 1]
    assert last.json()["data"]["attempts_remaining"] == 0
    assert "blocked" in last.json()["message"]
    assert "blocked" in (await visitor.code(login)).json()["message"]


@pytest.mark.parametrize(("steps", "status"), [(-2, 403), (-1, 200), (0, 200), (1, 200), (2, 403)])
async def test_a_code_counts_one_step_around_the_present(visitor, steps, status):
    response = await visitor.code(await visitor.password(), visitor.otp(steps))
    assert response.status_code == status


async def test_a_code_counts_once(visitor, clock):
    login = await visitor.password()
    assert (await visitor.code(login)).status_code == 200
    assert refusal(await visitor.code(login))[1] == "TwoFAException"
    assert (await visitor.code(await visitor.password())).status_code == 403
    clock.move(seconds=30)
    assert (await visitor.code(await visitor.password())).status_code == 200
    assert len(visitor.twin.otps) == visitor.twin.counters["twofa"] == 4


@pytest.mark.parametrize("change", [{"request_id": "x" * 32}, {"user_id": "ZZ9999"}])
async def test_a_code_belongs_to_its_login(visitor, change):
    response = await visitor.code(await visitor.password(), **change)
    assert refusal(response) == (
        403,
        "UserException",
        "Login session has expired or doesn't exist.",
    )


async def test_a_code_needs_the_cookie_of_its_login(visitor):
    login = await visitor.password()
    visitor.web.cookies.clear()
    assert "expired" in refusal(await visitor.code(login))[2]


async def test_a_login_does_not_wait_for_ever(visitor, clock):
    login = await visitor.password()
    clock.move(minutes=11)
    assert "expired" in refusal(await visitor.code(login))[2]


async def test_an_app_code_cannot_be_made_by_an_authenticator(visitor):
    login = await visitor.password()
    assert refusal(await visitor.code(login, kind="app_code"))[1:] == (
        "TwoFAException",
        "Invalid App Code",
    )
    assert refusal(await visitor.code(login, kind="sms"))[:2] == (400, "InputException")


# Consent


async def test_first_use_asks_once(twin, visitor, clock):
    twin.switch("first_use")
    asked = await visitor.signed_in(redirect_params="state=7")
    assert asked.headers["location"].startswith("/connect/authorize?")
    connect = dict(parse_qsl(urlsplit(asked.headers["location"]).query))
    assert (await visitor.web.get(asked.headers["location"])).status_code == 200
    token = (await visitor.web.get("/api/connect/session", params=connect)).json()["data"][
        "public_token"
    ]
    assert token == visitor.web.cookies["public_token"]
    wrong = await visitor.web.post("/connect/finish", data={**connect, "authorize": "yes"})
    assert refusal(wrong)[:2] == (400, "InputException")
    given = await visitor.web.post("/connect/finish", data={**connect, "authorize": token})
    assert query_of(given)["state"] == "7"
    visitor.web.cookies.clear()
    clock.move(seconds=30)
    assert "request_token" in query_of(await visitor.signed_in())


async def test_cancelled_consent_carries_no_code(twin, visitor):
    twin.switch("first_use")
    asked = await visitor.signed_in(redirect_params="state=7")
    query = query_of(
        await visitor.web.get(asked.headers["location"].replace("authorize", "cancel"))
    )
    assert (query["status"], query["state"], query.get("request_token")) == ("cancelled", "7", None)


# Exchange and token


async def test_the_exchange_gives_what_the_sdk_reads(visitor):
    data = (await visitor.exchange(await visitor.request_token())).json()["data"]
    assert data["user_id"] == "AB1234"
    assert data["login_time"] == "2026-11-24 08:15:10"
    assert data["refresh_token"] == ""
    keys = {
        "user_type",
        "email",
        "user_name",
        "user_shortname",
        "broker",
        "exchanges",
        "products",
        "order_types",
    }
    assert keys | {
        "avatar_url",
        "api_key",
        "access_token",
        "public_token",
        "enctoken",
        "silo",
        "meta",
    } <= set(data)


async def test_a_code_is_exchanged_once(visitor):
    code = await visitor.request_token()
    assert (await visitor.exchange(code)).status_code == 200
    assert refusal(await visitor.exchange(code)) == (
        403,
        "TokenException",
        "Token is invalid or has expired.",
    )
    assert visitor.twin.codes_exchanged == [code, code]


async def test_a_code_dies_after_three_minutes(visitor, clock):
    code = await visitor.request_token()
    clock.move(seconds=180)
    assert refusal(await visitor.exchange(code))[1] == "TokenException"


async def test_a_wrong_secret_leaves_the_code_alone(visitor):
    code = await visitor.request_token()
    assert refusal(await visitor.exchange(code, secret="other")) == (
        403,
        "TokenException",
        "Invalid `checksum`.",
    )
    assert (await visitor.exchange(code)).status_code == 200


@pytest.mark.parametrize("name", ["api_key", "request_token", "checksum"])
async def test_a_missing_field_is_an_input_exception(visitor, name):
    assert refusal(await visitor.exchange("c", **{name: None}))[:2] == (400, "InputException")


async def test_a_token_lives_until_six_in_india(visitor, clock):
    token = await visitor.access_token()
    clock.wall = datetime(2026, 11, 25, 0, 29, 59, tzinfo=UTC)
    assert (await visitor.profile(token)).json()["data"]["user_id"] == "AB1234"
    clock.move(seconds=1)
    assert refusal(await visitor.profile(token)) == (
        403,
        "TokenException",
        "Incorrect `api_key` or `access_token`.",
    )


async def test_an_early_token_is_flushed_at_half_past_seven(twin, visitor, clock):
    twin.switch("token_flushed")
    clock.wall = datetime(2026, 11, 24, 0, 45, tzinfo=UTC)
    token = await visitor.access_token()
    clock.wall = datetime(2026, 11, 24, 1, 59, 59, tzinfo=UTC)
    assert (await visitor.profile(token)).status_code == 200
    clock.move(seconds=1)
    assert (await visitor.profile(token)).status_code == 403


@pytest.mark.parametrize(("scenarios", "status"), [((), 403), (("old_token_survives",), 200)])
async def test_a_new_token_replaces_the_old_one(twin, visitor, clock, scenarios, status):
    twin.switch(*scenarios)
    old = await visitor.access_token()
    visitor.web.cookies.clear()
    clock.move(seconds=30)
    new = await visitor.access_token()
    assert (await visitor.profile(old)).status_code == status
    assert (await visitor.profile(new)).status_code == 200


async def test_logout_ends_the_token(visitor):
    token = await visitor.access_token()
    query = {"api_key": "sandboxkey", "access_token": token}
    assert (await visitor.api.delete("/session/token", params=query)).json() == {
        "status": "success",
        "data": True,
    }
    assert (await visitor.profile(token)).status_code == 403
    assert refusal(await visitor.api.delete("/session/token", params=query))[:2] == (
        403,
        "TokenException",
    )


async def test_there_is_no_refresh(visitor):
    assert (
        refusal(await visitor.api.post("/session/refresh_token", data={"api_key": "sandboxkey"}))[0]
        == 403
    )


@pytest.mark.parametrize(
    "header", ["", "token sandboxkey", "Bearer x", "token other:{token}", "token {token}"]
)
async def test_only_kites_authorization_counts(visitor, header):
    token = await visitor.access_token()
    response = await visitor.api.get(
        "/user/margins", headers={"Authorization": header.format(token=token)}
    )
    assert refusal(response)[:2] == (403, "TokenException")


# Scenarios that show on the wire

CALLS = ["login_page", "login", "twofa", "finish", "exchange", "profile"]


async def call(visitor, place):
    """Make this call, everything before it having gone well. Gives what repeats it."""
    if place == "login_page":
        return lambda: visitor.web.get("/connect/login", params={"api_key": "sandboxkey"})
    connect = await visitor.open()
    if place == "login":
        return visitor.password
    login = await visitor.password()
    if place == "twofa":
        return lambda: visitor.code(login)
    await visitor.code(login)
    if place == "finish":
        return lambda: visitor.web.get("/connect/finish", params=connect)
    code = query_of(await visitor.web.get("/connect/finish", params=connect))["request_token"]
    if place == "exchange":
        return lambda: visitor.exchange(code)
    token = (await visitor.exchange(code)).json()["data"]["access_token"]
    return lambda: visitor.profile(token)


@pytest.mark.parametrize("place", CALLS)
async def test_a_502_comes_once(twin, visitor, place):
    twin.switch(f"broker_502_at_{place}")
    again = await call(visitor, place)
    first, second = await again(), await again()
    assert (first.status_code, second.status_code // 100 in {2, 3}) == (502, True)


@pytest.mark.parametrize("place", CALLS)
async def test_a_502_stays(twin, visitor, place):
    twin.switch(f"broker_502_at_{place}_always")
    again = await call(visitor, place)
    assert [(await again()).status_code for _ in range(3)] == [502] * 3
    assert twin.counters[place] == 3


@pytest.mark.parametrize("place", CALLS)
async def test_a_429_names_its_time(twin, visitor, place):
    twin.switch(f"429_at_{place}")
    again = await call(visitor, place)
    first, second = await again(), await again()
    assert (first.status_code, first.headers["retry-after"]) == (429, "1")
    assert second.status_code // 100 in {2, 3}


@pytest.mark.parametrize(("scenario", "seconds"), [("clock_behind", -35), ("clock_ahead", 35)])
async def test_a_clock_that_is_off_shows_in_the_date_and_in_the_codes(
    twin, visitor, clock, scenario, seconds
):
    twin.switch(scenario)
    login = await visitor.password()
    said = parsedate_to_datetime(login.headers["date"])
    assert (said - clock.now()).total_seconds() == seconds
    totp = pyotp.TOTP(visitor.credentials["totp_secret"])
    assert (await visitor.code(login, totp.at(clock.now()))).status_code == 403
    assert (await visitor.code(login, totp.at(said))).status_code == 200


async def test_the_date_can_be_missing(twin, visitor):
    twin.switch("no_date_header")
    assert "date" not in (await visitor.password()).headers


async def test_the_first_code_is_refused_and_the_next_is_not(twin, visitor, clock):
    twin.switch("wrong_code_once")
    login = await visitor.password()
    first = await visitor.code(login)
    assert (first.status_code, first.json()["data"]) == (403, {"attempts_remaining": 4})
    assert (await visitor.code(login)).status_code == 403, "the same code again"
    clock.move(seconds=30)
    assert (await visitor.code(login)).status_code == 200


@pytest.mark.parametrize(
    ("scenario", "data"),
    [("wrong_code", {"attempts_remaining": 4}), ("few_attempts_left", {"attempts_remaining": 2})],
)
async def test_codes_are_refused(twin, visitor, scenario, data):
    twin.switch(scenario)
    response = await visitor.code(await visitor.password())
    assert (response.json()["error_type"], response.json()["data"]) == ("TwoFAException", data)


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        ("wrong_password", (403, "UserException", "Invalid username or password.")),
        (
            "locked",
            (
                403,
                "UserException",
                "Your account has been blocked. Reset your password to unblock it.",
            ),
        ),
    ],
)
async def test_passwords_are_refused(twin, visitor, scenario, said):
    twin.switch(scenario)
    assert refusal(await visitor.password()) == said


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        ("invalid_api_key", "Invalid `api_key`."),
        ("user_not_enabled", "The user is not enabled for the app."),
    ],
)
async def test_the_door_stays_shut(twin, visitor, scenario, said):
    twin.switch(scenario)
    response = await visitor.web.get("/connect/login", params={"api_key": "sandboxkey"})
    assert refusal(response) == (400, "InputException", said)


async def test_access_denied_is_a_page(twin, visitor):
    twin.switch("access_denied")
    response = await visitor.web.get("/connect/login", params={"api_key": "sandboxkey"})
    assert (response.status_code, "Access Denied" in response.text) == (403, True)


async def test_user_not_enabled_can_come_late(twin, visitor):
    twin.switch("user_not_enabled_at_finish")
    assert refusal(await visitor.signed_in())[2] == "The user is not enabled for the app."


async def test_a_live_session_needs_no_login(twin, visitor):
    twin.switch("live_session")
    first = await visitor.web.get(
        "/connect/login", params={"api_key": "sandboxkey", "redirect_params": "state=5"}
    )
    query = query_of(await visitor.web.get(first.headers["location"]))
    assert (query["state"], query["request_token"]) == ("5", twin.codes_issued[0])
    assert twin.counters["login"] == 0


@pytest.mark.parametrize(
    ("scenario", "there"),
    [
        ("denied", {"status": "cancelled", "state": "5"}),
        ("state_lost", {"status": "success"}),
        ("state_wrong", {"state": "not-5"}),
    ],
)
async def test_redirects_that_are_not_what_they_should_be(twin, visitor, scenario, there):
    twin.switch(scenario)
    query = query_of(await visitor.signed_in(redirect_params="state=5"))
    assert there.items() <= query.items()
    assert ("request_token" in query) == (scenario != "denied")
    assert ("state" in query) == (scenario != "state_lost")


@pytest.mark.parametrize(
    ("scenario", "status"),
    [("redirect_303", 303), ("redirect_307", 307), ("redirect_fragment", 302)],
)
async def test_kinds_of_redirect(twin, visitor, scenario, status):
    twin.switch(scenario)
    response = await visitor.signed_in()
    assert response.status_code == status
    parts = urlsplit(response.headers["location"])
    assert twin.codes_issued[0] in (
        parts.fragment if scenario == "redirect_fragment" else parts.query
    )


async def test_a_chain_of_redirects(twin, visitor):
    twin.switch("redirect_chain")
    response, hops = await visitor.signed_in(), 0
    while response.headers["location"].startswith("/"):
        response, hops = await visitor.web.get(response.headers["location"]), hops + 1
    assert hops == 2
    assert query_of(response)["request_token"] == twin.codes_issued[0]


async def test_a_custom_scheme_is_left_as_it_is(twin, visitor):
    twin.redirect_uri = "myapp://callback"
    location = (await visitor.signed_in()).headers["location"]
    assert location.startswith("myapp://callback?action=login&")


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        ("expired_code", "Token is invalid or has expired."),
        ("invalid_checksum", "Invalid `checksum`."),
    ],
)
async def test_exchanges_are_refused(twin, visitor, scenario, said):
    twin.switch(scenario)
    assert refusal(await visitor.exchange(await visitor.request_token())) == (
        403,
        "TokenException",
        said,
    )


async def test_a_502_can_use_up_the_code(twin, visitor, clock):
    twin.switch("exchange_refused_after_502")
    code = await visitor.request_token()
    assert (await visitor.exchange(code)).status_code == 502
    assert refusal(await visitor.exchange(code))[2] == "Token is invalid or has expired."
    visitor.web.cookies.clear()
    clock.move(seconds=30)
    assert (await visitor.exchange(await visitor.request_token())).status_code == 200


async def test_the_wrong_account_shows_in_session_and_profile(twin, visitor):
    twin.switch("wrong_account")
    data = (await visitor.exchange(await visitor.request_token())).json()["data"]
    assert (
        data["user_id"]
        == (await visitor.profile(data["access_token"])).json()["data"]["user_id"]
        == "ZZ9999"
    )


@pytest.mark.parametrize(
    ("scenario", "status", "kind"),
    [("dead_token", 403, "json"), ("profile_429", 429, "json"), ("profile_403_html", 403, "html")],
)
async def test_the_profile_says_no(twin, visitor, scenario, status, kind):
    twin.switch(scenario)
    token = await visitor.access_token()
    for _ in range(2):
        response = await visitor.profile(token)
        assert (response.status_code, kind in response.headers["content-type"]) == (status, True)


async def test_scenarios_add_up(twin, visitor):
    twin.switch(
        "wrong_account",
        "429_at_login",
        "broker_502_at_profile",
        "state_wrong",
        "slow_spa",
        "other_language",
    )
    assert [(await visitor.password()).status_code for _ in range(2)] == [429, 200]
    data = (
        await visitor.exchange(
            query_of(await visitor.signed_in(redirect_params="state=1"))["request_token"]
        )
    ).json()["data"]
    assert (await visitor.profile(data["access_token"])).status_code == 502
    assert data["user_id"] == "ZZ9999"
    assert {"lang": "hi", "delays": {"login": 5, "twofa": 1}}.items() <= twin.behaviour.page.items()


def test_an_unknown_scenario_names_the_nearest(twin):
    with pytest.raises(ValueError, match="'wrong_cod'; did you mean 'wrong_code'"):
        twin.switch("wrong_cod")


async def test_a_reset_forgets_everything_but_the_scenarios(twin, visitor):
    twin.switch("wrong_code_once")
    for _ in range(2):
        await visitor.code(await visitor.password())
    twin.reset()
    assert (twin.counters, twin.otps, twin.scenarios) == ({}, [], ("wrong_code_once",))
    response = await visitor.code(await visitor.password())
    assert response.json()["data"] == {"attempts_remaining": 4}


def test_every_scenario_has_its_line_and_can_be_on_with_all_others(twin):
    twin.switch(*SCENARIOS)
    assert list(twin.scenarios) == list(SCENARIOS)
    assert all(row.says and row.changes for row in SCENARIOS.values())


async def test_ten_people_at_once(twin):
    ids = [f"CD{n:04}" for n in range(10)]
    for user_id in ids:
        twin.add_user(user_id)

    async def go(user_id):
        async with visitor_of(twin, user_id) as one:
            code = query_of(await one.signed_in(redirect_params=f"state={user_id}"))
            assert code["state"] == user_id
            token = (await one.exchange(code["request_token"])).json()["data"]["access_token"]
            return (await one.profile(token)).json()["data"]["user_id"]

    assert await asyncio.gather(*map(go, ids)) == ids
    assert sorted(twin.codes_exchanged) == sorted(twin.codes_issued)


# The server around the twin


async def test_the_index_has_what_a_person_pastes(clock):
    async with (
        Sandbox(clock=clock) as sandbox,
        httpx.AsyncClient(base_url=sandbox.index_url) as http,
    ):
        page = (await http.get("/")).text
        state = (await http.get("/state.json")).json()
        zerodha = state["brokers"]["zerodha"]
        assert zerodha["totp"] == pyotp.TOTP(zerodha["credentials"]["totp_secret"]).at(clock.now())
        assert zerodha["totp"] in page
        assert all(name in page for name in SCENARIOS)
        assert (
            state["config"] == sandbox.config() == yaml.safe_load(yaml.safe_dump(sandbox.config()))
        )
        account = sandbox.config()["accounts"]["zerodha"]
        assert account["endpoints"] == sandbox.twins["zerodha"].endpoints
        assert account["credentials"]["redirect_uri"] == f"{sandbox.index_url}/callback/zerodha"


async def test_the_index_switches_and_resets():
    async with Sandbox() as sandbox, httpx.AsyncClient(base_url=sandbox.index_url) as http:
        twin = sandbox.twins["zerodha"]
        assert (
            await http.post("/scenarios/zerodha", data={"captcha": "on", "locked": "on"})
        ).status_code == 303
        assert set(twin.scenarios) == {"captcha", "locked"}
        assert (await http.post("/scenarios/zerodha", data={"nonsense": "on"})).status_code == 400
        assert (await http.post("/scenarios/nobody", data={})).status_code == 404
        await http.post("/scenarios/zerodha", data={})
        assert twin.scenarios == ()
        twin.counters["login"] = 3
        assert (await http.post("/reset")).status_code == 303
        assert twin.counters["login"] == 0


@pytest.mark.parametrize(
    "headers", [{"host": "evil.example"}, {"host": "127.0.0.1.evil.example:80"}]
)
async def test_the_index_answers_to_its_own_name_only(headers):
    async with Sandbox() as sandbox, httpx.AsyncClient(base_url=sandbox.index_url) as http:
        assert (await http.get("/state.json", headers=headers)).status_code == 400


async def test_another_sites_form_switches_nothing():
    async with Sandbox() as sandbox, httpx.AsyncClient(base_url=sandbox.index_url) as http:
        foreign = {"origin": "http://evil.example"}
        assert (
            await http.post("/scenarios/zerodha", data={"locked": "on"}, headers=foreign)
        ).status_code == 403
        assert (await http.post("/reset", headers=foreign)).status_code == 403
        assert sandbox.twins["zerodha"].scenarios == ()


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_callback_counts_its_hits(method):
    async with Sandbox() as sandbox, httpx.AsyncClient() as http:
        twin = sandbox.twins["zerodha"]
        shown = await http.request(method, twin.redirect_uri, params={"request_token": "<b>"})
        assert "&lt;b&gt;" in shown.text
        assert twin.counters["callback"] == 1


async def test_an_exchange_that_hangs_up_leaves_the_code_usable():
    async with Sandbox(scenarios={"zerodha": ["exchange_hangs_once"]}) as sandbox:
        twin = sandbox.twins["zerodha"]
        async with (
            httpx.AsyncClient(base_url=twin.origins["login"]) as web,
            httpx.AsyncClient(base_url=twin.origins["api"]) as api,
        ):
            visitor = Visitor(twin, web, api)
            code = await visitor.request_token()
            with pytest.raises(httpx.TransportError):
                await visitor.exchange(code)
            assert (await visitor.exchange(code)).status_code == 200
            assert twin.codes_exchanged == [code, code]
            assert [seen.path for seen in twin.seen if seen.role == "api"] == ["/session/token"] * 2
            assert code.encode() in twin.seen[-1].body


async def test_leaving_is_quick_and_leaves_nothing():
    before = asyncio.all_tasks()
    async with httpx.AsyncClient() as http:
        async with Sandbox() as sandbox:
            await http.get(sandbox.index_url)
            start = time.monotonic()
        assert time.monotonic() - start < 0.2
        assert asyncio.all_tasks() == before
        with pytest.raises(httpx.TransportError):
            await http.get(sandbox.index_url)


async def test_leaving_cuts_off_an_answer_that_is_under_way():
    async with Sandbox(scenarios={"zerodha": ["double_submit_counts"]}) as sandbox:
        twin = sandbox.twins["zerodha"]
        async with httpx.AsyncClient(base_url=twin.origins["login"]) as web:
            visitor = Visitor(twin, web, web)
            slow = asyncio.create_task(visitor.code(await visitor.password()))
            await asyncio.sleep(0.05)
            await sandbox.__aexit__(None, None, None)
            with pytest.raises(httpx.TransportError):
                await slow


def free_row(length):
    """The first of so many free ports in a row."""
    while True:
        with ExitStack() as stack:
            port = random.randrange(20000, 30000)
            with suppress(OSError):
                for number in range(port, port + length):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", number))
                return port


async def test_a_fixed_port_is_the_first_of_a_row():
    port = free_row(3)
    async with Sandbox(brokers=["zerodha"], port=port) as sandbox:
        assert sandbox.index_url == f"http://127.0.0.1:{port}"
        assert list(sandbox.twins["zerodha"].origins.values()) == [
            f"http://127.0.0.1:{port + n}" for n in (1, 2)
        ]
        with pytest.raises(OSError, match=f"port {port} of 127.0.0.1 cannot be used"):
            await Sandbox(brokers=["zerodha"], port=port).__aenter__()


def test_an_unknown_broker_is_refused():
    with pytest.raises(ValueError, match="no broker 'sharekhan'"):
        Sandbox(brokers=["sharekhan"])


def test_twins_are_found_by_their_modules_name():
    assert twin_classes()["zerodha"] is Zerodha
