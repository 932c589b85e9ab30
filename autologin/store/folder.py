"""The state folder's rights: nobody else may read or change what is in it.

Rights that are too wide are taken away where this user may. What cannot be mended is refused:
another user's folder or file, and a place in which others may put another folder in its stead.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from autologin.errors import ConfigError, Problem
from autologin.log import event

OTHERS = stat.S_IRWXG | stat.S_IRWXO
WRITABLE = stat.S_IWGRP | stat.S_IWOTH


def secure(folder: Path) -> None:
    """Take from others what rights they have on a state folder and on all that is in it.

    Raises:
        ConfigError: that cannot be done, or another user could still change what is in it.
        OSError: it cannot be looked at.
    """
    if problem := find_problem(folder):
        raise ConfigError(problem)
    for path, was in find_wide(folder):
        try:
            path.chmod(was & ~OTHERS)
            left = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            continue  # another process's, which has ended
        except OSError as error:
            why = f"others have rights on {path} ({was:04o}; {error.strerror})"
            raise ConfigError(_refusal(folder, why)) from None
        if left & stat.S_IWOTH:  # a file system without rights
            why = f"others have rights on {path} ({left:04o}), which cannot be changed"
            raise ConfigError(_refusal(folder, why))
        if was & WRITABLE and folder in {path, path.parent}:
            event("rights_mended", level="WARNING", path=path, was=f"{was:04o}")
        else:
            event("rights_mended", level="DEBUG", path=path, was=f"{was:04o}")


def find_problem(folder: Path) -> Problem | None:
    """What stands against a state folder and cannot be mended; None: nothing.

    Raises:
        OSError: it cannot be looked at.
    """
    about = folder.stat()
    foreign = [path for path, facts in _contents(folder, folder.lstat()) if _is_foreign(facts)]
    if _is_foreign(about) or foreign:
        what = f"holds {foreign[0].name}, which is" if foreign and foreign[0] != folder else "is"
        why = f"{what} another user's, who could read or change what is in it"
        hint = "Let it belong to the user that runs autologin (chown -R), or name another."
        return Problem("state.path", f"{folder} {why}", hint)
    if about.st_uid != os.geteuid() and about.st_mode & stat.S_IWOTH:
        why = f"others have rights on it ({stat.S_IMODE(about.st_mode):04o})"
        return _refusal(folder, why)
    return find_shared_parent(folder)


def find_shared_parent(folder: Path) -> Problem | None:
    """What stands against the place of a state folder, which need not be there yet; None: nothing.

    Raises:
        OSError: it cannot be looked at.
    """
    for above in folder.resolve().parents:
        try:
            mode = above.stat().st_mode
        except FileNotFoundError:
            continue  # it will be made
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            why = f"everybody may replace it, as everybody may write in {above}"
            hint = f"chmod o-w {above}, or name a folder elsewhere."
            return Problem("state.path", f"{folder} cannot be used: {why}", hint)
    return None


def find_wide(folder: Path) -> Iterator[tuple[Path, int]]:
    """What others have rights on that we can take away, with its mode: the folder, all in it.

    Root's own mount, opened to a group of ours, is left as it is.
    """
    yield from (
        (path, stat.S_IMODE(about.st_mode))
        for path, about in _contents(folder, folder.stat(), deep=True)
        if about.st_uid == os.geteuid()
        and not stat.S_ISLNK(about.st_mode)
        and about.st_mode & OTHERS
    )


def _contents(
    folder: Path, about: os.stat_result, *, deep: bool = False
) -> Iterator[tuple[Path, os.stat_result]]:
    """The folder, of which `about` tells, and what is in it, whose links are not followed.

    `deep` adds what is in the folders in it, as far as we may read them. Another process's
    temporary file may go at any moment.
    """
    yield folder, about
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            inner = path.lstat()
            if deep and stat.S_ISDIR(inner.st_mode):
                with suppress(PermissionError):
                    yield from _contents(path, inner, deep=True)
            else:
                yield path, inner


def _is_foreign(about: os.stat_result) -> bool:
    """Whether somebody else owns it; root may do everything anyway."""
    return about.st_uid not in {os.geteuid(), 0}


def _refusal(folder: Path, why: str) -> Problem:
    hint = f"chmod -R go= {folder}, or name another folder."
    return Problem("state.path", f"{folder} cannot be used: {why}", hint)
