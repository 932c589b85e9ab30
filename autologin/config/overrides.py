"""Where the config's values come from: the YAML file, over it the secrets folder, over both the environment.

    AUTOLOGIN_<KEY>__<KEY>...          overrides that key, for example AUTOLOGIN_ACCOUNTS__ZERODHA__CREDENTIALS__PASSWORD
    AUTOLOGIN_<KEY>__<KEY>..._FILE     the same, its value read from the file that it names
    <secrets folder>/autologin_<key>__<key>...   the same, as Docker and Kubernetes mount secrets

Names of accounts and sinks match in any case, with `-` and `.` written as `_`. An override replaces the whole value.
"""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_origin

from pydantic_settings import PydanticBaseSettingsSource

from autologin.errors import Problem
from autologin.problems import Loc, below, dotted, kind_at, known_keys, nearest, value_at
from autologin.secret_refs import Secret, UnreadableError, exists, read_file, without_newline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic.fields import FieldInfo
    from pydantic_settings import BaseSettings

PREFIX = "AUTOLOGIN_"
RESERVED = {"AUTOLOGIN_CONFIG", "AUTOLOGIN_SECRETS_DIR"}
KUBERNETES = re.compile(r"AUTOLOGIN_(SERVICE_(HOST|PORT\w*)|PORT|PORT_\d+_(TCP|UDP|SCTP)\w*)")
"""What Kubernetes sets in every pod beside a Service that is called autologin."""
SECRETS_FOLDER = Path("/run/secrets")


class Given(NamedTuple):
    """A value from outside the YAML: who gives it, the rest of its name, its text."""

    origin: str
    name: str
    text: str
    newline_left_out: bool = False


@dataclass(frozen=True)
class Override:
    """A value that replaces what the YAML says at one place."""

    loc: Loc
    value: Any
    given: Given


class UnknownError(Exception):
    """A name that leads to no key: the fix."""


class Layers(PydanticBaseSettingsSource):
    """The source of the settings: the YAML document with the overrides laid over it."""

    def __init__(self, settings_cls: type[BaseSettings], document: Mapping[str, Any]) -> None:
        super().__init__(settings_cls)
        self.values: dict[str, Any] = copy.deepcopy(dict(document))
        self.overrides: list[Override] = []
        self.problems: list[Problem] = []

    def __call__(self) -> dict[str, Any]:
        """The values, as they are now."""
        return self.values

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The value of one key; pydantic-settings asks for it by name."""
        del field
        return self.values.get(field_name), field_name, False

    def lay_over(self, given: Iterable[Given]) -> None:
        """Lay values over what is there. Shallow ones first, so that a deeper one can correct a part of them.

        A `type` comes before its neighbours: which keys a sink has depends on it.
        """
        seen: dict[Loc, str] = {}
        for one in sorted(given, key=lambda one: (one.name.count("__"), not one.name.upper().endswith("__TYPE"))):
            override = self._override(one)
            if override is None:
                continue
            if other := seen.get(override.loc):
                detail = f"is set twice, by {other} and by {one.origin}"
                self.problems.append(Problem(dotted(override.loc), detail, "Remove one of them."))
                continue
            seen[override.loc] = one.origin
            self.overrides.append(override)
            _put(self.values, override.loc, override.value)

    def drop(self, loc: Loc) -> bool:
        """Take away a value that cannot be used, so that the rest can be looked at; False where it is gone already."""
        parent: Any = self.values
        for depth, key in enumerate(loc[:-1], start=1):
            parent = value_at(parent, key)
            if isinstance(parent, list):
                return self.drop(loc[:depth])
        return isinstance(parent, dict) and parent.pop(loc[-1], self) is not self

    def _override(self, given: Given) -> Override | None:
        try:
            loc = _loc_of(given.name, self.settings_cls, self.values)
            kind = kind_at(self.settings_cls, loc, self.values)
            return Override(loc, _decoded(given.text, kind), given)
        except UnknownError as error:
            self.problems.append(Problem(given.origin, "matches no key of the config", str(error)))
        except ValueError:
            self.problems.append(
                Problem(dotted(loc), f"is not valid JSON (from {given.origin})", "Check its brackets and quotes.")
            )
        return None


def from_environment(environ: Mapping[str, str]) -> tuple[list[Given], list[Problem]]:
    """The overrides in the environment, and the files that could not be read."""
    found, problems = [], []
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX) or name in RESERVED or KUBERNETES.fullmatch(name):
            continue
        rest = name.removeprefix(PREFIX)
        try:
            found.append(_from_file(Path(text), name, rest[:-5]) if rest.endswith("_FILE") else Given(name, rest, text))
        except UnreadableError as error:
            problems.append(Problem(name, error.detail, error.hint))
    return found, problems


def from_folder(environ: Mapping[str, str], known: Iterable[str]) -> tuple[list[Given], list[Problem]]:
    """The overrides in the secrets folder. Files that are called otherwise belong to somebody else."""
    named = environ.get("AUTOLOGIN_SECRETS_DIR")
    folder = Path(named) if named else SECRETS_FOLDER
    if named and not exists(folder):
        return [], [Problem("AUTOLOGIN_SECRETS_DIR", f"there is no folder {folder}", "Correct it, or unset it.")]
    found, problems = [], []
    for file in sorted(_files(folder)):
        rest = file.name[len(PREFIX) :].upper()
        if file.name.upper().startswith(PREFIX) and rest.split("__")[0].lower() in known:
            try:
                found.append(_from_file(file, str(file), rest))
            except UnreadableError as error:
                problems.append(Problem(str(file), error.detail, error.hint))
    return found, problems


def _files(folder: Path) -> Iterator[Path]:
    try:
        yield from (file for file in folder.iterdir() if exists(file, Path.is_file))
    except OSError:
        return  # the usual folder is not there, or not this user's


def _from_file(file: Path, origin: str, name: str) -> Given:
    text = read_file(file)
    trimmed = without_newline(text)
    return Given(origin, name, trimmed, newline_left_out=trimmed != text)


def _written(key: str) -> str:
    return re.sub(r"[-.]", "_", key).upper()


def _loc_of(name: str, kind: Any, raw: Any) -> Loc:
    """The place that a name such as ACCOUNTS__ZERODHA__BROKER means, as far as keys that are there decide it."""
    rest, prefix = name.upper(), PREFIX
    loc: list[str] = []
    while rest or not loc:
        known = [key for key in known_keys(kind, raw) if rest == _written(key) or rest.startswith(_written(key) + "__")]
        longest = max((len(key) for key in known), default=0)
        meant = [key for key in known if len(key) == longest]
        if len(meant) > 1:
            raise UnknownError(f"It could mean {' or '.join(sorted(meant))}: rename one of them.")
        key = meant[0] if meant else _new_key(rest, kind, raw, prefix)
        rest = rest[len(_written(key)) :].removeprefix("__")
        prefix += _written(key) + "__"
        loc.append(key)
        kind, raw = below(kind, key, raw), value_at(raw, key)
    return tuple(loc)


def _new_key(rest: str, kind: Any, raw: Any, prefix: str) -> str:
    """The key that a name makes anew in a mapping whose keys are the user's own."""
    first = rest.split("__", maxsplit=1)[0]
    free = kind is Any or get_origin(kind_at(kind, (), raw)) is dict
    if first and free:
        return first.lower()
    known = [prefix + _written(key) for key in known_keys(kind, raw)]
    if not known:
        raise UnknownError(f"Nothing stands below {prefix.removesuffix('__')}: it takes the value itself.")
    if meant := nearest(prefix + first, known):
        raise UnknownError(f"Did you mean {meant}{rest[len(first) :]}?")
    raise UnknownError(f"Known here: {', '.join(known)}.")


def _decoded(text: str, kind: Any) -> Any:
    """The value that a text means at a place of this type. Raises ValueError where it should be JSON and is not.

    A secret is its text, byte for byte.
    """
    if kind is Secret:
        return text
    container = get_origin(kind) in {list, dict} or hasattr(kind, "model_fields")
    if text[:1] in {"[", "{"}:
        try:
            return json.loads(text)
        except ValueError:
            if container:
                raise
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
