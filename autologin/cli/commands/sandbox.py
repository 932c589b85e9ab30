"""`autologin demo` and `autologin sandbox`: a login to watch, and a server to rehearse with."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from autologin import run, status
from autologin.app import App
from autologin.cli import completion, render
from autologin.cli.base import Command
from autologin.cli.commands.status import print_statuses
from autologin.cli.errors import as_text
from autologin.cli.process import configure_log, run_async
from autologin.clock import SystemClock
from autologin.config import loader
from autologin.delivery import webhook_consumer
from autologin.delivery.sinks.webhook import key_in, new_secret
from autologin.errors import AutologinError, ConfigError, Problem
from autologin.flow import registry
from autologin.problems import did_you_mean

if TYPE_CHECKING:
    from autologin.sandbox.server import Sandbox

DEMO_BROKER = "zerodha"
DEMO_FILES = ("state", "tokens", "config.yaml")
"""What the demo makes in its folder, anew each time."""
MARK = "# Made by `autologin demo`, which makes it anew each time.\n"
"""The first line of its config. Without it, what is in the folder is somebody's own."""


@click.command(cls=Command)
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), help="The folder for its files."
)
@click.option("--headed", is_flag=True, help="Show the browser.")
@click.pass_context
def demo(ctx: click.Context, folder: Path | None, *, headed: bool) -> None:
    """Watch a whole login at the sandbox.

    Real Chromium logs in to the built-in twin of a broker, and a token arrives in a file.
    """
    configure_log(ctx)
    ctx.exit(run_async(run_demo(folder, headed=headed)))


@click.command(cls=Command)
@click.option(
    "--port",
    type=click.IntRange(0, 65500),
    default=8600,
    show_default=True,
    help="The index page's port; 0: any free one.",
)
@click.option(
    "--broker",
    "brokers",
    multiple=True,
    metavar="NAME",
    shell_complete=completion.brokers,
    help="Only this broker (repeatable).",
)
@click.option(
    "--scenario",
    "scenarios",
    multiple=True,
    metavar="BROKER=NAME",
    shell_complete=completion.scenarios,
    help="Switch on a scenario from the start (repeatable).",
)
@click.option(
    "--flows",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder of your own flows and twins (./flows).",
)
@click.pass_context
def sandbox(
    ctx: click.Context,
    port: int,
    brokers: tuple[str, ...],
    scenarios: tuple[str, ...],
    flows: Path | None,
) -> None:
    """Serve local twins of the brokers to rehearse with.

    Ctrl-C stops it.

    \b
    autologin sandbox > config.yaml      the config that fits it goes to standard output
    autologin sandbox --scenario zerodha=wrong_code_once
    """  # noqa: D301  (click wants the character)
    configure_log(ctx)
    run_async(serve_sandbox(port, brokers, scenarios, flows))


async def run_demo(folder: Path | None, *, headed: bool) -> int:
    """Log in at the sandbox and show what happens; gives the exit code."""
    folder = _prepare_folder(folder) if folder else Path(tempfile.mkdtemp(prefix="autologin-demo-"))
    async with _serve([DEMO_BROKER], {}, 0) as sandbox:
        login_page = sandbox.twins[DEMO_BROKER].endpoints["login"]
        click.echo(f"The sandbox's twin of Zerodha serves its login page at {login_page}", err=True)
        secret = new_secret()
        print_event = partial(render.print_webhook_event, as_json=False)
        async with webhook_consumer.listen(key_in(secret), 0, print_event) as url:
            config = sandbox.config()
            config["sinks"]["hook"] = {"type": "webhook", "url": url, "secret": secret}
            config["accounts"][DEMO_BROKER]["sinks"].append("hook")
            settings = loader.load(_write_config(folder, config), {"HOME": str(folder)})
            app = App.open(settings, SystemClock())
            click.echo(f"A webhook consumer listens at {url}", err=True)
            outcomes = await run.run_accounts(app, list(settings.accounts.values()), headed=headed)
        render.print_outcomes(outcomes, as_json=False)
        print_statuses(
            await status.verify(app, status.read_statuses(app.settings, app.store, app.clock)),
            as_json=False,
        )
    if outcomes[0].exit_code == 0:
        _print_token_file(folder / "tokens" / f"{DEMO_BROKER}.json")
    return outcomes[0].exit_code


async def serve_sandbox(
    port: int, brokers: Sequence[str], scenarios: Sequence[str], flows: Path | None
) -> None:
    """Serve the twins until somebody stops it. The config that fits goes to standard output.

    An own flow's twin is `_NAME_twin.py` beside it: in the folder that is given, or, for a broker
    that is named, in ./flows.
    """
    folder = _flows_folder(flows, brokers)
    config: dict[str, Any] = {}
    if folder:
        config["flows_dir"] = str(folder)
        registry.use_folder(folder)
    async with _serve(brokers, _scenarios_by_broker(scenarios), port) as sandbox:
        config |= sandbox.config()
        click.echo(yaml.safe_dump(config, allow_unicode=True, sort_keys=False))
        sys.stdout.flush()
        index = f"Brokers, credentials and scenarios: {sandbox.index_url}"
        click.echo(f"{index}   (Ctrl-C stops it)", err=True)
        await asyncio.Event().wait()


def _flows_folder(flows: Path | None, brokers: Sequence[str]) -> Path | None:
    if flows is None and any(Path("flows", f"_{name}_twin.py").is_file() for name in brokers):
        flows = Path("flows")
    return flows.resolve() if flows else None


@asynccontextmanager
async def _serve(
    brokers: Sequence[str], scenarios: Mapping[str, Sequence[str]], port: int
) -> AsyncIterator[Sandbox]:
    async with AsyncExitStack() as stack:
        try:
            sandbox = await stack.enter_async_context(_make_sandbox(brokers, scenarios, port))
        except OSError as error:
            hint = "Stop what uses the port, or choose another with --port (0: any free one)."
            detail = f"The sandbox cannot be served: {error.strerror}"
            raise AutologinError(detail, hint=hint) from None
        yield sandbox


def _make_sandbox(
    brokers: Sequence[str], scenarios: Mapping[str, Sequence[str]], port: int
) -> Sandbox:
    try:
        from autologin.sandbox import server  # noqa: PLC0415  (an extra that may be missing)

        known = server.twin_classes()
    except ImportError as missing:
        hint = "Install them: pip install 'broker-autologin[sandbox]'"
        detail = f"The sandbox needs packages that are not installed ({missing.name})"
        raise AutologinError(detail, hint=hint) from None
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
            detail = f'the sandbox serves no broker "{name}"'
            raise ConfigError(Problem(option, detail, did_you_mean(name, served)))


def _scenarios_by_broker(scenarios: Sequence[str]) -> dict[str, list[str]]:
    by_broker: defaultdict[str, list[str]] = defaultdict(list)
    for scenario in scenarios:
        broker, _, name = scenario.partition("=")
        if not name:
            hint = "Write BROKER=NAME, such as zerodha=wrong_code_once."
            raise ConfigError(Problem("--scenario", f'"{scenario}" names no scenario', hint))
        by_broker[broker].append(name)
    return by_broker


def _prepare_folder(folder: Path) -> Path:
    """Remove what an earlier demo left in the folder, or make it; refuse one that is not ours."""
    try:
        if not _is_free(folder):
            ours = ", ".join(DEMO_FILES)
            detail = f"{folder} holds files that no demo made; the demo would overwrite {ours}"
            hint = "Name an empty folder, or one that does not exist yet."
            raise ConfigError(Problem("--folder", detail, hint))
        folder.mkdir(parents=True, exist_ok=True)
        for name in DEMO_FILES:
            file = folder / name
            if file.is_dir():
                shutil.rmtree(file)
            else:
                file.unlink(missing_ok=True)
    except OSError as error:
        hint = "Name a folder that you may write to."
        detail = f"{folder} cannot be used: {error.strerror}"
        raise ConfigError(Problem("--folder", detail, hint)) from None
    return folder.resolve()


def _is_free(folder: Path) -> bool:
    """Whether a demo made the files in this folder that a demo makes, or there are none."""
    config = folder / "config.yaml"
    if config.is_file():
        return config.read_bytes().startswith(MARK.encode())
    return not any((folder / name).exists() for name in DEMO_FILES)


def _write_config(folder: Path, content: dict[str, Any]) -> Path:
    file = folder / "config.yaml"
    file.touch(mode=0o600)
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    file.write_text(MARK + text, encoding="utf-8")
    return file


def _print_token_file(file: Path) -> None:
    data = json.loads(file.read_text(encoding="utf-8"))
    hidden = dict.fromkeys(data["extra"], "...")
    click.echo(f"\nThe token is in {file}:")
    click.echo(as_text({**data, "access_token": "...", "extra": hidden}))
