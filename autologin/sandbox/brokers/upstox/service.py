"""service.upstox.com: the calls of the login site, on an origin of their own."""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.brokers.upstox.wire import accepted, blocked_page, declined
from autologin.sandbox.redirects import with_query
from autologin.sandbox.twin import Refusal, alnum, html_error

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from autologin.sandbox.brokers.upstox import Upstox, Visit


class Service:
    """One-time passwords, the PIN, and the leave to go back to the app."""

    def __init__(self, twin: Upstox) -> None:
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
        shared = {"message": "OTP sent successfully", "nextRequestInterval": 30, "userType": "CUSTOMER"}
        own = {"validateOTPToken": visit.otp_token, "isTotpEnabled": self.twin.behaviour.totp_enabled}
        return accepted(shared | own)

    async def verify(self, request: Request) -> Response:
        """The one-time password."""
        body = await request.json()
        self.twin.otps.append(str(body["data"].get("otp", "")))
        data = await self._arrive(request, "verify")
        token = data.get("validateOtpToken")
        visit = next((one for one in self.twin.visits.values() if token and one.otp_token == token), None)
        if visit is None:
            raise no(self.twin, "Session has expired")
        self.twin.check_code(str(data.get("otp")))
        visit.code_right = True
        await asyncio.sleep(self.twin.behaviour.verify_seconds)
        names = {"firstName": "Sandbox", "lastName": "Trader", "avatarUrl": None}
        profile = {"profileId": 1, "userId": self.twin.user_id, **names}
        return accepted({"message": "OTP verified", "userType": "CUSTOMER", "userProfile": profile, "isSecretPinSet": True})

    async def pin(self, request: Request) -> Response:
        """The PIN, in base64."""
        data = await self._arrive(request, "pin")
        visit = self._visit(request.query_params.get("client_id"))
        if not visit.code_right or data.get("twoFAMethod") != "SECRET_PIN":
            raise no(self.twin, "Session has expired")
        if self.twin.behaviour.blocked in {"call", "readable_call"}:
            raise Refusal(blocked_page())
        self.twin.check_pin(_decoded(str(data.get("inputText"))))
        visit.signed_in = True
        asks = self.twin.behaviour.first_use and not self.twin.user.authorised
        flags = {"isPlusPlanFastWebsocketEnabled": False, "isNewRefreshTokenCreated": True, "isExternalClientOAuthApp": asks}
        answer = accepted({"userType": "CUSTOMER", "customerStatus": "ACTIVE", "refreshTokenExpiry": 3600, **flags})
        answer.set_cookie("access_token", alnum(40), httponly=True)
        answer.set_cookie("refresh_token", alnum(40), httponly=True)
        return answer

    async def authorize(self, request: Request) -> Response:
        """Leave for the app, by the page itself or by its Allow button."""
        data = await self._arrive(request, "authorize")
        visit = self._visit(request.query_params.get("client_id"))
        if not visit.signed_in:
            raise no(self.twin, "Session has expired")
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
            raise no(self.twin, "Session has expired")
        return visit


def no(twin: Upstox, message: str) -> Refusal:
    """The login service's way to say no, to be raised."""
    return Refusal(declined(twin.behaviour.shape, message))


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


class Cors:
    """Lets the login site read the answers; a gateway's own pages come without these headers."""

    def __init__(self, app: ASGIApp, twin: Upstox) -> None:
        self.app, self.twin = app, twin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or add the headers to what the service answers."""
        origin = self.twin.origins.get("login", "")
        names = "content-type, x-device-details, x-request-id"
        allow = {"access-control-allow-origin": origin, "access-control-allow-credentials": "true"}
        if scope["method"] == "OPTIONS":
            await Response(headers={**allow, "access-control-allow-headers": names})(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if "json" in headers.get("content-type", "") or self.twin.behaviour.blocked == "readable_call":
                    headers.update(allow)
            await send(message)

        await self.app(scope, receive, answer)
