"""What is kept of a failed login.

Enough to see what the page was, nothing that anybody could sign in with.

No HTML (its scripts hold codes), no trace and no HAR (they hold what was typed), and no photograph
of the page: the picture is a sketch that is drawn from masked text. Every file is searched for
secrets before it is kept.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from autologin import files, redaction
from autologin.login import sketch
from autologin.login.masking import SHORTEST, mask

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from playwright.async_api import Page

    from autologin.clock import Clock
    from autologin.errors import AutologinError

KEPT = 20
TIME = "%Y%m%dT%H%M%S.%f"
NAME = re.compile(r"(\d{8}T\d{6}\.\d{6})-(.+)-([a-z_]+)")
"""A bundle's folder: when, which account, which error."""
PICTURE, REPORT = "screenshot.png", "report.json"
MASKING = 2
"""How pictures are masked, as the report says it. What an older autologin kept (1, which no report
says) may show secrets: nobody gets to see it."""
FOUND = "none: a secret was found in what was to be kept, in the report too"
TOO_SLOW = "none: the page did not say in time what it shows, or drawing it took too long"
PNG = b"\x89PNG\r\n\x1a\n"
MOST = 20_000_000
"""Bytes of a picture, and of a report."""
GLANCE = 3.0
"""Seconds that a page gets to say what it shows."""
PATIENCE = 5.0
"""Seconds until the picture is there, the page's own included."""


async def save(
    folder: Path,
    page: Page,
    account: str,
    error: AutologinError,
    *,
    stages: Mapping[str, float],
    user_id: str | None,
    clock: Clock,
) -> Path | None:
    """Keep a bundle in `folder`; gives its folder, None where nothing could be kept.

    Never raises, and never hangs. Where there is no picture, the report says why.
    """
    place = folder / f"{clock.now().strftime(TIME)}-{account}-{error.name}"
    private = [user_id] if user_id and len(user_id) >= SHORTEST else []
    outline, picture, why = await _see(page, private)
    report = {
        **_report(page, account, error, stages, private),
        "picture": PICTURE if picture else why,
        "outline": outline,
    }
    said = json.dumps([report["message"], report["address"], outline])
    if _holds_secret(said, private) or redaction.holds_secret(picture or b""):
        picture, report = (
            None,
            {**report, **dict.fromkeys(("outline", "message", "address")), "picture": FOUND},
        )
    if picture:
        report["masking"] = MASKING
    with suppress(OSError):
        _tighten(folder)
        if picture:
            files.replace(place / PICTURE, picture)
        files.replace(place / REPORT, json.dumps(report, indent=1).encode())  # vouches for it
        _prune(folder)
        return place
    return None


@dataclass(frozen=True)
class Kept:
    """A picture that is kept, and when it was taken."""

    at: datetime
    file: Path

    def picture(self) -> bytes | None:
        """The picture; None where it is gone, or is none of ours."""
        data = _read(self.file)
        return data if data and data.startswith(PNG) else None


def newest(folder: Path, account: str) -> Kept | None:
    """The newest picture of an account's failures that is masked as we do it now."""
    with suppress(OSError):
        for place in sorted(folder.iterdir(), reverse=True):
            found = NAME.fullmatch(place.name)
            if found and found[2] == account and is_masked(place / PICTURE):
                at = datetime.strptime(found[1], TIME).replace(tzinfo=UTC)
                return Kept(at, place / PICTURE)
    return None


def is_masked(picture: Path) -> bool:
    """Whether a file is a picture of a bundle that is masked as we do it now, so may be shown."""
    try:
        there = stat.S_ISREG(picture.lstat().st_mode) and not picture.parent.is_symlink()
        report = json.loads(_read(picture.with_name(REPORT)) or b"{}")
    except (OSError, ValueError, RecursionError):
        return False
    return there and isinstance(report, dict) and report.get("masking") == MASKING


def _read(file: Path) -> bytes | None:
    with (
        suppress(OSError),
        os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as opened,
    ):
        return opened.read(MOST)
    return None


async def _see(page: Page, private: list[str]) -> tuple[list[dict[str, Any]], bytes | None, str]:
    """The page's outline, its picture, and why there is none."""
    outline: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(PATIENCE):
            async with asyncio.timeout(GLANCE):
                seen = await sketch.read(page, private)
            outline = seen.outline
            browser = page.context.browser
            assert browser is not None
            return outline, await sketch.draw(browser, seen), ""
    except TimeoutError:
        return outline, None, TOO_SLOW
    except Exception as error:  # noqa: BLE001  (it must not hide why the login failed)
        return outline, None, f"none: the page is gone or cannot be masked ({type(error).__name__})"


def _report(
    page: Page,
    account: str,
    error: AutologinError,
    stages: Mapping[str, float],
    private: list[str],
) -> dict[str, Any]:
    browser = page.context.browser
    return {
        "account": account,
        "error": error.name,
        "message": mask([error.message], private)[0],
        "address": _address(page.url, private),
        "browser": browser.version if browser else "",
        "stages": {name: round(seconds, 3) for name, seconds in stages.items()},
    }


def _address(url: str, private: list[str]) -> str:
    """Where the page was: without a query or a login, and with every part of its path masked."""
    try:
        address = urlsplit(url)
        port = f":{address.port}" if address.port else ""
    except ValueError:
        return ""
    path = "/".join(mask(address.path.split("/"), private))
    return f"{address.scheme}://{address.hostname or ''}{port}{path}"


def _holds_secret(text: str, private: list[str]) -> bool:
    return redaction.scrub(text) != text or any(word in text for word in private)


def _tighten(folder: Path) -> None:
    """Bundles are for their owner alone, also in a folder that was there before."""
    with suppress(FileNotFoundError):
        if stat.S_IMODE(folder.stat().st_mode) & 0o077:
            folder.chmod(0o700)


def _prune(folder: Path) -> None:
    with suppress(OSError):
        bundles = [place for place in folder.iterdir() if NAME.fullmatch(place.name)]
        for old in sorted(bundles, reverse=True)[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)
