"""Knowing what was typed in what a page sends.

A page may encode it: for a form, as JSON, in base64 for a header, one in the other. What it
encrypts or hashes cannot be known again.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

LAYERS = 3
"""Encodings inside each other that are undone."""
LARGEST = 1_000_000
"""Characters of a text that are looked at."""
IN_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{6,}={0,2}")
IN_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){6,}")
SHORT_NUMBER = re.compile(r"\d{1,5}")
"""A PIN of four digits stands by chance in a date or a version, so not inside one of those."""


class Typed:
    """What was typed so far."""

    def __init__(self) -> None:
        self._words: dict[str, re.Pattern[str]] = {}

    def add(self, text: str) -> None:
        """This is typed from now on."""
        if text:
            self._words[text.lower()] = _pattern(text)

    def stands_in(self, text: str) -> bool:
        """Whether any of it is in a text, as a whole, in any case and any common encoding."""
        return bool(self._words) and any(map(self._is_in, _readings(text[:LARGEST])))

    def _is_in(self, text: str) -> bool:
        lowered = text.lower()
        return any(word in lowered and found.search(text) for word, found in self._words.items())


def _pattern(text: str) -> re.Pattern[str]:
    """A code is not meant by a longer number that has its digits."""
    whole = rf"(?<![0-9A-Za-z]){re.escape(text)}(?![0-9A-Za-z])"
    if SHORT_NUMBER.fullmatch(text):
        whole = rf"(?<!\d[-./]){whole}(?![-./]\d)"
    return re.compile(whole, re.IGNORECASE)


def _readings(text: str) -> Iterator[str]:
    """A text as it is, and with its encodings undone one after the other."""
    seen: set[str] = set()
    layer = {text}
    for _ in range(LAYERS + 1):
        yield from layer
        seen |= layer
        layer = {read for one in layer for read in _undo(one)} - seen - {""}


def _undo(text: str) -> Iterator[str]:
    yield unquote_plus(text)
    if "%" in text:
        yield unquote(text)
    if "&" in text:
        yield html.unescape(text)
    if "\\" in text:
        yield _unescape_json(text)
    yield "\n".join(_from_base64(found[0]) for found in IN_BASE64.finditer(text))
    yield "\n".join(
        bytes.fromhex(found[0]).decode("utf-8", "replace") for found in IN_HEX.finditer(text)
    )


def _unescape_json(text: str) -> str:
    def unescape(found: re.Match[str]) -> str:
        try:
            return str(json.loads(f'"{found[0]}"'))
        except ValueError:
            return found[0]

    return re.sub(r'(?:\\(?:u[0-9A-Fa-f]{4}|["\\/bfnrt]))+', unescape, text)


def _from_base64(text: str) -> str:
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4)).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""
