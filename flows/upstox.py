"""Upstox, API v2.

Docs      https://upstox.com/developer/api-documentation/authorize   evidence of 2026-09 (docs, SDK 2.30.0, public scripts)
Code      `code` in the query of the redirect, single use even if the exchange fails, lives a minute or two
State     `state` comes back as it was sent; `redirect_uri` must be the registered one to the letter
Expiry    03:30 IST (docs), whatever the hour of the login: the JWT's `exp` says so too. Log in after 03:35
Lockout   five wrong entries block the account until the PIN is reset. We send a PIN once; a rejected TOTP is followed by
          one more in a new window, and by none where three or fewer attempts are left
Guessed   the texts of errors and the markup around the fields; whether the pages send a code by themselves; whether
          anybody is ever asked to allow the app. The page's own calls decide; text is the fallback
"""

from __future__ import annotations

import re
from datetime import time
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from pydantic import AfterValidator, Field, SecretStr

from autologin.errors import CredentialsRejected, OtpRejected
from autologin.flow import base
from autologin.flow.otp import TotpSeed
from autologin.flow.script import Script, Step, Turn
from autologin.login.snapshot import Field as Box
from autologin.token import Token

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import httpx

    from autologin.flow.base import Verified
    from autologin.flow.otp import Otp
    from autologin.login.engine import LoginPage

PHONES = ("#mobileNum", "input[name*=mobile i]", "form input[maxlength='10']")
CODES = ("#otpNum", "input[name*=otp i]")
PINS = ("#pinCode", "input[name*=pin i]", "input[type=password][maxlength='6']")
SMS = r"\bsms\b|\be-?mail\b|whats ?app|\bm?pin\b"
CODE = r"otp\b|one.?time|authenticator|time.?based|verification code"
NOT_PIN = rf"{CODE}|\b(new|create|choose|re-?enter|set (up )?(a|your))\b"
MOBILE = Box("mobile number", "phone", label=r"mobile|phone", css=PHONES, autocomplete=("tel", "tel-national"), digits=10)
TOTP = Box("TOTP", "code", label=CODE, css=CODES, autocomplete=("one-time-code",), other=SMS)
PIN = Box("PIN", "pin", label=r"\bm?pin\b|passcode", css=PINS, autocomplete=("current-password",), other=NOT_PIN)
WAYS = (
    Turn("TOTP instead", when="other_code", press=r"totp|authenticator"),
    Turn("mobile number", when="start", press=r"\b(with|via|use|using)\b.{0,12}\b(mobile|phone)\b"),
)
REFUSED_APP = r"UDAPI(100068|100069|100016|100073|1017|1018)\b"  # the client_id is not known, or not with this redirect_uri


def ten_digits(number: str) -> str:
    """An Indian mobile number without its country code."""
    plain = re.sub(r"[\s()-]", "", number)
    digits = re.sub(r"^(\+91|0091|91(?=\d{10}$)|0(?=\d{10}$))", "", plain, flags=re.ASCII)
    if not re.fullmatch(r"[0-9]{10}", digits):
        raise ValueError("this is no Indian mobile number: it has 10 digits (+91 in front of them is fine)")
    return digits


Pin = Annotated[SecretStr, AfterValidator(base.exactly(6, "Upstox PIN"))]


class Credentials(base.Credentials):
    """What Upstox needs. Key and secret are in account.upstox.com/developer/apps, the seed is shown when TOTP is enabled."""

    client_id: str = Field(description="account.upstox.com/developer/apps, your app, API key")
    client_secret: SecretStr = Field(description="account.upstox.com/developer/apps, your app, API secret")
    redirect_uri: str = Field(description="the redirect URL registered for the app, to the letter (mind a / at its end)")
    mobile_number: Annotated[str, AfterValidator(ten_digits)] = Field(description="the mobile number of your Upstox account")
    totp_secret: TotpSeed = Field(description="the seed shown by the Upstox app, Profile, My Account, Time-based OTP")
    pin: Pin = Field(description="the 6-digit PIN of your Upstox account")


class Upstox(base.Flow):
    """Sign in at login.upstox.com."""

    broker = "upstox"
    title = "Upstox"
    docs = "https://upstox.com/developer/api-documentation/authorize"
    evidence = "2026-09"
    notes = "API v2"
    endpoints = {"api": "https://api.upstox.com"}
    not_before = time(3, 35)
    code_params = ("code",)
    Credentials = Credentials

    def login_url(self, nonce: str) -> str:
        """The dialog; it sends the browser on to the login site."""
        mine = self.credentials
        query = {"response_type": "code", "client_id": mine.client_id, "redirect_uri": mine.redirect_uri, "state": nonce}
        return f"{self.urls['api']}/v2/login/authorization/dialog?{urlencode(query)}"

    async def login(self, page: LoginPage, otp: Otp | None) -> None:
        """Mobile number, TOTP, PIN; service.upstox.com answers each on a call of the page's own."""
        assert otp is not None  # totp_secret is required
        mine, send = self.credentials, r"continue|verify|confirm|submit|proceed|next|log ?in"
        number, start = {MOBILE: mine.mobile_number}, rf"(get|send) otp|{send}"
        mobile = Step("mobile number", number, start, CredentialsRejected, reply="/otp/generate", wants=asked_for)
        totp = Step("TOTP", {TOTP: otp}, send, OtpRejected, reply="/otp-totp/verify")
        pin = Step("PIN", {PIN: mine.pin}, send, CredentialsRejected, reply="/2fa")
        await page.walk(Script((mobile, totp, pin), WAYS, phrases={CredentialsRejected: REFUSED_APP}))

    async def exchange(self, code: SecretStr, http: httpx.AsyncClient, now: datetime) -> Token:
        """POST /v2/login/authorization/token, as the official SDK sends it (upstox-python-sdk 2.30.0)."""
        mine = self.credentials
        app = {"client_id": mine.client_id, "client_secret": mine.client_secret.get_secret_value()}
        grant = {"redirect_uri": mine.redirect_uri, "grant_type": "authorization_code"}
        form = {"code": code.get_secret_value(), **app, **grant}
        url, headers = f"{self.urls['api']}/v2/login/authorization/token", {"Api-Version": "2.0", "Accept": "application/json"}
        response = await base.answer_of(http.build_request("POST", url, data=form, headers=headers), http)
        access = (data := base.json_of(response)).get("access_token")
        if response.status_code != 200 or not isinstance(access, str) or not access:
            raise refusal(response)
        expires_at = base.jwt_expiry(access) or base.next_daily(time(3, 30), now)
        extra = {"client_id": mine.client_id} | {key: data[key] for key in ("extended_token",) if data.get(key)}
        return Token(SecretStr(access), now, expires_at, str(data.get("user_id") or ""), extra)

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verified:
        """GET /v2/user/profile. From an address that is not registered it may refuse a good token (UDAPI1221)."""
        headers = {"Authorization": f"Bearer {token.access_token.get_secret_value()}", "Accept": "application/json"}
        request = http.build_request("GET", f"{self.urls['api']}/v2/user/profile", headers=headers)
        return await base.verified(request, http, dead=lambda data: "UDAPI100050" in base.message_of(data))


def asked_for(reply: Mapping[str, Any]) -> str:
    """Whether the account has TOTP enabled; without it Upstox sends an SMS."""
    data = reply.get("data")
    enabled = data.get("isTotpEnabled") if isinstance(data, dict) else None
    return "totp" if enabled is True else "sms" if enabled is False else ""


def refusal(response: httpx.Response) -> Exception:
    """What an exchange without a token means."""
    error = base.refused("Upstox", response, base.message_of(base.json_of(response)))
    if re.search(r"segment|reactivat", error.detail, re.IGNORECASE):
        error.hint = "Reactivate your segments in the Upstox app or on upstox.com, then run it again."
    return error
