"""INDstocks by INDmoney, trading API.

Docs      https://api-docs.indstocks.com   evidence of 2026-08 (OpenAlgo and an issue there that
          cites the docs)
Expiry    24 hours after it was issued, or sooner where the token, a JWT, says so (a public program
          saw 07:00 in India) or the reply's `expires_in` does. One token lives at a time: a new one
          ends the old
Lockout   one request for a token in 60 seconds; 5 wrong codes in 15 minutes lock for 15 minutes, 3
          such locks in an hour for an hour; a used code is refused. The pace is kept across runs,
          the MPIN is sent once, a rejected code is followed by one more
Guessed   the words for each refusal; the names in the profile
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, SecretStr

from autologin.flow import (
    ApiFlow,
    Credentials,
    RateLimit,
    Token,
    TotpSeed,
    Verification,
    data_of,
    earliest_expiry,
    error_message,
    jwt_expiry,
    refusal,
    refuses_token,
    stated_expiry,
    text_of,
    token_in,
    verify_with,
)

from ._json_api import login_error, plain, post_json

if TYPE_CHECKING:
    import httpx


def check_mpin(mpin: SecretStr) -> SecretStr:
    """An MPIN, whose length is not documented."""
    text = mpin.get_secret_value().strip()
    if not re.fullmatch(r"[0-9]{4,8}", text):
        raise ValueError("not an MPIN: it has 4 to 8 digits, and nothing else")
    return SecretStr(text)


class INDstocksCredentials(Credentials):
    """What INDstocks needs."""

    client_id: SecretStr = Field(
        description="indstocks.com/app/api-trading: the Client ID (it is sent as a key)"
    )
    mpin: Annotated[SecretStr, AfterValidator(check_mpin)] = Field(
        description="the digits you log in with"
    )
    totp_secret: TotpSeed = Field(
        description="indstocks.com/app/api-trading: the text beside the QR code"
    )


class INDstocks(ApiFlow):
    """Sign in over INDstocks' API; no page is involved."""

    broker = "indstocks"
    title = "INDstocks"
    docs = "https://api-docs.indstocks.com"
    evidence = "2026-08"
    notes = "one login in 60 seconds"
    endpoints = {"api": "https://api.indstocks.com"}
    timeout = 180
    rate_limits = (RateLimit(1, 60.0),)
    login_id = ("client_id",)
    credentials: INDstocksCredentials

    async def sign_in(self, http: httpx.AsyncClient, otp: str, now: datetime) -> Token:
        """POST /generate/token."""
        url = f"{self.urls['api']}/generate/token"
        body = {"mpin": plain(self.credentials.mpin), "totp": otp}
        headers = {"x-api-key": plain(self.credentials.client_id)}
        response, answer = await post_json(http, url, body, headers)
        session = {**answer, **data_of(answer)}
        token = token_in(session.get("token") or session.get("access_token"))
        if response.status_code != 200 or not token:
            raise login_error("INDstocks", response, _message(answer))
        return Token(
            access_token=SecretStr(token),
            issued_at=now,
            expires_at=expiry(token, session.get("expires_in"), now),
            user_id="",
        )

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verification:
        """GET /user/profile, which the documentation names for this."""
        headers = {"Authorization": plain(token.access_token)}
        request = http.build_request("GET", f"{self.urls['api']}/user/profile", headers=headers)
        return await verify_with(request, http, owner=_owner, dead=_is_dead, words=_message)


def expiry(token: str, stated: object, now: datetime) -> datetime:
    """The end of the token: what it says itself, or else the reply, within a day; else a day."""
    named = jwt_expiry(token) or stated_expiry(stated, now)
    return earliest_expiry(named, now + timedelta(days=1), now)


def _message(answer: dict[str, Any]) -> str:
    return refusal(text_of(answer.get("status")).lower() == "error", error_message(answer))


def _owner(answer: dict[str, Any]) -> str | None:
    """The user's id or client code, where the profile names one."""
    user = text_of(data_of(answer).get("user_id") or data_of(answer).get("ucc"))
    return user if user or text_of(answer.get("status")).lower() == "success" else None


def _is_dead(status: int, answer: dict[str, Any]) -> bool:
    """A 403 has two meanings; a UserException (a segment, a right) is not the token's."""
    kind = answer.get("error_type") or answer.get("error_code")
    return kind == "TokenException" or refuses_token(status, _message(answer))
