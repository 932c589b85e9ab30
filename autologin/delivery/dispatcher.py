"""Giving messages to sinks: each gets its own, whatever happens to the others.

A message is outstanding until it has arrived or is of no use. It stands in the store's outbox, so
that a process that dies loses nothing, and the next one carries on.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from autologin import retry
from autologin.clock import Clock
from autologin.delivery.sinks.base import Sink, SinkConfig
from autologin.errors import AutologinError, ConfigError, DeliveryFailed, Problem
from autologin.log import event
from autologin.message import Message
from autologin.secret_refs import RefContext, Secret, resolve
from autologin.store.records import Claim, DeliveryState
from autologin.store.store import Store

CONCURRENT = 16
TRY_SECONDS = 30.0
"""After this a try counts as failed."""
CHECK_SECONDS = 10.0
"""After this a sink that was asked whether it is ready is not."""
POLL_SECONDS = 0.5
"""Between two looks at messages that another process has, or that wait for the one before."""
DISABLED_PAUSE = 300.0
"""Seconds after which a disabled sink is looked at again: its config may have changed."""
DISABLED = "It is switched off until its config changes."


@dataclass(frozen=True)
class DeliveryResult:
    """What became of one account's newest message at one sink."""

    sink: str
    outcome: Literal["delivered", "failed"]
    message: str | None = None


@dataclass
class Dispatcher:
    """The sinks of a config, made when they are needed, and the outbox that feeds them."""

    configs: Mapping[str, SinkConfig]
    ref_context: RefContext
    store: Store
    clock: Clock
    concurrent: int = CONCURRENT
    """Messages on their way to one sink at one time."""
    _sinks: dict[str, Sink] = field(default_factory=dict)
    _fingerprints: dict[str, str] = field(default_factory=dict)

    def sink(self, name: str) -> Sink:
        """The sink of this name.

        Raises:
            ConfigError: it is not in the config, or cannot be made from it.
        """
        if name not in self._sinks:
            self._sinks[name] = self.configs[name].build(name, self.ref_context)
        return self._sinks[name]

    def subscribed(self, names: Collection[str], kind: str) -> list[str]:
        """Those of some sinks that take messages of a type."""
        return [name for name in names if kind in self.configs[name].message_types]

    def repeaters(self, names: Collection[str]) -> list[str]:
        """Those of some sinks that are given a token again by a run that finds it still valid."""
        return [name for name in names if self.configs[name].repeats]

    async def drain(
        self, names: Collection[str], *, account: str | None = None, seconds: float
    ) -> None:
        """Deliver what is outstanding, of one account or of all, until the time is over."""
        end = self.clock.monotonic() + seconds
        known = [name for name in names if name in self.configs]
        await asyncio.gather(*(self._drain(name, account, end) for name in known))

    async def check_ready(self, names: Collection[str]) -> list[str]:
        """Ask sinks, without a token, whether one would arrive.

        Gives and logs those that say no.
        """
        errors = await asyncio.gather(*(self._check(name) for name in names))
        failed = {name: error for name, error in zip(names, errors, strict=True) if error}
        for name, error in failed.items():
            event(
                "sink_not_ready", level="WARNING", sink=name, message=error.detail, hint=error.hint
            )
        return list(failed)

    async def deliver_now(self, message: Message, names: Collection[str]) -> list[DeliveryResult]:
        """Give a message to sinks at once and only now: where there is no store to keep it."""
        return list(await asyncio.gather(*(self._deliver_now(name, message) for name in names)))

    async def close(self) -> None:
        """Let go of every sink's connections."""
        sinks = list(self._sinks.values())
        self._sinks = {}
        self._fingerprints = {}
        for sink in sinks:
            with suppress(Exception):
                await sink.close()

    def log_delivered(
        self, name: str, account: str | None = None, tries: int | None = None
    ) -> None:
        """Log that a message has arrived; `tries` None: it was not kept in the store."""
        event("delivered", account=account, sink=name, tries=tries)

    def log_failed(
        self, name: str, account: str | None, error: DeliveryFailed, pause: float | None = None
    ) -> None:
        """Log that a message did not arrive; `pause` is in seconds, None: it is not tried again."""
        detail = error.detail
        event(
            "delivery_failed",
            level="ERROR",
            account=account,
            sink=name,
            message=detail,
            again_in=pause,
        )

    async def _drain(self, name: str, account: str | None, end: float) -> None:
        outbox = self.store.outbox
        while due := outbox.next_due(name, account):
            wait = (due - self.clock.now()).total_seconds()
            if wait > 0:
                if self.clock.monotonic() + wait > end:
                    return
                await self.clock.sleep(wait)
            claims = outbox.claim(name, self.concurrent, account)
            if not claims:  # another process has them, or the one before is not delivered yet
                if self.clock.monotonic() + POLL_SECONDS > end:
                    return
                await self.clock.sleep(POLL_SECONDS)
            await asyncio.gather(*map(self._deliver_claim, claims))

    async def _deliver_claim(self, claim: Claim) -> None:
        outbox = self.store.outbox
        account = claim.message.account
        try:
            error = await self._try_claim(claim)
        except BaseException:
            outbox.put_back(claim)
            raise
        if error is None:
            outbox.mark_delivered(claim)
            self.log_delivered(claim.sink, account, claim.tries + 1)
            return
        pause = DISABLED_PAUSE
        if not error.gone:
            chance = random.random()  # noqa: S311  (nobody guesses it)
            pause = retry.pause_before_redelivery(claim.tries, error.retry_after, chance)
        outbox.mark_failed(claim, _describe(error), pause)
        self.log_failed(claim.sink, account, error, round(pause, 1))

    async def _try_claim(self, claim: Claim) -> DeliveryFailed | None:
        """Try once; gives what went wrong.

        A sink that is gone is not tried before its config changes.
        """
        disabled = self.store.outbox.disabled_sink(claim.sink)
        if disabled and disabled.fingerprint == self._fingerprint(claim.sink):
            return DeliveryFailed(disabled.message, hint=DISABLED, gone=True)
        error = await self._deliver(claim.sink, claim.message)
        if error and error.gone:
            fingerprint = self._fingerprint(claim.sink)
            self.store.outbox.disable_sink(claim.sink, fingerprint, error.detail)
        return error

    async def _deliver_now(self, name: str, message: Message) -> DeliveryResult:
        error = await self._deliver(name, message)
        if error is None:
            self.log_delivered(name)
            return DeliveryResult(name, "delivered")
        self.log_failed(name, None, error)
        return DeliveryResult(name, "failed", _describe(error))

    async def _check(self, name: str) -> DeliveryFailed | None:
        return await _catch_errors(lambda: self.sink(name).check(), CHECK_SECONDS)

    async def _deliver(self, name: str, message: Message) -> DeliveryFailed | None:
        return await _catch_errors(lambda: self.sink(name).deliver(message), TRY_SECONDS)

    def _fingerprint(self, name: str) -> str:
        """A name for a sink's config and all that it refers to: any change makes another."""
        if name not in self._fingerprints:
            config = self.configs[name]
            secrets = config.secrets().items()
            texts = (self._secret_text(f"sinks.{name}.{key}", secret) for key, secret in secrets)
            self._fingerprints[name] = self.store.fingerprint("sink", repr(config), *texts)
        return self._fingerprints[name]

    def _secret_text(self, key: str, secret: Secret) -> str:
        try:
            return resolve(key, secret, self.ref_context).value.get_secret_value()
        except ConfigError:
            return (
                ""  # which is a change too; the delivery that it stops says what is wrong with it
            )


async def send_test(dispatcher: Dispatcher, name: str, now: datetime) -> None:
    """Send a test event to a sink.

    Raises:
        ConfigError: there is no such sink, or it takes no events.
        DeliveryFailed: it did not accept it.
    """
    possible = dispatcher.subscribed(dispatcher.configs, "login.failed")
    if name not in possible:
        detail = f'"{name}" is not a sink that takes events'
        raise ConfigError(Problem("SINK", detail, f"There are: {', '.join(possible) or 'none'}."))
    try:
        if error := failure(await dispatcher.deliver_now(Message.test(now), [name])):
            raise error
    finally:
        await dispatcher.close()


def report(states: Sequence[DeliveryState], names: Collection[str]) -> list[DeliveryResult]:
    """What became of an account's newest messages at its sinks."""
    return [_result(state) for state in states if state.sink in names]


def failure(results: Sequence[DeliveryResult]) -> DeliveryFailed | None:
    """The error that names every sink that is outstanding."""
    failed = [result for result in results if result.outcome == "failed"]
    if not failed:
        return None
    return DeliveryFailed("; ".join(f"{result.sink}: {result.message}" for result in failed))


async def _catch_errors(
    work: Callable[[], Awaitable[None]], seconds: float
) -> DeliveryFailed | None:
    """What went wrong with something that a sink was asked to do."""
    try:
        async with asyncio.timeout(seconds):
            await work()
    except DeliveryFailed as error:
        return error
    except TimeoutError:
        return DeliveryFailed(f"timed out after {seconds:g} s")
    except ConfigError as error:
        detail = "; ".join(f"{problem.key}: {problem.message}" for problem in error.problems)
        return DeliveryFailed(detail, hint=error.problems[0].hint)
    except AutologinError as error:
        return DeliveryFailed(error.detail, hint=error.hint)
    except Exception as bug:  # noqa: BLE001  (a mistake in one sink must not take the token from the others)
        return DeliveryFailed(f"{type(bug).__name__}, which is a mistake in autologin")
    return None


def _result(state: DeliveryState) -> DeliveryResult:
    if state.outcome is None:
        return DeliveryResult(state.sink, "failed", state.error or "another process has it")
    return DeliveryResult(state.sink, "delivered")


def _describe(error: DeliveryFailed) -> str:
    """What happened and the sink's own fix; the common hint is given once, for all sinks."""
    detail = error.detail.rstrip(".")
    return detail if error.hint == DeliveryFailed.hint else f"{detail}. {error.hint}".rstrip(". ")
