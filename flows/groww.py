"""Groww, Trading API.

Docs      https://groww.in/trade-api/docs/curl   evidence of 2026-07 (docs, growwapi 1.5.0, public
          scripts)
Expiry    06:00 IST the next day: the reply's `expiry`, a time without a zone that is India's. Log
          in after 06:05 IST
Lockout   no limit of wrong codes is published; another project counts 150 logins in 24 hours. The
          API key is sent once, a rejected code is followed by one more in a new window
Guessed   the answer where today's approval is missing (any other 403 of Groww's own, and any
          message that names approval), whether a TOTP key needs approval at all (the docs say
          both), the wording for a wrong code, the fields of the profile
"""

from __future__ import annotations

import json
import re
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, SecretStr

from autologin.flow import (
    IST,
    ApiFlow,
    AutologinError,
    BrokerUnavailable,
    ConsentRequired,
    Credentials,
    CredentialsRejected,
    Meaning,
    Token,
    TotpSeed,
    Verification,
    json_object,
    next_daily,
    refusal,
    refuses_token,
    send,
    text_of,
    token_in,
    verify_with,
)

from . import _json_api

if TYPE_CHECKING:
    import httpx

APPROVE = "https://groww.in/trade-api/api-keys"
HINT = f"Approve the API key at {APPROVE}, then run it again."
WORDS = (Meaning(ConsentRequired, r"approv", hint=HINT),)
BY_STATUS: dict[int, type[AutologinError]] = {401: CredentialsRejected, 403: ConsentRequired}
"""Where the words say nothing: a key that is not known, and one that is not approved today."""
NOT_NOW = {"GA000", "GA003"}
"""An internal error, and "unable to serve"."""


def check_key(key: SecretStr) -> SecretStr:
    """The key, which travels in a header."""
    if not re.fullmatch(r"[!-~]+", key.get_secret_value().strip()):
        raise ValueError(
            "not an API key: a key is one line of letters, digits and signs, without a space in it",
        )
    return SecretStr(key.get_secret_value().strip())


class GrowwCredentials(Credentials):
    """What Groww needs: both are shown once, when a key of the kind "TOTP token" is made."""

    api_key: Annotated[SecretStr, AfterValidator(check_key)] = Field(
        description=f"{APPROVE}, Generate TOTP token: the long text that starts with eyJ"
    )
    totp_secret: TotpSeed = Field(
        description="the seed that is shown beside it, as text and as a QR code"
    )


class Groww(ApiFlow):
    """Sign in over Groww's API; no page is involved."""

    broker = "groww"
    title = "Groww"
    docs = "https://groww.in/trade-api/docs/curl"
    evidence = "2026-07"
    endpoints = {"api": "https://api.groww.in/v1"}
    not_before = time(6, 5)
    environment = {"GROWW_API_AUTH_TOKEN": "access_token"}
    login_id = ("api_key",)
    credentials: GrowwCredentials

    async def sign_in(self, http: httpx.AsyncClient, otp: str, now: datetime) -> Token:
        """POST /token/api/access, as the official SDK sends it (growwapi 1.5.0)."""
        request = http.build_request(
            "POST",
            f"{self.urls['api']}/token/api/access",
            content=json.dumps({"key_type": "totp", "totp": otp}),
            headers={**headers_for(self.credentials.api_key), "Content-Type": "application/json"},
        )
        response = await send(request, http)
        answer = json_object(response)
        payload = answer["payload"] if isinstance(answer.get("payload"), dict) else {}
        session = answer if answer.get("token") else payload
        token = token_in(session.get("token"))
        if response.status_code != 200 or not token:
            raise login_error(response)
        names = ("tokenRefId", "sessionName")
        return Token(
            access_token=SecretStr(token),
            issued_at=now,
            expires_at=expiry(session.get("expiry"), now),
            user_id="",
            extra={name: text_of(session[name]) for name in names if session.get(name)},
        )

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verification:
        """GET /user/detail: free of side effects and not tied to a registered address."""
        url = f"{self.urls['api']}/user/detail"
        request = http.build_request("GET", url, headers=headers_for(token.access_token))
        return await verify_with(request, http, owner=_owner, dead=_is_dead, words=message_in)


def headers_for(key: SecretStr) -> dict[str, str]:
    """The headers that the docs require; the key is the API key or the day's token."""
    return {
        "Authorization": f"Bearer {key.get_secret_value()}",
        "X-API-VERSION": "1.0",
        "Accept": "application/json",
    }


def expiry(stated: object, now: datetime) -> datetime:
    """The end of the token: what Groww states, where that is within a day; else its daily reset."""
    try:
        moment = datetime.fromisoformat(str(stated))
    except ValueError:
        return next_daily(time(6), now)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=IST)
    return moment if now < moment <= now + timedelta(days=1) else next_daily(time(6), now)


def login_error(response: httpx.Response) -> AutologinError:
    """What an answer without a token means.

    The code GA005 comes with several of these, so it decides nothing.
    """
    answer = json_object(response)
    not_now = text_of(_error(answer).get("code")) in NOT_NOW
    code = BrokerUnavailable if not_now else BY_STATUS.get(response.status_code)
    error = _json_api.login_error("Groww", response, message_in(answer), own=WORDS, code=code)
    return ConsentRequired(error.detail, hint=HINT) if type(error) is ConsentRequired else error


def message_in(body: dict[str, Any]) -> str:
    """Groww's words for a no: the SDK reads `displayMessage`, the docs show `message`."""
    error = _error(body) or body
    words = error.get("displayMessage") or error.get("message")
    named = text_of(_error(body).get("code")).startswith("GA") or "displayMessage" in error
    return refusal(named or body.get("status") == "FAILURE", words)


def _error(body: dict[str, Any]) -> dict[str, Any]:
    error = body.get("error")
    return error if isinstance(error, dict) else {}


def _owner(body: dict[str, Any]) -> str | None:
    payload = body["payload"] if isinstance(body.get("payload"), dict) else body
    user = text_of(payload.get("vendor_user_id") or payload.get("ucc"))
    return user if user or body.get("status") == "SUCCESS" else None


def _is_dead(status: int, body: dict[str, Any]) -> bool:
    return refuses_token(status, message_in(body))
