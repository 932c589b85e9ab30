"""Finding and reading the YAML of a config.

Every mistake is named with its line, and no value is repeated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from autologin import files
from autologin.errors import Problem

STATE_FOLDER = "~/.local/state/autologin"
"""Where the store is, unless the config says otherwise."""
LONGEST = 4 * 1024 * 1024
"""Bytes of a config."""
DEEPEST = 50
MOST_VALUES = 200_000
SECRETS_FOLDER = Path("/run/secrets")
"""Where Docker and Kubernetes put values that the file does not show."""
TEXT = "tag:yaml.org,2002:str"
MERGE = "tag:yaml.org,2002:merge"
SURPRISING = {"timestamp", "value", "int", "float"}
"""What YAML 1.1 makes of plain text that nobody means: a date, and with `10:15` a number in base
60."""


class _ExcessError(yaml.MarkedYAMLError):
    def __init__(self, mark: yaml.Mark, detail: str) -> None:
        super().__init__(problem=detail, problem_mark=mark)
        self.mark, self.detail = mark, detail


class Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key that is there twice or is no text, and reads `10:15` as text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.problems: list[Problem] = []
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The node that stands here. Without a limit, deep nesting takes minutes."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise _ExcessError(self.get_mark(), "is nested too deeply")
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  (PyYAML's signature)
        """The mapping of a node."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == MERGE:
                continue
            if key.tag != TEXT:
                self._note(key, "this key is not text", "Put quotes around the key.")
                key.tag = TEXT
            if key.value in seen:
                self._note(key, f'the key "{key.value}" is there twice', "Remove one of them.")
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def _note(self, node: yaml.Node, message: str, hint: str) -> None:
        self.problems.append(Problem(_position(node.start_mark), message, hint))


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag.rsplit(":", 1)[1] not in SURPRISING]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)$"),
    list("-+0123456789"),
)
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"[-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+][0-9]+)?$|[-+]?\.(inf|Inf|INF)$|\.(nan|NaN|NAN)$"
    ),
    list("-+0123456789."),
)


def _number(loader: Loader, node: yaml.ScalarNode) -> int:
    """A whole number.

    YAML 1.1 reads 0123 as octal and chokes on 0189, which must be told to be put in quotes as well.
    """
    try:
        return loader.construct_yaml_int(node)
    except ValueError:
        return int(node.value.replace("_", ""))


Loader.add_constructor("tag:yaml.org,2002:int", _number)


def find(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The config file: the one that is named, else the first of the usual places that has one."""
    if path or environ.get("AUTOLOGIN_CONFIG"):
        return path or Path(environ["AUTOLOGIN_CONFIG"])
    for place in usual_places(environ):
        with suppress(OSError):
            if place.is_file():
                return place
    return None


def usual_places(environ: Mapping[str, str]) -> list[Path]:
    """Where a config is looked for. A user without a home folder has no place of their own."""
    home = files.home(environ)
    configs = environ.get("XDG_CONFIG_HOME") or (home and home / ".config")
    users = [Path(configs, "autologin", "config.yaml")] if configs else []
    return [Path("config.yaml"), *users]


def read(file: Path) -> tuple[dict[str, Any], list[Problem]]:
    """The mapping in a YAML file, and what is wrong with it as YAML.

    An empty file is an empty mapping.
    """
    try:
        with file.open("rb") as opened:
            raw = opened.read(LONGEST + 1)
        if len(raw) > LONGEST:
            detail = f"is no config: it is larger than {LONGEST // 1024} KiB"
            return {}, [Problem(str(file), detail, "Name the right file.")]
        text = raw.decode("utf-8-sig")
    except FileNotFoundError:
        hint = "Correct the path, or copy config.example.yaml there and fill it in."
        return {}, [Problem(str(file), "there is no such file", hint)]
    except OSError as error:
        return {}, [
            Problem(
                str(file),
                f"cannot be read ({error.strerror})",
                "Correct the path or the file's rights.",
            )
        ]
    except UnicodeDecodeError:
        return {}, [Problem(str(file), "is not UTF-8 text", "Save it as UTF-8.")]
    return _parse(file, text)


def _parse(file: Path, text: str) -> tuple[dict[str, Any], list[Problem]]:
    try:
        loader = Loader(text)
        loader.name = str(file)  # the marks carry it
        node = loader.get_single_node()
        if node:
            _refuse_excess(node)
        data = loader.construct_document(node) if node else None
    except _ExcessError as error:
        hint = "Write out what it means; config.example.yaml shows how."
        return {}, [Problem(_position(error.mark), error.detail, hint)]
    except yaml.MarkedYAMLError as error:
        return {}, [_explain(error, text)]
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}, [
            Problem(
                str(file),
                "is not YAML",
                "Look for control characters, or start again from config.example.yaml.",
            )
        ]
    if data is not None and not isinstance(data, dict):
        hint = "At the top there must be `key: value` lines, as in config.example.yaml."
        return {}, [*loader.problems, Problem(str(file), "is YAML, but not a mapping", hint)]
    return data or {}, loader.problems


def _refuse_excess(root: yaml.Node) -> None:
    """Aliases can make a short text endless."""
    sizes: dict[int, int] = {}
    above: set[int] = set()

    def size(node: yaml.Node) -> int:
        if id(node) in above:
            raise _ExcessError(node.start_mark, "refers to itself")
        if len(above) > DEEPEST:
            raise _ExcessError(node.start_mark, "is nested too deeply")
        if id(node) not in sizes:
            above.add(id(node))
            parts = node.value if isinstance(node, yaml.CollectionNode) else []
            if isinstance(node, yaml.MappingNode):
                parts = [part for pair in parts for part in pair]
            sizes[id(node)] = 1 + sum(map(size, parts))
            above.discard(id(node))
        if sizes[id(node)] > MOST_VALUES:
            raise _ExcessError(node.start_mark, "grows without bounds by its aliases")
        return sizes[id(node)]

    size(root)


def _position(mark: yaml.Mark) -> str:
    return f"{mark.name}, line {mark.line + 1}, column {mark.column + 1}"


def _explain(error: yaml.MarkedYAMLError, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Problem("config", "is not YAML", "Start again from config.example.yaml.")
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return Problem(
            _position(mark), "is indented with a tab", "Use spaces: YAML allows no tabs there."
        )
    # What PyYAML quotes may be a password that needed quotes; only its own <token names> may stay.
    detail = re.sub(r"'(?!<)[^']*'|\"[^\"]*\"", "...", error.problem or "cannot be read")
    special = "* & ! % @ ` { } [ ] # :"
    hint = (
        f"Check the indentation, and put quotes around a value with special characters ({special})."
    )
    return Problem(_position(mark), f"is not YAML: {detail}", hint)
