"""A picture of a page, on which nothing was typed, with what would be filled and pressed."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from autologin.login.inspection import Verdict, describe
from autologin.login.snapshot import PageReader

if TYPE_CHECKING:
    from playwright.async_api import Page

    from autologin.login.snapshot import ButtonElement, InputElement

WIDTH = 1366
LOWEST, HIGHEST = 600, 3000
"""Pixels: how much of a page's height a picture shows."""
STRIP = 56
"""Pixels below the page, for what is said of it."""
DRAW_MS = 10_000
FILLED, PRESSED, LEFT = "#0b57d0", "#137333", "#b3261e"
"""Colours: what would be filled, what would be pressed, what is left alone on a page refused."""
TITLES = {"user_id": "user id", "password": "password", "otp": "one-time code"}
SCRIPT = Path(__file__).with_suffix(".js")


async def draw(page: Page, reader: PageReader, verdict: Verdict) -> bytes | None:
    """The picture, as PNG; None where the page does not let itself be drawn."""
    from playwright.async_api import Error  # noqa: PLC0415  (only who looks needs Playwright)

    with contextlib.suppress(Error):
        height = await page.evaluate("document.documentElement.scrollHeight")
        height = max(LOWEST, min(int(height), HIGHEST))
        await page.set_viewport_size({"width": WIDTH, "height": height + STRIP})
        await page.evaluate("scrollTo(0, 0)")
        marks = [
            {"box": box, "label": label, "colour": colour}
            for element, label, colour in _marks(verdict)
            if (box := await _place(reader, element))
        ]
        overlay = {
            "marks": marks,
            "words": summary(verdict),
            "strip": STRIP,
            "colour": LEFT if verdict.refused else "#3c4043",
        }
        await page.evaluate(SCRIPT.read_text(encoding="utf-8"), overlay)
        return await page.screenshot(type="png", timeout=DRAW_MS, animations="disabled")
    return None


def summary(verdict: Verdict) -> str:
    """What would be done, in a sentence."""
    if verdict.refused:
        return f"{verdict.page}: refused. {verdict.refused.detail}"
    if verdict.looks_again:
        return f"{verdict.page}: nothing was typed. {describe(verdict)}"
    return f"{verdict.page}: nothing was typed; autologin would fill and press what is marked"


def _marks(verdict: Verdict) -> list[tuple[InputElement | ButtonElement, str, str]]:
    marks: list[tuple[InputElement | ButtonElement, str, str]] = []
    for field in verdict.fields:
        *boxes, last = field.elements
        marks += [(box, "", FILLED) for box in boxes]
        marks.append((last, TITLES[field.name], FILLED))
    marks += [(tick, "tick", PRESSED) for tick in verdict.ticks]
    if verdict.press is not None and not isinstance(verdict.press, str):
        again = verdict.looks_again and not verdict.fields
        marks.append((verdict.press, "press, then look again" if again else "press", PRESSED))
    elif verdict.press and marks:
        marks[-1] = (marks[-1][0], f"{marks[-1][1]}, then {verdict.press}", FILLED)
    marks += [(one, f"{number}", LEFT) for number, one in enumerate(verdict.left, 1)]
    return marks


async def _place(
    reader: PageReader, element: InputElement | ButtonElement
) -> tuple[float, float, float, float] | None:
    """Where an element stands now, in a frame too."""
    box = await (await reader.element(element.index)).bounding_box()
    return (box["x"], box["y"], box["width"], box["height"]) if box else None
