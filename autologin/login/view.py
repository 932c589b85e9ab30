"""Looking at a page that may navigate, hang or die at any moment."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING, Any, TypeVar

from autologin.errors import BrowserCrashed
from autologin.login.snapshot import Screen, script

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from playwright.async_api import ElementHandle, JSHandle, Page

    from autologin.clock import Clock

Result = TypeVar("Result")

GLANCE = 5.0
"""Seconds after which a page that does not answer a look is given up for this time."""


class View:
    """The screen of one page, and the elements that its indexes mean."""

    def __init__(self, page: Page, done: asyncio.Event, clock: Clock) -> None:
        self._page, self._done, self._clock = page, done, clock
        self._crashed = asyncio.Event()
        self._mark = ""
        self._seen: JSHandle | None = None
        self._aside: set[asyncio.Task[None]] = set()
        self.changed_at = clock.monotonic()
        """When the screen last changed (monotonic seconds)."""
        page.on("crash", lambda _: self._crashed.set())
        page.on("close", lambda _: self._crashed.set())

    async def look(self, css: Mapping[str, Sequence[str]]) -> Screen | None:
        """What is on the page now, or as soon as it changes; None where nothing can be seen (it navigates, or is done).

        Raises:
            BrowserCrashed: the page is gone.
        """
        from playwright.async_api import Error  # noqa: PLC0415  (only a login needs Playwright)

        try:
            return await self.until_done(self._look(css), within=GLANCE)
        except Error as error:
            if self._crashed.is_set() or "has been closed" in error.message:
                raise BrowserCrashed("Chromium, or the page in it, died") from None
            await asyncio.sleep(0.01)  # let the navigation that took the context away proceed
            return None

    async def element(self, index: int) -> ElementHandle:
        """The element that an index of the last screen means."""
        assert self._seen is not None
        found = (await self._seen.evaluate_handle("(seen, index) => seen.elements[index]", index)).as_element()
        assert found is not None
        return found

    async def until_done(self, work: Coroutine[Any, Any, Result], *, within: float | None = None) -> Result | None:
        """The result of some work; None where the login was done (or the time over) before it."""
        task = asyncio.ensure_future(work)
        ends = [asyncio.ensure_future(event.wait()) for event in (self._done, self._crashed)]
        try:
            await asyncio.wait([task, *ends], timeout=within, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            if self._crashed.is_set() and not self._done.is_set():
                raise BrowserCrashed("Chromium, or the page in it, died")
            return None
        finally:
            for left in (task, *ends):
                left.cancel()
            with contextlib.suppress(BaseException):
                await asyncio.gather(task, *ends, return_exceptions=True)

    async def _look(self, css: Mapping[str, Sequence[str]]) -> Screen:
        seen = await self._page.evaluate_handle(script(), {"css": css, "seen": self._mark})
        data, mark = await seen.evaluate("seen => [seen.data, seen.mark]")
        if mark != self._mark:
            self._mark, self.changed_at = mark, self._clock.monotonic()
        if self._seen:
            self._meanwhile(self._seen.dispose())
        if not data["inputs"]:
            # Playwright's own script takes 50 ms to get into a page: let it while there is nothing to fill yet.
            self._meanwhile(self._page.locator("html").count())
        self._seen = seen
        return Screen.from_json(data)

    def _meanwhile(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something that nobody waits for, and that may fail."""

        async def quietly() -> None:
            with contextlib.suppress(Exception):
                await work

        task = asyncio.ensure_future(quietly())
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)


def first_line(error: Exception) -> str:
    """The first line of a Playwright error without its call log and without any query: both can hold secrets."""
    line = (str(error).splitlines() or [""])[0]
    return re.sub(r"[?#]\S*", "", line)
