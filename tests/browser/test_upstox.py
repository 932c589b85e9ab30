"""Upstox's flow in real Chromium against its twin: every scenario, and what becomes of the account."""

from __future__ import annotations

import io
import json
from datetime import datetime

import pytest
from kit import SkippingClock, leaks, rehearsal, secrets_of

from autologin import log
from autologin.flow.base import IST
from autologin.sandbox.brokers.upstox.scenarios import FORMS, SCENARIOS

ISSUED = {
    *("no_auto_advance", "auto_advance_pin", "listens_to_keys", "double_submit_counts", "six_box_pin", "six_box_pin_auto"),
    *("six_box_both", "formless", "reused_input", "plain_mobile", "number_mobile", "says_sent", "slow_spa"),
    *("keeps_old_field", "keeps_all_forms", "qr_first", "cookie_banner", "signup_first", "other_language", "redesign"),
    *("redesign_other_language", "reused_other_language", "other_paths", "foreign_service"),
    *("first_use", "wrong_code_once", "captcha_clears", "straight_redirect", "service_502_html", "service_hangs_up"),
    *("exchange_hangs_once", "exchange_refused_after_502", "jwt_without_end", "opaque_token", "extended_token"),
    *("profile_1221", "profile_403_html", "profile_429"),
    *("broker_502_at_dialog", "429_at_dialog", "broker_502_at_login_page", "429_at_login_page"),
    *("broker_502_at_generate", "429_at_generate", "broker_502_at_verify", "429_at_verify", "broker_502_at_pin", "429_at_pin"),
    *("broker_502_at_authorize", "429_at_authorize", "broker_502_at_forward", "429_at_forward"),
    *("broker_502_at_exchange", "429_at_exchange"),
    *("broker_502_at_profile", "broker_502_at_profile_always", "429_at_profile"),
    *("clock_behind", "clock_ahead", "no_date_header", "code_reuse"),
    *("redirect_303", "redirect_307", "redirect_chain", "redirect_js", "redirect_meta", "redirect_form_post"),
    *("redirect_fragment", "redirect_popup", "redirect_popup_302"),
}
FAILED = {
    "no_fields": "page_changed",
    "ambiguous": "page_changed",
    "wrong_mobile": "credentials_rejected",
    "wrong_mobile_elsewhere": "credentials_rejected",
    "sms_only": "otp_not_available",
    "wrong_code": "otp_rejected",
    "wrong_code_in_200": "otp_rejected",
    "few_attempts_left": "otp_rejected",
    "wrong_pin": "credentials_rejected",
    "wrong_pin_errors": "credentials_rejected",
    "wrong_pin_in_200": "credentials_rejected",
    "wrong_pin_elsewhere": "credentials_rejected",
    "locked": "account_locked",
    "captcha": "captcha_required",
    "captcha_over_form": "captcha_required",
    "interstitial": "page_changed",
    "pin_not_set": "page_changed",
    "blocked_after_pin": "page_changed",
    "blocked_after_pin_readable": "page_changed",
    "blocked_on_the_way_back": "page_changed",
    "access_denied": "page_changed",
    "unknown_client": "credentials_rejected",
    "wrong_client": "credentials_rejected",
    "invalid_credentials": "credentials_rejected",
    "no_redirect": "redirect_timeout",
    "denied": "consent_required",
    "wrong_secret": "exchange_rejected",
    "inactive_segments": "exchange_rejected",
    "dead_token": "token_rejected",
    "state_lost": "state_mismatch",
    "state_wrong": "state_mismatch",
    "expired_code": "exchange_rejected",
    "broker_502_at_dialog_always": "broker_unavailable",
    "broker_502_at_login_page_always": "broker_unavailable",
    "broker_502_at_generate_always": "broker_unavailable",
    "broker_502_at_verify_always": "broker_unavailable",
    "broker_502_at_pin_always": "broker_unavailable",
    "broker_502_at_authorize_always": "broker_unavailable",
    "broker_502_at_forward_always": "broker_unavailable",
    "broker_502_at_exchange_always": "broker_unavailable",
}
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
        clock = SkippingClock()
        context = rehearsal(tmp_path, *scenarios, broker="upstox", clock=clock)
        served = await context.__aenter__()
        kept.append((context, served))
        if change:
            served.change(change)
        return served, await served.run(clock, **options)

    yield walk
    for context, served in kept:
        twin = served.twin
        hops = [visit.hop for visit in twin.visits.values() if visit.hop]
        secrets = [*secrets_of(twin), *twin.tokens, *twin.extended_tokens, *hops]
        assert leaks(secrets, [heard.getvalue(), tmp_path / "state"]) == []
        assert leaks([twin.user.mobile_number], [tmp_path / "state" / "failures"]) == []
        await context.__aexit__(None, None, None)


def quicker(scenario):
    """What else is on in scenarios that are not about the pages: a PIN that sends itself need not be waited for."""
    about_pages = scenario in FORMS or scenario.startswith(("wrong_pin", "broker_502_at_pin"))
    return () if about_pages else ("auto_advance_pin",)


def token_of(served):
    return json.loads(served.token_file.read_text())


def test_every_scenario_has_its_expectation():
    assert ISSUED.isdisjoint(FAILED)
    assert ISSUED | FAILED.keys() == SCENARIOS.keys()


async def test_a_plain_login_ends_with_a_token_in_a_file(walked, heard):
    served, outcome = await walked()
    twin = served.twin
    assert (outcome.outcome, outcome.error) == ("issued", None)
    token = token_of(served)
    assert token["access_token"] in twin.tokens
    assert (token["account"], token["broker"], token["user_id"]) == ("upstox", "upstox", twin.user_id)
    assert token["extra"] == {"client_id": twin.credentials["client_id"]}
    assert datetime.fromisoformat(token["expires_at"]) == outcome.expires_at == twin.tokens[token["access_token"]]
    assert outcome.expires_at.astimezone(IST).strftime("%H:%M") == "03:30"
    calls = {place: twin.counters[place] for place in ("generate", "verify", "pin", "authorize", "exchange", "profile")}
    assert set(calls.values()) == {1}
    assert (len(twin.otps), len(twin.codes_exchanged), twin.counters["callback"], twin.counters["sms"]) == (1, 1, 0, 0)
    detail = heard.getvalue()
    order = ["login_url_opened", "code_captured", "session_created", "token_verified", "delivered"]
    assert sorted(order, key=detail.index) == order


@pytest.mark.parametrize("scenario", sorted(ISSUED))
async def test_a_token_is_issued_all_the_same(walked, scenario):
    served, outcome = await walked(scenario, *quicker(scenario))
    twin = served.twin
    assert (outcome.outcome, outcome.error) == ("issued", None)
    token = token_of(served)
    assert token["access_token"] in twin.tokens
    assert datetime.fromisoformat(token["expires_at"]) == twin.tokens[token["access_token"]]
    more = {"extended_token": twin.extended_tokens[0]} if scenario == "extended_token" else {}
    assert token["extra"] == {"client_id": twin.credentials["client_id"], **more}
    assert twin.counters["callback"] == twin.counters["signup"] == 0
    assert (twin.user.strikes.total(), twin.user.mistakes["pin"]) == (0, 0)
    assert len(set(twin.otps)) == len(twin.otps), "a code was sent twice"
    again = {"exchange_hangs_once", "broker_502_at_exchange", "429_at_exchange", "exchange_refused_after_502"}
    assert len(twin.codes_exchanged) == len(set(twin.codes_exchanged)) + (scenario in again)


@pytest.mark.parametrize(("scenario", "name"), sorted(FAILED.items()))
async def test_a_login_fails_by_its_name(walked, scenario, name):
    served, outcome = await walked(scenario, *quicker(scenario))
    twin = served.twin
    assert (outcome.outcome, outcome.error.name) == ("failed", name), outcome.error.message
    assert outcome.error.hint
    assert not served.token_file.exists()
    assert twin.counters["callback"] == twin.counters["signup"] == 0
    assert len(set(twin.otps)) == len(twin.otps), "a code was sent twice"
    assert twin.counters["pin"] <= (2 if name == "broker_unavailable" else 1)
    assert twin.user.mistakes["pin"] <= 1
    assert twin.user.mistakes["otp"] <= 2
    if name in BLOCKS:
        calls = twin.counters.copy()
        assert (await served.run(served.twin.clock)).error.name == "account_blocked"
        assert twin.counters == calls


@pytest.mark.parametrize("scenario", ["blocked_after_pin", "blocked_after_pin_readable"])
async def test_a_block_of_the_address_is_named(walked, scenario):
    _, outcome = await walked(scenario)
    assert "refuses this browser or this address (HTTP 403" in outcome.error.message


async def test_an_app_that_is_not_known_is_told_in_upstoxs_words(walked):
    _, outcome = await walked("unknown_client")
    assert "Check your 'client_id' and 'redirect_uri'" in outcome.error.message


async def test_inactive_segments_are_told_with_what_to_do(walked):
    _, outcome = await walked("inactive_segments")
    assert "No segments for these users are active" in outcome.error.message
    assert "Reactivate your segments" in outcome.error.hint


async def test_a_redirect_uri_that_differs_by_a_slash_is_refused_by_the_dialog(walked):
    change = lambda data: data["accounts"]["upstox"]["credentials"].update(  # noqa: E731
        redirect_uri=data["accounts"]["upstox"]["credentials"]["redirect_uri"] + "/"
    )
    served, outcome = await walked(change=change)
    assert outcome.error.name == "credentials_rejected"
    assert served.twin.counters["generate"] == 0


@pytest.mark.parametrize(("scenario", "outcome"), [("profile_1221", "still_valid"), ("dead_token", "failed")])
async def test_only_upstoxs_word_for_a_dead_token_throws_one_away(walked, scenario, outcome):
    served, _ = await walked()
    served.twin.switch(scenario)
    assert (await served.run(served.twin.clock)).outcome == outcome
    assert served.twin.counters["pin"] == (1 if outcome == "still_valid" else 2)


async def test_changed_credentials_lift_a_block(walked):
    served, _ = await walked("wrong_pin")
    served.twin.switch()
    served.twin.user.pin = "731950"
    served.change(lambda data: data["accounts"]["upstox"]["credentials"].update(pin="731950"))
    assert (await served.run(served.twin.clock)).outcome == "issued"


async def test_authorize_false_leaves_the_consent_to_a_person(walked):
    served, outcome = await walked("first_use", change=lambda data: data["accounts"]["upstox"].update(authorize=False))
    assert outcome.error.name == "consent_required"
    assert served.twin.counters["authorize"] == 0


async def test_a_number_with_its_country_code_is_typed_without(walked):
    spaced = lambda data: data["accounts"]["upstox"]["credentials"].update(mobile_number="+91 98123 45670")  # noqa: E731
    _, outcome = await walked(change=spaced)
    assert outcome.outcome == "issued"
