"""The browser part of a login at each broker: the flow against a bare Playwright script of the same clicks.

    python bench/brokers.py [RUNS [DELAY [BROKER...]]]

Both sign in in turn to the same sandbox, which is a process of its own; DELAY is what a page takes, in
seconds. The twins say which of them are measured, and by which clicks. A flow over an API is measured by
its calls, against the official SDK's for the same: a token, and a call that proves it (`make sdks` installs
them). Of Alice Blue's page nobody knows whether it sends a code by itself: half a second of that flow goes
into finding out, which its script need not do.
"""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pyotp
import yaml
from playwright.async_api import async_playwright

from autologin import log
from autologin import run as walk
from autologin.app import App
from autologin.clock import SystemClock
from autologin.config import loader
from autologin.flow import registry
from autologin.sandbox.page_twin import FormTwin
from autologin.sandbox.server import Sandbox, twin_classes

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support import sdk_clients

LIMIT = 1.15
SHELL = shutil.which("chromium-headless-shell") or shutil.which("chromium")


TWINS = twin_classes()
PAGES = {broker: twin.measured for broker, twin in TWINS.items() if twin.measured}
APIS = [
    broker
    for broker, twin in TWINS.items()
    if twin.sdk and twin.sdk.login and not issubclass(twin, FormTwin)
]
SERVING = """
import asyncio, json, sys
from autologin.sandbox.server import Sandbox

async def main(broker, delay):
    async with Sandbox(brokers=[broker], scenarios={broker: ["code_reuse"]}) as sandbox:
        twin = sandbox.twins[broker]
        twin.page_delay = float(delay)
        told = {name: getattr(twin, name) for name in ("broker", "credentials", "endpoints", "options", "redirect_uri")}
        print(json.dumps({"twin": told, "config": sandbox.config()}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(main(*sys.argv[1:]))
"""
QUIET_UNTIL = 20
"""Seconds into a TOTP window after which no login is started: the flow would wait for the next one, the bare script not."""


async def in_a_window():
    if time.time() % 30 > QUIET_UNTIL:
        await asyncio.sleep(30.1 - time.time() % 30)


async def ours(settings, broker):
    """Seconds from the login page's address to the code, as the run itself notes them."""
    await in_a_window()
    shutil.rmtree(settings.state.path, ignore_errors=True)
    app = App.open(settings, SystemClock())
    (outcome,) = await walk.run_accounts(app, [settings.accounts[broker]])
    if outcome.error:
        sys.exit(f"{broker}: {outcome.error.message}")
    (last,) = app.store.history.runs(broker)
    app.store.close()
    return last.stages["login"] + last.stages["capture"]


async def bare(playwright, twin, clicks):
    """The same, by a script that knows this page alone."""
    await in_a_window()
    flow = flow_of(twin)
    browser = await playwright.chromium.launch(executable_path=SHELL)
    page = await browser.new_page()
    caught = asyncio.get_running_loop().create_future()

    def seen(request):
        found = parse_qs(urlsplit(request.url).query)
        if (
            request.url.startswith(twin.redirect_uri)
            and any(name in found for name in flow.auth_code_params)
            and not caught.done()
        ):
            caught.set_result(time.perf_counter())

    page.on("request", seen)
    started = time.perf_counter()
    await page.goto(flow.login_url("nonce").url, wait_until="commit")
    for action, selector, *name in clicks:
        field = page.locator(selector)
        text = ""
        if name:
            (key,) = name
            text = (
                pyotp.TOTP(twin.credentials["totp_secret"]).now()
                if key == "otp"
                else twin.credentials[key]
            )
        if action == "fill":
            await field.fill(text)
        elif action == "type":
            await field.press_sequentially(text)
        elif action == "keys":
            await field.focus()
            await page.keyboard.type(text)
        elif action == "check":
            await field.check()
        else:
            await field.click()
    ended = await caught
    await browser.close()
    return ended - started


def flow_of(twin):
    kind = registry.load(twin.broker)
    known = {
        key: value
        for key, value in twin.credentials.items()
        if key in kind.credentials_class.model_fields
    }
    return kind(
        kind.credentials_class.model_validate(known),
        twin.endpoints,
        kind.options_class.model_validate(twin.options),
    )


@contextmanager
def served(broker, delay):
    """The sandbox's twin in a process of its own, as a broker would be: what is needed of it, and the config that fits it."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVING, broker, str(delay)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        told = json.loads(process.stdout.readline())
        yield SimpleNamespace(**told["twin"]), told["config"]
    finally:
        process.stdin.close()
        process.wait(10)


async def compared(playwright, broker, runs, delay):
    with tempfile.TemporaryDirectory() as name, served(broker, delay) as (twin, raw):
        file = Path(name) / "config.yaml"
        measured = PAGES[broker]
        raw["accounts"][broker]["options"] = {**twin.options, **measured.options}
        file.write_text(yaml.safe_dump(raw))
        settings = loader.load(file, {"HOME": name})
        pairs = [
            (await ours(settings, broker), await bare(playwright, twin, measured.clicks))
            for _ in range(runs + 1)
        ]
    flow, script = (
        statistics.median(column) for column in zip(*pairs[1:], strict=True)
    )  # the first pair warms up
    print(
        f"{broker:<14} flow {flow:.2f} s   bare script {script:.2f} s   ratio {flow / script:.2f} (at most {LIMIT})",
        flush=True,
    )


async def api_calls(broker):
    """How many calls a whole run makes, and how many the SDK makes."""
    with tempfile.TemporaryDirectory() as name:
        async with Sandbox(brokers=[broker], scenarios={broker: ["code_reuse"]}) as sandbox:
            twin = sandbox.twins[broker]
            file = Path(name) / "config.yaml"
            file.write_text(yaml.safe_dump(sandbox.config()))
            settings = loader.load(file, {"HOME": name})
            app = App.open(settings, SystemClock())
            (outcome,) = await walk.run_accounts(app, [settings.accounts[broker]])
            assert outcome.outcome == "issued", outcome.error
            app.store.close()
            mine = len(twin.seen)
            code = pyotp.TOTP(twin.totp_secret).at(twin.now())
            await sdk_clients.start(twin, twin.sdk.login, code=code)
    theirs = len(twin.seen) - mine
    print(
        f"{broker:<14} flow {mine} calls   SDK {theirs} calls   {mine - theirs:+d} (at most +2)",
        flush=True,
    )


async def main():
    log.configure(verbose=False, stream=io.StringIO())
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    delay = float(sys.argv[2]) if len(sys.argv) > 2 else 0.3
    wanted = sys.argv[3:] or [*PAGES, *APIS]
    async with async_playwright() as playwright:
        for broker in wanted:
            if broker in PAGES:
                await compared(playwright, broker, runs, delay)
    for broker in wanted:
        if broker in APIS:
            await api_calls(broker)


asyncio.run(main())
