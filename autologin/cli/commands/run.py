"""`autologin run`: log in now. The browser's driver boots while the rest is imported."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autologin.cli import completion, prestart, render
from autologin.cli.base import Command, as_json, config_file
from autologin.cli.process import configure_log, run_async
from autologin.clock import SystemClock
from autologin.errors import ConfigError, Problem
from autologin.login.browser import Driver

if TYPE_CHECKING:
    from autologin.config.schema import Settings
    from autologin.run import Outcome


@click.command(cls=Command)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=completion.accounts)
@click.option("--all", "everyone", is_flag=True, help="Every account in the config.")
@click.option(
    "--headed",
    is_flag=True,
    help="Show the browser; a step that needs a person waits five minutes for one.",
)
@click.option("--force", is_flag=True, help="Log in even if the stored token is still valid.")
@as_json
@click.pass_context
def run(
    ctx: click.Context,
    names: tuple[str, ...],
    *,
    everyone: bool,
    headed: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Log in to accounts and deliver their tokens.

    NAME is an account, or a broker with exactly one account.

    \b
    Exit codes: 0 every account has its token; 2 config; 3 refused, locked or blocked;
    4 a person is needed; 5 broker or browser not available; 6 a sink did not get its token;
    130 Ctrl-C, 143 SIGTERM; 1 anything else.
    """  # noqa: D301  (click wants the character)
    if bool(names) == everyone:
        detail = "--all and names were given" if names else "no account is named"
        hint = "Name the accounts to log in to, or give --all alone for every account."
        raise ConfigError(Problem("NAME", detail, hint))
    configure_log(ctx)
    outcomes = run_async(run_accounts(config_file(ctx), names, force=force, headed=headed))
    render.print_outcomes(outcomes, as_json=as_json)
    ctx.exit(min((one.exit_code for one in outcomes if one.exit_code), default=0))


async def run_accounts(
    file: Path | None, names: Sequence[str], *, force: bool, headed: bool
) -> list[Outcome]:
    """Run the named accounts, each once (none named: all of the config).

    Raises:
        ConfigError: the config cannot be used, or a name means no account, or several.
        StoreError: the store cannot be used.
    """
    driver = Driver()
    environ = prestart.driver_environ(file, names, force=force)
    if environ is not None:
        driver.start_early(environ)
    try:
        # In a thread, so that this one can go on talking to the driver's process.
        settings = await asyncio.to_thread(_load, file)
        from autologin import app, run  # noqa: PLC0415  (see _load)

        meant = map(settings.account, names) if names else settings.accounts.values()
        accounts = list({account.name: account for account in meant}.values())
        ours = app.App.open(settings, SystemClock(), driver)
        return await run.run_accounts(ours, accounts, force=force, headed=headed)
    finally:
        await driver.stop()


def _load(file: Path | None) -> Settings:
    """The config. What a run needs is imported here, and no sooner: the driver boots meanwhile."""
    from autologin import run  # noqa: F401, PLC0415
    from autologin.config import loader  # noqa: PLC0415

    return loader.load(file)
