"""One login at a time for an account, across processes.

Whoever comes second waits, and finds the first one's token.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from autologin.errors import BrokerUnavailable, LeaseLost, StoreError
from autologin.log import event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from autologin.clock import Clock
    from autologin.store.records import Lease
    from autologin.store.store import Store

RENEWED = 10.0
POLLED = 0.1
HELD = 45.0
"""Seconds without a renewal after which a run ends itself, before others take its lease."""


@asynccontextmanager
async def account_lease(
    store: Store, account: str, clock: Clock, deadline: float
) -> AsyncIterator[Lease]:
    """Hold the account's lease; `deadline` (monotonic) is how long to wait for it.

    Raises:
        BrokerUnavailable: another process still had it then.
        LeaseLost: another process has it by now, or it could not be renewed.
    """
    lease = await _acquired(store, account, clock, deadline)
    try:
        async with asyncio.timeout(None) as held:
            renewing = asyncio.ensure_future(_renew(store, lease, clock, held))
            try:
                yield lease
            finally:
                renewing.cancel()
    except TimeoutError:
        if held.expired():
            raise LeaseLost from None
        raise
    finally:
        with suppress(StoreError):  # it ends by itself; what the run has to say matters more
            store.leases.release(lease)


async def _acquired(store: Store, account: str, clock: Clock, deadline: float) -> Lease:
    if (lease := store.leases.acquire(account)) is not None:
        return lease
    event("waiting", reason="another autologin process is signing in to this account")
    while (lease := store.leases.acquire(account)) is None:
        if clock.monotonic() > deadline:
            raise BrokerUnavailable(
                "Another autologin process is still signing in to this account",
                hint="Run it again later.",
            )
        await clock.sleep(POLLED)
    return lease


async def _renew(store: Store, lease: Lease, clock: Clock, held: asyncio.Timeout) -> None:
    """Renew a lease until it is lost; then end whoever holds it."""
    renewed = clock.monotonic()
    while clock.monotonic() - renewed < HELD:
        await asyncio.sleep(RENEWED)
        try:
            if not store.leases.renew(lease):
                break
        except StoreError:
            continue  # full or locked for a moment, perhaps
        renewed = clock.monotonic()
    event("lease_lost", level="ERROR", message="another process may sign in to this account now")
    held.reschedule(asyncio.get_running_loop().time())
