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

from autologin.clock import IST
from autologin.message import ISSUED, Message
from autologin.store.database import Database, moment, utc
from autologin.store.encryption import Encryption
from autologin.store.history import History
from autologin.store.leases import Leases, is_alive, new_owner
from autologin.store.records import (
    Again,
    Claim,
    Delivered,
    DeliveryState,
    DisabledSink,
    Presence,
)

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
LONGEST_PAUSE = 3600.0
"""Seconds; a message that is due later than this was put off by a clock that was ahead."""
AHEAD_SECONDS = 2.0
"""A claim that is newer than now by more was made by a clock that was ahead."""
REDELIVERIES = 3
"""How often a token that is gone from a sink is delivered again on one day in India."""

INSERT = """
INSERT INTO deliveries (account, sink, type, message, about, until, due, sealed)
VALUES (?,?,?,?,?,?,?,?)
"""
DUE = f"""
SELECT id, message, sealed, tries, owner, claimed, again, receipt FROM deliveries AS one
WHERE sink = ? AND outcome IS NULL AND (due <= ? OR due > ?)
AND (? IS NULL OR account IN (SELECT value FROM json_each(?))) AND NOT EXISTS (
    SELECT 1 FROM deliveries AS before
    WHERE before.account = one.account AND before.sink = one.sink AND before.id < one.id
    AND before.outcome IS NULL AND before.{SINKS_ONLY}
)
ORDER BY due, id LIMIT ?
"""  # noqa: S608  (our own words)
NEXT_DUE = """
SELECT min(CASE WHEN due > ? THEN ? ELSE due END) FROM deliveries
WHERE sink = ? AND outcome IS NULL
AND (? IS NULL OR account IN (SELECT value FROM json_each(?)))
"""
LATEST = f"""
SELECT sink, type, about, outcome, tries, error, due, settled, again, found, looked, words
FROM deliveries
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
UPDATE deliveries SET tries = tries + 1, error = ?, due = ?, owner = NULL,
    again = CASE again WHEN 'forced' THEN 'gone' ELSE again END
WHERE id = ? AND owner = ?
"""
OLDER = """
SELECT id, owner, claimed FROM deliveries AS one
WHERE sink = ? AND type = ? AND outcome IS NULL AND EXISTS (
    SELECT 1 FROM deliveries AS newer WHERE newer.account = one.account AND newer.sink = one.sink
    AND newer.type = one.type AND newer.id > one.id
)
"""
DELIVERED = """
SELECT id, message, receipt, found FROM deliveries
WHERE account = ? AND sink = ? AND type = ? AND about = ? AND outcome = 'delivered'
ORDER BY id DESC
"""
REOPEN = """
UPDATE deliveries SET outcome = NULL, sealed = ?, until = ?, due = ?, again = ?, tries = 0,
    error = NULL, owner = NULL, claimed = NULL
WHERE id = ? AND outcome = 'delivered'
"""
TAKE_BACK = """
UPDATE deliveries SET outcome = 'delivered', sealed = NULL, owner = NULL, again = NULL,
    found = ?, looked = ?, words = ?
WHERE id = ? AND owner = ?
"""
FIND = """
UPDATE deliveries SET found = ?, looked = ?, words = ? WHERE id = ? AND outcome = 'delivered'
"""
LEAVE = """
UPDATE deliveries SET receipt = ?, found = ?, looked = ?, words = NULL, again = NULL
WHERE id = ? AND outcome = 'delivered'
"""
REDELIVERED = """
SELECT count(*) FROM redelivered WHERE account = ? AND sink = ? AND at > ? AND at <= ?
"""


class Outbox:
    """The deliveries in a store. Every method raises StoreError where the database fails."""

    def __init__(
        self,
        database: Database,
        encryption: Encryption,
        history: History,
        leases: Leases,
    ) -> None:
        self._database = database
        self._encryption = encryption
        self._history = history
        self._leases = leases

    # Putting in

    def enqueue(
        self,
        message: Message,
        sinks: Collection[str],
        *,
        held: bool = False,
    ) -> None:
        """Put a message in for sinks; a newer token replaces older ones that did not arrive.

        `held`: the token is new, and nobody delivers it before `release`. Otherwise a sink that
        has got this very token, or is to get it, is left out. For tokens, see `store.tokens`.
        """
        with self._database.transaction():
            for sink in sinks:
                if message.type == ISSUED and not held and self._has(message, sink):
                    continue
                self._insert(message, sink, held=held)
                self._replace_older(sink)

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

    def claim(self, sink: str, most: int, accounts: Collection[str] | None = None) -> list[Claim]:
        """Up to `most` messages due at a sink, of some accounts or all, now ours to deliver."""
        which = None if accounts is None else json.dumps([*accounts])
        update = "UPDATE deliveries SET owner = ?, claimed = ? WHERE id = ?"
        claims: list[Claim] = []
        with self._database.transaction():
            now = self._now()
            self._settle("expired", "sink = ? AND until <= ?", sink, now)
            self._replace_older(sink)
            rows = self._database.fetch_all(
                DUE, sink, now, self._farthest(), which, which, most * 4
            )  # others may have claimed some
            for number, identity, encrypted, tries, holder, claimed, again, receipt in rows:
                if len(claims) < most and self.is_free(holder, claimed):
                    owner = new_owner()
                    self._database.execute(update, owner, now, number)
                    body = json.loads(self._encryption.decrypt(encrypted))
                    message = Message.from_json(identity, body)
                    untouched = claimed is None
                    claims.append(
                        Claim(number, sink, owner, message, tries, again, receipt, untouched)
                    )
        return claims

    def mark_delivered(self, claim: Claim, receipt: str | None = None) -> None:
        """It has arrived: its body is forgotten, and so is whatever arrived there before.

        `receipt` says what was left there, where the sink can be asked for it later.
        """
        message = claim.message
        now = self._now()
        with self._database.transaction():
            if not self._settle("delivered", "id = ? AND owner = ?", claim.id, claim.owner):
                return  # settled meanwhile by another process, whose word holds
            if is_notice(claim.sink):  # who was told of what is known until that is over
                return
            found = "present" if receipt else None
            self._database.execute(LEAVE, receipt, found, now if receipt else None, claim.id)
            if claim.again == "gone":
                self._database.execute("DELETE FROM redelivered WHERE at < ?", self._midnight())
                insert = "INSERT INTO redelivered (account, sink, at) VALUES (?,?,?)"
                self._database.execute(insert, message.account, claim.sink, now)
            values = (message.account, claim.sink, message.type, claim.id)
            self._database.execute(FORGET_EARLIER, *values)

    def take_back(self, claim: Claim, presence: Presence) -> None:
        """It need not, or must not, be delivered once more: so the sink has just answered."""
        values = (presence.found, self._now(), presence.words, claim.id, claim.owner)
        self._database.execute(TAKE_BACK, *values)

    def mark_failed(self, claim: Claim, error: str, pause: float) -> None:
        """It did not arrive; the next try is after `pause` seconds."""
        due = utc(self._database.now() + timedelta(seconds=pause))
        with self._database.transaction():
            self._database.execute(FAIL, error, due, claim.id, claim.owner)
            if is_notice(claim.sink):
                return
            self._history.count("failed_try", claim.message.account, claim.sink, "failed")

    def put_back(self, claim: Claim) -> None:
        """It was not tried to the end; whoever is next may."""
        update = "UPDATE deliveries SET owner = NULL WHERE id = ? AND owner = ?"
        self._database.execute(update, claim.id, claim.owner)

    # What became of it at the sink

    def find_delivered(self, account: str, sink: str, about: str) -> Delivered | None:
        """The delivery of a token that has arrived at a sink; None where it has not."""
        row = self._database.fetch_one(DELIVERED, account, sink, ISSUED, about)
        return Delivered(*row) if row else None

    def note_presence(self, delivery: Delivered, presence: Presence) -> None:
        """Keep what a sink has just answered."""
        values = (presence.found, self._now(), presence.words, delivery.id)
        self._database.execute(FIND, *values)

    def forget_presence(self) -> None:
        """What sinks had when they answered last may be lost: a service starts anew."""
        self._database.execute("UPDATE deliveries SET found = 'unasked' WHERE found = 'present'")

    def may_reopen(self, account: str, sink: str) -> bool:
        """Whether a token that is gone may be delivered again: not too often within a day."""
        values = (account, sink, self._midnight(), self._now())
        row = self._database.fetch_one(REDELIVERED, *values)
        return row is None or row[0] < REDELIVERIES

    def reopen(self, delivery: Delivered, message: Message, why: Again) -> None:
        """Put a token in once more, because it is gone from its sink or somebody insists.

        Several processes may ask: it goes in once.
        """
        sealed = self._encryption.encrypt(json.dumps(message.to_json()).encode())
        until = utc(message.token.expires_at)
        self._database.execute(REOPEN, sealed, until, self._now(), why, delivery.id)

    # Looking

    def next_due(self, sink: str, accounts: Collection[str] | None = None) -> datetime | None:
        """When the next message for a sink is due, of some accounts or all.

        None where nothing is outstanding.
        """
        which = None if accounts is None else json.dumps([*accounts])
        values = (self._farthest(), self._now(), sink, which, which)
        row = self._database.fetch_one(NEXT_DUE, *values)
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
                again=again,
                found=found,
                looked=moment(looked) if looked else None,
                words=words or "",
            )
            for (
                sink,
                kind,
                about,
                outcome,
                tries,
                error,
                due,
                settled,
                again,
                found,
                looked,
                words,
            ) in self._database.fetch_all(LATEST, account)
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

    def enable_sinks(self, sinks: Collection[str]) -> None:
        """Try disabled sinks once more: whoever asks may have mended them."""
        for sink in sinks:
            self._database.execute("DELETE FROM sinks_off WHERE sink = ?", sink)

    # Below

    def _has(self, message: Message, sink: str) -> bool:
        which = "account = ? AND sink = ? AND type = ? AND about = ?"
        state = "(outcome IS NULL OR outcome = 'delivered')"
        select = f"SELECT 1 FROM deliveries WHERE {which} AND {state}"  # noqa: S608  (our own words)
        values = (message.account, sink, message.type, message.about)
        return self._database.fetch_one(select, *values) is not None

    def _insert(self, message: Message, sink: str, *, held: bool) -> None:
        issued = message.type == ISSUED
        until = message.token.expires_at if issued else message.at + timedelta(hours=NEWS_HOURS)
        due = self._database.now() + timedelta(seconds=HOLD_SECONDS if held else 0)
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

    def _replace_older(self, sink: str) -> None:
        """End tokens that a newer one has replaced.

        One that is on its way just now ends there: it must not arrive after the newer one.
        """
        for number, holder, claimed in self._database.fetch_all(OLDER, sink, ISSUED):
            if self.is_free(holder, claimed):
                self._settle("replaced", "id = ?", number)

    def _settle(self, outcome: str, which: str, *values: Any) -> int:
        """End deliveries, and count how; gives how many.

        One that was delivered before was counted then.
        """
        update = f"{SETTLE} AND {which} RETURNING account, sink, again"
        with self._database.transaction():
            settled = self._database.fetch_all(update, outcome, self._now(), *values)
            for account, sink, again in settled:
                if is_notice(sink):
                    continue
                if again is None:
                    self._history.count("delivery", account, sink, outcome)
                elif outcome == "delivered":
                    self._history.count("delivery", account, sink, "redelivered")
        return len(settled)

    def is_free(self, holder: str | None, claimed: str | None) -> bool:
        """Whether nobody who lives is delivering a message."""
        if holder is None or claimed is None or not is_alive(holder):
            return True
        age = (self._database.now() - moment(claimed)).total_seconds()
        return not -AHEAD_SECONDS <= age < CLAIM_SECONDS

    def _midnight(self) -> str:
        now = self._database.now().astimezone(IST)
        return utc(now.replace(hour=0, minute=0, second=0, microsecond=0))

    def _farthest(self) -> str:
        """The latest moment for which a message can have been put off by a right clock."""
        return utc(self._database.now() + timedelta(seconds=LONGEST_PAUSE))

    def _now(self) -> str:
        return utc(self._database.now())


def is_notice(sink: str) -> bool:
    """Whether a name in the outbox is of a way to people."""
    return sink.startswith(NOTICES)
