"""ICICI Direct, Breeze API.

Docs      https://api.icicidirect.com/breezeapi/documents/   evidence of 2026-08 (docs, breeze-connect 1.0.69, public scripts)
Code      `apisession` in the query of the redirect, or `API_Session` in its form body, or both. Eight digits today, and that
          is right: the docs promise nothing about its look, so only the exchange judges it. It can be exchanged all day
State     there is none, and no redirect_uri either: the browser context that signed in is what binds a code to this login
Expiry    the end of the day in India on which it was made (docs: "24 hours or midnight"). Log in after 00:05 IST
Lockout   no number is published. We send a password once; a rejected TOTP is followed by one more in a new window, and by
          none where three or fewer attempts are left
Guessed   the texts of errors and whether they are dialogs or on the page, the flag that tells TOTP from SMS, how the code is
          sent (call or form), the HTTP status of refusals, whether idirect_userid is what people type as their login id
"""

from __future__ import annotations

import json
import re
from datetime import time
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from pydantic import Field, SecretStr

from autologin.errors import BrokerUnavailable, CaptchaRequired, CredentialsRejected, OtpRejected, PageChanged
from autologin.flow import base
from autologin.flow.base import Verdict, Verified
from autologin.flow.otp import TotpSeed
from autologin.flow.script import Script, Step, Tick
from autologin.login.snapshot import Field as Box
from autologin.token import Token

from ._icici_breeze_wire import is_no, owner_of, refusal, session_in

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    import httpx

    from autologin.flow.otp import Otp
    from autologin.login.engine import LoginPage

WHO = r"(user|log ?in|client|customer).{0,9}\b(id|name|code)\b"
USER = Box("user id", "text", label=WHO, css=("#txtuid", "#dvloginmain input[type=text]"), autocomplete=("username",))
PASSWORD = Box("password", "password", label=r"password", css=("#txtPass",), autocomplete=("current-password",))
TOTP = Box(
    "TOTP",
    "code",
    label=r"\btotp\b|authenticator|time.?based",
    css=("#pnlOTP input", "input[tg-nm=otp]", "#dvgetotp input"),
    autocomplete=("one-time-code",),
    other=r"\bsms\b|\be-?mail\b|\bsent (to|on|at|via)\b",
)
TERMS = Tick("terms", label=r"terms|conditions|t ?& ?c\b|disclaimer|\bi (have read|agree|accept)", css=("#chkssTnc",))
PHRASES = {
    CredentialsRejected: r"public key does not exist|enter (a |the |your )?(valid|correct) (user|log ?in|password)",
    OtpRejected: r"enter (a |the )?(valid|correct) (6.?digit )?t?otp\W*$",
    CaptchaRequired: r"\bSHWCAP\b",
    PageChanged: r"^\W*invalid request\W*$",
}


class Credentials(base.Credentials):
    """What Breeze needs. Key and secret are in api.icicidirect.com/apiuser/home, the seed is shown when TOTP is enabled."""

    api_key: str = Field(description="api.icicidirect.com/apiuser/home, View Apps, App Key (as it is, with its signs)")
    secret_key: SecretStr = Field(description="api.icicidirect.com/apiuser/home, View Apps, Secret Key")
    user_id: str = Field(description="the user id with which you sign in to ICICI Direct")
    password: SecretStr = Field(description="the password of ICICI Direct")
    totp_secret: TotpSeed = Field(description="the seed shown when an authenticator app is enabled for the account")
    redirect_uri: str | None = Field(default=None, description="the redirect URL registered for the app (optional)")


class IciciBreeze(base.Flow):
    """Sign in at api.icicidirect.com/apiuser."""

    broker = "icici_breeze"
    title = "ICICI Direct Breeze"
    docs = "https://api.icicidirect.com/breezeapi/documents/"
    evidence = "2026-08"
    endpoints = {"login": "https://api.icicidirect.com/apiuser", "api": "https://api.icicidirect.com/breezeapi/api/v1"}
    not_before = time(0, 5)
    code_params = ("apisession", "API_Session")
    state_param = ""
    Credentials = Credentials

    def login_url(self, nonce: str) -> str:
        """The page that sends the browser on to the form by itself; an AppKey holds signs that must be encoded."""
        del nonce  # nothing comes back but the code
        return f"{self.urls['login']}/login?api_key={quote_plus(self.credentials.api_key)}"

    async def login(self, page: LoginPage, otp: Otp | None) -> None:
        """User id, password and the terms, then the TOTP. The password travels encrypted, and the answers are HTML."""
        assert otp is not None  # totp_secret is required
        mine, send = self.credentials, r"log ?in|sign ?in|continue|proceed|next|submit"
        both = {USER: mine.user_id, PASSWORD: mine.password}
        credentials = Step("credentials", both, send, CredentialsRejected, reply="/getotp", wants=asked_for)
        verify = r"verify|validate|submit|confirm|continue|proceed"
        totp = Step("TOTP", {TOTP: otp}, verify, OtpRejected, reply="/validateuser")
        await page.walk(Script((credentials, totp), ticks=(TERMS,), phrases=PHRASES))

    async def exchange(self, code: SecretStr, http: httpx.AsyncClient, now: datetime) -> Token:
        """GET /customerdetails with a body, as the official SDK sends it (breeze-connect 1.0.69)."""
        session, key = code.get_secret_value(), self.credentials.api_key
        response = await self._customer(session, http)
        details = session_in(response)
        if not (pair := details.get("session_token")):
            raise refusal(response)
        extra = {"api_key": key, "session_token": session, "base64_session_token": pair}
        return Token(SecretStr(pair), now, base.next_daily(time(0), now), owner_of(details, self.user_id), extra)

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verified:
        """The same call again: it needs no signature, and the SDK makes it at each of its starts."""
        try:
            response = await self._customer(str(token.extra.get("session_token", "")), http)
        except BrokerUnavailable as error:
            return Verified(Verdict.UNKNOWN, detail=error.detail)
        if details := session_in(response):
            return Verified(Verdict.VALID, owner_of(details, self.user_id))
        detail = str(base.json_of(response).get("Error") or f"HTTP {response.status_code}")
        return Verified(Verdict.REJECTED if is_no(response) else Verdict.UNKNOWN, detail=detail)

    async def _customer(self, session: str, http: httpx.AsyncClient) -> httpx.Response:
        body = json.dumps({"SessionToken": session, "AppKey": self.credentials.api_key}, separators=(",", ":"))
        headers = {"Content-Type": "application/json"}
        request = http.build_request("GET", f"{self.urls['api']}/customerdetails", content=body, headers=headers)
        return await base.answer_of(request, http, is_answer=is_no)


def asked_for(reply: Mapping[str, Any]) -> str:
    """What the page's HTML asks for next: a captcha, a code by SMS, or a code."""
    html = str(reply.get("html", ""))
    if re.search(r"\bSHWCAP\b", html):
        return "captcha"
    flag = next((tag for tag in re.findall(r"<input[^>]*>", html) if re.search(r"\bid=.?hiistotp\b", tag)), "")
    by_sms = re.search(r"\bvalue=.?(n|no|false|0)\b", flag, re.IGNORECASE) and not re.search(TOTP.label, html, re.IGNORECASE)
    return "code by SMS" if by_sms else "code" if flag else ""
