"""How often a call may have reached the broker: a browser may send one more often than its page.

Chromium sends a call again, without a word to the page or to us, where the connection that it went
out on had been used before and was closed before any answer: once for each idle connection to that
host, and once more on a new one. No switch and no protocol command of its own stops that or closes
idle connections, so it is counted instead, from the events of the wire.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag

from autologin.login.sites import origin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.async_api import CDPSession, Page, Request

CONNECTIONS = 6
"""Chromium's most to one host over HTTP/1.1; HTTP/2 takes one."""
NEVER_CONNECTED = re.compile(
    r"ERR_(CONNECTION_(REFUSED|TIMED_OUT|FAILED)|NAME_(NOT_RESOLVED|RESOLUTION_FAILED)"
    r"|PROXY_\w+|TUNNEL_\w+|SOCKS_\w+|ADDRESS_\w+|INTERNET_DISCONNECTED|CERT_\w+"
    r"|SSL_(PROTOCOL_ERROR|VERSION_OR_CIPHER_MISMATCH)|ECH_\w+|DNS_\w+"
    r"|BLOCKED_BY_(CLIENT|ADMINISTRATOR|CSP|LOCAL_NETWORK_ACCESS_CHECKS)|UNSAFE_PORT)\b"
)
"""Errors from before a call is sent. One proves nothing alone: a call that was sent, dropped and
sent again ends in them too."""


@dataclass(eq=False)
class _Sending:
    """One call as the events of the wire tell of it."""

    method: str = ""
    url: str = ""
    sent: bool = False
    answered: bool = False
    preflight_failed: bool = False


class Departures:
    """The calls of one page that may carry what was typed, and how often each may have arrived."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._calls: list[tuple[Request, bool]] = []
        self._wire: list[_Sending] = []
        self._newest: defaultdict[str, _Sending] = defaultdict(_Sending)
        """By the wire's own id, which a redirect keeps."""
        self._connections: defaultdict[str, set[int]] = defaultdict(set)
        """Those that answered over HTTP/1.1, by origin."""
        self._socket = False

    def listen(self, session: CDPSession) -> None:
        """Listen to a session of the page's; its Network domain is to be switched on afterwards."""
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.requestWillBeSentExtraInfo", self._was_sent)
        session.on("Network.responseReceived", self._received)
        session.on("Network.responseReceivedExtraInfo", self._answered)
        session.on("Network.loadingFailed", self._failed)
        self._page.on("websocket", self._opened_socket)

    def add(self, request: Request, *, carries_secret: bool) -> None:
        """A call to the broker that may carry what was typed, or is seen to carry a secret."""
        self._calls.append((request, carries_secret))

    def __len__(self) -> int:
        return len(self._calls)

    def most(self, since: int) -> int:
        """How often, at most, what was typed arrived by the calls after the first `since` ones.

        0: surely not at all. Where a page hides what it sends, one of its calls was the submit.
        """
        counts = [(self._arrivals(call, wire), known) for call, known, wire in self._paired()]
        if any(known for _, known in counts[since:]):
            return sum(count for count, known in counts[since:] if known)
        return max((count for count, _ in counts[since:]), default=0) or int(self._socket)

    def _paired(self) -> Iterator[tuple[Request, bool, _Sending | None]]:
        """Each call with what the wire tells of it: None of one from another tab or process."""
        left = list(self._wire)
        for call, known in self._calls:
            asked = (call.method, urldefrag(call.url).url)
            wire = next((one for one in left if (one.method, one.url) == asked), None)
            if wire:
                left.remove(wire)
            yield call, known, wire

    def _arrivals(self, call: Request, wire: _Sending | None) -> int:
        error = call.failure or ""
        if wire and wire.answered:
            return 1
        if wire and not wire.sent:
            return int(not (wire.preflight_failed or NEVER_CONNECTED.search(error)))
        if not error or "ERR_ABORTED" in error:  # it waits for its answer, or the page left
            return 1
        if wire is None:
            return CONNECTIONS + 1
        return min(max(len(self._connections[origin(call.url)]), 1), CONNECTIONS) + 1

    def _asked(self, event: Mapping[str, Any]) -> None:
        call, request = event["requestId"], event["request"]
        if moved := event.get("redirectResponse"):
            self._newest[call].answered = True
            self._learn_connection(moved)
            self._newest[call] = _Sending(sent=True)  # whether this hop was is not told
        wire = self._newest[call]
        wire.method, wire.url = request["method"], request["url"]
        self._wire.append(wire)

    def _was_sent(self, event: Mapping[str, Any]) -> None:
        self._newest[event["requestId"]].sent = True

    def _received(self, event: Mapping[str, Any]) -> None:
        self._newest[event["requestId"]].answered = True
        self._learn_connection(event["response"])

    def _answered(self, event: Mapping[str, Any]) -> None:
        if not 300 <= event["statusCode"] < 400:  # a redirect is told with its next hop, in order
            self._newest[event["requestId"]].answered = True

    def _failed(self, event: Mapping[str, Any]) -> None:
        cors = event.get("corsErrorStatus", {}).get("corsError", "")
        self._newest[event["requestId"]].preflight_failed = cors.startswith("Preflight")

    def _learn_connection(self, response: Mapping[str, Any]) -> None:
        if response.get("connectionId") and response.get("protocol", "").startswith("http/1"):
            self._connections[origin(response["url"])].add(response["connectionId"])

    def _opened_socket(self, _: object) -> None:
        """What goes over a socket is not told."""
        self._socket = True
