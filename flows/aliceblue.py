"""Alice Blue, ANT, vendor API v2.

Docs      https://ant.aliceblueonline.com   evidence of 2026-08 (docs, an SDK, OpenAlgo; of the page
          one script)
Code      `authCode` in the query of the redirect, with `userId`; single use
State     nothing of ours comes back; the redirect URL is fixed with the app
Expiry    a trading day: the session ends with the day, or when you log out of the website. (The
          documentation's sample runs for 60 days, but the rules want a login a day.) Midnight in
          India is taken
Lockout   no limit of wrong entries is published. The password is sent once; a rejected TOTP is
          followed by one more in a new window
Guessed   whether the page sends a code by itself; that `userId` in the redirect is the configured
          one, which is what is sealed
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from pydantic import AfterValidator, Field, SecretStr

from autologin.flow import (
    BrowserFlow,
    Credentials,
    LoginRequest,
    LoginScript,
    OtpGenerator,
    Token,
    TotpSeed,
    Verification,
)

from ._codifi import checksum, create_session, verify_session
from ._form_page import PASSWORD, TOTP, USER, form_script, upper

if TYPE_CHECKING:
    import httpx

IDS = {
    USER: ("#new_login_userId", "#userid_inp"),
    PASSWORD: ("#new_login_password",),
    TOTP: ("#new_login_otp",),
}
OD = "/open-api/od/v1"


class AliceBlueCredentials(Credentials):
    """What Alice Blue needs. Alice Blue has to approve the app."""

    user_id: Annotated[str, AfterValidator(upper)] = Field(
        description="the user id you log in with"
    )
    password: SecretStr = Field(description="the password you log in with")
    totp_secret: TotpSeed = Field(description="the text beside the QR code where you enabled TOTP")
    app_code: str = Field(description="the app code of your app, in ANT's API settings")
    api_secret: SecretStr = Field(description="the API secret of your app")
    redirect_uri: str | None = Field(
        default=None, description="the redirect URL registered for the app (optional)"
    )


class AliceBlue(BrowserFlow):
    """Sign in at ANT web."""

    broker = "aliceblue"
    title = "Alice Blue"
    docs = "https://ant.aliceblueonline.com"
    evidence = "2026-08"
    notes = "ANT"
    endpoints = {
        "login": "https://ant.aliceblueonline.com",
        "api": "https://a3.aliceblueonline.com",
    }
    auth_code_params = ("authCode",)
    state_param = ""
    credentials: AliceBlueCredentials

    def login_url(self, nonce: str) -> LoginRequest:
        """The login page; nothing of ours comes back with the auth code."""
        del nonce
        query = urlencode({"appcode": self.credentials.app_code})
        return LoginRequest(f"{self.urls['login']}/?{query}")

    def login_script(self, otp: OtpGenerator | None) -> LoginScript:
        """User id and password, then the TOTP."""
        return form_script(self.credentials.user_id, self.credentials.password, otp, IDS)

    async def exchange(self, auth_code: SecretStr, http: httpx.AsyncClient, now: datetime) -> Token:
        """POST vendor/getUserDetails."""
        user_id = self.credentials.user_id
        secret = self.credentials.api_secret.get_secret_value()
        seal = checksum(user_id, auth_code.get_secret_value(), secret)
        url = f"{self.urls['api']}{OD}/vendor/getUserDetails"
        return await create_session(self.title, url, seal, http, now=now, user=user_id)

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verification:
        """GET profile/."""
        return await verify_session(f"{self.urls['api']}{OD}/profile/", token, http)
