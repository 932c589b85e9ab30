"""The webhook sink: each message as a signed POST, as Standard Webhooks has it (https://www.standardwebhooks.com).

    hook: {type: webhook, url: "https://example.com/hooks/token", secret: {env: HOOK_SECRET}}

`secret` is `whsec_` and base64, or a list of such while they are rotated: each of them signs. The id is the same on every
try, so that a consumer can tell a message that it has seen. Redirects are not followed, and what is answered is not read
beyond a few KB. 410 switches the endpoint off until its config changes; a pause that 429 or 503 ask for is kept.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
import secrets as random
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from autologin.errors import ConfigError, DeliveryFailed, Problem
from autologin.problems import refuse
from autologin.secrets import Secret, SecretField, resolve
from autologin.sinks import SinkConfig

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Self

    import httpx

    from autologin.message import Message
    from autologin.secrets import Place

PREFIX = "whsec_"
MAKE = "Make one with `autologin webhook secret`, and give it to the consumer too."
READ = 4096
"""Bytes of an answer that are read; its connection can be used again where that is all of it."""


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


class Config(SinkConfig):
    """The keys of a webhook sink. `timeout` is in seconds."""

    takes: ClassVar[frozenset[str]] = frozenset({"token.issued", "login.failed", "token.rejected"})

    type: Literal["webhook"]
    url: str
    secret: Annotated[list[SecretField], BeforeValidator(_listed), Field(min_length=1)]
    headers: Annotated[dict[str, SecretField], Field(default_factory=dict)]
    allow_http: bool = False
    timeout: Annotated[float, Field(gt=0, le=25)] = 10.0

    @model_validator(mode="after")
    def _safe(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.fragment:
            refuse("its `url` must be an address", "Write it as https://host/path; a password belongs into `headers`.")
        if parts.scheme == "http" and not self.allow_http and not _is_loopback(parts.hostname):
            refuse("its `url` is not https: the token would be readable on the way", "Use https, or set allow_http: true.")
        return self

    def build(self, name: str, place: Place) -> WebhookSink:
        """The sink that this config describes."""
        keys = [_key(f"sinks.{name}.{at}", secret, place) for at, secret in self.secrets().items() if at.startswith("secret")]
        headers = {
            title: resolve(f"sinks.{name}.headers.{title}", secret, place).value.get_secret_value()
            for title, secret in self.headers.items()
        }
        return WebhookSink(name, self.url, keys, headers, self.timeout)

    def secrets(self) -> Mapping[str, Secret]:
        """The references that this sink follows."""
        of_headers = {f"headers.{title}": secret for title, secret in self.headers.items()}
        return {f"secret.{index}": secret for index, secret in enumerate(self.secret)} | of_headers


class WebhookSink:
    """Posts each message to one address."""

    def __init__(self, name: str, url: str, keys: Sequence[bytes], headers: Mapping[str, str], timeout: float) -> None:
        self.name = name
        self._url, self._keys, self._headers, self._timeout = url, keys, headers, timeout
        self._http: httpx.AsyncClient | None = None

    async def check(self) -> None:
        """See that somebody answers there, without sending anything.

        Raises:
            DeliveryFailed: nobody does.
        """
        await self._asked("HEAD", {}, b"")

    async def deliver(self, message: Message) -> None:
        """Send a message.

        Raises:
            DeliveryFailed: it was not accepted; where it is 410, nothing more is wanted.
        """
        body = json.dumps(message.to_json(), separators=(",", ":"), ensure_ascii=False).encode()
        status, asked = await self._asked("POST", signed(message.id, int(time.time()), body, self._keys), body)
        if 200 <= status < 300:
            return
        if status == 410:
            raise DeliveryFailed("the endpoint answered 410 Gone", gone=True)
        more = ": redirects are not followed, name the address itself" if 300 <= status < 400 else ""
        raise DeliveryFailed(f"the endpoint answered {status}{more}", retry_after=pause_in(asked))

    async def close(self) -> None:
        """Close the connections."""
        if self._http:
            await self._http.aclose()

    async def _asked(self, method: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str | None]:
        """The status that was answered, and its Retry-After."""
        import httpx  # noqa: PLC0415  (100 ms that only a delivery needs)

        self._http = self._http or httpx.AsyncClient(timeout=self._timeout, trust_env=False)
        every = {"Content-Type": "application/json", **self._headers, **headers}
        try:
            async with self._http.stream(method, self._url, content=body, headers=every) as response:
                await _read_some(response)
                return response.status_code, response.headers.get("retry-after")
        except httpx.TimeoutException:
            raise DeliveryFailed(f"the endpoint did not answer within {self._timeout:g} seconds") from None
        except httpx.HTTPError as error:
            words = "its certificate is not trusted" if "CERTIFICATE" in str(error) else type(error).__name__
            raise DeliveryFailed(
                f"the endpoint cannot be reached ({words})", mend="Check its address and that it runs."
            ) from None


def signed(identity: str, timestamp: int, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The headers that prove a message: HMAC-SHA256 over id, time and body, once for each key."""
    text = f"{identity}.{timestamp}.".encode() + body
    proofs = (base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode() for key in keys)
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{proof}" for proof in proofs),
    }


def pause_in(header: str | None) -> float | None:
    """Seconds that a Retry-After asks for, as a number or a date; None where there is none."""
    if not header:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def new_secret() -> str:
    """A fresh secret: 32 random bytes."""
    return PREFIX + base64.b64encode(random.token_bytes(32)).decode()


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
        raise ValueError("is no webhook secret: whsec_ and 24 to 64 bytes in base64")
    return found


def _key(where: str, secret: Secret, place: Place) -> bytes:
    try:
        return key_in(resolve(where, secret, place).value.get_secret_value())
    except ValueError as error:
        raise ConfigError(Problem(where, str(error), MAKE)) from None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _read_some(response: httpx.Response) -> None:
    read = 0
    async for part in response.aiter_raw():
        read += len(part)
        if read >= READ:
            return
