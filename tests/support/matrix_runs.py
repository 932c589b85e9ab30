"""A run of the command that meets with a fault at a stage, what it left, and the run after it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from support import tls
from support.cli import SCRATCH
from support.clock import MORNING
from support.fault_proxy import Elsewhere, FaultProxy
from support.leaks import leaks
from support.matrix import LINGERS, MOUNT, can_mount
from support.processes import browser, until
from support.sandbox import rehearsal, secrets_of
from support.webhook_consumer import Consumer, listening

from autologin.clock import SystemClock
from autologin.login import workplace
from autologin.store.database import FILE
from autologin.store.store import Store

TIMEOUT = 16.0
"""Seconds: the account's `timeout` while something is wrong. Another login needs 10 to be left."""
GRACE = 3.0
"""Seconds over it that a run may take."""
START = 6.0
"""Seconds before an account's time begins, and after it ended: Python and the driver start and stop, on a busy machine."""
SINKS = 10.0
"""Seconds that a run waits for sinks besides."""
COMMAND = 30.0
"""Seconds that a secret's command may take, while the config is read."""
PROMPT = 8.0
"""Seconds in which a run that is asked to end has ended."""
AHEAD = Path(__file__).parent / "ahead"
HOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SHIFTS = {"clock +90 s": 90, "clock -90 s": -90, "clock +6 h": 21600, "clock -6 h": -21600}
TLS = {
    "self-signed": {},
    "expired": {"days": -1},
    "other host": {"ip": "127.0.0.9"},
}
ACTS = {"signal", "browser", "disk"}
"""Kinds of fault that somebody causes while a call's reply is held."""
CAP_DAC_OVERRIDE, PR_CAPBSET_DROP = 1, 24


class BrokersClock(SystemClock):
    """The clock of this machine, set to a morning: the same for twin and product, unless the fault is theirs."""

    def __init__(self):
        self.ahead = 0.0
        self.begin(0)

    def begin(self, minutes):
        """It is so many minutes past a certain morning, with a new window for OTPs just begun."""
        self.ahead = (
            MORNING.replace(second=1).timestamp() + 60 * minutes - super().now().timestamp()
        )

    def now(self):
        return super().now() + timedelta(seconds=self.ahead)


@dataclass
class End:
    """How a run ended."""

    word: str
    code: int
    seconds: float
    err: str
    account: dict = field(default_factory=dict)


class Cell:
    """One stage and one fault, in a folder of their own: a run that meets with the fault, and one after it."""

    def __init__(self, stage, fault, folder):
        self.stage, self.fault, self.folder = stage, fault, folder
        self.clock = BrokersClock()
        self.proxy = self.process = self.lease = None
        self.mounts = []
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self):
        async with self._stack as stack:
            stack.callback(self._unmount)
            served = rehearsal(self.folder, broker=self.stage.broker, clock=self.clock)
            self.served = await stack.enter_async_context(served)
            self.elsewhere = await stack.enter_async_context(Elsewhere())
            stack.callback(self._let_go)
            await self._prepare(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *error):
        self._end_relatives()
        return await self._stack.__aexit__(*error)

    async def first_run(self):
        """The run that meets with the fault."""
        if self.stage.kind == "serve" or self._is_file:
            await self._issue_first()
        self._break_before()
        self.clock.begin(5)
        shift = SHIFTS.get(self.fault.name, 0.0)
        return await (self._meet_idle(shift) if self.stage.kind == "serve" else self._meet(shift))

    async def next_run(self):
        """The run after it: everything is right again, and it is ten minutes later."""
        await self._mend()
        self.clock.begin(15)
        return await self._ended(await self._start(), 90)

    # What is known of it

    @property
    def twin(self):
        return self.served.twin

    @property
    def logins(self):
        return self.twin.counters["login"]

    @property
    def tmpdir(self):
        return Path(self.served.user.environ["TMPDIR"])

    @property
    def _is_file(self):
        return self.stage.name == "delivery, file"

    @property
    def limit(self):
        """Seconds in which the run with the fault must have ended."""
        if (self.stage.name, self.fault.name) == ("config", "stall"):
            return COMMAND + GRACE + START
        sinks = SINKS if self.stage.kind == "sink" else 0.0
        return self.timeout + GRACE + START + sinks

    @property
    def timeout(self):
        return 75.0 if self.fault.kind == "clock" else TIMEOUT  # for one OTP more, in a new window

    @property
    def token(self):
        """The access token at the file's sink."""
        return self.served.token["access_token"] if self.served.token_file.exists() else None

    async def _prepare(self, stack):
        user, twin = self.served.user, self.twin
        short = tempfile.mkdtemp(dir=SCRATCH.name, prefix="m")
        user.environ |= {
            "TMPDIR": short,
            "PYTHONPATH": str(AHEAD),
            "RES_OPTIONS": "timeout:1 attempts:1",
        }
        stack.callback(shutil.rmtree, short, ignore_errors=True)
        self.account(timeout=self.timeout)
        if self.stage.call:
            target = twin.origins.get(self.stage.role)
            if self.stage.role == "hook":
                self.consumer = await stack.enter_async_context(listening(Consumer()))
                target = f"http://127.0.0.1:{self.consumer.port}"
            self.proxy = await stack.enter_async_context(self._proxy(target))
            self.point_at(self.proxy.origin)
            if self.fault.name == "no such host":
                scheme = "https" if self.stage.role == "hook" else "http"
                self.point_at(f"{scheme}://broker.invalid:{self.proxy.port}")
        if self.stage.name == "config":
            self._hold_command()
        if self.stage.name == "browser start":
            self._hold_browser()
        if self.fault.name == "disk full" and can_mount():
            self._mount(self.folder / ("tokens" if self._is_file else "state"))

    def _proxy(self, target):
        fault = self.fault.name
        if self.fault.kind in ACTS:
            fault = "held"
        elif self.fault.kind in {"host", "clock"}:
            fault = ""
        context = None
        if self.fault.name in TLS:
            context = tls.server_side(tls.pair(self.folder, "broker", **TLS[self.fault.name]))
        return FaultProxy(
            target,
            self.stage.call,
            before=self.stage.before,
            fault=fault,
            tls=context,
            elsewhere=self.elsewhere.url,
        )

    def account(self, **changes):
        """Change the account in the config."""
        self.served.change(lambda config: config["accounts"][self.served.broker].update(changes))

    def point_at(self, origin):
        """Have the stage's call go there."""

        def change(config):
            account = config["accounts"][self.served.broker]
            if self.stage.role == "hook":
                url = f"{origin}{self.consumer.path}"
                config["sinks"]["hook"] = {"type": "webhook", "url": url, "secret": HOOK_SECRET}
                account["sinks"] = ["tokens", "hook"]
            else:
                account["endpoints"] |= {self.stage.role: origin}

        self.served.change(change)

    # What is broken before the run begins

    async def _issue_first(self):
        """A service without anything to do has its token; a file that cannot be written is one that is gone."""
        done = await self._ended(await self._start(), 60)
        assert done.word == "issued", done.err
        if self._is_file:
            self.served.token_file.unlink()

    def _break_before(self):
        if self.stage.name == "lease and store":
            Store.open(self.folder / "state", self.clock).close()
            self._spoil_store()
        if self._is_file and self.fault.name == "disk full":
            fill(self.folder / "tokens")
        if self._is_file and self.fault.name == "read-only":
            (self.folder / "tokens").chmod(0o500)

    def _spoil_store(self):
        state = self.folder / "state"
        if self.fault.name == "read-only":
            for file in state.iterdir():
                file.chmod(0o400)
            state.chmod(0o500)
        elif self.fault.name == "damaged":
            shutil.copy(state / FILE, self.folder / "good.db")
            (state / FILE).write_bytes(b"\0" * 50_000)
        elif self.fault.name == "newer":
            shutil.copy(state / FILE, self.folder / "good.db")
            with contextlib.closing(sqlite3.connect(state / FILE)) as database:
                database.execute("PRAGMA user_version = 999")
        elif self.fault.name == "disk full" and self.mounts:
            fill(state)
        elif self.fault.kind in {"signal", "wire"}:
            store = Store.open(state, self.clock)
            self.lease = store, store.leases.acquire(self.served.broker)

    def _hold_command(self):
        seed = self.twin.credentials["totp_secret"]
        (self.folder / "seed").write_text(seed)
        os.mkfifo(self.folder / "fifo")
        command = (
            f"touch {self.folder}/reached; read x < {self.folder}/fifo; cat {self.folder}/seed"
        )

        def change(config):
            credentials = config["accounts"][self.served.broker]["credentials"]
            credentials["totp_secret"] = {"command": command}

        self.served.change(change)

    def _hold_browser(self):
        act = {"browser killed": "kill -9 $$", "browser frozen": "kill -STOP $$"}
        wait = act.get(self.fault.name, f"read x < {self.folder}/fifo")
        os.mkfifo(self.folder / "fifo")
        script = self.folder / "slow-browser"
        script.write_text(
            f'#!/bin/sh\ntouch {self.folder}/reached\n{wait}\nexec {browser()} "$@"\n'
        )
        script.chmod(stat.S_IRWXU)
        self.served.change(lambda config: config.update(browser={"executable": str(script)}))

    # The run

    async def _start(self, *words, shift=0.0):
        ahead = self.clock.ahead + shift
        self.served.user.environ["CLOCK_AHEAD"] = str(ahead)
        words = words or ("run", self.served.broker, "--json")
        return await self.served.user.start(
            *words, preexec_fn=respect_rights if self.fault.name == "read-only" else None
        )

    async def _meet(self, shift):
        """A run, to which the fault is done when it is at the stage."""
        self.process = await self._start(shift=shift)
        began = struck = time.monotonic()
        end = asyncio.ensure_future(self._ended(self.process, self.limit + 20))
        if self.fault.kind in ACTS and self.fault.name != "read-only":
            reached = asyncio.ensure_future(self._reached())
            await asyncio.wait({reached, end}, return_when=asyncio.FIRST_COMPLETED)
            reached.cancel()
            if not end.done():
                struck = time.monotonic()
                await self._act()
        done = await end
        if self.fault.kind == "signal":
            done.seconds -= struck - began
        return done

    async def _reached(self):
        if self.stage.name == "lease and store":
            if self.fault.name != "disk full":
                await until(lambda: b"waiting" in self.heard)
        elif self.proxy:
            await self.proxy.arrived.wait()
        elif not self._is_file:
            await until((self.folder / "reached").exists)

    async def _act(self):
        if self.fault.kind == "signal":
            self.process.send_signal(getattr(signal, self.fault.name))
            due = self.stage.kind in {"call", "verify", "sink"} and self.fault.name != "SIGKILL"
            if due:  # a token is on its way: it is waited for
                self.proxy.release.set()
        elif self.fault.name == "disk full":
            self._fill_now()
            if self.proxy:
                self.proxy.release.set()
        elif self.proxy:
            for number in self.browsers():
                with contextlib.suppress(ProcessLookupError):
                    frozen = self.fault.name == "browser frozen"
                    os.kill(number, signal.SIGSTOP if frozen else signal.SIGKILL)
            self.proxy.release.set()

    def _fill_now(self):
        if not self.mounts:
            resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        elif not self._is_file:
            fill(self.folder / "state")

    async def _meet_idle(self, shift):
        """The service, to which the fault is done when it has nothing to do; then it is stopped."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        changes = {
            "http": {"listen": f"127.0.0.1:{port}"},
            "schedule": {"at": "08:00", "days": "daily"},
        }
        self.served.change(lambda config: config.update(changes))
        self.process = await self._start("serve", "--log-format", "json", shift=shift)
        began = time.monotonic()
        end = asyncio.ensure_future(self._ended(self.process, 60))
        await until(lambda: b"next_run" in self.heard or end.done())
        struck = time.monotonic()
        if self.fault.name == "disk full":
            self._fill_now()
        kind = self.fault.name if self.fault.kind == "signal" else "SIGTERM"
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(getattr(signal, kind))
        done = await end
        done.seconds -= struck - began
        return done

    async def _ended(self, process, limit):
        """How a process ends; after `limit` it is killed."""
        began = time.monotonic()
        self.heard = b""

        told = []

        async def hear():
            while line := await process.stderr.readline():
                self.heard += line

        async def listen():
            while some := await process.stdout.read(65536):
                told.append(some)

        reading = [asyncio.ensure_future(hear()), asyncio.ensure_future(listen())]
        try:
            # Not `wait`: that waits for whoever has its pipes too.
            await until(lambda: process.returncode is not None, limit)
            code = process.returncode
        except TimeoutError:
            process.kill()
            code = -99
        seconds = time.monotonic() - began
        with contextlib.suppress(TimeoutError):  # what it has started may hold them open
            async with asyncio.timeout(1):
                await asyncio.gather(*reading)
        for one in reading:
            one.cancel()
        out, err = b"".join(told).decode(), self.heard.decode()
        self.served.user.heard += [out, err]
        return said(out, err, code, seconds)

    # What it left

    def relatives(self):
        """The command lines of what runs in the run's TMPDIR, by number."""
        mark = str(self.tmpdir).encode()
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                line = (folder / "cmdline").read_bytes()
                if line and (mark in line or mark in (folder / "environ").read_bytes()):
                    found[int(folder.name)] = line.replace(b"\0", b" ")[:100].decode()
        return found

    def browsers(self):
        """The numbers of Chromium's processes."""
        running = self.relatives().items()
        return [number for number, line in running if re.search("chrom|headless", line)]

    async def left_behind(self, *, swept=False):
        """Processes, and files in TMPDIR: none at once where a run ended by itself, and soon where it was killed.

        A run that was killed leaves its folder, without what was in use, for the next one to sweep.
        """
        patience = 10.0 if self.fault.name == "SIGKILL" else 1.0
        patience = LINGERS.get((self.stage.name, self.fault.name), patience)
        with contextlib.suppress(TimeoutError):
            await until(lambda: not self.relatives() and not self._files(swept=swept), patience)
        return [*self.relatives().values(), *self._files(swept=swept)]

    def _files(self, *, swept):
        """Names of what is in TMPDIR."""
        names = [path.name for path in self.tmpdir.iterdir()]
        if self.fault.name == "SIGKILL" and not swept:
            return [name for name in names if not workplace.NAME.fullmatch(name)]
        return names

    def _end_relatives(self):
        for number in self.relatives():
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)

    # The run after it

    async def _mend(self):
        self._let_go()
        if self.proxy:
            await self.proxy.heal()
            self.point_at(self.proxy.origin)
        state = self.folder / "state"
        if (self.folder / "good.db").exists():
            for rest in state.glob(f"{FILE}-*"):
                rest.unlink()
            shutil.copy(self.folder / "good.db", state / FILE)
        if self.fault.name == "read-only":
            for folder in filter(Path.exists, (state, self.folder / "tokens")):
                folder.chmod(0o700)
                for file in filter(Path.is_file, folder.iterdir()):
                    file.chmod(0o600)
        if self.stage.name == "config":
            seed = self.twin.credentials["totp_secret"]
            self.account(
                credentials=self.twin.credentials | {"totp_secret": {"command": f"echo {seed}"}}
            )
        self.served.change(lambda config: config.pop("browser", None))
        self.account(timeout=60)

    def went_elsewhere(self):
        """What secrets arrived at somebody else's server."""
        return leaks(secrets_of(self.twin), self.elsewhere.heard)

    # Disks

    def _mount(self, folder):
        folder.mkdir(mode=0o700, exist_ok=True)
        subprocess.run([*MOUNT, folder], check=True)
        self.mounts.append(folder)

    def _let_go(self):
        """Free what was filled, and release what was held. A disk stays mounted, with what is on it."""
        for folder in self.mounts:
            (folder / "filler").unlink(missing_ok=True)
        if self.lease:
            store, lease = self.lease
            store.leases.release(lease)
            store.close()
            self.lease = None

    def _unmount(self):
        while self.mounts:
            subprocess.run(["umount", "-l", self.mounts.pop()], check=True)


def said(out, err, code, seconds):
    """The end of a run, by what it printed and its exit code."""
    ends = {-9: "ended by SIGKILL", 143: "ended by SIGTERM", 130: "ended by SIGINT"}
    try:
        data = json.loads(out) if out.strip() else {}
    except ValueError:
        return End(f"said what is no JSON: {out[:200]}", code, seconds, err)
    account = data["accounts"][0] if "accounts" in data else {}
    if account:
        word = account["error"] or account["outcome"]
    elif "error" in data:
        word = data["error"]
    else:
        word = ends.get(code) or ("stopped" if code == 0 else f"ended with {code}, in silence")
    return End(word, code, seconds, err, account)


def fill(folder):
    """Leave no room on a small disk."""
    with contextlib.suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            with contextlib.suppress(OSError):
                while file.write(b"\0" * size):
                    pass


def respect_rights():
    """Root may write everywhere; what is started now may not."""
    import ctypes

    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)
