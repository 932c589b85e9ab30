"""Which secrets of a config the processes that we start are not to see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any

from pydantic import BaseModel

from autologin.config import accounts
from autologin.config.schema import Account, Settings
from autologin.errors import ConfigError
from autologin.flow import registry
from autologin.flow.base import Flow
from autologin.inheritance import Withheld
from autologin.secret_refs import RefContext, Secret, UnreadableError, resolve

AT_HAND = {"plain", "env", "file"}
"""Kinds of references that are followed at once; a command or AWS may take half a minute."""


def note_accounts_secrets(settings: Settings) -> None:
    """Keep the accounts' secrets from the commands that the config names."""
    context = settings.ref_context
    for account in settings.accounts.values():
        flow = _flow_class(account)
        for key, secret in account.credentials.items():
            hidden = flow is None or accounts.is_secret(flow, key)
            _note(context.withheld, secret, context, AT_HAND - {"file"} if hidden else ())
        if account.proxy:
            _note(context.withheld, account.proxy, context, AT_HAND - {"file"})


def for_browser(settings: Settings) -> Withheld:
    """What a browser and its driver are not to see: every secret that the config names."""
    context = settings.ref_context
    withheld = Withheld(set(context.withheld.names), set(context.withheld.values))
    open_ones = {id(secret) for secret in _open_credentials(settings)}
    for secret in find_secrets(settings):
        _note(withheld, secret, context, () if id(secret) in open_ones else AT_HAND)
    return withheld


def find_secrets(value: Any) -> Iterator[Secret]:
    """Every secret in a part of the config, whatever key it stands at."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, BaseModel):
        yield from find_secrets(vars(value))
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from find_secrets(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from find_secrets(one)
    elif is_dataclass(value) and not isinstance(value, type):
        yield from find_secrets(vars(value))


def _open_credentials(settings: Settings) -> Iterator[Secret]:
    """Credentials that are no secret, such as a user id: it may stand in any path."""
    for account in settings.accounts.values():
        if flow := _flow_class(account):
            yield from (
                secret
                for key, secret in account.credentials.items()
                if not accounts.is_secret(flow, key)
            )


def _flow_class(account: Account) -> type[Flow] | None:
    try:
        return registry.load(account.broker)
    except (KeyError, ConfigError):
        return None  # reported with the config


def _note(withheld: Withheld, secret: Secret, context: RefContext, followed: Iterable[str]) -> None:
    if secret.kind == "env":
        withheld.names.add(secret.target.get_secret_value())
    if secret.kind in followed:
        try:
            if (
                secret.kind == "file"
                and not context.path(secret.target.get_secret_value()).is_file()
            ):
                return  # a pipe can be read once only, by who needs what is in it
            withheld.values.add(resolve("", secret, context).value)
        except (ConfigError, UnreadableError, OSError, ValueError):
            return  # reported where it is needed
