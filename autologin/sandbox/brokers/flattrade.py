"""Flattrade's twin: the page, a token for a sealed code, and the details that prove it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qs

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.api_twin import json_object
from autologin.sandbox.measured import form
from autologin.sandbox.page_twin import FormBehaviour, FormTwin, Shown, table
from autologin.sandbox.scenarios import Scenario, scenario
from autologin.sandbox.twin import Refusal, alnum, html_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request


@dataclass(frozen=True)
class FlattradeBehaviour(FormBehaviour):
    """What only Flattrade's twin can do."""

    good: str = "status"
    """The name under which a reply says Ok: status (docs) or stat (live)."""


OWN = {
    "request_code": scenario(
        "The code is called request_code, as in the docs", code_param="request_code"
    ),
    "no_token": scenario(
        "The exchange says no, without a reason", expect="exchange_rejected", exchange="unsaid"
    ),
    "address_not_registered": scenario(
        "The exchange does not know the address", expect="exchange_rejected", exchange="address"
    ),
    "stat_for_status": scenario("Replies say stat, not status", good="stat"),
}


class Flattrade(FormTwin):
    """Flattrade for one user."""

    broker = "flattrade"
    title = "Flattrade"
    measured = form("user_id", screens=1)
    table: ClassVar[dict[str, Scenario]] = table(OWN, without=("one_screen",))
    plain = FlattradeBehaviour()
    behaviour: FlattradeBehaviour
    fields = (
        Shown("user", "User ID", ""),
        Shown("password", "Password", "", "password"),
        Shown("code", "OTP / TOTP", ""),
    )
    button = "Log In"
    account: ClassVar[Mapping[str, str]] = {
        "user_id": "FT12345",
        "password": "Sand.box7",
        "totp_secret": "OEYRUGAI4E4B6JKXH5AEHWSDZGQWYCPQ",
        "api_key": "sandboxkey",
        "api_secret": "sandboxSecret",
    }

    @property
    def endpoints(self) -> dict[str, str]:
        """The page, the exchange's host, and the API's base."""
        api = self.origins["api"]
        return {"login": self.origins["login"], "auth": api, "api": f"{api}/PiConnectAPI"}

    @property
    def credentials(self) -> dict[str, str]:
        """What the account needs."""
        return {**self.account, "redirect_uri": self.redirect_uri}

    def knows(self, query: Mapping[str, str]) -> bool:
        """Whether it is our key."""
        return query.get("app_key") == self.account["api_key"]

    def redirect_params(self, code: str) -> list[tuple[str, str]]:
        """The code, and whose it is."""
        return [*super().redirect_params(code), ("client", self.user_id)]

    def api(self) -> list[BaseRoute]:
        """The paths that we need."""
        return [
            Route("/trade/apitoken", self.exchange, methods=["POST"]),
            Route("/PiConnectAPI/UserDetails", self.details, methods=["POST"]),
        ]

    async def exchange(self, request: Request) -> Response:
        """A token for a code."""
        body = await json_object(request)
        self.arrive("exchange", html_error)
        good = self.behaviour.good
        if self.behaviour.exchange == "unsaid":
            return JSONResponse({"token": "", "client": "", good: "Not_Ok", "emsg": ""})
        if self.behaviour.exchange == "address":
            return JSONResponse({good: "Not_Ok", "emsg": "Invalid Input : INVALID_IP"})
        code = self.spend(
            str(body.get("api_secret")), {code: self._seal(code) for code in self.codes_issued}
        )
        if (
            not code
            or body.get("request_code") != code
            or body.get("api_key") != self.account["api_key"]
        ):
            return JSONResponse(
                {
                    "token": "",
                    "client": "",
                    good: "Not_Ok",
                    "emsg": "Invalid Input : INVALID_SESSION",
                }
            )
        token = self.open_token(alnum(64), self.next_daily(time(5)))
        return JSONResponse({"token": token, "client": self.owner, good: "Ok", "emsg": ""})

    async def details(self, request: Request) -> Response:
        """Who it is."""
        form = parse_qs((await request.body()).decode())
        self.arrive("proof", html_error)
        if self.behaviour.proof == "other":
            return JSONResponse({"stat": "Not_Ok", "emsg": "Error Occurred : 5"})
        if not self.lives(form.get("jKey", [""])[0]):
            raise Refusal(
                JSONResponse(
                    {"stat": "Not_Ok", "emsg": "Session Expired :  Invalid Session Key"}, 401
                )
            )
        return JSONResponse(
            {"stat": "Ok", "actid": json.loads(form["jData"][0])["uid"], "uname": "SANDBOX"}
        )

    def _seal(self, code: str) -> str:
        return hashlib.sha256(
            (self.account["api_key"] + code + self.account["api_secret"]).encode()
        ).hexdigest()
