"""Delivery: each sink gets its messages whatever happens to the others, and what is outstanding is kept and named."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from loguru import logger
from pydantic import SecretStr
from support.clock import MORNING, HandClock
from support.store import drop, save

from autologin import retry
from autologin.delivery import dispatcher
from autologin.delivery.dispatcher import DeliveryResult, Dispatcher
from autologin.delivery.sinks.base import SinkConfig
from autologin.errors import (
    BrokerUnavailable,
    ConfigError,
    CredentialsRejected,
    DeliveryFailed,
    Problem,
)
from autologin.message import Message
from autologin.secret_refs import RefContext
from autologin.store.store import Store
from autologin.token import Token

SECRET = "access-token-canary"
TOKEN = Token(SecretStr(SECRET), MORNING, MORNING + timedelta(hours=20), "AB1234")
LATER = Token(
    SecretStr("later-token-canary"),
    MORNING + timedelta(hours=1),
    MORNING + timedelta(hours=20),
    "AB1234",
)


@dataclass
class Memory:
    """A sink that keeps what it is given, or fails in its own way as often as it is told to."""

    name: str = "memory"
    errors: list = field(default_factory=list)
    given: list = field(default_factory=list)
    busy: int = 0
    busiest: int = 0
    wait: asyncio.Event | None = None
    closed: bool = False

    async def check(self):
        pass

    async def deliver(self, message):
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            if self.wait:
                await self.wait.wait()
            await asyncio.sleep(0)
            if self.errors:
                raise self.errors.pop(0)
            self.given.append(message)
        finally:
            self.busy -= 1

    async def close(self):
        self.closed = True


class Config(SinkConfig):
    message_types = frozenset({"token.issued", "login.failed"})
    to: int = 0
    _sink = None


def kept(sink, to=0):
    """The config of a sink that is there already."""
    config = Config(type="memory", to=to)
    object.__setattr__(config, "build", lambda _name, _place: sink)
    return config


async def until(true):
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never became true")


@pytest.fixture
def store(tmp_path, clock):
    opened = Store.open(tmp_path / "state", clock)
    yield opened
    opened.close()


@pytest.fixture
def post(store, clock):
    """A post with these sinks, whose outbox holds a token for each."""

    def made(*sinks, owed=True, account="mine", to=0):
        found = Dispatcher(
            {sink.name: kept(sink, to) for sink in sinks}, RefContext(Path("/"), {}), store, clock
        )
        if owed:
            store.outbox.enqueue(
                Message.issued(account, "zerodha", TOKEN), [sink.name for sink in sinks]
            )
        return found

    return made


@pytest.fixture
def told():
    """What was logged: the event's name, its level, its facts."""
    lines = []
    logger.remove()
    number = logger.add(lambda line: lines.append(line.record), level="DEBUG", format="{message}")
    yield lines
    logger.remove(number)


def outcomes(store, *names, account="mine"):
    return dispatcher.report(store.outbox.latest(account), names)


async def test_each_sink_gets_the_token(post, store):
    one, two = Memory("one"), Memory("two")
    await post(one, two).drain(["one", "two"], seconds=10)
    assert [message.token for message in (*one.given, *two.given)] == [TOKEN, TOKEN]
    assert outcomes(store, "one", "two") == [
        DeliveryResult("one", "delivered"),
        DeliveryResult("two", "delivered"),
    ]
    assert dispatcher.failure(outcomes(store, "one", "two")) is None


async def test_nothing_outstanding_is_nothing_to_do(post, store, clock):
    sink = Memory()
    await post(sink, owed=False).drain(["memory", "gone from the config"], seconds=10)
    assert (sink.given, outcomes(store, "memory"), dispatcher.failure([]), clock.wall) == (
        [],
        [],
        None,
        MORNING,
    )


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (DeliveryFailed("no room", hint="Make some."), "no room. Make some"),
        (DeliveryFailed("no room"), "no room"),
        (BrokerUnavailable("nobody there"), "nobody there. Try again in a few minutes"),
        (
            ConfigError(Problem("sinks.memory.secret", "is missing", "Set it.")),
            "sinks.memory.secret: is missing. Set it",
        ),
        (RuntimeError(SECRET), "RuntimeError, which is a mistake in autologin"),
        (TimeoutError(), "timed out after 30 s"),
    ],
)
async def test_a_sink_that_fails_is_named_and_the_others_get_theirs(
    post, store, told, error, detail
):
    bad, good = Memory("bad", errors=[error] * 99), Memory("good")
    await post(bad, good).drain(["bad", "good"], seconds=10)
    assert len(good.given) == 1
    assert outcomes(store, "bad", "good") == [
        DeliveryResult("bad", "failed", detail),
        DeliveryResult("good", "delivered"),
    ]
    assert dispatcher.failure(outcomes(store, "bad", "good")).detail == f"bad: {detail}"
    assert SECRET not in f"{outcomes(store, 'bad')} {[line['extra'] for line in told]}"


async def test_it_is_tried_again_after_growing_pauses_until_the_time_is_over(
    post, store, clock, monkeypatch
):
    monkeypatch.setattr(dispatcher.random, "random", lambda: 0.5)
    sink = Memory(errors=[DeliveryFailed("no")] * 99)
    await post(sink).drain(["memory"], seconds=60)
    assert len(sink.errors) == 99 - 5  # at 0, 2, 7, 22 and 52 seconds; the next one would be at 112
    assert clock.wall == MORNING + timedelta(seconds=52)
    (owed,) = store.outbox.latest("mine")
    assert (owed.tries, owed.error, owed.due) == (5, "no", MORNING + timedelta(seconds=112))


async def test_it_carries_on_where_the_last_process_stopped(tmp_path, post, store, clock):
    sink = Memory(errors=[DeliveryFailed("no")])
    await post(sink).drain(["memory"], seconds=0)
    assert sink.given == []
    clock.move(seconds=30)
    again = Store.open(tmp_path / "state", clock)
    other = Dispatcher({"memory": kept(sink)}, RefContext(Path("/"), {}), again, clock)
    await other.drain(["memory"], seconds=0)
    assert [message.token for message in sink.given] == [TOKEN]
    again.close()


async def test_the_message_has_the_same_id_on_every_try(post, monkeypatch):
    seen = []
    sink = Memory(errors=[DeliveryFailed("no")] * 3)
    monkeypatch.setattr(
        sink, "deliver", lambda message, do=sink.deliver: seen.append(message.id) or do(message)
    )
    await post(sink).drain(["memory"], seconds=600)
    assert len(seen) == 4
    assert len(set(seen)) == 1


async def test_a_sink_that_asks_for_a_pause_gets_it(post, clock):
    sink = Memory(errors=[DeliveryFailed("busy", retry_after=40)])
    await post(sink).drain(["memory"], seconds=60)
    assert len(sink.given) == 1
    assert clock.wall == MORNING + timedelta(seconds=40)


async def test_a_newer_token_replaces_one_that_did_not_arrive(post, store):
    sink = Memory(errors=[DeliveryFailed("no")])
    ours = post(sink)
    await ours.drain(["memory"], seconds=0)
    store.outbox.enqueue(Message.issued("mine", "zerodha", LATER), ["memory"])
    await ours.drain(["memory"], seconds=60)
    assert [message.token for message in sink.given] == [LATER]


async def test_news_arrive_in_the_order_in_which_they_happened(post, store, clock):
    sink = Memory(errors=[DeliveryFailed("no")])
    ours = post(sink, owed=False)
    store.outbox.enqueue(
        Message.failed("login.failed", "mine", "zerodha", CredentialsRejected(), clock.now()),
        ["memory"],
    )
    await ours.drain(["memory"], seconds=0)
    store.outbox.enqueue(Message.issued("mine", "zerodha", TOKEN), ["memory"])
    await ours.drain(
        ["memory"], seconds=1
    )  # the token waits for the news before it, which is not due yet
    assert sink.given == []
    await ours.drain(["memory"], seconds=60)
    assert [message.type for message in sink.given] == ["login.failed", "token.issued"]


async def test_what_was_delivered_is_not_owed_again(post, store):
    sink = Memory()
    ours = post(sink)
    for _ in range(2):
        await ours.drain(["memory"], seconds=0)
        store.outbox.enqueue(Message.issued("mine", "zerodha", TOKEN), ["memory"])
    await ours.drain(["memory"], seconds=0)
    assert len(sink.given) == 1


async def test_a_held_token_waits_for_the_brokers_word(post, store, clock):
    sink = Memory()
    ours = post(sink, owed=False)
    save(store, "mine", TOKEN, ["memory"])
    await ours.drain(["memory"], seconds=1)
    assert sink.given == []
    store.outbox.release("mine")
    await ours.drain(["memory"], seconds=1)
    assert len(sink.given) == 1


async def test_a_held_token_whose_process_died_is_delivered_two_minutes_later(post, store, clock):
    sink = Memory()
    ours = post(sink, owed=False)
    save(store, "mine", TOKEN, ["memory"])
    clock.move(seconds=120)
    await ours.drain(["memory"], seconds=0)
    assert len(sink.given) == 1


async def test_a_refused_token_goes_nowhere(post, store):
    sink = Memory()
    ours = post(sink, owed=False)
    save(store, "mine", TOKEN, ["memory"])
    drop(store, "mine")
    await ours.drain(["memory"], seconds=600)
    assert sink.given == []


async def test_a_token_that_has_ended_goes_nowhere(post, store, clock):
    sink = Memory()
    ours = post(sink)
    clock.move(hours=21)
    await ours.drain(["memory"], seconds=0)
    assert sink.given == []
    assert store.outbox.outstanding() == []


async def test_an_endpoint_that_is_gone_is_left_alone_until_its_config_changes(post, store):
    sink = Memory(errors=[DeliveryFailed("410 Gone", gone=True)])
    ours = post(sink)
    await ours.drain(["memory"], seconds=1000)
    assert sink.given == []
    (one,) = outcomes(store, "memory")
    assert one == DeliveryResult(
        "memory", "failed", "410 Gone. It is switched off until its config changes"
    )
    store.outbox.retry_now()
    changed = post(sink, owed=False, to=1)
    await changed.drain(["memory"], seconds=10)
    assert len(sink.given) == 1


async def test_a_dead_sink_delays_no_other_one(post):
    hangs, quick = Memory("hangs", wait=asyncio.Event()), Memory("quick")
    ours = asyncio.create_task(post(hangs, quick).drain(["hangs", "quick"], seconds=10))
    await until(lambda: quick.given)
    hangs.wait.set()
    await ours
    assert len(hangs.given) == 1


async def test_a_try_that_is_cut_off_is_nobodys(post, store):
    sink = Memory(wait=asyncio.Event())
    task = asyncio.create_task(post(sink).drain(["memory"], seconds=10))
    await until(lambda: sink.busy)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(store.outbox.claim("memory", 1)) == 1


async def test_a_claim_of_a_living_process_is_respected(post, store, clock):
    sink = Memory()
    ours = post(sink)
    (claim,) = store.outbox.claim("memory", 16)
    await ours.drain(["memory"], seconds=5)
    assert sink.given == []
    store.outbox.put_back(claim)
    await ours.drain(["memory"], seconds=5)
    assert len(sink.given) == 1


async def test_many_accounts_go_out_together_but_not_all_at_once(post, store):
    sink = Memory()
    ours = post(sink, owed=False)
    for number in range(50):
        store.outbox.enqueue(Message.issued(f"a{number}", "zerodha", TOKEN), ["memory"])
    await ours.drain(["memory"], seconds=0)
    assert len(sink.given) == 50
    assert 4 < sink.busiest <= dispatcher.CONCURRENT


async def test_only_one_accounts_messages_where_one_is_named(post, store):
    sink = Memory()
    ours = post(sink)
    store.outbox.enqueue(Message.issued("other", "zerodha", TOKEN), ["memory"])
    await ours.drain(["memory"], account="mine", seconds=0)
    assert [message.account for message in sink.given] == ["mine"]
    assert store.outbox.outstanding() == ["memory"]


async def test_without_a_store_a_token_is_handed_over_once(post, store):
    good, bad = Memory("good"), Memory("bad", errors=[DeliveryFailed("no")])
    found = await post(good, bad, owed=False).deliver_now(
        Message.issued("mine", "zerodha", TOKEN), ["good", "bad"]
    )
    assert found == [DeliveryResult("good", "delivered"), DeliveryResult("bad", "failed", "no")]


async def test_nothing_secret_lies_open_in_the_store(tmp_path, post, store):
    sink = Memory(errors=[DeliveryFailed("no")])
    ours = post(sink)
    await ours.drain(["memory"], seconds=0)
    files = b"".join(
        file.read_bytes() for file in (tmp_path / "state").iterdir() if "db" in file.name
    )
    assert SECRET.encode() not in files
    await ours.drain(["memory"], seconds=60)
    assert store.outbox._database.fetch_all("SELECT sealed FROM deliveries") == [(None,)]


async def test_sinks_are_closed_at_the_end(post):
    sink = Memory()
    ours = post(sink)
    await ours.drain(["memory"], seconds=0)
    await ours.close()
    assert sink.closed


@pytest.mark.parametrize("failed", range(8))
def test_pauses_are_jittered_and_bounded(failed):
    least, most = (retry.pause_before_redelivery(failed, None, chance) for chance in (0.0, 1.0))
    usual = [2, 5, 15, 30, 60, 120, 120, 120][failed]
    assert (least, most) == (pytest.approx(usual * 0.8), pytest.approx(usual * 1.2))
    assert retry.pause_before_redelivery(failed, 10_000_000, 0.5) == retry.LONGEST_PAUSE


def test_a_message_survives_the_outbox(clock):
    for message in (
        Message.issued("mine", "zerodha", TOKEN),
        Message.failed(
            "login.failed", "mine", "zerodha", CredentialsRejected("no"), HandClock().now()
        ),
    ):
        assert Message.from_json(message.id, json.loads(json.dumps(message.to_json()))) == message
