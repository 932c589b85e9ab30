"""Runs and counters."""

from __future__ import annotations

from support.clock import MORNING
from support.store import a_token, drop, save

from autologin.errors import CredentialsRejected
from autologin.store import history
from autologin.store.history import RUNS_KEPT
from autologin.store.records import Counter, Run

# History


def test_a_run_is_history_from_its_beginning_to_its_end(kept, clock):
    run = kept.history.begin_run("z", "zerodha")
    assert kept.history.runs("z") == [Run("z", "zerodha", MORNING, None, None, None, None, {})]
    clock.move(seconds=9)
    error = CredentialsRejected("Invalid password")
    error.stage = "login"
    kept.history.end_run(
        run, "failed", error, seconds=9.00049, stages={"config": 0.12345, "login": 8}
    )
    (found,) = kept.history.runs("z")
    assert found.message == error.message
    assert "login: Invalid password." in found.message
    assert (found.outcome, found.error, found.seconds) == ("failed", "credentials_rejected", 9.0)
    assert found.stages == {"config": 0.123, "login": 8}
    assert found.began == MORNING


def test_a_run_without_an_error(kept):
    kept.history.end_run(
        kept.history.begin_run("z", "zerodha"), "issued", None, seconds=1, stages={}
    )
    (found,) = kept.history.runs("z")
    assert (found.outcome, found.error, found.message) == ("issued", None, None)


def test_history_begins_with_the_newest_and_is_of_one_account(kept, clock):
    for account in "zyzyz":
        kept.history.begin_run(account, "zerodha")
        clock.move(minutes=1)
    assert [run.began.minute for run in kept.history.runs("z", newest=9)] == [49, 47, 45]
    assert [run.began.minute for run in kept.history.runs("z", newest=2)] == [49, 47]
    assert kept.history.runs("nobody") == []


def test_only_the_newest_runs_of_an_account_are_kept(kept, clock, monkeypatch):
    monkeypatch.setattr(history, "RUNS_KEPT", 5)
    for _ in range(8):
        kept.history.begin_run("z", "zerodha")
        clock.move(minutes=1)
    assert [run.began.minute for run in kept.history.runs("z", newest=99)] == [52, 51, 50, 49, 48]


def test_a_busy_account_does_not_cost_another_its_history(kept, monkeypatch):
    monkeypatch.setattr(history, "RUNS_KEPT", 5)
    for _ in range(3):
        kept.history.begin_run("y", "zerodha")
    for _ in range(20):
        kept.history.begin_run("z", "zerodha")
    kept.history.begin_run("y", "zerodha")
    assert len(kept.history.runs("y", newest=99)) == 4
    assert len(kept.history.runs("z", newest=99)) == 5


def test_more_than_a_year_of_trading_days_is_kept():
    assert RUNS_KEPT > 250


# Counts


def test_runs_are_counted_by_how_they_ended_and_no_pruning_lowers_it(kept, monkeypatch):
    monkeypatch.setattr(history, "RUNS_KEPT", 2)
    for _ in range(5):
        kept.history.end_run(
            kept.history.begin_run("z", "zerodha"), "issued", None, seconds=1, stages={}
        )
    kept.history.end_run(
        kept.history.begin_run("z", "zerodha"),
        "failed",
        CredentialsRejected("no"),
        seconds=1,
        stages={},
    )
    kept.history.begin_run("z", "zerodha")
    assert kept.history.counters("run") == [
        Counter("z", "", "issued", 5),
        Counter("z", "credentials_rejected", "failed", 1),
    ]
    assert kept.history.counters("delivery") == []


def test_deliveries_are_counted_by_what_became_of_them(kept, clock):
    for secret in ("first-token", "second-token", "third-token"):
        save(kept, "z", a_token(secret, issued_at=clock.now()), ["tokens", "hook"])
        clock.move(minutes=5)
    assert kept.outbox.backlog() == {"hook": 1, "tokens": 1}
    (claim,) = kept.outbox.claim("tokens", 9)
    kept.outbox.mark_failed(claim, "no route", 1)
    clock.move(minutes=1)
    (claim,) = kept.outbox.claim("tokens", 9)
    kept.outbox.mark_delivered(claim)
    drop(kept, "z")
    assert kept.history.counters("failed_try") == [Counter("z", "tokens", "failed", 1)]
    found = {(one.kind, one.outcome): one.number for one in kept.history.counters("delivery")}
    assert found == {
        ("hook", "replaced"): 2,
        ("hook", "withdrawn"): 1,
        ("tokens", "replaced"): 2,
        ("tokens", "delivered"): 1,
    }
    assert kept.outbox.backlog() == {}


def test_counts_outlive_the_process(opener):
    first = opener()
    first.history.end_run(
        first.history.begin_run("z", "zerodha"), "issued", None, seconds=1, stages={}
    )
    second = opener()
    second.history.end_run(
        second.history.begin_run("z", "zerodha"), "issued", None, seconds=1, stages={}
    )
    assert first.history.counters("run") == [Counter("z", "", "issued", 2)]
