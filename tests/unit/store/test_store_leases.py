"""One process at a time has the lease of an account."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest
from support.store import at_once, python

from autologin.clock import SystemClock
from autologin.store import leases
from autologin.store.leases import LEASE_SECONDS


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


def test_a_dead_owners_lease_is_taken_at_once(opener, tmp_path):
    kept = opener(clock=SystemClock())
    with a_holder(tmp_path / "state") as process:
        assert kept.leases.acquire("z") is None
        process.kill()
        process.wait()
        assert kept.leases.acquire("z") is not None


def test_an_owner_that_is_dead_but_not_buried_is_dead(opener, tmp_path):
    kept = opener(clock=SystemClock())
    with a_holder(tmp_path / "state") as process:
        process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert Path(f"/proc/{process.pid}").exists()
        assert kept.leases.acquire("z") is not None


def test_a_stopped_owner_is_alive(opener, tmp_path):
    kept = opener(clock=SystemClock())
    with a_holder(tmp_path / "state") as process:
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        assert kept.leases.acquire("z") is None


@pytest.mark.parametrize("hours", [-30, 6, 30])
def test_a_jump_of_the_clock_frees_no_lease_whose_owner_lives(opener, clock, hours):
    one, other = opener(), opener()
    one.leases.acquire("z")
    clock.set_ahead(hours=hours)
    assert other.leases.acquire("z") is None
    assert other.leases.busy_accounts() == ["z"]
    clock.move(seconds=LEASE_SECONDS)
    assert other.leases.acquire("z") is not None


def test_a_lease_from_before_a_boot_by_a_clock_that_was_ahead_is_free(opener, clock, monkeypatch):
    here, there = opener(), opener()
    clock.set_ahead(hours=6)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(leases, "_pid_namespace", lambda: "the boot before/container")
        there.leases.acquire("z")
    clock.set_ahead(hours=0)
    assert here.leases.acquire("z") is not None


def test_renewing_says_whether_the_lease_is_still_ours(opener, clock):
    one, other = opener(), opener()
    lease = one.leases.acquire("z")
    clock.move(seconds=LEASE_SECONDS - 1)
    assert one.leases.renew(lease) is True
    clock.move(seconds=LEASE_SECONDS)
    assert one.leases.renew(lease) is True, "nobody has taken it"
    clock.move(seconds=LEASE_SECONDS)
    assert other.leases.acquire("z").number == lease.number + 1
    assert one.leases.renew(lease) is False


def test_the_number_grows_over_releases_and_restarts(opener):
    numbers = []
    for _ in range(3):
        one = opener()
        lease = one.leases.acquire("z")
        numbers.append(lease.number)
        one.leases.release(lease)
    assert numbers == [1, 2, 3]


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
