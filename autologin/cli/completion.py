"""What a shell can complete: accounts, sinks, brokers, scenarios. Nothing heavy is imported."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

from autologin.cli.base import config_file
from autologin.config import yaml_file

if TYPE_CHECKING:
    import click


def brokers(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The built-in brokers, by their files' names."""
    del ctx, param
    package = importlib.util.find_spec("autologin.flows")
    folders = (package.submodule_search_locations if package else None) or ()
    names = {file.stem for folder in folders for file in Path(folder).glob("*.py")}
    public = sorted(name for name in names if not name.startswith("_"))
    return [name for name in public if name.startswith(incomplete)]


def accounts(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The accounts in the config."""
    del param
    return [name for name in _keys(ctx, "accounts") if name.startswith(incomplete)]


def sinks(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The sinks in the config."""
    del param
    return [name for name in _keys(ctx, "sinks") if name.startswith(incomplete)]


def scenarios(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """A broker's scenarios, as BROKER=NAME; a broker first."""
    broker, equals, name = incomplete.partition("=")
    if not equals or broker not in brokers(ctx, param, ""):
        return [f"{known}=" for known in brokers(ctx, param, incomplete)]
    try:
        from autologin.sandbox import server  # noqa: PLC0415  (an extra that may be missing)
    except ImportError:
        return []
    twin = server.twin_classes().get(broker)
    known = sorted(twin.table) if twin else []
    return [f"{broker}={scenario}" for scenario in known if scenario.startswith(name)]


def _keys(ctx: click.Context, section: str) -> list[str]:
    """The keys of a section of the config file."""
    file = yaml_file.find(config_file(ctx), os.environ)
    content = yaml_file.read(file)[0].get(section) if file else None
    return [str(name) for name in content] if isinstance(content, dict) else []
