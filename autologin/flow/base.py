"""What a flow is: everything that autologin must know about one broker, as one class in one file."""

from __future__ import annotations

import base64
import json
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

from autologin.errors import BrokerUnavailable, ExchangeRejected
from autologin.redaction import scrub

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from autologin.flow.otp import Otp
    from autologin.login.engine import LoginPage
    from autologin.token import Token

IST = ZoneInfo("Asia/Kolkata")


class Credentials(BaseModel):
    """What a flow must be given. Every field is a SecretStr or a plain str; a description says where to find it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @field_validator("redirect_uri", check_fields=False)
    @classmethod
    def _whole(cls, uri: str | None) -> str | None:
        # A broker calls one without its scheme an unknown app, and only in the morning. An app's own scheme is fine.
        if uri is not None and not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/+[^\s/]", uri):
            raise ValueError("this is no redirect URL: it starts with its scheme, such as https://127.0.0.1/")
        return uri


class Options(BaseModel):
    """What else a flow can be told. None of it is secret; every field has a default and a description."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Verdict(Enum):
    """What the broker says of a token."""

    VALID = "valid"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    """It could not be asked (network, 429, 5xx ...): no reason to throw a token away."""


@dataclass(frozen=True)
class Verified:
    """The answer to a verify call: the verdict, whose token it is (where the broker says so), and its words."""

    verdict: Verdict
    user_id: str | None = None
    detail: str = ""


@dataclass(frozen=True)
class Limit:
    """At most so many logins within so many seconds, as the broker counts them."""

    logins: int
    seconds: float


class Flow(ABC):
    """One broker. A subclass declares its facts and says how to sign in, exchange and verify.

    It is handed a page, an HTTP client, the codes and the time; it creates nothing and reads no clock itself.
    """

    broker: ClassVar[str]
    """The name in the config; the same as the file's."""
    title: ClassVar[str]
    docs: ClassVar[str]
    evidence: ClassVar[str]
    """The date (YYYY-MM) of the evidence that this flow rests on."""
    notes: ClassVar[str] = ""
    """What else the list of brokers should say of it, in a few words."""
    verified: ClassVar[bool] = True
    """False where no public evidence shows the real page."""
    endpoints: ClassVar[Mapping[str, str]]
    """Every URL that the flow uses, by name; an account's `endpoints` override them. Empty: there is no default."""
    needs_endpoints: ClassVar[frozenset[str]] = frozenset()
    """Those that an account must give, because nobody else knows them."""
    code_params: tuple[str, ...] = ()
    """The names under which the redirect carries the code."""
    state_param: str = "state"
    """The name under which the redirect gives our nonce back; empty where the broker gives nothing back."""
    not_before: ClassVar[time] = time(0)
    """When, in India, a login first gives the whole trading day's token: one that is made earlier dies at the reset."""
    needs_browser: ClassVar[bool] = True
    timeout: ClassVar[float] = 90
    """Seconds for a whole run, where the account sets none."""
    limits: ClassVar[tuple[Limit, ...]] = ()
    """How often a broker without a page takes a login, whatever its answer. They are kept across runs and restarts."""
    environment: ClassVar[Mapping[str, str]] = {}
    """The variables in which programs of this broker's users look for their session, each with its field of the token.

    `<BROKER>_ACCESS_TOKEN` and the like need not stand here: `autologin exec` sets them for every broker.
    """
    Credentials: ClassVar[type[Credentials]]
    Options: ClassVar[type[Options]] = Options
    """What else an account of this broker can set, under `options:`."""

    def __init__(self, credentials: Any, endpoints: Mapping[str, str] | None = None, options: Any = None) -> None:
        self.credentials = credentials
        self.options: Any = options or self.Options()
        self.urls = {name: url.rstrip("/") for name, url in {**self.endpoints, **(endpoints or {})}.items()}

    @property
    def user_id(self) -> str | None:
        """Who the token must belong to; None where the broker's verify call names nobody."""
        return getattr(self.credentials, "user_id", None)

    @property
    def redirect_uri(self) -> str | None:
        """Where the broker sends the code; None where the user did not say."""
        return getattr(self.credentials, "redirect_uri", None) or None

    @property
    def seed(self) -> SecretStr | None:
        """The TOTP seed, where this account has one."""
        return getattr(self.credentials, "totp_secret", None)

    def login_url(self, nonce: str) -> str:
        """The address of the login page; `nonce` must come back with the code."""
        raise NotImplementedError(f"{self.broker} has no login page")

    def resume(self, nonce: str) -> None:
        """Make again what `login_url` kept, in another process that goes on from there after a login by hand."""
        del nonce

    async def login(self, page: LoginPage, otp: Otp | None) -> None:
        """Sign in on the page, up to the redirect that carries the code."""
        raise NotImplementedError(f"{self.broker} has no login page")

    async def sign_in(self, http: httpx.AsyncClient, otp: str, now: datetime) -> Token:
        """The token, from a broker that signs in over its API (`needs_browser = False`).

        Raises:
            BrokerUnavailable: no answer, 5xx, 408 or 429.
            CredentialsRejected, OtpRejected, ConsentRequired ...: as the broker answered.
        """
        raise NotImplementedError(f"{self.broker} signs in on a page")

    async def refresh(self, token: Token, http: httpx.AsyncClient, now: datetime) -> Token | None:
        """A new token without a login, where the broker and the user allow it; None: a login is needed. Never raises."""
        del token, http, now
        return None

    async def exchange(self, code: SecretStr, http: httpx.AsyncClient, now: datetime) -> Token:
        """The token for a code.

        Raises:
            BrokerUnavailable: no answer, 5xx, 408 or 429: the same code may be sent once more.
            ExchangeRejected: the broker answered no; the code is spent.
        """
        raise NotImplementedError(f"{self.broker} gives no codes")

    @abstractmethod
    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verified:
        """Ask the broker whether a token lives. Never raises for what the broker or the network do."""


def exactly(digits: int, title: str) -> Callable[[SecretStr], SecretStr]:
    """A validator for a PIN: this many digits. Its ValueError names `title` and never holds the value."""

    def checked(pin: SecretStr) -> SecretStr:
        plain = pin.get_secret_value().strip()
        if not (plain.isascii() and plain.isdigit() and len(plain) == digits):
            raise ValueError(f"this is no {title}: it has exactly {digits} digits")
        return SecretStr(plain)

    return checked


def next_daily(at: time, after: datetime) -> datetime:
    """The next moment that a wall clock in India shows `at`, strictly after `after` (aware)."""
    local = after.astimezone(IST)
    today = datetime.combine(local.date(), at, IST)
    return today if today > local else today + timedelta(days=1)


def jwt_expiry(token: str) -> datetime | None:
    """The `exp` of a JWT, aware; None where it has none. Nothing is checked: the broker does that."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return datetime.fromtimestamp(claims["exp"], IST)
    except (IndexError, ValueError, KeyError, TypeError, OverflowError):
        return None


async def answer_of(
    request: httpx.Request, http: httpx.AsyncClient, *, is_answer: Callable[[httpx.Response], bool] = lambda _: False
) -> httpx.Response:
    """The broker's answer to a request that may have to be sent again.

    Raises:
        BrokerUnavailable: there was no answer, or one that says "later" (408, 429, 5xx), with its Retry-After, unless
            `is_answer` knows it for the broker's word all the same.
    """
    import httpx  # noqa: PLC0415  (100 ms that `--help` and `status` do not need)

    where = f"{request.method} {request.url.host}{request.url.path}"
    try:
        response = await http.send(request)
    except httpx.HTTPError as error:
        why = ": ".join(filter(None, (type(error).__name__, str(error)[:120])))
        raise BrokerUnavailable(f"No answer from {where} ({why})") from None
    if (response.status_code in {408, 429} or response.status_code >= 500) and not is_answer(response):
        words = message_of(json_of(response))
        detail = f"{where} answered {response.status_code}" + (f': "{scrub(words)[:200]}"' if words else "")
        raise BrokerUnavailable(detail, retry_after=retry_after(response.headers.get("retry-after")))
    return response


def retry_after(header: str | None) -> float | None:
    """Seconds from a Retry-After header that gives seconds; None where it gives none (or a date)."""
    return float(header) if header and header.strip().isdigit() else None


def json_of(response: httpx.Response) -> dict[str, Any]:
    """The JSON object in an answer; an empty one where there is none."""
    try:
        data = response.json()
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def refused(title: str, response: httpx.Response, message: object) -> ExchangeRejected:
    """The error for an exchange that the broker refused, in its own words where it has some."""
    words = str(message or "").strip()
    detail = f'{title} said: "{words}"' if words else f"{title} gave no token"
    return ExchangeRejected(f"{detail} (HTTP {response.status_code})")


def message_of(body: Mapping[str, Any]) -> str:
    """The broker's words in an answer: at its top, or code and words of the first of its `errors`."""
    errors = body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    code = first.get("errorCode") or first.get("error_code") or ""
    return ": ".join(filter(None, (str(code), str(first.get("message") or body.get("message") or ""))))


async def proven(
    request: httpx.Request,
    http: httpx.AsyncClient,
    *,
    owner: Callable[[dict[str, Any]], str | None],
    dead: Callable[[int, dict[str, Any]], bool],
    words: Callable[[dict[str, Any]], str] = message_of,
) -> Verified:
    """What the answer to a call says of the token that it was made with.

    `owner` gives the user's id from the JSON of a 200 that shows that the token lives: "" where it names nobody, None where it
    shows nothing. `dead` tells from the status and the JSON of any other whether the broker means this token.
    """
    try:
        response = await answer_of(request, http)
    except BrokerUnavailable as error:
        return Verified(Verdict.UNKNOWN, detail=error.detail)
    body = json_of(response)
    user = owner(body) if response.status_code == 200 else None
    if user is not None:
        return Verified(Verdict.VALID, user_id=user or None)
    detail = f"{words(body) or request.url.path} (HTTP {response.status_code})"
    return Verified(Verdict.REJECTED if dead(response.status_code, body) else Verdict.UNKNOWN, detail=detail)


async def verified(
    request: httpx.Request, http: httpx.AsyncClient, *, dead: Callable[[dict[str, Any]], bool], owner: str = "user_id"
) -> Verified:
    """What the answer to a profile call says of the token; `owner` is the name in its `data` of the user's id.

    `dead` tells from the JSON of a 4xx whether the broker means this token; any other refusal says nothing about it.
    """
    return await proven(request, http, owner=lambda body: _owner_in(body, owner), dead=lambda _, body: dead(body))


def _owner_in(body: Mapping[str, Any], name: str) -> str | None:
    data = body.get("data")
    return str(data[name]) if isinstance(data, dict) and data.get(name) else None


def sooner(ends: datetime | None, rule: datetime, now: datetime) -> datetime:
    """The end of a token: the broker's own word, where that is to come and before its rule says so; else the rule's."""
    return ends if ends and now < ends < rule else rule


def data_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The object under `data`; an empty one where there is none."""
    data = body.get("data")
    return data if isinstance(data, dict) else {}
