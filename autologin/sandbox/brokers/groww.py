"""Groww's twin: the token call of the Trading API, and what proves a token. There are no pages."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from dataclasses import dataclass
from datetime import time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from autologin.clock import IST
from autologin.sandbox.api_twin import CODES, ApiBehaviour, ApiTwin, calls, json_object
from autologin.sandbox.scenarios import Scenario, scenario
from autologin.sandbox.sdk import Sdk
from autologin.sandbox.twin import Refusal, alnum

if TYPE_CHECKING:
    from starlette.requests import Request

APPROVAL_TTL = 600
"""Seconds that the checksum of an approval key is valid."""


@dataclass(frozen=True)
class GrowwBehaviour(ApiBehaviour):
    """What only Groww's twin can do."""

    # `refused` can be: key; `profile`: flat (no envelope), nobody, failure (200 with a FAILURE
    # envelope), 403
    approval: str = ""
    """What a key without today's approval gets: 403, or words with a 400 or a 401."""
    otp_words: str = "message"
    """Where a refused code's words stand: message, display or code (GA005, and in `message`)."""
    plain_refusal: bool = False
    """A 400 with GA005 that says nothing of the reason."""
    reply: str = "flat"
    """The shape of a token's answer: flat, payload, active."""
    expiry: str = "plain"
    """How the end is told: plain (no zone), zone, missing, garbled, past, far."""


ANSWERS = {
    "wrong_key": scenario(
        "The API key is refused with 401", expect="credentials_rejected", refused="key"
    ),
    "approval_missing_403": scenario(
        "Today's approval is missing: 403 with GA005", expect="consent_required", approval="403"
    ),
    "approval_missing_400": scenario(
        "Today's approval is missing: 400, in words", expect="consent_required", approval="400"
    ),
    "approval_missing_401": scenario(
        "Today's approval is missing: 401, in words", expect="consent_required", approval="401"
    ),
    "wrong_code_display": scenario(
        "Every code is refused; the words are where the SDK reads them",
        expect="otp_rejected",
        refused_codes="all",
        otp_words="display",
    ),
    "wrong_code_ga005": scenario(
        "Every code is refused with GA005",
        expect="otp_rejected",
        refused_codes="all",
        otp_words="code",
    ),
    "few_attempts_left": scenario(
        "The first code is refused, and two attempts are left",
        expect="otp_rejected",
        logins=1,
        refused_codes="all",
        strikes=2,
        attempts_shown=True,
    ),
    "plain_refusal": scenario(
        "A 400 with GA005 and no reason", expect="exchange_rejected", plain_refusal=True
    ),
}

TOKENS = {
    "token_in_payload": scenario("The token is in a payload", reply="payload"),
    "active_for_isactive": scenario("The reply says active, not isActive", reply="active"),
    "no_token": scenario("200, but no token", expect="broker_unavailable", login="empty"),
    "expiry_with_zone": scenario("The expiry has a zone", expiry="zone"),
    "expiry_missing": scenario("There is no expiry", expiry="missing"),
    "expiry_garbled": scenario("The expiry is no time", expiry="garbled"),
    "expiry_past": scenario("The expiry has passed", expiry="past"),
    "expiry_far": scenario("The expiry is a week away", expiry="far"),
    "profile_flat": scenario("The profile has no envelope", profile="flat"),
    "profile_nobody": scenario("The profile names nobody", profile="nobody"),
    "profile_failure": scenario("The profile is a FAILURE envelope with 200", profile="failure"),
    "profile_403": scenario("The profile answers 403", profile="403"),
}

CALLS = calls({"access": "call for a token"}, {"profile": "profile call"})
SCENARIOS: dict[str, Scenario] = {**ANSWERS, **CODES, **TOKENS, **CALLS}


class Groww(ApiTwin):
    """Groww's Trading API for one user with a TOTP key, and an approval key beside it."""

    broker = "groww"
    title = "Groww (Trading API)"
    roles = ("api",)
    login_call = "access"
    ends_at = time(6)
    table = SCENARIOS
    sdk = Sdk(
        packages=("growwapi==1.5.0",),
        venv="growwapi",
        hosts={"https://api.groww.in": "api"},
        login="""
from growwapi import GrowwAPI

gave = GrowwAPI.get_access_token(api_key=mine["api_key"], totp=code)
says = GrowwAPI(gave).get_user_profile()["ucc"]
""",
        calls=("/v1/token/api/access",),
        headers=("authorization", "content-type", "x-api-version"),
        shows="1234567890",
    )
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
        right = key == (self.api_key if body["key_type"] == "totp" else self.approval_key)
        error = failure(401, "GA005", "User not authorised to perform this operation")
        self.require("key", right, error)
        self._check_approval()
        if body["key_type"] == "totp":
            self._check_code(str(body.get("totp", "")))
        else:
            self._check_signature(body)
        return JSONResponse(self._reply(self._open()))

    def _check_approval(self) -> None:
        if self.behaviour.approval:
            raise failure(
                int(self.behaviour.approval), "GA005", "API key is not approved for today"
            )
        if self.behaviour.plain_refusal:
            raise failure(400, "GA005", "User not authorised to perform this operation")

    def _check_code(self, code: str) -> None:
        if self.locked:
            raise failure(400, "GA006", "Your account is locked. Please contact support.")
        if not self.check_otp(self.user, code):
            left = self.user.attempts_left("otp", self.behaviour.strikes)
            self._refuse_code(
                "Invalid TOTP"
                + (f". {left} attempts left" if self.behaviour.attempts_shown else "")
            )

    def _refuse_code(self, words: str) -> None:
        if self.behaviour.otp_words == "display":
            raise failure(400, "GA001", None, displayMessage=words)
        raise failure(400, "GA005" if self.behaviour.otp_words == "code" else "GA001", words)

    def _check_signature(self, body: dict[str, Any]) -> None:
        at = str(body.get("timestamp", ""))
        if (
            not re.fullmatch(r"[0-9]{1,12}", at)
            or abs(int(at) - self.now().timestamp()) > APPROVAL_TTL
        ):
            raise failure(400, "GA001", "Timestamp is not within 10 minutes")
        right = hashlib.sha256((self.approval_secret + at).encode()).hexdigest()
        if not secrets.compare_digest(right, str(body.get("checksum", ""))):
            raise failure(401, "GA005", "Invalid checksum")

    def _open(self) -> str:
        ends = self.token_end()
        token = ".".join(
            (
                encoded({"alg": "ES256"}),
                encoded({"exp": int(ends.timestamp()), "id": alnum()}),
                alnum(64),
            )
        )
        return self.open_token(token, ends)

    def _reply(self, token: str) -> dict[str, Any]:
        ends = self.tokens[token].astimezone(IST)
        plain = ends.replace(tzinfo=None)
        expiries = {
            "plain": plain.isoformat(),
            "zone": ends.isoformat(),
            "garbled": "tomorrow",
            "past": "2024-07-01T12:34:56",
            "far": (plain + timedelta(days=7)).isoformat(),
        }
        active = "active" if self.behaviour.reply == "active" else "isActive"
        data = {"token": token, "tokenRefId": "ref-123", "sessionName": "my-session", active: True}
        if self.behaviour.expiry in expiries:
            data["expiry"] = expiries[self.behaviour.expiry]
        if self.behaviour.login == "empty":
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
        person = {
            "nse_enabled": True,
            "bse_enabled": True,
            "ddpi_enabled": False,
            "active_segments": ["CASH", "FNO"],
        }
        if shape != "nobody":
            person |= {"vendor_user_id": "sandbox-vendor-user", "ucc": self.ucc}
        return JSONResponse(person if shape == "flat" else {"status": "SUCCESS", "payload": person})

    async def margins(self, request: Request) -> Response:
        """What the user has."""
        self.arrive("margins", gateway_error)
        self._living(request)
        return JSONResponse(
            {"status": "SUCCESS", "payload": {"clear_cash": 100000, "net_margin_used": 0}}
        )

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
