"""ICICI Direct, Breeze API.

Docs      https://api.icicidirect.com/breezeapi/documents/   evidence of 2026-08 (docs,
          breeze-connect 1.0.69, public scripts)
Code      `apisession` in the query of the redirect, or `API_Session` in its form body, or both.
          Eight digits today, and that is right: the docs promise nothing about its look, so only
          the exchange judges it. It can be exchanged all day
State     there is none, and no redirect_uri either: the browser context that signed in is what
          binds a code to this login
Expiry    the end of the day in India on which it was made (docs: "24 hours or midnight"). Log in
          after 00:05 IST
Lockout   no number is published. We send a password once; a rejected TOTP is followed by one more
          in a new window, and by none where three or fewer attempts are left
Guessed   the texts of errors and whether they are dialogs or on the page, the flag that tells TOTP
          from SMS, how the code is sent (call or form), the HTTP status of refusals, whether
          idirect_userid is what people type as their login id
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import datetime, time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from pydantic import Field, SecretStr

from autologin.flow import (
    AutologinError,
    BrokerUnavailable,
    BrowserFlow,
    CaptchaRequired,
    Checkbox,
    Credentials,
    CredentialsRejected,
    InputField,
    LoginRequest,
    LoginScript,
    Meaning,
    OtpGenerator,
    OtpRejected,
    PageChanged,
    Step,
    Token,
    TotpSeed,
    Verdict,
    Verification,
    exchange_error,
    json_object,
    next_daily,
    no_answer,
    send,
    text_of,
    token_in,
    words_of,
)

if TYPE_CHECKING:
    import httpx

USER = InputField(
    "user id",
    "text",
    label=r"(user|log ?in|client|customer).{0,9}\b(id|name|code)\b",
    css=("#txtuid", "#dvloginmain input[type=text]"),
    autocomplete=("username",),
)
PASSWORD = InputField(
    "password",
    "password",
    label=r"password",
    css=("#txtPass",),
    autocomplete=("current-password",),
)
TOTP = InputField(
    "TOTP",
    "code",
    label=r"\btotp\b|authenticator|time.?based",
    css=("#pnlOTP input", "input[tg-nm=otp]", "#dvgetotp input"),
    autocomplete=("one-time-code",),
    other=r"\bsms\b|\be-?mail\b|\bsent (to|on|at|via)\b",
)
TERMS = Checkbox(
    "terms",
    label=r"terms|conditions|t ?& ?c\b|disclaimer|\bi (have read|agree|accept)",
    css=("#chkssTnc",),
)
PHRASES: dict[type[AutologinError], str] = {
    CredentialsRejected: r"public key does not exist",
    CaptchaRequired: r"\bSHWCAP\b",
    PageChanged: r"^\W*invalid request\W*$",
}
NO_SESSION = (
    r"resource not available|invalid session|session (key )?(is |has )?(been )?(expired|invalid)"
)
"""The session is not known; the first also comes as status 500."""
NO_KEY = r"public key does not exist"
REFUSED = f"{NO_SESSION}|{NO_KEY}"
WORDS = (
    Meaning(CredentialsRejected, REFUSED),
    Meaning(BrokerUnavailable, r"limit exceed|try again"),
)


class IciciBreezeCredentials(Credentials):
    """What Breeze needs.

    Key and secret are in api.icicidirect.com/apiuser/home, the seed is shown when TOTP is enabled.
    """

    api_key: str = Field(
        description="api.icicidirect.com/apiuser/home, View Apps, App Key "
        "(as it is, with its signs)",
    )
    secret_key: SecretStr = Field(
        description="api.icicidirect.com/apiuser/home, View Apps, Secret Key",
    )
    user_id: str = Field(description="the user id with which you sign in to ICICI Direct")
    password: SecretStr = Field(description="the password of ICICI Direct")
    totp_secret: TotpSeed = Field(
        description="the seed shown when an authenticator app is enabled for the account",
    )
    redirect_uri: str | None = Field(
        default=None,
        description="the redirect URL registered for the app (optional)",
    )


class IciciBreeze(BrowserFlow):
    """Sign in at api.icicidirect.com/apiuser."""

    broker = "icici_breeze"
    title = "ICICI Direct Breeze"
    docs = "https://api.icicidirect.com/breezeapi/documents/"
    evidence = "2026-08"
    endpoints = {
        "login": "https://api.icicidirect.com/apiuser",
        "api": "https://api.icicidirect.com/breezeapi/api/v1",
    }
    not_before = time(0, 5)
    auth_code_params = ("apisession", "API_Session")
    state_param = ""
    credentials: IciciBreezeCredentials

    @property
    def user_id(self) -> str | None:
        """Who the token must belong to; None where a registered mobile number is typed."""
        typed = str(self.credentials.user_id)
        return None if re.fullmatch(r"(\+?91[\s-]?)?[0-9]{10}", typed.strip()) else typed

    def login_url(self, nonce: str) -> LoginRequest:
        """The page that sends the browser on to the form by itself.

        An AppKey holds signs that must be encoded.
        """
        del nonce  # nothing comes back but the auth code
        api_key = quote_plus(self.credentials.api_key)
        return LoginRequest(f"{self.urls['login']}/login?api_key={api_key}")

    def login_script(self, otp: OtpGenerator | None) -> LoginScript:
        """User id, password and the terms, then the TOTP.

        The password travels encrypted, and the answers are HTML.
        """
        assert otp is not None  # totp_secret is required
        credentials = Step(
            "credentials",
            {USER: self.credentials.user_id, PASSWORD: self.credentials.password},
            press=r"log ?in|sign ?in|continue|proceed|next|submit",
            refused=CredentialsRejected,
            reply="/getotp",
            wants=next_screen,
            answers="text",
            leaves=r"date of birth|\bdob\b",  # asked for with the password until 2022
        )
        totp = Step(
            "TOTP",
            {TOTP: otp},
            press=r"verify|validate|submit|confirm|continue|proceed",
            refused=OtpRejected,
            reply="/validateuser",
            answers="text",
        )
        return LoginScript((credentials, totp), checkboxes=(TERMS,), phrases=PHRASES)

    async def exchange(self, auth_code: SecretStr, http: httpx.AsyncClient, now: datetime) -> Token:
        """GET /customerdetails with a body, as the official SDK does (breeze-connect 1.0.69)."""
        session = auth_code.get_secret_value()
        response = await self._customer_details(session, http)
        details = details_in(response)
        if not details:
            raise _exchange_error(response)
        pair = details["session_token"]
        return Token(
            access_token=SecretStr(pair),
            issued_at=now,
            expires_at=next_daily(time(0), now),
            user_id=owner_of(details, self.user_id),
            extra={
                "api_key": self.credentials.api_key,
                "session_token": session,
                "base64_session_token": pair,
            },
        )

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verification:
        """The same call again: it needs no signature, and the SDK makes it at each start."""
        session = str(token.extra.get("session_token", ""))
        try:
            response = await self._customer_details(session, http)
        except BrokerUnavailable as error:
            return Verification(Verdict.UNKNOWN, detail=error.detail)
        if details := details_in(response):
            return Verification(Verdict.VALID, owner_of(details, self.user_id))
        dead = is_refusal(response, NO_SESSION)
        verdict = Verdict.REJECTED if dead else Verdict.UNKNOWN
        message = words_of(json_object(response).get("Error"))
        return Verification(verdict, detail=message or f"HTTP {response.status_code}")

    async def _customer_details(self, session: str, http: httpx.AsyncClient) -> httpx.Response:
        body = {"SessionToken": session, "AppKey": self.credentials.api_key}
        request = http.build_request(
            "GET",
            f"{self.urls['api']}/customerdetails",
            content=json.dumps(body, separators=(",", ":")),
            headers={"Content-Type": "application/json"},
        )
        return await send(request, http, is_answer=is_refusal)


def next_screen(reply: Mapping[str, Any]) -> str:
    """What the page's HTML asks for next: a captcha, a code by SMS, or a code."""
    html = str(reply.get("html", ""))
    if re.search(r"\bSHWCAP\b", html):
        return "captcha"
    inputs = re.findall(r"<input[^>]*>", html)
    flag = next((tag for tag in inputs if re.search(r"\bid=.?hiistotp\b", tag)), "")
    if not flag:
        return ""
    off = re.search(r"\bvalue=.?(n|no|false|0)\b", flag, re.IGNORECASE)
    return "code by SMS" if off and not re.search(TOTP.label, html, re.IGNORECASE) else "code"


# The API's answers. Errors come in envelopes, whatever the HTTP status.


def details_in(response: httpx.Response) -> dict[str, Any]:
    """The customer's details with their session_token; empty where there is none."""
    details = json_object(response).get("Success")
    if not isinstance(details, dict):
        return {}
    return details if token_in(details.get("session_token")) else {}


def owner_of(details: Mapping[str, Any], user_id: str | None) -> str:
    """Whose session it is, by the user in the pair or by idirect_userid.

    `user_id` where one of them is it.
    """
    in_pair = user_in(str(details.get("session_token") or ""))
    named = text_of(details.get("idirect_userid"))
    ours = (user_id or "").strip().upper()
    if ours != in_pair.upper() and ours == named.upper():
        return named
    return in_pair or named


def user_in(pair: str) -> str:
    """The user in base64("user:key"); empty where there is none."""
    try:
        user, colon, _ = base64.b64decode(pair, validate=True).decode().partition(":")
    except ValueError:
        return ""
    return user.strip() if colon else ""


def is_refusal(response: httpx.Response, words: str = REFUSED) -> bool:
    """Whether ICICI says no for good, in such words.

    "Resource not available." with status 500 is its no to an old session.
    """
    message = text_of(json_object(response).get("Error"))
    return bool(re.search(words, message, re.IGNORECASE))


def _exchange_error(response: httpx.Response) -> AutologinError:
    """What an answer without a session means: a refusal, or an outage that came with status 200."""
    envelope = json_object(response)
    message = text_of(envelope.get("Error"))
    status = text_of(envelope.get("Status"))
    if not message or not status:
        return no_answer("ICICI Direct", response)
    if re.fullmatch(r"408|429|5\d\d", status) and not is_refusal(response):
        return BrokerUnavailable(f"ICICI Direct said: {words_of(message)} (status {status[:9]})")
    return exchange_error("ICICI Direct", response, message, own=WORDS)
