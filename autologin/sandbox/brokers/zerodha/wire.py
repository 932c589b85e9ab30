"""What Kite's answers look like: envelopes, and the objects that the token API gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from autologin.sandbox.twin import IST, Refusal

if TYPE_CHECKING:
    from datetime import datetime

EXCHANGES = ["NSE", "NFO", "BFO", "CDS", "BSE", "MCX", "BCD", "MF"]
PRODUCTS = ["CNC", "NRML", "MIS", "BO", "CO"]
ORDER_TYPES = ["MARKET", "LIMIT", "SL", "SL-M"]


def reply(data: object) -> JSONResponse:
    """An answer."""
    return JSONResponse({"status": "success", "data": data})


def error(status: int, kind: str, message: str, data: object = None) -> JSONResponse:
    """An answer that says no."""
    return JSONResponse({"status": "error", "message": message, "data": data, "error_type": kind}, status)


def refusal(status: int, kind: str, message: str, data: object = None) -> Refusal:
    """The same, to be raised."""
    return Refusal(error(status, kind, message, data))


def blocked(data: object = None) -> Refusal:
    """What a blocked account hears."""
    words = "Your account has been blocked. Reset your password to unblock it."
    return refusal(403, "UserException", words, data)


def gateway_error(status: int) -> Response:
    """What the API host says when it is not well."""
    words = {429: "Too many requests", 502: "Gateway timed out. Please try again later."}
    return error(status or 502, "NetworkException", words.get(status, "Something went wrong."))


def person(user_id: str) -> dict[str, Any]:
    """The fields that a session and a profile share."""
    return {
        "user_id": user_id,
        "user_type": "individual",
        "email": "sandbox@example.com",
        "user_name": "Sandbox Trader",
        "user_shortname": "Sandbox",
        "broker": "ZERODHA",
        "exchanges": EXCHANGES,
        "products": PRODUCTS,
        "order_types": ORDER_TYPES,
        "avatar_url": None,
        "meta": {"demat_consent": "physical"},
    }


def session(user_id: str, keys: dict[str, str], now: datetime) -> dict[str, Any]:
    """What the exchange gives."""
    at = now.astimezone(IST).strftime("%Y-%m-%d %H:%M:%S")
    return {**person(user_id), **keys, "refresh_token": "", "silo": "", "login_time": at}


def margins() -> dict[str, Any]:
    """The funds of somebody with a lakh."""
    available = {
        "adhoc_margin": 0,
        "cash": 100000,
        "collateral": 0,
        "intraday_payin": 0,
        "live_balance": 100000,
        "opening_balance": 100000,
    }
    segment = {"enabled": True, "net": 100000, "available": available, "utilised": {"debits": 0}}
    return {"equity": segment, "commodity": {**segment, "enabled": False, "net": 0}}
