"""What a person is alerted of and is not over: one cause is told once, also across restarts.

Who has been told, and who is owed it, stands in the outbox: see `store.notices`.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime

from autologin.clock import Clock
from autologin.message import ALERT, Message
from autologin.store.database import Database, moment, utc
from autologin.store.encryption import Encryption


class Alerts:
    """The open alerts in a store. Every method raises StoreError where the database fails."""

    def __init__(self, database: Database, encryption: Encryption, clock: Clock) -> None:
        self._database = database
        self._encryption = encryption
        self._clock = clock

    def begin(
        self,
        account: str,
        cause: str,
        text: str,
        image: str = "",
        since: datetime | None = None,
    ) -> bool:
        """Note that a cause is there, and what to tell of it; gives whether it is news.

        One that is there since before `since` is news again: it is another day.
        """
        select = "SELECT opened FROM alerts WHERE account = ? AND cause = ?"
        row = self._database.fetch_one(select, account, cause)
        if row and (since is None or moment(row[0]) >= since):
            return False
        at = self._clock.now()
        notice = Message.notice(ALERT, account, [cause], at, text, image)
        sealed = self._encryption.encrypt(json.dumps(notice.to_json()).encode())
        insert = "REPLACE INTO alerts (account, cause, opened, notice, sealed) VALUES (?,?,?,?,?)"
        return self._database.execute(insert, account, cause, utc(at), notice.id, sealed) == 1

    def end(self, account: str, causes: Collection[str]) -> list[str]:
        """Note that causes are over; gives those that were open."""
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

    def open(self) -> list[tuple[str, str]]:
        """Every account with a cause that is not over, sorted."""
        return list(self._database.fetch_all("SELECT account, cause FROM alerts ORDER BY 1, 2"))
