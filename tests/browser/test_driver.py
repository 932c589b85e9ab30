"""A driver that was killed or is frozen costs the login that it served, and no later one."""

from __future__ import annotations

import os
import signal

import pytest
from support.processes import descendants, look_at

from autologin.config.schema import BrowserSettings
from autologin.login import browser


def opened(driver):
    return browser.fresh_context(
        driver, BrowserSettings(), headed=False, resolver_rule=None, proxy=None
    )


def drivers():
    seen = map(look_at, descendants(os.getpid()))
    return {one.pid for one in seen if one and one.kind == "driver"}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_the_next_login_gets_another_driver(number):
    before, driver = drivers(), browser.Driver()
    try:
        async with opened(driver):
            (ours,) = drivers() - before
            os.kill(ours, number)
        for closing in list(driver._closing):
            await closing
        async with opened(driver) as (_, context):
            page = await context.new_page()
            assert await page.evaluate("6 * 7") == 42
            (other,) = drivers() - before
            assert other != ours
    finally:
        await driver.stop()
    assert drivers() == before
