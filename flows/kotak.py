"""Kotak Neo, Trade API.

Docs      https://github.com/Kotak-Neo/kotak-neo-python   evidence of 2026-10 (docs, kotakneoapi 3.0.9, OpenAlgo)
Expiry    a day's session whose hour is not documented: midnight in India is taken. Orders need a session that was made from
          the whitelisted address (since 2026-04): log in on the machine that trades
Lockout   no limit of wrong entries is published; five minutes of rest after enrolling TOTP in haste. The MPIN is sent once, a
          rejected code is followed by one more in a new window
Guessed   that 401 at the first step means the code, and at the second the MPIN; the hour at which sessions end; what the
          limits look like, so any 200 with an object that is no error proves a token
"""

from __future__ import annotations

import json
import re
from datetime import time
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from autologin.errors import BrokerUnavailable, CredentialsRejected, ExchangeRejected, OtpRejected
from autologin.flow import base
from autologin.flow.otp import TotpSeed
from autologin.token import Token

from ._json_api import plain, posted, refusal

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    import httpx

    from autologin.errors import AutologinError
    from autologin.flow.base import Verified

KEY = {"neo-fin-key": "neotradeapi"}
ALL = {"seg": "ALL", "exch": "ALL", "prod": "ALL"}
LATER = {"424", "500"}
KEY_WORDS = r"access.?token"
"""What Kotak calls the consumer key."""


class Credentials(base.Credentials):
    """What Kotak Neo needs."""

    consumer_key: SecretStr = Field(description="Neo app or web, More, Trade API, your application: the token; it does not end")
    mobile_number: str = Field(pattern=r"^\+91\d{10}$", description="the registered mobile number, written +919876543210")
    ucc: str = Field(description="Neo, Profile: the unique client code")
    mpin: Annotated[SecretStr, AfterValidator(base.exactly(6, "MPIN"))] = Field(description="the six digits you log in with")
    totp_secret: TotpSeed = Field(description="Trade API, Register for TOTP: the text beside the QR code")


class Kotak(base.Flow):
    """Sign in over the Trade API in two steps: the code gives a session that may look, the MPIN one that may trade."""

    broker = "kotak"
    title = "Kotak Neo"
    docs = "https://github.com/Kotak-Neo/kotak-neo-python"
    evidence = "2026-10"
    notes = "Trade API; log in from the address that trades"
    endpoints = {"session": "https://mis.kotaksecurities.com"}
    needs_browser = False
    Credentials = Credentials

    @property
    def user_id(self) -> str:
        """The unique client code."""
        return str(self.credentials.ucc)

    async def sign_in(self, http: httpx.AsyncClient, otp: str, now: datetime) -> Token:
        """POST tradeApiLogin, then tradeApiValidate, as the official SDK sends them (kotakneoapi 3.0.9)."""
        mine = self.credentials
        body = {"mobileNumber": mine.mobile_number, "ucc": mine.ucc, "totp": otp}
        view = await self._step(http, "tradeApiLogin", body, {}, OtpRejected)
        more = {"sid": str(view.get("sid")), "Auth": str(view.get("token"))}
        trade = await self._step(http, "tradeApiValidate", {"mpin": plain(mine.mpin)}, more, CredentialsRejected)
        return self._token(trade, now)

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verified:
        """POST <baseUrl>/quick/user/limits."""
        headers = {"Auth": plain(token.access_token), "Sid": token.extra.get("edit_sid", ""), **KEY}
        url = f"{token.extra.get('base_url', '')}/quick/user/limits"
        request = http.build_request("POST", url, data={"jData": json.dumps(ALL)}, headers=headers)
        return await base.proven(request, http, owner=_owner, dead=lambda status, body: status == 401 or _code(body) == "401")

    async def _step(
        self, http: httpx.AsyncClient, name: str, body: dict[str, str], more: dict[str, str], means: type[AutologinError]
    ) -> dict[str, Any]:
        headers = {"Authorization": plain(self.credentials.consumer_key), **KEY, **more}
        response, answer = await posted(http, f"{self.urls['session']}/login/1.0/{name}", body, headers)
        data = base.data_of(answer)
        if response.status_code >= 400 or data.get("status") != "success" or not data.get("token"):
            raise _refusal(response, answer, means)
        return data

    def _token(self, data: dict[str, Any], now: datetime) -> Token:
        """The bundle, under the names of the SDK's `configuration`."""
        base_url = str(data.get("baseUrl") or "").rstrip("/")
        if not self._is_kotaks(base_url):
            raise ExchangeRejected("Kotak Neo named no address of its own for the session")
        names = {"edit_sid": "sid", "edit_rid": "rid", "data_center": "dataCenter", "feed_url": "feedUrl", "rt_url": "rtUrl"}
        extra = {name: str(data[key]) for name, key in names.items() if data.get(key)}
        extra |= {"base_url": base_url, "consumer_key": plain(self.credentials.consumer_key), "ucc": str(data.get("ucc") or "")}
        return Token(SecretStr(str(data["token"])), now, base.next_daily(time(0), now), str(data.get("ucc") or ""), extra)

    def _is_kotaks(self, base: str) -> bool:
        """Whether the session may be shown to this address: the answer names it, and it could name any."""
        there, ours = urlsplit(base), urlsplit(self.urls["session"])
        if (there.scheme, there.netloc) == (ours.scheme, ours.netloc):
            return True
        return there.scheme == "https" and (there.hostname or "").endswith(".kotaksecurities.com")


def _code(body: dict[str, Any]) -> str:
    return str(body.get("errorCode") or body.get("stCode") or "")


def _owner(body: dict[str, Any]) -> str | None:
    """The answer names nobody; a refusal may be a 200 as well."""
    refused = _code(body) not in {"", "200"} or str(body.get("status") or body.get("stat") or "").lower() in {"error", "not_ok"}
    return "" if body and not refused else None


def _refusal(response: httpx.Response, body: dict[str, Any], means: type[AutologinError]) -> AutologinError:
    error = body.get("error")
    first = error[0] if isinstance(error, list) and error and isinstance(error[0], dict) else {}
    words = str(body.get("errMsg") or body.get("message") or first.get("message") or "")
    if _code(body) in LATER or response.status_code == 424:
        return BrokerUnavailable(f'Kotak Neo said: "{words}" ({_code(body) or response.status_code})')
    found = refusal("Kotak Neo", response, words)
    unsaid = type(found) is ExchangeRejected and found.hint == ExchangeRejected.hint
    if unsaid and re.search(KEY_WORDS, words, re.IGNORECASE):
        return CredentialsRejected(found.detail)
    return means(found.detail) if unsaid and "401" in {_code(body), str(response.status_code)} else found
