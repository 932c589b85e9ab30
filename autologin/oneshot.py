"""`autologin run`: the config, the accounts that were named, and the walk. The browser's driver boots meanwhile."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING

from autologin import early
from autologin.browser import Driver
from autologin.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from autologin.run import Outcome
    from autologin.settings import Account, Settings


async def run(file: Path | None, names: Sequence[str], *, force: bool, headed: bool) -> list[Outcome]:
    """Run the named accounts (none named: all of the config).

    Raises:
        ConfigError, StoreError: nothing can be run at all.
    """
    driver = Driver()
    if early.needs_browser(file, names, force=force):
        driver.start_early()
    try:
        # In a thread, so that this one can go on talking to the driver's process.
        settings = await asyncio.to_thread(_settings, file)
        walk = importlib.import_module("autologin.run")
        desk = importlib.import_module("autologin.desk").Desk.open(settings, SystemClock(), driver)
        found: list[Outcome] = await walk.run(desk, accounts(settings, names), force=force, headed=headed)
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
    config = importlib.import_module("autologin.config")
    importlib.import_module("autologin.run")
    settings: Settings = config.load(file)
    return settings
