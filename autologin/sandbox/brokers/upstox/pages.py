"""What browsers see of Upstox: the dialog, the login site, and the hop on the way back to the app."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.brokers.upstox.wire import blocked_page, error, refusal
from autologin.sandbox.redirects import redirect
from autologin.sandbox.twin import Refusal, html_error, render

if TYPE_CHECKING:
    from starlette.requests import Request

    from autologin.sandbox.brokers.upstox import Upstox

SAYS = {
    "UDAPI100068": "Check your 'client_id' and 'redirect_uri'; one or both are incorrect.",
    "UDAPI100069": "Check your 'client_id' and 'client_secret'; one or both are incorrect.",
    "UDAPI100016": "Invalid Credentials",
}
MISSING = {"client_id": "UDAPI1017", "redirect_uri": "UDAPI1018"}


class Web:
    """Pages on three hosts."""

    def __init__(self, twin: Upstox) -> None:
        self.twin = twin

    def dialog_routes(self) -> list[BaseRoute]:
        """api.upstox.com."""
        return [Route("/v2/login/authorization/dialog", self.dialog)]

    def login_routes(self) -> list[BaseRoute]:
        """login.upstox.com."""
        return [
            Route("/", self.login_page),
            Route("/signup", self.signup, methods=["POST"]),
            Route("/recaptcha/anchor", captcha),
        ]

    def hop_routes(self) -> list[BaseRoute]:
        """api-v2.upstox.com."""
        return [Route("/login/authorization/redirect", self.forward), self.twin.delivery.route]

    async def dialog(self, request: Request) -> Response:
        """The way in: checks the app, then sends the browser to the login site."""
        self.twin.arrive("dialog")
        params = dict(request.query_params)
        self._check(params)
        visit = self.twin.open_visit(params.get("state"))
        back = f"{self.twin.origins['api_v2']}/login/authorization/redirect"
        query = {"client_id": visit.client, "user_id": visit.lead, "user_type": "individual", "redirect_uri": back}
        return redirect(f"{self.twin.origins['login']}/?{urlencode(query)}")

    def _check(self, params: dict[str, str]) -> None:
        door = self.twin.behaviour.door
        if door == "access_denied":
            raise Refusal(html_error(403))
        if door:
            raise refusal(401, door, SAYS[door])
        for name, code in MISSING.items():
            if not params.get(name):
                raise refusal(400, code, f"The '{name}' is required")
        ours = (self.twin.client_id, self.twin.redirect_uri, "code")
        if (params["client_id"], params["redirect_uri"], params.get("response_type")) != ours:
            raise refusal(401, "UDAPI100068", SAYS["UDAPI100068"])

    async def login_page(self, _request: Request) -> Response:
        """The single-page app, an empty shell."""
        self.twin.arrive("login_page")
        page = {"delay": self.twin.page_delay, **self.twin.behaviour.page}
        service = self.twin.origins["service"]
        service = service.replace("127.0.0.1", "localhost") if page.get("foreign") else service
        return render("upstox.html", config={"service": service, "page": page})

    async def signup(self, _request: Request) -> Response:
        """Somebody filled in the wrong form."""
        self.twin.arrive("signup")
        return Response(status_code=204)

    async def forward(self, request: Request) -> Response:
        """From the login site's own code to the app's."""
        self.twin.arrive("forward")
        if self.twin.behaviour.blocked == "page":
            return blocked_page()
        code = request.query_params.get("code")
        visit = next((one for one in self.twin.visits.values() if code and one.hop == code), None)
        if visit is None:
            return error(401, "UDAPI100057", "Invalid Auth code")
        visit.hop = ""
        params = self.twin.redirect_params(visit)
        return self.twin.delivery.answer(self.twin.behaviour.delivery, self.twin.redirect_uri, params)


async def captcha(_request: Request) -> Response:
    """What is in a captcha's frame."""
    return render("captcha.html")
