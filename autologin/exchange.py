"""From a code to a token, and from a token to the broker's word for it; the client that asks."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from autologin import __version__, retry
from autologin.errors import AutologinError, ExchangeRejected
from autologin.flow.base import Verdict, Verified
from autologin.log import event

if TYPE_CHECKING:
    from collections.abc import Callable
    from ssl import SSLContext

    import httpx
    from pydantic import SecretStr

    from autologin.clock import Clock
    from autologin.flow.base import Flow
    from autologin.token import Token


SETTLE = 1.0
"""Seconds before the end of a run in which a token is still settled."""


async def exchange(flow: Flow, code: SecretStr, http: httpx.AsyncClient, clock: Clock, left: Callable[[], float]) -> Token:
    """The token for a code. Without an answer the same code is sent once more, and never again after any answer.

    `left` gives the seconds that this run still has.

    Raises:
        ExchangeRejected, BrokerUnavailable: as the flow's own exchange.
    """
    try:
        return await flow.exchange(code, http, clock.now())
    except AutologinError as error:
        event("exchange_failed", level="WARNING", message=error.detail)
        pause = retry.pause_before_same_auth_code(error, seconds_left=left())
        if pause is None:
            raise
    await clock.sleep(pause)
    try:
        return await flow.exchange(code, http, clock.now())
    except ExchangeRejected as refused:
        refused.after_no_answer = True  # the first try may have used the code up
        raise


async def verify(flow: Flow, token: Token, http: httpx.AsyncClient, clock: Clock, left: Callable[[], float]) -> Verified:
    """What the broker says of a new token; asked once more where it says nothing. The run's end is no word against it."""
    answer = await _asked(flow, token, http, left())
    pause = retry.PAUSES[0]
    if answer.verdict is Verdict.UNKNOWN and pause < left():
        event("verify_failed", level="WARNING", message=answer.detail)
        await clock.sleep(pause)
        answer = await _asked(flow, token, http, left())
    event("token_verified", verdict=answer.verdict.value, message=answer.detail or None)
    return answer


async def _asked(flow: Flow, token: Token, http: httpx.AsyncClient, left: float) -> Verified:
    """The broker's word, awaited no longer than the run lasts: a token that nobody refused goes to its sinks."""
    try:
        async with asyncio.timeout(left - SETTLE if left > SETTLE else None):
            return await flow.verify(token, http)
    except TimeoutError:
        return Verified(Verdict.UNKNOWN, detail="No answer in the time that was left")


def client(proxy: str | None) -> httpx.AsyncClient:
    """What asks a broker, through an account's proxy."""
    import httpx  # noqa: PLC0415  (only a run needs it)

    with suppress(ImportError):
        import anyio._backends._asyncio  # noqa: F401, PLC0415  (30 ms that httpx's first call would wait for)
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)  # they would log addresses, and some brokers want a PIN in one
    agent = {"User-Agent": f"broker-autologin/{__version__}"}
    return httpx.AsyncClient(timeout=15, trust_env=False, proxy=proxy, headers=agent, verify=_trusted())


@cache
def _trusted() -> SSLContext:
    """The certificates that are trusted: 20 ms to read, and the same for every run of a process."""
    import httpx  # noqa: PLC0415  (see above)

    return httpx.create_ssl_context(trust_env=False)
