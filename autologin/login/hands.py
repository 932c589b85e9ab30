"""Typing and pressing, the way that pages expect it from a person."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from autologin.errors import PageChanged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.async_api import ElementHandle, Page

CLICK_MS = 1500
"""Milliseconds for an ordinary click; whatever lies over a button longer than this stays there."""


LEAVE_FIELD = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  at?.blur();
}"""
"""Some pages look at a field only when it is left, and enable their button then."""

DISABLED = "element => element.matches(':disabled') || element.closest('[aria-disabled=true]') !== null"


async def fill(page: Page, element: ElementHandle, value: str) -> None:
    """Put a value into a box, whatever stood in it, and see that it is there.

    Raises:
        PageChanged: the box does not keep what is typed.
    """
    await element.fill(value)
    # A last key for pages that listen to keys only; the box has the focus since it was filled.
    await page.keyboard.press("End")
    if _same(await _held(element), value):
        return
    await element.fill("")
    await element.type(value)
    if not _same(await _held(element), value):
        raise PageChanged("A field of the page does not keep what is typed into it")


async def type_code(page: Page, boxes: Sequence[ElementHandle], code: str) -> None:
    """Type a code key by key: into one box, or each digit into its own.

    The page may move on at the last digit, so nothing is read back afterwards.
    """
    for box in boxes:
        if await _held(box):
            await box.fill("")
    there = len(code) - 1 if len(boxes) == 1 and await _took(boxes[0], code[:-1]) else 0
    for index, digit in enumerate(code[there:]):
        # Pages move the focus as they like; each digit says where it belongs.
        await boxes[min(index, len(boxes) - 1)].evaluate("box => box.focus()")
        await page.keyboard.press(digit)


async def _took(box: ElementHandle, digits: str) -> bool:
    """Type into a box all but the digit that sends it; gives whether it took them, and leaves it empty where not."""
    await box.type(digits)
    if _same(await _held(box), digits):
        return True
    await box.fill("")
    return False


async def _held(box: ElementHandle) -> str:
    """What stands in a box; Playwright's own way to ask takes four times as long."""
    return str(await box.evaluate("box => box.value"))


async def press(element: ElementHandle, *, covered: bool) -> None:
    """Press a button once, also when a banner lies over it."""
    from playwright.async_api import Error  # noqa: PLC0415  (only a login needs Playwright)

    with contextlib.suppress(Error):
        if await element.evaluate(DISABLED):
            await element.evaluate(LEAVE_FIELD)
            await element.wait_for_element_state("enabled", timeout=CLICK_MS)
    if not covered:
        try:
            await element.click(timeout=CLICK_MS, no_wait_after=True)
        except Error:
            # It never became clickable, so it was not clicked: something lies over it.
            covered = True
    if covered:
        await element.evaluate("element => element.click()")


def _same(one: str, other: str) -> bool:
    """Whether two values are equal but for how a page shows them (capitals, spaces between digits)."""
    return re.sub(r"[\s-]", "", one).lower() == re.sub(r"[\s-]", "", other).lower()
