"""Catching the redirect that carries the code, so that it never leaves this machine.

A browser-level CDP session pauses every request to the redirect's origin, and every document
request, before it is sent: the only mechanism that misses none of the ways in which a broker can
redirect (server redirects, scripts, forms, popups, fragments). A request that is an answer to our
login is fulfilled with a tiny page; the host behind it hears nothing.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pydantic import SecretStr

from autologin import redaction
from autologin.errors import AutologinError, ConsentRequired, ExchangeRejected, StateMismatch
from autologin.quoting import quotable

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping, Sequence

    from playwright.async_api import Browser, BrowserContext, CDPSession, Request, Response

TINY_PAGE = (
    b'<!doctype html><link rel="icon" href="data:,"><title>autologin</title>'
    b"<p>Signed in. autologin has the code."
)
"""It names an icon: without one Chromium would ask the redirect's host for /favicon.ico."""
DEFAULT_PORTS = {"http": 80, "https": 443}
DENIED = re.compile(r"denied|cancel|declin|reject", re.IGNORECASE)


def origin(url: str) -> str:
    """Scheme, host and port.

    Brokers, redirect and sandbox may share a host, so the host alone decides nothing.
    """
    parts = split(url)
    port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"


def split(url: str) -> SplitResult:
    """The parts of an address; all empty where it is none (`http://[`, a port above 65535)."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (it is read, and refused, when it is asked for)
    except ValueError:
        return urlsplit("")
    return parts


def resolver_rule(redirect_uri: str | None, broker_urls: Iterable[str]) -> str | None:
    """Chromium's `--host-resolver-rules` that make the redirect's host unreachable.

    None where the broker lives there too.
    """
    if not redirect_uri or split(redirect_uri).scheme not in DEFAULT_PORTS:
        return None
    if origin(redirect_uri) in map(origin, broker_urls):
        return None
    return f"MAP {origin(redirect_uri).split('://')[1]} ~NOTFOUND"


def parameters(url: str, body: str = "") -> dict[str, str]:
    """What an answer carries, by lower-case name.

    The form body wins over the query, the query over the fragment.
    """
    parts = split(url)
    found: dict[str, str] = {}
    for source in (parts.fragment.lstrip("?/!"), parts.query, body):
        found.update(
            {name.lower(): value for name, value in parse_qsl(source, keep_blank_values=True)}
        )
    return found


@dataclass
class Capture:
    """Waits for one login's answer in one browser.

    `redirect_uri` is where the broker sends the code; None where the user did not say.
    `auth_code_params` and `state_param` name what the answer carries. `nonce` is the state that
    this login sent, None where the broker echoes none. `broker_urls` are the broker's own pages.
    """

    redirect_uri: str | None
    auth_code_params: tuple[str, ...]
    state_param: str
    nonce: str | None
    broker_urls: Iterable[str]
    learning: bool = True
    """Until the first secret is typed, the origins that the broker redirects to are its own too.

    So are those that such an address names as a hop on the way back, as in
    `?redirect_uri=https://...`.
    """
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.broker_origins = set(map(origin, self.broker_urls))
        self._answer: dict[str, str] = {}
        self._sending: set[asyncio.Task[None]] = set()

    async def attach(self, browser: Browser, context: BrowserContext) -> None:
        """Start to listen; do it before the first page is opened."""
        session = await browser.new_browser_cdp_session()
        session.on("Fetch.requestPaused", lambda event: self._later(self._paused(session, event)))
        await session.send("Fetch.enable", {"patterns": self._patterns()})
        # Custom schemes never reach Fetch: they are seen as a request that fails, or in the
        # Location that asked for it.
        context.on("request", self._see_request)
        context.on("response", self._see_location)

    def auth_code(self) -> SecretStr:
        """The code in the answer that came.

        Raises:
            StateMismatch: the answer does not carry this login's state; its code must not be used.
            ConsentRequired: the user, or the page, declined.
            ExchangeRejected: the answer is an error in the broker's words, or holds no code.
        """
        return read_auth_code(self._answer, self.auth_code_params, self.state_param, self.nonce)

    def is_broker(self, url: str) -> bool:
        """Whether an address is one of the broker's."""
        return origin(url) in self.broker_origins

    def _patterns(self) -> list[dict[str, str]]:
        patterns = [{"urlPattern": "*", "resourceType": "Document", "requestStage": "Request"}]
        if self.redirect_uri and split(self.redirect_uri).scheme in DEFAULT_PORTS:
            parts = split(self.redirect_uri)
            place = f"{parts.scheme}://{parts.netloc.lower()}".removesuffix(
                f":{DEFAULT_PORTS[parts.scheme]}"
            )
            path = (
                "/" if origin(self.redirect_uri) not in self.broker_origins else parts.path or "/"
            )
            patterns.append(
                {
                    "urlPattern": re.sub(r"([*?\\])", r"\\\1", place + path) + "*",
                    "requestStage": "Request",
                }
            )
        return patterns

    def _is_answer(self, url: str, body: str) -> bool:
        if self.redirect_uri and same_address(url, self.redirect_uri):
            return True
        if self.is_broker(url):
            return False
        carried = parameters(url, body)
        has_code = any(carried.get(name.lower()) for name in self.auth_code_params)
        return has_code or self.nonce in carried.values()

    def _take(self, url: str, body: str = "") -> None:
        if not self.answered.is_set():
            self._answer = parameters(url, body)
            redaction.remember_for_days(
                *(self._answer.get(name.lower(), "") for name in self.auth_code_params)
            )
            self.answered.set()

    async def _paused(self, session: CDPSession, event: dict[str, Any]) -> None:
        request = event["request"]
        url = request["url"] + request.get("urlFragment", "")
        answer = self._is_answer(url, body := _form_body(request))
        if answer and request["method"] != "OPTIONS":
            self._take(url, body)
        elif not answer and not self._is_redirect_origin(url):
            self._learn(url, event)
            await session.send("Fetch.continueRequest", {"requestId": event["requestId"]})
            return
        await session.send(
            "Fetch.fulfillRequest", {"requestId": event["requestId"], **_tiny_answer(request)}
        )

    def _is_redirect_origin(self, url: str) -> bool:
        return (
            bool(self.redirect_uri)
            and origin(url) == origin(self.redirect_uri or "")
            and not self.is_broker(url)
        )

    def _learn(self, url: str, event: Mapping[str, Any]) -> None:
        if (
            self.learning
            and event.get("resourceType") == "Document"
            and split(url).scheme in DEFAULT_PORTS
        ):
            self.broker_origins |= {origin(url), *self._hops(url)}

    def _hops(self, url: str) -> set[str]:
        if not self.redirect_uri:
            return set()  # the address could name it
        named = {
            value for value in parameters(url).values() if split(value).scheme in DEFAULT_PORTS
        }
        return set(map(origin, named)) - {origin(self.redirect_uri)}

    def _see_request(self, request: Request) -> None:
        self._see_address(request.url, request.post_data or "" if self._custom(request.url) else "")

    def _see_location(self, response: Response) -> None:
        self._see_address(response.headers.get("location", ""))

    def _see_address(self, url: str, body: str = "") -> None:
        if self._custom(url) and same_address(url, self.redirect_uri or ""):
            self._take(url, body)

    def _custom(self, url: str) -> bool:
        scheme = split(self.redirect_uri or "").scheme
        return scheme not in {"", *DEFAULT_PORTS} and split(url).scheme == scheme

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        async def quietly() -> None:
            # The page that asked may be gone by now; then there is nobody to answer.
            with contextlib.suppress(Exception):
                await work

        task = asyncio.ensure_future(quietly())
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)


def same_address(url: str, redirect_uri: str) -> bool:
    """Whether a request goes to the redirect URI: the same origin and path.

    The URI's own query must be in it.
    """
    one, other = split(url), split(redirect_uri)
    if origin(url) != origin(redirect_uri) or one.path.rstrip("/") != other.path.rstrip("/"):
        return False
    return set(parse_qsl(other.query)) <= set(parse_qsl(one.query))


def read_auth_code(
    answer: Mapping[str, str], auth_code_params: Iterable[str], state_param: str, nonce: str | None
) -> SecretStr:
    """The code in an answer's parameters (see `Capture.auth_code`); `nonce` None.

    There is no state to check.
    """
    if nonce is not None and answer.get(state_param.lower()) != nonce:
        raise StateMismatch
    if error := _error_in(answer):
        raise error
    for name in auth_code_params:
        if value := answer.get(name.lower()):
            redaction.remember_for_days(value)
            return SecretStr(value)
    raise _refusal(answer)


def parse_pasted(
    text: str, auth_code_params: Sequence[str], state_param: str, nonce: str | None
) -> SecretStr:
    """The code in what a person pasted.

    The address that the browser ended at, its query, or the code itself.

    Raises as `Capture.auth_code` does, and ExchangeRejected where nothing was pasted.
    """
    text = text.strip()
    if not text:
        raise ExchangeRejected(
            "Nothing was pasted",
            hint="Paste the address that the browser ended at, or the code in it.",
        )
    redaction.remember_for_days(text)
    if "://" in text:
        return read_auth_code(
            parameters(re.sub(r"^[^?#]*", "", text)), auth_code_params, state_param, nonce
        )
    if any(f"{name}=" in text.lower() for name in auth_code_params):
        return read_auth_code(
            parameters("?" + text.lstrip("?")), auth_code_params, state_param, nonce
        )
    return SecretStr(text)


def _error_in(answer: Mapping[str, str]) -> AutologinError | None:
    states = {answer.get(name, "").lower() for name in ("s", "status")}
    return (
        _refusal(answer) if answer.get("error") or states & {"error", "failed", "failure"} else None
    )


def _refusal(answer: Mapping[str, str]) -> AutologinError:
    names = ("error_description", "error_msg", "message", "error", "status")
    words = quotable(next((answer[name] for name in names if answer.get(name)), ""))
    denied = any(DENIED.search(answer.get(name, "")) for name in names)
    detail = (
        f'The broker redirected without a code: "{words}"'
        if words
        else "The broker redirected without a code"
    )
    return ConsentRequired(detail) if denied else ExchangeRejected(detail)


def _form_body(request: Mapping[str, Any]) -> str:
    """The urlencoded body of a POST.

    A 307 repeats the login's own body here, so it is read by name and never kept.
    """
    kind = next(
        (
            value
            for name, value in request.get("headers", {}).items()
            if name.lower() == "content-type"
        ),
        "",
    )
    if "urlencoded" not in kind:
        return ""
    entries = request.get("postDataEntries") or []
    whole = b"".join(base64.b64decode(entry.get("bytes", "")) for entry in entries)
    return request.get("postData") or whole.decode("utf-8", "replace")


def _tiny_answer(request: Mapping[str, Any]) -> dict[str, Any]:
    headers = [
        {"name": "Content-Type", "value": "text/html"},
        {
            "name": "Access-Control-Allow-Origin",
            "value": request.get("headers", {}).get("Origin", "*"),
        },
        {"name": "Access-Control-Allow-Headers", "value": "*"},
        {"name": "Access-Control-Allow-Methods", "value": "*"},
    ]
    return {
        "responseCode": 200,
        "responseHeaders": headers,
        "body": base64.b64encode(TINY_PAGE).decode(),
    }
