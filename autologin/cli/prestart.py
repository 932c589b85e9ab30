"""A guess, made in milliseconds before anything heavy is imported: will this run need a browser?

If so, the browser's driver boots while the rest of the product is imported, which makes a run a
third faster. A wrong guess costs only time, so the config and the store are read no further than
the guess needs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from autologin.config import yaml_file
from autologin.store import reader

BUILT_IN = (Path(__file__).parents[1] / "flows", Path(__file__).parents[2] / "flows")
"""Where the flow files are: installed, and in a checkout."""
NO_PAGE = re.compile(r"^class \w+\(.*\bApiFlow\b|^    needs_browser = False\b", re.MULTILINE)
"""What stands in the file of a flow that logs in over an API."""


def needs_browser(
    path: Path | None,
    names: Collection[str],
    *,
    force: bool,
    environ: Mapping[str, str] = os.environ,
) -> bool:
    """Whether a run of these accounts (none: of all) will probably open a login page."""
    if any(name.startswith("AUTOLOGIN_STATE") for name in environ):
        return False
    file = yaml_file.find(path, environ)
    try:
        if file is None:
            return False
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
        return any(_will_log_in(file, config, names, environ, force=force))
    except Exception:  # noqa: BLE001  (whatever is wrong is reported when the config is really read)
        return False


def _will_log_in(
    file: Path,
    config: Mapping[str, Any],
    names: Collection[str],
    environ: Mapping[str, str],
    *,
    force: bool,
) -> Iterator[bool]:
    state = str((config.get("state") or {}).get("path") or yaml_file.STATE_FOLDER)
    folder = file.absolute().parent / re.sub(r"^~(?=/|$)", environ.get("HOME", "~"), state)
    expiries = reader.expiries(folder)
    now = datetime.now(UTC)
    for name, account in config["accounts"].items():
        if not names or name in names or account["broker"] in names:
            still_valid = name in expiries and expiries[name] > now and not force
            yield not still_valid and _has_page(account["broker"])


def _has_page(broker: str) -> bool:
    """Whether a broker's flow logs in on a page; False where it is not one of ours."""
    for folder in BUILT_IN:
        file = folder / f"{broker}.py"
        if re.fullmatch(r"\w+", broker) and file.is_file():
            return not NO_PAGE.search(file.read_text(encoding="utf-8"))
    return False
