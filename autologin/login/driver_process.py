"""Playwright's driver as a process: what it inherits, where it works, what it says when it dies."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autologin import inheritance
from autologin.errors import BrowserCrashed
from autologin.login.workplace import Workplace
from autologin.redaction import scrub

if TYPE_CHECKING:
    from playwright.async_api import Playwright

LAST_WORDS = 4096
"""Bytes of what it says that are kept."""
PATIENCE = 20.0
"""Seconds that Node.js gets to say its version."""
DYING = 1.0
"""Seconds that a driver that failed gets for its last words."""
LIBRARY = re.compile(r"error while loading shared libraries: ([\w.+-]+)")
PACKAGES = {"libatomic.so.1": "libatomic1"}
"""Debian's packages of the libraries that Node.js needs and slim systems leave out."""
PLAYWRIGHTS = ("PW_LANG_NAME", "PW_LANG_NAME_VERSION", "PW_CLI_DISPLAY_VERSION")
"""What Playwright tells its driver in the environment."""
REINSTALL = "Install it anew: pip install --force-reinstall playwright"


class DriverProcess:
    """One process of Playwright's driver, and the folder in which it works."""

    def __init__(self, inherited: Mapping[str, str]) -> None:
        self._inherited = dict(inherited)
        self._workplace: Workplace | None = None
        self._transport: asyncio.SubprocessTransport | None = None
        self._reader: int | None = None
        self._said = b""
        self._silent = asyncio.Event()

    @property
    def workplace(self) -> Workplace:
        """Where it works, once it runs."""
        assert self._workplace is not None
        return self._workplace

    @property
    def ended(self) -> bool:
        """Whether it ran, and runs no more."""
        return self._transport is not None and self._transport.get_returncode() is not None

    async def start(self, start: Callable[[], Awaitable[Playwright]]) -> Playwright:
        """Start it, by Playwright's own `start`.

        It gets a group of its own: Ctrl-C in a terminal is for us, who may let a login end first.

        Raises:
            OSError: there is no place for temporary files.
            Exception: what Playwright makes of a driver that does not start.
        """
        self._workplace = Workplace.open()
        own = self._inherited | self._workplace.environ(self._inherited)
        loop = asyncio.get_running_loop()
        spawn = loop.subprocess_exec
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)

        async def spawn_apart(*args: Any, env: Mapping[str, str], **options: Any) -> Any:
            loop.subprocess_exec = spawn  # type: ignore[method-assign]  # the next one is not the driver
            added = {name: env[name] for name in PLAYWRIGHTS if name in env}
            options |= {"env": own | added, "process_group": 0, "stderr": writer}
            self._transport, protocol = await spawn(*args, **options)
            return self._transport, protocol

        loop.subprocess_exec = spawn_apart  # type: ignore[assignment]
        try:
            loop.add_reader(self._reader, self._listen, self._reader)
            return await start()
        finally:
            os.close(writer)
            loop.subprocess_exec = spawn  # type: ignore[method-assign]

    def _listen(self, reader: int) -> None:
        said = b""
        with suppress(BlockingIOError):
            if said := os.read(reader, LAST_WORDS):
                self._said = (self._said + said)[-LAST_WORDS:]
                return
        if not said:
            self._silent.set()
            asyncio.get_running_loop().remove_reader(reader)

    async def explain(self, error: Exception) -> BrowserCrashed:
        """Why it did not start, from what it said."""
        if isinstance(error, OSError):
            return no_temporary_folder(error)
        with suppress(TimeoutError):
            async with asyncio.timeout(DYING):
                await self._silent.wait()
                while self._transport and not self.ended:  # noqa: ASYNC110  (asyncio waits in a thread and tells nobody)
                    await asyncio.sleep(0.01)
        said = self._said.decode(errors="replace")
        code = self._transport.get_returncode() if self._transport else None
        fault = _fault_of(said or str(error), code)
        return BrowserCrashed(
            f"Playwright's driver did not start ({fault.detail})", hint=fault.hint
        )

    def remove(self) -> None:
        """End it with its browsers, and remove its folder."""
        if self._workplace:
            self._workplace.close()
            self._workplace = None
        if self._reader is not None:
            with suppress(RuntimeError):  # the loop is closed
                asyncio.get_running_loop().remove_reader(self._reader)
            os.close(self._reader)
            self._reader = None


@dataclass(frozen=True)
class Fault:
    """Why a driver does not start, how to fix it, and the system's package that would."""

    detail: str
    hint: str
    package: str | None = None


def find_fault(environ: Mapping[str, str]) -> Fault | None:
    """What stands against the driver's start here. Starts Node.js, which takes a moment."""
    inherited = inheritance.for_browser(environ, inheritance.Withheld())
    # Not asked of Playwright, whose import takes longer than all else that `check` does.
    package = importlib.util.find_spec("playwright")
    folder = Path(package.origin or "").parent if package else Path()
    node = environ.get("PLAYWRIGHT_NODEJS_PATH") or folder / "driver" / "node"
    try:
        done = subprocess.run(
            [node, "--version"],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            env=inherited,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return Fault(f"{node} cannot be started: {type(error).__name__}", REINSTALL)
    return (
        _fault_of(done.stderr.decode(errors="replace"), done.returncode)
        if done.returncode
        else None
    )


def _fault_of(said: str, code: int | None) -> Fault:
    if found := LIBRARY.search(said):
        package = PACKAGES.get(found[1])
        hint = f"Install the system's package {package or f'that holds {found[1]}'}."
        return Fault(f"the library {found[1]} is not there", hint, package)
    if code is not None and code < 0:
        hint = "Check the memory that it may use: a container's limit, the machine's free memory."
        return Fault(f"killed by signal {-code}", hint)
    return Fault(reason_of(said), REINSTALL)


def no_temporary_folder(error: OSError) -> BrowserCrashed:
    """A browser without a place for its profile."""
    return BrowserCrashed(
        f"There is no place for a browser's temporary files ({error.strerror})",
        hint="Free space there, or set TMPDIR to a folder that this user may write to.",
    )


def reason_of(text: str) -> str:
    """The line of a report that tells most. An address may hold a code, so its query is cut off."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "rror" in line or "display" in line.lower()]
    line = (telling or lines or ["no reason given"])[0]
    return scrub(re.sub(r"[?#]\S*", "", line))[:200]
