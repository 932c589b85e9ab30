"""Making an account ready: its flow with the secrets resolved, its proxy.

And the keys of the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from autologin import proxies, redaction
from autologin.config.schema import Account, Settings
from autologin.config.suspicions import find_suspicion, find_unsendable
from autologin.errors import ConfigError, Problem
from autologin.flow import registry, samples
from autologin.flow.base import BrowserFlow, Flow
from autologin.problems import Loc, Report, dotted
from autologin.proxies import ForChromium, ProxyError, Ways
from autologin.secret_refs import resolve

Model = TypeVar("Model", bound=BaseModel)


@dataclass
class Prepared:
    """An account as far as it can be made ready: its flow, or what stands against it."""

    flow: Flow | None = None
    problems: list[Problem] = field(default_factory=list)
    newlines_left_out: list[str] = field(default_factory=list)
    suspicions: list[Problem] = field(default_factory=list)
    """What is strange about its credentials, and may be right all the same."""


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
        why = find_unsendable(values[key], ascii_only=not _may_be_any_text(kind, key))
        if why:
            report.add((*prefix, key), why, "Copy it from the broker again, or type it.")
        if strange := find_suspicion(key, values[key]):
            result.suspicions.append(Problem(dotted((*prefix, key)), *strange))
        if secret.newline_left_out or settings.newline_left_out((*prefix, key)):
            result.newlines_left_out.append(dotted((*prefix, key)))
    credentials = _validate(kind.credentials_class, values, report, prefix)
    options_loc = ("accounts", account.name, "options")
    options = _validate(kind.options_class, account.options, report, options_loc)
    if credentials and options and not report.problems:
        result.flow = kind(credentials, account.endpoints, options)
    return result


def load_for_looking(settings: Settings, account: Account) -> BrowserFlow:
    """The flow of an account for a look at its login page, where no secret is needed.

    Those that are not in the page's address are made up; the others are looked up.

    Raises:
        ConfigError: the broker has no login page, or what is needed cannot be looked up.
    """
    kind = registry.load(account.broker)
    if not issubclass(kind, BrowserFlow):
        detail = f"{kind.title} has no login page: it logs in over its API"
        raise ConfigError(Problem(f"accounts.{account.name}", detail, "There is nothing to see."))
    report = Report(settings.origin)
    options_loc: Loc = ("accounts", account.name, "options")
    options = _validate(kind.options_class, account.options, report, options_loc)
    if options is None:
        raise ConfigError(report.problems)
    needed = {key for key in account.credentials if not is_secret(kind, key)}
    while True:
        known = {key: _looked_up(settings, account, key) for key in needed}
        made = samples.fill_in(kind.credentials_class, known, set(account.credentials))
        flow = kind(made, account.endpoints, options)
        url = flow.login_url("").url
        missing = {key for key in account.credentials if samples.sample(key) in url} - needed
        if not missing:
            return flow
        needed |= missing


def _looked_up(settings: Settings, account: Account, key: str) -> str:
    where = dotted(("accounts", account.name, "credentials", key))
    text = resolve(where, account.credentials[key], settings.ref_context).value.get_secret_value()
    if is_secret(registry.load(account.broker), key):
        redaction.remember(text)
    return text


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


def ways_out(account: Account, environ: Mapping[str, str] | None = None) -> Ways:
    """By which way each of the account's requests leaves.

    Its own `proxy`, else the environment's. A `command` reference may take up to 30 seconds.

    Raises:
        ConfigError: the proxy cannot be resolved, or is none that can be used.
    """
    context = account.ref_context
    if environ is not None:
        context = replace(context, environ=environ)
    if account.proxy is None:
        return context.ways()
    key = f"accounts.{account.name}.proxy"
    text = resolve(key, account.proxy, context).value.get_secret_value()
    try:
        return proxies.through(text, key)
    except ProxyError as error:
        raise ConfigError(Problem(error.key, error.detail, error.hint)) from None


def chromium_proxy(account: Account, ways: Ways) -> ForChromium:
    """An account's ways out for Chromium.

    Raises:
        ConfigError: Chromium cannot follow them.
    """
    try:
        return proxies.for_chromium(ways, f"accounts.{account.name}.proxy")
    except ProxyError as error:
        raise ConfigError(Problem(error.key, error.detail, error.hint)) from None


def _may_be_any_text(flow: type[Flow], key: str) -> bool:
    """Whether a credential goes into a form or JSON alone; a header has no room for most text."""
    typed = flow.login_id if issubclass(flow, BrowserFlow) else ()
    return key in flow.passwords or key in typed or key == "redirect_uri"


def is_secret(flow: type[Flow], key: str) -> bool:
    """Whether a credential is secret.

    One that the flow does not know may be a mistyped name of one.
    """
    field = flow.credentials_class.model_fields.get(key)
    return field is None or samples.holds_secret(field.annotation)
