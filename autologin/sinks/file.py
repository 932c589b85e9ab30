"""The file sink: the token as JSON in a file that only its owner reads.

    tokens: {type: file, path: "./tokens/{account}.json", format: json}

`path` is relative to the config file and may hold {account}, {broker} and {user_id}. The file is replaced as a whole
(temporary file, fsync, rename, fsync of the folder): a reader sees the old token or the new one, never half of one.
"""

from __future__ import annotations

import asyncio
import errno
import glob
import json
import os
import re
import secrets as random
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator

from autologin.errors import DeliveryFailed
from autologin.problems import did_you_mean, refuse
from autologin.sinks import SinkConfig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from autologin.message import Message
    from autologin.secrets import Place

PLACEHOLDERS = ("account", "broker", "user_id")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
PROBE = 8192
"""Bytes that the write check writes: more than a token needs."""
STALE = 3600.0
"""Seconds after which a temporary file is a dead process's; no write takes a hundredth of it."""
MENDS = {
    errno.ENOSPC: ("the disk is full", "Free some space."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space."),
    errno.EFBIG: (
        "it would be larger than a file may be here",
        "Raise the limit on the size of files (`ulimit -f`).",
    ),
    errno.EROFS: ("the file system is read-only", "Mount it writable; in a container, put a volume there."),
    errno.EACCES: ("permission denied", "Let the user that runs autologin write there."),
    errno.EPERM: ("permission denied", "Let the user that runs autologin write there."),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "Correct the path."),
    errno.EEXIST: ("a part of the path is a file, not a folder", "Correct the path."),
    errno.EISDIR: ("it is a folder, not a file", "Name a file in the path."),
}


def _template(text: str) -> str:
    if not text.strip() or text.endswith("/"):
        refuse("must name a file", 'Such as "./tokens/{account}.json".')
    for name in PLACEHOLDER.findall(text):
        if name not in PLACEHOLDERS:
            refuse(f"{{{name}}} is not a known placeholder", did_you_mean(name, PLACEHOLDERS))
    if re.search(r"[{}]", PLACEHOLDER.sub("", text)):
        refuse("holds a brace without its other half", "Placeholders are {account}, {broker} and {user_id}.")
    return text


class Config(SinkConfig):
    """The keys of a file sink."""

    repeats: ClassVar[bool] = True

    type: Literal["file"]
    path: Annotated[str, AfterValidator(_template)]
    format: Literal["json"] = "json"

    def build(self, name: str, place: Place) -> FileSink:
        """The sink that this config describes."""
        del place
        return FileSink(name, self.path)

    def anchored(self, place: Place) -> Self:
        """This config with an absolute path."""
        return self.model_copy(update={"path": str(place.path(self.path))})

    def target(self, account: str, broker: str) -> str | None:
        """The file of this account; None where only the token says which."""
        known = _filled(self.path, account=account, broker=broker)
        return None if PLACEHOLDER.search(known) else os.path.normpath(known)


class FileSink:
    """Writes each token to its file."""

    def __init__(self, name: str, path: str) -> None:
        self.name, self.path = name, path

    async def check(self) -> None:
        """Create and remove a file where the tokens' folder is, or will be made.

        Raises:
            DeliveryFailed: no file can be written there.
        """
        await asyncio.to_thread(self._check)

    async def deliver(self, message: Message) -> None:
        """Replace the account's file.

        Raises:
            DeliveryFailed: it could not be written; the old file is untouched.
        """
        user_id = str(message.data["user_id"])
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", user_id) and "{user_id}" in self.path:
            said = "The broker's user id cannot be part of a file's name"
            raise DeliveryFailed(said, mend=f"Use {{account}} instead of {{user_id}} in sinks.{self.name}.path.")
        path = Path(_filled(self.path, account=message.account, broker=message.broker, user_id=user_id))
        data = json.dumps(message.data, indent=2).encode() + b"\n"
        await asyncio.to_thread(self._replace, path, data)

    async def close(self) -> None:
        """Nothing is open between deliveries."""

    def _check(self) -> None:
        folder = Path(self.path).parent
        while PLACEHOLDER.search(str(folder)):
            folder = folder.parent
        with self._said(Path(self.path)):
            if Path(self.path).is_dir():
                raise IsADirectoryError(errno.EISDIR, "")
            while not folder.exists():
                folder = folder.parent
            temporary = _temporary(folder / "check")
            try:
                _write(temporary, b" " * PROBE)  # a full disk still takes an empty file
            finally:
                temporary.unlink(missing_ok=True)

    def _replace(self, path: Path, data: bytes) -> None:
        temporary = _temporary(path)
        with self._said(path):
            _make_folders(path.parent)
            _remove_stale(path)
            try:
                _write(temporary, data)
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
            _sync_folder(path.parent)

    @contextmanager
    def _said(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            why, mend = MENDS.get(error.errno or 0, (error.strerror or type(error).__name__, "Correct sinks.{}.path."))
            raise DeliveryFailed(f"{path} cannot be written: {why}", mend=mend.format(self.name)) from None


def _filled(template: str, **values: str) -> str:
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{random.token_hex(8)}.tmp")


def _create(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(_create(path), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _make_folders(folder: Path) -> None:
    """The folders that are missing, for the owner alone (Path.mkdir gives the upper ones the ordinary mode)."""
    if not folder.exists():
        _make_folders(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _remove_stale(path: Path) -> None:
    """What a process that was killed while writing has left: half a token is still a secret."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):
            if time.time() - left.lstat().st_mtime > STALE:
                left.unlink()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems know no fsync of a folder
            raise
    finally:
        os.close(handle)
