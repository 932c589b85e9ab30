"""The file sink: the token in a file that only those read whom it is for.

    tokens: {type: file, path: "./tokens/{account}.json", format: json}

`path` is relative to the config file and may hold {account}, {broker} and {user_id}. `format` is
json, dotenv or raw; `fields` chooses and renames; `mode`, `owner` and `group` say who may read it.
The file is replaced as a whole, and a link in its place is replaced, not followed; a device, a
pipe or a folder there is left alone, and nothing is delivered. One that is gone
is written again, but for `redeliver: false`; one that somebody else has changed is left alone.
docs/reading-tokens.md has it all.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, PlainValidator, PrivateAttr, ValidationInfo, field_validator

from autologin import files
from autologin.delivery import formats
from autologin.delivery.sinks._permissions import Mode, Principal, rights
from autologin.delivery.sinks.base import HoldingConfig, Receipt
from autologin.errors import DeliveryFailed
from autologin.log import event
from autologin.message import Message
from autologin.problems import did_you_mean, refuse
from autologin.secret_refs import RefContext, check_path

PLACEHOLDERS = ("account", "broker", "user_id")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
PROBE = 8192
"""Bytes that the write check writes: more than a token needs."""
LARGEST = 4 * 1024 * 1024
"""Bytes; a larger file is none that was written here."""
HINTS = {
    errno.ENOSPC: ("the disk is full", "Free some space."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space."),
    errno.EFBIG: (
        "it would be larger than a file may be here",
        "Raise the limit on the size of files (`ulimit -f`).",
    ),
    errno.EROFS: (
        "the file system is read-only",
        "Mount it writable; in a container, put a volume there.",
    ),
    errno.EACCES: ("permission denied", "Let the user that runs autologin write there."),
    errno.EPERM: ("permission denied", "Let the user that runs autologin write there."),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "Correct the path."),
    errno.EEXIST: ("a part of the path is a file, not a folder", "Correct the path."),
    errno.EISDIR: ("it is a folder, not a file", "Name a file in the path."),
}
DEVICES = Path("/dev")
MEMORY = "shm"
"""The folder among the devices that is for files."""
NOT_OURS = (
    "Only root may change the owner; `group` must be one of the user's own. Correct sinks.{}."
)


def _check_template(text: str) -> str:
    if not text.strip() or text.endswith("/"):
        refuse("must name a file", 'Such as "./tokens/{account}.json".')
    for name in PLACEHOLDER.findall(text):
        if name not in PLACEHOLDERS:
            refuse(f"{{{name}}} is not a known placeholder", did_you_mean(name, PLACEHOLDERS))
    if re.search(r"[{}]", PLACEHOLDER.sub("", text)):
        refuse(
            "holds a brace without its other half",
            "Placeholders are {account}, {broker} and {user_id}.",
        )
    return check_path(text)


def _parse_fields(value: Any) -> dict[str, str] | tuple[str, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if not isinstance(value, dict | list | tuple) or not value:
        refuse(
            "must be a mapping of names to fields, or a list of fields",
            "Such as {token: access_token}.",
        )
    paths = list(value.values() if isinstance(value, dict) else value)
    if not all(isinstance(word, str) and word for word in (*value, *paths)):
        refuse(
            "must hold text only",
            "Such as {token: access_token}, or [access_token, extra.public_token].",
        )
    for path in paths:
        first, *below = path.split(".")
        if first not in formats.FIELDS or not all(below) or (below and first != "extra"):
            refuse(
                "names something that is not a field of a token",
                did_you_mean(first, formats.FIELDS),
            )
    return value if isinstance(value, dict) else tuple(value)


class Config(HoldingConfig):
    """The keys of a file sink."""

    type: Literal["file"]
    path: Annotated[str, AfterValidator(_check_template)]
    format: formats.Format = "json"
    fields: Annotated[dict[str, str] | tuple[str, ...], PlainValidator(_parse_fields)] = ()
    mode: Mode = files.OURS.mode
    owner: Principal | None = None
    group: Principal | None = None

    _accounts: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @field_validator("fields")
    @classmethod
    def _check_format(cls, fields: Any, info: ValidationInfo) -> Any:
        shape = formats.Shape(info.data.get("format", "json"), fields)
        named = shape.field_paths("")
        if len(named) < len(fields):
            refuse(
                "gives two fields the same name", "Write it as a mapping, with names of your own."
            )
        if shape.format == "raw" and len(fields) > 1:
            refuse(
                "must name one field: `format: raw` is one value alone", "Such as [access_token]."
            )
        if shape.format != "json" and "extra" in named.values():
            refuse(
                "names all of `extra`, and this format holds single values",
                "Such as extra.public_token.",
            )
        if shape.format == "dotenv" and not all(map(formats.VARIABLE.fullmatch, named)):
            refuse(
                "holds a name that no variable can have",
                "Use letters, digits and '_', and no digit first.",
            )
        return fields

    @property
    def shape(self) -> formats.Shape:
        """How the file is written."""
        return formats.Shape(self.format, self.fields)

    def build(self, name: str, place: RefContext) -> FileSink:
        """The sink that this config describes."""
        del place
        known = (self.target(account, broker) for account, broker in self._accounts.items())
        return FileSink(name, self, {Path(path) for path in known if path})

    def with_absolute_paths(self, place: RefContext) -> Self:
        """This config with an absolute path."""
        return self.model_copy(update={"path": str(place.path(self.path))})

    def with_accounts(self, accounts: Mapping[str, str]) -> Self:
        """This config, for its accounts and their brokers: the check looks at each one's file."""
        known = self.model_copy()
        known._accounts = accounts  # noqa: SLF001  (its own)
        return known

    def file(self, account: str, broker: str) -> Path:
        """The file of this account, in whose name {user_id} may still stand."""
        return Path(os.path.normpath(_fill(self.path, account=account, broker=broker)))

    def target(self, account: str, broker: str) -> str | None:
        """The file of this account; None where only the token says which."""
        known = str(self.file(account, broker))
        return None if PLACEHOLDER.search(known) else known


class FileSink:
    """Writes each token to its file. `paths` are its accounts' files, as far as they are known."""

    def __init__(self, name: str, config: Config, paths: Collection[Path] = ()) -> None:
        self.name = name
        self._config = config
        self._paths = paths

    async def check(self) -> None:
        """Create and remove a file where the tokens' folder is, or will be made.

        Raises:
            DeliveryFailed: no file can be written there, or not for that owner or group.
        """
        await asyncio.to_thread(self._check)

    async def deliver(self, message: Message) -> Receipt:
        """Replace the account's file.

        Raises:
            DeliveryFailed: it could not be written, or the token cannot stand in this format.
                The old file is untouched.
        """
        path = self._path(message)
        shape = self._config.shape
        data = formats.render(shape, message.data)
        await asyncio.to_thread(self._replace, path, data)
        if omitted := formats.omitted_fields(shape, message.data):
            event(
                "left_out",
                sink=self.name,
                fields=", ".join(omitted),
                because="a shell would not read them as they are",
            )
        return self._receipt(path, hashlib.sha256(data).hexdigest())

    async def look(self, message: Message) -> Receipt:
        """What is in the account's file; what is no file counts as another content.

        Raises:
            DeliveryFailed: it cannot be read.
        """
        path = self._path(message)
        return self._receipt(path, await asyncio.to_thread(_read_mark, path))

    async def close(self) -> None:
        """Nothing is open between deliveries."""

    def _path(self, message: Message) -> Path:
        user_id = str(message.data["user_id"])
        if (
            not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", user_id)
            and "{user_id}" in self._config.path
        ):
            detail = "The broker's user id cannot be part of a file's name"
            raise DeliveryFailed(
                detail, hint=f"Use {{account}} instead of {{user_id}} in sinks.{self.name}.path."
            )
        return Path(
            _fill(
                self._config.path, account=message.account, broker=message.broker, user_id=user_id
            )
        )

    def _receipt(self, path: Path, mark: str | None) -> Receipt:
        config = self._config
        form = repr((config.format, config.fields, config.mode, config.owner, config.group))
        if mark is None:
            return Receipt(str(path), form)
        words = f"{mark} is in its place" if " " in mark else "its content is another one"
        return Receipt(str(path), form, {"content": [mark]}, words)

    def _check(self) -> None:
        path = Path(self._config.path)
        folder = path.parent
        while PLACEHOLDER.search(str(folder)):
            folder = folder.parent
        for known in self._paths or [path]:
            self._refuse_no_file(known)
        with self._translate_errors(path):
            files.probe(folder, PROBE, self._rights())

    def _refuse_no_file(self, path: Path) -> None:
        """Refuse to put a file where something is that is none, at a link's end too."""
        if found := _find_no_file(path):
            hint = (
                "Name a file in the path."
                if found == "a folder"
                else f"Name a path in sinks.{self.name}.path at which nothing is yet."
            )
            detail = f"{path} cannot be written: it is {found}, not a file"
            raise DeliveryFailed(detail, hint=hint, key="path")

    def _replace(self, path: Path, data: bytes) -> None:
        self._refuse_no_file(path)
        with self._translate_errors(path):
            files.replace(path, data, self._rights())

    def _rights(self) -> files.Rights:
        return rights(self.name, self._config.mode, self._config.owner, self._config.group)

    @contextmanager
    def _translate_errors(self, path: Path) -> Iterator[None]:
        try:
            yield
        except files.NotPermittedError:
            detail = f"{path} cannot be given to that owner or group: permission denied"
            raise DeliveryFailed(detail, hint=NOT_OURS.format(self.name)) from None
        except OSError as error:
            why, hint = HINTS.get(
                error.errno or 0, (error.strerror or type(error).__name__, "Correct sinks.{}.path.")
            )
            raise DeliveryFailed(
                f"{path} cannot be written: {why}", hint=hint.format(self.name)
            ) from None


def _read_mark(path: Path) -> str | None:
    """The hash of a file's content; None where there is none.

    What is no plain file of a token's size is named for what it is.
    """
    try:
        if kind := _describe_other(path.lstat()):
            return kind
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            return hashlib.sha256(file.read(LARGEST + 1)).hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        why, _ = HINTS.get(error.errno or 0, (error.strerror or type(error).__name__, ""))
        hint = "Let the user that runs autologin read it."
        raise DeliveryFailed(f"{path} cannot be read: {why}", hint=hint) from None


def _describe_other(status: os.stat_result) -> str:
    if stat.S_ISDIR(status.st_mode):
        return "a folder"
    if stat.S_ISLNK(status.st_mode):
        return "a link"
    if not stat.S_ISREG(status.st_mode):
        return "no plain file"
    return "a large file" if status.st_size > LARGEST else ""


def _find_no_file(path: Path) -> str:
    """What is at a path, or at the end of a link there, and is no file; "" for a file or nothing.

    /dev/stdout leads to a file where the output goes to one, and is no place for another all the
    same.
    """
    folder = Path(os.path.realpath(path.parent))
    if folder.is_relative_to(DEVICES) and not folder.is_relative_to(DEVICES / MEMORY):
        return f"a place in {DEVICES}"
    try:
        mode = path.stat().st_mode
    except OSError:
        return ""  # nothing, or what the write itself is refused for
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFREG: "",
    }
    return kinds.get(stat.S_IFMT(mode), "a device")


def _fill(template: str, **values: str) -> str:
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)
