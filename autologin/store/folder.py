"""The state folder's rights: nobody else may read or change what is in it.

Rights that are too wide are taken away where this user may. What cannot be mended is refused:
another user's folder or file, and a place in which others may put another folder in its stead.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from autologin.errors import ConfigError, Problem
from autologin.log import event

OTHERS = stat.S_IRWXG | stat.S_IRWXO
WRITABLE = stat.S_IWGRP | stat.S_IWOTH


def secure(folder: Path) -> None:
    """Take from others what rights they have on a state folder and on what is in it.

    Raises:
        ConfigError: that cannot be done, or another user could still change what is in it.
        OSError: it cannot be looked at.
    """
    if problem := find_problem(folder):
        raise ConfigError(problem)
    for path in find_wide(folder):
        mode = stat.S_IMODE(path.stat().st_mode)
        try:
            path.chmod(mode & ~OTHERS)
        except OSError as error:
            raise ConfigError(_refusal(folder, f"{_rights(path)} ({error.strerror})")) from None
        if path.stat().st_mode & stat.S_IWOTH:  # a file system without rights
            raise ConfigError(_refusal(folder, f"{_rights(path)}, which cannot be changed"))
        level = "WARNING" if mode & WRITABLE else "DEBUG"
        event("rights_mended", level=level, path=path, was=f"{mode:04o}")


def find_problem(folder: Path) -> Problem | None:
    """What stands against a state folder and cannot be mended; None: nothing.

    Raises:
        OSError: it cannot be looked at.
    """
    for path in (folder, *folder.iterdir()):
        if _is_foreign(path.lstat()) or (path.exists() and _is_foreign(path.stat())):
            what = "is" if path == folder else f"holds {path.name}, which is"
            why = f"{what} another user's, who could read or change what is in it"
            hint = "Let it belong to the user that runs autologin (chown -R), or name another."
            return Problem("state.path", f"{folder} {why}", hint)
    about = folder.stat()
    if about.st_uid != os.geteuid() and about.st_mode & stat.S_IWOTH:
        return _refusal(folder, _rights(folder))
    for above in folder.resolve().parents:
        mode = above.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            why = f"everybody may replace it, as everybody may write in {above}"
            hint = f"chmod o-w {above}, or name a folder elsewhere."
            return Problem("state.path", f"{folder} cannot be used: {why}", hint)
    return None


def find_wide(folder: Path) -> Iterator[Path]:
    """The folder and what is in it, as far as others have rights on them that we can take away."""
    for path in (folder, *folder.iterdir()):
        about = path.lstat()
        if path == folder and stat.S_ISLNK(about.st_mode):
            about = path.stat()
        # Root's own mount, opened to a group of ours, is left as it is.
        ours = about.st_uid == os.geteuid() and not stat.S_ISLNK(about.st_mode)
        if ours and about.st_mode & OTHERS:
            yield path


def _is_foreign(about: os.stat_result) -> bool:
    """Whether somebody else owns it; root may do everything anyway."""
    return about.st_uid not in {os.geteuid(), 0}


def _rights(path: Path) -> str:
    return f"others have rights on {path} ({stat.S_IMODE(path.stat().st_mode):04o})"


def _refusal(folder: Path, why: str) -> Problem:
    hint = f"chmod -R go= {folder}, or name another folder."
    return Problem("state.path", f"{folder} cannot be used: {why}", hint)
