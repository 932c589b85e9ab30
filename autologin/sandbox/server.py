"""The sandbox: an index page and the twins of the brokers, served on loopback."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from itertools import count, repeat
from types import TracebackType
from typing import Any, Self

import yaml
from pyotp.totp import TOTP
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autologin.clock import Clock
from autologin.flow import registry
from autologin.sandbox import brokers
from autologin.sandbox.redirects import redirect
from autologin.sandbox.twin import HANG_UP_MESSAGE, Twin, render
from autologin.web.connections import Patience, most_connections
from autologin.web.server import Served

HOST = "127.0.0.1"
OUR_HOSTS = ["127.0.0.1", "localhost"]
"""Any other name for this address is somebody else's page that wants to read it (DNS rebinding)."""

PATIENCE = Patience(head=60.0, body=60.0, answer=600.0)
"""Brokers that are slow are among the scenarios, and so are browsers that hold connections open."""
CONNECTIONS = 512
"""At once, at each address, where the process may open as many files."""


class Sandbox:
    """Serves an index page and each broker's twin while it is entered.

    `port` is the index page's; the roles of the twins take the ports behind it, in order. 0 takes
    any that are free.
    """

    def __init__(
        self,
        *,
        brokers: Iterable[str] | None = None,
        scenarios: Mapping[str, Iterable[str]] | None = None,
        port: int = 0,
        clock: Clock | None = None,
    ) -> None:
        known = twin_classes()
        names = list(known if brokers is None else brokers)
        scenarios = scenarios or {}
        for name in [*names, *scenarios]:
            if name not in known:
                raise ValueError(f"the sandbox has no broker {name!r}; it has {', '.join(known)}")
        self.twins = {
            name: known[name](scenarios=scenarios.get(name, ()), clock=clock) for name in names
        }
        self.port = port
        self.index_url = ""
        self._serving = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            ports = count(self.port) if self.port else repeat(0)
            self.index_url = await _serve(stack, Index(self).app, next(ports))
            for name, twin in self.twins.items():
                twin.redirect_uri = twin.redirect_uri or f"{self.index_url}/callback/{name}"
                for role in twin.roles:
                    twin.origins[role] = await _serve(stack, twin.apps[role], next(ports))
            self._serving = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._serving.aclose()

    def config(self) -> dict[str, Any]:
        """A config file that points at this sandbox, ready to be dumped as YAML."""
        accounts: dict[str, dict[str, Any]] = {
            name: {
                "broker": name,
                "credentials": twin.credentials,
                "endpoints": twin.endpoints,
                "sinks": ["tokens"],
            }
            for name, twin in self.twins.items()
        }
        for name, twin in self.twins.items():
            accounts[name] |= {"options": twin.options} if twin.options else {}
        sinks = {"tokens": {"type": "file", "path": "./tokens/{account}.json", "format": "json"}}
        return {"state": {"path": "./state"}, "sinks": sinks, "accounts": accounts}


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


class _Served(Served):
    """One app on one port, which can close a connection without an answer."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        most = most_connections(CONNECTIONS)
        super().__init__(self._hanging_up(app), HOST, port, patience=PATIENCE, most=most)

    def _hanging_up(self, app: ASGIApp) -> ASGIApp:
        """The app, with a message more: one that closes the connection without an answer."""

        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            async def answer(message: Message) -> None:
                if message["type"] != HANG_UP_MESSAGE:
                    await send(message)
                    return
                self._hang_up(scope["client"])
                await asyncio.sleep(0)

            await app(scope, receive, answer)

        return wrapped

    def _hang_up(self, client: tuple[str, int]) -> None:
        for connection in list(self.connections):
            if getattr(connection, "client", None) == tuple(client):
                connection.transport.abort()


async def _serve(stack: AsyncExitStack, app: ASGIApp, port: int) -> str:
    served = _Served(app, port)
    await served.open()
    stack.push_async_callback(served.close)
    return f"http://{HOST}:{served.port}"


def twin_classes() -> dict[str, type[Twin]]:
    """The twin of each broker: the `Twin` in the module that is named like the broker.

    That of a user's own flow is in `_NAME_twin.py` beside it.
    """
    found = {}
    own = {
        module.name: module.name[1 : -len("_twin")]
        for module in pkgutil.iter_modules(registry.FLOWS.__path__)
    }
    modules = {
        f"{brokers.__name__}.{module.name}": module.name
        for module in pkgutil.iter_modules(brokers.__path__)
    }
    modules |= {
        f"autologin.flows.{name}": broker
        for name, broker in own.items()
        if name == f"_{broker}_twin" and registry.can_import(name)
    }
    for module, broker in modules.items():
        for thing in vars(importlib.import_module(module)).values():
            if (
                isinstance(thing, type)
                and issubclass(thing, Twin)
                and getattr(thing, "broker", None) == broker
            ):
                found[broker] = thing
    return found
