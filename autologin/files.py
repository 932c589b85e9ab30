"""Replacing a file as a whole: temporary file, fsync, rename, fsync of the folder.

A reader sees the old content or the new one, never half of one. Every function raises OSError.
"""

from __future__ import annotations

import errno
import glob
import os
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

STALE = 3600.0
"""Seconds after which a temporary file is a dead process's; no write takes a hundredth of it."""


class NotPermittedError(PermissionError):
    """This user may not set that owner or group."""


@dataclass(frozen=True)
class Rights:
    """Who may read what is written. `owner` and `group` are numbers; -1: whoever writes it."""

    mode: int = 0o600
    owner: int = -1
    group: int = -1

    @property
    def folder_mode(self) -> int:
        """For the folder of such a file: a group that may read the file must get there."""
        return 0o750 if self.mode & 0o060 else 0o700


OURS = Rights()
"""The owner alone, and the owner is who writes."""


def home(environ: Mapping[str, str]) -> Path | None:
    """This user's home folder; None where neither HOME nor the system's list of users has one."""
    try:
        return Path(environ.get("HOME") or Path.home())
    except RuntimeError:
        return None


def replace(path: Path, data: bytes, rights: Rights = OURS) -> None:
    """Put new content at a path. A link that stands there is replaced, and never followed.

    Folders that are missing are made. Where it fails, what was there before is untouched.
    """
    temporary = _temporary(path)
    make_folders(path.parent, rights)
    _remove_stale(path)
    try:
        _write(temporary, data, rights)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def probe(folder: Path, size: int, rights: Rights = OURS) -> None:
    """Write a file of some size as `replace` would, and remove it.

    It goes into the folder, or into the first one above it that is there.
    """
    while not folder.exists():
        folder = folder.parent
    temporary = _temporary(folder / "check")
    try:
        _write(temporary, b" " * size, rights)  # a full disk still takes an empty file
    finally:
        temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")


def _create(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _write(path: Path, data: bytes, rights: Rights = OURS) -> None:
    with os.fdopen(_create(path), "wb") as file:
        _set_rights(file.fileno(), rights)  # before there is anything in it to read
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _set_rights(handle: int, rights: Rights) -> None:
    os.fchmod(handle, rights.mode)
    if (rights.owner, rights.group) != (-1, -1):
        try:
            os.fchown(handle, rights.owner, rights.group)
        except PermissionError as error:
            raise NotPermittedError(error.errno, error.strerror) from None


def make_folders(folder: Path, rights: Rights = OURS) -> None:
    """Make the folders that are missing, with rights that fit the file's.

    Path.mkdir gives the upper ones the ordinary mode.
    """
    if folder.exists():
        return
    make_folders(folder.parent, rights)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:  # another process was first
        if not folder.is_dir():
            raise
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _set_rights(handle, Rights(rights.folder_mode, rights.owner, rights.group))
    finally:
        os.close(handle)
    _sync_folder(folder.parent)


def _remove_stale(path: Path) -> None:
    """What a process that was killed while writing has leftover: half a token is still a secret."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):
            if time.time() - leftover.lstat().st_mtime > STALE:
                leftover.unlink()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems know no fsync of a folder
            raise
    finally:
        os.close(handle)
