"""5paisa, Open API.

Docs      https://xstream.5paisa.com/dev-docs   evidence of 2026-08 (docs, py5paisa 0.7.21.2, OpenAlgo)
Expiry    23:59 in India on the day of issue
Lockout   no limit of wrong codes is published. One answer tells a wrong code and a wrong PIN: its words decide, and words that
          name both count as the PIN, which is sent once; a rejected code is followed by one more in a new window
Guessed   those words; whose token it is, and what proves a dead one (401 only), in the margin call
"""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, SecretStr

from autologin.errors import BrokerUnavailable, CredentialsRejected
from autologin.flow import base
from autologin.flow.otp import TotpSeed
from autologin.token import Token

from ._json_api import by_code, plain, refusal

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    import httpx

    from autologin.errors import AutologinError
    from autologin.flow.base import Verified

NOT_NOW = "-1"
"""The status of an answer whose server is not well."""
INVALID_LOGIN = "1"


class Credentials(base.Credentials):
    """What 5paisa needs. The password and the names of the app are for older ways in."""

    user_key: SecretStr = Field(description="xstream.5paisa.com, API keys: UserKey")
    encryption_key: SecretStr = Field(description="xstream.5paisa.com, API keys: Encryption key")
    user_id: str = Field(description="xstream.5paisa.com, API keys: User id (not the client code)")
    client_code: str = Field(description="the client code, e-mail address or mobile number you log in with")
    pin: Annotated[SecretStr, AfterValidator(base.exactly(6, "PIN"))] = Field(description="the six digits you log in with")
    totp_secret: TotpSeed = Field(description="5paisa.com, My profile, External TOTP: the text beside the QR code")


class FivePaisa(base.Flow):
    """Sign in over the Open API; no page is involved."""

    broker = "fivepaisa"
    title = "5paisa"
    docs = "https://xstream.5paisa.com/dev-docs"
    evidence = "2026-08"
    notes = "Open API; tokens die at 23:59"
    endpoints = {"api": "https://Openapi.5paisa.com/VendorsAPI/Service1.svc"}
    needs_browser = False
    Credentials = Credentials

    @property
    def user_id(self) -> None:
        """Nothing: a client may log in with an e-mail address, and the broker answers with the client code."""

    async def sign_in(self, http: httpx.AsyncClient, otp: str, now: datetime) -> Token:
        """POST TOTPLogin, and at once GetAccessToken: the first one's token may live for half a minute only."""
        mine = self.credentials
        body = {"Email_ID": mine.client_code, "TOTP": otp, "PIN": plain(mine.pin)}
        first = await self._step(http, "TOTPLogin", body, "RequestToken")
        keys = {"RequestToken": first["RequestToken"], "EncryKey": plain(mine.encryption_key), "UserId": mine.user_id}
        last = await self._step(http, "GetAccessToken", keys, "AccessToken")
        client = str(last.get("ClientCode") or first.get("ClientCode") or "")
        ends = base.next_daily(time(23, 59), now)
        return Token(SecretStr(str(last["AccessToken"])), now, ends, client, {"client_code": client})

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verified:
        """POST V4/Margin."""
        body = {"head": {"key": plain(self.credentials.user_key)}, "body": {"ClientCode": token.extra.get("client_code", "")}}
        headers = {"Authorization": f"bearer {plain(token.access_token)}"}
        request = http.build_request("POST", f"{self.urls['api']}/V4/Margin", json=body, headers=headers)
        return await base.proven(request, http, owner=_owner, dead=lambda status, _: status == 401, words=_words)

    async def _step(self, http: httpx.AsyncClient, name: str, body: dict[str, str], wanted: str) -> dict[str, Any]:
        message = {"head": {"Key": plain(self.credentials.user_key)}, "body": body}
        response = await base.answer_of(http.build_request("POST", f"{self.urls['api']}/{name}", json=message), http)
        answer = base.json_of(response)
        found = _body(answer)
        if _status(answer) == NOT_NOW:
            raise BrokerUnavailable(f'5paisa said: "{_words(answer)}" (Status -1)')
        if response.status_code != 200 or _status(answer) != "0" or not found.get(wanted):
            raise _refusal(name, response, answer)
        return found


def _body(answer: dict[str, Any]) -> dict[str, Any]:
    body = answer.get("body")
    return body if isinstance(body, dict) else {}


def _status(answer: dict[str, Any]) -> str:
    """A number, or the same in words."""
    return str(_body(answer).get("Status"))


def _words(answer: dict[str, Any]) -> str:
    head = answer.get("head")
    named = head if isinstance(head, dict) else {}
    detail = named.get("StatusDescription") or named.get("statusDescription") if not _body(answer) else None
    return str(_body(answer).get("Message") or detail or base.message_of(answer))


def _refusal(name: str, response: httpx.Response, answer: dict[str, Any]) -> AutologinError:
    """What a refusal means: by its words, and at the first step by the status too."""
    invalid = name == "TOTPLogin" and _status(answer) == INVALID_LOGIN
    return by_code(refusal("5paisa", response, _words(answer)), CredentialsRejected if invalid else None)


def _owner(answer: dict[str, Any]) -> str | None:
    return str(_body(answer).get("ClientCode") or "") if _status(answer) == "0" else None
