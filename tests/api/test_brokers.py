"""What only one of the brokers without a page does; tests/scenarios/test_apis.py has what all of them share."""

from __future__ import annotations

import io
import json
import logging

import httpx
import pytest


async def test_indstocks_pace_holds_over_runs(walk):
    served, outcome = await walk("indstocks", "wrong_code")
    assert outcome.error.name == "otp_rejected"
    assert (await served.user.says("unblock", "indstocks")).code == 0
    served.twin.switch()
    assert (await served.run(served.twin.clock, force=True)).outcome == "issued"
    assert (served.twin.too_soon, served.twin.counters["token"]) == (0, 3)


@pytest.mark.parametrize(
    "scenario", ["plain", "token_hangs_once", "broker_502_at_token", "wrong_code_echoed"]
)
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
    assert twin.otps[0] in next(seen.query for seen in twin.seen if "totp" in seen.query), (
        "it does travel there"
    )
    assert [
        secret for secret in (twin.account["pin"], *twin.otps) if secret in heard.getvalue()
    ] == []


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
        (
            "You are exceeding the number of login attempts. Invalid password",
            "credentials_rejected",
        ),
        ("Login attempts exceeded, too many requests", "account_locked"),
        ("Access denied because of exceeding rate limit", "broker_unavailable"),
        ("Invalid TOTP or PIN", "exchange_rejected"),
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
