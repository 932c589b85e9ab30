"""What other processes do."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
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
