"""What keeps an account from being locked: what was sent, what came back, what was refused.

Everything is kept per secret, by a fingerprint that is the same for every name of the account in
the config: a renamed account, or one whose other credentials change, keeps what the broker said of
this secret. Of an OTP only its time step is kept. The state of a login by hand is kept here too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from autologin.store.database import Database, moment, utc
from autologin.store.encryption import Encryption
from autologin.store.leases import Leases
from autologin.store.records import AttemptCount, Block, Lease, ManualLogin

if TYPE_CHECKING:
    from pydantic import SecretStr

STEPS_KEPT = 2880
"""Used time steps that are remembered: a day of them, far more than any broker accepts."""
ATTEMPTS_KEPT = 400
"""Attempts that are remembered of one secret."""
SENT_KEPT = timedelta(days=2)
"""How far back `sent` looks: longer than any broker counts."""
AHEAD = timedelta(minutes=10)
"""A moment further in the future than this was written by a clock that was wrong."""
TRUSTED = timedelta(days=7)
"""How long it is trusted that a secret is right because the broker accepted it."""

COUNT = """
SELECT coalesce(outcome, 'unanswered'), count(*) FROM attempts
WHERE fingerprint = ? AND id > coalesce(
    (SELECT max(id) FROM attempts WHERE fingerprint = ? AND outcome = 'accepted'), 0
)
GROUP BY 1
"""
UNANSWERED = """
SELECT max(number) FROM (
    SELECT count(*) AS number FROM attempts AS one
    WHERE account = ? AND began >= ? AND coalesce(outcome, 'unanswered') = 'unanswered'
    AND NOT EXISTS (
        SELECT 1 FROM attempts AS later
        WHERE later.fingerprint = one.fingerprint AND later.id > one.id
        AND later.outcome IN ('accepted', 'rejected')
    )
    GROUP BY fingerprint
)
"""
PRUNE = """
DELETE FROM attempts WHERE fingerprint = ? AND id <= (
    SELECT id FROM attempts WHERE fingerprint = ? ORDER BY id DESC LIMIT 1 OFFSET ?
)
"""
STAND = "REPLACE INTO standing (account, fingerprint) VALUES (?,?)"
OPEN = "coalesce(outcome, '') IN ('', 'rejected', 'unclear', 'unanswered')"
"""Attempts that may count against an account."""
LOGINS = """
SELECT login FROM attempts WHERE account = ? UNION SELECT login FROM blocks WHERE account = ?
"""


class Attempts:
    """The attempts in a store. Every method raises StoreError where the database fails."""

    def __init__(self, database: Database, encryption: Encryption, leases: Leases) -> None:
        self._database = database
        self._encryption = encryption
        self._leases = leases

    # Secrets that were sent

    def begin(self, lease: Lease, login: str, secrets: Collection[str]) -> list[int]:
        """Note that secrets, by their fingerprints, are about to be sent in one call.

        `login` is the fingerprint of the broker and the login id. Gives the attempts' numbers.

        Raises:
            LeaseLost: the lease has gone to another process; nothing must be sent.
        """
        insert = "INSERT INTO attempts (account, login, fingerprint, began) VALUES (?,?,?,?)"
        now = utc(self._database.now())
        with self._database.transaction():
            self._leases.check(lease)
            numbers = []
            for secret in secrets:
                self._database.execute(PRUNE, secret, secret, ATTEMPTS_KEPT - 1)
                numbers.append(self._database.insert(insert, lease.account, login, secret, now))
        return numbers

    def settle(self, attempts: Collection[int], outcome: str) -> None:
        """Note what came of attempts.

        `accepted`, `rejected`; `unanswered`: no answer came; `unclear`: nobody understood it;
        `unjudged`: the answer was about another secret; `unsent`: it never left, and is forgotten.
        An answer is the truth whoever holds the lease by now.
        """
        for attempt in attempts:
            if outcome == "unsent":
                self._database.execute("DELETE FROM attempts WHERE id = ?", attempt)
            else:
                update = "UPDATE attempts SET outcome = ? WHERE id = ?"
                self._database.execute(update, outcome, attempt)

    def may_have_repeated(self, attempts: Collection[int]) -> None:
        """Note that attempts may have reached the broker twice: each counts once more."""
        repeat = (
            "INSERT INTO attempts (account, login, fingerprint, began, outcome)"
            " SELECT account, login, fingerprint, began, outcome FROM attempts WHERE id = ?"
        )
        for attempt in attempts:
            self._database.execute(repeat, attempt)

    def sent(self, login: str) -> list[datetime]:
        """When something was sent for a login in the last days, the last one last.

        Whatever the answers were; no unblocking forgets them. Moments in the future are those of a
        clock that was ahead, and say nothing.
        """
        now = self._database.now()
        select = (
            "SELECT DISTINCT began FROM attempts WHERE login = ? AND began BETWEEN ? AND ?"
            " ORDER BY began"
        )
        rows = self._database.fetch_all(select, login, utc(now - SENT_KEPT), utc(now))
        return [moment(began) for (began,) in rows]

    def count(self, secret: str) -> AttemptCount:
        """What became of a secret since the broker accepted it last."""
        numbers = dict(self._database.fetch_all(COUNT, secret, secret))
        now = self._database.now()
        accepted = (
            "SELECT 1 FROM attempts WHERE fingerprint = ? AND outcome = 'accepted'"
            " AND began BETWEEN ? AND ?"
        )
        trusted = self._database.fetch_one(accepted, secret, utc(now - TRUSTED), utc(now))
        return AttemptCount(
            rejected=numbers.get("rejected", 0),
            unclear=numbers.get("unclear", 0),
            unanswered=numbers.get("unanswered", 0),
            trusted=trusted is not None,
        )

    def unanswered(self, account: str, since: datetime) -> int:
        """How often, since a moment, a secret of an account was sent in a row without an answer."""
        row = self._database.fetch_one(UNANSWERED, account, utc(since))
        return int(row[0] or 0) if row else 0

    # Blocks

    def block(
        self, account: str, login: str, secret: str, block: Block, *, refused: bool = True
    ) -> None:
        """Send a secret no more.

        `refused`: because the broker refused it, whatever its last attempt was taken for.
        """
        reject = (
            "UPDATE attempts SET outcome = 'rejected' WHERE id ="
            " (SELECT max(id) FROM attempts WHERE fingerprint = ?)"
        )
        replace = (
            "REPLACE INTO blocks (fingerprint, account, login, at, what, error, message)"
            " VALUES (?,?,?,?,?,?,?)"
        )
        values = (utc(block.at), block.what, block.error, block.message)
        with self._database.transaction():
            if refused:
                self._database.execute(reject, secret)
            self._database.execute(replace, secret, account, login, *values)
            self._database.execute(STAND, account, secret)

    def find_block(self, account: str, secrets: Sequence[str]) -> Block | None:
        """The newest block on any of an account's secrets; None where none is blocked.

        Blocks on secrets that the account no longer has stay, but are not its state any more.
        """
        marks = ", ".join("?" * len(secrets))
        find = f"SELECT fingerprint FROM blocks WHERE fingerprint IN ({marks}) ORDER BY at DESC"  # noqa: S608  (question marks)
        with self._database.transaction():
            found = self._database.fetch_one(find, *secrets)
            if found:
                self._database.execute(STAND, account, found[0])
                return self.current_block(account)
            self._database.execute("DELETE FROM standing WHERE account = ?", account)
            return None

    def current_block(self, account: str) -> Block | None:
        """The block that stands against an account, as far as its last run knew."""
        select = (
            "SELECT at, what, error, message FROM blocks JOIN standing USING (fingerprint)"
            " WHERE standing.account = ?"
        )
        row = self._database.fetch_one(select, account)
        return Block(moment(row[0]), row[1], row[2], row[3]) if row else None

    def unblock(self, account: str, login: str | None = None) -> bool:
        """Forget every refusal of an account, and what was sent without an answer.

        `login` is the fingerprint of its broker and login id, where it is known: under it go also
        those from when the account had another name. That something was sent stays known, unless
        it was at a moment that is still to come. Gives whether there was anything to forget.
        """
        with self._database.transaction():
            logins = {login} if login else set()
            logins |= {found for (found,) in self._database.fetch_all(LOGINS, account, account)}
            logins.discard("")
            marks = ", ".join("?" * len(logins))
            which = f"(account = ? OR login IN ({marks}))"
            blocks = f"DELETE FROM blocks WHERE {which}"  # noqa: S608  (question marks)
            future = f"DELETE FROM attempts WHERE began > ? AND {which}"  # noqa: S608
            forgive = f"UPDATE attempts SET outcome = 'forgiven' WHERE {OPEN} AND {which}"  # noqa: S608
            ahead = utc(self._database.now() + AHEAD)
            return any(
                [
                    self._database.execute(blocks, account, *logins),
                    self._database.execute(future, ahead, account, *logins),
                    self._database.execute(forgive, account, *logins),
                ]
            )

    # OTPs

    def claim_otp_step(self, lease: Lease, seed: str, step: int) -> bool:
        """Whether a seed's OTP of this time step is ours to send: True once, False ever after.

        Raises:
            LeaseLost: the lease has gone to another process.
        """
        # By their number, not by this step: a clock that is far ahead must not make us forget them.
        delete = (
            "DELETE FROM otp_steps WHERE seed = ? AND step <"
            " (SELECT step FROM otp_steps WHERE seed = ? ORDER BY step DESC LIMIT 1 OFFSET ?)"
        )
        insert = "INSERT OR IGNORE INTO otp_steps (seed, step) VALUES (?,?)"
        with self._database.transaction():
            self._leases.check(lease)
            self._database.execute(delete, seed, seed, STEPS_KEPT)
            return self._database.execute(insert, seed, step) == 1

    # Logins by hand

    def save_manual_login(self, account: str, nonce: str, verifier: SecretStr | None) -> None:
        """Remember what a login by hand must bring back, and its exchange's PKCE verifier."""
        text = f"{nonce} {verifier.get_secret_value()}" if verifier else nonce
        encrypted = self._encryption.encrypt(text.encode())
        replace = "REPLACE INTO meta (name, value) VALUES (?, ?)"
        self._database.execute(replace, f"nonce/{account}", encrypted)

    def manual_login(self, account: str) -> ManualLogin | None:
        """What the last login by hand must bring back; None where none is under way."""
        from pydantic import SecretStr  # noqa: PLC0415  (60 ms, which cli/prestart.py must not wait for)

        select = "SELECT value FROM meta WHERE name = ?"
        row = self._database.fetch_one(select, f"nonce/{account}")
        if row is None:
            return None
        nonce, _, verifier = self._encryption.decrypt(row[0]).decode().partition(" ")
        return ManualLogin(nonce or None, SecretStr(verifier) if verifier else None)

    def drop_manual_login(self, account: str) -> None:
        """The login by hand is done."""
        self._database.execute("DELETE FROM meta WHERE name = ?", f"nonce/{account}")
