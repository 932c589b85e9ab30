"""The services behind Fyers' login page, on an origin of their own."""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import TYPE_CHECKING, Any

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.brokers.fyers.wire import gateway_error, refusal, reply
from autologin.sandbox.twin import alnum

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from autologin.sandbox.brokers.fyers import Fyers, Visit


class Vagator:
    """Client id, one-time password, PIN."""

    def __init__(self, twin: Fyers) -> None:
        self.twin = twin

    def routes(self) -> list[BaseRoute]:
        """Each call with every path that public sources know."""
        sends = dict.fromkeys(("send_login_otp", "send_login_otp_v2", "send_login_otp_v3"), self.send)
        verifies = dict.fromkeys(("verify_otp", "verify_otp_v2"), self.verify)
        calls = {**sends, **verifies, **dict.fromkeys(("verify_pin", "verify_pin_v2"), self.pin)}
        return [Route(f"/vagator/v2/{path}", call, methods=["POST"]) for path, call in calls.items()]

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


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


class Cors:
    """Lets the login page read the answers."""

    def __init__(self, app: ASGIApp, twin: Fyers) -> None:
        self.app, self.twin = app, twin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or add the headers to an answer."""
        allow = {"access-control-allow-origin": self.twin.origins.get("api", ""), "access-control-allow-credentials": "true"}
        if scope["method"] == "OPTIONS":
            await Response(headers={**allow, "access-control-allow-headers": "content-type"})(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(allow)
            await send(message)

        await self.app(scope, receive, answer)
