"""Masking what a page shows before a person may see it: known secrets, and what looks like one.

A page may cut a secret into pieces (a span for each character, spaces, soft hyphens), so texts are
searched together, in each order in which a person may read them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise

from autologin import redaction

MASK = "****"
SHORTEST = 4
"""Letters and digits of a secret that is looked for across pieces; whole, it may have three."""
PIECE, SHORT_PIECE = 5, 3
"""Letters and digits from which on a piece of a secret is masked; of a short secret, half of it."""
PIECE_OF_WORD = 8
"""The same inside of a longer word, which holds five letters of a secret by chance."""
CUT_SHORT = re.compile(r"(?<!\S)(?=\S*?(?:[*\u2022\u25cf\u2217]{2}|\u2026|\.\.))\S+")
PIECES = 4
"""So many pieces of two characters at most in a row are no words."""

GAP = "\n" * 4
SECRETIVE = "token|secret|passw|pin|otp|code|key|session|auth|jwt|user_?id|client|mobile"
MIXED = r"(?=[^\W_]{0,3}\d)(?=\d{0,3}[^\W\d_])[^\W_]{2,4}\b"

PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\+?\d(?:[\W_]{0,3}\d){3,}",  # codes, PINs, mobile numbers: 123456, 123-456, 1 2 3 4 5 6
        r"(?<![^\s@<>])[^\s@<>]+@[^\s@<>]+",  # mail addresses, UPI ids
        r"\b(?=[^\W\d_]*\d[^\W\d_]*\d)(?=\d*[^\W\d_])[^\W_]{5,}",  # user ids: AB1234
        r"(?=\S{0,99}\d)[\w+/=.~%-]{16,}",  # tokens
        r"[^\W_]{25,}",
        r"[A-Z]{16,}",  # seeds
        r"(?<![A-Za-z])[A-Z]?(?:[a-z]+[A-Z]+){4,}[a-z]*",
        (
            r"(?i)\b(?=(?:[a-z2-7]{4}[\s-]{1,2}){0,15}[a-z2-7]{0,4}\d)"
            r"[a-z2-7]{4}(?:[\s-]{1,2}[a-z2-7]{4}){3,}\b"
        ),
        (
            r"(?<![\w-])(?=[\w-]{0,40}?\d[\w-]{0,40}?\d)"
            r"(?=[\w-]{0,40}?(?:\d[^\W\d_]|[^\W\d_]\d))[^\W_]+(?:-[^\W_]+)+"
        ),  # 0f3a-99bc
        rf"\b{MIXED}(?:[\s-]{{1,2}}{MIXED}){{2,}}",  # 1a 2b 3c
        r"(?<!\w)[^\W_](?:[\s.-]{1,2}[^\W_]){4,}(?!\w)",  # a B c 9 d
        rf"(?i)(?:{SECRETIVE})\w{{0,20}}=[^\s&]+",  # what an address or a reply calls secret
        rf'(?i)"\w{{0,20}}(?:{SECRETIVE})\w{{0,20}}"\s{{0,9}}:\s{{0,9}}"[^"]*"?',
    )
)
"""What may be secret although nobody has told us. The time that each takes grows with the text's
length only, whatever the text."""

Place = tuple[int, int]
"""Which text, which character of it."""


@dataclass(frozen=True)
class _Joined:
    """Characters of several texts, one after the other, and where each came from."""

    text: str
    places: Sequence[Place | None]

    def marked(self, start: int, end: int) -> Iterator[Place]:
        """The characters of a match, and all that stand between them in the same text."""
        places = [place for place in self.places[start:end] if place]
        for one, other in pairwise(places):
            yield one
            if one[0] == other[0]:
                first, last = sorted((one[1], other[1]))
                yield from ((one[0], at) for at in range(first, last))
        yield from places[-1:]


def mask(
    texts: Sequence[str],
    private: Collection[str] = (),
    *,
    orders: Iterable[Sequence[int]] = (),
    lines: Sequence[int] = (),
) -> list[str]:
    """The texts, with a mask for everything that is or may be secret.

    `private` are words that are masked besides the known secrets. `orders` are orders of the texts
    (as indices) in which a person may read them, besides the one in which they come; texts with the
    same number in `lines` stand in one line, with nothing between them.
    """
    known = frozenset([*redaction.every_form(), *private])
    lines = lines or range(len(texts))
    marks = [bytearray(len(text)) for text in texts]
    reading = {tuple(range(len(texts))), *map(tuple, orders)}
    secrets = frozenset([*redaction.every_secret(), *private])
    for order in reading:
        _mark(marks, _find_known(texts, order, known))
        _mark(marks, _cut_secrets(texts, order, known, secrets, marks))
    _mark(marks, _cut_short(texts, secrets))
    found = [_find_unknown(texts, order, lines, marks) for order in reading]
    _mark(marks, chain.from_iterable(found))
    masked, open_end = [], False
    for text, mark in zip(texts, marks, strict=True):
        masked.append(_cover(text, mark, goes_on=open_end))
        if text.strip():
            open_end = bool(mark[len(text.rstrip()) - 1])
    whole = "\n".join(masked)
    if redaction.scrub(whole) == whole:  # as good as always, and quicker than text by text
        return masked
    return [redaction.scrub(text).replace(redaction.MASK, MASK) for text in masked]


def _find_known(
    texts: Sequence[str], order: Sequence[int], known: frozenset[str]
) -> Iterator[Place]:
    for keep in (str.isalnum, _is_printed):
        joined = _join(texts, order, keep)
        for text, step in ((joined.text, 1), (joined.text[::-1], -1)):
            starts = {text[at : at + SHORTEST] for at in range(len(text))}
            for word in _plain_words(known, keep):
                if word[:SHORTEST] in starts and word in text:
                    yield from _places(joined, word[::step])


def _find_unknown(
    texts: Sequence[str],
    order: Sequence[int],
    lines: Sequence[int],
    marks: Sequence[bytearray],
) -> list[Place]:
    """What may be secret beside what is marked already, whatever that is."""
    spaced = _join(texts, order, None, lambda _one, _other: " ", marks)
    in_line = _join(
        texts, order, None, lambda one, other: "" if lines[one] == lines[other] else "\n", marks
    )
    return [
        place
        for joined in (spaced, in_line)
        for pattern in PATTERNS
        for match in pattern.finditer(joined.text)
        for place in joined.marked(*match.span())
    ] + [*_pieces(texts, order, marks)]


def _mark(marks: Sequence[bytearray], places: Iterable[Place]) -> None:
    for index, at in places:
        marks[index][at] = 1


def _places(joined: _Joined, word: str) -> Iterator[Place]:
    start = joined.text.find(word)
    while start >= 0:
        yield from joined.marked(start, start + len(word))
        start = joined.text.find(word, start + 1)


def _cut_secrets(
    texts: Sequence[str],
    order: Sequence[int],
    known: frozenset[str],
    secrets: frozenset[str],
    marks: Sequence[bytearray],
) -> Iterator[Place]:
    """Words that hold a piece of a secret: a page may shorten one, or put a mask into its middle.

    A short secret is looked for as it is only: half of what it is in base64 is any word.
    """
    joined = _join(texts, order, str.isalnum)
    by_size: dict[int, list[str]] = {PIECE: [*_plain_words(known, str.isalnum)]}
    for word in _plain_words(secrets, str.isalnum):
        size = max(SHORT_PIECE, (len(word) + 1) // 2)
        if size < PIECE:
            by_size.setdefault(size, []).append(word)
    hits = {
        place
        for size, words in by_size.items()
        for start, end in _shared(joined.text, words, size)
        for place in _piece(joined, start, end, size)
        if not marks[place[0]][place[1]]
    }
    for index in {index for index, _ in hits}:
        for found in re.finditer(r"\S+", texts[index]):
            span = range(*found.span())
            if any((index, at) in hits for at in span):
                yield from ((index, at) for at in span)


def _cut_short(texts: Sequence[str], secrets: frozenset[str]) -> Iterator[Place]:
    """Words in which the page masks or leaves out a part, and shows an end of a secret."""
    ends = {
        end
        for word in _plain_words(secrets, str.isalnum)
        for size in range(SHORT_PIECE, PIECE)
        for end in (word[:size], word[-size:])
    }
    for index, text in enumerate(texts):
        for found in CUT_SHORT.finditer(text):
            parts = re.findall(r"[^\W_]+", found[0])
            if any(_plain(part, str.isalnum) in ends for part in parts):
                yield from ((index, at) for at in range(*found.span()))


def _shared(text: str, words: Iterable[str], size: int) -> Iterator[tuple[int, int]]:
    """Parts of a text, from and to, each `size` characters of which stand in one of the words."""
    on_page = {text[at : at + size] for at in range(len(text) - size + 1)}
    cuts = {
        cut
        for word in words
        for at in range(len(word) - size + 1)
        if (cut := word[at : at + size]) in on_page
    }
    start, end = 0, -1
    for at in range(len(text) - size + 1) if cuts else ():
        if text[at : at + size] not in cuts:
            continue
        if at > end:
            if end > start:
                yield start, end
            start = at
        end = at + size
    if end > start:
        yield start, end


def _piece(joined: _Joined, start: int, end: int, size: int) -> Iterator[Place]:
    """What of a part is no chance: much of it, letters and digits, or whole words."""
    part, places = joined.text[start:end], joined.places
    mixed = any(map(str.isdigit, part)) and any(map(str.isalpha, part))
    if size < PIECE or not (mixed or len(part) >= PIECE_OF_WORD):
        start = next((at for at in range(start, end) if _begins(places, at)), end)
        end = next((at for at in range(end, start, -1) if _begins(places, at)), start)
    if end - start >= size:
        yield from filter(None, places[start:end])


def _begins(places: Sequence[Place | None], at: int) -> bool:
    """Whether a word begins, or the text ends."""
    if at in {0, len(places)}:
        return True
    before, here = places[at - 1], places[at]
    return not (before and here and before[0] == here[0] and here[1] - before[1] <= 1)


def _pieces(
    texts: Sequence[str], order: Sequence[int], marks: Sequence[bytearray]
) -> Iterator[Place]:
    """Texts that are a digit, or one of several pieces, each too short to be a word."""
    row: list[int] = []
    for index in (*order, None):
        text = "" if index is None else texts[index].strip()
        short = len(text) <= 2 or not any(map(str.isalpha, text))
        if index is not None and text and short and not all(marks[index]):
            row.append(index)
            continue
        if index is not None and not text:
            continue
        many = sum(1 for one in row if any(map(str.isalnum, texts[one]))) >= PIECES
        for one in row:
            if many or any(map(str.isdigit, texts[one])):
                yield from ((one, at) for at in range(len(texts[one])))
        row = []


def _join(
    texts: Sequence[str],
    order: Sequence[int],
    keep: Callable[[str], bool] | None,
    between: Callable[[int, int], str] = lambda _one, _other: "",
    marks: Sequence[bytearray] | None = None,
) -> _Joined:
    """The texts in one; `keep` folds them to what tells a character, None leaves their words.

    A gap that no pattern crosses stands in the place of what is marked.
    """
    characters: list[str] = []
    places: list[Place | None] = []
    before: int | None = None
    for index in order:
        if before is not None and (gap := between(before, index)):
            characters.append(gap)
            places.append(None)
        before = index
        for at, character in enumerate(texts[index]):
            folded = GAP if marks and marks[index][at] else _fold(character, keep)
            characters += folded
            places += [(index, at)] * len(folded)
    return _Joined("".join(characters), places)


def _fold(character: str, keep: Callable[[str], bool] | None) -> str:
    if character.isascii():
        return character if keep is None else character.lower() if keep(character) else ""
    if unicodedata.category(character) in {"Cf", "Mn"}:  # soft hyphens, joiners, accents
        return ""
    if keep is None:
        return unicodedata.normalize("NFKC", character)
    return "".join(filter(keep, unicodedata.normalize("NFKD", character).casefold()))


@lru_cache(maxsize=4)
def _plain_words(known: frozenset[str], keep: Callable[[str], bool]) -> frozenset[str]:
    words = (_plain(word, keep) for word in known)
    return frozenset(word for word in words if len(word) >= SHORTEST)


def _plain(text: str, keep: Callable[[str], bool]) -> str:
    if text.isascii():
        return "".join(filter(keep, text)).lower()
    return "".join(_fold(character, keep) for character in text)


def _is_printed(character: str) -> bool:
    return not character.isspace()


def _cover(text: str, mark: bytearray, *, goes_on: bool) -> str:
    """Put one mask for each marked part, whatever its length; none where it `goes_on`."""
    covered, before = [], goes_on and bool(text.strip())
    lead = len(text) - len(text.lstrip())
    for at, character in enumerate(text):
        if at < lead and not mark[at]:
            covered.append(character)
            continue
        if mark[at] and not before:
            covered.append(MASK)
        elif not mark[at]:
            covered.append(character)
        before = bool(mark[at])
    return "".join(covered)
