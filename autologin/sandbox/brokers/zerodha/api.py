"""api.kite.trade: exchange, profile, margins, logout."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from autologin.clock import IST
from autologin.sandbox.brokers.zerodha.state import Access, ZerodhaState, error, refusal, reply
from autologin.sandbox.twin import Refusal, html_error
from autologin.sandbox.user import TestUser

EXCHANGES = ["NSE", "NFO", "BFO", "CDS", "BSE", "MCX", "BCD", "MF"]
PRODUCTS = ["CNC", "NRML", "MIS", "BO", "CO"]
ORDER_TYPES = ["MARKET", "LIMIT", "SL", "SL-M"]
USED = "Token is invalid or has expired."


class Api:
    """The token API on its own origin; every answer is JSON, as the official SDK insists."""

    def __init__(self, twin: ZerodhaState) -> None:
        self.twin = twin

    def routes(self) -> list[BaseRoute]:
        """The paths that we need of Kite Connect."""
        return [
            Route("/session/token", self.exchange, methods=["POST"]),
            Route("/session/token", self.logout, methods=["DELETE"]),
            Route("/session/refresh_token", self.refresh, methods=["POST"]),
            Route("/user/profile", self.profile),
            Route("/user/margins", self.margins),
        ]

    async def exchange(self, request: Request) -> Response:
        """A request_token and the right checksum for an access token; each request_token once."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        code = form.get("request_token", "")
        self.twin.codes_exchanged.append(code)
        if self.twin.behaviour.burns_code_at_502 and self.twin.once("burnt code"):
            self._use(form)
            raise Refusal(gateway_error(502))
        self.twin.arrive("exchange", gateway_error)
        user = self._use(form)
        access = self.twin.open_access(user)
        keys = {"api_key": self.twin.api_key, "access_token": access.access_token, **access.session}
        return reply(session(self.twin.shown_user(user), keys, self.twin.now()))

    def _use(self, form: dict[str, str]) -> TestUser:
        for name in ("api_key", "request_token", "checksum"):
            if not form.get(name):
                raise refusal(400, "InputException", f"Missing `{name}`.")
        if form["api_key"] != self.twin.api_key:
            raise refusal(403, "TokenException", "Invalid `api_key`.")
        if self.twin.behaviour.invalid_checksum or not self._signed(form):
            raise refusal(403, "TokenException", "Invalid `checksum`.")
        grant = self.twin.grants.use(form["request_token"], self.twin.now())
        if grant is None:
            raise refusal(403, "TokenException", USED)
        return grant.holder

    def _signed(self, form: dict[str, str]) -> bool:
        text = self.twin.api_key + form["request_token"] + self.twin.api_secret
        return hmac.compare_digest(hashlib.sha256(text.encode()).hexdigest(), form["checksum"])

    async def refresh(self, request: Request) -> Response:
        """Retail apps have no refresh token."""
        await request.form()
        self.twin.arrive("refresh", gateway_error)
        raise refusal(403, "TokenException", "Invalid `refresh_token`.")

    async def profile(self, request: Request) -> Response:
        """Who the token belongs to."""
        self.twin.arrive("profile", gateway_error)
        if self.twin.behaviour.profile_403_html:
            raise Refusal(html_error(403))
        return reply(person(self.twin.shown_user(self._access(request).user)))

    async def margins(self, request: Request) -> Response:
        """What the user has."""
        self.twin.arrive("margins", gateway_error)
        self._access(request)
        return reply(margins())

    async def logout(self, request: Request) -> Response:
        """The end of a token, named in the query."""
        self.twin.arrive("logout", gateway_error)
        query = request.query_params
        access = self._living(query.get("api_key", ""), query.get("access_token", ""))
        del self.twin.tokens[access.access_token]
        return reply(data=True)

    def _access(self, request: Request) -> Access:
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        key, _, token = rest.partition(":")
        return self._living(key if scheme == "token" else "", token)

    def _living(self, api_key: str, token: str) -> Access:
        access = self.twin.tokens.get(token)
        dead = access is None or access.ends <= self.twin.now() or self.twin.behaviour.dead_token
        if access is None or dead or api_key != self.twin.api_key:
            raise refusal(403, "TokenException", "Incorrect `api_key` or `access_token`.")
        return access


def gateway_error(status: int) -> Response:
    """What the API host says when it is not well."""
    words = {429: "Too many requests", 502: "Gateway timed out. Please try again later."}
    return error(status or 502, "NetworkException", words.get(status, "Something went wrong."))


def person(user_id: str) -> dict[str, Any]:
    """The fields that a session and a profile share."""
    return {
        "user_id": user_id,
        "user_type": "individual",
        "email": "sandbox@example.com",
        "user_name": "Sandbox Trader",
        "user_shortname": "Sandbox",
        "broker": "ZERODHA",
        "exchanges": EXCHANGES,
        "products": PRODUCTS,
        "order_types": ORDER_TYPES,
        "avatar_url": None,
        "meta": {"demat_consent": "physical"},
    }


def session(user_id: str, keys: dict[str, str], now: datetime) -> dict[str, Any]:
    """What the exchange gives."""
    at = now.astimezone(IST).strftime("%Y-%m-%d %H:%M:%S")
    return {**person(user_id), **keys, "refresh_token": "", "silo": "", "login_time": at}


def margins() -> dict[str, Any]:
    """The funds of somebody with a lakh."""
    available = {
        "adhoc_margin": 0,
        "cash": 100000,
        "collateral": 0,
        "intraday_payin": 0,
        "live_balance": 100000,
        "opening_balance": 100000,
    }
    segment = {"enabled": True, "net": 100000, "available": available, "utilised": {"debits": 0}}
    return {"equity": segment, "commodity": {**segment, "enabled": False, "net": 0}}
