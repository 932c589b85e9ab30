"""Dhan's twin: a token for a PIN and a code, all in the query, and the profile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from autologin.clock import IST
from autologin.sandbox.api_twin import CODES, ApiBehaviour, ApiTwin, calls
from autologin.sandbox.jwt import session
from autologin.sandbox.scenarios import Scenario, scenario
from autologin.sandbox.sdk import Sdk
from autologin.sandbox.twin import Refusal, html_error

if TYPE_CHECKING:
    from starlette.requests import Request


@dataclass(frozen=True)
class DhanBehaviour(ApiBehaviour):
    """What only Dhan's twin can do."""

    # refused: pin, ip, both (words that name PIN and code), plain (no reason), soon
    # profile: nobody, 403
    shape: str = "error"
    """How a refusal looks: error ({errorType, errorCode, errorMessage}), data ({status, data:
    {code: words}}), list or echo (the words hold the whole query)."""
    expiry: str = "plain"
    """How the end is told: plain, zone, missing, garbled, past, far."""


SCENARIOS: dict[str, Scenario] = {
    "wrong_pin": scenario("The PIN is refused", expect="credentials_rejected", refused="pin"),
    "wrong_pin_or_code": scenario(
        "PIN or code is refused, and nobody says which",
        expect="exchange_rejected",
        refused="both",
    ),
    "wrong_address": scenario(
        "The address of the machine is refused", expect="exchange_rejected", refused="ip"
    ),
    "too_soon": scenario("The first login comes too soon after another: in words", refused="soon"),
    "plain_refusal": scenario(
        "A refusal without a reason", expect="exchange_rejected", refused="plain"
    ),
    "wrong_code_in_data": scenario(
        "Every code is refused, in the shape {status, data}",
        expect="otp_rejected",
        refused_codes="all",
        shape="data",
    ),
    "wrong_code_in_list": scenario(
        "Every code is refused, in the shape {errors: [...]}",
        expect="otp_rejected",
        refused_codes="all",
        shape="list",
    ),
    "wrong_code_echoed": scenario(
        "Every code is refused, and the words repeat the query",
        expect="exchange_rejected",
        refused_codes="all",
        shape="echo",
    ),
    "no_token": scenario("200, but no token", expect="broker_unavailable", login="empty"),
    "expiry_with_zone": scenario("The expiry has a zone", expiry="zone"),
    "expiry_missing": scenario("There is no expiry", expiry="missing"),
    "expiry_garbled": scenario("The expiry is no time", expiry="garbled"),
    "expiry_past": scenario("The expiry has passed", expiry="past"),
    "expiry_far": scenario("The expiry is a week away", expiry="far"),
    "profile_nobody": scenario("The profile names nobody", profile="nobody"),
    "profile_403": scenario("The profile answers 403", profile="403"),
    **CODES,
    **calls({"token": "call for a token"}, {"profile": "profile call"}),
}


class Dhan(ApiTwin):
    """Dhan's login service and API for one client."""

    broker = "dhan"
    title = "Dhan (DhanHQ)"
    roles = ("auth", "api")
    login_call = "token"
    table = SCENARIOS
    sdk = Sdk(
        packages=("dhanhq==2.3.0",),
        hosts={"https://auth.dhan.co": "auth", "https://api.dhan.co": "api"},
        login="""
from dhanhq.auth import DhanLogin

client = DhanLogin(mine["client_id"])
gave = client.generate_token(mine["pin"], code)["accessToken"]
says = client.user_profile(gave)["dhanClientId"]
""",
        calls=("/app/generateAccessToken",),
        shows="availabelBalance",
    )
    plain = DhanBehaviour()
    behaviour: DhanBehaviour
    account: ClassVar = {
        "client_id": "1100001234",
        "pin": "135790",
        "totp_secret": "CXWCBV7KGJYNBMVLLQHQOBHU6T4XB657",
    }

    @property
    def endpoints(self) -> dict[str, str]:
        """The login service, and the API's base."""
        return {"auth": self.origins["auth"], "api": f"{self.origins['api']}/v2"}

    def routes(self, role: str) -> list[BaseRoute]:
        """The paths that we need."""
        if role == "auth":
            return [Route("/app/generateAccessToken", self.token, methods=["POST"])]
        return [Route("/v2/profile", self.profile), Route("/v2/fundlimit", self.funds)]

    async def token(self, request: Request) -> Response:
        """A token for the client id, the PIN and a code."""
        query = request.query_params
        mine = self.account
        refused = self.behaviour.refused
        self.otps.append(query.get("totp", ""))
        self.arrive("token", html_error)
        if self.locked:
            raise self._refusal("DH-901", "Your account is locked")
        if refused == "soon" and self.once("soon"):
            raise self._refusal("DH-904", "Token can be generated once every 2 minutes")
        if refused in WORDS:
            raise self._refusal("DH-905", WORDS[refused])
        if (query.get("dhanClientId"), query.get("pin")) != (mine["client_id"], mine["pin"]):
            raise self._refusal("DH-901", WORDS["pin"])
        if not self.check_otp(self.user, query.get("totp", "")):
            echo = f" in {request.url}" if self.behaviour.shape == "echo" else ""
            raise self._refusal("DH-901", f"Invalid Totp{echo}")
        return JSONResponse(self._reply())

    async def profile(self, request: Request) -> Response:
        """Whose token it is, and until when."""
        self.arrive("profile", html_error)
        if self.behaviour.profile == "403":
            raise Refusal(
                JSONResponse(
                    {"errorType": "Access", "errorCode": "DH-902", "errorMessage": "No access"}, 403
                )
            )
        token = request.headers.get("access-token", "")
        if not self.lives(token):
            raise Refusal(
                JSONResponse(
                    {"errorType": "Auth", "errorCode": "DH-901", "errorMessage": "Token invalid"},
                    401,
                )
            )
        ends = self.tokens[token].astimezone(IST)
        found = {
            "tokenValidity": ends.strftime("%d/%m/%Y %H:%M"),
            "activeSegment": "Equity",
            "dataPlan": "Active",
        }
        if self.behaviour.profile != "nobody":
            found["dhanClientId"] = self.account["client_id"]
        return JSONResponse(found)

    async def funds(self, request: Request) -> Response:
        """What the client may spend, in Dhan's own spelling."""
        if not self.lives(request.headers.get("access-token", "")):
            raise Refusal(
                JSONResponse(
                    {"errorType": "Auth", "errorCode": "DH-901", "errorMessage": "Token invalid"},
                    401,
                )
            )
        return JSONResponse(
            {"dhanClientId": self.account["client_id"], "availabelBalance": 100000.0}
        )

    def _reply(self) -> dict[str, Any]:
        if self.behaviour.login == "empty":
            return {"status": "success"}
        ends = self.token_end().astimezone(IST)
        token = self.open_token(session(self.account["client_id"], ends), ends)
        plain = ends.replace(tzinfo=None)
        expiries = {
            "plain": plain.isoformat(),
            "zone": ends.isoformat(),
            "garbled": "tomorrow",
            "past": "2024-07-01T12:34:56.000",
            "far": (plain + timedelta(days=7)).isoformat(),
        }
        data = {
            "dhanClientId": self.account["client_id"],
            "dhanClientName": "SANDBOX",
            "accessToken": token,
        }
        if self.behaviour.expiry in expiries:
            data["expiryTime"] = expiries[self.behaviour.expiry]
        return data

    def _refusal(self, code: str, words: str) -> Refusal:
        error: dict[str, Any] = {
            "errorType": "Invalid_Authentication",
            "errorCode": code,
            "errorMessage": words,
        }
        shapes = {
            "data": {"status": "failed", "data": {code: words}},
            "list": {"errors": [{"errorCode": code, "message": words}]},
        }
        return Refusal(JSONResponse(shapes.get(self.behaviour.shape, error), 400))


WORDS = {
    "pin": "Invalid Pin",
    "both": "Invalid Pin or Totp",
    "ip": "Request from an IP that is not whitelisted",
    "plain": "Bad request",
}
