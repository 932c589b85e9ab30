"""`autologin healthcheck`: asked every half minute, so it is quick and reads no config."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

import click

from autologin.cli.base import Command

URL = "http://127.0.0.1:8321/livez"
SECONDS = 3.0
MOST = 200
"""Characters of an answer that are shown."""


@click.command(cls=Command)
@click.option(
    "--url",
    default=URL,
    help="Ask this URL instead, such as http://127.0.0.1:8321/readyz.",
)
@click.pass_context
def healthcheck(ctx: click.Context, url: str) -> None:
    """Ask whether the service is alive.

    For a container's HEALTHCHECK. Without --url it asks http://127.0.0.1:8321/livez. The exit code
    is 0 if the answer is 200, otherwise 1 with a line that says why.
    """
    alive, detail = ask(url)
    click.echo(detail, err=not alive)
    ctx.exit(0 if alive else 1)


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
        raise ValueError("invalid URL")
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
