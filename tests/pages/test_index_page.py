"""The sandbox's index with all brokers, at a phone's width and at a desk's."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("width", [360, 1280])
def test_the_index_fits_and_leads_to_each_broker(page, sandbox, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(sandbox.index_url)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("navigation").get_by_role("link", name="Zerodha").click()
    button = page.locator("form[action='/scenarios/zerodha'] button")
    page.get_by_label("dead_token").last.check()
    button.click()
    page.wait_for_url("**/#zerodha")
    assert "dead_token" in sandbox.twins["zerodha"].scenarios
