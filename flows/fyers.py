"""Fyers, API v3.

Docs      https://myapi.fyers.in/docsv3   evidence of 2026-09 (docs, fyers-apiv3 3.2.0, public scripts, the page's own script)
Code      `auth_code` in the query of the redirect; the `code=200` beside it is a status. Single use, redeemed at once
State     `state` comes back as it was sent
Expiry    the JWT's `exp`, which is the next 06:00 IST whatever the hour of the login. Log in after 06:05
Lockout   five wrong entries block the account. We send a PIN once; a rejected TOTP is followed by one more in a new window,
          and by none where three or fewer attempts are left. The captcha (Turnstile) may pass by itself; we solve none
Refresh   with the PIN, for 15 days; said to be switched off from April 2026. Only under `refresh: true`; any no is a login
Guessed   the HTTP status of refusals, the button of the consent page, what a denial looks like in the redirect
"""

from __future__ import annotations

import json
from datetime import time
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from pydantic import AfterValidator, Field, SecretStr

from autologin.errors import AutologinError, CredentialsRejected, OtpRejected
from autologin.flow import base
from autologin.flow.otp import TotpSeed
from autologin.flow.script import Script, Step, Tick, Turn
from autologin.login.snapshot import Field as Box
from autologin.token import Token

from ._fyers_wire import app_id_hash, of_an_app, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import httpx

    from autologin.flow.base import Verified
    from autologin.flow.otp import Otp
    from autologin.login.engine import LoginPage

ID = Box("client id", "text", label=r"client ?id|fyers ?id", css=("#fy_client_id", "input[name*=client_id i]"))
BOXES = ("#confirmOtpForm input", "#otp-container input")
SMS = r"\bsent\b|\bsms\b|confirm otp|resend"
TOTP = Box("TOTP", "code", label=r"totp|authenticator", css=BOXES, autocomplete=("one-time-code",), other=SMS)
PINS = ("#verifyPinForm input", "#verify-pin-page input", "#pin-container input")
PIN = Box("PIN", "pin", label=r"\bpin\b", css=PINS, other=r"totp|\botp\b|\b(new|create|confirm|forgot)\b.{0,9}pin", digits=4)
BY_ID = Turn("client id instead", when="start", press=r"client ?id", css=("#clientId_rb", "#login_client_id"))
ALLOW = Tick("permission", label=r"\b(i|agree|accept|allow|permission)\b", css=("#permission",))
REFUSED = r"invalid apptype|AuthCodeRequest|not associated with any account"
SENT = ("/send_login_otp", "/send_login_otp_v2", "/send_login_otp_v3")
DEAD = {-8, -15, -16, -17}
"""The API's codes for a token that lives no more (docs)."""


class Credentials(base.Credentials):
    """What Fyers needs. Id and secret are in myapi.fyers.in/dashboard, the seed in myaccount.fyers.in, External 2FA TOTP."""

    client_id: Annotated[str, AfterValidator(of_an_app)] = Field(description="myapi.fyers.in, your app, App ID (with -100)")
    secret_key: SecretStr = Field(description="myapi.fyers.in, your app, Secret ID")
    redirect_uri: str = Field(description="the redirect URL registered for the app, to the letter")
    fy_id: str = Field(description="the client id with which you sign in, such as XX00000")
    totp_secret: TotpSeed = Field(description="myaccount.fyers.in, Manage Account, External 2FA TOTP, the seed")
    pin: Annotated[SecretStr, AfterValidator(base.exactly(4, "Fyers PIN"))] = Field(description="your 4-digit PIN")


class Fyers(base.Flow):
    """Sign in on the page that generate-authcode serves."""

    broker = "fyers"
    title = "Fyers"
    docs = "https://myapi.fyers.in/docsv3"
    evidence = "2026-09"
    notes = "API v3"
    endpoints = {"api": "https://api-t1.fyers.in/api/v3"}
    not_before = time(6, 5)
    code_params = ("auth_code",)
    Credentials = Credentials

    @property
    def user_id(self) -> str:
        """Who the token must belong to."""
        return str(self.credentials.fy_id)

    def login_url(self, nonce: str) -> str:
        """The address as the SDK makes it."""
        mine = self.credentials
        query = {"client_id": mine.client_id, "redirect_uri": mine.redirect_uri, "response_type": "code", "state": nonce}
        return f"{self.urls['api']}/generate-authcode?{urlencode(query)}"

    async def login(self, page: LoginPage, otp: Otp | None) -> None:
        """Client id, TOTP, PIN; then perhaps a box to tick and a button that allows the app."""
        assert otp is not None  # totp_secret is required
        mine, send = self.credentials, r"continue|submit|log ?in|next|proceed|verify|confirm"
        first = Step("client id", {ID: mine.fy_id}, send, CredentialsRejected, reply=SENT)
        totp = Step("TOTP", {TOTP: otp}, send, OtpRejected, reply=("/verify_otp", "/verify_otp_v2"))
        pin = Step("PIN", {PIN: mine.pin}, send, CredentialsRejected, reply=("/verify_pin", "/verify_pin_v2"))
        steps, titled = (first, totp, pin), "Grant Access"
        await page.walk(Script(steps, (BY_ID,), (ALLOW,), consent_titled=titled, phrases={CredentialsRejected: REFUSED}))

    async def exchange(self, code: SecretStr, http: httpx.AsyncClient, now: datetime) -> Token:
        """POST /validate-authcode, as the official SDK sends it (fyers-apiv3 3.2.0)."""
        grant = {"grant_type": "authorization_code", "appIdHash": self._hash(), "code": code.get_secret_value()}
        response = await self._post("validate-authcode", grant, http)
        data = base.json_of(response)
        if response.status_code != 200 or not data.get("access_token"):
            raise base.refused("Fyers", response, words_of(data))
        return self._token(data, now, {})

    async def refresh(self, token: Token, http: httpx.AsyncClient, now: datetime) -> Token | None:
        """POST /validate-refresh-token with the PIN."""
        if not (old := token.extra.get("refresh_token")):
            return None
        grant = {"grant_type": "refresh_token", "appIdHash": self._hash(), "refresh_token": old}
        try:
            secret = {**grant, "pin": self.credentials.pin.get_secret_value()}
            data = base.json_of(await self._post("validate-refresh-token", secret, http))
        except AutologinError:
            return None
        return self._token(data, now, {"refresh_token": old}) if data.get("access_token") else None

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verified:
        """GET /profile, which every app may call."""
        header = f"{self.credentials.client_id}:{token.access_token.get_secret_value()}"
        headers = {"Authorization": header, "Content-Type": "application/json", "version": "3"}
        request = http.build_request("GET", f"{self.urls['api']}/profile", headers=headers)
        return await base.verified(request, http, dead=lambda body: body.get("code") in DEAD, owner="fy_id")

    def _hash(self) -> str:
        return app_id_hash(self.credentials.client_id, self.credentials.secret_key.get_secret_value())

    async def _post(self, path: str, body: Mapping[str, str], http: httpx.AsyncClient) -> httpx.Response:
        headers = {"Content-Type": "application/json"}
        request = http.build_request("POST", f"{self.urls['api']}/{path}", content=json.dumps(body), headers=headers)
        return await base.answer_of(request, http)

    def _token(self, data: Mapping[str, Any], now: datetime, kept: Mapping[str, str]) -> Token:
        access = str(data["access_token"])
        expires_at = base.jwt_expiry(access) or base.next_daily(time(6), now)
        new = {"refresh_token": data["refresh_token"]} if data.get("refresh_token") else {}
        return Token(SecretStr(access), now, expires_at, "", {"client_id": self.credentials.client_id, **kept, **new})
