"""The clock that is handed to everything that must know or wait for the time, so that tests can hand in their own."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

IST = ZoneInfo("Asia/Kolkata")
"""India's time, in which brokers and exchanges speak."""


class Clock(Protocol):
    """Wall time for what the broker sees, monotonic time for what we wait for."""

    def now(self) -> datetime:
        """The wall time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes backwards."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """The wall time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes backwards."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


def format_ist(moment: datetime) -> str:
    """A moment as people in India read it."""
    return f"{moment.astimezone(IST):%Y-%m-%d %H:%M} IST"
