"""What outlives a run: tokens, history, attempts, blocks, used codes, leases. All SQL is here.

SQLite in one file of the state folder, in WAL mode, safe under several processes. Tokens are sealed with Fernet; the rest
holds no secret: of a code only its time step is kept, of credentials only an HMAC. Times are ISO 8601 in UTC.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets as random
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from autologin import owner
from autologin.errors import ConfigError, Problem, StoreError
from autologin.records import AttemptCount, Block, Lease, Run, StoredToken
from autologin.seal import Seal
from autologin.token import Token

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pydantic import SecretStr

    from autologin.clock import Clock
    from autologin.errors import AutologinError

FILE = "autologin.db"
LEASE_SECONDS = 60.0
"""After this a lease that was not renewed is free. Only needed for owners on other machines: a dead one here is seen."""
STEPS_KEPT = 2880
"""Used time steps that are remembered: a day of them, far more than any broker accepts."""
RUNS_KEPT = 400

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
)
"""What leads from each schema version to the next; the version is SQLite's `user_version`. Only ever add at the end."""

RESEALED = (
    ("SELECT rowid, sealed FROM tokens", "UPDATE tokens SET sealed = ? WHERE rowid = ?"),
    ("SELECT rowid, value FROM meta", "UPDATE meta SET value = ? WHERE rowid = ?"),
)
"""Everything that is sealed."""


class Store:
    """The store of one state folder.

    Every method raises StoreError where the database cannot be read or written.
    """

    def __init__(self, database: sqlite3.Connection, seal: Seal, clock: Clock) -> None:
        self._database, self._seal, self._clock = database, seal, clock
        self._fingerprint_key = self._own_key()

    @classmethod
    def open(cls, folder: Path, clock: Clock, keys: Sequence[SecretStr] = ()) -> Store:
        """The store in a folder, which is made where it is missing. `keys` seal and open tokens; none: a generated one.

        Raises:
            ConfigError: the folder cannot be used, or a key is none.
            StoreError: the database is damaged, from a newer autologin, or sealed with another key.
        """
        file = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            seal = Seal.with_keys(keys) if keys else Seal.with_key_in(folder)
        except OSError as error:
            raise ConfigError(_unusable(folder, error.strerror or "")) from None
        with _said(file), contextlib.ExitStack() as unless_opened:
            database = sqlite3.connect(file, timeout=15, isolation_level=None)
            unless_opened.callback(database.close)
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")  # a used code that a power cut forgets would be sent again
            _migrate(database)
            store = cls(database, seal, clock)
            if len(keys) > 1:
                store._reseal()
            unless_opened.pop_all()
            return store

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    # Tokens

    def token(self, account: str) -> StoredToken | None:
        """The last good token of an account."""
        row = self._one("SELECT broker, sealed, verified_at FROM tokens WHERE account = ?", account)
        if row is None:
            return None
        return StoredToken(row[0], Token.from_json(json.loads(self._seal.opened(row[1]))), _time(row[2]))

    def put_token(self, account: str, broker: str, token: Token) -> None:
        """Keep a new token, which nobody has confirmed yet; it replaces the last one."""
        sealed = self._seal.sealed(json.dumps(token.to_json(account, broker)).encode())
        self._do(
            "REPLACE INTO tokens (account, broker, issued_at, expires_at, sealed) VALUES (?,?,?,?,?)",
            *(account, broker, _utc(token.issued_at), _utc(token.expires_at), sealed),
        )

    def mark_verified(self, account: str) -> None:
        """Note that the broker has just confirmed the stored token."""
        self._do("UPDATE tokens SET verified_at = ? WHERE account = ?", self._now(), account)

    def drop_token(self, account: str) -> None:
        """Forget a token that the broker refuses."""
        self._do("DELETE FROM tokens WHERE account = ?", account)

    # History

    def begin_run(self, account: str, broker: str) -> int:
        """Note that a run begins; gives its number."""
        with self._transaction():
            self._do(
                "DELETE FROM runs WHERE account = ? AND id <="
                " (SELECT id FROM runs WHERE account = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
                *(account, account, RUNS_KEPT - 1),
            )
            return self._insert("INSERT INTO runs (account, broker, began) VALUES (?,?,?)", account, broker, self._now())

    def end_run(
        self, run: int, outcome: str, error: AutologinError | None, *, seconds: float, stages: Mapping[str, float]
    ) -> None:
        """Note how a run ended."""
        rounded = json.dumps({name: round(value, 3) for name, value in stages.items()})
        said = (error.name, error.message) if error else (None, None)
        self._do(
            "UPDATE runs SET outcome = ?, error = ?, message = ?, seconds = ?, stages = ? WHERE id = ?",
            *(outcome, *said, round(seconds, 3), rounded, run),
        )

    def runs(self, account: str, newest: int = 1) -> list[Run]:
        """The newest runs of an account, the last one first."""
        rows = self._all(
            "SELECT account, broker, began, outcome, error, message, seconds, stages FROM runs"
            " WHERE account = ? ORDER BY id DESC LIMIT ?",
            *(account, newest),
        )
        return [Run(a, b, _sure(c), d, e, f, g, json.loads(h or "{}")) for a, b, c, d, e, f, g, h in rows]

    # Attempts, blocks, codes

    def fingerprint(self, *parts: str) -> str:
        """A name for a secret that says nothing about it to anybody without this store's key."""
        text = json.dumps(parts).encode()
        return hmac.new(self._fingerprint_key, text, "sha256").hexdigest()

    def begin_attempt(self, account: str, fingerprint: str, kind: str) -> int:
        """Note that a `password` or an `otp` is about to be sent; gives the attempt's number."""
        columns = "(account, fingerprint, kind, began) VALUES (?,?,?,?)"
        return self._insert(f"INSERT INTO attempts {columns}", account, fingerprint, kind, self._now())

    def settle_attempt(self, attempt: int, outcome: str) -> None:
        """Note the broker's answer: `accepted`, `rejected`, `unanswered` (it had none) or `unclear`."""
        self._do("UPDATE attempts SET outcome = ? WHERE id = ?", outcome, attempt)

    def attempts(self, account: str, fingerprint: str) -> AttemptCount:
        """What was sent with these credentials since the last login that worked, or since somebody unblocked it."""
        rows = self._all(
            "SELECT kind, outcome, count(*) FROM attempts WHERE account = ? AND fingerprint = ? GROUP BY 1, 2",
            *(account, fingerprint),
        )
        counted = {(kind, outcome): number for kind, outcome, number in rows}
        unsettled = sum(number for (_, outcome), number in counted.items() if outcome in {None, "unclear"})
        return AttemptCount(counted.get(("password", "rejected"), 0), counted.get(("otp", "rejected"), 0), unsettled)

    def clear_attempts(self, account: str) -> None:
        """A login worked: the broker counts from nought again, and so do we."""
        self._do("DELETE FROM attempts WHERE account = ?", account)

    def block(self, account: str, fingerprint: str, error: str, message: str) -> None:
        """Try no login on this account with these credentials."""
        values = (account, fingerprint, self._now(), error, message)
        self._do("REPLACE INTO blocks (account, fingerprint, at, error, message) VALUES (?,?,?,?,?)", *values)

    def blocked(self, account: str, fingerprint: str | None = None) -> Block | None:
        """The block on these credentials (None: on whichever were refused); other ones lift it."""
        row = self._one("SELECT at, error, message, fingerprint FROM blocks WHERE account = ?", account)
        if row is None or fingerprint not in {None, row[3]}:
            return None
        return Block(_sure(row[0]), row[1], row[2])

    def unblock(self, account: str) -> bool:
        """Lift a block and forget the attempts that led to it; gives whether there was anything to lift."""
        with self._transaction():
            held = self._all(
                "SELECT 1 FROM attempts WHERE account = ? AND coalesce(outcome, '') IN ('', 'rejected', 'unclear')", account
            )
            blocks = self._database.execute("DELETE FROM blocks WHERE account = ?", (account,)).rowcount
            self.clear_attempts(account)
        return bool(blocks or held)

    def claim_otp_step(self, seed: str, step: int) -> bool:
        """Whether a seed's code of this time step is ours to send: True once, False ever after."""
        with self._transaction():
            self._do("DELETE FROM otp_steps WHERE seed = ? AND step < ?", seed, step - STEPS_KEPT)
            found = self._database.execute("INSERT OR IGNORE INTO otp_steps (seed, step) VALUES (?,?)", (seed, step))
            return found.rowcount == 1

    # Logins by hand

    def keep_nonce(self, account: str, nonce: str) -> None:
        """Remember the state that a login by hand must bring back."""
        self._do("REPLACE INTO meta (name, value) VALUES (?, ?)", f"nonce/{account}", self._seal.sealed(nonce.encode()))

    def nonce(self, account: str) -> str | None:
        """The state of the last login by hand; None where none is under way."""
        row = self._one("SELECT value FROM meta WHERE name = ?", f"nonce/{account}")
        return self._seal.opened(row[0]).decode() if row else None

    def drop_nonce(self, account: str) -> None:
        """The login by hand is done."""
        self._do("DELETE FROM meta WHERE name = ?", f"nonce/{account}")

    # Leases

    def acquire_lease(self, account: str) -> Lease | None:
        """The lease of an account; None while another owner that lives holds it."""
        with self._transaction():
            row = self._one("SELECT owner, until FROM leases WHERE account = ?", account)
            if row and owner.alive(row[0]) and _sure(row[1]) > self._clock.now():
                return None
            lease = Lease(account, owner.me(random.token_hex(4)))
            self._do("REPLACE INTO leases (account, owner, until) VALUES (?,?,?)", account, lease.owner, self._until())
        return lease

    def renew_lease(self, lease: Lease) -> None:
        """Keep a lease for another while."""
        self._do("UPDATE leases SET until = ? WHERE account = ? AND owner = ?", self._until(), lease.account, lease.owner)

    def release_lease(self, lease: Lease) -> None:
        """Let others log in."""
        self._do("DELETE FROM leases WHERE account = ? AND owner = ?", lease.account, lease.owner)

    # Below it all

    def _own_key(self) -> bytes:
        """The key of fingerprints: random, sealed, made once. That it opens proves that the keys fit this store."""
        fresh = self._seal.sealed(random.token_bytes(32))
        self._do("INSERT OR IGNORE INTO meta (name, value) VALUES ('fingerprint', ?)", fresh)
        row = self._one("SELECT value FROM meta WHERE name = 'fingerprint'")
        return self._seal.opened(row[0] if row else b"")

    def _reseal(self) -> None:
        """Seal with the newest key what an older one has sealed, so that the older one can go."""
        with self._transaction():
            for read, write in RESEALED:
                for row, sealed in self._all(read):
                    if fresh := self._seal.renewed(sealed):
                        self._do(write, fresh, row)

    def _now(self) -> str:
        return _utc(self._clock.now())

    def _until(self) -> str:
        return _utc(self._clock.now() + timedelta(seconds=LEASE_SECONDS))

    def _do(self, sql: str, *values: Any) -> None:
        with _said():
            self._database.execute(sql, values)

    def _insert(self, sql: str, *values: Any) -> int:
        with _said():
            return self._database.execute(sql, values).lastrowid or 0

    def _one(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        return next(iter(self._all(sql, *values)), None)

    def _all(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with _said():
            return self._database.execute(sql, values).fetchall()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with _said(), _transaction(self._database):
            yield


def expiries(folder: Path) -> dict[str, datetime]:
    """When each account's stored token ends, without a key; empty where there is no store that can be read."""
    try:
        with contextlib.closing(sqlite3.connect(f"{(folder / FILE).as_uri()}?mode=ro", uri=True, timeout=0.1)) as database:
            return {account: _sure(ends) for account, ends in database.execute("SELECT account, expires_at FROM tokens")}
    except sqlite3.Error:
        return {}


@contextlib.contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # a full disk has rolled it back already
            database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _migrate(database: sqlite3.Connection) -> None:
    with _transaction(database):
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            said = f"The store is of version {version}, and this autologin knows only {len(MIGRATIONS)}"
            raise StoreError(said, mend="Install the newer autologin again, or name another folder in state.path.")
        for statement in ";".join(MIGRATIONS[version:]).split(";"):
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


@contextlib.contextmanager
def _said(file: Path | None = None) -> Iterator[None]:
    """SQLite's errors as ours. A file that cannot be opened at all is a mistake in the config."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        words = str(error)
        if file and ("readonly" in words or "unable to open" in words):
            raise ConfigError(_unusable(file.parent, words)) from None
        if "not a database" in words or "malformed" in words:
            mend = f"Move {FILE} in the state folder away; the next run makes a new one and logs in anew."
            raise StoreError(f"The store is damaged ({words})", mend=mend) from None
        raise StoreError(f"The store cannot be used: {words}", mend="Free some space." if "full" in words else None) from None


def _unusable(folder: Path, why: str) -> Problem:
    mend = "Let the user that runs autologin write there, or name another folder."
    return Problem("state.path", f"{folder} cannot be used: {why}", mend)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _sure(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _time(text: str | None) -> datetime | None:
    return _sure(text) if text else None
