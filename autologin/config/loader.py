"""Loading the config, and making from an account the flow that signs in to it. The only reader of the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr, ValidationError

from autologin import redaction
from autologin.config import overrides, validation, yaml_file
from autologin.config.schema import Account, BrowserSettings, Schedule, Settings, origin_of
from autologin.errors import ConfigError, Problem
from autologin.flow import registry
from autologin.problems import Loc, Report, did_you_mean, dotted, errors_of
from autologin.secret_refs import Place, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

    from autologin.flow.base import Flow

__all__ = ["Account", "BrowserSettings", "Schedule", "Settings", "flow_for", "load", "proxy_parts", "proxy_url", "state_keys"]

Model = TypeVar("Model", bound=BaseModel)

MINIMAL = """The least that works:
  accounts:
    zerodha:
      broker: zerodha
      credentials: {api_key: "...", api_secret: "...", user_id: "...", password: "...", totp_secret: "..."}
      sinks: [tokens]
  sinks:
    tokens: {type: file, path: "./tokens/{account}.json"}
config.example.yaml explains each key."""


@dataclass
class Reading:
    """A config as far as it can be read: for `check`, what is usable although something else is wrong."""

    file: Path | None
    document: Mapping[str, Any]
    layers: overrides.Layers
    settings: Settings | None
    problems: list[Problem]


@dataclass
class Prepared:
    """An account as far as it can be made ready: its flow, or what stands against it."""

    flow: Flow | None = None
    problems: list[Problem] = field(default_factory=list)
    newlines_left_out: list[str] = field(default_factory=list)


def environment() -> Mapping[str, str]:
    """The environment, for those who hand it on."""
    return os.environ


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """The config: the YAML file, over it the secrets folder, over both the environment.

    Without a path: AUTOLOGIN_CONFIG, ./config.yaml, the user's config folder.

    Raises:
        ConfigError: every problem at once. No message holds a value.
    """
    reading = read(path, environ)
    if reading.problems or reading.settings is None:
        raise ConfigError(reading.problems)
    return reading.settings


def read(path: Path | None, environ: Mapping[str, str]) -> Reading:
    """The config and its problems.

    Raises:
        ConfigError: there is no config at all.
    """
    file = yaml_file.find(path, environ)
    document, problems = yaml_file.read(file) if file else ({}, [])
    layers = overrides.Layers(Settings, document)
    reading = Reading(file, document, layers, None, problems)
    if problems and not document:
        return reading
    problems += _lay_over(layers, environ)
    if file is None and not layers.values.get("accounts"):
        raise ConfigError([_nowhere(environ), *problems])
    _validate(reading, Place(file.absolute().parent if file else Path.cwd(), environ))
    return reading


def flow_for(settings: Settings, account: Account, environ: Mapping[str, str] = os.environ) -> Flow:
    """The flow of an account, its secrets resolved, checked and known to the redactor. Other accounts' are not touched.

    A `command` reference may take up to 30 seconds.

    Raises:
        ConfigError: every problem of this account's credentials.
    """
    prepared = prepare(settings, account, environ)
    if prepared.flow is None:
        raise ConfigError(prepared.problems)
    return prepared.flow


def prepare(settings: Settings, account: Account, environ: Mapping[str, str]) -> Prepared:
    """The flow of an account, or every reason why there is none."""
    kind = registry.load(account.broker)
    report = Report(settings.origin)
    place = Place(settings.folder, environ)
    prefix: Loc = ("accounts", account.name, "credentials")
    values: dict[str, str] = {}
    result = Prepared(problems=report.problems)
    for key, reference in account.credentials.items():
        try:
            found = resolve(dotted((*prefix, key)), reference, place)
        except ConfigError as error:
            report.add((*prefix, key), error.problems[0].message, error.problems[0].hint)
            continue
        values[key] = found.value.get_secret_value()
        if is_secret(kind, key):
            redaction.remember(values[key])
        if found.newline_left_out or settings.newline_left_out((*prefix, key)):
            result.newlines_left_out.append(dotted((*prefix, key)))
    credentials = _validated(kind.credentials_class, values, report, prefix)
    options = _validated(kind.options_class, account.options, report, ("accounts", account.name, "options"))
    if credentials and options and not report.problems:
        result.flow = kind(credentials, account.endpoints, options)
    return result


def _validated(model: type[Model], values: Mapping[str, Any], report: Report, prefix: Loc) -> Model | None:
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
    found = [resolve(f"state.keys.{index}", key, settings.place).value for index, key in enumerate(settings.state.keys)]
    redaction.remember(*(key.get_secret_value() for key in found))
    return found


def proxy_url(account: Account, environ: Mapping[str, str] | None = None) -> str | None:
    """The account's proxy as httpx wants it; None where it has none.

    Raises:
        ConfigError: it cannot be resolved, or is no http, https or socks5 address.
    """
    if account.proxy is None:
        return None
    key = f"accounts.{account.name}.proxy"
    place = account.place if environ is None else Place(account.place.folder, environ)
    url = resolve(key, account.proxy, place).value.get_secret_value()
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https", "socks5"} and parts.hostname and (parts.port or True)
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(Problem(key, "is not a proxy's address", "Write it as http://host:port, https:// or socks5://."))
    redaction.remember(*(unquote(word) for word in (parts.password,) if word))
    return url


def proxy_parts(account: Account, environ: Mapping[str, str] | None = None) -> dict[str, str] | None:
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


def _nowhere(environ: Mapping[str, str]) -> Problem:
    here, users = yaml_file.usual_places(environ)
    detail = f"there is none: looked at AUTOLOGIN_CONFIG (not set), ./{here} and {users}"
    return Problem(
        "config",
        detail,
        "Run `autologin init` to write one, or copy config.example.yaml to ./config.yaml and fill it in; "
        "`autologin demo` shows a login first.",
    )


def _lay_over(layers: overrides.Layers, environ: Mapping[str, str]) -> list[Problem]:
    files, problems = overrides.from_folder(environ, Settings.model_fields)
    variables, more = overrides.from_environment(environ)
    layers.lay_over(files)
    layers.lay_over(variables)
    return [*problems, *more, *layers.problems]


def _validate(reading: Reading, place: Place) -> None:
    layers = reading.layers
    origins = {override.loc: override.given for override in layers.overrides}
    report = Report(lambda loc: origin_of(origins, loc), reading.problems)
    handed_in: Any = {"source": layers}
    declared = set(layers.values.get("sinks") or ())
    _accounts_only_outside(reading, report)
    while reading.settings is None:
        try:
            reading.settings = Settings(**handed_in)
        except ValidationError as error:
            report.add_validation(error, Settings, layers.values)
            unusable = [layers.drop(_unusable(details)) for details in errors_of(error)]
            if not any(unusable):
                return
    reading.settings.placed(reading.file, place, origins)
    if not layers.values.get("accounts") and not report.problems:
        detail = "no account is configured" if reading.document else "the config is empty"
        report.add(("accounts",), detail, MINIMAL)
    validation.check(reading.settings, report, declared)


def _accounts_only_outside(reading: Reading, report: Report) -> None:
    """A variable with a mistyped account makes an account that is nothing but that variable."""
    accounts = reading.layers.values.get("accounts")
    written = reading.document.get("accounts") or {}
    for override in reading.layers.overrides:
        if len(override.loc) < 3 or not isinstance(accounts, dict) or not isinstance(written, dict):
            continue
        name = str(override.loc[1])
        if override.loc[0] == "accounts" and name not in written and "broker" not in accounts[name]:
            detail = f"is missing: only {override.given.origin} speaks of this account"
            hint = f"{did_you_mean(name, written)} Otherwise set AUTOLOGIN_ACCOUNTS__{name.upper()}__BROKER."
            report.add(("accounts", name, "broker"), detail, hint)


def _unusable(details: ErrorDetails) -> Loc:
    """What cannot be used because of an error: where a key is missing, the whole that it is missing from."""
    return details["loc"][:-1] if details["type"] in {"missing", "unknown_type"} else details["loc"]


def is_secret(flow: type[Flow], key: str) -> bool:
    """Whether a credential is secret. One that the flow does not know may be a secret with a mistyped name."""
    found = flow.credentials_class.model_fields.get(key)
    return found is None or _holds_secret(found.annotation)


def _holds_secret(kind: Any) -> bool:
    return kind is SecretStr or any(map(_holds_secret, get_args(kind)))
