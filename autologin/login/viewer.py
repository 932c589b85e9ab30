"""Looking at pages: many in one browser, each in a context of its own, and nothing is typed."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autologin.clock import Clock
from autologin.errors import AutologinError, BrowserCrashed, ForeignDestination
from autologin.login import browser
from autologin.login.capture import Capture, resolver_rule
from autologin.login.drawing import draw
from autologin.login.forms import selectors
from autologin.login.inspection import Verdict, judge
from autologin.login.pages import FieldName
from autologin.login.sites import Sites, host_of, is_in_clear, is_local, split
from autologin.login.snapshot import PageReader, Snapshot, first_line

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Page, Route

    from autologin.config.schema import BrowserSettings
    from autologin.flow.base import BrowserFlow
    from autologin.flow.script import LoginScript
    from autologin.proxies import ForChromium

AT_ONCE = 4
"""Pages that are open at the same time."""
LOAD = 10.0
"""Seconds that a page gets to be there; then what is there is judged."""
REST = 0.6
"""Seconds that a page with scripts must stay the same before it is judged."""
WORDS_ONLY = 2.5
"""The same where there is nothing to fill yet: a page may say "Loading" first."""
GRACE = 10.0
"""Seconds more that a page gets which cannot be looked at: it navigates, or hangs."""
SCHEMES = {"http", "https", "file"}
NO_PAGE = "This is no address of a page: write http://..., https://... or file:///..."


@dataclass(frozen=True)
class View:
    """One page: what would be done there, or why it could not be looked at.

    `picture` is a PNG of it with the boxes drawn, where one was asked for and could be made.
    """

    url: str
    verdict: Verdict | None = None
    error: str = ""
    picture: bytes | None = None


@dataclass(frozen=True)
class Way:
    """How pages are looked at.

    `after` is the field that was sent last. `scripts`: whether their scripts run, and all else that
    they are made of is loaded.
    """

    script: LoginScript
    after: FieldName | None = None
    scripts: bool = True
    picture: bool = False


class Viewer:
    """Looks at pages in a browser of its own."""

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
        places = asyncio.Semaphore(AT_ONCE)
        async with self._browser(None) as (chromium, _):

            async def one(url: str) -> View:
                async with places:
                    return await self._view(chromium, url, way)

            return await asyncio.gather(*map(one, urls))

    async def view_login(self, flow: BrowserFlow, hosts: Iterable[str], way: Way) -> View:
        """What would be done on an account's login page; `hosts` may be sent what is typed.

        Raises as `view` does.
        """
        nonce = secrets.token_urlsafe(24) if flow.state_param else ""
        capture = Capture.of(flow, nonce, [*flow.login_hosts, *hosts])
        rule = resolver_rule(flow.redirect_uri, flow.urls.values())
        async with self._browser(rule) as (chromium, context):
            await capture.attach(chromium, context)
            url = flow.login_url(nonce).url
            view = await self._view(chromium, url, way, capture)
        public = split(url)._replace(query="", fragment="").geturl()
        return View(public, view.verdict, view.error, view.picture)

    @contextlib.asynccontextmanager
    async def _browser(self, rule: str | None) -> AsyncIterator[tuple[Browser, BrowserContext]]:
        opened = browser.fresh_context(
            self._driver, self._settings, headed=False, resolver_rule=rule, proxy=self._proxy
        )
        async with browser.crashes_named(), opened as both:
            yield both

    async def _view(
        self, chromium: Browser, url: str, way: Way, capture: Capture | None = None
    ) -> View:
        from playwright.async_api import Error  # noqa: PLC0415  (only who looks needs Playwright)

        if split(url).scheme.lower() not in SCHEMES:
            return View(url, error=NO_PAGE)
        try:
            context = await browser.new_context(chromium, self._settings, java_script=way.scripts)
        except Error as error:
            return View(url, error=f"Chromium died ({first_line(error)})")
        try:
            page = await context.new_page()
            if not way.scripts:
                await page.route("**/*", _DocumentOnly())
            done = capture.answered if capture else asyncio.Event()
            reader = PageReader(page, done, self._clock)
            snapshot = await self._open(page, reader, url, way, done)
            if snapshot is None:
                return View(url, error=_say_answered(capture))
            verdict = _refuse_foreign(
                judge(way.script, snapshot, after=way.after), page, capture, way
            )
            picture = await draw(page, reader, verdict) if way.picture else None
            return View(url, verdict, picture=picture)
        except Error as error:
            why = first_line(error).removeprefix("Page.goto: ")
            return View(url, error=f"The page cannot be opened ({why})")
        except AutologinError as error:
            return View(url, error=error.detail)
        finally:
            await browser.within(browser.CLOSE, context.close())

    async def _open(
        self, page: Page, reader: PageReader, url: str, way: Way, done: asyncio.Event
    ) -> Snapshot | None:
        """Open a page and wait until it has come to rest, or its time is over.

        None where the broker redirected without showing one.
        """
        from playwright.async_api import TimeoutError as Late  # noqa: PLC0415  (see `_view`)

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
            if done.is_set():
                return None
            now = self._clock.monotonic()
            still = now - reader.changed_at
            if snapshot and (not way.scripts or now > over or still >= _patience(snapshot)):
                return snapshot
            if now > over + GRACE:
                raise BrowserCrashed("The page does not answer")


def _patience(snapshot: Snapshot) -> float:
    """Seconds that a page with scripts must stay the same: all the longer the less there is."""
    if snapshot.loading:
        return LOAD
    if snapshot.inputs or snapshot.captcha:
        return REST
    return WORDS_ONLY if snapshot.buttons or snapshot.lines else LOAD


def _refuse_foreign(verdict: Verdict, page: Page, capture: Capture | None, way: Way) -> Verdict:
    """A verdict of a page that would send what is typed to somebody else."""
    if not verdict.fields or (capture is None and _is_saved(page.url, way)):
        return verdict
    elements = [one for field in verdict.fields for one in field.elements]
    press = verdict.press
    addresses = [one.sends_to for one in elements]
    addresses += [press.sends_to] if press is not None and not isinstance(press, str) else []
    try:
        if capture is None:
            _check_own_site(page.url, filter(None, addresses))
        else:
            capture.check_destinations(page.url, filter(None, addresses))
    except ForeignDestination as error:
        return Verdict(verdict.page, refused=error, snapshot=verdict.snapshot)
    return verdict


def _is_saved(url: str, way: Way) -> bool:
    """Whether a page is a copy, whose form goes to the address that it was copied from.

    A file, or what is served on this machine and looked at alone.
    """
    return split(url).scheme == "file" or (not way.scripts and is_local(host_of(url)))


def _check_own_site(page: str, addresses: Iterable[str]) -> None:
    """See that the form of a page that is nobody's account goes to the page's own site.

    Raises:
        ForeignDestination: it does not.
    """
    own = Sites([page])
    hint = "Do not sign in there before you know whose host that is."
    for url in addresses:
        named = host_of(url) or f"{split(url).scheme}:"
        if not own.allow(url):
            detail = f"The page would send what is typed to {named}, which is not its own site"
            raise ForeignDestination(f"{detail} ({own})", hint=hint)
        if is_in_clear(page, url):
            detail = f"The page would send what is typed to {named} unencrypted"
            raise ForeignDestination(detail, hint=hint)


def _say_answered(capture: Capture | None) -> str:
    """What it means that the broker has redirected before anything was typed."""
    assert capture is not None
    try:
        capture.auth_code()
    except AutologinError as error:
        return error.detail
    return "The broker redirected at once, and asked for nothing"


class _DocumentOnly:
    """Lets the first document through, and nothing else."""

    def __init__(self) -> None:
        self._there = False

    async def __call__(self, route: Route) -> None:
        if not self._there and route.request.is_navigation_request():
            self._there = True
            await route.continue_()
        else:
            await route.abort("aborted")  # a navigation that merely fails shows an error page
