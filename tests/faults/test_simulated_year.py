"""Four hundred days of twenty accounts by a virtual clock: real runs, a real store, a broker that fails as brokers do.

Nothing is proven of the network here. What is proven is the service's own promise: at every opening of the market that a
login could have made possible each account has a valid token, there are never two logins of one account at once, and each
cause is told once.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
from collections import Counter
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

import pytest
from loguru import logger
from support.service import Weekdays, vigil

from autologin.clock import IST
from autologin.config import overrides
from autologin.service import notifier, service

OPENS = time(9, 15)


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
    async def at_once(work, *args, **more):
        return work(*args, **more)

    monkeypatch.setattr(asyncio, "to_thread", at_once)
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


@pytest.fixture
def told(monkeypatch):
    """Every notice, in order."""
    found = []
    monkeypatch.setattr(
        notifier.Notifier, "_send", lambda _self, notice, _image: found.append(notice)
    )
    return found


def opening(day):
    return datetime.combine(day, OPENS, IST)


def outages(chance, day):
    """Some days the broker is not there for a while; some days not before the market opens."""
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
    more = f"timezone: {year.zone}\nwatch: {{verify_every: 24h}}\nconcurrency: 5\n{schedule}"
    async with vigil(
        tmp_path, datetime.combine(year.start, time(0), IST), names, more, calendar
    ) as one:
        one.start()
        missed = [
            miss
            for number in range(year.days)
            async for miss in lived(one, chance, year.start + timedelta(days=number))
        ]
    assert missed == []
    assert one.world.overlaps == 0
    assert once_each(told)
    assert (
        max(Counter((user, at.astimezone(IST).date()) for user, at in one.world.logins).values())
        < 20
    )


async def lived(one, chance, day):
    """Live through a day; gives the accounts that missed an opening which they could have had."""
    one.world.out = outages(chance, day)
    await disturbances(one, chance, day)
    await one.clock.until(opening(day))
    if one.calendar.is_trading_day(day, ["equity"]) is not False and reachable(one, day):
        for name in one.service.settings.accounts:
            if not valid(one, name):
                yield day, name
    await one.clock.until(opening(day) + timedelta(hours=9))


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
    """Whether the broker was there for long enough before the opening: a retry comes after five minutes at the latest."""
    begins = max(datetime.combine(day, time(8, 15), IST), opening(day) - timedelta(hours=1))
    spare = opening(day) - begins
    for start, end in one.world.out:
        spare = (
            min(spare, opening(day) - min(max(end, begins), opening(day)))
            if start < opening(day)
            else spare
        )
    return spare > timedelta(minutes=8)


def once_each(notices):
    """Whether no cause was told a second time before it was told that it is over."""
    open_ones = set()
    for notice in notices:
        key = notice.account, notice.cause
        if notice.kind == "alert":
            if key in open_ones:
                return False
            open_ones.add(key)
        else:
            open_ones = {one for one in open_ones if one[0] != notice.account}
    return True
