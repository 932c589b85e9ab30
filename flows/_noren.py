"""The login that brokers on Kambala's Noren share since it has OAuth: a page, a code, and `GenAcsTok`.

Three flows are this one with other addresses. What is known of each is in its own file.
"""

from __future__ import annotations

import hashlib
import json
from datetime import time
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from pydantic import Field, SecretStr

from autologin.flow import base
from autologin.flow.base import Verdict, Verified
from autologin.flow.otp import TotpSeed
from autologin.token import Token

from ._form_page import CODE, PASSWORD, USER, script, upper

if TYPE_CHECKING:
    from datetime import datetime

    import httpx

    from autologin.flow.otp import Otp
    from autologin.login.engine import LoginPage

IDS = {USER: ("#lgnusrid",), PASSWORD: ("#lgnpwd",), CODE: ("#lgnotp",)}
"""Seen on Shoonya's page by seven scripts, and on the vendor's own test page."""
RENDERED = 45.0
"""Seconds until the page shows something: its script is said to be of nine megabytes."""
TEXT = {"Content-Type": "text/plain"}


class Credentials(base.Credentials):
    """What such a broker needs."""

    user_id: str = Field(description="the user id you log in with")
    password: SecretStr = Field(description="the password you log in with")
    totp_secret: TotpSeed = Field(description="the text beside the QR code where you enabled TOTP")
    secret_code: SecretStr = Field(description="the secret code of your API key, in the broker's API settings")
    client_id: str = Field(default="", description="the API key's client id, where it is another than <user_id>_U")
    redirect_uri: str | None = Field(default=None, description="the redirect URL registered for the key (optional)")


class Noren(base.Flow):
    """Sign in on the page that Noren gives its brokers."""

    code_params: tuple[str, ...] = ("code",)
    state_param = ""
    timeout = 120
    Credentials: ClassVar[type[base.Credentials]] = Credentials

    @property
    def client_id(self) -> str:
        """The id of the API key."""
        return self.credentials.client_id or f"{upper(self.credentials.user_id)}_U"

    def login_url(self, nonce: str) -> str:
        """The authorize address; nothing of ours comes back with the code."""
        del nonce
        return f"{self.urls['login']}/authorize/oauth?{urlencode({'client_id': self.client_id})}"

    async def login(self, page: LoginPage, otp: Otp | None) -> None:
        """User id, password and TOTP on one form."""
        assert otp is not None  # totp_secret is required
        await page.walk(script(self.credentials.user_id, self.credentials.password, otp, IDS, patience=RENDERED))

    async def exchange(self, code: SecretStr, http: httpx.AsyncClient, now: datetime) -> Token:
        """POST GenAcsTok, as the vendor's SDK sends it (norenrestapioauth 0.0.41)."""
        request = http.build_request("POST", f"{self.urls['api']}/GenAcsTok", content=self.asked(code), headers=TEXT)
        response = await base.answer_of(request, http)
        data = base.json_of(response)
        token = next((str(data[name]) for name in ("access_token", "accesstoken", "token", "susertoken") if data.get(name)), "")
        if response.status_code != 200 or data.get("stat", "Ok") != "Ok" or not token:
            raise base.refused(self.title, response, data.get("emsg"))
        user = str(data.get("USERID") or data.get("uid") or data.get("actid") or self.credentials.user_id)
        extra = {name: str(data[name]) for name in ("susertoken", "refresh_token") if data.get(name)}
        extra |= {"uid": user, "actid": str(data.get("actid") or user), "client_id": self.client_id}
        return Token(SecretStr(token), now, base.next_daily(time(0), now), user, extra)

    def asked(self, code: SecretStr) -> str:
        """The body of the exchange."""
        mine, plain = self.credentials, code.get_secret_value()
        seal = checksum(self.client_id, mine.secret_code.get_secret_value(), plain)
        return "jData=" + json.dumps({"code": plain, "checksum": seal, "uid": mine.user_id})

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verified:
        """POST Limits, with the access token; where that is refused, with the susertoken, which some clients send."""
        found = Verified(Verdict.UNKNOWN)
        for bearer in dict.fromkeys((token.access_token.get_secret_value(), token.extra.get("susertoken", ""))):
            if bearer:
                found = await self._limits(token, bearer, http)
            if found.verdict is not Verdict.REJECTED:
                break
        return found

    async def _limits(self, token: Token, bearer: str, http: httpx.AsyncClient) -> Verified:
        body = "jData=" + json.dumps({"uid": token.extra.get("uid", ""), "actid": token.extra.get("actid", "")})
        headers = {**TEXT, "Authorization": f"Bearer {bearer}"}
        request = http.build_request("POST", f"{self.urls['api']}/Limits", content=body, headers=headers)
        return await base.proven(request, http, owner=_owner, dead=_dead, words=lambda body: str(body.get("emsg") or ""))


def checksum(client_id: str, secret_code: str, code: str) -> str:
    """SHA-256 of the three in this order, in hex."""
    return hashlib.sha256((client_id + secret_code + code).encode()).hexdigest()


def _owner(body: dict[str, Any]) -> str | None:
    return "" if body.get("stat") == "Ok" else None


def _dead(status: int, body: dict[str, Any]) -> bool:
    return status == 401 or "session expired" in str(body.get("emsg") or "").lower()
