"""m.Stock by Mirae Asset, Trading API, type B.

Docs      https://github.com/MiraeAsset-mStock/pytradingapi-typeB   evidence of 2026-02 (this SDK,
          OpenAlgo)
Expiry    midnight in India, says one public script
Lockout   no limit of wrong codes is published. The password is sent once, a rejected code is
          followed by one more in a new window. The same code goes out twice within one login, as
          OpenAlgo sends it and the broker takes it
Guessed   the words for a wrong code; whether `status` is true or "true" and which of two tokens the
          first step gives (each is taken)
"""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from pydantic import Field, SecretStr

from autologin.flow import (
    ApiFlow,
    AutologinError,
    BrokerUnavailable,
    Credentials,
    CredentialsRejected,
    Meaning,
    Token,
    TotpSeed,
    Verification,
    data_of,
    earliest_expiry,
    error_message,
    jwt_expiry,
    next_daily,
    refusal,
    refuses_token,
    text_of,
    token_in,
    verify_with,
)

from ._json_api import is_open, login_error, plain, post_json

if TYPE_CHECKING:
    import httpx

VERSION = {"X-Mirae-Version": "1"}
KEY = "APIKeyException"
WORDS = (Meaning(CredentialsRejected, r"\bapi is suspended"),)
"""Of the documented 403 for a key that is wrong or has ended.

It has no type, and no account is locked by it.
"""
CODES: dict[str, type[AutologinError]] = {
    "IA403": CredentialsRejected,
    "IA500": BrokerUnavailable,
}
FIRST = "connect/login"
DEAD = {"TokenException", "IA401"}


class MStockCredentials(Credentials):
    """What m.Stock needs.

    TOTP must be switched on for the API; without it a code would go out by SMS.
    """

    client_code: str = Field(description="the client code you log in with, such as MA123456")
    password: SecretStr = Field(description="the password you log in with")
    api_key: SecretStr = Field(description="the API key of your subscription to the Trading API")
    totp_secret: TotpSeed = Field(
        description="the text beside the QR code where TOTP is enabled for the Trading API"
    )


class MStock(ApiFlow):
    """Sign in over the Trading API in two steps; no page is involved."""

    broker = "mstock"
    title = "m.Stock"
    docs = "https://github.com/MiraeAsset-mStock/pytradingapi-typeB"
    evidence = "2026-02"
    notes = "Trading API (type B); tokens die at midnight"
    endpoints = {"api": "https://api.mstock.trade/openapi/typeb"}
    credentials: MStockCredentials

    async def sign_in(self, http: httpx.AsyncClient, otp: str, now: datetime) -> Token:
        """POST connect/login, then session/verifytotp (mstock-tradingapi-b 1.0.5)."""
        mine = self.credentials
        api_key = plain(mine.api_key)
        login = {
            "clientcode": mine.client_code,
            "password": plain(mine.password),
            "totp": otp,
            "state": "",
        }
        first = await self._step(http, FIRST, login, {})
        totp = {
            "api_key": api_key,
            "refreshToken": text_of(first.get("refreshToken") or first.get("jwtToken")),
            "totp": otp,
        }
        session = await self._step(http, "session/verifytotp", totp, {"X-PrivateKey": api_key})
        jwt = session["jwtToken"]
        return Token(
            access_token=SecretStr(jwt),
            issued_at=now,
            expires_at=earliest_expiry(jwt_expiry(jwt), next_daily(time(0), now), now),
            user_id=mine.client_code,
            extra={
                "api_key": api_key,
                "feed_token": text_of(session.get("feedToken")),
                "refresh_token": text_of(session.get("refreshToken")),
            },
        )

    async def _step(
        self, http: httpx.AsyncClient, path: str, body: dict[str, str], headers: dict[str, str]
    ) -> dict[str, Any]:
        """What a step gives: a first one a token of either name, the last one the session's."""
        url = f"{self.urls['api']}/{path}"
        response, answer = await post_json(http, url, body, {**VERSION, **headers})
        data = data_of(answer)
        token = token_in(data.get("jwtToken") or (path == FIRST and data.get("refreshToken")))
        if response.status_code == 200 and _is_good(answer) and token:
            return data
        message = _message(answer)
        key = answer.get("error_type") == KEY
        code = CODES.get(text_of(answer.get("errorcode")))
        error = login_error("m.Stock", response, message, own=WORDS, code=code)
        raise CredentialsRejected(error.detail) if key and is_open(error) else error

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verification:
        """GET user/fundsummary."""
        request = http.build_request(
            "GET",
            f"{self.urls['api']}/user/fundsummary",
            headers={
                **VERSION,
                "X-PrivateKey": plain(self.credentials.api_key),
                "Authorization": f"Bearer {plain(token.access_token)}",
            },
        )
        return await verify_with(request, http, owner=_owner, dead=_is_dead, words=_message)


def _message(answer: dict[str, Any]) -> str:
    says_no = str(answer.get("status")).lower() in {"false", "error"}
    return refusal(says_no, error_message(answer))


def _is_good(answer: dict[str, Any]) -> bool:
    return str(answer.get("status")).lower() in {"true", "success"}


def _owner(answer: dict[str, Any]) -> str | None:
    return "" if _is_good(answer) else None


def _is_dead(status: int, answer: dict[str, Any]) -> bool:
    kinds = {text_of(answer.get(name)) for name in ("error_type", "errorcode")}
    return bool(kinds & DEAD) or refuses_token(status, _message(answer))
