"""Zerodha's flow in real Chromium against its twin: every scenario, and what becomes of the account."""

from __future__ import annotations

import io
import json
from datetime import datetime

import pytest
from kit import SkippingClock, leaks, rehearsal, secrets_of

from autologin import log
from autologin.sandbox.brokers.zerodha.scenarios import SCENARIOS

ISSUED = {
    *("older_totp", "label_only", "twofa_value", "app_code_first", "no_autosubmit", "listens_to_keys"),
    *("double_submit_counts", "slow_spa", "keeps_old_field", "password_only", "two_screens", "prefilled_user"),
    *("remembered_other_user", "cookie_banner", "signup_first", "other_language", "redesign", "redesign_other_language"),
    *("live_session", "first_use", "wrong_code_once", "captcha_clears", "exchange_hangs_once", "exchange_refused_after_502"),
    *("token_flushed", "old_token_survives", "profile_429", "profile_403_html"),
    *("broker_502_at_login_page", "429_at_login_page", "broker_502_at_login", "429_at_login", "broker_502_at_twofa"),
    *("429_at_twofa", "broker_502_at_finish", "429_at_finish", "broker_502_at_exchange", "429_at_exchange"),
    *("broker_502_at_profile", "broker_502_at_profile_always", "429_at_profile"),
    *("clock_behind", "clock_ahead", "no_date_header", "code_reuse"),
    *("redirect_303", "redirect_307", "redirect_chain", "redirect_js", "redirect_meta", "redirect_form_post"),
    *("redirect_fragment", "redirect_popup", "redirect_popup_302"),
}
FAILED = {
    "sms_only": "otp_not_available",
    "no_fields": "page_changed",
    "ambiguous": "page_changed",
    "wrong_password": "credentials_rejected",
    "wrong_code": "otp_rejected",
    "few_attempts_left": "otp_rejected",
    "locked": "account_locked",
    "captcha": "captcha_required",
    "captcha_over_form": "captcha_required",
    "interstitial": "page_changed",
    "access_denied": "page_changed",
    "invalid_api_key": "credentials_rejected",
    "user_not_enabled": "credentials_rejected",
    "user_not_enabled_at_finish": "credentials_rejected",
    "no_redirect": "redirect_timeout",
    "denied": "consent_required",
    "invalid_checksum": "exchange_rejected",
    "wrong_account": "wrong_account",
    "dead_token": "token_rejected",
    "state_lost": "state_mismatch",
    "state_wrong": "state_mismatch",
    "expired_code": "exchange_rejected",
    "broker_502_at_login_page_always": "broker_unavailable",
    "broker_502_at_login_always": "broker_unavailable",
    "broker_502_at_twofa_always": "broker_unavailable",
    "broker_502_at_finish_always": "broker_unavailable",
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
        context = rehearsal(tmp_path, *scenarios, clock=clock)
        served = await context.__aenter__()
        kept.append((context, served))
        if change:
            served.change(change)
        return served, await served.run(clock, **options)

    yield walk
    for context, served in kept:
        twin = served.twin
        secrets = [*secrets_of(twin), *twin.tokens]
        secrets += [part for session in twin.sessions.values() for part in (session.enctoken, session.public_token)]
        assert leaks(secrets, [heard.getvalue(), tmp_path / "state"]) == []
        await context.__aexit__(None, None, None)


def test_every_scenario_has_its_expectation():
    assert ISSUED.isdisjoint(FAILED)
    assert ISSUED | FAILED.keys() == SCENARIOS.keys()


async def test_a_plain_login_ends_with_a_token_in_a_file(walked, heard):
    served, outcome = await walked()
    twin = served.twin
    assert (outcome.outcome, outcome.error) == ("issued", None)
    token = json.loads(served.token_file.read_text())
    assert token.keys() == {"account", "broker", "user_id", "access_token", "issued_at", "expires_at", "extra"}
    assert token["access_token"] in twin.tokens
    assert (token["account"], token["broker"], token["user_id"]) == ("zerodha", "zerodha", twin.user_id)
    assert datetime.fromisoformat(token["expires_at"]) == outcome.expires_at
    assert (outcome.expires_at.hour, outcome.expires_at.minute, outcome.expires_at.utcoffset().total_seconds()) == (6, 0, 19800)
    assert served.token_file.stat().st_mode & 0o777 == 0o600
    assert (twin.counters["login"], len(twin.otps), len(twin.codes_exchanged), twin.counters["callback"]) == (1, 1, 1, 0)
    detail = heard.getvalue()
    order = ["login_url_opened", "code_captured", "session_created", "token_verified", "delivered"]
    assert sorted(order, key=detail.index) == order


@pytest.mark.parametrize("scenario", sorted(ISSUED))
async def test_a_token_is_issued_all_the_same(walked, scenario):
    served, outcome = await walked(scenario)
    twin = served.twin
    assert (outcome.outcome, outcome.error) == ("issued", None)
    assert json.loads(served.token_file.read_text())["access_token"] in twin.tokens
    assert twin.counters["callback"] == twin.counters["signup"] == 0
    assert len(set(twin.otps)) == len(twin.otps), "a code was sent twice"
    again = {"exchange_hangs_once", "broker_502_at_exchange", "429_at_exchange"}
    assert len(twin.codes_exchanged) == len(set(twin.codes_exchanged)) + (scenario in {*again, "exchange_refused_after_502"})


@pytest.mark.parametrize(("scenario", "name"), sorted(FAILED.items()))
async def test_a_login_fails_by_its_name(walked, scenario, name):
    served, outcome = await walked(scenario)
    twin = served.twin
    assert (outcome.outcome, outcome.error.name) == ("failed", name)
    assert outcome.error.hint
    assert not served.token_file.exists()
    assert twin.counters["callback"] == 0
    assert len(set(twin.otps)) == len(twin.otps), "a code was sent twice"
    if name in {"credentials_rejected", "account_locked"}:
        assert twin.counters["login"] <= 1
    if name in BLOCKS:
        calls = twin.counters.copy()
        assert (await served.run(served.twin.clock)).error.name == "account_blocked"
        assert twin.counters == calls


async def test_changed_credentials_lift_a_block(walked, tmp_path):
    served, _ = await walked("wrong_password")
    served.twin.switch()
    served.change(lambda data: data["accounts"]["zerodha"]["credentials"].update(password=f"{served.twin.user_id}'s new"))
    served.twin.users[served.twin.user_id].password = f"{served.twin.user_id}'s new"
    assert (await served.run(served.twin.clock)).outcome == "issued"


async def test_force_and_headed_do_not_lift_a_block(walked):
    served, _ = await walked("wrong_password")
    for options in ({"force": True}, {"headed": True}):
        assert (await served.run(served.twin.clock, **options)).error.name == "account_blocked"
    assert served.twin.counters["login"] == 1


async def test_a_second_run_verifies_once_and_opens_no_browser(walked):
    served, _ = await walked()
    before = served.twin.counters.copy()
    again = await served.run(served.twin.clock)
    assert again.outcome == "still_valid"
    assert {key: n - before[key] for key, n in served.twin.counters.items() if n != before[key]} == {"profile": 1}
    served.token_file.unlink()
    assert (await served.run(served.twin.clock)).deliveries[0].outcome == "delivered"
    assert served.token_file.exists()


@pytest.mark.parametrize(
    ("scenario", "outcome"), [("profile_429", "still_valid"), ("broker_502_at_profile_always", "still_valid")]
)
async def test_a_token_that_could_not_be_verified_is_kept(walked, scenario, outcome):
    served, _ = await walked()
    served.twin.switch(scenario)
    assert (await served.run(served.twin.clock)).outcome == outcome


async def test_a_token_that_the_broker_ended_is_replaced(walked):
    served, first = await walked()
    served.twin.tokens.clear()
    again = await served.run(served.twin.clock)
    assert (first.outcome, again.outcome) == ("issued", "issued")
    assert served.twin.counters["login"] == 2


async def test_force_logs_in_although_the_token_lives(walked):
    served, _ = await walked()
    assert (await served.run(served.twin.clock, force=True)).outcome == "issued"
    assert served.twin.counters["login"] == 2


async def test_authorize_false_leaves_the_consent_to_a_person(walked):
    served, outcome = await walked("first_use", change=lambda data: data["accounts"]["zerodha"].update(authorize=False))
    assert outcome.error.name == "consent_required"
    assert served.twin.counters["authorize"] == 0


async def test_the_redirect_uri_need_not_be_known(walked):
    served, outcome = await walked(change=lambda data: data["accounts"]["zerodha"]["credentials"].pop("redirect_uri"))
    assert outcome.outcome == "issued"
    assert served.twin.counters["callback"] == 0


async def test_a_failed_login_leaves_a_scrubbed_bundle_and_says_where(walked, tmp_path):
    _, outcome = await walked("interstitial")
    (bundle,) = (tmp_path / "state/failures").iterdir()
    assert str(bundle) in outcome.error.message
    report = json.loads((bundle / "report.json").read_text())
    assert report["error"] == "page_changed"
    assert report["address"].endswith("/connect/notice")
    assert {"browser", "login"} <= report["stages"].keys()
    assert any("nominee" in element["text"] for element in report["outline"])
    assert (bundle / "screenshot.png").read_bytes().startswith(b"\x89PNG")
    assert {file.stat().st_mode & 0o777 for file in bundle.iterdir()} == {0o600}
