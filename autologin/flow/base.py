"""What a flow is: everything that autologin must know about one broker, as one class."""

from __future__ import annotations

import inspect
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

from autologin import redaction
from autologin.flow.otp import OtpGenerator
from autologin.flow.script import LoginScript
from autologin.quoting import cut_tokens
from autologin.token import Token

if TYPE_CHECKING:
    import httpx


class Credentials(BaseModel):
    """What a flow must be given.

    Every field is a SecretStr or a plain str; a description says where to find it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @field_validator("redirect_uri", check_fields=False)
    @classmethod
    def _check_scheme(cls, uri: str | None) -> str | None:
        # A broker calls one without its scheme an unknown app, and only in the morning. An app's
        # own scheme is fine.
        if uri is not None and re.match(r"urn:|oob$", uri.strip(), re.IGNORECASE):
            raise ValueError(
                "with this the broker shows the code on a page, for a person to copy, and "
                "redirects nowhere: register an address with the broker, such as https://127.0.0.1/",
            )
        if uri is not None and not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/+[^\s/]", uri):
            raise ValueError(
                "not a redirect URL: it must start with its scheme, such as https://127.0.0.1/",
            )
        return uri

    @field_validator("api_key", "client_id", "consumer_key", check_fields=False)
    @classmethod
    def _check_header(cls, key: Any) -> Any:
        text = key.get_secret_value() if isinstance(key, SecretStr) else str(key)
        if not re.fullmatch(r"[ -~]*", text):
            raise ValueError(
                "has a character that no request can carry: copy it from the broker again"
            )
        return key


class Options(BaseModel):
    """What else a flow can be told.

    None of it is secret; every field has a default and a description.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Verdict(Enum):
    """What the broker says of a token."""

    VALID = "valid"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    """It could not be asked (network, 429, 5xx ...): no reason to throw a token away."""


@dataclass(frozen=True)
class Verification:
    """The answer to a verify call.

    The verdict, whose token it is (where the broker says so), and the broker's words.
    """

    verdict: Verdict
    user_id: str | None = None
    detail: str = ""

    def __post_init__(self) -> None:
        # It may be of somebody's own flow, which quotes whatever was answered.
        object.__setattr__(self, "detail", cut_tokens(redaction.scrub(self.detail)))


@dataclass(frozen=True)
class RateLimit:
    """At most so many logins within so many seconds, as the broker counts them."""

    logins: int
    seconds: float


@dataclass(frozen=True)
class LoginRequest:
    """The login page's address, and the PKCE verifier for the exchange, where the flow made one."""

    url: str
    verifier: SecretStr | None = None

    def __post_init__(self) -> None:
        if self.verifier:
            redaction.remember_for_days(self.verifier.get_secret_value())


class AuthCode(SecretStr):
    """The code in a redirect, with the verifier of the `LoginRequest` that it answers.

    A flow without PKCE takes it for the SecretStr that it is.
    """

    def __init__(self, value: str, verifier: SecretStr | None = None) -> None:
        super().__init__(value)
        self.verifier = verifier


def _annotated_class(flow: type[Flow], name: str) -> Any:
    """The class with which a flow's own body annotates `name`; None where it does not."""
    annotation = inspect.get_annotations(flow).get(name)
    if isinstance(annotation, str):  # `from __future__ import annotations`
        module = sys.modules[flow.__module__]
        return eval(annotation, vars(module))  # noqa: S307  (the flow's own line)
    return annotation


class Flow(ABC):
    """One broker: its facts, and how to verify and refresh a token.

    A broker's flow is a `BrowserFlow` or an `ApiFlow`. It is handed an HTTP client, the codes and
    the time; it creates nothing, reads no clock and remembers nothing from one call to the next.
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
    """Every URL that the flow uses, by name; an account's `endpoints` override them.

    Empty: there is no default.
    """
    needs_endpoints: ClassVar[frozenset[str]] = frozenset()
    """Those that an account must give, because nobody else knows them."""
    not_before: ClassVar[time] = time(0)
    """When, in India, a login first gives the whole trading day's token.

    An earlier one dies at the broker's reset.
    """
    timeout: ClassVar[float] = 90
    """Seconds for a whole run, where the account sets none."""
    environment: ClassVar[Mapping[str, str]] = {}
    """The variables in which programs of this broker's users look for their session.

    Each with its field of the token. `<BROKER>_ACCESS_TOKEN` and the like need not stand here:
    `autologin exec` sets them for every broker.
    """
    login_id: ClassVar[tuple[str, ...]] = (
        "user_id",
        "client_code",
        "fy_id",
        "mobile_number",
        "ucc",
    )
    """The credentials that name the person to the broker, those of them that the flow has."""
    passwords: ClassVar[tuple[str, ...]] = ("password", "pin", "mpin")
    """The credentials, but for the OTP, of which the broker counts wrong entries.

    Those of them that the flow has; where it has none, all its secrets.
    """
    credentials: Credentials
    """A flow annotates it with its own class, by which the config is checked."""
    options: Options
    """The same for what an account can set under `options:`, where there is something."""
    credentials_class: ClassVar[type[Credentials]] = Credentials
    options_class: ClassVar[type[Options]] = Options
    """Read from the two annotations."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.credentials_class = _annotated_class(cls, "credentials") or cls.credentials_class
        cls.options_class = _annotated_class(cls, "options") or cls.options_class

    def __init__(
        self,
        credentials: Credentials,
        endpoints: Mapping[str, str] | None = None,
        options: Options | None = None,
    ) -> None:
        self.credentials = credentials
        self.options = options or self.options_class()
        urls = {**self.endpoints, **(endpoints or {})}
        self.urls = {name: url.rstrip("/") for name, url in urls.items()}

    @property
    def user_id(self) -> str | None:
        """Who the token must belong to; None where the broker's verify call names nobody."""
        return getattr(self.credentials, "user_id", None)

    @property
    def seed(self) -> SecretStr | None:
        """The TOTP seed, where this account has one."""
        return getattr(self.credentials, "totp_secret", None)

    async def refresh(self, token: Token, http: httpx.AsyncClient, now: datetime) -> Token | None:
        """A new token without a login, where broker and user allow it; None: a login is needed.

        Never raises.
        """
        del token, http, now
        return None

    @abstractmethod
    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verification:
        """Ask the broker whether a token lives.

        Never raises for what the broker or the network do.
        """


class BrowserFlow(Flow):
    """A broker that signs in on a page.

    Its address, what to do there, and the exchange of the auth code in the redirect.
    """

    auth_code_params: tuple[str, ...] = ()
    """The names under which the redirect carries the auth code."""
    state_param: str = "state"
    """The name under which the redirect gives our nonce back; empty where none comes back."""
    login_hosts: ClassVar[tuple[str, ...]] = ()
    """Hosts besides those of `endpoints` to which the login page sends what is typed.

    Each stands for the hosts below it too. What shares an endpoint's registrable domain, and what
    the broker redirects to before the form, need not be named.
    """

    @property
    def redirect_uri(self) -> str | None:
        """Where the broker sends the auth code; None where the user did not say."""
        return getattr(self.credentials, "redirect_uri", None) or None

    @abstractmethod
    def login_url(self, nonce: str) -> LoginRequest:
        """The address of the login page; `nonce` must come back with the auth code."""

    @abstractmethod
    def login_script(self, otp: OtpGenerator | None) -> LoginScript:
        """What to fill and press, up to the redirect; `otp` is None where there is no seed."""

    @abstractmethod
    async def exchange(self, auth_code: AuthCode, http: httpx.AsyncClient, now: datetime) -> Token:
        """The token for an auth code.

        Raises:
            BrokerUnavailable: no answer, 5xx, 408 or 429, or one that is not the broker's: the same
                code may be sent once more.
            ExchangeRejected: the broker answered no; the code is spent.
        """


class ApiFlow(Flow):
    """A broker that signs in over its API; no page is involved."""

    rate_limits: ClassVar[tuple[RateLimit, ...]] = ()
    """How often the broker takes a login, whatever its answer.

    They are kept across runs and restarts.
    """

    @abstractmethod
    async def sign_in(self, http: httpx.AsyncClient, otp: str, now: datetime) -> Token:
        """The token for the credentials and a one-time password.

        Raises:
            BrokerUnavailable: no answer, 5xx, 408 or 429, or one that is not the broker's.
            CredentialsRejected, OtpRejected, ConsentRequired ...: as the broker answered.
        """


def digits(count: int, title: str) -> Callable[[SecretStr], SecretStr]:
    """A validator for a PIN of `count` digits.

    Its ValueError names `title` and never holds the value.
    """

    def check(pin: SecretStr) -> SecretStr:
        plain = pin.get_secret_value().strip()
        if not (plain.isascii() and plain.isdigit() and len(plain) == count):
            quoted = re.fullmatch(r"([\"'`“‘]).*[\"'`”’]", plain)
            kept = "; this stands in quotes, which were kept: take them off" if quoted else ""
            raise ValueError(f"not a valid {title}: it has exactly {count} digits{kept}")
        return SecretStr(plain)

    return check
