"""What brokers on Codifi's vendor API share: the sealed code, and the session for it."""

from __future__ import annotations

import hashlib
import json
from datetime import time
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from autologin.flow import base
from autologin.token import Token

if TYPE_CHECKING:
    from datetime import datetime

    import httpx

    from autologin.flow.base import Verified


def checksum(user_id: str, code: str, secret: str) -> str:
    """SHA-256 of the three in this order, in hex."""
    return hashlib.sha256((user_id + code + secret).encode()).hexdigest()


async def session(title: str, url: str, seal: str, http: httpx.AsyncClient, *, now: datetime, user: str) -> Token:
    """POST the checksum; the reply's `userSession` (or its result's `accessToken`) is the token, until midnight in India.

    Raises:
        BrokerUnavailable: no answer, 5xx, 408 or 429.
        ExchangeRejected: the broker answered no.
    """
    body, headers = json.dumps({"checkSum": seal}), {"Content-Type": "application/json"}
    response = await base.answer_of(http.build_request("POST", url, content=body, headers=headers), http)
    data = base.json_of(response)
    token = data.get("userSession") or _first(data).get("accessToken")
    if response.status_code != 200 or not is_good(data) or not token:
        raise base.refused(title, response, words_of(data))
    owner = str(data.get("clientId") or user)
    return Token(SecretStr(str(token)), now, base.next_daily(time(0), now), owner, {"clientId": owner})


async def proven(url: str, token: Token, http: httpx.AsyncClient, dead: frozenset[str] = frozenset()) -> Verified:
    """GET the profile; `dead` are codes that say that the token is no more."""
    headers = {"Authorization": f"Bearer {token.access_token.get_secret_value()}"}

    def is_dead(status: int, body: dict[str, Any]) -> bool:
        return status == 401 or any(code in words_of(body) for code in dead)

    return await base.proven(http.build_request("GET", url, headers=headers), http, owner=_owner, dead=is_dead, words=words_of)


def is_good(body: dict[str, Any]) -> bool:
    """Whether an answer says of itself that it is one."""
    return str(body.get("stat") or body.get("status") or "").lower() == "ok"


def words_of(body: dict[str, Any]) -> str:
    """The broker's words."""
    return str(body.get("emsg") or body.get("message") or "")


def _owner(body: dict[str, Any]) -> str | None:
    if not is_good(body):
        return None
    data = _first(body) or body
    return str(data.get("clientId") or data.get("clientID") or "")


def _first(body: dict[str, Any]) -> dict[str, Any]:
    """What stands in `result`: an object, or the first of a list."""
    result = body.get("result")
    first = result[0] if isinstance(result, list) and result else result
    return first if isinstance(first, dict) else {}
