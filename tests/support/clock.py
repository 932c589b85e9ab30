"""Clocks of tests: one that stands still, one that skips sleeps, one whose patience runs out soon."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MORNING = datetime(2026, 11, 24, 2, 45, 10, tzinfo=UTC)  # 08:15:10 in India


@dataclass
class HandClock:
    """Stands still until it is moved, or until somebody sleeps by it.

    `ahead` is how far this machine's wall clock is set wrong; `monotonic` knows nothing of it.
    """

    wall: datetime = MORNING
    ahead: timedelta = timedelta(0)

    def now(self):
        return self.wall + self.ahead

    def monotonic(self):
        return self.wall.timestamp()

    async def sleep(self, seconds):
        self.wall += timedelta(seconds=seconds)
        await asyncio.sleep(0)

    def move(self, **by):
        self.wall += timedelta(**by)

    def set_ahead(self, **by):
        """Somebody sets the wall clock wrong, or right again."""
        self.ahead = timedelta(**by)


class SkippingClock:
    """This machine's clock, but whoever sleeps by it is there at once. Product and twin must share it."""

    def __init__(self):
        self.skipped = 0.0

    def now(self):
        return datetime.now(UTC) + timedelta(seconds=self.skipped)

    def monotonic(self):
        return time.monotonic() + self.skipped

    async def sleep(self, seconds):
        self.skipped += seconds
        await asyncio.sleep(0)


class FastClock(SkippingClock):
    """A skipping clock by which patience runs out soon, where nothing happens any more.

    Once the twin has heard nothing for a second and a half, `monotonic` runs twenty times as fast as this machine's
    clock: a login that waits ten seconds for a page to move gives up after two. While the twin is being called, and
    before it is called first, it runs as always; so a slow machine is given its time.
    """

    QUIET = 1.5
    FACTOR = 20

    def __init__(self):
        super().__init__()
        self.twin = None
        self._gained = 0.0
        self._looked = self._quiet_since = time.monotonic()
        self._newest = None

    def monotonic(self):
        real = time.monotonic()
        newest = self.twin.seen[-1] if self.twin and self.twin.seen else None
        if newest is None or newest is not self._newest:
            self._newest = newest
            self._quiet_since = real
        elif real - self._quiet_since > self.QUIET:
            self._gained += (real - max(self._looked, self._quiet_since)) * (self.FACTOR - 1)
        self._looked = real
        return real + self.skipped + self._gained
