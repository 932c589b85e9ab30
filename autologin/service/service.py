"""`autologin serve`: the walk of `run.py` with a clock, for months, with nobody watching.

Twice a minute, and whenever something is due, it looks at every account: what does this moment of
its window ask for? The answer comes from the store and the clock alone, so a restart, a sleeping
machine and a clock that jumps change nothing.
"""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

from autologin import retry
from autologin import run as runs
from autologin.app import App, dispatcher_of
from autologin.clock import IST, Clock, format_ist
from autologin.config import loader
from autologin.config.schema import Account, Settings
from autologin.delivery.dispatcher import Dispatcher
from autologin.errors import AutologinError, Bug, ConfigError, Problem, StoreError
from autologin.flow.base import Verdict
from autologin.log import event
from autologin.service import schedule
from autologin.service.alerts import CONFIG_REFUSED, MARGIN, AlertRules
from autologin.service.notifier import Notifier
from autologin.service.schedule import Action, Calendar, History, Timetable, Window
from autologin.stages import bugs_told
from autologin.store.records import UntakenNotices
from autologin.store.store import Store

LOOK = 30.0
"""Seconds between two looks at the accounts, at most."""
FIRST_LOOK = 2.0
"""Seconds that the service waits at its start for what sinks say; a slow one delays no login."""
RUNS = 60
"""Runs of a window that are looked at, at most."""


@dataclass
class AccountState:
    """What the service remembers of an account between two looks.

    Nothing that a restart may not lose.
    """

    timetable: Timetable
    verify_due: float = 0.0
    ignore_failures_before: datetime | None = None
    """Runs that failed before this do not count: the config has changed."""
    run_requested: bool = False
    announced_run: datetime | None = None
    unknown_day: date | None = None
    """The last day of which the calendar knew nothing."""
    task: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a run or a check of the token is under way."""
        return self.task is not None and not self.task.done()


@dataclass
class Service:
    """The accounts of one config, looked after."""

    app: App
    load_calendar: Callable[[Path | None], Calendar]
    """Gives the calendar with a user's own days over it."""
    file: Path | None = None
    heartbeat: Callable[[], None] = lambda: None
    """Called at every look: whoever waits for it knows that the service turns."""
    _accounts: dict[str, AccountState] = field(default_factory=dict)
    _draining: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _retiring: asyncio.Task[None] | None = None
    _looking: asyncio.Task[None] | None = None
    _purged_on: date | None = None
    _due: list[datetime] = field(default_factory=list)
    """When something will be due, as far as the last look could see."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _stopping: bool = False

    def __post_init__(self) -> None:
        self.calendar = self.load_calendar(self.settings.calendar.override)
        self._slots = asyncio.Semaphore(self.settings.concurrency)
        self.store.outbox.forget_presence()
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
        """When an account's next window begins."""
        window = self._accounts[account].timetable.next(self.clock.now())
        return window.at if window else None

    def due_now(self, account: str) -> bool:
        """Whether an account's login time has come, and the market is open or to open."""
        return self._accounts[account].timetable.current(self.clock.now()) is not None

    def due_today(self, account: str) -> bool:
        """Whether an account's login time has come, or comes later today."""
        next_run = self.next_run(account)
        today = self.clock.now().astimezone(IST).date()
        return self.due_now(account) or (
            next_run is not None and next_run.astimezone(IST).date() == today
        )

    def untaken_notices(self) -> list[UntakenNotices]:
        """What people were to be told and have not taken yet."""
        return self.notifier.untaken()

    def running(self, account: str) -> bool:
        """Whether a run of an account is under way here."""
        return self._accounts[account].is_busy

    async def run_now(self, account: str) -> None:
        """Run an account as soon as there is a free slot."""
        self._accounts[account].run_requested = True
        self._wake.set()

    async def unblock(self, account: str) -> bool:
        """Forget what was refused of an account; gives whether there was anything."""
        return await self.app.unblock(self.settings.accounts[account])

    # Its life

    async def serve(self) -> None:
        """Look after the accounts until `stop` is called.

        Then let what is under way end, within the config's time.
        """
        event("serving", accounts=", ".join(self._accounts))
        self._looking = asyncio.ensure_future(self._look_at_sinks())
        await asyncio.wait([self._looking], timeout=FIRST_LOOK)
        try:
            while not self._stopping:
                self._wake.clear()
                self.heartbeat()
                try:
                    self._look()
                except StoreError as error:  # full or locked, perhaps for a moment: look again
                    event("store_failed", level="ERROR", message=error.detail, hint=error.hint)
                except AutologinError as error:
                    event("failed", level="ERROR", error=error.name, message=error.message)
                await self._pause()
        finally:
            await self._wind_up()
            event("stopped")

    def stop(self) -> None:
        """Begin nothing more, and end."""
        self._stopping = True
        self._wake.set()

    def reload(self) -> None:
        """Take over the config file as it is now.

        One that cannot be used is logged and left alone.
        """
        try:
            settings, self.calendar = self._load_config()
        except ConfigError as error:
            for problem in error.problems:
                event(
                    "config_refused",
                    level="ERROR",
                    key=problem.key,
                    message=problem.message,
                    hint=problem.hint,
                )
            self._alert_rules.report_refused_config(error)
            self._wake.set()
            return
        if (
            settings.state.path != self.settings.state.path
            or settings.http.listen != self.settings.http.listen
        ):
            event(
                "restart_needed",
                level="WARNING",
                message="state and http.listen are taken over at the next start",
            )
        retire = self._retire(self.app.dispatcher, self.notifier, self._under_way())
        self._retiring = asyncio.ensure_future(retire)
        dispatcher = dispatcher_of(settings, self.store, self.clock)
        self.app = replace(self.app, settings=settings, dispatcher=dispatcher)
        self._set_up()
        event("config_reloaded", accounts=", ".join(self._accounts))
        self._looking = asyncio.ensure_future(self._look_at_sinks())
        self._wake.set()

    def _load_config(self) -> tuple[Settings, Calendar]:
        try:
            with bugs_told():
                settings = loader.load(self.file)
                return settings, self.load_calendar(settings.calendar.override)
        except Bug as bug:
            raise ConfigError(Problem("config", bug.detail, bug.hint)) from None

    async def _retire(
        self, dispatcher: Dispatcher, notifier: Notifier, users: list[asyncio.Task[None]]
    ) -> None:
        """Close what a former config's sinks keep open, once nobody uses it.

        Its accounts may be gone.
        """
        await asyncio.gather(*users, return_exceptions=True)
        await dispatcher.close()
        await notifier.close()

    def _under_way(self) -> list[asyncio.Task[None]]:
        """Runs and deliveries, those of former configs too."""
        tasks = [state.task for state in self._accounts.values() if state.task]
        tasks += self._draining.values()
        return [*tasks, *(task for task in (self._retiring, self._looking) if task)]

    def _set_up(self) -> None:
        """Make what follows from the config.

        What is known of accounts that were there before stays.
        """
        self.notifier = Notifier(self.settings, self.store, self.clock)
        self.notifier.forget_gone()
        self._alert_rules = AlertRules(self.notifier, self.store)
        self.notifier.recover("", [CONFIG_REFUSED, Bug.name])
        former = self._accounts
        self._accounts = {}
        for name, account in self.settings.accounts.items():
            times = self.settings.schedule_for(account)
            timetable = Timetable(
                name, times, account.segments, self.settings.timezone, self.calendar
            )
            state = AccountState(timetable)
            if name in former:
                now = self.clock.now()
                state = replace(
                    former[name],
                    timetable=timetable,
                    ignore_failures_before=now,
                    announced_run=None,
                )
            self._accounts[name] = state

    async def _pause(self) -> None:
        asleep = asyncio.ensure_future(self.clock.sleep(self._until_next()))
        awake = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait([asleep, awake], return_when=asyncio.FIRST_COMPLETED)
        finally:
            asleep.cancel()
            awake.cancel()

    def _until_next(self) -> float:
        now = self.clock.now()
        waits = [(moment - now).total_seconds() for moment in self._due if moment > now]
        return max(0.05, min([*waits, LOOK]))

    async def _wind_up(self) -> None:
        under_way = self._under_way()
        self.app.stop_by = self.clock.monotonic() + self.settings.stop_timeout
        if under_way:
            patience = asyncio.ensure_future(self.clock.sleep(self.settings.stop_timeout))
            ended = asyncio.ensure_future(self._finish(under_way))
            tasks = [*under_way, ended, patience]
            await asyncio.wait([ended, patience], return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self.app.close()
        await self.notifier.close()

    async def _finish(self, under_way: list[asyncio.Task[None]]) -> None:
        """Let what is under way end, and tell people how it ended."""
        await asyncio.gather(*under_way, return_exceptions=True)
        await self.notifier.dispatcher.drain(self.notifier.settle(), seconds=0)

    # One look

    def _look(self) -> None:
        now = self.clock.now()
        if self._purged_on != now.date():
            self._purged_on = now.date()
            with self._bugs_contained():
                self.app.purge()
        self._due = []
        for name, state in self._accounts.items():
            with self._bugs_contained(name):
                self._look_at(name, state, now)
        with self._bugs_contained():
            self._deliver(now)

    @contextmanager
    def _bugs_contained(self, account: str = "") -> Iterator[None]:
        """Let a mistake of ours end only what is done inside, and tell people of it once."""
        try:
            with bugs_told():
                yield
        except Bug as bug:
            try:
                self._alert_rules.report_bug(account, bug)
            except Exception as another:  # noqa: BLE001  (else the mistake that it tells of would end the service)
                event("failed", level="ERROR", account=account, message=bug.message)
                event("failed", level="ERROR", message=Bug.of(another).message)

    def _look_at(self, name: str, state: AccountState, now: datetime) -> None:
        window = state.timetable.current(now)
        following = state.timetable.next(now)
        self._announce(name, state, window, following)
        if following:
            self._due.append(following.at)
        if state.run_requested and not state.is_busy:
            state.run_requested = False
            self._begin(name, "login")
        if window:
            self._work_in(name, state, window, now)

    def _work_in(self, name: str, state: AccountState, window: Window, now: datetime) -> None:
        """Do what a moment of a window asks for, and tell of what is late."""
        history = self._history(name, window)
        if not state.is_busy:
            action = schedule.next_action(now, window, history, self.settings.watch)
            if action:
                self._begin(name, action)
            elif history.stored and self._verify_is_due(state):
                self._start(name, self._verify if window.opens <= now else self._ask_sinks)
        if history.unanswered >= retry.UNSETTLED and schedule.retry_at(history, now):
            self._alert_rules.report_no_answer(name, window, history.unanswered)
        if not history.has_verified_token(window, now):
            if not state.is_busy:
                self._alert_rules.check_last_run(name, window, history)
            self._alert_rules.check_readiness(name, window, history, now)
        elif not state.is_busy:
            self._alert_rules.end_login_alerts(name)
        self._due += _moments(window, history, now)

    def _history(self, name: str, window: Window) -> History:
        start = self._accounts[name].ignore_failures_before
        since_window = self.store.history.runs(name, RUNS, window.at)
        counted = [
            run for run in since_window if schedule.is_good(run) or not start or run.began >= start
        ]
        unanswered = self.store.attempts.unanswered(name, window.at)
        return History(self.store.tokens.get(name), counted, unanswered)

    @staticmethod
    def _announce(
        name: str, state: AccountState, window: Window | None, following: Window | None
    ) -> None:
        at = following.at if following else None
        if at != state.announced_run:
            state.announced_run = at
            event("next_run", account=name, at=format_ist(at) if at else "never")
        if window and not window.certain and state.unknown_day != window.at.date():
            state.unknown_day = window.at.date()
            detail = "nobody knows whether the market trades; logging in"
            event("calendar_unknown", level="WARNING", account=name, message=detail)

    def _verify_is_due(self, state: AccountState) -> bool:
        now = self.clock.monotonic()
        if state.verify_due > now:
            return False
        first = not state.verify_due
        every = self.settings.watch.verify_every
        state.verify_due = now + every * random.uniform(0.9, 1.1)  # noqa: S311  (it only spreads calls)
        return not first

    # What is done

    def _begin(self, name: str, action: Action) -> None:
        self._start(name, lambda account: self._run(account, action))

    def _start(self, name: str, work: Callable[[Account], Coroutine[None, None, None]]) -> None:
        account = self.settings.accounts[name]
        self._accounts[name].task = asyncio.ensure_future(self._in_slot(account, work))

    async def _in_slot(
        self, account: Account, work: Callable[[Account], Coroutine[None, None, None]]
    ) -> None:
        """Work on an account once there is a free slot.

        Nothing that goes wrong ends the service.
        """
        try:
            async with self._slots:
                with self._bugs_contained(account.name):
                    await work(account)
        except AutologinError as error:
            event(
                "failed",
                level="ERROR",
                account=account.name,
                error=error.name,
                message=error.detail,
            )
        finally:
            await self._stop_idle_driver(account.name)
            self._wake.set()

    async def _stop_idle_driver(self, name: str) -> None:
        """Chromium's driver runs only while a login does."""
        others = (state for other, state in self._accounts.items() if other != name)
        if self.app.driver.started and not any(state.is_busy for state in others):
            with suppress(Exception):
                await self.app.driver.stop()
            gc.collect()  # a login leaves megabytes in cycles, which Python would keep for days

    async def _run(self, account: Account, action: Action) -> None:
        outcome = await runs.run_account(self.app, account, force=action == "renew")
        good = outcome.outcome != "failed"
        self.notifier.ping(good=good)
        if good:
            self._accounts[account.name].verify_due = 0.0
        window = self._accounts[account.name].timetable.current(self.clock.now())
        self._alert_rules.check_outcome(account.name, outcome, window.at if window else None)

    async def _verify(self, account: Account) -> None:
        answer = await runs.verify_stored(self.app, account)
        if answer.verdict is Verdict.REJECTED:
            relogin = self.settings.watch.relogin
            self._alert_rules.report_rejected_token(account.name, answer.detail, relogin=relogin)

    async def _ask_sinks(self, account: Account) -> None:
        await self.app.dispatcher.look(account.name, account.broker, account.sinks)

    async def _look_at_sinks(self) -> None:
        """Ask every sink whether it still holds what it was given; what is gone goes out again."""
        looks = map(self._ask_sinks, self.settings.accounts.values())
        for failed in await asyncio.gather(*looks, return_exceptions=True):
            if isinstance(failed, Exception):
                error = failed if isinstance(failed, AutologinError) else Bug.of(failed)
                event("failed", level="ERROR", error=error.name, message=error.detail)
        self._wake.set()

    def _deliver(self, now: datetime) -> None:
        outbox = self.store.outbox
        for sink in outbox.outstanding():
            due = self.app.dispatcher.next_due(sink)
            if due and due <= now:
                self._drain(self.app.dispatcher, sink)
            elif due:
                self._due.append(due)
        for name in self._accounts:
            sinks = self.settings.accounts[name].sinks
            self._alert_rules.check_deliveries(name, sinks, now)
        for way in self.notifier.settle():
            self._drain(self.notifier.dispatcher, way)
        self._due += self.notifier.next_due()

    def _drain(self, dispatcher: Dispatcher, name: str) -> None:
        """Deliver what is due at a sink, or on a way to people, unless that is under way."""
        former = self._draining.get(name)
        if former is None or former.done():
            self._draining[name] = asyncio.ensure_future(_drain_what_is_due(dispatcher, name))


async def _drain_what_is_due(dispatcher: Dispatcher, name: str) -> None:
    try:
        with bugs_told():
            await dispatcher.drain([name], seconds=0)
    except StoreError as error:  # the next look tries again
        event("store_failed", level="ERROR", message=error.detail, hint=error.hint)
    except AutologinError as error:
        event("failed", level="ERROR", error=error.name, message=error.message)


def _moments(window: Window, history: History, now: datetime) -> list[datetime]:
    """When something may be due in a window."""
    moments: list[datetime | None] = [window.opens, window.ready_by - MARGIN, window.ready_by]
    if history.runs and not history.has_verified_token(window, now):
        moments.append(schedule.retry_at(history, now))
    if history.stored:
        moments.append(schedule.renew_at(window, history.stored))
    return [moment for moment in moments if moment]
