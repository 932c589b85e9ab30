"""What browsers see of Fyers.

The login page at the API's own address with its services, the way back, the error page.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.brokers.fyers.state import FyersState, Visit, gateway_error, refusal, reply
from autologin.sandbox.page import LoginPage, captcha, page_routes
from autologin.sandbox.redirects import redirect, with_query
from autologin.sandbox.twin import Refusal, alnum, html_error, render

PAGE = LoginPage.load("FYERS - Born to Trade", "#2d5fe0", Path(__file__).parent)


class Pages:
    """Pages, and the two calls of theirs that name the redirect."""

    def __init__(self, twin: FyersState) -> None:
        self.twin = twin

    def api_routes(self) -> list[BaseRoute]:
        """api-t1.fyers.in."""
        return [
            Route("/api/v3/generate-authcode", self.login_page),
            Route("/api/v3/token", self.token, methods=["POST"]),
            Route("/api/v3/direct-login", self.direct_login, methods=["POST"]),
            Route("/api/v3/back", self.back),
            Route("/turnstile/captcha", captcha),
            *page_routes(self.twin),
        ]

    def site_routes(self) -> list[BaseRoute]:
        """trade.fyers.in."""
        return [Route("/api-login/error/index.html", error_page)]

    async def login_page(self, request: Request) -> Response:
        """The single-page app; nothing of the address stands in it."""
        self.twin.arrive("login_page")
        door = self.twin.behaviour.door
        if door == "access_denied":
            raise Refusal(html_error(403))
        if reason := door or self._wrong(dict(request.query_params)):
            query = urlencode({"error_msg": reason})
            return redirect(f"{self.twin.origins['site']}/api-login/error/index.html?{query}")
        return PAGE.show(self.twin, {"vagator": f"{self.twin.origins['vagator']}/vagator/v2"})

    def _wrong(self, params: dict[str, str]) -> str:
        if not params.get("redirect_uri"):
            return "Key: 'AuthCodeRequest.RedirectURI' Error:Field validation for 'RedirectURI' failed on the 'required' tag"
        ours = (self.twin.client_id, self.twin.redirect_uri)
        return (
            "" if (params.get("client_id"), params["redirect_uri"]) == ours else "invalid appType"
        )

    async def token(self, request: Request) -> Response:
        """After the PIN: where to go. Status 308 without a Location; the page reads `Url`."""
        self.twin.arrive("token", gateway_error)
        data = await self._signed_in(request)
        if self.twin.behaviour.first_use and not self.twin.user.authorised:
            return JSONResponse(
                {"s": "ok", "code": 200, "message": "", "consent": {"app": "Sandbox app"}}
            )
        return JSONResponse(
            {"s": "ok", "code": 308, "message": "", "Url": self._way_back(data)}, 308
        )

    async def direct_login(self, request: Request) -> Response:
        """The same after the consent."""
        self.twin.arrive("direct_login", gateway_error)
        data = await self._signed_in(request)
        if self.twin.behaviour.first_use == "refused":
            raise refusal(403, -99, "This app may not be allowed by this user")
        self.twin.user.authorised = True
        return JSONResponse({"s": "ok", "Url": self._way_back(data)})

    async def _signed_in(self, request: Request) -> dict[str, Any]:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not bearer or bearer not in {visit.login_token for visit in self.twin.visits.values()}:
            raise refusal(401, -16, "Could not authenticate the user")
        found: dict[str, Any] = await request.json()
        return found

    def _way_back(self, data: dict[str, Any]) -> str:
        """The redirect URI with the code, or a page of ours that goes there in another way."""
        state = str(data["state"]) if data.get("state") is not None else None
        if self.twin.behaviour.delivery == "302":
            return with_query(self.twin.redirect_uri, self.twin.redirect_params(state))
        return f"{self.twin.origins['api']}/api/v3/back?{urlencode({'state': state or ''})}"

    async def back(self, request: Request) -> Response:
        """A hop on the way back, for the other kinds of redirect."""
        params = self.twin.redirect_params(request.query_params.get("state"))
        return self.twin.delivery.answer(
            self.twin.behaviour.delivery, self.twin.redirect_uri, params
        )


class Vagator:
    """The services behind the login page, on an origin of their own.

    Client id, one-time password, PIN.
    """

    def __init__(self, twin: FyersState) -> None:
        self.twin = twin

    def routes(self) -> list[BaseRoute]:
        """Each call with every path that public sources know."""
        sends = dict.fromkeys(
            ("send_login_otp", "send_login_otp_v2", "send_login_otp_v3"), self.send
        )
        verifies = dict.fromkeys(("verify_otp", "verify_otp_v2"), self.verify)
        calls = {**sends, **verifies, **dict.fromkeys(("verify_pin", "verify_pin_v2"), self.pin)}
        return [
            Route(f"/vagator/v2/{path}", call, methods=["POST"]) for path, call in calls.items()
        ]

    async def send(self, request: Request) -> Response:
        """The client id; an SMS goes out where TOTP is not enabled."""
        data = await self._arrive(request, "send")
        given = str(data.get("fy_id") or data.get("identifier_value") or "")
        self.twin.check_id(given if request.url.path.endswith("otp") else _decoded(given))
        self.twin.counters["sms"] += not self.twin.behaviour.totp_enabled
        return reply(request_key=self.twin.open_visit(), totp=self.twin.behaviour.totp_enabled)

    async def verify(self, request: Request) -> Response:
        """The one-time password."""
        body = await request.json()
        self.twin.otps.append(str(body.get("otp", "")))
        data = await self._arrive(request, "verify")
        visit = self._visit(data)
        self.twin.check_code(str(data.get("otp")))
        visit.code_right = True
        await asyncio.sleep(self.twin.behaviour.answer_seconds)
        return reply(request_key=self.twin.open_visit(visit))

    async def pin(self, request: Request) -> Response:
        """The PIN: plain, or in base64."""
        data = await self._arrive(request, "pin")
        visit = self._visit(data)
        given = str(data.get("identifier"))
        if not visit.code_right:
            raise refusal(400, -2, "Missing request key")
        self.twin.check_pin(_decoded(given) if request.url.path.endswith("v2") else given)
        visit.login_token = alnum(60)
        self.twin.visits[visit.login_token] = visit
        return reply(data={"access_token": visit.login_token, "refresh_token": alnum(60)})

    async def _arrive(self, request: Request, place: str) -> dict[str, Any]:
        self.twin.arrive(place, gateway_error)
        found: dict[str, Any] = await request.json()
        return found

    def _visit(self, data: dict[str, Any]) -> Visit:
        visit = self.twin.visits.pop(str(data.get("request_key")), None)
        if visit is None:
            raise refusal(400, -1025, "Your Session Expired!")
        if self.twin.behaviour.refused_codes or self.twin.behaviour.wrong_pin:
            self.twin.visits[str(data["request_key"])] = visit
        return visit


async def error_page(_request: Request) -> Response:
    """The page to which Fyers sends whom it turns away; only the address says why."""
    return render("fyers/error.html")


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
