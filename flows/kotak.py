"""Kotak Neo, Trade API.

Docs      https://github.com/Kotak-Neo/kotak-neo-python   evidence of 2026-10 (docs, kotakneoapi
          3.0.9, OpenAlgo)
Expiry    a day's session whose hour is not documented: midnight in India is taken. Orders need a
          session that was made from the whitelisted address (since 2026-04): log in on the machine
          that trades
Lockout   no limit of wrong entries is published; five minutes of rest after enrolling TOTP in
          haste. The MPIN is sent once, a rejected code is followed by one more in a new window
Guessed   that 401 at the first step means the code, and at the second the MPIN; the hour at which
          sessions end; what the limits look like, so any 200 with an object that is no error proves
          a token
"""

from __future__ import annotations

import json
from datetime import datetime, time
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from autologin.flow import (
    ApiFlow,
    AutologinError,
    BrokerUnavailable,
    Credentials,
    CredentialsRejected,
    ExchangeRejected,
    Meaning,
    OtpRejected,
    Token,
    TotpSeed,
    Verification,
    data_of,
    digits,
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

KEY = {"neo-fin-key": "neotradeapi"}
ALL = {"seg": "ALL", "exch": "ALL", "prod": "ALL"}
LATER = {"424", "500"}
WORDS = (Meaning(CredentialsRejected, r"access.?token"),)
"""What Kotak calls the consumer key."""


class KotakCredentials(Credentials):
    """What Kotak Neo needs."""

    consumer_key: SecretStr = Field(
        description="Neo app or web, More, Trade API, your application: the token; it does not end"
    )
    mobile_number: str = Field(
        pattern=r"^\+91\d{10}$", description="the registered mobile number, written +919876543210"
    )
    ucc: str = Field(description="Neo, Profile: the unique client code")
    mpin: Annotated[SecretStr, AfterValidator(digits(6, "MPIN"))] = Field(
        description="the six digits you log in with"
    )
    totp_secret: TotpSeed = Field(
        description="Trade API, Register for TOTP: the text beside the QR code"
    )


class Kotak(ApiFlow):
    """Sign in over the Trade API in two steps.

    The OTP gives a session that may look, the MPIN one that may trade.
    """

    broker = "kotak"
    title = "Kotak Neo"
    docs = "https://github.com/Kotak-Neo/kotak-neo-python"
    evidence = "2026-10"
    notes = "Trade API; log in from the address that trades"
    endpoints = {"session": "https://mis.kotaksecurities.com"}
    credentials: KotakCredentials

    @property
    def user_id(self) -> str:
        """The unique client code."""
        return str(self.credentials.ucc)

    async def sign_in(self, http: httpx.AsyncClient, otp: str, now: datetime) -> Token:
        """POST tradeApiLogin, then tradeApiValidate, as the SDK does (kotakneoapi 3.0.9)."""
        mine = self.credentials
        login = {"mobileNumber": mine.mobile_number, "ucc": mine.ucc, "totp": otp}
        view = await self._step(http, "tradeApiLogin", login, {}, OtpRejected)
        session = {"sid": token_in(view.get("sid")), "Auth": view["token"]}
        pin = {"mpin": plain(mine.mpin)}
        trade = await self._step(http, "tradeApiValidate", pin, session, CredentialsRejected)
        return self._token(trade, now)

    async def _step(
        self,
        http: httpx.AsyncClient,
        name: str,
        body: dict[str, str],
        session: dict[str, str],
        refused: type[AutologinError],
    ) -> dict[str, Any]:
        url = f"{self.urls['session']}/login/1.0/{name}"
        headers = {"Authorization": plain(self.credentials.consumer_key), **KEY, **session}
        response, answer = await post_json(http, url, body, headers)
        data = data_of(answer)
        good = response.status_code < 400 and data.get("status") == "success"
        if not good or not token_in(data.get("token")):
            raise _login_error(response, answer, refused)
        return data

    def _token(self, session: dict[str, Any], now: datetime) -> Token:
        """The bundle, under the names of the SDK's `configuration`."""
        base_url = text_of(session.get("baseUrl")).rstrip("/")
        if not self._is_kotaks(base_url):
            raise ExchangeRejected("Kotak Neo named no address of its own for the session")
        names = {
            "edit_sid": "sid",
            "edit_rid": "rid",
            "data_center": "dataCenter",
            "feed_url": "feedUrl",
            "rt_url": "rtUrl",
        }
        ucc = text_of(session.get("ucc"))
        return Token(
            access_token=SecretStr(session["token"]),
            issued_at=now,
            expires_at=next_daily(time(0), now),
            user_id=ucc,
            extra={
                name: token for name, key in names.items() if (token := token_in(session.get(key)))
            }
            | {
                "base_url": base_url,
                "consumer_key": plain(self.credentials.consumer_key),
                "ucc": ucc,
            },
        )

    def _is_kotaks(self, url: str) -> bool:
        """Whether this address may see the session: the answer names it, and could name any."""
        try:
            named = urlsplit(url)
        except ValueError:
            return False
        configured = urlsplit(self.urls["session"])
        if (named.scheme, named.netloc) == (configured.scheme, configured.netloc):
            return True
        return named.scheme == "https" and (named.hostname or "").endswith(".kotaksecurities.com")

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verification:
        """POST <baseUrl>/quick/user/limits."""
        request = http.build_request(
            "POST",
            f"{token.extra.get('base_url', '')}/quick/user/limits",
            data={"jData": json.dumps(ALL)},
            headers={
                "Auth": plain(token.access_token),
                "Sid": token.extra.get("edit_sid", ""),
                **KEY,
            },
        )
        return await verify_with(request, http, owner=_owner, dead=_is_dead, words=_message)


def _message(answer: dict[str, Any]) -> str:
    """The words of a no, in each of the shapes that were seen."""
    errors = answer.get("error")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    words = answer.get("errMsg") or answer.get("message") or first.get("message")
    says_no = first or answer.get("errMsg") or _error_code(answer) not in {"", "200"}
    return refusal(says_no or answer.get("status") == "error", words)


def _login_error(
    response: httpx.Response, answer: dict[str, Any], refused: type[AutologinError]
) -> AutologinError:
    """What a refusal means; `refused` is what 401 says at this step."""
    codes = {_error_code(answer), str(response.status_code)}
    code = refused if "401" in codes else BrokerUnavailable if codes & LATER else None
    return login_error("Kotak Neo", response, _message(answer), own=WORDS, code=code)


def _error_code(answer: dict[str, Any]) -> str:
    return text_of(answer.get("errorCode") or answer.get("stCode"))


def _owner(answer: dict[str, Any]) -> str | None:
    """The answer names nobody; a refusal may be a 200 as well."""
    good = text_of(answer.get("stat")).lower() == "ok" or "Net" in answer
    return "" if good and not _message(answer) else None


def _is_dead(status: int, answer: dict[str, Any]) -> bool:
    return refuses_token(401 if _error_code(answer) == "401" else status, _message(answer))
