"""How a token is written for programs, and read back: JSON, lines of NAME=value, or one value.

The lines are for python-dotenv, for `docker --env-file` and for a shell's `. file` at once. The
three agree on a value only where it needs no quotes, so a value that would need some is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from autologin.errors import AutologinError, DeliveryFailed

Format = Literal["json", "dotenv", "raw"]
FIELDS = ("account", "broker", "user_id", "access_token", "issued_at", "expires_at", "extra")
"""What a token has, see `Token.to_json`; what is in `extra` depends on the broker."""
DEFAULT_FIELDS = ("access_token", "user_id", "expires_at")
"""What the lines of a dotenv file hold besides `extra`, where the config does not choose."""
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SAFE = re.compile(r"[A-Za-z0-9_./:=@%+,-]*")
"""Values that python-dotenv, docker and a shell read alike without quotes."""
MAX_CHARACTERS = 60_000
"""Characters of a value: docker reads lines of at most 64 KiB."""
NEEDS_QUOTES = {
    "a line break": "\r\n",
    "a space or a tab": " \t",
    "a quote": "'\"`",
    "a backslash": "\\",
    "a dollar sign": "$",
    "a number sign": "#",
}
HINT = "Write it with `format: json`, or choose other `fields`."


@dataclass(frozen=True)
class Shape:
    """A format and its fields: names in the file with field paths, or paths alone; none: all."""

    format: Format = "json"
    fields: Mapping[str, str] | Sequence[str] = ()

    def field_paths(self, broker: str) -> dict[str, str]:
        """Names in the file with the paths of their fields.

        Empty where the config does not choose.
        """
        if isinstance(self.fields, Mapping):
            return dict(self.fields)
        own = {_last(path): path for path in self.fields}
        return (
            {variable(broker, name): path for name, path in own.items()}
            if self.format == "dotenv"
            else own
        )


def render(shape: Shape, data: Mapping[str, Any]) -> bytes:
    """A token as it stands in a file.

    Raises:
        DeliveryFailed: there is no such field, or its value cannot stand there; never names it.
    """
    named = shape.field_paths(data["broker"])
    if shape.format == "json":
        wanted = {name: require_field(data, path) for name, path in named.items()} or dict(data)
        return json.dumps(wanted, indent=2).encode() + b"\n"
    if shape.format == "raw":
        path = next(iter(named.values()), "access_token")
        return _require_single(path, require_field(data, path)).encode()
    lines = [(name, path, require_field(data, path)) for name, path in named.items()] or [
        *_default_fields(data)
    ]
    return "".join(
        f"{name}={_require_safe(path, _require_single(path, value))}\n"
        for name, path, value in lines
    ).encode()


def omitted_fields(shape: Shape, data: Mapping[str, Any]) -> list[str]:
    """The fields of `extra` that cannot stand in a dotenv file, where nobody chose them by name."""
    if shape.format != "dotenv" or shape.fields:
        return []
    written = {path for _, path, _ in _default_fields(data)}
    paths = (f"extra.{key}" for key, value in data["extra"].items() if value not in ("", None))
    return [path for path in paths if path not in written]


def read_field(shape: Shape, content: str, path: str, broker: str) -> Any:
    """What `render` has written of a field; None where the file does not hold it.

    Raises:
        ValueError: this is no such file.
    """
    named = {path: name for name, path in shape.field_paths(broker).items()}
    if shape.format == "raw":
        return content if path == next(iter(named), "access_token") else None
    if shape.format == "json":
        values = json.loads(content)
        if not isinstance(values, dict):
            raise ValueError("not an object")
    else:
        values = dict(line.split("=", 1) for line in content.splitlines())
        named = named or {name: variable(broker, name) for name in DEFAULT_FIELDS}
    return values.get(named.get(path, "") if named else path)


def variables(data: Mapping[str, Any]) -> dict[str, str]:
    """The token for the environment of a process: `<BROKER>_ACCESS_TOKEN` and so on.

    Of `extra`, what is one value.
    """
    return {name: text for name, _, value in _variable_fields(data) if (text := text_of(value))}


def variable(broker: str, name: str) -> str:
    """The name of a variable: `zerodha`, `public_token` is ZERODHA_PUBLIC_TOKEN."""
    found = re.sub(r"[^A-Z0-9]", "_", f"{broker}_{name}".upper())
    return f"_{found}" if found[0].isdigit() else found


def require_field(data: Any, path: str) -> Any:
    """One field of a token, by its name; `extra.x` for what is in `extra`.

    Raises:
        DeliveryFailed: there is no such field.
    """
    try:
        return field_of(data, path)
    except AutologinError as error:
        raise DeliveryFailed(error.detail, hint=error.hint) from None


def field_of(data: Any, path: str) -> Any:
    """One field of a token, by its name; `extra.x` for what is in `extra`.

    Raises:
        AutologinError: there is no such field.
    """
    for key in path.split("."):
        if not isinstance(data, Mapping) or key not in data:
            known = ", ".join(data) if isinstance(data, Mapping) else "nothing below it"
            raise AutologinError(f'The token has no field "{path}"', hint=f"Known here: {known}.")
        data = data[key]
    return data


def text_of(value: Any) -> str | None:
    """A single value as text; None where it is none, or several."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, bool | int | float) else None


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _variable_fields(data: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Every field with its variable and its path; where two share a name, the first has it."""
    broker, seen = data["broker"], set()
    fields = [(name, name, data[name]) for name in DEFAULT_FIELDS]
    fields += [(key, f"extra.{key}", value) for key, value in data["extra"].items()]
    for key, path, value in fields:
        if (name := variable(broker, key)) not in seen:
            seen.add(name)
            yield name, path, value


def _default_fields(data: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for name, path, value in _variable_fields(data):
        text = text_of(value)
        if text and (path in DEFAULT_FIELDS or _describe_unsafe(text) is None):
            yield name, path, value


def _require_single(path: str, value: Any) -> str:
    text = text_of(value)
    if text is None:
        raise DeliveryFailed(f"The token's {path} is not one value", hint=HINT)
    return text


def _require_safe(path: str, text: str) -> str:
    if kind := _describe_unsafe(text):
        readers = "python-dotenv, docker and a shell would not read the same value"
        raise DeliveryFailed(f"The token's {path} holds {kind}: {readers}", hint=HINT)
    return text


def _describe_unsafe(text: str) -> str | None:
    """What kind of thing in a value needs quotes; never the thing itself."""
    if SAFE.fullmatch(text):
        return None if len(text) <= MAX_CHARACTERS else f"more than {MAX_CHARACTERS} characters"
    sign = next(sign for sign in text if not SAFE.fullmatch(sign))
    named = next((kind for kind, signs in NEEDS_QUOTES.items() if sign in signs), None)
    if named:
        return named
    if not sign.isascii():
        return "a character that is not ASCII"
    return "a sign that means something to a shell" if sign.isprintable() else "a control character"
