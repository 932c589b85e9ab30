"""Counts that only grow, for metrics: history is pruned and deliveries are replaced, so neither could be counted later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from autologin.store.records import Tally

if TYPE_CHECKING:
    from autologin.store.database import Database

Thing = Literal["run", "delivery", "failed_try"]
ADD = """
INSERT INTO tallies (thing, account, kind, outcome, number) VALUES (?,?,?,?,1)
ON CONFLICT (thing, account, kind, outcome) DO UPDATE SET number = number + 1
"""


class Tallies:
    """The counts in a store. Every method raises StoreError where the database cannot be read or written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, thing: Thing, account: str, kind: str, outcome: str) -> None:
        """Count one more. `kind` is a run's error, or a delivery's sink."""
        self._database.do(ADD, thing, account, kind, outcome)

    def of(self, thing: Thing) -> list[Tally]:
        """Every count of a thing, in a steady order."""
        asked = "SELECT account, kind, outcome, number FROM tallies WHERE thing = ? ORDER BY 1, 2, 3"
        return [Tally(*row) for row in self._database.all(asked, thing)]
