"""How long a login takes, against a bare Playwright script that does the same clicks, and what the light commands cost.

    python bench/login.py [RUNS]

Each pair of runs is taken in turn (ours, the bare script, ours ...) on the same sandbox; the ratio is that of the medians.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import yaml

from autologin.sandbox.server import Sandbox

AUTOLOGIN = str(Path(sys.executable).with_name("autologin"))
WINDOW = 20
"""Seconds into a TOTP window after which no run is started: autologin would wait for the next one, the bare script not."""
ENVIRON = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""With compiled modules, as pip installs them; a checkout has none where that variable is set."""
BARE = """
import asyncio, hashlib, json, sys, urllib.parse, urllib.request
import pyotp
from playwright.async_api import async_playwright

mine = json.loads(sys.argv[1])

async def main():
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=mine["browser"])
        page = await browser.new_page()
        code = asyncio.get_running_loop().create_future()
        def seen(request):
            if "request_token=" in request.url and not code.done():
                code.set_result(urllib.parse.parse_qs(urllib.parse.urlsplit(request.url).query)["request_token"][0])
        page.on("request", seen)
        await page.goto(f"{mine['login']}/connect/login?api_key={mine['api_key']}&v=3", wait_until="commit")
        await page.fill("#userid", mine["user_id"])
        await page.fill("#password", mine["password"])
        await page.click("button[type=submit]")
        await page.locator("#userid[type=number]").press_sequentially(pyotp.TOTP(mine["totp_secret"]).now())
        open(mine["out"], "w").write(exchange(await code))
        await browser.close()

def call(path, data=None, token=None):
    headers = {"X-Kite-Version": "3"} | ({"Authorization": f"token {mine['api_key']}:{token}"} if token else {})
    body = urllib.parse.urlencode(data).encode() if data else None
    return json.load(urllib.request.urlopen(urllib.request.Request(mine["api"] + path, body, headers)))["data"]

def exchange(code):
    checksum = hashlib.sha256((mine["api_key"] + code + mine["api_secret"]).encode()).hexdigest()
    token = call("/session/token", {"api_key": mine["api_key"], "request_token": code, "checksum": checksum})["access_token"]
    call("/user/profile", token=token)
    return token

asyncio.run(main())
"""


@contextmanager
def served(delay, brokers=("zerodha",)):
    """The sandbox, in a thread of its own; codes may be used twice, so that no run waits for a new window."""
    sandbox = Sandbox(
        brokers=list(brokers), scenarios={broker: ["code_reuse"] for broker in brokers}
    )
    for twin in sandbox.twins.values():
        twin.page_delay = delay
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    asyncio.run_coroutine_threadsafe(sandbox.__aenter__(), loop).result()
    try:
        yield sandbox
    finally:
        asyncio.run_coroutine_threadsafe(sandbox.__aexit__(None, None, None), loop).result()
        loop.call_soon_threadsafe(loop.stop)


def timed(command, file=None, **options):
    """Seconds from the start of a command, which must succeed, to its end, or to the file that it writes."""
    if file:
        file.unlink(missing_ok=True)
        time.sleep(max(0, time.time() % 30 - WINDOW) and 30.1 - time.time() % 30)
    started = time.time()
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=ENVIRON, **options
    )
    ended = time.time()
    if done.returncode:
        sys.exit(f"{command[:4]} failed:\n{done.stdout}{done.stderr}")
    return (file.stat().st_mtime if file else ended) - started


def paired(ours, theirs, runs):
    """The medians of two things done in turn."""
    pairs = [(ours(), theirs()) for _ in range(runs + 1)][1:]  # the first one warms up
    return tuple(statistics.median(column) for column in zip(*pairs, strict=True))


def logins(delay, runs):
    """A whole `autologin run` with a fresh state folder, and the bare script."""
    with served(delay) as sandbox, tempfile.TemporaryDirectory() as name:
        folder, twin = Path(name), sandbox.twins["zerodha"]
        (folder / "config.yaml").write_text(yaml.safe_dump(sandbox.config()))
        shell = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        mine = {**twin.credentials, **twin.endpoints, "browser": shell, "out": str(folder / "bare")}

        def ours():
            shutil.rmtree(folder / "state", ignore_errors=True)
            return timed([AUTOLOGIN, "run", "zerodha"], folder / "tokens/zerodha.json", cwd=folder)

        return paired(
            ours,
            lambda: timed([sys.executable, "-c", BARE, json.dumps(mine)], folder / "bare"),
            runs,
        )


def light(words, runs):
    """A command that must be quick, and `python -c "import click"`."""
    return paired(
        lambda: timed([AUTOLOGIN, *words]),
        lambda: timed([sys.executable, "-c", "import click"]),
        runs,
    )


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    for delay, limit in ((0.0, 1.35), (0.3, 1.15)):
        ours, bare = logins(delay, runs)
        print(
            f"run, {delay} s a page    {ours:.2f} s   bare script {bare:.2f} s   ratio {ours / bare:.2f} (at most {limit})",
            flush=True,
        )
    ours, base = light(["--help"], runs * 2)
    print(
        f"--help             {ours * 1000:.0f} ms   import click {base * 1000:.0f} ms   at most {1.5 * base * 1000 + 50:.0f} ms"
    )


if __name__ == "__main__":
    main()
