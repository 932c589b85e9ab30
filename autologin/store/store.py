"""What outlives a run, in one SQLite file of the state folder. All SQL is in this package.

The file is in WAL mode, safe under several processes. What is secret is encrypted with Fernet.
Times are ISO 8601 in UTC. Each part of the store is a class in a module of its own.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import secrets
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autologin import files
from autologin.clock import Clock
from autologin.errors import ConfigError
from autologin.store.alerts import Alerts
from autologin.store.attempts import Attempts
from autologin.store.database import Database, unusable
from autologin.store.encryption import Encryption
from autologin.store.folder import find_shared_parent, secure
from autologin.store.history import History
from autologin.store.leases import Leases
from autologin.store.notices import Notices
from autologin.store.outbox import Outbox
from autologin.store.tokens import Tokens

if TYPE_CHECKING:
    from pydantic import SecretStr

ENCRYPTED = (
    ("SELECT rowid, sealed FROM tokens", "UPDATE tokens SET sealed = ? WHERE rowid = ?"),
    ("SELECT rowid, value FROM meta", "UPDATE meta SET value = ? WHERE rowid = ?"),
    (
        "SELECT id, sealed FROM deliveries WHERE sealed IS NOT NULL",
        "UPDATE deliveries SET sealed = ? WHERE id = ?",
    ),
    (
        "SELECT notice, sealed FROM alerts WHERE sealed IS NOT NULL",
        "UPDATE alerts SET sealed = ? WHERE notice = ?",
    ),
)
"""Everything that is encrypted: how it is read, and how it is written."""


class Store:
    """The store of one state folder.

    Every method, of the parts too, raises StoreError where the database cannot be read or written.
    """

    def __init__(self, database: Database, encryption: Encryption, clock: Clock) -> None:
        self._database = database
        self._encryption = encryption
        self.history = History(database, clock)
        self.leases = Leases(database)
        self.attempts = Attempts(database, encryption, self.leases)
        self.outbox = Outbox(database, encryption, self.history, self.leases)
        self.tokens = Tokens(database, encryption, self.leases, self.outbox)
        self.alerts = Alerts(database, encryption, clock)
        self.notices = Notices(database, encryption, clock, self.outbox)
        self._fingerprint_key = self._load_fingerprint_key()

    @classmethod
    def open(cls, folder: Path, clock: Clock, keys: Sequence[SecretStr] = ()) -> Store:
        """The store in a folder, which is made where it is missing.

        `keys` encrypt and decrypt tokens, the newest first; none: a generated one.

        Raises:
            ConfigError: the folder cannot be used, or a key is none.
            StoreError: the database is damaged, newer than this, or encrypted with another key.
        """
        try:
            if problem := find_shared_parent(folder):
                raise ConfigError(problem)
            files.make_folders(folder.parent)
            folder.mkdir(exist_ok=True, mode=0o700)
            secure(folder)
            encryption = Encryption.with_keys(keys) if keys else Encryption.with_key_in(folder)
        except OSError as error:
            raise ConfigError(unusable(folder, error.strerror or "")) from None
        with contextlib.ExitStack() as unless_opened:
            database = Database.open(folder, clock)
            unless_opened.callback(database.close)
            store = cls(database, encryption, clock)
            if len(keys) > 1:
                store.reseal()
            unless_opened.pop_all()
            return store

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def fingerprint(self, *parts: str) -> str:
        """A name for a secret that says nothing about it to anybody without this store's key."""
        text = json.dumps(parts).encode()
        return hmac.new(self._fingerprint_key, text, "sha256").hexdigest()

    def purge(self, keep: Collection[str] = ()) -> None:
        """Forget tokens that ended long ago, but for those of the accounts in `keep`."""
        self.tokens.purge(keep)

    def reseal(self) -> None:
        """Encrypt with the newest key what an older one has encrypted: the older one can go."""
        with self._database.transaction():
            for select, update in ENCRYPTED:
                for row, encrypted in self._database.fetch_all(select):
                    if changed := self._encryption.rotate(encrypted):
                        self._database.execute(update, changed, row)

    def _load_fingerprint_key(self) -> bytes:
        """The key of fingerprints: random, encrypted, made once.

        That it decrypts proves that the keys fit this store.
        """
        insert = "INSERT OR IGNORE INTO meta (name, value) VALUES ('fingerprint', ?)"
        self._database.execute(insert, self._encryption.encrypt(secrets.token_bytes(32)))
        row = self._database.fetch_one("SELECT value FROM meta WHERE name = 'fingerprint'")
        return self._encryption.decrypt(row[0] if row else b"")
