"""What a broker with a page counts, over runs, edits of the config and answers that are lost."""

from __future__ import annotations

import pytest
from support.clock import SkippingClock
from support.sandbox import rehearsal
from support.selection import sample

WRONG = "Wr0ng-passphrase"


async def outcomes(served, clock, times, **options):
    """What so many runs ended in."""
    return [await served.run(clock, **options) for _ in range(times)]


def names(found):
    return [one.error and one.error.name for one in found]


@pytest.mark.parametrize(
    ("broker", "place", "secret"),
    sample(
        [
            ("zerodha", "login", "password"),
            ("upstox", "pin", "pin"),
            ("zerodha", "twofa", None),
            ("fyers", "pin", "pin"),
        ],
        2,
    ),
)
async def test_a_secret_that_was_never_right_is_sent_three_times_without_an_answer(
    tmp_path, broker, place, secret
):
    clock = SkippingClock()
    scenario = f"broker_502_at_{place}_always"
    async with rehearsal(tmp_path, scenario, broker=broker, clock=clock) as served:
        found = await outcomes(served, clock, 4)
        sent = served.twin.counters[place]
        assert 0 < sent <= 3
        assert names(found)[0] == "broker_unavailable"
        assert names(found)[-1] == "account_blocked"
        assert f"`autologin unblock {broker}`" in found[-1].error.hint
        served.twin.switch()
        assert (await served.user.says("unblock", broker)).code == 0
        assert (await served.run(clock)).outcome == "issued"
        served.twin.switch(scenario)
        before = served.twin.counters[place]
        again = await outcomes(served, clock, 4, force=True)
        assert names(again) == ["broker_unavailable"] * 4, "it was right a moment ago"
        assert served.twin.counters[place] - before > 3


async def test_an_older_refused_password_is_never_sent_again(tmp_path):
    clock = SkippingClock()
    async with rehearsal(tmp_path, clock=clock) as served:

        def use(password):
            served.change(
                lambda config: config["accounts"]["zerodha"]["credentials"].update(
                    password=password
                )
            )

        right = served.twin.credentials["password"]
        use(WRONG)
        assert names(await outcomes(served, clock, 1)) == ["credentials_rejected"]
        use(right)
        assert names(await outcomes(served, clock, 1)) == [None]
        use(WRONG)
        assert names(await outcomes(served, clock, 2, force=True)) == ["account_blocked"] * 2
        served.change(
            lambda config: config["accounts"].update(other=config["accounts"].pop("zerodha"))
        )
        assert names(await outcomes(served, clock, 1, force=True)) == ["account_blocked"]
        assert served.twin.counters["login"] == 2
