"""The brokers with a PIN and a code over their API, against their twins: every scenario, and never a browser."""

from __future__ import annotations

import io
import json
import logging

import httpx
import pytest

from autologin.clock import IST
from autologin.flow import registry
from autologin.sandbox.server import twin_classes

LOGIN = {
    "angelone": "login",
    "dhan": "token",
    "kotak": "login",
    "fivepaisa": "login",
    "mstock": "login",
    "motilal": "login",
    "firstock": "login",
    "indstocks": "token",
}
"""The call that sends the code."""
PROOF = {
    "angelone": "profile",
    "dhan": "profile",
    "kotak": "limits",
    "fivepaisa": "margin",
    "mstock": "funds",
    "motilal": "margin",
    "firstock": "details",
    "indstocks": "profile",
}
"""The call that proves a token."""
ENDS = {"angelone": "00:00", "kotak": "00:00", "fivepaisa": "23:59", "mstock": "00:00", "motilal": "06:00", "firstock": "00:00"}
"""When a token dies; the others' live for a day."""

ISSUED = {
    "angelone": {"rate_limited", "token_with_bearer", "profile_nobody", "profile_refused"},
    "dhan": {
        *("too_soon", "expiry_with_zone", "expiry_missing", "expiry_garbled", "expiry_past", "expiry_far"),
        *("profile_nobody", "profile_403"),
    },
    "kotak": {"dependency", "bare_limits", "limits_403"},
    "fivepaisa": {"server_error_once", "margin_nobody", "margin_refused"},
    "mstock": {"status_in_words", "first_token_is_a_jwt", "funds_403"},
    "motilal": {"verified_missing", "margin_403"},
    "firstock": {"details_nobody", "details_403"},
    "indstocks": {"token_at_top", "profile_refused"},
}
FAILED = {
    "angelone": {
        "wrong_pin": "credentials_rejected",
        "wrong_key": "credentials_rejected",
        "wrong_code_in_words": "otp_rejected",
        "no_token": "exchange_rejected",
    },
    "dhan": {
        "wrong_pin": "credentials_rejected",
        "wrong_pin_or_code": "credentials_rejected",
        "wrong_address": "exchange_rejected",
        "plain_refusal": "exchange_rejected",
        "wrong_code_in_data": "otp_rejected",
        "wrong_code_in_list": "otp_rejected",
        "wrong_code_echoed": "credentials_rejected",
        "no_token": "exchange_rejected",
    },
    "kotak": {
        "wrong_mpin": "credentials_rejected",
        "wrong_mpin_unsaid": "credentials_rejected",
        "wrong_key": "credentials_rejected",
        "wrong_user": "credentials_rejected",
        "wrong_code_unsaid": "otp_rejected",
        "wrong_code_200": "otp_rejected",
        "foreign_base": "exchange_rejected",
    },
    "fivepaisa": {
        "wrong_pin": "credentials_rejected",
        "wrong_pin_or_code": "credentials_rejected",
        "wrong_key": "credentials_rejected",
        "wrong_encryption_key": "credentials_rejected",
        "broker_502_at_exchange_always": "broker_unavailable",
    },
    "mstock": {
        "wrong_password": "credentials_rejected",
        "wrong_key": "credentials_rejected",
        "wrong_code_at_second_step": "otp_rejected",
        "broker_502_at_totp_always": "broker_unavailable",
    },
    "motilal": {
        "wrong_password": "credentials_rejected",
        "wrong_birth": "credentials_rejected",
        "wrong_key": "credentials_rejected",
        "sms_pending": "otp_not_available",
        "sms_pending_boolean": "otp_not_available",
        "dead_token_200": "token_rejected",
    },
    "firstock": {
        "wrong_password": "credentials_rejected",
        "wrong_password_400": "credentials_rejected",
        "wrong_vendor_code": "credentials_rejected",
        "wrong_key": "credentials_rejected",
        "wrong_code_unnamed": "otp_rejected",
        "dead_token_400": "token_rejected",
        "no_token": "exchange_rejected",
    },
    "indstocks": {"wrong_mpin": "credentials_rejected", "wrong_key": "credentials_rejected", "no_token": "exchange_rejected"},
}
EACH_ISSUES = {"wrong_code_once", "one_token", "clock_behind", "clock_ahead", "no_date_header", "code_reuse"}
EACH_FAILS = {"wrong_code": "otp_rejected", "locked": "account_locked", "dead_token": "token_rejected"}
TWICE = {
    *("wrong_code", "wrong_code_in_words", "wrong_code_in_data", "wrong_code_in_list", "wrong_code_unsaid", "wrong_code_200"),
    *("wrong_code_unnamed", "wrong_code_at_second_step"),
}
"""Refusals after which one more code is sent."""


def fails(broker):
    login = LOGIN[broker]
    gateway = {f"broker_502_at_{login}_always": "broker_unavailable", "429_for_long": "broker_unavailable"}
    return {**EACH_FAILS, **gateway, **FAILED[broker]}


def issues(broker):
    """Everything else that a twin's common table holds ends well."""
    table = twin_classes()[broker].table
    common = {name for name in table if name.startswith(("broker_502_", "429_")) or name.endswith(("_429", "_hangs_once"))}
    return (EACH_ISSUES | common | ISSUED[broker]) - fails(broker).keys()


def calls(scenario):
    return 2 if scenario in TWICE or scenario.endswith("_always") else 1


@pytest.mark.parametrize("broker", LOGIN)
def test_every_scenario_has_its_expectation(broker):
    assert issues(broker) | fails(broker).keys() == twin_classes()[broker].table.keys()


@pytest.mark.parametrize("broker", LOGIN)
async def test_a_plain_login(walk, broker):
    served, outcome = await walk(broker)
    assert (outcome.outcome, outcome.error) == ("issued", None)
    token = json.loads(served.token_file.read_text())
    assert token["access_token"] in served.twin.tokens
    assert (token["account"], token["broker"]) == (broker, broker)
    if broker in ENDS:
        assert outcome.expires_at.astimezone(IST).strftime("%H:%M") == ENDS[broker]
    assert set(served.twin.counters.values()) == {1}


@pytest.mark.parametrize(("broker", "scenario"), [(broker, name) for broker in LOGIN for name in sorted(issues(broker))])
async def test_a_token_is_issued_all_the_same(walk, broker, scenario):
    served, _ = await walk.issues(broker, scenario, login=LOGIN[broker])
    assert getattr(served.twin, "too_soon", 0) == 0


@pytest.mark.parametrize(
    ("broker", "scenario", "name"), [(broker, *pair) for broker in LOGIN for pair in sorted(fails(broker).items())]
)
async def test_a_login_fails_by_its_name(walk, broker, scenario, name):
    served, _ = await walk.fails(broker, scenario, name, login=LOGIN[broker], calls=calls(scenario))
    assert getattr(served.twin, "too_soon", 0) == 0


@pytest.mark.parametrize("broker", LOGIN)
async def test_a_second_run_only_verifies_and_a_dead_token_is_replaced(walk, broker):
    served, _ = await walk(broker)
    twin = served.twin
    assert (await served.run(twin.clock)).outcome == "still_valid"
    assert (twin.counters[LOGIN[broker]], twin.counters[PROOF[broker]]) == (1, 2)
    twin.tokens.clear()
    assert (await served.run(twin.clock)).outcome == "issued"
    assert twin.counters[LOGIN[broker]] == 2
    assert getattr(twin, "too_soon", 0) == 0


@pytest.mark.parametrize("broker", LOGIN)
async def test_another_users_token_is_refused(walk, broker):
    flow = registry.load(broker)
    served, _ = await walk(broker)
    (token,) = served.twin.tokens
    one = flow(flow.credentials_class(**served.twin.credentials), served.twin.endpoints)
    assert one.user_id in {None, *served.twin.credentials.values()}
    assert token not in repr(one.credentials)


async def test_indstocks_pace_holds_over_runs(walk):
    served, outcome = await walk("indstocks", "wrong_code")
    assert outcome.error.name == "otp_rejected"
    assert (await served.user.says("unblock", "indstocks")).code == 0
    served.twin.switch()
    assert (await served.run(served.twin.clock, force=True)).outcome == "issued"
    assert (served.twin.too_soon, served.twin.counters["token"]) == (0, 3)


@pytest.mark.parametrize("scenario", ["plain", "token_hangs_once", "broker_502_at_token", "wrong_code_echoed"])
async def test_dhans_pin_and_code_travel_in_the_url_and_stand_in_no_log(walk, scenario):
    """Not even in the standard library's, which HTTP clients write addresses to."""
    heard = io.StringIO()
    handler, root = logging.StreamHandler(heard), logging.getLogger()
    root.addHandler(handler)
    before, _ = root.level, root.setLevel(logging.DEBUG)
    try:
        served, _ = await walk("dhan", *(() if scenario == "plain" else (scenario,)))
    finally:
        root.setLevel(before)
        root.removeHandler(handler)
    twin = served.twin
    assert twin.otps[0] in next(seen.query for seen in twin.seen if "totp" in seen.query), "it does travel there"
    assert [secret for secret in (twin.account["pin"], *twin.otps) if secret in heard.getvalue()] == []


async def test_dhan_by_the_command(walk):
    served, _ = await walk("dhan", "wrong_code_echoed")
    (served.folder / "state/autologin.db").unlink()
    done = await served.user.says("-v", "run", "dhan")
    assert done.code == 3
    for secret in (served.twin.account["pin"], *served.twin.otps):
        assert secret not in done.out + done.err


@pytest.mark.parametrize(("scenario", "taken"), [((), True), (("one_token",), True)])
async def test_angelones_refresh_gives_a_new_trio(walk, scenario, taken):
    served, _ = await walk("angelone", *scenario)
    served.change(lambda config: config["accounts"]["angelone"].update(refresh=True))
    first = json.loads(served.token_file.read_text())
    outcome = await served.run(served.twin.clock, force=True)
    second = json.loads(served.token_file.read_text())
    assert (outcome.outcome, served.twin.counters["renew"]) == ("issued", 1)
    assert (first["access_token"] != second["access_token"]) is taken
    assert first["extra"]["feed_token"] != second["extra"]["feed_token"]


@pytest.mark.parametrize("broker", ["dhan", "indstocks"])
async def test_a_run_at_the_same_hour_replaces_a_token_of_a_day(walk, broker):
    """Kept, it would die a moment later, before the market opens."""
    served, _ = await walk(broker)
    await served.twin.clock.sleep(86400 - 30)
    assert (await served.run(served.twin.clock)).outcome == "issued"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("You are exceeding the number of login attempts. Invalid password", "credentials_rejected"),
        ("Login attempts exceeded, too many requests", "account_locked"),
        ("Access denied because of exceeding rate limit", "broker_unavailable"),
        ("Invalid TOTP or PIN", "credentials_rejected"),
        ("Invalid TOTP", "otp_rejected"),
        ("TOTP is not enabled for this account", "otp_not_available"),
        ("IP is not whitelisted for this client id", "exchange_rejected"),
        ("Something else", "exchange_rejected"),
    ],
)
def test_what_a_refusals_words_mean(words, name):
    """What may mean a password or a lock is never taken for "later": it would be sent again."""
    from autologin.flows._json_api import login_error

    assert login_error("X", httpx.Response(400), words).name == name
