"""What is special to ICICI Direct's flow: its words, its consent, its redirect."""

from __future__ import annotations


async def test_an_app_that_is_not_known_is_told_in_icicis_words(walk):
    _, outcome = await walk("icici_breeze", "unknown_key")
    assert "Public Key does not exist" in outcome.error.message


async def test_authorize_false_leaves_the_consent_to_a_person(walk):
    change = lambda account: account.update(authorize=False)  # noqa: E731
    served, outcome = await walk("icici_breeze", "first_use", change=change)
    assert outcome.error.name == "consent_required"
    assert served.twin.counters["consent"] == 0


async def test_without_the_redirects_address_the_session_is_caught_all_the_same(walk):
    def unknown(account):
        del account["credentials"]["redirect_uri"]

    served, outcome = await walk("icici_breeze", change=unknown)
    assert outcome.outcome == "issued"
    assert served.twin.counters["callback"] == 0
