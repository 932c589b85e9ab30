"""What a user says of the pages (`pages` in the config), in whole logins."""

from __future__ import annotations

import pytest


def saying(**pages):
    return lambda account: account.update(pages=pages)


async def test_the_users_selectors_are_filled_and_pressed(walk):
    fields = {"user_id": "form input[type=text]", "password": "#password"}
    served, outcome = await walk(
        "zerodha", change=saying(fields=fields, press="form button[type=submit]")
    )
    assert (outcome.outcome, outcome.error) == ("issued", None)
    assert served.twin.counters["login"] == 1


@pytest.mark.parametrize(
    ("pages", "key", "count"),
    [
        ({"fields": {"user_id": "form input"}}, "fields.user_id", "2 elements"),
        ({"fields": {"password": "input:no-such-thing"}}, "fields.password", "no element"),
    ],
)
async def test_one_that_does_not_fit_is_named_and_nothing_is_typed(walk, pages, key, count):
    served, outcome = await walk("zerodha", change=saying(**pages), patience=True)
    assert outcome.error.name == "page_changed"
    assert f"accounts.zerodha.pages.{key} matches {count}" in outcome.error.detail
    assert served.twin.counters["login"] == 0


async def test_a_notice_is_put_off_where_the_user_wants_it(walk):
    _, outcome = await walk("oauth2", "interstitial", change=saying(dismiss=["later"]))
    assert (outcome.outcome, outcome.error) == ("issued", None)


async def test_and_named_where_not(walk):
    _, outcome = await walk("oauth2", "interstitial", patience=True)
    assert outcome.error.name == "page_changed"
    assert "about a nominee" in outcome.error.detail
