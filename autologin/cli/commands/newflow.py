"""`autologin flows new NAME`: a flow and its twin that work at once, to be changed step by step."""

from __future__ import annotations

import keyword
import os
import re
from pathlib import Path

from autologin import files
from autologin.errors import AutologinError, ConfigError, Problem
from autologin.flow import registry

TEMPLATES = Path(__file__).parent / "templates"


def write(name: str, folder: Path) -> list[Path]:
    """Write both files; gives their paths.

    Raises:
        ConfigError: the name cannot be used, or one of the files is there.
        AutologinError: the folder cannot be written to.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name) or name == "new":
        hint = "Use small letters, digits and _, starting with a letter, such as mybroker."
        raise ConfigError(Problem("flows new", f"{name!r} cannot be the name of a flow", hint))
    wanted = {folder / f"{name}.py": "new_flow.txt", folder / f"_{name}_twin.py": "new_twin.txt"}
    there = [file for file in wanted if os.path.lexists(file)]
    if there or name in registry.names():
        detail = f"there is already {there[0]}" if there else f'there is already a flow "{name}"'
        raise ConfigError(Problem("flows new", detail, "Choose another name."))
    try:
        for file, template in wanted.items():
            files.replace(file, _named(template, name).encode(), files.Rights(0o644))
    except OSError as error:
        raise AutologinError(f"{folder} cannot be written to: {error.strerror}", hint="Give another --folder.") from None
    return list(wanted)


def _named(template: str, name: str) -> str:
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    title = "".join(word.capitalize() for word in name.split("_"))
    return text.replace("MyBroker", title).replace("mybroker", name)
