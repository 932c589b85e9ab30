"""What is kept of a token, and how it comes to its sinks."""

from __future__ import annotations

from datetime import timedelta

from support.clock import MORNING
from support.store import SECRET, a_token, drop, mark_verified, save, set_user_id

# Tokens


def test_a_token_comes_back_as_it_was_put(kept):
    save(kept, "z", a_token())
    found = kept.tokens.get("z")
    assert (found.broker, found.verified_at) == ("zerodha", None)
    assert found.token == a_token()
    assert found.token.access_token.get_secret_value() == SECRET
    assert found.token.expires_at.utcoffset() == timedelta(hours=5.5)


def test_no_token_is_none(kept):
    save(kept, "z", a_token())
    assert kept.tokens.get("other") is None


def test_a_token_outlives_the_process(opener):
    first = opener()
    save(first, "z", a_token())
    first.close()
    assert opener().tokens.get("z").token == a_token()


def test_a_new_token_replaces_the_last_one_and_is_not_yet_verified(kept):
    save(kept, "z", a_token())
    mark_verified(kept, "z")
    save(kept, "z", a_token("another"), broker="upstox")
    found = kept.tokens.get("z")
    assert (found.broker, found.token.access_token.get_secret_value(), found.verified_at) == (
        "upstox",
        "another",
        None,
    )


def test_when_the_broker_confirmed_a_token_is_kept(kept, clock):
    save(kept, "z", a_token())
    save(kept, "y", a_token())
    clock.move(minutes=3)
    mark_verified(kept, "z")
    assert kept.tokens.get("z").verified_at == MORNING + timedelta(minutes=3)
    assert kept.tokens.get("y").verified_at is None


def test_a_dropped_token_is_gone_and_no_other_is(kept):
    save(kept, "z", a_token())
    save(kept, "y", a_token("others"))
    drop(kept, "z")
    assert kept.tokens.get("z") is None
    assert kept.tokens.get("y").token.access_token.get_secret_value() == "others"


# The door to the sinks


def outstanding(kept, sink="tokens"):
    """What is due at a sink now."""
    claims = kept.outbox.claim(sink, 9)
    for claim in claims:
        kept.outbox.put_back(claim)
    return [claim.message for claim in claims]


def deliver(kept, sink="tokens"):
    (claim,) = kept.outbox.claim(sink, 9)
    kept.outbox.mark_delivered(claim)
    return claim.message


def test_a_saved_token_is_held_until_it_is_released(kept):
    save(kept, "z", a_token(), ["tokens", "hook"])
    assert outstanding(kept) == []
    kept.outbox.release("z")
    assert deliver(kept).token == deliver(kept, "hook").token == a_token()
    assert kept.outbox.outstanding() == []


def test_a_user_that_only_the_verification_tells_completes_the_token_and_its_message(kept):
    save(kept, "z", a_token(user_id=""), ["tokens", "hook"])
    save(kept, "y", a_token("others", user_id=""), ["tokens"])
    set_user_id(kept, "z", "AB1234")
    mark_verified(kept, "z")
    kept.outbox.release("z")
    stored = kept.tokens.get("z")
    assert (stored.token, stored.verified_at) == (a_token(), MORNING)
    assert kept.tokens.get("y").token.user_id == ""
    assert deliver(kept).token == deliver(kept, "hook").token == a_token()
    assert {one.outcome for one in kept.history.counters("delivery")} == {"delivered"}


def test_a_dropped_token_cannot_be_completed_or_repeated(kept):
    save(kept, "z", a_token(user_id=""), ["tokens"])
    drop(kept, "z")
    set_user_id(kept, "z", "AB1234")
    kept.tokens.repeat("z", ["tokens"])
    kept.outbox.release("z")
    assert kept.tokens.get("z") is None
    assert kept.outbox.outstanding() == []


def test_a_token_that_is_still_valid_goes_to_sinks_that_have_not_got_it(kept):
    save(kept, "z", a_token(), ["tokens", "hook"])
    kept.outbox.release("z")
    deliver(kept)
    deliver(kept, "hook")
    kept.tokens.repeat("z", ["tokens", "hook", "new"])
    assert outstanding(kept) == outstanding(kept, "hook") == []
    assert [message.token for message in outstanding(kept, "new")] == [a_token()]


def test_a_token_that_is_still_valid_is_tried_at_once_and_not_queued_twice(kept):
    save(kept, "z", a_token(), ["tokens"])
    save(kept, "y", a_token(), ["tokens"])
    for account in "zy":
        kept.outbox.release(account)
        (claim,) = kept.outbox.claim("tokens", 9, account)
        kept.outbox.mark_failed(claim, "no route", 600)
    assert outstanding(kept) == []
    kept.tokens.repeat("z", ["tokens"])
    kept.outbox.retry_now("z")
    assert [message.account for message in outstanding(kept)] == ["z"]
    assert kept.outbox.backlog() == {"tokens": 2}


def test_the_held_token_of_a_run_that_died_goes_with_the_next_run(kept):
    save(kept, "z", a_token(), ["tokens"])
    kept.tokens.repeat("z", ["tokens"])
    assert outstanding(kept) == []  # another process may ask the broker about it just now
    kept.outbox.retry_now("z")
    assert deliver(kept).token == a_token()
