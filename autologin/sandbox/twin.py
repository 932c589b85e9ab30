"""What all twins share: scenarios, counters, the broker's own clock, failing calls, requests."""

from __future__ import annotations

import asyncio
import secrets
import string
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, ClassVar, cast

import jinja2
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autologin.clock import IST, Clock, SystemClock
from autologin.sandbox.measured import Measured
from autologin.sandbox.redirects import Delivery
from autologin.sandbox.scenarios import HANG_UP, Behaviour, Failure, Scenario, combine, known
from autologin.sandbox.sdk import Sdk
from autologin.sandbox.user import TestUser

HANG_UP_MESSAGE = "sandbox.hang_up"
"""The ASGI message at which the server closes the connection without an answer."""

_here = Path(__file__).parent
_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader([_here / "pages", _here / "brokers"]), autoescape=True
)


@dataclass(frozen=True)
class Seen:
    """A request as it arrived; of its body what the twin read."""

    role: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class Refusal(HTTPException):
    """Ends a handler with an answer, from wherever it is raised."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code or 500)
        self.response = response


class Twin(ABC):
    """A broker's login pages and API, each role an ASGI app on an origin of its own.

    `counters` counts calls by name; `otps` holds the one-time passwords that were sent,
    `codes_issued` and `codes_exchanged` the codes of the redirect, `seen` the newest requests, all
    in their order.
    """

    broker: ClassVar[str]
    title: ClassVar[str]
    roles: ClassVar[tuple[str, ...]]
    table: ClassVar[Mapping[str, Scenario]]
    plain: ClassVar[Behaviour]
    readers: ClassVar[Mapping[str, str]] = {}
    """Roles whose answers a page of another role may read (CORS), with that role."""
    sdk: ClassVar[Sdk | None] = None
    """The broker's official SDK, where there is one."""
    measured: ClassVar[Measured | None] = None
    """The clicks of a plain login, where `bench/brokers.py` is to measure it."""
    behaviour: Behaviour

    def __init__(self, *, scenarios: Iterable[str] = (), clock: Clock | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self.origins: dict[str, str] = {}
        self.redirect_uri = ""
        self.page_delay = 0.0
        """Seconds that every page and screen takes to appear."""
        self.held: dict[str, asyncio.Event] = {}
        """Paths whose answers do not go out before the event is set."""
        self.delivery = Delivery(render)
        self.scenarios: tuple[str, ...] = ()
        self.switch(*scenarios)
        self.reset()
        self.apps: dict[str, Starlette] = {role: self._app(role) for role in self.roles}

    @property
    @abstractmethod
    def credentials(self) -> dict[str, str]:
        """What an account's `credentials` must hold."""

    @abstractmethod
    def routes(self, role: str) -> list[BaseRoute]:
        """The routes of one role."""

    @property
    def endpoints(self) -> dict[str, str]:
        """What an account's `endpoints` must hold.

        The origin of each role, unless a twin says more.
        """
        return dict(self.origins)

    @property
    def options(self) -> dict[str, Any]:
        """What an account's `options` must hold."""
        return {}

    @property
    def totp_secret(self) -> str:
        """The seed that belongs into an authenticator; empty where the broker has none."""
        return self.credentials.get("totp_secret", "")

    def switch(self, *names: str) -> None:
        """Have exactly these scenarios on. What happens the first time only will happen again."""
        self.scenarios = known(self.table, names)
        self.behaviour = combine(self.plain, self.table, self.scenarios)
        self._fired: set[str] = set()

    def reset(self) -> None:
        """Forget sessions, tokens, wrong entries and counts. The scenarios stay on."""
        self._fired = set()
        self.counters: Counter[str] = Counter()
        self.otps: list[str] = []
        self.codes_issued: list[str] = []
        self.codes_exchanged: list[str] = []
        self.seen: deque[Seen] = deque(maxlen=500)

    def now(self) -> datetime:
        """The broker's time, in UTC."""
        return self.clock.now().astimezone(UTC) + timedelta(seconds=self.behaviour.clock_offset)

    def next_daily(self, at: time) -> datetime:
        """The next moment, strictly later, at which a clock in India shows `at`."""
        now = self.now().astimezone(IST)
        today = datetime.combine(now.date(), at, IST)
        return today if today > now else today + timedelta(days=1)

    def once(self, what: str) -> bool:
        """Whether this is the first time since the last switch or reset."""
        first = what not in self._fired
        self._fired.add(what)
        return first

    def arrive(self, place: str, broken: Any = None) -> None:
        """Count a call, and fail it where a scenario says so; `broken(status)` makes the answer."""
        self.counters[place] += 1
        failure = self.behaviour.failures.get(place)
        if failure and (failure.always or self.once(f"failure at {place}")):
            answer = html_error if failure.page else broken or html_error
            raise Refusal(_failed(failure, answer(failure.status)))

    def check_otp(self, user: TestUser, otp: str, *, enabled: bool = True) -> bool:
        """Whether a one-time password is right, by the scenarios too; a wrong one is a strike.

        Call it once for each that arrives. Where TOTP is not `enabled`, each is wrong.
        """
        behaviour = self.behaviour

        def refuse() -> bool:
            refused = behaviour.refused_codes
            return (
                not enabled
                or refused == "all"
                or (refused == "first" and self.once("refused code"))
            )

        return user.check_otp(
            otp,
            self.now(),
            window=behaviour.otp_window,
            reuse=behaviour.code_reuse,
            earlier=behaviour.strikes,
            refuse=refuse,
        )

    def with_state(
        self, params: Iterable[tuple[str, str]], *state: tuple[str, str | None]
    ) -> list[tuple[str, str]]:
        """The redirect's parameters and the caller's own, by the scenarios: kept, lost or wrong."""
        kind = self.behaviour.state
        own = [(name, value) for name, value in state if value is not None and kind != "lost"]
        return [
            *params,
            *((name, f"not-{value}" if kind == "wrong" else value) for name, value in own),
        ]

    def readable(self, content_type: str) -> bool:
        """Whether an answer carries the headers that let the `readers` read it."""
        del content_type
        return True

    def _app(self, role: str) -> Starlette:
        middleware = [Middleware(_Wire, twin=self, role=role)]
        if role in self.readers:
            middleware.append(Middleware(_Cors, twin=self, reader=self.readers[role]))
        return Starlette(
            routes=self.routes(role), middleware=middleware, exception_handlers={Refusal: _answer}
        )


class _Wire:
    """Notes each request and dates each answer by the broker's clock."""

    def __init__(self, app: ASGIApp, twin: Twin, role: str) -> None:
        self.app, self.twin, self.role = app, twin, role

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytearray()

        async def listen() -> Message:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        async def answer(message: Message) -> None:
            if held := self.twin.held.get(scope["path"]):
                await held.wait()
            if message["type"] == "http.response.start" and self.twin.behaviour.date_header:
                MutableHeaders(scope=message)["date"] = format_datetime(
                    self.twin.now(), usegmt=True
                )
            await send(message)

        try:
            await self.app(scope, listen, answer)
        finally:
            self.twin.seen.append(_seen(self.role, scope, bytes(body)))


class _Cors:
    """Lets the pages of another role read the answers."""

    def __init__(self, app: ASGIApp, twin: Twin, reader: str) -> None:
        self.app = app
        self.twin = twin
        self.reader = reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        allow = {
            "access-control-allow-origin": self.twin.origins.get(self.reader, ""),
            "access-control-allow-credentials": "true",
        }
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            names = "content-type, x-device-details, x-request-id"
            preflight = Response(headers={**allow, "access-control-allow-headers": names})
            await preflight(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if self.twin.readable(headers.get("content-type", "")):
                    headers.update(allow)
            await send(message)

        await self.app(scope, receive, answer)


class NoAnswer(Response):
    """Closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell the server, whatever was asked; nothing is sent."""
        del scope, receive
        await send({"type": HANG_UP_MESSAGE})


def render(name: str, status: int = 200, **context: Any) -> HTMLResponse:
    """A page made from a template."""
    return HTMLResponse(_templates.get_template(name).render(**context), status)


def html_error(status: int) -> Response:
    """The page that a broker's gateway shows."""
    words = {
        200: "Scheduled maintenance",
        401: "Authorization Required",
        403: "Access Denied",
        429: "Too Many Requests",
        502: "Bad Gateway",
    }.get(status, "Error")
    return render("error.html", status or 502, code=status, words=words)


def alnum(length: int = 32) -> str:
    """A fresh random token of letters and digits."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))


def _failed(failure: Failure, response: Response) -> Response:
    if failure.status == HANG_UP:
        return NoAnswer()
    if failure.retry_after is not None:
        response.headers["retry-after"] = str(failure.retry_after)
    return response


def _seen(role: str, scope: Scope, body: bytes) -> Seen:
    headers = {
        name.decode("latin-1"): value.decode("latin-1") for name, value in scope.get("headers", ())
    }
    return Seen(
        role,
        scope.get("method", ""),
        scope["path"],
        scope.get("query_string", b"").decode(),
        headers,
        body,
    )


async def _answer(_request: Request, error: Exception) -> Response:
    return cast("Refusal", error).response
