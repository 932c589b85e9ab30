"""What a flow gives is what it should: a user's own may give anything."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from autologin.errors import Bug
from autologin.token import Token

if TYPE_CHECKING:
    from autologin.flow.base import Flow

T = TypeVar("T")


async def result_of(flow: Flow, call: Any, *kinds: type[T]) -> T:
    """What a method of a flow gives when it is awaited.

    Raises:
        Bug: that is none of these kinds.
    """
    if not inspect.isawaitable(call):
        raise _mistake(flow, f"returned {type(call).__name__} where a coroutine is due")
    result = await call
    if not isinstance(result, kinds):
        due = kinds[0].__name__
        raise _mistake(flow, f"returned {type(result).__name__} where a {due} is due")
    if isinstance(result, Token) and (flaw := _find_flaw(result)):
        raise _mistake(flow, f"returned a Token with {flaw}")
    return result


def _find_flaw(token: Token) -> str:
    from pydantic import SecretStr  # noqa: PLC0415  (60 ms, which the start of a driver would wait for)

    kinds = {
        "access_token": SecretStr,
        "issued_at": datetime,
        "expires_at": datetime,
        "user_id": str,
        "extra": Mapping,
    }
    for name, kind in kinds.items():
        if not isinstance(value := getattr(token, name), kind):
            return f"{name} of type {type(value).__name__}"
    return ""


def _mistake(flow: Flow, what: str) -> Bug:
    module = sys.modules.get(type(flow).__module__)
    return Bug.in_flow(str(getattr(module, "__file__", type(flow).__name__)), what)
