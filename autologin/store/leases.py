"""Who may log in to an account now, and whether an owner still lives.

An owner is a process that can be told from any later one with the same number.
"""

from __future__ import annotations

import os
import platform
import secrets
from datetime import timedelta
from pathlib import Path

from autologin.clock import Clock
from autologin.store.database import Database, moment, utc
from autologin.store.records import Lease

LEASE_SECONDS = 60.0
"""After this a lease that was not renewed is free.

Only needed for owners on other machines: a dead one here is seen.
"""


class Leases:
    """The leases in a store. Every method raises StoreError where the database fails."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def acquire(self, account: str) -> Lease | None:
        """The lease of an account; None while another owner that lives holds it."""
        select = "SELECT owner, until FROM leases WHERE account = ?"
        replace = "REPLACE INTO leases (account, owner, until) VALUES (?,?,?)"
        with self._database.transaction():
            row = self._database.fetch_one(select, account)
            if row and is_alive(row[0]) and moment(row[1]) > self._clock.now():
                return None
            lease = Lease(account, new_owner())
            self._database.execute(replace, account, lease.owner, self._end())
        return lease

    def renew(self, lease: Lease) -> None:
        """Keep a lease for another while."""
        update = "UPDATE leases SET until = ? WHERE account = ? AND owner = ?"
        self._database.execute(update, self._end(), lease.account, lease.owner)

    def release(self, lease: Lease) -> None:
        """Let others log in."""
        delete = "DELETE FROM leases WHERE account = ? AND owner = ?"
        self._database.execute(delete, lease.account, lease.owner)

    def busy_accounts(self) -> list[str]:
        """The accounts that somebody who lives is logging in to."""
        select = "SELECT account, owner FROM leases WHERE until > ?"
        rows = self._database.fetch_all(select, utc(self._clock.now()))
        return [account for account, owner in rows if is_alive(owner)]

    def _end(self) -> str:
        return utc(self._clock.now() + timedelta(seconds=LEASE_SECONDS))


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
