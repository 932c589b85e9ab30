"""Health, metrics and the status page, over HTTP.

Nothing that is fetched changes anything; buttons need `http.token`.
"""

from __future__ import annotations

import asyncio
import ipaddress
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Route

from autologin.errors import AutologinError, Bug, ConfigError, Problem
from autologin.log import event
from autologin.web import auth, metrics, status_page
from autologin.web.interface import ServiceView
from autologin.web.readiness import Readiness, read_readiness
from autologin.web.server import Served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",  # "no-referrer" would hide our own forms' origin
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""On every answer."""
MAX_FORM = 4096
"""Bytes."""


def app(service: ServiceView) -> Starlette:
    """Everything, as an ASGI app."""
    pages = _Pages(service)
    routes = [
        Route("/", pages.status),
        Route("/livez", pages.livez),
        Route("/readyz", pages.readyz),
        Route("/metrics", pages.metrics),
        Route("/status.css", _file("status.css", "text/css")),
        Route("/icon.svg", _file("icon.svg", "image/svg+xml")),
        Route("/failures/{account}.png", pages.failure),
        Route("/sign-in", pages.sign_in_form),
        Route("/sign-in", pages.sign_in, methods=["POST"]),
        Route("/sign-out", pages.sign_out, methods=["POST"]),
        Route("/accounts/{account}/run", pages.run, methods=["POST"]),
        Route("/accounts/{account}/unblock", pages.unblock, methods=["POST"]),
    ]
    application = Starlette(routes=routes, middleware=[Middleware(_Guard)])
    application.state.auth = pages.auth
    return application


async def serve_http(service: ServiceView, listen: str) -> Served:
    """Serve it at an address such as "127.0.0.1:8321", in the event loop that runs.

    `close()` ends it.

    Raises:
        ConfigError: the address cannot be used, or `http.token` cannot be resolved.
    """
    application = app(service)
    await application.state.auth.read_token()
    host, _, port = listen.rpartition(":")
    try:
        served = Served(application, host.strip("[]"), int(port))
    except OSError as error:
        raise ConfigError(
            Problem("http.listen", str(error.strerror), 'Name another, such as "127.0.0.1:8321".')
        ) from None
    await served.open()
    return served


class _Pages:
    """What is answered at each address."""

    def __init__(self, service: ServiceView) -> None:
        self.service = service
        self.auth = auth.Auth(service)
        self._one_page = asyncio.Lock()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Make one page at a time, and let a login go on before the next one."""
        async with self._one_page:
            yield
            await asyncio.sleep(0)

    # For programs

    async def livez(self, _request: Request) -> Response:
        """That this is answered is the answer."""
        return PlainTextResponse("alive\n")

    async def readyz(self, _request: Request) -> Response:
        """Whether every account that is due today has a token that was proven today."""
        async with self._turn():
            accounts = read_readiness(self.service)
        ready = all(account.ready_today for account in accounts)
        body = {
            "ready": ready,
            "accounts": {account.name: _as_json(account) for account in accounts},
        }
        return JSONResponse(body, 200 if ready else 503)

    async def metrics(self, _request: Request) -> Response:
        """For Prometheus."""
        async with self._turn():
            text, kind = metrics.text(self.service)
        return Response(text, headers={"content-type": kind})

    # For people

    async def status(self, request: Request) -> Response:
        """The status page."""
        buttons = await self.auth.has_token()
        signed_in = self.auth.is_signed_in(request.cookies)
        async with self._turn():
            page = status_page.page(self.service, buttons=buttons, signed_in=signed_in)
        return HTMLResponse(page)

    async def failure(self, request: Request) -> Response:
        """The newest picture that is kept of an account's failures, for whoever knows `http.token`.

        No part of a path comes from the request.
        """
        if not await self.auth.has_token():
            raise HTTPException(403, "Set http.token in the config to see pictures of failures.")
        if not self.auth.is_signed_in(request.cookies):
            raise HTTPException(403, "Sign in on the status page first.")
        picture = status_page.picture(self.service, request.path_params["account"])
        if picture is None:
            raise HTTPException(404)
        return Response(picture, media_type="image/png")

    # Buttons

    async def sign_in_form(self, _request: Request) -> Response:
        """Where the token is typed."""
        if not await self.auth.has_token():
            raise HTTPException(404)
        return HTMLResponse(status_page.sign_in())

    async def sign_in(self, request: Request) -> Response:
        """Take the token; a cookie stands for it from now on."""
        await self._refuse_foreign(request)
        answer = self.auth.try_token((await _form(request)).get("token", ""))
        if answer == "wait":
            detail = "Too many wrong tokens. Wait a minute, then try again."
            return HTMLResponse(
                status_page.sign_in(detail), 429, {"retry-after": str(int(auth.WINDOW))}
            )
        if answer == "wrong":
            return HTMLResponse(
                status_page.sign_in("This is not the token of http.token in the config."), 403
            )
        return self._home(self.auth.new_session(), request)

    async def sign_out(self, request: Request) -> Response:
        """Forget the cookie."""
        await self._refuse_foreign(request)
        return self._home("", request)

    async def run(self, request: Request) -> Response:
        """Start a run now."""
        account = await self._authorize_button(request)
        event("run_asked_for", account=account)
        await self.service.run_now(account)
        return RedirectResponse("/", 303)

    async def unblock(self, request: Request) -> Response:
        """Lift a block."""
        account = await self._authorize_button(request)
        event("unblocked", account=account)
        await self.service.unblock(account)
        return RedirectResponse("/", 303)

    async def _authorize_button(self, request: Request) -> str:
        """The account whose button somebody pressed who may."""
        await self._refuse_foreign(request)
        if not self.auth.is_signed_in(request.cookies):
            raise HTTPException(403, "Sign in on the status page first.")
        account = str(request.path_params["account"])
        if account not in self.service.settings.accounts:
            raise HTTPException(404)
        return account

    async def _refuse_foreign(self, request: Request) -> None:
        if not await self.auth.has_token():
            raise HTTPException(404)
        if auth.is_foreign(request.headers):
            raise HTTPException(403, "This came from another site's page.")

    @staticmethod
    def _home(session: str, request: Request) -> Response:
        answer = RedirectResponse("/", 303)
        safe: dict[str, Any] = {
            "httponly": True,
            "samesite": "strict",
            "secure": request.url.scheme == "https",
        }
        answer.set_cookie(auth.COOKIE, session, max_age=auth.SESSION if session else 0, **safe)
        return answer


class _Guard:
    """Headers on every answer, no traceback in any, and nothing for names that are not ours."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        try:
            inner = (
                self._inner
                if _is_our_name(scope)
                else PlainTextResponse("Unknown host name.\n", 421)
            )
            await inner(scope, receive, answer)
        except ClientDisconnect:
            return  # in the middle of its request
        except AutologinError as error:
            failed = PlainTextResponse(f"{error.name}: {error.message}\n", 503)
        except Exception as bug:  # noqa: BLE001  (a traceback may hold secrets, and health must go on)
            event("http_failed", level="ERROR", message=Bug.of(bug).detail)
            failed = PlainTextResponse("This is a mistake in autologin.\n", 500)
        else:
            return
        if not started:
            await failed(scope, receive, answer)


def _is_our_name(scope: Scope) -> bool:
    """On loopback, any other name than this machine's is another site's page that reads ours.

    That is DNS rebinding.
    """
    server = scope.get("server")
    if not server or not _is_loopback(server[0]):
        return True
    host = next(
        (value.decode("latin-1") for name, value in scope["headers"] if name == b"host"),
        "localhost",
    )
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return name == "localhost" or _is_address(name.strip("[]"))


def _is_loopback(host: str) -> bool:
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _as_json(account: Readiness) -> dict[str, Any]:
    return {
        "due": account.today,
        "ready": account.ready_today,
        "reason": account.lacking or None,
        "next_run": account.next_run.isoformat() if account.next_run else None,
    }


def _file(name: str, kind: str) -> Any:
    async def answer(_request: Request) -> Response:
        return Response((status_page.TEMPLATES / name).read_bytes(), media_type=kind)

    return answer


async def _form(request: Request) -> dict[str, str]:
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MAX_FORM:
        raise HTTPException(413)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            raise HTTPException(413)
    return dict(parse_qsl(body.decode("utf-8", "replace")))
