"""What sinks are owed. A message stays here until it has arrived, is replaced by a newer one, or is of no use any more.

Per account and sink the order is kept: the next message waits for the one before it. Several processes may deliver at
once: whoever takes a message claims it first, and a claim ends with its owner.
"""

from __future__ import annotations

import json
import secrets as random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from autologin.message import ISSUED, Message
from autologin.store import owner
from autologin.store.database import moment, utc
from autologin.store.records import Off, Owed, Parcel

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from autologin.clock import Clock
    from autologin.store.database import Database
    from autologin.store.encryption import Seal
    from autologin.store.tallies import Tallies

HOLD_SECONDS = 120.0
"""How long a new token waits for the broker's word on it; after that whoever runs gives it to its sinks as it is."""
CLAIM_SECONDS = 90.0
"""After this a claim is free. Only needed for owners on other machines; a try takes at most a third of it."""
NEWS_HOURS = 24
"""How long it is worth telling that a login failed."""
DUE = """
SELECT id, account, message, sealed, tries, until, owner, claimed FROM deliveries AS one
WHERE sink = ? AND outcome IS NULL AND due <= ? AND (? IS NULL OR account = ?) AND NOT EXISTS (
    SELECT 1 FROM deliveries AS before
    WHERE before.account = one.account AND before.sink = one.sink AND before.id < one.id AND before.outcome IS NULL
)
ORDER BY due, id LIMIT ?
"""
NEWEST = """
SELECT sink, type, about, outcome, tries, error, due, settled FROM deliveries
WHERE id IN (SELECT max(id) FROM deliveries WHERE account = ? GROUP BY sink) ORDER BY sink
"""


class Outbox:
    """The deliveries in a store. Every method raises StoreError where the database cannot be read or written."""

    def __init__(self, database: Database, seal: Seal, clock: Clock, tallies: Tallies) -> None:
        self._database, self._seal, self._clock, self._tallies = database, seal, clock, tallies

    # Putting in

    def owe(self, message: Message, sinks: Collection[str], *, held: bool = False, again: Collection[str] = ()) -> None:
        """Owe a message to sinks; a newer token replaces older ones that did not arrive.

        A sink that was given this very token before gets it again only where it is named in `again`. `held`: the token is
        new, and nobody delivers it yet, see `release`.
        """
        with self._database.transaction():
            for sink in sinks:
                if message.type != ISSUED or held or not self._has(message, sink, even_delivered=sink not in again):
                    self._put(message, sink, held=held)

    def release(self, account: str) -> None:
        """Let an account's held messages go."""
        change = "UPDATE deliveries SET due = ? WHERE account = ? AND outcome IS NULL AND tries = 0"
        self._database.do(change, self._now(), account)

    def withdraw(self, account: str) -> None:
        """Deliver an account's token to nobody who has not got it yet."""
        self._end("withdrawn", "account = ? AND type = ?", account, ISSUED)

    def hurry(self) -> None:
        """Make everything due now, whatever its next try was: somebody has fixed a sink.

        But not a token that a run has just made and still asks the broker about; one whose run has died is due as well.
        """
        with self._database.transaction():
            leases = self._database.all("SELECT account, owner FROM leases WHERE until > ?", self._now())
            at_work = [account for account, holder in leases if owner.alive(holder)]
            held = f"tries = 0 AND account IN ({', '.join('?' * len(at_work))})"
            change = f"UPDATE deliveries SET due = ? WHERE outcome IS NULL AND NOT ({held})"  # noqa: S608  (marks alone)
            self._database.do(change, self._now(), *at_work)

    # Taking out

    def claim(self, sink: str, most: int, account: str | None = None) -> list[Parcel]:
        """Up to `most` messages that are due at a sink, now ours to deliver; of one account, or of any."""
        with self._database.transaction():
            self._end("expired", "sink = ? AND until <= ?", sink, self._now())
            rows = self._database.all(DUE, sink, self._now(), account, account, most * 4)  # others may have claimed some
            free = [row for row in rows if self._is_free(row[6], row[7])]
            return [self._claimed(sink, row) for row in free[:most]]

    def delivered(self, parcel: Parcel) -> None:
        """It has arrived: its body is forgotten, and so is whatever arrived there before."""
        with self._database.transaction():
            self._end("delivered", "id = ? AND owner = ?", parcel.id, parcel.owner)
            settled = "DELETE FROM deliveries WHERE account = ? AND sink = ? AND type = ? AND id < ? AND outcome IS NOT NULL"
            self._database.do(settled, parcel.message.account, parcel.sink, parcel.message.type, parcel.id)

    def failed(self, parcel: Parcel, error: str, pause: float) -> None:
        """It did not arrive; the next try is after `pause` seconds."""
        due = utc(self._clock.now() + timedelta(seconds=pause))
        change = "UPDATE deliveries SET tries = tries + 1, error = ?, due = ?, owner = NULL WHERE id = ? AND owner = ?"
        with self._database.transaction():
            self._database.do(change, error, due, parcel.id, parcel.owner)
            self._tallies.add("failed_try", parcel.message.account, parcel.sink, "failed")

    def put_back(self, parcel: Parcel) -> None:
        """It was not tried to the end; whoever is next may."""
        self._database.do("UPDATE deliveries SET owner = NULL WHERE id = ? AND owner = ?", parcel.id, parcel.owner)

    # Looking

    def next_due(self, sink: str, account: str | None = None) -> datetime | None:
        """When the next message for a sink is due; None where nothing is outstanding."""
        asked = "SELECT min(due) FROM deliveries WHERE sink = ? AND outcome IS NULL AND (? IS NULL OR account = ?)"
        row = self._database.one(asked, sink, account, account)
        return moment(row[0]) if row and row[0] else None

    def outstanding(self) -> list[str]:
        """The sinks that are owed something, sorted."""
        return [row[0] for row in self._database.all("SELECT DISTINCT sink FROM deliveries WHERE outcome IS NULL ORDER BY 1")]

    def backlog(self) -> dict[str, int]:
        """How many messages each sink is owed; only sinks that are owed some."""
        return dict(self._database.all("SELECT sink, count(*) FROM deliveries WHERE outcome IS NULL GROUP BY sink"))

    def of(self, account: str) -> list[Owed]:
        """The newest message at each sink of an account, and what became of it."""
        return [_owed(row) for row in self._database.all(NEWEST, account)]

    # Endpoints that are gone

    def switch_off(self, sink: str, fingerprint: str, message: str) -> None:
        """Send nothing to a sink until its config changes."""
        values = (sink, fingerprint, message)
        self._database.do("REPLACE INTO sinks_off (sink, fingerprint, message) VALUES (?,?,?)", *values)

    def off(self, sink: str) -> Off | None:
        """With which config a sink was switched off, and why; None where it never was."""
        row = self._database.one("SELECT fingerprint, message FROM sinks_off WHERE sink = ?", sink)
        return Off(*row) if row else None

    # Below

    def _has(self, message: Message, sink: str, *, even_delivered: bool) -> bool:
        asked = "SELECT 1 FROM deliveries WHERE account = ? AND sink = ? AND type = ? AND about = ?"
        state = "(outcome IS NULL OR outcome = 'delivered')" if even_delivered else "outcome IS NULL"
        return self._database.one(f"{asked} AND {state}", message.account, sink, message.type, message.about) is not None

    def _put(self, message: Message, sink: str, *, held: bool) -> None:
        if message.type == ISSUED:
            self._end("replaced", "account = ? AND sink = ? AND type = ?", message.account, sink, ISSUED)
        until = message.token.expires_at if message.type == ISSUED else message.at + timedelta(hours=NEWS_HOURS)
        due = self._clock.now() + timedelta(seconds=HOLD_SECONDS if held else 0)
        sealed = self._seal.sealed(json.dumps(message.to_json()).encode())
        self._database.insert(
            "INSERT INTO deliveries (account, sink, type, message, about, until, due, sealed) VALUES (?,?,?,?,?,?,?,?)",
            *(message.account, sink, message.type, message.id, message.about, utc(until), utc(due), sealed),
        )

    def _end(self, outcome: str, which: str, *values: object) -> None:
        change = "UPDATE deliveries SET outcome = ?, settled = ?, sealed = NULL, owner = NULL WHERE outcome IS NULL AND"
        with self._database.transaction():
            ended = self._database.all(f"{change} {which} RETURNING account, sink", outcome, self._now(), *values)
            for account, sink in ended:
                self._tallies.add("delivery", account, sink, outcome)

    def _is_free(self, holder: str | None, claimed: str | None) -> bool:
        if holder is None or claimed is None or not owner.alive(holder):
            return True
        return moment(claimed) + timedelta(seconds=CLAIM_SECONDS) <= self._clock.now()

    def _claimed(self, sink: str, row: tuple[int, str, str, bytes, int, str, str | None, str | None]) -> Parcel:
        me = owner.me(random.token_hex(4))
        self._database.do("UPDATE deliveries SET owner = ?, claimed = ? WHERE id = ?", me, self._now(), row[0])
        message = Message.from_json(row[2], json.loads(self._seal.opened(row[3])))
        return Parcel(row[0], sink, me, message, row[4])

    def _now(self) -> str:
        return utc(self._clock.now())


def _owed(row: tuple[Any, ...]) -> Owed:
    sink, kind, about, outcome, tries, error, due, settled = row
    times = None if outcome else moment(due), moment(settled) if settled else None
    return Owed(sink, kind, about, outcome, tries, error, *times)
