"""A guess, made in milliseconds before anything heavy is imported: will this run need a browser?

If so, the browser's driver boots while the rest of the product is imported, which makes a run a
third faster. A wrong guess costs only time, so the config and the store are read no further than
the guess needs. What the driver inherits is no guess: where it takes more than a look to know which
variables are secret, it is started later.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from autologin import inheritance
from autologin.config import yaml_file
from autologin.store import reader

BUILT_IN = (Path(__file__).parents[1] / "flows", Path(__file__).parents[2] / "flows")
"""Where the flow files are: installed, and in a checkout."""
HARMLESS = {"AUTOLOGIN_CONFIG"}
"""Our variables that change nothing of what a config says."""
REFERENCES = {"env", "file", "command", "ssm", "aws_secret"}
NO_PAGE = re.compile(r"^class \w+\(.*\bApiFlow\b|^    needs_browser = False\b", re.MULTILINE)
"""What stands in the file of a flow that logs in over an API."""


def driver_environ(
    path: Path | None,
    names: Collection[str],
    *,
    force: bool,
    environ: Mapping[str, str] = os.environ,
) -> dict[str, str] | None:
    """What the driver is to inherit in a run of these accounts (none: of all).

    None where they will probably open no login page, or where a secret may stand in any variable.
    """
    if any(name.startswith("AUTOLOGIN_") and name not in HARMLESS for name in environ):
        return None
    file = yaml_file.find(path, environ)
    try:
        if file is None or any(yaml_file.SECRETS_FOLDER.glob("[aA]*")):
            return None
        if not file.is_file():
            return None  # a pipe can be read once only
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
        if not any(_will_log_in(file, config, names, environ, force=force)):
            return None
        return _inherited(file.absolute().parent, config, environ)
    except Exception:  # noqa: BLE001  (whatever is wrong is reported when the config is really read)
        return None


def _inherited(
    folder: Path, config: Mapping[str, Any], environ: Mapping[str, str]
) -> dict[str, str] | None:
    """What the driver may know of our environment; None where that is not clear at a look."""
    named: set[str] = set()
    texts: set[str] = set()
    for value in _leaves(config):
        match value:
            case {"env": str(name)}:
                named.add(name.strip())
                texts.add(environ.get(name.strip(), ""))
            case {"file": str(name)}:
                file = folder / re.sub(r"^~(?=/|$)", environ.get("HOME", "~"), name.strip())
                if not file.is_file():
                    return None  # a pipe can be read once only
                texts.add(file.read_text(encoding="utf-8-sig").strip())
            case str(text):
                texts.add(text)
            case _:
                return None  # it is for a command or for AWS to say
    inherited = inheritance.for_browser(environ, inheritance.Withheld(named))
    holds = inheritance.searcher(texts)
    return None if any(holds(*variable) for variable in inherited.items()) else inherited


def _leaves(value: Any, *, secret: bool = False) -> Iterator[Any]:
    """The references in a part of the config, and the texts that may be secrets."""
    if isinstance(value, dict):
        if len(value) == 1 and value.keys() <= REFERENCES:
            yield value
            return
        for key, one in value.items():
            yield from _leaves(one, secret=secret or key == "credentials")
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one, secret=secret)
    elif isinstance(value, str) and (secret or len(value) >= inheritance.LONG):
        yield value


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
