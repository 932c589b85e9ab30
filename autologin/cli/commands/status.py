"""`autologin status`: each account's token, last run and deliveries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from autologin.cli.base import Command, as_json
from autologin.cli.context import load_settings, open_app
from autologin.cli.errors import as_text, print_problems, problems_json
from autologin.cli.process import run_async
from autologin.cli.render import problems_in
from autologin.clock import format_ist
from autologin.errors import Bug
from autologin.flow.base import Verdict
from autologin.service.notifier import Notifier
from autologin.status import Status, describe_delivery, exit_code, read_statuses, verify
from autologin.store.records import UntakenNotices

VERDICTS = {
    Verdict.VALID: "valid says the broker",
    Verdict.REJECTED: "refused by the broker",
    Verdict.UNKNOWN: "the broker could not be asked",
}


@click.command(cls=Command)
@click.option(
    "--verify",
    "ask",
    is_flag=True,
    help="Ask the broker whether each stored token is valid, and its sinks whether they have it.",
)
@as_json
@click.pass_context
def status(ctx: click.Context, *, ask: bool, as_json: bool) -> None:
    """Show each account's token and last run.

    With --verify the exit code is 3 if a token is missing, expired or refused, 5 if a broker could
    not be asked, 6 if a sink has lost its token, 2 if the config has to be fixed first.
    """
    app = open_app(load_settings(ctx))
    statuses = read_statuses(app.settings, app.store, app.clock)
    if ask:
        statuses = run_async(verify(app, statuses))
    untaken = Notifier(app.settings, app.store, app.clock).untaken()
    print_statuses(statuses, untaken, as_json=as_json)
    ctx.exit(exit_code(statuses) if ask else 0)


def print_statuses(
    statuses: Sequence[Status], untaken: Sequence[UntakenNotices] = (), *, as_json: bool
) -> None:
    """Print how the accounts are, and who was not to be reached."""
    if as_json:
        rows = [status.to_json() for status in statuses]
        missed = [one.to_json() for one in untaken]
        problems = problems_json(problems_in(statuses))
        click.echo(as_text({"accounts": rows, "notices": missed, **problems}))
        return
    for status in statuses:
        click.echo(f"{status.account:<16} {status.broker:<12} {_describe_token(status)}")
        for line in _details(status):
            click.echo(f"    {line}")
        print_problems(problems_in([status]), "    ")
    if not statuses:
        click.echo("No account is configured.")
    for notices in untaken:
        click.echo(notices.describe())


def _describe_token(status: Status) -> str:
    if status.stored is None:
        return "no token"
    until = format_ist(status.stored.token.expires_at)
    if status.state == "expired":
        return f"expired at {until}"
    return f"valid until {until}" + (f", {VERDICTS[status.verdict]}" if status.verdict else "")


def _details(status: Status) -> Iterator[str]:
    """What else there is to tell of an account, in lines."""
    if status.stored and status.stored.verified_at:
        yield f"last confirmed by the broker at {format_ist(status.stored.verified_at)}"
    if status.detail:
        yield f"the broker said: {status.detail}"
    if isinstance(status.error, Bug):
        yield f"{status.error.name}: {status.error.message}"
    if status.block:
        since = f"blocked since {format_ist(status.block.at)} after {status.block.error}"
        yield f"{since}: {status.block.message}"
        yield f"`autologin unblock {status.account}` lifts it, once you know why it was refused"
    for message in status.owed:
        yield f"{message.sink}: {describe_delivery(message)}"
    if status.last:
        result = status.last.error or status.last.outcome or "was cut off"
        yield f"last run at {format_ist(status.last.began)}: {result}"
