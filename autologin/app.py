"""What every account's run shares.

The config, the store, the clock, the browser's driver and the dispatcher.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from autologin.config import accounts, withheld
from autologin.delivery.dispatcher import DeliveryResult, Dispatcher, report
from autologin.errors import TokenRejected
from autologin.flow.otp import OtpGenerator, normalise
from autologin.login.attempts import login_fingerprint
from autologin.login.browser import Driver
from autologin.message import REJECTED, Message
from autologin.secret_refs import follow
from autologin.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from autologin.clock import Clock
    from autologin.config.schema import Account, Settings
    from autologin.flow.base import Flow
    from autologin.store.records import Lease
    from autologin.token import Token


@dataclass
class App:
    """What runs are made with."""

    settings: Settings
    store: Store
    clock: Clock
    dispatcher: Dispatcher
    driver: Driver = field(default_factory=Driver)
    stop_by: float | None = None
    """The monotonic moment by which a service that stops is to have ended."""

    @classmethod
    def open(cls, settings: Settings, clock: Clock, driver: Driver | None = None) -> App:
        """The app of a config; `driver` is one that starts already.

        Raises:
            ConfigError, StoreError: as `Store.open` does.
        """
        store = Store.open(settings.state.path, clock, accounts.state_keys(settings))
        driver = driver or Driver()
        driver.withheld = partial(withheld.for_browser, settings)
        app = cls(
            settings,
            store,
            clock,
            dispatcher_of(settings, store, clock),
            driver,
        )
        app.purge()
        return app

    def purge(self) -> None:
        """Forget tokens that ended long ago, but for those that can be refreshed."""
        self.store.purge(
            keep=[account.name for account in self.settings.accounts.values() if account.refresh]
        )

    def otp(self, flow: Flow, lease: Lease) -> OtpGenerator | None:
        """The generator of an account's one-time passwords; None where it has no seed."""
        if (seed := flow.seed) is None:
            return None
        key = self.store.fingerprint("otp", normalise(seed.get_secret_value()))
        return OtpGenerator(
            seed, lambda step: self.store.attempts.claim_otp_step(lease, key, step), self.clock
        )

    def drop_token(self, account: Account, token: Token, detail: str) -> list[str]:
        """Forget a token that the broker refuses.

        Gives the sinks that are to hear of it.
        """
        sinks = self.dispatcher.subscribed(account.sinks, REJECTED)
        error = TokenRejected(detail)
        news = Message.failed(REJECTED, account.name, account.broker, error, self.clock.now())
        self.store.tokens.drop(account.name, token, news, sinks)
        return sinks

    async def unblock(self, account: Account) -> bool:
        """Forget what was refused of an account, under whatever names it had.

        Gives whether there was anything.
        """
        login_id = await follow(lambda: accounts.login_id(self.settings, account))
        login = login_id and login_fingerprint(self.store, account.broker, login_id)
        return self.store.attempts.unblock(account.name, login or None)

    async def deliver(
        self, seconds: float, *, force: bool = False
    ) -> dict[str, list[DeliveryResult]]:
        """Try everything that is outstanding or gone from its sink, now.

        `force`: and whatever has something else in its place. Gives what became of each account's
        newest message at its sinks; of one without a token, only what happened now.
        """
        began = self.clock.now()
        outbox = self.store.outbox
        accounts = self.settings.accounts.values()
        try:
            for one in accounts:
                await self.dispatcher.look(one.name, one.broker, one.sinks, force=force)
            outbox.retry_now()
            outbox.enable_sinks(outbox.outstanding())
            await self.dispatcher.drain(outbox.outstanding(), seconds=seconds)
        finally:
            await self.dispatcher.close()
        return {one.name: list(self._report(one, began)) for one in accounts}

    def _report(self, account: Account, began: datetime) -> Iterator[DeliveryResult]:
        """What became of an account's newest messages, and where they lie."""
        living = self.dispatcher.find_living(account.name, account.broker)
        for result in report(self.store.outbox.latest(account.name), account.sinks):
            if living or result.at is None or result.at >= began:
                place = self.settings.sinks[result.sink].target(account.name, account.broker)
                yield replace(result, place=place)

    def seconds_to_stop(self) -> float:
        """How long a run that is stopped may still take for a token that was issued."""
        if self.stop_by is None:
            return self.settings.stop_timeout
        return max(self.stop_by - self.clock.monotonic(), 0.0)

    async def close(self) -> None:
        """Let go of the sinks' connections and the browser's driver."""
        await self.dispatcher.close()
        await self.driver.stop()


def dispatcher_of(settings: Settings, store: Store, clock: Clock) -> Dispatcher:
    """The dispatcher of a config's sinks, for the accounts that name each of them."""
    recipients = {
        sink: [one.name for one in settings.accounts.values() if sink in one.sinks]
        for sink in settings.sinks
    }
    return Dispatcher(settings.sinks, settings.ref_context, store, clock, recipients)
