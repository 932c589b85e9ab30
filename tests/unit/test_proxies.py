"""By which way requests leave: one decision, and everything that asks somebody follows it."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from support.aws import REGION, credentials
from support.clock import HandClock
from support.proxy import HttpProxy

from autologin import preflight, proxies
from autologin.config import loader, overrides
from autologin.delivery.sinks.base import parse
from autologin.errors import AutologinError
from autologin.message import Message
from autologin.secret_refs import RefContext
from autologin.service.notifier import Notifier
from autologin.store.store import Store

assert credentials
P, Q = "http://p.test:3128", "http://q.test:80"
SECRET = "whsec_" + base64.b64encode(b"a canary of 24 bytes ...").decode()
CANARY = "proxy-password-canary"


def way(environ, url):
    found = proxies.of_environment(environ).proxy_for(url)
    return found and found.url


@pytest.mark.parametrize(
    ("environ", "url", "expected"),
    [
        ({}, "https://a.test", None),
        ({"HTTPS_PROXY": P}, "https://a.test", P),
        ({"HTTPS_PROXY": P}, "http://a.test", None),
        ({"HTTP_PROXY": P}, "https://a.test", None),
        ({"HTTP_PROXY": P}, "ws://a.test", P),
        ({"ALL_PROXY": P}, "http://a.test", P),
        ({"ALL_PROXY": P, "HTTPS_PROXY": Q}, "https://a.test", Q),
        ({"all_proxy": P, "HTTPS_PROXY": ""}, "https://a.test", None),
        ({"https_proxy": P, "HTTPS_PROXY": Q}, "https://a.test", P),
        ({"https_proxy": "", "HTTPS_PROXY": Q}, "https://a.test", None),
        ({"HTTPS_PROXY": "p.test:3128"}, "https://a.test", P),
        ({"HTTPS_PROXY": "http://P.test:3128/"}, "https://a.test", P),
        ({"HTTPS_PROXY": "http://q.test"}, "https://a.test", Q),
        ({"HTTPS_PROXY": "socks5h://p.test"}, "https://a.test", "socks5://p.test:1080"),
        ({"HTTPS_PROXY": "http://[::1]:3128"}, "https://a.test", "http://[::1]:3128"),
        ({"HTTPS_PROXY": "http://me:p%40s@p.test:1"}, "https://a.test", "http://me:p%40s@p.test:1"),
    ],
)
def test_the_environments_proxy(environ, url, expected):
    assert way(environ, url) == expected


@pytest.mark.parametrize(
    ("exceptions", "url", "direct"),
    [
        ("a.test", "https://a.test/x", True),
        ("a.test", "https://sub.a.test", True),
        ("a.test", "https://nota.test", False),
        (".a.test", "https://a.test", True),
        ("*.a.test", "https://sub.a.test", True),
        ("b.test, a.test", "https://A.test.", True),
        ("b.test a.test", "https://a.test", True),
        ("a.test:443", "https://a.test", True),
        ("a.test:444", "https://a.test", False),
        ("a.test:8443", "https://a.test:8443", True),
        ("10.0.0.0/8", "https://10.9.8.7", True),
        ("10.0.0.0/8", "https://11.9.8.7", False),
        ("10.0.0.0/8", "https://10.test", False),
        ("192.168.*", "https://192.168.1.1", True),
        ("1.2.3.4", "https://1.2.3.4", True),
        ("1.2.3.4", "https://41.2.3.4", False),
        ("[fd00::1]", "https://[fd00:0::1]", True),
        ("fd00::/8", "https://[fd12::1]", True),
        ("*", "https://a.test", True),
        ("", "https://a.test", False),
        ("", "https://localhost", True),
        ("", "https://x.localhost:1", True),
        ("", "https://127.9.9.9", True),
        ("", "https://127.1", True),
        ("", "https://[::1]:8", True),
        ("", "https://[::ffff:127.0.0.1]", True),
        ("[,:,/,1.2.3/99,]:3,%", "https://a.test", False),
    ],
)
def test_exceptions(exceptions, url, direct):
    found = way({"HTTPS_PROXY": P, "NO_PROXY": exceptions}, url)
    assert (found is None) is direct


@pytest.mark.parametrize(
    "text",
    [
        "ftp://p.test:1",
        "http://",
        "http://p.test:port",
        "http://p.test:99999",
        "http://p.test:0",
        "http://p test:1",
        "http://p.test:1/path",
        "http://p.test:1?x",
        "http://me:a%0Ab@p.test:1",
        "http://pü.test:1",
        "http://[::1:1",
        "socks4://p.test:1",
        f"{CANARY}://{CANARY}",
    ],
)
def test_what_is_no_proxy(text):
    with pytest.raises(proxies.ProxyError) as caught:
        proxies.of_environment({"HTTPS_PROXY": text})
    assert (caught.value.key, CANARY in str(caught.value)) == ("HTTPS_PROXY", False)
    assert proxies.of_environment({"HTTPS_PROXY": text, "NO_PROXY": "*"}).by_scheme == {}


def test_chromium_can_be_told_one_password_only():
    both = proxies.of_environment({"HTTP_PROXY": "http://a:1@p.test", "HTTPS_PROXY": "b:2@p.test"})
    with pytest.raises(proxies.ProxyError, match="different passwords"):
        proxies.for_chromium(both, "accounts.me.proxy")


def config(folder, environ, **more):
    """The settings of an account with everything that asks somebody."""
    (folder / "config.yaml").write_text(
        json.dumps(
            {
                "state": {"path": "state"},
                "accounts": {
                    "mine": {
                        "broker": "zerodha",
                        "credentials": {
                            "api_key": "abc123",
                            "api_secret": "def456",
                            "user_id": "AB1234",
                            "password": "right battery",
                            "totp_secret": "JBSWY3DPEHPK3PXP",
                        },
                        "sinks": ["hook"],
                        **more,
                    }
                },
                "sinks": {
                    "hook": {
                        "type": "webhook",
                        "url": "http://hook.test:81/x",
                        "secret": SECRET,
                        "allow_http": True,
                    }
                },
                "notify": {
                    "urls": ["json://notice.test:81/x"],
                    "ping": "http://ping.test:81/x",
                },
            }
        )
    )
    (folder / "config.yaml").chmod(0o600)
    return loader.load(folder / "config.yaml", {"HOME": str(folder), **environ})


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    monkeypatch.setattr(overrides, "SECRETS_FOLDER", tmp_path / "no-secrets")


async def ask_everybody(folder, environ):
    settings = config(folder, environ)
    message = Message.test(datetime.now(UTC))
    sink = settings.sinks["hook"].build("hook", settings.ref_context)
    with suppress(AutologinError):
        await sink.deliver(message)
    await sink.close()
    clock = HandClock()
    store = Store.open(folder / "state", clock)
    notifier = Notifier(settings, store, clock)
    with suppress(AutologinError):
        await notifier.test()
    with suppress(AutologinError, httpx.HTTPError):
        await notifier._ping_once(settings.notify.ping, good=True)  # its tries take minutes
    store.close()


async def test_webhooks_notices_and_pings_go_by_it(tmp_path, credentials):
    hosts = ["hook.test", "notice.test", "ping.test"]
    async with HttpProxy("me:pw") as proxy:
        environ = {"http_proxy": f"me:pw@127.0.0.1:{proxy.port}"}
        await ask_everybody(tmp_path, environ)
        raw = {
            "type": "ssm",
            "prefix": "/a",
            "region": REGION,
            "endpoint_url": "http://aws.test:81",
        }
        aws = (
            parse(raw).with_accounts({"mine": "zerodha"}).build("aws", RefContext(Path(), environ))
        )
        with suppress(AutologinError):
            await aws.check()
        assert aws.way_out == f"through proxy http://127.0.0.1:{proxy.port} (from http_proxy)"
        await aws.close()
        asked = {url.split("/")[2].partition(":")[0] for url in proxy.asked}
        assert (asked, proxy.refused) == ({*hosts, "aws.test"}, 0)


@pytest.mark.parametrize("exceptions", ["*", ".test"])
async def test_nobody_goes_by_it_where_no_proxy_says_so(tmp_path, monkeypatch, exceptions):
    """Whatever the libraries would read in the environment themselves."""
    async with HttpProxy() as proxy:
        address = f"http://127.0.0.1:{proxy.port}"
        monkeypatch.setenv("HTTP_PROXY", address)
        monkeypatch.setenv("http_proxy", address)
        await ask_everybody(tmp_path, {"HTTP_PROXY": address, "NO_PROXY": exceptions})
        assert proxy.asked == []


def findings(folder, environ, **more):
    config(folder, environ, **more)
    found = preflight.run(folder / "config.yaml", {"HOME": str(folder), **environ}, online=False)
    assert CANARY not in repr(found)
    return {one.key: (one.level, one.message) for one in found}


async def look(*args, **more):
    return await asyncio.to_thread(findings, *args, **more)


async def test_check_says_by_which_way_each_goes(tmp_path):
    async with HttpProxy() as proxy:
        address = f"http://127.0.0.1:{proxy.port}"
        environ = {
            "HTTP_PROXY": f"http://me:{CANARY}@127.0.0.1:{proxy.port}",
            "HTTPS_PROXY": f"http://me:{CANARY}@p.test",
            "NO_PROXY": "api.kite.trade,ping.test",
        }
        found = await look(tmp_path, environ)
        assert found["accounts.mine.proxy"] == (
            "ok",
            (
                "through proxy http://p.test:80 (from HTTPS_PROXY); "
                "directly (as NO_PROXY says) to api.kite.trade"
            ),
        )
        through = f"through proxy {address} (from HTTP_PROXY)"
        assert found["notify.urls.0"] == ("ok", f"it is there, and asked {through}")
        assert found["notify.ping"] == (
            "ok",
            "it is there, and asked directly (as NO_PROXY says)",
        )
        assert (await look(tmp_path, {}))["accounts.mine.proxy"] == ("ok", "directly")
        none = await look(tmp_path, environ, proxy="none")
        assert none["accounts.mine.proxy"] == ("ok", "directly (proxy: none)")
        own = await look(tmp_path, environ, proxy=f"http://me:{CANARY}@own.test:3128")
        assert own["accounts.mine.proxy"] == ("ok", "through proxy http://own.test:3128")
        wrong = await look(tmp_path, {"HTTPS_PROXY": f"gopher://{CANARY}"})
        assert wrong["HTTPS_PROXY"] == ("problem", "is not a proxy's address")
