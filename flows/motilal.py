"""Motilal Oswal, MO API.

Docs      https://invest.motilaloswal.com   evidence of 2026-08 (docs, OpenAlgo, one public script)
Expiry    06:00 in India the next day ("exchange compliance"). Log in after 06:00
Lockout   no limit of wrong codes is published. Password and date of birth are sent once, a rejected
          code is followed by one more in a new window
Guessed   the words for each refusal; that MO8001 means a dead token; whether login/v3 still serves
          (others call v7); whose token it is (the margin call names nobody); which of the required
          headers are checked: they describe a machine, and these describe none
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, time
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, SecretStr

from autologin.flow import (
    ApiFlow,
    Credentials,
    CredentialsRejected,
    ExchangeRejected,
    Meaning,
    OtpNotAvailable,
    OtpRejected,
    Token,
    TotpSeed,
    Verification,
    next_daily,
    refusal,
    refuses_token,
    remember,
    text_of,
    token_in,
    verify_with,
)

from ._json_api import login_error, plain, post_json

if TYPE_CHECKING:
    import httpx

UNVERIFIED = {"FALSE", "0", "NO", "N"}
BIRTH_OR_PAN = r"\b(2fa|dob|pan|date of birth)\b"
NO = r"\b(invalid|incorrect|wrong|mismatch\w*|(not|n't) (match|valid|correct)\w*)\b"
CODES = (
    Meaning(OtpRejected, r"\bMO1093\b"),
    Meaning(CredentialsRejected, r"\bMO(1007|1062|2005|2031)\b"),
    Meaning(CredentialsRejected, rf"{NO}.{{0,40}}{BIRTH_OR_PAN}|{BIRTH_OR_PAN}.{{0,40}}{NO}"),
    Meaning(ExchangeRejected, r"\bMO2035\b"),
)
"""A code; the second factor, the key and the client code; an address that is not registered."""
DEAD = "MO8001"
"""Invalid token, with whatever HTTP status."""
HEADERS = {
    "Accept": "application/json",
    "User-Agent": "MOSL/V.1.1.0",
    "ClientLocalIp": "127.0.0.1",
    "ClientPublicIp": "127.0.0.1",
    "MacAddress": "00:00:00:00:00:00",
    "SourceId": "WEB",
    "osname": "Linux",
    "osversion": "1",
    "devicemodel": "server",
    "manufacturer": "server",
    "productname": "autologin",
    "productversion": "1",
    "browsername": "none",
    "browserversion": "1",
}


def check_second_factor(value: SecretStr) -> SecretStr:
    """The second factor as Motilal Oswal writes it."""
    text = value.get_secret_value().strip().upper()
    if not re.fullmatch(r"\d\d/\d\d/\d{4}|[A-Z]{5}\d{4}[A-Z]", text):
        raise ValueError("neither a date of birth (dd/mm/yyyy) nor a PAN")
    return SecretStr(text)


class MotilalCredentials(Credentials):
    """What Motilal Oswal needs. Without TOTP a code would go out by SMS and e-mail."""

    user_id: str = Field(pattern=r"^[!-~]+$", description="the client code you log in with")
    password: SecretStr = Field(description="the trading password")
    api_key: SecretStr = Field(description="invest.motilaloswal.com: the API key of your app")
    birth_or_pan: Annotated[SecretStr, AfterValidator(check_second_factor)] = Field(
        description="your date of birth, written dd/mm/yyyy, or your PAN: "
        "what the login asks for as the second factor"
    )
    totp_secret: TotpSeed = Field(
        description="the text beside the QR code where you enabled an authenticator"
    )


class Motilal(ApiFlow):
    """Sign in over the MO API; no page is involved."""

    broker = "motilal"
    title = "Motilal Oswal"
    docs = "https://invest.motilaloswal.com"
    evidence = "2026-08"
    notes = "MO API"
    endpoints = {"api": "https://openapi.motilaloswal.com/rest"}
    not_before = time(6)
    passwords = ("password", "birth_or_pan")
    credentials: MotilalCredentials

    async def sign_in(self, http: httpx.AsyncClient, otp: str, now: datetime) -> Token:
        """POST login/v3/authdirectapi."""
        mine = self.credentials
        body = {
            "userid": mine.user_id,
            "password": password_hash(plain(mine.password), plain(mine.api_key)),
            "2FA": plain(mine.birth_or_pan),
            "totp": otp,
        }
        url = f"{self.urls['api']}/login/v3/authdirectapi"
        response, answer = await post_json(http, url, body, self._headers())
        token = token_in(answer.get("AuthToken"))
        if response.status_code != 200 or answer.get("status") != "SUCCESS" or not token:
            raise login_error("Motilal Oswal", response, _message(answer), own=CODES)
        if str(answer.get("isAuthTokenVerified", "TRUE")).upper() in UNVERIFIED:
            detail = "Motilal Oswal waits for a code that it has sent by SMS and e-mail"
            raise OtpNotAvailable(detail)
        return Token(
            access_token=SecretStr(token),
            issued_at=now,
            expires_at=next_daily(time(6), now),
            user_id=mine.user_id,
            extra={"api_key": plain(mine.api_key)},
        )

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verification:
        """POST report/v1/getreportmargindetail."""
        url = f"{self.urls['api']}/report/v1/getreportmargindetail"
        headers = {**self._headers(), "Authorization": plain(token.access_token)}
        request = http.build_request("POST", url, json={}, headers=headers)
        return await verify_with(request, http, owner=_owner, dead=_is_dead, words=_message)

    def _headers(self) -> dict[str, str]:
        return {
            **HEADERS,
            "ApiKey": plain(self.credentials.api_key),
            "vendorinfo": self.credentials.user_id,
        }


def password_hash(password: str, api_key: str) -> str:
    """The password as it is sent: SHA-256 of itself and the API key, in hex.

    Who has that can log in too: it is as secret.
    """
    digest = hashlib.sha256((password + api_key).encode()).hexdigest()
    remember(digest)
    return digest


def _message(answer: dict[str, Any]) -> str:
    code = text_of(answer.get("errorcode"))
    says_no = text_of(answer.get("status")).upper() in {"ERROR", "FAILED", "FAILURE"}
    return refusal(says_no or code, code, answer.get("message"))


def _owner(answer: dict[str, Any]) -> str | None:
    return "" if answer.get("status") == "SUCCESS" else None


def _is_dead(status: int, answer: dict[str, Any]) -> bool:
    return answer.get("errorcode") == DEAD or refuses_token(status, _message(answer))
