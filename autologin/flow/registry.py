"""Finding flows: the built-in ones and a user's own, by name, without importing those that nobody asked for."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
import sys
from typing import TYPE_CHECKING

from autologin.errors import ConfigError, Problem
from autologin.flow.base import Flow

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

FLOWS = importlib.import_module("autologin.flows")
"""The package of the flow files. Its folder is `flows/` at the top; only packaging knows that."""


def names() -> list[str]:
    """The names of all flows that can be found, sorted."""
    return sorted(found.name for found in pkgutil.iter_modules(FLOWS.__path__) if not found.name.startswith("_"))


def load(broker: str) -> type[Flow]:
    """The flow class of a broker.

    Raises:
        ConfigError: the file cannot be imported or holds no flow of that name.
        KeyError: there is no such broker.
    """
    if broker not in names():
        raise KeyError(broker)
    try:
        module = importlib.import_module(f"autologin.flows.{broker}")
    except Exception as error:
        raise ConfigError(_unusable(broker, f"{type(error).__name__}: {error}")) from error
    return _flow_in(module, broker)


def use_folder(folder: Path) -> list[tuple[Path, str]]:
    """Let a user's folder of flows win over the built-in ones; gives each file with its sha256, to be logged."""
    if str(folder) not in FLOWS.__path__:
        FLOWS.__path__.insert(0, str(folder))
        sys.dont_write_bytecode = True  # nothing of ours is left in a folder of the user's
        importlib.invalidate_caches()
    files = sorted(file for file in folder.glob("*.py") if not file.name.startswith("_"))
    return [(file, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files]


def _flow_in(module: ModuleType, broker: str) -> type[Flow]:
    for thing in vars(module).values():
        if isinstance(thing, type) and issubclass(thing, Flow) and getattr(thing, "broker", None) == broker:
            return thing
    raise ConfigError(_unusable(broker, f'it defines no Flow with broker = "{broker}"'))


def _unusable(broker: str, why: str) -> Problem:
    return Problem(
        f"flows.{broker}",
        f"this flow cannot be used: {why}",
        "Fix the flow's file; docs/adding-a-broker.md has the recipe.",
    )
