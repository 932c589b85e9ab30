"""The walk by hand: a person signs in, in a browser of their own, and brings back where it ended."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from autologin.config import accounts
from autologin.errors import ConfigError, Problem
from autologin.flow.base import BrowserFlow

if TYPE_CHECKING:
    from autologin.app import App
    from autologin.config.schema import Account


def login_url(app: App, account: Account) -> str:
    """The address to open; the state in it must come back with what is pasted later.

    Raises:
        ConfigError: this broker has no login page.
    """
    flow = flow_with_page(app, account)
    nonce = secrets.token_urlsafe(24) if flow.state_param else ""
    request = flow.login_url(nonce)
    if nonce or request.verifier:
        app.store.attempts.save_manual_login(account.name, nonce, request.verifier)
    return request.url


def flow_with_page(app: App, account: Account) -> BrowserFlow:
    """The account's flow, where a person can walk it by hand.

    Raises:
        ConfigError: this broker has no login page.
    """
    flow = accounts.load_flow(app.settings, account)
    if not isinstance(flow, BrowserFlow):
        hint = f"Run `autologin run {account.name}` instead."
        raise ConfigError(
            Problem(f"accounts.{account.name}", f"{flow.title} has no login page: it signs in over its API", hint)
        )
    return flow
