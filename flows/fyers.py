"""Fyers, API v3.

Docs      https://myapi.fyers.in/docsv3   evidence of 2026-09 (docs, fyers-apiv3 3.2.0, public
          scripts, the page's own script)
Code      `auth_code` in the query of the redirect; the `code=200` beside it is a status. Single
          use, redeemed at once
State     `state` comes back as it was sent
Expiry    the JWT's `exp`, which is the next 06:00 IST whatever the hour of the login. Log in after
          06:05
Lockout   five wrong entries block the account. We send a PIN once; a rejected TOTP is followed by
          one more in a new window, and by none where three or fewer attempts are left. The captcha
          (Turnstile) may pass by itself; we solve none
Refresh   with the PIN, for 15 days; said to be switched off from April 2026. Only under `refresh:
          true`; any no is a login
Guessed   the HTTP status of refusals, the button of the consent page, what a denial looks like in
          the redirect
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, time
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from pydantic import AfterValidator, Field, SecretStr

from autologin.flow import (
    AutologinError,
    BrowserFlow,
    Checkbox,
    Click,
    Credentials,
    CredentialsRejected,
    InputField,
    LoginRequest,
    LoginScript,
    OtpGenerator,
    OtpRejected,
    Step,
    Token,
    TotpSeed,
    Verification,
    digits,
    exchange_error,
    json_object,
    jwt_expiry,
    next_daily,
    plausible_expiry,
    refusal,
    send,
    text_of,
    token_in,
    verify_profile,
)

if TYPE_CHECKING:
    import httpx

CLIENT_ID = InputField(
    "client id",
    "text",
    label=r"client ?id|fyers ?id",
    css=("#fy_client_id", "input[name*=client_id i]"),
)
TOTP = InputField(
    "TOTP",
    "code",
    label=r"totp|authenticator",
    css=("#confirmOtpForm input", "#otp-container input"),
    autocomplete=("one-time-code",),
    other=r"\bsent\b|\bsms\b|confirm otp|resend",
)
PIN = InputField(
    "PIN",
    "pin",
    label=r"\bpin\b",
    css=("#verifyPinForm input", "#verify-pin-page input", "#pin-container input"),
    other=r"totp|\botp\b|\b(new|create|confirm|forgot)\b.{0,9}pin",
    digits=4,
)
BY_CLIENT_ID = Click(
    "client id instead",
    when="start",
    press=r"client ?id",
    css=("#clientId_rb", "#login_client_id"),
)
PERMISSION = Checkbox(
    "permission",
    label=r"\b(i|agree|accept|allow|permission)\b",
    css=("#permission",),
)
PHRASES: dict[type[AutologinError], str] = {
    CredentialsRejected: r"invalid apptype|AuthCodeRequest|not associated with any account",
}
SEND = r"continue|submit|log ?in|next|proceed|verify|confirm"
DEAD = {"-8", "-15", "-16", "-17"}
"""The API's codes for a token that lives no more (docs)."""


def check_app_id(text: str) -> str:
    """A client id with its suffix."""
    plain = text.strip()
    if not plain.rpartition("-")[2].isdigit():
        raise ValueError(
            'not a client id of an app: it ends in "-100" '
            "(it is not the id with which you sign in)",
        )
    return plain


class FyersCredentials(Credentials):
    """What Fyers needs.

    Id and secret are in myapi.fyers.in/dashboard, the seed in myaccount.fyers.in, External 2FA
    TOTP.
    """

    client_id: Annotated[str, AfterValidator(check_app_id)] = Field(
        description="myapi.fyers.in, your app, App ID (with -100)",
    )
    secret_key: SecretStr = Field(description="myapi.fyers.in, your app, Secret ID")
    redirect_uri: str = Field(description="the redirect URL registered for the app, to the letter")
    fy_id: str = Field(description="the client id with which you sign in, such as XX00000")
    totp_secret: TotpSeed = Field(
        description="myaccount.fyers.in, Manage Account, External 2FA TOTP, the seed",
    )
    pin: Annotated[SecretStr, AfterValidator(digits(4, "Fyers PIN"))] = Field(
        description="your 4-digit PIN",
    )


class Fyers(BrowserFlow):
    """Sign in on the page that generate-authcode serves."""

    broker = "fyers"
    title = "Fyers"
    docs = "https://myapi.fyers.in/docsv3"
    evidence = "2026-09"
    notes = "API v3"
    endpoints = {"api": "https://api-t1.fyers.in/api/v3"}
    not_before = time(6, 5)
    auth_code_params = ("auth_code",)
    credentials: FyersCredentials

    @property
    def user_id(self) -> str:
        """Who the token must belong to."""
        return str(self.credentials.fy_id)

    def login_url(self, nonce: str) -> LoginRequest:
        """The address as the SDK makes it."""
        query = {
            "client_id": self.credentials.client_id,
            "redirect_uri": self.credentials.redirect_uri,
            "response_type": "code",
            "state": nonce,
        }
        return LoginRequest(f"{self.urls['api']}/generate-authcode?{urlencode(query)}")

    def login_script(self, otp: OtpGenerator | None) -> LoginScript:
        """Client id, TOTP, PIN; then perhaps a box to tick and a button that allows the app."""
        assert otp is not None  # totp_secret is required
        client_id = Step(
            "client id",
            {CLIENT_ID: self.credentials.fy_id},
            press=SEND,
            refused=CredentialsRejected,
            reply=("/send_login_otp", "/send_login_otp_v2", "/send_login_otp_v3"),
        )
        totp = Step(
            "TOTP",
            {TOTP: otp},
            press=SEND,
            refused=OtpRejected,
            reply=("/verify_otp", "/verify_otp_v2"),
        )
        pin = Step(
            "PIN",
            {PIN: self.credentials.pin},
            press=SEND,
            refused=CredentialsRejected,
            reply=("/verify_pin", "/verify_pin_v2"),
        )
        return LoginScript(
            (client_id, totp, pin),
            clicks=(BY_CLIENT_ID,),
            checkboxes=(PERMISSION,),
            consent_titled="Grant Access",
            phrases=PHRASES,
        )

    async def exchange(self, auth_code: SecretStr, http: httpx.AsyncClient, now: datetime) -> Token:
        """POST /validate-authcode, as the official SDK sends it (fyers-apiv3 3.2.0)."""
        body = {
            "grant_type": "authorization_code",
            "appIdHash": self._app_id_hash(),
            "code": auth_code.get_secret_value(),
        }
        response = await self._post("validate-authcode", body, http)
        answer = json_object(response)
        if response.status_code != 200 or not token_in(answer.get("access_token")):
            raise exchange_error("Fyers", response, _message(answer))
        return self._token(answer, now)

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verification:
        """GET /profile, which every app may call."""
        access_token = token.access_token.get_secret_value()
        request = http.build_request(
            "GET",
            f"{self.urls['api']}/profile",
            headers={
                "Authorization": f"{self.credentials.client_id}:{access_token}",
                "Content-Type": "application/json",
                "version": "3",
            },
        )
        return await verify_profile(request, http, dead=_is_dead, owner="fy_id")

    async def refresh(self, token: Token, http: httpx.AsyncClient, now: datetime) -> Token | None:
        """POST /validate-refresh-token with the PIN."""
        refresh_token = token.extra.get("refresh_token")
        if not refresh_token:
            return None
        body = {
            "grant_type": "refresh_token",
            "appIdHash": self._app_id_hash(),
            "refresh_token": refresh_token,
            "pin": self.credentials.pin.get_secret_value(),
        }
        try:
            answer = json_object(await self._post("validate-refresh-token", body, http))
        except AutologinError:
            return None
        access_token = token_in(answer.get("access_token"))
        return self._token(answer, now, refresh_token) if access_token else None

    def _app_id_hash(self) -> str:
        """What proves the app: SHA-256 of id and secret with a colon between, in hex."""
        secret = self.credentials.secret_key.get_secret_value()
        return hashlib.sha256(f"{self.credentials.client_id}:{secret}".encode()).hexdigest()

    async def _post(
        self, path: str, body: Mapping[str, str], http: httpx.AsyncClient
    ) -> httpx.Response:
        request = http.build_request(
            "POST",
            f"{self.urls['api']}/{path}",
            content=json.dumps(body),
            headers={"Content-Type": "application/json"},
        )
        return await send(request, http)

    def _token(
        self, answer: Mapping[str, Any], now: datetime, former_refresh_token: str = ""
    ) -> Token:
        access_token = answer["access_token"]
        extra = {"client_id": self.credentials.client_id}
        if refresh_token := text_of(answer.get("refresh_token")) or former_refresh_token:
            extra["refresh_token"] = refresh_token
        return Token(
            access_token=SecretStr(access_token),
            issued_at=now,
            expires_at=plausible_expiry(jwt_expiry(access_token), next_daily(time(6), now), now),
            user_id="",
            extra=extra,
        )


def _message(answer: Mapping[str, Any]) -> str:
    """Fyers' number and words for a no."""
    return refusal(answer.get("s") == "error", answer.get("code"), answer.get("message"))


def _is_dead(answer: Mapping[str, Any]) -> bool:
    return text_of(answer.get("code")) in DEAD
