"""What a person was alerted of and is not over: one cause is told once, also across restarts."""

from __future__ import annotations

from collections.abc import Collection

from autologin.clock import Clock
from autologin.store.database import Database, utc


class Alerts:
    """The open alerts in a store. Every method raises StoreError where the database fails."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def begin(self, account: str, cause: str) -> bool:
        """Note that a cause is there; gives whether it is news."""
        insert = "INSERT OR IGNORE INTO alerts (account, cause, opened) VALUES (?,?,?)"
        return self._database.execute(insert, account, cause, utc(self._clock.now())) == 1

    def end(self, account: str, causes: Collection[str]) -> list[str]:
        """Note that causes are over; gives those that had been told."""
        delete = "DELETE FROM alerts WHERE account = ? AND cause = ?"
        with self._database.transaction():
            over = [cause for cause in self.causes(account) if cause in causes]
            for cause in over:
                self._database.execute(delete, account, cause)
        return over

    def causes(self, account: str) -> list[str]:
        """The causes that are not over, sorted."""
        select = "SELECT cause FROM alerts WHERE account = ? ORDER BY cause"
        return [cause for (cause,) in self._database.fetch_all(select, account)]
