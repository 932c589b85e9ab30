"""The last good token of each account, and the one door through which it goes to its sinks.

`save` keeps a token and enqueues its message for each sink, held back until the broker was asked
what it is worth: `outbox.release` lets the messages go, `drop` withdraws them. `repeat` is for a
stored token that is still valid.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import timedelta

from autologin.message import Message
from autologin.store.database import Database, moment, utc
from autologin.store.encryption import Encryption
from autologin.store.leases import Leases
from autologin.store.outbox import Outbox
from autologin.store.records import Lease, StoredToken
from autologin.token import Token

SAVE = "REPLACE INTO tokens (account, broker, issued_at, expires_at, sealed) VALUES (?,?,?,?,?)"


class Tokens:
    """The tokens in a store. Every method raises StoreError where the database fails."""

    def __init__(
        self,
        database: Database,
        encryption: Encryption,
        leases: Leases,
        outbox: Outbox,
    ) -> None:
        self._database = database
        self._encryption = encryption
        self._leases = leases
        self._outbox = outbox

    def get(self, account: str) -> StoredToken | None:
        """The last good token of an account, expired or not."""
        select = "SELECT broker, sealed, verified_at FROM tokens WHERE account = ?"
        row = self._database.fetch_one(select, account)
        if row is None:
            return None
        token = Token.from_json(json.loads(self._encryption.decrypt(row[1])))
        return StoredToken(row[0], token, moment(row[2]) if row[2] else None)

    def save(self, lease: Lease, broker: str, token: Token, sinks: Collection[str] = ()) -> None:
        """Keep a new token, which nobody has confirmed yet; it replaces the last one.

        Its sinks get it once `outbox.release` lets it go.

        Raises:
            LeaseLost: the lease has gone to another process, whose token is newer.
        """
        account = lease.account
        body = json.dumps(token.to_json(account, broker)).encode()
        times = utc(token.issued_at), utc(token.expires_at)
        with self._database.transaction():
            self._leases.check(lease)
            self._database.execute(SAVE, account, broker, *times, self._encryption.encrypt(body))
            self._outbox.enqueue(Message.issued(account, broker, token), sinks, held=True)

    def set_user_id(self, account: str, token: Token, user_id: str) -> None:
        """Complete a stored token, and its messages that have not arrived, with its user."""
        select = "SELECT sealed FROM tokens WHERE account = ? AND issued_at = ?"
        update = "UPDATE tokens SET sealed = ? WHERE account = ?"
        with self._database.transaction():
            rows = self._database.fetch_all(select, account, utc(token.issued_at))
            for (encrypted,) in rows:
                body = json.loads(self._encryption.decrypt(encrypted)) | {"user_id": user_id}
                changed = self._encryption.encrypt(json.dumps(body).encode())
                self._database.execute(update, changed, account)
                self._outbox.set_user_id(account, user_id)

    def mark_verified(self, account: str, token: Token) -> None:
        """Note that the broker has just confirmed this token, if it is still the stored one."""
        update = "UPDATE tokens SET verified_at = ? WHERE account = ? AND issued_at = ?"
        values = (utc(self._database.now()), account, utc(token.issued_at))
        self._database.execute(update, *values)

    def repeat(self, account: str, sinks: Collection[str]) -> None:
        """Enqueue the stored token, which is still valid, for the sinks that have not got it.

        A sink that has got it is left out: whether it is still there, its sink can be asked.
        """
        with self._database.transaction():
            stored = self.get(account)
            if stored:
                message = Message.issued(account, stored.broker, stored.token)
                self._outbox.enqueue(message, sinks)

    def drop(
        self,
        account: str,
        token: Token,
        news: Message | None = None,
        sinks: Collection[str] = (),
    ) -> None:
        """Forget a token that the broker refuses, and give it to nobody who has not got it yet.

        The sinks get the news instead. A token that another process has stored meanwhile stays.
        """
        delete = "DELETE FROM tokens WHERE account = ? AND issued_at = ?"
        with self._database.transaction():
            if self._database.execute(delete, account, utc(token.issued_at)):
                self._outbox.withdraw(account)
                if news:
                    self._outbox.enqueue(news, sinks)

    def purge(self, keep: Collection[str] = ()) -> None:
        """Forget tokens that ended more than a day ago, but for those of the accounts in `keep`."""
        ended = utc(self._database.now() - timedelta(days=1))
        delete = "DELETE FROM tokens WHERE account = ? AND expires_at < ?"
        select = "SELECT account FROM tokens WHERE expires_at < ?"
        for (account,) in self._database.fetch_all(select, ended):
            if account not in keep:
                self._database.execute(delete, account, ended)
