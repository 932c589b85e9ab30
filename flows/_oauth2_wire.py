"""What goes to an OAuth 2.0 server and comes back: token call, token, refusal, profile."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from pydantic import SecretStr

from autologin.flow import (
    AutologinError,
    BrokerUnavailable,
    Token,
    Verdict,
    Verification,
    exchange_error,
    json_object,
    jwt_expiry,
    next_daily,
    plausible_expiry,
    refusal,
    refuses_token,
    send,
    text_of,
    token_in,
)

from ._oauth2_options import OAuth2Credentials

if TYPE_CHECKING:
    import httpx

NO_END = time(6)
"""A token whose server names no end is used up to this time of the next day in India."""
LONGEST_LIFE = timedelta(days=3660)
CHECK_CLIENT = (
    "Check client_id and client_secret; "
    "the option client_auth says how they are sent (body or basic)."
)
CHECK_GRANT = (
    "Check redirect_uri and the option pkce: both must be what the server has for this client."
)


def new_verifier() -> SecretStr:
    """A PKCE verifier (RFC 7636 section 4.1)."""
    return SecretStr(secrets.token_urlsafe(48))


def challenge(verifier: SecretStr) -> dict[str, str]:
    """The PKCE parameters of the authorize address for a verifier."""
    digest = hashlib.sha256(verifier.get_secret_value().encode()).digest()
    return {
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }


async def request_token(
    http: httpx.AsyncClient,
    url: str,
    credentials: OAuth2Credentials,
    client_auth: str,
    grant: Mapping[str, str],
    **more: str,
) -> httpx.Response:
    """POST to the token address; the client is proven in the form, or by Basic.

    That is RFC 6749 section 2.3.1.

    Raises:
        BrokerUnavailable: no answer, 5xx, 408 or 429.
    """
    client = {"client_id": credentials.client_id}
    headers = {"Accept": "application/json"}
    if credentials.client_secret:
        client["client_secret"] = credentials.client_secret.get_secret_value()
        if client_auth == "basic":
            pair = ":".join(quote_plus(word) for word in client.values())
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
            client = {}
    form = {**grant, **client, **more}
    return await send(http.build_request("POST", url, data=form, headers=headers), http)


def read_token(
    response: httpx.Response,
    credentials: OAuth2Credentials,
    expires: str,
    now: datetime,
    former_refresh_token: str = "",
) -> Token | None:
    """The token in an answer; None where it holds none.

    `former_refresh_token` is kept where no new one came.
    """
    answer = json_object(response)
    access_token = token_in(answer.get("access_token"))
    if not response.is_success or not access_token:
        return None
    extra = {"client_id": credentials.client_id}
    if refresh_token := text_of(answer.get("refresh_token")) or former_refresh_token:
        extra["refresh_token"] = refresh_token
    return Token(
        access_token=SecretStr(access_token),
        issued_at=now,
        expires_at=expiry(expires, answer, now),
        user_id=credentials.user_id,
        extra=extra,
    )


def expiry(rule: str, answer: Mapping[str, Any], now: datetime) -> datetime:
    """When a token ends by the option `expires`.

    Where the answer does not have that, by what else it has.
    """
    if ":" in rule:
        return next_daily(time.fromisoformat(rule), now)
    if rule.isdigit():
        return now + timedelta(seconds=int(rule))
    by_jwt = jwt_expiry(answer["access_token"])
    try:
        seconds = float(answer.get("expires_in") or 0)
        by_reply = now + timedelta(seconds=seconds) if seconds > 0 else None
    except (TypeError, ValueError, OverflowError):
        by_reply = None
    stated = by_jwt or by_reply if rule == "jwt" else by_reply or by_jwt
    return plausible_expiry(stated, next_daily(NO_END, now), now, LONGEST_LIFE)


def token_error(title: str, response: httpx.Response) -> AutologinError:
    """What an answer without a token means (RFC 6749 section 5.2), in the server's words."""
    answer = json_object(response)
    name = text_of(answer.get("error"))
    hint = None
    if name in {"invalid_client", "unauthorized_client"} or response.status_code == 401:
        hint = CHECK_CLIENT
    elif name in {"invalid_grant", "invalid_request"}:
        hint = CHECK_GRANT
    return exchange_error(title, response, words_in(answer), hint=hint)


def words_in(answer: Mapping[str, Any]) -> str:
    """The server's words for a no (RFC 6749 section 5.2)."""
    name = text_of(answer.get("error"))
    return refusal(name, name, answer.get("error_description") or answer.get("message"))


async def verify_at(
    url: str | None, access_token: SecretStr, user_id_path: str, http: httpx.AsyncClient
) -> Verification:
    """What the server says of a token at its profile address (RFC 6750), where it has one."""
    if not url:
        return Verification(Verdict.UNKNOWN, detail="no profile address is configured")
    headers = {
        "Authorization": f"Bearer {access_token.get_secret_value()}",
        "Accept": "application/json",
    }
    try:
        response = await send(http.build_request("GET", url, headers=headers), http)
    except BrokerUnavailable as error:
        return Verification(Verdict.UNKNOWN, detail=error.detail)
    answer = json_object(response)
    if response.status_code == 200 and answer and not answer.get("error"):
        return Verification(Verdict.VALID, user_id=at_path(answer, user_id_path))
    words = words_in(answer)
    challenge_header = response.headers.get("www-authenticate", "")  # RFC 6750 section 3
    named = answer.get("error") == "invalid_token" or "invalid_token" in challenge_header
    dead = named or refuses_token(response.status_code, words)
    message = words or response.url.path
    verdict = Verdict.REJECTED if dead else Verdict.UNKNOWN
    return Verification(verdict, detail=f"{message} (HTTP {response.status_code})")


def at_path(answer: Any, path: str) -> str | None:
    """The text or number at a path such as `data.user_id`; None where there is none."""
    if not path:
        return None
    for key in path.split("."):
        answer = answer.get(key) if isinstance(answer, dict) else None
    return str(answer) if isinstance(answer, str | int) and answer != "" else None
