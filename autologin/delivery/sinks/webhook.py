"""The webhook sink.

Each message as a signed POST, as Standard Webhooks has it (https://www.standardwebhooks.com).

    hook: {type: webhook, url: "https://example.com/hooks/token", secret: {env: HOOK_SECRET}}

`secret` is `whsec_` and base64, or a list of such while they are rotated: each of them signs. The
id is the same on every try, so that a consumer can tell a message that it has seen. Redirects are
not followed, and what is answered is not read beyond a few KB. 410 switches the endpoint off until
its config changes, but for one try of each run; a pause that 429 or 503 ask for is kept.

`client_cert` and `client_key` are what the sink proves itself with, `ca_cert` whom it trusts. The
address's path and query may hold a secret: no error and no event names them.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
import re
import secrets
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from autologin import redaction
from autologin.clock import retry_after
from autologin.delivery.sinks import _tls
from autologin.delivery.sinks.base import SinkConfig
from autologin.errors import ConfigError, DeliveryFailed, Problem
from autologin.message import Message
from autologin.problems import refuse
from autologin.proxies import DIRECT, Ways
from autologin.secret_refs import RefContext, Secret, SecretField, check_path, resolve

if TYPE_CHECKING:
    import httpx

PREFIX = "whsec_"
KEY_HINT = "Make one with `autologin webhook secret`, and give it to the consumer too."
HINTS = {
    "http": "Check its URL and that it runs.",
    "https": "Check its URL, that it runs, and whether it wants a client certificate.",
}
"""An endpoint that wants a certificate and gets none may just hang up."""
READ_BYTES = 4096
"""Bytes of an answer that are read; its connection can be used again where that is all of it."""
READ_SECONDS = 1.0
"""How long they are waited for: the status has been told before them."""
OWN_HEADERS = {
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "content-type",
    "content-length",
    "transfer-encoding",
}
"""Headers that nobody else sets."""


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _check_header_name(name: Any) -> Any:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
        refuse("is not the name of a header", "Such as Authorization.")
    if name.lower() in OWN_HEADERS:
        refuse("is a header that autologin sets itself", "Take it out.")
    return name


class Config(SinkConfig):
    """The keys of a webhook sink.

    `timeout` is in seconds, for a whole try; `client_cert` and the like are files.
    """

    message_types: ClassVar[frozenset[str]] = frozenset(
        {"token.issued", "login.failed", "token.rejected"}
    )

    type: Literal["webhook"]
    url: str
    secret: Annotated[list[SecretField], BeforeValidator(_as_list), Field(min_length=1)]
    headers: Annotated[
        dict[Annotated[str, BeforeValidator(_check_header_name)], SecretField],
        Field(default_factory=dict),
    ]
    allow_http: bool = False
    timeout: Annotated[float, Field(gt=0, le=25)] = 10.0
    client_cert: Annotated[str, AfterValidator(check_path)] | None = None
    client_key: Annotated[str, AfterValidator(check_path)] | None = None
    ca_cert: Annotated[str, AfterValidator(check_path)] | None = None

    @model_validator(mode="after")
    def _check_url(self) -> Self:
        parts = urlsplit(self.url)
        strange = (
            re.search(r"\s", self.url) or parts.username or parts.fragment or not _has_port(parts)
        )
        if parts.scheme not in {"http", "https"} or not parts.hostname or strange:
            refuse(
                "its `url` is not a valid URL",
                "Write it as https://host/path; a password belongs into `headers`.",
            )
        if parts.scheme == "http" and not self.allow_http and not _is_loopback(parts.hostname):
            refuse(
                "its `url` is not https: the token would be readable on the way",
                "Use https, or set allow_http: true.",
            )
        return self

    @model_validator(mode="after")
    def _check_tls_files(self) -> Self:
        for given, missing in (("client_cert", "client_key"), ("client_key", "client_cert")):
            if getattr(self, given) and not getattr(self, missing):
                refuse(
                    f"its `{given}` needs a `{missing}`", f"Add `{missing}`, a file in PEM format."
                )
        for key in self._tls_files() if urlsplit(self.url).scheme == "http" else ():
            refuse(
                f"its `{key}` is of no use: its `url` is not https",
                f"Use https, or take `{key}` out.",
            )
        return self

    def build(self, name: str, place: RefContext) -> WebhookSink:
        """The sink that this config describes."""
        keys = [
            _load_key(f"sinks.{name}.secret.{index}", secret, place)
            for index, secret in enumerate(self.secret)
        ]
        headers = {
            title: _load_header(f"sinks.{name}.headers.{title}", secret, place)
            for title, secret in self.headers.items()
        }
        tls = (
            _tls.TlsFiles(name, self.client_cert, self.client_key, self.ca_cert).context()
            if self._tls_files()
            else None
        )
        ways = place.ways()
        return WebhookSink(name, self.url, keys, headers, ways, timeout=self.timeout, tls=tls)

    def with_absolute_paths(self, place: RefContext) -> Self:
        """This config with absolute paths."""
        return self.model_copy(
            update={key: str(place.path(path)) for key, path in self._tls_files().items()}
        )

    def secrets(self) -> Mapping[str, Secret]:
        """The references that this sink follows."""
        of_headers = {f"headers.{title}": secret for title, secret in self.headers.items()}
        return {f"secret.{index}": secret for index, secret in enumerate(self.secret)} | of_headers

    def _tls_files(self) -> dict[str, str]:
        given = {
            "client_cert": self.client_cert,
            "client_key": self.client_key,
            "ca_cert": self.ca_cert,
        }
        return {key: path for key, path in given.items() if path}


class WebhookSink:
    """Posts each message to one address."""

    def __init__(
        self,
        name: str,
        url: str,
        keys: Sequence[bytes],
        headers: Mapping[str, str],
        ways: Ways = DIRECT,
        *,
        timeout: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.name = name
        self._url = url
        self._keys = keys
        self._headers = headers
        self._ways = ways
        self._timeout = timeout
        self._tls = tls
        self._origin = origin(url)
        self._http: httpx.AsyncClient | None = None

    @property
    def way_out(self) -> str:
        """By which way it is asked, in words."""
        return self._ways.describe(self._url)

    async def check(self) -> None:
        """See that somebody answers there, without sending anything.

        Raises:
            DeliveryFailed: nobody does.
        """
        await self._request("HEAD", {}, b"")

    async def deliver(self, message: Message) -> None:
        """Send a message.

        Raises:
            DeliveryFailed: it was not accepted; where it is 410, nothing more is wanted.
        """
        body = json.dumps(message.to_json(), separators=(",", ":"), ensure_ascii=False).encode()
        status, asked = await self._request(
            "POST", sign(message.id, int(time.time()), body, self._keys), body
        )
        if 200 <= status < 300:
            return
        if status == 410:
            raise DeliveryFailed(f"{self._origin} answered 410 Gone", gone=True)
        more = ": redirects are not followed, give the final URL" if 300 <= status < 400 else ""
        raise DeliveryFailed(
            f"{self._origin} answered {status}{more}", retry_after=retry_after(asked)
        )

    async def close(self) -> None:
        """Close the connections."""
        if self._http:
            await self._http.aclose()

    async def _request(
        self, method: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, str | None]:
        """The status that was answered, and its Retry-After."""
        import httpx  # noqa: PLC0415  (100 ms that only a delivery needs)

        from autologin.transport import RoutingTransport  # noqa: PLC0415  (see above)

        tls = True if self._tls is None else self._tls
        self._http = self._http or httpx.AsyncClient(
            timeout=self._timeout, trust_env=False, transport=RoutingTransport(self._ways, tls)
        )
        self._http.cookies.clear()  # none are needed, and some could not be sent back
        every = {"Content-Type": "application/json", **self._headers, **headers}
        try:
            request = self._http.build_request(method, self._url, content=body, headers=every)
        except (httpx.InvalidURL, UnicodeError):
            raise DeliveryFailed(
                f"{self._origin} is not a valid URL", hint="Correct the sink's `url`."
            ) from None
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._http.send(request, stream=True)
        except (TimeoutError, httpx.TimeoutException):
            raise DeliveryFailed(f"{self._origin} timed out after {self._timeout:g} s") from None
        except httpx.HTTPError as error:
            why, hint = _tls.explain(error) or (
                type(error).__name__,
                HINTS[urlsplit(self._url).scheme],
            )
            raise DeliveryFailed(f"{self._origin} cannot be reached ({why})", hint=hint) from None
        except Exception as error:  # noqa: BLE001  (an address or a cookie that is none: what made it is the answer)
            odd = f"{self._origin} gave an answer that cannot be read ({type(error).__name__})"
            raise DeliveryFailed(odd) from None
        await _read_some(response)
        return response.status_code, response.headers.get("retry-after")


def sign(identity: str, timestamp: int, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The headers that prove a message: HMAC-SHA256 over id, time and body, once for each key."""
    text = f"{identity}.{timestamp}.".encode() + body
    proofs = (base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode() for key in keys)
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{proof}" for proof in proofs),
    }


def origin(url: str) -> str:
    """A URL without its path and query, which may hold a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def new_secret() -> str:
    """A fresh secret: 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key_in(text: str) -> bytes:
    """The key in `whsec_...`.

    Raises:
        ValueError: it is none: 24 to 64 bytes in base64.
    """
    try:
        found = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        found = b""
    if not text.startswith(PREFIX) or not 24 <= len(found) <= 64:
        raise ValueError("is not a webhook secret: whsec_ and 24 to 64 bytes in base64")
    return found


def _load_key(where: str, secret: Secret, place: RefContext) -> bytes:
    text = resolve(where, secret, place).value.get_secret_value()
    redaction.remember(text.removeprefix(PREFIX))
    try:
        return key_in(text)
    except ValueError as error:
        raise ConfigError(Problem(where, str(error), KEY_HINT)) from None


def _load_header(where: str, secret: Secret, place: RefContext) -> str:
    value = resolve(where, secret, place).value.get_secret_value()
    if not value.isascii() or not value.isprintable():
        detail = "holds a character that a header cannot hold"
        raise ConfigError(Problem(where, detail, "Use letters, digits and signs of ASCII."))
    if secret.kind != "plain":
        redaction.remember(value)
    return value


def _has_port(parts: SplitResult) -> bool:
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _read_some(response: httpx.Response) -> None:
    """Read what is left of an answer, if that is little and soon there.

    What becomes of it changes nothing.
    """
    read = 0
    with suppress(Exception):
        async with asyncio.timeout(READ_SECONDS):
            async for part in response.aiter_raw():
                read += len(part)
                if read >= READ_BYTES:
                    break
    with suppress(Exception):
        await response.aclose()
