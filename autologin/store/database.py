"""The database below the store: one SQLite file in WAL mode, its schema, and its errors as ours."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autologin.clock import Clock
from autologin.errors import ConfigError, Problem, StoreError

FILE = "autologin.db"
DAMAGED = (
    f"Move {FILE} in the state folder away, or put a backup back. The next run makes a new one and "
    "logs in; it knows of no refusal, so see first that every password and PIN is right."
)

MIGRATIONS = (
    """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
    CREATE TABLE tokens (
        account TEXT PRIMARY KEY, broker TEXT NOT NULL, issued_at TEXT NOT NULL, expires_at TEXT NOT NULL,
        verified_at TEXT, sealed BLOB NOT NULL
    ) STRICT;
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY, account TEXT NOT NULL, broker TEXT NOT NULL, began TEXT NOT NULL,
        outcome TEXT, error TEXT, message TEXT, seconds REAL, stages TEXT
    ) STRICT;
    CREATE INDEX runs_of ON runs (account, id);
    CREATE TABLE attempts (
        id INTEGER PRIMARY KEY, account TEXT NOT NULL, fingerprint TEXT NOT NULL, kind TEXT NOT NULL,
        began TEXT NOT NULL, outcome TEXT
    ) STRICT;
    CREATE TABLE blocks (
        account TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, at TEXT NOT NULL, error TEXT NOT NULL, message TEXT NOT NULL
    ) STRICT;
    CREATE TABLE otp_steps (seed TEXT NOT NULL, step INTEGER NOT NULL, PRIMARY KEY (seed, step)) STRICT, WITHOUT ROWID;
    CREATE TABLE leases (account TEXT PRIMARY KEY, owner TEXT NOT NULL, until TEXT NOT NULL) STRICT;
    """,
    """
    CREATE TABLE deliveries (
        id INTEGER PRIMARY KEY, account TEXT NOT NULL, sink TEXT NOT NULL, type TEXT NOT NULL, message TEXT NOT NULL,
        about TEXT NOT NULL, until TEXT NOT NULL, due TEXT NOT NULL, sealed BLOB, tries INTEGER NOT NULL DEFAULT 0,
        owner TEXT, claimed TEXT, outcome TEXT, error TEXT, settled TEXT
    ) STRICT;
    CREATE INDEX deliveries_due ON deliveries (sink, due) WHERE outcome IS NULL;
    CREATE INDEX deliveries_of ON deliveries (account, sink, id);
    CREATE TABLE sinks_off (sink TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, message TEXT NOT NULL) STRICT
    """,
    """
    CREATE TABLE alerts (
        account TEXT NOT NULL, cause TEXT NOT NULL, opened TEXT NOT NULL, PRIMARY KEY (account, cause)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE tallies (
        thing TEXT NOT NULL, account TEXT NOT NULL, kind TEXT NOT NULL, outcome TEXT NOT NULL, number INTEGER NOT NULL,
        PRIMARY KEY (thing, account, kind, outcome)
    ) STRICT, WITHOUT ROWID
    """,
    "ALTER TABLE runs ADD COLUMN skew REAL",
    """
    CREATE TABLE sent (account TEXT NOT NULL, at TEXT NOT NULL) STRICT;
    CREATE INDEX sent_of ON sent (account, at)
    """,
    "ALTER TABLE tallies RENAME TO counters",
    """
    DROP TABLE sent;
    DROP TABLE attempts;
    CREATE TABLE attempts (
        id INTEGER PRIMARY KEY, account TEXT NOT NULL, login TEXT NOT NULL, fingerprint TEXT NOT NULL,
        began TEXT NOT NULL, outcome TEXT
    ) STRICT;
    CREATE INDEX attempts_of ON attempts (fingerprint, id);
    CREATE INDEX attempts_at ON attempts (login, began);
    ALTER TABLE blocks RENAME TO former_blocks;
    CREATE TABLE blocks (
        fingerprint TEXT PRIMARY KEY, account TEXT NOT NULL, login TEXT NOT NULL, at TEXT NOT NULL,
        what TEXT NOT NULL, error TEXT NOT NULL, message TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE standing (account TEXT PRIMARY KEY, fingerprint TEXT NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO blocks SELECT fingerprint, account, '', at, 'credentials', error, message FROM former_blocks;
    INSERT INTO standing SELECT account, fingerprint FROM former_blocks;
    DROP TABLE former_blocks;
    ALTER TABLE leases ADD COLUMN until_monotonic REAL;
    ALTER TABLE leases ADD COLUMN number INTEGER NOT NULL DEFAULT 0
    """,
    """
    ALTER TABLE alerts ADD COLUMN notice TEXT;
    ALTER TABLE alerts ADD COLUMN sealed BLOB
    """,
    """
    ALTER TABLE deliveries ADD COLUMN receipt TEXT;
    ALTER TABLE deliveries ADD COLUMN again TEXT;
    ALTER TABLE deliveries ADD COLUMN found TEXT;
    ALTER TABLE deliveries ADD COLUMN looked TEXT;
    ALTER TABLE deliveries ADD COLUMN words TEXT;
    CREATE TABLE redelivered (account TEXT NOT NULL, sink TEXT NOT NULL, at TEXT NOT NULL) STRICT;
    CREATE INDEX redelivered_of ON redelivered (account, sink, at)
    """,
)
"""What leads from each schema version to the next; the version is SQLite's `user_version`.

Only ever add at the end.
"""


class Database:
    """The open file. Every method raises StoreError where it cannot be read or written."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self.connection = connection
        self._clock = clock

    @classmethod
    def open(cls, folder: Path, clock: Clock) -> Database:
        """The database in a state folder, made where it is missing, with the newest schema.

        Raises:
            ConfigError: the folder cannot be used.
            StoreError: the database is damaged, or from a newer autologin.
        """
        file = folder / FILE
        try:
            if not file.exists():
                _make(file)
        except OSError as error:
            raise ConfigError(unusable(folder, error.strerror or "")) from None
        with _translate_errors(file), contextlib.ExitStack() as unless_opened:
            connection = _connect(file, new=False)
            unless_opened.callback(connection.close)
            _migrate(connection)
            unless_opened.pop_all()
            return cls(connection, clock)

    def now(self) -> datetime:
        """The one wall clock by which everything in this database is timed."""
        return self._clock.now()

    def monotonic(self) -> float:
        """Seconds on a clock that all processes since one boot share."""
        return self._clock.monotonic()

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()

    def execute(self, sql: str, *values: Any) -> int:
        """Change something; gives how many rows changed."""
        with _translate_errors():
            return self.connection.execute(sql, values).rowcount

    def insert(self, sql: str, *values: Any) -> int:
        """Add a row; gives its number."""
        with _translate_errors():
            return self.connection.execute(sql, values).lastrowid or 0

    def fetch_one(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        """The first row that is found."""
        return next(iter(self.fetch_all(sql, *values)), None)

    def fetch_all(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Every row that is found."""
        with _translate_errors():
            return self.connection.execute(sql, values).fetchall()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing; a transaction inside another one is a part of that."""
        if self.connection.in_transaction:
            yield
            return
        with _translate_errors(), _transaction(self.connection):
            yield


def _connect(file: Path, *, new: bool) -> sqlite3.Connection:
    # Nobody opens the file besides SQLite: closing it would end the locks of this process on it.
    connection = sqlite3.connect(file, timeout=15, isolation_level=None)
    with contextlib.ExitStack() as unless_opened:
        unless_opened.callback(connection.close)
        if not new and connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            # SQLite takes a file that was cut to nothing for a new one, in which nothing that the
            # broker has refused is known. A new one of ours has its schema before its name.
            raise StoreError("The store is damaged (the file is empty)", hint=DAMAGED)
        connection.execute("PRAGMA journal_mode = WAL")
        # An OTP step that a power cut forgets would be sent again.
        connection.execute("PRAGMA synchronous = FULL")
        unless_opened.pop_all()
    return connection


def _make(file: Path) -> None:
    """Make a new database whole or not at all, whoever else is making one at the same moment."""
    folder = os.open(file.parent, os.O_RDONLY | os.O_CLOEXEC)
    temporary = file.with_name(f".{file.name}.new")
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if file.exists():
            return
        # Of a database that was moved away, and of one that was not made to its end.
        for name in (file.name, temporary.name):
            for suffix in ("-wal", "-shm"):
                file.with_name(name + suffix).unlink(missing_ok=True)
        temporary.unlink(missing_ok=True)
        os.close(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with (
            _translate_errors(file),
            contextlib.closing(_connect(temporary, new=True)) as connection,
        ):
            _migrate(connection)
        temporary.replace(file)
    finally:
        os.close(folder)


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # a full disk has rolled it back already
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _migrate(connection: sqlite3.Connection) -> None:
    with _transaction(connection):
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            newest = len(MIGRATIONS)
            detail = f"The store is of version {version}, and this autologin knows only {newest}"
            hint = "Install the newer autologin again, or name another folder in state.path."
            raise StoreError(detail, hint=hint)
        for statement in ";".join(MIGRATIONS[version:]).split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


@contextlib.contextmanager
def _translate_errors(file: Path | None = None) -> Iterator[None]:
    """SQLite's errors as ours. A file that cannot be opened at all is a mistake in the config."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        words = str(error)
        if file and ("readonly" in words or "unable to open" in words):
            raise ConfigError(unusable(file.parent, words)) from None
        if "not a database" in words or "malformed" in words:
            raise StoreError(f"The store is damaged ({words})", hint=DAMAGED) from None
        space = "Free some space." if "full" in words else None
        raise StoreError(f"The store cannot be used: {words}", hint=space) from None


def unusable(folder: Path, why: str) -> Problem:
    """What to tell of a state folder that cannot be used."""
    full = "No space" in why or "quota" in why
    rights = "Let the user that runs autologin write there, or name another folder."
    hint = "Free some space." if full else rights
    return Problem("state.path", f"{folder} cannot be used: {why}", hint)


def utc(moment: datetime) -> str:
    """A moment as the database keeps it: ISO 8601 in UTC, so that text sorts by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def moment(text: str) -> datetime:
    """The moment that `utc` wrote."""
    return datetime.fromisoformat(text)
