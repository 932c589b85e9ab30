"""Groww's flow against its twin: every scenario, and never a browser."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta

import pytest
from kit import SkippingClock, leaks, rehearsal, secrets_of

from autologin import browser, log
from autologin.flow import IST
from autologin.sandbox.groww_scenarios import SCENARIOS

ISSUED = {
    *("wrong_code_once", "token_in_payload", "active_for_isactive"),
    *("expiry_with_zone", "expiry_missing", "expiry_garbled", "expiry_past", "expiry_far", "one_token"),
    *("profile_flat", "profile_nobody", "profile_failure", "profile_403", "profile_429", "access_hangs_once"),
    *("broker_502_at_access", "429_at_access", "broker_502_at_profile", "broker_502_at_profile_always", "429_at_profile"),
    *("clock_behind", "clock_ahead", "no_date_header", "code_reuse"),
}
FAILED = {
    "wrong_key": "credentials_rejected",
    "approval_missing_403": "consent_required",
    "approval_missing_403_html": "consent_required",
    "approval_missing_400": "consent_required",
    "approval_missing_401": "consent_required",
    "wrong_code": "otp_rejected",
    "wrong_code_display": "otp_rejected",
    "wrong_code_ga005": "otp_rejected",
    "few_attempts_left": "otp_rejected",
    "locked": "account_locked",
    "plain_refusal": "exchange_rejected",
    "no_token": "exchange_rejected",
    "dead_token": "token_rejected",
    "broker_502_at_access_always": "broker_unavailable",
    "429_for_long": "broker_unavailable",
}
CALLS = {"wrong_code": 2, "wrong_code_display": 2, "wrong_code_ga005": 2, "broker_502_at_access_always": 2}
"""How often a token is asked for before the run fails: once, unless said here."""
BLOCKS = {"credentials_rejected", "otp_rejected", "account_locked"}


@pytest.fixture(autouse=True)
def _no_browser(monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("a browser was asked for")

    monkeypatch.setattr(browser.Driver, "start_early", refuse)
    monkeypatch.setattr(browser.Driver, "playwright", refuse)
    monkeypatch.setattr(browser, "fresh_context", refuse)


@pytest.fixture
async def walked(tmp_path):
    """Run an account with scenarios on; afterwards nothing secret may stand anywhere but in the token's file."""
    heard, kept = io.StringIO(), []
    log.configure(verbose=True, stream=heard)

    async def walk(*scenarios, change=None, **options):
        clock = SkippingClock()
        context = rehearsal(tmp_path, *scenarios, broker="groww", clock=clock)
        served = await context.__aenter__()
        kept.append((context, served))
        if change:
            served.change(change)
        return served, await served.run(clock, **options)

    yield walk
    for context, served in kept:
        secrets = [*secrets_of(served.twin), *served.twin.tokens]
        assert leaks(secrets, [heard.getvalue(), tmp_path / "state"]) == []
        await context.__aexit__(None, None, None)


def token_made(served):
    """When the token in the file was issued."""
    return datetime.fromisoformat(json.loads(served.token_file.read_text())["issued_at"])


def test_every_scenario_has_its_expectation():
    assert ISSUED.isdisjoint(FAILED)
    assert ISSUED | FAILED.keys() == SCENARIOS.keys()


async def test_a_plain_login_is_two_calls(walked):
    served, outcome = await walked()
    assert (outcome.outcome, outcome.error) == ("issued", None)
    token = json.loads(served.token_file.read_text())
    assert token["access_token"] in served.twin.tokens
    assert (token["account"], token["broker"]) == ("groww", "groww")
    assert outcome.expires_at.astimezone(IST).strftime("%H:%M") == "06:00"
    assert served.twin.counters == {"access": 1, "profile": 1}


@pytest.mark.parametrize("scenario", sorted(ISSUED))
async def test_a_token_is_issued_all_the_same(walked, scenario):
    served, outcome = await walked(scenario)
    twin = served.twin
    assert (outcome.outcome, outcome.error) == ("issued", None)
    assert json.loads(served.token_file.read_text())["access_token"] in twin.tokens
    assert outcome.expires_at.astimezone(IST).strftime("%H:%M") == "06:00"
    assert outcome.expires_at - token_made(served) <= timedelta(days=1)
    assert len(set(twin.otps)) == len(twin.otps), "a code was sent twice"
    assert twin.counters["access"] <= 2


@pytest.mark.parametrize(("scenario", "name"), sorted(FAILED.items()))
async def test_a_login_fails_by_its_name(walked, scenario, name):
    served, outcome = await walked(scenario)
    twin = served.twin
    assert (outcome.outcome, outcome.error.name) == ("failed", name)
    assert outcome.error.mend
    assert not served.token_file.exists()
    assert len(set(twin.otps)) == len(twin.otps), "a code was sent twice"
    assert twin.counters["access"] == CALLS.get(scenario, 1)
    if name == "consent_required":
        assert "https://groww.in/trade-api/api-keys" in outcome.error.message
    if name in BLOCKS:
        calls = twin.counters.copy()
        assert (await served.run(served.twin.clock)).error.name == "account_blocked"
        assert twin.counters == calls


async def test_a_second_run_only_verifies(walked):
    served, _ = await walked()
    assert (await served.run(served.twin.clock)).outcome == "still_valid"
    assert served.twin.counters == {"access": 1, "profile": 2}


async def test_a_token_that_the_broker_ended_is_replaced(walked):
    served, _ = await walked()
    served.twin.tokens.clear()
    assert (await served.run(served.twin.clock)).outcome == "issued"
    assert served.twin.counters["access"] == 2


async def test_the_command_needs_no_playwright(tmp_path):
    """`playwright` cannot even be imported here."""
    absent = tmp_path / "absent" / "playwright"
    absent.mkdir(parents=True)
    (absent / "__init__.py").write_text("raise ImportError('there is no playwright')\n")
    async with rehearsal(tmp_path, broker="groww") as served:
        served.user.environ["PYTHONPATH"] = str(absent.parent)
        done = await served.user.says("run", "groww", "--json")
        assert (done.code, done.account["outcome"]) == (0, "issued")
        by_hand = await served.user.says("login-url", "groww", "--json")
        assert by_hand.code == 2
