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
        event("delivery_failed", level="ERROR", sink=sink.name, said=error.said)
        return Delivery(sink.name, "failed", error.said)
    event("delivered", sink=sink.name)
    return Delivery(sink.name, "delivered")
