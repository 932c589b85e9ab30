"""Giving messages to sinks: each gets its own, whatever happens to the others, until it has arrived or is of no use.

What is owed stands in the store's outbox, so that a process that dies loses nothing, and the next one carries on.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from autologin import retry
from autologin.errors import AutologinError, ConfigError, DeliveryFailed, Problem
from autologin.log import event
from autologin.message import Message
from autologin.secret_refs import resolve

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from autologin.clock import Clock
    from autologin.delivery.sinks.base import Sink, SinkConfig
    from autologin.secret_refs import RefContext, Secret
    from autologin.store.records import Owed, Parcel
    from autologin.store.store import Store

AT_ONCE = 16
"""Messages on their way to one sink at one time."""
TRY_SECONDS = 30.0
"""After this a try counts as failed."""
CHECK_SECONDS = 10.0
"""After this a sink that was asked whether it is ready is not."""
OFF_PAUSE = 300.0
"""Seconds after which a sink that is switched off is looked at again: its config may have changed."""


@dataclass(frozen=True)
class Delivery:
    """What became of one account's newest message at one sink."""

    sink: str
    outcome: Literal["delivered", "failed"]
    message: str | None = None


@dataclass
class Dispatcher:
    """The sinks of a config, made when they are needed, and the outbox that feeds them."""

    configs: Mapping[str, SinkConfig]
    place: RefContext
    store: Store
    clock: Clock
    _sinks: dict[str, Sink] = field(default_factory=dict)
    _fingerprints: dict[str, str] = field(default_factory=dict)

    def sink(self, name: str) -> Sink:
        """The sink of this name.

        Raises:
            ConfigError: it is not in the config, or cannot be made from it.
        """
        if name not in self._sinks:
            self._sinks[name] = self.configs[name].build(name, self.place)
        return self._sinks[name]

    def takers(self, names: Collection[str], kind: str) -> list[str]:
        """Those of some sinks that take messages of a type."""
        return [name for name in names if kind in self.configs[name].takes]

    def repeaters(self, names: Collection[str]) -> list[str]:
        """Those of some sinks that are given a token again by a run that finds it still valid."""
        return [name for name in names if self.configs[name].repeats]

    async def drain(self, names: Collection[str], *, account: str | None = None, seconds: float) -> None:
        """Deliver what sinks are owed, of one account or of all, until nothing is outstanding or the time is over."""
        end = self.clock.monotonic() + seconds
        known = [name for name in names if name in self.configs]
        await asyncio.gather(*(self._drain(name, account, end) for name in known))

    async def ready(self, names: Collection[str]) -> list[str]:
        """Ask sinks, without a token, whether one would arrive; gives those that say no, and tells why."""
        detail = await asyncio.gather(*(self._asked(name) for name in names))
        for name, error in zip(names, detail, strict=True):
            if error:
                event("sink_not_ready", level="WARNING", sink=name, message=error.detail, hint=error.hint)
        return [name for name, error in zip(names, detail, strict=True) if error]

    async def hand(self, message: Message, names: Collection[str]) -> list[Delivery]:
        """Give a message to sinks at once and only now: where there is no store to keep it."""
        return list(await asyncio.gather(*(self._hand(name, message) for name in names)))

    async def close(self) -> None:
        """Let go of every sink's connections."""
        sinks, self._sinks, self._fingerprints = list(self._sinks.values()), {}, {}
        for sink in sinks:
            with suppress(Exception):
                await sink.close()

    async def _drain(self, name: str, account: str | None, end: float) -> None:
        outbox = self.store.outbox
        while due := outbox.next_due(name, account):
            wait = (due - self.clock.now()).total_seconds()
            if wait > 0:
                if self.clock.monotonic() + wait > end:
                    return
                await self.clock.sleep(wait)
            parcels = outbox.claim(name, AT_ONCE, account)
            if not parcels:  # another process has them, or the one before is not delivered yet
                if self.clock.monotonic() + 0.5 > end:
                    return
                await self.clock.sleep(0.5)
            await asyncio.gather(*map(self._deliver, parcels))

    async def _deliver(self, parcel: Parcel) -> None:
        outbox = self.store.outbox
        try:
            error = await self._tried(parcel)
        except BaseException:
            outbox.put_back(parcel)
            raise
        if error is None:
            outbox.delivered(parcel)
            event("delivered", account=parcel.message.account, sink=parcel.sink, tries=parcel.tries + 1)
            return
        pause = _pause(parcel, error)
        outbox.failed(parcel, _in_words(error), pause)
        told = {"account": parcel.message.account, "sink": parcel.sink, "message": error.detail}
        event("delivery_failed", level="ERROR", **told, again_in=round(pause, 1))

    async def _tried(self, parcel: Parcel) -> DeliveryFailed | None:
        """Try once; gives what went wrong."""
        off = self.store.outbox.off(parcel.sink)
        if off and off.fingerprint == self._fingerprint(parcel.sink):
            return DeliveryFailed(off.message, hint=GONE, gone=True)
        error = await self._given(parcel.sink, parcel.message)
        if error and error.gone:
            self.store.outbox.switch_off(parcel.sink, self._fingerprint(parcel.sink), error.detail)
        return error

    async def _asked(self, name: str) -> DeliveryFailed | None:
        return await self._told(lambda: self.sink(name).check(), CHECK_SECONDS)

    async def _given(self, name: str, message: Message) -> DeliveryFailed | None:
        return await self._told(lambda: self.sink(name).deliver(message), TRY_SECONDS)

    @staticmethod
    async def _told(work: Callable[[], Awaitable[None]], seconds: float) -> DeliveryFailed | None:
        """What went wrong with something that a sink was asked to do."""
        try:
            async with asyncio.timeout(seconds):
                await work()
        except DeliveryFailed as error:
            return error
        except TimeoutError:
            return DeliveryFailed(f"It was not done within {seconds:g} seconds")
        except ConfigError as error:
            return DeliveryFailed("; ".join(f"{one.key}: {one.message}" for one in error.problems), hint=error.problems[0].hint)
        except AutologinError as error:
            return DeliveryFailed(error.detail, hint=error.hint)
        except Exception as bug:  # noqa: BLE001  (a mistake in one sink must not take the token from the others)
            return DeliveryFailed(f"{type(bug).__name__}, which is a mistake in autologin")
        return None

    async def _hand(self, name: str, message: Message) -> Delivery:
        error = await self._given(name, message)
        if error is None:
            event("delivered", sink=name)
            return Delivery(name, "delivered")
        event("delivery_failed", level="ERROR", sink=name, message=error.detail)
        return Delivery(name, "failed", _in_words(error))

    def _fingerprint(self, name: str) -> str:
        """A name for a sink's config and all that it refers to: any change makes another."""
        if name not in self._fingerprints:
            config = self.configs[name]
            texts = (self._text(f"sinks.{name}.{key}", secret) for key, secret in config.secrets().items())
            self._fingerprints[name] = self.store.fingerprint("sink", repr(config), *texts)
        return self._fingerprints[name]

    def _text(self, key: str, secret: Secret) -> str:
        try:
            return resolve(key, secret, self.place).value.get_secret_value()
        except ConfigError:
            return ""  # which is a change too; what is wrong with it is told by the delivery that it stops


GONE = "It is switched off until its config changes."


async def send_test(post: Dispatcher, name: str, now: datetime) -> None:
    """Send a test event to a sink.

    Raises:
        ConfigError: there is no such sink, or it takes no events.
        DeliveryFailed: it did not accept it.
    """
    takers = [sink for sink in post.configs if "login.failed" in post.configs[sink].takes]
    if name not in takers:
        detail = f'"{name}" is no sink that takes events'
        raise ConfigError(Problem("SINK", detail, f"There are: {', '.join(takers) or 'none'}."))
    try:
        if error := failure(await post.hand(Message.test(now), [name])):
            raise error
    finally:
        await post.close()


def report(owed: Sequence[Owed], names: Collection[str]) -> list[Delivery]:
    """What became of an account's newest messages at its sinks."""
    return [_outcome(one) for one in owed if one.sink in names]


def failure(deliveries: Sequence[Delivery]) -> DeliveryFailed | None:
    """The error that names every sink that is outstanding."""
    failed = [delivery for delivery in deliveries if delivery.outcome == "failed"]
    return DeliveryFailed("; ".join(f"{one.sink}: {one.message}" for one in failed)) if failed else None


def _outcome(one: Owed) -> Delivery:
    if one.outcome is None:
        return Delivery(one.sink, "failed", one.error or "another process has it")
    return Delivery(one.sink, "delivered")


def _pause(parcel: Parcel, error: DeliveryFailed) -> float:
    if error.gone:
        return OFF_PAUSE
    return retry.pause_before_redelivery(parcel.tries, error.retry_after, random.random())  # noqa: S311  (nobody guesses it)


def _in_words(error: DeliveryFailed) -> str:
    """What happened and the sink's own fix; what to do with any sink is said once, for all of them."""
    detail = error.detail.rstrip(".")
    return detail if error.hint == DeliveryFailed.hint else f"{detail}. {error.hint}".rstrip(". ")
