"""What most commands begin with: the account that was named, the config and the app."""

from __future__ import annotations

import click

from autologin.app import App
from autologin.cli import completion
from autologin.cli.base import config_file
from autologin.cli.process import configure_log
from autologin.clock import SystemClock
from autologin.config import loader
from autologin.config.schema import Settings

account_name = click.argument("name", metavar="NAME", shell_complete=completion.accounts)


def load_settings(ctx: click.Context) -> Settings:
    """The config that the command line names."""
    configure_log(ctx)
    return loader.load(config_file(ctx))


def open_app(settings: Settings) -> App:
    """The app of a config, by the real clock."""
    return App.open(settings, SystemClock())
