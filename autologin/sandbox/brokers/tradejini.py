"""Tradejini's twin: a token for the app's key, the PIN and a code, and the account's details."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.api_twin import CODES, ApiBehaviour, ApiTwin, calls
from autologin.sandbox.jwt import session
from autologin.sandbox.scenarios import Scenario, scenario
from autologin.sandbox.sdk import Sdk
from autologin.sandbox.twin import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

CLIENT = "JNSAND01"


@dataclass(frozen=True)
class TradejiniBehaviour(ApiBehaviour):
    """What only Tradejini's twin can do."""

    # refused: key, pin, address, input, forbidden, internal; profile: nobody, no_data, 403
    wording: str = "bare"
    """What a 401 says: bare ("Unauthorized"), full (what is wrong) or none."""
    expires: object = 86400
    """What the reply says in `expires_in`; empty: there is none."""
    hours: float = 24.0
    """How long a token lives."""


REFUSED = "credentials_rejected"
SCENARIOS: dict[str, Scenario] = {
    **CODES,
    **calls({"token": "call for a token"}, {"details": "call for the details"}),
    # One bare 401 for all of it: nothing is sent again, so not a second code either.
    "wrong_key": scenario("The API key is refused", expect=REFUSED, refused="key"),
    "wrong_pin": scenario("The PIN is refused", expect=REFUSED, refused="pin"),
    "wrong_address": scenario("The address is refused", expect=REFUSED, refused="address"),
    "wrong_code": scenario("Every code is refused", expect=REFUSED, refused_codes="all"),
    "wrong_code_once": scenario("The first code is refused", expect=REFUSED, refused_codes="first"),
    "clock_behind": scenario(
        "The broker's clock is 35 s behind, and only the present code counts",
        expect=REFUSED,
        clock_offset=-35.0,
        otp_window=0,
    ),
    "clock_ahead": scenario(
        "The broker's clock is 35 s ahead, and only the present code counts",
        expect=REFUSED,
        clock_offset=35.0,
        otp_window=0,
    ),
    "locked_bare": scenario("The account is locked: Unauthorized", expect=REFUSED, locked=True),
    "wordless": scenario(
        "A 401 without JSON: nobody knows whose it is",
        expect="exchange_rejected",
        refused="pin",
        wording="none",
    ),
    # A 401 that says more, which nobody has shown.
    "named_key": scenario("A wrong key by name", expect=REFUSED, refused="key", wording="full"),
    "named_pin": scenario("A wrong PIN by name", expect=REFUSED, refused="pin", wording="full"),
    "named_address": scenario(
        "A wrong address by name",
        expect="exchange_rejected",
        refused="address",
        wording="full",
    ),
    "named_code": scenario(
        "Every code is refused by name",
        expect="otp_rejected",
        refused_codes="all",
        wording="full",
    ),
    "named_code_once": scenario(
        "The first code is refused by name",
        refused_codes="first",
        wording="full",
    ),
    "locked": scenario(
        "The account is locked, and the 401 says so",
        expect="account_locked",
        locked=True,
        wording="full",
    ),
    # Other answers.
    "forbidden": scenario("A login answers 403", expect="exchange_rejected", refused="forbidden"),
    "bad_input": scenario("The input is refused", expect="exchange_rejected", refused="input"),
    "internal": scenario("400, try again", expect="broker_unavailable", refused="internal"),
    "no_token": scenario("200, but no token", expect="broker_unavailable", login="empty"),
    "expires_in_six_hours": scenario("The token lives six hours", expires=21600, hours=6.0),
    "expires_in_text": scenario("The same, said in text", expires="21600", hours=6.0),
    "expires_in_missing": scenario("The reply does not say how long", expires=""),
    "expires_in_garbled": scenario("The reply says how long in words", expires="a day"),
    "expires_in_a_week": scenario("The reply says a week", expires=604800),
    "details_nobody": scenario("The details name nobody", profile="nobody"),
    "details_no_data": scenario("There are no details", profile="no_data"),
    "details_403": scenario("The details answer 403", profile="403"),
}


class Tradejini(ApiTwin):
    """Tradejini's API for one client with an individual app."""

    broker = "tradejini"
    title = "Tradejini (CubePlus)"
    roles = ("api",)
    login_call = "token"
    profile_call = "details"
    table = SCENARIOS
    # `import tradejini_api` fails for a module that it lacks; the client inside it works.
    sdk = Sdk(
        packages=("tradejini-api==1.0.0",),
        hosts={"https://api.tradejini.com": "api"},
        login="""
import sys
from importlib.util import find_spec

sys.path += find_spec("tradejini_api").submodule_search_locations
from openapi_client import AccountApi, ApiClient, AuthorizationApi, Configuration

key = mine["api_key"]
sign_in = AuthorizationApi(ApiClient(Configuration())).updated_individual_token
gave = sign_in(f"Bearer {key}", mine["pin"], code, "totp").access_token
client = ApiClient(Configuration(access_token=f"{key}:{gave}"))
says = AccountApi(client).get_user_details().actual_instance.d.user_id
""",
        calls=("/v2/api-gw/oauth/individual-token-v2",),
        headers=("authorization", "content-type", "accept"),
        shows=CLIENT,
    )
    plain = TradejiniBehaviour()
    behaviour: TradejiniBehaviour
    account: ClassVar = {
        "api_key": "e4sandbox836433000a2f6ebe47dkey1",
        "pin": "Sand+box 48&26",
        "totp_secret": "O3ZZMPP7UTOCD2Y7GKTID3DRMC5W42TD",
    }

    @property
    def endpoints(self) -> dict[str, str]:
        """The base of the API."""
        return {"api": f"{self.origins['api']}/v2"}

    def routes(self, role: str) -> list[BaseRoute]:
        """The paths that we need."""
        del role
        return [
            Route("/v2/api-gw/oauth/individual-token-v2", self.token, methods=["POST"]),
            Route("/v2/api/account/details", self.details),
        ]

    async def token(self, request: Request) -> Response:
        """A token for the key, the PIN and a code."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.otps.append(form.get("twoFa", ""))
        self.arrive("token", broken)
        mine = self.account
        self.require("address", ok=True, error=self._unauthorized("IP is not whitelisted"))
        self.require("forbidden", ok=True, error=Refusal(broken(403)))
        self.require(
            "internal",
            ok=True,
            error=Refusal(error(400, "Internal Error occurred. Kindly try again.")),
        )
        right = request.headers.get("authorization") == f"Bearer {mine['api_key']}"
        self.require("key", right, self._unauthorized("Invalid API key"))
        right = form.keys() == {"password", "twoFa", "twoFaTyp"}
        self.require("input", right, Refusal(error(400, f"Input validation failed. {FIELDS}")))
        if self.locked:
            raise self._unauthorized("Your account is blocked due to incorrect attempts")
        self.require("pin", form["password"] == mine["pin"], self._unauthorized("Invalid PIN"))
        if form["twoFaTyp"] != "totp" or not self.check_otp(self.user, form["twoFa"]):
            raise self._unauthorized("Invalid TOTP")
        return JSONResponse(self._reply())

    async def details(self, request: Request) -> Response:
        """Who it is."""
        self.arrive("details", broken)
        if self.behaviour.profile == "403":
            raise Refusal(broken(403))
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        key, _, token = bearer.partition(":")
        if key != self.account["api_key"] or not self.lives(token):
            raise Refusal(error(401, "Unauthorized"))
        if self.behaviour.profile == "no_data":
            return JSONResponse({"s": "no-data", "msg": "no-data"})
        named = {} if self.behaviour.profile == "nobody" else {"userId": CLIENT}
        return JSONResponse({"s": "ok", "d": {**named, "userName": "SANDBOX"}})

    def _reply(self) -> dict[str, Any]:
        found = {"scope": "general", "token_type": "bearer"}
        if self.behaviour.login == "empty":
            return found
        ends = self.now() + timedelta(hours=self.behaviour.hours)
        stated = {"expires_in": self.behaviour.expires} if self.behaviour.expires else {}
        return {**found, "access_token": self.open_token(session(CLIENT, ends), ends), **stated}

    def _unauthorized(self, words: str) -> Refusal:
        if self.behaviour.wording == "none":
            return Refusal(Response(status_code=401))
        return Refusal(error(401, words if self.behaviour.wording == "full" else "Unauthorized"))


FIELDS = "Kindly check your input contains required fields for the request"
GATEWAY = {403: "Forbidden", 429: "Too many requests", 502: "Bad gateway"}


def error(status: int, words: str) -> Response:
    """A refusal, of the gateway or of what is behind it: they look alike."""
    return JSONResponse({"s": "error", "msg": words}, status)


def broken(status: int) -> Response:
    """What the gateway says with a status."""
    return error(status or 502, GATEWAY.get(status, "Internal server error"))
