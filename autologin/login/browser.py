"""The only place that starts Chromium."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autologin import files, inheritance
from autologin.errors import BrowserCrashed, ConfigError, Problem
from autologin.inheritance import Withheld
from autologin.log import event
from autologin.login.driver_process import DriverProcess, no_temporary_folder, reason_of
from autologin.login.workplace import sweep
from autologin.proxies import DIRECTLY, ForChromium

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping

    from playwright.async_api import Browser, BrowserContext, Playwright

    from autologin.config.schema import BrowserSettings
    from autologin.login.workplace import BrowserPlace

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
    "--disable-blink-features=FedCm",  # its calls are seen by nobody
]
"""No connection that nobody asked for."""
MOMENT = 0.5
"""Seconds that a browser stays after its login, while the code is exchanged and the token
delivered."""
CLOSE = 1.0
"""Seconds that a browser's context gets to close, and half as many the browser, before it is
killed."""
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
    home = files.home(os.environ)
    if home is None:
        return None
    cache = home / ".cache" / "ms-playwright"
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
                ["unshare", "--user", "true"],
                check=False,
                capture_output=True,
                timeout=5,
                env={"PATH": os.environ.get("PATH", os.defpath)},
            ).returncode
            == 0
        )
    return False


@dataclass
class Driver:
    """Playwright's driver process, started for the first login or ahead of it.

    `withheld` gives the secrets that neither it nor a browser is to find in its environment.
    """

    withheld: Callable[[], Withheld] = Withheld
    _process: DriverProcess | None = None
    _starting: asyncio.Task[Playwright] | None = None
    _closing: set[asyncio.Task[None]] = field(default_factory=set)
    _hurry: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def started(self) -> bool:
        """Whether a login has needed the process, and it was not stopped since."""
        return self._starting is not None

    def start_early(self, environ: Mapping[str, str] | None = None) -> None:
        """Start the process now; it boots while Python imports the rest.

        `environ` is what it finds in its environment, where the config is not read yet.
        """
        if self._process and self._process.ended:
            self._let_go(self._process)  # who tries again needs another one
        if self._starting is None:
            for switch in inheritance.TALKATIVE:
                os.environ.pop(switch, None)
            from playwright.async_api import async_playwright  # noqa: PLC0415  (100 ms that only a login needs)

            inherited = self.environ() if environ is None else environ
            self._process = DriverProcess(inherited)
            self._starting = asyncio.ensure_future(self._process.start(async_playwright().start))

    def environ(self) -> dict[str, str]:
        """What a browser may know of our environment."""
        return inheritance.for_browser(os.environ, self.withheld())

    async def playwright(self) -> tuple[Playwright, DriverProcess]:
        """The running driver, and its process.

        Raises:
            BrowserCrashed: it cannot be started.
        """
        self.start_early()
        assert self._starting is not None
        assert self._process is not None
        process = self._process
        try:
            return await asyncio.shield(self._starting), process
        except Exception as error:  # noqa: BLE001  (Playwright raises what its driver's process made of it)
            failed = await process.explain(error)
            self._let_go(process)
            raise failed from None

    def close_later(self, work: Coroutine[Any, Any, None]) -> None:
        """Close a browser in a moment: the token need not wait for it, nor share the processor."""
        task = asyncio.ensure_future(self._after_a_moment(work))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _after_a_moment(self, work: Coroutine[Any, Any, None]) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), MOMENT)
        await work

    async def close(
        self, browser: Browser | None, place: BrowserPlace, process: DriverProcess
    ) -> None:
        """Close a browser, or end it: one that is frozen does not close."""
        if browser is not None:
            for context in browser.contexts:
                await within(CLOSE, context.close())
            if await within(CLOSE / 2, browser.close()):
                return
        place.kill()
        if browser is not None and not await within(CLOSE, browser.close()):
            self._let_go(process)  # it does not see that its browser is gone: it is frozen itself

    async def stop(self) -> None:
        """Wait for browsers that are still closing, then end the process, in a few seconds at most.

        Nothing of theirs is left, whatever state they are in.
        """
        self._hurry.set()
        try:
            if self._closing:
                await asyncio.wait(self._closing, timeout=CLOSE * 3)
            if self._starting:
                await within(CLOSE, _end(self._starting))
        finally:
            self._hurry.clear()
            if self._process:
                self._let_go(self._process)
            sweep()  # a run that starts no browser removes what a killed one left as well

    def _let_go(self, process: DriverProcess) -> None:
        """Be done with a process, alive or not."""
        if self._process is not process or self._starting is None:
            return
        starting, self._starting, self._process = self._starting, None, None
        starting.cancel()
        starting.add_done_callback(lambda task: task.cancelled() or task.exception())
        process.remove()


async def _end(starting: asyncio.Task[Playwright]) -> None:
    await (await asyncio.shield(starting)).stop()


async def within(seconds: float, work: Coroutine[Any, Any, Any]) -> bool:
    """Whether something is done in time, well or not."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        return task.done()
    finally:
        task.cancel()
        task.add_done_callback(lambda task: task.cancelled() or task.exception())


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

    proxy = proxy or DIRECTLY
    playwright, process = await driver.playwright()
    rule = [f"--host-resolver-rules={resolver_rule}"] if resolver_rule else []
    executable, sandbox = find(settings, headless=not headed), sandboxed(settings)
    try:
        place = process.workplace.make_place()
    except OSError as error:
        raise no_temporary_folder(error) from None
    mine = driver.environ()
    environ: Mapping[str, Any] = {**mine, **process.workplace.environ(mine), **place.environ}
    browser: Browser | None = None
    try:
        try:
            browser = await playwright.chromium.launch(
                executable_path=executable,
                headless=not headed,
                chromium_sandbox=sandbox,
                # Our arguments come behind Playwright's and win: its `proxy` knows one server only,
                # and is there for the password, which it tells to none but a proxy.
                args=[*QUIET, *place.args, *rule, *proxy.arguments],
                proxy=proxy.login,  # type: ignore[arg-type]  # Playwright's ProxySettings is this dict
                env={**environ},
            )
            opening = new_context(browser, settings)
            noting = asyncio.to_thread(place.note_processes)
            context, _ = await asyncio.gather(opening, noting)
        except Error as error:
            raise BrowserCrashed(f"Chromium did not start ({reason_of(str(error))})") from None
        event("browser_started", level="DEBUG", version=browser.version)
        yield browser, context
    finally:
        driver.close_later(driver.close(browser, place, process))


async def new_context(
    browser: Browser, settings: BrowserSettings, *, java_script: bool = True
) -> BrowserContext:
    """An empty context, as of somebody in India."""
    return await browser.new_context(
        locale="en-IN",
        timezone_id="Asia/Kolkata",
        viewport=WINDOW,  # type: ignore[arg-type]  # Playwright's ViewportSize is this dict
        user_agent=settings.user_agent,
        accept_downloads=False,
        java_script_enabled=java_script,
    )


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
        raise BrowserCrashed(
            f"Chromium, or the page in it, died ({reason_of(str(error))})"
        ) from None
