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
from autologin.store import history, leases
from autologin.store.attempts import STEPS_KEPT
from autologin.store.database import MIGRATIONS
from autologin.store.history import RUNS_KEPT
from autologin.store.leases import LEASE_SECONDS
from autologin.store.records import AttemptCount, Counter, Run
from autologin.store.store import Store
from autologin.token import Token

SECRET = "tok/en+canary=9f8a77"
EXTRA = {"public_token": "public-canary-41", "login_url": "http://localhost/x", "n": 7, "nested": {"a": ["ü"]}}
KEYS = [SecretStr(base64.urlsafe_b64encode(bytes([n]) * 32).decode()) for n in range(3)]
IST = datetime.fromisoformat("2026-11-25T06:00:00+05:30")
COUNTERS_WERE_TALLIES = 6
"""The last version of the database in which the counters stood in another table."""

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
    kept.tokens.save("z", "zerodha", a_token())
    found = kept.tokens.get("z")
    assert (found.broker, found.verified_at) == ("zerodha", None)
    assert found.token == a_token()
    assert found.token.access_token.get_secret_value() == SECRET
    assert found.token.expires_at.utcoffset() == timedelta(hours=5.5)


def test_no_token_is_none(kept):
    kept.tokens.save("z", "zerodha", a_token())
    assert kept.tokens.get("other") is None


def test_a_token_outlives_the_process(opener):
    first = opener()
    first.tokens.save("z", "zerodha", a_token())
    first.close()
    assert opener().tokens.get("z").token == a_token()


def test_a_new_token_replaces_the_last_one_and_is_not_yet_verified(kept):
    kept.tokens.save("z", "zerodha", a_token())
    kept.tokens.mark_verified("z")
    kept.tokens.save("z", "upstox", a_token("another"))
    found = kept.tokens.get("z")
    assert (found.broker, found.token.access_token.get_secret_value(), found.verified_at) == ("upstox", "another", None)


def test_when_the_broker_confirmed_a_token_is_kept(kept, clock):
    kept.tokens.save("z", "zerodha", a_token())
    kept.tokens.save("y", "zerodha", a_token())
    clock.move(minutes=3)
    kept.tokens.mark_verified("z")
    assert kept.tokens.get("z").verified_at == MORNING + timedelta(minutes=3)
    assert kept.tokens.get("y").verified_at is None


def test_a_dropped_token_is_gone_and_no_other_is(kept):
    kept.tokens.save("z", "zerodha", a_token())
    kept.tokens.save("y", "zerodha", a_token("others"))
    kept.tokens.drop("z")
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
    kept.tokens.save("z", "zerodha", a_token(), ["tokens", "hook"])
    assert outstanding(kept) == []
    kept.outbox.release("z")
    assert deliver(kept).token == deliver(kept, "hook").token == a_token()
    assert kept.outbox.outstanding() == []


def test_a_user_that_only_the_verification_tells_completes_the_token_and_its_message(kept):
    kept.tokens.save("z", "zerodha", a_token(user_id=""), ["tokens", "hook"])
    kept.tokens.save("y", "zerodha", a_token("others", user_id=""), ["tokens"])
    kept.tokens.set_user_id("z", "AB1234")
    kept.tokens.mark_verified("z")
    kept.outbox.release("z")
    stored = kept.tokens.get("z")
    assert (stored.token, stored.verified_at) == (a_token(), MORNING)
    assert kept.tokens.get("y").token.user_id == ""
    assert deliver(kept).token == deliver(kept, "hook").token == a_token()
    assert {one.outcome for one in kept.history.counters("delivery")} == {"delivered"}


def test_a_dropped_token_cannot_be_completed_or_repeated(kept):
    kept.tokens.save("z", "zerodha", a_token(user_id=""), ["tokens"])
    kept.tokens.drop("z")
    kept.tokens.set_user_id("z", "AB1234")
    kept.tokens.repeat("z", ["tokens"])
    kept.outbox.release("z")
    assert kept.tokens.get("z") is None
    assert kept.outbox.outstanding() == []


def test_a_token_that_is_still_valid_goes_to_sinks_that_have_not_got_it(kept):
    kept.tokens.save("z", "zerodha", a_token(), ["tokens", "hook"])
    kept.outbox.release("z")
    first = deliver(kept)
    deliver(kept, "hook")
    kept.tokens.repeat("z", ["tokens", "hook", "new"], again=["tokens"])
    assert [message.token for message in outstanding(kept)] == [a_token()]
    assert outstanding(kept)[0].id != first.id
    assert outstanding(kept, "hook") == []
    assert [message.token for message in outstanding(kept, "new")] == [a_token()]


def test_a_token_that_is_still_valid_is_tried_at_once_and_not_queued_twice(kept):
    kept.tokens.save("z", "zerodha", a_token(), ["tokens"])
    kept.tokens.save("y", "zerodha", a_token(), ["tokens"])
    for account in "zy":
        kept.outbox.release(account)
        (claim,) = kept.outbox.claim("tokens", 9, account)
        kept.outbox.mark_failed(claim, "no route", 600)
    assert outstanding(kept) == []
    kept.tokens.repeat("z", ["tokens"], again=["tokens"])
    assert [message.account for message in outstanding(kept)] == ["z"]
    assert kept.outbox.backlog() == {"tokens": 2}


def test_the_held_token_of_a_run_that_died_goes_with_the_next_run(kept):
    kept.tokens.save("z", "zerodha", a_token(), ["tokens"])
    kept.tokens.repeat("z", ["tokens"])
    assert deliver(kept).token == a_token()


# On disk


def test_nothing_secret_is_on_disk(opener, tmp_path):
    kept = opener()
    for _ in range(3):
        kept.tokens.save("z", "zerodha", a_token())
        kept.attempts.save_manual_login("z", "nonce-canary-12", SecretStr("verifier-canary"))
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
        opener().tokens.save("z", "zerodha", a_token())
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
    opener(KEYS[:1]).tokens.save("z", "zerodha", a_token())
    assert not (tmp_path / "state/key").exists()
    assert opener(KEYS[:1]).tokens.get("z").token == a_token()


def test_another_key_is_an_error_and_not_an_empty_store(opener):
    opener(KEYS[:1]).tokens.save("z", "zerodha", a_token())
    with pytest.raises(StoreError, match="encrypted with another key") as caught:
        opener(KEYS[1:2])
    assert "Put the old key back" in caught.value.hint
    assert opener(KEYS[:1]).tokens.get("z").token == a_token()


def test_a_lost_key_file_is_an_error_and_not_an_empty_store(opener, tmp_path):
    opener().tokens.save("z", "zerodha", a_token())
    (tmp_path / "state/key").unlink()
    with pytest.raises(StoreError, match="encrypted with another key"):
        opener()


@pytest.mark.parametrize("content", [b"", b"not a key\n", b"\xff\xfe\x00", b"c2hvcnQ=\n"])
def test_a_damaged_key_file_is_named_with_what_to_do(opener, tmp_path, content):
    opener().tokens.save("z", "zerodha", a_token())
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
    first.tokens.save("z", "zerodha", a_token())
    rotated = opener([KEYS[1], KEYS[0]])
    assert rotated.tokens.get("z").token == a_token()
    assert rotated.fingerprint("pw") == first.fingerprint("pw")


def test_after_a_run_with_both_the_old_key_can_go(opener):
    first = opener(KEYS[:1])
    first.tokens.save("z", "zerodha", a_token())
    first.tokens.mark_verified("z")
    first.attempts.save_manual_login("z", "nonce-canary", None)
    name = first.fingerprint("pw")
    opener([KEYS[1], KEYS[0]])
    alone = opener(KEYS[1:2])
    assert alone.tokens.get("z").token == a_token()
    assert alone.tokens.get("z").verified_at == MORNING
    assert alone.attempts.manual_login("z").nonce == "nonce-canary"
    assert alone.fingerprint("pw") == name
    with pytest.raises(StoreError, match="encrypted with another key"):
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
    attempt = kept.attempts.begin(account, fingerprint, kind)
    if outcome:
        kept.attempts.settle(attempt, outcome)


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
    assert kept.attempts.count("z", "f") == AttemptCount(rejected_passwords=1, rejected_otps=2, unsettled=5)


def test_what_the_broker_took_or_never_got_does_not_count(kept):
    attempted(kept, "password", "accepted")
    attempted(kept, "otp", "unanswered")
    assert kept.attempts.count("z", "f") == AttemptCount()


def test_attempts_with_other_credentials_or_of_other_accounts_do_not_count(kept):
    attempted(kept, "password", "rejected", fingerprint="old")
    attempted(kept, "password", "rejected", account="y")
    assert kept.attempts.count("z", "f") == AttemptCount()
    assert kept.attempts.count("z", "old") == AttemptCount(rejected_passwords=1)


def test_an_attempt_is_on_disk_before_its_answer(opener):
    opener().attempts.begin("z", "f", "password")
    assert opener().attempts.count("z", "f") == AttemptCount(unsettled=1)


def test_a_login_that_worked_clears_the_attempts_of_its_account_alone(kept):
    for account in "zy":
        attempted(kept, "otp", "rejected", account=account)
    kept.attempts.clear("z")
    assert kept.attempts.count("z", "f") == AttemptCount()
    assert kept.attempts.count("y", "f") == AttemptCount(rejected_otps=1)


def test_a_block_holds_for_the_credentials_that_were_refused(opener, clock):
    opener().attempts.block("z", "f", "credentials_rejected", "Invalid password")
    clock.move(hours=40)
    kept = opener()
    for fingerprint in ("f", None):
        block = kept.attempts.find_block("z", fingerprint)
        assert (block.at, block.error, block.message) == (MORNING, "credentials_rejected", "Invalid password")
    assert kept.attempts.find_block("z", "changed") is None
    assert kept.attempts.find_block("y", "f") is None
    assert kept.attempts.find_block("y") is None


def test_a_later_block_replaces_the_first(kept):
    kept.attempts.block("z", "f", "otp_rejected", "one")
    kept.attempts.block("z", "g", "account_locked", "two")
    assert kept.attempts.find_block("z", "f") is None
    assert kept.attempts.find_block("z", "g").message == "two"


def test_unblocking_lifts_the_block_and_forgets_the_attempts(kept):
    attempted(kept, "password", "rejected")
    kept.attempts.block("z", "f", "credentials_rejected", "no")
    kept.attempts.block("y", "f", "credentials_rejected", "no")
    assert kept.attempts.unblock("z") is True
    assert kept.attempts.find_block("z") is None
    assert kept.attempts.count("z", "f") == AttemptCount()
    assert kept.attempts.find_block("y", "f") is not None
    assert kept.attempts.unblock("z") is False


@pytest.mark.parametrize(
    ("outcome", "something"), [(None, True), ("rejected", True), ("unclear", True), ("accepted", False), ("unanswered", False)]
)
def test_unblocking_says_whether_there_was_anything_to_lift(kept, outcome, something):
    attempted(kept, "otp", outcome)
    assert kept.attempts.unblock("z") is something
    assert kept.attempts.count("z", "f") == AttemptCount()


# One-time passwords


def test_a_time_step_is_granted_once_for_each_seed(opener):
    one, other = opener(), opener()
    assert one.attempts.claim_otp_step("seed", 7) is True
    assert one.attempts.claim_otp_step("seed", 7) is False
    assert other.attempts.claim_otp_step("seed", 7) is False
    assert other.attempts.claim_otp_step("seed", 8) is True
    assert other.attempts.claim_otp_step("another", 7) is True


def test_a_day_of_steps_is_remembered_and_no_more(kept):
    steps = range(1000, 1000 + STEPS_KEPT + 5)
    assert all(kept.attempts.claim_otp_step("seed", step) for step in steps)
    assert not any(kept.attempts.claim_otp_step("seed", step) for step in steps[-STEPS_KEPT:])
    assert kept._database.fetch_one("SELECT count(*) FROM otp_steps") == (STEPS_KEPT + 1,)


CLAIMS = """
store = Store.open(Path(sys.argv[1]), SystemClock())
for step in range(200):
    if store.attempts.claim_otp_step("seed", step):
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
    lease = one.leases.acquire("z")
    assert lease.account == "z"
    assert one.leases.acquire("z") is None
    assert other.leases.acquire("z") is None
    assert other.leases.acquire("y") is not None


def test_a_released_lease_is_free(opener):
    one, other = opener(), opener()
    one.leases.release(one.leases.acquire("z"))
    assert other.leases.acquire("z") is not None


def test_a_lease_that_is_not_renewed_runs_out(opener, clock):
    one, other = opener(), opener()
    one.leases.acquire("z")
    clock.move(seconds=LEASE_SECONDS - 0.001)
    assert other.leases.acquire("z") is None
    clock.move(seconds=0.001)
    assert other.leases.acquire("z") is not None


def test_a_renewed_lease_does_not(opener, clock):
    one, other = opener(), opener()
    lease = one.leases.acquire("z")
    clock.move(seconds=LEASE_SECONDS - 1)
    one.leases.renew(lease)
    clock.move(seconds=LEASE_SECONDS - 1)
    assert other.leases.acquire("z") is None


def test_whoever_lost_a_lease_can_neither_release_nor_renew_the_next_ones(opener, clock):
    one, other = opener(), opener()
    lost = one.leases.acquire("z")
    clock.move(seconds=LEASE_SECONDS)
    assert other.leases.acquire("z") is not None
    clock.move(seconds=LEASE_SECONDS / 2)
    one.leases.release(lost)
    one.leases.renew(lost)
    assert one.leases.acquire("z") is None
    clock.move(seconds=LEASE_SECONDS / 2)
    assert one.leases.acquire("z") is not None


def test_the_lease_of_another_machine_is_honoured_until_it_runs_out(opener, clock, monkeypatch):
    here, there = opener(), opener()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(leases, "_pid_namespace", lambda: "another boot/another container")
        there.leases.acquire("z")
    assert here.leases.acquire("z") is None
    clock.move(seconds=LEASE_SECONDS)
    assert here.leases.acquire("z") is not None


HOLDS = """
lease = Store.open(Path(sys.argv[1]), SystemClock()).leases.acquire("z")
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
        assert kept.leases.acquire("z") is None
        process.kill()
        process.wait()
        assert kept.leases.acquire("z") is not None


def test_an_owner_that_is_dead_but_not_buried_is_dead(opener, tmp_path, clock):
    kept = opener()
    clock.wall = datetime.now(UTC)
    with a_holder(tmp_path / "state") as process:
        process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert Path(f"/proc/{process.pid}").exists()
        assert kept.leases.acquire("z") is not None


def test_a_stopped_owner_is_alive(opener, tmp_path, clock):
    kept = opener()
    clock.wall = datetime.now(UTC)
    with a_holder(tmp_path / "state") as process:
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        assert kept.leases.acquire("z") is None


def test_a_later_process_with_the_owners_number_is_not_the_owner():
    world, pid, started, nonce = leases.new_owner().split("|")
    assert leases.is_alive(f"{world}|{pid}|{started}|{nonce}")
    assert not leases.is_alive(f"{world}|{pid}|{int(started) - 1}|{nonce}")


def test_a_process_of_another_user_can_be_an_owner(monkeypatch):
    def forbidden(_pid, _signal):
        raise PermissionError

    monkeypatch.setattr(os, "kill", forbidden)
    assert leases.is_alive(leases.new_owner())


def test_two_leases_of_one_process_have_two_names(kept, clock):
    first = kept.leases.acquire("z")
    clock.move(seconds=LEASE_SECONDS)
    assert kept.leases.acquire("z") != first


LEASES = """
store = Store.open(Path(sys.argv[1]), SystemClock())
for turn in range(60):
    while not (lease := store.leases.acquire("z")):
        pass
    print("in", time.monotonic_ns())
    print("out", time.monotonic_ns())
    store.leases.release(lease)
"""


def test_two_processes_never_hold_a_lease_at_once(opener, tmp_path):
    opener().close()
    with at_once(LEASES, tmp_path / "state") as told:
        events = sorted((int(at), word) for lines in told for word, at in map(str.split, lines))
    assert [word for _, word in events] == ["in", "out"] * 120


# Together


def test_two_stores_of_one_folder_see_each_others_writes(opener):
    one, other = opener(), opener()
    one.tokens.save("z", "zerodha", a_token())
    assert other.tokens.get("z").token == a_token()
    other.tokens.drop("z")
    assert one.tokens.get("z") is None


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
    run = kept.history.begin_run("z", "zerodha")
    assert kept.history.runs("z") == [Run("z", "zerodha", MORNING, None, None, None, None, {})]
    clock.move(seconds=9)
    error = CredentialsRejected("Invalid password")
    error.stage = "login"
    kept.history.end_run(run, "failed", error, seconds=9.00049, stages={"config": 0.12345, "login": 8})
    (found,) = kept.history.runs("z")
    assert found.message == error.message
    assert "login: Invalid password." in found.message
    assert (found.outcome, found.error, found.seconds) == ("failed", "credentials_rejected", 9.0)
    assert found.stages == {"config": 0.123, "login": 8}
    assert found.began == MORNING


def test_a_run_without_an_error(kept):
    kept.history.end_run(kept.history.begin_run("z", "zerodha"), "issued", None, seconds=1, stages={})
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
        kept.history.end_run(kept.history.begin_run("z", "zerodha"), "issued", None, seconds=1, stages={})
    kept.history.end_run(kept.history.begin_run("z", "zerodha"), "failed", CredentialsRejected("no"), seconds=1, stages={})
    kept.history.begin_run("z", "zerodha")
    assert kept.history.counters("run") == [Counter("z", "", "issued", 5), Counter("z", "credentials_rejected", "failed", 1)]
    assert kept.history.counters("delivery") == []


def test_deliveries_are_counted_by_what_became_of_them(kept, clock):
    for secret in ("first-token", "second-token", "third-token"):
        kept.tokens.save("z", "zerodha", a_token(secret, issued_at=clock.now()), ["tokens", "hook"])
        clock.move(minutes=5)
    assert kept.outbox.backlog() == {"hook": 1, "tokens": 1}
    (claim,) = kept.outbox.claim("tokens", 9)
    kept.outbox.mark_failed(claim, "no route", 1)
    clock.move(minutes=1)
    (claim,) = kept.outbox.claim("tokens", 9)
    kept.outbox.mark_delivered(claim)
    kept.tokens.drop("z")
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
    first.history.end_run(first.history.begin_run("z", "zerodha"), "issued", None, seconds=1, stages={})
    second = opener()
    second.history.end_run(second.history.begin_run("z", "zerodha"), "issued", None, seconds=1, stages={})
    assert first.history.counters("run") == [Counter("z", "", "issued", 2)]


# Logins by hand


def test_a_nonce_is_kept_until_it_is_dropped(opener):
    opener().attempts.save_manual_login("z", "one", None)
    kept = opener()
    kept.attempts.save_manual_login("z", "two", None)
    assert kept.attempts.manual_login("z").nonce == "two"
    assert kept.attempts.manual_login("y") is None
    kept.attempts.drop_manual_login("z")
    assert kept.attempts.manual_login("z") is None


def test_a_verifier_is_kept_beside_the_nonce_until_both_are_dropped(opener):
    def kept_login():
        found = kept.attempts.manual_login("z")
        return found.nonce, found.verifier and found.verifier.get_secret_value()

    opener().attempts.save_manual_login("z", "one", SecretStr("the verifier"))
    kept = opener()
    assert kept_login() == ("one", "the verifier")
    kept.attempts.save_manual_login("z", "", SecretStr("alone"))
    assert kept_login() == (None, "alone")
    kept.attempts.save_manual_login("z", "two", None)
    assert kept_login() == ("two", None)
    kept.attempts.drop_manual_login("z")
    assert kept.attempts.manual_login("z") is None


def test_a_nonce_does_not_disturb_the_stores_own_key(opener):
    kept = opener()
    name = kept.fingerprint("x")
    kept.attempts.save_manual_login("fingerprint", "nonce", None)
    kept.attempts.drop_manual_login("fingerprint")
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
    kept.tokens.save("z", "zerodha", a_token())
    assert kept.tokens.get("z").token == a_token()
    opener(folder=tmp_path / "new")
    assert version(tmp_path / "state" / database_module.FILE) == len(MIGRATIONS)
    assert schema(tmp_path / "state" / database_module.FILE) == schema(tmp_path / "new" / database_module.FILE)


def test_what_was_counted_before_counters_had_their_name_is_kept(opener, tmp_path):
    made_by(tmp_path / "state", COUNTERS_WERE_TALLIES)
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / database_module.FILE)) as database, database:
        database.execute("INSERT INTO tallies VALUES ('run', 'z', '', 'issued', 41)")
    kept = opener()
    kept.history.end_run(kept.history.begin_run("z", "zerodha"), "issued", None, seconds=1, stages={})
    assert kept.history.counters("run") == [Counter("z", "", "issued", 42)]


def test_a_migration_leaves_what_was_there(opener, tmp_path, monkeypatch):
    opener().tokens.save("z", "zerodha", a_token())
    monkeypatch.setattr(database_module, "MIGRATIONS", (*MIGRATIONS, "ALTER TABLE tokens ADD COLUMN note TEXT;"))
    assert opener().tokens.get("z").token == a_token()
    assert version(tmp_path / "state" / database_module.FILE) == len(MIGRATIONS) + 1


def test_a_migration_that_fails_changes_nothing(opener, tmp_path, monkeypatch):
    opener().tokens.save("z", "zerodha", a_token())
    file = tmp_path / "state" / database_module.FILE
    before = schema(file)
    with monkeypatch.context() as broken:
        broken.setattr(database_module, "MIGRATIONS", (*MIGRATIONS, "DROP TABLE runs; CREATE TABLE tokens (x) STRICT;"))
        with pytest.raises(StoreError):
            opener()
    assert schema(file) == before
    assert version(file) == len(MIGRATIONS)
    assert opener().tokens.get("z").token == a_token()


def test_a_database_of_a_newer_autologin_is_refused_and_left_alone(opener, tmp_path):
    opener().tokens.save("z", "zerodha", a_token())
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
    assert opener().tokens.get("z") is None


def test_moving_a_damaged_file_away_is_enough_even_beside_its_leftovers(opener, tmp_path):
    kept = opener()
    kept.tokens.save("z", "zerodha", a_token())
    folder = tmp_path / "state"
    left = {name: (folder / name).read_bytes() for name in ("autologin.db-wal", "autologin.db-shm")}
    kept.close()
    (folder / database_module.FILE).unlink()
    for name, content in left.items():
        (folder / name).write_bytes(content)
    fresh = opener()
    assert fresh.tokens.get("z") is None
    fresh.tokens.save("z", "zerodha", a_token("new"))
    assert opener().tokens.get("z").token.access_token.get_secret_value() == "new"


def test_a_damaged_page_is_a_store_error(opener, tmp_path):
    kept = opener()
    for number in range(200):
        kept.tokens.save(f"account-{number}", "zerodha", a_token())
    kept.close()
    file = tmp_path / "state" / database_module.FILE
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(StoreError, match="damaged") as caught:
        opener().tokens.get("account-7")
    assert "Move" in caught.value.hint


def test_a_damaged_seal_is_a_store_error(kept):
    kept.tokens.save("z", "zerodha", a_token())
    kept._database.execute("UPDATE tokens SET sealed = ?", b"\0garbage")
    with pytest.raises(StoreError):
        kept.tokens.get("z")


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
        kept.attempts.begin("z", "f", "password")
    assert "rights of the state folder" in caught.value.hint


def test_a_full_disk_is_told_and_loses_nothing(opener):
    kept = opener()
    kept.tokens.save("z", "zerodha", a_token())
    kept._database.connection.execute("PRAGMA max_page_count = 1")
    big = a_token(extra={"bundle": ["x"] * 30_000})
    with pytest.raises(StoreError, match="full") as caught:
        kept.tokens.save("z", "zerodha", big)
    assert caught.value.hint == "Free some space."
    with pytest.raises(StoreError, match="full"):
        kept.attempts.block("z", "f", "otp_rejected", "x" * 100_000)
    assert kept.tokens.get("z").token == a_token()
    kept._database.connection.execute("PRAGMA max_page_count = 1000000")
    kept.tokens.save("z", "zerodha", big)
    assert opener().tokens.get("z").token == big


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
    kept.tokens.save("z", "zerodha", a_token())
    assert kept.tokens.get("z").token == a_token()
    assert sorted(path.name for path in (tmp_path / "state").iterdir() if path.name.startswith((".", "key"))) == ["key"]


def test_a_closed_store_says_so_as_a_store_error(opener):
    kept = opener()
    kept.close()
    with pytest.raises(StoreError, match="closed"):
        kept.tokens.get("z")


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
        kept.tokens.save("z", "zerodha", a_token())
    assert kept.tokens.get("z").token == a_token()
