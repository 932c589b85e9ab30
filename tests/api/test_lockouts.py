"""What a broker counts, over edits of the config, restarts and answers that are lost."""

from __future__ import annotations

import socket

import pytest
from support.clock import SkippingClock
from support.lossy_broker import lossy_broker
from support.sandbox import rehearsal

from autologin import run as walk

PIN = "2468"
"""No account's PIN."""


def with_pin(pin, account="angelone"):
    def change(config):
        config["accounts"][account]["credentials"]["pin"] = pin

    return change


def renamed(config):
    config["accounts"]["renamed"] = config["accounts"].pop("angelone")


async def entered(served, clock, pin=None, **more):
    """A run with a PIN: its error, and how often the broker has been called for a login so far."""
    if pin:
        name = next(iter(served.settings().accounts))
        served.change(with_pin(pin, name))
    outcome = await served.run(clock, **more)
    return outcome.error and outcome.error.name, served.twin.counters[served.twin.login_call]


async def test_an_older_refused_pin_is_never_sent_again(walk):
    served, outcome = await walk("angelone", change=with_pin(PIN))
    clock = served.twin.clock
    assert (outcome.error.name, served.twin.counters["login"]) == ("credentials_rejected", 1)
    assert await entered(served, clock, "9012") == ("credentials_rejected", 2)
    for pin in (PIN, "9012", PIN):
        assert await entered(served, clock, pin, force=True) == ("account_blocked", 2)


async def test_no_edit_of_the_config_and_no_new_name_sends_it_again(walk):
    served, _ = await walk("angelone", change=with_pin(PIN))
    clock = served.twin.clock
    edits = [
        lambda config: config["accounts"]["angelone"]["credentials"].update(api_key="another"),
        lambda config: config["accounts"]["angelone"].update(timeout=70),
        renamed,
    ]
    for edit in edits:
        served.change(edit)
        assert await entered(served, clock) == ("account_blocked", 1)
    done = await served.user.says("unblock", "renamed")
    assert (done.code, done.err) == (0, "renamed may log in again.\n")
    assert await entered(served, clock) == ("credentials_rejected", 2)


async def test_unblocking_under_a_new_name_forgets_all_without_any_login_secret(walk):
    served, _ = await walk("angelone", change=with_pin(PIN))
    clock = served.twin.clock
    await entered(served, clock, "9012")
    served.change(renamed)
    served.change(
        lambda config: config["accounts"]["renamed"]["credentials"].update(pin={"env": "NOT_SET"})
    )
    done = await served.user.says("unblock", "renamed")
    assert (done.code, done.err) == (0, "renamed may log in again.\n")
    for sends, pin in enumerate((PIN, "9012"), start=3):
        assert await entered(served, clock, pin) == ("credentials_rejected", sends)


async def test_unblocking_says_where_it_cannot_know(walk):
    served, _ = await walk("angelone", change=with_pin(PIN))
    served.change(renamed)
    served.change(
        lambda config: config["accounts"]["renamed"]["credentials"].update(
            client_code={"env": "NOT_SET"}
        )
    )
    done = await served.user.says("unblock", "renamed")
    assert "was not blocked under this name. Its login id cannot be read here" in done.err


async def test_the_right_pin_works_between_refused_ones(walk):
    served, _ = await walk("angelone", change=with_pin(PIN))
    clock = served.twin.clock
    right = served.twin.credentials["pin"]
    assert await entered(served, clock, right) == (None, 2)
    assert await entered(served, clock, PIN, force=True) == ("account_blocked", 2)
    assert await entered(served, clock, right, force=True) == (None, 3)


@pytest.fixture
def impatient(monkeypatch):
    """Who waits for a broker's answer waits half a second."""
    client = walk.broker_client

    def made(proxy):
        http = client(proxy)
        http.timeout = 0.5
        return http

    monkeypatch.setattr(walk, "broker_client", made)


@pytest.mark.parametrize("mode", ["reset", "stalls", "502", "cut"])
@pytest.mark.parametrize(
    ("broker", "endpoint"), [("angelone", "api"), ("dhan", "auth"), ("mstock", "api")]
)
async def test_a_secret_that_was_never_right_is_sent_three_times_without_an_answer(
    tmp_path, impatient, broker, endpoint, mode
):
    async with rehearsal(tmp_path, broker=broker) as served, lossy_broker(mode) as lossy:
        clock = SkippingClock()
        served.change(
            lambda config: config["accounts"][broker].update(endpoints={endpoint: lossy.url})
        )
        errors = [(await served.run(clock)).error.name for _ in range(4)]
        assert len(lossy.calls) == 3
        assert errors == ["broker_unavailable", *["account_blocked"] * 3]
        assert (await served.user.says("unblock", broker)).code == 0
        await served.run(clock)
        assert len(lossy.calls) == 5


@pytest.mark.parametrize("mode", ["reset", "502"])
async def test_one_that_was_right_yesterday_is_not_blocked_by_an_outage(tmp_path, impatient, mode):
    clock = SkippingClock()
    context = rehearsal(tmp_path, broker="angelone", clock=clock)
    async with context as served, lossy_broker(mode) as lossy:
        assert (await served.run(clock)).outcome == "issued"
        account = served.settings().accounts["angelone"]
        good = dict(account.endpoints)
        served.change(
            lambda config: config["accounts"]["angelone"].update(endpoints={"api": lossy.url})
        )
        errors = [(await served.run(clock, force=True)).error.name for _ in range(5)]
        assert errors == ["broker_unavailable"] * 5
        assert len(lossy.calls) == 2 + 1 + 1 + 1 + 1, "after three, once in a run"
        served.change(lambda config: config["accounts"]["angelone"].update(endpoints=good))
        last = await served.run(clock, force=True)
        assert last.outcome == "issued", last.error


async def test_a_connection_that_is_refused_does_not_count(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        clock = SkippingClock()
        async with rehearsal(tmp_path, broker="angelone", clock=clock) as served:
            good = dict(served.settings().accounts["angelone"].endpoints)
            served.change(
                lambda config: config["accounts"]["angelone"].update(endpoints={"api": url})
            )
            for _ in range(4):
                assert (await served.run(clock)).error.name == "broker_unavailable"
            served.change(lambda config: config["accounts"]["angelone"].update(endpoints=good))
            assert (await served.run(clock)).outcome == "issued"
