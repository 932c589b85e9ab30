"""The clicks of a plain login: what `bench/brokers.py` measures a flow against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Measured:
    """A login by a script that knows the page and nothing else.

    Each click is an action (fill, type, keys, check, click), a CSS selector, and for the first
    three the name of a credential, or `otp`. `type` presses key by key in the field, `keys`
    wherever the page moves the focus.
    """

    clicks: tuple[tuple[str, ...], ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options that tell the flow what the script knows of the page."""


def form(user: str, *, screens: int) -> Measured:
    """The clicks on a form without ids.

    User id and password, then the code, on one screen or two.
    """
    send = ("click", "button[type=submit]")
    first = (
        ("fill", "form input >> nth=0", user),
        ("fill", "form input >> nth=1", "password"),
    )
    if screens == 1:
        return Measured((*first, ("type", "form input >> nth=2", "otp"), send))
    return Measured((*first, send, ("type", "form input[inputmode=numeric]", "otp"), send))
