"""What is special to Zerodha's flow, and what holds for every run: blocks, kept tokens, the consent, the bundle."""

from __future__ import annotations

import json

import pytest


async def test_changed_credentials_lift_a_block(walk, tmp_path):
    served, _ = await walk("zerodha", "wrong_password")
    served.twin.switch()
    served.change(
        lambda data: data["accounts"]["zerodha"]["credentials"].update(
            password=f"{served.twin.user_id}'s new"
        )
    )
    served.twin.users[served.twin.user_id].password = f"{served.twin.user_id}'s new"
    assert (await served.run(served.twin.clock)).outcome == "issued"


async def test_force_and_headed_do_not_lift_a_block(walk):
    served, _ = await walk("zerodha", "wrong_password")
    for options in ({"force": True}, {"headed": True}):
        assert (await served.run(served.twin.clock, **options)).error.name == "account_blocked"
    assert served.twin.counters["login"] == 1


async def test_a_second_run_verifies_once_and_opens_no_browser(walk):
    served, _ = await walk("zerodha")
    before = served.twin.counters.copy()
    again = await served.run(served.twin.clock)
    assert again.outcome == "still_valid"
    assert {
        key: n - before[key] for key, n in served.twin.counters.items() if n != before[key]
    } == {"profile": 1}
    served.token_file.unlink()
    assert (await served.run(served.twin.clock)).deliveries[0].outcome == "delivered"
    assert served.token_file.exists()


@pytest.mark.parametrize(
    ("scenario", "outcome"),
    [("profile_429", "still_valid"), ("broker_502_at_profile_always", "still_valid")],
)
async def test_a_token_that_could_not_be_verified_is_kept(walk, scenario, outcome):
    served, _ = await walk("zerodha")
    served.twin.switch(scenario)
    assert (await served.run(served.twin.clock)).outcome == outcome


async def test_a_token_that_the_broker_ended_is_replaced(walk):
    served, first = await walk("zerodha")
    served.twin.tokens.clear()
    again = await served.run(served.twin.clock)
    assert (first.outcome, again.outcome) == ("issued", "issued")
    assert served.twin.counters["login"] == 2


async def test_force_logs_in_although_the_token_lives(walk):
    served, _ = await walk("zerodha")
    assert (await served.run(served.twin.clock, force=True)).outcome == "issued"
    assert served.twin.counters["login"] == 2


async def test_authorize_false_leaves_the_consent_to_a_person(walk):
    served, outcome = await walk(
        "zerodha", "first_use", change=lambda account: account.update(authorize=False)
    )
    assert outcome.error.name == "consent_required"
    assert served.twin.counters["authorize"] == 0


async def test_the_redirect_uri_need_not_be_known(walk):
    served, outcome = await walk(
        "zerodha", change=lambda account: account["credentials"].pop("redirect_uri")
    )
    assert outcome.outcome == "issued"
    assert served.twin.counters["callback"] == 0


async def test_a_failed_login_leaves_a_scrubbed_bundle_and_says_where(walk, tmp_path):
    _, outcome = await walk("zerodha", "interstitial")
    (bundle,) = (tmp_path / "state/failures").iterdir()
    assert str(bundle) in outcome.error.message
    report = json.loads((bundle / "report.json").read_text())
    assert report["error"] == "page_changed"
    assert report["address"].endswith("/connect/notice")
    assert {"browser", "login"} <= report["stages"].keys()
    assert any("nominee" in element["text"] for element in report["outline"])
    assert (bundle / "screenshot.png").read_bytes().startswith(b"\x89PNG")
    assert {file.stat().st_mode & 0o777 for file in bundle.iterdir()} == {0o600}
