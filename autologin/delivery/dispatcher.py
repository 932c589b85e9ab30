"""Giving messages to sinks: each gets its own, whatever happens to the others.

A message is outstanding until it has arrived or is of no use. It stands in the store's outbox, so
that a process that dies loses nothing, and the next one carries on.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, TypeVar

from autologin import retry
from autologin.clock import Clock
from autologin.delivery import presence
from autologin.delivery.sinks.base import HoldingConfig, HoldingSink, Receipt, Sink, SinkConfig
from autologin.errors import AutologinError, ConfigError, DeliveryFailed, Problem
from autologin.log import event
from autologin.message import Message
from autologin.secret_refs import RefContext, Secret, follow, resolve
from autologin.store.outbox import REDELIVERIES
from autologin.store.records import (
    Again,
    Claim,
    Delivered,
    DeliveryState,
    Found,
    Presence,
    StoredToken,
)
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
FORCE = "`autologin deliver --force` writes over it, and so does the next token"
TOO_OFTEN = (
    f"it was written again {REDELIVERIES} times today, and something takes it away; "
    "`autologin deliver --force` writes it once more"
)
NOT_DELIVERED = {
    "expired": "it came to its end before it arrived",
    "withdrawn": "the broker refused the token before it arrived",
    "replaced": "a newer one has replaced it",
}
"""Why a message that is settled never arrived, by its outcome."""
T = TypeVar("T")


@dataclass(frozen=True)
class DeliveryResult:
    """What became of one account's newest message at one sink.

    `replaced_by_other`: the sink has got it, and somebody has put something else in its place. The
    last three are messages that will never arrive. `found` is what the sink answered last; `at` is
    when the message was delivered or given up; `place` is where it lies, where a delivery has one.
    """

    sink: str
    outcome: Literal["delivered", "failed", "replaced_by_other", "expired", "withdrawn", "replaced"]
    message: str | None = None
    found: Found | None = None
    at: datetime | None = field(default=None, compare=False)
    place: str | None = field(default=None, compare=False)


@dataclass
class Dispatcher:
    """The sinks of a config, made when they are needed, and the outbox that feeds them."""

    configs: Mapping[str, SinkConfig]
    ref_context: RefContext
    store: Store
    clock: Clock
    recipients: Mapping[str, Collection[str]] | None = None
    """The accounts that name each sink: nothing of another one goes there. None: all do."""
    concurrent: int = CONCURRENT
    """Messages on their way to one sink at one time."""
    _sinks: dict[str, Sink] = field(default_factory=dict)
    _fingerprints: dict[str, str] = field(default_factory=dict)
    _building: defaultdict[str, asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )

    async def sink(self, name: str) -> Sink:
        """The sink of this name, its references followed.

        Raises:
            ConfigError: it is not in the config, or cannot be made from it.
        """
        async with self._building[name]:
            if name not in self._sinks:
                build = self.configs[name].build
                self._sinks[name] = await follow(lambda: build(name, self.ref_context))
            return self._sinks[name]

    async def _look_at(self, name: str, message: Message) -> Receipt:
        sink = await self.sink(name)
        assert isinstance(sink, HoldingSink)
        return await sink.look(message)

    def subscribed(self, names: Collection[str], kind: str) -> list[str]:
        """Those of some sinks that take messages of a type."""
        return [name for name in names if kind in self.configs[name].message_types]

    def find_living(self, account: str, broker: str) -> StoredToken | None:
        """The stored token of an account, where it is this broker's and has not ended."""
        stored = self.store.tokens.get(account)
        if stored is None or stored.broker != broker:
            return None
        return None if stored.token.expired(self.clock.now()) else stored

    async def look(
        self,
        account: str,
        broker: str,
        names: Collection[str],
        *,
        deliver: bool = True,
        force: bool = False,
    ) -> None:
        """Ask an account's sinks whether the token that they were given is still there.

        What is gone is put into the outbox again, and so is what never arrived; `deliver` false
        leaves that. Something else in its place is left alone, but for `force`, which puts the
        token in wherever it is not proven to be. Nothing is asked about a token that has ended.
        """
        stored = self.find_living(account, broker)
        if stored is None:
            return
        known = [name for name in names if name in self.configs]
        if deliver:
            self.store.tokens.repeat(account, known)
        message = Message.issued(account, broker, stored.token)
        asked = (self._look(name, message, deliver=deliver, force=force) for name in known)
        await asyncio.gather(*asked)

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
        self,
        name: str,
        account: str | None = None,
        tries: int | None = None,
        *,
        again: bool = False,
    ) -> None:
        """Log that a message has arrived; `tries` None: it was not kept in the store.

        `again`: the sink had lost it.
        """
        if again:
            event("redelivered", account=account, sink=name, tries=tries)
        else:
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

    def next_due(self, name: str) -> datetime | None:
        """When the next message for a sink is due; None where nothing is owed to it."""
        return self.store.outbox.next_due(name, self._accounts_of(name))

    def _accounts_of(self, name: str) -> Collection[str] | None:
        return None if self.recipients is None else self.recipients.get(name, ())

    async def _drain(self, name: str, account: str | None, end: float) -> None:
        outbox = self.store.outbox
        accounts = self._accounts_of(name)
        if account is not None:
            accounts = [account] if accounts is None or account in accounts else []
        while due := outbox.next_due(name, accounts):
            wait = (due - self.clock.now()).total_seconds()
            if wait > 0:
                if self.clock.monotonic() + wait > end:
                    return
                await self.clock.sleep(wait)
            claims = outbox.claim(name, self.concurrent, accounts)
            if not claims:  # another process has them, or the one before is not delivered yet
                if self.clock.monotonic() + POLL_SECONDS > end:
                    return
                await self.clock.sleep(POLL_SECONDS)
            await asyncio.gather(*map(self._deliver_claim, claims))

    async def _look(self, name: str, message: Message, *, deliver: bool, force: bool) -> None:
        config = self.configs[name]
        outbox = self.store.outbox
        delivery = outbox.find_delivered(message.account, name, message.about)
        if delivery is None or not isinstance(config, HoldingConfig):
            return
        now = await self._ask(name, message, delivery.receipt)
        if now.found == "gone" and not config.redeliver and not now.moved:
            now = Presence("taken", "it was taken away since")
        again = replace(message, id=delivery.message)
        insist = force and now.found != "present"
        missing = deliver and now.found == "gone"
        limited = not now.moved and not outbox.may_reopen(message.account, name)
        if not insist and missing and limited:
            now, missing = Presence("gone", f"{now.words}: {TOO_OFTEN}"), False
        self._note(message.account, name, delivery, now)
        if insist or missing:
            why: Again = "moved" if now.moved else "gone"
            outbox.reopen(delivery, again, "forced" if insist else why)

    async def _ask(self, name: str, message: Message, receipt: str | None) -> Presence:
        """What a sink says of a token that was delivered to it."""
        there = await _catch_errors(lambda: self._look_at(name, message), CHECK_SECONDS)
        if isinstance(there, DeliveryFailed):
            return Presence("unknown", _describe(there))
        return presence.compare(receipt, there, self.store.fingerprint)

    def _note(self, account: str, name: str, delivery: Delivered, now: Presence) -> None:
        """Keep what a sink said, and log it where it says something new."""
        if now.found == "unknown" and delivery.found in {"gone", "replaced"}:
            # What cannot be asked now has not come back.
            now = replace(now, found=delivery.found)
        self.store.outbox.note_presence(delivery, now)
        if now.found != delivery.found:
            self._tell(account, name, now)

    @staticmethod
    def _tell(account: str, name: str, now: Presence) -> None:
        """Log that a sink does not hold its token, or does not tell."""
        if now.found in {"gone", "taken", "replaced", "unknown"}:
            event(
                "token_not_held",
                level="WARNING",
                account=account,
                sink=name,
                found=now.found,
                message=now.words,
            )

    async def _find_before(self, claim: Claim) -> Presence | None:
        """What a sink holds already that is to get back a token that was gone.

        None: the token is to be delivered. Whatever came there meanwhile is not overwritten, unless
        somebody has begun to deliver, and it may be half of that.
        """
        config = self.configs[claim.sink]
        ours = isinstance(config, HoldingConfig) and config.in_parts and not claim.untouched
        if claim.again not in {"gone", "moved"} or ours:
            return None
        now = await self._ask(claim.sink, claim.message, claim.receipt)
        return None if now.found == "gone" else now

    async def _deliver_claim(self, claim: Claim) -> None:
        outbox = self.store.outbox
        account = claim.message.account
        try:
            there = await self._find_before(claim)
            if there and there.found == "unknown":
                unclear = DeliveryFailed(f"It cannot be told what lies there: {there.words}")
                self._fail(claim, unclear)
                return
            if there:
                outbox.take_back(claim, there)
                self._tell(account, claim.sink, there)
                return
            error = await self._try_claim(claim)
        except BaseException:
            outbox.put_back(claim)
            raise
        if not isinstance(error, DeliveryFailed):
            receipt = presence.seal(error, self.store.fingerprint) if error else None
            outbox.mark_delivered(claim, receipt)
            self.log_delivered(claim.sink, account, claim.tries + 1, again=bool(claim.again))
            return
        self._fail(claim, error)

    def _fail(self, claim: Claim, error: DeliveryFailed) -> None:
        """Keep a message that did not arrive for another try."""
        pause = DISABLED_PAUSE
        if not error.gone:
            chance = random.random()  # noqa: S311  (nobody guesses it)
            pause = retry.pause_before_redelivery(claim.tries, error.retry_after, chance)
        self.store.outbox.mark_failed(claim, _describe(error), pause)
        self.log_failed(claim.sink, claim.message.account, error, round(pause, 1))

    async def _try_claim(self, claim: Claim) -> Receipt | DeliveryFailed | None:
        """Try once; gives the sink's receipt, or what went wrong.

        A sink that is gone is not tried before its config changes.
        """
        disabled = self.store.outbox.disabled_sink(claim.sink)
        if disabled and disabled.fingerprint == await self._fingerprint(claim.sink):
            return DeliveryFailed(disabled.message, hint=DISABLED, gone=True)
        error = await self._deliver(claim.sink, claim.message)
        if isinstance(error, DeliveryFailed) and error.gone:
            fingerprint = await self._fingerprint(claim.sink)
            self.store.outbox.disable_sink(claim.sink, fingerprint, error.detail)
        return error

    async def _deliver_now(self, name: str, message: Message) -> DeliveryResult:
        error = await self._deliver(name, message)
        if not isinstance(error, DeliveryFailed):
            self.log_delivered(name)
            return DeliveryResult(name, "delivered")
        self.log_failed(name, None, error)
        return DeliveryResult(name, "failed", _describe(error))

    async def _check(self, name: str) -> DeliveryFailed | None:
        async def check() -> None:
            await (await self.sink(name)).check()

        return await _catch_errors(check, CHECK_SECONDS)

    async def _deliver(self, name: str, message: Message) -> Receipt | DeliveryFailed | None:
        async def deliver() -> Receipt | None:
            return await (await self.sink(name)).deliver(message)

        return await _catch_errors(deliver, TRY_SECONDS)

    async def _fingerprint(self, name: str) -> str:
        """A name for a sink's config and all that it refers to: any change makes another."""
        if name not in self._fingerprints:
            config = self.configs[name]
            secrets = config.secrets().items()
            texts = await follow(
                lambda: [self._secret_text(f"sinks.{name}.{key}", one) for key, one in secrets]
            )
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
    """The error that names every sink that is outstanding, or holds something else."""
    failed = [result for result in results if result.outcome in {"failed", "replaced_by_other"}]
    if not failed:
        return None
    detail = "; ".join(f"{result.sink}: {result.message}" for result in failed)
    by_others = all(TOO_OFTEN in (one.message or "") or one.found == "replaced" for one in failed)
    return DeliveryFailed(detail, hint="Find out who does that first." if by_others else None)


async def _catch_errors(work: Callable[[], Awaitable[T]], seconds: float) -> T | DeliveryFailed:
    """What a sink gives that was asked to do something, or what went wrong."""
    try:
        async with asyncio.timeout(seconds):
            return await work()
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


def _result(state: DeliveryState) -> DeliveryResult:
    """What became of a message, as the sink was last seen."""
    found, at = state.found, state.settled
    if state.outcome is None:
        why = state.error or "another process has it"
        return DeliveryResult(
            state.sink, "failed", f"it is gone, and {why}" if state.again else why
        )
    if state.outcome in NOT_DELIVERED:
        outcome: Any = state.outcome
        return DeliveryResult(state.sink, outcome, NOT_DELIVERED[state.outcome], at=at)
    if found == "gone":
        return DeliveryResult(state.sink, "failed", state.words, found, at)
    if found == "replaced":
        words = f"{state.words}; {FORCE}"
        return DeliveryResult(state.sink, "replaced_by_other", words, found, at)
    return DeliveryResult(state.sink, "delivered", state.words or None, found, at)


def _describe(error: DeliveryFailed) -> str:
    """What happened and the sink's own fix; the common hint is given once, for all sinks."""
    detail = error.detail.rstrip(".")
    return detail if error.hint == DeliveryFailed.hint else f"{detail}. {error.hint}".rstrip(". ")
