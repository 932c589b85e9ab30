"""What a shell can complete: accounts, brokers, scenarios. Nothing heavy is imported, and no flow."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click


def brokers(ctx: click.Context, param: click.Parameter, typed: str) -> list[str]:
    """The built-in brokers, by their files' names."""
    del ctx, param
    found = importlib.util.find_spec("autologin.flows")
    folders = (found.submodule_search_locations if found else None) or ()
    files = (file.stem for folder in folders for file in Path(folder).glob("*.py"))
    return sorted(name for name in files if name.startswith(typed) and not name.startswith("_"))


def accounts(ctx: click.Context, param: click.Parameter, typed: str) -> list[str]:
    """The accounts in the config."""
    del param
    return [name for name in _section(ctx, "accounts") if name.startswith(typed)]


def sinks(ctx: click.Context, param: click.Parameter, typed: str) -> list[str]:
    """The sinks in the config."""
    del param
    return [name for name in _section(ctx, "sinks") if name.startswith(typed)]


def scenarios(ctx: click.Context, param: click.Parameter, typed: str) -> list[str]:
    """A broker's scenarios, as BROKER=NAME; a broker first."""
    broker, given, name = typed.partition("=")
    if not given or broker not in brokers(ctx, param, ""):
        return [f"{known}=" for known in brokers(ctx, param, typed)]
    from autologin.cli.commands import sandbox

    return [f"{broker}={known}" for known in sandbox.scenarios_of(broker) if known.startswith(name)]


def _section(ctx: click.Context, section: str) -> list[str]:
    from autologin.config import loader, yaml_file

    file = yaml_file.find(ctx.find_root().params.get("config_file"), loader.environment())
    found = yaml_file.read(file)[0].get(section) if file else None
    return [str(name) for name in found] if isinstance(found, dict) else []
