"""IIFL Capital, Markets API.

Docs      https://api.iiflcapital.com   evidence of 2026-08 (docs, OpenAlgo, four scripts; the page: unverified)
Code      `authCode` in the query of the redirect (also seen: `authcode`, `auth_code`), with `clientId`; single use
State     nothing of ours comes back
Expiry    every trading day anew, the hour is not documented: midnight in India is taken. Calls from an address that is not
          registered are refused
Lockout   no limit of wrong entries is published. The password is sent once; a rejected TOTP is followed by one more in a new
          window
Guessed   the whole page, of which only the fields' meaning is known; the texts of errors; whether it knows `redirecturl` or
          `redirectUrl` (both are sent); that `clientId` in the redirect is the configured one, which is what is sealed
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from pydantic import AfterValidator, Field, SecretStr

from autologin.flow import base
from autologin.flow.otp import TotpSeed

from ._codifi import checksum, proven, session
from ._form_page import script, upper

if TYPE_CHECKING:
    from datetime import datetime

    import httpx

    from autologin.flow.base import Verified
    from autologin.flow.otp import Otp
    from autologin.login.engine import LoginPage
    from autologin.token import Token

DEAD = frozenset({"EC044"})


class Credentials(base.Credentials):
    """What IIFL Capital needs."""

    client_id: Annotated[str, AfterValidator(upper)] = Field(description="the client id; it is what you log in with")
    password: SecretStr = Field(description="the password you log in with")
    totp_secret: TotpSeed = Field(description="the text beside the QR code where you enabled TOTP")
    app_key: str = Field(description="the app key of your app, in IIFL Capital's API settings")
    app_secret: SecretStr = Field(description="the app secret of your app")
    redirect_uri: str = Field(description="the redirect URL registered for the app, to the letter")


class IiflCapital(base.Flow):
    """Sign in at markets.iiflcapital.com."""

    broker = "iiflcapital"
    title = "IIFL Capital"
    docs = "https://api.iiflcapital.com"
    evidence = "2026-08"
    notes = "Markets; nobody has shown the page"
    verified = False
    endpoints = {"login": "https://markets.iiflcapital.com", "api": "https://api.iiflcapital.com/v1"}
    code_params = ("authCode", "authcode", "auth_code")
    state_param = ""
    Credentials = Credentials

    @property
    def user_id(self) -> str:
        """The client id."""
        return str(self.credentials.client_id)

    def login_url(self, nonce: str) -> str:
        """The login page; nothing of ours comes back with the code."""
        del nonce
        mine = self.credentials
        query = {"v": "1", "appkey": mine.app_key, "redirecturl": mine.redirect_uri, "redirectUrl": mine.redirect_uri}
        return f"{self.urls['login']}/?{urlencode(query, safe=':/')}"

    async def login(self, page: LoginPage, otp: Otp | None) -> None:
        """Client id, password and TOTP, on one screen or two."""
        assert otp is not None  # totp_secret is required
        await page.walk(script(self.user_id, self.credentials.password, otp, {}))

    async def exchange(self, code: SecretStr, http: httpx.AsyncClient, now: datetime) -> Token:
        """POST /getusersession."""
        mine = self.credentials
        seal = checksum(mine.client_id, code.get_secret_value(), mine.app_secret.get_secret_value())
        return await session(self.title, f"{self.urls['api']}/getusersession", seal, http, now=now, user=mine.client_id)

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verified:
        """GET /profile."""
        return await proven(f"{self.urls['api']}/profile", token, http, DEAD)
