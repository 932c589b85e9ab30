"""Angel One's twin: the login of SmartAPI, its refresh, and the profile."""

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

AUTH, SECURE = "/rest/auth/angelbroking", "/rest/secure/angelbroking"
HEADERS = ("x-usertype", "x-sourceid", "x-clientlocalip", "x-clientpublicip", "x-macaddress")


@dataclass(frozen=True)
class AngelOneBehaviour(ApiBehaviour):
    """What only Angel One's twin can do."""

    # refused: pin, key, rate; profile: nobody, refused (with a code that says nothing of the token)
    words: str = "code"
    """How a wrong code is told: by its code, or in words alone."""
    bearer: bool = False
    """Whether the token comes with the word before it."""


SCENARIOS: dict[str, Scenario] = {
    "wrong_pin": scenario(
        "The PIN is refused with AB1007", expect="credentials_rejected", refused="pin"
    ),
    "wrong_key": scenario("The API key is refused", expect="credentials_rejected", refused="key"),
    "rate_limited": scenario(
        "The first login is over the rate limit: 403, in words", refused="rate"
    ),
    "wrong_code_in_words": scenario(
        "Every code is refused, in words without AB1050",
        expect="otp_rejected",
        refused_codes="all",
        words="words",
    ),
    "token_with_bearer": scenario("The token comes as Bearer <token>", bearer=True),
    "no_token": scenario(
        "A good login without a token", expect="broker_unavailable", login="empty"
    ),
    "profile_nobody": scenario("The profile names nobody", profile="nobody"),
    "profile_refused": scenario(
        "The profile is refused, with a code that says nothing of the token", profile="refused"
    ),
    **CODES,
    **calls({"login": "login"}, {"profile": "profile call"}),
}


class AngelOne(ApiTwin):
    """SmartAPI for one client."""

    broker = "angelone"
    title = "Angel One (SmartAPI)"
    roles = ("api",)
    ends_at = time(0)
    table = SCENARIOS
    sdk = Sdk(
        packages=(
            "smartapi-python==1.5.5",
            "logzero",
            "pyotp",
            "requests",
            "six",
            "websocket-client",
        ),
        hosts={"https://apiconnect.angelone.in": "api"},
        login="""
from SmartApi import SmartConnect

client = SmartConnect(api_key=mine["api_key"])
data = client.generateSession(mine["client_code"], mine["pin"], code)["data"]
gave = client.access_token
says = data["clientcode"]
""",
        calls=(f"{AUTH}/user/v1/loginByPassword",),
        headers=(
            "content-type",
            "accept",
            "x-privatekey",
            "x-usertype",
            "x-sourceid",
            "x-clientlocalip",
            "x-clientpublicip",
        ),
        shows="A123456",
    )
    plain = AngelOneBehaviour()
    behaviour: AngelOneBehaviour
    account: ClassVar = {
        "api_key": "sandboxKEY",
        "client_code": "A123456",
        "pin": "4711",
        "totp_secret": "ZQDTLIZWMP7OOJLPMSHMPYGLOVWYU5CY",
    }

    def routes(self, role: str) -> list[BaseRoute]:
        """The paths that we need."""
        del role
        return [
            Route(f"{AUTH}/user/v1/loginByPassword", self.login, methods=["POST"]),
            Route(f"{AUTH}/jwt/v1/generateTokens", self.renew, methods=["POST"]),
            Route(f"{SECURE}/user/v1/getProfile", self.profile),
        ]

    async def login(self, request: Request) -> Response:
        """A trio of tokens for the client code, the PIN and a code."""
        body = await json_object(request)
        self.otps.append(str(body.get("totp", "")))
        self.arrive("login", html_error)
        self._check_headers(request)
        if self.behaviour.refused == "rate" and self.once("rate"):
            raise Refusal(
                JSONResponse({"message": "Access denied because of exceeding rate limit"}, 403)
            )
        if self.locked:
            raise refusal("AB1011", "Your account is locked")
        given = (body.get("clientcode"), body.get("password"))
        right = given == (self.account["client_code"], self.account["pin"])
        self.require("pin", right, refusal("AB1007", "Invalid clientcode or password"))
        if not self.check_otp(self.user, str(body.get("totp", ""))):
            raise refusal("AB1050" if self.behaviour.words == "code" else "", "Invalid totp")
        return self._trio()

    async def renew(self, request: Request) -> Response:
        """A new trio for a refresh token."""
        self.arrive("renew", html_error)
        self._living(request)
        if (await json_object(request)).get("refreshToken") not in self.codes_issued:
            raise refusal("AB8050", "Invalid Refresh Token")
        return self._trio()

    async def profile(self, request: Request) -> Response:
        """Whose token it is."""
        self.arrive("profile", html_error)
        if self.behaviour.profile == "refused":
            raise refusal("AB2001", "Internal error")
        self._living(request)
        data = (
            {}
            if self.behaviour.profile == "nobody"
            else {"clientcode": self.account["client_code"], "name": "A"}
        )
        return JSONResponse({"status": True, "message": "SUCCESS", "errorcode": "", "data": data})

    def _check_headers(self, request: Request) -> None:
        if any(not request.headers.get(name) for name in HEADERS):
            raise refusal("AG8003", "A header is missing")
        right = request.headers.get("x-privatekey") == self.account["api_key"]
        self.require("key", right, refusal("AG8004", "Invalid API Key"))

    def _living(self, request: Request) -> None:
        if not self.lives(request.headers.get("authorization", "").removeprefix("Bearer ")):
            raise refusal("AG8001", "Invalid Token")

    def _trio(self) -> Response:
        ends = self.token_end()
        token = self.open_token(session(self.account["client_code"], ends), ends)
        refresh = alnum(40)
        self.codes_issued.append(refresh)
        data: dict[str, Any] = {"jwtToken": f"Bearer {token}" if self.behaviour.bearer else token}
        data |= {"refreshToken": refresh, "feedToken": alnum(20), "state": ""}
        if self.behaviour.login == "empty":
            data = {}
        return JSONResponse({"status": True, "message": "SUCCESS", "errorcode": "", "data": data})


def refusal(code: str, message: str) -> Refusal:
    """An error as SmartAPI says it: a 200."""
    return Refusal(
        JSONResponse({"status": False, "message": message, "errorcode": code, "data": None})
    )
