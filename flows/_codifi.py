"""What brokers on Codifi's vendor API share: the sealed auth code, and the session for it."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from autologin.flow import (
    Token,
    Verification,
    exchange_error,
    json_object,
    next_daily,
    refusal,
    refuses_token,
    send,
    text_of,
    token_in,
    verify_with,
)

if TYPE_CHECKING:
    import httpx


def checksum(user_id: str, auth_code: str, secret: str) -> str:
    """SHA-256 of the three in this order, in hex."""
    return hashlib.sha256((user_id + auth_code + secret).encode()).hexdigest()


async def create_session(
    title: str,
    url: str,
    seal: str,
    http: httpx.AsyncClient,
    *,
    now: datetime,
    user: str,
) -> Token:
    """POST the checksum; the reply's `userSession` (or its result's `accessToken`) is the token.

    It lives until midnight in India.

    Raises:
        BrokerUnavailable: no answer of the broker's.
        ExchangeRejected: the broker answered no.
    """
    headers = {"Content-Type": "application/json"}
    body = json.dumps({"checkSum": seal})
    response = await send(http.build_request("POST", url, content=body, headers=headers), http)
    answer = json_object(response)
    token = token_in(answer.get("userSession") or _result(answer).get("accessToken"))
    if response.status_code != 200 or not is_ok(answer) or not token:
        raise exchange_error(title, response, message_in(answer))
    owner = text_of(answer.get("clientId")) or user
    return Token(
        access_token=SecretStr(token),
        issued_at=now,
        expires_at=next_daily(time(0), now),
        user_id=owner,
        extra={"clientId": owner},
    )


async def verify_session(
    url: str,
    token: Token,
    http: httpx.AsyncClient,
    dead: frozenset[str] = frozenset(),
) -> Verification:
    """GET the profile; `dead` are codes that say that the token is no more."""

    def is_dead(status: int, body: dict[str, Any]) -> bool:
        words = message_in(body)
        return refuses_token(status, words) or words.partition(":")[0] in dead

    headers = {"Authorization": f"Bearer {token.access_token.get_secret_value()}"}
    request = http.build_request("GET", url, headers=headers)
    return await verify_with(request, http, owner=_owner, dead=is_dead, words=message_in)


def is_ok(body: dict[str, Any]) -> bool:
    """Whether an answer says of itself that it is one."""
    return str(body.get("stat") or body.get("status") or "").lower() == "ok"


def message_in(body: dict[str, Any]) -> str:
    """The broker's words for a no."""
    says_no = str(body.get("stat") or body.get("status")).lower() == "not_ok"
    return refusal(says_no, body.get("code"), body.get("emsg") or body.get("message"))


def _owner(body: dict[str, Any]) -> str | None:
    if not is_ok(body):
        return None
    profile = _result(body) or body
    return text_of(profile.get("clientId") or profile.get("clientID"))


def _result(body: dict[str, Any]) -> dict[str, Any]:
    """What stands in `result`: an object, or the first of a list."""
    result = body.get("result")
    first = result[0] if isinstance(result, list) and result else result
    return first if isinstance(first, dict) else {}
