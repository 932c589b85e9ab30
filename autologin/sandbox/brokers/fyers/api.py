"""API v3, as far as a session needs it."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.brokers.fyers.state import FyersState, gateway_error, refusal, reply
from autologin.sandbox.twin import Refusal, html_error

NOT_YOU = "Could not authenticate the user"


class Api:
    """Exchange, refresh, profile, logout."""

    def __init__(self, twin: FyersState) -> None:
        self.twin = twin

    def routes(self) -> list[BaseRoute]:
        """The paths that we need."""
        return [
            Route("/api/v3/validate-authcode", self.exchange, methods=["POST"]),
            Route("/api/v3/validate-refresh-token", self.refresh, methods=["POST"]),
            Route("/api/v3/profile", self.profile),
            Route("/api/v3/logout", self.logout, methods=["POST"]),
        ]

    async def exchange(self, request: Request) -> Response:
        """A code for an access_token; each code once."""
        data = await request.json()
        code = str(data.get("code") or "")
        self.twin.codes_exchanged.append(code)
        if self.twin.behaviour.burns_code_at_502 and self.twin.once("burnt code"):
            self._use(code)
            raise Refusal(gateway_error(502))
        self.twin.arrive("exchange", gateway_error)
        if data.get("grant_type") != "authorization_code":
            raise refusal(400, -442, "Please provide valid grant_type")
        self._check_hash(data)
        if not code:
            raise refusal(400, -374, "Please provide authorization code.")
        self._use(code)
        refresh = (
            {}
            if self.twin.behaviour.refresh == "off"
            else {"refresh_token": self.twin.open_refresh_token()}
        )
        return reply(access_token=self.twin.open_token(), **refresh)

    async def refresh(self, request: Request) -> Response:
        """A new access_token for the refresh token and the PIN."""
        self.twin.arrive("refresh", gateway_error)
        data = await request.json()
        if data.get("grant_type") != "refresh_token":
            raise refusal(400, -442, "Please provide valid grant_type")
        if (
            self.twin.behaviour.refresh == "off"
            or data.get("refresh_token") not in self.twin.refresh_tokens
        ):
            raise refusal(400, -501, "Please provide valid refresh token")
        self._check_hash(data)
        if not hmac.compare_digest(
            str(data.get("pin") or "").encode(), self.twin.user.pin.encode()
        ):
            raise refusal(400, -502, "Please provide your valid pin")
        more = (
            {"refresh_token": self.twin.open_refresh_token()}
            if self.twin.behaviour.refresh == "rotates"
            else {}
        )
        return reply(access_token=self.twin.open_token(), **more)

    def _check_hash(self, data: dict[str, Any]) -> None:
        right = hashlib.sha256(f"{self.twin.client_id}:{self.twin.secret_key}".encode()).hexdigest()
        given = str(data.get("appIdHash") or "")
        if self.twin.behaviour.wrong_secret or not hmac.compare_digest(
            given.encode(), right.encode()
        ):
            raise refusal(400, -371, "Please provide sha256 hash of appId and app secret")

    def _use(self, code: str) -> None:
        if self.twin.behaviour.refuses_code or self.twin.grants.use(code, self.twin.now()) is None:
            raise refusal(200 if self.twin.behaviour.status == 200 else 401, -16, NOT_YOU)

    async def profile(self, request: Request) -> Response:
        """Who the token belongs to."""
        self.twin.arrive("profile", gateway_error)
        if self.twin.behaviour.profile == "html":
            raise Refusal(html_error(403))
        self._living(request)
        return reply(
            data=profile(
                "XX99999" if self.twin.behaviour.profile == "other" else self.twin.user.user_id
            )
        )

    async def logout(self, request: Request) -> Response:
        """The end of a token."""
        self.twin.arrive("logout", gateway_error)
        del self.twin.tokens[self._living(request)]
        return reply()

    def _living(self, request: Request) -> str:
        app, _, token = request.headers.get("authorization", "").partition(":")
        ends = self.twin.tokens.get(token)
        if (
            app != self.twin.client_id
            or ends is None
            or ends <= self.twin.now()
            or self.twin.behaviour.dead_token
        ):
            raise refusal(401, -16, NOT_YOU)
        return token


def profile(fy_id: str) -> dict[str, Any]:
    """Whose token it is."""
    names = {
        "name": "SANDBOX TRADER",
        "display_name": "Sandbox",
        "email_id": "sandbox@example.com",
        "image": None,
    }
    dates = {"pin_change_date": "01-01-2026 00:00:00", "pwd_change_date": None, "pwd_to_expire": 90}
    flags = {"totp": True, "ddpi_enabled": False, "mtf_enabled": False}
    return {
        **names,
        **dates,
        **flags,
        "PAN": "ABCDE1234F",
        "fy_id": fy_id,
        "mobile_number": "9812345670",
    }
