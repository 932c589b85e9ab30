"""The browser part of a login at each broker: the flow against a bare Playwright script of the same clicks.

    python bench/brokers.py [RUNS [DELAY [BROKER...]]]

Both sign in in turn to the same sandbox, which is a process of its own; DELAY is what a page takes, in seconds. A flow over
an API (Groww) is measured by its calls, against the official SDK's for the same: a token, and a client that is ready to
use (`make sdks` installs it). Of Alice Blue's page nobody knows whether it sends a code by itself: half a second of that
flow goes into finding out, which its script need not do.
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
from autologin.sandbox.server import Sandbox

LIMIT = 1.15
ROOT = Path(__file__).parents[1]
SHELL = shutil.which("chromium-headless-shell") or shutil.which("chromium")


async def zerodha(page, mine, code):
    await page.fill("#userid", mine["user_id"])
    await page.fill("#password", mine["password"])
    await page.click("button[type=submit]")
    await page.locator("#userid[type=number]").press_sequentially(code())


async def upstox(page, mine, code):
    await page.locator("#mobileNum").press_sequentially(mine["mobile_number"])
    await page.click("#getOtp")
    await page.locator("#otpNum").press_sequentially(code())
    await page.locator("#pinCode").press_sequentially(mine["pin"])
    await page.click("#pinContinueBtn")


async def oauth2(page, mine, code):
    await page.fill("#username", mine["user_id"])
    await page.fill("#password", mine["password"])
    await page.click("button[type=submit]")
    await page.locator("#otp").press_sequentially(code())
    await page.click("button[type=submit]")


async def fyers(page, mine, code):
    await page.check("#clientId_rb")
    await page.fill("#fy_client_id", mine["fy_id"])
    await page.click("#clientIdSubmit")
    await page.locator("#confirmOtpForm #first").focus()
    await page.keyboard.type(code())
    await page.click("#confirmOtpSubmit")
    await page.locator("#verifyPinForm #first").focus()
    await page.keyboard.type(mine["pin"])


async def icici_breeze(page, mine, code):
    await page.fill("#txtuid", mine["user_id"])
    await page.fill("#txtPass", mine["password"])
    await page.check("#chkssTnc")
    await page.click("#btnSubmit")
    await page.locator("#pnlOTP input[tg-nm=otp]").first.focus()
    await page.keyboard.type(code())
    await page.click("#Button1")


async def one_screen(page, mine, code):
    await page.locator("form input").nth(0).fill(mine.get("user_id") or mine["client_id"])
    await page.locator("form input").nth(1).fill(mine["password"])
    await page.locator("form input").nth(2).press_sequentially(code())
    await page.click("button[type=submit]")


async def two_screens(page, mine, code):
    await page.locator("form input").nth(0).fill(mine.get("user_id") or mine["client_id"])
    await page.locator("form input").nth(1).fill(mine["password"])
    await page.click("button[type=submit]")
    await page.locator("form input[inputmode=numeric]").press_sequentially(code())
    await page.click("button[type=submit]")


BARE = {"zerodha": zerodha, "upstox": upstox, "fyers": fyers, "icici_breeze": icici_breeze, "oauth2": oauth2}
BARE |= {"shoonya": one_screen, "flattrade": one_screen, "aliceblue": two_screens}
KNOWN = {"oauth2": {"code_sends_itself": False}}
"""Options that tell a flow what the bare script knows of the page."""
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
    await clicks(page, twin.credentials, pyotp.TOTP(twin.credentials["totp_secret"]).now)
    ended = await caught
    await browser.close()
    return ended - started


def flow_of(twin):
    kind = registry.load(twin.broker)
    known = {key: value for key, value in twin.credentials.items() if key in kind.credentials_class.model_fields}
    return kind(kind.credentials_class.model_validate(known), twin.endpoints, kind.options_class.model_validate(twin.options))


@contextmanager
def served(broker, delay):
    """The sandbox's twin in a process of its own, as a broker would be: what is needed of it, and the config that fits it."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVING, broker, str(delay)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
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
        raw["accounts"][broker]["options"] = {**twin.options, **KNOWN.get(broker, {})}
        file.write_text(yaml.safe_dump(raw))
        settings = loader.load(file, {"HOME": name})
        pairs = [(await ours(settings, broker), await bare(playwright, twin, BARE[broker])) for _ in range(runs + 1)]
    flow, script = (statistics.median(column) for column in zip(*pairs[1:], strict=True))  # the first pair warms up
    print(
        f"{broker:<14} flow {flow:.2f} s   bare script {script:.2f} s   ratio {flow / script:.2f} (at most {LIMIT})", flush=True
    )


async def api_calls(broker="groww"):
    """How many calls a whole run makes, and how many the SDK makes."""
    with tempfile.TemporaryDirectory() as name:
        async with Sandbox(brokers=[broker], scenarios={broker: ["code_reuse"]}) as sandbox:
            twin, file = sandbox.twins[broker], Path(name) / "config.yaml"
            file.write_text(yaml.safe_dump(sandbox.config()))
            settings = loader.load(file, {"HOME": name})
            app = App.open(settings, SystemClock())
            (outcome,) = await walk.run_accounts(app, [settings.accounts[broker]])
            assert outcome.outcome == "issued", outcome.error
            app.store.close()
            mine = len(twin.seen)
            sign_in = {"api_key": twin.api_key, "totp": pyotp.TOTP(twin.totp_secret).at(twin.now())}
            words = [ROOT / "tests/support/sdk_clients/groww.py", twin.origins["api"]]
            steps = json.dumps([["get_access_token", sign_in], ["GrowwAPI", {}]])
            process = await asyncio.create_subprocess_exec(
                ROOT / ".sdks/growwapi/bin/python", *words, steps, stdout=asyncio.subprocess.DEVNULL
            )
            assert await process.wait() == 0
    theirs = len(twin.seen) - mine
    print(f"{broker:<14} flow {mine} calls   SDK {theirs} calls   {mine - theirs:+d} (at most +2)", flush=True)


async def main():
    log.configure(verbose=False, stream=io.StringIO())
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    delay = float(sys.argv[2]) if len(sys.argv) > 2 else 0.3
    async with async_playwright() as playwright:
        for broker in sys.argv[3:] or BARE:
            await compared(playwright, broker, runs, delay)
    await api_calls()


asyncio.run(main())
