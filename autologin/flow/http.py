"""Asking a broker: the client that does, one request and its answer, and what answers mean."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from ssl import SSLContext
from typing import TYPE_CHECKING, Any

from autologin import __version__
from autologin.errors import BrokerUnavailable, ExchangeRejected
from autologin.flow.base import Verdict, Verification
from autologin.redaction import scrub

if TYPE_CHECKING:
    import httpx


def broker_client(proxy: str | None) -> httpx.AsyncClient:
    """What asks a broker, through an account's proxy."""
    import httpx  # noqa: PLC0415  (only a run needs it)

    with suppress(ImportError):
        # 30 ms that httpx's first call would wait for
        import anyio._backends._asyncio  # noqa: F401, PLC0415
    for name in ("httpx", "httpcore"):
        # They would log addresses, and some brokers want a PIN in one.
        logging.getLogger(name).setLevel(logging.WARNING)
    return httpx.AsyncClient(
        timeout=15,
        trust_env=False,
        proxy=proxy,
        headers={"User-Agent": f"broker-autologin/{__version__}"},
        verify=_trusted_certificates(),
    )


@cache
def _trusted_certificates() -> SSLContext:
    """20 ms to read, and the same for every run of a process."""
    import httpx  # noqa: PLC0415  (see above)

    return httpx.create_ssl_context(trust_env=False)


async def send(
    request: httpx.Request,
    http: httpx.AsyncClient,
    *,
    is_answer: Callable[[httpx.Response], bool] = lambda _: False,
) -> httpx.Response:
    """The broker's answer to a request that may have to be sent again.

    Raises:
        BrokerUnavailable: there was no answer, or one that says "later" (408, 429, 5xx), with its
            Retry-After, unless `is_answer` knows it for the broker's word all the same.
    """
    import httpx  # noqa: PLC0415  (100 ms that `--help` and `status` do not need)

    where = f"{request.method} {request.url.host}{request.url.path}"
    try:
        response = await http.send(request)
    except httpx.HTTPError as error:
        why = ": ".join(filter(None, (type(error).__name__, str(error)[:120])))
        raise BrokerUnavailable(f"No answer from {where} ({why})") from None
    later = response.status_code in {408, 429} or response.status_code >= 500
    if later and not is_answer(response):
        words = error_message(json_object(response))
        detail = f"{where} answered {response.status_code}"
        if words:
            detail += f': "{scrub(words)[:200]}"'
        wait = retry_after(response.headers.get("retry-after"))
        raise BrokerUnavailable(detail, retry_after=wait)
    return response


def retry_after(header: str | None) -> float | None:
    """Seconds from a Retry-After header; None where it gives none (or a date)."""
    return float(header) if header and header.strip().isdigit() else None


def json_object(response: httpx.Response) -> dict[str, Any]:
    """The JSON object in an answer; an empty one where there is none."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def data_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The object under `data`; an empty one where there is none."""
    data = body.get("data")
    return data if isinstance(data, dict) else {}


def error_message(body: Mapping[str, Any]) -> str:
    """The broker's words: at the top of the answer, or code and words of the first in `errors`."""
    errors = body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    code = first.get("errorCode") or first.get("error_code") or ""
    message = first.get("message") or body.get("message") or ""
    return ": ".join(filter(None, (str(code), str(message))))


def exchange_error(
    title: str,
    response: httpx.Response,
    message: object,
    *,
    hint: str | None = None,
) -> ExchangeRejected:
    """The error for an exchange that the broker refused, in its own words where it has some."""
    words = str(message or "").strip()
    detail = f'{title} said: "{words}"' if words else f"{title} gave no token"
    return ExchangeRejected(f"{detail} (HTTP {response.status_code})", hint=hint)


async def verify_with(
    request: httpx.Request,
    http: httpx.AsyncClient,
    *,
    owner: Callable[[dict[str, Any]], str | None],
    dead: Callable[[int, dict[str, Any]], bool],
    words: Callable[[dict[str, Any]], str] = error_message,
) -> Verification:
    """What the answer to a call says of the token that it was made with.

    `owner` gives the user's id from the JSON of a 200 that shows that the token lives: "" where it
    names nobody, None where it shows nothing. `dead` tells from the status and the JSON of any
    other whether the broker means this token.
    """
    try:
        response = await send(request, http)
    except BrokerUnavailable as error:
        return Verification(Verdict.UNKNOWN, detail=error.detail)
    body = json_object(response)
    user = owner(body) if response.status_code == 200 else None
    if user is not None:
        return Verification(Verdict.VALID, user_id=user or None)
    verdict = Verdict.REJECTED if dead(response.status_code, body) else Verdict.UNKNOWN
    detail = f"{words(body) or request.url.path} (HTTP {response.status_code})"
    return Verification(verdict, detail=detail)


async def verify_profile(
    request: httpx.Request,
    http: httpx.AsyncClient,
    *,
    dead: Callable[[dict[str, Any]], bool],
    owner: str = "user_id",
) -> Verification:
    """What the answer to a profile call says of the token.

    `owner` is the name in its `data` of the user's id.

    `dead` tells from the JSON of a 4xx whether the broker means this token; any other refusal says
    nothing about it.
    """

    def owner_in(body: dict[str, Any]) -> str | None:
        user = data_of(body).get(owner)
        return str(user) if user else None

    return await verify_with(request, http, owner=owner_in, dead=lambda _, body: dead(body))
