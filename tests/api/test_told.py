"""A token in an answer that nobody knows, or in the broker's own words: in no file, no webhook, no log, and known to nobody."""

from __future__ import annotations

import io
import json

import pytest
from starlette.responses import Response
from support.api_login import TWINS
from support.clock import SkippingClock
from support.leaks import leaks
from support.replies import NO
from support.sandbox import rehearsal
from support.webhook_consumer import Consumer, listening

from autologin import log
from autologin.delivery.sinks.webhook import new_secret
from autologin.sandbox.twin import Refusal

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
