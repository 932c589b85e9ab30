"""Adding to a config without touching what is there.

Lines go in as text, and the real loader checks the result.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from autologin import files
from autologin.config import loader, yaml_file
from autologin.errors import ConfigError


def keys(text: str, section: str) -> list[str]:
    """The names in a section of a config."""
    return [str(key) for key in _mapping(text, section)]


def sink_for(text: str, name: str) -> str:
    """The sink that a new account can use.

    A plain file of its own for each account, there already or to be added.
    """
    sinks = _mapping(text, "sinks")
    for known, sink in sinks.items():
        if (
            isinstance(sink, dict)
            and sink.get("type") == "file"
            and "{account}" in str(sink.get("path"))
        ):
            return str(known)
    while name in sinks:
        name += "-file"
    return name


def extend(text: str, blocks: Mapping[str, list[str]]) -> str | None:
    """The config with more lines at the head of its sections.

    None where adding lines is not enough.
    """
    for section, lines in blocks.items():
        extended = _extend_section(text, section, lines) if lines else text
        if extended is None:
            return None
        text = extended
    return text


def is_valid(file: Path, text: str, environ: Mapping[str, str]) -> bool:
    """Whether the real loader accepts it, as a file beside the one that it is to become."""
    trial = file.with_name(f".{file.name}.{secrets.token_hex(8)}.tmp")
    try:
        files.replace(trial, text.encode())
        return not loader.read(trial, environ).problems
    except ConfigError:
        return False
    finally:
        trial.unlink(missing_ok=True)


def _mapping(text: str, section: str) -> dict[Any, Any]:
    document = yaml_file.Loader(text).get_single_data() or {}
    content = document.get(section) if isinstance(document, dict) else None
    return content if isinstance(content, dict) else {}


def _extend_section(text: str, section: str, lines: list[str]) -> str | None:
    whole = text.splitlines(keepends=True)
    if whole and not whole[-1].endswith("\n"):
        whole[-1] += "\n"
    root = yaml.compose(text, yaml.SafeLoader)
    if root is None:
        return "".join([*whole, f"{section}:\n", *_indent(lines, 2)])
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        return None
    for key, value in root.value:
        if key.value == section:
            return _insert_below(whole, key, value, lines)
    return "".join([*whole, f"{section}:\n", *_indent(lines, 2)])


def _insert_below(
    whole: list[str], key: yaml.Node, value: yaml.Node, lines: list[str]
) -> str | None:
    """Right below the heading: a comment that stands there stays with what follows it."""
    line = key.start_mark.line + 1
    empty = isinstance(value, yaml.ScalarNode) and value.value == ""
    if not empty and (
        not isinstance(value, yaml.MappingNode) or value.flow_style or value.start_mark.line < line
    ):
        return None
    indent = 2 if empty else value.start_mark.column
    return "".join([*whole[:line], *_indent(lines, indent), *whole[line:]])


def _indent(lines: list[str], indent: int) -> list[str]:
    return [" " * indent + line + "\n" for line in lines]
