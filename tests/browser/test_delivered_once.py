"""One login makes one `token.issued` for each sink, also where the user id is known only after the broker was asked."""

from __future__ import annotations

import contextlib
import json

import pytest
from support.clock import SkippingClock
from support.sandbox import SHARED, rehearsal
from support.webhook_consumer import Consumer, listening

from autologin.app import App

HOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
FAILED_TRIES = 4


@contextlib.contextmanager
def opened(served):
    """The store of the user's config."""
    with contextlib.closing(App.open(served.settings(), served.twin.clock, SHARED).store) as store:
        yield store


def counters(served):
    """How often a delivery came to each end, by sink."""
    with opened(served) as store:
        return {(one.kind, one.outcome): one.number for one in store.history.counters("delivery")}


@pytest.fixture
async def hook():
    async with listening(Consumer()) as consumer:
        yield consumer


@pytest.fixture
async def served(request, tmp_path, hook):
    """A broker whose account delivers to a file and to a webhook."""
    async with rehearsal(tmp_path, broker=request.param, clock=SkippingClock()) as one:
        add_hook(one, hook)
        yield one


def add_hook(one, hook, **account):
    """The account delivers to a webhook, too."""

    def change(config):
        config["sinks"]["hook"] = {"type": "webhook", "url": hook.url, "secret": HOOK_SECRET}
        config["accounts"][one.broker] |= {"sinks": ["tokens", "hook"], **account}

    one.change(change)


@pytest.mark.parametrize("served", ["fyers", "zerodha", "angelone"], indirect=True)
async def test_a_login_is_delivered_once_to_each_sink(served, hook):
    outcome = await served.run(served.twin.clock)
    assert outcome.outcome == "issued", outcome.error
    assert counters(served) == {("hook", "delivered"): 1, ("tokens", "delivered"): 1}
    (body,) = [json.loads(body) for method, _, body in hook.got if method == "POST"]
    assert body["type"] == "token.issued"
    assert body["data"] == json.loads(served.token_file.read_text())
    assert body["data"]["user_id"]
    with opened(served) as store:
        assert store.tokens.get(served.broker).token.user_id == body["data"]["user_id"]
        assert store.tokens.get(served.broker).verified_at


@pytest.mark.parametrize("served", ["fyers"], indirect=True)
async def test_a_token_that_is_still_valid_is_not_told_again(served, hook):
    await served.run(served.twin.clock)
    served.token_file.unlink()
    assert (await served.run(served.twin.clock)).outcome == "still_valid"
    assert len(served.twin.codes_issued) == 1
    assert [method for method, _, _ in hook.got].count("POST") == 1
    assert served.token_file.exists()  # a file holds a state, which somebody may have lost


@pytest.mark.parametrize("served", ["angelone"], indirect=True)
async def test_a_sink_that_somebody_fixed_gets_the_token_in_the_next_run(served, hook):
    hook.answers = [(200, {}), *[(500, {})] * FAILED_TRIES, (200, {})]
    outcome = await served.run(served.twin.clock)
    assert outcome.error.name == "delivery_failed"
    hook.answers = [(200, {})]
    again = await served.run(served.twin.clock)
    assert again.outcome == "still_valid"
    assert again.error is None
    assert [one.outcome for one in again.deliveries] == ["delivered", "delivered"]
    assert json.loads(hook.got[-1][2])["data"] == json.loads(served.token_file.read_text())


async def test_a_refreshed_token_is_delivered_once(tmp_path, hook):
    async with rehearsal(tmp_path, "refresh_works", broker="fyers", clock=SkippingClock()) as one:
        add_hook(one, hook, refresh=True)
        for number in (1, 2):
            assert (await one.run(one.twin.clock, force=True)).outcome == "issued"
            assert counters(one) == {("hook", "delivered"): number, ("tokens", "delivered"): number}
        assert one.twin.counters["refresh"] == 1
        (_, data) = [json.loads(body)["data"] for method, _, body in hook.got if method == "POST"]
        assert data == one.token
