"""The walk of one token, from an account to its sinks. If you read one file, read this one.

config -> lease -> still valid? -> blocked? -> browser -> login -> capture -> exchange -> verify -> store -> deliver
"""

from __future__ import annotations

import asyncio
import secrets as random
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Literal

from autologin import lease, log, retry
from autologin.config import accounts
from autologin.delivery import dispatcher
from autologin.errors import AccountBlocked, AutologinError, BrokerUnavailable, StoreError, TokenRejected, WrongAccount
from autologin.exchange import client, exchange, verify
from autologin.flow.base import Verdict, Verified
from autologin.log import event
from autologin.login import capture
from autologin.login.state import Journal
from autologin.message import Message
from autologin.stages import Stages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from datetime import datetime

    import httpx
    from pydantic import SecretStr

    from autologin.app import App
    from autologin.config.schema import Account
    from autologin.flow.base import Flow
    from autologin.flow.otp import Otp
    from autologin.login.browser_login import SignIn
    from autologin.message import Type
    from autologin.store.records import StoredToken
    from autologin.token import Token

Good = Literal["issued", "still_valid"]
DELIVERY_SECONDS = 10.0
"""How long a run waits for sinks that do not take their token; `autologin deliver` and `serve` carry on."""
FOR_A_PERSON = 600.0
"""Seconds more that a whole run gets under --headed."""


@dataclass(frozen=True)
class Outcome:
    """What became of one account's run."""

    account: str
    broker: str
    outcome: Good | Literal["failed"]
    seconds: float
    expires_at: datetime | None = None
    deliveries: Sequence[dispatcher.Delivery] = ()
    error: AutologinError | None = None

    @property
    def exit_code(self) -> int:
        """0, or the error's own."""
        return self.error.exit_code if self.error else 0


async def run(app: App, accounts: Sequence[Account], *, force: bool = False, headed: bool = False) -> list[Outcome]:
    """Run several accounts, as many at once as the config allows; one that fails does not disturb the others."""
    places = asyncio.Semaphore(app.settings.concurrency)

    async def in_turn(account: Account) -> Outcome:
        async with places:
            return await one(app, account, force=force, headed=headed)

    try:
        ended = await asyncio.gather(*map(in_turn, accounts), return_exceptions=True)
    finally:
        await app.close()
    for bug in ended:
        if isinstance(bug, BaseException):
            raise bug  # only now: a mistake in one flow must not take their tokens from the others
    return [outcome for outcome in ended if isinstance(outcome, Outcome)]


async def one(app: App, account: Account, *, force: bool = False, headed: bool = False) -> Outcome:
    """Run one account, now."""
    walk = Walk(app, account, headed=headed)
    return await _recorded(walk, lambda: walk.token(force=force))


async def verify_stored(app: App, account: Account) -> Verified:
    """Ask the broker whether the stored token lives; one that it refuses is forgotten, and the sinks are told.

    Raises:
        AutologinError: it cannot be asked.
    """
    with log.about(account=account.name):
        return await Walk(app, account).still_lives()


async def finish(app: App, account: Account, pasted: str) -> Outcome:
    """The rest of the walk for a redirect's address, or a code, that somebody pasted."""
    walk = Walk(app, account)
    try:
        return await _recorded(walk, lambda: walk.finish(pasted))
    finally:
        await app.dispatcher.close()


async def _recorded(walk: Walk, work: Callable[[], Awaitable[Good]]) -> Outcome:
    """Do the work, deliver, and write down what came of it. What goes wrong is in the outcome; only a bug raises."""
    outcome: Good | Literal["failed"] = "failed"
    error: AutologinError | None = None
    with log.about(account=walk.account.name, run=random.token_hex(4)):
        try:
            walk.begin()
            outcome = await work()
            error = await walk.deliver()
        except AutologinError as failed:
            error = failed
            await walk.tell(failed)
        return walk.ended(outcome, error)


class Walk:
    """One account's run: its flow, its time, and what is known of it so far."""

    flow: Flow
    http: httpx.AsyncClient

    def __init__(self, app: App, account: Account, *, headed: bool = False) -> None:
        self.app, self.account, self.headed = app, account, headed
        self.stages = Stages()
        self.issued: Token | None = None
        self.not_stored: StoreError | None = None
        self.deliveries: list[dispatcher.Delivery] = []
        self._row: int | None = None
        self._otp: Otp | None = None
        self._started = time.perf_counter()
        self._began = app.clock.now()

    def begin(self) -> None:
        """Write into the history that this run begins."""
        self._row = self.app.store.begin_run(self.account.name, self.account.broker)

    async def token(self, *, force: bool) -> Good:
        """Have a token that the broker accepts: the stored one, or a new one. `self.issued` holds it then."""
        self._prepare()
        patience = self.limit + (FOR_A_PERSON if self.headed else 0)
        if self.flow.needs_browser and self._stored() is None:
            self.app.driver.start_early()
        waiting = lease.held(self.app.store, self.account.name, self.app.clock, self.deadline)
        try:
            async with asyncio.timeout(patience), waiting, self._client():
                former = self.app.store.token(self.account.name)
                if await self._still_valid(force=force):
                    return "still_valid"
                async with self._sinks_asked():
                    self.issued = await self._refreshed(former) or await self._issue()
        except TimeoutError:
            raise BrokerUnavailable(f"It was not done within the account's {self.limit:g} seconds") from None
        return "issued"

    async def still_lives(self) -> Verified:
        """The broker's word for the stored token; the account must have one."""
        self._prepare()
        async with lease.held(self.app.store, self.account.name, self.app.clock, self.deadline), self._client():
            token = self._stored()
            if token is None:
                return Verified(Verdict.UNKNOWN, None, "There is no token")
            answer = await self._asked(token)
        await self._drain(self.app.dispatcher.takers(self.account.sinks, "token.rejected"))
        return answer

    async def finish(self, pasted: str) -> Good:
        """A token for what somebody pasted: where the browser ended after a login by hand, or the code alone."""
        self._prepare()
        async with lease.held(self.app.store, self.account.name, self.app.clock, self.deadline), self._client():
            nonce = self.app.store.nonce(self.account.name)
            if nonce:
                self.flow.resume(nonce)
            code = capture.pasted_code(pasted, self.flow.code_params, self.flow.state_param, nonce)
            self.issued = await self._exchanged(code)
            self.app.store.drop_nonce(self.account.name)
        return "issued"

    async def deliver(self) -> AutologinError | None:
        """Give the token to the account's sinks, whatever became of the store; gives what is left to tell."""
        assert self.issued is not None
        message = Message.issued(self.account.name, self.account.broker, self.issued)
        with self.stages.stage("deliver"):
            if self.not_stored:
                self.deliveries = await self.app.dispatcher.hand(message, self.account.sinks)
            else:
                self.app.store.outbox.owe(message, self.account.sinks, again=self.app.dispatcher.repeaters(self.account.sinks))
                self.app.store.outbox.release(self.account.name)
                await self._drain(self.account.sinks)
                self.deliveries = dispatcher.report(self.app.store.outbox.of(self.account.name), self.account.sinks)
        return self.not_stored or dispatcher.failure(self.deliveries)

    async def tell(self, error: AutologinError) -> None:
        """Tell the sinks that want to know that there is no token. What fails here hides nothing."""
        with suppress(StoreError):
            await self._drain(self._owe_refusal(error))

    def _owe_refusal(self, error: AutologinError) -> list[str]:
        """Owe the news to the sinks that want it; gives their names."""
        kind: Type = "token.rejected" if isinstance(error, TokenRejected) else "login.failed"
        sinks = self.app.dispatcher.takers(self.account.sinks, kind)
        message = Message.failed(kind, self.account.name, self.account.broker, error, self.app.clock.now())
        self.app.store.outbox.owe(message, sinks)
        return sinks

    async def _drain(self, sinks: Sequence[str]) -> None:
        await self.app.dispatcher.drain(sinks, account=self.account.name, seconds=DELIVERY_SECONDS)

    def ended(self, outcome: Good | Literal["failed"], error: AutologinError | None) -> Outcome:
        """Write down how it ended."""
        seconds = time.perf_counter() - self._started
        if outcome == "failed" and error:
            event("login_failed", level="ERROR", error=error.name, message=error.message)
        try:
            if self._row is not None:
                skew = self._otp.measured if self._otp else None
                self.app.store.end_run(self._row, outcome, error, seconds=seconds, stages=self.stages.seconds, skew=skew)
        except StoreError as unwritten:
            error = error or unwritten
        expires_at = self.issued.expires_at if self.issued else None
        return Outcome(self.account.name, self.account.broker, outcome, seconds, expires_at, self.deliveries, error)

    # Before a login

    def _prepare(self) -> None:
        with self.stages.stage("config"):
            self.flow = accounts.load_flow(self.app.settings, self.account)
            self.proxy = accounts.proxy_url(self.account)
            self.fingerprint = self.app.fingerprint(self.flow)
        self.limit = self.account.timeout or self.flow.timeout
        self.deadline = self.app.clock.monotonic() + self.limit

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[None]:
        # In a thread: importing it and reading the certificates takes 150 ms, in which a browser's driver can start.
        async with await asyncio.to_thread(client, self.proxy) as self.http:
            yield

    @asynccontextmanager
    async def _sinks_asked(self) -> AsyncIterator[None]:
        """Ask the sinks meanwhile whether they would take a token: who is there to fix one knows it early."""
        asking = asyncio.ensure_future(self.app.dispatcher.ready(self.account.sinks))
        try:
            yield
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    def _stored(self) -> Token | None:
        """The stored token, where it is this broker's and not past the broker's reset."""
        stored = self.app.store.token(self.account.name)
        if stored is None or stored.broker != self.account.broker or stored.token.expired(self.app.clock.now()):
            return None
        return stored.token

    async def _still_valid(self, *, force: bool) -> bool:
        """Whether the stored token serves: it is not expired, and the broker does not refuse it when asked."""
        token, now = self._stored(), self.app.clock.now()
        if token is None or retry.ends_too_soon(token.issued_at, token.expires_at, now):
            return False
        if force and token.issued_at < self._began:
            return False
        answer = await self._asked(token)
        if answer.verdict is Verdict.REJECTED:
            return False
        self.issued = token
        return True

    async def _asked(self, token: Token) -> Verified:
        """The broker's word for the stored token, and what follows from it."""
        with self.stages.stage("verify"):
            answer = await self.flow.verify(token, self.http)
        event("token_verified", verdict=answer.verdict.value, message=answer.detail or None)
        if not self._ours(answer.user_id):
            answer = replace(answer, verdict=Verdict.REJECTED, detail=answer.detail or "It belongs to another user")
        if answer.verdict is Verdict.REJECTED:
            self.app.store.drop_token(self.account.name)
            self._owe_refusal(TokenRejected(answer.detail))
        elif answer.verdict is Verdict.VALID:
            self.app.store.mark_verified(self.account.name)
        return answer

    def _ours(self, user_id: str | None) -> bool:
        ours = self.flow.user_id
        return not ours or not user_id or user_id.strip().upper() == ours.strip().upper()

    def _refuse_if_blocked(self) -> None:
        store, name = self.app.store, self.account.name
        if block := store.blocked(name, self.fingerprint):
            raise AccountBlocked(f"Blocked since {block.at:%Y-%m-%d %H:%M} UTC after {block.error}. {block.message}")
        if reason := retry.exhausted(store.attempts(name, self.fingerprint)):
            raise AccountBlocked(f"Blocked: {reason}")

    # The login

    async def _refreshed(self, former: StoredToken | None) -> Token | None:
        """A token without a login, where the user wants that tried and the broker still does it."""
        if not self.account.refresh or former is None or former.broker != self.account.broker:
            return None
        with self.stages.stage("refresh"):
            token = await self.flow.refresh(former.token, self.http, self.app.clock.now())
        if token is None:
            event("refresh_refused")
            return None
        event("refreshed")
        return await self._proven(token)

    async def _issue(self) -> Token:
        """Log in until there is a token, as often as the policy allows."""
        self._refuse_if_blocked()
        sign_in = self._sign_in()
        for tries in count(1):
            try:
                return await self._log_in(sign_in)
            except AutologinError as error:
                pause = retry.pause_before_retry(error, tries, secrets_sent=sign_in.secrets_sent, seconds_left=self._left())
                if pause is None:
                    self._block_if_refused(error)
                    raise
                event("retrying", level="WARNING", message=error.detail, in_seconds=pause)
                await self.app.clock.sleep(pause)
        raise AssertionError

    async def _log_in(self, sign_in: SignIn) -> Token:
        """One login, on the broker's page or over its API."""
        if not self.flow.needs_browser:
            return await self._proven(await sign_in.over_api(self.http))
        code = await sign_in.code(self.app.driver, self.app.settings.browser, accounts.proxy_parts(self.account))
        return await self._exchanged(code)

    def _sign_in(self) -> SignIn:
        from autologin.login.browser_login import SignIn  # noqa: PLC0415  (its page and screen code is only for a login)

        app, name = self.app, self.account.name
        self._otp = app.otp(self.flow)
        return SignIn(
            self.account,
            self.flow,
            self._otp,
            Journal(app.store, name, self.fingerprint),
            app.clock,
            self.stages,
            self.deadline,
            app.settings.state.path / "failures",
            headed=self.headed,
            rejected_codes=app.store.attempts(name, self.fingerprint).rejected_otps,
        )

    def _block_if_refused(self, error: AutologinError) -> None:
        if retry.blocks(error):
            self.app.store.block(self.account.name, self.fingerprint, error.name, error.detail)

    def _left(self) -> float:
        return self.deadline - self.app.clock.monotonic()

    # The token

    async def _exchanged(self, code: SecretStr) -> Token:
        with self.stages.stage("exchange"):
            token = await exchange(self.flow, code, self.http, self.app.clock, self._left)
        return await self._proven(token)

    async def _proven(self, token: Token) -> Token:
        """Store a new token at once, so that nothing can lose it, then ask the broker what it is worth."""
        self._keep(token)
        event("session_created", expires_at=token.expires_at.isoformat())
        with self.stages.stage("verify"):
            answer = await verify(self.flow, token, self.http, self.app.clock, self._left)
            return self._settle(token, answer)

    def _keep(self, token: Token) -> None:
        """Store a token. A store that fails now must not lose it: the sinks still get theirs."""
        try:
            self.app.store.put_token(self.account.name, self.account.broker, token, self.account.sinks)
        except StoreError as error:
            event("not_stored", level="ERROR", message=error.detail)
            self.not_stored = error

    def _settle(self, token: Token, answer: Verified) -> Token:
        """Keep the token that the broker confirmed, or could not be asked about; forget any other."""
        if not (self._ours(answer.user_id) and self._ours(token.user_id)):
            self.app.store.drop_token(self.account.name)
            raise WrongAccount("The token belongs to another user than the configured one")
        if answer.verdict is Verdict.REJECTED:
            self.app.store.drop_token(self.account.name)
            raise TokenRejected(f"The broker refused the token that it had just issued: {answer.detail}")
        if not token.user_id and (user := answer.user_id or self.flow.user_id):
            self._keep(token := replace(token, user_id=user))  # where the broker could not be asked, it is the configured one's
        if answer.verdict is Verdict.VALID and not self.not_stored:
            self.app.store.mark_verified(self.account.name)
        return token
