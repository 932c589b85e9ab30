"""What is special to Upstox's flow: its words, its dialog, its number."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("scenario", ["blocked_after_pin", "blocked_after_pin_readable"])
async def test_a_block_of_the_address_is_named(walk, scenario):
    _, outcome = await walk("upstox", scenario)
    assert "refuses this browser or this address (HTTP 403" in outcome.error.message


async def test_an_app_that_is_not_known_is_told_in_upstoxs_words(walk):
    _, outcome = await walk("upstox", "unknown_client")
    assert "Check your 'client_id' and 'redirect_uri'" in outcome.error.message


async def test_inactive_segments_are_told_with_what_to_do(walk):
    _, outcome = await walk("upstox", "inactive_segments")
    assert "No segments for these users are active" in outcome.error.message
    assert "Reactivate your segments" in outcome.error.hint


async def test_a_redirect_uri_that_differs_by_a_slash_is_refused_by_the_dialog(walk):
    change = lambda account: account["credentials"].update(  # noqa: E731
        redirect_uri=account["credentials"]["redirect_uri"] + "/"
    )
    served, outcome = await walk("upstox", change=change)
    assert outcome.error.name == "credentials_rejected"
    assert served.twin.counters["generate"] == 0


@pytest.mark.parametrize(
    ("scenario", "outcome"), [("profile_1221", "still_valid"), ("dead_token", "failed")]
)
async def test_only_upstoxs_word_for_a_dead_token_throws_one_away(walk, scenario, outcome):
    served, _ = await walk("upstox")
    served.twin.switch(scenario)
    assert (await served.run(served.twin.clock)).outcome == outcome
    assert served.twin.counters["pin"] == (1 if outcome == "still_valid" else 2)


async def test_changed_credentials_lift_a_block(walk):
    served, _ = await walk("upstox", "wrong_pin")
    served.twin.switch()
    served.twin.user.pin = "731950"
    served.change(lambda data: data["accounts"]["upstox"]["credentials"].update(pin="731950"))
    assert (await served.run(served.twin.clock)).outcome == "issued"


async def test_authorize_false_leaves_the_consent_to_a_person(walk):
    served, outcome = await walk(
        "upstox", "first_use", change=lambda account: account.update(authorize=False)
    )
    assert outcome.error.name == "consent_required"
    assert served.twin.counters["authorize"] == 0


async def test_a_number_with_its_country_code_is_typed_without(walk):
    spaced = lambda account: account["credentials"].update(mobile_number="+91 98123 45670")  # noqa: E731
    _, outcome = await walk("upstox", change=spaced)
    assert outcome.outcome == "issued"
