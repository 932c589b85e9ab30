"""Cutting known secrets out of text and bytes before they leave the process.

Every secret is told to `remember` at the moment it becomes known: a credential when it is resolved,
a one-time password when it is made, a code when it is captured, a token when it is issued. `scrub`
then removes it in each form in which it could travel. Escapes (URL, HTML, JSON, each in any
spelling and up to three deep) are undone in a copy of the text, in which the plain secret is looked
for; capitals and what may be put between the characters (spaces, line ends, hyphens) do not hide
it. Base64 is looked for at each of the three byte offsets, so inside a longer base64 text too.

A search costs what the text is long, however many secrets are known: each is found by six of its
characters.
"""

from __future__ import annotations

import base64
import re
import string
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MASK = "********"
KEPT = 4 * 86_400.0
"""Seconds for which a secret of a day or a run is known after it was told last. Whoever works with
one that lives longer has read it from the store, which tells it again."""
LONG = 8
"""From this length on a secret is one inside a longer word, too."""
DROPPED = " \t\n\r\f\v\u00a0\u00ad\u200b\u200c\u200d\u2060\ufeff-+/_"
"""What may stand between the characters of a secret: how base64 and long numbers are folded, and
what differs between the alphabets of base64 and the ways to write a space."""
FOLD: dict[int, int | None] = {ord(sign): None for sign in DROPPED} | {
    ord(upper): ord(lower)
    for upper, lower in zip(string.ascii_uppercase, string.ascii_lowercase, strict=True)
}
URL_SAFE = str.maketrans("+/", "-_")
VERSIONS = 12
"""How many readings of a text are searched, of a large one half as many."""
LARGE = 50_000
IN_URL = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
IN_HTML = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?")
IN_JSON = re.compile(r"(?:\\u[0-9A-Fa-f]{4})+|\\x[0-9A-Fa-f]{2}|\\[\"\\/'bfnrt]")
LAST = 0x10FFFF
LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class _Form(NamedTuple):
    """A way in which a secret may be written, and whether it counts inside a longer word.

    `before` and `after` are how many characters were left out at its ends.
    """

    text: str
    inside: bool
    before: int = 0
    after: int = 0


class _Place(NamedTuple):
    """Where an index keeps a form, and at which offset in the form its key stands."""

    key: str
    offset: int
    form: _Form


class _Index:
    """Finds any of many texts: each is kept under `size` of its characters, those that are rare."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._places: dict[str, list[_Place]] = {}

    def add(self, form: _Form) -> _Place:
        last = len(form.text) - self._size
        offsets = {0, last // 4, last // 2, last * 3 // 4, last}
        offset = min(offsets, key=lambda at: len(self._places.get(self._key(form, at), ())))
        place = _Place(self._key(form, offset), offset, form)
        self._places.setdefault(place.key, []).append(place)
        return place

    def discard(self, place: _Place) -> None:
        self._places[place.key].remove(place)
        if not self._places[place.key]:
            del self._places[place.key]

    def find(self, text: str) -> Iterator[tuple[int, _Form]]:
        """Which forms stand in a text, and where each begins."""
        size, places = self._size, self._places
        if not places:
            return
        for at in range(len(text) - size + 1):
            for _, offset, form in places.get(text[at : at + size], ()):
                start = at - offset
                if start >= 0 and text.startswith(form.text, start):
                    yield start, form

    def _key(self, form: _Form, at: int) -> str:
        return form.text[at : at + self._size]


@dataclass(frozen=True)
class _Reading:
    """A text with some escapes undone, and where each of its characters stands in the original.

    No places: it is the original.
    """

    text: str
    starts: list[int] | None = None
    ends: list[int] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where a part of it stands in the original."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]

    def undo(
        self, escapes: re.Pattern[str], plain: Callable[[str], Iterable[tuple[str, int]]]
    ) -> _Reading | None:
        """It with one kind of escapes undone; None where there are none.

        `plain` gives the characters that one stands for, and how many of its own each takes.
        """
        text: list[str] = []
        starts: list[int] = []
        ends: list[int] = []

        def copy(start: int, end: int) -> None:
            text.append(self.text[start:end])
            starts.extend(self.starts[start:end] if self.starts else range(start, end))
            ends.extend(self.ends[start:end] if self.ends else range(start + 1, end + 1))

        at = 0
        for match in escapes.finditer(self.text):
            copy(at, match.start())
            at = match.start()
            for sign, length in plain(match[0]):
                start, end = self.span(at, at + length)
                text.append(sign)
                starts.extend([start] * len(sign))
                ends.extend([end] * len(sign))
                at += length
            at = match.end()
        if not starts and at == 0:
            return None
        copy(at, len(self.text))
        found = "".join(text)
        return None if found == self.text else _Reading(found, starts, ends)


class Known:
    """The secrets that are known, and how they are found."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._lasting: set[str] = set()
        self._told: dict[str, float] = {}
        """When each passing secret was told last, the newest at the end."""
        self._places: dict[str, list[tuple[_Index, _Place]]] = {}
        self._folded = _Index(6)
        """Without what `FOLD` leaves out, and without capitals."""
        self._exact = _Index(3)

    def __len__(self) -> int:
        return len(self._places)

    def add(self, secrets: Iterable[str], *, lasting: bool) -> None:
        """Know these too: for good, or for days after they were told last."""
        now = self._monotonic()
        with self._lock:
            for secret in secrets:
                if len(secret.strip()) > 2:
                    self._add(secret)
                    self._told.pop(secret, None)
                    if lasting:
                        self._lasting.add(secret)
                    elif secret not in self._lasting:
                        self._told[secret] = now
            while self._told and self._told[oldest := next(iter(self._told))] < now - KEPT:
                del self._told[oldest]
                for index, place in self._places.pop(oldest):
                    index.discard(place)

    def find(self, text: str) -> list[tuple[int, int]]:
        """Where secrets stand in a text, from and to, in order and without overlaps."""
        if not self._places:
            return []
        with self._lock:
            found = sorted(
                reading.span(start, end)
                for reading in _readings(text)
                for start, end in self._find_in(reading.text)
            )
        merged: list[tuple[int, int]] = []
        for start, end in found:
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged

    def forms(self) -> list[str]:
        """Each secret, and each form of it that is looked for."""
        with self._lock:
            return [
                text
                for secret, places in self._places.items()
                for text in (secret, *(place.form.text for _, place in places))
            ]

    def secrets(self) -> list[str]:
        """Each secret as it was told."""
        with self._lock:
            return [*self._places]

    def _add(self, secret: str) -> None:
        if secret not in self._places:
            self._places[secret] = [
                (index, index.add(form))
                for index, forms in ((self._folded, _folded(secret)), (self._exact, _exact(secret)))
                for form in forms
            ]

    def _find_in(self, text: str) -> Iterator[tuple[int, int]]:
        for start, form in self._exact.find(text):
            end = start + len(form.text)
            if form.inside or _stands_alone(text, start, end):
                yield start, end
        kept: list[int] = []
        for at, form in self._folded.find(text.translate(FOLD)):
            kept = kept or [place for place, sign in enumerate(text) if sign not in DROPPED]
            start, end = kept[at], kept[at + len(form.text) - 1] + 1
            if form.inside or _stands_alone(text, start, end):
                yield _widen(text, start, end, form)


_known = Known()


def remember(*secrets: str) -> None:
    """From now on, cut these out of everything that is scrubbed."""
    _known.add(secrets, lasting=True)


def remember_for_days(*secrets: str) -> None:
    """The same for what is made anew in each run: forgotten days after it was told last."""
    _known.add(secrets, lasting=False)


def scrub(text: str) -> str:
    """The text with every known secret replaced by a mask, fit to be written as UTF-8.

    JSON may hold half a character (an escape such as `ud800`), which no log or database takes.
    """
    for start, end in reversed(_known.find(text)):
        text = text[:start] + MASK + text[end:]
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def every_form() -> list[str]:
    """Each known secret in each form in which `scrub` knows it."""
    return _known.forms()


def every_secret() -> list[str]:
    """Each known secret as it was told."""
    return _known.secrets()


def holds_secret(data: bytes) -> bool:
    """Whether bytes (a file about to be kept) hold a known secret in any form."""
    return bool(_known.find(data.decode("utf-8", "replace")))


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a short secret is a word: a four-digit PIN inside a longer number is not the PIN."""
    around = text[start - 1 : start] + text[end : end + 1]
    return not any(sign.isascii() and sign.isalnum() for sign in around)


def _widen(text: str, start: int, end: int, form: _Form) -> tuple[int, int]:
    """A place with what was left out at its ends, and with what base64 is filled up with."""
    for _ in range(form.before):
        start -= text[start - 1 : start] in {*DROPPED}
    for _ in range(form.after):
        end += text[end : end + 1] in {*DROPPED}
    while text.startswith("=", end):
        end += 1
    return start, end


def _folded(secret: str) -> Iterator[_Form]:
    """What is looked for in a text without capitals and without what folds it."""
    raw = secret.encode(errors="surrogatepass")
    texts = [secret, *_base64_forms(raw)]
    if len(raw) >= 6:
        texts.append(raw.hex())
    for text in texts:
        folded = text.translate(FOLD)
        if len(folded) >= LONG or (len(folded) >= 6 and len(secret) < LONG):
            before = len(text) - len(text.lstrip(DROPPED))
            after = len(text) - len(text.rstrip(DROPPED))
            yield _Form(folded, len(folded) >= LONG, before, after)


def _exact(secret: str) -> Iterator[_Form]:
    """What is looked for as it is: what is short, or nearly all of what folds a text."""
    raw = secret.encode(errors="surrogatepass")
    encoded = [form for text in _base64_forms(raw) for form in (text, text.translate(URL_SAFE))]
    for text in dict.fromkeys((secret, secret.replace(" ", "+"), *encoded)):
        if len(text.translate(FOLD)) < LONG:
            yield _Form(text, len(text) >= LONG)


def _base64_forms(raw: bytes) -> list[str]:
    """What stands for these bytes in base64, and in base64 of any longer text."""
    if len(raw) < 4:
        return []
    whole = base64.b64encode(raw).decode().rstrip("=")
    inner = [_inner_base64(raw, offset) for offset in range(3)] if len(raw) >= LONG else []
    return [whole, *inner]


def _inner_base64(raw: bytes, offset: int) -> str:
    """What base64 of any longer text holds when `raw` starts at this offset modulo 3."""
    text = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
    first = (offset * 8 + 5) // 6
    last = (offset + len(raw)) * 8 // 6
    return text[first:last]


def _readings(text: str) -> list[_Reading]:
    """A text, and what it says where its escapes are undone."""
    found = [_Reading(text)]
    limit = VERSIONS if len(text) <= LARGE else VERSIONS // 2
    seen = {text}
    for reading in found:  # it grows meanwhile
        for sign, escapes, plain in ESCAPES:
            more = reading.undo(escapes, plain) if sign in reading.text else None
            if more and more.text not in seen and len(found) < limit:
                seen.add(more.text)
                found.append(more)
    return found


def _from_url(escape: str) -> Iterator[tuple[str, int]]:
    raw = bytes.fromhex(escape.replace("%", ""))
    for sign in raw.decode("utf-8", "surrogateescape"):
        yield sign, 3 * len(sign.encode("utf-8", "surrogateescape"))


def _from_html(escape: str) -> Iterator[tuple[str, int]]:
    import html  # noqa: PLC0415  (a table of two thousand names, and hardly ever needed)

    number = escape.strip("&#;")
    if escape[1] == "#" and (code := int(f"0{number}", 16 if number[0] in "xX" else 10)) <= LAST:
        yield chr(code), len(escape)
    else:
        yield html.unescape(escape), len(escape)


def _from_json(escape: str) -> Iterator[tuple[str, int]]:
    if escape[1] == "u":
        raw = bytes.fromhex(escape.replace("\\u", ""))
        for sign in raw.decode("utf-16-be", "surrogatepass"):
            yield sign, 12 if ord(sign) > 0xFFFF else 6
    elif escape[1] == "x":
        yield chr(int(f"0{escape[1:]}", 0)), 4
    else:
        yield LETTERS.get(escape[1], escape[1]), 2


ESCAPES = (("%", IN_URL, _from_url), ("&", IN_HTML, _from_html), ("\\", IN_JSON, _from_json))
