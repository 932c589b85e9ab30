"""What somebody was alerted of and is not over yet, so that one cause is told once, also across restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autologin.store.database import utc

if TYPE_CHECKING:
    from collections.abc import Collection

    from autologin.clock import Clock
    from autologin.store.database import Database


class Alerts:
    """The open alerts in a store. Every method raises StoreError where the database cannot be read or written."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def begin(self, account: str, cause: str) -> bool:
        """Note that a cause is there; gives whether it is news."""
        insert = "INSERT OR IGNORE INTO alerts (account, cause, opened) VALUES (?,?,?)"
        return self._database.do(insert, account, cause, utc(self._clock.now())) == 1

    def end(self, account: str, causes: Collection[str]) -> list[str]:
        """Note that causes are over; gives those that had been told."""
        with self._database.transaction():
            over = [cause for cause in self.of(account) if cause in causes]
            for cause in over:
                self._database.do("DELETE FROM alerts WHERE account = ? AND cause = ?", account, cause)
        return over

    def of(self, account: str) -> list[str]:
        """The causes that are not over, sorted."""
        rows = self._database.all("SELECT cause FROM alerts WHERE account = ? ORDER BY cause", account)
        return [cause for (cause,) in rows]
