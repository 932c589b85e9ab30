"""Firstock's twin: a token for the sealed password and a code, and the details that prove it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING, ClassVar

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.api_twin import CODES, ApiBehaviour, ApiTwin, calls, json_object
from autologin.sandbox.scenarios import Scenario, scenario
from autologin.sandbox.sdk import Sdk
from autologin.sandbox.twin import Refusal, alnum, html_error

if TYPE_CHECKING:
    from starlette.requests import Request


@dataclass(frozen=True)
class FirstockBehaviour(ApiBehaviour):
    """What only Firstock's twin can do."""

    # refused: password, vendor, key; profile (the details): nobody, 403
    status: int = 401
    """The HTTP status of a refusal."""
    named: bool = True
    """Whether a refusal has a name beside its words."""
    dead_status: int = 401


SCENARIOS: dict[str, Scenario] = {
    "wrong_password": scenario(
        "The password is refused", expect="credentials_rejected", refused="password"
    ),
    "wrong_password_400": scenario(
        "The password is refused, with HTTP 400",
        expect="credentials_rejected",
        refused="password",
        status=400,
    ),
    "wrong_vendor_code": scenario(
        "The vendor code is refused", expect="credentials_rejected", refused="vendor"
    ),
    "wrong_key": scenario("The API key is refused", expect="credentials_rejected", refused="key"),
    "wrong_code_unnamed": scenario(
        "Every code is refused, in words without a name",
        expect="otp_rejected",
        refused_codes="all",
        named=False,
    ),
    "no_token": scenario(
        "A good login without a token", expect="broker_unavailable", login="empty"
    ),
    "dead_token_400": scenario(
        "The new token is refused at once, with HTTP 400",
        expect="token_rejected",
        dead_token=True,
        dead_status=400,
    ),
    "details_nobody": scenario("The details name nobody", profile="nobody"),
    "details_403": scenario("The details answer 403", profile="403"),
    **CODES,
    **calls({"login": "login"}, {"details": "call for the details"}),
}


class Firstock(ApiTwin):
    """Firstock's API for one client."""

    broker = "firstock"
    title = "Firstock (API)"
    roles = ("api",)
    profile_call = "details"
    ends_at = time(0)
    table = SCENARIOS
    sdk = Sdk(
        packages=("firstock==1.2.11",),
        hosts={"https://api.firstock.in": "api"},
        login="""
from firstock import firstock

app = {"vendorCode": mine["user_id"] + "_API", "apiKey": mine["api_key"]}
found = firstock.login(userId=mine["user_id"], password=mine["password"], TOTP=code, **app)
gave = found["data"]["susertoken"]
says = firstock.userDetails(userId=mine["user_id"])["data"]["actid"]
""",
        calls=("/V1/login",),
        headers=("content-type",),
        shows="SB1234",
    )
    plain = FirstockBehaviour()
    behaviour: FirstockBehaviour
    account: ClassVar = {
        "user_id": "SB1234",
        "password": "Sand'box#7",
        "api_key": "sandboxApiKey",
        "totp_secret": "IRQP3IMLYXAPPH64PQFJBBJ4VORJKXTR",
    }

    @property
    def endpoints(self) -> dict[str, str]:
        """The base of the API."""
        return {"api": f"{self.origins['api']}/V1"}

    def routes(self, role: str) -> list[BaseRoute]:
        """The paths that we need."""
        del role
        return [
            Route("/V1/login", self.login, methods=["POST"]),
            Route("/V1/userDetails", self.details, methods=["POST"]),
        ]

    async def login(self, request: Request) -> Response:
        """A token."""
        body = await json_object(request)
        self.otps.append(str(body.get("TOTP", "")))
        self.arrive("login", html_error)
        mine = self.account
        if self.locked:
            raise self._refusal("USER_BLOCKED", "user", "Your account is blocked")
        right = body.get("apiKey") == mine["api_key"]
        self.require("key", right, self._refusal("INVALID_API_KEY", "apiKey", "Invalid API key"))
        right = body.get("vendorCode") == f"{mine['user_id']}_API"
        error = self._refusal("INVALID_VENDOR_CODE", "vendorCode", "Invalid vendor code")
        self.require("vendor", right, error)
        sealed = hashlib.sha256(mine["password"].encode()).hexdigest()
        right = (body.get("userId"), body.get("password")) == (mine["user_id"], sealed)
        error = self._refusal("INVALID_PASSWORD", "password", "Invalid password")
        self.require("password", right, error)
        if not self.check_otp(self.user, str(body.get("TOTP", ""))):
            raise self._refusal("INVALID_TOTP", "TOTP", "Invalid TOTP")
        if self.behaviour.login == "empty":
            return JSONResponse({"status": "success", "message": "Login successful", "data": {}})
        token = self.open_token(alnum(40), self.token_end())
        data = {
            "actid": mine["user_id"],
            "userName": "SANDBOX",
            "susertoken": token,
            "email": "sandbox@example.com",
        }
        return JSONResponse({"status": "success", "message": "Login successful", "data": data})

    async def details(self, request: Request) -> Response:
        """Who it is."""
        body = await json_object(request)
        self.arrive("details", html_error)
        if self.behaviour.profile == "403":
            raise Refusal(
                JSONResponse(
                    {"status": "failed", "name": "FORBIDDEN", "error": {"message": "Forbidden"}},
                    403,
                )
            )
        if (
            not self.lives(str(body.get("jKey", "")))
            or body.get("userId") != self.account["user_id"]
        ):
            raise Refusal(
                JSONResponse(
                    {"status": "failed", "name": "INVALID_JKEY", "error": {"message": "Expired"}},
                    self.behaviour.dead_status,
                )
            )
        named = {} if self.behaviour.profile == "nobody" else {"actid": self.account["user_id"]}
        return JSONResponse(
            {
                "status": "success",
                "message": "User details",
                "data": {**named, "userName": "SANDBOX"},
            }
        )

    def _refusal(self, name: str, field: str, message: str) -> Refusal:
        body = {
            "status": "failed",
            "code": str(self.behaviour.status),
            "error": {"field": field, "message": message},
        }
        return Refusal(
            JSONResponse(
                body | ({"name": name} if self.behaviour.named else {}), self.behaviour.status
            )
        )
