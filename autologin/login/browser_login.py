"""Signing in: on a login page up to the code in the redirect, or over a broker's API up to the token."""

from __future__ import annotations

import secrets as random
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autologin import retry
from autologin.errors import AutologinError, BrokerUnavailable, OtpRejected
from autologin.flow.base import ApiFlow, AuthCode, BrowserFlow
from autologin.log import event
from autologin.login import artifacts, browser
from autologin.login.capture import Capture, resolver_rule
from autologin.login.engine import LoginPage
from autologin.login.network import Replies, skew_of
from autologin.login.state import answer_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx
    from playwright.async_api import Page

    from autologin.clock import Clock
    from autologin.config.loader import Account, BrowserSettings
    from autologin.flow.base import Flow
    from autologin.flow.otp import OtpGenerator
    from autologin.login.state import Journal
    from autologin.stages import Stages
    from autologin.token import Token

CONCLUDE = 3.0
"""Seconds before a run's time is over in which the page still says what it waited for."""
LONGER = "Raise the account's `timeout`."


@dataclass
class Visit:
    """What is open during one login."""

    tab: Page
    page: LoginPage
    capture: Capture
    nonce: str


@dataclass
class SignIn:
    """One account's way in, as often as it is tried.

    `deadline` is in monotonic seconds, `rejected_codes` are those of earlier runs; bundles go to `failures`.
    """

    account: Account
    flow: Flow
    otp: OtpGenerator | None
    journal: Journal
    clock: Clock
    stages: Stages
    deadline: float
    failures: Path
    headed: bool = False
    rejected_codes: int = 0
    secrets_sent: bool = False
    """Whether any try got as far as typing a secret."""
    _failed: AutologinError | None = None
    """What an earlier try over the API ended in: that is told where there is no time for another."""

    async def code(self, driver: browser.Driver, settings: BrowserSettings, proxy: dict[str, str] | None) -> AuthCode:
        """Sign in and catch the code. A login that fails leaves a scrubbed bundle.

        Raises:
            Rejected, NeedsPerson, Transient: as the broker or the page means it.
        """
        async with browser.crashes_named(), self._visit(driver, settings, proxy) as visit:
            try:
                return await self._through(visit)
            except AutologinError as error:
                self.rejected_codes = visit.page.rejected_codes
                await self._keep_bundle(visit.tab, error)
                raise
            finally:
                self.secrets_sent |= visit.page.secrets_sent

    async def over_api(self, http: httpx.AsyncClient) -> Token:
        """Sign in over the broker's API. A rejected code is followed by one more at most, in a new window.

        Raises:
            Rejected, NeedsPerson, Transient: as the broker means it.
        """
        http.event_hooks["response"] = [self._learn_skew]
        with self.stages.stage("login"):
            while True:
                try:
                    return await self._sent(http)
                except OtpRejected as error:
                    self.rejected_codes += 1
                    if self.otp is None or not retry.may_send_another_code(self.rejected_codes, error.attempts_left):
                        raise
                    event("otp_rejected", level="WARNING", message=error.detail, then="one more code, in a new window")

    async def _in_turn(self) -> None:
        """Wait until the broker's limits allow a login, where there is time for that."""
        assert isinstance(self.flow, ApiFlow)
        pause = retry.pause_before_login(self.flow.rate_limits, self.journal.sent(), self.clock.now())
        if pause > self.deadline - self.clock.monotonic() - retry.LOGIN_SECONDS:
            raise self._failed or self._too_late(pause)
        if pause:
            event("waiting_for_turn", in_seconds=round(pause, 1))
            await self.clock.sleep(pause)

    def _too_late(self, pause: float) -> BrokerUnavailable:
        if pause:
            detail = f"{self.flow.title} takes only so many logins, and the next one in {pause:.0f} seconds"
            return BrokerUnavailable(detail, retry_after=pause)
        return BrokerUnavailable(f"A login needs {retry.LOGIN_SECONDS:g} seconds, and less is left", hint=LONGER)

    async def _sent(self, http: httpx.AsyncClient) -> Token:
        await self._in_turn()
        assert isinstance(self.flow, ApiFlow)
        code = await self.otp.generate() if self.otp else ""
        self.journal.begin("otp" if code else "password")
        self.secrets_sent = True
        try:
            token = await self.flow.sign_in(http, code, self.clock.now())
        except AutologinError as error:
            self.journal.settle(answer_in(error))
            self._failed = error
            raise
        self.journal.settle("accepted")
        return token

    async def _learn_skew(self, response: httpx.Response) -> None:
        skew = skew_of(response.headers, self.clock.now())
        if self.otp and skew is not None:
            self.otp.learn_skew(skew)

    async def _through(self, visit: Visit) -> AuthCode:
        assert isinstance(self.flow, BrowserFlow)
        with self.stages.stage("login"):
            request = self.flow.login_url(visit.nonce)
            await visit.page.open(request.url)
            await visit.page.walk(self.flow.login_script(self.otp))
        with self.stages.stage("capture"):
            code = visit.capture.code()
        event("code_captured")
        return AuthCode(code.get_secret_value(), request.verifier)

    @asynccontextmanager
    async def _visit(
        self, driver: browser.Driver, settings: BrowserSettings, proxy: dict[str, str] | None
    ) -> AsyncIterator[Visit]:
        flow, urls = self.flow, list(self.flow.urls.values())
        assert isinstance(flow, BrowserFlow)
        nonce = random.token_urlsafe(24) if flow.state_param else ""
        catch = Capture(flow.redirect_uri, flow.auth_code_params, flow.state_param, nonce or None, urls)
        rule = resolver_rule(flow.redirect_uri, urls)
        async with AsyncExitStack() as stack:
            with self.stages.stage("browser"):
                opened = browser.fresh_context(driver, settings, headed=self.headed, resolver_rule=rule, proxy=proxy)
                chromium, context = await stack.enter_async_context(opened)
                await catch.attach(chromium, context)
                tab = await context.new_page()
            replies = Replies(tab, catch.is_broker, self.clock)
            await replies.listen(context)
            yield Visit(tab, self._page(tab, catch, replies), catch, nonce)

    def _page(self, tab: Page, catch: Capture, replies: Replies) -> LoginPage:
        return LoginPage(
            tab,
            catch,
            replies,
            self.journal,
            self.clock,
            deadline=self.deadline - CONCLUDE,
            authorize=self.account.authorize,
            headed=self.headed,
            rejected_codes=self.rejected_codes,
        )

    async def _keep_bundle(self, tab: Page, error: AutologinError) -> None:
        user = self.flow.user_id
        error.bundle = await artifacts.save(
            self.failures, tab, self.account.name, error, stages=self.stages.seconds, user_id=user, clock=self.clock
        )
