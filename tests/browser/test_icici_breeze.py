"""ICICI Direct's flow in real Chromium against its twin: every scenario, and what becomes of the account."""

from __future__ import annotations

import base64
import io
import json
from datetime import datetime

import pytest
from kit import SkippingClock, leaks, rehearsal, secrets_of

from autologin import log
from autologin.flow.base import IST
from autologin.sandbox.brokers.icici_breeze.scenarios import SCENARIOS

FAILED = {
    "no_fields": "page_changed",
    "ambiguous": "page_changed",
    "posted_otp_wrong": "otp_rejected",
    "wrong_password": "credentials_rejected",
    "wrong_password_text": "credentials_rejected",
    "invalid_request": "page_changed",
    "sms_only": "otp_not_available",
    "sms_flag": "otp_not_available",
    "wrong_code": "otp_rejected",
    "wrong_code_text": "otp_rejected",
    "wrong_code_then_login": "otp_rejected",
    "few_attempts_left": "otp_rejected",
    "wrong_password_unsaid": "credentials_rejected",
    "wrong_code_unsaid": "otp_rejected",
    "locked": "account_locked",
    "locked_text": "account_locked",
    "captcha": "captcha_required",
    "captcha_marker": "captcha_required",
    "captcha_over_form": "captcha_required",
    "interstitial": "page_changed",
    "access_denied": "page_changed",
    "unknown_key": "credentials_rejected",
    "no_redirect": "redirect_timeout",
    "blank_session": "exchange_rejected",
    "failed_redirect": "exchange_rejected",
    "denied": "consent_required",
    "expired_code": "exchange_rejected",
    "expired_code_http_500": "exchange_rejected",
    "invalid_session": "exchange_rejected",
    "key_revoked": "exchange_rejected",
    "wrong_account": "wrong_account",
    "dead_token": "token_rejected",
    **{
        f"broker_502_at_{place}_always": "broker_unavailable"
        for place in ("login_page", "tradelogin", "getotp", "validateuser", "exchange")
    },
}
ISSUED = sorted(SCENARIOS.keys() - FAILED.keys())
BLOCKS = {"credentials_rejected", "otp_rejected", "account_locked"}


@pytest.fixture
def heard():
    """What the product logs, at its most talkative."""
    stream = io.StringIO()
    log.configure(verbose=True, stream=stream)
    return stream


@pytest.fixture
async def walked(tmp_path, heard):
    """Run an account with scenarios on; afterwards nothing secret may stand anywhere but in the token's file."""
    kept = []

    async def walk(*scenarios, change=None, **options):
        context = rehearsal(tmp_path, *scenarios, broker="icici_breeze", clock=SkippingClock())
        served = await context.__aenter__()
        kept.append((context, served))
        if change:
            served.change(change)
        return served, await served.run(served.twin.clock, **options)

    yield walk
    for context, served in kept:
        assert leaks([*secrets_of(served.twin), *served.twin.tokens], [heard.getvalue(), tmp_path / "state"]) == []
        await context.__aexit__(None, None, None)


def token_of(served):
    return json.loads(served.token_file.read_text())


def test_every_failure_is_a_scenario():
    assert FAILED.keys() <= SCENARIOS.keys()


async def test_a_plain_login_ends_with_a_token_in_a_file(walked, heard):
    served, outcome = await walked()
    twin = served.twin
    assert (outcome.outcome, outcome.error) == ("issued", None)
    token = token_of(served)
    assert token["access_token"] in twin.tokens
    assert token["user_id"] == twin.user_id
    assert base64.b64decode(token["access_token"]).decode().startswith(f"{twin.user_id}:")
    kept = {"api_key": twin.api_key, "session_token": twin.codes_issued[0], "base64_session_token": token["access_token"]}
    assert token["extra"] == kept
    assert datetime.fromisoformat(token["expires_at"]) == outcome.expires_at == twin.tokens[token["access_token"]].ends
    assert outcome.expires_at.astimezone(IST).strftime("%H:%M") == "00:00"
    calls = {
        place: twin.counters[place] for place in ("login_page", "tradelogin", "getotp", "validateuser", "exchange", "verify")
    }
    assert set(calls.values()) == {1}
    assert (len(twin.otps), len(twin.codes_exchanged), twin.counters["callback"], twin.counters["sms"]) == (1, 1, 0, 0)
    detail = heard.getvalue()
    order = ["login_url_opened", "code_captured", "session_created", "token_verified", "delivered"]
    assert sorted(order, key=detail.index) == order


@pytest.mark.parametrize("scenario", ISSUED)
async def test_a_token_is_issued_all_the_same(walked, scenario):
    served, outcome = await walked(scenario)
    twin = served.twin
    assert (outcome.outcome, outcome.error) == ("issued", None), outcome.error and outcome.error.message
    token = token_of(served)
    assert token["access_token"] in twin.tokens
    assert twin.counters["callback"] == twin.counters["signup"] == 0
    assert (twin.user.strikes.total(), twin.user.mistakes["password"]) == (0, 0)
    assert len(set(twin.otps)) == len(twin.otps), "a code was sent twice"


@pytest.mark.parametrize(("scenario", "name"), sorted(FAILED.items()))
async def test_a_login_fails_by_its_name(walked, scenario, name):
    served, outcome = await walked(scenario)
    twin = served.twin
    assert (outcome.outcome, outcome.error.name) == ("failed", name), outcome.error.message
    assert outcome.error.hint
    assert not served.token_file.exists()
    assert twin.counters["callback"] == twin.counters["signup"] == 0
    assert len(set(twin.otps)) == len(twin.otps), "a code was sent twice"
    assert twin.counters["getotp"] <= (2 if name == "broker_unavailable" else 1)
    assert twin.user.mistakes["password"] <= 1
    assert twin.user.mistakes["otp"] <= 2
    if name in BLOCKS:
        calls = twin.counters.copy()
        assert (await served.run(twin.clock)).error.name == "account_blocked"
        assert twin.counters == calls


async def test_an_app_that_is_not_known_is_told_in_icicis_words(walked):
    _, outcome = await walked("unknown_key")
    assert "Public Key does not exist" in outcome.error.message


async def test_authorize_false_leaves_the_consent_to_a_person(walked):
    change = lambda data: data["accounts"]["icici_breeze"].update(authorize=False)  # noqa: E731
    served, outcome = await walked("first_use", change=change)
    assert outcome.error.name == "consent_required"
    assert served.twin.counters["consent"] == 0


async def test_without_the_redirects_address_the_session_is_caught_all_the_same(walked):
    def unknown(data):
        del data["accounts"]["icici_breeze"]["credentials"]["redirect_uri"]

    served, outcome = await walked(change=unknown)
    assert outcome.outcome == "issued"
    assert served.twin.counters["callback"] == 0
