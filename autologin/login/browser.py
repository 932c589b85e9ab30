"""The only place that starts Chromium."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autologin.errors import BrowserCrashed, ConfigError, Problem
from autologin.log import event
from autologin.proxies import DIRECTLY, ForChromium

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

    from playwright.async_api import Browser, BrowserContext, Playwright

    from autologin.config.schema import BrowserSettings

TALKATIVE = ("DEBUG", "DEBUGP", "PWDEBUG")
"""Variables that make Playwright print what is typed, passwords too."""
HEADLESS_SHELLS = ("chromium-headless-shell", "chrome-headless-shell")
"""Starts in a third of the time and takes two thirds of the memory of a whole Chromium
(docs/architecture.md)."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PLAYWRIGHTS_OWN = (
    "chromium_headless_shell-*/chrome-linux*/headless_shell",
    "chromium_headless_shell-*/chrome-headless-shell-linux*/chrome-headless-shell",
    "chromium-*/chrome-linux*/chrome",
)
QUIET = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
]
"""No connection that nobody asked for."""
MOMENT = 0.5
"""Seconds that a browser stays after its login, while the code is exchanged and the token
delivered."""
WINDOW = {"width": 1366, "height": 900}
"""Fyers renders its form twice below 1280 by 900."""


def find(settings: BrowserSettings, *, headless: bool) -> Path:
    """The browser that would be started.

    Raises:
        ConfigError: the configured one is not there, or none is.
    """
    if settings.executable:
        if found := shutil.which(settings.executable):
            return Path(found)
        raise ConfigError(
            Problem(
                "browser.executable",
                f"{settings.executable} is not a program that can be started",
                MEND,
            )
        )
    names = (*HEADLESS_SHELLS, *BROWSERS) if headless else BROWSERS
    for name in (settings.channel,) if settings.channel in BROWSERS else names:
        if found := shutil.which(name or ""):
            return Path(found)
    if own := _playwrights_own(headless=headless):
        return own
    raise ConfigError(Problem("browser", "no Chromium was found", MEND))


MEND = "Run `autologin browser install`, or set browser.executable to a Chromium of yours."


def _playwrights_own(*, headless: bool) -> Path | None:
    cache = Path.home() / ".cache" / "ms-playwright"
    patterns = PLAYWRIGHTS_OWN if headless else PLAYWRIGHTS_OWN[-1:]
    return next(
        (file for pattern in patterns for file in sorted(cache.glob(pattern), reverse=True)), None
    )


def sandboxed(settings: BrowserSettings) -> bool:
    """Whether Chromium's own sandbox is switched on.

    For everybody but root, where the kernel has user namespaces.
    """
    if settings.sandbox != "auto":
        return settings.sandbox == "on"
    if os.geteuid() == 0:
        event(
            "sandbox_off",
            level="DEBUG",
            message="Chromium has no sandbox for root",
            hint="Run autologin as another user.",
        )
        return False
    if not _user_namespaces():
        detail = "user namespaces are not allowed here, so Chromium runs without its own sandbox"
        event(
            "sandbox_off",
            level="WARNING",
            message=detail,
            hint="docs/deploy.md tells how to allow them.",
        )
        return False
    return True


def _user_namespaces() -> bool:
    with suppress(OSError, subprocess.TimeoutExpired):
        return (
            subprocess.run(
                ["unshare", "--user", "true"], check=False, capture_output=True, timeout=5
            ).returncode
            == 0
        )
    return False


async def _apart(start: Callable[[], Awaitable[Playwright]]) -> Playwright:
    """Start Playwright's process in a group of its own.

    Ctrl-C in a terminal is for us, who may let a login end first.
    """
    loop = asyncio.get_running_loop()
    loop.subprocess_exec = partial(loop.subprocess_exec, process_group=0)  # type: ignore[method-assign]
    try:
        return await start()
    finally:
        del loop.subprocess_exec


@dataclass
class Driver:
    """Playwright's driver process, started for the first login or ahead of it."""

    _starting: asyncio.Task[Playwright] | None = None
    _closing: set[asyncio.Task[None]] = field(default_factory=set)
    _hurry: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def started(self) -> bool:
        """Whether a login has needed the process, and it was not stopped since."""
        return self._starting is not None

    def start_early(self) -> None:
        """Start the process now; it boots while Python imports the rest."""
        if self._starting is None:
            for switch in TALKATIVE:
                os.environ.pop(switch, None)
            from playwright.async_api import async_playwright  # noqa: PLC0415  (100 ms that only a login needs)

            self._starting = asyncio.ensure_future(_apart(async_playwright().start))

    async def playwright(self) -> Playwright:
        """The running driver.

        Raises:
            BrowserCrashed: it cannot be started.
        """
        self.start_early()
        assert self._starting is not None
        try:
            return await asyncio.shield(self._starting)
        except Exception as error:  # noqa: BLE001  (Playwright raises what its driver's process made of it)
            self._starting = None
            hint = "In a slim container, install libatomic1; `autologin check` tells more."
            raise BrowserCrashed(
                f"Playwright's driver did not start ({type(error).__name__})", hint=hint
            ) from None

    def close_later(self, work: Coroutine[Any, Any, None]) -> None:
        """Close a browser in a moment: the token need not wait for it, nor share the processor."""
        task = asyncio.ensure_future(self._after_a_moment(work))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _after_a_moment(self, work: Coroutine[Any, Any, None]) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), MOMENT)
        await work

    async def stop(self) -> None:
        """Wait for browsers that are still closing, then end the process."""
        self._hurry.set()
        if self._closing:
            await asyncio.wait(self._closing, timeout=10)
        self._hurry.clear()
        starting, self._starting = self._starting, None
        if starting:
            with suppress(Exception):
                await (await asyncio.wait_for(starting, 10)).stop()


@asynccontextmanager
async def fresh_context(
    driver: Driver,
    settings: BrowserSettings,
    *,
    headed: bool,
    resolver_rule: str | None,
    proxy: ForChromium | None,
) -> AsyncIterator[tuple[Browser, BrowserContext]]:
    """A Chromium of its own with one empty context, closed afterwards.

    One browser for each login: the redirect's host is unreachable by a flag of the whole process,
    and what one browser's CDP session catches belongs to one account without doubt. Without a
    proxy it goes directly, whatever the environment says.

    Raises:
        BrowserCrashed: it cannot be started.
    """
    from playwright.async_api import Error  # noqa: PLC0415  (only a login needs Playwright)

    playwright = await driver.playwright()
    proxy = proxy or DIRECTLY
    rule = [f"--host-resolver-rules={resolver_rule}"] if resolver_rule else []
    try:
        browser = await playwright.chromium.launch(
            executable_path=find(settings, headless=not headed),
            headless=not headed,
            chromium_sandbox=sandboxed(settings),
            # Our arguments come behind Playwright's and win: its `proxy` knows one server only, and
            # is there for the password, which it tells to none but a proxy.
            args=[*QUIET, *rule, *proxy.arguments],
            proxy=proxy.login,  # type: ignore[arg-type]  # Playwright's ProxySettings is this dict
        )
        context = await browser.new_context(
            locale="en-IN",
            timezone_id="Asia/Kolkata",
            viewport=WINDOW,  # type: ignore[arg-type]  # Playwright's ViewportSize is this dict
            user_agent=settings.user_agent,
            accept_downloads=False,
        )
    except Error as error:
        raise BrowserCrashed(f"Chromium did not start ({_reason(error)})") from None
    event("browser_started", level="DEBUG", version=browser.version)
    try:
        yield browser, context
    finally:
        driver.close_later(_close(browser))


@asynccontextmanager
async def crashes_named() -> AsyncIterator[None]:
    """What Playwright raises inside, and nobody has explained, means that the browser is gone.

    Raises:
        BrowserCrashed: so it was.
    """
    from playwright.async_api import Error  # noqa: PLC0415  (only a login needs Playwright)

    try:
        yield
    except Error as error:
        raise BrowserCrashed(f"Chromium, or the page in it, died ({_reason(error)})") from None


async def _close(browser: Browser) -> None:
    with suppress(Exception):
        await asyncio.wait_for(browser.close(), 10)


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "rror" in line or "display" in line.lower()]
    return re.sub(r"[?#]\S*", "", (telling or lines or ["no reason given"])[0])[
        :200
    ]  # an address may hold a code
