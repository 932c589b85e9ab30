"""What Fyers' answers look like: one envelope for the login services and the API alike, and the tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from autologin.sandbox.jwt import signed
from autologin.sandbox.twin import Refusal

if TYPE_CHECKING:
    from datetime import datetime

GATEWAY = {429: "Too many requests", 502: "Something went wrong, try again later"}


def reply(**more: Any) -> JSONResponse:
    """An answer that says yes."""
    return JSONResponse({"s": "ok", "code": 200, "message": "", **more})


def refusal(status: int, code: int, message: str, **more: Any) -> Refusal:
    """An answer that says no, to be raised."""
    return Refusal(JSONResponse({"s": "error", "code": code, "message": message, **more}, status))


def gateway_error(status: int) -> Response:
    """What a service says when it is not well."""
    return JSONResponse({"s": "error", "code": -1018, "message": GATEWAY.get(status, GATEWAY[502])}, status or 502)


def auth_code(unique: str, app_id: str, now: datetime) -> str:
    """The code of the redirect; its `exp` promises more than the server keeps."""
    ends = now + timedelta(seconds=30_000)
    claims = {"iss": "api.login.fyers.in", "sub": "auth_code", "aud": '["x:0","x:1"]', "uuid": unique, "app_id": app_id}
    return signed({**claims, "iat": int(now.timestamp()), "exp": int(ends.timestamp())})


def token(kind: str, unique: str, fy_id: str, now: datetime, ends: datetime) -> str:
    """An access_token or a refresh_token."""
    claims = {"iss": "api.fyers.in", "sub": kind, "aud": ["x:0", "x:1", "x:2", "d:1"], "at_hash": unique, "fy_id": fy_id}
    return signed({**claims, "iat": int(now.timestamp()), "exp": int(ends.timestamp())})


def profile(fy_id: str) -> dict[str, Any]:
    """Whose token it is."""
    names = {"name": "SANDBOX TRADER", "display_name": "Sandbox", "email_id": "sandbox@example.com", "image": None}
    dates = {"pin_change_date": "01-01-2026 00:00:00", "pwd_change_date": None, "pwd_to_expire": 90}
    flags = {"totp": True, "ddpi_enabled": False, "mtf_enabled": False}
    return {**names, **dates, **flags, "PAN": "ABCDE1234F", "fy_id": fy_id, "mobile_number": "9812345670"}
