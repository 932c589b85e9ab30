"""What other processes do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path


async def until(true, seconds=30.0):
    """Wait for something that another process does."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110  (it is another process's doing: nobody here could set an event)
            await asyncio.sleep(0.01)


def children(session):
    """What runs in a session, by its command."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(stat.parent.joinpath("cmdline").read_bytes().replace(b"\0", b" ")[:80])
    return found


def browser():
    """A Chromium that tests start by themselves."""
    return next(
        filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))),
        None,
    )


@dataclass(frozen=True)
class Seen:
    """A process as everybody of its user sees it. `core` is the limit of its core dump, soft and hard."""

    pid: int
    words: tuple[str, ...]
    environ: dict[str, str]
    core: tuple[str, str]

    @property
    def kind(self):
        """driver, browser (what starts it, and its first process), part (of a browser) or other."""
        if "run-driver" in self.words:
            return "driver"
        if any(word.startswith("--user-data-dir=") for word in self.words):
            return "browser"
        return "part" if any("--type=" in word for word in self.words) else "other"


def look_at(pid):
    """One process; None where it is gone."""
    place = Path("/proc", str(pid))
    try:
        words = place.joinpath("cmdline").read_bytes().decode(errors="replace").split("\0")
        variables = place.joinpath("environ").read_bytes().decode(errors="replace").split("\0")
        limits = place.joinpath("limits").read_text().splitlines()
    except OSError:
        return None
    (core,) = (line.split()[4:6] for line in limits if line.startswith("Max core file size"))
    environ = dict(one.split("=", 1) for one in variables if "=" in one)
    return Seen(pid, tuple(words), environ, tuple(core))


def descendants(pid):
    """What a process has started, directly or not, and is not orphaned: process ids."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if fields[0] != "Z":
                parents[int(stat.parent.name)] = int(fields[1])
    found, level = [], [pid]
    while level := [one for one, parent in parents.items() if parent in level]:
        found += level
    return found


def seen_below(pid):
    """The same, looked at."""
    return [seen for one in descendants(pid) if (seen := look_at(one))]


def alive(pids):
    """Those that still run; a process that died and is not yet asked for is gone."""
    return [pid for pid in pids if (seen := look_at(pid)) and any(seen.words)]


def send(pids, number):
    """A signal to each of them that is there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def zombies(parent):
    """Children of a process that ended and for which it does not wait."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if fields[0] == "Z" and int(fields[1]) == parent:
                found.append(int(stat.parent.name))
    return found
