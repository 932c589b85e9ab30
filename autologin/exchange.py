"""From an auth code to a token, and from a token to the broker's word for it, or to a newer one."""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING

from autologin import retry
from autologin.errors import AutologinError, BrokerUnavailable, ExchangeRejected
from autologin.flow.base import AuthCode, BrowserFlow, Verdict, Verification
from autologin.flow.results import result_of
from autologin.log import event
from autologin.stages import TimeOverError, limit_time
from autologin.token import Token

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import httpx

    from autologin.clock import Clock
    from autologin.flow.base import Flow


SETTLE = 1.0
"""Seconds before the end of a run in which a token is still settled."""


async def exchange(
    flow: BrowserFlow,
    auth_code: AuthCode,
    http: httpx.AsyncClient,
    clock: Clock,
    left: Callable[[], float],
) -> Token:
    """The token for a code.

    Without an answer the same code is sent once more, and never again after any answer.

    `left` gives the seconds that this run still has.

    Raises:
        ExchangeRejected, BrokerUnavailable: as the flow's own exchange.
    """
    try:
        return await result_of(flow, flow.exchange(auth_code, http, clock.now()), Token)
    except AutologinError as error:
        event("exchange_failed", level="WARNING", message=error.detail)
        pause = retry.pause_before_same_auth_code(error, seconds_left=left())
        if pause is None:
            raise
    await clock.sleep(pause)
    try:
        return await result_of(flow, flow.exchange(auth_code, http, clock.now()), Token)
    except ExchangeRejected as refused:
        refused.after_no_answer = True  # the first try may have used the code up
        raise


async def verify(
    flow: Flow, token: Token, http: httpx.AsyncClient, clock: Clock, left: Callable[[], float]
) -> Verification:
    """What the broker says of a new token; asked once more where it says nothing.

    The run's end is no word against it.
    """
    answer = await verify_once(flow, token, http, left())
    pause = retry.PAUSES[0]
    if answer.verdict is Verdict.UNKNOWN and pause < left():
        event("verify_failed", level="WARNING", message=answer.detail)
        await clock.sleep(pause)
        answer = await verify_once(flow, token, http, left())
    event("token_verified", verdict=answer.verdict.value, message=answer.detail or None)
    return answer


async def verify_once(
    flow: Flow, token: Token, http: httpx.AsyncClient, left: float
) -> Verification:
    """The broker's word, awaited no longer than the run lasts.

    A token that nobody refused goes to its sinks.
    """
    try:
        async with limit_time(left - SETTLE if left > SETTLE else None):
            return await result_of(flow, flow.verify(token, http), Verification)
    except TimeOverError:
        return Verification(Verdict.UNKNOWN, detail="No answer in the time that was left")
    except BrokerUnavailable as error:  # a flow of somebody's own may let it pass
        return Verification(Verdict.UNKNOWN, detail=error.detail)


async def renew(flow: Flow, token: Token, http: httpx.AsyncClient, now: datetime) -> Token | None:
    """A new token without a login; None where the broker gives none, whatever it answers."""
    try:
        return await result_of(flow, flow.refresh(token, http, now), Token, NoneType)
    except AutologinError:
        return None
