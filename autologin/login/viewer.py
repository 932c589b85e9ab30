"""Looking at pages: many in one browser, each in a context of its own, and nothing is typed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autologin.clock import Clock
from autologin.errors import AutologinError, BrowserCrashed
from autologin.login import browser
from autologin.login.forms import selectors
from autologin.login.inspection import Verdict, judge
from autologin.login.pages import FieldName
from autologin.login.sites import split
from autologin.login.snapshot import PageReader, Snapshot, first_line

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, Route

    from autologin.config.schema import BrowserSettings
    from autologin.flow.script import LoginScript
    from autologin.proxies import ForChromium

AT_ONCE = 4
"""Pages that are open at the same time."""
LOAD = 10.0
"""Seconds that a page gets to be there; then what is there is judged."""
REST = 0.6
"""Seconds that a page with scripts must stay the same before it is judged."""
SCHEMES = {"http", "https", "file"}


@dataclass(frozen=True)
class View:
    """One page: what would be done there, or why it could not be looked at."""

    url: str
    verdict: Verdict | None = None
    error: str = ""


@dataclass(frozen=True)
class Way:
    """How pages are looked at.

    `scripts`: whether their scripts run, and all else that they are made of is loaded.
    """

    script: LoginScript
    after: FieldName | None = None
    scripts: bool = True


class Viewer:
    """Looks at pages in one browser."""

    def __init__(
        self,
        driver: browser.Driver,
        settings: BrowserSettings,
        proxy: ForChromium,
        clock: Clock,
    ) -> None:
        self._driver, self._settings, self._proxy, self._clock = driver, settings, proxy, clock

    async def view(self, urls: Sequence[str], way: Way) -> list[View]:
        """What would be done on each page, in the order of their addresses.

        Raises:
            BrowserCrashed: Chromium cannot be started.
            ConfigError: there is none.
        """
        opened = browser.fresh_context(
            self._driver, self._settings, headed=False, resolver_rule=None, proxy=self._proxy
        )
        places = asyncio.Semaphore(AT_ONCE)
        async with browser.crashes_named(), opened as (chromium, _):

            async def one(url: str) -> View:
                async with places:
                    return await self._view(chromium, url, way)

            return await asyncio.gather(*map(one, urls))

    async def _view(self, chromium: Browser, url: str, way: Way) -> View:
        from playwright.async_api import Error  # noqa: PLC0415  (only who looks needs Playwright)

        if split(url).scheme.lower() not in SCHEMES:
            return View(
                url, error="This is no address of a page: write http://, https:// or file://"
            )
        try:
            context = await browser.new_context(chromium, self._settings, java_script=way.scripts)
        except Error as error:
            return View(url, error=f"Chromium died ({first_line(error)})")
        try:
            page = await context.new_page()
            if not way.scripts:
                await page.route("**/*", _DocumentOnly())
            snapshot = await self._open(page, url, way)
            return View(url, judge(way.script, snapshot, after=way.after))
        except Error as error:
            return View(url, error=f"The page cannot be opened ({first_line(error)})")
        except AutologinError as error:
            return View(url, error=error.detail)
        finally:
            await browser.within(browser.CLOSE, context.close())

    async def _open(self, page: Page, url: str, way: Way) -> Snapshot:
        """Open a page and wait until it has come to rest, or its time is over."""
        from playwright.async_api import TimeoutError as Late  # noqa: PLC0415  (see `_view`)

        reader = PageReader(page, asyncio.Event(), self._clock)
        over = self._clock.monotonic() + LOAD
        until = "load" if way.scripts else "domcontentloaded"
        try:
            await page.goto(url, wait_until=until, timeout=LOAD * 1000)  # type: ignore[arg-type]
        except Late:
            if page.url in {"", "about:blank"}:
                raise
        css = selectors(way.script)
        while True:
            snapshot = await reader.look(css)
            now = self._clock.monotonic()
            rests = snapshot and (not way.scripts or now - reader.changed_at >= REST)
            if snapshot and (rests or now > over):
                return snapshot
            if now > over + LOAD:
                raise BrowserCrashed("The page does not answer")


class _DocumentOnly:
    """Lets the first document through, and nothing else."""

    def __init__(self) -> None:
        self._there = False

    async def __call__(self, route: Route) -> None:
        request = route.request
        if not self._there and request.is_navigation_request():
            self._there = True
            await route.continue_()
        else:
            await route.abort()
