"""Who may press the buttons of the status page.

Somebody who has typed `http.token`, on a page of ours.

The token is typed once; a signed cookie stands for it then. Pages of others are kept out twice:
their requests bring no cookie (SameSite), and browsers say where a request comes from.
"""

from __future__ import annotations

import hmac
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from autologin import redaction
from autologin.config.schema import Http
from autologin.errors import ConfigError
from autologin.log import event
from autologin.secret_refs import follow, resolve
from autologin.web.interface import ServiceView

COOKIE = "autologin_session"
SESSION = 12 * 3600
"""Seconds that somebody stays signed in."""
WRONG = 5
WINDOW = 60.0
"""So many wrong tokens in so many seconds, and nobody signs in for a while: not even with the right
one."""

Answer = Literal["right", "wrong", "wait"]


@dataclass
class Auth:
    """Knows the token, and who has typed it.

    Restarting the service signs everybody out, and so does another token.
    """

    service: ServiceView
    _token: str | None = None
    _read_from: Http | None = None
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _wrong: deque[float] = field(default_factory=lambda: deque(maxlen=WRONG))

    async def read_token(self) -> None:
        """Resolve the token where the config is new. In a thread: a `command` may take its time.

        Raises:
            ConfigError: it cannot be resolved. Nobody can sign in then.
        """
        settings = self.service.settings
        if self._read_from is settings.http:
            return
        self._read_from = settings.http
        self._token = None
        if settings.http.token:
            token = settings.http.token
            found = await follow(lambda: resolve("http.token", token, settings.ref_context))
            self._token = found.value.get_secret_value()
            redaction.remember(self._token)

    async def has_token(self) -> bool:
        """Whether there is a token, and so buttons at all."""
        try:
            await self.read_token()
        except ConfigError as error:
            event(
                "config_refused", level="ERROR", key="http.token", message=error.problems[0].message
            )
        return self._token is not None

    def try_token(self, given: str) -> Answer:
        """What a typed token is worth."""
        now = self.service.clock.monotonic()
        if len(self._wrong) == WRONG and now - self._wrong[0] < WINDOW:
            return "wait"
        if self._token is not None and hmac.compare_digest(
            self._mac(given), self._mac(self._token)
        ):
            return "right"
        self._wrong.append(now)
        event("sign_in_refused", level="WARNING")
        return "wrong"

    def new_session(self) -> str:
        """The cookie of somebody who has just typed the token."""
        until = str(int(self.service.clock.now().timestamp()) + SESSION)
        return f"{until}.{self._signature(until)}"

    def is_signed_in(self, cookies: Mapping[str, str]) -> bool:
        """Whether a cookie is ours, of this token, and not too old."""
        until, _, signature = cookies.get(COOKIE, "").partition(".")
        if self._token is None or not hmac.compare_digest(
            signature.encode(), self._signature(until).encode()
        ):
            return False
        return int(until) > self.service.clock.now().timestamp()

    def _signature(self, until: str) -> str:
        return self._mac(f"{self._token}/{until}").hex()

    def _mac(self, text: str) -> bytes:
        """Of one length, so that comparing tells nothing about the token's."""
        return hmac.digest(self._key, text.encode(), "sha256")


def is_foreign(headers: Mapping[str, str]) -> bool:
    """Whether a request may come from somebody else's page.

    Behind a proxy only the browser knows by which name we are called, so its own word counts first.
    """
    if site := headers.get("sec-fetch-site"):
        return site not in {"same-origin", "none"}
    return urlsplit(headers.get("origin", "")).netloc != headers.get("host", "")
