"""The table of the scenarios that all login pages share, and how scenarios are combined."""

from __future__ import annotations

import pytest
from support.selection import page_twins

from autologin.sandbox.scenarios import COMMON, PageBehaviour, combine, common, failing, scenario

NO_STATE = {"state_lost", "state_wrong"}
MISSING = {
    "zerodha": {"wrong_secret"},
    "upstox": {"wrong_password", "wrong_account"},
    "fyers": {"wrong_password", "wrong_account"},
    "icici_breeze": {*NO_STATE, "wrong_secret"},
    **dict.fromkeys(
        ("shoonya", "zebu", "tradesmart", "flattrade", "aliceblue", "iiflcapital"), NO_STATE
    ),
}
"""What makes no sense for a broker; its twin says why."""


@pytest.mark.parametrize("broker", page_twins())
def test_every_page_has_every_common_scenario(broker):
    assert COMMON.keys() - page_twins()[broker].table.keys() == MISSING.get(broker, set())


@pytest.mark.parametrize("broker", page_twins())
def test_every_scenario_changes_what_the_twin_knows(broker):
    twin = page_twins()[broker]
    for name in twin.table:
        combine(twin.plain, twin.table, [name])


def test_what_is_left_out_must_be_there():
    assert COMMON.keys() - common(["denied"]).keys() == {"denied"}
    with pytest.raises(ValueError, match="did you mean 'denied'"):
        common(["denyed"])


def test_scenarios_on_the_same_page_are_merged():
    table = {
        "one": scenario("", page={"lang": "hi"}),
        "two": scenario("", page={"banner": True}, strikes=2),
    }
    both = combine(PageBehaviour(page={"then": "notice"}), table, table)
    assert (both.page, both.strikes) == ({"then": "notice", "lang": "hi", "banner": True}, 2)


def test_a_call_that_proves_a_token_may_fail_for_good():
    rows = failing(
        {"exchange": "exchange", "profile": "profile"}, exchange="exchange", proof="profile"
    )
    assert rows["broker_502_at_exchange_always"].expect == "broker_unavailable"
    assert rows["broker_502_at_profile_always"].expect == rows["profile_429"].expect == "issued"
    assert {"exchange_hangs_once", "429_at_profile"} <= rows.keys()
