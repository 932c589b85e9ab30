"""A broker that counts logins: its limit holds over codes, runs and restarts, whatever its answers were."""

from __future__ import annotations

import pytest

from autologin.flow import registry
from autologin.flow.base import RateLimit


@pytest.fixture
def limited(monkeypatch):
    def to(*limits):
        monkeypatch.setattr(registry.load("groww"), "rate_limits", limits)

    return to


async def test_a_second_code_waits_for_its_turn(walk, limited):
    limited(RateLimit(1, 60))
    served, outcome = await walk("groww", "wrong_code_once")
    assert outcome.outcome == "issued"
    assert 58 < served.twin.clock.skipped < 100


async def test_another_run_waits_though_the_first_went_well(walk, limited):
    limited(RateLimit(1, 60))
    served, _ = await walk("groww")
    before = served.twin.clock.skipped
    assert (await served.run(served.twin.clock, force=True)).outcome == "issued"
    assert served.twin.clock.skipped - before > 50


async def test_a_day_that_is_used_up_is_told_and_nothing_is_sent(walk, limited):
    limited(RateLimit(2, 86400), RateLimit(1, 60))
    served, _ = await walk("groww")
    clock = served.twin.clock
    await served.run(clock, force=True)
    before = served.twin.counters["access"]
    outcome = await served.run(clock, force=True)
    assert (outcome.error.name, outcome.exit_code) == ("broker_unavailable", 5)
    assert "Groww takes only so many logins" in outcome.error.message
    assert served.twin.counters["access"] == before
    await clock.sleep(86400)
    assert (await served.run(clock, force=True)).outcome == "issued"


async def test_unblocking_forgets_no_login(walk, limited):
    limited(RateLimit(1, 600))
    served, outcome = await walk("groww", "wrong_key")
    assert outcome.error.name == "credentials_rejected"
    assert (await served.user.says("unblock", "groww")).code == 0
    served.twin.switch()
    assert (await served.run(served.twin.clock)).error.name == "broker_unavailable"


@pytest.mark.parametrize(
    ("scenario", "name", "words"),
    [
        ("wrong_code", "otp_rejected", "Check totp_secret"),
        ("broker_502_at_access_always", "broker_unavailable", "answered 502"),
    ],
)
async def test_without_time_for_another_login_the_first_ones_failure_is_told(
    walk, limited, scenario, name, words
):
    """A code that was refused is no "later": it blocks, though its second one was never sent."""
    limited(RateLimit(1, 600))
    served, outcome = await walk("groww", scenario)
    assert (outcome.error.name, served.twin.counters["access"]) == (name, 1)
    assert words in outcome.error.message


async def test_a_timeout_that_is_too_short_for_a_login_is_no_limit_of_the_brokers(walk):
    served, outcome = await walk(
        "groww", change=lambda config: config["accounts"]["groww"].update(timeout=5)
    )
    assert (outcome.error.name, served.twin.counters["access"]) == ("broker_unavailable", 0)
    assert "takes only so many" not in outcome.error.message
    assert "`timeout`" in outcome.error.message
