"""What is special to Fyers' flow: its words, its consent, its refresh."""

from __future__ import annotations

import pytest


async def test_an_app_that_is_not_known_is_told_in_fyers_words(walk):
    _, outcome = await walk("fyers", "unknown_app")
    assert "invalid appType" in outcome.error.message


async def test_no_code_follows_where_the_count_of_failed_attempts_leaves_few(walk):
    served, _ = await walk("fyers", "few_attempts_by_count")
    assert len(served.twin.otps) == 1


async def test_a_token_that_could_not_be_proven_names_its_user_all_the_same(walk):
    served, outcome = await walk("fyers", "profile_429")
    assert (outcome.outcome, served.token["user_id"]) == ("issued", served.twin.user.user_id)


async def test_what_fyers_says_to_the_consent_is_told(walk):
    _, outcome = await walk("fyers", "first_use_refused")
    assert "This app may not be allowed by this user" in outcome.error.message


async def test_authorize_false_leaves_the_consent_to_a_person(walk):
    served, outcome = await walk(
        "fyers", "first_use", change=lambda account: account.update(authorize=False)
    )
    assert outcome.error.name == "consent_required"
    assert served.twin.counters["direct_login"] == 0


@pytest.mark.parametrize(
    ("scenario", "logins"), [("refresh_works", 1), ("refresh_rotates", 1), ("", 2)]
)
async def test_a_refresh_is_tried_where_the_user_wants_it_and_any_no_is_a_login(
    walk, scenario, logins
):
    wanted = lambda account: account.update(refresh=True)  # noqa: E731
    served, _ = await walk("fyers", *filter(None, [scenario]), change=wanted)
    twin = served.twin
    first = served.token
    again = await served.run(twin.clock, force=True)
    assert (again.outcome, twin.counters["pin"]) == ("issued", logins)
    assert twin.counters["refresh"] == (1 if scenario else 0)
    token = served.token
    assert token["access_token"] != first["access_token"]
    assert token["extra"].get("refresh_token") == (twin.refresh_tokens[-1] if scenario else None)


async def test_a_refresh_that_is_refused_is_followed_by_a_login(walk):
    served, _ = await walk(
        "fyers", "refresh_works", change=lambda account: account.update(refresh=True)
    )
    served.twin.switch()
    assert (await served.run(served.twin.clock, force=True)).outcome == "issued"
    assert (served.twin.counters["refresh"], served.twin.counters["pin"]) == (1, 2)
