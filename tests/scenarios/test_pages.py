"""Every broker with a login page in real Chromium against its twin, with every scenario: what becomes of the account.

The twins say which outcome each scenario must have. What holds for every run with that outcome is said here; what is
special to a broker stands in the file named like it.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import pytest
from support.page_rules import (
    ENDS,
    PASSWORD_CALL,
    check_exchanges,
    check_passwords,
    check_token,
    users_of,
)
from support.selection import PATIENCE, chosen, every, kind, page_twins, shared

from autologin.clock import IST

BLOCKS = {"credentials_rejected", "otp_rejected", "account_locked"}
"""After these an account is blocked until its credentials change."""
QUICKER = {"upstox": "auto_advance_pin"}
"""What else is on where a scenario is not about the pages: a PIN that sends itself need not be waited for."""

TWICE = {"login_page", "enter"}
"""Calls that a plain login may make twice: a visit that is sent on to the same address, each of two screens."""


def others(twin, name):
    """The scenarios that are on besides."""
    row = twin.table[name]
    about_pages = {"page", "wrong_pin", "answer_seconds"} & row.changes.keys() or "_at_pin" in name
    return [] if about_pages else [QUICKER[twin.broker]] if twin.broker in QUICKER else []


def test_each_kind_of_scenario_of_each_broker_is_run():
    def kinds(cases):
        """What a broker alone has, by kind; what several have, by name, or by place where a call fails."""
        return {
            kind(broker, name) if not shared(broker, name) else name.rpartition("_at_")[2]
            for broker, name in cases
        }

    assert kinds(chosen()) == kinds(every())
    assert {broker for broker, _ in chosen()} == page_twins().keys()


async def test_a_scenario_has_its_outcome(walk, case):
    broker, name = case
    twin_class = page_twins()[broker]
    row = twin_class.table[name]
    expect = row.expect
    patience = row.silent or expect in PATIENCE
    served, outcome = await walk(broker, name, *others(twin_class, name), patience=patience)
    found = outcome.error.name if outcome.error else outcome.outcome
    assert found == expect, outcome.error and outcome.error.message
    twin = served.twin
    assert twin.counters["callback"] == twin.counters["signup"] == 0
    assert len(set(twin.otps)) == len(twin.otps), "a code was sent twice"
    if expect == "issued":
        issued(served, outcome, name)
    else:
        await failed(served, outcome, name)


def issued(served, outcome, name):
    """A token that counts is in the file, and nothing was tried in vain."""
    twin = served.twin
    check_token(twin, name, served.token)
    assert datetime.fromisoformat(served.token["expires_at"]) == outcome.expires_at
    assert [user.strikes.total() for user in users_of(twin)] == [0] * len(users_of(twin))
    assert twin.counters[PASSWORD_CALL.get(twin.broker, "")] <= 2
    check_exchanges(twin, name)


async def failed(served, outcome, name):
    """No token, a next step for the person; nothing that counts against the account was sent more often than allowed."""
    twin = served.twin
    error = outcome.error.name
    assert outcome.outcome == "failed"
    assert outcome.error.hint
    assert not served.token_file.exists()
    mistakes = sum((user.mistakes for user in users_of(twin)), Counter())
    assert mistakes["password"] <= 1
    assert mistakes["pin"] <= 1
    assert mistakes["otp"] <= 2
    check_passwords(twin, name, error)
    assert len(twin.otps) <= (2 if error in {"otp_rejected", "broker_unavailable"} else 1)
    if name.startswith("few_attempts"):
        assert len(twin.otps) == 1
    if error in BLOCKS:
        calls = twin.counters.copy()
        assert (await served.run(twin.clock)).error.name == "account_blocked"
        assert twin.counters == calls


@pytest.mark.parametrize("broker", page_twins())
async def test_a_plain_login(walk, heard, broker):
    served, outcome = await walk(broker)
    twin = served.twin
    assert (outcome.outcome, outcome.error) == ("issued", None)
    keys = {"account", "broker", "user_id", "access_token", "issued_at", "expires_at", "extra"}
    assert served.token.keys() == keys
    check_token(twin, "", served.token)
    assert served.token_file.stat().st_mode & 0o777 == 0o600
    assert (len(twin.otps), len(twin.codes_exchanged)) == (1, 1)
    assert {place: n for place, n in twin.counters.items() if n > 1 and place not in TWICE} == {}
    assert twin.counters["callback"] == twin.counters["sms"] == 0
    if broker in ENDS:
        assert outcome.expires_at.astimezone(IST).strftime("%H:%M") == ENDS[broker]
    logged = heard.getvalue()
    order = ["login_url_opened", "code_captured", "session_created", "token_verified", "delivered"]
    assert sorted(order, key=logged.index) == order
    assert (await served.run(twin.clock)).outcome == "still_valid"
