"""What ways to people are owed: it follows from the alerts that are open and from what was taken."""

from __future__ import annotations

import pytest
from support.clock import HandClock
from support.leaks import leaks
from support.store import KEYS, a_token, save

from autologin.store.store import Store

A, B = "notify:a", "notify:b"
CANARY = "told-only-to-people-canary"


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def store(tmp_path, clock):
    return Store.open(tmp_path / "state", clock)


def begin(store, *causes, account="mine"):
    for cause in causes:
        store.alerts.begin(account, cause, f"{cause}!")
    store.notices.settle([A, B])


def end(store, *causes, account="mine"):
    store.alerts.end(account, causes)
    store.notices.settle([A, B])


def take(store, way, *, fails=False):
    """A way is offered what is due, until there is nothing; gives what it was told."""
    told = []
    while claims := store.outbox.claim(way, 1):
        for claim in claims:
            told.append((claim.message.type.removeprefix("notice."), *claim.message.data["causes"]))
            if fails:
                store.outbox.mark_failed(claim, "it is down", 2.0)
            else:
                store.outbox.mark_delivered(claim)
    store.notices.settle([A, B])
    return told


def test_each_way_is_told_once_and_that_it_is_over(store):
    begin(store, "late")
    assert take(store, A) == [("alert", "late")]
    assert take(store, A) == []
    assert take(store, B) == [("alert", "late")]
    end(store, "late")
    assert take(store, A) == take(store, B) == [("recovered", "late")]
    assert take(store, A) == []


def test_who_was_not_told_hears_neither(store):
    begin(store, "late")
    assert take(store, A)
    end(store, "late")
    assert take(store, A) == [("recovered", "late")]
    assert take(store, B) == []


def test_one_notice_tells_that_several_causes_are_over(store):
    begin(store, "late")
    take(store, A)
    begin(store, "not_ready")
    take(store, A)
    take(store, B)
    end(store, "late", "not_ready")
    assert take(store, A) == [("recovered", "late", "not_ready")]


def test_only_the_causes_that_a_way_was_told_are_over_for_it(store):
    begin(store, "late")
    take(store, A)
    begin(store, "not_ready")
    end(store, "late", "not_ready")
    assert take(store, A) == [("recovered", "late")]


def test_what_begins_again_is_told_again_and_is_not_over(store, clock):
    begin(store, "late", "not_ready")
    take(store, A)
    end(store, "late", "not_ready")
    assert take(store, A, fails=True) == [("recovered", "late", "not_ready")]
    begin(store, "late")
    clock.move(seconds=10)
    assert sorted(take(store, A)) == [("alert", "late"), ("recovered", "not_ready")]
    end(store, "late")
    assert take(store, A) == [("recovered", "late")]


def test_who_was_told_hears_that_it_is_over_though_the_second_time_never_came_through(store, clock):
    begin(store, "late")
    take(store, A)
    for _ in range(2):  # the receiver is down now
        end(store, "late")
        take(store, A, fails=True)
        begin(store, "late")
        take(store, A, fails=True)
        clock.move(hours=1)
    end(store, "late")
    clock.move(seconds=10)
    assert take(store, A) == [("recovered", "late")]
    assert take(store, A) == []


def test_an_alert_is_owed_for_as_long_as_it_is_open_and_its_end_for_a_day(store, clock):
    begin(store, "account_blocked")
    take(store, A)
    clock.move(days=40)
    assert take(store, B) == [("alert", "account_blocked")]
    end(store, "account_blocked")
    assert take(store, A) == [("recovered", "account_blocked")]
    clock.move(hours=25)
    assert take(store, B) == []
    begin(store, "account_blocked")
    end(store, "account_blocked")
    assert take(store, B) == [], "an end that nobody took is not told later"


def test_an_end_while_it_is_told_is_told_to_who_took_it(store):
    begin(store, "late")
    (claim,), (other,) = store.outbox.claim(A, 1), store.outbox.claim(B, 1)
    end(store, "late")
    store.outbox.mark_delivered(claim)
    store.outbox.mark_failed(other, "it is down", 0.0)
    store.notices.settle([A, B])
    assert take(store, A) == [("recovered", "late")]
    assert take(store, B) == []


def test_a_way_that_left_the_config_is_owed_nothing_and_a_new_one_is_told_what_is_open(store):
    begin(store, "late")
    take(store, A)
    store.notices.settle([A, "notify:new"])
    assert take(store, "notify:new") == [("alert", "late")]
    store.notices.settle([A])
    assert store.outbox.next_due(B) is None
    store.notices.settle([A, B, "notify:new"])
    assert take(store, A) == take(store, "notify:new") == [], "each was told once"


def test_what_is_no_longer_in_the_config_is_let_go_without_a_word(store):
    begin(store, "late")
    take(store, A)
    store.notices.forget("mine", "late")
    store.notices.settle([A, B])
    assert take(store, A) == take(store, B) == []
    assert store.alerts.open() == []


def test_an_alert_of_an_older_autologin_is_told_no_second_time(store):
    store._database.execute(
        "INSERT INTO alerts (account, cause, opened) VALUES ('mine', 'late', '2026')"
    )
    begin(store, "late")
    assert take(store, A) == []
    end(store, "late")
    assert store.alerts.causes("mine") == []


def test_notices_are_no_deliveries(store):
    save(store, "mine", a_token(), ["tokens"])
    store.outbox.release("mine")
    begin(store, "late")
    take(store, A)
    take(store, B, fails=True)
    assert store.outbox.outstanding() == ["tokens"]
    assert store.outbox.backlog() == {"tokens": 1}
    assert [state.sink for state in store.outbox.latest("mine")] == ["tokens"]
    assert list(store.history.counters("failed_try")) == []
    (token,) = store.outbox.claim("tokens", 1)
    store.outbox.mark_delivered(token)
    assert [(one.kind, one.number) for one in store.history.counters("delivery")] == [("tokens", 1)]
    assert store.outbox.latest("mine")[0].outcome == "delivered"


def test_what_was_offered_and_not_taken(store, clock):
    begin(store, "late")
    assert store.notices.untaken({A: "notify.urls.0"}) == []
    take(store, A, fails=True)
    clock.move(minutes=5)
    begin(store, "not_ready", account="other")
    take(store, A, fails=True)
    (one,) = store.notices.untaken({A: "notify.urls.0"})
    said = one.describe()
    assert said == "notify.urls.0 has not taken 2 notices since 2026-11-24 08:15 IST: it is down"
    assert store.notices.untaken({}) == []


def test_its_words_are_encrypted_and_a_new_key_takes_them_over(tmp_path, clock):
    folder = tmp_path / "state"
    store = Store.open(folder, clock, KEYS[:1])
    store.alerts.begin("mine", "late", CANARY, f"/failures/{CANARY}.png")
    store.notices.settle([A])
    store.close()
    assert leaks([CANARY], [folder]) == []
    Store.open(folder, clock, [KEYS[1], KEYS[0]]).close()
    store = Store.open(folder, clock, KEYS[1:2])
    store.notices.settle([A, B])
    assert [claim.message.data["text"] for claim in store.outbox.claim(B, 1)] == [CANARY]
