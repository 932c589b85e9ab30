"""Who may log in to an account now, and whether an owner still lives.

An owner is a process that can be told from any later one with the same number. A lease carries a
number that grows with each owner: what an owner writes after another has taken over is refused,
however long it was asleep.
"""

from __future__ import annotations

import os
import platform
import secrets
from datetime import timedelta
from pathlib import Path

from autologin.errors import LeaseLost
from autologin.store.database import Database, moment, utc
from autologin.store.records import Lease

LEASE_SECONDS = 60.0
"""After this a lease that was not renewed is free.

Needed for owners that hang, and for those elsewhere: one that died here is seen.
"""

TAKE = """
REPLACE INTO leases (account, owner, until, until_monotonic, number) VALUES (?,?,?,?,?)
"""
RENEW = """
UPDATE leases SET until = ?, until_monotonic = ? WHERE account = ? AND owner = ? AND number = ?
"""


class Leases:
    """The leases in a store. Every method raises StoreError where the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def acquire(self, account: str) -> Lease | None:
        """The lease of an account; None while another owner that lives holds it."""
        select = "SELECT owner, until, until_monotonic, number FROM leases WHERE account = ?"
        with self._database.transaction():
            row = self._database.fetch_one(select, account)
            if row and not self._is_free(*row[:3]):
                return None
            lease = Lease(account, new_owner(), (row[3] if row else 0) + 1)
            self._database.execute(TAKE, account, lease.owner, *self._end(), lease.number)
        return lease

    def renew(self, lease: Lease) -> bool:
        """Keep a lease for another while; False: it has gone to another owner."""
        values = (lease.account, lease.owner, lease.number)
        return self._database.execute(RENEW, *self._end(), *values) == 1

    def release(self, lease: Lease) -> None:
        """Let others log in. The number stays, so that the next one is higher."""
        update = "UPDATE leases SET owner = '' WHERE account = ? AND owner = ? AND number = ?"
        self._database.execute(update, lease.account, lease.owner, lease.number)

    def check(self, lease: Lease) -> None:
        """See, inside the transaction that writes, that a lease still holds.

        Raises:
            LeaseLost: another owner has it, or had it.
        """
        select = "SELECT 1 FROM leases WHERE account = ? AND owner = ? AND number = ?"
        values = (lease.account, lease.owner, lease.number)
        if self._database.fetch_one(select, *values) is None:
            raise LeaseLost

    def busy_accounts(self) -> list[str]:
        """The accounts that somebody who lives is logging in to."""
        select = "SELECT account, owner, until, until_monotonic FROM leases"
        rows = self._database.fetch_all(select)
        return [account for account, *row in rows if not self._is_free(*row)]

    def _is_free(self, owner: str, until: str, until_monotonic: float | None) -> bool:
        if not owner or not is_alive(owner):
            return True
        if until_monotonic is not None and _boot_of(owner) == _boot_of(new_owner()):
            # Since one boot all processes share a clock that no setting of the time moves, and
            # that stands still while the machine sleeps.
            return self._database.monotonic() >= until_monotonic
        left = (moment(until) - self._database.now()).total_seconds()
        # Further away than any lease: it was written by a clock that was ahead.
        return left <= 0 or left > 2 * LEASE_SECONDS

    def _end(self) -> tuple[str, float]:
        wall = self._database.now() + timedelta(seconds=LEASE_SECONDS)
        return utc(wall), self._database.monotonic() + LEASE_SECONDS


def new_owner() -> str:
    """This process, on this boot of this machine, with a nonce: one process can hold two things."""
    pid = os.getpid()
    return "|".join((_pid_namespace(), str(pid), _start_time(pid), secrets.token_hex(4)))


def is_alive(owner: str) -> bool:
    """Whether an owner may still be at work.

    One on another machine, or in another container, is taken for alive.
    """
    namespace, pid, started, _ = owner.split("|")
    if namespace != _pid_namespace():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's process has that number; its start time says whether it is the owner
    return _start_time(int(pid)) == started


def _boot_of(owner: str) -> str:
    return owner.partition("|")[0].partition("/")[0]


def _pid_namespace() -> str:
    """Where a process number means the same process: this boot, this PID namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return platform.node()


def _start_time(pid: int) -> str:
    """When a process started, in clock ticks since the boot.

    Empty where the system does not tell, and for a dead one.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]  # a zombie waits for its parent to notice
