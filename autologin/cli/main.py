"""The `autologin` command: its options, and the table of its commands."""

from __future__ import annotations

import importlib
import itertools
import sys
from pathlib import Path

import click

from autologin import __version__
from autologin.cli import core_dumps, streams
from autologin.cli.errors import as_text, print_bug, print_error, problems_json
from autologin.errors import OutputFailed, Problem

COMMANDS = {
    "browser": (
        "autologin.cli.commands.browser:browser",
        "Find or install the Chromium that logins use.",
    ),
    "calendar": ("autologin.cli.commands.calendar:calendar", "Show when the exchanges trade."),
    "check": ("autologin.cli.commands.check:check", "Check everything that a login needs."),
    "completion": (
        "autologin.cli.commands.completion:completion",
        "Print a shell's completion script.",
    ),
    "deliver": (
        "autologin.cli.commands.deliver:deliver",
        "Deliver what sinks have not received yet.",
    ),
    "demo": ("autologin.cli.commands.sandbox:demo", "Watch a whole login at the sandbox."),
    "exchange": (
        "autologin.cli.commands.manual:exchange",
        "Get a token for a pasted redirect URL.",
    ),
    "exec": (
        "autologin.cli.commands.exec:exec_",
        "Start a program with the token in its environment.",
    ),
    "flows": ("autologin.cli.commands.flows:flows", "List the known brokers."),
    "healthcheck": (
        "autologin.cli.commands.healthcheck:healthcheck",
        "Ask whether the service is alive.",
    ),
    "init": ("autologin.cli.commands.init:init", "Set up an account, question by question."),
    "inspect": (
        "autologin.cli.commands.inspect:inspect",
        "Show what a login would fill and press.",
    ),
    "login-url": (
        "autologin.cli.commands.manual:login_url",
        "Print the URL of an account's login page.",
    ),
    "notify": ("autologin.cli.commands.notify:notify", "Test your notifications."),
    "run": ("autologin.cli.commands.run:run", "Log in to accounts and deliver their tokens."),
    "sandbox": (
        "autologin.cli.commands.sandbox:sandbox",
        "Serve local twins of the brokers to rehearse with.",
    ),
    "serve": ("autologin.cli.commands.serve:serve", "Log in every trading day, until you stop it."),
    "status": ("autologin.cli.commands.status:status", "Show each account's token and last run."),
    "token": ("autologin.cli.commands.token:token", "Print an account's stored token."),
    "unblock": (
        "autologin.cli.commands.unblock:unblock",
        "Lift the block on an account.",
    ),
    "webhook": (
        "autologin.cli.commands.webhook:webhook",
        "Make a webhook secret, receive events, send a test event.",
    ),
}
"""Where each command is, and its line in `--help`, which must not wait for an import."""


def load(name: str) -> click.Command:
    """Import a command."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    command: click.Command = getattr(importlib.import_module(module), attribute)
    return command


class LazyGroup(click.Group):
    """Imports a command when it is called. Help and completion show its line in the table."""

    def __init__(self, **options: object) -> None:
        stubs = {name: click.Command(name, help=line) for name, (_, line) in COMMANDS.items()}
        super().__init__(commands=stubs, **options)  # type: ignore[arg-type]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command itself, in place of its stub."""
        name, stub, rest = super().resolve_command(ctx, args)
        return name, load(name) if name and stub else None, rest


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The config file.",
)
@click.option("--verbose", "-v", is_flag=True, help="Log more on standard error.")
@click.version_option(__version__, prog_name="autologin")
def cli(config_file: Path | None, *, verbose: bool) -> None:
    """Log in to your broker accounts every trading morning and deliver the day's API tokens.

    \b
    Without --config: AUTOLOGIN_CONFIG, ./config.yaml, ~/.config/autologin/config.yaml.
    \b
    autologin init                     set up your account, question by question
    autologin demo                     watch a whole login against the built-in sandbox
    autologin check                    everything that a login will need
    autologin run zerodha              log in now
    autologin run zerodha --headed     the same, in a window that you can see
    """  # noqa: D301  (click wants the character)
    del config_file, verbose  # the commands ask autologin.cli.base for them


def main() -> None:
    """What the `autologin` command calls.

    Standard output is written to its end here, or what prevents it is told: Python would say so
    with an exit code of its own, or not at all.
    """
    core_dumps.forbid()
    streams.prepare()
    ending = 0
    try:
        try:
            ending = _run()
        finally:
            streams.finish()
    except streams.ReaderGone:
        ending = ending or 1
    except OutputFailed as error:
        print_error(error, as_json=False)
        ending = error.exit_code
    sys.exit(ending)


def _run() -> int:
    """Run the command line; gives its exit code."""
    as_json = "--json" in itertools.takewhile("--".__ne__, sys.argv)
    try:
        ended = cli.main(prog_name="autologin", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        if as_json:
            problem = Problem("command line", error.format_message(), "See --help.")
            click.echo(as_text(problems_json([problem])))
        return error.exit_code
    except click.Abort as abort:
        click.echo("Aborted!", err=True)
        return 130 if isinstance(abort.__cause__, KeyboardInterrupt) else 1
    except (OutputFailed, streams.ReaderGone):
        raise
    except Exception as bug:  # noqa: BLE001  (a traceback may hold secrets)
        print_bug(bug, as_json=as_json, verbose=False)
        return 1
    return ended if isinstance(ended, int) else 0
