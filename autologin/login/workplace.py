"""A temporary folder for each driver, and the processes that work in it.

A browser is not our child (its driver starts it, in a session of its own) and survives both of us
when it is frozen. But it is told to work in our folder, so it can be found with all that it has
started, and ended: by the next process too, where this one is killed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path

PREFIX = "autologin-browsers-"
NAME = re.compile(rf"{PREFIX}\d+-[0-9a-f]{{6}}")
"""No other folder is ever removed, whoever's it is."""
SOCKET = 48
"""Bytes of the longest path that Chromium makes in its TMPDIR for a socket, which may have 107."""
MARKS = (b"--crash-dumps-dir=", b"--user-data-dir=", b"--database=")
"""What the command lines of a browser, of its launcher and of its crash handlers begin to say of
our folder."""
GONE = 0.5
"""Seconds that killed processes get to be gone."""


class Workplace:
    """A folder that is removed at the end with all that runs in it."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock
        self._browsers = count(1)

    @classmethod
    def open(cls) -> Workplace:
        """A new folder; those of processes that are gone are removed first.

        Raises:
            OSError: there is no place for temporary files.
        """
        parent = Path(tempfile.gettempdir())
        sweep()
        while True:
            path = parent / f"{PREFIX}{os.getpid()}-{secrets.token_hex(3)}"
            path.mkdir(mode=0o700)
            if (lock := _lock(path, new=True)) is not None:
                return cls(path, lock)

    def environ(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """What the driver is to find in its environment, to work here."""
        home = inherited.get("HOME") or os.path.expanduser("~")  # noqa: PTH111  (Path raises where nobody knows)
        return {"TMPDIR": str(self.path), "HOME": str(self.path) if home == "~" else home}

    def make_place(self) -> BrowserPlace:
        """A folder for one browser, by which its processes are known.

        Raises:
            OSError: it cannot be made.
        """
        folder = self.path / str(next(self._browsers))
        folder.mkdir(mode=0o700)
        fits = len(os.fsencode(self.path)) + SOCKET <= 107
        return BrowserPlace(folder, self.path if fits else self.path.parent)

    def close(self) -> None:
        """End what still runs here, and remove the folder."""
        remove(self.path)
        os.close(self._lock)


class BrowserPlace:
    """One browser's folder in a workplace, and its process groups."""

    def __init__(self, folder: Path, temporary: Path) -> None:
        self.folder = folder
        self._temporary = temporary
        self._groups: set[int] = set()

    @property
    def args(self) -> list[str]:
        """The switch by which the browser's processes are known."""
        return [f"--crash-dumps-dir={self.folder}"]

    @property
    def environ(self) -> dict[str, str]:
        """What the browser is to find in its environment, besides what its driver has.

        What it keeps of a crash holds what was typed; it belongs in here, not in the user's home.
        """
        return {"CHROME_CONFIG_HOME": str(self.folder), "TMPDIR": str(self._temporary)}

    def note_processes(self) -> None:
        """Note what the browser runs as: a page's own process does not say whose it is."""
        self._groups |= set(_groups(self.folder))

    def kill(self) -> None:
        """End the browser, and everything that it has started."""
        for group in self._groups:
            _kill_group(group)
        kill(self.folder)


def sweep() -> None:
    """Remove the folders of processes that are gone, and end what they left running."""
    with suppress(OSError):
        for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
            if NAME.fullmatch(path.name) and (lock := _lock(path)) is not None:
                remove(path)
                os.close(lock)


def _lock(path: Path, *, new: bool = False) -> int | None:
    """The lock of a folder, which ends with its process; None where it has an owner.

    Where the file system knows no locks, only a new folder's can be had: nobody sweeps.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if os.fstat(handle).st_uid == os.geteuid():
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(handle), path.stat(follow_symlinks=False)):
                return handle
    except OSError as error:
        if new and error.errno in {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}:
            return handle
    os.close(handle)
    return None


def remove(path: Path) -> None:
    """End what works in a folder, and remove it; what cannot be removed is for the next sweep."""
    kill(path)
    shutil.rmtree(path, ignore_errors=True)
    if path.exists() and kill(path):  # somebody has written while we removed
        shutil.rmtree(path, ignore_errors=True)


def kill(folder: Path) -> bool:
    """End all that works in a folder, with its process groups; gives whether there was anything."""
    found = False
    by = time.monotonic() + GONE
    while (groups := set(_groups(folder))) and time.monotonic() < by:
        found = True
        for group in groups:
            _kill_group(group)
        time.sleep(0.005)
    return found


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _groups(folder: Path) -> Iterator[int]:
    with suppress(OSError):
        for place in Path("/proc").iterdir():
            if place.name.isdigit() and _works_in(place, os.fsencode(folder)):
                with suppress(ProcessLookupError):
                    group = os.getpgid(int(place.name))
                    if group != os.getpgrp():
                        yield group


def _works_in(process: Path, folder: bytes) -> bool:
    try:
        words = process.joinpath("cmdline").read_bytes().split(b"\0")
        if b"run-driver" in words:
            words = process.joinpath("environ").read_bytes().split(b"\0")
            return b"TMPDIR=" + folder in words
    except OSError:  # it is gone, or somebody else's
        return False
    places = (word.removeprefix(mark) for word in words for mark in MARKS if word.startswith(mark))
    return any(place == folder or place.startswith(folder + b"/") for place in places)
