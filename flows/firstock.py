"""Firstock, API v1.

Docs      https://firstock.in/api/docs/login/   evidence of 2026-10 (docs, firstock 1.2.11,
          OpenAlgo)
Expiry    a day's session whose hour is not documented: midnight in India is taken
Lockout   no limit of wrong codes is published. The password is sent once, a rejected code is
          followed by one more in a new window
Guessed   the name and words for a wrong code; the hour at which sessions end
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from pydantic import Field, SecretStr

from autologin.flow import (
    ApiFlow,
    Credentials,
    Token,
    TotpSeed,
    Verification,
    data_of,
    next_daily,
    refusal,
    refuses_token,
    remember,
    text_of,
    token_in,
    verify_with,
)

from ._json_api import login_error, plain, post_json

if TYPE_CHECKING:
    import httpx


class FirstockCredentials(Credentials):
    """What Firstock needs."""

    user_id: str = Field(description="the user id you log in with")
    password: SecretStr = Field(description="the password you log in with")
    api_key: SecretStr = Field(
        description="firstock.in/api/docs/login, Key generation: the API key "
        "(the SDK calls it appkey)"
    )
    totp_secret: TotpSeed = Field(description="the text beside the QR code where you enabled TOTP")
    vendor_code: str = Field(
        default="", description="the vendor code, where it is another than <user_id>_API"
    )


class Firstock(ApiFlow):
    """Sign in over Firstock's API; no page is involved."""

    broker = "firstock"
    title = "Firstock"
    docs = "https://firstock.in/api/docs/login/"
    evidence = "2026-10"
    endpoints = {"api": "https://api.firstock.in/V1"}
    credentials: FirstockCredentials

    async def sign_in(self, http: httpx.AsyncClient, otp: str, now: datetime) -> Token:
        """POST /login, as the official SDK sends it (firstock 1.2.11)."""
        user_id = self.credentials.user_id
        body = {
            "userId": user_id,
            "password": password_hash(plain(self.credentials.password)),
            "TOTP": otp,
            "vendorCode": self.credentials.vendor_code or f"{user_id}_API",
            "apiKey": plain(self.credentials.api_key),
        }
        response, answer = await post_json(http, f"{self.urls['api']}/login", body, {})
        session = data_of(answer)
        token = token_in(session.get("susertoken"))
        if response.status_code != 200 or answer.get("status") != "success" or not token:
            raise login_error("Firstock", response, _message(answer))
        names = {name: text_of(session.get(name)) for name in ("actid", "userName")}
        return Token(
            access_token=SecretStr(token),
            issued_at=now,
            expires_at=next_daily(time(0), now),
            user_id=names["actid"] or user_id,
            extra={**{name: value for name, value in names.items() if value}, "userId": user_id},
        )

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verification:
        """POST /userDetails."""
        body = json.dumps({"userId": self.user_id, "jKey": plain(token.access_token)})
        headers = {"Content-Type": "application/json"}
        url = f"{self.urls['api']}/userDetails"
        request = http.build_request("POST", url, content=body, headers=headers)
        return await verify_with(request, http, owner=_owner, dead=_is_dead, words=_message)


def password_hash(password: str) -> str:
    """The password as it is sent: its SHA-256, in hex.

    Who has that can log in too: it is as secret.
    """
    digest = hashlib.sha256(password.encode()).hexdigest()
    remember(digest)
    return digest


def _message(answer: dict[str, Any]) -> str:
    """The name of the refusal, and its words."""
    name = text_of(answer.get("name")).replace("_", " ")
    error = answer.get("error")
    message = error.get("message") if isinstance(error, dict) else error
    return refusal(answer.get("status") == "failed", name, message or answer.get("message"))


def _owner(answer: dict[str, Any]) -> str | None:
    return text_of(data_of(answer).get("actid")) if answer.get("status") == "success" else None


def _is_dead(status: int, answer: dict[str, Any]) -> bool:
    """The documentation shows this name under 401 and under 400."""
    dead = answer.get("name") == "INVALID_JKEY"
    return dead or refuses_token(status, _message(answer))
