"""What happened: the newest runs of each account, and counters for metrics that only grow.

Runs are pruned and deliveries are replaced, so neither could be counted later.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from autologin.clock import Clock
from autologin.errors import AutologinError
from autologin.store.database import Database, moment, utc
from autologin.store.records import Counter, Run

RUNS_KEPT = 400
"""Runs of an account that are kept: more than a year of trading days."""

CountedThing = Literal["run", "delivery", "failed_try"]

PRUNE = """
DELETE FROM runs WHERE account = ? AND id <=
    (SELECT id FROM runs WHERE account = ? ORDER BY id DESC LIMIT 1 OFFSET ?)
"""
END_RUN = """
UPDATE runs SET outcome = ?, error = ?, message = ?, seconds = ?, stages = ?, skew = ?
WHERE id = ? RETURNING account
"""
NEWEST_RUNS = """
SELECT account, broker, began, outcome, error, message, seconds, stages, skew FROM runs
WHERE account = ? AND began >= ? ORDER BY id DESC LIMIT ?
"""
COUNT = """
INSERT INTO counters (thing, account, kind, outcome, number) VALUES (?,?,?,?,1)
ON CONFLICT (thing, account, kind, outcome) DO UPDATE SET number = number + 1
"""
COUNTERS = "SELECT account, kind, outcome, number FROM counters WHERE thing = ? ORDER BY 1, 2, 3"


class History:
    """The history in a store. Every method raises StoreError where the database fails."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def begin_run(self, account: str, broker: str) -> int:
        """Note that a run begins; gives its number."""
        insert = "INSERT INTO runs (account, broker, began) VALUES (?,?,?)"
        with self._database.transaction():
            self._database.execute(PRUNE, account, account, RUNS_KEPT - 1)
            return self._database.insert(insert, account, broker, utc(self._clock.now()))

    def end_run(
        self,
        run: int,
        outcome: str,
        error: AutologinError | None,
        *,
        seconds: float,
        stages: Mapping[str, float],
        skew: float | None = None,
    ) -> None:
        """Note how a run ended, and count it.

        `skew` is the broker's clock minus ours in seconds, where an OTP was made by it.
        """
        name = error.name if error else None
        message = error.message if error else None
        rounded = json.dumps({stage: round(value, 3) for stage, value in stages.items()})
        values = (outcome, name, message, round(seconds, 3), rounded, skew)
        with self._database.transaction():
            for (account,) in self._database.fetch_all(END_RUN, *values, run):
                self.count("run", account, name or "", outcome)

    def runs(self, account: str, newest: int = 1, since: datetime | None = None) -> list[Run]:
        """The newest runs of an account (since a moment), the last one first."""
        earliest = utc(since) if since else ""
        return [
            Run(
                account=row[0],
                broker=row[1],
                began=moment(row[2]),
                outcome=row[3],
                error=row[4],
                message=row[5],
                seconds=row[6],
                stages=json.loads(row[7] or "{}"),
                skew=row[8],
            )
            for row in self._database.fetch_all(NEWEST_RUNS, account, earliest, newest)
        ]

    def count(self, thing: CountedThing, account: str, kind: str, outcome: str) -> None:
        """Count one more. `kind` is a run's error, or a delivery's sink."""
        self._database.execute(COUNT, thing, account, kind, outcome)

    def counters(self, thing: CountedThing) -> list[Counter]:
        """Every counter of a thing, in a steady order."""
        return [Counter(*row) for row in self._database.fetch_all(COUNTERS, thing)]
