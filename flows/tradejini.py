"""Tradejini, CubePlus API v2 (an individual app).

Docs      https://developer.tradejini.com/docs   evidence of 2026-08 (docs, tradejini-api 1.0.0,
          OpenAlgo, six public programs)
Expiry    24 hours after it was issued, or sooner where the reply's `expires_in` says so. Ten
          sessions may live at a time
Lockout   no limit of wrong entries is published; a public program warns that they block the
          account. One bare 401 "Unauthorized" stands for a wrong key, PIN or code and for an
          address that is not registered: none of it is sent again, not even with another code.
          Three calls in a second from one address
Guessed   refusals that say more than "Unauthorized", of a lock too (both ways are understood); that
          the password of the call is the PIN (OpenAlgo, two programs) and not the account's
          password (the broker's blog): it is sent as it stands; that a 401 to the details means the
          token, though an address that is not registered gets one too
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import Field, SecretStr

from autologin.flow import (
    ApiFlow,
    AutologinError,
    Credentials,
    CredentialsRejected,
    ExchangeRejected,
    Token,
    TotpSeed,
    Verification,
    earliest_expiry,
    error_message,
    json_object,
    refusal,
    refuses_token,
    says_nothing,
    send,
    text_of,
    token_in,
    verify_with,
)

from ._json_api import is_open, login_error, plain, unclear

if TYPE_CHECKING:
    import httpx

ALIVE = {"ok", "no-data"}
CHECK_ADDRESS = "Register this machine's static address for the app in the developer portal."
CHECK_ALL = (
    "Tradejini does not say what is wrong. Check api_key, pin (of the CubePlus login), "
    "totp_secret, this machine's clock, and that its static address is registered for the app; "
    "then run `autologin unblock`."
)


class TradejiniCredentials(Credentials):
    """What Tradejini needs. No client id: the key belongs to one account."""

    api_key: SecretStr = Field(
        description="developer.tradejini.com, Apps, an individual app: the API key, not the secret"
    )
    pin: SecretStr = Field(description="the PIN (or password) you log in to CubePlus with")
    totp_secret: TotpSeed = Field(
        description="cubeplus.tradejini.com, Settings, Security: the text beside the QR code"
    )


class Tradejini(ApiFlow):
    """Sign in over the CubePlus API; no page is involved."""

    broker = "tradejini"
    title = "Tradejini"
    docs = "https://developer.tradejini.com/docs"
    evidence = "2026-08"
    notes = "CubePlus; log in from the registered address"
    endpoints = {"api": "https://api.tradejini.com/v2"}
    login_id = ()  # its API key is the app's, and names nobody
    credentials: TradejiniCredentials

    async def sign_in(self, http: httpx.AsyncClient, otp: str, now: datetime) -> Token:
        """POST individual-token-v2, as the official SDK sends it (tradejini-api 1.0.0)."""
        key = plain(self.credentials.api_key)
        form = {"password": plain(self.credentials.pin), "twoFa": otp, "twoFaTyp": "totp"}
        url = f"{self.urls['api']}/api-gw/oauth/individual-token-v2"
        request = http.build_request("POST", url, data=form, headers=_headers(key))
        response = await send(request, http)
        answer = json_object(response)
        token = token_in(answer.get("access_token"))
        if response.status_code != 200 or not token:
            raise _login_error(response, _words(answer))
        return Token(
            access_token=SecretStr(token),
            issued_at=now,
            expires_at=expiry(answer.get("expires_in"), now),
            user_id="",
            extra={"api_key": key},
        )

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verification:
        """GET /api/account/details."""
        headers = _headers(f"{plain(self.credentials.api_key)}:{plain(token.access_token)}")
        url = f"{self.urls['api']}/api/account/details"
        request = http.build_request("GET", url, headers=headers)
        return await verify_with(request, http, owner=_owner, dead=_is_dead, words=_words)


def _login_error(response: httpx.Response, words: str) -> AutologinError:
    """What an answer without a token means.

    A 401 of Tradejini's own that says nothing counts against all that was sent, so nothing of it is
    sent again. One that is empty may be anybody's: it blocks nothing, and counts as not understood.
    """
    if response.status_code == 401 and not response.content:
        return unclear("Tradejini answered 401, and nothing else", CHECK_ALL)
    error = login_error("Tradejini", response, words)
    if not is_open(error) or not says_nothing(words):
        return error
    if response.status_code == 401:
        return CredentialsRejected(error.detail, hint=CHECK_ALL)
    if response.status_code == 403:
        return ExchangeRejected(error.detail, hint=CHECK_ADDRESS)
    return error


def expiry(seconds: object, now: datetime) -> datetime:
    """The end of the token: what the reply states, where that is within a day; else a day."""
    day = now + timedelta(days=1)
    try:
        stated = now + timedelta(seconds=float(str(seconds)))
    except (ValueError, OverflowError):
        return day
    return earliest_expiry(stated, day, now)


def _headers(bearer: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {bearer}", "Accept": "application/json"}


def _words(answer: dict[str, Any]) -> str:
    return refusal(answer.get("s") == "error", answer.get("msg") or error_message(answer))


def _owner(answer: dict[str, Any]) -> str | None:
    """The client's id; "no-data" is no error, by the documentation."""
    if text_of(answer.get("s")) not in ALIVE:
        return None
    details = answer.get("d")
    return text_of(details.get("userId")) if isinstance(details, dict) else ""


def _is_dead(status: int, answer: dict[str, Any]) -> bool:
    return refuses_token(status, _words(answer))
