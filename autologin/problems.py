"""What is wrong with a config, in words a person can act on.

Where it is, what it is, how to fix it.

No message ever holds a configured value: it may be a password that stands in the wrong place.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticCustomError

from autologin.errors import Problem

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

Loc = tuple[str | int, ...]
"""The keys that lead to a value, from the top of the config."""

QUOTE = "Put quotes around it."
WORDS: dict[str, tuple[str, str]] = {
    "string_type": ("must be text", QUOTE),
    "path_type": ("must be a path, as text", QUOTE),
    "int_type": ("must be a whole number", ""),
    "int_parsing": ("must be a whole number", ""),
    "int_from_float": ("must be a whole number", ""),
    "bool_type": ("must be true or false", ""),
    "bool_parsing": ("must be true or false", ""),
    "list_type": ("must be a list", "Write it as [one, two]."),
    "dict_type": (
        "must be a mapping",
        "Write `key: value` lines below it, indented by two spaces.",
    ),
    "model_type": (
        "must be a mapping",
        "Write `key: value` lines below it, indented by two spaces.",
    ),
    "model_attributes_type": (
        "must be a mapping",
        "Write `key: value` lines below it, indented by two spaces.",
    ),
}


class Report:
    """Every problem of one config, each place named once.

    `origin` tells which variable or file set a value.
    """

    def __init__(
        self, origin: Callable[[Loc], str | None], problems: list[Problem] | None = None
    ) -> None:
        self.problems: list[Problem] = [] if problems is None else problems
        self._origin = origin
        self._seen: set[Loc] = set()

    def add(self, loc: Loc, message: str, hint: str = "") -> None:
        """Note a problem, unless this place has one already."""
        if loc in self._seen:
            return
        self._seen.add(loc)
        origin = self._origin(loc)
        self.problems.append(
            Problem(dotted(loc), message + (f" (from {origin})" if origin else ""), hint)
        )

    def add_validation(self, error: ValidationError, root: Any, raw: Any, prefix: Loc = ()) -> None:
        """Note what pydantic found in `raw`, the value of a `root`, which stands at `prefix`."""
        for details in errors_of(error):
            loc = details["loc"]
            self.add(prefix + loc, *_explain(details, kind_at(root, loc[:-1], raw)))


def refuse(detail: str, hint: str = "") -> NoReturn:
    """Say from inside a validator what is wrong and how to fix it."""
    raise PydanticCustomError("config", "{detail}", {"detail": detail, "hint": hint})


def errors_of(error: ValidationError) -> list[ErrorDetails]:
    """What pydantic found, without the values; an error of a key stands at the key."""
    errors = error.errors(include_input=False, include_url=False)
    for details in errors:
        details["loc"] = tuple(part for part in details["loc"] if part != "[key]")
    return errors


def dotted(loc: Loc) -> str:
    """The key path as people write it."""
    return ".".join(str(part) for part in loc)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    lowered = {name.lower(): name for name in known}
    matches = difflib.get_close_matches(word.lower(), lowered, n=1)
    return lowered[matches[0]] if matches else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The fix for a name that is not known."""
    names = sorted(known)
    if meant := nearest(word, names):
        return f'Did you mean "{meant}"?'
    return f"Known here: {', '.join(names)}." if names else "Nothing can stand here."


def known_keys(kind: Any, raw: Any) -> list[str]:
    """The keys that a value of this type can have.

    A model's own, and for a mapping those that are there.
    """
    kind = _unwrap(kind, raw)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return list(kind.model_fields)
    if get_origin(kind) is dict and isinstance(raw, dict):
        return [key for key in raw if isinstance(key, str)]
    return []


def below(kind: Any, key: str | int, raw: Any) -> Any:
    """The type of what stands under a key; None where nothing can."""
    kind = _unwrap(kind, raw)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get(str(key))
        if field and field.metadata:
            return Annotated[field.annotation, *field.metadata]
        return field and field.annotation
    if get_origin(kind) in {dict, list}:
        return get_args(kind)[-1]
    return Any if kind is Any else None


def kind_at(root: Any, loc: Loc, raw: Any) -> Any:
    """The type of what stands at a place, with Optional and Annotated taken off."""
    for key in loc:
        root = below(root, key, raw)
        raw = value_at(raw, key)
    return _unwrap(root, raw)


def value_at(raw: Any, key: str | int) -> Any:
    """The value under a key, None where there is none."""
    return raw.get(key) if isinstance(raw, dict) else None


def _unwrap(kind: Any, raw: Any) -> Any:
    """A type without Optional and Annotated.

    Where the type depends on the value (a sink's), the one it has.
    """
    if get_origin(kind) is Annotated:
        return _unwrap(get_args(kind)[0], raw)
    if get_origin(kind) in {Union, UnionType}:
        return _unwrap(next(arg for arg in get_args(kind) if arg is not type(None)), raw)
    variant = getattr(kind, "variant", None)
    return variant(raw) if variant else kind


def _explain(details: ErrorDetails, parent: Any) -> tuple[str, str]:
    """What happened and how to fix it."""
    kind = details["type"]
    key = str(details["loc"][-1]) if details["loc"] else ""
    context = details.get("ctx", {})
    belongs = what_belongs_here(parent, key)
    match kind:
        case "config" | "unknown_type":
            return context["detail"], context["hint"].strip()
        case "missing":
            return "is missing", f"Add `{key}`. {belongs}".strip()
        case "extra_forbidden":
            return "is not a known key", did_you_mean(key, known_keys(parent, None))
        case "literal_error":
            return f"must be one of {context['expected']}", ""
    if kind in WORDS:
        return WORDS[kind]
    detail = str(context["error"]) if kind == "value_error" else details["msg"]
    return re.sub(r"^(Input|String|Value) should", "must", detail), belongs


def what_belongs_here(parent: Any, key: str) -> str:
    """A sentence from the field's own description; empty where it has none."""
    fields = (
        parent.model_fields if isinstance(parent, type) and issubclass(parent, BaseModel) else {}
    )
    description = fields[key].description if key in fields else None
    return f"What belongs here: {description}." if description else ""
