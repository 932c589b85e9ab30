"""What is kept of a failed login: enough to see what the page was, and nothing secret, whatever the page shows."""

from __future__ import annotations

import asyncio
import json
import os

import pytest
from playwright.async_api import async_playwright
from support.clock import HandClock
from support.leaks import forms, leaks
from support.processes import browser

from autologin import redaction
from autologin.errors import PageChanged
from autologin.login import artifacts, sketch

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


async def test_a_secret_that_gets_past_everything_costs_the_picture(page, tmp_path, monkeypatch):
    redaction.remember(*SECRETS)
    monkeypatch.setattr(sketch, "mask", lambda texts, *_, **__: [*texts])
    await page.set_content(HOSTILE.format(*SECRETS, user=USER, otp=OTP, forms=""))
    place = await saved(page, tmp_path)
    assert leaks([*SECRETS, USER, OTP], [tmp_path]) == []
    report = json.loads((place / "report.json").read_text())
    assert report["picture"] == artifacts.FOUND
    assert report["outline"] is report["message"] is report["address"] is None
    assert [file.name for file in place.iterdir()] == ["report.json"]
    assert artifacts.newest(tmp_path, "mine") is None


async def test_the_picture_is_told_from_those_of_an_older_autologin(page, tmp_path):
    await page.set_content("<button>Continue</button>")
    place = await saved(page, tmp_path)
    report = json.loads((place / "report.json").read_text())
    assert (report["picture"], report["masking"]) == ("screenshot.png", artifacts.MASKING)
    assert artifacts.newest(tmp_path, "mine").picture().startswith(b"\x89PNG")
    del report["masking"]
    (place / "report.json").write_text(json.dumps(report))
    assert artifacts.newest(tmp_path, "mine") is None


@pytest.mark.parametrize("mode", [None, 0o777, 0o755])
async def test_the_rights_are_the_owners_alone(page, tmp_path, mode):
    folder = tmp_path / "state" / "failures"
    if mode:
        folder.mkdir(parents=True)
        folder.chmod(mode)
    before = os.umask(0)
    try:
        place = await saved(page, folder)
    finally:
        os.umask(before)
    assert [one.stat().st_mode & 0o777 for one in (folder, place)] == [0o700, 0o700]
    assert {file.stat().st_mode & 0o777 for file in place.iterdir()} == {0o600}


async def test_the_newest_twenty_are_kept(page, tmp_path):
    (tmp_path / "notes.txt").write_text("a person's")
    for number in range(25):
        (tmp_path / f"20260101T0000{number:02}.000000-mine-page_changed").mkdir()
    place = await saved(page, tmp_path)
    left = sorted(folder.name for folder in tmp_path.iterdir() if folder.is_dir())
    assert len(left) == 20
    assert left[-1] == place.name
    assert left[0].startswith("20260101T000006")
    assert (tmp_path / "notes.txt").exists()


async def test_a_folder_that_cannot_be_written_hides_no_error(page, tmp_path):
    (tmp_path / "failures").write_text("a file is in the way")
    assert await saved(page, tmp_path / "failures") is None


async def test_a_page_that_hangs_or_is_gone_costs_its_parts_only(page, tmp_path, monkeypatch):
    monkeypatch.setattr(artifacts, "GLANCE", 0.5)
    await page.set_content("<button>x</button>")
    hanging = asyncio.ensure_future(
        page.evaluate("() => { const end = Date.now() + 4000; while (Date.now() < end); }")
    )
    place = await asyncio.wait_for(saved(page, tmp_path), 10)
    report = json.loads((place / "report.json").read_text())
    assert (report["outline"], report["picture"]) == ([], artifacts.TOO_SLOW)
    assert [file.name for file in place.iterdir()] == ["report.json"]
    await hanging
    await page.close()
    later = HandClock()
    later.move(seconds=1)
    gone = await asyncio.wait_for(saved(page, tmp_path, later), 10)
    assert [file.name for file in gone.iterdir()] == ["report.json"]
    assert json.loads((gone / "report.json").read_text())["picture"].startswith("none: ")


async def test_drawing_that_takes_too_long_costs_the_picture_alone(page, tmp_path, monkeypatch):
    async def never(*_):
        await asyncio.Event().wait()

    monkeypatch.setattr(artifacts, "PATIENCE", 3)
    monkeypatch.setattr(sketch, "draw", never)
    await page.set_content("<button>Continue</button>")
    place = await saved(page, tmp_path)
    report = json.loads((place / "report.json").read_text())
    assert [one["text"] for one in report["outline"]] == ["Continue"]
    assert report["picture"] == artifacts.TOO_SLOW
    assert "masking" not in report


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/connect/login", "/connect/login"),
        ("/u/XY98765/otp/482913", "/u/****/otp/****"),
        ("/s/eyJhbGciOiJIUzI1NiJ9.e30.x?token=a#b", "/s/****"),
        ("/p%40ss%20w0rd%26%C3%A9/", "/****/"),
    ],
)
def test_the_address_tells_where_the_page_was_and_no_more(path, kept):
    redaction.remember(*SECRETS)
    found = artifacts._address(f"https://me:{SECRETS[2]}@broker.example{path}", [USER])
    assert found == f"https://broker.example{kept}"
