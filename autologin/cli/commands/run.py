"""`autologin run`: the config, the accounts that were named, and the walk. The browser's driver boots meanwhile."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING

from autologin.cli import prestart
from autologin.clock import SystemClock
from autologin.login.browser import Driver

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from autologin.config.schema import Account, Settings
    from autologin.run import Outcome


async def run(file: Path | None, names: Sequence[str], *, force: bool, headed: bool) -> list[Outcome]:
    """Run the named accounts (none named: all of the config).

    Raises:
        ConfigError, StoreError: nothing can be run at all.
    """
    driver = Driver()
    if prestart.needs_browser(file, names, force=force):
        driver.start_early()
    try:
        # In a thread, so that this one can go on talking to the driver's process.
        settings = await asyncio.to_thread(_settings, file)
        walk = importlib.import_module("autologin.run")
        app = importlib.import_module("autologin.app").App.open(settings, SystemClock(), driver)
        found: list[Outcome] = await walk.run_accounts(app, accounts(settings, names), force=force, headed=headed)
        return found
    finally:
        await driver.stop()


def accounts(settings: Settings, names: Sequence[str]) -> list[Account]:
    """The accounts that names mean, each once; none named: all.

    Raises:
        ConfigError: a name means none, or several.
    """
    meant = map(settings.account, names) if names else settings.accounts.values()
    return list({account.name: account for account in meant}.values())


def _settings(file: Path | None) -> Settings:
    config = importlib.import_module("autologin.config.loader")
    importlib.import_module("autologin.run")
    settings: Settings = config.load(file)
    return settings
