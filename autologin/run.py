"""The walk of one token, from an account to its sinks. If you read one file, read this one.

    lease -> still valid? -> blocked? -> log in -> exchange -> store -> verify -> deliver

`run_account` is the walk; the functions below it stand in the order in which it calls them. The
last two enter it elsewhere: with what a person pasted after a login by hand, and with the stored
token alone.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

from autologin import log, retry
from autologin.app import App
from autologin.config import accounts
from autologin.config.schema import Account
from autologin.delivery import dispatcher
from autologin.errors import (
    AutologinError,
    BrokerUnavailable,
    Bug,
    LeaseLost,
    StoreError,
    TokenRejected,
    WrongAccount,
)
from autologin.exchange import exchange, renew, verify, verify_once
from autologin.flow.base import ApiFlow, AuthCode, BrowserFlow, Flow, Verdict, Verification
from autologin.flow.http import broker_client
from autologin.lease import account_lease
from autologin.log import event
from autologin.message import REJECTED, Message, Type
from autologin.proxies import Ways
from autologin.quoting import names_user
from autologin.secret_refs import follow
from autologin.stages import Stages, TimeOverError, bugs_told, limit_time
from autologin.store.records import Lease, StoredToken
from autologin.token import Token

if TYPE_CHECKING:
    import httpx

    from autologin.flow.otp import OtpGenerator

DELIVERY_SECONDS = 10.0
"""How long a run waits for sinks that do not take their token; `autologin deliver` and `serve`
carry on."""
PERSON_SECONDS = 600.0
"""Seconds more that a whole run gets under --headed."""

Result = Literal["issued", "still_valid", "failed"]


@dataclass(frozen=True)
class Outcome:
    """What became of one account's run."""

    account: str
    broker: str
    outcome: Result
    seconds: float
    expires_at: datetime | None = None
    deliveries: Sequence[dispatcher.DeliveryResult] = ()
    error: AutologinError | None = None

    @property
    def exit_code(self) -> int:
        """0, or the error's own."""
        return self.error.exit_code if self.error else 0


class Run:
    """One account's run: what it works with, and what is known of it so far.

    `limit` is in seconds; `deadline` is the monotonic moment at which they are over.
    """

    flow: Flow
    limit: float
    deadline: float
    lease: Lease
    ways: Ways

    def __init__(self, app: App, account: Account, *, headed: bool = False) -> None:
        self.app = app
        self.account = account
        self.headed = headed
        self.began = app.clock.now()
        self.stages = Stages()
        self.otp: OtpGenerator | None = None
        self.token_due = False
        """Whether the broker may have issued a token that is not delivered yet."""
        self.stopping = False
        self.result: Result = "failed"
        self.token: Token | None = None
        self.error: AutologinError | None = None
        self.not_stored: StoreError | None = None
        """Why the token is not in the store; its sinks get it all the same."""
        self.deliveries: Sequence[dispatcher.DeliveryResult] = ()
        self.seconds = 0.0
        self._row: int | None = None

    @asynccontextmanager
    async def recorded(self) -> AsyncIterator[None]:
        """Keep what becomes of the run: errors in the outcome and at sinks, all in the history."""
        started = time.perf_counter()
        with log.about(account=self.account.name, run=secrets.token_hex(4)):
            sinks: list[str] = []
            try:
                with bugs_told():
                    yield
            except AutologinError as error:
                self.error = error
                # After a lost lease the other process has the news.
                if self.result == "failed" and not isinstance(error, LeaseLost):
                    sinks = await announce_failure(self, error)
            self.seconds = time.perf_counter() - started
            if self.result == "failed" and self.error:
                event(
                    "login_failed", level="ERROR", error=self.error.name, message=self.error.message
                )
            if self._row is not None:
                try:
                    self.app.store.history.end_run(
                        self._row,
                        self.result,
                        self.error,
                        seconds=self.seconds,
                        stages=self.stages.seconds,
                        skew=self.otp.measured if self.otp else None,
                    )
                except StoreError as error:
                    self.error = self.error or error
            with suppress(StoreError):
                await drain(self, sinks)

    async def begin(self) -> None:
        """Write into the history that this run begins, and prepare it.

        Raises:
            StoreError, ConfigError: it cannot begin.
        """
        self._row = self.app.store.history.begin_run(self.account.name, self.account.broker)
        await self.prepare()

    async def prepare(self) -> None:
        """Make the account's flow, and start its time.

        Raises:
            ConfigError: its credentials or its secrets cannot be used.
        """
        with self.stages.stage("config"):
            self.flow = await follow(lambda: accounts.load_flow(self.app.settings, self.account))
        self.limit = self.account.timeout or self.flow.timeout
        self.deadline = self.app.clock.monotonic() + self.limit

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """The client that asks the broker, by the account's ways."""
        self.ways = await follow(lambda: accounts.ways_out(self.account))
        # In a thread: importing it and reading the certificates takes 150 ms, in which a browser's
        # driver can start.
        async with await asyncio.to_thread(broker_client, self.ways) as http:
            yield http

    def expect_token(self, *, expected: bool) -> None:
        """Note whether the broker may issue a token for what is sent now."""
        self.token_due = expected

    def seconds_left(self) -> float:
        """Seconds until the run's time is over."""
        return self.deadline - self.app.clock.monotonic()

    def finish(self, result: Literal["issued", "still_valid"], token: Token) -> None:
        """The account has its token."""
        self.result = result
        self.token = token

    @property
    def outcome(self) -> Outcome:
        """What became of it."""
        return Outcome(
            self.account.name,
            self.account.broker,
            self.result,
            self.seconds,
            self.token.expires_at if self.token else None,
            self.deliveries,
            self.error,
        )


async def run_accounts(
    app: App, wanted: Sequence[Account], *, force: bool = False, headed: bool = False
) -> list[Outcome]:
    """Run several accounts, as many at once as the config allows.

    One that fails does not disturb the others.
    """
    places = asyncio.Semaphore(app.settings.concurrency)

    async def run_in_turn(account: Account) -> Outcome:
        async with places:
            return await run_account(app, account, force=force, headed=headed)

    try:
        return await asyncio.gather(*map(run_in_turn, wanted))
    finally:
        with suppress(Bug), bugs_told():  # it must not take the outcomes away
            await app.close()


async def run_account(
    app: App, account: Account, *, force: bool = False, headed: bool = False
) -> Outcome:
    """One account, now. What goes wrong is in the outcome, a bug too."""
    run = Run(app, account, headed=headed)
    try:
        with bugs_told():
            await finish_orderly(run, walk(run, force=force))
    except Bug as bug:  # in what a run does when it has ended
        event("bug", level="ERROR", account=account.name, message=bug.message)
        run.error = run.error or bug
    return run.outcome


async def finish_orderly(run: Run, work: Coroutine[Any, Any, None]) -> None:
    """Do a run's work; where it is cancelled meanwhile, no token that was issued is lost.

    A run whose token the broker may have issued goes on to its sinks, for the config's
    `stop_timeout` at most. Any other one ends at once.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        run.stopping = True
        if run.token_due and not task.done():
            event("stopping", account=run.account.name, message="the token is delivered first")
            await asyncio.wait([task], timeout=run.app.seconds_to_stop())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise


async def walk(run: Run, *, force: bool) -> None:
    """All of a run, from its beginning to its sinks."""
    app = run.app
    account = run.account
    async with run.recorded():
        await run.begin()
        if isinstance(run.flow, BrowserFlow) and find_living_token(run) is None:
            app.driver.start_early()  # it boots while we wait for the lease
        lease = account_lease(app.store, account.name, app.clock, run.deadline)
        async with time_limit(run), lease as run.lease, run.client() as http:
            former = app.store.tokens.get(account.name)
            token = await find_usable_token(run, http, force=force)
            if token is not None:
                run.finish("still_valid", token)
            else:
                async with sinks_checked(run):
                    token = await refresh(run, former, http) or await log_in(run, http)
                run.finish("issued", token)
        await deliver(run)


def find_living_token(run: Run) -> Token | None:
    """The stored token, where it is this broker's and not past the broker's reset."""
    stored = run.app.store.tokens.get(run.account.name)
    if stored is None or stored.broker != run.account.broker:
        return None
    return None if stored.token.expired(run.app.clock.now()) else stored.token


@asynccontextmanager
async def time_limit(run: Run) -> AsyncIterator[None]:
    """End everything but the delivery when the account's time is over.

    Raises:
        BrokerUnavailable: so it was.
    """
    try:
        async with limit_time(run.limit + (PERSON_SECONDS if run.headed else 0)):
            yield
    except TimeOverError:
        raise BrokerUnavailable(f"Timed out after {run.limit:g} s") from None


async def find_usable_token(run: Run, http: httpx.AsyncClient, *, force: bool) -> Token | None:
    """The stored token, where it lives long enough and the broker does not refuse it when asked.

    Forced: only one that another process made while we waited for the lease.
    """
    token = find_living_token(run)
    if token is None or retry.ends_too_soon(token.issued_at, token.expires_at, run.app.clock.now()):
        return None
    if force and token.issued_at < run.began:
        return None
    answer = await verify_living_token(run, token, http)
    return None if answer.verdict is Verdict.REJECTED else token


async def verify_living_token(run: Run, token: Token, http: httpx.AsyncClient) -> Verification:
    """The broker's word for the stored token.

    One that it refuses is forgotten, and the sinks are told.
    """
    with run.stages.stage("verify"):
        answer = await verify_once(run.flow, token, http, run.seconds_left())
    event("token_verified", verdict=answer.verdict.value, message=answer.detail or None)
    if not is_owner(run, answer.user_id):
        detail = answer.detail or "It belongs to another user"
        answer = replace(answer, verdict=Verdict.REJECTED, detail=detail)
    if answer.verdict is Verdict.REJECTED:
        run.app.drop_token(run.account, token, answer.detail)
    elif answer.verdict is Verdict.VALID:
        run.app.store.tokens.mark_verified(run.account.name, token)
    return answer


def is_owner(run: Run, user_id: str | None) -> bool:
    """Whether the user that the broker names may be the configured one: nobody named may be."""
    configured = run.flow.user_id
    return not configured or not user_id or user_id.strip().upper() == configured.strip().upper()


def printable_user(run: Run, user_id: str | None) -> str:
    """The user that the broker names; "" for what may be a token, as `status` prints it.

    Where a user is configured, it is compared with that one as it is.
    """
    return user_id if user_id and (run.flow.user_id or names_user(user_id)) else ""


@asynccontextmanager
async def sinks_checked(run: Run) -> AsyncIterator[None]:
    """Ask the sinks meanwhile whether they would take a token.

    Who is there to fix one knows it early.
    """
    checking = asyncio.ensure_future(run.app.dispatcher.check_ready(run.account.sinks))
    try:
        yield
    finally:
        checking.cancel()
        await asyncio.gather(checking, return_exceptions=True)


async def refresh(run: Run, former: StoredToken | None, http: httpx.AsyncClient) -> Token | None:
    """A token without a login, where the user wants that tried and the broker still does it."""
    if not run.account.refresh or former is None or former.broker != run.account.broker:
        return None
    run.token_due = True  # a refresh token is often of one use
    with run.stages.stage("refresh"):
        token = await renew(run.flow, former.token, http, run.app.clock.now())
    if token is None:
        run.token_due = False
        event("refresh_refused")
        return None
    event("refreshed")
    return await confirm(run, token, http)


async def log_in(run: Run, http: httpx.AsyncClient) -> Token:
    """Log in until there is a token, as often as the policy allows."""
    # Here, because a run that finds a living token must not wait for them.
    from autologin.login.api_login import api_login  # noqa: PLC0415
    from autologin.login.attempts import AttemptLog  # noqa: PLC0415
    from autologin.login.browser_login import browser_login  # noqa: PLC0415
    from autologin.login.context import LoginContext  # noqa: PLC0415

    app = run.app
    run.otp = app.otp(run.flow, run.lease)
    attempts = AttemptLog(app.store, run.lease, run.flow, app.clock)
    login = LoginContext(
        account=run.account,
        otp=run.otp,
        attempts=attempts,
        clock=app.clock,
        stages=run.stages,
        deadline=run.deadline,
        failures=app.settings.state.path / "failures",
        headed=run.headed,
        otp_rejections=attempts.otp_rejections,
        expect_token=run.expect_token,
    )
    for tries in count(1):
        try:
            attempts.refuse_if_blocked()
            if isinstance(run.flow, BrowserFlow):
                proxy = accounts.chromium_proxy(run.account, run.ways)
                auth_code = await browser_login(
                    login, run.flow, app.driver, app.settings.browser, proxy
                )
                run.token_due = True
                token = await exchange_auth_code(run, run.flow, auth_code, http)
            else:
                assert isinstance(run.flow, ApiFlow)
                token = await api_login(login, run.flow, http)
            return await confirm(run, token, http)
        except AutologinError as error:
            run.token_due = False
            pause = retry.pause_before_retry(
                error,
                tries,
                secrets_sent=login.secrets_sent,
                seconds_left=run.seconds_left(),
                waiting_out=attempts.is_waiting_out,
            )
            if pause is None or run.stopping:
                if retry.blocks(error):
                    attempts.block(error)
                raise
            event("retrying", level="WARNING", message=error.detail, in_seconds=pause)
            await app.clock.sleep(pause)
    raise AssertionError


async def exchange_auth_code(
    run: Run, flow: BrowserFlow, auth_code: AuthCode, http: httpx.AsyncClient
) -> Token:
    """The token for an auth code."""
    with run.stages.stage("exchange"):
        return await exchange(flow, auth_code, http, run.app.clock, run.seconds_left)


async def confirm(run: Run, token: Token, http: httpx.AsyncClient) -> Token:
    """Store a new token at once, so that nothing can lose it, then ask the broker what it is worth.

    Raises:
        WrongAccount, TokenRejected: it is forgotten, and no sink gets it.
    """
    account = run.account
    tokens = run.app.store.tokens
    token = replace(token, user_id=printable_user(run, token.user_id))
    with store_may_fail(run):
        tokens.save(run.lease, account.broker, token, account.sinks)
    event("session_created", expires_at=token.expires_at.isoformat())
    with run.stages.stage("verify"):
        answer = await verify(run.flow, token, http, run.app.clock, run.seconds_left)
        if not (is_owner(run, answer.user_id) and is_owner(run, token.user_id)):
            tokens.drop(account.name, token)
            raise WrongAccount("The token belongs to another user than the configured one")
        if answer.verdict is Verdict.REJECTED:
            tokens.drop(account.name, token)
            raise TokenRejected(
                f"The broker refused the token that it had just issued: {answer.detail}"
            )
        user = (
            printable_user(run, answer.user_id) or run.flow.user_id
        )  # where the broker could not be asked, the configured one
        if user and not token.user_id:
            token = replace(token, user_id=user)
            if (
                not run.not_stored
            ):  # else the store holds an older token, of which nothing is known here
                with store_may_fail(run):
                    tokens.set_user_id(account.name, token, user)
        if answer.verdict is Verdict.VALID and not run.not_stored:
            tokens.mark_verified(account.name, token)
        if not run.not_stored:
            with store_may_fail(run):
                run.app.store.outbox.release(account.name)
    return token


@contextmanager
def store_may_fail(run: Run) -> Iterator[None]:
    """A store that fails when the token is there must not lose it: the sinks still get theirs."""
    try:
        yield
    except StoreError as error:
        event("not_stored", level="ERROR", message=error.detail)
        run.not_stored = error


async def deliver(run: Run) -> None:
    """Give the token to the account's sinks, whatever became of the store."""
    assert run.token is not None
    app = run.app
    name = run.account.name
    sinks = run.account.sinks
    with run.stages.stage("deliver"):
        if run.not_stored:
            message = Message.issued(name, run.account.broker, run.token)
            run.deliveries = await app.dispatcher.deliver_now(message, sinks)
        else:
            if run.result == "still_valid":
                await app.dispatcher.look(name, run.account.broker, sinks)
                app.store.outbox.retry_now(name)
            app.store.outbox.enable_sinks(sinks)  # whoever runs this may have mended them
            await drain(run, sinks)
            run.deliveries = dispatcher.report(app.store.outbox.latest(name), sinks)
    run.error = run.not_stored or dispatcher.failure(run.deliveries)


async def announce_failure(run: Run, error: AutologinError) -> list[str]:
    """Queue the news that there is no token; gives the sinks that are to hear of it.

    Where the store fails they are told at once, and only now.
    """
    kind: Type = REJECTED if isinstance(error, TokenRejected) else "login.failed"
    sinks = run.app.dispatcher.subscribed(run.account.sinks, kind)
    now = run.app.clock.now()
    message = Message.failed(kind, run.account.name, run.account.broker, error, now)
    try:
        run.app.store.outbox.enqueue(message, sinks)
    except StoreError:
        await run.app.dispatcher.deliver_now(message, sinks)
        return []
    return sinks


async def drain(run: Run, sinks: Sequence[str]) -> None:
    """Deliver what is outstanding at these sinks, for as long as a run waits for them."""
    await run.app.dispatcher.drain(sinks, account=run.account.name, seconds=DELIVERY_SECONDS)


async def finish_by_hand(app: App, account: Account, pasted: str) -> Outcome:
    """The rest of the walk after a login by hand.

    `pasted` is the address where the browser ended, or the auth code.
    """
    run = Run(app, account)
    try:
        await finish_orderly(run, walk_by_hand(run, pasted))
    finally:
        await app.dispatcher.close()
    return run.outcome


async def walk_by_hand(run: Run, pasted: str) -> None:
    """From what was pasted to the sinks."""
    app = run.app
    name = run.account.name
    async with run.recorded():
        await run.begin()
        assert isinstance(run.flow, BrowserFlow)
        lease = account_lease(app.store, name, app.clock, run.deadline)
        async with lease as run.lease, run.client() as http:
            auth_code = parse_manual_answer(run, run.flow, pasted)
            run.token_due = True
            token = await exchange_auth_code(run, run.flow, auth_code, http)
            run.finish("issued", await confirm(run, token, http))
            app.store.attempts.drop_manual_login(name)
        await deliver(run)


def parse_manual_answer(run: Run, flow: BrowserFlow, pasted: str) -> AuthCode:
    """The auth code in what was pasted, with what `autologin login-url` kept for its exchange.

    Raises:
        StateMismatch, ConsentRequired, ExchangeRejected: as the redirect says.
    """
    from autologin.login.capture import parse_pasted  # noqa: PLC0415  (see `log_in`)

    started = run.app.store.attempts.manual_login(run.account.name)
    nonce = started.nonce if started else None
    names = flow.auth_code_params, flow.state_param
    auth_code = parse_pasted(pasted, *names, nonce, flow.redirect_uri)
    return AuthCode(auth_code.get_secret_value(), started.verifier if started else None)


async def verify_stored(app: App, account: Account) -> Verification:
    """Ask the broker whether the stored token lives.

    One that it refuses is forgotten, and the sinks are told.

    Raises:
        AutologinError: it cannot be asked.
    """
    run = Run(app, account)
    with log.about(account=account.name):
        await run.prepare()
        lease = account_lease(app.store, account.name, app.clock, run.deadline)
        async with lease as run.lease, run.client() as http:
            token = find_living_token(run)
            if token is None:
                return Verification(Verdict.UNKNOWN, None, "There is no token")
            answer = await verify_living_token(run, token, http)
        await app.dispatcher.look(account.name, account.broker, account.sinks)
        await drain(run, app.dispatcher.subscribed(account.sinks, REJECTED))
        return answer
