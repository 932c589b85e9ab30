"""What a container's HEALTHCHECK asks every half minute. It must be quick: nothing of ours is imported, no config read."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

URL = "http://127.0.0.1:8321/livez"
SECONDS = 3.0
MOST = 200
"""Characters of an answer that are shown."""


def ask(url: str) -> tuple[bool, str]:
    """Whether an address answers 200, and one line about it."""
    try:
        status, detail = _answer(url)
    except (OSError, HTTPException, ValueError) as error:
        return False, _line(f"{url} cannot be asked: {str(error) or type(error).__name__}")
    return status == 200, _line(f"{url} answers {status}: {detail}")


def _answer(url: str) -> tuple[int, str]:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("it is no http:// address")
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=SECONDS)
    try:
        connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        response = connection.getresponse()
        return response.status, response.read(MOST).decode("utf-8", "replace")
    finally:
        connection.close()


def _line(text: str) -> str:
    """A text as one line that a terminal shows as it is."""
    return "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split()))
