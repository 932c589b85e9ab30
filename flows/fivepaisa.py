"""5paisa, Open API.

Docs      https://xstream.5paisa.com/dev-docs   evidence of 2026-08 (docs, py5paisa 0.7.21.2,
          OpenAlgo)
Expiry    23:59 in India on the day of issue
Lockout   no limit of wrong codes is published. One answer tells a wrong code and a wrong PIN: its
          words decide. Words that name both leave it open: nothing is blocked or sent again. The
          PIN is sent once, a rejected code is followed by one more in a new window
Guessed   those words; whose token it is, and what proves a dead one (401 only), in the margin call
"""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, SecretStr

from autologin.flow import (
    ApiFlow,
    AutologinError,
    BrokerUnavailable,
    Credentials,
    CredentialsRejected,
    Token,
    TotpSeed,
    Verification,
    digits,
    json_object,
    next_daily,
    refusal,
    refuses_token,
    send,
    text_of,
    token_in,
    verify_with,
)

from ._json_api import login_error, plain

if TYPE_CHECKING:
    import httpx

NOT_NOW = "-1"
"""The status of an answer whose server is not well."""
INVALID_LOGIN = "1"


class FivePaisaCredentials(Credentials):
    """What 5paisa needs. The password and the names of the app are for older ways in."""

    user_key: SecretStr = Field(description="xstream.5paisa.com, API keys: UserKey")
    encryption_key: SecretStr = Field(description="xstream.5paisa.com, API keys: Encryption key")
    user_id: str = Field(description="xstream.5paisa.com, API keys: User id (not the client code)")
    client_code: str = Field(
        description="the client code, e-mail address or mobile number you log in with"
    )
    pin: Annotated[SecretStr, AfterValidator(digits(6, "PIN"))] = Field(
        description="the six digits you log in with"
    )
    totp_secret: TotpSeed = Field(
        description="5paisa.com, My profile, External TOTP: the text beside the QR code"
    )


class FivePaisa(ApiFlow):
    """Sign in over the Open API; no page is involved."""

    broker = "fivepaisa"
    title = "5paisa"
    docs = "https://xstream.5paisa.com/dev-docs"
    evidence = "2026-08"
    notes = "Open API; tokens die at 23:59"
    endpoints = {"api": "https://Openapi.5paisa.com/VendorsAPI/Service1.svc"}
    login_id = ("client_code",)
    credentials: FivePaisaCredentials

    @property
    def user_id(self) -> None:
        """None: a client may log in with an e-mail address, but the answer has the client code."""

    async def sign_in(self, http: httpx.AsyncClient, otp: str, now: datetime) -> Token:
        """POST TOTPLogin, and at once GetAccessToken.

        The first one's token may live for half a minute only.
        """
        mine = self.credentials
        login = {"Email_ID": mine.client_code, "TOTP": otp, "PIN": plain(mine.pin)}
        first = await self._step(http, "TOTPLogin", login, "RequestToken")
        keys = {
            "RequestToken": first["RequestToken"],
            "EncryKey": plain(mine.encryption_key),
            "UserId": mine.user_id,
        }
        last = await self._step(http, "GetAccessToken", keys, "AccessToken")
        client = text_of(last.get("ClientCode") or first.get("ClientCode"))
        return Token(
            access_token=SecretStr(last["AccessToken"]),
            issued_at=now,
            expires_at=next_daily(time(23, 59), now),
            user_id=client,
            extra={"client_code": client},
        )

    async def _step(
        self, http: httpx.AsyncClient, name: str, body: dict[str, str], wanted: str
    ) -> dict[str, Any]:
        message = {"head": {"Key": plain(self.credentials.user_key)}, "body": body}
        request = http.build_request("POST", f"{self.urls['api']}/{name}", json=message)
        response = await send(request, http)
        answer = json_object(response)
        status = _status(answer)
        if response.status_code != 200 or status != "0" or not token_in(_body(answer).get(wanted)):
            invalid = name == "TOTPLogin" and status == INVALID_LOGIN
            code: type[AutologinError] | None = BrokerUnavailable if status == NOT_NOW else None
            code = CredentialsRejected if invalid else code
            raise login_error("5paisa", response, _message(answer), code=code)
        return _body(answer)

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verification:
        """POST V4/Margin."""
        request = http.build_request(
            "POST",
            f"{self.urls['api']}/V4/Margin",
            json={
                "head": {"key": plain(self.credentials.user_key)},
                "body": {"ClientCode": token.extra.get("client_code", "")},
            },
            headers={"Authorization": f"bearer {plain(token.access_token)}"},
        )
        return await verify_with(request, http, owner=_owner, dead=_is_dead, words=_message)


def _body(answer: dict[str, Any]) -> dict[str, Any]:
    body = answer.get("body")
    return body if isinstance(body, dict) else {}


def _status(answer: dict[str, Any]) -> str:
    """A number, or the same in words."""
    return text_of(_body(answer).get("Status"))


def _message(answer: dict[str, Any]) -> str:
    """The words of a body with a status other than 0, or of a head without a body."""
    if body := _body(answer):
        return refusal(_status(answer) not in {"", "0"}, body.get("Message"))
    head = answer.get("head")
    if not isinstance(head, dict):
        return ""
    return refusal(head, head.get("StatusDescription") or head.get("statusDescription"))


def _owner(answer: dict[str, Any]) -> str | None:
    return text_of(_body(answer).get("ClientCode")) if _status(answer) == "0" else None


def _is_dead(status: int, answer: dict[str, Any]) -> bool:
    return refuses_token(status, _message(answer))
