"""Angel One, SmartAPI.

Docs      https://smartapi.angelone.in/docs   evidence of 2026-08 (docs, smartapi-python 1.5.5,
          OpenAlgo)
Expiry    midnight in India, says the documentation (older forum posts say 05:00)
Lockout   no limit of wrong codes is published; one login a second. PIN and API key are sent once, a
          rejected code is followed by one more in a new window
Guessed   AB1050 for a wrong code (test suites, a forum post; others read it as a wrong address), so
          words decide before codes do; which words come with a wrong PIN: those that name PIN and
          code leave it open, and nothing is sent again
"""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, SecretStr

from autologin.flow import (
    AccountLocked,
    ApiFlow,
    AutologinError,
    BrokerUnavailable,
    Credentials,
    CredentialsRejected,
    Meaning,
    OtpRejected,
    RateLimit,
    Token,
    TotpSeed,
    Verification,
    data_of,
    digits,
    earliest_expiry,
    jwt_expiry,
    next_daily,
    refusal,
    refuses_token,
    text_of,
    token_in,
    verify_with,
)

from ._json_api import login_error, plain, post_json

if TYPE_CHECKING:
    import httpx

AUTH = "/rest/auth/angelbroking"
SECURE = "/rest/secure/angelbroking"
CODES: dict[str, type[AutologinError]] = {
    "AB1050": OtpRejected,
    "AB1000": CredentialsRejected,
    "AB1004": BrokerUnavailable,
    "AB1006": AccountLocked,
    "AB1032": CredentialsRejected,
    "AB2001": BrokerUnavailable,
}
"""Where the words say nothing. AB1007 comes with a wrong PIN and with a fault of the backend."""
WORDS = (Meaning(BrokerUnavailable, r"\bamx error"),)
"""The documentation's for AB1007."""
DEAD = {"AG8001", "AG8002"}
DEAD_WORDS = {"invalid token", "token expired"}
"""What the gateway says in a 200 without a code."""
HEADERS = {
    "Accept": "application/json",
    "X-UserType": "USER",
    "X-SourceID": "WEB",
    "X-ClientLocalIP": "127.0.0.1",
    "X-ClientPublicIP": "106.193.147.98",
    "X-MACAddress": "00:00:00:00:00:00",
}
"""The official SDK sends these IP addresses for everybody, and the machine's MAC.

Angel One checks none of them at a login.
"""


class AngelOneCredentials(Credentials):
    """What Angel One needs."""

    api_key: SecretStr = Field(description="smartapi.angelone.in, My apps: the API key of your app")
    client_code: str = Field(description="the client code you log in with, such as A123456")
    pin: Annotated[SecretStr, AfterValidator(digits(4, "PIN"))] = Field(
        description="the four digits you log in with"
    )
    totp_secret: TotpSeed = Field(
        description="smartapi.angelone.in/enable-totp: the text beside the QR code"
    )


class AngelOne(ApiFlow):
    """Sign in over SmartAPI; no page is involved."""

    broker = "angelone"
    title = "Angel One"
    docs = "https://smartapi.angelone.in/docs"
    evidence = "2026-08"
    notes = "SmartAPI; tokens die at midnight"
    endpoints = {"api": "https://apiconnect.angelone.in"}
    rate_limits = (RateLimit(1, 1.0),)
    credentials: AngelOneCredentials

    @property
    def user_id(self) -> str:
        """The client code."""
        return str(self.credentials.client_code)

    async def sign_in(self, http: httpx.AsyncClient, otp: str, now: datetime) -> Token:
        """POST loginByPassword, as the official SDK sends it (smartapi-python 1.5.5)."""
        url = f"{self.urls['api']}{AUTH}/user/v1/loginByPassword"
        body = {
            "clientcode": self.credentials.client_code,
            "password": plain(self.credentials.pin),
            "totp": otp,
        }
        response, answer = await post_json(http, url, body, self._headers())
        token = self._token(answer, now)
        if response.status_code != 200 or token is None:
            raise _login_error(response, answer)
        return token

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verification:
        """GET getProfile (3 a second)."""
        url = f"{self.urls['api']}{SECURE}/user/v1/getProfile"
        request = http.build_request("GET", url, headers=self._headers(token.access_token))
        return await verify_with(request, http, owner=_owner, dead=_is_dead)

    async def refresh(self, token: Token, http: httpx.AsyncClient, now: datetime) -> Token | None:
        """POST generateTokens: a new trio for the rest of the day. It gives no later end."""
        url = f"{self.urls['api']}{AUTH}/jwt/v1/generateTokens"
        body = {"refreshToken": token.extra.get("refresh_token", "")}
        try:
            _, answer = await post_json(http, url, body, self._headers(token.access_token))
        except BrokerUnavailable:
            return None
        return self._token(answer, now)

    def _headers(self, token: SecretStr | None = None) -> dict[str, str]:
        bearer = {"Authorization": f"Bearer {plain(token)}"} if token else {}
        return {**HEADERS, "X-PrivateKey": plain(self.credentials.api_key), **bearer}

    def _token(self, answer: dict[str, Any], now: datetime) -> Token | None:
        session = data_of(answer)
        jwt = session.get("jwtToken")
        jwt = token_in(jwt.removeprefix("Bearer ") if isinstance(jwt, str) else jwt)
        if answer.get("status") is not True or not jwt:
            return None
        return Token(
            access_token=SecretStr(jwt),
            issued_at=now,
            expires_at=earliest_expiry(jwt_expiry(jwt), next_daily(time(0), now), now),
            user_id=self.user_id,
            extra={
                "refresh_token": text_of(session.get("refreshToken")),
                "feed_token": text_of(session.get("feedToken")),
                "api_key": plain(self.credentials.api_key),
                "userId": self.user_id,
            },
        )


def _login_error(response: httpx.Response, answer: dict[str, Any]) -> AutologinError:
    """An error is a 200 with `status: false`; 403 is the rate limit, say the docs."""
    meant = CODES.get(_error_code(answer))
    return login_error("Angel One", response, _message(answer), own=WORDS, code=meant, pause=1.0)


def _message(answer: dict[str, Any]) -> str:
    """A no of the API's, or of its gateway's."""
    says_no = answer.get("status") is False or answer.get("success") is False
    gateway = "errorcode" in answer and answer.get("status") is not True
    return refusal(says_no or gateway, answer.get("message"))


def _error_code(answer: dict[str, Any]) -> str:
    return text_of(answer.get("errorcode") or answer.get("errorCode"))


def _owner(answer: dict[str, Any]) -> str | None:
    return text_of(data_of(answer).get("clientcode")) if answer.get("status") is True else None


def _is_dead(status: int, answer: dict[str, Any]) -> bool:
    words = _message(answer)
    dead = _error_code(answer) in DEAD or words.lower() in DEAD_WORDS
    return dead or refuses_token(status, words)
