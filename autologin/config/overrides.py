"""Where the config's values come from.

The YAML file, over it the secrets folder, over both the environment.

    AUTOLOGIN_<KEY>__<KEY>...          overrides that key, such as AUTOLOGIN_ACCOUNTS__ME__TIMEOUT
    AUTOLOGIN_<KEY>__<KEY>..._FILE     the same, its value read from the file that it names
    <secrets folder>/autologin_<key>__<key>...   the same, as Docker and Kubernetes mount secrets

Names of accounts and sinks match in any case, with `-` and `.` written as `_`. An override replaces
the whole value.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_origin

from pydantic_settings import PydanticBaseSettingsSource

from autologin.config.yaml_file import SECRETS_FOLDER
from autologin.errors import Problem
from autologin.problems import Loc, below, dotted, kind_at, known_keys, nearest, value_at
from autologin.secret_refs import Secret, UnreadableError, exists, read_file, without_newline

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_settings import BaseSettings

PREFIX = "AUTOLOGIN_"
RESERVED = {"AUTOLOGIN_CONFIG", "AUTOLOGIN_SECRETS_DIR"}
KUBERNETES = re.compile(r"AUTOLOGIN_(SERVICE_(HOST|PORT\w*)|PORT|PORT_\d+_(TCP|UDP|SCTP)\w*)")
"""What Kubernetes sets in every pod beside a Service that is called autologin."""


class Override(NamedTuple):
    """A value from outside the YAML: who gives it, the rest of its name, its text."""

    origin: str
    name: str
    text: str
    newline_left_out: bool = False


class UnknownError(Exception):
    """A name that leads to no key: the fix."""


class Overlay(PydanticBaseSettingsSource):
    """The source of the settings: the YAML document with the overrides laid over it."""

    def __init__(self, model: type[BaseSettings], document: Mapping[str, Any]) -> None:
        super().__init__(model)
        self._model = model
        self.values: dict[str, Any] = copy.deepcopy(dict(document))
        self.applied: dict[Loc, Override] = {}
        self.problems: list[Problem] = []

    def __call__(self) -> dict[str, Any]:
        """The values, as they are now."""
        return self.values

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The value of one key; pydantic-settings asks for it by name."""
        del field
        return self.values.get(field_name), field_name, False

    def apply(self, overrides: Iterable[Override]) -> None:
        """Lay values over what is there.

        Shallow ones first, so that a deeper one can correct a part of them.

        A `type` comes before its neighbours: which keys a sink has depends on it.
        """
        seen: dict[Loc, str] = {}
        for override in sorted(overrides, key=_depth_and_type):
            try:
                loc = _loc_of(override.name, self._model, self.values)
            except UnknownError as error:
                self.problems.append(
                    Problem(override.origin, "matches no key of the config", str(error))
                )
                continue
            try:
                value = _decode(override.text, kind_at(self._model, loc, self.values))
            except ValueError:
                detail = f"is not valid JSON (from {override.origin})"
                self.problems.append(Problem(dotted(loc), detail, "Check its brackets and quotes."))
                continue
            if other := seen.get(loc):
                detail = f"is set twice, by {other} and by {override.origin}"
                self.problems.append(Problem(dotted(loc), detail, "Remove one of them."))
                continue
            seen[loc] = override.origin
            self.applied[loc] = override
            _put(self.values, loc, value)

    def drop(self, loc: Loc) -> bool:
        """Take away a value that cannot be used, so that the rest can be looked at.

        False where it is gone already.
        """
        parent: Any = self.values
        for depth, key in enumerate(loc[:-1], start=1):
            parent = value_at(parent, key)
            if isinstance(parent, list):
                return self.drop(loc[:depth])
        return isinstance(parent, dict) and parent.pop(loc[-1], self) is not self


def _depth_and_type(override: Override) -> tuple[int, bool]:
    return override.name.count("__"), not override.name.upper().endswith("__TYPE")


def origin_of(overrides: Mapping[Loc, Override], loc: Loc) -> str | None:
    """The variable or file that sets a value or the whole that it is a part of.

    None for the config file.
    """
    for end in range(len(loc), 0, -1):
        if loc[:end] in overrides:
            return overrides[loc[:end]].origin
    return None


def from_environment(environ: Mapping[str, str]) -> tuple[list[Override], list[Problem]]:
    """The overrides in the environment, and the files that could not be read."""
    overrides: list[Override] = []
    problems = []
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX) or name in RESERVED or KUBERNETES.fullmatch(name):
            continue
        rest = name.removeprefix(PREFIX)
        try:
            if rest.endswith("_FILE"):
                overrides.append(_from_file(Path(text), name, rest.removesuffix("_FILE")))
            else:
                overrides.append(Override(name, rest, text))
        except UnreadableError as error:
            problems.append(Problem(name, error.detail, error.hint))
    return overrides, problems


def from_folder(
    environ: Mapping[str, str], known: Iterable[str]
) -> tuple[list[Override], list[Problem]]:
    """The overrides in the secrets folder.

    Files that are called otherwise belong to somebody else.
    """
    named = environ.get("AUTOLOGIN_SECRETS_DIR")
    folder = Path(named) if named else SECRETS_FOLDER
    if named and not exists(folder):
        return [], [
            Problem(
                "AUTOLOGIN_SECRETS_DIR", f"there is no folder {folder}", "Correct it, or unset it."
            )
        ]
    overrides: list[Override] = []
    problems = []
    for file in sorted(_files(folder)):
        rest = file.name[len(PREFIX) :].upper()
        if file.name.upper().startswith(PREFIX) and rest.split("__")[0].lower() in known:
            try:
                overrides.append(_from_file(file, str(file), rest))
            except UnreadableError as error:
                problems.append(Problem(str(file), error.detail, error.hint))
    return overrides, problems


def _files(folder: Path) -> Iterator[Path]:
    try:
        yield from (file for file in folder.iterdir() if exists(file, Path.is_file))
    except OSError:
        return  # the usual folder is not there, or not this user's


def _from_file(file: Path, origin: str, name: str) -> Override:
    text = read_file(file)
    trimmed = without_newline(text)
    return Override(origin, name, trimmed, newline_left_out=trimmed != text)


def _variable_name(key: str) -> str:
    return re.sub(r"[-.]", "_", key).upper()


def _loc_of(name: str, kind: Any, raw: Any) -> Loc:
    """The place that a name such as ACCOUNTS__ZERODHA__BROKER means: keys that are there decide."""
    rest = name.upper()
    prefix = PREFIX
    loc: list[str] = []
    while rest or not loc:
        known = [
            key
            for key in known_keys(kind, raw)
            if rest == _variable_name(key) or rest.startswith(f"{_variable_name(key)}__")
        ]
        longest = max((len(key) for key in known), default=0)
        meant = [key for key in known if len(key) == longest]
        if len(meant) > 1:
            raise UnknownError(f"It could mean {' or '.join(sorted(meant))}: rename one of them.")
        key = meant[0] if meant else _new_key(rest, kind, raw, prefix)
        rest = rest[len(_variable_name(key)) :].removeprefix("__")
        prefix += _variable_name(key) + "__"
        loc.append(key)
        kind = below(kind, key, raw)
        raw = value_at(raw, key)
    return tuple(loc)


def _new_key(rest: str, kind: Any, raw: Any, prefix: str) -> str:
    """The key that a name makes anew in a mapping whose keys are the user's own."""
    first = rest.split("__", maxsplit=1)[0]
    free = kind is Any or get_origin(kind_at(kind, (), raw)) is dict
    if first and free:
        return first.lower()
    known = [prefix + _variable_name(key) for key in known_keys(kind, raw)]
    if not known:
        raise UnknownError(
            f"Nothing stands below {prefix.removesuffix('__')}: it takes the value itself."
        )
    if meant := nearest(prefix + first, known):
        raise UnknownError(f"Did you mean {meant}{rest[len(first) :]}?")
    raise UnknownError(f"Known here: {', '.join(known)}.")


def _decode(text: str, kind: Any) -> Any:
    """The value that a text means at a place of this type.

    Raises ValueError where it should be JSON and is not.

    A secret is its text, byte for byte.
    """
    if kind is Secret:
        return text
    container = get_origin(kind) in {list, dict} or hasattr(kind, "model_fields")
    if text[:1] in {"[", "{"}:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            if container:
                raise ValueError from None
    if get_origin(kind) is list:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text if text or container else None


def _put(values: dict[str, Any], loc: Loc, value: Any) -> None:
    for key in loc[:-1]:
        below_it = values.get(str(key))
        if not isinstance(below_it, dict):
            below_it = values[str(key)] = {}
        values = below_it
    values[str(loc[-1])] = value
