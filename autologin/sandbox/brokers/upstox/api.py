"""api.upstox.com: exchange, profile, logout, and the request that a person approves."""

from __future__ import annotations

import hmac
from datetime import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.brokers.upstox.state import UpstoxState, error, refusal
from autologin.sandbox.twin import Refusal, alnum, html_error

MISSING = {
    "client_id": 1017,
    "redirect_uri": 1018,
    "code": 1022,
    "grant_type": 1023,
    "client_secret": 1024,
}
WRONG_CLIENT = "Check your 'client_id' and 'client_secret'; one or both are incorrect."
INACTIVE = "No segments for these users are active. Manual reactivation is recommended from Upstox app/web."
NO_STATIC_IP = "Access is not allowed from this IP address."
EXCHANGES = ["NSE", "NFO", "BSE", "CDS", "BFO", "BCD"]
PRODUCTS = ["D", "CO", "I"]
ORDER_TYPES = ["MARKET", "LIMIT", "SL", "SL-M"]
GATEWAY = {
    429: ("UDAPI10005", "Too Many Request Sent"),
    502: ("UDAPI100500", "Something went wrong... please contact us"),
}


class Api:
    """API v2, as far as a session needs it."""

    def __init__(self, twin: UpstoxState) -> None:
        self.twin = twin

    def routes(self) -> list[BaseRoute]:
        """The paths that we need."""
        return [
            Route("/v2/login/authorization/token", self.exchange, methods=["POST"]),
            Route("/v2/user/profile", self.profile),
            Route("/v2/logout", self.logout, methods=["DELETE"]),
            Route(
                "/v3/login/auth/token/request/{client_id}", self.ask_for_approval, methods=["POST"]
            ),
        ]

    async def exchange(self, request: Request) -> Response:
        """A code for an access_token; each code once, even where the exchange fails."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        code = form.get("code", "")
        self.twin.codes_exchanged.append(code)
        if self.twin.behaviour.burns_code_at_502 and self.twin.once("burnt code"):
            self._use(code)
            raise Refusal(gateway_error(502))
        self.twin.arrive("exchange", gateway_error)
        self._check_form(form)
        self._use(code)
        self._check_client(form)
        access = self.twin.open_token()
        extended = alnum(40) if self.twin.behaviour.extended else ""
        self.twin.extended_tokens += [extended] if extended else []
        return JSONResponse(token_reply(self.twin.user_id, access, extended))

    def _check_form(self, form: dict[str, str]) -> None:
        for name, code in MISSING.items():
            if not form.get(name):
                raise refusal(400, f"UDAPI{code}", f"The '{name}' is required")

    def _use(self, code: str) -> None:
        if self.twin.grants.use(code, self.twin.now()) is None:
            raise refusal(401, "UDAPI100057", "Invalid Auth code")

    def _check_client(self, form: dict[str, str]) -> None:
        twin = self.twin
        if (form["client_id"], form["redirect_uri"]) != (twin.client_id, twin.redirect_uri):
            raise refusal(
                401,
                "UDAPI100068",
                "Check your 'client_id' and 'redirect_uri'; one or both are incorrect.",
            )
        right = hmac.compare_digest(form["client_secret"].encode(), twin.client_secret.encode())
        if not right or twin.behaviour.wrong_secret or form["grant_type"] != "authorization_code":
            raise refusal(401, "UDAPI100069", WRONG_CLIENT)
        if twin.behaviour.inactive_segments:
            raise refusal(401, "", INACTIVE)

    async def profile(self, request: Request) -> Response:
        """Who the token belongs to."""
        self.twin.arrive("profile", gateway_error)
        refused = self.twin.behaviour.profile
        if refused == "html":
            raise Refusal(html_error(403))
        if refused:
            raise refusal(401, refused, NO_STATIC_IP)
        self._living(request)
        return reply(person(self.twin.user_id))

    async def logout(self, request: Request) -> Response:
        """The end of a token."""
        self.twin.arrive("logout", gateway_error)
        del self.twin.tokens[self._living(request)]
        return reply(data=True)

    async def ask_for_approval(self, request: Request) -> Response:
        """A request for a token that a person would approve in the app; nobody does here."""
        self.twin.arrive("approval", gateway_error)
        given = str((await request.json()).get("client_secret", ""))
        known = request.path_params["client_id"] == self.twin.client_id
        if not known or not hmac.compare_digest(given.encode(), self.twin.client_secret.encode()):
            raise refusal(401, "UDAPI100069", WRONG_CLIENT)
        ends = int(self.twin.next_daily(time(3, 30)).timestamp() * 1000)
        return reply(
            {"authorization_expiry": str(ends), "notifier_url": "https://app.example/notify"}
        )

    def _living(self, request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        ends = self.twin.tokens.get(token)
        if (
            scheme != "Bearer"
            or ends is None
            or ends <= self.twin.now()
            or self.twin.behaviour.dead_token
        ):
            raise refusal(401, "UDAPI100050", "Invalid token used to access API")
        return token


def reply(data: object) -> JSONResponse:
    """An answer of the API."""
    return JSONResponse({"status": "success", "data": data})


def gateway_error(status: int) -> Response:
    """What the API says when it is not well."""
    return error(status or 502, *GATEWAY.get(status, GATEWAY[502]))


def person(user_id: str) -> dict[str, Any]:
    """The fields that a token reply and a profile share."""
    return {
        "email": "sandbox@example.com",
        "exchanges": EXCHANGES,
        "products": PRODUCTS,
        "broker": "UPSTOX",
        "user_id": user_id,
        "user_name": "Sandbox Trader",
        "order_types": ORDER_TYPES,
        "user_type": "individual",
        "poa": False,
        "is_active": True,
    }


def token_reply(user_id: str, access_token: str, extended_token: str) -> dict[str, Any]:
    """What the exchange gives: not in an envelope."""
    return {
        **person(user_id),
        "ddpi": False,
        "access_token": access_token,
        "extended_token": extended_token,
    }
