"""The pages of an OAuth 2.0 server.

Authorize, login, one-time code, consent, and the way back to the app.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.brokers.oauth2.state import No, OAuth2State, Visit
from autologin.sandbox.page import LoginPage, page_routes
from autologin.sandbox.redirects import redirect
from autologin.sandbox.twin import Refusal, html_error, render

PAGE = LoginPage.load("Sign in", "#0b63c5", Path(__file__).parent)
NAMES = {"username": "f1", "password": "f2", "otp": "f3", "terms": "f4"}
"""The names of the fields after a redesign."""


class Pages:
    """What browsers see."""

    def __init__(self, twin: OAuth2State) -> None:
        self.twin = twin

    def routes(self) -> list[BaseRoute]:
        """The paths of the way through a login."""
        return [
            Route("/oauth/authorize", self.authorize),
            Route("/login", self.page),
            Route("/login", self.login, methods=["POST"]),
            Route("/code", self.code, methods=["POST"]),
            Route("/other-factor", self.other_factor),
            Route("/consent", self.consent, methods=["POST"]),
            Route("/consent", self.page),
            Route("/notice", self.page),
            Route("/notice", self.notice, methods=["POST"]),
            Route("/finish", self.finish),
            *page_routes(self.twin),
        ]

    async def authorize(self, request: Request) -> Response:
        """The way in."""
        self.twin.arrive("authorize")
        params = dict(request.query_params)
        self._check(params)
        visit = self.twin.open_visit(params)
        return redirect(f"/finish?tx={visit.tx}" if visit.signed_in else f"/login?tx={visit.tx}")

    def _check(self, params: dict[str, str]) -> None:
        twin, door = self.twin, self.twin.behaviour.door
        if door == "access_denied":
            raise Refusal(html_error(403))
        if door == "client_json":
            raise Refusal(
                JSONResponse(
                    {"error": "invalid_client", "error_description": "Client is not known"}, 400
                )
            )
        if door == "client_oops":
            lines = ["error: invalid_client", "error_description: client is invalid"]
            raise Refusal(
                render("oauth2/error.html", 400, title="oops! something went wrong", lines=lines)
            )
        if door == "redirect_uri" or params.get("redirect_uri") != twin.redirect_uri:
            raise Refusal(self._error("redirect_uri is not registered for this client"))
        if door == "client_page" or params.get("client_id") != twin.client_id:
            raise Refusal(self._error("Unknown client_id"))
        if params.get("response_type") != "code":
            raise Refusal(self._error("unsupported_response_type"))

    def _error(self, line: str) -> Response:
        return render("oauth2/error.html", 400, title="Authorization error", lines=[line])

    async def page(self, request: Request) -> Response:
        """Whatever screen this visit has come to."""
        visit = self._visit(dict(request.query_params))
        return self._shell(visit, request.url.path.strip("/"))

    def _visit(self, given: dict[str, str]) -> Visit:
        if (visit := self.twin.visits.get(given.get("tx", ""))) is None:
            raise Refusal(self._error("This login has expired"))
        return visit

    def _shell(self, visit: Visit, screen: str, said: str = "") -> Response:
        behaviour = self.twin.behaviour
        config: dict[str, Any] = {
            "tx": visit.tx,
            "said": said,
            "user": visit.named,
            "factor": behaviour.factor,
        }
        if screen != "login":
            config["screen"] = screen
        return PAGE.show(self.twin, config, behaviour.refusal_status if said else 200)

    async def login(self, request: Request) -> Response:
        """User and password; or the first of them, where there are two screens."""
        form = named(dict(await request.form()))
        visit = self._visit(form)
        if "password" not in form:
            visit.named = form.get("username", "")
            return self._answer(visit, "login")
        self.twin.arrive("login", self._broken)
        return self._tried(visit, "login", lambda: self._check_login(visit, form))

    def _check_login(self, visit: Visit, form: dict[str, str]) -> str:
        factor = self.twin.behaviour.factor
        if self.twin.behaviour.page.get("terms") and not form.get("terms"):
            return "login"
        self.twin.check_password(visit.named or form.get("username", ""), form["password"])
        visit.password_right = True
        if factor == "with_password":
            self.twin.otps.append(form.get("otp", ""))
            self.twin.check_code(form.get("otp", ""))
        visit.signed_in = factor in {"none", "with_password"}
        return "finish" if visit.signed_in else "code"

    async def code(self, request: Request) -> Response:
        """The one-time code."""
        form = named(dict(await request.form()))
        value = form.get("otp") or "".join(form.get(f"d{index}", "") for index in range(6))
        self.twin.otps.append(value)
        visit = self._visit(form)
        self.twin.arrive("code", self._broken)
        await asyncio.sleep(self.twin.behaviour.answer_seconds)
        return self._tried(visit, "code", lambda: self._check_code(visit, value))

    def _check_code(self, visit: Visit, value: str) -> str:
        if not visit.password_right:
            raise Refusal(self._error("This login has expired"))
        self.twin.check_code(value)
        visit.signed_in = True
        return "waiting" if self.twin.behaviour.page.get("then") == "nothing" else "finish"

    def _broken(self, status: int) -> Response:
        return html_error(status)

    def _tried(self, visit: Visit, screen: str, check: Callable[[], str]) -> Response:
        try:
            return self._answer(visit, check())
        except No as no:
            if not self._by_script():
                return self._shell(visit, screen, no.words)
            return JSONResponse({"error": "access_refused", "error_description": no.words}, 401)

    def _answer(self, visit: Visit, screen: str) -> Response:
        if self._by_script():
            return JSONResponse({"screen": screen, "user": visit.named})
        return (
            redirect(f"/finish?tx={visit.tx}", 303)
            if screen == "finish"
            else self._shell(visit, screen)
        )

    def _by_script(self) -> bool:
        return bool(self.twin.behaviour.page.get("style") == "spa")

    async def other_factor(self, request: Request) -> Response:
        """The link from the SMS to the authenticator."""
        visit = self._visit(dict(request.query_params))
        return self._shell(visit, "totp")

    async def finish(self, request: Request) -> Response:
        """On to the redirect, unless somebody has to be asked first."""
        self.twin.arrive("finish")
        visit = self._visit(dict(request.query_params))
        if not visit.signed_in:
            return redirect(f"/login?tx={visit.tx}")
        if self.twin.behaviour.page.get("then") == "notice" and not visit.noticed:
            return redirect(f"/notice?tx={visit.tx}")
        if self.twin.behaviour.first_use and not self.twin.user.authorised:
            return redirect(f"/consent?tx={visit.tx}")
        return self._deliver(visit)

    async def consent(self, request: Request) -> Response:
        """The buttons of the consent page."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.twin.arrive("consent")
        visit = self._visit(form)
        if not visit.signed_in:
            raise Refusal(self._error("This login has expired"))
        allowed = form.get("decision") == "allow"
        self.twin.user.authorised = allowed
        return self._deliver(visit, "" if allowed else "access_denied")

    async def notice(self, request: Request) -> Response:
        """Somebody has seen the notice."""
        visit = self._visit({name: str(value) for name, value in (await request.form()).items()})
        visit.noticed = True
        return redirect(f"/finish?tx={visit.tx}", 303)

    def _deliver(self, visit: Visit, error: str = "") -> Response:
        params = self.twin.redirect_params(visit, error)
        return self.twin.delivery.answer(
            self.twin.behaviour.delivery, visit.params["redirect_uri"], params
        )


def named(form: dict[str, Any]) -> dict[str, str]:
    """A form by the names from before the redesign."""
    old = {new: name for name, new in NAMES.items()}
    return {old.get(name, name): str(value) for name, value in form.items()}
