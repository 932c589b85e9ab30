"""The journal: what is sent is written down before it is sent, and what the broker answered after."""

from __future__ import annotations

import pytest

from autologin import retry
from autologin.login.attempts import AttemptLog
from autologin.store.records import AttemptCount
from autologin.store.store import Store


@pytest.fixture
def kept(tmp_path, clock):
    store = Store.open(tmp_path, clock)
    yield store
    store.close()


@pytest.fixture
def journal(kept):
    return AttemptLog(kept, "z", "f")


def written(kept):
    return kept._database.fetch_all(
        "SELECT account, fingerprint, kind, outcome FROM attempts ORDER BY id"
    )


def test_an_attempt_is_written_down_before_its_answer(kept, journal):
    journal.begin("password")
    assert written(kept) == [("z", "f", "password", None)]


@pytest.mark.parametrize("answer", ["accepted", "rejected", "unanswered", "unclear"])
@pytest.mark.parametrize("kind", ["password", "otp"])
def test_the_answer_is_written_beside_it(kept, journal, kind, answer):
    journal.begin(kind)
    journal.settle(answer)
    assert written(kept) == [("z", "f", kind, answer)]


def test_going_on_to_the_next_secret_means_that_the_last_was_accepted(kept, journal):
    journal.begin("password")
    journal.begin("otp")
    assert written(kept) == [("z", "f", "password", "accepted"), ("z", "f", "otp", None)]


def test_an_answer_is_to_the_last_secret_only(kept, journal):
    journal.begin("password")
    journal.begin("otp")
    journal.settle("rejected")
    assert written(kept) == [("z", "f", "password", "accepted"), ("z", "f", "otp", "rejected")]


def test_a_refusal_is_not_taken_back_by_what_follows(kept, journal):
    journal.begin("otp")
    journal.settle("rejected")
    journal.settle("accepted")
    journal.begin("otp")
    assert written(kept) == [("z", "f", "otp", "rejected"), ("z", "f", "otp", None)]


def test_an_answer_to_nothing_writes_nothing(kept, journal):
    journal.settle("accepted")
    assert written(kept) == []


def test_logins_that_are_cut_off_again_and_again_end_in_no_more_logins(kept):
    for _ in range(retry.UNSETTLED):
        assert retry.exhausted(kept.attempts.count("z", "f")) is None
        AttemptLog(kept, "z", "f").begin("password")
    assert retry.exhausted(kept.attempts.count("z", "f"))


def test_a_refused_password_is_enough(kept, journal):
    journal.begin("password")
    journal.settle("rejected")
    assert kept.attempts.count("z", "f") == AttemptCount(rejected_passwords=1)
    assert retry.exhausted(kept.attempts.count("z", "f"))


def test_an_outage_never_uses_up_the_logins(kept):
    for _ in range(20):
        journal = AttemptLog(kept, "z", "f")
        journal.begin("password")
        journal.begin("otp")
        journal.settle("unanswered")
    assert kept.attempts.count("z", "f") == AttemptCount()
    assert retry.exhausted(kept.attempts.count("z", "f")) is None
