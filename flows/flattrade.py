"""Flattrade, Pi.

Docs      https://pi.flattrade.in/docs   evidence of 2026-08 (docs, OpenAlgo, scripts; of the page one script)
Code      `code` (live) or `request_code` (docs) in the query of the redirect, with `client`; single use
State     nothing of ours comes back; the redirect URL is fixed with the key
Expiry    tokens are cleared between 05:00 and 06:00 in India: 05:00 is taken. Log in after 06:00, and from the registered
          address: an exchange from any other gives no token and no reason
Lockout   no limit of wrong entries is published. The password is sent once; a rejected TOTP is followed by one more in a new
          window
Guessed   the texts of errors; the ids of the fields (one script found them by their placeholders)
"""

from __future__ import annotations

import hashlib
import json
from datetime import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pydantic import Field, SecretStr

from autologin.errors import ExchangeRejected
from autologin.flow import base
from autologin.flow.otp import TotpSeed
from autologin.token import Token

from ._form_page import script

if TYPE_CHECKING:
    from datetime import datetime

    import httpx

    from autologin.flow.base import Verified
    from autologin.flow.otp import Otp
    from autologin.login.engine import LoginPage

UNSAID = "Flattrade gave no token and no reason: the address of this machine is not the registered one, or the secret is wrong"
MEND = "Register this machine's address for the API key, or correct api_secret, then run it again."


class Credentials(base.Credentials):
    """What Flattrade needs. Key and secret are made, and approved, on Flattrade's Wall."""

    user_id: str = Field(description="the user id you log in with")
    password: SecretStr = Field(description="the password you log in with")
    totp_secret: TotpSeed = Field(description="the text beside the QR code where you enabled TOTP")
    api_key: str = Field(description="wall.flattrade.in, Pi, your API key")
    api_secret: SecretStr = Field(description="wall.flattrade.in, Pi, your API secret")
    redirect_uri: str | None = Field(default=None, description="the redirect URL registered for the key (optional)")


class Flattrade(base.Flow):
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
    code_params = ("code", "request_code")
    state_param = ""
    Credentials = Credentials

    def login_url(self, nonce: str) -> str:
        """The login page; nothing of ours comes back with the code."""
        del nonce
        return f"{self.urls['login']}/?{urlencode({'app_key': self.credentials.api_key})}"

    async def login(self, page: LoginPage, otp: Otp | None) -> None:
        """User id, password and TOTP on one form."""
        assert otp is not None  # totp_secret is required
        await page.walk(script(self.credentials.user_id, self.credentials.password, otp, {}))

    async def exchange(self, code: SecretStr, http: httpx.AsyncClient, now: datetime) -> Token:
        """POST /trade/apitoken."""
        key, plain = self.credentials.api_key, code.get_secret_value()
        seal = checksum(key, plain, self.credentials.api_secret.get_secret_value())
        body = {"api_key": key, "request_code": plain, "api_secret": seal}
        response = await base.answer_of(http.build_request("POST", f"{self.urls['auth']}/trade/apitoken", json=body), http)
        data = base.json_of(response)
        token, detail = data.get("token"), str(data.get("emsg") or "")
        if response.status_code != 200 or not _good(data) or not token:
            raise base.refused(self.title, response, detail) if detail else ExchangeRejected(UNSAID, hint=MEND)
        user = str(data.get("client") or self.credentials.user_id)
        extra = {"uid": user, "api_key": key}
        return Token(SecretStr(str(token)), now, base.next_daily(time(5), now), user, extra)

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verified:
        """POST /UserDetails."""
        user = json.dumps({"uid": token.extra.get("uid", "")})
        body = f"jData={user}&jKey={token.access_token.get_secret_value()}"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        request = http.build_request("POST", f"{self.urls['api']}/UserDetails", content=body, headers=headers)
        return await base.proven(request, http, owner=_owner, dead=_dead, words=lambda body: str(body.get("emsg") or ""))


def checksum(api_key: str, code: str, api_secret: str) -> str:
    """What is sent as `api_secret`: SHA-256 of the three in this order, in hex."""
    return hashlib.sha256((api_key + code + api_secret).encode()).hexdigest()


def _good(data: dict[str, Any]) -> bool:
    return str(data.get("status") or data.get("stat") or "").lower() == "ok"


def _owner(body: dict[str, Any]) -> str | None:
    return str(body.get("actid") or body.get("uid") or "") if _good(body) else None


def _dead(status: int, body: dict[str, Any]) -> bool:
    return status == 401 or "session expired" in str(body.get("emsg") or "").lower()
