"""m.Stock's twin, type B: a login with the password, the code once more, and the funds."""

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

BASE = "/openapi/typeb"


@dataclass(frozen=True)
class MStockBehaviour(ApiBehaviour):
    """What only m.Stock's twin can do."""

    # refused: password, key, second (the code at the second step); profile (the funds): 403
    truth: Any = True
    """How a good answer says so: true or "true"."""
    first: str = "refreshToken"
    """The name of the first step's token."""


SCENARIOS: dict[str, Scenario] = {
    "wrong_password": scenario(
        "The password is refused", expect="credentials_rejected", refused="password"
    ),
    "wrong_key": scenario(
        "The API key is refused at the second step", expect="credentials_rejected", refused="key"
    ),
    "wrong_code_at_second_step": scenario(
        "The code is refused at the second step", expect="otp_rejected", refused="second"
    ),
    "status_in_words": scenario('A good answer says "true", not true', truth="true"),
    "first_token_is_a_jwt": scenario(
        "The first step gives a jwtToken, no refreshToken", first="jwtToken"
    ),
    "funds_403": scenario("The funds answer 403", profile="403"),
    **CODES,
    **calls({"login": "first step", "totp": "second step"}, {"funds": "call for the funds"}),
}


class MStock(ApiTwin):
    """m.Stock's Trading API for one client."""

    broker = "mstock"
    title = "m.Stock (Trading API, type B)"
    roles = ("api",)
    profile_call = "funds"
    ends_at = time(0)
    table = SCENARIOS
    sdk = Sdk(  # its login has a code sent by SMS
        packages=("mstock-tradingapi-b==1.0.5",),
        hosts={"https://api.mstock.trade": "api"},
        shows="AVAILABLE_BALANCE",
    )
    plain = MStockBehaviour()
    behaviour: MStockBehaviour
    account: ClassVar = {
        "client_code": "MA123456",
        "password": "Sand-box:7",
        "api_key": "sandboxApiKey==",
        "totp_secret": "GCZUPPONTMFS6IQ76QKE6HNEPCVFHNX4",
    }

    def reset(self) -> None:
        """Forget tokens, wrong codes and counts. The scenarios stay on."""
        super().reset()
        self.begun: dict[str, str] = {}

    @property
    def endpoints(self) -> dict[str, str]:
        """The base of the API."""
        return {"api": self.origins["api"] + BASE}

    def routes(self, role: str) -> list[BaseRoute]:
        """The paths that we need."""
        del role
        return [
            Route(f"{BASE}/connect/login", self.login, methods=["POST"]),
            Route(f"{BASE}/session/verifytotp", self.totp, methods=["POST"]),
            Route(f"{BASE}/user/fundsummary", self.funds),
        ]

    async def login(self, request: Request) -> Response:
        """The first step's token, for the password and a code."""
        body = await json_object(request)
        code = str(body.get("totp", ""))
        self.otps.append(code)
        self.arrive("login", html_error)
        check_version(request)
        if self.locked:
            raise refusal(400, "InputException", "Your account is locked")
        given = (body.get("clientcode"), body.get("password"))
        right = given == (self.account["client_code"], self.account["password"])
        words = "Invalid username or password"
        self.require("password", right, refusal(400, "InputException", words))
        if not self.check_otp(self.user, code):
            raise refusal(400, "InputException", "Invalid totp")
        token = alnum(40)
        self.begun[token] = code
        return self._good({self.behaviour.first: token})

    async def totp(self, request: Request) -> Response:
        """The session's tokens, for the same code."""
        body = await json_object(request)
        self.arrive("totp", html_error)
        check_version(request)
        key = self.account["api_key"]
        right = (request.headers.get("x-privatekey"), body.get("api_key")) == (key, key)
        words = "API is suspended or expired for use"
        self.require("key", right, refusal(403, "APIKeyException", words))
        code = self.begun.pop(str(body.get("refreshToken", "")), None)
        right = code is not None and code == body.get("totp")
        self.require("second", right, refusal(400, "InputException", "Invalid totp"))
        ends = self.token_end()
        token = self.open_token(session(self.account["client_code"], ends), ends)
        return self._good({"jwtToken": token, "feedToken": alnum(20), "refreshToken": alnum(40)})

    async def funds(self, request: Request) -> Response:
        """What the client may spend."""
        self.arrive("funds", html_error)
        check_version(request)
        if self.behaviour.profile == "403":
            raise refusal(403, "APIKeyException", "API is suspended")
        if not self.lives(request.headers.get("authorization", "").removeprefix("Bearer ")):
            raise refusal(401, "TokenException", "Invalid or expired token")
        return self._good([{"AVAILABLE_BALANCE": "100000"}])

    def _good(self, data: Any) -> Response:
        return JSONResponse(
            {"status": self.behaviour.truth, "message": "SUCCESS", "errorcode": "", "data": data}
        )


def check_version(request: Request) -> None:
    """Every call names the version."""
    if request.headers.get("x-mirae-version") != "1":
        raise refusal(400, "VersionException", "Invalid version")


def refusal(status: int, kind: str, message: str) -> Refusal:
    """An error as the API says it."""
    return Refusal(
        JSONResponse(
            {"status": False, "message": message, "error_type": kind, "data": None}, status
        )
    )
