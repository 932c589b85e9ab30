"""Groww's flow against its twin: every scenario, and never a browser."""

from __future__ import annotations

import json

import pytest
from kit import rehearsal

from autologin.clock import IST
from autologin.sandbox.brokers._groww_scenarios import SCENARIOS

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


def test_every_scenario_has_its_expectation():
    assert ISSUED.isdisjoint(FAILED)
    assert ISSUED | FAILED.keys() == SCENARIOS.keys()


async def test_a_plain_login_is_two_calls(walk):
    served, outcome = await walk("groww")
    assert (outcome.outcome, outcome.error) == ("issued", None)
    token = json.loads(served.token_file.read_text())
    assert token["access_token"] in served.twin.tokens
    assert (token["account"], token["broker"]) == ("groww", "groww")
    assert outcome.expires_at.astimezone(IST).strftime("%H:%M") == "06:00"
    assert served.twin.counters == {"access": 1, "profile": 1}


@pytest.mark.parametrize("scenario", sorted(ISSUED))
async def test_a_token_is_issued_all_the_same(walk, scenario):
    _, outcome = await walk.issues("groww", scenario, login="access")
    assert outcome.expires_at.astimezone(IST).strftime("%H:%M") == "06:00"


@pytest.mark.parametrize(("scenario", "name"), sorted(FAILED.items()))
async def test_a_login_fails_by_its_name(walk, scenario, name):
    _, outcome = await walk.fails("groww", scenario, name, login="access", calls=CALLS.get(scenario, 1))
    if name == "consent_required":
        assert "https://groww.in/trade-api/api-keys" in outcome.error.message


async def test_a_second_run_only_verifies(walk):
    served, _ = await walk("groww")
    assert (await served.run(served.twin.clock)).outcome == "still_valid"
    assert served.twin.counters == {"access": 1, "profile": 2}


async def test_a_token_that_the_broker_ended_is_replaced(walk):
    served, _ = await walk("groww")
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


async def test_answers_that_nobody_understands_block_in_the_end_and_are_not_told_as_cut_off(walk):
    served, _ = await walk("groww", "plain_refusal")
    for _ in range(3):
        outcome = await served.run(served.twin.clock)
    assert (outcome.error.name, served.twin.counters["access"]) == ("account_blocked", 3)
    assert "cut off" not in outcome.error.message
