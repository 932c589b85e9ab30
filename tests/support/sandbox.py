"""A sandbox that is served in this process, with a config that fits."""

from __future__ import annotations

import atexit
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass

import yaml
from support.cli import User
from support.leaks import leaks

from autologin import run as walk
from autologin.app import App
from autologin.config import accounts, loader
from autologin.flow import registry
from autologin.login.browser import Driver
from autologin.sandbox.server import Sandbox


class SharedDriver(Driver):
    """Playwright's process, started once for all runs in this one; a run's browser is closed at its end all the same."""

    def end(self):
        """Nobody stops it, and its folder is not to stay."""
        if self._process:
            self._process.remove()

    async def stop(self):
        starting, self._starting = self._starting, None
        await super().stop()
        self._starting = starting


SHARED = SharedDriver()
atexit.register(SHARED.end)


@dataclass
class Rehearsal:
    """A sandbox that is served in this process, and a user whose config points at it."""

    sandbox: Sandbox
    user: User
    broker: str

    @property
    def twin(self):
        return self.sandbox.twins[self.broker]

    @property
    def folder(self):
        return self.user.folder

    @property
    def token_file(self):
        return self.folder / "tokens" / f"{self.broker}.json"

    @property
    def token(self):
        return json.loads(self.token_file.read_text())

    def settings(self):
        return loader.load(
            self.folder / "config.yaml", {"HOME": str(self.folder), **self.user.environ}
        )

    def change(self, change):
        """Edit the config."""
        file = self.folder / "config.yaml"
        data = yaml.safe_load(file.read_text())
        change(data)
        file.write_text(yaml.safe_dump(data, allow_unicode=True))

    async def run(self, clock, **options):
        """One account's outcome, in this process and by this clock."""
        app = App.open(self.settings(), clock, SHARED)
        try:
            (outcome,) = await walk.run_accounts(
                app, list(app.settings.accounts.values()), **options
            )
        finally:
            app.store.close()
        return outcome


@asynccontextmanager
async def rehearsal(folder, *scenarios, broker="zerodha", clock=None, page_delay=0.0):
    """Serve a broker's twin with scenarios on; `folder` gets a config.yaml for it.

    At the end none of its secrets may stand in the state folder, or in anything that the user was told.
    """
    async with Sandbox(brokers=[broker], scenarios={broker: scenarios}, clock=clock) as sandbox:
        sandbox.twins[broker].page_delay = page_delay
        file = folder / "config.yaml"
        file.touch(mode=0o600)
        file.write_text(yaml.safe_dump(sandbox.config(), allow_unicode=True))
        user = User(folder)
        yield Rehearsal(sandbox, user, broker)
        assert leaks(secrets_of(sandbox.twins[broker]), [*user.heard, folder / "state"]) == []


def secrets_of(twin):
    """What must stand nowhere: secret credentials, and every one-time value so far."""
    flow = registry.load(twin.broker)
    mine = [value for key, value in twin.credentials.items() if accounts.is_secret(flow, key)]
    return [*mine, *twin.otps, *twin.codes_issued]
