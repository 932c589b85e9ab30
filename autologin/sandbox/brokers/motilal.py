"""Motilal Oswal's twin: a token for a hashed password, the date of birth and a code."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING, ClassVar

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.api_twin import CODES, ApiBehaviour, ApiTwin, calls, json_object
from autologin.sandbox.scenarios import Scenario, scenario
from autologin.sandbox.twin import Refusal, alnum, html_error

if TYPE_CHECKING:
    from starlette.requests import Request

HEADERS = (
    *(
        "clientlocalip",
        "clientpublicip",
        "macaddress",
        "osname",
        "osversion",
        "devicemodel",
        "manufacturer",
    ),
    *("productname", "productversion"),
)


@dataclass(frozen=True)
class MotilalBehaviour(ApiBehaviour):
    """What only Motilal Oswal's twin can do."""

    # refused: password, birth, key; profile (the margin): 403
    verified: str | bool = "TRUE"
    """What `isAuthTokenVerified` says; empty: it is not there."""
    dead_status: int = 401


SCENARIOS: dict[str, Scenario] = {
    "wrong_password": scenario(
        "The password is refused", expect="credentials_rejected", refused="password"
    ),
    "wrong_birth": scenario(
        "The date of birth is refused", expect="credentials_rejected", refused="birth"
    ),
    "wrong_key": scenario("The API key is refused", expect="credentials_rejected", refused="key"),
    "sms_pending": scenario(
        "A code by SMS is waited for", expect="otp_not_available", verified="FALSE"
    ),
    "sms_pending_boolean": scenario(
        "A code by SMS is waited for, told by a boolean", expect="otp_not_available", verified=False
    ),
    "dead_token_200": scenario(
        "The new token is refused at once, with HTTP 200",
        expect="token_rejected",
        dead_token=True,
        dead_status=200,
    ),
    "verified_missing": scenario("Nobody says whether the token is verified", verified=""),
    "margin_403": scenario("The margin answers 403", profile="403"),
    **CODES,
    **calls({"login": "login"}, {"margin": "call for the margin"}),
}


class Motilal(ApiTwin):
    """MO API for one client."""

    broker = "motilal"
    title = "Motilal Oswal (MO API)"
    roles = ("api",)
    profile_call = "margin"
    ends_at = time(6)
    table = SCENARIOS
    plain = MotilalBehaviour()
    behaviour: MotilalBehaviour
    account: ClassVar = {
        "user_id": "SBX0001",
        "password": "Sand&box7",
        "api_key": "sandboxApiKey",
        "birth_or_pan": "18/10/1988",
        "totp_secret": "N2FMSMEYWSL7APTOZP3XGXDIYA7M5KLQ",
    }

    @property
    def endpoints(self) -> dict[str, str]:
        """The base of the API."""
        return {"api": f"{self.origins['api']}/rest"}

    def routes(self, role: str) -> list[BaseRoute]:
        """The paths that we need."""
        del role
        return [
            Route("/rest/login/v3/authdirectapi", self.login, methods=["POST"]),
            Route("/rest/report/v1/getreportmargindetail", self.margin, methods=["POST"]),
        ]

    async def login(self, request: Request) -> Response:
        """A token."""
        body = await json_object(request)
        self.otps.append(str(body.get("totp", "")))
        self.arrive("login", html_error)
        self._check_headers(request)
        mine = self.account
        if self.locked:
            raise refusal("MO1010", "Your account is locked")
        sealed = hashlib.sha256((mine["password"] + mine["api_key"]).encode()).hexdigest()
        right = (body.get("userid"), body.get("password")) == (mine["user_id"], sealed)
        self.require("password", right, refusal("MO1006", "Invalid Password"))
        right = body.get("2FA") == mine["birth_or_pan"]
        self.require("birth", right, refusal("MO1007", "Invalid 2FA, PAN or DOB"))
        if not self.check_otp(self.user, str(body.get("totp", ""))):
            raise refusal("MO1008", "Invalid TOTP")
        token = self.open_token(alnum(40), self.token_end())
        verified = (
            {}
            if self.behaviour.verified == ""
            else {"isAuthTokenVerified": self.behaviour.verified}
        )
        return JSONResponse(
            {
                "status": "SUCCESS",
                "message": "Login Successful",
                "errorcode": "",
                "AuthToken": token,
                **verified,
            }
        )

    async def margin(self, request: Request) -> Response:
        """What the client may spend."""
        self.arrive("margin", html_error)
        if self.behaviour.profile == "403":
            raise refusal("MO1060", "Not allowed", 403)
        self._check_headers(request)
        if not self.lives(request.headers.get("authorization", "")):
            raise refusal("MO8001", "Invalid Token", self.behaviour.dead_status)
        return JSONResponse({"status": "SUCCESS", "message": "", "errorcode": "", "data": []})

    def _check_headers(self, request: Request) -> None:
        missing = [name for name in HEADERS if not request.headers.get(name)]
        if missing or not request.headers.get("user-agent", "").startswith("MOSL/"):
            raise refusal("MO1001", "A header is missing")
        right = request.headers.get("apikey") == self.account["api_key"]
        self.require("key", right, refusal("MO1002", "Invalid API Key"))


def refusal(code: str, message: str, status: int = 200) -> Refusal:
    """An error as the API says it."""
    return Refusal(JSONResponse({"status": "ERROR", "message": message, "errorcode": code}, status))
