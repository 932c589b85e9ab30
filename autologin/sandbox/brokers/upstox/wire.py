"""What Upstox's answers look like: the API's envelopes, the login service's, and the token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from autologin.sandbox.jwt import signed
from autologin.sandbox.twin import Refusal, render

if TYPE_CHECKING:
    from datetime import datetime

EXCHANGES = ["NSE", "NFO", "BSE", "CDS", "BFO", "BCD"]
PRODUCTS = ["D", "CO", "I"]
ORDER_TYPES = ["MARKET", "LIMIT", "SL", "SL-M"]
GATEWAY = {429: ("UDAPI10005", "Too Many Request Sent"), 502: ("UDAPI100500", "Something went wrong... please contact us")}


def reply(data: object) -> JSONResponse:
    """An answer of the API."""
    return JSONResponse({"status": "success", "data": data})


def error(status: int, code: str, message: str) -> JSONResponse:
    """An answer of the API that says no; each name is sent in its older and its newer spelling."""
    older = {"errorCode": code, "message": message, "propertyPath": None, "invalidValue": None}
    newer = {"error_code": code, "property_path": None, "invalid_value": None}
    return JSONResponse({"status": "error", "errors": [{**older, **newer}]}, status)


def refusal(status: int, code: str, message: str) -> Refusal:
    """The same, to be raised."""
    return Refusal(error(status, code, message))


def gateway_error(status: int) -> Response:
    """What the API says when it is not well."""
    return error(status or 502, *GATEWAY.get(status, GATEWAY[502]))


def accepted(data: dict[str, Any]) -> JSONResponse:
    """An answer of the login service."""
    return JSONResponse({"success": True, "data": data})


def declined(shape: str, message: str, **more: Any) -> JSONResponse:
    """An answer of the login service that says no, in one of its shapes: error, errors, in_200."""
    if shape == "errors":
        return JSONResponse({"success": False, "errors": [{"errorCode": "1017", "message": message, **more}]}, 400)
    return JSONResponse({"success": False, "error": {"message": message, **more}}, 200 if shape == "in_200" else 401)


def blocked_page() -> Response:
    """What Cloudflare shows to a browser that it does not like."""
    return render("upstox_blocked.html", 403)


def person(user_id: str) -> dict[str, Any]:
    """The fields that a token reply and a profile share."""
    return {
        "email": "sandbox@example.com",
        "exchanges": EXCHANGES,
        "products": PRODUCTS,
        "broker": "UPSTOX",
        "user_id": user_id,
        "user_name": "Sandbox Trader",
        "order_types": ORDER_TYPES,
        "user_type": "individual",
        "poa": False,
        "is_active": True,
    }


def token_reply(user_id: str, access_token: str, extended_token: str) -> dict[str, Any]:
    """What the exchange gives: not in an envelope."""
    return {**person(user_id), "ddpi": False, "access_token": access_token, "extended_token": extended_token}


def jwt(user_id: str, unique: str, issued_at: datetime, ends: datetime | None) -> str:
    """A token that looks like Upstox's; without an end where that is None."""
    claims: dict[str, Any] = {"sub": user_id, "jti": unique, "isMultiClient": False, "isPlusPlan": False}
    claims |= {"iat": int(issued_at.timestamp()), "iss": "udapi-gateway-service"}
    claims |= {"exp": int(ends.timestamp())} if ends else {}
    return signed(claims)
