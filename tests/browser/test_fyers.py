"""Fyers' flow in real Chromium against its twin: every scenario, and what becomes of the account."""

from __future__ import annotations

import io
import json
from datetime import datetime

import pytest
from kit import SkippingClock, leaks, rehearsal, secrets_of

from autologin import log
from autologin.clock import IST
from autologin.sandbox.brokers.fyers.scenarios import SCENARIOS

FAILED = {
    "no_fields": "page_changed",
    "ambiguous": "page_changed",
    "unknown_id": "credentials_rejected",
    "sms_only": "otp_not_available",
    "wrong_code": "otp_rejected",
    "wrong_code_in_200": "otp_rejected",
    "few_attempts_left": "otp_rejected",
    "few_attempts_by_count": "otp_rejected",
    "first_use_refused": "redirect_timeout",
    "wrong_pin": "credentials_rejected",
    "wrong_pin_in_200": "credentials_rejected",
    "wrong_pin_v1": "credentials_rejected",
    "locked": "account_locked",
    "locked_flag": "account_locked",
    "captcha": "captcha_required",
    "interstitial": "page_changed",
    "change_pin": "page_changed",
    "access_denied": "page_changed",
    "unknown_app": "credentials_rejected",
    "no_redirect": "redirect_timeout",
    "denied": "consent_required",
    "denied_as_oauth": "consent_required",
    "no_code": "exchange_rejected",
    "wrong_secret": "exchange_rejected",
    "refused_code": "exchange_rejected",
    "refused_in_200": "exchange_rejected",
    "expired_code": "exchange_rejected",
    "dead_token": "token_rejected",
    "other_user": "wrong_account",
    "state_lost": "state_mismatch",
    "state_wrong": "state_mismatch",
    **{
        f"broker_502_at_{place}_always": "broker_unavailable"
        for place in ("login_page", "send", "verify", "pin", "token", "exchange")
    },
}
ISSUED = sorted(SCENARIOS.keys() - FAILED.keys())
BLOCKS = {"credentials_rejected", "otp_rejected", "account_locked"}
SENT_AGAIN = {"exchange_hangs_once", "broker_502_at_exchange", "429_at_exchange", "exchange_refused_after_502"}


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
        context = rehearsal(tmp_path, *scenarios, broker="fyers", clock=SkippingClock())
        served = await context.__aenter__()
        kept.append((context, served))
        if change:
            served.change(change)
        return served, await served.run(served.twin.clock, **options)

    yield walk
    for context, served in kept:
        twin = served.twin
        secrets = [*secrets_of(twin), *twin.tokens, *twin.refresh_tokens]
        secrets += [visit.login_token for visit in twin.visits.values() if visit.login_token]
        assert leaks(secrets, [heard.getvalue(), tmp_path / "state"]) == []
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
    assert (token["broker"], token["user_id"], token["extra"]) == ("fyers", "XS12345", {"client_id": twin.client_id})
    assert datetime.fromisoformat(token["expires_at"]) == outcome.expires_at == twin.tokens[token["access_token"]]
    assert outcome.expires_at.astimezone(IST).strftime("%H:%M") == "06:00"
    calls = {place: twin.counters[place] for place in ("login_page", "send", "verify", "pin", "token", "exchange", "profile")}
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
    assert datetime.fromisoformat(token["expires_at"]) == twin.tokens[token["access_token"]]
    assert twin.counters["callback"] == twin.counters["signup"] == 0
    assert (twin.user.strikes.total(), twin.user.mistakes["pin"]) == (0, 0)
    assert len(set(twin.otps)) == len(twin.otps), "a code was sent twice"
    assert len(twin.codes_exchanged) == len(set(twin.codes_exchanged)) + (scenario in SENT_AGAIN)
    assert ("refresh_token" in token["extra"]) == scenario.startswith("refresh")


@pytest.mark.parametrize(("scenario", "name"), sorted(FAILED.items()))
async def test_a_login_fails_by_its_name(walked, scenario, name):
    served, outcome = await walked(scenario)
    twin = served.twin
    assert (outcome.outcome, outcome.error.name) == ("failed", name), outcome.error.message
    assert outcome.error.hint
    assert not served.token_file.exists()
    assert twin.counters["callback"] == twin.counters["signup"] == 0
    assert len(set(twin.otps)) == len(twin.otps), "a code was sent twice"
    assert twin.counters["pin"] <= (2 if name == "broker_unavailable" else 1)
    assert twin.user.strikes.total() <= 2
    if name in BLOCKS:
        calls = twin.counters.copy()
        assert (await served.run(twin.clock)).error.name == "account_blocked"
        assert twin.counters == calls


async def test_an_app_that_is_not_known_is_told_in_fyers_words(walked):
    _, outcome = await walked("unknown_app")
    assert "invalid appType" in outcome.error.message


async def test_no_code_follows_where_the_count_of_failed_attempts_leaves_few(walked):
    served, _ = await walked("few_attempts_by_count")
    assert len(served.twin.otps) == 1


async def test_a_token_that_could_not_be_proven_names_its_user_all_the_same(walked):
    served, outcome = await walked("profile_429")
    assert (outcome.outcome, token_of(served)["user_id"]) == ("issued", served.twin.user.user_id)


async def test_what_fyers_says_to_the_consent_is_told(walked):
    _, outcome = await walked("first_use_refused")
    assert "This app may not be allowed by this user" in outcome.error.message


async def test_authorize_false_leaves_the_consent_to_a_person(walked):
    served, outcome = await walked("first_use", change=lambda data: data["accounts"]["fyers"].update(authorize=False))
    assert outcome.error.name == "consent_required"
    assert served.twin.counters["direct_login"] == 0


@pytest.mark.parametrize(("scenario", "logins"), [("refresh_works", 1), ("refresh_rotates", 1), ("", 2)])
async def test_a_refresh_is_tried_where_the_user_wants_it_and_any_no_is_a_login(walked, scenario, logins):
    wanted = lambda data: data["accounts"]["fyers"].update(refresh=True)  # noqa: E731
    served, _ = await walked(*filter(None, [scenario]), change=wanted)
    twin = served.twin
    first = token_of(served)
    again = await served.run(twin.clock, force=True)
    assert (again.outcome, twin.counters["pin"]) == ("issued", logins)
    assert twin.counters["refresh"] == (1 if scenario else 0)
    token = token_of(served)
    assert token["access_token"] != first["access_token"]
    assert token["extra"].get("refresh_token") == (twin.refresh_tokens[-1] if scenario else None)


async def test_a_refresh_that_is_refused_is_followed_by_a_login(walked):
    served, _ = await walked("refresh_works", change=lambda data: data["accounts"]["fyers"].update(refresh=True))
    served.twin.switch()
    assert (await served.run(served.twin.clock, force=True)).outcome == "issued"
    assert (served.twin.counters["refresh"], served.twin.counters["pin"]) == (1, 2)
