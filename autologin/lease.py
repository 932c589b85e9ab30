"""One login at a time for an account, across processes.

Whoever comes second waits, and finds the first one's token.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from autologin.errors import BrokerUnavailable, StoreError
from autologin.log import event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from autologin.clock import Clock
    from autologin.store.records import Lease
    from autologin.store.store import Store

RENEWED = 10.0
POLLED = 0.1


@asynccontextmanager
async def account_lease(
    store: Store, account: str, clock: Clock, deadline: float
) -> AsyncIterator[None]:
    """Hold the account's lease; `deadline` (monotonic) is how long to wait for it.

    Raises:
        BrokerUnavailable: another process still had it then.
    """
    lease = await _acquired(store, account, clock, deadline)
    renewing = asyncio.ensure_future(_renew(store, lease))
    try:
        yield
    finally:
        renewing.cancel()
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


async def _renew(store: Store, lease: Lease) -> None:
    while True:
        await asyncio.sleep(RENEWED)
        with suppress(StoreError):
            store.leases.renew(lease)
