"""Alice Blue, ANT, vendor API v2.

Docs      https://ant.aliceblueonline.com   evidence of 2026-08 (docs, an SDK, OpenAlgo; of the page one script)
Code      `authCode` in the query of the redirect, with `userId`; single use
State     nothing of ours comes back; the redirect URL is fixed with the app
Expiry    a trading day: the session ends with the day, or when you log out of the website. (The documentation's sample runs for
          60 days, but the rules want a login a day.) Midnight in India is taken
Lockout   no limit of wrong entries is published. The password is sent once; a rejected TOTP is followed by one more in a new
          window
Guessed   whether the page sends a code by itself; that `userId` in the redirect is the configured one, which is what is sealed
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from pydantic import AfterValidator, Field, SecretStr

from autologin.flow import base
from autologin.flow.otp import TotpSeed

from ._codifi import checksum, proven, session
from ._form_page import CODE, PASSWORD, USER, script, upper

if TYPE_CHECKING:
    from datetime import datetime

    import httpx

    from autologin.flow.base import Verified
    from autologin.flow.otp import Otp
    from autologin.login.engine import LoginPage
    from autologin.token import Token

IDS = {USER: ("#new_login_userId", "#userid_inp"), PASSWORD: ("#new_login_password",), CODE: ("#new_login_otp",)}
OD = "/open-api/od/v1"


class Credentials(base.Credentials):
    """What Alice Blue needs. Alice Blue has to approve the app."""

    user_id: Annotated[str, AfterValidator(upper)] = Field(description="the user id you log in with")
    password: SecretStr = Field(description="the password you log in with")
    totp_secret: TotpSeed = Field(description="the text beside the QR code where you enabled TOTP")
    app_code: str = Field(description="the app code of your app, in ANT's API settings")
    api_secret: SecretStr = Field(description="the API secret of your app")
    redirect_uri: str | None = Field(default=None, description="the redirect URL registered for the app (optional)")


class AliceBlue(base.Flow):
    """Sign in at ANT web."""

    broker = "aliceblue"
    title = "Alice Blue"
    docs = "https://ant.aliceblueonline.com"
    evidence = "2026-08"
    notes = "ANT"
    endpoints = {"login": "https://ant.aliceblueonline.com", "api": "https://a3.aliceblueonline.com"}
    code_params = ("authCode",)
    state_param = ""
    Credentials = Credentials

    def login_url(self, nonce: str) -> str:
        """The login page; nothing of ours comes back with the code."""
        del nonce
        return f"{self.urls['login']}/?{urlencode({'appcode': self.credentials.app_code})}"

    async def login(self, page: LoginPage, otp: Otp | None) -> None:
        """User id and password, then the TOTP."""
        assert otp is not None  # totp_secret is required
        await page.walk(script(self.credentials.user_id, self.credentials.password, otp, IDS))

    async def exchange(self, code: SecretStr, http: httpx.AsyncClient, now: datetime) -> Token:
        """POST vendor/getUserDetails."""
        mine = self.credentials
        seal = checksum(mine.user_id, code.get_secret_value(), mine.api_secret.get_secret_value())
        return await session(
            self.title, f"{self.urls['api']}{OD}/vendor/getUserDetails", seal, http, now=now, user=mine.user_id
        )

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verified:
        """GET profile/."""
        return await proven(f"{self.urls['api']}{OD}/profile/", token, http)
