"""What browsers see of Fyers: the login page at the API's own address, the way back, and the error page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.brokers.fyers.wire import gateway_error, refusal
from autologin.sandbox.page import LoginPage, captcha, page_routes
from autologin.sandbox.redirects import redirect, with_query
from autologin.sandbox.twin import Refusal, html_error, render

if TYPE_CHECKING:
    from starlette.requests import Request

    from autologin.sandbox.brokers.fyers import Fyers

PAGE = LoginPage.load("FYERS - Born to Trade", "#2d5fe0", Path(__file__).parent)


class Web:
    """Pages, and the two calls of theirs that name the redirect."""

    def __init__(self, twin: Fyers) -> None:
        self.twin = twin

    def api_routes(self) -> list[BaseRoute]:
        """api-t1.fyers.in."""
        return [
            Route("/api/v3/generate-authcode", self.login_page),
            Route("/api/v3/token", self.token, methods=["POST"]),
            Route("/api/v3/direct-login", self.direct_login, methods=["POST"]),
            Route("/api/v3/back", self.back),
            Route("/turnstile/captcha", captcha),
            *page_routes(self.twin),
        ]

    def site_routes(self) -> list[BaseRoute]:
        """trade.fyers.in."""
        return [Route("/api-login/error/index.html", error_page)]

    async def login_page(self, request: Request) -> Response:
        """The single-page app; nothing of the address stands in it."""
        self.twin.arrive("login_page")
        door = self.twin.behaviour.door
        if door == "access_denied":
            raise Refusal(html_error(403))
        if reason := door or self._wrong(dict(request.query_params)):
            query = urlencode({"error_msg": reason})
            return redirect(f"{self.twin.origins['site']}/api-login/error/index.html?{query}")
        return PAGE.show(self.twin, vagator=f"{self.twin.origins['vagator']}/vagator/v2")

    def _wrong(self, params: dict[str, str]) -> str:
        if not params.get("redirect_uri"):
            return "Key: 'AuthCodeRequest.RedirectURI' Error:Field validation for 'RedirectURI' failed on the 'required' tag"
        ours = (self.twin.client_id, self.twin.redirect_uri)
        return "" if (params.get("client_id"), params["redirect_uri"]) == ours else "invalid appType"

    async def token(self, request: Request) -> Response:
        """After the PIN: where to go. Status 308 without a Location; the page reads `Url`."""
        self.twin.arrive("token", gateway_error)
        data = await self._signed_in(request)
        if self.twin.behaviour.first_use and not self.twin.user.authorised:
            return JSONResponse({"s": "ok", "code": 200, "message": "", "consent": {"app": "Sandbox app"}})
        return JSONResponse({"s": "ok", "code": 308, "message": "", "Url": self._way_back(data)}, 308)

    async def direct_login(self, request: Request) -> Response:
        """The same after the consent."""
        self.twin.arrive("direct_login", gateway_error)
        data = await self._signed_in(request)
        if self.twin.behaviour.first_use == "refused":
            raise refusal(403, -99, "This app may not be allowed by this user")
        self.twin.user.authorised = True
        return JSONResponse({"s": "ok", "Url": self._way_back(data)})

    async def _signed_in(self, request: Request) -> dict[str, Any]:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not bearer or bearer not in {visit.login_token for visit in self.twin.visits.values()}:
            raise refusal(401, -16, "Could not authenticate the user")
        found: dict[str, Any] = await request.json()
        return found

    def _way_back(self, data: dict[str, Any]) -> str:
        """The redirect URI with the code, or a page of ours that goes there in another way."""
        state = str(data["state"]) if data.get("state") is not None else None
        if self.twin.behaviour.delivery == "302":
            return with_query(self.twin.redirect_uri, self.twin.redirect_params(state))
        return f"{self.twin.origins['api']}/api/v3/back?{urlencode({'state': state or ''})}"

    async def back(self, request: Request) -> Response:
        """A hop on the way back, for the other kinds of redirect."""
        params = self.twin.redirect_params(request.query_params.get("state"))
        return self.twin.delivery.answer(self.twin.behaviour.delivery, self.twin.redirect_uri, params)


async def error_page(_request: Request) -> Response:
    """The page to which Fyers sends whom it turns away; only the address says why."""
    return render("fyers_error.html")
