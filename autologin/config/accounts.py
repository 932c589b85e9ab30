"""Making an account ready: its flow with the secrets resolved, its proxy.

And the keys of the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, get_args
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr, ValidationError

from autologin import redaction
from autologin.config.schema import Account, Settings
from autologin.errors import ConfigError, Problem
from autologin.flow import registry
from autologin.flow.base import Flow
from autologin.problems import Loc, Report, dotted
from autologin.secret_refs import resolve

Model = TypeVar("Model", bound=BaseModel)


@dataclass
class Prepared:
    """An account as far as it can be made ready: its flow, or what stands against it."""

    flow: Flow | None = None
    problems: list[Problem] = field(default_factory=list)
    newlines_left_out: list[str] = field(default_factory=list)


def load_flow(
    settings: Settings, account: Account, environ: Mapping[str, str] | None = None
) -> Flow:
    """The flow of an account, its secrets resolved, checked and known to the redactor.

    Other accounts' are not touched.

    A `command` reference may take up to 30 seconds.

    Raises:
        ConfigError: every problem of this account's credentials.
    """
    prepared = prepare(
        settings, account, settings.ref_context.environ if environ is None else environ
    )
    if prepared.flow is None:
        raise ConfigError(prepared.problems)
    return prepared.flow


def prepare(settings: Settings, account: Account, environ: Mapping[str, str]) -> Prepared:
    """The flow of an account, or every reason why there is none."""
    kind = registry.load(account.broker)
    report = Report(settings.origin)
    context = replace(settings.ref_context, environ=environ)
    prefix: Loc = ("accounts", account.name, "credentials")
    values: dict[str, str] = {}
    result = Prepared(problems=report.problems)
    for key, reference in account.credentials.items():
        try:
            secret = resolve(dotted((*prefix, key)), reference, context)
        except ConfigError as error:
            report.add((*prefix, key), error.problems[0].message, error.problems[0].hint)
            continue
        values[key] = secret.value.get_secret_value()
        if is_secret(kind, key):
            redaction.remember(values[key])
            context.withheld.values.add(secret.value)
        if secret.newline_left_out or settings.newline_left_out((*prefix, key)):
            result.newlines_left_out.append(dotted((*prefix, key)))
    credentials = _validate(kind.credentials_class, values, report, prefix)
    options_loc = ("accounts", account.name, "options")
    options = _validate(kind.options_class, account.options, report, options_loc)
    if credentials and options and not report.problems:
        result.flow = kind(credentials, account.endpoints, options)
    return result


def login_id(settings: Settings, account: Account) -> list[str] | None:
    """What names an account's person to the broker; None where it cannot be read here.

    Other credentials are not looked up.
    """
    names = [name for name in registry.load(account.broker).login_id if name in account.credentials]
    try:
        secrets = [
            resolve(name, account.credentials[name], settings.ref_context).value for name in names
        ]
    except ConfigError:
        return None
    return [secret.get_secret_value() for secret in secrets]


def _validate(
    model: type[Model], values: Mapping[str, Any], report: Report, prefix: Loc
) -> Model | None:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        report.add_validation(error, model, values, prefix)
        return None


def state_keys(settings: Settings) -> list[SecretStr]:
    """The keys that seal the store, the newest first; none: the store makes its own.

    Raises:
        ConfigError: one of them cannot be resolved.
    """
    keys = [
        resolve(f"state.keys.{index}", key, settings.ref_context).value
        for index, key in enumerate(settings.state.keys)
    ]
    redaction.remember(*(key.get_secret_value() for key in keys))
    return keys


def proxy_url(account: Account, environ: Mapping[str, str] | None = None) -> str | None:
    """The account's proxy as httpx wants it; None where it has none.

    Raises:
        ConfigError: it cannot be resolved, or is not an http, https or socks5 address.
    """
    if account.proxy is None:
        return None
    key = f"accounts.{account.name}.proxy"
    context = account.ref_context
    if environ is not None:
        context = replace(context, environ=environ)
    url = resolve(key, account.proxy, context).value.get_secret_value()
    try:
        parts = urlsplit(url)
        usable = (
            parts.scheme in {"http", "https", "socks5"} and parts.hostname and (parts.port or True)
        )
    except ValueError:
        usable = False
    if not usable:
        hint = "Write it as http://host:port, https:// or socks5://."
        raise ConfigError(Problem(key, "is not a proxy's address", hint))
    if parts.password:
        redaction.remember(unquote(parts.password))
    return url


def proxy_parts(
    account: Account, environ: Mapping[str, str] | None = None
) -> dict[str, str] | None:
    """The account's proxy as Playwright wants it: server, username, password.

    Raises:
        ConfigError: as `proxy_url`, or Chromium cannot use it.
    """
    url = proxy_url(account, environ)
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme == "socks5" and parts.username:
        detail = "is a socks5 proxy with a password, which Chromium does not support"
        hint = "Use the proxy's http:// address, or let it know this machine by its address."
        raise ConfigError(Problem(f"accounts.{account.name}.proxy", detail, hint))
    server = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    login = {"username": parts.username, "password": parts.password}
    return {"server": server, **{name: unquote(word) for name, word in login.items() if word}}


def is_secret(flow: type[Flow], key: str) -> bool:
    """Whether a credential is secret.

    One that the flow does not know may be a mistyped name of one.
    """
    field = flow.credentials_class.model_fields.get(key)
    return field is None or _holds_secret(field.annotation)


def _holds_secret(kind: Any) -> bool:
    return kind is SecretStr or any(map(_holds_secret, get_args(kind)))
