"""From a login page to the code in the redirect: one browser, one page, one answer."""

from __future__ import annotations

import secrets as random
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autologin import browser, bundle
from autologin.capture import Capture, resolver_rule
from autologin.errors import AutologinError
from autologin.log import event
from autologin.page import LoginPage
from autologin.replies import Replies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Page
    from pydantic import SecretStr

    from autologin.clock import Clock
    from autologin.config import Account, BrowserSettings
    from autologin.flow import Flow
    from autologin.journal import Journal
    from autologin.otp import Otp
    from autologin.stages import Stages

CONCLUDE = 3.0
"""Seconds before a run's time is over in which the page still says what it waited for."""


@dataclass
class Visit:
    """What is open during one login."""

    tab: Page
    page: LoginPage
    capture: Capture
    nonce: str


@dataclass
class SignIn:
    """One account's way through its broker's login page, as often as it is asked for a code.

    `deadline` is in monotonic seconds, `rejected_codes` are those of earlier runs; bundles go to `failures`.
    """

    account: Account
    flow: Flow
    otp: Otp | None
    journal: Journal
    clock: Clock
    stages: Stages
    deadline: float
    failures: Path
    headed: bool = False
    rejected_codes: int = 0
    secrets_sent: bool = False
    """Whether any try got as far as typing a secret."""

    async def code(self, driver: browser.Driver, settings: BrowserSettings, proxy: dict[str, str] | None) -> SecretStr:
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

    async def _through(self, visit: Visit) -> SecretStr:
        with self.stages.stage("login"):
            await visit.page.open(self.flow.login_url(visit.nonce))
            await self.flow.login(visit.page, self.otp)
        with self.stages.stage("capture"):
            code = visit.capture.code()
        event("code_captured")
        return code

    @asynccontextmanager
    async def _visit(
        self, driver: browser.Driver, settings: BrowserSettings, proxy: dict[str, str] | None
    ) -> AsyncIterator[Visit]:
        flow, urls = self.flow, list(self.flow.urls.values())
        nonce = random.token_urlsafe(24)
        catch = Capture(flow.redirect_uri, flow.code_params, flow.state_param, nonce, urls)
        rule = resolver_rule(flow.redirect_uri, urls)
        async with AsyncExitStack() as stack:
            with self.stages.stage("browser"):
                opened = browser.fresh_context(driver, settings, headed=self.headed, resolver_rule=rule, proxy=proxy)
                chromium, context = await stack.enter_async_context(opened)
                await catch.attach(chromium, context)
                tab = await context.new_page()
            replies = Replies(tab, catch.is_broker, self.clock)
            replies.listen(context)
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
        error.bundle = await bundle.save(
            self.failures, tab, self.account.name, error, stages=self.stages.seconds, user_id=user, clock=self.clock
        )
