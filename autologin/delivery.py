"""Giving a token to its sinks: each gets it, whatever happens to the others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from autologin.errors import AutologinError, DeliveryFailed
from autologin.log import event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autologin.sinks import Sink
    from autologin.token import Token


@dataclass(frozen=True)
class Delivery:
    """What became of one token at one sink."""

    sink: str
    outcome: Literal["delivered", "failed"]
    message: str | None = None


async def deliver(account: str, broker: str, token: Token, sinks: Sequence[Sink]) -> list[Delivery]:
    """Deliver to all sinks at once."""
    return list(await asyncio.gather(*(_one(account, broker, token, sink) for sink in sinks)))


def failure(deliveries: Sequence[Delivery]) -> DeliveryFailed | None:
    """The error that names every sink that is outstanding."""
    failed = [delivery for delivery in deliveries if delivery.outcome == "failed"]
    return DeliveryFailed("; ".join(f"{one.sink}: {one.message}" for one in failed)) if failed else None


async def _one(account: str, broker: str, token: Token, sink: Sink) -> Delivery:
    try:
        await sink.deliver(account, broker, token)
    except AutologinError as error:
        return _failed(sink, _in_words(error))
    except Exception as bug:  # noqa: BLE001  (a mistake in one sink must not take the token from the others)
        return _failed(sink, f"{type(bug).__name__}, which is a mistake in autologin")
    event("delivered", sink=sink.name)
    return Delivery(sink.name, "delivered")


def _failed(sink: Sink, said: str) -> Delivery:
    event("delivery_failed", level="ERROR", sink=sink.name, said=said)
    return Delivery(sink.name, "failed", said)


def _in_words(error: AutologinError) -> str:
    """What happened and the sink's own mend; what to do with any sink is said once, for all of them."""
    said = error.said.rstrip(".")
    return said if error.mend == DeliveryFailed.mend else f"{said}. {error.mend}".rstrip(". ")
