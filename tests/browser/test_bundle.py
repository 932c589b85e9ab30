"""What is kept of a failed login: enough to see what the page was, and nothing secret, whatever the page shows."""

from __future__ import annotations

import asyncio
import json

import pytest
from playwright.async_api import async_playwright
from support.clock import HandClock
from support.leaks import forms, leaks
from support.processes import browser

from autologin import redaction
from autologin.errors import PageChanged
from autologin.login import artifacts

SECRETS = ["p@ss w0rd&é", "JBSWY3DPEHPK3PXPCANARY", "code-canary-9f8a"]
USER, OTP = "XY98765", "482913"
HOSTILE = """<title>{0} {1}</title><h1 id="{2}">Hello {0}, {user}</h1><form class="{1}"><label>{2}<input name="{0}" value="{0}"
placeholder="{1}"></label><input type="hidden" value="{2}"><textarea>{0}</textarea></form>
<p role="alert">Code {otp} was wrong</p>
<a href="/?token={2}">{forms}</a><script>const secret = "{0}";</script><button>Continue</button>"""


@pytest.fixture
async def page():
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=browser())
        yield await chromium.new_page()
        await chromium.close()


async def saved(page, folder, clock=None, message="It changed"):
    """The bundle of a login that failed on this page."""
    stages = {"login": 1.23456}
    return await artifacts.save(
        folder,
        page,
        "mine",
        PageChanged(message),
        stages=stages,
        user_id=USER,
        clock=clock or HandClock(),
    )


async def test_whatever_the_page_shows_nothing_secret_is_kept(page, tmp_path):
    redaction.remember(*SECRETS)
    everything = " ".join(form for secret in SECRETS for form in forms(secret))
    await page.set_content(HOSTILE.format(*SECRETS, user=USER, otp=OTP, forms=everything))
    place = await saved(page, tmp_path, message=f"The broker said: {SECRETS[0]}")
    assert leaks([*SECRETS, USER, OTP], [tmp_path]) == []
    report = json.loads((place / "report.json").read_text())
    assert (report["error"], report["stages"]) == ("page_changed", {"login": 1.235})
    assert any(one["tag"] == "button" and one["text"] == "Continue" for one in report["outline"])
    assert (place / "screenshot.png").read_bytes().startswith(b"\x89PNG")


async def test_a_secret_that_gets_past_everything_costs_the_file(page, tmp_path, monkeypatch):
    redaction.remember(*SECRETS)
    monkeypatch.setattr(artifacts, "_numberless", lambda value, _private: value)
    await page.set_content(HOSTILE.format(*SECRETS, user=USER, otp=OTP, forms=""))
    place = await saved(page, tmp_path)
    assert [file.name for file in place.iterdir()] == ["screenshot.png"]


async def test_the_rights_are_the_owners_alone(page, tmp_path):
    place = await saved(page, tmp_path / "failures")
    assert place.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in place.iterdir()} == {0o600}


async def test_the_newest_twenty_are_kept(page, tmp_path):
    for number in range(25):
        (tmp_path / f"20260101T0000{number:02}.000000-mine-page_changed").mkdir()
    place = await saved(page, tmp_path)
    left = sorted(folder.name for folder in tmp_path.iterdir())
    assert len(left) == 20
    assert left[-1] == place.name
    assert left[0].startswith("20260101T000006")


async def test_a_folder_that_cannot_be_written_hides_no_error(page, tmp_path):
    (tmp_path / "failures").write_text("a file is in the way")
    assert await saved(page, tmp_path / "failures") is None


async def test_a_page_that_hangs_or_is_gone_costs_its_parts_only(page, tmp_path, monkeypatch):
    monkeypatch.setattr(artifacts, "PATIENCE", 0.5)
    await page.set_content("<button>x</button>")
    hanging = asyncio.ensure_future(
        page.evaluate("() => { const end = Date.now() + 4000; while (Date.now() < end); }")
    )
    place = await asyncio.wait_for(saved(page, tmp_path), 10)
    assert json.loads((place / "report.json").read_text())["outline"] == []
    await hanging
    await page.close()
    later = HandClock()
    later.move(seconds=1)
    gone = await asyncio.wait_for(saved(page, tmp_path, later), 10)
    assert [file.name for file in gone.iterdir()] == ["report.json"]
