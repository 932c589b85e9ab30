"""Upstox, API v2.

Docs      https://upstox.com/developer/api-documentation/authorize   evidence of 2026-09 (docs, SDK
          2.30.0, public scripts)
Code      `code` in the query of the redirect, single use even if the exchange fails, lives a minute
          or two
State     `state` comes back as it was sent; `redirect_uri` must be the registered one to the letter
Expiry    03:30 IST (docs), whatever the hour of the login: the JWT's `exp` says so too. Log in
          after 03:35
Lockout   five wrong entries block the account until the PIN is reset. We send a PIN once; a
          rejected TOTP is followed by one more in a new window, and by none where three or fewer
          attempts are left
Guessed   the texts of errors and the markup around the fields; whether the pages send a code by
          themselves; whether anybody is ever asked to allow the app. The page's own calls decide;
          text is the fallback
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, time
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from pydantic import AfterValidator, Field, SecretStr

from autologin.flow import (
    AutologinError,
    BrokerUnavailable,
    BrowserFlow,
    Click,
    Credentials,
    CredentialsRejected,
    ExchangeRejected,
    InputField,
    LoginRequest,
    LoginScript,
    Meaning,
    OtpGenerator,
    OtpRejected,
    Step,
    Token,
    TotpSeed,
    Verification,
    data_of,
    digits,
    error_message,
    exchange_error,
    json_object,
    jwt_expiry,
    next_daily,
    plausible_expiry,
    refusal,
    send,
    text_of,
    token_in,
    verify_profile,
)

if TYPE_CHECKING:
    import httpx

OTP_WORDS = r"otp\b|one.?time|authenticator|time.?based|verification code"
MOBILE = InputField(
    "mobile number",
    "phone",
    label=r"mobile|phone",
    css=("#mobileNum", "input[name*=mobile i]", "form input[maxlength='10']"),
    autocomplete=("tel", "tel-national"),
    digits=10,
)
TOTP = InputField(
    "TOTP",
    "code",
    label=OTP_WORDS,
    css=("#otpNum", "input[name*=otp i]"),
    autocomplete=("one-time-code",),
    other=r"\bsms\b|\be-?mail\b|whats ?app|\bm?pin\b",
)
PIN = InputField(
    "PIN",
    "pin",
    label=r"\bm?pin\b|passcode",
    css=("#pinCode", "input[name*=pin i]", "input[type=password][maxlength='6']"),
    autocomplete=("current-password",),
    other=rf"{OTP_WORDS}|\b(new|create|choose|re-?enter|set (up )?(a|your))\b",
)
CLICKS = (
    Click("TOTP instead", when="other_code", press=r"totp|authenticator"),
    Click(
        "mobile number",
        when="start",
        press=r"\b(with|via|use|using)\b.{0,12}\b(mobile|phone)\b",
    ),
)
SEND = r"continue|verify|confirm|submit|proceed|next|log ?in"
REFUSED_APP = r"UDAPI(100068|100069|100016|100073|1017|1018)\b"
"""The client_id is not known, or not with this redirect_uri."""
WORDS = (
    Meaning(BrokerUnavailable, r"\bUDAPI(10005|100500)\b"),
    Meaning(ExchangeRejected, r"\bUDAPI1221\b"),
    Meaning(
        ExchangeRejected,
        r"segment|reactivat",
        hint="Reactivate your segments in the Upstox app or on upstox.com, then run it again.",
    ),
)
"""Too many calls, or an error of the server; an address that is not registered; segments."""


def ten_digits(number: str) -> str:
    """An Indian mobile number without its country code."""
    plain = re.sub(r"[\s()-]", "", number)
    digits = re.sub(r"^(\+91|0091|91(?=\d{10}$)|0(?=\d{10}$))", "", plain, flags=re.ASCII)
    if not re.fullmatch(r"[0-9]{10}", digits):
        raise ValueError(
            "not an Indian mobile number: it has 10 digits (+91 in front of them is fine)"
        )
    return digits


class UpstoxCredentials(Credentials):
    """What Upstox needs.

    Key and secret are in account.upstox.com/developer/apps, the seed is shown when TOTP is enabled.
    """

    client_id: str = Field(description="account.upstox.com/developer/apps, your app, API key")
    client_secret: SecretStr = Field(
        description="account.upstox.com/developer/apps, your app, API secret",
    )
    redirect_uri: str = Field(
        description="the redirect URL registered for the app, to the letter (mind a / at its end)",
    )
    mobile_number: Annotated[str, AfterValidator(ten_digits)] = Field(
        description="the mobile number of your Upstox account",
    )
    totp_secret: TotpSeed = Field(
        description="the seed shown by the Upstox app, Profile, My Account, Time-based OTP",
    )
    pin: Annotated[SecretStr, AfterValidator(digits(6, "Upstox PIN"))] = Field(
        description="the 6-digit PIN of your Upstox account",
    )


class Upstox(BrowserFlow):
    """Sign in at login.upstox.com."""

    broker = "upstox"
    title = "Upstox"
    docs = "https://upstox.com/developer/api-documentation/authorize"
    evidence = "2026-09"
    notes = "API v2"
    endpoints = {"api": "https://api.upstox.com"}
    not_before = time(3, 35)
    auth_code_params = ("code",)
    credentials: UpstoxCredentials

    def login_url(self, nonce: str) -> LoginRequest:
        """The dialog; it sends the browser on to the login site."""
        query = {
            "response_type": "code",
            "client_id": self.credentials.client_id,
            "redirect_uri": self.credentials.redirect_uri,
            "state": nonce,
        }
        return LoginRequest(f"{self.urls['api']}/v2/login/authorization/dialog?{urlencode(query)}")

    def login_script(self, otp: OtpGenerator | None) -> LoginScript:
        """Mobile number, TOTP, PIN; service.upstox.com answers each on a call of the page's own."""
        assert otp is not None  # totp_secret is required
        mobile = Step(
            "mobile number",
            {MOBILE: self.credentials.mobile_number},
            press=rf"(get|send) otp|{SEND}",
            refused=CredentialsRejected,
            reply="/otp/generate",
            wants=otp_kind,
        )
        totp = Step(
            "TOTP",
            {TOTP: otp},
            press=SEND,
            refused=OtpRejected,
            reply="/otp-totp/verify",
        )
        pin = Step(
            "PIN",
            {PIN: self.credentials.pin},
            press=SEND,
            refused=CredentialsRejected,
            reply="/2fa",
        )
        phrases: dict[type[AutologinError], str] = {CredentialsRejected: REFUSED_APP}
        return LoginScript((mobile, totp, pin), CLICKS, phrases=phrases)

    async def exchange(self, auth_code: SecretStr, http: httpx.AsyncClient, now: datetime) -> Token:
        """POST /v2/login/authorization/token, as the official SDK sends it (SDK 2.30.0)."""
        mine = self.credentials
        request = http.build_request(
            "POST",
            f"{self.urls['api']}/v2/login/authorization/token",
            data={
                "code": auth_code.get_secret_value(),
                "client_id": mine.client_id,
                "client_secret": mine.client_secret.get_secret_value(),
                "redirect_uri": mine.redirect_uri,
                "grant_type": "authorization_code",
            },
            headers={"Api-Version": "2.0", "Accept": "application/json"},
        )
        response = await send(request, http)
        answer = json_object(response)
        access_token = token_in(answer.get("access_token"))
        if response.status_code != 200 or not access_token:
            raise _exchange_error(response)
        extra = {"client_id": mine.client_id}
        if extended_token := token_in(answer.get("extended_token")):
            extra["extended_token"] = extended_token
        return Token(
            access_token=SecretStr(access_token),
            issued_at=now,
            expires_at=plausible_expiry(
                jwt_expiry(access_token), next_daily(time(3, 30), now), now
            ),
            user_id=text_of(answer.get("user_id")),
            extra=extra,
        )

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verification:
        """GET /v2/user/profile.

        From an address that is not registered it may refuse a good token (UDAPI1221).
        """
        request = http.build_request(
            "GET",
            f"{self.urls['api']}/v2/user/profile",
            headers={
                "Authorization": f"Bearer {token.access_token.get_secret_value()}",
                "Accept": "application/json",
            },
        )
        return await verify_profile(request, http, dead=_is_dead)


def otp_kind(reply: Mapping[str, Any]) -> str:
    """Whether the account has TOTP enabled; without it Upstox sends an SMS."""
    match data_of(reply).get("isTotpEnabled"):
        case True:
            return "totp"
        case False:
            return "sms"
        case _:
            return ""


def _exchange_error(response: httpx.Response) -> AutologinError:
    """What an exchange without a token means."""
    answer = json_object(response)
    message = refusal(answer.get("status") == "error", error_message(answer))
    return exchange_error("Upstox", response, message, own=WORDS)


def _is_dead(answer: dict[str, Any]) -> bool:
    return re.search(r"\bUDAPI100050\b", error_message(answer)) is not None
