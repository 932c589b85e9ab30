"""A token in an answer that nobody knows, or in the broker's own words: in no file, no webhook, no log, and known to nobody."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from starlette.responses import Response
from support.api_login import TWINS
from support.clock import SkippingClock
from support.leaks import leaks
from support.replies import NO
from support.sandbox import SHARED, rehearsal
from support.webhook_consumer import Consumer, listening

from autologin import log
from autologin.app import App
from autologin.delivery.sinks.webhook import new_secret
from autologin.flow import registry
from autologin.sandbox.twin import Refusal
from autologin.status import read_statuses

JWT = "eyJhbGciOiJIUzUxMiJ9.eyJ1c2VyIjoiQUIxMjM0In0.c2lnbmF0dXJlLW9mLWl0"
OPAQUE = "f3a9c5512de8812aa90b7c6d4e5f6071"
UNKNOWN = [
    {"success": True, "data": {"jwtToken": JWT, "feedToken": OPAQUE}},
    {"result": [JWT, {"session": OPAQUE}], "message": "SUCCESS"},
    {JWT: OPAQUE},
    {"message": f"Welcome, token {JWT}", "error": {"message": OPAQUE, "code": JWT}},
]


def answers(broker):
    words = f"Invalid session {OPAQUE} of {JWT}, see https://x.example/{OPAQUE}?t={JWT}"
    return [*UNKNOWN, NO[broker](words)]


@pytest.mark.parametrize("broker", TWINS)
async def test_an_answers_values_are_told_nowhere(tmp_path, broker):
    clock = SkippingClock()
    heard = io.StringIO()
    log.configure(verbose=True, stream=heard)
    given = answers(broker)
    async with (
        listening(Consumer()) as consumer,
        rehearsal(tmp_path, broker=broker, clock=clock) as served,
    ):
        served.change(lambda data: subscribe(data, broker, consumer.url))
        twin = served.twin
        told = []

        def answer(at, broken=None):
            del broken
            twin.counters[at] += 1
            raise Refusal(Response(json.dumps(given[0]), 200, media_type="application/json"))

        twin.arrive = answer
        while given:
            outcome = await served.run(clock)
            assert outcome.outcome == "failed"
            told.append(outcome.error.message)
            given.pop(0)
        bodies = [body.decode() for _, _, body in consumer.got]
        places = [heard.getvalue(), *told, *bodies, tmp_path / "state"]
        assert leaks([JWT, OPAQUE, JWT.split(".")[2]], places) == []
        assert any('"login.failed"' in body for body in bodies)


def subscribe(data, broker, url):
    data["sinks"]["hook"] = {
        "type": "webhook",
        "url": url,
        "secret": new_secret(),
    }
    data["accounts"][broker]["sinks"] = ["hook"]


async def test_a_token_in_the_place_of_the_users_id_is_not_printed(tmp_path, monkeypatch):
    flow = registry.load("fivepaisa")
    sign_in = flow.sign_in

    async def odd(self, *words):
        return replace(await sign_in(self, *words), user_id=OPAQUE)

    monkeypatch.setattr(flow, "sign_in", odd)
    clock = SkippingClock()
    async with rehearsal(tmp_path, broker="fivepaisa", clock=clock) as served:
        assert (await served.run(clock)).outcome == "issued"
        app = App.open(served.settings(), clock, SHARED)
        (status,) = read_statuses(app.settings, app.store, clock)
        app.store.close()
        assert status.to_json()["token"]["user_id"] in {"", served.twin.credentials["client_code"]}
        assert OPAQUE not in served.token_file.read_text()
