"""What outlives a run: tokens, deliveries, history, attempts, blocks, used codes, leases. All SQL is in this package.

SQLite in one file of the state folder, in WAL mode, safe under several processes. Tokens are sealed with Fernet; the rest
holds no secret: of a code only its time step is kept, of credentials only an HMAC. Times are ISO 8601 in UTC.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import secrets as random
import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING

from autologin.errors import ConfigError
from autologin.message import Message
from autologin.store import owner
from autologin.store.alerts import Alerts
from autologin.store.database import FILE, Database, moment, unusable, utc
from autologin.store.encryption import Seal
from autologin.store.outbox import Outbox
from autologin.store.records import AttemptCount, Block, Lease, Run, StoredToken
from autologin.store.tallies import Tallies
from autologin.token import Token

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from pydantic import SecretStr

    from autologin.clock import Clock
    from autologin.errors import AutologinError

LEASE_SECONDS = 60.0
"""After this a lease that was not renewed is free. Only needed for owners on other machines: a dead one here is seen."""
STEPS_KEPT = 2880
"""Used time steps that are remembered: a day of them, far more than any broker accepts."""
SENT_KEPT = timedelta(days=2)
"""How long it is remembered that a secret was sent: longer than any broker counts."""
RUNS_KEPT = 400

RESEALED = (
    ("SELECT rowid, sealed FROM tokens", "UPDATE tokens SET sealed = ? WHERE rowid = ?"),
    ("SELECT rowid, value FROM meta", "UPDATE meta SET value = ? WHERE rowid = ?"),
    ("SELECT id, sealed FROM deliveries WHERE sealed IS NOT NULL", "UPDATE deliveries SET sealed = ? WHERE id = ?"),
)
"""Everything that is sealed."""


class Store:
    """The store of one state folder.

    Every method raises StoreError where the database cannot be read or written.
    """

    def __init__(self, database: Database, seal: Seal, clock: Clock) -> None:
        self._database, self._seal, self._clock = database, seal, clock
        self.tallies = Tallies(database)
        self.outbox = Outbox(database, seal, clock, self.tallies)
        self.alerts = Alerts(database, clock)
        self._fingerprint_key = self._own_key()

    @classmethod
    def open(cls, folder: Path, clock: Clock, keys: Sequence[SecretStr] = ()) -> Store:
        """The store in a folder, which is made where it is missing. `keys` seal and open tokens; none: a generated one.

        Raises:
            ConfigError: the folder cannot be used, or a key is none.
            StoreError: the database is damaged, from a newer autologin, or sealed with another key.
        """
        seal = _seal(folder, keys)
        with contextlib.ExitStack() as unless_opened:
            database = Database.open(folder)
            unless_opened.callback(database.close)
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
        row = self._database.one("SELECT broker, sealed, verified_at FROM tokens WHERE account = ?", account)
        if row is None:
            return None
        return StoredToken(row[0], Token.from_json(json.loads(self._seal.opened(row[1]))), _time(row[2]))

    def put_token(self, account: str, broker: str, token: Token, sinks: Collection[str] = ()) -> None:
        """Keep a new token, which nobody has confirmed yet, and what its sinks are owed; it replaces the last one.

        The login worked, so the broker counts attempts from nought again, and so do we.
        """
        with self._database.transaction():
            self.clear_attempts(account)
            self._put_token(account, broker, token)
            self.outbox.owe(Message.issued(account, broker, token), sinks, held=True)

    def _put_token(self, account: str, broker: str, token: Token) -> None:
        sealed = self._seal.sealed(json.dumps(token.to_json(account, broker)).encode())
        self._database.do(
            "REPLACE INTO tokens (account, broker, issued_at, expires_at, sealed) VALUES (?,?,?,?,?)",
            *(account, broker, utc(token.issued_at), utc(token.expires_at), sealed),
        )

    def mark_verified(self, account: str) -> None:
        """Note that the broker has just confirmed the stored token."""
        self._database.do("UPDATE tokens SET verified_at = ? WHERE account = ?", self._now(), account)

    def drop_token(self, account: str) -> None:
        """Forget a token that the broker refuses, and give it to nobody who has not got it yet."""
        with self._database.transaction():
            self._database.do("DELETE FROM tokens WHERE account = ?", account)
            self.outbox.withdraw(account)

    def purge(self, keep: Collection[str] = ()) -> None:
        """Forget tokens that ended more than a day ago; not those of the accounts in `keep`, which can be refreshed."""
        ended = utc(self._clock.now() - timedelta(days=1))
        for (account,) in self._database.all("SELECT account FROM tokens WHERE expires_at < ?", ended):
            if account not in keep:
                self._database.do("DELETE FROM tokens WHERE account = ? AND expires_at < ?", account, ended)

    # History

    def begin_run(self, account: str, broker: str) -> int:
        """Note that a run begins; gives its number."""
        with self._database.transaction():
            self._database.do(
                "DELETE FROM runs WHERE account = ? AND id <="
                " (SELECT id FROM runs WHERE account = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
                *(account, account, RUNS_KEPT - 1),
            )
            return self._database.insert(
                "INSERT INTO runs (account, broker, began) VALUES (?,?,?)", account, broker, self._now()
            )

    def end_run(
        self,
        run: int,
        outcome: str,
        error: AutologinError | None,
        *,
        seconds: float,
        stages: Mapping[str, float],
        skew: float | None = None,
    ) -> None:
        """Note how a run ended. `skew` is the broker's clock minus ours in seconds, where a code was made by it."""
        rounded = json.dumps({name: round(value, 3) for name, value in stages.items()})
        detail = (error.name, error.message) if error else (None, None)
        values = (outcome, *detail, round(seconds, 3), rounded, skew)
        change = "UPDATE runs SET outcome = ?, error = ?, message = ?, seconds = ?, stages = ?, skew = ?"
        with self._database.transaction():
            for (account,) in self._database.all(f"{change} WHERE id = ? RETURNING account", *values, run):
                self.tallies.add("run", account, detail[0] or "", outcome)

    def runs(self, account: str, newest: int = 1, since: datetime | None = None) -> list[Run]:
        """The newest runs of an account (since a moment), the last one first."""
        rows = self._database.all(
            "SELECT account, broker, began, outcome, error, message, seconds, stages, skew FROM runs"
            " WHERE account = ? AND began >= ? ORDER BY id DESC LIMIT ?",
            *(account, utc(since) if since else "", newest),
        )
        return [Run(a, b, moment(c), d, e, f, g, json.loads(h or "{}"), i) for a, b, c, d, e, f, g, h, i in rows]

    # Attempts, blocks, codes

    def fingerprint(self, *parts: str) -> str:
        """A name for a secret that says nothing about it to anybody without this store's key."""
        text = json.dumps(parts).encode()
        return hmac.new(self._fingerprint_key, text, "sha256").hexdigest()

    def begin_attempt(self, account: str, fingerprint: str, kind: str) -> int:
        """Note that a `password` or an `otp` is about to be sent; gives the attempt's number."""
        columns = "(account, fingerprint, kind, began) VALUES (?,?,?,?)"
        with self._database.transaction():
            self._database.do("DELETE FROM sent WHERE at < ?", utc(self._clock.now() - SENT_KEPT))
            self._database.do("INSERT INTO sent (account, at) VALUES (?,?)", account, self._now())
            return self._database.insert(f"INSERT INTO attempts {columns}", account, fingerprint, kind, self._now())

    def sent(self, account: str) -> list[datetime]:
        """When secrets of an account were sent in the last days, whatever the answers; no unblocking forgets them."""
        rows = self._database.all("SELECT at FROM sent WHERE account = ? ORDER BY at", account)
        return [moment(at) for (at,) in rows]

    def settle_attempt(self, attempt: int, outcome: str) -> None:
        """Note the broker's answer: `accepted`, `rejected`, `unanswered` (it had none) or `unclear`."""
        self._database.do("UPDATE attempts SET outcome = ? WHERE id = ?", outcome, attempt)

    def attempts(self, account: str, fingerprint: str) -> AttemptCount:
        """What was sent with these credentials since the last login that worked, or since somebody unblocked it."""
        rows = self._database.all(
            "SELECT kind, outcome, count(*) FROM attempts WHERE account = ? AND fingerprint = ? GROUP BY 1, 2",
            *(account, fingerprint),
        )
        counted = {(kind, outcome): number for kind, outcome, number in rows}
        unsettled = sum(number for (_, outcome), number in counted.items() if outcome in {None, "unclear"})
        return AttemptCount(counted.get(("password", "rejected"), 0), counted.get(("otp", "rejected"), 0), unsettled)

    def clear_attempts(self, account: str) -> None:
        """Forget what was sent so far."""
        self._database.do("DELETE FROM attempts WHERE account = ?", account)

    def block(self, account: str, fingerprint: str, error: str, message: str) -> None:
        """Try no login on this account with these credentials."""
        values = (account, fingerprint, self._now(), error, message)
        self._database.do("REPLACE INTO blocks (account, fingerprint, at, error, message) VALUES (?,?,?,?,?)", *values)

    def blocked(self, account: str, fingerprint: str | None = None) -> Block | None:
        """The block on these credentials (None: on whichever were refused); other ones lift it."""
        row = self._database.one("SELECT at, error, message, fingerprint FROM blocks WHERE account = ?", account)
        if row is None or fingerprint not in {None, row[3]}:
            return None
        return Block(moment(row[0]), row[1], row[2])

    def unblock(self, account: str) -> bool:
        """Lift a block and forget the attempts that led to it; gives whether there was anything to lift."""
        with self._database.transaction():
            held = self._database.all(
                "SELECT 1 FROM attempts WHERE account = ? AND coalesce(outcome, '') IN ('', 'rejected', 'unclear')", account
            )
            blocks = self._database.do("DELETE FROM blocks WHERE account = ?", account)
            self.clear_attempts(account)
        return bool(blocks or held)

    def claim_otp_step(self, seed: str, step: int) -> bool:
        """Whether a seed's code of this time step is ours to send: True once, False ever after."""
        with self._database.transaction():
            self._database.do("DELETE FROM otp_steps WHERE seed = ? AND step < ?", seed, step - STEPS_KEPT)
            return self._database.do("INSERT OR IGNORE INTO otp_steps (seed, step) VALUES (?,?)", seed, step) == 1

    # Logins by hand

    def keep_nonce(self, account: str, nonce: str, verifier: SecretStr | None = None) -> None:
        """Remember the state that a login by hand must bring back, and the PKCE verifier that its exchange needs."""
        text = f"{nonce} {verifier.get_secret_value()}" if verifier else nonce
        self._database.do("REPLACE INTO meta (name, value) VALUES (?, ?)", f"nonce/{account}", self._seal.sealed(text.encode()))

    def nonce(self, account: str) -> str | None:
        """The state of the last login by hand; None where none is under way."""
        return self._login_by_hand(account)[0] or None

    def verifier(self, account: str) -> SecretStr | None:
        """The PKCE verifier of the last login by hand, where it has one."""
        from pydantic import SecretStr  # noqa: PLC0415  (60 ms, which the guess in prestart.py must not wait for)

        verifier = self._login_by_hand(account)[1]
        return SecretStr(verifier) if verifier else None

    def _login_by_hand(self, account: str) -> tuple[str, str]:
        row = self._database.one("SELECT value FROM meta WHERE name = ?", f"nonce/{account}")
        nonce, _, verifier = (self._seal.opened(row[0]).decode() if row else "").partition(" ")
        return nonce, verifier

    def drop_nonce(self, account: str) -> None:
        """The login by hand is done."""
        self._database.do("DELETE FROM meta WHERE name = ?", f"nonce/{account}")

    # Leases

    def acquire_lease(self, account: str) -> Lease | None:
        """The lease of an account; None while another owner that lives holds it."""
        with self._database.transaction():
            row = self._database.one("SELECT owner, until FROM leases WHERE account = ?", account)
            if row and owner.alive(row[0]) and moment(row[1]) > self._clock.now():
                return None
            lease = Lease(account, owner.me(random.token_hex(4)))
            self._database.do("REPLACE INTO leases (account, owner, until) VALUES (?,?,?)", account, lease.owner, self._until())
        return lease

    def renew_lease(self, lease: Lease) -> None:
        """Keep a lease for another while."""
        self._database.do(
            "UPDATE leases SET until = ? WHERE account = ? AND owner = ?", self._until(), lease.account, lease.owner
        )

    def release_lease(self, lease: Lease) -> None:
        """Let others log in."""
        self._database.do("DELETE FROM leases WHERE account = ? AND owner = ?", lease.account, lease.owner)

    # Below it all

    def _own_key(self) -> bytes:
        """The key of fingerprints: random, sealed, made once. That it opens proves that the keys fit this store."""
        fresh = self._seal.sealed(random.token_bytes(32))
        self._database.do("INSERT OR IGNORE INTO meta (name, value) VALUES ('fingerprint', ?)", fresh)
        row = self._database.one("SELECT value FROM meta WHERE name = 'fingerprint'")
        return self._seal.opened(row[0] if row else b"")

    def _reseal(self) -> None:
        """Seal with the newest key what an older one has sealed, so that the older one can go."""
        with self._database.transaction():
            for read, write in RESEALED:
                for row, sealed in self._database.all(read):
                    if fresh := self._seal.renewed(sealed):
                        self._database.do(write, fresh, row)

    def _now(self) -> str:
        return utc(self._clock.now())

    def _until(self) -> str:
        return utc(self._clock.now() + timedelta(seconds=LEASE_SECONDS))


def expiries(folder: Path) -> dict[str, datetime]:
    """When each account's stored token ends, without a key; empty where there is no store that can be read."""
    try:
        with contextlib.closing(sqlite3.connect(f"{(folder / FILE).as_uri()}?mode=ro", uri=True, timeout=0.1)) as database:
            return {account: moment(ends) for account, ends in database.execute("SELECT account, expires_at FROM tokens")}
    except sqlite3.Error:
        return {}


def _seal(folder: Path, keys: Sequence[SecretStr]) -> Seal:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Seal.with_keys(keys) if keys else Seal.with_key_in(folder)
    except OSError as error:
        raise ConfigError(unusable(folder, error.strerror or "")) from None


def _time(text: str | None) -> datetime | None:
    return moment(text) if text else None
