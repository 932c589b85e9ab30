"""One login at a time for an account: who comes second waits, and for how long."""

from __future__ import annotations

import asyncio
import io

import pytest

from autologin import lease, log
from autologin.errors import BrokerUnavailable, LeaseLost, StoreError
from autologin.lease import account_lease
from autologin.store.leases import LEASE_SECONDS
from autologin.store.store import Store


@pytest.fixture
def kept(tmp_path, clock):
    store = Store.open(tmp_path, clock)
    yield store
    store.close()


@pytest.fixture
def detail():
    out = io.StringIO()
    log.configure(stream=out)
    return out


async def turns(true, most=2000):
    """Let others work until something is so."""
    for _ in range(most):
        if true():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never was so")


def free(kept, account="z"):
    found = kept.leases.acquire(account)
    if found:
        kept.leases.release(found)
    return found is not None


def soon(clock, seconds=30):
    return clock.monotonic() + seconds


async def test_a_lease_is_held_inside_and_free_after(kept, clock, detail):
    async with account_lease(kept, "z", clock, soon(clock)):
        assert not free(kept)
        assert free(kept, "y")
    assert free(kept)
    assert not detail.getvalue()


async def test_a_lease_is_free_after_a_failure(kept, clock):
    with pytest.raises(RuntimeError, match="login"):
        async with account_lease(kept, "z", clock, soon(clock)):
            raise RuntimeError("login")
    assert free(kept)


async def test_a_lease_is_free_after_a_cancellation(kept, clock):
    async def hold():
        async with account_lease(kept, "z", clock, soon(clock)):
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    await turns(lambda: not free(kept))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert free(kept)


async def test_the_second_waits_for_the_first_and_says_so(kept, clock, detail):
    order = []
    done = asyncio.Event()

    async def first():
        async with account_lease(kept, "z", clock, soon(clock)):
            order.append("first in")
            await done.wait()
            order.append("first out")

    async def second():
        async with account_lease(kept, "z", clock, soon(clock, 1e6)):
            order.append("second in")

    one = asyncio.create_task(first())
    await turns(lambda: order == ["first in"])
    other = asyncio.create_task(second())
    await turns(lambda: "waiting" in detail.getvalue())
    done.set()
    await asyncio.gather(one, other)
    assert order == ["first in", "first out", "second in"]
    assert detail.getvalue().count("another autologin process is signing in to this account") == 1


async def test_two_accounts_do_not_wait_for_each_other(kept, clock):
    async with (
        account_lease(kept, "z", clock, soon(clock)),
        account_lease(kept, "y", clock, soon(clock)),
    ):
        assert not free(kept)
        assert not free(kept, "y")


async def test_who_waits_past_the_deadline_is_told_to_come_again(kept, clock):
    kept.leases.acquire("z")
    began = clock.monotonic()
    with pytest.raises(BrokerUnavailable, match="still signing in to this account") as caught:
        async with account_lease(kept, "z", clock, soon(clock, 20)):
            raise AssertionError("never held")
    assert caught.value.hint == "Run it again later."
    assert 20 < clock.monotonic() - began < 20.5


async def test_a_lease_that_nobody_renews_is_taken_when_it_runs_out(kept, clock):
    kept.leases.acquire("z")
    began = clock.monotonic()
    async with account_lease(kept, "z", clock, soon(clock, LEASE_SECONDS + 10)):
        assert LEASE_SECONDS <= clock.monotonic() - began < LEASE_SECONDS + 1


async def test_a_held_lease_is_renewed_however_long_it_takes(kept, clock, monkeypatch):
    monkeypatch.setattr(lease, "RENEWED", 0.001)
    async with account_lease(kept, "z", clock, soon(clock)):
        for _ in range(5):
            clock.move(seconds=LEASE_SECONDS - 1)
            before = kept._database.fetch_one("SELECT until FROM leases")
            await turns(
                lambda before=before: kept._database.fetch_one("SELECT until FROM leases") > before
            )
        assert not free(kept)


async def test_a_lease_is_not_renewed_after_its_end(kept, clock, monkeypatch):
    monkeypatch.setattr(lease, "RENEWED", 0.001)
    renewed = []
    monkeypatch.setattr(kept.leases, "renew", lambda one: not renewed.append(one))
    async with account_lease(kept, "z", clock, soon(clock)):
        await turns(lambda: renewed)
    before = len(renewed)
    await asyncio.sleep(0.02)
    assert len(renewed) == before


def test_a_lease_is_renewed_long_before_it_runs_out():
    assert lease.RENEWED * 3 < LEASE_SECONDS


async def test_a_store_that_fails_to_renew_once_is_asked_again(kept, clock, monkeypatch):
    monkeypatch.setattr(lease, "RENEWED", 0.001)
    asked = []

    def failing(one):
        asked.append(one)
        raise StoreError("full")

    monkeypatch.setattr(kept.leases, "renew", failing)
    async with account_lease(kept, "z", clock, soon(clock)):
        await turns(lambda: len(asked) > 2)


async def test_a_run_whose_lease_is_lost_ends_itself(kept, clock, monkeypatch):
    monkeypatch.setattr(lease, "RENEWED", 0.001)

    async def stand_still():
        async with account_lease(kept, "z", clock, soon(clock)) as held:
            clock.move(seconds=LEASE_SECONDS + 1)
            assert kept.leases.acquire("z").number == held.number + 1
            await asyncio.Event().wait()

    with pytest.raises(LeaseLost) as caught:
        await stand_still()
    assert (caught.value.name, caught.value.exit_code) == ("broker_unavailable", 5)
    assert not free(kept), "the other one's lease stays"


async def test_a_run_that_cannot_renew_for_45_seconds_ends_itself(kept, clock, monkeypatch):
    monkeypatch.setattr(lease, "RENEWED", 0.001)

    def failing(_one):
        clock.move(seconds=10)
        raise StoreError("full")

    monkeypatch.setattr(kept.leases, "renew", failing)
    began = clock.monotonic()
    with pytest.raises(LeaseLost):
        async with account_lease(kept, "z", clock, soon(clock)):
            await asyncio.Event().wait()
    assert lease.HELD <= clock.monotonic() - began < LEASE_SECONDS


async def test_another_timeout_inside_is_its_own(kept, clock):
    with pytest.raises(TimeoutError):
        async with account_lease(kept, "z", clock, soon(clock)):
            raise TimeoutError


async def test_a_store_that_fails_at_the_end_does_not_hide_what_happened(kept, clock, monkeypatch):
    def failing(_one):
        raise StoreError("full")

    monkeypatch.setattr(kept.leases, "release", failing)
    with pytest.raises(RuntimeError, match="login"):
        async with account_lease(kept, "z", clock, soon(clock)):
            raise RuntimeError("login")
