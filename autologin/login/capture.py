"""Catching the redirect that carries the code, so that it never leaves this machine.

A browser-level CDP session pauses every request to the redirect's origin, and every document
request, before it is sent: the only mechanism that misses none of the ways in which a broker can
redirect (server redirects, scripts, forms, popups, fragments). A request that is an answer to our
login is fulfilled with a tiny page; the host behind it hears nothing.

Once a secret is typed the session pauses every request, and one that carries it to a host which is
not the broker's is not sent: the login ends.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from pydantic import SecretStr

from autologin import redaction
from autologin.errors import (
    AutologinError,
    ConsentRequired,
    ExchangeRejected,
    ForeignDestination,
    StateMismatch,
)
from autologin.login.sites import (
    DEFAULT_PORTS,
    Sites,
    host_of,
    is_in_clear,
    is_local,
    origin,
    split,
)
from autologin.login.typed import LARGEST, Typed
from autologin.quoting import quotable

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping, Sequence

    from playwright.async_api import Browser, BrowserContext, CDPSession, Request, Response

    from autologin.flow.base import BrowserFlow

TINY_PAGE = (
    b'<!doctype html><link rel="icon" href="data:,"><title>autologin</title>'
    b"<p>Signed in. autologin has the code."
)
"""It names an icon: without one Chromium would ask the redirect's host for /favicon.ico."""
ERROR_PARAMS = ("error_description", "error_msg", "message", "error", "status")
"""What a refusal is told in, the plainest words first."""
WRAPPED = {'""', "''", "``", "<>", "“”", "‘’", "«»", "()", "[]"}
"""What people and programs put around an address that they copy."""
DENIED = re.compile(r"denied|cancel|declin|reject", re.IGNORECASE)


def resolver_rule(redirect_uri: str | None, broker_urls: Iterable[str]) -> str | None:
    """Chromium's `--host-resolver-rules` that make the redirect's host unreachable.

    None where the broker lives there too.
    """
    if not redirect_uri or split(redirect_uri).scheme not in DEFAULT_PORTS:
        return None
    if origin(redirect_uri) in map(origin, broker_urls):
        return None
    return f"MAP {origin(redirect_uri).split('://')[1]} ~NOTFOUND"


def parameters(
    url: str, body: str = "", auth_code_params: Iterable[str] = (), state_param: str = ""
) -> dict[str, str]:
    """What an answer carries, by lower-case name, decoded once; a `+` is one, not a space.

    The form body wins over the query, the query over the fragment. Parameters are joined by `&`.
    Where that gives no answer (a code or an error, and the state), other joints are tried: `&amp;`
    of an address that was copied from a page's source, the `;` of old servers.
    """
    parts = split(url)
    sources = (_without_route(parts.fragment), parts.query, body)
    readings = [_read(sources, joint) for joint in (r"&", r"&amp;|[&;]")]
    states = {state_param.lower()} - {""}
    for names in (auth_code_params, ERROR_PARAMS):
        for found in readings:
            if states <= found.keys() and any(found.get(name.lower()) for name in names):
                return found
    return readings[0]


def _read(sources: Iterable[str], joint: str) -> dict[str, str]:
    pairs = (part.partition("=") for source in sources for part in re.split(joint, source))
    return {unquote(name).lower(): unquote(value) for name, equals, value in pairs if equals}


def _without_route(fragment: str) -> str:
    """A fragment's parameters; of `/route?code=...` and `/route&code=...` what follows."""
    return re.sub(r"^[^=&?]*[&?]", "", fragment).lstrip("?/!")


@dataclass
class Capture:
    """Waits for one login's answer in one browser.

    `redirect_uri` is where the broker sends the code; None where the user did not say.
    `auth_code_params` and `state_param` name what the answer carries. `nonce` is the state that
    this login sent, None where the broker echoes none. `broker_urls` are the broker's own pages;
    `login_hosts` are hosts besides theirs that may be sent what is typed.
    """

    redirect_uri: str | None
    auth_code_params: tuple[str, ...]
    state_param: str
    nonce: str | None
    broker_urls: Iterable[str]
    login_hosts: Iterable[str] = ()
    learning: bool = True
    """Until the first secret is typed, the origins that the broker redirects to are its own too.

    So are those that such an address names as a hop on the way back, as in
    `?redirect_uri=https://...`.
    """
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.broker_origins = set(map(origin, self.broker_urls))
        self.sites = Sites(self.broker_urls, self.login_hosts)
        self.typed = Typed()
        """The secrets that were typed."""
        self._answer: dict[str, str] = {}
        self._stray = ""
        self._session: CDPSession | None = None
        self._frame = ""
        """The page's own frame, not one within it."""
        self._trusted: set[str] = set()
        """The requests of that frame that the broker itself answers."""
        self._landing = ""
        """Where the broker's redirects led last, before anything was typed."""
        self._landed = False
        self._sending: set[asyncio.Task[None]] = set()

    @classmethod
    def of(cls, flow: BrowserFlow, nonce: str, login_hosts: Iterable[str]) -> Capture:
        """The capture of a flow's redirect."""
        params, state = flow.auth_code_params, flow.state_param
        urls = list(flow.urls.values())
        return cls(flow.redirect_uri, params, state, nonce or None, urls, login_hosts)

    async def attach(self, browser: Browser, context: BrowserContext) -> None:
        """Start to listen; do it before the first page is opened."""
        self._session = session = await browser.new_browser_cdp_session()
        session.on("Fetch.requestPaused", lambda event: self._later(self._paused(session, event)))
        await session.send("Fetch.enable", {"patterns": self._patterns()})
        # Custom schemes never reach Fetch: they are seen as a request that fails, or in the
        # Location that asked for it.
        context.on("request", self._see_request)
        context.on("response", self._see_location)

    def check_destinations(self, page: str, addresses: Iterable[str]) -> None:
        """See that a page, and where its form goes, are the broker's.

        Raises:
            ForeignDestination: one of them is not, or gets it unencrypted.
        """
        if self._landing and host_of(page) == host_of(self._landing):
            self.sites.add(page)
        self._landed = True  # a later redirect answers what was typed
        for url in (page, *addresses):
            named = host_of(url) or f"{split(url).scheme}:"
            if not self.sites.allow(url):
                does = "is" if url == page else "would send what is typed to"
                raise ForeignDestination(
                    f"The page {does} {named}, which is not the broker's ({self.sites}); "
                    "nothing was typed"
                )
            if is_in_clear(page, url):
                raise ForeignDestination(
                    f"The page would send what is typed to {named} unencrypted; nothing was typed",
                    hint="Do not sign in there by hand before you know why.",
                )

    async def guard(self) -> None:
        """See every request from now on: secrets are about to be typed."""
        if self.learning:
            self.learning = False
            assert self._session is not None
            everything = [{"urlPattern": "*", "requestStage": "Request"}]
            await self._session.send("Fetch.enable", {"patterns": everything})

    def see_redirected(self, url: str, body: str) -> None:
        """A call that is redirected and takes its body along.

        Where that goes to another origin a browser asks there first, without the body.
        """
        if not self.learning and not self.sites.allow(url) and self.typed.stands_in(body):
            self._note_stray(url)

    def refuse_stray(self) -> None:
        """End the login where a page tried to send a secret elsewhere.

        Raises:
            ForeignDestination: so it did.
        """
        if self._stray:
            raise ForeignDestination(
                f"The page tried to send what was typed to {host_of(self._stray)}, which is not "
                f"the broker's ({self.sites}); it was stopped"
            )

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
        carried = self._parameters(url, body)
        has_code = any(carried.get(name.lower()) for name in self.auth_code_params)
        return has_code or self.nonce in carried.values()

    def _parameters(self, url: str, body: str) -> dict[str, str]:
        state = self.state_param if self.nonce else ""
        return parameters(url, body, self.auth_code_params, state)

    def _take(self, url: str, body: str = "") -> None:
        if not self.answered.is_set():
            self._answer = self._parameters(url, body)
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
            if self._may_leave(url, event):
                self._learn(url, event)
                step, more = "Fetch.continueRequest", {}
            else:
                step, more = "Fetch.failRequest", {"errorReason": "BlockedByClient"}
            await session.send(step, {"requestId": event["requestId"], **more})
            return
        await session.send(
            "Fetch.fulfillRequest", {"requestId": event["requestId"], **_tiny_answer(request)}
        )

    def _may_leave(self, url: str, event: Mapping[str, Any]) -> bool:
        """Whether a request may be sent: not one that takes a secret to a stranger.

        Nor one that cannot be read, or not to its end, as it may hold one.
        """
        if self.learning or self.sites.allow(url):
            return True
        request = event["request"]
        body = _body(request)
        headers = map(str, request.get("headers", {}).values())
        sent = "\n".join([url, *headers, body])
        readable = len(sent) <= LARGEST and (bool(body) or not request.get("hasPostData"))
        if readable and not self.typed.stands_in(sent):
            return True
        # A call that has a short number of a PIN's may have it by chance, and is only stopped.
        if event.get("resourceType") == "Document" or self.typed.stands_in(sent, surely=True):
            self._note_stray(url)
        return False

    def _note_stray(self, url: str) -> None:
        if not self.answered.is_set():
            self._stray = url
            self.answered.set()

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
            self._frame = self._frame or event["frameId"]
            if event["frameId"] == self._frame and not self._landed:
                self._learn_site(url, event)

    def _learn_site(self, url: str, event: Mapping[str, Any]) -> None:
        """Where the broker's redirects end is its own; where a script leads is anybody's."""
        if event.get("redirectedRequestId") in self._trusted or self.sites.allow(url):
            self._trusted.add(event["requestId"])
            self._landing = url

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
    text: str,
    auth_code_params: Sequence[str],
    state_param: str,
    nonce: str | None,
    redirect_uri: str | None = None,
) -> SecretStr:
    """The code in what a person pasted.

    The address that the browser ended at, its query, or the code itself, in quotes or without.

    Raises as `Capture.auth_code` does, and ExchangeRejected where nothing was pasted, or an address
    that is not the redirect URI's.
    """
    text = text.strip()
    while len(text) > 1 and text[0] + text[-1] in WRAPPED:
        text = text[1:-1].strip()
    if not text:
        raise ExchangeRejected(
            "Nothing was pasted",
            hint="Paste the address that the browser ended at, or the code in it.",
        )
    redaction.remember_for_days(text)
    if "://" in text or any(f"{name}=" in text.lower() for name in auth_code_params):
        _check_pasted_host(text, redirect_uri or "")
        # Whatever stands before the parameters: an address, its path, nothing.
        query = text if re.match(r"[^?#]*[?#]", text) else f"?{text}"
        carried = parameters(
            re.sub(r"^[^?#]*", "", query), "", auth_code_params, state_param if nonce else ""
        )
        return read_auth_code(carried, auth_code_params, state_param, nonce)
    return SecretStr(text)


def _check_pasted_host(text: str, redirect_uri: str) -> None:
    """See that a pasted address is of the redirect URI's host, where it names one at all."""
    place = re.match(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#]*|[^/?#=&]+(?=[/?#])", text)
    if place is None or not host_of(redirect_uri):
        return
    named = place.group()
    host, ours = host_of(named if "//" in named else f"//{named}"), host_of(redirect_uri)
    if host == ours or (is_local(host) and is_local(ours)):
        return
    raise ExchangeRejected(
        f"The address that was pasted is of {host or 'no host'}, and the redirect URI's is {ours}",
        hint="Sign in again, and paste the whole address that the browser ends at, with the code "
        f"in it: it begins with {split(redirect_uri).scheme}://{ours}.",
    )


def _error_in(answer: Mapping[str, str]) -> AutologinError | None:
    states = {answer.get(name, "").lower() for name in ("s", "status")}
    return (
        _refusal(answer) if answer.get("error") or states & {"error", "failed", "failure"} else None
    )


def _refusal(answer: Mapping[str, str]) -> AutologinError:
    said = next((answer[name] for name in ERROR_PARAMS if answer.get(name)), "")
    words = quotable(said.replace("+", " "))
    denied = any(DENIED.search(answer.get(name, "")) for name in ERROR_PARAMS)
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
    return _body(request) if "urlencoded" in kind else ""


def _body(request: Mapping[str, Any]) -> str:
    """What a request carries; "" where that is nothing, or cannot be read (a file, a stream)."""
    entries = request.get("postDataEntries") or []
    whole = b"".join(base64.b64decode(entry.get("bytes", "")) for entry in entries)
    return request.get("postData") or _text(whole)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:  # a page that is not UTF-8
        return data.decode("cp1252", "replace")


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
