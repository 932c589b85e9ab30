"""What tests share: a clock that is moved by hand, a sandbox with a config that fits, the command as a user calls it."""

from __future__ import annotations

import asyncio
import atexit
import base64
import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, quote_plus

import yaml

from autologin import run as walk
from autologin.app import App
from autologin.config import accounts, loader
from autologin.flow import registry
from autologin.login.browser import Driver
from autologin.sandbox.server import Sandbox

MORNING = datetime(2026, 11, 24, 2, 45, 10, tzinfo=UTC)  # 08:15:10 in India


SCRATCH = tempfile.TemporaryDirectory(prefix="al", ignore_cleanup_errors=True)
"""A short path: Chromium makes sockets in it, whose paths have room for 107 bytes."""
atexit.register(SCRATCH.cleanup)


@dataclass
class HandClock:
    """Stands still until it is moved, or until somebody sleeps by it."""

    wall: datetime = MORNING

    def now(self):
        return self.wall

    def monotonic(self):
        return self.wall.timestamp()

    async def sleep(self, seconds):
        self.wall += timedelta(seconds=seconds)
        await asyncio.sleep(0)

    def move(self, **by):
        self.wall += timedelta(**by)


@dataclass
class Finished:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def account(self):
        (one,) = self.json["accounts"]
        return one


@dataclass
class User:
    """Somebody with a folder, who types commands in it."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)

    async def start(self, *words, **more):
        """Start `autologin WORDS`, in an environment that holds nothing of the tests'."""
        environ = {
            "HOME": str(self.folder),
            "PATH": os.environ["PATH"],
            "TMPDIR": SCRATCH.name,
            **self.environ,
        }
        options = {"stdin": asyncio.subprocess.DEVNULL, "start_new_session": True} | more
        pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
        command = [sys.executable, "-m", "autologin", *map(str, words)]
        return await asyncio.create_subprocess_exec(
            *command, cwd=self.folder, env=environ, **pipes, **options
        )

    async def says(self, *words, stdin=None):
        """The whole of `autologin WORDS`."""
        process = await self.start(
            *words, **({"stdin": asyncio.subprocess.PIPE} if stdin is not None else {})
        )
        out, err = await asyncio.wait_for(
            process.communicate(None if stdin is None else stdin.encode()), 120
        )
        self.heard += [out.decode(), err.decode()]
        assert "Traceback" not in err.decode(), err.decode()
        return Finished(process.returncode, out.decode(), err.decode())


class SharedDriver(Driver):
    """Playwright's process, started once for all runs in this one; a run's browser is closed at its end all the same."""

    async def stop(self):
        starting, self._starting = self._starting, None
        await super().stop()
        self._starting = starting


SHARED = SharedDriver()


@dataclass
class Rehearsal:
    """A sandbox that is served in this process, and a user whose config points at it."""

    sandbox: Sandbox
    user: User
    broker: str

    @property
    def twin(self):
        return self.sandbox.twins[self.broker]

    @property
    def folder(self):
        return self.user.folder

    @property
    def token_file(self):
        return self.folder / "tokens" / f"{self.broker}.json"

    @property
    def token(self):
        return json.loads(self.token_file.read_text())

    def settings(self):
        return loader.load(self.folder / "config.yaml", {"HOME": str(self.folder)})

    def change(self, change):
        """Edit the config."""
        file = self.folder / "config.yaml"
        data = yaml.safe_load(file.read_text())
        change(data)
        file.write_text(yaml.safe_dump(data, allow_unicode=True))

    async def run(self, clock, **options):
        """One account's outcome, in this process and by this clock."""
        app = App.open(self.settings(), clock, SHARED)
        try:
            (outcome,) = await walk.run_accounts(
                app, list(app.settings.accounts.values()), **options
            )
        finally:
            app.store.close()
        return outcome


@asynccontextmanager
async def rehearsal(folder, *scenarios, broker="zerodha", clock=None, page_delay=0.0):
    """Serve a broker's twin with scenarios on; `folder` gets a config.yaml for it.

    At the end none of its secrets may stand in the state folder, or in anything that the user was told.
    """
    async with Sandbox(brokers=[broker], scenarios={broker: scenarios}, clock=clock) as sandbox:
        sandbox.twins[broker].page_delay = page_delay
        file = folder / "config.yaml"
        file.touch(mode=0o600)
        file.write_text(yaml.safe_dump(sandbox.config(), allow_unicode=True))
        user = User(folder)
        yield Rehearsal(sandbox, user, broker)
        assert leaks(secrets_of(sandbox.twins[broker]), [*user.heard, folder / "state"]) == []


def secrets_of(twin):
    """What must stand nowhere: secret credentials, and every one-time value so far."""
    flow = registry.load(twin.broker)
    mine = [value for key, value in twin.credentials.items() if accounts.is_secret(flow, key)]
    return [*mine, *twin.otps, *twin.codes_issued]


def forms(secret):
    """The ways in which a secret could stand somewhere."""
    raw = secret.encode()
    encoded = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    return {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        *encoded,
    }


def leaks(secrets, places):
    """Where any of these secrets stands, in any form; `places` are texts, and files or folders to be read."""
    wanted = {form.encode() for secret in secrets for form in forms(secret)}
    found = []
    for place in places:
        if isinstance(place, str):
            found += [f"in output: {form!r}" for form in wanted if _stands(form, place.encode())]
            continue
        for file in (
            [place] if place.is_file() else [file for file in place.rglob("*") if file.is_file()]
        ):
            content = file.read_bytes() + str(file).encode()
            found += [f"in {file}: {form!r}" for form in wanted if _stands(form, content)]
    return found


CHANCE = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.]+|[0-9a-f]{32,}")
"""Times and random ids: four digits of a PIN stand in some of them by chance, as they do inside a longer number."""


def _stands(form, content):
    if len(form) >= 8:
        return form in content
    rest = CHANCE.sub(b"", content)
    return (
        bool(re.search(rb"(?<!\d)" + form + rb"(?!\d)", rest)) if form.isdigit() else form in rest
    )


async def until(true, seconds=30.0):
    """Wait for something that another process does."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110  (it is another process's doing: nobody here could set an event)
            await asyncio.sleep(0.01)


def children(session):
    """What runs in a session, by its command."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(stat.parent.joinpath("cmdline").read_bytes().replace(b"\0", b" ")[:80])
    return found


def browser():
    """A Chromium that tests start by themselves."""
    return next(
        filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))),
        None,
    )


class SkippingClock:
    """This machine's clock, but whoever sleeps by it is there at once. Product and twin must share it."""

    def __init__(self):
        self.skipped = 0.0

    def now(self):
        return datetime.now(UTC) + timedelta(seconds=self.skipped)

    def monotonic(self):
        return time.monotonic() + self.skipped

    async def sleep(self, seconds):
        self.skipped += seconds
        await asyncio.sleep(0)


class FastClock(SkippingClock):
    """A skipping clock by which patience runs out soon, where nothing happens any more.

    Once the twin has heard nothing for a second and a half, `monotonic` runs twenty times as fast as this machine's
    clock: a login that waits ten seconds for a page to move gives up after two. While the twin is being called, and
    before it is called first, it runs as always; so a slow machine is given its time.
    """

    QUIET = 1.5
    FACTOR = 20

    def __init__(self):
        super().__init__()
        self.twin = None
        self._gained = 0.0
        self._looked = self._quiet_since = time.monotonic()
        self._newest = None

    def monotonic(self):
        real = time.monotonic()
        newest = self.twin.seen[-1] if self.twin and self.twin.seen else None
        if newest is None or newest is not self._newest:
            self._newest = newest
            self._quiet_since = real
        elif real - self._quiet_since > self.QUIET:
            self._gained += (real - max(self._looked, self._quiet_since)) * (self.FACTOR - 1)
        self._looked = real
        return real + self.skipped + self._gained
