"""`autologin webhook`: a secret, a consumer that shows what is sent, and a test event."""

from __future__ import annotations

from functools import partial

import click

from autologin.cli import completion, render
from autologin.cli.base import Group, as_json
from autologin.cli.context import load_settings, open_app
from autologin.cli.process import configure_log, run_async
from autologin.config import loader
from autologin.delivery import dispatcher, webhook_consumer
from autologin.delivery.sinks.webhook import new_secret


@click.group(cls=Group)
def webhook() -> None:
    """Make a webhook secret, receive events, send a test event."""


@webhook.command()
def secret() -> None:
    """Print a new secret.

    Put it in the sink's `secret:`, and give it to the consumer of the webhook.
    """
    click.echo(new_secret())


@webhook.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8322,
    show_default=True,
    help="0: any free port.",
)
@click.option(
    "--secret",
    "variable",
    default="HOOK_SECRET",
    show_default=True,
    help="The variable that holds the secret.",
)
@as_json
@click.pass_context
def listen(ctx: click.Context, port: int, variable: str, *, as_json: bool) -> None:
    """Receive events here, and verify them.

    Prints a line for each event, never a token. Ctrl-C stops it.
    """
    configure_log(ctx)
    key = webhook_consumer.key_from(loader.environment(), variable)
    run_async(
        webhook_consumer.serve_forever(
            key,
            port,
            tell=partial(render.print_webhook_event, as_json=as_json),
            ready=lambda url: click.echo(f"Listening at {url}", err=True),
        )
    )


@webhook.command()
@click.argument("sink", metavar="SINK", shell_complete=completion.sinks)
@click.pass_context
def test(ctx: click.Context, sink: str) -> None:
    """Send a test event through a sink.

    Its type is `autologin.test`. The exit code is 6 if the sink does not accept it.
    """
    app = open_app(load_settings(ctx))
    run_async(dispatcher.send_test(app.dispatcher, sink, app.clock.now()))
    click.echo(f"{sink} accepted it.", err=True)
