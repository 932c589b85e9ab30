"""The brokers without a page against their twins: every scenario ends as its row says, and never with a browser.

A new broker's twin is collected by itself.
"""

from __future__ import annotations

import json

import pytest
from support.api_login import TWINS, api_runs

from autologin.clock import IST
from autologin.errors import AutologinError, name_of
from autologin.flow import registry

ROWS = [
    (broker, name, row.expect)
    for broker, twin in TWINS.items()
    for name, row in sorted(twin.table.items())
]


@pytest.fixture
async def walk(tmp_path, monkeypatch):
    async with api_runs(tmp_path, monkeypatch) as runs:
        yield runs


def error_names(kind=AutologinError):
    return {
        name_of(kind),
        *(name for child in kind.__subclasses__() for name in error_names(child)),
    }


def test_every_scenario_expects_an_outcome_that_there_is():
    assert {expect for _, _, expect in ROWS} - {"issued"} <= error_names()


@pytest.mark.parametrize("broker", TWINS)
def test_every_broker_refuses_passwords_codes_and_tokens(broker):
    expected = {row.expect for row in TWINS[broker].table.values()}
    assert {"credentials_rejected", "otp_rejected", "account_locked", "token_rejected"} <= expected
    assert {"issued", "broker_unavailable", "exchange_rejected"} & expected >= {
        "issued",
        "broker_unavailable",
    }


@pytest.mark.parametrize("broker", TWINS)
async def test_a_plain_login(walk, broker):
    served, outcome = await walk(broker)
    twin = served.twin
    assert (outcome.outcome, outcome.error) == ("issued", None)
    token = json.loads(served.token_file.read_text())
    assert token["access_token"] in twin.tokens
    assert (token["account"], token["broker"]) == (broker, broker)
    assert_it_dies_with_the_twins(twin, outcome)
    assert twin.counters == dict.fromkeys(twin.counters, 1)
    assert {twin.login_call, twin.profile_call} <= twin.counters.keys()


def assert_it_dies_with_the_twins(twin, outcome):
    if twin.ends_at:
        assert outcome.expires_at.astimezone(IST).time() == twin.ends_at


@pytest.mark.parametrize(("broker", "scenario", "expect"), ROWS)
async def test_a_run_ends_as_its_scenario_says(walk, broker, scenario, expect):
    if expect == "issued":
        served, outcome = await walk.issues(broker, scenario)
        assert_it_dies_with_the_twins(served.twin, outcome)
    else:
        served, outcome = await walk.fails(broker, scenario)
    assert getattr(served.twin, "too_soon", 0) == 0


@pytest.mark.parametrize("broker", TWINS)
async def test_a_second_run_only_verifies_and_a_dead_token_is_replaced(walk, broker):
    served, _ = await walk(broker)
    twin = served.twin
    assert (await served.run(twin.clock)).outcome == "still_valid"
    assert (twin.counters[twin.login_call], twin.counters[twin.profile_call]) == (1, 2)
    twin.tokens.clear()
    assert (await served.run(twin.clock)).outcome == "issued"
    assert twin.counters[twin.login_call] == 2
    assert getattr(twin, "too_soon", 0) == 0


@pytest.mark.parametrize("broker", TWINS)
async def test_a_token_stands_in_no_credentials(walk, broker):
    flow = registry.load(broker)
    served, _ = await walk(broker)
    (token,) = served.twin.tokens
    one = flow(flow.credentials_class(**served.twin.credentials), served.twin.endpoints)
    assert one.user_id in {None, *served.twin.credentials.values()}
    assert token not in repr(one.credentials)
