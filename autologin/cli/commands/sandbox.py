"""The sandbox for people: a demonstration that ends with a token, and a server to rehearse against."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from collections import defaultdict
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from autologin import run as walk
from autologin import status
from autologin.app import App
from autologin.cli import render
from autologin.clock import SystemClock
from autologin.config import loader
from autologin.delivery import webhook_consumer
from autologin.delivery.sinks.webhook import key_in, new_secret
from autologin.errors import AutologinError, ConfigError, Problem
from autologin.flow import registry
from autologin.problems import did_you_mean

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    from autologin.sandbox.server import Sandbox

BROKER = "zerodha"
OURS = ("state", "tokens", "config.yaml")
"""What the demo makes in its folder, and makes anew each time."""
MARK = "# Made by `autologin demo`, which makes it anew each time.\n"
"""The first line of its config. Without it, what is in the folder is somebody's own."""


async def show(folder: Path | None, *, headed: bool) -> int:
    """Log in at the sandbox and show what happens; gives the exit code."""
    folder = _emptied(folder) if folder else Path(tempfile.mkdtemp(prefix="autologin-demo-"))
    async with _served([BROKER]) as sandbox:
        click.echo(
            f"The sandbox's twin of Zerodha serves its login page at {sandbox.twins[BROKER].endpoints['login']}", err=True
        )
        secret = new_secret()
        async with webhook_consumer.listen(key_in(secret), 0, partial(render.webhook_event, as_json=False)) as url:
            settings = loader.load(_config_file(folder, _with_hook(sandbox.config(), url, secret)), {"HOME": str(folder)})
            app = App.open(settings, SystemClock())
            click.echo(f"A consumer of webhooks listens at {url}", err=True)
            found = await walk.run_accounts(app, list(settings.accounts.values()), headed=headed)
        render.outcomes(found, as_json=False)
        statuses = status.read_statuses(app.settings, app.store, app.clock)
        render.statuses(await status.verify(app, statuses), as_json=False)
    if found[0].exit_code == 0:
        _show_file(folder / "tokens" / f"{BROKER}.json")
    return found[0].exit_code


def _with_hook(data: dict[str, Any], url: str, secret: str) -> dict[str, Any]:
    """The sandbox's config, with a webhook beside its file."""
    data["sinks"]["hook"] = {"type": "webhook", "url": url, "secret": secret}
    data["accounts"][BROKER]["sinks"].append("hook")
    return data


async def serve(port: int, brokers: Sequence[str], scenarios: Sequence[str], flows: Path | None = None) -> None:
    """Serve the twins until somebody stops it. The config that fits goes to standard output.

    An own flow's twin is `_NAME_twin.py` beside it: in the folder that is named, or, for a broker that is, in ./flows.
    """
    flows = _own(flows, brokers)
    if flows:
        registry.use_folder(flows)
    async with _served(brokers, _by_broker(scenarios), port) as sandbox:
        own = {"flows_dir": str(flows)} if flows else {}
        click.echo(yaml.safe_dump({**own, **sandbox.config()}, allow_unicode=True, sort_keys=False))
        sys.stdout.flush()
        click.echo(f"Brokers, credentials and scenarios: {sandbox.index_url}   (Ctrl-C stops it)", err=True)
        await asyncio.Event().wait()


def _own(flows: Path | None, brokers: Sequence[str]) -> Path | None:
    if flows is None and any(Path("flows", f"_{name}_twin.py").is_file() for name in brokers):
        flows = Path("flows")
    return flows and flows.resolve()


def scenarios_of(broker: str) -> list[str]:
    """The scenarios of a twin; none where the sandbox's packages are not installed."""
    try:
        from autologin.sandbox import server
    except ImportError:
        return []
    twin = server.twin_classes().get(broker)
    return sorted(twin.table) if twin else []


@asynccontextmanager
async def _served(
    brokers: Sequence[str] = (), scenarios: Mapping[str, Sequence[str]] | None = None, port: int = 0
) -> AsyncIterator[Sandbox]:
    async with AsyncExitStack() as stack:
        try:
            sandbox = await stack.enter_async_context(_sandbox(brokers, scenarios or {}, port))
        except OSError as error:
            hint = "Stop what uses it, or choose another one with --port (0: any that is free)."
            raise AutologinError(f"The sandbox cannot be served: {error.strerror}", hint=hint) from None
        yield sandbox


def _sandbox(brokers: Sequence[str], scenarios: Mapping[str, Sequence[str]], port: int) -> Sandbox:
    try:
        from autologin.sandbox import server

        known = server.twin_classes()
    except ImportError as missing:
        hint = "Install them: pip install 'broker-autologin[sandbox]'"
        raise AutologinError(f"The sandbox needs packages that are not installed ({missing.name})", hint=hint) from None
    _refuse_unknown("--broker", brokers, known)
    _refuse_unknown("--scenario", scenarios, brokers or known)
    try:
        return server.Sandbox(brokers=brokers or None, scenarios=scenarios, port=port)
    except ValueError as error:
        hint = "Run `autologin sandbox` and open its address: the page lists them."
        raise ConfigError(Problem("--scenario", str(error), hint)) from None


def _refuse_unknown(option: str, names: Iterable[str], served: Iterable[str]) -> None:
    for name in names:
        if name not in served:
            raise ConfigError(Problem(option, f'the sandbox serves no broker "{name}"', did_you_mean(name, served)))


def _by_broker(scenarios: Sequence[str]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for word in scenarios:
        broker, _, name = word.partition("=")
        if not name:
            hint = "Write BROKER=NAME, such as zerodha=wrong_code_once."
            raise ConfigError(Problem("--scenario", f'"{word}" names no scenario', hint))
        found[broker].append(name)
    return found


def _emptied(folder: Path) -> Path:
    """The folder, without what an earlier demo left in it; what somebody else left there is not touched."""
    try:
        if not _of_a_demo(folder):
            said = f"{folder} holds files that no demo made ({', '.join(OURS)} would be made anew)"
            raise ConfigError(Problem("--folder", said, "Name an empty folder, or one that is not there yet."))
        folder.mkdir(parents=True, exist_ok=True)
        for name in OURS:
            if (place := folder / name).is_dir():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)
    except OSError as error:
        hint = "Name a folder that you may write to."
        raise ConfigError(Problem("--folder", f"{folder} cannot be used: {error.strerror}", hint)) from None
    return folder.resolve()


def _of_a_demo(folder: Path) -> bool:
    file = folder / "config.yaml"
    if file.is_file():
        return file.read_bytes().startswith(MARK.encode())
    return not any((folder / name).exists() for name in OURS)


def _config_file(folder: Path, content: dict[str, Any]) -> Path:
    file = folder / "config.yaml"
    file.touch(mode=0o600)
    file.write_text(MARK + yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return file


def _show_file(file: Path) -> None:
    data = json.loads(file.read_text(encoding="utf-8"))
    hidden = dict.fromkeys(data["extra"], "...")
    click.echo(f"\nThe token is in {file}:")
    click.echo(render.as_text({**data, "access_token": "...", "extra": hidden}))
