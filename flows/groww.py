"""Groww, Trading API.

Docs      https://groww.in/trade-api/docs/curl   evidence of 2026-07 (docs, growwapi 1.5.0, public scripts)
Expiry    06:00 IST the next day: the reply's `expiry`, a time without a zone that is India's. Log in after 06:05 IST
Lockout   no limit of wrong codes is published; another project counts 150 logins in 24 hours. The API key is sent once,
          a rejected code is followed by one more in a new window
Guessed   the answer where today's approval is missing (any other 403, and any message that names approval), whether a TOTP key
          needs approval at all (the docs say both), the wording for a wrong code, the fields of the profile
"""

from __future__ import annotations

import json
import re
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, SecretStr

from autologin.errors import BrokerUnavailable, ConsentRequired, CredentialsRejected, OtpRejected
from autologin.flow import base
from autologin.flow.otp import TotpSeed
from autologin.flow.script import attempts_left
from autologin.token import Token

from ._json_api import CODE, anyway

if TYPE_CHECKING:
    import httpx

    from autologin.errors import AutologinError
    from autologin.flow.base import Verified

APPROVE = "https://groww.in/trade-api/api-keys"
APPROVAL = r"approv"
NOT_NOW = {"GA000", "GA003"}
"""An internal error, and "unable to serve"."""


def one_line(key: SecretStr) -> SecretStr:
    """The key, which travels in a header."""
    if not re.fullmatch(r"[!-~]+", key.get_secret_value().strip()):
        raise ValueError("this is no API key: a key is one line of letters, digits and signs, without a space in it")
    return SecretStr(key.get_secret_value().strip())


class Credentials(base.Credentials):
    """What Groww needs: both are shown once, when a key of the kind "TOTP token" is made."""

    api_key: Annotated[SecretStr, AfterValidator(one_line)] = Field(
        description=f"{APPROVE}, Generate TOTP token: the long text that starts with eyJ"
    )
    totp_secret: TotpSeed = Field(description="the seed that is shown beside it, as text and as a QR code")


class Groww(base.Flow):
    """Sign in over Groww's API; no page is involved."""

    broker = "groww"
    title = "Groww"
    docs = "https://groww.in/trade-api/docs/curl"
    evidence = "2026-07"
    endpoints = {"api": "https://api.groww.in/v1"}
    not_before = time(6, 5)
    needs_browser = False
    environment = {"GROWW_API_AUTH_TOKEN": "access_token"}
    Credentials = Credentials

    async def sign_in(self, http: httpx.AsyncClient, otp: str, now: datetime) -> Token:
        """POST /token/api/access, as the official SDK sends it (growwapi 1.5.0)."""
        body = json.dumps({"key_type": "totp", "totp": otp})
        headers = {**headers_for(self.credentials.api_key), "Content-Type": "application/json"}
        request = http.build_request("POST", f"{self.urls['api']}/token/api/access", content=body, headers=headers)
        response = await base.answer_of(request, http)
        data = base.json_of(response)
        inner = data["payload"] if isinstance(data.get("payload"), dict) else {}
        found = data if data.get("token") else inner
        if response.status_code != 200 or not isinstance(found.get("token"), str) or not found["token"]:
            raise refusal(response)
        named = {key: str(found[key]) for key in ("tokenRefId", "sessionName") if found.get(key)}
        return Token(SecretStr(found["token"]), now, ends(found.get("expiry"), now), "", named)

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verified:
        """GET /user/detail: free of side effects and not tied to a registered address."""
        request = http.build_request("GET", f"{self.urls['api']}/user/detail", headers=headers_for(token.access_token))
        return await base.proven(request, http, owner=_owner, dead=lambda status, _: status == 401, words=words_of)


def headers_for(key: SecretStr) -> dict[str, str]:
    """The headers that the docs require; the key is the API key or the day's token."""
    return {"Authorization": f"Bearer {key.get_secret_value()}", "X-API-VERSION": "1.0", "Accept": "application/json"}


def words_of(body: dict[str, Any]) -> str:
    """Groww's words for an error: the SDK reads `displayMessage`, the docs show `message`."""
    inner = _error(body) or body
    return next((str(inner[key]) for key in ("displayMessage", "message") if inner.get(key)), "")


def refusal(response: httpx.Response) -> AutologinError:
    """What an answer without a token means. The code GA005 comes with several of these, so it decides nothing."""
    body, status = base.json_of(response), response.status_code
    words = words_of(body)
    detail = f'Groww said: "{words}" (HTTP {status})' if words else f"Groww gave no token (HTTP {status})"
    if found := anyway("Groww", words, detail):
        return found
    if status == 403 or re.search(APPROVAL, words, re.IGNORECASE):
        return ConsentRequired(detail, hint=f"Approve the API key at {APPROVE}, then run it again.")
    if status == 401:
        return CredentialsRejected(detail)
    if re.search(CODE, words, re.IGNORECASE):
        return OtpRejected(detail, attempts_left=attempts_left(words))
    return BrokerUnavailable(detail) if _error(body).get("code") in NOT_NOW else base.refused("Groww", response, words)


def _error(body: dict[str, Any]) -> dict[str, Any]:
    error = body.get("error")
    return error if isinstance(error, dict) else {}


def _owner(body: dict[str, Any]) -> str | None:
    if not body or body.get("status") == "FAILURE":
        return None
    payload = body["payload"] if isinstance(body.get("payload"), dict) else body
    return str(payload.get("vendor_user_id") or payload.get("ucc") or "")


def ends(expiry: object, now: datetime) -> datetime:
    """The end of the token: Groww's own word for it, where that is within a day; else Groww's daily reset."""
    try:
        expires = datetime.fromisoformat(str(expiry))
    except ValueError:
        return base.next_daily(time(6), now)
    expires = expires if expires.tzinfo else expires.replace(tzinfo=base.IST)
    return expires if now < expires <= now + timedelta(days=1) else base.next_daily(time(6), now)
