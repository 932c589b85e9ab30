"""A login by hand: a person signs in, in a browser of their own, and pastes where it ended."""

from __future__ import annotations

import secrets
import sys

import click

from autologin import run
from autologin.app import App
from autologin.cli import render
from autologin.cli.base import Command, as_json
from autologin.cli.context import account_name, load_settings, open_app
from autologin.cli.process import run_async
from autologin.config import accounts
from autologin.config.schema import Account
from autologin.errors import ConfigError, Problem
from autologin.flow.base import BrowserFlow


@click.command("login-url", cls=Command)
@account_name
@click.pass_context
def login_url(ctx: click.Context, name: str) -> None:
    """Print the URL of an account's login page.

    \b
    autologin login-url zerodha      open it in a browser and log in
    autologin exchange zerodha       then paste the URL that the browser ended at
    """  # noqa: D301  (click wants the character)
    settings = load_settings(ctx)
    account = settings.account(name)
    app = open_app(settings)
    flow = page_flow(app, account)
    nonce = secrets.token_urlsafe(24) if flow.state_param else ""
    request = flow.login_url(nonce)
    if (
        nonce or request.verifier
    ):  # what is pasted later must bring the one back, its exchange needs the other
        app.store.attempts.save_manual_login(account.name, nonce, request.verifier)
    click.echo(request.url)


@click.command(cls=Command)
@account_name
@as_json
@click.pass_context
def exchange(ctx: click.Context, name: str, *, as_json: bool) -> None:
    """Get a token for a pasted redirect URL.

    Reads the URL that the browser ended at, or the code in it, from standard input, so that it is
    not kept in the shell's history.
    """
    settings = load_settings(ctx)
    account = settings.account(name)
    app = open_app(settings)
    page_flow(app, account)
    pasted = _read_line("Paste the URL that the browser ended at, then press Enter:")
    outcome = run_async(run.finish_by_hand(app, account, pasted))
    render.print_outcomes([outcome], as_json=as_json)
    ctx.exit(outcome.exit_code)


def page_flow(app: App, account: Account) -> BrowserFlow:
    """The account's flow, where it has a login page.

    Raises:
        ConfigError: this broker has no login page.
    """
    flow = accounts.load_flow(app.settings, account)
    if not isinstance(flow, BrowserFlow):
        detail = f"{flow.title} has no login page: it logs in over its API"
        hint = f"Run `autologin run {account.name}` instead."
        raise ConfigError(Problem(f"accounts.{account.name}", detail, hint))
    return flow


def _read_line(prompt: str) -> str:
    """A line from standard input; empty if that is closed. Bytes that are not text are replaced."""
    if sys.stdin is None:
        return ""
    if sys.stdin.isatty():
        click.echo(prompt, err=True)
    return sys.stdin.buffer.readline(65536).decode("utf-8", "replace")
