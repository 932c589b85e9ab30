"""The rules of Groww's twin, seen through HTTP only."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import httpx
import pyotp
import pytest
from support.clock import HandClock

from autologin.sandbox.brokers.groww import Groww


@pytest.fixture
def twin():
    return Groww(clock=HandClock())


@pytest.fixture
async def http(twin):
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(twin.apps["api"]), base_url="http://api"
    ) as client:
        yield client


def otp(twin, steps=0):
    return pyotp.TOTP(twin.totp_secret).at(twin.now(), counter_offset=steps)


async def access(http, body, key=Groww.api_key, version="1.0"):
    headers = {"Authorization": f"Bearer {key}", "X-API-VERSION": version}
    return await http.post("/v1/token/api/access", json=body, headers=headers)


async def by_totp(http, code):
    return await access(http, {"key_type": "totp", "totp": code})


async def profile(http, token):
    return await http.get(
        "/v1/user/detail", headers={"Authorization": f"Bearer {token}", "X-API-VERSION": "1.0"}
    )


async def test_a_key_and_a_code_give_a_token_until_six(twin, http):
    data = (await by_totp(http, otp(twin))).json()
    assert data.keys() == {"token", "tokenRefId", "sessionName", "expiry", "isActive"}
    assert data["expiry"] == "2026-11-25T06:00:00"
    assert (await profile(http, data["token"])).json()["payload"]["ucc"] == twin.ucc
    twin.clock.wall = datetime(2026, 11, 25, 0, 30, tzinfo=UTC)
    assert (await profile(http, data["token"])).status_code == 401


@pytest.mark.parametrize(("steps", "status"), [(-2, 400), (-1, 200), (0, 200), (1, 200), (2, 400)])
async def test_a_code_counts_one_step_around_the_present(twin, http, steps, status):
    assert (await by_totp(http, otp(twin, steps))).status_code == status


async def test_a_code_counts_once_and_five_wrong_ones_lock(twin, http):
    assert (await by_totp(http, otp(twin))).status_code == 200
    for _ in range(5):
        answer = await by_totp(http, otp(twin))
        assert (answer.status_code, answer.json()["error"]["message"]) == (400, "Invalid TOTP")
    assert "locked" in (await by_totp(http, otp(twin, 1))).json()["error"]["message"]


@pytest.mark.parametrize(
    ("more", "status"),
    [({"key": "other"}, 401), ({"key": Groww.approval_key}, 401), ({"version": "2.0"}, 400)],
)
async def test_key_and_version_are_checked(twin, http, more, status):
    answer = await access(http, {"key_type": "totp", "totp": otp(twin)}, **more)
    assert (answer.status_code, answer.json()["status"]) == (status, "FAILURE")


@pytest.mark.parametrize("body", [{}, {"key_type": "other"}, [], None])
async def test_a_body_that_is_none(http, body):
    assert (await access(http, body)).status_code == 400


@pytest.mark.parametrize("kind", [str, int])
@pytest.mark.parametrize(("late", "status"), [(0, 200), (600, 200), (601, 400)])
async def test_an_approval_key_signs_the_time(twin, http, kind, late, status):
    at = int(twin.now().timestamp()) - late
    checksum = hashlib.sha256(f"SS{at}".encode()).hexdigest()
    body = {"key_type": "approval", "checksum": checksum, "timestamp": kind(at)}
    assert (await access(http, body, key=twin.approval_key)).status_code == status


async def test_a_wrong_checksum_is_refused(twin, http):
    body = {"key_type": "approval", "checksum": "0" * 64, "timestamp": int(twin.now().timestamp())}
    assert (await access(http, body, key=twin.approval_key)).status_code == 401


@pytest.mark.parametrize(("scenarios", "status"), [((), 200), (("one_token",), 401)])
async def test_whether_a_new_token_ends_the_old_one(twin, http, scenarios, status):
    twin.switch(*scenarios)
    old = (await by_totp(http, otp(twin))).json()["token"]
    assert (await by_totp(http, otp(twin, 1))).status_code == 200
    assert (await profile(http, old)).status_code == status
