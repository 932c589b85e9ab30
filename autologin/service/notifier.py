"""Telling people: what went wrong, once for each cause, and that it is over.

    notify: {urls: [{env: TELEGRAM_URL}], command: "...", ping: {env: PING_URL}}

`urls` are Apprise's (https://github.com/caronc/apprise; pip install 'broker-autologin[notify]').
`command` is a shell command that gets the notice as JSON on its standard input. A notice waits in
the store until each of them has taken it, or its cause is over. `ping` is a dead man's switch as
healthchecks.io has it: it is asked after each run that has its token, and with `/fail` at its end
after each other one. What cannot be sent breaks nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Mapping
from datetime import datetime
from pathlib import Path

from autologin.clock import Clock
from autologin.config.schema import Settings
from autologin.delivery.dispatcher import Dispatcher
from autologin.errors import (
    AutologinError,
    ConfigError,
    DeliveryFailed,
    NoticeFailed,
    Problem,
    StoreError,
)
from autologin.log import event
from autologin.message import ALERT, Message
from autologin.redaction import scrub
from autologin.secret_refs import Secret, follow, resolve
from autologin.service.ways import SECONDS, NoticeSink, Way, read_ways
from autologin.store.records import UntakenNotices
from autologin.store.store import Store

PING_PAUSES = (5.0, 20.0, 60.0, 120.0)
"""Seconds before the dead man's switch is asked again, until it answers or is asked anew. It sees
by itself that nobody asks, so a few minutes are enough."""


class Notifier:
    """The ways to people that a config names."""

    def __init__(self, settings: Settings, store: Store, clock: Clock) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._ways = read_ways(settings.notify, store, clock)
        self.dispatcher = NoticeDispatcher(
            self._ways, settings.ref_context, store, clock, concurrent=1
        )
        self._told_unstored: set[tuple[str, str]] = set()
        self._sending: set[asyncio.Task[None]] = set()
        self._pinging: asyncio.Task[None] | None = None
        self._ping_waits = False
        self._closing = False

    def alert(
        self,
        account: str,
        cause: str,
        text: str,
        *,
        image: Path | None = None,
        since: datetime | None = None,
    ) -> None:
        """Tell of a cause, unless it was told before (since a moment) and is not over."""
        text = scrub(text)
        try:
            is_news = self._store.alerts.begin(account, cause, text, str(image or ""), since)
        except StoreError as error:
            self._tell_unstored(account, cause, text, error)
            return
        if is_news:
            event("alert", level="ERROR", account=account, cause=cause, message=text)
            self.settle()

    def recover(self, account: str, causes: Collection[str]) -> None:
        """Tell those who were told of causes that they are over."""
        try:
            ended = self._store.alerts.end(account, causes)
        except StoreError as error:  # the next look says it again
            event("notices_not_stored", level="WARNING", account=account, message=error.detail)
            return
        if ended:
            event("recovered", account=account, causes=", ".join(ended))
            self.settle()

    def settle(self) -> list[str]:
        """Owe each way what the open alerts ask for.

        Gives the ways for which something is due, by their names in the outbox.
        """
        outbox, now = self._store.outbox, self._clock.now()
        try:
            self._store.notices.settle(self._ways)
            return [way for way in self._ways if (due := outbox.next_due(way)) and due <= now]
        except StoreError as error:
            event("notices_not_stored", level="WARNING", message=error.detail)
            return []

    def next_due(self) -> list[datetime]:
        """When something is due for each way that is owed something."""
        found = (self._store.outbox.next_due(way) for way in self._ways)
        return [due for due in found if due]

    def forget_gone(self) -> None:
        """Let alerts go that are of accounts, or of an account's sinks, that the config lost."""
        try:
            for account, cause in self._store.alerts.open():
                known = self._settings.accounts.get(account)
                kind, _, sink = cause.partition(" ")
                if not account:
                    continue
                if known is None or (kind in {"sink", "replaced"} and sink not in known.sinks):
                    self._store.notices.forget(account, cause)
        except StoreError as error:
            event("notices_not_stored", level="WARNING", message=error.detail)

    def untaken(self) -> list[UntakenNotices]:
        """What ways were offered and have not taken."""
        labels = {name: way.label for name, way in self._ways.items()}
        return self._store.notices.untaken(labels)

    def ping(self, *, good: bool) -> None:
        """Ask the dead man's switch; what it was to be asked before is out of date."""
        if self._settings.notify.ping:
            if self._pinging:
                self._pinging.cancel()
            self._ping_waits = False
            self._pinging = self._start(self._ping(self._settings.notify.ping, good=good))

    async def test(self) -> list[str]:
        """Send a test notification on every way; gives the ways.

        Raises:
            ConfigError: there is none.
            NoticeFailed: one of them did not take it; the others were tried all the same.
        """
        if not self._ways:
            raise ConfigError(
                Problem("notify", "names no way to anybody", "Set notify.urls or notify.command.")
            )
        message = Message.test(self._clock.now())
        sendings = (self._send(name, message) for name in self._ways)
        ends = await asyncio.gather(*sendings, return_exceptions=True)
        for way, end in zip(self._ways.values(), ends, strict=True):
            if isinstance(end, NoticeFailed):
                raise NoticeFailed(f"{way.label}: {end.detail}", hint=end.hint)
            if isinstance(end, AutologinError):
                raise end
            if isinstance(
                end, BaseException
            ):  # an address may stand in what a library says, so its name must do
                raise NoticeFailed(f"{way.label}: {type(end).__name__}")
        return [way.label for way in self._ways.values()]

    async def close(self) -> None:
        """Wait a while for what is on its way; a ping that waits for another try is given up."""
        self._closing = True
        if self._pinging and self._ping_waits:
            self._pinging.cancel()
        if self._sending:
            await asyncio.wait(self._sending, timeout=SECONDS)
        await self.dispatcher.close()

    async def _send(self, name: str, message: Message) -> None:
        sink = await self.dispatcher.sink(name)
        assert isinstance(sink, NoticeSink)
        await sink.send(message)

    def _tell_unstored(self, account: str, cause: str, text: str, error: StoreError) -> None:
        """Tell at once and only now, once in this process: the store cannot keep it."""
        if (account, cause) in self._told_unstored:
            return
        self._told_unstored.add((account, cause))
        event("alert", level="ERROR", account=account, cause=cause, message=text)
        event("notices_not_stored", level="WARNING", account=account, message=error.detail)
        message = Message.notice(ALERT, account, [cause], self._clock.now(), text)
        self._start(self._tell_now(message))

    async def _tell_now(self, message: Message) -> None:
        await self.dispatcher.deliver_now(message, [*self._ways])

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return task

    async def _ping(self, url: Secret, *, good: bool) -> None:
        for pause in (*PING_PAUSES, None):
            try:
                await self._ping_once(url, good=good)
            except AutologinError as error:
                reason = error.detail
            except Exception as error:  # noqa: BLE001  (an address may stand in what a library says, so its name must do)
                reason = type(error).__name__
            else:
                return
            event(
                "notice_not_sent",
                level="WARNING",
                way="notify.ping",
                message=reason,
                again_in=pause,
            )
            if pause is None or self._closing:
                return
            self._ping_waits = True
            await self._clock.sleep(pause)
            self._ping_waits = False

    async def _ping_once(self, url: Secret, *, good: bool) -> None:
        import httpx  # noqa: PLC0415  (100 ms that only a ping needs)

        from autologin.transport import RoutingTransport  # noqa: PLC0415  (see above)

        context = self._settings.ref_context
        found = await follow(lambda: resolve("notify.ping", url, context))
        address = found.value.get_secret_value()
        address = address if good else f"{address.rstrip('/')}/fail"
        by_way = RoutingTransport(context.ways())
        async with (
            asyncio.timeout(SECONDS),
            httpx.AsyncClient(trust_env=False, transport=by_way) as http,
            http.stream("GET", address) as answer,  # whose body nobody asks for
        ):
            if not answer.is_success:
                raise NoticeFailed(f"notify.ping: HTTP {answer.status_code}")


class NoticeDispatcher(Dispatcher):
    """A dispatcher whose sinks are ways to people; in the log they are no sinks."""

    configs: Mapping[str, Way]

    def log_delivered(
        self,
        name: str,
        account: str | None = None,
        tries: int | None = None,
        *,
        again: bool = False,
    ) -> None:
        """Log that somebody has been told."""
        del again  # a way to people is not asked whether it still knows
        event("notice_sent", account=account, way=self.configs[name].label, tries=tries)

    def log_failed(
        self, name: str, account: str | None, error: DeliveryFailed, pause: float | None = None
    ) -> None:
        """Log that somebody has not been told."""
        way = self.configs[name].label
        detail = error.detail
        event(
            "notice_not_sent",
            level="WARNING",
            account=account,
            way=way,
            message=detail,
            again_in=pause,
        )
