"""What goes to an OAuth 2.0 server and what comes back: the token call, a token, a refusal, a profile."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote_plus

from pydantic import SecretStr

from autologin.errors import BrokerUnavailable
from autologin.flow import base
from autologin.flow.base import Verdict, Verified
from autologin.token import Token

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx


NO_END = time(6)
"""Where a server does not say when its token ends, it is used up to this time of the next morning in India."""
CHECK_CLIENT = "Check client_id and client_secret; the option client_auth says how they are sent (body or basic)."
CHECK_GRANT = "Check redirect_uri and the option pkce: both must be what the server has for this client."


def verifier(secret: SecretStr | None, nonce: str) -> str:
    """A PKCE verifier. Whoever has the client's secret and the nonce makes the same one, so a login by hand can go on."""
    if secret is None or not nonce:
        return secrets.token_urlsafe(48)
    return _unpadded(hmac.digest(secret.get_secret_value().encode(), f"pkce {nonce}".encode(), "sha256"))


def challenge(told_by: str) -> dict[str, str]:
    """The PKCE parameters of the authorize address for a verifier."""
    return {"code_challenge": _unpadded(hashlib.sha256(told_by.encode()).digest()), "code_challenge_method": "S256"}


async def ask_for_token(
    http: httpx.AsyncClient, url: str, mine: Any, auth: str, grant: dict[str, str], **more: str
) -> httpx.Response:
    """POST to the token address; the client is proven in the form, or by Basic (RFC 6749 section 2.3.1).

    Raises:
        BrokerUnavailable: no answer, 5xx, 408 or 429.
    """
    client, headers = {"client_id": mine.client_id}, {"Accept": "application/json"}
    if mine.client_secret:
        client["client_secret"] = mine.client_secret.get_secret_value()
    if mine.client_secret and auth == "basic":
        pair = ":".join(quote_plus(word) for word in client.values())
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        client = {}
    request = http.build_request("POST", url, data={**grant, **client, **more}, headers=headers)
    return await base.answer_of(request, http)


def read_token(response: httpx.Response, mine: Any, expires: str, now: datetime, former_refresh: str = "") -> Token | None:
    """The token in an answer; None where it holds none. `former_refresh` is kept where no new one came."""
    data = base.json_of(response)
    access = data.get("access_token")
    if not response.is_success or not isinstance(access, str) or not access:
        return None
    refresh = str(data.get("refresh_token") or former_refresh)
    extra = {"client_id": mine.client_id, **({"refresh_token": refresh} if refresh else {})}
    return Token(SecretStr(access), now, ends(expires, data, now), mine.user_id, extra)


def ends(rule: str, data: Mapping[str, Any], now: datetime) -> datetime:
    """When a token ends by the option `expires`; where the answer does not have that, by what else it has."""
    if ":" in rule:
        return base.next_daily(time.fromisoformat(rule), now)
    if rule.isdigit():
        return now + timedelta(seconds=int(rule))
    by_jwt = base.jwt_expiry(data["access_token"])
    try:
        seconds = float(data.get("expires_in") or 0)
        by_reply = now + timedelta(seconds=seconds) if seconds > 0 else None
    except (TypeError, ValueError, OverflowError):
        by_reply = None
    wanted = (by_jwt, by_reply) if rule == "jwt" else (by_reply, by_jwt)
    return next((end for end in wanted if end), base.next_daily(NO_END, now))


def refuse(title: str, response: httpx.Response) -> NoReturn:
    """Say what an answer without a token means (RFC 6749 section 5.2).

    Raises:
        ExchangeRejected: in the server's words.
    """
    data = base.json_of(response)
    name = str(data.get("error") or "")
    words = ": ".join(filter(None, (name, str(data.get("error_description") or data.get("message") or ""))))
    error = base.refused(title, response, words)
    if name in {"invalid_client", "unauthorized_client"} or response.status_code == 401:
        error.hint = CHECK_CLIENT
    elif name in {"invalid_grant", "invalid_request"}:
        error.hint = CHECK_GRANT
    raise error


async def verdict(http: httpx.AsyncClient, url: str | None, access: SecretStr, path: str) -> Verified:
    """What the server says of a token at its profile address (RFC 6750 section 3); nothing where there is none."""
    if not url:
        return Verified(Verdict.UNKNOWN, detail="no profile address is configured")
    headers = {"Authorization": f"Bearer {access.get_secret_value()}", "Accept": "application/json"}
    try:
        response = await base.answer_of(http.build_request("GET", url, headers=headers), http)
    except BrokerUnavailable as error:
        return Verified(Verdict.UNKNOWN, detail=error.detail)
    data = base.json_of(response)
    if response.status_code == 200 and data:
        return Verified(Verdict.VALID, user_id=at_path(data, path))
    dead = response.status_code == 401 or data.get("error") == "invalid_token"
    detail = f"{data.get('error_description') or data.get('error') or response.url.path} (HTTP {response.status_code})"
    return Verified(Verdict.REJECTED if dead else Verdict.UNKNOWN, detail=detail)


def at_path(data: Any, path: str) -> str | None:
    """The text or number at a path such as `data.user_id`; None where there is none."""
    for key in path.split(".") if path else ():
        data = data.get(key) if isinstance(data, dict) else None
    return str(data) if path and isinstance(data, str | int) and data != "" else None


def _unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
