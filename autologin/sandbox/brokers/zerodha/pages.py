"""kite.zerodha.com: the login page, the XHRs behind it, and the way from there to the redirect."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.brokers.zerodha.state import (
    Connect,
    Login,
    Session,
    ZerodhaState,
    refusal,
    reply,
)
from autologin.sandbox.page import LoginPage, page_routes
from autologin.sandbox.redirects import redirect
from autologin.sandbox.twin import Refusal, html_error
from autologin.sandbox.user import TestUser

PAGE = LoginPage.load("Kite", "#d9480f", Path(__file__).parent)


class Pages:
    """Kite web: one single-page app and what it talks to."""

    def __init__(self, twin: ZerodhaState) -> None:
        self.twin = twin

    def routes(self) -> list[BaseRoute]:
        """The paths of the way through a Connect login."""
        return [
            Route("/connect/login", self.login_page),
            Route("/api/login", self.login, methods=["POST"]),
            Route("/api/twofa", self.twofa, methods=["POST"]),
            Route("/api/twofa/sms", self.sms, methods=["POST"]),
            Route("/connect/finish", self.finish),
            Route("/connect/finish", self.authorize, methods=["POST"]),
            Route("/connect/authorize", self.consent_page),
            Route("/connect/cancel", self.cancel),
            Route("/connect/notice", self.notice_page),
            Route("/api/connect/session", self.connect_session),
            *page_routes(self.twin),
        ]

    # The login page

    async def login_page(self, request: Request) -> Response:
        """The way in: a sess_id of one's own, then the page.

        Or straight on, for who is signed in.
        """
        self.twin.arrive("login_page")
        self._check_app(request)
        live = self.twin.live_session(request.cookies)
        session = live or self._given_session()
        connect = self.twin.connects.get(request.query_params.get("sess_id", ""))
        fresh = connect is None
        if connect is None:
            connect = self.twin.open_connect(
                request.query_params.get("redirect_params", ""), session
            )
        if session:
            connect.user_id = session.user.user_id
            onward = self._to("/connect/finish", connect)
            return onward if live else signed_in(onward, session)
        return (
            self._to("/connect/login", connect)
            if fresh
            else PAGE.show(self.twin, {"user": self.twin.user_id})
        )

    def _check_app(self, request: Request) -> None:
        door = self.twin.behaviour.door
        if door == "access_denied":
            raise Refusal(html_error(403))
        if door == "invalid_api_key" or request.query_params.get("api_key") != self.twin.api_key:
            raise refusal(400, "InputException", "Invalid `api_key`.")
        if door == "user_not_enabled":
            raise not_enabled()

    def _given_session(self) -> Session | None:
        twin = self.twin
        return twin.open_session(twin.users[twin.user_id]) if twin.behaviour.live_session else None

    def _to(self, path: str, connect: Connect) -> Response:
        return redirect(
            f"{path}?{urlencode({'api_key': self.twin.api_key, 'sess_id': connect.sess_id})}"
        )

    # The XHRs

    async def login(self, request: Request) -> Response:
        """User id and password."""
        form = await request.form()
        self.twin.arrive("login")
        if not form.get("user_id") or not form.get("password"):
            raise refusal(400, "InputException", "Missing `user_id` or `password`.")
        found = self.twin.check_password(
            str(form["user_id"]).strip().upper(), str(form["password"])
        )
        answer = reply(self._login_data(found))
        answer.set_cookie("kf_session", found.kf_session, httponly=True)
        return answer

    def _login_data(self, found: Login) -> dict[str, Any]:
        types = self.twin.behaviour.twofa_types
        return {
            "user_id": found.user.user_id,
            "request_id": found.request_id,
            "twofa_type": types[0],
            "twofa_types": list(types),
            "twofa_status": "active",
            "profile": {
                "user_name": "Sandbox Trader",
                "user_shortname": "Sandbox",
                "avatar_url": None,
            },
        }

    async def twofa(self, request: Request) -> Response:
        """The one-time password."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.twin.otps.append(form.get("twofa_value", ""))
        self.twin.arrive("twofa")
        found, kind = self._waiting(request, form), form.get("twofa_type", "")
        if kind not in self.twin.behaviour.twofa_types:
            raise refusal(400, "InputException", "Invalid `twofa_type`.")
        session = self.twin.check_code(found, form.get("twofa_value", ""), kind)
        await asyncio.sleep(self.twin.behaviour.answer_seconds)
        return signed_in(reply({"profile": {}}), session)

    def _waiting(self, request: Request, form: dict[str, str]) -> Login:
        found = self.twin.logins.get(form.get("request_id", ""))
        cookie = request.cookies.get("kf_session")
        if (
            not found
            or (found.user.user_id, found.kf_session) != (form.get("user_id"), cookie)
            or found.ends <= self.twin.now()
        ):
            raise refusal(403, "UserException", "Login session has expired or doesn't exist.")
        return found

    async def sms(self, _request: Request) -> Response:
        """A text message that nobody here can read."""
        self.twin.arrive("sms")
        return reply({})

    # The way on

    async def finish(self, request: Request) -> Response:
        """On to the redirect, unless somebody has to be asked first."""
        self.twin.arrive("finish")
        connect, session = self._linked(request, dict(request.query_params))
        if self.twin.behaviour.user_not_enabled:
            raise not_enabled()
        if self.twin.behaviour.page.get("then") == "notice" and "later" not in request.query_params:
            return self._to("/connect/notice", connect)
        if self.twin.behaviour.first_use and not session.user.authorised:
            return self._to("/connect/authorize", connect)
        return self._deliver(connect, session.user)

    async def authorize(self, request: Request) -> Response:
        """The button on the consent page; its value proves that the page was ours."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.twin.arrive("authorize")
        connect, session = self._linked(request, form)
        if form.get("authorize") != session.public_token:
            raise refusal(400, "InputException", "Invalid `authorize`.")
        session.user.authorised = True
        return self._deliver(connect, session.user)

    async def cancel(self, request: Request) -> Response:
        """The other button on the consent page."""
        self.twin.arrive("cancel")
        connect, session = self._linked(request, dict(request.query_params))
        return self._deliver(connect, session.user, denied=True)

    async def connect_session(self, request: Request) -> Response:
        """What the consent page shows."""
        connect, session = self._linked(request, dict(request.query_params))
        app = {"name": "Sandbox app", "api_key": self.twin.api_key}
        return reply({"public_token": session.public_token, "user_id": connect.user_id, "app": app})

    async def consent_page(self, _request: Request) -> Response:
        """May this app use your account?"""
        self.twin.arrive("consent_page")
        return PAGE.show(self.twin, {"screen": "consent"})

    async def notice_page(self, _request: Request) -> Response:
        """Something else that a person has to decide."""
        self.twin.arrive("notice_page")
        return PAGE.show(self.twin, {"screen": "notice"})

    def _linked(self, request: Request, given: dict[str, str]) -> tuple[Connect, Session]:
        session = self.twin.live_session(request.cookies)
        connect = self.twin.connects.get(given.get("sess_id", ""))
        if given.get("api_key") != self.twin.api_key or not session or not connect:
            raise refusal(400, "InputException", "Invalid session.")
        if connect.user_id is None and connect.turn < session.turn:
            connect.user_id = session.user.user_id
        if connect.user_id != session.user.user_id:
            raise refusal(400, "InputException", "Invalid session.")
        return connect, session

    def _deliver(self, connect: Connect, user: TestUser, *, denied: bool = False) -> Response:
        params = self.twin.redirect_params(connect, user, denied=denied)
        return self.twin.delivery.answer(
            self.twin.behaviour.delivery, self.twin.redirect_uri, params
        )


def signed_in(response: Response, session: Session) -> Response:
    """The answer with the cookies of somebody who is signed in."""
    response.set_cookie("enctoken", session.enctoken)
    response.set_cookie("public_token", session.public_token)
    response.set_cookie("user_id", session.user.user_id)
    return response


def not_enabled() -> Refusal:
    """The app is not for this user."""
    return refusal(400, "InputException", "The user is not enabled for the app.")
