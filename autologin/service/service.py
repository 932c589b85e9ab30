"""`autologin serve`: the walk of `run.py` with a clock, for months, with nobody watching.

Twice a minute, and whenever something is due, it looks at every account: what does this moment of its plan ask for? The
answer comes from the store and the clock alone, so a restart, a sleeping machine and a clock that jumps change nothing.
"""

from __future__ import annotations

import asyncio
import gc
import random
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from autologin import run as walk
from autologin.cli import render
from autologin.clock import IST
from autologin.config import loader
from autologin.delivery.dispatcher import Dispatcher
from autologin.errors import AutologinError, ConfigError, NeedsPerson, Rejected
from autologin.flow.base import Verdict
from autologin.log import event
from autologin.service import schedule
from autologin.service.notifier import Teller
from autologin.service.schedule import Known, Plan, Timetable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from autologin.app import App
    from autologin.clock import Clock
    from autologin.config.schema import Account, Settings
    from autologin.run import Outcome
    from autologin.service.schedule import Action, Calendar
    from autologin.store.store import Store

LOOK = 30.0
"""Seconds between two looks at the accounts, at most."""
MARGIN = timedelta(minutes=10)
"""Before `ready_by`: when it is told that an account has no token yet, while there is time to act."""
RUNS = 60
"""Runs of a plan that are looked at, at most."""
UNDELIVERED = timedelta(minutes=2)
"""How long a sink may be owed a token before somebody is told."""


@dataclass
class Watched:
    """What the service remembers of an account between two looks; nothing that a restart may not lose."""

    table: Timetable
    verify_due: float = 0.0
    since: datetime | None = None
    """Runs that failed before this do not count: the config has changed."""
    asked: bool = False
    """Whether somebody asked for a run now."""
    announced: datetime | None = None
    unknown: date | None = None
    """The last day of which the calendar knew nothing."""
    work: asyncio.Task[None] | None = None


@dataclass
class Service:
    """The accounts of one config, looked after."""

    app: App
    calendars: Callable[[Path | None], Calendar]
    """The calendar with a user's own days over it."""
    file: Path | None = None
    beat: Callable[[], None] = lambda: None
    """Called at every look: whoever waits for it knows that the service turns."""
    _accounts: dict[str, Watched] = field(default_factory=dict)
    _draining: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _retiring: asyncio.Task[None] | None = None
    _purged: date | None = None
    _due: list[datetime] = field(default_factory=list)
    """When something will be due, as far as the last look could see."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _stopping: bool = False

    def __post_init__(self) -> None:
        self.calendar = self.calendars(self.settings.calendar.override)
        self._places = asyncio.Semaphore(self.settings.concurrency)
        self.teller = Teller(self.settings, self.store.alerts)
        self._set_up()

    # What others see

    @property
    def settings(self) -> Settings:
        """The config as it is now."""
        return self.app.settings

    @property
    def store(self) -> Store:
        """The store."""
        return self.app.store

    @property
    def clock(self) -> Clock:
        """The clock."""
        return self.app.clock

    def next_run(self, account: str) -> datetime | None:
        """When an account's next plan begins."""
        plan = self._accounts[account].table.next(self.clock.now())
        return plan.at if plan else None

    def due_now(self, account: str) -> bool:
        """Whether an account's login time has come, and the market is open or to open."""
        return self._accounts[account].table.current(self.clock.now()) is not None

    def due_today(self, account: str) -> bool:
        """Whether an account's login time has come, or comes later today."""
        now, plan = self.clock.now(), self._accounts[account].table.next(self.clock.now())
        return self.due_now(account) or (plan is not None and plan.at.astimezone(IST).date() == now.astimezone(IST).date())

    def running(self, account: str) -> bool:
        """Whether a run of an account is under way here."""
        work = self._accounts[account].work
        return work is not None and not work.done()

    async def run_now(self, account: str) -> None:
        """Run an account as soon as there is a place."""
        self._accounts[account].asked = True
        self._wake.set()

    # Its life

    async def serve(self) -> None:
        """Look after the accounts until `stop` is called; then let what is under way end, within the config's time."""
        event("serving", accounts=", ".join(self._accounts))
        try:
            while not self._stopping:
                self._wake.clear()
                self.beat()
                self._look()
                await self._pause()
        finally:
            await self._wind_up()
            event("stopped")

    def stop(self) -> None:
        """Begin nothing more, and end."""
        self._stopping = True
        self._wake.set()

    def reload(self) -> None:
        """Take over the config file as it is now; one that cannot be used is told and left alone."""
        try:
            settings = loader.load(self.file)
            self.calendar = self.calendars(settings.calendar.override)
        except ConfigError as error:
            for problem in error.problems:
                event("config_refused", level="ERROR", key=problem.key, message=problem.message, hint=problem.hint)
            return
        if settings.state.path != self.settings.state.path or settings.http.listen != self.settings.http.listen:
            event("restart_needed", level="WARNING", message="state and http.listen are taken over at the next start")
        self._retiring = asyncio.ensure_future(self._retire(self.app.dispatcher, self._under_way()))
        post = Dispatcher(settings.sinks, settings.place, self.store, self.clock)
        self.app = replace(self.app, settings=settings, dispatcher=post)
        self.teller = Teller(settings, self.store.alerts)
        self._set_up()
        event("config_reloaded", accounts=", ".join(self._accounts))
        self._wake.set()

    async def _retire(self, post: Dispatcher, users: list[asyncio.Task[None]]) -> None:
        """Close what the sinks of a former config keep open, once nobody uses it; its accounts may be gone from the new one."""
        await asyncio.gather(*users, return_exceptions=True)
        await post.close()

    def _under_way(self) -> list[asyncio.Task[None]]:
        """Runs and deliveries, those of former configs too."""
        working = [one.work for one in self._accounts.values() if one.work]
        return [*working, *self._draining.values(), *([self._retiring] if self._retiring else [])]

    def _set_up(self) -> None:
        former, now = self._accounts, self.clock.now()
        self._accounts = {}
        for name, account in self.settings.accounts.items():
            times = self.settings.schedule_for(account)
            table = Timetable(name, times, account.segments, self.settings.timezone, self.calendar)
            known = former.get(name)
            self._accounts[name] = replace(known, table=table, since=now, announced=None) if known else Watched(table)

    async def _pause(self) -> None:
        asleep = asyncio.ensure_future(self.clock.sleep(self._until_next()))
        awake = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait([asleep, awake], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in (asleep, awake):
                one.cancel()

    def _until_next(self) -> float:
        now = self.clock.now()
        waits = [(moment - now).total_seconds() for moment in self._due if moment > now]
        return max(0.05, min([*waits, LOOK]))

    async def _wind_up(self) -> None:
        under_way = self._under_way()
        if under_way:
            patience = asyncio.ensure_future(self.clock.sleep(self.settings.stop_timeout))
            ended = asyncio.gather(*under_way, return_exceptions=True)
            tasks: list[asyncio.Future[Any]] = [ended, patience]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in (*under_way, patience):
                task.cancel()
            await asyncio.gather(*under_way, patience, return_exceptions=True)
        await self.app.close()
        await self.teller.close()

    # One look

    def _look(self) -> None:
        now = self.clock.now()
        if self._purged != now.date():
            self._purged = now.date()
            self.app.purge()
        self._due = []
        for name, watched in self._accounts.items():
            self._look_at(name, watched, now)
        self._deliver(now)

    def _look_at(self, name: str, watched: Watched, now: datetime) -> None:
        plan, following = watched.table.current(now), watched.table.next(now)
        self._announce(name, watched, plan, following)
        self._due += [following.at] if following else []
        if plan:
            known = self._known(name, plan)
            self._act(name, watched, plan, known, now)
            self._mind_readiness(name, plan, known, now)
            self._due += _moments(plan, known, now)
        elif watched.asked and not self.running(name):
            watched.asked = False
            self._begin(name, "login")

    def _act(self, name: str, watched: Watched, plan: Plan, known: Known, now: datetime) -> None:
        if self.running(name):
            return
        if watched.asked:
            watched.asked = False
            self._begin(name, "login")
        elif action := schedule.wanted(now, plan, known, self.settings.watch):
            self._begin(name, action)
        elif known.stored and plan.opens <= now and self._verify_is_due(watched):
            self._start(name, self._verify)

    def _known(self, name: str, plan: Plan) -> Known:
        since, runs = self._accounts[name].since, self.store.runs(name, RUNS, plan.at)
        return Known(self.store.token(name), [run for run in runs if schedule.good(run) or not since or run.began >= since])

    @staticmethod
    def _announce(name: str, watched: Watched, plan: Plan | None, following: Plan | None) -> None:
        at = following.at if following else None
        if at != watched.announced:
            watched.announced = at
            event("next_run", account=name, at=render.local(at) if at else "never")
        if plan and not plan.certain and watched.unknown != plan.at.date():
            watched.unknown = plan.at.date()
            event(
                "calendar_unknown", level="WARNING", account=name, message="nobody knows whether the market trades; logging in"
            )

    def _verify_is_due(self, watched: Watched) -> bool:
        now = self.clock.monotonic()
        if watched.verify_due > now:
            return False
        first = not watched.verify_due
        every = self.settings.watch.verify_every
        watched.verify_due = now + every * random.uniform(0.9, 1.1)  # noqa: S311  (it only spreads calls)
        return not first

    # What is done

    def _begin(self, name: str, action: Action) -> None:
        self._start(name, lambda account: self._run(account, action))

    def _start(self, name: str, work: Callable[[Account], Coroutine[None, None, None]]) -> None:
        account = self.settings.accounts[name]
        self._accounts[name].work = asyncio.ensure_future(self._placed(account, work))

    async def _placed(self, account: Account, work: Callable[[Account], Coroutine[None, None, None]]) -> None:
        try:
            async with self._places:
                await work(account)
        except AutologinError as error:
            event("failed", level="ERROR", account=account.name, error=error.name, message=error.detail)
        except Exception as bug:  # noqa: BLE001  (one account's mistake must not end the service for the others)
            event("failed", level="ERROR", account=account.name, message=f"{type(bug).__name__}, a mistake in autologin")
        finally:
            await self._leave_no_driver(account.name)
            self._wake.set()

    async def _leave_no_driver(self, name: str) -> None:
        """Chromium's driver runs only while a login does."""
        if self.app.driver.started and not any(self.running(other) for other in self._accounts if other != name):
            with suppress(Exception):
                await self.app.driver.stop()
            gc.collect()  # a login leaves megabytes in cycles, which Python itself would not look at for days

    async def _run(self, account: Account, action: Action) -> None:
        outcome = await walk.one(self.app, account, force=action == "renew")
        self.teller.ping(good=outcome.outcome != "failed")
        if outcome.outcome == "failed":
            self._tell_failure(account.name, outcome)
        else:
            self._accounts[account.name].verify_due = 0.0
            self.teller.over(account.name, self._about_logins(account.name))

    async def _verify(self, account: Account) -> None:
        answer = await walk.verify_stored(self.app, account)
        if answer.verdict is Verdict.REJECTED:
            again = "autologin logs in again." if self.settings.watch.relogin else "Run it again, or set watch.relogin."
            detail = (
                f"The broker refuses the token; somebody may have logged in elsewhere ({answer.detail or 'no words'}). {again}"
            )
            self.teller.alert(account.name, "token_rejected", detail)

    def _tell_failure(self, name: str, outcome: Outcome) -> None:
        """Tell at once what needs a person; everything else may fix itself until it is late."""
        error = outcome.error
        if isinstance(error, NeedsPerson | Rejected | ConfigError):
            self.teller.alert(name, error.name, error.message, image=error.bundle and error.bundle / "screenshot.png")

    def _about_logins(self, name: str) -> list[str]:
        return [cause for cause in self.store.alerts.of(name) if not cause.startswith("sink ")]

    def _mind_readiness(self, name: str, plan: Plan, known: Known, now: datetime) -> None:
        """Tell that an account is late, and that it is too late."""
        if known.proven(plan, now):
            if not self.running(name):
                self.teller.over(name, self._about_logins(name))
            return
        why = next((run.message for run in known.runs if run.message), "No run has come to an end yet.")
        if plan.ready_by - MARGIN <= now < plan.closes:
            self.teller.alert(name, "late", f"No proven token yet, and it is due at {render.local(plan.ready_by)}. {why}")
        if plan.ready_by <= now < plan.closes:
            self.teller.alert(name, "not_ready", f"No proven token at {render.local(plan.ready_by)}. {why}")

    def _deliver(self, now: datetime) -> None:
        outbox = self.store.outbox
        for sink in outbox.outstanding():
            busy = self._draining.get(sink)
            due = outbox.next_due(sink)
            if (busy is None or busy.done()) and due and due <= now:
                self._draining[sink] = asyncio.ensure_future(self.app.dispatcher.drain([sink], seconds=0))
        for name in self._accounts:
            self._mind_deliveries(name, now)

    def _mind_deliveries(self, name: str, now: datetime) -> None:
        for one in self.store.outbox.of(name):
            cause = f"sink {one.sink}"
            if one.outcome == "delivered":
                self.teller.over(name, [cause])
            elif one.outcome is None and one.tries and one.error and now - self._owed_since(one.about, now) >= UNDELIVERED:
                self.teller.alert(name, cause, f"{one.sink} has not got its {one.type}: {one.error}")

    @staticmethod
    def _owed_since(about: str, now: datetime) -> datetime:
        try:
            return datetime.fromisoformat(about)
        except ValueError:
            return now


def _moments(plan: Plan, known: Known, now: datetime) -> list[datetime]:
    """When something may be due in a plan."""
    again = schedule.again_at(known.runs) if known.runs and not known.proven(plan, now) else None
    renew = schedule.renew_at(plan, known.stored) if known.stored else None
    return [plan.opens, plan.ready_by - MARGIN, plan.ready_by, *filter(None, (again, renew))]
