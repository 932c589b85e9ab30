"""Zerodha, Kite Connect v3.

Docs      https://kite.trade/docs/connect/v3/user/   evidence of 2026-09 (docs, kiteconnect 5.2.2, public scripts)
Code      `request_token` in the query of the redirect, single use, lives a few minutes
State     Kite knows no `state`; `redirect_params` come back on the redirect, so the nonce travels there
Expiry    06:00 IST the next day (docs). Staff in the forum: flushed at 07:30 IST, so log in after 07:35
Lockout   five wrong passwords or codes block the account until the password is reset. We send a password once, a
          rejected code is followed by one more in a new window, and by none where three or fewer attempts are left
Guessed   the texts of errors and the markup around the fields. The page's own calls decide; text is the fallback
"""

from __future__ import annotations

import hashlib
from datetime import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from pydantic import Field, SecretStr

from autologin.errors import CredentialsRejected, OtpRejected
from autologin.flow import base
from autologin.flow.otp import TotpSeed
from autologin.flow.script import Script, Step, Turn
from autologin.login.snapshot import Field as Box
from autologin.token import Token

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    import httpx

    from autologin.flow.base import Verified
    from autologin.flow.otp import Otp
    from autologin.login.engine import LoginPage

USER = Box(
    "user id",
    "text",
    label=r"user ?id|user ?name|client ?id",
    css=("#userid[type=text]", "form input[type=text][maxlength='16']"),
    autocomplete=("username",),
)
PASSWORD = Box("password", "password", label=r"password", css=("#password",), autocomplete=("current-password",))
TOTP = Box(
    "TOTP",
    "code",
    label=r"totp|authenticator|time.?based|\b2.?fa\b|two.?factor",
    css=("#userid[type=number]", "#totp", ".twofa-value", "form input[maxlength='6']"),
    autocomplete=("one-time-code",),
    other=r"app.?code|\bsms\b|\be-?mail\b",
)
WAYS = (
    Turn("another code", when="other_code", press=r"^problem with", css=("form .forgot-link",)),
    Turn("TOTP instead", when="another code", press=r"totp|authenticator"),
    Turn("another user", when="other_user", press=r"change user|switch (user|account)|not you"),
)


class Credentials(base.Credentials):
    """What Zerodha needs. The key and the secret are in developers.kite.trade, the seed is shown when TOTP is enabled."""

    api_key: str = Field(description="developers.kite.trade, your app, API key")
    api_secret: SecretStr = Field(description="developers.kite.trade, your app, API secret")
    user_id: str = Field(description="the Kite user id, such as AB1234")
    password: SecretStr = Field(description="the Kite password")
    totp_secret: TotpSeed = Field(description="the seed that Kite shows when External TOTP is enabled")
    redirect_uri: str | None = Field(default=None, description="the redirect URL registered for the app (optional)")


class Zerodha(base.Flow):
    """Sign in at Kite web."""

    broker = "zerodha"
    title = "Zerodha"
    docs = "https://kite.trade/docs/connect/v3/user/"
    evidence = "2026-09"
    notes = "Kite Connect v3; External TOTP must be enabled"
    endpoints = {"login": "https://kite.zerodha.com", "api": "https://api.kite.trade"}
    not_before = time(7, 35)
    code_params = ("request_token",)
    environment = {"KITE_API_KEY": "extra.api_key", "KITE_ACCESS_TOKEN": "access_token"}
    Credentials = Credentials

    def login_url(self, nonce: str) -> str:
        """The Connect login page; Kite gives `redirect_params` back on the redirect."""
        query = {"api_key": self.credentials.api_key, "v": "3", "redirect_params": urlencode({self.state_param: nonce})}
        return f"{self.urls['login']}/connect/login?{urlencode(query)}"

    async def login(self, page: LoginPage, otp: Otp | None) -> None:
        """User id and password, then the TOTP; Kite answers both on calls of the page's own."""
        assert otp is not None  # totp_secret is required
        mine = self.credentials
        credentials = Step(
            "credentials",
            {USER: mine.user_id, PASSWORD: mine.password},
            press=r"log ?in|sign ?in|continue|proceed|next|submit",
            refused=CredentialsRejected,
            reply="/api/login",
            wants=asked_for,
            shown_as=r"\b[A-Z]{2,3}\d{3,5}\b",
        )
        send = r"continue|verify|submit|proceed|log ?in"
        twofa = Step("TOTP", {TOTP: otp}, press=send, refused=OtpRejected, reply="/api/twofa")
        await page.walk(Script((credentials, twofa), WAYS, consent_at=r"/connect/authorize"))

    async def exchange(self, code: SecretStr, http: httpx.AsyncClient, now: datetime) -> Token:
        """POST /session/token, as the official SDK sends it (kiteconnect 5.2.2)."""
        key, value = self.credentials.api_key, code.get_secret_value()
        secret = self.credentials.api_secret.get_secret_value()
        checksum = hashlib.sha256(f"{key}{value}{secret}".encode()).hexdigest()
        form = {"api_key": key, "request_token": value, "checksum": checksum}
        request = http.build_request("POST", f"{self.urls['api']}/session/token", data=form, headers={"X-Kite-Version": "3"})
        response = await base.answer_of(request, http)
        data = base.json_of(response).get("data")
        if response.status_code != 200 or not isinstance(data, dict) or not data.get("access_token"):
            raise base.refused("Kite", response, base.json_of(response).get("message"))
        return Token(
            access_token=SecretStr(data["access_token"]),
            issued_at=now,
            expires_at=base.next_daily(time(6), now),
            user_id=str(data.get("user_id", "")),
            extra={"api_key": key, "public_token": data.get("public_token", "")},
        )

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verified:
        """GET /user/profile: free of side effects and not tied to a registered address."""
        headers = {
            "X-Kite-Version": "3",
            "Authorization": f"token {self.credentials.api_key}:{token.access_token.get_secret_value()}",
        }
        request = http.build_request("GET", f"{self.urls['api']}/user/profile", headers=headers)
        return await base.verified(request, http, dead=lambda data: data.get("error_type") == "TokenException")


def asked_for(reply: Mapping[str, Any]) -> str:
    """The second factor that Kite asks for first, such as "app code"; the account's settings decide it."""
    kind = (reply.get("data") or {}).get("twofa_type")
    return str(kind or "").replace("_", " ")
