"""What the flows of brokers without a login page share: sending JSON, and what a refusal means."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autologin.flow import (
    BARRED,
    PACE,
    AccountLocked,
    AutologinError,
    BrokerUnavailable,
    CredentialsRejected,
    ExchangeRejected,
    Meaning,
    OtpRejected,
    address_hint,
    attempts_left,
    attempts_left_in,
    error_message,
    json_object,
    meaning_of,
    no_answer,
    quoted_refusal,
    says_nothing,
    send,
)

if TYPE_CHECKING:
    import httpx
    from pydantic import SecretStr

LOOK = (
    "See what the broker says, sign in once by hand at its site or app, and settle there what it "
    "asks for; then run it again."
)
"""What to do about words that no table knows."""


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
    own: Sequence[Meaning] = (),
    code: type[AutologinError] | None = None,
    pause: float | None = None,
) -> AutologinError:
    """What an answer without a token means, by the broker's words.

    `message` are those of the broker's own no (`refusal`): without any, something else answered,
    and only a pace to keep is believed of it. `own` is what the flow knows of this broker's words,
    beside the table that all share; `code` is what the broker's code for the refusal means, which
    counts where its words leave it open; one that blocks, only where they say nothing at all, or
    "Unauthorized" and the like. `pause` are the seconds after which the broker takes the
    next login, where it says that this one came too soon.
    """
    words = message or error_message(json_object(response))
    detail = quoted_refusal(title, response, words)
    meant = meaning_of(words, own)
    if not message and meant is not PACE:
        error = no_answer(title, response, pause=None if response.is_success else BARRED)
        return unclear(error.detail, LOOK) if is_open(error) else error
    if response.status_code >= 500 and not (meant and meant.kind is AccountLocked):
        return BrokerUnavailable(detail)
    if meant is None:
        blocks = code and issubclass(code, CredentialsRejected | OtpRejected)
        if code and (says_nothing(message) or not blocks):
            return _error(code, detail, message, response)
        # Nobody is blocked for it, and it counts as a refusal that nobody understands.
        return unclear(detail, LOOK)
    if meant.kind is BrokerUnavailable:
        return BrokerUnavailable(detail, retry_after=pause if meant is PACE else meant.pause)
    if meant.kind is ExchangeRejected:
        return ExchangeRejected(detail, hint=meant.hint or address_hint(title, response, message))
    return _error(meant.kind, detail, message, response, hint=meant.hint)


def is_open(error: AutologinError) -> bool:
    """Whether neither a refusal's words nor a code gave it a meaning."""
    return type(error) is ExchangeRejected and error.default_hint


def unclear(detail: str, hint: str) -> ExchangeRejected:
    """A refusal that nobody understands, and counts as one, with what to look at."""
    error = ExchangeRejected(detail, hint=hint)
    error.default_hint = True
    return error


def _error(
    kind: type[AutologinError],
    detail: str,
    message: str,
    response: httpx.Response,
    *,
    hint: str | None = None,
) -> AutologinError:
    if not issubclass(kind, OtpRejected):
        return kind(detail, hint=hint)
    left = attempts_left(message)
    counted = attempts_left_in(json_object(response))
    return kind(detail, attempts_left=counted if left is None else left, hint=hint)
