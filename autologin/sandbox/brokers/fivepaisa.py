"""5paisa's twin: a request token for a PIN and a code, an access token for that, and the margin that proves it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING, Any, ClassVar

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.api_twin import CODES, ApiBehaviour, ApiTwin, calls, json_object
from autologin.sandbox.jwt import session
from autologin.sandbox.scenarios import Scenario, scenario
from autologin.sandbox.twin import Refusal, alnum, html_error

if TYPE_CHECKING:
    from starlette.requests import Request

SERVICE = "/VendorsAPI/Service1.svc"


@dataclass(frozen=True)
class FivePaisaBehaviour(ApiBehaviour):
    """What only 5paisa's twin can do."""

    refused: str = ""
    """What is refused: pin, both (nobody says which), key, encryption, or server (Status -1, the first time)."""
    margin: str = "named"
    """What the margin says: named, nobody, or refused (a status that says nothing of the token)."""


SCENARIOS: dict[str, Scenario] = {
    "wrong_pin": scenario("The PIN is refused", refused="pin"),
    "wrong_pin_or_code": scenario("PIN or code is refused, and nobody says which", refused="both"),
    "wrong_key": scenario("The user key is refused", refused="key"),
    "wrong_encryption_key": scenario("The encryption key is refused at the second step", refused="encryption"),
    "server_error_once": scenario("The first login says Status -1", refused="server"),
    "margin_nobody": scenario("The margin names nobody", margin="nobody"),
    "margin_refused": scenario("The margin is refused, with a status that says nothing of the token", margin="refused"),
    **CODES,
    **calls({"login": "first step", "exchange": "second step"}, {"margin": "call for the margin"}),
}


class FivePaisa(ApiTwin):
    """5paisa's Open API for one client."""

    broker = "fivepaisa"
    title = "5paisa (Open API)"
    roles = ("api",)
    table = SCENARIOS
    plain = FivePaisaBehaviour()
    behaviour: FivePaisaBehaviour
    account: ClassVar = {
        "user_key": "sandboxUserKey",
        "encryption_key": "sandboxEncryptionKey",
        "user_id": "sandboxUser",
        "client_code": "51234567",
        "pin": "975310",
        "totp_secret": "4P2CJR4ONSGEJHJDGU42CXXFZKBWXPVO",
    }

    @property
    def endpoints(self) -> dict[str, str]:
        """The base of the service."""
        return {"api": self.origins["api"] + SERVICE}

    def routes(self, role: str) -> list[BaseRoute]:
        """The paths that we need."""
        del role
        return [
            Route(f"{SERVICE}/TOTPLogin", self.login, methods=["POST"]),
            Route(f"{SERVICE}/GetAccessToken", self.exchange, methods=["POST"]),
            Route(f"{SERVICE}/V4/Margin", self.margin, methods=["POST"]),
        ]

    async def login(self, request: Request) -> Response:
        """A request token."""
        head, body = await parts(request)
        self.otps.append(str(body.get("TOTP", "")))
        self.arrive("login", html_error)
        mine, refused = self.account, self.behaviour.refused
        if refused == "server" and self.once("server"):
            raise said(-1, "Something failed")
        if refused == "key" or head.get("Key") != mine["user_key"]:
            raise said(1, "Invalid User Key")
        if self.locked:
            raise said(1, "Your account is locked")
        if refused == "both":
            raise said(1, "Invalid TOTP or PIN")
        if refused == "pin" or (body.get("Email_ID"), body.get("PIN")) != (mine["client_code"], mine["pin"]):
            raise said(1, "Invalid PIN")
        if not self.check_otp(self.user, str(body.get("TOTP", ""))):
            raise said(1, "Invalid TOTP")
        self.codes_issued.append(token := alnum(60))
        return answer({"RequestToken": token, "ClientCode": mine["client_code"], "RedirectURL": "", "Message": "", "Status": 0})

    async def exchange(self, request: Request) -> Response:
        """An access token for a request token."""
        head, body = await parts(request)
        self.arrive("exchange", html_error)
        mine, token = self.account, str(body.get("RequestToken", ""))
        if token not in self.codes_issued or token in self.codes_exchanged:
            raise said(1, "Invalid request token")
        self.codes_exchanged.append(token)
        keys = (head.get("Key"), body.get("EncryKey"), body.get("UserId"))
        if self.behaviour.refused == "encryption" or keys != (mine["user_key"], mine["encryption_key"], mine["user_id"]):
            raise said(1, "Invalid Encryption Key")
        ends = self.next_daily(time(23, 59))
        access = self.opened(session(mine["client_code"], ends), ends)
        return answer({"AccessToken": access, "ClientCode": mine["client_code"], "Message": "Success", "Status": 0})

    async def margin(self, request: Request) -> Response:
        """What the client may spend."""
        self.arrive("margin", html_error)
        if self.behaviour.margin == "refused":
            raise said(2, "No data")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.lives(token):
            raise Refusal(JSONResponse({"body": {"Message": "Unauthorized", "Status": 9}}, 401))
        _, body = await parts(request)
        named = {} if self.behaviour.margin == "nobody" else {"ClientCode": body.get("ClientCode")}
        return answer({**named, "EquityMargin": [{"NetAvailableMargin": 100000.0}], "Message": "", "Status": 0})


async def parts(request: Request) -> tuple[dict[str, Any], dict[str, Any]]:
    """Head and body of a message."""
    message = await json_object(request)
    return message.get("head") or {}, message.get("body") or {}


def answer(body: dict[str, Any]) -> Response:
    """A message of the service's."""
    return JSONResponse({"body": body, "head": {"Status": 0, "StatusDescription": "Success"}})


def said(status: int, message: str) -> Refusal:
    """A refusal: a 200 with a status."""
    return Refusal(answer({"Message": message, "Status": status, "RequestToken": None, "AccessToken": None}))
