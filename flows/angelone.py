"""Angel One, SmartAPI.

Docs      https://smartapi.angelone.in/docs   evidence of 2026-08 (docs, smartapi-python 1.5.5, OpenAlgo)
Expiry    midnight in India, says the documentation (older forum posts say 05:00)
Lockout   no limit of wrong codes is published; one login a second. PIN and API key are sent once, a rejected code is
          followed by one more in a new window
Guessed   AB1050 for a wrong code (a forum post; others read it as a wrong address), so words decide before codes do; which
          words come with a wrong PIN: those that name PIN and code count as the PIN
"""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, SecretStr

from autologin import redaction
from autologin.errors import BrokerUnavailable, CredentialsRejected, OtpRejected
from autologin.flow import base
from autologin.flow.base import Limit, Verified
from autologin.flow.otp import TotpSeed
from autologin.token import Token

from ._json_api import by_code, plain, posted, refusal

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    import httpx

    from autologin.errors import AutologinError

AUTH = "/rest/auth/angelbroking"
SECURE = "/rest/secure/angelbroking"
MEANS: dict[str, type[AutologinError]] = {
    "AB1050": OtpRejected,
    "AB1000": CredentialsRejected,
    "AB1007": CredentialsRejected,
    "AB2001": BrokerUnavailable,
}
DEAD = {"AG8001", "AG8002"}
DEAD_WORDS = {"invalid token", "token expired"}
"""What the gateway says in a 200 without a code."""
SENT = {
    "Accept": "application/json",
    "X-UserType": "USER",
    "X-SourceID": "WEB",
    "X-ClientLocalIP": "127.0.0.1",
    "X-ClientPublicIP": "106.193.147.98",
    "X-MACAddress": "00:00:00:00:00:00",
}
"""The official SDK sends these IP addresses for everybody, and the machine's MAC; Angel One checks none of them at a login."""


class Credentials(base.Credentials):
    """What Angel One needs."""

    api_key: SecretStr = Field(description="smartapi.angelone.in, My apps: the API key of your app")
    client_code: str = Field(description="the client code you log in with, such as A123456")
    pin: Annotated[SecretStr, AfterValidator(base.exactly(4, "PIN"))] = Field(description="the four digits you log in with")
    totp_secret: TotpSeed = Field(description="smartapi.angelone.in/enable-totp: the text beside the QR code")


class AngelOne(base.Flow):
    """Sign in over SmartAPI; no page is involved."""

    broker = "angelone"
    title = "Angel One"
    docs = "https://smartapi.angelone.in/docs"
    evidence = "2026-08"
    notes = "SmartAPI; tokens die at midnight"
    endpoints = {"api": "https://apiconnect.angelone.in"}
    needs_browser = False
    limits = (Limit(1, 1.0),)
    Credentials = Credentials

    @property
    def user_id(self) -> str:
        """The client code."""
        return str(self.credentials.client_code)

    async def sign_in(self, http: httpx.AsyncClient, otp: str, now: datetime) -> Token:
        """POST loginByPassword, as the official SDK sends it (smartapi-python 1.5.5)."""
        mine = self.credentials
        body = {"clientcode": mine.client_code, "password": plain(mine.pin), "totp": otp}
        response, data = await posted(http, f"{self.urls['api']}{AUTH}/user/v1/loginByPassword", body, self._headers())
        token = self._token(data, now)
        if response.status_code != 200 or token is None:
            raise _refusal(response, data)
        return token

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verified:
        """GET getProfile (3 a second)."""
        headers = self._headers(token.access_token)
        request = http.build_request("GET", f"{self.urls['api']}{SECURE}/user/v1/getProfile", headers=headers)
        return await base.proven(request, http, owner=_owner, dead=_dead)

    async def refresh(self, token: Token, http: httpx.AsyncClient, now: datetime) -> Token | None:
        """POST generateTokens: a new trio for the rest of the day. It gives no later end."""
        body = {"refreshToken": token.extra.get("refresh_token", "")}
        url = f"{self.urls['api']}{AUTH}/jwt/v1/generateTokens"
        try:
            _, data = await posted(http, url, body, self._headers(token.access_token))
        except BrokerUnavailable:
            return None
        return self._token(data, now)

    def _headers(self, token: SecretStr | None = None) -> dict[str, str]:
        bearer = {"Authorization": f"Bearer {plain(token)}"} if token else {}
        return {**SENT, "X-PrivateKey": plain(self.credentials.api_key), **bearer}

    def _token(self, body: dict[str, Any], now: datetime) -> Token | None:
        data = base.data_of(body)
        jwt = str(data.get("jwtToken") or "").removeprefix("Bearer ")
        if body.get("status") is not True or not jwt:
            return None
        midnight = base.next_daily(time(0), now)
        extra = {"refresh_token": str(data.get("refreshToken") or ""), "feed_token": str(data.get("feedToken") or "")}
        extra |= {"api_key": plain(self.credentials.api_key), "userId": self.user_id}
        ends = base.sooner(base.jwt_expiry(jwt), midnight, now)
        return Token(SecretStr(jwt), now, ends, self.user_id, extra)


def _code(body: dict[str, Any]) -> str:
    return str(body.get("errorcode") or body.get("errorCode") or "")


def _owner(body: dict[str, Any]) -> str | None:
    return str(base.data_of(body).get("clientcode") or "") if body.get("status") is True else None


def _dead(status: int, body: dict[str, Any]) -> bool:
    return status == 401 or _code(body) in DEAD or base.message_of(body).lower() in DEAD_WORDS


def _refusal(response: httpx.Response, body: dict[str, Any]) -> AutologinError:
    """An error is a 200 with `status: false`; 403 is the rate limit, in the documentation's own words."""
    words = base.message_of(body) or redaction.scrub(response.text)[:100]
    return by_code(refusal("Angel One", response, words, pause=1.0), MEANS.get(_code(body)))
