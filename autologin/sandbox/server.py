"""The sandbox: an index page and the twins of the brokers, served on loopback."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from contextlib import AsyncExitStack
from itertools import count, repeat
from typing import TYPE_CHECKING, Any, Self

from autologin.flow import registry
from autologin.sandbox import brokers
from autologin.sandbox.index import Index
from autologin.sandbox.twin import HANG_UP_MESSAGE, Twin
from autologin.web.server import Served

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from autologin.clock import Clock

HOST = "127.0.0.1"


class Sandbox:
    """Serves an index page and each broker's twin while it is entered.

    `port` is the index page's; the roles of the twins take the ports behind it, in order. 0 takes any that are free.
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
        self.twins = {name: known[name](scenarios=scenarios.get(name, ()), clock=clock) for name in names}
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
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._serving.aclose()

    def config(self) -> dict[str, Any]:
        """A config file that points at this sandbox, ready to be dumped as YAML."""
        accounts: dict[str, dict[str, Any]] = {
            name: {"broker": name, "credentials": twin.credentials, "endpoints": twin.endpoints, "sinks": ["tokens"]}
            for name, twin in self.twins.items()
        }
        for name, twin in self.twins.items():
            accounts[name] |= {"options": twin.options} if twin.options else {}
        sinks = {"tokens": {"type": "file", "path": "./tokens/{account}.json", "format": "json"}}
        return {"state": {"path": "./state"}, "sinks": sinks, "accounts": accounts}


class _Served(Served):
    """One app on one port, which can close a connection without an answer."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        super().__init__(self._hanging_up(app), HOST, port)

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
        for connection in list(self.server.server_state.connections):
            if getattr(connection, "client", None) == tuple(client):
                connection.transport.abort()


async def _serve(stack: AsyncExitStack, app: ASGIApp, port: int) -> str:
    served = _Served(app, port)
    await served.open()
    stack.push_async_callback(served.close)
    return f"http://{HOST}:{served.port}"


def twin_classes() -> dict[str, type[Twin]]:
    """The twin of each broker, by the broker's name: the `Twin` in the module that is named like the broker.

    That of a user's own flow is in `_NAME_twin.py` beside it.
    """
    found = {}
    own = {module.name: module.name[1 : -len("_twin")] for module in pkgutil.iter_modules(registry.FLOWS.__path__)}
    modules = {f"{brokers.__name__}.{module.name}": module.name for module in pkgutil.iter_modules(brokers.__path__)}
    modules |= {f"autologin.flows.{name}": broker for name, broker in own.items() if name == f"_{broker}_twin"}
    for module, broker in modules.items():
        for thing in vars(importlib.import_module(module)).values():
            if isinstance(thing, type) and issubclass(thing, Twin) and getattr(thing, "broker", None) == broker:
                found[broker] = thing
    return found
