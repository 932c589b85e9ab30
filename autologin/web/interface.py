"""What the web shows and does, as a type.

The service is one, and the tests have a small one of their own.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from autologin.clock import Clock

if TYPE_CHECKING:
    from autologin.config.schema import Settings
    from autologin.store.records import UntakenNotices
    from autologin.store.store import Store


class ServiceView(Protocol):
    """What is shown, and what the buttons do."""

    @property
    def settings(self) -> Settings:
        """The config as it is now."""
        ...

    @property
    def store(self) -> Store:
        """The store."""
        ...

    @property
    def clock(self) -> Clock:
        """The clock."""
        ...

    def next_run(self, account: str) -> datetime | None:
        """When an account's next login is planned."""
        ...

    def due_now(self, account: str) -> bool:
        """Whether an account's login time has come, and the market is open or to open."""
        ...

    def due_today(self, account: str) -> bool:
        """Whether an account's login time has come, or comes later today."""
        ...

    def untaken_notices(self) -> list[UntakenNotices]:
        """What people were to be told and have not taken yet."""
        ...

    def running(self, account: str) -> bool:
        """Whether a run of an account is under way."""
        ...

    async def run_now(self, account: str) -> None:
        """Start a run, and do not wait for it."""
        ...

    async def unblock(self, account: str) -> bool:
        """Forget what was refused of an account; gives whether there was anything."""
        ...
