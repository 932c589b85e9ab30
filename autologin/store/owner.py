"""Who holds a lease: a process that can be told from any later one with the same number, and asked whether it lives."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def me(nonce: str) -> str:
    """This process, on this boot of this machine. `nonce` tells two leases of one process apart."""
    return "|".join((_world(), str(os.getpid()), _started(os.getpid()), nonce))


def alive(owner: str) -> bool:
    """Whether an owner may still be at work. One on another machine, or in another container, is taken for alive."""
    world, pid, started, _ = owner.split("|")
    if world != _world():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's process lives under that number; when it started says whether it is the owner
    return _started(int(pid)) == started


def _world() -> str:
    """Where a process number means the same process: this boot, this PID namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return platform.node()


def _started(pid: int) -> str:
    """When a process started, in clock ticks since the boot; empty where the system does not tell, and for a dead one."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]  # a zombie waits for its parent to notice
