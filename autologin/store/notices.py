"""What each way to people is owed: messages in the outbox, like those that sinks are to get.

None waits for another: one that a way never takes must not hold the rest up.

An alert is owed to every way while its cause is open. Once that is over, who was told gets
"recovered", and who was not hears of neither. All of it follows from the open alerts and from what
was delivered, so `settle` may be called at any moment, and after any death of a process.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from autologin.clock import Clock
from autologin.message import ALERT, RECOVERED, Message
from autologin.store.database import Database, utc
from autologin.store.encryption import Encryption
from autologin.store.outbox import INSERT, NOTICES, Outbox
from autologin.store.records import UntakenNotices

RECOVERED_HOURS = 24
"""How long it is worth telling that something is over."""
NO_END = datetime(9999, 1, 1, tzinfo=UTC)
"""An alert is told as long as its cause is open."""

OWED = f"""
SELECT id, account, sink, type, about, message, outcome, owner, claimed FROM deliveries
WHERE sink LIKE '{NOTICES}%' ORDER BY id
"""  # noqa: S608  (our own words)
UNTAKEN = f"""
SELECT sink, sealed, error FROM deliveries
WHERE sink LIKE '{NOTICES}%' AND outcome IS NULL AND error IS NOT NULL ORDER BY sink, id
"""  # noqa: S608  (our own words)


@dataclass(frozen=True)
class _Opening:
    """An alert that is open. `sealed` None: an older autologin opened it."""

    notice: str
    opened: str
    sealed: bytes | None


@dataclass(frozen=True)
class _Row:
    """A notice of one way, delivered or not. `busy`: somebody is delivering it."""

    id: int
    kind: str
    causes: tuple[str, ...]
    notice: str
    outcome: str | None
    busy: bool

    @property
    def can_go(self) -> bool:
        """Whether it can still be withdrawn."""
        return self.outcome is None and not self.busy


class Notices:
    """The notices in a store. Every method raises StoreError where the database fails."""

    def __init__(
        self, database: Database, encryption: Encryption, clock: Clock, outbox: Outbox
    ) -> None:
        self._database = database
        self._encryption = encryption
        self._clock = clock
        self._outbox = outbox

    def settle(self, ways: Collection[str]) -> None:
        """Owe these ways what the open alerts ask for, and withdraw what nobody needs any more.

        What a way has not taken that is not among them is dropped.
        """
        with self._database.transaction():
            openings = self._openings()
            rows = self._rows()
            for account, way in {*rows, *((account, way) for account in openings for way in ways)}:
                there = openings.get(account, {})
                ours = rows.get((account, way), [])
                if way in ways:
                    self._settle(account, way, there, ours)
                else:
                    over = (row for row in ours if row.outcome and not {*row.causes} & {*there})
                    self._drop([*over, *(row for row in ours if row.can_go)])

    def forget(self, account: str, cause: str) -> None:
        """Let an alert go without a word: what it was about is no longer in the config."""
        values = (account, cause)
        with self._database.transaction():
            self._database.execute("DELETE FROM alerts WHERE account = ? AND cause = ?", *values)
            which = f"sink LIKE '{NOTICES}%' AND account = ? AND type = '{ALERT}' AND about = ?"
            about = json.dumps([cause])
            self._database.execute(f"DELETE FROM deliveries WHERE {which}", account, about)  # noqa: S608  (our own words)

    def untaken(self, ways: Mapping[str, str]) -> list[UntakenNotices]:
        """What was offered and not taken, of these ways, each with its label."""
        found = defaultdict(list)
        for way, sealed, error in self._database.fetch_all(UNTAKEN):
            if way in ways:
                body = json.loads(self._encryption.decrypt(sealed))
                found[ways[way]].append((datetime.fromisoformat(body["timestamp"]), error))
        return [
            UntakenNotices(label, len(notices), min(notices)[0], notices[0][1])
            for label, notices in found.items()
        ]

    def _settle(
        self, account: str, way: str, there: Mapping[str, _Opening], rows: Iterable[_Row]
    ) -> None:
        """Settle one account's notices at one way; `there` are the causes that are open."""
        alerts = [row for row in rows if row.kind == ALERT]
        promises = [row for row in rows if row.kind == RECOVERED]
        for ended in [row for row in promises if row.outcome]:
            heard = [row for row in alerts if row.outcome and {*row.causes} <= {*ended.causes}]
            self._drop([ended, *(row for row in heard if not _is_of(row, there))])
            alerts = [row for row in alerts if row not in heard or _is_of(row, there)]
        self._drop(row for row in alerts if row.can_go and not _is_of(row, there))
        known = {row.notice for row in alerts}
        for cause, opening in there.items():
            if opening.sealed and opening.notice not in known:
                self._insert_alert(account, way, cause, opening)
        promised = self._keep_promises(promises, there)
        in_hand = {cause for row in alerts if row.busy for cause in row.causes}
        told = {cause for row in alerts if row.outcome for cause in row.causes}
        if over := sorted(told - {*there} - promised - in_hand):
            self._insert_recovered(account, way, over)

    def _keep_promises(self, promises: Iterable[_Row], there: Mapping[str, _Opening]) -> set[str]:
        """Withdraw "recovered" of causes that are there again; gives what will still be told."""
        promised: set[str] = set()
        for row in promises:
            over = [cause for cause in row.causes if cause not in there]
            if row.outcome:
                continue
            if row.busy:
                over = [*row.causes]
            elif not over:
                self._drop([row])
            elif len(over) < len(row.causes):
                self._narrow(row, over)
            promised |= {*over}
        return promised

    def _narrow(self, row: _Row, causes: list[str]) -> None:
        select = "SELECT sealed FROM deliveries WHERE id = ?"
        update = "UPDATE deliveries SET about = ?, sealed = ? WHERE id = ?"
        ((sealed,),) = self._database.fetch_all(select, row.id)
        body = json.loads(self._encryption.decrypt(sealed))
        body["data"]["causes"] = causes
        sealed = self._encryption.encrypt(json.dumps(body).encode())
        self._database.execute(update, json.dumps(causes), sealed, row.id)

    def _insert_alert(self, account: str, way: str, cause: str, opening: _Opening) -> None:
        about = json.dumps([cause])
        now, until = utc(self._clock.now()), utc(NO_END)
        values = (account, way, ALERT, opening.notice, about, until, now, opening.sealed)
        self._database.insert(INSERT, *values)

    def _insert_recovered(self, account: str, way: str, causes: list[str]) -> None:
        now = self._clock.now()
        message = Message.notice(RECOVERED, account, causes, now)
        sealed = self._encryption.encrypt(json.dumps(message.to_json()).encode())
        until = utc(now + timedelta(hours=RECOVERED_HOURS))
        about = json.dumps(causes)
        values = (account, way, RECOVERED, message.id, about, until, utc(now), sealed)
        self._database.insert(INSERT, *values)

    def _openings(self) -> dict[str, dict[str, _Opening]]:
        """The open alerts of each account, by cause."""
        found: dict[str, dict[str, _Opening]] = defaultdict(dict)
        select = "SELECT account, cause, notice, opened, sealed FROM alerts ORDER BY opened, cause"
        for account, cause, *opening in self._database.fetch_all(select):
            found[account][cause] = _Opening(*opening)
        return found

    def _rows(self) -> dict[tuple[str, str], list[_Row]]:
        """What each account's ways were told and are owed, in order."""
        found: dict[tuple[str, str], list[_Row]] = defaultdict(list)
        for (
            number,
            account,
            way,
            kind,
            about,
            notice,
            outcome,
            owner,
            claimed,
        ) in self._database.fetch_all(OWED):
            busy = outcome is None and not self._outbox.is_free(owner, claimed)
            row = _Row(number, kind, tuple(json.loads(about)), notice, outcome, busy)
            found[account, way].append(row)
        return found

    def _drop(self, rows: Iterable[_Row]) -> None:
        for row in rows:
            self._database.execute("DELETE FROM deliveries WHERE id = ?", row.id)


def _is_of(row: _Row, there: Mapping[str, _Opening]) -> bool:
    """Whether an alert that was told or is owed is of an alert that is open."""
    return any(row.notice == opening.notice for opening in there.values())
