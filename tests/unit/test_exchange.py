"""Asking what a new token is worth, in the time that a run has."""

from __future__ import annotations

import asyncio

from support.clock import SkippingClock

from autologin import exchange
from autologin.flow.base import Verdict, Verification


class Slow:
    """A flow whose broker answers late, or never."""

    def __init__(self, seconds=None):
        self.seconds, self.asked = seconds, 0

    async def verify(self, token, http):
        self.asked += 1
        await (asyncio.sleep(self.seconds) if self.seconds is not None else asyncio.Event().wait())
        return Verification(Verdict.VALID)


async def test_a_verify_call_without_an_answer_does_not_take_the_token_with_it():
    """Cut off by the run's end it would be a failed run, and no sink would get a token that nobody refused."""
    flow = Slow()
    answer = await exchange.verify(
        flow, None, None, SkippingClock(), lambda: exchange.SETTLE + 0.01
    )
    assert (answer.verdict, flow.asked) == (Verdict.UNKNOWN, 2)


async def test_a_run_that_is_over_its_time_still_asks():
    """A person at a visible browser may have taken longer than the run was meant to."""
    answer = await exchange.verify(Slow(0), None, None, SkippingClock(), lambda: -300.0)
    assert answer.verdict is Verdict.VALID
