"""Zerodha, Kite Connect v3.

Docs      https://kite.trade/docs/connect/v3/user/   evidence of 2026-09 (docs, kiteconnect 5.2.2,
          public scripts)
Code      `request_token` in the query of the redirect, single use, lives a few minutes
State     Kite knows no `state`; `redirect_params` come back on the redirect, so the nonce travels
          there
Expiry    06:00 IST the next day (docs). Staff in the forum: flushed at 07:30 IST, so log in after
          07:35
Lockout   five wrong passwords or codes block the account until the password is reset. We send a
          password once, a rejected code is followed by one more in a new window, and by none where
          three or fewer attempts are left
Guessed   the texts of errors and the markup around the fields. The page's own calls decide; text is
          the fallback
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pydantic import Field, SecretStr

from autologin.flow import (
    AutologinError,
    BrowserFlow,
    Click,
    Credentials,
    CredentialsRejected,
    InputField,
    LoginRequest,
    LoginScript,
    OtpGenerator,
    OtpNotAvailable,
    OtpRejected,
    Step,
    Token,
    TotpSeed,
    Verification,
    data_of,
    exchange_error,
    json_object,
    next_daily,
    refusal,
    send,
    text_of,
    token_in,
    verify_profile,
)

if TYPE_CHECKING:
    import httpx

USER = InputField(
    "user id",
    "text",
    label=r"user ?id|user ?name|client ?id",
    css=("#userid[type=text]", "form input[type=text][maxlength='16']"),
    autocomplete=("username",),
)
PASSWORD = InputField(
    "password",
    "password",
    label=r"password",
    css=("#password",),
    autocomplete=("current-password",),
)
TOTP = InputField(
    "TOTP",
    "code",
    label=r"totp|authenticator|time.?based|\b2.?fa\b|two.?factor",
    css=("#userid[type=number]", "#totp", ".twofa-value", "form input[maxlength='6']"),
    autocomplete=("one-time-code",),
    other=r"app.?code|\bsms\b|\be-?mail\b",
)
CLICKS = (
    Click("another code", when="other_code", press=r"^problem with", css=("form .forgot-link",)),
    Click("TOTP instead", when="another code", press=r"totp|authenticator"),
    Click("another user", when="other_user", press=r"change user|switch (user|account)|not you"),
)
PHRASES: dict[type[AutologinError], str] = {
    OtpNotAvailable: r"\b(mobile )?app.?code\b.{0,30}\b(invalid|incorrect|wrong|expired)"
    r"|\b(invalid|incorrect|wrong|expired)\b.{0,12}\bapp.?code",
}
HINTS: dict[type[AutologinError], str] = {
    OtpNotAvailable: "The account asks for the code of Kite's own app, to which no TOTP is right. "
    "Switch it to External TOTP (in Kite: My profile, Password & Security), put its seed into "
    "totp_secret, then run it again.",
}


class ZerodhaCredentials(Credentials):
    """What Zerodha needs.

    Key and secret are in developers.kite.trade, the seed is shown when TOTP is enabled.
    """

    api_key: str = Field(description="developers.kite.trade, your app, API key")
    api_secret: SecretStr = Field(description="developers.kite.trade, your app, API secret")
    user_id: str = Field(description="the Kite user id, such as AB1234")
    password: SecretStr = Field(description="the Kite password")
    totp_secret: TotpSeed = Field(
        description="the seed that Kite shows when External TOTP is enabled"
    )
    redirect_uri: str | None = Field(
        default=None, description="the redirect URL registered for the app (optional)"
    )


class Zerodha(BrowserFlow):
    """Sign in at Kite web."""

    broker = "zerodha"
    title = "Zerodha"
    docs = "https://kite.trade/docs/connect/v3/user/"
    evidence = "2026-09"
    notes = "Kite Connect v3; External TOTP must be enabled"
    endpoints = {"login": "https://kite.zerodha.com", "api": "https://api.kite.trade"}
    not_before = time(7, 35)
    auth_code_params = ("request_token",)
    environment = {"KITE_API_KEY": "extra.api_key", "KITE_ACCESS_TOKEN": "access_token"}
    credentials: ZerodhaCredentials

    def login_url(self, nonce: str) -> LoginRequest:
        """The Connect login page; Kite gives `redirect_params` back on the redirect."""
        query = {
            "api_key": self.credentials.api_key,
            "v": "3",
            "redirect_params": urlencode({self.state_param: nonce}),
        }
        return LoginRequest(f"{self.urls['login']}/connect/login?{urlencode(query)}")

    def login_script(self, otp: OtpGenerator | None) -> LoginScript:
        """User id and password, then the TOTP; Kite answers both on calls of the page's own."""
        assert otp is not None  # totp_secret is required
        credentials = Step(
            "credentials",
            {USER: self.credentials.user_id, PASSWORD: self.credentials.password},
            press=r"log ?in|sign ?in|continue|proceed|next|submit",
            refused=CredentialsRejected,
            reply="/api/login",
            wants=second_factor,
            shown_as=r"\b[A-Z]{2,3}\d{3,5}\b",
        )
        totp = Step(
            "TOTP",
            {TOTP: otp},
            press=r"continue|verify|submit|proceed|log ?in",
            refused=OtpRejected,
            reply="/api/twofa",
        )
        steps = (credentials, totp)
        return LoginScript(
            steps, CLICKS, consent_at=r"/connect/authorize", phrases=PHRASES, hints=HINTS
        )

    async def exchange(self, auth_code: SecretStr, http: httpx.AsyncClient, now: datetime) -> Token:
        """POST /session/token, as the official SDK sends it (kiteconnect 5.2.2)."""
        api_key = self.credentials.api_key
        request_token = auth_code.get_secret_value()
        secret = self.credentials.api_secret.get_secret_value()
        checksum = hashlib.sha256(f"{api_key}{request_token}{secret}".encode()).hexdigest()
        request = http.build_request(
            "POST",
            f"{self.urls['api']}/session/token",
            data={"api_key": api_key, "request_token": request_token, "checksum": checksum},
            headers={"X-Kite-Version": "3"},
        )
        response = await send(request, http)
        answer = json_object(response)
        session = data_of(answer)
        access_token = token_in(session.get("access_token"))
        if response.status_code != 200 or not access_token:
            message = refusal(answer.get("status") == "error", answer.get("message"))
            raise exchange_error("Kite", response, message)
        return Token(
            access_token=SecretStr(access_token),
            issued_at=now,
            expires_at=next_daily(time(6), now),
            user_id=text_of(session.get("user_id")),
            extra={"api_key": api_key, "public_token": text_of(session.get("public_token"))},
        )

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verification:
        """GET /user/profile: free of side effects and not tied to a registered address."""
        key_and_token = f"{self.credentials.api_key}:{token.access_token.get_secret_value()}"
        request = http.build_request(
            "GET",
            f"{self.urls['api']}/user/profile",
            headers={"X-Kite-Version": "3", "Authorization": f"token {key_and_token}"},
        )
        return await verify_profile(request, http, dead=_is_dead)


def second_factor(reply: Mapping[str, Any]) -> str:
    """The second factor that Kite asks for first, such as "app code": a setting of the account."""
    return text_of(data_of(reply).get("twofa_type")).replace("_", " ")


def _is_dead(body: dict[str, Any]) -> bool:
    return body.get("error_type") == "TokenException"
