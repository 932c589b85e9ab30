"""What the broker answers behind the page: the page's own calls are the first truth about a login, its text the second."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlsplit

from autologin.flow import retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from playwright.async_api import BrowserContext, Page, Request, Response

    from autologin.clock import Clock

WATCHED = {"document", "xhr", "fetch"}
LATER = {408, 429}


@dataclass(frozen=True)
class Reply:
    """One answer of the broker's to the page: `data` is its JSON, `text` the start of any other body."""

    path: str
    status: int
    document: bool
    carried_secret: bool
    data: dict[str, Any] = field(default_factory=dict, repr=False)
    text: str = field(default="", repr=False)
    retry_after: float | None = None

    @property
    def unavailable(self) -> bool:
        """Whether the broker says "not now"."""
        return self.status in LATER or self.status >= 500

    @property
    def refused(self) -> bool:
        """Whether the broker says no: by the status, or by what the JSON says of itself."""
        says = self.data.get("status", self.data.get("s", self.data.get("success")))
        return self.status >= 400 or says is False or str(says).lower() in {"error", "failed", "failure"}

    @property
    def message(self) -> str:
        """The broker's words."""
        inner = self.data.get("error")
        errors = self.data.get("errors")
        first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
        places = (self.data, inner if isinstance(inner, dict) else {}, first)
        words = [place.get(name) for place in places for name in ("message", "error_description", "emsg", "msg")]
        return str(next((word for word in words if word), inner if isinstance(inner, str) else ""))


class Replies:
    """Watches what a page sends to the broker and what comes back."""

    def __init__(self, page: Page, is_broker: Callable[[str], bool], clock: Clock) -> None:
        self._page, self._is_broker, self._clock = page, is_broker, clock
        self._secrets: list[str] = []
        self._reading: set[asyncio.Task[None]] = set()
        self.new: list[Reply] = []
        self.pending: set[Request] = set()
        self.failed: str = ""
        """The last call to the broker that got no answer."""
        self.sent = 0
        """How many calls so far carried a secret that was typed."""
        self.posts = 0
        self.skew: float | None = None
        """The broker's clock minus ours, in seconds, by the newest `Date` header."""

    def listen(self, context: BrowserContext) -> None:
        """Start to watch; do it before the first page is opened."""
        context.on("request", self._requested)
        context.on("response", self._responded)
        context.on("requestfinished", self._finished)
        context.on("requestfailed", self._failed)

    def typed(self, secret: str) -> None:
        """A call that carries this (as it is, URL-encoded or base64) is the answer to our own submit."""
        encoded = base64.b64encode(secret.encode()).decode()
        self._secrets += [secret, quote_plus(secret), json.dumps(secret)[1:-1], encoded]

    async def read(self) -> list[Reply]:
        """The answers that came since the last call, with their bodies."""
        while self._reading:
            await asyncio.wait(self._reading)
        found, self.new = self.new, []
        return found

    def _requested(self, request: Request) -> None:
        if request.resource_type not in {*WATCHED, "script"} or not self._is_broker(request.url):
            return
        self.pending.add(request)
        self.posts += request.method != "GET"
        self.sent += self._carries_secret(request)

    def _carries_secret(self, request: Request) -> bool:
        try:
            body = request.post_data or ""
        except UnicodeDecodeError:
            return False
        return any(secret in body for secret in self._secrets)

    def _responded(self, response: Response) -> None:
        if response.request.resource_type in WATCHED and self._is_broker(response.url):
            self._learn_skew(response.headers)
            if not 300 <= response.status < 400:
                task = asyncio.ensure_future(self._read(response))
                self._reading.add(task)
                task.add_done_callback(self._reading.discard)

    def _learn_skew(self, headers: Mapping[str, str]) -> None:
        if (skew := skew_of(headers, self._clock.now())) is not None:
            self.skew = skew

    async def _read(self, response: Response) -> None:
        request = response.request
        document = request.resource_type == "document"
        if document and request.frame != self._page.main_frame:
            return
        text = "" if document else await _body(response)
        reply = Reply(
            path=urlsplit(response.url).path,
            status=response.status,
            document=document,
            carried_secret=self._carries_secret(request),
            data=_json(text),
            text=text[:2000],
            retry_after=retry_after(response.headers.get("retry-after")),
        )
        self.new.append(reply)

    def _finished(self, request: Request) -> None:
        self.pending.discard(request)

    def _failed(self, request: Request) -> None:
        self.pending.discard(request)
        aborted = "ERR_ABORTED" in (request.failure or "")
        if request.resource_type in WATCHED and self._is_broker(request.url) and not aborted:
            self.failed = f"{request.method} {urlsplit(request.url).path} ({request.failure or 'failed'})"


def skew_of(headers: Mapping[str, str], now: datetime) -> float | None:
    """The broker's clock minus ours in seconds, by a `Date` header; None where there is none, or a cache's."""
    if "date" not in headers or headers.get("age"):
        return None
    try:
        return (parsedate_to_datetime(headers["date"]) - now).total_seconds()
    except (ValueError, TypeError):
        return None


async def _body(response: Response) -> str:
    try:
        return await asyncio.wait_for(response.text(), 10)
    except Exception:  # noqa: BLE001  (the page left before its answer was read: there is nothing to read then)
        return ""


def _json(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
