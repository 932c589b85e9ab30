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
    from collections.abc import Iterator, Mapping

LAYERS = 3
"""Encodings inside each other that are undone."""
LARGEST = 1_000_000
"""Characters of a text that are looked at."""
IN_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{6,}={0,2}")
IN_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){6,}")
SHORT_NUMBER = re.compile(r"\d{1,5}")
"""A PIN: four digits stand by chance in dates, versions and sizes of screens."""
SHORT_WORD = 5
"""Up to so many characters a word stands by chance in longer ones."""
LATIN = "cp1252"
"""What a page that is not UTF-8 sends."""


class Typed:
    """What was typed so far."""

    def __init__(self) -> None:
        self._words: dict[str, re.Pattern[str]] = {}

    def add(self, text: str) -> None:
        """This is typed from now on."""
        if text:
            self._words[text.lower()] = _pattern(text)

    def stands_in(self, text: str, *, surely: bool = False) -> bool:
        """Whether any of it is in a text, in any case and any common encoding.

        `surely`: not by chance, as a short number may be.
        """
        words = {
            word: found
            for word, found in self._words.items()
            if not (surely and SHORT_NUMBER.fullmatch(word))
        }
        return bool(words) and any(_is_in(one, words) for one in _readings(text[:LARGEST]))


def _is_in(text: str, words: Mapping[str, re.Pattern[str]]) -> bool:
    lowered = text.lower()
    return any(word in lowered and found.search(text) for word, found in words.items())


def _pattern(text: str) -> re.Pattern[str]:
    """A code is not meant by a longer number that has its digits, nor a short word by others."""
    whole = re.escape(text)
    if text.isdigit() and not SHORT_NUMBER.fullmatch(text):
        whole = rf"(?<!\d){whole}(?!\d)"
    elif len(text) <= SHORT_WORD:
        whole = rf"(?<![0-9A-Za-z]){whole}(?![0-9A-Za-z])"
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
        yield unquote_plus(text, encoding=LATIN)
        yield re.sub(r"%u([0-9A-Fa-f]{4})", lambda found: chr(int(found[1], 16)), text)
    if "&" in text:
        yield html.unescape(text)
    if "\\" in text:
        yield _unescape_json(text)
    packed = [_from_base64(found[0]) for found in IN_BASE64.finditer(text)]
    packed += [bytes.fromhex(found[0]) for found in IN_HEX.finditer(text)]
    for encoding in ("utf-8", LATIN):
        yield "\n".join(data.decode(encoding, "replace") for data in packed)


def _unescape_json(text: str) -> str:
    def unescape(found: re.Match[str]) -> str:
        try:
            return str(json.loads(f'"{found[0]}"'))
        except ValueError:
            return found[0]

    return re.sub(r'(?:\\(?:u[0-9A-Fa-f]{4}|["\\/bfnrt]))+', unescape, text)


def _from_base64(text: str) -> bytes:
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4))
    except (binascii.Error, ValueError):
        return b""
