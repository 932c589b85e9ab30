"""Chromium repeats a POST on a kept connection that is closed: what arrives is never more than what is counted."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from support import tls
from support.clock import HandClock
from support.keep_alive import KeepAliveServer

from autologin.config.schema import BrowserSettings
from autologin.login import browser
from autologin.login.capture import Capture
from autologin.login.network import NetworkWatcher
from autologin.login.sites import origin

PASSWORD = "canary-passw0rd"


@asynccontextmanager
async def opened(server, *, connections=1):
    """A login page with its password typed, and this many kept connections."""
    driver = browser.Driver()
    settings = BrowserSettings()
    fresh = browser.fresh_context(driver, settings, headed=False, resolver_rule=None, proxy=None)
    async with fresh as (_, context):
        page = await context.new_page()
        network = NetworkWatcher(
            page, Capture(None, ("code",), "", None, [server.url]), HandClock()
        )
        await network.listen(context)
        await page.goto(server.url)
        if connections > 1:
            server.together = connections
            await page.evaluate("count => warm(count)", connections)
        await page.fill("input", PASSWORD)
        network.expect(PASSWORD)
        yield page, network
    await driver.stop()


async def submit(page, network, how):
    """Send the form, wait until the call has ended, and give the replies."""
    ended = asyncio.Event()
    for kind in ("requestfinished", "requestfailed"):
        page.on(kind, lambda request: request.method == "POST" and ended.set())
    if how == "form":
        await page.locator("button").click(no_wait_after=True)
    else:
        await page.evaluate("send()")
    await asyncio.wait_for(ended.wait(), 10)
    return await network.read()


@pytest.mark.parametrize("how", ["form", "call"])
@pytest.mark.parametrize("connections", [1, 3, 6])
@pytest.mark.parametrize("ending", ["dropped", "dropped and gone"])
async def test_no_arrival_goes_uncounted(ending, connections, how):
    async with (
        KeepAliveServer(ending) as server,
        opened(server, connections=connections) as (page, network),
    ):
        mark = network.posts
        await submit(page, network, how)
        assert network.departures(mark) >= len(server.posts) >= 1
        if ending == "dropped":
            assert network.departures(mark) == len(server.posts) == connections + 1


@pytest.mark.parametrize("how", ["form", "call"])
async def test_an_answered_submit_is_one(how):
    async with KeepAliveServer() as server, opened(server, connections=3) as (page, network):
        mark = network.posts
        await submit(page, network, how)
        assert (network.departures(mark), len(server.posts)) == (1, 1)
        assert network.departures(network.posts) == 0


@pytest.mark.parametrize("how", ["form", "call"])
async def test_a_submit_that_finds_nobody_has_not_left(how):
    async with KeepAliveServer() as server, opened(server, connections=3) as (page, network):
        mark = network.posts
        server.leave()
        await submit(page, network, how)
        assert (network.departures(mark), server.posts) == (0, [])


async def test_a_certificate_that_nobody_trusts_gets_nothing(tmp_path):
    own = tls.pair(tmp_path, "nobody")
    async with (
        KeepAliveServer(tls=tls.server_side(own)) as other,
        KeepAliveServer() as server,
        opened(server) as (page, network),
    ):
        await page.evaluate("url => { document.forms[0].action = url }", f"{other.url}/login")
        mark = network.posts
        network._called.add(origin(other.url))
        await submit(page, network, "form")
        assert (network.departures(mark), other.posts) == (0, [])


async def test_an_address_that_carries_a_secret_counts_too():
    async with KeepAliveServer() as server, opened(server) as (page, network):
        mark = network.posts
        await page.evaluate("secret => fetch(`/check?pin=${secret}`).then(() => 0)", PASSWORD)
        assert network.departures(mark) == 1


async def test_a_reply_in_another_charset_is_still_a_reply():
    async with KeepAliveServer() as server, opened(server) as (page, network):
        server.reply = '{"message": "Ungültiger Code"}'.encode("latin-1")
        (reply,) = [one for one in await submit(page, network, "call") if not one.document]
        assert reply.data["message"].startswith("Ung")
