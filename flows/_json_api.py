"""What the flows of brokers without a login page share: sending JSON, and what a refusal means."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autologin.flow import (
    ADDRESS,
    AccountLocked,
    AutologinError,
    BrokerUnavailable,
    CredentialsRejected,
    ExchangeRejected,
    OtpNotAvailable,
    OtpRejected,
    address_hint,
    attempts_left,
    attempts_left_in,
    error_message,
    exchange_error,
    json_object,
    no_answer,
    quoted_refusal,
    says,
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
LATER = r"rate.?limit|access.?rate|too many requests|once (in )?every"
BARRED = 300.0
"""Seconds after which a login may be sent again to what bars the way to the broker: a firewall that
said no once says no again, and each time it may be the broker that counts a wrong entry."""


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
        BrokerUnavailable: as `send`.
    """
    request = http.build_request(
        "POST",
        url,
        content=json.dumps(body),
        headers={"Content-Type": "application/json", **headers},
    )
    response = await send(request, http)
    return response, json_object(response)


def login_error(
    title: str,
    response: httpx.Response,
    message: str,
    *,
    pause: float | None = None,
) -> AutologinError:
    """What an answer without a token means, by the broker's words.

    `message` are those of the broker's own no (`refusal`): without any, something else answered.
    Words that name both the OTP and another secret count against the other one: it is never sent
    again, so that a guess cannot lock an account. `pause` are the seconds after which the broker
    takes the next login, where it says that this one came too soon.
    """
    if error := common_error(title, response, message, pause=pause):
        return error
    detail = quoted_refusal(title, response, message)
    if re.search(ANOTHER, message, re.IGNORECASE):
        return CredentialsRejected(detail)
    if re.search(OTP, message, re.IGNORECASE):
        left = attempts_left(message)
        counted = attempts_left_in(json_object(response))
        return OtpRejected(detail, attempts_left=counted if left is None else left)
    return exchange_error(title, response, message)


def common_error(
    title: str, response: httpx.Response, message: str, *, pause: float | None = None
) -> AutologinError | None:
    """What any answer to a login may mean: no broker, a lock, a pace to keep, an unknown address.

    A pace is believed whoever says so.
    """
    words = message or error_message(json_object(response))
    detail = quoted_refusal(title, response, words)
    if says(AccountLocked, message):
        return AccountLocked(detail)
    if re.search(LATER, words, re.IGNORECASE):
        return BrokerUnavailable(detail, retry_after=pause)
    if not message:
        return no_answer(title, response, pause=None if response.is_success else BARRED)
    if re.search(ADDRESS, message, re.IGNORECASE):
        return ExchangeRejected(detail, hint=address_hint(title, response, message))
    if says(OtpNotAvailable, message):
        return OtpNotAvailable(detail)
    return BrokerUnavailable(detail) if says(BrokerUnavailable, message) else None


def error_by_code(error: AutologinError, kind: type[AutologinError] | None) -> AutologinError:
    """What a refusal means where its words say nothing: what the broker's code for it says."""
    return kind(error.detail) if kind and says_nothing(error) else error


def says_nothing(error: AutologinError) -> bool:
    """Whether nothing in a refusal's words gave it a meaning of its own."""
    return type(error) is ExchangeRejected and error.default_hint
