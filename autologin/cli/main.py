"""The command line: parse, call, print. Data goes to standard output, everything else to standard error."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from autologin import __version__
from autologin.cli import completion
from autologin.cli.base import Group, as_json, configure_log, name, open_app, settings_of, show, wait_for
from autologin.cli.commands.firststeps import first_steps
from autologin.cli.commands.notify import notify
from autologin.cli.commands.webhook import webhook

if TYPE_CHECKING:
    from datetime import datetime

# What a command needs is imported inside it: `--help` and completion must not wait for it.


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--config", "config_file", type=click.Path(path_type=Path), metavar="FILE", help="The config file.")
@click.option("--verbose", "-v", is_flag=True, help="Tell more on standard error.")
@click.version_option(__version__, prog_name="autologin")
@click.pass_context
def cli(ctx: click.Context, config_file: Path | None, *, verbose: bool) -> None:
    """Signs in to your broker accounts every trading morning and delivers the day's API tokens.

    \b
    Without --config: AUTOLOGIN_CONFIG, ./config.yaml, ~/.config/autologin/config.yaml.
    \b
    autologin init                     set up your account, question by question
    autologin demo                     watch a whole login against the built-in sandbox
    autologin check                    everything that a login will need
    autologin run zerodha              log in now
    autologin run zerodha --headed     the same, in a window that you can see
    """  # noqa: D301  (click wants the character)
    ctx.obj = (config_file, verbose)


@cli.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=completion.accounts)
@click.option("--all", "everyone", is_flag=True, help="Every account in the config.")
@click.option("--headed", is_flag=True, help="Show the browser; a step that needs a person waits five minutes for one.")
@click.option("--force", is_flag=True, help="Log in although the stored token is still valid.")
@as_json
@click.pass_context
def run(ctx: click.Context, names: tuple[str, ...], *, everyone: bool, headed: bool, force: bool, as_json: bool) -> None:
    """Log in to accounts and deliver their tokens.

    NAME is an account, or a broker with exactly one account.

    \b
    Exit codes: 0 every account has its token; 2 config; 3 refused, locked or blocked; 4 a person is needed;
    5 broker or browser not available; 6 a sink did not get its token; 130 Ctrl-C, 143 SIGTERM;
    1 anything else.
    """  # noqa: D301  (click wants the character)
    if bool(names) == everyone:
        _refuse_names("--all and names were given" if names else "no account is named")
    from autologin.cli.commands import run

    configure_log(ctx)
    outcomes = wait_for(lambda: run.run(ctx.obj[0], names, force=force, headed=headed))
    show("outcomes", outcomes, as_json=as_json)
    ctx.exit(min((one.exit_code for one in outcomes if one.exit_code), default=0))


@cli.command()
@click.option(
    "--log-format",
    type=click.Choice(["human", "json"]),
    default="human",
    show_default=True,
    help="json: a line for each event.",
)
@click.pass_context
def serve(ctx: click.Context, log_format: str) -> None:
    """Log in every trading day, by itself, until it is stopped.

    \b
    It looks after every account in the config: the login at its time, what was missed, deliveries that are
    outstanding, the token's life through the session, and telling somebody when something is wrong.
    \b
    SIGTERM, Ctrl-C   begin nothing more, let a login end (stop_timeout), exit 0
    SIGHUP            read the config again; one that cannot be used is told and left alone
    """  # noqa: D301  (click wants the character)
    from autologin.cli.commands import serve

    configure_log(ctx, as_json=log_format == "json")
    wait_for(lambda: serve.serve(ctx.obj[0]))


@cli.command()
@click.option("--online", is_flag=True, help="Also ask each broker's server, and compare its clock with this one.")
@as_json
@click.pass_context
def check(ctx: click.Context, *, online: bool, as_json: bool) -> None:
    """Look at everything that a login will need.

    Do it before the morning that needs it. The exit code is 2 where something has to be fixed.
    """
    from autologin import preflight as checking
    from autologin.config import loader

    configure_log(ctx)
    findings = checking.run(ctx.obj[0], loader.environment(), online=online)
    show("findings", findings, as_json=as_json)
    ctx.exit(2 if any(finding.level == "problem" for finding in findings) else 0)


@cli.command()
@click.option("--verify", is_flag=True, help="Ask the broker whether each stored token lives.")
@as_json
@click.pass_context
def status(ctx: click.Context, *, verify: bool, as_json: bool) -> None:
    """Show each account's token and last run.

    With --verify the exit code is 3 where a token is missing, expired or refused, 5 where a broker could not be asked,
    2 where the config has to be fixed first.
    """
    from autologin import status as looking

    settings = settings_of(ctx)
    app = open_app(settings)
    found = looking.read_statuses(app.settings, app.store, app.clock)
    if verify:
        found = wait_for(lambda: looking.verify(app, found))
    show("statuses", found, as_json=as_json)
    ctx.exit(looking.exit_code(found) if verify else 0)


@cli.command()
@name
@click.option("--field", metavar="F", help="Another one, such as expires_at or extra.public_token.")
@as_json
@click.pass_context
def token(ctx: click.Context, name: str, field: str | None, *, as_json: bool) -> None:
    """Print an account's stored token.

    One that is missing or expired is refused (exit 3). With --json all of it is printed, or the field.
    """
    from autologin import status as looking
    from autologin.delivery import formats

    settings = settings_of(ctx)
    app = open_app(settings)
    data = looking.token(app, settings.account(name))
    if as_json:
        click.echo(show("as_text", formats.field_of(data, field) if field else data))
    else:
        click.echo(looking.field_of(data, field or "access_token"))


@cli.command("exec", context_settings={"allow_interspersed_args": False})
@name
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="-- CMD...")
@click.pass_context
def exec_(ctx: click.Context, name: str, command: tuple[str, ...]) -> None:
    """Start a program with the token in its environment.

    It takes autologin's place: signals reach it, and its exit code is the command's. Without a living token it is not
    started (exit 3); 127 there is no such command, 126 it cannot be started.

    \b
    autologin exec zerodha -- python bot.py      finds KITE_API_KEY, KITE_ACCESS_TOKEN, ZERODHA_ACCESS_TOKEN ...
    """  # noqa: D301  (click wants the character)
    from autologin.cli.commands.exec import start

    settings = settings_of(ctx)
    start(open_app(settings), settings.account(name), command)


@cli.command("login-url")
@name
@click.pass_context
def login_url(ctx: click.Context, name: str) -> None:
    """Print a login page's address.

    \b
    autologin login-url zerodha      open it in a browser and sign in
    autologin exchange zerodha       then paste the address that the browser ended at
    """  # noqa: D301  (click wants the character)
    from autologin.cli.commands import manual

    settings = settings_of(ctx)
    click.echo(manual.login_url(open_app(settings), settings.account(name)))


@cli.command()
@name
@as_json
@click.pass_context
def exchange(ctx: click.Context, name: str, *, as_json: bool) -> None:
    """Make a token from a pasted redirect.

    The address that the browser ended at, or the code in it, is read from standard input: so it stands in no shell history.
    """
    from autologin import run as walk
    from autologin.cli.commands import manual

    settings = settings_of(ctx)
    account, app = settings.account(name), open_app(settings)
    manual.flow_with_page(app, account)
    pasted = _pasted("Paste the address that the browser ended at, then press Enter:")
    outcome = wait_for(lambda: walk.finish_by_hand(app, account, pasted))
    show("outcomes", [outcome], as_json=as_json)
    ctx.exit(outcome.exit_code)


@cli.command()
@as_json
@click.pass_context
def deliver(ctx: click.Context, *, as_json: bool) -> None:
    """Give sinks what they did not get yet.

    No login is made. The exit code is 6 where something is still outstanding.
    """
    from autologin import run
    from autologin.delivery import dispatcher

    app = open_app(settings_of(ctx))
    found = wait_for(lambda: app.deliver(run.DELIVERY_SECONDS))
    show("deliveries", found, as_json=as_json)
    ctx.exit(6 if any(dispatcher.failure(ours) for ours in found.values()) else 0)


@cli.command()
@name
@click.pass_context
def unblock(ctx: click.Context, name: str) -> None:
    """Lift the block on an account.

    Do it once you know why the broker refused it: brokers lock an account after about five wrong entries.
    """
    settings = settings_of(ctx)
    account = settings.account(name)
    lifted = open_app(settings).store.attempts.unblock(account.name)
    click.echo(f"{account.name} may log in again." if lifted else f"{account.name} was not blocked.", err=True)


@cli.command()
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="The first day; today without it.")
@click.option("--days", type=click.IntRange(1, 400), default=15, show_default=True, help="How many days.")
@click.option(
    "--segment",
    "segments",
    multiple=True,
    type=click.Choice(["equity", "currency", "commodity"]),
    help="Only this one (can be given several times).",
)
@as_json
@click.pass_context
def calendar(ctx: click.Context, first: datetime | None, days: int, segments: tuple[str, ...], *, as_json: bool) -> None:
    """Show when the exchanges trade.

    Hours are those of India. A day after the last that the calendar knows is told as not known: a login is made then.
    """
    from autologin.cli.commands import calendar
    from autologin.clock import SystemClock

    configure_log(ctx)
    found = calendar.look(ctx.obj[0], SystemClock(), first and first.date(), days, segments)
    show("agenda", found, as_json=as_json)


@cli.command()
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where its files go.")
@click.option("--headed", is_flag=True, help="Show the browser.")
@click.pass_context
def demo(ctx: click.Context, folder: Path | None, *, headed: bool) -> None:
    """Watch a whole login at the sandbox.

    Real Chromium signs in to the built-in twin of a broker, and a token arrives in a file.
    """
    configure_log(ctx)
    from autologin.cli.commands import sandbox as showing

    ctx.exit(wait_for(lambda: showing.show(folder, headed=headed)))


@cli.command()
@click.option("--port", type=click.IntRange(0, 65500), default=8600, show_default=True, help="The index page's port; 0: any.")
@click.option(
    "--broker",
    "brokers",
    multiple=True,
    metavar="NAME",
    shell_complete=completion.brokers,
    help="Only this broker (can be given several times).",
)
@click.option(
    "--scenario",
    "scenarios",
    multiple=True,
    metavar="BROKER=NAME",
    shell_complete=completion.scenarios,
    help="Switch on a scenario from the start.",
)
@click.option(
    "--flows", type=click.Path(path_type=Path, exists=True, file_okay=False), help="A folder of own flows with twins (./flows)."
)
@click.pass_context
def sandbox(ctx: click.Context, port: int, brokers: tuple[str, ...], scenarios: tuple[str, ...], flows: Path | None) -> None:
    """Serve local twins of the brokers.

    To rehearse against, until Ctrl-C.

    \b
    autologin sandbox > config.yaml      the config that fits it goes to standard output
    autologin sandbox --scenario zerodha=wrong_code_once
    """  # noqa: D301  (click wants the character)
    configure_log(ctx)
    from autologin.cli.commands import sandbox as showing

    wait_for(lambda: showing.serve(port, list(brokers), list(scenarios), flows))


@cli.command()
@click.option("--url", help="What to ask, such as /readyz, or where http.listen in the config names another port.")
@click.pass_context
def healthcheck(ctx: click.Context, url: str | None) -> None:
    """Ask whether the service is alive.

    For a container's HEALTHCHECK. Without --url, http://127.0.0.1:8321/livez is asked. The exit code is 0 where it answers
    200, otherwise 1 with a line that says why.
    """
    from autologin.cli.commands import healthcheck as asking

    alive, detail = asking.ask(url or asking.URL)
    click.echo(detail, err=not alive)
    ctx.exit(0 if alive else 1)


@cli.group()
def browser() -> None:
    """The Chromium that logins use."""


@browser.command()
@click.option("--headed", is_flag=True, help="The one that --headed would use.")
@click.pass_context
def path(ctx: click.Context, *, headed: bool) -> None:
    """Print which browser would be started."""
    from autologin.config import loader, yaml_file
    from autologin.config.schema import BrowserSettings
    from autologin.login import browser as starting

    there = yaml_file.find(ctx.obj[0], loader.environment())
    own = settings_of(ctx).browser if there else BrowserSettings()
    click.echo(starting.find(own, headless=not headed))


@browser.command()
@click.pass_context
def install(ctx: click.Context) -> None:
    """Find a Chromium or install one.

    Playwright's own download, else the system's package.
    """
    configure_log(ctx)
    from autologin.cli.commands import browser as installing

    click.echo(installing.ensure())


def _refuse_names(detail: str) -> NoReturn:
    from autologin.errors import ConfigError, Problem

    raise ConfigError(Problem("NAME", detail, "Name the accounts to log in to, or give --all alone for every account."))


def _pasted(asking: str) -> str:
    """A line from standard input; empty where that is closed. What is no text must not end in a bug."""
    if sys.stdin is None:
        return ""
    if sys.stdin.isatty():
        click.echo(asking, err=True)
    return sys.stdin.buffer.readline(65536).decode("utf-8", "replace")


for command in (*first_steps, webhook):
    cli.add_command(command)
cli.add_command(notify)


def main() -> None:
    """What the `autologin` command calls."""
    cli(prog_name="autologin")
