"""What Upstox knows of its user and tokens, and the rules that pages and API keep to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from starlette.responses import JSONResponse

from autologin.sandbox.brokers.upstox.scenarios import UpstoxBehaviour
from autologin.sandbox.jwt import signed
from autologin.sandbox.twin import Refusal, Twin, alnum
from autologin.sandbox.user import Grants, TestUser


@dataclass
class Visit:
    """A visit to the dialog. The login site knows it by `lead` and a client id of its own."""

    lead: str
    client: str
    state: str | None
    otp_token: str = ""
    code_right: bool = False
    signed_in: bool = False
    hop: str = ""
    """The login site's own code, for the hop on the way back."""
    denied: bool = False


class UpstoxState(Twin):
    """One app, one user."""

    plain = UpstoxBehaviour()
    behaviour: UpstoxBehaviour
    client_id = "5b1f7a02-1e0c-4a35-9d2b-sandboxclient"
    client_secret = "sandbox+s3cret/&="  # noqa: S105  (a sandbox's)
    user_id = "SB1234"

    def reset(self) -> None:
        """Forget visits, tokens, wrong entries, consents and counts. The scenarios stay on."""
        super().reset()
        self.user = TestUser(
            "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXS",
            self.user_id,
            pin="042617",
            mobile_number="9812345670",
        )
        self.visits: dict[str, Visit] = {}
        self.grants: Grants[TestUser] = Grants()
        self.tokens: dict[str, datetime] = {}
        self.extended_tokens: list[str] = []

    @property
    def credentials(self) -> dict[str, str]:
        """What the account needs."""
        app = {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "redirect_uri": self.redirect_uri,
        }
        user = self.user
        return {
            **app,
            "mobile_number": user.mobile_number,
            "totp_secret": user.totp_secret,
            "pin": user.pin,
        }

    @property
    def endpoints(self) -> dict[str, str]:
        """The API's origin: it leads to all others."""
        return {"api": self.origins["api"]}

    # What the pages need

    def open_visit(self, state: str | None) -> Visit:
        """Note a visit to the dialog."""
        visit = Visit(f"LEAD-{alnum(10)}", f"IND-{alnum(10).lower()}", state)
        self.visits[visit.lead] = self.visits[visit.client] = visit
        return visit

    def check_mobile(self, number: str) -> None:
        """Raise for a number without an account."""
        self._check_open()
        if number != self.user.mobile_number or self.behaviour.wrong_mobile:
            raise no(self.behaviour.shape, "This mobile number is not registered with Upstox")

    def check_code(self, value: str) -> None:
        """Raise for a wrong code, and for one that was used before; each is a strike."""
        self._check_open()
        if not self.check_otp(self.user, value, enabled=self.behaviour.totp_enabled):
            left = self.user.attempts_left("otp", self.behaviour.strikes)
            words = f" {left} attempts left." if self.behaviour.strikes else ""
            raise no(self.behaviour.shape, f"Invalid OTP.{words}")

    def check_pin(self, value: str) -> None:
        """Raise for a wrong PIN; each is a strike."""
        self._check_open()
        if not self.user.check_pin(value, refuse=self.behaviour.wrong_pin):
            left = self.user.attempts_left("pin")
            raise no(self.behaviour.shape, f"Incorrect PIN. You have {left} attempts left.")
        self.user.forgive("pin")

    def _check_open(self) -> None:
        if self.behaviour.locked or self.user.blocked:
            raise no(self.behaviour.shape, "Your account has been blocked. Please reset your PIN.")

    def redirect_params(self, visit: Visit) -> list[tuple[str, str]]:
        """What the redirect carries: the code, unless the user said no, and the caller's state."""
        if visit.denied or self.behaviour.denied:
            params = [
                ("error", "access_denied"),
                ("error_description", "The user denied the request"),
            ]
        else:
            ends = self.now() + timedelta(seconds=self.behaviour.code_ttl)
            code = self.grants.open(alnum(24) + self.behaviour.code_end, self.user, ends)
            self.codes_issued.append(code)
            params = [("code", code)]
        return self.with_state(params, ("state", visit.state))

    # What the API needs

    def open_token(self) -> str:
        """A token until 03:30 IST; those from before live on."""
        ends = self.next_daily(time(3, 30))
        kind = self.behaviour.token
        claimed = None if kind == "jwt_without_end" else ends
        token = alnum(40) if kind == "opaque" else jwt(self.user_id, alnum(16), self.now(), claimed)
        self.tokens[token] = ends
        return token


def error(status: int, code: str, message: str) -> JSONResponse:
    """An answer of the API that says no; each name is sent in its older and its newer spelling."""
    older = {"errorCode": code, "message": message, "propertyPath": None, "invalidValue": None}
    newer = {"error_code": code, "property_path": None, "invalid_value": None}
    return JSONResponse({"status": "error", "errors": [{**older, **newer}]}, status)


def refusal(status: int, code: str, message: str) -> Refusal:
    """The same, to be raised."""
    return Refusal(error(status, code, message))


def declined(shape: str, message: str, **more: Any) -> JSONResponse:
    """An answer of the login service that says no, in one of its shapes: error, errors, in_200."""
    if shape == "errors":
        return JSONResponse(
            {"success": False, "errors": [{"errorCode": "1017", "message": message, **more}]}, 400
        )
    return JSONResponse(
        {"success": False, "error": {"message": message, **more}}, 200 if shape == "in_200" else 401
    )


def no(shape: str, message: str) -> Refusal:
    """The login service's way to say no, to be raised."""
    return Refusal(declined(shape, message))


def jwt(user_id: str, unique: str, issued_at: datetime, ends: datetime | None) -> str:
    """A token that looks like Upstox's; without an end where that is None."""
    claims: dict[str, Any] = {
        "sub": user_id,
        "jti": unique,
        "isMultiClient": False,
        "isPlusPlan": False,
    }
    claims |= {"iat": int(issued_at.timestamp()), "iss": "udapi-gateway-service"}
    claims |= {"exp": int(ends.timestamp())} if ends else {}
    return signed(claims)
