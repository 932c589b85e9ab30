"""Dhan, DhanHQ v2.

Docs      https://docs.dhanhq.co/api/v2/   evidence of 2026-08 (docs, dhanhq 2.3.0, OpenAlgo, eight
          public scripts)
Expiry    24 hours after it was issued: the reply's `expiryTime`, a time of India's without a zone
Lockout   no limit of wrong codes is published; scripts report a rate limit on this call without a
          figure. The documented limit of the other way in, 25 consents a day, is kept here too. PIN
          and code travel in the URL, as Dhan wants it
Guessed   the words for a wrong PIN (a refusal that names it is never sent again); "Invalid Totp" is
          what the web page says
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, SecretStr

from autologin.flow import (
    IST,
    ApiFlow,
    Credentials,
    RateLimit,
    Token,
    TotpSeed,
    Verification,
    data_of,
    digits,
    earliest_expiry,
    error_message,
    json_object,
    refusal,
    refuses_token,
    send,
    text_of,
    token_in,
    verify_with,
)

from ._json_api import login_error, plain

if TYPE_CHECKING:
    import httpx

DEAD = {"DH-901"}
A_CODE = r"[A-Z]{1,5}-?[0-9]{1,6}"
TWO_MINUTES = 120.0
"""Between two tokens, as a public script quotes Dhan."""


class DhanCredentials(Credentials):
    """What Dhan needs. No API key: TOTP must be switched on in the account."""

    client_id: str = Field(description="web.dhan.co, My Profile: the Dhan client id, ten digits")
    pin: Annotated[SecretStr, AfterValidator(digits(6, "PIN"))] = Field(
        description="the six digits you log in with"
    )
    totp_secret: TotpSeed = Field(
        description="web.dhan.co, DhanHQ Trading APIs, Setup TOTP: the text beside the QR code"
    )


class Dhan(ApiFlow):
    """Sign in over Dhan's API; no page is involved."""

    broker = "dhan"
    title = "Dhan"
    docs = "https://docs.dhanhq.co/api/v2/"
    evidence = "2026-08"
    notes = "DhanHQ v2; tokens live 24 hours"
    endpoints = {"auth": "https://auth.dhan.co", "api": "https://api.dhan.co/v2"}
    timeout = 240
    rate_limits = (RateLimit(25, 86400.0),)
    login_id = ("client_id",)
    credentials: DhanCredentials

    @property
    def user_id(self) -> str:
        """The client id."""
        return str(self.credentials.client_id)

    async def sign_in(self, http: httpx.AsyncClient, otp: str, now: datetime) -> Token:
        """POST /app/generateAccessToken, as the official SDK sends it (dhanhq 2.3.0).

        Everything is in the query.
        """
        query = {"dhanClientId": self.user_id, "pin": plain(self.credentials.pin), "totp": otp}
        url = f"{self.urls['auth']}/app/generateAccessToken"
        response = await send(http.build_request("POST", url, params=query), http)
        answer = json_object(response)
        token = token_in(answer.get("accessToken"))
        if response.status_code != 200 or not token:
            raise login_error("Dhan", response, message_in(answer), pause=TWO_MINUTES)
        owner = text_of(answer.get("dhanClientId")) or self.user_id
        return Token(
            access_token=SecretStr(token),
            issued_at=now,
            expires_at=expiry(answer.get("expiryTime"), now),
            user_id=owner,
            extra={"client_id": owner},
        )

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verification:
        """GET /v2/profile."""
        headers = {"access-token": plain(token.access_token), "dhanClientId": self.user_id}
        request = http.build_request("GET", f"{self.urls['api']}/profile", headers=headers)
        return await verify_with(request, http, owner=_owner, dead=_is_dead, words=message_in)


def expiry(stated: object, now: datetime) -> datetime:
    """The end of the token: what Dhan states, where that is within a day; else a day from now."""
    day = now + timedelta(days=1)
    try:
        moment = datetime.fromisoformat(str(stated))
    except ValueError:
        return day
    return earliest_expiry(moment if moment.tzinfo else moment.replace(tzinfo=IST), day, now)


def message_in(body: dict[str, Any]) -> str:
    """Dhan's code and words for a no, in each of the shapes that were seen."""
    if body.get("errorCode") or body.get("errorMessage"):
        return refusal(body, body.get("errorCode"), body.get("errorMessage"))
    says_no = text_of(body.get("status")).lower() in {"error", "failed", "failure"}
    code = next((name for name in data_of(body) if re.fullmatch(A_CODE, name)), "")
    words = data_of(body).get(code) or error_message(body) or body.get("remarks")
    return refusal(says_no or body.get("errors"), code, words)


def _owner(body: dict[str, Any]) -> str | None:
    return text_of(body.get("dhanClientId")) or None


def _is_dead(status: int, body: dict[str, Any]) -> bool:
    words = message_in(body)
    return refuses_token(status, words) or words.partition(":")[0] in DEAD
