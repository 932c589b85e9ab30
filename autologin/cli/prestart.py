"""A guess, made in a few milliseconds before anything heavy is imported: will this run need a browser?

Where it is "yes", the browser's driver boots while the rest of the product is imported, which makes a run a third faster.
A wrong guess costs nothing but time, so this reads the config's text and the store only as far as it must.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from autologin.config import yaml_file
from autologin.store import store

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

BUILT_IN = Path(__file__).parents[1] / "flows", Path(__file__).parents[2] / "flows"
"""Where the flow files are: installed, and in a checkout."""


def needs_browser(path: Path | None, names: Collection[str], *, force: bool, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a run of these accounts (none: of all) will probably open a login page."""
    if any(name.startswith("AUTOLOGIN_STATE") for name in environ):
        return False
    file = yaml_file.find(path, environ)
    try:
        if file is None:
            return False
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
        return any(_will_log_in(file, config, names, environ, force=force))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, LookupError, TypeError, ValueError):
        return False  # whatever is wrong is told when the config is really read


def _will_log_in(
    file: Path, config: Mapping[str, Any], names: Collection[str], environ: Mapping[str, str], *, force: bool
) -> Iterator[bool]:
    state = str((config.get("state") or {}).get("path") or yaml_file.STATE_FOLDER)
    folder = file.absolute().parent / re.sub(r"^~(?=/|$)", environ.get("HOME", "~"), state)
    ends, now = store.expiries(folder), datetime.now(UTC)
    for name, account in config["accounts"].items():
        if not names or name in names or account["broker"] in names:
            living = name in ends and ends[name] > now and not force
            yield not living and _has_page(account["broker"])


def _has_page(broker: str) -> bool:
    """Whether the flow file of a broker says nothing to the contrary. A flow that nobody can find is no reason to start."""
    for folder in BUILT_IN:
        if re.fullmatch(r"\w+", broker) and (file := folder / f"{broker}.py").is_file():
            return "needs_browser = False" not in file.read_text(encoding="utf-8")
    return False
