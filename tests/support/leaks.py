"""Where a secret stands, in any form."""

from __future__ import annotations

import base64
import json
import re
import zlib
from urllib.parse import quote, quote_plus


def forms(secret):
    """The ways in which a secret could stand somewhere."""
    raw = secret.encode()
    encoded = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    return {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        *encoded,
    }


def leaks(secrets, places):
    """Where any of these secrets stands, in any form; `places` are texts, and files or folders to be read."""
    wanted = {form.encode() for secret in secrets for form in forms(secret)}
    found = []
    for place in places:
        if isinstance(place, str):
            content = place.encode()
            rest = CHANCE.sub(b"", content)
            found += [f"in output: {form!r}" for form in wanted if _stands(form, content, rest)]
            continue
        for file in (
            [place] if place.is_file() else [file for file in place.rglob("*") if file.is_file()]
        ):
            content = file.read_bytes()
            content += str(file).encode() + b"".join(_unpack_png(content))
            rest = CHANCE.sub(b"", content)
            found += [f"in {file}: {form!r}" for form in wanted if _stands(form, content, rest)]
    return found


def _unpack_png(content):
    """The words in a picture's file that are packed; what it shows is a matter of test_sketch.py."""
    at = len(PNG)
    while content.startswith(PNG) and at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        kind, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + size]
        at += 12 + size
        words, _, packed = data.partition(b"\0")
        if kind == b"zTXt":
            yield words + zlib.decompress(packed[1:])
        elif kind == b"iTXt" and packed[:1] == b"\1":
            yield words + zlib.decompress(packed[2:].split(b"\0", 2)[2])


PNG = b"\x89PNG\r\n\x1a\n"
CHANCE = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.]+|[0-9a-f]{32,}|gAAAA[\w-]{60,}={0,2}")
"""Times, random ids and what is encrypted: four digits of a PIN stand in some of them by chance, as they do inside a longer number."""


def _stands(form, content, rest):
    if len(form) >= 8:
        return form in content
    return (
        bool(re.search(rb"(?<!\d)" + form + rb"(?!\d)", rest)) if form.isdigit() else form in rest
    )
