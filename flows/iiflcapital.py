"""IIFL Capital, Markets API.

Docs      https://api.iiflcapital.com   evidence of 2026-08 (docs, OpenAlgo, four scripts; the page:
          unverified)
Code      `authCode` in the query of the redirect (also seen: `authcode`, `auth_code`), with
          `clientId`; single use
State     nothing of ours comes back
Expiry    every trading day anew, the hour is not documented: midnight in India is taken. Calls from
          an address that is not registered are refused
Lockout   no limit of wrong entries is published. The password is sent once; a rejected TOTP is
          followed by one more in a new window
Guessed   the whole page, of which only the fields' meaning is known; the texts of errors; whether
          it knows `redirecturl` or `redirectUrl` (both are sent); that `clientId` in the redirect
          is the configured one, which is what is sealed
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from pydantic import AfterValidator, Field, SecretStr

from autologin.flow import (
    AccountLocked,
    AutologinError,
    BrokerUnavailable,
    BrowserFlow,
    ConsentRequired,
    Credentials,
    CredentialsRejected,
    LoginRequest,
    LoginScript,
    OtpGenerator,
    OtpNotAvailable,
    OtpRejected,
    Token,
    TotpSeed,
    Verification,
)

from ._codifi import checksum, create_session, verify_session
from ._form_page import form_script, upper

if TYPE_CHECKING:
    import httpx

CODES: dict[type[AutologinError], str] = {
    AccountLocked: r"\bEC0(04|14|19|52|80|81)\b",
    BrokerUnavailable: r"\bEC018\b",
    OtpNotAvailable: r"\bEC043\b",
    OtpRejected: r"\bEC0(24|25|36)\b",
    CredentialsRejected: r"\bEC0(02|16|54|69)\b",
    ConsentRequired: r"\bEC055\b",
}
"""The documentation's table of a login's errors."""
DEAD = frozenset({"EC044"})


class IiflCapitalCredentials(Credentials):
    """What IIFL Capital needs."""

    client_id: Annotated[str, AfterValidator(upper)] = Field(
        description="the client id; it is what you log in with"
    )
    password: SecretStr = Field(description="the password you log in with")
    totp_secret: TotpSeed = Field(description="the text beside the QR code where you enabled TOTP")
    app_key: str = Field(description="the app key of your app, in IIFL Capital's API settings")
    app_secret: SecretStr = Field(description="the app secret of your app")
    redirect_uri: str = Field(description="the redirect URL registered for the app, to the letter")


class IiflCapital(BrowserFlow):
    """Sign in at markets.iiflcapital.com."""

    broker = "iiflcapital"
    title = "IIFL Capital"
    docs = "https://api.iiflcapital.com"
    evidence = "2026-08"
    notes = "Markets; nobody has shown the page"
    verified = False
    endpoints = {
        "login": "https://markets.iiflcapital.com",
        "api": "https://api.iiflcapital.com/v1",
    }
    auth_code_params = ("authCode", "authcode", "auth_code")
    state_param = ""
    login_id = ("client_id",)
    credentials: IiflCapitalCredentials

    @property
    def user_id(self) -> str:
        """The client id."""
        return str(self.credentials.client_id)

    def login_url(self, nonce: str) -> LoginRequest:
        """The login page; nothing of ours comes back with the auth code."""
        del nonce
        query = {
            "v": "1",
            "appkey": self.credentials.app_key,
            "redirecturl": self.credentials.redirect_uri,
            "redirectUrl": self.credentials.redirect_uri,
        }
        return LoginRequest(f"{self.urls['login']}/?{urlencode(query, safe=':/')}")

    def login_script(self, otp: OtpGenerator | None) -> LoginScript:
        """Client id, password and TOTP, on one screen or two."""
        return form_script(self.user_id, self.credentials.password, otp, {}, phrases=CODES)

    async def exchange(self, auth_code: SecretStr, http: httpx.AsyncClient, now: datetime) -> Token:
        """POST /getusersession."""
        client_id = self.credentials.client_id
        secret = self.credentials.app_secret.get_secret_value()
        seal = checksum(client_id, auth_code.get_secret_value(), secret)
        url = f"{self.urls['api']}/getusersession"
        return await create_session(self.title, url, seal, http, now=now, user=client_id)

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verification:
        """GET /profile."""
        return await verify_session(f"{self.urls['api']}/profile", token, http, DEAD)
