"""The login that brokers on Kambala's Noren share since it has OAuth: a page and `GenAcsTok`.

Three flows are this one with other addresses. What is known of each is in its own file.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pydantic import Field, SecretStr

from autologin.flow import (
    BrowserFlow,
    Credentials,
    LoginRequest,
    LoginScript,
    OtpGenerator,
    Token,
    TotpSeed,
    Verdict,
    Verification,
    earliest_expiry,
    exchange_error,
    json_object,
    next_daily,
    refusal,
    refuses_token,
    send,
    stated_expiry,
    text_of,
    token_in,
    verify_with,
)

from ._form_page import PASSWORD, TOTP, USER, form_script, upper

if TYPE_CHECKING:
    import httpx

IDS = {USER: ("#lgnusrid",), PASSWORD: ("#lgnpwd",), TOTP: ("#lgnotp",)}
"""Seen on Shoonya's page by seven scripts, and on the vendor's own test page."""
RENDERED = 45.0
"""Seconds until the page shows something: its script is said to be of nine megabytes."""
TEXT = {"Content-Type": "text/plain"}


class NorenCredentials(Credentials):
    """What such a broker needs."""

    user_id: str = Field(description="the user id you log in with")
    password: SecretStr = Field(description="the password you log in with")
    totp_secret: TotpSeed = Field(description="the text beside the QR code where you enabled TOTP")
    secret_code: SecretStr = Field(
        description="the secret code of your API key, in the broker's API settings"
    )
    client_id: str = Field(
        default="", description="the API key's client id, where it is another than <user_id>_U"
    )
    redirect_uri: str | None = Field(
        default=None, description="the redirect URL registered for the key (optional)"
    )


class Noren(BrowserFlow):
    """Sign in on the page that Noren gives its brokers."""

    auth_code_params: tuple[str, ...] = ("code",)
    state_param = ""
    timeout = 120
    credentials: NorenCredentials

    @property
    def client_id(self) -> str:
        """The id of the API key."""
        return self.credentials.client_id or f"{upper(self.credentials.user_id)}_U"

    def login_url(self, nonce: str) -> LoginRequest:
        """The authorize address; nothing of ours comes back with the auth code."""
        del nonce
        query = urlencode({"client_id": self.client_id})
        return LoginRequest(f"{self.urls['login']}/authorize/oauth?{query}")

    def login_script(self, otp: OtpGenerator | None) -> LoginScript:
        """User id, password and TOTP on one form."""
        mine = self.credentials
        return form_script(mine.user_id, mine.password, otp, IDS, patience=RENDERED)

    async def exchange(self, auth_code: SecretStr, http: httpx.AsyncClient, now: datetime) -> Token:
        """POST GenAcsTok, as the vendor's SDK sends it (norenrestapioauth 0.0.41)."""
        url = f"{self.urls['api']}/GenAcsTok"
        body = self.exchange_body(auth_code)
        response = await send(http.build_request("POST", url, content=body, headers=TEXT), http)
        answer = json_object(response)
        names = ("access_token", "accesstoken", "token", "susertoken")
        token = next(filter(None, (token_in(answer.get(name)) for name in names)), "")
        if response.status_code != 200 or answer.get("stat", "Ok") != "Ok" or not token:
            raise exchange_error(self.title, response, _message(answer))
        user = answer.get("USERID") or answer.get("uid") or answer.get("actid")
        user_id = text_of(user) or self.credentials.user_id
        kept = ("susertoken", "refresh_token")
        return Token(
            access_token=SecretStr(token),
            issued_at=now,
            expires_at=expiry(answer.get("expires_in"), now),
            user_id=user_id,
            extra={name: answer[name] for name in kept if token_in(answer.get(name))}
            | {
                "uid": user_id,
                "actid": text_of(answer.get("actid")) or user_id,
                "client_id": self.client_id,
            },
        )

    def exchange_body(self, auth_code: SecretStr) -> str:
        """The body of the exchange."""
        seal = self.checksum(auth_code)
        body = {
            "code": auth_code.get_secret_value(),
            "checksum": seal,
            "uid": self.credentials.user_id,
        }
        return "jData=" + json.dumps(body)

    def checksum(self, auth_code: SecretStr) -> str:
        """What proves the API key in the exchange."""
        secret_code = self.credentials.secret_code.get_secret_value()
        return checksum(self.client_id, secret_code, auth_code.get_secret_value())

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verification:
        """POST Limits, with the access token.

        Where that is refused, with the susertoken, which some clients send.
        """
        answer = Verification(Verdict.UNKNOWN)
        bearers = (token.access_token.get_secret_value(), token.extra.get("susertoken", ""))
        for bearer in dict.fromkeys(bearers):
            if bearer:
                answer = await self._verify_with(bearer, token, http)
            if answer.verdict is not Verdict.REJECTED:
                break
        return answer

    async def _verify_with(
        self, bearer: str, token: Token, http: httpx.AsyncClient
    ) -> Verification:
        user = {"uid": token.extra.get("uid", ""), "actid": token.extra.get("actid", "")}
        request = http.build_request(
            "POST",
            f"{self.urls['api']}/Limits",
            content="jData=" + json.dumps(user),
            headers={**TEXT, "Authorization": f"Bearer {bearer}"},
        )
        return await verify_with(request, http, owner=_owner, dead=_is_dead, words=_message)


def expiry(stated: object, now: datetime) -> datetime:
    """The end of the token: what the broker states, where that is before midnight."""
    return earliest_expiry(stated_expiry(stated, now), next_daily(time(0), now), now)


def checksum(client_id: str, secret_code: str, auth_code: str) -> str:
    """SHA-256 of the three in this order, in hex."""
    return hashlib.sha256((client_id + secret_code + auth_code).encode()).hexdigest()


def _message(body: dict[str, Any]) -> str:
    return refusal(text_of(body.get("stat")).lower() == "not_ok", body.get("emsg"))


def _owner(body: dict[str, Any]) -> str | None:
    return "" if body.get("stat") == "Ok" else None


def _is_dead(status: int, body: dict[str, Any]) -> bool:
    return refuses_token(status, _message(body)) or "session expired" in _message(body).lower()
