"""Delivery: each sink gets its token whatever happens to the others, and what is outstanding is named."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from kit import MORNING
from loguru import logger
from pydantic import SecretStr

from autologin import delivery, sinks
from autologin.delivery import Delivery
from autologin.errors import BrokerUnavailable, DeliveryFailed
from autologin.token import Token

SECRET = "access-token-canary"
TOKEN = Token(SecretStr(SECRET), MORNING, MORNING + timedelta(hours=20), "AB1234")


@dataclass
class Sink:
    """Takes a token, or fails in its own way."""

    name: str
    error: BaseException | None = None
    given: list = field(default_factory=list)
    after: asyncio.Event | None = None
    then: asyncio.Event | None = None

    async def check(self):
        pass

    async def deliver(self, account, broker, token):
        if self.after:
            await self.after.wait()
        if self.then:
            self.then.set()
        if self.error:
            raise self.error
        self.given.append((account, broker, token))


@pytest.fixture
def told():
    """What was logged: the event's name, its level, its facts."""
    lines = []
    logger.remove()
    number = logger.add(lambda line: lines.append(line.record), level="DEBUG", format="{message}")
    yield lines
    logger.remove(number)


async def deliver(*ours):
    return await delivery.deliver("mine", "zerodha", TOKEN, ours)


async def test_every_sink_gets_the_token():
    one, two = Sink("one"), Sink("two")
    assert await deliver(one, two) == [Delivery("one", "delivered"), Delivery("two", "delivered")]
    assert one.given == two.given == [("mine", "zerodha", TOKEN)]
    assert delivery.failure(await deliver(one, two)) is None


async def test_no_sink_is_no_failure():
    assert await deliver() == []
    assert delivery.failure([]) is None


@pytest.mark.parametrize(
    "error",
    [
        DeliveryFailed("no room"),
        BrokerUnavailable("no answer"),
        OSError(5, "broken"),
        RuntimeError(SECRET),
        KeyError("token"),
        TimeoutError(),
        ExceptionGroup("several", [ValueError(SECRET)]),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_one_that_fails_takes_nothing_from_the_others(error, place, told):
    ours = [Sink("a"), Sink("b"), Sink("c")]
    ours[place].error = error
    found = await deliver(*ours)
    assert [one.outcome for one in found] == ["failed" if index == place else "delivered" for index in range(3)]
    assert [len(sink.given) for sink in ours] == [0 if index == place else 1 for index in range(3)]
    assert [one.sink for one in found] == ["a", "b", "c"]
    assert found[place].message
    assert SECRET not in f"{found} {delivery.failure(found).message} {[line['extra'] for line in told]}"


async def test_the_sinks_do_not_wait_for_each_other():
    """The first one ends only after the second: one by one, this would never be done."""
    done = asyncio.Event()
    async with asyncio.timeout(20):
        assert len(await deliver(Sink("slow", after=done), Sink("quick", then=done))) == 2


async def test_one_that_fails_early_does_not_end_one_that_is_still_writing():
    failed = asyncio.Event()
    slow = Sink("slow", after=failed)
    async with asyncio.timeout(20):
        await deliver(Sink("broken", RuntimeError("x"), then=failed), slow)
    assert len(slow.given) == 1


async def test_being_stopped_is_not_taken_for_a_failure():
    with pytest.raises(asyncio.CancelledError):
        await deliver(Sink("a", asyncio.CancelledError()))


async def test_the_failure_names_every_sink_that_is_outstanding_with_its_mend():
    found = await deliver(
        Sink("first", DeliveryFailed("/x cannot be written: the disk is full", mend="Free some space.")),
        Sink("second"),
        Sink("third", DeliveryFailed("no answer.")),
    )
    error = delivery.failure(found)
    assert (error.exit_code, error.name) == (6, "delivery_failed")
    assert error.message == (
        "first: /x cannot be written: the disk is full. Free some space; third: no answer. "
        "Mend the sink, then run it again: the stored token is delivered without a new login."
    )
    assert [one.message for one in found] == ["/x cannot be written: the disk is full. Free some space", None, "no answer"]


async def test_each_ending_is_an_event(told):
    await deliver(Sink("good"), Sink("bad", DeliveryFailed("no room", mend="Make some.")))
    found = {line["message"]: (line["level"].name, line["extra"]["facts"]) for line in told}
    assert found == {
        "delivered": ("INFO", {"sink": "good"}),
        "delivery_failed": ("ERROR", {"sink": "bad", "said": "no room. Make some"}),
    }


async def test_a_real_file_arrives_beside_one_that_cannot(tmp_path):
    (tmp_path / "file").write_text("")
    configs = {"good": "{account}.json", "bad": "file/{account}.json"}
    ours = [sinks.build(name, sinks.parse({"type": "file", "path": str(tmp_path / path)})) for name, path in configs.items()]
    found = await deliver(*ours)
    assert [one.outcome for one in found] == ["delivered", "failed"]
    assert json.loads((tmp_path / "mine.json").read_text())["access_token"] == SECRET
    assert "Correct the path" in delivery.failure(found).message
