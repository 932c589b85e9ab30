"""What the flows of brokers without a login page share: sending JSON, and what a refusal means."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autologin.flow import (
    COMMON,
    AccountLocked,
    AutologinError,
    BrokerUnavailable,
    CredentialsRejected,
    ExchangeRejected,
    OtpNotAvailable,
    OtpRejected,
    attempts_left,
    error_message,
    exchange_error,
    json_object,
    send,
)

if TYPE_CHECKING:
    import httpx
    from pydantic import SecretStr

OTP = r"\bt?otp\b|one.?time.?(pass|code)|authenticator"
ANOTHER = (
    r"\bpass\s?word\b|\bm?pin\b|api.?key|app.?key|consumer.?key|client.?(id|code)"
    r"|user.?(id|key|name)|vendor.?code|\bucc\b|mobile|encry|credential|unauthori[sz]ed"
    r"|authori[sz]ation|\bdob\b|\bpan\b|\b2fa\b"
)
OFF = r"\bnot (yet )?(been )?(enabled|activated|set ?up|configured)\b"
"""No OTP is right where the account takes none."""
LATER = r"rate.?limit|access.?rate|too many requests|once (in )?every"
LOCKED = r"(?<!be )(?<!get )(?<!being )\blocked\b"
ADDRESS = r"\bips?\b|whitelist"


def plain(value: SecretStr) -> str:
    """A secret, at the point of use."""
    return value.get_secret_value()


async def post_json(
    http: httpx.AsyncClient,
    url: str,
    body: Mapping[str, Any],
    headers: Mapping[str, str],
) -> tuple[httpx.Response, dict[str, Any]]:
    """The answer to a JSON object that is sent, and the JSON object in it.

    Raises:
        BrokerUnavailable: no answer, 5xx, 408 or 429, unless its words say that the account is
            locked.
    """
    request = http.build_request(
        "POST",
        url,
        content=json.dumps(body),
        headers={"Content-Type": "application/json", **headers},
    )
    response = await send(request, http, is_answer=_is_lock)
    return response, json_object(response)


def _is_lock(response: httpx.Response) -> bool:
    """Whether a 429 is no pace to keep but a lock, which another try would prolong."""
    message = error_message(json_object(response))
    return response.status_code == 429 and bool(re.search(LOCKED, message, re.IGNORECASE))


def login_error(
    title: str,
    response: httpx.Response,
    message: str,
    *,
    pause: float | None = None,
) -> AutologinError:
    """What an answer without a token means, by the broker's words.

    Words that name both the OTP and another secret count against the other one: it is never sent
    again, so that a guess cannot lock an account. `pause` are the seconds after which the broker
    takes the next login, where it says that this one came too soon.
    """
    detail = f"{title} gave no token"
    if message:
        detail = f'{title} said: "{message}" (HTTP {response.status_code})'
    if error := common_error(title, message, detail, pause=pause):
        return error
    if re.search(ANOTHER, message, re.IGNORECASE):
        return CredentialsRejected(detail)
    if re.search(OTP, message, re.IGNORECASE):
        if re.search(OFF, message, re.IGNORECASE):
            return OtpNotAvailable(detail)
        return OtpRejected(detail, attempts_left=attempts_left(message))
    return exchange_error(title, response, message)


def common_error(
    title: str, message: str, detail: str, *, pause: float | None = None
) -> AutologinError | None:
    """What words mean in any answer: a lock, a pace to keep, an address that is not registered."""
    if re.search(COMMON[AccountLocked], message, re.IGNORECASE):
        return AccountLocked(detail)
    if re.search(LATER, message, re.IGNORECASE):
        return BrokerUnavailable(detail, retry_after=pause)
    if re.search(ADDRESS, message, re.IGNORECASE):
        hint = f"Register this machine's address with {title}, then run it again."
        return ExchangeRejected(detail, hint=hint)
    return None


def error_by_code(error: AutologinError, kind: type[AutologinError] | None) -> AutologinError:
    """What a refusal means where its words say nothing: what the broker's code for it says."""
    return kind(error.detail) if kind and says_nothing(error) else error


def says_nothing(error: AutologinError) -> bool:
    """Whether nothing in a refusal's words gave it a meaning of its own."""
    return type(error) is ExchangeRejected and error.default_hint
