"""What the broker answers behind the page.

The page's own calls are the first truth about a login, its text the second.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from autologin.clock import retry_after
from autologin.flow.counts import read_int
from autologin.login.departures import Departures
from autologin.login.sites import is_same_site, origin, split
from autologin.login.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from playwright.async_api import BrowserContext, CDPSession, Page, Request, Response

    from autologin.clock import Clock
    from autologin.login.capture import Capture

CALLS = {"xhr", "fetch"}
WATCHED = {"document", *CALLS}
LATER = {408, 429}
LARGEST_SKEW = 86_400.0
"""Seconds. With a clock that is off by more no certificate would be believed either: it is the
header that is wrong."""
FLAGS = ("status", "s", "success", "stat", "result", "ok")
"""Names under which a broker's JSON says whether it is a yes, whatever their capitals."""
YES = {"success", "successful", "ok", "true", "s", "pass", "passed"}
NO = {
    *("error", "failed", "failure", "fail", "not_ok", "not ok", "notok", "nok", "ko", "false"),
    *("unsuccessful", "denied", "rejected", "invalid", "unauthorized", "unauthorised"),
}
MESSAGES = (
    *("message", "error_description", "emsg", "msg", "errormessage", "error_message", "errormsg"),
    *("error_msg", "errmsg", "description", "reason", "detail"),
)
ERROR_CODES = ("errorcode", "error_code", "errcode", "err_code", "errno", "error_no")
"""Names under which a broker's JSON gives the number of an error: 0, where there is none."""
CODES = ("code", "statuscode", "status_code", "responsecode", "response_code")
"""Names of numbers that may be those of an error."""
NO_ERROR = re.compile(r"\W*(0*|none|null|false|ok|success|200|s)\W*", re.IGNORECASE)
OF_AN_ERROR = re.compile(r"e(rr(or)?)?[-_ ]?\d+|[45]\d\d", re.IGNORECASE)
SAYS_NOTHING = {
    *("err", "error", "errors", "fail", "failed", "failure", "code", "exception", "unsuccessful"),
    *("null", "none", "false", "bad", "request"),
}
BODILESS = {"GET", "HEAD", "OPTIONS"}
"""Methods of calls that carry what was typed in their address or not at all."""


@dataclass(frozen=True)
class ApiReply:
    """One answer of the broker's to the page.

    `data` is its JSON, `text` the start of any other body.
    """

    path: str
    status: int
    document: bool
    carried_secret: bool
    data: dict[str, Any] = field(default_factory=dict, repr=False)
    text: str = field(default="", repr=False)
    retry_after: float | None = None
    hidden: bool = False
    """Whether the browser keeps its body from the page, and from us."""

    @property
    def unavailable(self) -> bool:
        """Whether the broker says "not now"."""
        return self.status in LATER or self.status >= 500

    @property
    def is_page(self) -> bool:
        """Whether it is a whole page of HTML, and not a piece of one."""
        return bool(
            re.match(r"\s*(<!doctype|<\?xml|<html|<head|<body|<title)", self.text, re.IGNORECASE)
        )

    @property
    def affirmed(self) -> bool:
        """Whether the JSON says yes in so many words."""
        return any(_means(value) is True for value in self._flags) and not any(
            _means(value) is False for value in self._flags
        )

    @property
    def refused(self) -> bool:
        """Whether the broker says no: by the status, or by what the JSON says of itself."""
        if self.status >= 400 or any(_means(value) is False for value in self._flags):
            return True
        return not self.affirmed and any(self._values("error", "errors", "iserror"))

    @property
    def is_wordless(self) -> bool:
        """Whether it says nothing that a person reads: a number of the broker's, or no body.

        The page knows what it means, and says so.
        """
        if self.hidden or (self.text.strip() and not self.data and not _is_json(self.text)):
            return False
        words = re.findall(r"[^\W\d_]{3,}", self.message.lower())
        return not any(word not in SAYS_NOTHING for word in words)

    @property
    def has_error_code(self) -> bool:
        """Whether its JSON gives the number of an error, which may be a no without a word."""
        given = (str(value) for value in self._values(*ERROR_CODES))
        others = (str(value) for value in self._values(*CODES))
        return any(not NO_ERROR.fullmatch(value) for value in given) or any(
            OF_AN_ERROR.fullmatch(value) for value in others
        )

    @property
    def message(self) -> str:
        """The broker's words."""
        places: list[Mapping[str, Any]] = [self.data]
        for inner in self._values("error", "errors", "data"):
            first = inner[0] if isinstance(inner, list) and inner else inner
            places += [first] if isinstance(first, dict) else []
        words = [word for place in places for word in _values_of(place, MESSAGES)]
        said = (word for word in (*words, *self._values("error")) if isinstance(word, str))
        return next(filter(None, said), "")

    @property
    def _flags(self) -> list[Any]:
        return self._values(*FLAGS)

    def _values(self, *names: str) -> list[Any]:
        return _values_of(self.data, names)


class NetworkWatcher:
    """Watches what a page sends to the broker and what comes back."""

    def __init__(self, page: Page, capture: Capture, clock: Clock) -> None:
        self._page, self._clock = page, clock
        self._is_broker = capture.is_broker
        self._may_leave_for = capture.sites.allow
        self._see_redirected = capture.see_redirected
        self._secrets = capture.typed
        self._plain = Typed()
        self._called: set[str] = set()
        """Other origins that the page gave what was typed: they answer for the broker."""
        self._blocked = _Blocked(self._unreadable)
        self._departures = Departures(page)
        self._reading: set[asyncio.Task[None]] = set()
        self.new: list[ApiReply] = []
        self.pending: set[Request] = set()
        self._own: set[Request] = set()
        self.failed: str = ""
        """The last call to the broker that got no answer."""
        self.sent = 0
        """How many calls so far carried a secret that was typed."""
        self.calls = 0
        """How many calls so far the page has made to anybody with a body of their own."""
        self.skew: float | None = None
        """The broker's clock minus ours, in seconds, by the newest `Date` header."""

    async def listen(self, context: BrowserContext) -> None:
        """Start to watch; do it before the first page is opened."""
        session = await context.new_cdp_session(self._page)
        self._blocked.listen(session)
        self._departures.listen(session)
        session.on("Network.requestWillBeSent", self._redirected)
        await session.send("Network.enable")
        context.on("request", self._requested)
        context.on("response", self._responded)
        context.on("requestfinished", self._finished)
        context.on("requestfailed", self._failed)

    @property
    def posts(self) -> int:
        """How many calls so far may have carried what was typed: a mark for `departures`."""
        return len(self._departures)

    @property
    def submitting(self) -> bool:
        """Whether a call that carries a secret has not been answered yet."""
        return bool(self._own)

    def departures(self, since: int = 0) -> int:
        """How often, at most, what was typed reached the broker since `posts` was `since`.

        0: surely not at all, nothing was sent. More than 1: the page sent it again, or Chromium
        did beneath the page (see departures.py), as it may where a call ended without an answer.
        """
        return self._departures.most(since)

    def expect(self, value: str, *, secret: bool = True) -> None:
        """A call that carries this, in whatever encoding, is our own submit."""
        (self._secrets if secret else self._plain).add(value)

    def forget_failure(self) -> None:
        """A step is about to be sent: a call that failed before it is no answer to it."""
        self.failed = ""

    async def read(self) -> list[ApiReply]:
        """The answers that came since the last call, with their bodies."""
        while self._reading:
            await asyncio.wait(self._reading)
        found, self.new = self.new, []
        return found

    def _redirected(self, event: Mapping[str, Any]) -> None:
        if event.get("redirectResponse"):
            request = event["request"]
            self._see_redirected(request["url"], request.get("postData", ""))

    def _requested(self, request: Request) -> None:
        if request.resource_type in WATCHED and request.method not in BODILESS:
            self.calls += 1
        if request.resource_type not in {*WATCHED, "script"} or not self._asks_broker(request):
            return
        self.pending.add(request)
        carries_secret = self._carries_secret(request)
        in_address = self._secrets.stands_in(split(request.url).query)
        if carries_secret or in_address or request.method not in BODILESS:
            self._departures.add(request, carries_secret=carries_secret or in_address)
        self.sent += carries_secret
        if carries_secret and request.resource_type in CALLS:
            self._own.add(request)

    def _asks_broker(self, request: Request) -> bool:
        """Whether a request is for the broker.

        Login pages often call a service of theirs on another origin.

        Such a call is known by what it carries: a secret, or, on the page's own site, something
        else that was typed.
        """
        there = origin(request.url)
        if self._is_broker(request.url) or there in self._called:
            return True
        if not self._may_leave_for(request.url):
            return False  # the capture lets nothing through to it that was typed
        own_site = is_same_site(request.url, self._page.url)
        found = self._carries_secret(request) or (own_site and _carries(request, self._plain))
        if found and request.resource_type in CALLS:
            self._called.add(there)
        return found and request.resource_type in CALLS

    def _carries_secret(self, request: Request) -> bool:
        return _carries(request, self._secrets)

    def _responded(self, response: Response) -> None:
        if response.request.resource_type in WATCHED and self._asks_broker(response.request):
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
        reply = ApiReply(
            path=split(response.url).path,
            status=response.status,
            document=document,
            carried_secret=self._carries_secret(request),
            data=_json(text),
            text=text[:20_000],
            retry_after=retry_after(response.headers.get("retry-after")),
        )
        self.new.append(reply)

    def _unreadable(self, url: str, status: int, headers: Mapping[str, str], body: str) -> None:
        """An answer that the browser keeps from the page, and from us, but for its status."""
        if status >= 400 and (self._is_broker(url) or origin(url) in self._called):
            carried = self._secrets.stands_in(body)
            pause = retry_after(headers.get("retry-after"))
            self.new.append(
                ApiReply(
                    split(url).path,
                    status,
                    document=False,
                    carried_secret=carried,
                    retry_after=pause,
                    hidden=True,
                )
            )

    def _finished(self, request: Request) -> None:
        self.pending.discard(request)
        self._own.discard(request)

    def _failed(self, request: Request) -> None:
        self.pending.discard(request)
        self._own.discard(request)
        aborted = "ERR_ABORTED" in (request.failure or "")
        if request.resource_type in WATCHED and self._asks_broker(request) and not aborted:
            self.failed = (
                f"{request.method} {split(request.url).path} ({request.failure or 'failed'})"
            )


class _Blocked:
    """Answers that CORS hides.

    A gateway in front of the broker ("Access denied", 502) answers without its headers.

    Playwright reports such a call as failed, without a status. `tell` gets address, status, headers
    and what was sent.
    """

    def __init__(self, tell: Callable[[str, int, Mapping[str, str], str], None]) -> None:
        self._tell = tell
        self._calls: dict[str, tuple[str, str]] = {}
        self._answers: dict[str, tuple[int, Mapping[str, str]]] = {}
        self._hidden: set[str] = set()
        self._real: dict[str, str] = {}
        """The call that a preflight is for."""

    def listen(self, session: CDPSession) -> None:
        session.on("Network.requestWillBeSent", self._sent)
        session.on("Network.responseReceivedExtraInfo", self._answered)
        session.on("Network.loadingFailed", self._failed)

    def _sent(self, event: Mapping[str, Any]) -> None:
        initiator, request = event.get("initiator", {}), event["request"]
        if initiator.get("type") == "preflight":
            self._real[event["requestId"]] = initiator.get("requestId", "")
        elif str(event.get("type")).lower() in CALLS:
            self._calls[event["requestId"]] = (request["url"], request.get("postData", ""))

    def _answered(self, event: Mapping[str, Any]) -> None:
        call = self._real.get(event["requestId"], event["requestId"])
        headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
        self._answers[call] = (event["statusCode"], headers)
        self._tell_if_hidden(call)

    def _failed(self, event: Mapping[str, Any]) -> None:
        if event.get("corsErrorStatus"):
            self._hidden.add(event["requestId"])
            self._tell_if_hidden(event["requestId"])

    def _tell_if_hidden(self, call: str) -> None:
        if call in self._hidden and call in self._answers and call in self._calls:
            (url, body), (status, headers) = self._calls.pop(call), self._answers[call]
            self._tell(url, status, headers, body)


def skew_of(headers: Mapping[str, str], now: datetime) -> float | None:
    """The broker's clock minus ours in seconds, by a `Date` header.

    None where there is none, or a cache's, or one that no clock shows.
    """
    if "date" not in headers or headers.get("age"):
        return None
    try:
        skew = (parsedate_to_datetime(headers["date"]) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return skew if abs(skew) <= LARGEST_SKEW else None


def _carries(request: Request, typed: Typed) -> bool:
    try:
        return typed.stands_in(request.post_data or "")
    except UnicodeDecodeError:
        return False


def _values_of(data: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    """The values under these names, in their order, whatever the names' capitals."""
    plain = {name.lower(): value for name, value in data.items()}
    return [plain[name] for name in names if name in plain]


def _means(flag: object) -> bool | None:
    """Whether a flag of an answer is a yes or a no; None: neither."""
    if isinstance(flag, bool):
        return flag
    if isinstance(flag, int) and flag >= 200:  # an HTTP status, in the body
        return flag < 400
    word = str(flag).lower()
    return True if word in YES else False if word in NO else None


async def _body(response: Response) -> str:
    """What an answer says; signs that are no UTF-8 do not make it silent."""
    try:
        return (await asyncio.wait_for(response.body(), 10)).decode("utf-8-sig", "replace")
    except Exception:  # noqa: BLE001  (the page left before its answer was read: there is nothing to read then)
        return ""


def _json(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text, parse_int=read_int)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_int=read_int)
    except (ValueError, RecursionError):
        return False
    return True
