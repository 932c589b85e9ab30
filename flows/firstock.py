"""Firstock, API v1.

Docs      https://firstock.in/api/docs/login/   evidence of 2026-10 (docs, firstock 1.2.11, OpenAlgo)
Expiry    a day's session whose hour is not documented: midnight in India is taken
Lockout   no limit of wrong codes is published. The password is sent once, a rejected code is followed by one more in a new
          window
Guessed   the name and words for a wrong code; the hour at which sessions end
"""

from __future__ import annotations

import hashlib
import json
from datetime import time
from typing import TYPE_CHECKING

from pydantic import Field, SecretStr

from autologin import redaction
from autologin.flow import base
from autologin.flow.otp import TotpSeed
from autologin.token import Token

from ._json_api import plain, posted, refusal

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    import httpx

    from autologin.flow.base import Verified


class Credentials(base.Credentials):
    """What Firstock needs."""

    user_id: str = Field(description="the user id you log in with")
    password: SecretStr = Field(description="the password you log in with")
    api_key: SecretStr = Field(description="firstock.in/api/docs/login, Key generation: the API key (the SDK calls it appkey)")
    totp_secret: TotpSeed = Field(description="the text beside the QR code where you enabled TOTP")
    vendor_code: str = Field("", description="the vendor code, where it is another than <user_id>_API")


class Firstock(base.Flow):
    """Sign in over Firstock's API; no page is involved."""

    broker = "firstock"
    title = "Firstock"
    docs = "https://firstock.in/api/docs/login/"
    evidence = "2026-10"
    endpoints = {"api": "https://api.firstock.in/V1"}
    needs_browser = False
    Credentials = Credentials

    async def sign_in(self, http: httpx.AsyncClient, otp: str, now: datetime) -> Token:
        """POST /login, as the official SDK sends it (firstock 1.2.11)."""
        mine = self.credentials
        vendor = mine.vendor_code or f"{mine.user_id}_API"
        body = {"userId": mine.user_id, "password": sealed(plain(mine.password)), "TOTP": otp, "vendorCode": vendor}
        body["apiKey"] = plain(mine.api_key)
        response, answer = await posted(http, f"{self.urls['api']}/login", body, {})
        data = base.data_of(answer)
        if response.status_code != 200 or answer.get("status") != "success" or not data.get("susertoken"):
            raise refusal("Firstock", response, _words(answer))
        extra = {name: str(data[name]) for name in ("actid", "userName") if data.get(name)} | {"userId": mine.user_id}
        ends = base.next_daily(time(0), now)
        return Token(SecretStr(str(data["susertoken"])), now, ends, str(data.get("actid") or mine.user_id), extra)

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verified:
        """POST /userDetails."""
        body = json.dumps({"userId": self.user_id, "jKey": plain(token.access_token)})
        headers = {"Content-Type": "application/json"}
        request = http.build_request("POST", f"{self.urls['api']}/userDetails", content=body, headers=headers)
        return await base.proven(request, http, owner=_owner, dead=_dead, words=_words)


def sealed(password: str) -> str:
    """The password as it is sent: its SHA-256, in hex. Who has that can log in too, so it is as secret."""
    digest = hashlib.sha256(password.encode()).hexdigest()
    redaction.remember(digest)
    return digest


def _words(answer: dict[str, Any]) -> str:
    """The name of the refusal, and its words."""
    error = answer.get("error")
    message = error.get("message") if isinstance(error, dict) else error
    parts = (str(answer.get("name") or "").replace("_", " "), str(message or answer.get("message") or ""))
    return ": ".join(filter(None, parts))


def _owner(answer: dict[str, Any]) -> str | None:
    return str(base.data_of(answer).get("actid") or "") if answer.get("status") == "success" else None


def _dead(status: int, answer: dict[str, Any]) -> bool:
    """The documentation shows this name under 401 and under 400."""
    return status == 401 or answer.get("name") == "INVALID_JKEY"
