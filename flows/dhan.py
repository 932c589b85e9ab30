"""Dhan, DhanHQ v2.

Docs      https://docs.dhanhq.co/api/v2/   evidence of 2026-08 (docs, dhanhq 2.3.0, OpenAlgo, eight public scripts)
Expiry    24 hours after it was issued: the reply's `expiryTime`, a time of India's without a zone
Lockout   no limit of wrong codes is published; scripts report a rate limit on this call without a figure. The documented
          limit of the other way in, 25 consents a day, is kept here too. PIN and code travel in the URL, as Dhan wants it
Guessed   the words for a wrong PIN (a refusal that names it is never sent again); "Invalid Totp" is what the web page says
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, SecretStr

from autologin.flow import base
from autologin.flow.base import Limit, Verified
from autologin.flow.otp import TotpSeed
from autologin.token import Token

from ._json_api import plain, refusal

if TYPE_CHECKING:
    from typing import Any

    import httpx

DEAD = {"DH-901"}
TWO_MINUTES = 120.0
"""Between two tokens, as a public script quotes Dhan."""


class Credentials(base.Credentials):
    """What Dhan needs. No API key: TOTP must be switched on in the account."""

    client_id: str = Field(description="web.dhan.co, My Profile: the Dhan client id, ten digits")
    pin: Annotated[SecretStr, AfterValidator(base.exactly(6, "PIN"))] = Field(description="the six digits you log in with")
    totp_secret: TotpSeed = Field(description="web.dhan.co, DhanHQ Trading APIs, Setup TOTP: the text beside the QR code")


class Dhan(base.Flow):
    """Sign in over Dhan's API; no page is involved."""

    broker = "dhan"
    title = "Dhan"
    docs = "https://docs.dhanhq.co/api/v2/"
    evidence = "2026-08"
    notes = "DhanHQ v2; tokens live 24 hours"
    endpoints = {"auth": "https://auth.dhan.co", "api": "https://api.dhan.co/v2"}
    needs_browser = False
    timeout = 240
    limits = (Limit(25, 86400.0),)
    Credentials = Credentials

    @property
    def user_id(self) -> str:
        """The client id."""
        return str(self.credentials.client_id)

    async def sign_in(self, http: httpx.AsyncClient, otp: str, now: datetime) -> Token:
        """POST /app/generateAccessToken, everything in the query, as the official SDK sends it (dhanhq 2.3.0)."""
        query = {"dhanClientId": self.user_id, "pin": plain(self.credentials.pin), "totp": otp}
        request = http.build_request("POST", f"{self.urls['auth']}/app/generateAccessToken", params=query)
        response = await base.answer_of(request, http)
        data = base.json_of(response)
        token = data.get("accessToken")
        if response.status_code != 200 or not isinstance(token, str) or not token:
            raise refusal("Dhan", response, words_of(data), pause=TWO_MINUTES)
        owner = str(data.get("dhanClientId") or self.user_id)
        return Token(SecretStr(token), now, ends(data.get("expiryTime"), now), owner, {"client_id": owner})

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verified:
        """GET /v2/profile."""
        headers = {"access-token": plain(token.access_token), "dhanClientId": self.user_id}
        request = http.build_request("GET", f"{self.urls['api']}/profile", headers=headers)
        return await base.proven(request, http, owner=_owner, dead=_dead, words=words_of)


def _owner(body: dict[str, Any]) -> str | None:
    return str(body["dhanClientId"]) if body.get("dhanClientId") else None


def _dead(status: int, body: dict[str, Any]) -> bool:
    return status == 401 or any(code in words_of(body) for code in DEAD)


def words_of(body: dict[str, Any]) -> str:
    """Dhan's code and words, in each of the shapes that were seen."""
    if body.get("errorCode") or body.get("errorMessage"):
        return ": ".join(str(body[key]) for key in ("errorCode", "errorMessage") if body.get(key))
    if data := base.data_of(body):
        return ": ".join(str(part) for part in next(iter(data.items())))
    return base.message_of(body) or str(body.get("remarks") or "")


def ends(expiry: object, now: datetime) -> datetime:
    """The end of the token: Dhan's own word for it, where that is within a day; else a day from now."""
    day = now + timedelta(days=1)
    try:
        detail = datetime.fromisoformat(str(expiry))
    except ValueError:
        return day
    return base.sooner(detail if detail.tzinfo else detail.replace(tzinfo=base.IST), day, now)
