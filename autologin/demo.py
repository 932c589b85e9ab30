"""The sandbox for people: a demonstration that ends with a token, and a server to rehearse against."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from autologin import config, out, status
from autologin import run as walk
from autologin.clock import SystemClock
from autologin.errors import AutologinError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autologin.sandbox.server import Sandbox

BROKER = "zerodha"
OURS = ("state", "tokens", "config.yaml")
"""What the demo makes in its folder, and makes anew each time."""


async def show(folder: Path | None, *, headed: bool) -> int:
    """Log in at the sandbox and show what happens; gives the exit code."""
    folder = _emptied(folder or Path(tempfile.mkdtemp(prefix="autologin-demo-")))
    async with _sandbox(brokers=[BROKER]) as sandbox:
        click.echo(
            f"The sandbox's twin of Zerodha serves its login page at {sandbox.twins[BROKER].endpoints['login']}", err=True
        )
        settings = config.load(_config_file(folder, sandbox.config()), {"HOME": str(folder)})
        desk = walk.open_desk(settings, SystemClock())
        found = await walk.run(desk, list(settings.accounts.values()), headed=headed)
        out.outcomes(found, as_json=False)
        out.statuses(await status.verify(desk, status.look(desk)), as_json=False)
    if found[0].exit_code == 0:
        _show_file(folder / "tokens" / f"{BROKER}.json")
    return found[0].exit_code


async def serve(port: int, brokers: Sequence[str], scenarios: Sequence[str]) -> None:
    """Serve the twins until somebody stops it. The config that fits goes to standard output."""
    try:
        sandbox = _sandbox(brokers=brokers or None, scenarios=_by_broker(scenarios), port=port)
        async with sandbox:
            click.echo(yaml.safe_dump(sandbox.config(), allow_unicode=True, sort_keys=False))
            sys.stdout.flush()
            click.echo(f"Brokers, credentials and scenarios: {sandbox.index_url}   (Ctrl-C stops it)", err=True)
            await asyncio.Event().wait()
    except (ValueError, OSError) as error:
        raise AutologinError(f"The sandbox cannot be served: {error}", mend="See `autologin sandbox --help`.") from None


def _sandbox(**options: Any) -> Sandbox:
    try:
        from autologin.sandbox.server import Sandbox  # noqa: PLC0415  (an extra, and never on the product's path)
    except ImportError as missing:
        mend = "pip install 'broker-autologin[sandbox]'"
        raise AutologinError(f"The sandbox needs packages that are not installed ({missing.name})", mend=mend) from None
    return Sandbox(**options)


def _by_broker(scenarios: Sequence[str]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for word in scenarios:
        broker, _, name = word.partition("=")
        if not name:
            raise ValueError(f"{word!r} names no scenario: write BROKER=NAME, such as zerodha=wrong_code_once")
        found[broker].append(name)
    return found


def _emptied(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in OURS:
        if (place := folder / name).is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
    return folder.resolve()


def _config_file(folder: Path, content: dict[str, Any]) -> Path:
    file = folder / "config.yaml"
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return file


def _show_file(file: Path) -> None:
    data = json.loads(file.read_text(encoding="utf-8"))
    hidden = dict.fromkeys(data["extra"], "...")
    click.echo(f"\nThe token is in {file}:")
    click.echo(out.as_text({**data, "access_token": "...", "extra": hidden}))
