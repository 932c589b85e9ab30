"""For tests of the service: a clock that jumps from one sleeper to the next, a broker without a network, a small calendar."""

from __future__ import annotations

import asyncio
import heapq
import sys
import textwrap
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import count

from autologin import secret_refs
from autologin.app import App
from autologin.clock import IST
from autologin.config import loader
from autologin.service.service import Service

DAY = date(2026, 11, 25)


def ist(hour, minute=0, second=0, day=DAY):
    """A moment in India."""
    return datetime.combine(day, time(hour, minute, second), IST)


FLOW = """
from pydantic import Field, SecretStr

from autologin.flow import ApiFlow, Credentials


class PaperCredentials(Credentials):
    user_id: str = Field(description="the user")
    password: SecretStr = Field(description="the password")


class Paper(ApiFlow):
    broker = "paper"
    title = "Paper"
    docs = "https://paper.example/"
    evidence = "2026-11"
    endpoints = {"api": "https://paper.example"}
    credentials: PaperCredentials
    world = None

    async def sign_in(self, http, otp, now):
        return await self.world.sign_in(self.credentials, now)

    async def verify(self, token, http):
        return self.world.verify(token)
"""


@dataclass
class Hours:
    opens: datetime
    closes: datetime


@dataclass
class Weekdays:
    """Trades from Monday to Friday but for its holidays; knows nothing after `until`."""

    holidays: set = field(default_factory=set)
    until: date = field(default_factory=lambda: date(2026, 12, 31))

    def is_trading_day(self, day, segments):
        if day > self.until:
            return None
        return day.weekday() < 5 and day not in self.holidays

    def sessions(self, day, segment):
        if not self.is_trading_day(day, [segment]):
            return []
        opens = time(9, 15) if segment == "equity" else time(9)
        closes = {"equity": time(15, 30), "currency": time(17), "commodity": time(23, 30)}[segment]
        return [Hours(datetime.combine(day, opens, IST), datetime.combine(day, closes, IST))]


@dataclass
class World:
    """The broker: who logged in when, what it answers, how long a token lives (None: until the next 06:00 in India)."""

    clock: VirtualClock
    logins: list = field(default_factory=list)
    busy: set = field(default_factory=set)
    overlaps: int = 0
    out: list = field(default_factory=list)
    """Pairs of moments between which it is not available."""
    handles: bool = True
    """Whether a call that gets no answer arrives; else no connection can be made."""
    refuses: dict = field(default_factory=dict)
    """User -> the error that a login ends with."""
    dead: set = field(default_factory=set)
    life: timedelta | None = None
    takes: float = 2.0
    numbers: count = field(default_factory=lambda: count(1))

    async def sign_in(self, credentials, now):
        from pydantic import SecretStr

        from autologin.errors import BrokerUnavailable
        from autologin.token import Token, next_daily

        user = credentials.user_id
        self.overlaps += user in self.busy
        self.busy.add(user)
        try:
            await self.clock.sleep(self.takes)
            self.logins.append((user, self.clock.now()))
            if self.is_out():
                raise BrokerUnavailable("The broker is down", retry_after=900, sent=self.handles)
            if error := self.refuses.get(user):
                raise error("The broker said no")
        finally:
            self.busy.discard(user)
        issued = self.clock.now()
        ends = issued + self.life if self.life else next_daily(time(6), issued)
        return Token(SecretStr(f"token-{user}-{next(self.numbers):06}"), issued, ends, user)

    def verify(self, token):
        from autologin.flow.base import Verdict, Verification

        if self.is_out():
            return Verification(Verdict.UNKNOWN)
        value = token.access_token.get_secret_value()
        return Verification(
            Verdict.REJECTED if value in self.dead else Verdict.VALID, token.user_id
        )

    def is_out(self):
        return any(start <= self.clock.now() < end for start, end in self.out)


class VirtualClock:
    """Nobody waits: when nothing else can be done, the time is that of the next sleeper."""

    def __init__(self, start):
        self.start, self.passed, self.jumped = start, 0.0, 0.0
        self._sleepers, self._order = [], count()

    def now(self):
        return (self.start + timedelta(seconds=self.passed + self.jumped)).astimezone(UTC)

    def monotonic(self):
        return self.passed

    def jump(self, seconds):
        """The host's clock is set; the monotonic one does not notice."""
        self.jumped += seconds

    async def sleep(self, seconds):
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.passed + max(seconds, 0), next(self._order), woken))
        await woken

    async def until(self, moment):
        """Let the time pass up to a moment."""
        while self.now() < moment:
            await self._settle()
            while self._sleepers and self._sleepers[0][2].done():
                heapq.heappop(self._sleepers)
            left = (moment - self.now()).total_seconds()
            if not self._sleepers or self._sleepers[0][0] - self.passed > left:
                self.passed += left
                break
            when, _, woken = heapq.heappop(self._sleepers)
            self.passed = max(self.passed, when)
            woken.set_result(None)
        await self._settle()

    @staticmethod
    async def _settle():
        await asyncio.sleep(0)
        while asyncio.get_running_loop()._ready:  # noqa: ASYNC110  (whatever is ready goes first)
            await asyncio.sleep(0)


@dataclass
class Vigil:
    """A service that runs by the virtual clock."""

    folder: object
    clock: VirtualClock
    world: World
    service: Service | None = None
    task: asyncio.Task | None = None
    calendar: object = None

    def start(self):
        settings = loader.load(self.folder / "config.yaml", {"HOME": str(self.folder)})
        self.service = Service(
            App.open(settings, self.clock), lambda _own: self.calendar, self.folder / "config.yaml"
        )
        self.task = asyncio.ensure_future(self.service.serve())
        return self.service

    async def until(self, moment, step=timedelta(seconds=30)):
        """Let the time pass; what goes over real sockets and pipes ends within each step."""
        while self.clock.now() < moment:
            await self.clock.until(min(moment, self.clock.now() + step))
            await self.drained()

    async def drained(self):
        """What is on its way to sinks and people now has arrived or failed."""
        await asyncio.gather(*self.service._draining.values(), return_exceptions=True)

    async def stop(self):
        """SIGTERM: it may still finish what it is doing."""
        self.service.stop()
        while not self.task.done():
            await self.clock.until(self.clock.now() + timedelta(seconds=1))
        await self.task
        self.service.store.close()

    async def kill(self):
        """The process is gone in the middle of whatever it did."""

        async def nothing():
            pass

        self.service._wind_up = nothing
        logins = [state.task for state in self.service._accounts.values() if state.task]
        sending = [*self.service._draining.values(), *self.service.notifier._sending]
        tasks = [*logins, *sending, self.task]
        for task in tasks:  # all at once: a service that is asked to end would wait for its logins
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.service.store.close()


def write_config(folder, accounts, more=""):
    one = "{{broker: paper, credentials: {{user_id: {0}, password: secret-{0}}}, sinks: [tokens]}}"
    names = "\n".join(f"  {name}: {one.format(name)}" for name in accounts)
    (folder / "own").mkdir(exist_ok=True)
    (folder / "own" / "paper.py").write_text(FLOW)
    text = "flows_dir: own\nstate: {path: state}\nsinks:\n  tokens: {type: file, path: 'tokens/{account}.json'}\n"
    (folder / "config.yaml").write_text(f"{text}{textwrap.dedent(more)}accounts:\n{names}\n")


def do_at_once(monkeypatch):
    """What is done in threads is done at once: a virtual clock does not know of them."""

    async def at_once(work, *args, **more):
        return work(*args, **more)

    monkeypatch.setattr(asyncio, "to_thread", at_once)
    monkeypatch.setattr(secret_refs, "in_thread", at_once)


@asynccontextmanager
async def vigil(folder, start, accounts=("one",), more="", calendar=None):
    """A service to be started; what is left of it is stopped at the end."""
    from autologin.flow import registry

    clock = VirtualClock(start)
    write_config(folder, accounts, more)
    one = Vigil(folder, clock, World(clock), calendar=calendar)
    loader.load(folder / "config.yaml", {"HOME": str(folder)})
    registry.load("paper").world = one.world
    try:
        yield one
    finally:
        if one.task and not one.task.done():
            await one.kill()
        registry.FLOWS.__path__.remove(str(folder / "own"))
        del sys.modules["autologin.flows.paper"]
