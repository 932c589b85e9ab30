"""The sandbox's index page: what there is, what to paste into a config, and the switches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from pyotp.totp import TOTP
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from autologin.sandbox.redirects import redirect
from autologin.sandbox.twin import render

if TYPE_CHECKING:
    from starlette.requests import Request

    from autologin.sandbox.server import Sandbox
    from autologin.sandbox.twin import Twin

OUR_HOSTS = ["127.0.0.1", "localhost"]
"""Any other name for this address is somebody else's page that wants to read it (DNS rebinding)."""


class Index:
    """The index page, its JSON twin, and the address that the brokers redirect to."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        routes = [
            Route("/", self.page),
            Route("/state.json", self.state),
            Route("/scenarios/{broker}", self.switch, methods=["POST"]),
            Route("/reset", self.reset, methods=["POST"]),
            Route("/callback/{broker}", self.callback, methods=["GET", "POST"]),
        ]
        guard = Middleware(TrustedHostMiddleware, allowed_hosts=OUR_HOSTS, www_redirect=False)
        self.app = Starlette(routes=routes, middleware=[guard])

    async def page(self, _request: Request) -> Response:
        """For people."""
        config = yaml.safe_dump(self.sandbox.config(), allow_unicode=True, sort_keys=False)
        return render("index.html", brokers=self._brokers(), config=config)

    async def state(self, _request: Request) -> Response:
        """For programs."""
        return JSONResponse({"brokers": self._brokers(), "config": self.sandbox.config()})

    async def switch(self, request: Request) -> Response:
        """Have the ticked scenarios on, and only those."""
        twin = self.sandbox.twins.get(request.path_params["broker"])
        if foreign(request) or twin is None:
            return Response("Refused", 403 if twin else 404)
        try:
            twin.switch(*(await request.form()))
        except ValueError as error:
            return Response(str(error), 400)
        return redirect(f"/#{request.path_params['broker']}", 303)

    async def reset(self, request: Request) -> Response:
        """Forget everything but the scenarios."""
        if foreign(request):
            return Response("Refused", 403)
        for twin in self.sandbox.twins.values():
            twin.reset()
        return redirect("/", 303)

    async def callback(self, request: Request) -> Response:
        """Where the redirect goes when nobody catches it."""
        twin = self.sandbox.twins.get(request.path_params["broker"])
        if twin is None:
            return Response("Not found", 404)
        twin.counters["callback"] += 1
        params = [*request.query_params.multi_items(), *(await request.form()).multi_items()]
        return render("callback.html", title=twin.title, params=params)

    def _brokers(self) -> dict[str, dict[str, Any]]:
        return {name: describe(twin) for name, twin in self.sandbox.twins.items()}


def describe(twin: Twin) -> dict[str, Any]:
    """What a person or a program may want to know of a twin."""
    return {
        "title": twin.title,
        "credentials": twin.credentials,
        "totp": TOTP(twin.totp_secret).at(twin.now()) if twin.totp_secret else None,
        "endpoints": twin.endpoints,
        "redirect_uri": twin.redirect_uri,
        "on": list(twin.scenarios),
        "scenarios": {name: row.says for name, row in twin.table.items()},
        "counters": dict(twin.counters),
    }


def foreign(request: Request) -> bool:
    """Whether another site's page sends this form."""
    origin = request.headers.get("origin")
    return origin is not None and origin != f"http://{request.headers['host']}"
