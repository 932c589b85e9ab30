"""Signing in on a login page, up to the auth code in the redirect."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from autologin.errors import AutologinError
from autologin.flow.base import AuthCode, BrowserFlow
from autologin.log import event
from autologin.login import artifacts, browser
from autologin.login.capture import Capture, resolver_rule
from autologin.login.context import LoginContext
from autologin.login.engine import LoginEngine
from autologin.login.network import NetworkWatcher
from autologin.login.pages import script_of
from autologin.login.state import LoginState
from autologin.stages import limit_time

if TYPE_CHECKING:
    from playwright.async_api import Page

    from autologin.config.schema import BrowserSettings
    from autologin.proxies import ForChromium

CONCLUDE = 3.0
"""Seconds before a run's time is over in which the page still says what it waited for."""


async def browser_login(
    login: LoginContext,
    flow: BrowserFlow,
    driver: browser.Driver,
    settings: BrowserSettings,
    proxy: ForChromium,
) -> AuthCode:
    """Sign in and catch the auth code. A login that fails leaves a scrubbed bundle.

    Raises:
        Rejected, NeedsPerson, Transient: as the broker or the page means it.
        TimeOverError: a page with a person at it is frozen, and the time is over.
    """
    nonce = secrets.token_urlsafe(24) if flow.state_param else ""
    hosts = [*flow.login_hosts, *login.account.login_hosts]
    capture = Capture.of(flow, nonce, hosts)
    rule = resolver_rule(flow.redirect_uri, flow.urls.values())
    opened = browser.fresh_context(
        driver, settings, headed=login.headed, resolver_rule=rule, proxy=proxy
    )
    left = login.deadline - login.clock.monotonic() if login.headed else None
    async with limit_time(left) as limit, browser.crashes_named(), AsyncExitStack() as stack:
        with login.stages.stage("browser"):
            chromium, context = await stack.enter_async_context(opened)
            await capture.attach(chromium, context)
            page = await context.new_page()
        network = NetworkWatcher(page, capture, login.clock)
        await network.listen(context)
        state = LoginState(
            deadline=login.deadline - CONCLUDE,
            acted_at=login.clock.monotonic(),
            authorize=login.account.authorize,
            headed=login.headed,
            otp_rejections=login.otp_rejections,
        )
        engine = LoginEngine(page, capture, network, login.attempts, login.clock, state)
        engine.on_wait_for_person = lambda seconds: limit.reschedule((limit.when() or 0) + seconds)
        try:
            with login.stages.stage("login"):
                request = flow.login_url(nonce)
                await engine.open(request.url)
                await engine.drive(script_of(flow, login.account, login.otp))
            with login.stages.stage("capture"):
                auth_code = capture.auth_code()
        except AutologinError as error:
            login.otp_rejections = engine.state.otp_rejections
            await save_bundle(login, flow, page, error)
            raise
        finally:
            login.secrets_sent |= engine.state.secrets_sent
    event("code_captured")
    return AuthCode(auth_code.get_secret_value(), request.verifier)


async def save_bundle(
    login: LoginContext, flow: BrowserFlow, page: Page, error: AutologinError
) -> None:
    """Keep what the page was. A frozen one shows nothing till the time is over; the error stays."""
    try:
        error.bundle = await artifacts.save(
            login.failures,
            page,
            login.account.name,
            error,
            stages=login.stages.seconds,
            user_id=flow.user_id,
            clock=login.clock,
        )
    except asyncio.CancelledError:
        if login.clock.monotonic() < login.deadline:
            raise
