"""Four hundred days of twenty accounts by a virtual clock: real runs, a real store, a broker that fails as brokers do.

Nothing is proven of the network here. What is proven is the service's own promise: at every opening of the market that a
login could have made possible each account has a valid token, there are never two logins of one account at once, and each
cause is told once: to a receiver that is always there, and to one that is down at the wrong hours.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

import pytest
from loguru import logger
from support.service import Weekdays, do_at_once, vigil

from autologin.clock import IST
from autologin.config import overrides
from autologin.errors import NoticeFailed
from autologin.message import ALERT
from autologin.service import service, ways

OPENS = time(9, 15)
BACK = timedelta(hours=1, minutes=45)


class Year(NamedTuple):
    """From when, for how many days, with how many accounts, and when they log in by their zone's clocks."""

    zone: str
    start: date
    days: int
    accounts: int
    at: str
    ready_by: str


IN_INDIA = Year("Asia/Kolkata", date(2026, 1, 1), 400, 20, "08:15", "09:00")
SAMPLE = Year("Asia/Kolkata", date(2026, 9, 1), 120, 8, "08:15", "09:00")
"""What is lived through where the environment does not say YEARS=all."""
IN_LONDON = Year("Europe/London", date(2026, 10, 1), 200, 4, "02:45", "03:30")
"""Summer time ends and begins; 02:45 is 07:15 in India by the one and 08:15 by the other."""


@pytest.fixture(autouse=True)
def _quiet(monkeypatch, tmp_path):
    do_at_once(monkeypatch)
    monkeypatch.setattr(os, "fsync", lambda _file: None)  # no power is cut here
    monkeypatch.setattr(sqlite3, "connect", unsynced(sqlite3.connect))
    monkeypatch.setattr(overrides, "SECRETS_FOLDER", tmp_path / "no-secrets")
    monkeypatch.setattr(service, "LOOK", 6 * 3600.0)  # what is due wakes it all the same
    logger.disable("autologin")
    yield
    logger.enable("autologin")


def unsynced(connect):
    """SQLite that trusts the operating system, which halves the time of this test."""

    class Connection(sqlite3.Connection):
        def execute(self, sql, *values):
            return super().execute(
                "PRAGMA synchronous = OFF" if sql == "PRAGMA synchronous = FULL" else sql, *values
            )

    return lambda *args, **more: connect(*args, factory=Connection, **more)


@dataclass
class Receivers:
    """Two receivers of notices, and what they took, in order; the second is away between the moments in `out`."""

    steady: list = field(default_factory=list)
    shaky: list = field(default_factory=list)
    out: list = field(default_factory=list)
    refused: int = 0
    begun: bool = False
    """Whether every account has logged in once."""
    chance: random.Random = field(default_factory=lambda: random.Random("receivers"))

    def is_out(self, moment):
        return any(start <= moment < end for start, end in self.out)

    def sleep_in(self, day):
        """Most days the second one is away when it matters, and back at eleven at the latest."""
        self.out = []
        if self.chance.random() < 0.8:
            start = opening(day) - timedelta(minutes=self.chance.randint(20, 120))
            hours = self.chance.choice((0.5, 1, 2, 3))
            self.out = [(start, min(start + timedelta(hours=hours), opening(day) + BACK))]


@pytest.fixture
def told(monkeypatch):
    """Who is told."""
    both = Receivers()

    async def take(_sink, message):
        both.steady.append(message)

    async def take_perhaps(sink, message):
        if both.is_out(sink._now()):
            both.refused += 1
            raise NoticeFailed("nobody is there")
        both.shaky.append(message)

    monkeypatch.setattr(ways._CommandSink, "send", take)
    monkeypatch.setattr(ways._UrlSink, "send", take_perhaps)
    return both


def opening(day):
    return datetime.combine(day, OPENS, IST)


def outages(chance, day):
    """Some days the broker is not there for a while; some days not before the market opens.

    In the middle of a month its morning is bad for so long that people are told.
    """
    if day.day in {14, 15, 16}:
        return [(opening(day) - timedelta(minutes=65), opening(day) - timedelta(minutes=10))]
    if chance.random() > 0.2:
        return []
    start = opening(day) - timedelta(minutes=chance.randint(0, 90))
    return [(start, start + timedelta(minutes=chance.choice((1, 5, 20, 45, 90))))]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "year",
    [IN_INDIA if os.environ.get("YEARS") == "all" else SAMPLE, IN_LONDON],
    ids=lambda year: year.zone,
)
async def test_every_opening_that_could_be_reached(tmp_path, told, year):
    chance = random.Random(year.zone)
    holidays = {
        year.start + timedelta(days=chance.randrange(year.days)) for _ in range(year.days // 20)
    }
    calendar = Weekdays(holidays, until=year.start + timedelta(days=year.days - 30))
    names = [f"account{number:02}" for number in range(year.accounts)]
    schedule = f"schedule: {{at: '{year.at}', ready_by: '{year.ready_by}'}}\n"
    notify = "notify: {urls: ['json://receiver.example'], command: tell}\n"
    more = (
        f"timezone: {year.zone}\nwatch: {{verify_every: 24h}}\nconcurrency: 5\n{schedule}{notify}"
    )
    async with vigil(
        tmp_path, datetime.combine(year.start, time(0), IST), names, more, calendar
    ) as one:
        one.start()
        missed = [
            miss
            for number in range(year.days)
            async for miss in lived(one, chance, year.start + timedelta(days=number), told)
        ]
        blocks = [one.service.store.attempts.current_block(name) for name in names]
    assert missed == []
    assert blocks == [None] * len(names)
    assert one.world.overlaps == 0
    assert once_each(told.steady)
    assert told.refused
    assert each_opening_once(told.shaky)
    assert len(told.shaky) < len(told.steady)
    assert (
        max(Counter((user, at.astimezone(IST).date()) for user, at in one.world.logins).values())
        < 20
    )


async def lived(one, chance, day, told):
    """Live through a day; gives the accounts that missed an opening which they could have had, or a notice."""
    one.world.out = outages(chance, day)
    # In the middle of the month the broker takes each call and answers 502; else perhaps. What was
    # never right would be blocked by that, so not before everybody has logged in once.
    told.begun |= all(one.service.store.tokens.get(name) for name in one.service.settings.accounts)
    one.world.handles = told.begun and (day.day in {14, 15, 16} or chance.random() < 0.5)
    told.sleep_in(day)
    await disturbances(one, chance, day)
    await one.clock.until(opening(day))
    if one.calendar.is_trading_day(day, ["equity"]) is not False and reachable(one, day):
        for name in one.service.settings.accounts:
            if not valid(one, name):
                yield day, name
    await one.clock.until(opening(day) + timedelta(hours=9))
    for account, cause in one.service.store.alerts.open():
        for taken in (told.steady, told.shaky):
            if not is_known(taken, account, cause):
                yield day, account, cause


async def disturbances(one, chance, day):
    """Restarts at random moments of the morning, and a host's clock that is set and comes right again."""
    morning = datetime.combine(day, time(7), IST)
    for _ in range(chance.choice((0, 0, 0, 1, 2))):
        await one.clock.until(morning + timedelta(seconds=chance.randrange(7200)))
        await (one.kill() if chance.random() < 0.5 else one.stop())
        shutil.rmtree(one.folder / "tokens", ignore_errors=True)  # they were in memory
        one.start()
    if chance.random() < 0.1:
        hours = chance.choice((-3, -1, 1, 3)) * 3600
        one.clock.jump(hours)
        one.service._wake.set()
        await one.clock.until(one.clock.now() + timedelta(minutes=1))
        one.clock.jump(-hours)
        one.service._wake.set()


def valid(one, name):
    """Whether there is a token, and its file holds it."""
    stored = one.service.store.tokens.get(name)
    if stored is None or stored.token.expired(one.clock.now()):
        return False
    file = one.folder / "tokens" / f"{name}.json"
    return file.exists() and stored.token.access_token.get_secret_value() in file.read_text()


def reachable(one, day):
    """Whether the broker was there for long enough before the opening.

    A retry comes after five minutes at the latest; after a quarter of an hour where answers are lost.
    """
    begins = max(datetime.combine(day, time(8, 15), IST), opening(day) - timedelta(hours=1))
    spare = opening(day) - begins
    for start, end in one.world.out:
        spare = (
            min(spare, opening(day) - min(max(end, begins), opening(day)))
            if start < opening(day)
            else spare
        )
    return spare > timedelta(minutes=18 if one.world.handles else 8)


def once_each(notices):
    """Whether no cause was told a second time on a day before it was told that it is over."""
    open_ones = set()
    today = None
    for notice in notices:
        keys = keys_of(notice)
        if notice.at.astimezone(IST).date() != today:
            today = notice.at.astimezone(IST).date()
            told_today = set()
        if notice.type == ALERT:
            if keys & told_today:
                return False
            told_today |= keys
            open_ones |= keys
        elif keys <= open_ones:
            open_ones -= keys
            told_today -= keys
        else:
            return False
    return True


def each_opening_once(notices):
    """Whether nothing was told twice, and nothing was told to be over that had not been told."""
    known = set()
    for notice in notices:
        if notice.type != ALERT and not keys_of(notice) <= known:
            return False
        known = known | keys_of(notice) if notice.type == ALERT else known - keys_of(notice)
    return len({notice.id for notice in notices}) == len(notices)


def is_known(notices, account, cause):
    """Whether the newest notice of a cause says that it is there."""
    of_it = [one for one in notices if (account, cause) in keys_of(one)]
    return bool(of_it) and of_it[-1].type == ALERT


def keys_of(notice):
    return {(notice.account, cause) for cause in notice.data["causes"]}
