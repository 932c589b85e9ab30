"""What is filled and pressed on pages that none of our brokers has: issue 14, part A.

The pages are a table (support/login_pages.py). A login form is then permuted (order, names, wrappers, decoys, labels): the
right boxes are found, or nothing is. A sample runs each time; CASES=100000 runs 3000.
"""

from __future__ import annotations

import random

import pytest
from playwright.async_api import async_playwright
from support.finding import look, oauth2_script
from support.login_pages import ROWS
from support.permuted_forms import permuted
from support.processes import browser
from support.selection import cases

from autologin.login.browser import WINDOW
from autologin.login.inspection import judge
from autologin.login.snapshot import ButtonElement

LOGIN = oauth2_script()
PERMUTATIONS = cases(40, 0.03)


@pytest.fixture(scope="module")
async def page():
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=browser())
        page = await chromium.new_page(viewport=WINDOW)
        await page.route("**/*", lambda route: route.abort())
        yield page
        await chromium.close()


FRAMES_ARE_THERE = """() => [...document.querySelectorAll('iframe[srcdoc]')].every(
  frame => frame.contentDocument?.readyState === 'complete' && frame.contentDocument.body.childElementCount)"""


async def found_on(page, html, sent=""):
    """What each element says that it is, by what it would be taken for; and the verdict."""
    await page.set_content(f"<!doctype html><title>Broker</title>{html}", wait_until="commit")
    if "srcdoc" in html:  # a frame is made after the page that it is in
        await page.wait_for_function(FRAMES_ARE_THERE)
    snapshot, marks = await look(page, LOGIN)
    verdict = judge(LOGIN, snapshot, after=sent or None)
    taken = {one.name: [marks[box.index][0] for box in one.elements] for one in verdict.fields}
    if verdict.fields:
        last = verdict.fields[-1].elements[-1]
        pressed = verdict.press
        is_button = isinstance(pressed, ButtonElement)
        taken["press"] = [marks[pressed.index][0] if is_button else marks[last.index][1]]
    return taken, verdict


def right(html):
    """What must be found, as the page says it of itself."""
    names = [name for name in ("user_id", "password", "otp", "press") if f"data-is={name}" in html]
    return {name: [name] * (html.count("data-is=otp") if name == "otp" else 1) for name in names}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.part}: {row.name}")
async def test_a_page_is_filled_where_it_should_be_and_nowhere_else(page, row):
    taken, verdict = await found_on(page, row.html, row.after)
    wanted = right(row.html)
    if wanted and "press" not in wanted:
        wanted["press"] = [""]
    # While a challenge is open, fields may be filled; nothing is sent.
    may_refuse = row.or_nothing or row.kind == "captcha"
    assert taken == wanted or (may_refuse and not taken), verdict
    assert row.kind in {"", verdict.page}
    assert (verdict.page == "captcha") == (row.kind == "captcha")
    assert row.names in str(verdict.refused)


async def test_of_a_permuted_form_the_right_boxes_are_found_or_nothing_is(page):
    wrong, missed = [], []
    for seed in range(PERMUTATIONS):
        pick = random.Random(seed)
        sent = "password" if pick.random() < 0.25 else ""
        html = permuted(pick, sent)
        taken, verdict = await found_on(page, html, sent)
        wanted = right(html)
        if any(taken[name] != wanted.get(name) for name in taken):
            wrong.append((seed, taken, html))
        elif taken != wanted:
            missed.append((seed, taken, verdict.refused, html))
    assert not wrong, f"{len(wrong)} of {PERMUTATIONS}, such as {wrong[:3]}"
    assert len(missed) <= PERMUTATIONS / 20, (
        f"{len(missed)} of {PERMUTATIONS}, such as {missed[:3]}"
    )
