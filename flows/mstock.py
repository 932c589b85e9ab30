"""m.Stock by Mirae Asset, Trading API, type B.

Docs      https://github.com/MiraeAsset-mStock/pytradingapi-typeB   evidence of 2026-02 (this SDK, OpenAlgo)
Expiry    midnight in India, says one public script
Lockout   no limit of wrong codes is published. The password is sent once, a rejected code is followed by one more in a new
          window. The same code goes out twice within one login, as OpenAlgo sends it and the broker takes it
Guessed   the words for a wrong code; whether `status` is true or "true" and which of two tokens the first step gives (each is
          taken)
"""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING

from pydantic import Field, SecretStr

from autologin.errors import CredentialsRejected
from autologin.flow import base
from autologin.flow.otp import TotpSeed
from autologin.token import Token

from ._json_api import plain, posted, refusal

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    import httpx

    from autologin.flow.base import Verified

VERSION = {"X-Mirae-Version": "1"}
KEY = "APIKeyException"
KEY_ENDED = "api is suspended"
"""Of the documented 403 for a key that is wrong or has ended, which has no type: no account is locked by it."""
FIRST = "connect/login"


class Credentials(base.Credentials):
    """What m.Stock needs. TOTP must be switched on for the API; without it a code would go out by SMS."""

    client_code: str = Field(description="the client code you log in with, such as MA123456")
    password: SecretStr = Field(description="the password you log in with")
    api_key: SecretStr = Field(description="the API key of your subscription to the Trading API")
    totp_secret: TotpSeed = Field(description="the text beside the QR code where TOTP is enabled for the Trading API")


class MStock(base.Flow):
    """Sign in over the Trading API in two steps; no page is involved."""

    broker = "mstock"
    title = "m.Stock"
    docs = "https://github.com/MiraeAsset-mStock/pytradingapi-typeB"
    evidence = "2026-02"
    notes = "Trading API (type B); tokens die at midnight"
    endpoints = {"api": "https://api.mstock.trade/openapi/typeb"}
    needs_browser = False
    Credentials = Credentials

    async def sign_in(self, http: httpx.AsyncClient, otp: str, now: datetime) -> Token:
        """POST connect/login, then session/verifytotp (mstock-tradingapi-b 1.0.5)."""
        mine, key = self.credentials, plain(self.credentials.api_key)
        body = {"clientcode": mine.client_code, "password": plain(mine.password), "totp": otp, "state": ""}
        first = await self._step(http, FIRST, body, {})
        body = {"api_key": key, "refreshToken": str(first.get("refreshToken") or first.get("jwtToken")), "totp": otp}
        data = await self._step(http, "session/verifytotp", body, {"X-PrivateKey": key})
        jwt = str(data.get("jwtToken") or "")
        extra = {"feed_token": str(data.get("feedToken") or ""), "refresh_token": str(data.get("refreshToken") or "")}
        ends = base.sooner(base.jwt_expiry(jwt), base.next_daily(time(0), now), now)
        return Token(SecretStr(jwt), now, ends, mine.client_code, {"api_key": key, **extra})

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verified:
        """GET user/fundsummary."""
        headers = {**VERSION, "X-PrivateKey": plain(self.credentials.api_key)}
        headers["Authorization"] = f"Bearer {plain(token.access_token)}"
        request = http.build_request("GET", f"{self.urls['api']}/user/fundsummary", headers=headers)
        return await base.proven(request, http, owner=_owner, dead=lambda status, _: status == 401)

    async def _step(self, http: httpx.AsyncClient, path: str, body: dict[str, str], more: dict[str, str]) -> dict[str, Any]:
        """What a step gives: a first one a token of either name, the last one the session's."""
        response, answer = await posted(http, f"{self.urls['api']}/{path}", body, {**VERSION, **more})
        data = base.data_of(answer)
        found = data.get("jwtToken") or (path == FIRST and data.get("refreshToken"))
        if response.status_code == 200 and _good(answer) and found:
            return data
        words = base.message_of(answer)
        if answer.get("error_type") == KEY or KEY_ENDED in words.lower():
            raise CredentialsRejected(f'm.Stock said: "{words}" (HTTP {response.status_code})')
        raise refusal("m.Stock", response, words)


def _good(answer: dict[str, Any]) -> bool:
    return str(answer.get("status")).lower() in {"true", "success"}


def _owner(answer: dict[str, Any]) -> str | None:
    return "" if _good(answer) else None
