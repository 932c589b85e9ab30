"""The walk by hand: a person signs in, in a browser of their own, and brings back where it ended."""

from __future__ import annotations

import secrets as random
from typing import TYPE_CHECKING

from autologin.config import accounts
from autologin.errors import ConfigError, Problem

if TYPE_CHECKING:
    from autologin.app import App
    from autologin.config.schema import Account
    from autologin.flow.base import Flow


def login_url(app: App, account: Account) -> str:
    """The address to open; the state in it must come back with what is pasted later.

    Raises:
        ConfigError: this broker has no login page.
    """
    flow = flow_with_page(app, account)
    if not flow.state_param:
        return flow.login_url("")
    nonce = random.token_urlsafe(24)
    app.store.keep_nonce(account.name, nonce)
    return flow.login_url(nonce)


def flow_with_page(app: App, account: Account) -> Flow:
    """The account's flow, where a person can walk it by hand.

    Raises:
        ConfigError: this broker has no login page.
    """
    flow = accounts.load_flow(app.settings, account)
    if not flow.needs_browser:
        hint = f"Run `autologin run {account.name}` instead."
        raise ConfigError(
            Problem(f"accounts.{account.name}", f"{flow.title} has no login page: it signs in over its API", hint)
        )
    return flow
