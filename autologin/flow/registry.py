"""Finding flows by name, built-in ones and a user's own, and importing only those asked for."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import os
import pkgutil
import re
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from autologin.errors import ConfigError, Problem, is_raised_by_flow
from autologin.flow import old_style
from autologin.flow.base import ApiFlow, BrowserFlow, Credentials, Flow

FLOWS = importlib.import_module("autologin.flows")
"""The package of the flow files. Its folder is `flows/` at the top; only packaging knows that."""
RECIPE = "docs/adding-a-broker.md has the recipe."


def names() -> list[str]:
    """The names of all flows that can be found, sorted."""
    found = {module.name for module in pkgutil.iter_modules(FLOWS.__path__)}
    return sorted(name for name in found if re.match(r"[^\W_]", name) and can_import(name))


def can_import(name: str) -> bool:
    """Whether a flow's file, or its twin's, is there to be imported: a folder `x.py` is not."""
    return PathFinder.find_spec(f"autologin.flows.{name}", FLOWS.__path__) is not None


def load(broker: str) -> type[Flow]:
    """The flow class of a broker.

    Raises:
        ConfigError: the file cannot be imported, holds no flow of that name, or is written for an
            older autologin.
        KeyError: there is no such broker.
    """
    if broker not in names():
        raise KeyError(broker)
    name = f"autologin.flows.{broker}"
    if name not in sys.modules:
        _refuse_old_style(broker)
    try:
        module = importlib.import_module(name)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and not is_raised_by_flow(error):
            raise  # somebody's Ctrl-C
        raise ConfigError(_unusable(broker, _describe(error))) from error
    return _flow_in(module, broker)


def use_folder(folder: Path) -> list[tuple[Path, str]]:
    """Let a user's folder of flows win over the built-in ones.

    Gives each file with its sha256, to be logged. What `skipped` names is left out.
    """
    if str(folder) not in FLOWS.__path__:
        FLOWS.__path__.insert(0, str(folder))
        sys.dont_write_bytecode = True  # nothing of ours is left in a folder of the user's
        importlib.invalidate_caches()
    files = (file for file in sorted(folder.glob("*.py")) if not file.name.startswith("_"))
    return [(file, _digest(file)) for file in files if not _find_fault(file)]


def skipped(folder: Path) -> list[tuple[Path, str]]:
    """What is in a user's folder of flows, is named like one and is none, and why.

    Editors leave such things there: Emacs a link that leads nowhere.
    """
    files = ((file, _find_fault(file)) for file in sorted(folder.glob("*.py")))
    return [(file, why) for file, why in files if why]


def _find_fault(file: Path) -> str:
    """Why a file in a folder of flows cannot be one; "" where it can."""
    if file.name.startswith((".", "#")):
        return "hidden"
    try:
        if not file.exists():
            return "a link that leads nowhere"
        if not file.is_file():  # a pipe would keep who opens it waiting
            return "no file"
    except OSError as error:
        return error.strerror or type(error).__name__
    return "" if os.access(file, os.R_OK) else "not readable"


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _refuse_old_style(broker: str) -> None:
    """Say of a user's own file what it must change, before it fails at its first import."""
    spec = importlib.util.find_spec(f"autologin.flows.{broker}")
    file = Path(spec.origin or "") if spec else Path()
    if str(file.parent) == list(FLOWS.__path__)[-1]:
        return  # a built-in one
    try:
        changes = old_style.changes(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return  # the import says why
    if changes:
        detail = f"{file.name} is written for an older autologin"
        hint = f"Change these lines; {RECIPE}"
        problems = [Problem(f"flows.{broker}:{one.line}", one.old, one.new) for one in changes]
        raise ConfigError([Problem(f"flows.{broker}", detail, hint), *problems])


def _flow_in(module: ModuleType, broker: str) -> type[Flow]:
    classes = (member for member in vars(module).values() if isinstance(member, type))
    flows = (member for member in classes if issubclass(member, Flow))
    flow = next((flow for flow in flows if getattr(flow, "broker", None) == broker), None)
    if flow is None:
        raise ConfigError(_unusable(broker, f'it defines no flow with broker = "{broker}"'))
    if not issubclass(flow, BrowserFlow | ApiFlow):
        detail = f"{flow.__name__} is derived neither from BrowserFlow nor from ApiFlow"
        raise ConfigError(_unusable(broker, detail))
    if inspect.isabstract(flow):
        missing = ", ".join(sorted(flow.__abstractmethods__))
        raise ConfigError(_unusable(broker, f"{flow.__name__} does not define {missing}"))
    if flow.credentials_class is Credentials:
        detail = f"{flow.__name__} has no line such as `credentials: {flow.__name__}Credentials`"
        raise ConfigError(_unusable(broker, detail))
    return flow


def _describe(error: BaseException) -> str:
    try:
        words = str(error)
    except Exception:  # noqa: BLE001  (it is somebody else's class)
        words = ""
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _unusable(broker: str, why: str) -> Problem:
    detail = f"this flow cannot be used: {why}"
    return Problem(f"flows.{broker}", detail, f"Fix the flow's file; {RECIPE}")
