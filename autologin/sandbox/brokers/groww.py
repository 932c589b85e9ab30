"""Groww's twin: the token call of the Trading API, and what proves a token. There are no pages.

The scenarios are in `groww_scenarios.py`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from datetime import time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.api_twin import ApiTwin, json_object
from autologin.sandbox.brokers._groww_scenarios import SCENARIOS, GrowwBehaviour
from autologin.sandbox.twin import IST, Refusal, alnum, html_error

if TYPE_CHECKING:
    from starlette.requests import Request

APPROVAL_TTL = 600
"""Seconds that the checksum of an approval key is valid."""


class Groww(ApiTwin):
    """Groww's Trading API for one user with a TOTP key, and an approval key beside it."""

    broker = "groww"
    title = "Groww (Trading API)"
    roles = ("api",)
    table = SCENARIOS
    plain = GrowwBehaviour()
    behaviour: GrowwBehaviour
    api_key = "eyJraWQiOiJzYW5kYm94In0.eyJrZXkiOiJ0b3RwIn0.c2FuZGJveC1zaWduYXR1cmU"
    approval_key = "eyJraWQiOiJzYW5kYm94In0.eyJrZXkiOiJhcHByb3ZhbCJ9.c2FuZGJveC1zaWduYXR1cmU"
    approval_secret = "SS"  # noqa: S105  (a sandbox's)
    account: ClassVar = {"api_key": api_key, "totp_secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXQ"}
    ucc = "1234567890"

    @property
    def endpoints(self) -> dict[str, str]:
        """The base of the API."""
        return {role: f"{origin}/v1" for role, origin in self.origins.items()}

    def routes(self, role: str) -> list[BaseRoute]:
        """The paths that we need."""
        del role
        return [
            Route("/v1/token/api/access", self.access, methods=["POST"]),
            Route("/v1/user/detail", self.profile),
            Route("/v1/margins/detail/user", self.margins),
            Route("/v1/changelog", self.changelog),
        ]

    async def access(self, request: Request) -> Response:
        """A token for a key and a code."""
        body = await json_object(request)
        if body.get("key_type") == "totp":
            self.otps.append(str(body.get("totp", "")))
        self.arrive("access", gateway_error)
        key = bearer(request)
        if request.headers.get("x-api-version") != "1.0":
            raise failure(400, "GA001", "Header X-API-VERSION is missing")
        if body.get("key_type") not in {"totp", "approval"}:
            raise failure(400, "GA001", "Invalid key_type")
        if self.behaviour.refused_key or key != (self.api_key if body["key_type"] == "totp" else self.approval_key):
            raise failure(401, "GA005", "User not authorised to perform this operation")
        self._check_approval()
        if body["key_type"] == "totp":
            self._check_code(str(body.get("totp", "")))
        else:
            self._check_signature(body)
        return JSONResponse(self._told(self._open()))

    def _check_approval(self) -> None:
        if self.behaviour.approval == "403_html":
            raise Refusal(html_error(403))
        if self.behaviour.approval:
            raise failure(int(self.behaviour.approval), "GA005", "API key is not approved for today")
        if self.behaviour.plain_refusal:
            raise failure(400, "GA005", "User not authorised to perform this operation")

    def _check_code(self, code: str) -> None:
        if self.locked:
            raise failure(400, "GA006", "Your account is locked. Please contact support.")
        if not self.check_otp(self.user, code):
            left = self.user.attempts_left("otp", self.behaviour.strikes)
            self._refuse_code("Invalid TOTP" + (f". {left} attempts left" if self.behaviour.attempts_shown else ""))

    def _refuse_code(self, words: str) -> None:
        if self.behaviour.otp_words == "display":
            raise failure(400, "GA001", None, displayMessage=words)
        raise failure(400, "GA005" if self.behaviour.otp_words == "code" else "GA001", words)

    def _check_signature(self, body: dict[str, Any]) -> None:
        at = str(body.get("timestamp", ""))
        if not at.isdigit() or abs(int(at) - self.now().timestamp()) > APPROVAL_TTL:
            raise failure(400, "GA001", "Timestamp is not within 10 minutes")
        right = hashlib.sha256((self.approval_secret + at).encode()).hexdigest()
        if not secrets.compare_digest(right, str(body.get("checksum", ""))):
            raise failure(401, "GA005", "Invalid checksum")

    def _open(self) -> str:
        ends = self.next_daily(time(6))
        token = ".".join((encoded({"alg": "ES256"}), encoded({"exp": int(ends.timestamp()), "id": alnum()}), alnum(64)))
        return self.opened(token, ends)

    def _told(self, token: str) -> dict[str, Any]:
        ends = self.tokens[token].astimezone(IST)
        plain = ends.replace(tzinfo=None)
        told = {
            "plain": plain.isoformat(),
            "zone": ends.isoformat(),
            "garbled": "tomorrow",
            "past": "2024-07-01T12:34:56",
            "far": (plain + timedelta(days=7)).isoformat(),
        }
        active = "active" if self.behaviour.reply == "active" else "isActive"
        data = {"token": token, "tokenRefId": "ref-123", "sessionName": "my-session", active: True}
        if self.behaviour.expiry in told:
            data["expiry"] = told[self.behaviour.expiry]
        if self.behaviour.reply == "empty":
            return {"status": "SUCCESS", "payload": {}}
        return {"status": "SUCCESS", "payload": data} if self.behaviour.reply == "payload" else data

    async def profile(self, request: Request) -> Response:
        """Whose token it is."""
        self.arrive("profile", gateway_error)
        shape = self.behaviour.profile
        if shape == "403":
            raise failure(403, "GA005", "User not authorised to perform this operation")
        self._living(request)
        if shape == "failure":
            raise failure(200, "GA000", "Internal error")
        person = {"nse_enabled": True, "bse_enabled": True, "ddpi_enabled": False, "active_segments": ["CASH", "FNO"]}
        if shape != "nobody":
            person |= {"vendor_user_id": "sandbox-vendor-user", "ucc": self.ucc}
        return JSONResponse(person if shape == "flat" else {"status": "SUCCESS", "payload": person})

    async def margins(self, request: Request) -> Response:
        """What the user has."""
        self.arrive("margins", gateway_error)
        self._living(request)
        return JSONResponse({"status": "SUCCESS", "payload": {"clear_cash": 100000, "net_margin_used": 0}})

    async def changelog(self, _request: Request) -> Response:
        """What the SDK prints when it starts."""
        self.arrive("changelog", gateway_error)
        return JSONResponse({"info": [], "warning": []})

    def _living(self, request: Request) -> None:
        if not self.lives(bearer(request)):
            raise failure(401, "GA005", "User not authorised to perform this operation")


def bearer(request: Request) -> str:
    """What stands in the Authorization header."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key if scheme == "Bearer" else ""


def failure(status: int, code: str, message: str | None, **more: str) -> Refusal:
    """Groww's envelope of an error, to be raised."""
    error = {"code": code, **({"message": message} if message else {}), **more, "metadata": None}
    return Refusal(JSONResponse({"status": "FAILURE", "error": error}, status))


def gateway_error(status: int) -> Response:
    """What the API's gateway says when it is not well."""
    return failure(status or 502, "GA003", "Unable to serve request").response


def encoded(data: dict[str, Any]) -> str:
    """A part of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")
