"""5paisa's twin: a request token for a PIN and a code, an access token, and the margin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING, Any, ClassVar

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.api_twin import CODES, ApiBehaviour, ApiTwin, calls, json_object
from autologin.sandbox.jwt import session
from autologin.sandbox.scenarios import Scenario, scenario
from autologin.sandbox.sdk import Sdk
from autologin.sandbox.twin import Refusal, alnum, html_error

if TYPE_CHECKING:
    from starlette.requests import Request

SERVICE = "/VendorsAPI/Service1.svc"


@dataclass(frozen=True)
class FivePaisaBehaviour(ApiBehaviour):
    """What only 5paisa's twin can do."""

    # refused: pin, both (nobody says which), key, encryption, server (Status -1, the first time)
    # profile (the margin): nobody, refused (a status that says nothing of the token)


SCENARIOS: dict[str, Scenario] = {
    "wrong_pin": scenario("The PIN is refused", expect="credentials_rejected", refused="pin"),
    "wrong_pin_or_code": scenario(
        "PIN or code is refused, and nobody says which",
        expect="exchange_rejected",
        refused="both",
    ),
    "wrong_key": scenario("The user key is refused", expect="credentials_rejected", refused="key"),
    "wrong_encryption_key": scenario(
        "The encryption key is refused at the second step",
        expect="credentials_rejected",
        refused="encryption",
    ),
    "server_error_once": scenario("The first login says Status -1", refused="server"),
    "margin_nobody": scenario("The margin names nobody", profile="nobody"),
    "margin_refused": scenario(
        "The margin is refused, with a status that says nothing of the token", profile="refused"
    ),
    **CODES,
    **calls({"login": "first step", "exchange": "second step"}, {"margin": "call for the margin"}),
}


class FivePaisa(ApiTwin):
    """5paisa's Open API for one client."""

    broker = "fivepaisa"
    title = "5paisa (Open API)"
    roles = ("api",)
    profile_call = "margin"
    ends_at = time(23, 59)
    table = SCENARIOS
    sdk = Sdk(
        packages=("py5paisa==0.7.21.2",),
        hosts={"https://Openapi.5paisa.com": "api"},
        login="""
from py5paisa import FivePaisaClient

cred = {"APP_NAME": "", "APP_SOURCE": "", "PASSWORD": "", "USER_ID": mine["user_id"]}
cred |= {"USER_KEY": mine["user_key"], "ENCRYPTION_KEY": mine["encryption_key"]}
client = FivePaisaClient(cred=cred)
client.get_totp_session(mine["client_code"], code, mine["pin"])
gave = client.access_token
says = client.client_code
""",
        calls=(
            f"{SERVICE}/TOTPLogin",
        ),  # its second call repeats PIN and code, which nobody asks for
        headers=("content-type",),
        shows="NetAvailableMargin",
    )
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
        mine = self.account
        refused = self.behaviour.refused
        if refused == "server" and self.once("server"):
            raise refusal(-1, "Something failed")
        self.require("key", head.get("Key") == mine["user_key"], refusal(1, "Invalid User Key"))
        if self.locked:
            raise refusal(1, "Your account is locked")
        if refused == "both":
            raise refusal(1, "Invalid TOTP or PIN")
        right = (body.get("Email_ID"), body.get("PIN")) == (mine["client_code"], mine["pin"])
        self.require("pin", right, refusal(1, "Invalid PIN"))
        if not self.check_otp(self.user, str(body.get("TOTP", ""))):
            raise refusal(1, "Invalid TOTP")
        token = alnum(60)
        self.codes_issued.append(token)
        return answer(
            {
                "RequestToken": token,
                "ClientCode": mine["client_code"],
                "RedirectURL": "",
                "Message": "",
                "Status": 0,
            }
        )

    async def exchange(self, request: Request) -> Response:
        """An access token for a request token."""
        head, body = await parts(request)
        self.arrive("exchange", html_error)
        mine = self.account
        token = str(body.get("RequestToken", ""))
        if token not in self.codes_issued or token in self.codes_exchanged:
            raise refusal(1, "Invalid request token")
        self.codes_exchanged.append(token)
        keys = (head.get("Key"), body.get("EncryKey"), body.get("UserId"))
        right = keys == (mine["user_key"], mine["encryption_key"], mine["user_id"])
        self.require("encryption", right, refusal(1, "Invalid Encryption Key"))
        ends = self.token_end()
        access = self.open_token(session(mine["client_code"], ends), ends)
        return answer(
            {
                "AccessToken": access,
                "ClientCode": mine["client_code"],
                "Message": "Success",
                "Status": 0,
            }
        )

    async def margin(self, request: Request) -> Response:
        """What the client may spend."""
        self.arrive("margin", html_error)
        if self.behaviour.profile == "refused":
            raise refusal(2, "No data")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.lives(token):
            raise Refusal(JSONResponse({"body": {"Message": "Unauthorized", "Status": 9}}, 401))
        _, body = await parts(request)
        named = {} if self.behaviour.profile == "nobody" else {"ClientCode": body.get("ClientCode")}
        return answer(
            {
                **named,
                "EquityMargin": [{"NetAvailableMargin": 100000.0}],
                "Message": "",
                "Status": 0,
            }
        )


async def parts(request: Request) -> tuple[dict[str, Any], dict[str, Any]]:
    """Head and body of a message."""
    message = await json_object(request)
    return message.get("head") or {}, message.get("body") or {}


def answer(body: dict[str, Any]) -> Response:
    """A message of the service's."""
    return JSONResponse({"body": body, "head": {"Status": 0, "StatusDescription": "Success"}})


def refusal(status: int, message: str) -> Refusal:
    """A refusal: a 200 with a status."""
    return Refusal(
        answer({"Message": message, "Status": status, "RequestToken": None, "AccessToken": None})
    )
