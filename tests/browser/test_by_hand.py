"""When a person has to help: --headed on a virtual screen, and the walk by hand."""

from __future__ import annotations

import asyncio
import shutil
import subprocess

import pytest
from playwright.async_api import async_playwright
from support.leaks import leaks
from support.sandbox import rehearsal


@pytest.fixture(scope="module")
def screen():
    """A virtual screen."""
    process = subprocess.Popen(
        [shutil.which("Xvfb") or "Xvfb", "-displayfd", "1", "-screen", "0", "1400x1000x24"],
        stdout=subprocess.PIPE,
    )
    yield f":{process.stdout.readline().decode().strip()}"
    process.terminate()
    process.wait(10)
    process.stdout.close()


async def test_headed_waits_for_a_person_and_carries_on(tmp_path, screen):
    async with rehearsal(tmp_path, "captcha") as served:
        served.user.environ["DISPLAY"] = screen
        running = await served.user.start("run", "zerodha", "--headed", "--json")
        detail = b""
        while b"needs_person" not in detail:
            line = await asyncio.wait_for(running.stderr.readline(), 60)
            assert line, detail.decode()
            detail += line
        assert "--headed" not in detail.decode()
        served.twin.switch()  # the page is reloaded by the person, and shows no captcha now
        await press(screen, "F5")
        out, _ = await asyncio.wait_for(running.communicate(), 60)
    assert b'"issued"' in out
    assert running.returncode == 0


async def press(screen, key):
    process = await asyncio.create_subprocess_exec(
        "xdotool", "key", key, env={"DISPLAY": screen, "PATH": "/usr/bin:/bin"}
    )
    assert await process.wait() == 0


async def test_headed_without_a_screen_says_so(tmp_path):
    async with rehearsal(tmp_path) as served:
        done = await served.user.says("run", "zerodha", "--headed", "--json")
    assert (done.code, done.account["error"]) == (5, "browser_crashed")
    assert "display" in done.account["message"].lower()


async def signed_in_by_hand(twin, url):
    """Where a person's own browser ends."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium-headless-shell") or shutil.which("chromium")
        )
        page = await browser.new_page()
        await page.goto(url)
        await page.fill("#userid", twin.user_id)
        await page.fill("#password", twin.credentials["password"])
        await page.click("button[type=submit]")
        import pyotp

        await page.locator("#userid[type=number]").press_sequentially(
            pyotp.TOTP(twin.totp_secret).at(twin.now())
        )
        await page.wait_for_url("**/callback/**")
        ended = page.url
        await browser.close()
    return ended


async def test_the_walk_by_hand(tmp_path):
    async with rehearsal(tmp_path) as served:
        shown = await served.user.says("login-url", "zerodha")
        ended = await signed_in_by_hand(served.twin, shown.out.strip())
        done = await served.user.says("exchange", "zerodha", "--json", stdin=ended + "\n")
        assert (done.code, done.account["outcome"]) == (0, "issued")
        assert served.token_file.exists()
        verified = await served.user.says("status", "--verify", "--json")
        assert (verified.code, verified.account["verified"]) == (0, "valid")
        spent = await served.user.says(
            "exchange", "zerodha", "--json", stdin=served.twin.codes_issued[0] + "\n"
        )
        assert (spent.code, spent.account["error"]) == (3, "exchange_rejected")
        secrets = [
            *served.twin.codes_issued,
            *served.twin.tokens,
            served.twin.credentials["api_secret"],
        ]
        assert leaks(secrets, [*served.user.heard, tmp_path / "state"]) == []


async def test_a_redirect_of_another_login_is_refused(tmp_path):
    async with rehearsal(tmp_path) as served:
        await served.user.says("login-url", "zerodha")
        pasted = "http://127.0.0.1/?status=success&request_token=abcdef&state=somebody-elses\n"
        done = await served.user.says("exchange", "zerodha", "--json", stdin=pasted)
        assert (done.code, done.account["error"]) == (3, "state_mismatch")
        assert served.twin.counters["exchange"] == 0


async def test_status_without_a_living_token(tmp_path):
    async with rehearsal(tmp_path, "dead_token") as served:
        before = await served.user.says("status", "--json")
        assert (before.code, before.account["state"], before.account["last_run"]) == (
            0,
            "none",
            None,
        )
        await served.user.says("run", "zerodha")
        after = await served.user.says("status", "--verify", "--json")
        assert (after.code, after.account["last_run"]["error"]) == (3, "token_rejected")
        refused = await served.user.says("token", "zerodha", "--json")
        assert (refused.code, refused.json["error"]) == (3, "token_rejected")
