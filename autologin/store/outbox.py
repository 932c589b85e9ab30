"""The messages that sinks are to get.

One stays here until it has arrived, is replaced by a newer one, or is of no use. Per account and
sink the order is kept: the next message waits for the one before it. Several processes may deliver
at once: whoever takes a message claims it first, and a claim ends with its owner.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from autologin.clock import Clock
from autologin.message import ISSUED, Message
from autologin.store.database import Database, moment, utc
from autologin.store.encryption import Encryption
from autologin.store.history import History
from autologin.store.leases import Leases, is_alive, new_owner
from autologin.store.records import Claim, DeliveryState, DisabledSink

HOLD_SECONDS = 120.0
"""How long a new token waits for the broker's word; after that whoever runs delivers it as it
is."""
CLAIM_SECONDS = 90.0
"""After this a claim is free.

Only needed for owners on other machines; a try takes at most a third of it.
"""
NEWS_HOURS = 24
"""How long it is worth telling that a login failed."""
NOTICES = "notify:"
"""What the names of ways to people begin with, which are no sinks: see `store.notices`."""
SINKS_ONLY = f"sink NOT LIKE '{NOTICES}%'"

INSERT = """
INSERT INTO deliveries (account, sink, type, message, about, until, due, sealed)
VALUES (?,?,?,?,?,?,?,?)
"""
DUE = f"""
SELECT id, account, message, sealed, tries, until, owner, claimed FROM deliveries AS one
WHERE sink = ? AND outcome IS NULL AND due <= ? AND (? IS NULL OR account = ?) AND NOT EXISTS (
    SELECT 1 FROM deliveries AS before
    WHERE before.account = one.account AND before.sink = one.sink AND before.id < one.id
    AND before.outcome IS NULL AND before.{SINKS_ONLY}
)
ORDER BY due, id LIMIT ?
"""  # noqa: S608  (our own words)
NEXT_DUE = """
SELECT min(due) FROM deliveries WHERE sink = ? AND outcome IS NULL AND (? IS NULL OR account = ?)
"""
LATEST = f"""
SELECT sink, type, about, outcome, tries, error, due, settled FROM deliveries
WHERE id IN (SELECT max(id) FROM deliveries WHERE account = ? AND {SINKS_ONLY} GROUP BY sink)
ORDER BY sink
"""  # noqa: S608  (our own words)
SETTLE = """
UPDATE deliveries SET outcome = ?, settled = ?, sealed = NULL, owner = NULL WHERE outcome IS NULL
"""
FORGET_EARLIER = """
DELETE FROM deliveries
WHERE account = ? AND sink = ? AND type = ? AND id < ? AND outcome IS NOT NULL
"""
FAIL = """
UPDATE deliveries SET tries = tries + 1, error = ?, due = ?, owner = NULL WHERE id = ? AND owner = ?
"""


class Outbox:
    """The deliveries in a store. Every method raises StoreError where the database fails."""

    def __init__(
        self,
        database: Database,
        encryption: Encryption,
        clock: Clock,
        history: History,
        leases: Leases,
    ) -> None:
        self._database = database
        self._encryption = encryption
        self._clock = clock
        self._history = history
        self._leases = leases

    # Putting in

    def enqueue(
        self,
        message: Message,
        sinks: Collection[str],
        *,
        held: bool = False,
        again: Collection[str] = (),
    ) -> None:
        """Put a message in for sinks; a newer token replaces older ones that did not arrive.

        `held`: the token is new, and nobody delivers it before `release`. Otherwise a sink that was
        given this very token before gets it again only where it is named in `again`. For tokens,
        see `store.tokens`.
        """
        with self._database.transaction():
            for sink in sinks:
                if message.type == ISSUED:
                    if not held and self._has(message, sink, even_delivered=sink not in again):
                        continue
                    which = "account = ? AND sink = ? AND type = ?"
                    self._settle("replaced", which, message.account, sink, ISSUED)
                self._insert(message, sink, held=held)

    def set_user_id(self, account: str, user_id: str) -> None:
        """Complete an account's tokens that have not arrived with the user they are of."""
        select = (
            "SELECT id, sealed FROM deliveries WHERE account = ? AND type = ? AND outcome IS NULL"
        )
        update = "UPDATE deliveries SET sealed = ? WHERE id = ?"
        for row, encrypted in self._database.fetch_all(select, account, ISSUED):
            body = json.loads(self._encryption.decrypt(encrypted))
            body["data"]["user_id"] = user_id
            changed = self._encryption.encrypt(json.dumps(body).encode())
            self._database.execute(update, changed, row)

    def release(self, account: str) -> None:
        """Let an account's held messages go."""
        update = "UPDATE deliveries SET due = ? WHERE account = ? AND outcome IS NULL AND tries = 0"
        self._database.execute(update, self._now(), account)

    def withdraw(self, account: str) -> None:
        """Deliver an account's token to nobody who has not got it yet."""
        self._settle("withdrawn", "account = ? AND type = ?", account, ISSUED)

    def retry_now(self, account: str | None = None) -> None:
        """Make everything due now, of one account or of all: a sink may have been fixed.

        Of all accounts: but not a token that a run has just made and still asks the broker about.
        One whose run has died is due as well.
        """
        if account is not None:
            update = "UPDATE deliveries SET due = ? WHERE outcome IS NULL AND account = ?"
            self._database.execute(update, self._now(), account)
            return
        with self._database.transaction():
            busy = self._leases.busy_accounts()
            held = f"tries = 0 AND account IN ({', '.join('?' * len(busy))})"
            update = f"UPDATE deliveries SET due = ? WHERE outcome IS NULL AND NOT ({held})"  # noqa: S608  (question marks)
            self._database.execute(update, self._now(), *busy)

    # Taking out

    def claim(self, sink: str, most: int, account: str | None = None) -> list[Claim]:
        """Up to `most` messages due at a sink, of one account or all, now ours to deliver."""
        update = "UPDATE deliveries SET owner = ?, claimed = ? WHERE id = ?"
        claims: list[Claim] = []
        with self._database.transaction():
            now = self._now()
            self._settle("expired", "sink = ? AND until <= ?", sink, now)
            rows = self._database.fetch_all(
                DUE, sink, now, account, account, most * 4
            )  # others may have claimed some
            for number, _, identity, encrypted, tries, _, holder, claimed in rows:
                if len(claims) < most and self.is_free(holder, claimed):
                    owner = new_owner()
                    self._database.execute(update, owner, now, number)
                    body = json.loads(self._encryption.decrypt(encrypted))
                    message = Message.from_json(identity, body)
                    claims.append(Claim(number, sink, owner, message, tries))
        return claims

    def mark_delivered(self, claim: Claim) -> None:
        """It has arrived: its body is forgotten, and so is whatever arrived there before."""
        message = claim.message
        with self._database.transaction():
            self._settle("delivered", "id = ? AND owner = ?", claim.id, claim.owner)
            if is_notice(claim.sink):  # who was told of what is known until that is over
                return
            values = (message.account, claim.sink, message.type, claim.id)
            self._database.execute(FORGET_EARLIER, *values)

    def mark_failed(self, claim: Claim, error: str, pause: float) -> None:
        """It did not arrive; the next try is after `pause` seconds."""
        due = utc(self._clock.now() + timedelta(seconds=pause))
        with self._database.transaction():
            self._database.execute(FAIL, error, due, claim.id, claim.owner)
            if is_notice(claim.sink):
                return
            self._history.count("failed_try", claim.message.account, claim.sink, "failed")

    def put_back(self, claim: Claim) -> None:
        """It was not tried to the end; whoever is next may."""
        update = "UPDATE deliveries SET owner = NULL WHERE id = ? AND owner = ?"
        self._database.execute(update, claim.id, claim.owner)

    # Looking

    def next_due(self, sink: str, account: str | None = None) -> datetime | None:
        """When the next message for a sink is due; None where nothing is outstanding."""
        row = self._database.fetch_one(NEXT_DUE, sink, account, account)
        return moment(row[0]) if row and row[0] else None

    def outstanding(self) -> list[str]:
        """The sinks that have not got everything, sorted."""
        which = f"outcome IS NULL AND {SINKS_ONLY}"
        select = f"SELECT DISTINCT sink FROM deliveries WHERE {which} ORDER BY 1"  # noqa: S608  (our own words)
        return [sink for (sink,) in self._database.fetch_all(select)]

    def backlog(self) -> dict[str, int]:
        """How many messages each sink has not got; only sinks with some."""
        which = f"outcome IS NULL AND {SINKS_ONLY}"
        select = f"SELECT sink, count(*) FROM deliveries WHERE {which} GROUP BY sink"  # noqa: S608  (our own words)
        return dict(self._database.fetch_all(select))

    def latest(self, account: str) -> list[DeliveryState]:
        """The newest message at each sink of an account, and what became of it."""
        return [
            DeliveryState(
                sink=sink,
                type=kind,
                about=about,
                outcome=outcome,
                tries=tries,
                error=error,
                due=None if outcome else moment(due),
                settled=moment(settled) if settled else None,
            )
            for sink, kind, about, outcome, tries, error, due, settled in self._database.fetch_all(
                LATEST, account
            )
        ]

    # Endpoints that are gone

    def disable_sink(self, sink: str, fingerprint: str, message: str) -> None:
        """Send nothing to a sink until its config changes."""
        replace = "REPLACE INTO sinks_off (sink, fingerprint, message) VALUES (?,?,?)"
        self._database.execute(replace, sink, fingerprint, message)

    def disabled_sink(self, sink: str) -> DisabledSink | None:
        """With which config a sink was disabled, and why; None where it never was."""
        select = "SELECT fingerprint, message FROM sinks_off WHERE sink = ?"
        row = self._database.fetch_one(select, sink)
        return DisabledSink(*row) if row else None

    # Below

    def _has(self, message: Message, sink: str, *, even_delivered: bool) -> bool:
        state = (
            "(outcome IS NULL OR outcome = 'delivered')" if even_delivered else "outcome IS NULL"
        )
        which = "account = ? AND sink = ? AND type = ? AND about = ?"
        select = f"SELECT 1 FROM deliveries WHERE {which} AND {state}"  # noqa: S608  (our own words)
        values = (message.account, sink, message.type, message.about)
        return self._database.fetch_one(select, *values) is not None

    def _insert(self, message: Message, sink: str, *, held: bool) -> None:
        issued = message.type == ISSUED
        until = message.token.expires_at if issued else message.at + timedelta(hours=NEWS_HOURS)
        due = self._clock.now() + timedelta(seconds=HOLD_SECONDS if held else 0)
        self._database.insert(
            INSERT,
            message.account,
            sink,
            message.type,
            message.id,
            message.about,
            utc(until),
            utc(due),
            self._encryption.encrypt(json.dumps(message.to_json()).encode()),
        )

    def _settle(self, outcome: str, which: str, *values: Any) -> None:
        update = f"{SETTLE} AND {which} RETURNING account, sink"
        with self._database.transaction():
            settled = self._database.fetch_all(update, outcome, self._now(), *values)
            for account, sink in settled:
                if not is_notice(sink):
                    self._history.count("delivery", account, sink, outcome)

    def is_free(self, holder: str | None, claimed: str | None) -> bool:
        """Whether nobody who lives is delivering a message."""
        if holder is None or claimed is None or not is_alive(holder):
            return True
        return moment(claimed) + timedelta(seconds=CLAIM_SECONDS) <= self._clock.now()

    def _now(self) -> str:
        return utc(self._clock.now())


def is_notice(sink: str) -> bool:
    """Whether a name in the outbox is of a way to people."""
    return sink.startswith(NOTICES)
