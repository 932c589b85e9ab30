"""What every store must do, and what the one in SQLite must make of damage. A second database is one more opener below."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kit import MORNING, forms
from pydantic import SecretStr

from autologin.errors import AutologinError, ConfigError, CredentialsRejected, StoreError
from autologin.store import database as database_module
from autologin.store import owner, store
from autologin.store.database import MIGRATIONS
from autologin.store.records import AttemptCount, Run, Tally
from autologin.store.store import LEASE_SECONDS, RUNS_KEPT, STEPS_KEPT, Store
from autologin.token import Token

SECRET = "tok/en+canary=9f8a77"
EXTRA = {"public_token": "public-canary-41", "login_url": "http://localhost/x", "n": 7, "nested": {"a": ["ü"]}}
KEYS = [SecretStr(base64.urlsafe_b64encode(bytes([n]) * 32).decode()) for n in range(3)]
IST = datetime.fromisoformat("2026-11-25T06:00:00+05:30")

OPENERS = {"sqlite": Store.open}
"""folder, clock, keys -> a store"""


@pytest.fixture(params=OPENERS)
def opener(request, tmp_path, clock):
    """Opens the store of the test's folder (or of another one), and closes it in the end."""
    with contextlib.ExitStack() as opened:

        def open_one(keys=(), folder=tmp_path / "state", clock=clock):
            one = OPENERS[request.param](folder, clock, keys)
            opened.callback(one.close)
            return one

        yield open_one


@pytest.fixture
def kept(opener):
    return opener()


def a_token(secret=SECRET, **changes):
    fields = {"issued_at": MORNING, "expires_at": IST, "user_id": "AB1234", "extra": EXTRA}
    return Token(SecretStr(secret), **(fields | changes))


READY = """
import sys, time
from pathlib import Path
from autologin.clock import SystemClock
from autologin.store.store import Store
from cryptography.fernet import Fernet
print("ready", flush=True)
sys.stdin.readline()
"""


def python(code, *words, **options):
    """A process of its own that has imported the store, said so, and waits for a line before it runs `code`."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", READY + code, *map(str, words)], **pipes, **options)


@contextlib.contextmanager
def at_once(code, *words, processes=2):
    """Processes that all begin `code` at the same moment; gives what each of them printed, line by line."""
    running = [python(code, *words) for _ in range(processes)]
    try:
        for process in running:
            assert process.stdout.readline() == "ready\n"
        for process in running:
            process.stdin.write("\n")
            process.stdin.flush()
        yield [process.communicate(timeout=60)[0].splitlines() for process in running]
        assert [process.returncode for process in running] == [0] * processes
    finally:
        for process in running:
            process.kill()
            process.communicate()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def everything_in(folder):
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


# Tokens


def test_a_token_comes_back_as_it_was_put(kept):
    kept.put_token("z", "zerodha", a_token())
    found = kept.token("z")
    assert (found.broker, found.verified_at) == ("zerodha", None)
    assert found.token == a_token()
    assert found.token.access_token.get_secret_value() == SECRET
    assert found.token.expires_at.utcoffset() == timedelta(hours=5.5)


def test_no_token_is_none(kept):
    kept.put_token("z", "zerodha", a_token())
    assert kept.token("other") is None


def test_a_token_outlives_the_process(opener):
    first = opener()
    first.put_token("z", "zerodha", a_token())
    first.close()
    assert opener().token("z").token == a_token()


def test_a_new_token_replaces_the_last_one_and_is_not_yet_verified(kept):
    kept.put_token("z", "zerodha", a_token())
    kept.mark_verified("z")
    kept.put_token("z", "upstox", a_token("another"))
    found = kept.token("z")
    assert (found.broker, found.token.access_token.get_secret_value(), found.verified_at) == ("upstox", "another", None)


def test_when_the_broker_confirmed_a_token_is_kept(kept, clock):
    kept.put_token("z", "zerodha", a_token())
    kept.put_token("y", "zerodha", a_token())
    clock.move(minutes=3)
    kept.mark_verified("z")
    assert kept.token("z").verified_at == MORNING + timedelta(minutes=3)
    assert kept.token("y").verified_at is None


def test_a_dropped_token_is_gone_and_no_other_is(kept):
    kept.put_token("z", "zerodha", a_token())
    kept.put_token("y", "zerodha", a_token("others"))
    kept.drop_token("z")
    assert kept.token("z") is None
    assert kept.token("y").token.access_token.get_secret_value() == "others"


def test_nothing_secret_is_on_disk(opener, tmp_path):
    kept = opener()
    for _ in range(3):
        kept.put_token("z", "zerodha", a_token())
        kept.keep_nonce("z", "nonce-canary-12", SecretStr("verifier-canary"))
    kept.fingerprint("zerodha", "password-canary")
    fingerprint_key = kept._fingerprint_key
    while_open = everything_in(tmp_path)
    assert b"zerodha" in while_open
    kept.close()
    for content in (while_open, everything_in(tmp_path)):
        assert fingerprint_key not in content
        for secret in (SECRET, "public-canary-41", "nonce-canary-12", "verifier-canary", "password-canary"):
            assert not [form for form in forms(secret) if form.encode() in content]


# Keys and rights


def test_everything_is_for_its_owner_alone(opener, tmp_path):
    old = os.umask(0o022)
    try:
        opener().put_token("z", "zerodha", a_token())
    finally:
        os.umask(old)
    folder = tmp_path / "state"
    assert mode(folder) == 0o700
    assert {file.name: mode(file) for file in folder.iterdir()} == dict.fromkeys(
        ("autologin.db", "autologin.db-shm", "autologin.db-wal", "key"), 0o600
    )


def test_a_key_is_made_once(opener, tmp_path):
    opener().close()
    key = (tmp_path / "state/key").read_bytes()
    assert len(base64.urlsafe_b64decode(key)) == 32
    opener().close()
    assert (tmp_path / "state/key").read_bytes() == key


def test_two_stores_have_two_keys(opener, tmp_path):
    opener()
    opener(folder=tmp_path / "other")
    assert (tmp_path / "state/key").read_bytes() != (tmp_path / "other/key").read_bytes()


def test_a_configured_key_leaves_no_key_file(opener, tmp_path):
    opener(KEYS[:1]).put_token("z", "zerodha", a_token())
    assert not (tmp_path / "state/key").exists()
    assert opener(KEYS[:1]).token("z").token == a_token()


def test_another_key_is_an_error_and_not_an_empty_store(opener):
    opener(KEYS[:1]).put_token("z", "zerodha", a_token())
    with pytest.raises(StoreError, match="sealed with another key") as caught:
        opener(KEYS[1:2])
    assert "Put the old key back" in caught.value.hint
    assert opener(KEYS[:1]).token("z").token == a_token()


def test_a_lost_key_file_is_an_error_and_not_an_empty_store(opener, tmp_path):
    opener().put_token("z", "zerodha", a_token())
    (tmp_path / "state/key").unlink()
    with pytest.raises(StoreError, match="sealed with another key"):
        opener()


@pytest.mark.parametrize("content", [b"", b"not a key\n", b"\xff\xfe\x00", b"c2hvcnQ=\n"])
def test_a_damaged_key_file_is_named_with_what_to_do(opener, tmp_path, content):
    opener().put_token("z", "zerodha", a_token())
    file = tmp_path / "state/key"
    file.write_bytes(content)
    with pytest.raises(AutologinError) as caught:
        opener()
    assert str(file) in caught.value.message
    assert "back" in caught.value.message


@pytest.mark.parametrize("key", ["", "secret-canary", "ä" * 43 + "=", KEYS[0].get_secret_value()[:-4]])
def test_a_configured_key_that_is_none_is_a_config_error_that_does_not_hold_it(opener, key):
    with pytest.raises(ConfigError, match=r"state\.keys\.1: is no key") as caught:
        opener([KEYS[0], SecretStr(key)])
    assert "openssl rand" in caught.value.message
    assert not key or key not in caught.value.message


def test_a_rotated_key_opens_what_the_old_one_sealed(opener):
    first = opener(KEYS[:1])
    first.put_token("z", "zerodha", a_token())
    rotated = opener([KEYS[1], KEYS[0]])
    assert rotated.token("z").token == a_token()
    assert rotated.fingerprint("pw") == first.fingerprint("pw")


def test_after_a_run_with_both_the_old_key_can_go(opener):
    first = opener(KEYS[:1])
    first.put_token("z", "zerodha", a_token())
    first.mark_verified("z")
    first.keep_nonce("z", "nonce-canary")
    name = first.fingerprint("pw")
    opener([KEYS[1], KEYS[0]])
    alone = opener(KEYS[1:2])
    assert alone.token("z").token == a_token()
    assert alone.token("z").verified_at == MORNING
    assert alone.nonce("z") == "nonce-canary"
    assert alone.fingerprint("pw") == name
    with pytest.raises(StoreError, match="sealed with another key"):
        opener(KEYS[:1])


# Fingerprints


def test_a_fingerprint_names_exactly_these_parts(kept):
    parts = [("a", "b"), ("b", "a"), ("ab",), ("a", "b", ""), ("a",), ("a", 'b"'), ("a,b",)]
    names = [kept.fingerprint(*part) for part in parts]
    assert len(set(names)) == len(parts)
    assert names == [kept.fingerprint(*part) for part in parts]


def test_a_fingerprint_is_the_same_tomorrow_and_another_elsewhere(opener, tmp_path):
    assert opener().fingerprint("1234") == opener().fingerprint("1234")
    assert opener().fingerprint("1234") != opener(folder=tmp_path / "other").fingerprint("1234")


# Attempts and blocks


def attempted(kept, kind, outcome, account="z", fingerprint="f"):
    attempt = kept.begin_attempt(account, fingerprint, kind)
    if outcome:
        kept.settle_attempt(attempt, outcome)


def test_attempts_are_counted_by_kind_and_answer(kept):
    for kind, outcome, times in (
        ("password", "rejected", 1),
        ("password", "accepted", 4),
        ("password", None, 1),
        ("password", "unclear", 1),
        ("otp", "rejected", 2),
        ("otp", "unclear", 2),
        ("otp", "unanswered", 3),
        ("otp", None, 1),
    ):
        for _ in range(times):
            attempted(kept, kind, outcome)
    assert kept.attempts("z", "f") == AttemptCount(rejected_passwords=1, rejected_otps=2, unsettled=5)


def test_what_the_broker_took_or_never_got_does_not_count(kept):
    attempted(kept, "password", "accepted")
    attempted(kept, "otp", "unanswered")
    assert kept.attempts("z", "f") == AttemptCount()


def test_attempts_with_other_credentials_or_of_other_accounts_do_not_count(kept):
    attempted(kept, "password", "rejected", fingerprint="old")
    attempted(kept, "password", "rejected", account="y")
    assert kept.attempts("z", "f") == AttemptCount()
    assert kept.attempts("z", "old") == AttemptCount(rejected_passwords=1)


def test_an_attempt_is_on_disk_before_its_answer(opener):
    opener().begin_attempt("z", "f", "password")
    assert opener().attempts("z", "f") == AttemptCount(unsettled=1)


def test_a_login_that_worked_clears_the_attempts_of_its_account_alone(kept):
    for account in "zy":
        attempted(kept, "otp", "rejected", account=account)
    kept.clear_attempts("z")
    assert kept.attempts("z", "f") == AttemptCount()
    assert kept.attempts("y", "f") == AttemptCount(rejected_otps=1)


def test_a_block_holds_for_the_credentials_that_were_refused(opener, clock):
    opener().block("z", "f", "credentials_rejected", "Invalid password")
    clock.move(hours=40)
    kept = opener()
    for fingerprint in ("f", None):
        block = kept.blocked("z", fingerprint)
        assert (block.at, block.error, block.message) == (MORNING, "credentials_rejected", "Invalid password")
    assert kept.blocked("z", "changed") is None
    assert kept.blocked("y", "f") is None
    assert kept.blocked("y") is None


def test_a_later_block_replaces_the_first(kept):
    kept.block("z", "f", "otp_rejected", "one")
    kept.block("z", "g", "account_locked", "two")
    assert kept.blocked("z", "f") is None
    assert kept.blocked("z", "g").message == "two"


def test_unblocking_lifts_the_block_and_forgets_the_attempts(kept):
    attempted(kept, "password", "rejected")
    kept.block("z", "f", "credentials_rejected", "no")
    kept.block("y", "f", "credentials_rejected", "no")
    assert kept.unblock("z") is True
    assert kept.blocked("z") is None
    assert kept.attempts("z", "f") == AttemptCount()
    assert kept.blocked("y", "f") is not None
    assert kept.unblock("z") is False


@pytest.mark.parametrize(
    ("outcome", "something"), [(None, True), ("rejected", True), ("unclear", True), ("accepted", False), ("unanswered", False)]
)
def test_unblocking_says_whether_there_was_anything_to_lift(kept, outcome, something):
    attempted(kept, "otp", outcome)
    assert kept.unblock("z") is something
    assert kept.attempts("z", "f") == AttemptCount()


# One-time passwords


def test_a_time_step_is_granted_once_for_each_seed(opener):
    one, other = opener(), opener()
    assert one.claim_otp_step("seed", 7) is True
    assert one.claim_otp_step("seed", 7) is False
    assert other.claim_otp_step("seed", 7) is False
    assert other.claim_otp_step("seed", 8) is True
    assert other.claim_otp_step("another", 7) is True


def test_a_day_of_steps_is_remembered_and_no_more(kept):
    steps = range(1000, 1000 + STEPS_KEPT + 5)
    assert all(kept.claim_otp_step("seed", step) for step in steps)
    assert not any(kept.claim_otp_step("seed", step) for step in steps[-STEPS_KEPT:])
    assert kept._database.one("SELECT count(*) FROM otp_steps") == (STEPS_KEPT + 1,)


CLAIMS = """
store = Store.open(Path(sys.argv[1]), SystemClock())
for step in range(200):
    if store.claim_otp_step("seed", step):
        print(step)
"""


def test_of_two_processes_at_once_exactly_one_gets_each_step(opener, tmp_path):
    opener().close()
    with at_once(CLAIMS, tmp_path / "state") as granted:
        steps = sorted(int(step) for lines in granted for step in lines)
    assert steps == list(range(200))


# Leases


def test_only_one_holds_a_lease(opener):
    one, other = opener(), opener()
    lease = one.acquire_lease("z")
    assert lease.account == "z"
    assert one.acquire_lease("z") is None
    assert other.acquire_lease("z") is None
    assert other.acquire_lease("y") is not None


def test_a_released_lease_is_free(opener):
    one, other = opener(), opener()
    one.release_lease(one.acquire_lease("z"))
    assert other.acquire_lease("z") is not None


def test_a_lease_that_is_not_renewed_runs_out(opener, clock):
    one, other = opener(), opener()
    one.acquire_lease("z")
    clock.move(seconds=LEASE_SECONDS - 0.001)
    assert other.acquire_lease("z") is None
    clock.move(seconds=0.001)
    assert other.acquire_lease("z") is not None


def test_a_renewed_lease_does_not(opener, clock):
    one, other = opener(), opener()
    lease = one.acquire_lease("z")
    clock.move(seconds=LEASE_SECONDS - 1)
    one.renew_lease(lease)
    clock.move(seconds=LEASE_SECONDS - 1)
    assert other.acquire_lease("z") is None


def test_whoever_lost_a_lease_can_neither_release_nor_renew_the_next_ones(opener, clock):
    one, other = opener(), opener()
    lost = one.acquire_lease("z")
    clock.move(seconds=LEASE_SECONDS)
    assert other.acquire_lease("z") is not None
    clock.move(seconds=LEASE_SECONDS / 2)
    one.release_lease(lost)
    one.renew_lease(lost)
    assert one.acquire_lease("z") is None
    clock.move(seconds=LEASE_SECONDS / 2)
    assert one.acquire_lease("z") is not None


def test_the_lease_of_another_machine_is_honoured_until_it_runs_out(opener, clock, monkeypatch):
    here, there = opener(), opener()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(owner, "_world", lambda: "another boot/another container")
        there.acquire_lease("z")
    assert here.acquire_lease("z") is None
    clock.move(seconds=LEASE_SECONDS)
    assert here.acquire_lease("z") is not None


HOLDS = """
lease = Store.open(Path(sys.argv[1]), SystemClock()).acquire_lease("z")
print(lease.owner, flush=True)
sys.stdin.readline()
"""


@contextlib.contextmanager
def a_holder(folder):
    """A process that holds the lease of z, as long as nobody kills it."""
    process = python(HOLDS, folder)
    try:
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("\n")
        process.stdin.flush()
        assert str(process.pid) in process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_dead_owners_lease_is_taken_at_once(opener, tmp_path, clock):
    kept = opener()
    clock.wall = datetime.now(UTC)
    with a_holder(tmp_path / "state") as process:
        assert kept.acquire_lease("z") is None
        process.kill()
        process.wait()
        assert kept.acquire_lease("z") is not None


def test_an_owner_that_is_dead_but_not_buried_is_dead(opener, tmp_path, clock):
    kept = opener()
    clock.wall = datetime.now(UTC)
    with a_holder(tmp_path / "state") as process:
        process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert Path(f"/proc/{process.pid}").exists()
        assert kept.acquire_lease("z") is not None


def test_a_stopped_owner_is_alive(opener, tmp_path, clock):
    kept = opener()
    clock.wall = datetime.now(UTC)
    with a_holder(tmp_path / "state") as process:
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        assert kept.acquire_lease("z") is None


def test_a_later_process_with_the_owners_number_is_not_the_owner():
    world, pid, started, nonce = owner.me("n").split("|")
    assert owner.alive(f"{world}|{pid}|{started}|{nonce}")
    assert not owner.alive(f"{world}|{pid}|{int(started) - 1}|{nonce}")


def test_a_process_of_another_user_can_be_an_owner(monkeypatch):
    def forbidden(_pid, _signal):
        raise PermissionError

    monkeypatch.setattr(os, "kill", forbidden)
    assert owner.alive(owner.me("n"))


def test_two_leases_of_one_process_have_two_names(kept, clock):
    first = kept.acquire_lease("z")
    clock.move(seconds=LEASE_SECONDS)
    assert kept.acquire_lease("z") != first


LEASES = """
store = Store.open(Path(sys.argv[1]), SystemClock())
for turn in range(60):
    while not (lease := store.acquire_lease("z")):
        pass
    print("in", time.monotonic_ns())
    print("out", time.monotonic_ns())
    store.release_lease(lease)
"""


def test_two_processes_never_hold_a_lease_at_once(opener, tmp_path):
    opener().close()
    with at_once(LEASES, tmp_path / "state") as told:
        events = sorted((int(at), word) for lines in told for word, at in map(str.split, lines))
    assert [word for _, word in events] == ["in", "out"] * 120


# Together


def test_two_stores_of_one_folder_see_each_others_writes(opener):
    one, other = opener(), opener()
    one.put_token("z", "zerodha", a_token())
    assert other.token("z").token == a_token()
    other.drop_token("z")
    assert one.token("z") is None


OPENS = """
store = Store.open(Path(sys.argv[1]), SystemClock())
print(store.fingerprint("x"))
"""


def test_processes_that_open_a_new_folder_at_once_get_one_store(tmp_path):
    with at_once(OPENS, tmp_path / "state", processes=5) as detail:
        names = {name for lines in detail for name in lines}
    assert len(names) == 1
    assert sorted(file.name for file in (tmp_path / "state").iterdir()) == ["autologin.db", "key"]


# History


def test_a_run_is_history_from_its_beginning_to_its_end(kept, clock):
    run = kept.begin_run("z", "zerodha")
    assert kept.runs("z") == [Run("z", "zerodha", MORNING, None, None, None, None, {})]
    clock.move(seconds=9)
    error = CredentialsRejected("Invalid password")
    error.stage = "login"
    kept.end_run(run, "failed", error, seconds=9.00049, stages={"config": 0.12345, "login": 8})
    (found,) = kept.runs("z")
    assert found.message == error.message
    assert "login: Invalid password." in found.message
    assert (found.outcome, found.error, found.seconds) == ("failed", "credentials_rejected", 9.0)
    assert found.stages == {"config": 0.123, "login": 8}
    assert found.began == MORNING


def test_a_run_without_an_error(kept):
    kept.end_run(kept.begin_run("z", "zerodha"), "issued", None, seconds=1, stages={})
    (found,) = kept.runs("z")
    assert (found.outcome, found.error, found.message) == ("issued", None, None)


def test_history_begins_with_the_newest_and_is_of_one_account(kept, clock):
    for account in "zyzyz":
        kept.begin_run(account, "zerodha")
        clock.move(minutes=1)
    assert [run.began.minute for run in kept.runs("z", newest=9)] == [49, 47, 45]
    assert [run.began.minute for run in kept.runs("z", newest=2)] == [49, 47]
    assert kept.runs("nobody") == []


def test_only_the_newest_runs_of_an_account_are_kept(kept, clock, monkeypatch):
    monkeypatch.setattr(store, "RUNS_KEPT", 5)
    for _ in range(8):
        kept.begin_run("z", "zerodha")
        clock.move(minutes=1)
    assert [run.began.minute for run in kept.runs("z", newest=99)] == [52, 51, 50, 49, 48]


def test_a_busy_account_does_not_cost_another_its_history(kept, monkeypatch):
    monkeypatch.setattr(store, "RUNS_KEPT", 5)
    for _ in range(3):
        kept.begin_run("y", "zerodha")
    for _ in range(20):
        kept.begin_run("z", "zerodha")
    kept.begin_run("y", "zerodha")
    assert len(kept.runs("y", newest=99)) == 4
    assert len(kept.runs("z", newest=99)) == 5


def test_more_than_a_year_of_trading_days_is_kept():
    assert RUNS_KEPT > 250


# Counts


def test_runs_are_counted_by_how_they_ended_and_no_pruning_lowers_it(kept, monkeypatch):
    monkeypatch.setattr(store, "RUNS_KEPT", 2)
    for _ in range(5):
        kept.end_run(kept.begin_run("z", "zerodha"), "issued", None, seconds=1, stages={})
    kept.end_run(kept.begin_run("z", "zerodha"), "failed", CredentialsRejected("no"), seconds=1, stages={})
    kept.begin_run("z", "zerodha")
    assert kept.tallies.of("run") == [Tally("z", "", "issued", 5), Tally("z", "credentials_rejected", "failed", 1)]
    assert kept.tallies.of("delivery") == []


def test_deliveries_are_counted_by_what_became_of_them(kept, clock):
    for secret in ("first-token", "second-token", "third-token"):
        kept.put_token("z", "zerodha", a_token(secret, issued_at=clock.now()), ["tokens", "hook"])
        clock.move(minutes=5)
    assert kept.outbox.backlog() == {"hook": 1, "tokens": 1}
    (parcel,) = kept.outbox.claim("tokens", 9)
    kept.outbox.failed(parcel, "no route", 1)
    clock.move(minutes=1)
    (parcel,) = kept.outbox.claim("tokens", 9)
    kept.outbox.delivered(parcel)
    kept.drop_token("z")
    assert kept.tallies.of("failed_try") == [Tally("z", "tokens", "failed", 1)]
    found = {(one.kind, one.outcome): one.number for one in kept.tallies.of("delivery")}
    assert found == {
        ("hook", "replaced"): 2,
        ("hook", "withdrawn"): 1,
        ("tokens", "replaced"): 2,
        ("tokens", "delivered"): 1,
    }
    assert kept.outbox.backlog() == {}


def test_counts_outlive_the_process(opener):
    first = opener()
    first.end_run(first.begin_run("z", "zerodha"), "issued", None, seconds=1, stages={})
    second = opener()
    second.end_run(second.begin_run("z", "zerodha"), "issued", None, seconds=1, stages={})
    assert first.tallies.of("run") == [Tally("z", "", "issued", 2)]


# Logins by hand


def test_a_nonce_is_kept_until_it_is_dropped(opener):
    opener().keep_nonce("z", "one")
    kept = opener()
    kept.keep_nonce("z", "two")
    assert kept.nonce("z") == "two"
    assert kept.nonce("y") is None
    kept.drop_nonce("z")
    assert kept.nonce("z") is None


def test_a_verifier_is_kept_beside_the_nonce_until_both_are_dropped(opener):
    opener().keep_nonce("z", "one", SecretStr("the verifier"))
    kept = opener()
    assert (kept.nonce("z"), kept.verifier("z").get_secret_value()) == ("one", "the verifier")
    kept.keep_nonce("z", "", SecretStr("alone"))
    assert (kept.nonce("z"), kept.verifier("z").get_secret_value()) == (None, "alone")
    kept.keep_nonce("z", "two")
    assert (kept.nonce("z"), kept.verifier("z")) == ("two", None)
    kept.drop_nonce("z")
    assert (kept.nonce("z"), kept.verifier("z")) == (None, None)


def test_a_nonce_does_not_disturb_the_stores_own_key(opener):
    kept = opener()
    name = kept.fingerprint("x")
    kept.keep_nonce("fingerprint", "nonce")
    kept.drop_nonce("fingerprint")
    assert opener().fingerprint("x") == name


# The database's version


def version(file):
    with contextlib.closing(sqlite3.connect(file)) as database:
        return database.execute("PRAGMA user_version").fetchone()[0]


def made_by(folder, steps):
    """The database that an autologin with only the first migrations has left."""
    folder.mkdir(mode=0o700)
    with contextlib.closing(sqlite3.connect(folder / database_module.FILE)) as database:
        database.executescript(";".join(MIGRATIONS[:steps]) + f"; PRAGMA user_version = {steps}")


def schema(file):
    with contextlib.closing(sqlite3.connect(file)) as database:
        return database.execute("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()


def test_a_new_database_is_of_the_newest_version(opener, tmp_path):
    opener()
    assert version(tmp_path / "state" / database_module.FILE) == len(MIGRATIONS)


@pytest.mark.parametrize("steps", range(len(MIGRATIONS) + 1))
def test_a_database_of_each_earlier_version_becomes_the_newest(opener, tmp_path, steps):
    made_by(tmp_path / "state", steps)
    kept = opener()
    kept.put_token("z", "zerodha", a_token())
    assert kept.token("z").token == a_token()
    opener(folder=tmp_path / "new")
    assert version(tmp_path / "state" / database_module.FILE) == len(MIGRATIONS)
    assert schema(tmp_path / "state" / database_module.FILE) == schema(tmp_path / "new" / store.FILE)


def test_a_migration_leaves_what_was_there(opener, tmp_path, monkeypatch):
    opener().put_token("z", "zerodha", a_token())
    monkeypatch.setattr(database_module, "MIGRATIONS", (*MIGRATIONS, "ALTER TABLE tokens ADD COLUMN note TEXT;"))
    assert opener().token("z").token == a_token()
    assert version(tmp_path / "state" / database_module.FILE) == len(MIGRATIONS) + 1


def test_a_migration_that_fails_changes_nothing(opener, tmp_path, monkeypatch):
    opener().put_token("z", "zerodha", a_token())
    file = tmp_path / "state" / database_module.FILE
    before = schema(file)
    with monkeypatch.context() as broken:
        broken.setattr(database_module, "MIGRATIONS", (*MIGRATIONS, "DROP TABLE runs; CREATE TABLE tokens (x) STRICT;"))
        with pytest.raises(StoreError):
            opener()
    assert schema(file) == before
    assert version(file) == len(MIGRATIONS)
    assert opener().token("z").token == a_token()


def test_a_database_of_a_newer_autologin_is_refused_and_left_alone(opener, tmp_path):
    opener().put_token("z", "zerodha", a_token())
    file = tmp_path / "state" / database_module.FILE
    newer = len(MIGRATIONS) + 1
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute(f"PRAGMA user_version = {newer}")
    with pytest.raises(StoreError, match=f"of version {newer}, and this autologin knows only {len(MIGRATIONS)}") as caught:
        opener()
    assert "Install the newer autologin again" in caught.value.hint
    assert version(file) == newer


# Damage


def test_a_file_that_is_no_database_is_named_with_what_to_do(opener, tmp_path):
    opener().close()
    file = tmp_path / "state" / database_module.FILE
    file.write_bytes(b"accounts: {}\n" * 100)
    with pytest.raises(StoreError, match="damaged") as caught:
        opener()
    assert f"Move {database_module.FILE} in the state folder away" in caught.value.hint
    file.unlink()
    assert opener().token("z") is None


def test_moving_a_damaged_file_away_is_enough_even_beside_its_leftovers(opener, tmp_path):
    kept = opener()
    kept.put_token("z", "zerodha", a_token())
    folder = tmp_path / "state"
    left = {name: (folder / name).read_bytes() for name in ("autologin.db-wal", "autologin.db-shm")}
    kept.close()
    (folder / database_module.FILE).unlink()
    for name, content in left.items():
        (folder / name).write_bytes(content)
    fresh = opener()
    assert fresh.token("z") is None
    fresh.put_token("z", "zerodha", a_token("new"))
    assert opener().token("z").token.access_token.get_secret_value() == "new"


def test_a_damaged_page_is_a_store_error(opener, tmp_path):
    kept = opener()
    for number in range(200):
        kept.put_token(f"account-{number}", "zerodha", a_token())
    kept.close()
    file = tmp_path / "state" / database_module.FILE
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(StoreError, match="damaged") as caught:
        opener().token("account-7")
    assert "Move" in caught.value.hint


def test_a_damaged_seal_is_a_store_error(kept):
    kept.put_token("z", "zerodha", a_token())
    kept._database.do("UPDATE tokens SET sealed = ?", b"\0garbage")
    with pytest.raises(StoreError):
        kept.token("z")


def test_a_folder_below_a_file_cannot_be_used(opener, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"state\.path: .*/file/state cannot be used") as caught:
        opener(folder=tmp_path / "file/state")
    assert "name another folder" in caught.value.message


def test_a_folder_that_is_a_file_cannot_be_used(opener, tmp_path):
    (tmp_path / "state").touch()
    with pytest.raises(ConfigError, match=r"state\.path: .*/state cannot be used"):
        opener()


def test_a_database_that_is_a_folder_cannot_be_used(opener, tmp_path):
    (tmp_path / "state" / database_module.FILE).mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"state\.path: .*/state cannot be used"):
        opener()


@pytest.mark.parametrize("words", ["attempt to write a readonly database", "unable to open database file"])
def test_a_database_that_may_not_be_written_is_the_folders_fault(opener, monkeypatch, words):
    def refused(*_words, **_options):
        raise sqlite3.OperationalError(words)

    monkeypatch.setattr(sqlite3, "connect", refused)
    with pytest.raises(ConfigError, match=rf"state\.path: .*/state cannot be used: {words}") as caught:
        opener()
    assert "Let the user that runs autologin write there" in caught.value.message


def test_a_database_that_becomes_read_only_is_a_store_error(kept):
    kept._database.connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError, match="readonly") as caught:
        kept.begin_attempt("z", "f", "password")
    assert "rights of the state folder" in caught.value.hint


def test_a_full_disk_is_told_and_loses_nothing(opener):
    kept = opener()
    kept.put_token("z", "zerodha", a_token())
    kept._database.connection.execute("PRAGMA max_page_count = 1")
    big = a_token(extra={"bundle": ["x"] * 30_000})
    with pytest.raises(StoreError, match="full") as caught:
        kept.put_token("z", "zerodha", big)
    assert caught.value.hint == "Free some space."
    with pytest.raises(StoreError, match="full"):
        kept.block("z", "f", "otp_rejected", "x" * 100_000)
    assert kept.token("z").token == a_token()
    kept._database.connection.execute("PRAGMA max_page_count = 1000000")
    kept.put_token("z", "zerodha", big)
    assert opener().token("z").token == big


OUT_OF_SPACE = """
import resource, signal
from autologin.errors import AutologinError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    Store.open(Path(sys.argv[1]), SystemClock()).close()
except AutologinError as error:
    print(type(error).__name__, bool(error.detail), len(error.message) > 40)
"""


@pytest.mark.parametrize(("most", "error"), [(0, "ConfigError"), (100, "StoreError"), (20_000, "StoreError")])
def test_no_room_for_a_new_store_is_told_and_leaves_nothing_in_the_way(opener, tmp_path, most, error):
    with at_once(OUT_OF_SPACE, tmp_path / "state", most, processes=1) as detail:
        assert detail == [[f"{error} True True"]]
    kept = opener()
    kept.put_token("z", "zerodha", a_token())
    assert kept.token("z").token == a_token()
    assert sorted(path.name for path in (tmp_path / "state").iterdir() if path.name.startswith((".", "key"))) == ["key"]


def test_a_closed_store_says_so_as_a_store_error(opener):
    kept = opener()
    kept.close()
    with pytest.raises(StoreError, match="closed"):
        kept.token("z")


def test_a_store_that_cannot_be_opened_lets_go_of_its_file(opener, tmp_path):
    opener().close()
    file = tmp_path / "state" / database_module.FILE
    file.write_bytes(b"no database " * 100)
    for _ in range(3):
        with pytest.raises(StoreError):
            opener()
    held = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert str(file) not in held


async def test_a_write_that_waits_for_another_process_gets_through(opener, tmp_path):
    kept = opener()
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / database_module.FILE, check_same_thread=False)) as database:
        database.isolation_level = None
        database.execute("BEGIN IMMEDIATE")
        asyncio.get_running_loop().run_in_executor(None, lambda: database.execute("COMMIT"))
        kept.put_token("z", "zerodha", a_token())
    assert kept.token("z").token == a_token()
