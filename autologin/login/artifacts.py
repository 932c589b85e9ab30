"""What is kept of a failed login.

Enough to see what the page was, nothing that anybody could sign in with.

No HTML (its scripts hold codes), no trace and no HAR (they hold what was typed). Every file is
searched for secrets before it is kept.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from autologin import redaction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping
    from pathlib import Path

    from playwright.async_api import Page

    from autologin.clock import Clock
    from autologin.errors import AutologinError

Result = TypeVar("Result")

KEPT = 20
TIME = "%Y%m%dT%H%M%S.%f"
NAME = re.compile(r"(\d{8}T\d{6}\.\d{6})-(.+)-([a-z_]+)")
"""A bundle's folder: when, which account, which error."""
PNG = b"\x89PNG\r\n\x1a\n"
MOST = 20_000_000
"""Bytes of a picture."""
PATIENCE = 5.0
"""Seconds that a page gets for its outline, and again for its screenshot."""
NUMBERS = re.compile(r"\d{4,}")
"""Codes and PINs that the page itself shows are unknown to us, so no longer number is kept."""

OUTLINE = """() => {
  const words = text => (text || '').replace(/\\s+/g, ' ').trim().slice(0, 80);
  const attr = (el, name) => el.getAttribute(name) || '';
  const shown = el => el.getBoundingClientRect().width > 1
    && el.checkVisibility({opacityProperty: true, visibilityProperty: true});
  const labels = el => [...(el.labels || [])].map(label => label.innerText).join(' ');
  const all = 'form,input:not([type=hidden]),select,textarea,button,a,label,h1,h2,h3'
    + ',[role=alert],iframe,img';
  return [...document.querySelectorAll(all)].slice(0, 200).map(el => ({
    tag: el.tagName.toLowerCase(), id: el.id, class: attr(el, 'class'),
    name: attr(el, 'name'), type: attr(el, 'type'),
    autocomplete: attr(el, 'autocomplete'), placeholder: words(el.placeholder),
    label: words(attr(el, 'aria-label') || labels(el)),
    text: ['INPUT', 'SELECT', 'TEXTAREA', 'FORM'].includes(el.tagName) ? '' : words(el.innerText),
    visible: shown(el),
  }));
}"""
HIDE = """private => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    let text = node.nodeValue.replace(/\\d{4,}/g, '****');
    for (const word of private) text = text.split(word).join('****');
    if (text !== node.nodeValue) node.nodeValue = text;
  }
}"""


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

    Never raises, and never hangs.
    """
    place = folder / f"{clock.now().strftime(TIME)}-{account}-{error.name}"
    private = [user_id] if user_id else []
    report = _report(page, account, error, stages)
    with suppress(OSError):
        place.mkdir(parents=True, mode=0o700)
        report["outline"] = await _soon(page.evaluate(OUTLINE)) or []
        _keep(
            place / "report.json",
            json.dumps(_numberless(report, private), indent=1).encode(),
            private,
        )
        if picture := await _soon(_picture(page, private)):
            _keep(place / "screenshot.png", picture, private)
    _prune(folder)
    return place if place.is_dir() and any(place.iterdir()) else None


@dataclass(frozen=True)
class Kept:
    """A picture that is kept, and when it was taken."""

    at: datetime
    file: Path

    def picture(self) -> bytes | None:
        """The picture; None where it is gone, or is none of ours."""
        with (
            suppress(OSError),
            os.fdopen(os.open(self.file, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file,
        ):
            data = file.read(MOST)
            return data if data.startswith(PNG) else None
        return None


def newest(folder: Path, account: str) -> Kept | None:
    """The newest picture of an account's failures."""
    with suppress(OSError):
        for place in sorted(folder.iterdir(), reverse=True):
            found = NAME.fullmatch(place.name)
            file = place / "screenshot.png"
            if (
                found
                and found[2] == account
                and file.is_file()
                and not (place.is_symlink() or file.is_symlink())
            ):
                return Kept(datetime.strptime(found[1], TIME).replace(tzinfo=UTC), file)
    return None


async def _soon(work: Awaitable[Result]) -> Result | None:
    """What a page gives within a few seconds; None from one that hangs or is gone."""
    from playwright.async_api import Error  # noqa: PLC0415  (only a login needs Playwright)

    try:
        return await asyncio.wait_for(work, PATIENCE)
    except (Error, TimeoutError):
        return None


async def _picture(page: Page, private: list[str]) -> bytes:
    await page.evaluate(HIDE, private)
    boxes = page.locator("input, textarea, canvas, img, [contenteditable]")
    return await page.screenshot(mask=[boxes])


def _report(
    page: Page, account: str, error: AutologinError, stages: Mapping[str, float]
) -> dict[str, Any]:
    address = urlsplit(page.url)
    browser = page.context.browser
    return {
        "account": account,
        "error": error.name,
        "message": error.message,
        "address": f"{address.scheme}://{address.netloc}{address.path}",
        "browser": browser.version if browser else "",
        "stages": {name: round(seconds, 3) for name, seconds in stages.items()},
    }


def _numberless(value: Any, private: list[str]) -> Any:
    if isinstance(value, dict):
        return {name: _numberless(one, private) for name, one in value.items()}
    if isinstance(value, list):
        return [_numberless(one, private) for one in value]
    if not isinstance(value, str):
        return value
    for word in private:
        value = value.replace(word, "****")
    return NUMBERS.sub("****", redaction.scrub(value))


def _keep(file: Path, data: bytes, private: list[str]) -> None:
    if redaction.holds_secret(data) or any(word.encode() in data for word in private):
        return
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(data)


def _prune(folder: Path) -> None:
    with suppress(OSError):
        for old in sorted(folder.iterdir(), reverse=True)[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)
