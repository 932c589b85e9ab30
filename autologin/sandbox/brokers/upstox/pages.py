"""What browsers see of Upstox.

The dialog, the login site with its service, and the hop on the way back to the app.
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

from autologin.sandbox.brokers.upstox.state import UpstoxState, Visit, declined, error, no, refusal
from autologin.sandbox.page import LoginPage, page_routes
from autologin.sandbox.redirects import redirect, with_query
from autologin.sandbox.twin import Refusal, alnum, html_error, render

SAYS = {
    "UDAPI100068": "Check your 'client_id' and 'redirect_uri'; one or both are incorrect.",
    "UDAPI100069": "Check your 'client_id' and 'client_secret'; one or both are incorrect.",
    "UDAPI100016": "Invalid Credentials",
}
MISSING = {"client_id": "UDAPI1017", "redirect_uri": "UDAPI1018"}

PAGE = LoginPage.load("Upstox", "#5a298b", Path(__file__).parent)


class Pages:
    """Pages on three hosts."""

    def __init__(self, twin: UpstoxState) -> None:
        self.twin = twin

    def dialog_routes(self) -> list[BaseRoute]:
        """api.upstox.com."""
        return [Route("/v2/login/authorization/dialog", self.dialog)]

    def login_routes(self) -> list[BaseRoute]:
        """login.upstox.com."""
        return [
            Route("/", self.login_page),
            *page_routes(self.twin),
        ]

    def hop_routes(self) -> list[BaseRoute]:
        """api-v2.upstox.com."""
        return [Route("/login/authorization/redirect", self.forward), self.twin.delivery.route]

    async def dialog(self, request: Request) -> Response:
        """The way in: checks the app, then sends the browser to the login site."""
        self.twin.arrive("dialog")
        params = dict(request.query_params)
        self._check(params)
        visit = self.twin.open_visit(params.get("state"))
        back = f"{self.twin.origins['api_v2']}/login/authorization/redirect"
        query = {
            "client_id": visit.client,
            "user_id": visit.lead,
            "user_type": "individual",
            "redirect_uri": back,
        }
        return redirect(f"{self.twin.origins['login']}/?{urlencode(query)}")

    def _check(self, params: dict[str, str]) -> None:
        door = self.twin.behaviour.door
        if door == "access_denied":
            raise Refusal(html_error(403))
        if door:
            raise refusal(401, door, SAYS[door])
        for name, code in MISSING.items():
            if not params.get(name):
                raise refusal(400, code, f"The '{name}' is required")
        ours = (self.twin.client_id, self.twin.redirect_uri, "code")
        if (params["client_id"], params["redirect_uri"], params.get("response_type")) != ours:
            raise refusal(401, "UDAPI100068", SAYS["UDAPI100068"])

    async def login_page(self, _request: Request) -> Response:
        """The single-page app, an empty shell."""
        self.twin.arrive("login_page")
        service = self.twin.origins["service"]
        foreign = self.twin.behaviour.page.get("foreign")
        service = service.replace("127.0.0.1", "localhost") if foreign else service
        return PAGE.show(self.twin, {"service": service})

    async def forward(self, request: Request) -> Response:
        """From the login site's own code to the app's."""
        self.twin.arrive("forward")
        if self.twin.behaviour.blocked == "page":
            return blocked_page()
        code = request.query_params.get("code")
        visit = next((one for one in self.twin.visits.values() if code and one.hop == code), None)
        if visit is None:
            return error(401, "UDAPI100057", "Invalid Auth code")
        visit.hop = ""
        params = self.twin.redirect_params(visit)
        return self.twin.delivery.answer(
            self.twin.behaviour.delivery, self.twin.redirect_uri, params
        )


class Service:
    """service.upstox.com, which the login site calls.

    One-time passwords, the PIN, and the leave to go back to the app.
    """

    def __init__(self, twin: UpstoxState) -> None:
        self.twin = twin

    def routes(self) -> list[BaseRoute]:
        """Each call with its usual path, and with one that some scenarios use."""
        calls = {
            "/login/open/{v}/auth/1fa/otp/generate": self.generate,
            "/login/open/{v}/auth/1fa/otp-totp/verify": self.verify,
            "/login/open/{v}/auth/1fa/totp": self.verify,
            "/login/open/{v}/auth/2fa": self.pin,
            "/login/open/{v}/auth/secret-pin": self.pin,
            "/login/{v}/oauth/authorize": self.authorize,
        }
        return [Route(path, call, methods=["POST"]) for path, call in calls.items()]

    async def generate(self, request: Request) -> Response:
        """The mobile number; an SMS goes out where TOTP is not enabled."""
        data = await self._arrive(request, "generate")
        visit = self._visit(data.get("userId"))
        self.twin.check_mobile(str(data.get("mobileNumber")))
        visit.otp_token = alnum(40)
        self.twin.counters["sms"] += not self.twin.behaviour.totp_enabled
        shared = {
            "message": "OTP sent successfully",
            "nextRequestInterval": 30,
            "userType": "CUSTOMER",
        }
        own = {
            "validateOTPToken": visit.otp_token,
            "isTotpEnabled": self.twin.behaviour.totp_enabled,
        }
        return accepted(shared | own)

    async def verify(self, request: Request) -> Response:
        """The one-time password."""
        body = await request.json()
        self.twin.otps.append(str(body["data"].get("otp", "")))
        data = await self._arrive(request, "verify")
        token = data.get("validateOtpToken")
        visit = next(
            (one for one in self.twin.visits.values() if token and one.otp_token == token), None
        )
        if visit is None:
            raise no(self.twin.behaviour.shape, "Session has expired")
        self.twin.check_code(str(data.get("otp")))
        visit.code_right = True
        await asyncio.sleep(self.twin.behaviour.answer_seconds)
        names = {"firstName": "Sandbox", "lastName": "Trader", "avatarUrl": None}
        profile = {"profileId": 1, "userId": self.twin.user_id, **names}
        return accepted(
            {
                "message": "OTP verified",
                "userType": "CUSTOMER",
                "userProfile": profile,
                "isSecretPinSet": True,
            }
        )

    async def pin(self, request: Request) -> Response:
        """The PIN, in base64."""
        data = await self._arrive(request, "pin")
        visit = self._visit(request.query_params.get("client_id"))
        if not visit.code_right or data.get("twoFAMethod") != "SECRET_PIN":
            raise no(self.twin.behaviour.shape, "Session has expired")
        if self.twin.behaviour.blocked in {"call", "readable_call"}:
            raise Refusal(blocked_page())
        self.twin.check_pin(_decoded(str(data.get("inputText"))))
        visit.signed_in = True
        asks = self.twin.behaviour.first_use and not self.twin.user.authorised
        flags = {
            "isPlusPlanFastWebsocketEnabled": False,
            "isNewRefreshTokenCreated": True,
            "isExternalClientOAuthApp": asks,
        }
        answer = accepted(
            {
                "userType": "CUSTOMER",
                "customerStatus": "ACTIVE",
                "refreshTokenExpiry": 3600,
                **flags,
            }
        )
        answer.set_cookie("access_token", alnum(40), httponly=True)
        answer.set_cookie("refresh_token", alnum(40), httponly=True)
        return answer

    async def authorize(self, request: Request) -> Response:
        """Leave for the app, by the page itself or by its Allow button."""
        data = await self._arrive(request, "authorize")
        visit = self._visit(request.query_params.get("client_id"))
        if not visit.signed_in:
            raise no(self.twin.behaviour.shape, "Session has expired")
        approved = bool(data.get("userOAuthApproval"))
        visit.denied, self.twin.user.authorised = not approved, approved
        if self.twin.behaviour.straight:
            uri = with_query(self.twin.redirect_uri, self.twin.redirect_params(visit))
        else:
            visit.hop = alnum(12)
            uri = f"{self.twin.origins['api_v2']}/login/authorization/redirect?{urlencode({'code': visit.hop})}"
        return accepted({"redirectUri": uri, "isApproved": approved})

    async def _arrive(self, request: Request, place: str) -> dict[str, Any]:
        twin = self.twin
        twin.arrive(place, html_error if twin.behaviour.gateway == "html" else self._broken)
        found: dict[str, Any] = (await request.json())["data"]
        return found

    def _broken(self, status: int) -> Response:
        answer = declined("error", "Something went wrong. Please try again later.")
        answer.status_code = status or 502
        return answer

    def _visit(self, key: object) -> Visit:
        visit = self.twin.visits.get(str(key))
        if visit is None:
            raise no(self.twin.behaviour.shape, "Session has expired")
        return visit


def accepted(data: dict[str, Any]) -> JSONResponse:
    """An answer of the login service."""
    return JSONResponse({"success": True, "data": data})


def blocked_page() -> Response:
    """What Cloudflare shows to a browser that it does not like."""
    return render("upstox/blocked.html", 403)


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
