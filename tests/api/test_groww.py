"""What only Groww does; tests/scenarios/test_apis.py has what it shares with others."""

from __future__ import annotations

import pytest
from support.sandbox import rehearsal

APPROVAL = ["approval_missing_403", "approval_missing_400", "approval_missing_401"]


@pytest.mark.parametrize("scenario", APPROVAL)
async def test_a_missing_approval_is_told_with_the_page_that_gives_it(walk, scenario):
    _, outcome = await walk("groww", scenario)
    assert outcome.error.name == "consent_required"
    assert "https://groww.in/trade-api/api-keys" in outcome.error.message


async def test_the_command_needs_no_playwright(tmp_path):
    """`playwright` cannot even be imported here."""
    absent = tmp_path / "absent" / "playwright"
    absent.mkdir(parents=True)
    (absent / "__init__.py").write_text("raise ImportError('there is no playwright')\n")
    async with rehearsal(tmp_path, broker="groww") as served:
        served.user.environ["PYTHONPATH"] = str(absent.parent)
        done = await served.user.says("run", "groww", "--json")
        assert (done.code, done.account["outcome"]) == (0, "issued")
        by_hand = await served.user.says("login-url", "groww", "--json")
        assert by_hand.code == 2


async def test_answers_that_nobody_understands_block_in_the_end_and_are_not_told_as_cut_off(walk):
    served, _ = await walk("groww", "plain_refusal")
    for _ in range(3):
        outcome = await served.run(served.twin.clock)
    assert (outcome.error.name, served.twin.counters["access"]) == ("account_blocked", 3)
    assert "cut off" not in outcome.error.message
