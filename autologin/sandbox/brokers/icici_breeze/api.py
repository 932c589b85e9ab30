"""The Breeze API: customerdetails, which is the exchange, and one signed call.

Errors come in envelopes, mostly with a 200.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import zipfile
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from autologin.clock import IST
from autologin.sandbox.brokers.icici_breeze.state import IciciBreezeState, Session
from autologin.sandbox.twin import Refusal, html_error

GONE, NO_SESSION, NO_KEY = (
    "Resource not available.",
    "Invalid session.",
    "Public Key does not exist.",
)
STATUS = {GONE: 500, NO_SESSION: 401, NO_KEY: 401}


class Api:
    """What programs see."""

    def __init__(self, twin: IciciBreezeState) -> None:
        self.twin = twin

    def routes(self) -> list[BaseRoute]:
        """The paths that we, and the SDK, need. GET with a body is ICICI's own way."""
        base = "/breezeapi/api/v1"
        return [
            Route(f"{base}/customerdetails", self.customer),
            Route(f"{base}/funds", self.funds),
            Route("/SecurityMaster.zip", self.security_master),
        ]

    async def customer(self, request: Request) -> Response:
        """Whose session it is, and the pair that signed calls need."""
        asked = parsed(await request.body())
        value = str(asked.get("SessionToken", ""))
        session = self.twin.sessions.get(value)
        if session and session.exchanged:
            self._arrive_again()
        else:
            self._arrive_first(value, session)
        session = self._living(str(asked.get("AppKey", "")), session)
        session.exchanged = True
        return envelope(details(self.twin.pair_of(session), self.twin.shown_user, self.twin.now()))

    def _arrive_first(self, value: str, session: Session | None) -> None:
        behaviour = self.twin.behaviour
        self.twin.codes_exchanged.append(value)
        if session and behaviour.burns_code_at_502 and self.twin.once("burnt code"):
            session.burnt = True
            raise Refusal(gateway_error(502))
        self.twin.arrive("exchange", gateway_error)
        if behaviour.outage and self.twin.once("outage"):
            page = Response(
                "<html><body>We are under maintenance</body></html>", media_type="text/html"
            )
            raise Refusal(
                page if behaviour.outage == "page" else envelope(None, 500, "Internal server error")
            )

    def _arrive_again(self) -> None:
        self.twin.arrive("verify", gateway_error)
        if self.twin.behaviour.verify_html:
            raise Refusal(html_error(403))
        if self.twin.behaviour.dead_token:
            raise self._no(GONE)

    def _living(self, key: str, session: Session | None) -> Session:
        if self.twin.behaviour.refusal:
            raise self._no(self.twin.behaviour.refusal)
        if key != self.twin.api_key:
            raise self._no(NO_KEY)
        if session is None:
            raise self._no(NO_SESSION)
        last = session.ends if session.exchanged else min(session.ends, session.expires)
        if session.burnt or last <= self.twin.now():
            raise self._no(GONE)
        return session

    async def funds(self, request: Request) -> Response:
        """What the user has; signed, as every other call."""
        body = await request.body()
        self.twin.arrive("funds", gateway_error)
        sent = request.headers
        session = self.twin.tokens.get(sent.get("x-sessiontoken", ""))
        self._living(sent.get("x-appkey", ""), session)
        text = sent.get("x-timestamp", "").encode() + body + self.twin.secret_key.encode()
        if not hmac.compare_digest(
            f"token {hashlib.sha256(text).hexdigest()}", sent.get("x-checksum", "")
        ):
            raise self._no(NO_SESSION)
        return envelope(
            {
                "bank_account": "000401000000",
                "total_bank_balance": 100000.0,
                "allocated_equity": 50000.0,
            }
        )

    async def security_master(self, _request: Request) -> Response:
        """The list of securities, which the SDK fetches when it is imported. Nothing is in it."""
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("NSEScripMaster.txt", '"Token","ShortName"\n')
        return Response(file.getvalue(), media_type="application/zip")

    def _no(self, words: str) -> Refusal:
        status = STATUS.get(words, 500)
        return Refusal(
            envelope(None, status, words, http=status if self.twin.behaviour.http_status else 200)
        )


def parsed(body: bytes) -> dict[str, Any]:
    """The JSON object in a body; an empty one where there is none."""
    try:
        data = json.loads(body)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def envelope(
    success: object, status: int = 200, error: str | None = None, *, http: int = 200
) -> JSONResponse:
    """How every answer is wrapped."""
    return JSONResponse({"Success": success, "Status": status, "Error": error}, http)


def gateway_error(status: int) -> Response:
    """What the host says when it is not well."""
    return html_error(status)


def details(pair: str, user_id: str, now: datetime) -> dict[str, Any]:
    """What customerdetails gives, as in the SDK's README."""
    local = now.astimezone(IST)
    day = local.strftime("%d-%b-%Y")
    return {
        "exg_trade_date": dict.fromkeys(("NSE", "BSE", "FNO", "NDX"), day),
        "exg_status": dict.fromkeys(("NSE", "BSE", "FNO", "NDX"), "O"),
        "segments_allowed": {"Trading": "Y", "Equity": "Y", "Derivatives": "Y", "Currency": "N"},
        "idirect_userid": user_id,
        "session_token": pair,
        "idirect_user_name": "SANDBOX TRADER",
        "idirect_ORD_TYP": "N",
        "idirect_lastlogin_time": local.strftime("%d-%b-%Y %H:%M:%S"),
        "mf_holding_mode_popup_flg": "N",
        "commodity_exchange_status": "Y",
        "commodity_trade_date": day,
        "commodity_allowed": "O",
    }
