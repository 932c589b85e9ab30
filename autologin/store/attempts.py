"""What keeps an account from being locked: attempts and their answers, blocks, used OTP steps.

Of an OTP only its time step is kept, of credentials only a fingerprint. The state of a login by
hand is kept here too.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from autologin.clock import Clock
from autologin.store.database import Database, moment, utc
from autologin.store.encryption import Encryption
from autologin.store.records import AttemptCount, Block, ManualLogin

if TYPE_CHECKING:
    from pydantic import SecretStr

STEPS_KEPT = 2880
"""Used time steps that are remembered: a day of them, far more than any broker accepts."""
SENT_KEPT = timedelta(days=2)
"""How long it is remembered that a secret was sent: longer than any broker counts."""

BY_ANSWER = """
SELECT kind, outcome, count(*) FROM attempts WHERE account = ? AND fingerprint = ? GROUP BY 1, 2
"""
NOT_ACCEPTED = """
SELECT 1 FROM attempts WHERE account = ? AND coalesce(outcome, '') IN ('', 'rejected', 'unclear')
"""


class Attempts:
    """The attempts in a store. Every method raises StoreError where the database fails."""

    def __init__(self, database: Database, encryption: Encryption, clock: Clock) -> None:
        self._database = database
        self._encryption = encryption
        self._clock = clock

    # Secrets that were sent

    def begin(self, account: str, fingerprint: str, kind: str) -> int:
        """Note that a `password` or an `otp` is about to be sent; gives the attempt's number."""
        now = self._clock.now()
        insert = "INSERT INTO attempts (account, fingerprint, kind, began) VALUES (?,?,?,?)"
        with self._database.transaction():
            self._database.execute("DELETE FROM sent WHERE at < ?", utc(now - SENT_KEPT))
            self._database.execute("INSERT INTO sent (account, at) VALUES (?,?)", account, utc(now))
            return self._database.insert(insert, account, fingerprint, kind, utc(now))

    def settle(self, attempt: int, outcome: str) -> None:
        """Note the broker's answer: `accepted`, `rejected`, `unanswered` or `unclear`."""
        update = "UPDATE attempts SET outcome = ? WHERE id = ?"
        self._database.execute(update, outcome, attempt)

    def sent(self, account: str) -> list[datetime]:
        """When secrets of an account were sent in the last days, the last one last.

        Whatever the answers were; no unblocking forgets them.
        """
        select = "SELECT at FROM sent WHERE account = ? ORDER BY at"
        return [moment(at) for (at,) in self._database.fetch_all(select, account)]

    def count(self, account: str, fingerprint: str) -> AttemptCount:
        """What was sent with these credentials since the last good login or unblock."""
        rows = self._database.fetch_all(BY_ANSWER, account, fingerprint)
        numbers = {(kind, outcome): number for kind, outcome, number in rows}
        return AttemptCount(
            rejected_passwords=numbers.get(("password", "rejected"), 0),
            rejected_otps=numbers.get(("otp", "rejected"), 0),
            unsettled=sum(
                number for (_, outcome), number in numbers.items() if outcome in {None, "unclear"}
            ),
        )

    def clear(self, account: str) -> None:
        """Forget what was sent so far."""
        self._database.execute("DELETE FROM attempts WHERE account = ?", account)

    # Blocks

    def block(self, account: str, fingerprint: str, error: str, message: str) -> None:
        """Try no login on this account with these credentials."""
        replace = (
            "REPLACE INTO blocks (account, fingerprint, at, error, message) VALUES (?,?,?,?,?)"
        )
        now = utc(self._clock.now())
        self._database.execute(replace, account, fingerprint, now, error, message)

    def find_block(self, account: str, fingerprint: str | None = None) -> Block | None:
        """The block on these credentials (None: on whichever were refused); other ones lift it."""
        select = "SELECT at, error, message, fingerprint FROM blocks WHERE account = ?"
        row = self._database.fetch_one(select, account)
        if row is None or fingerprint not in {None, row[3]}:
            return None
        return Block(at=moment(row[0]), error=row[1], message=row[2])

    def unblock(self, account: str) -> bool:
        """Lift a block and forget the attempts that led to it.

        Gives whether there was anything to lift.
        """
        with self._database.transaction():
            attempts = self._database.fetch_all(NOT_ACCEPTED, account)
            blocks = self._database.execute("DELETE FROM blocks WHERE account = ?", account)
            self.clear(account)
        return bool(blocks or attempts)

    # OTPs

    def claim_otp_step(self, seed: str, step: int) -> bool:
        """Whether a seed's OTP of this time step is ours to send: True once, False ever after."""
        delete = "DELETE FROM otp_steps WHERE seed = ? AND step < ?"
        insert = "INSERT OR IGNORE INTO otp_steps (seed, step) VALUES (?,?)"
        with self._database.transaction():
            self._database.execute(delete, seed, step - STEPS_KEPT)
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
