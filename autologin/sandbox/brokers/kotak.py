"""Kotak Neo's twin: a session that may look for a code, and one that may trade for the MPIN."""

from __future__ import annotations

import json
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

HASTE = 424


@dataclass(frozen=True)
class KotakBehaviour(ApiBehaviour):
    """What only Kotak Neo's twin can do."""

    # refused: mpin, key, user, dependency (the first time); profile (the limits): bare, 403
    words: bool = True
    """Whether a refusal has words beside its code."""
    status: int = 401
    """The HTTP status of a refusal; 200 too."""
    base: str = ""
    """An address that the session is said to have; empty: its own."""


SCENARIOS: dict[str, Scenario] = {
    "wrong_mpin": scenario("The MPIN is refused", expect="credentials_rejected", refused="mpin"),
    "wrong_mpin_unsaid": scenario(
        "The MPIN is refused by a bare 401",
        expect="credentials_rejected",
        refused="mpin",
        words=False,
    ),
    "wrong_key": scenario(
        "The access token is refused", expect="credentials_rejected", refused="key"
    ),
    "wrong_user": scenario(
        "The client code is refused", expect="credentials_rejected", refused="user"
    ),
    "wrong_code_unsaid": scenario(
        "Every code is refused by a bare 401",
        expect="otp_rejected",
        refused_codes="all",
        words=False,
    ),
    "wrong_code_200": scenario(
        "Every code is refused, with HTTP 200",
        expect="otp_rejected",
        refused_codes="all",
        status=200,
    ),
    "dependency": scenario("The first login fails with 424", refused="dependency"),
    "foreign_base": scenario(
        "The session is said to be at somebody else's address",
        expect="exchange_rejected",
        base="https://kotaksecurities.example",
    ),
    "bare_limits": scenario("The limits have no status", profile="bare"),
    "limits_403": scenario("The limits answer 403", profile="403"),
    **CODES,
    **calls({"login": "first step"}, {"limits": "call for the limits"}),
}


class Kotak(ApiTwin):
    """Kotak Neo's Trade API for one client."""

    broker = "kotak"
    title = "Kotak Neo (Trade API)"
    roles = ("session",)
    profile_call = "limits"
    ends_at = time(0)
    table = SCENARIOS
    sdk = Sdk(
        packages=("kotakneoapi==3.0.9",),
        hosts={"https://mis.kotaksecurities.com": "session"},
        login="""
from neo_api_client import NeoAPI

client = NeoAPI(consumer_key=mine["consumer_key"])
client.totp_login(mobile_number=mine["mobile_number"], ucc=mine["ucc"], totp=code)
client.totp_validate(mpin=mine["mpin"])
gave = client.configuration.edit_token
says = client.limits()["Category"]
""",
        calls=("/login/1.0/tradeApiLogin", "/login/1.0/tradeApiValidate"),
        headers=("content-type", "authorization", "neo-fin-key"),
        shows="CLIENT",
    )
    plain = KotakBehaviour()
    behaviour: KotakBehaviour
    account: ClassVar = {
        "consumer_key": "5d1c7f70-7a39-4a11-9d5e-2f0c6a1b7e44",
        "mobile_number": "+919876543210",
        "ucc": "SBX12",
        "mpin": "246810",
        "totp_secret": "7ZMQCA5PLRDXGBPJZKPSFPYW3E7FR7YZ",
    }

    def reset(self) -> None:
        """Forget sessions, wrong codes and counts. The scenarios stay on."""
        super().reset()
        self.views: dict[str, str] = {}
        self.sids: dict[str, str] = {}

    def routes(self, role: str) -> list[BaseRoute]:
        """The paths that we need; the last one is of the session's own address."""
        del role
        return [
            Route("/login/1.0/tradeApiLogin", self.login, methods=["POST"]),
            Route("/login/1.0/tradeApiValidate", self.validate, methods=["POST"]),
            Route("/quick/user/limits", self.limits, methods=["POST"]),
        ]

    async def login(self, request: Request) -> Response:
        """A session that may look, for a code."""
        body = await json_object(request)
        self.otps.append(str(body.get("totp", "")))
        self.arrive("login", html_error)
        self._check_key(request)
        if self.behaviour.refused == "dependency" and self.once("dependency"):
            raise Refusal(
                JSONResponse(
                    {"status": "error", "message": "Dependency failed", "errorCode": "424"}, HASTE
                )
            )
        if self.locked:
            raise self._refusal("Your account is locked")
        given = (body.get("mobileNumber"), body.get("ucc"))
        right = given == (self.account["mobile_number"], self.account["ucc"])
        self.require("user", right, self._refusal("Invalid UCC or mobile number"))
        if not self.check_otp(self.user, str(body.get("totp", ""))):
            raise self._refusal("Invalid TOTP")
        view = alnum(60)
        sid = alnum(20)
        self.views[view] = sid
        return JSONResponse(
            {
                "data": {
                    "token": view,
                    "sid": sid,
                    "rid": alnum(10),
                    "kType": "View",
                    "status": "success",
                }
            }
        )

    async def validate(self, request: Request) -> Response:
        """A session that may trade, for the MPIN."""
        self.arrive("validate", html_error)
        self._check_key(request)
        if self.views.get(request.headers.get("auth", ""), "") != request.headers.get("sid"):
            raise self._refusal("Invalid session")
        body = await json_object(request)
        self.require(
            "mpin", body.get("mpin") == self.account["mpin"], self._refusal("Invalid MPIN")
        )
        ends = self.token_end()
        token = self.open_token(session(self.account["ucc"], ends), ends)
        sid = alnum(20)
        self.sids[token] = sid
        data: dict[str, Any] = {
            "token": token,
            "sid": sid,
            "rid": alnum(10),
            "kType": "Trade",
            "status": "success",
        }
        data |= {
            "baseUrl": self.behaviour.base or self.origins["session"],
            "ucc": self.account["ucc"],
            "dataCenter": "E21",
        }
        return JSONResponse({"data": data})

    async def limits(self, request: Request) -> Response:
        """What the client may spend."""
        self.arrive("limits", html_error)
        token = request.headers.get("auth", "")
        if self.behaviour.profile == "403":
            raise Refusal(
                JSONResponse({"stat": "Not_Ok", "errMsg": "Forbidden", "stCode": 403}, 403)
            )
        if not self.lives(token) or self.sids.get(token) != request.headers.get("sid"):
            raise Refusal(
                JSONResponse({"stat": "Not_Ok", "errMsg": "Unauthorized", "stCode": 401}, 401)
            )
        json.loads(str((await request.form())["jData"]))
        found: dict[str, Any] = {"Category": "CLIENT", "Net": "100000"}
        return JSONResponse(
            found if self.behaviour.profile == "bare" else {"stat": "Ok", "stCode": 200, **found}
        )

    def _check_key(self, request: Request) -> None:
        if request.headers.get("neo-fin-key") != "neotradeapi":
            raise self._refusal("Invalid neo-fin-key")
        right = request.headers.get("authorization") == self.account["consumer_key"]
        self.require("key", right, self._refusal("Invalid consumer key"))

    def _refusal(self, words: str) -> Refusal:
        body = {
            "status": "error",
            "errorCode": "401",
            **({"message": words} if self.behaviour.words else {}),
        }
        return Refusal(JSONResponse(body, self.behaviour.status))
