"""A proxy is used by Chromium and by httpx alike: proxies that count what passes through them."""

from __future__ import annotations

import contextlib
from urllib.parse import urlsplit

import pytest
from support.clock import SkippingClock
from support.leaks import leaks
from support.proxy import HttpProxy, SocksProxy
from support.sandbox import rehearsal

from autologin import proxies
from autologin.config.schema import BrowserSettings
from autologin.errors import BrokerUnavailable
from autologin.flow.http import broker_client
from autologin.login.browser import Driver, fresh_context


def ports(served):
    return {urlsplit(origin).port for origin in served.twin.origins.values()}


@pytest.mark.parametrize(("kind", "scheme"), [(HttpProxy, "http"), (SocksProxy, "socks5")])
async def test_page_and_exchange_go_through_the_proxy(tmp_path, kind, scheme):
    clock = SkippingClock()
    async with rehearsal(tmp_path, clock=clock) as served, kind("me:p@ss/word") as proxy:
        login = "me:p%40ss%2Fword@" if kind is HttpProxy else ""
        served.change(
            lambda data: data["accounts"]["zerodha"].update(
                proxy=f"{scheme}://{login}127.0.0.1:{proxy.port}"
            )
        )
        outcome = await served.run(clock)
        assert (outcome.outcome, outcome.error) == ("issued", None)
        assert ports(served) <= proxy.passed.keys()
        assert served.twin.counters["callback"] == 0
        assert {urlsplit(served.twin.redirect_uri).port} & proxy.passed.keys() == set()
        assert leaks(["p@ss/word"], [tmp_path / "state"]) == []


def through_names(served):
    """Let the config name the twin by hosts that only a proxy can find."""

    def change(data):
        endpoints = data["accounts"]["zerodha"]["endpoints"]
        for name, url in endpoints.items():
            endpoints[name] = url.replace("127.0.0.1", f"{name}.broker.test")

    served.change(change)


async def test_page_and_exchange_go_by_the_environments_proxy(tmp_path):
    """Names that nobody but the proxy can look up prove that nothing went another way."""
    clock = SkippingClock()
    async with rehearsal(tmp_path, clock=clock) as served, HttpProxy("me:p@ss/word") as proxy:
        through_names(served)
        served.user.environ["HTTP_PROXY"] = f"http://me:p%40ss%2Fword@127.0.0.1:{proxy.port}"
        outcome = await served.run(clock)
        assert (outcome.outcome, outcome.error) == ("issued", None)
        assert ports(served) <= proxy.passed.keys()
        assert leaks(["p@ss/word"], [tmp_path / "state"]) == []


@pytest.mark.parametrize(
    ("config", "environ"),
    [
        ({"proxy": "none"}, {}),
        ({}, {"NO_PROXY": "elsewhere.test, .broker.test"}),
    ],
)
async def test_neither_goes_by_a_proxy_that_is_turned_off(tmp_path, config, environ):
    clock = SkippingClock()
    async with rehearsal(tmp_path, clock=clock) as served, HttpProxy() as proxy:
        through_names(served)
        served.change(lambda data: data["accounts"]["zerodha"].update(config))
        served.user.environ.update({"HTTP_PROXY": f"http://127.0.0.1:{proxy.port}", **environ})
        outcome = await served.run(clock)
        assert outcome.error.name == "broker_unavailable"  # nobody knows these names
        assert (proxy.passed, proxy.refused) == ({}, 0)


async def test_loopback_goes_by_no_proxy_of_the_environment(tmp_path):
    clock = SkippingClock()
    async with rehearsal(tmp_path, clock=clock) as served, HttpProxy() as proxy:
        served.user.environ["ALL_PROXY"] = f"http://127.0.0.1:{proxy.port}"
        outcome = await served.run(clock)
        assert (outcome.outcome, outcome.error) == ("issued", None)
        assert (proxy.passed, proxy.refused) == ({}, 0)


async def test_chromium_takes_no_proxy_from_its_own_environment(tmp_path, monkeypatch):
    """What this process has in its environment is what its children may have."""
    clock = SkippingClock()
    async with rehearsal(tmp_path, clock=clock) as served, HttpProxy() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        through_names(served)
        outcome = await served.run(clock)
        assert outcome.error.name == "broker_unavailable"
        assert (proxy.passed, proxy.refused) == ({}, 0)


async def test_each_scheme_has_its_own_proxy_and_exceptions_are_the_same_for_both():
    """Chromium and httpx ask the same proxy for the same URL, and tell the password to the one that asks for it."""
    from playwright.async_api import Error

    urls = [
        "http://page.broker.test:81/a",
        "https://page.broker.test/b",
        "http://near.test:81/c",
        "http://sub.near.test:81/d",
        "http://near.test:82/e",
        "http://10.1.2.3:9/f",
        "http://127.0.0.1:9/g",
    ]
    async with HttpProxy("me:p@ss/word") as plain, HttpProxy() as secure:
        ways = proxies.of_environment(
            {
                "HTTP_PROXY": f"me:p%40ss%2Fword@127.0.0.1:{plain.port}",
                "https_proxy": f"http://127.0.0.1:{secure.port}/",
                "NO_PROXY": "near.test:81,10.0.0.0/8 127.0.0.1",
            }
        )
        expected = [urls[0], urls[4]], ["page.broker.test:443"]
        async with broker_client(ways) as http:
            for url in urls:
                with contextlib.suppress(BrokerUnavailable):
                    await http.get(url, timeout=1)
        assert (plain.asked, secure.asked) == expected
        for proxy in (plain, secure):
            proxy.asked.clear()
        driver = Driver()
        opened = fresh_context(
            driver,
            BrowserSettings(),
            headed=False,
            resolver_rule=None,
            proxy=proxies.for_chromium(ways, "proxy"),
        )
        async with opened as (_, context):
            page = await context.new_page()
            for url in urls:
                with contextlib.suppress(Error):
                    await page.goto(url, timeout=1000, wait_until="commit")
        await driver.stop()
        assert (list(dict.fromkeys(plain.asked)), list(dict.fromkeys(secure.asked))) == expected


async def test_a_proxy_that_is_down_means_that_the_broker_cannot_be_reached(tmp_path):
    clock = SkippingClock()
    async with rehearsal(tmp_path, clock=clock) as served:
        served.change(
            lambda data: data["accounts"]["zerodha"].update(
                proxy="http://me:secret-of-proxy@127.0.0.1:9"
            )
        )
        outcome = await served.run(clock)
        assert outcome.error.name == "broker_unavailable"
        assert "secret-of-proxy" not in outcome.error.message
        assert served.twin.counters["login_page"] == 0


async def test_a_socks_proxy_with_a_password_is_refused_before_the_login(tmp_path):
    async with rehearsal(tmp_path) as served:
        served.change(
            lambda data: data["accounts"]["zerodha"].update(
                proxy="socks5://me:secret-of-proxy@127.0.0.1:9"
            )
        )
        done = await served.user.says("check", "--json")
        (found,) = [one for one in done.json["findings"] if one["key"] == "accounts.zerodha.proxy"]
        assert (done.code, found["level"]) == (2, "problem")
        assert (await served.user.says("run", "zerodha", "--json")).account[
            "error"
        ] == "config_error"
        assert leaks(["secret-of-proxy"], served.user.heard) == []
