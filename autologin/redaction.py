"""Cutting known secrets out of text and bytes before they leave the process.

Every secret is told to `remember` at the moment it becomes known: a credential when it is resolved,
a one-time password when it is made, a code when it is captured, a token when it is issued. `scrub`
then removes it in each form in which it could travel: as it is, URL-encoded, JSON-escaped, base64
(at each of the three byte offsets, so inside a longer base64 text too). Longest first, so that a
secret inside another leaves no tail.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

MASK = "********"
KEPT = 1000
"""How many secrets are remembered: a daemon makes new ones every day, and only the newest can still
turn up."""
URL_SAFE = ("", "/", "*", "!'()*", "!'()*;,/?:@&=+$#")
"""What is not escaped in a query, in a path, in a browser's form, by encodeURIComponent and by
encodeURI."""

_known: dict[str, frozenset[str]] = {}
"""Each secret with its forms, the one that was told last at the end."""
_longest_first: list[str] = []
"""Every form of every secret; empty where it has to be made anew."""


def remember(*secrets: str) -> None:
    """From now on, cut these out of everything that is scrubbed."""
    for secret in secrets:
        if len(secret.strip()) > 2:
            if secret not in _known:
                _longest_first.clear()
            _known[secret] = _known.pop(secret) if secret in _known else frozenset(_forms(secret))
    while len(_known) > KEPT:
        del _known[next(iter(_known))]


def scrub(text: str) -> str:
    """The text with every known secret replaced by a mask, fit to be written as UTF-8.

    JSON may hold half a character (an escape such as `ud800`), which no log or database takes.
    """
    if _known and not _longest_first:
        _longest_first.extend(sorted(frozenset().union(*_known.values()), key=len, reverse=True))
    # One big pattern would be compiled again after each new secret, which takes longer than many
    # searches.
    for form in _longest_first:
        if form in text:
            text = _cut(form, text)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def every_form() -> list[str]:
    """Each known secret in each form in which `scrub` knows it."""
    return [form for forms in _known.values() for form in forms]


def holds_secret(data: bytes) -> bool:
    """Whether bytes (a file about to be kept) hold a known secret in any form."""
    text = data.decode("utf-8", "replace")
    return scrub(text) != text


def _cut(form: str, text: str) -> str:
    if len(form) >= 8:
        return text.replace(form, MASK)
    # A four-digit PIN inside a longer number is not the PIN; behind an escaped sign (%3D) it is.
    return re.sub(
        rf"(?:(?<![0-9A-Za-z])|(?<=%[0-9A-Fa-f]{{2}})){re.escape(form)}(?![0-9A-Za-z])", MASK, text
    )


def _forms(secret: str) -> Iterator[str]:
    yield secret
    if re.search(r"[^0-9A-Za-z._-]", secret):
        yield from _url_forms(secret)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    if len(raw := secret.encode(errors="surrogatepass")) >= 4:
        yield from _base64_forms(raw)


def _url_forms(secret: str) -> Iterator[str]:
    for safe in URL_SAFE:
        for encode in (quote, quote_plus):
            escaped = encode(secret, safe=safe, errors="surrogatepass")
            for form in (escaped, escaped.replace("~", "%7E")):
                yield form
                yield re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), form)


def _base64_forms(raw: bytes) -> Iterator[str]:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(raw).decode()
        yield from (whole, whole.rstrip("="))
        if len(raw) >= 8:
            yield from (_inner_base64(raw, offset, encode) for offset in range(3))


def _inner_base64(raw: bytes, offset: int, encode: object) -> str:
    """What base64 of any longer text holds when `raw` starts at this offset modulo 3."""
    assert callable(encode)
    text = encode(b"\0" * offset + raw).decode().rstrip("=")
    first = (offset * 8 + 5) // 6
    last = (offset + len(raw)) * 8 // 6
    return str(text[first:last])
