"""Flattrade, Pi.

Docs      https://pi.flattrade.in/docs   evidence of 2026-08 (docs, OpenAlgo, scripts; of the page
          one script)
Code      `code` (live) or `request_code` (docs) in the query of the redirect, with `client`; single
          use
State     nothing of ours comes back; the redirect URL is fixed with the key
Expiry    tokens are cleared between 05:00 and 06:00 in India: 05:00 is taken. Log in after 06:00,
          and from the registered address: an exchange from any other says INVALID_IP, or gives no
          token and no reason
Lockout   no limit of wrong entries is published. The password is sent once; a rejected TOTP is
          followed by one more in a new window
Guessed   the texts of errors; the ids of the fields (one script found them by their placeholders)
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pydantic import Field, SecretStr

from autologin.flow import (
    BrowserFlow,
    Credentials,
    ExchangeRejected,
    LoginRequest,
    LoginScript,
    OtpGenerator,
    Token,
    TotpSeed,
    Verification,
    exchange_error,
    json_object,
    next_daily,
    refusal,
    refuses_token,
    send,
    text_of,
    token_in,
    verify_with,
)

from ._form_page import form_script

if TYPE_CHECKING:
    import httpx

NO_REASON = (
    "Flattrade gave no token and no reason: "
    "the address of this machine is not the registered one, or the secret is wrong"
)
NO_REASON_HINT = (
    "Register this machine's address for the API key, or correct api_secret, then run it again."
)


class FlattradeCredentials(Credentials):
    """What Flattrade needs. Key and secret are made, and approved, on Flattrade's Wall."""

    user_id: str = Field(description="the user id you log in with")
    password: SecretStr = Field(description="the password you log in with")
    totp_secret: TotpSeed = Field(description="the text beside the QR code where you enabled TOTP")
    api_key: str = Field(description="wall.flattrade.in, Pi, your API key")
    api_secret: SecretStr = Field(description="wall.flattrade.in, Pi, your API secret")
    redirect_uri: str | None = Field(
        default=None, description="the redirect URL registered for the key (optional)"
    )


class Flattrade(BrowserFlow):
    """Sign in at auth.flattrade.in."""

    broker = "flattrade"
    title = "Flattrade"
    docs = "https://pi.flattrade.in/docs"
    evidence = "2026-08"
    notes = "Pi; log in from the registered address"
    endpoints = {
        "login": "https://auth.flattrade.in",
        "auth": "https://authapi.flattrade.in",
        "api": "https://piconnect.flattrade.in/PiConnectAPI",
    }
    not_before = time(6)
    auth_code_params = ("code", "request_code")
    state_param = ""
    credentials: FlattradeCredentials

    def login_url(self, nonce: str) -> LoginRequest:
        """The login page; nothing of ours comes back with the auth code."""
        del nonce
        query = urlencode({"app_key": self.credentials.api_key})
        return LoginRequest(f"{self.urls['login']}/?{query}")

    def login_script(self, otp: OtpGenerator | None) -> LoginScript:
        """User id, password and TOTP on one form."""
        return form_script(self.credentials.user_id, self.credentials.password, otp, {})

    async def exchange(self, auth_code: SecretStr, http: httpx.AsyncClient, now: datetime) -> Token:
        """POST /trade/apitoken."""
        api_key = self.credentials.api_key
        request_code = auth_code.get_secret_value()
        secret = self.credentials.api_secret.get_secret_value()
        body = {
            "api_key": api_key,
            "request_code": request_code,
            "api_secret": checksum(api_key, request_code, secret),
        }
        url = f"{self.urls['auth']}/trade/apitoken"
        response = await send(http.build_request("POST", url, json=body), http)
        answer = json_object(response)
        token = token_in(answer.get("token"))
        if response.status_code != 200 or not _is_ok(answer) or not token:
            if _is_no(answer) and not answer.get("emsg"):
                raise ExchangeRejected(NO_REASON, hint=NO_REASON_HINT)
            raise exchange_error(self.title, response, _message(answer))
        user = text_of(answer.get("client")) or self.credentials.user_id
        return Token(
            access_token=SecretStr(token),
            issued_at=now,
            expires_at=next_daily(time(5), now),
            user_id=user,
            extra={"uid": user, "api_key": api_key},
        )

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verification:
        """POST /UserDetails."""
        user = json.dumps({"uid": token.extra.get("uid", "")})
        request = http.build_request(
            "POST",
            f"{self.urls['api']}/UserDetails",
            content=f"jData={user}&jKey={token.access_token.get_secret_value()}",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        return await verify_with(request, http, owner=_owner, dead=_is_dead, words=_message)


def checksum(api_key: str, auth_code: str, api_secret: str) -> str:
    """What is sent as `api_secret`: SHA-256 of the three in this order, in hex."""
    return hashlib.sha256((api_key + auth_code + api_secret).encode()).hexdigest()


def _is_ok(answer: dict[str, Any]) -> bool:
    return text_of(answer.get("status") or answer.get("stat")).lower() == "ok"


def _is_no(answer: dict[str, Any]) -> bool:
    return text_of(answer.get("status") or answer.get("stat")).lower() == "not_ok"


def _message(answer: dict[str, Any]) -> str:
    return refusal(_is_no(answer), answer.get("emsg"))


def _owner(answer: dict[str, Any]) -> str | None:
    return text_of(answer.get("actid") or answer.get("uid")) if _is_ok(answer) else None


def _is_dead(status: int, answer: dict[str, Any]) -> bool:
    words = _message(answer)
    return refuses_token(status, words) or "session expired" in words.lower()
