"""`autologin webhook`: a secret, a consumer to look at what is sent, and a test event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from autologin.cli import completion
from autologin.cli.base import Group, as_json, configure_log, open_app, settings_of, show, wait_for

if TYPE_CHECKING:
    from autologin.delivery.webhook_consumer import Event


@click.group(cls=Group)
def webhook() -> None:
    """Webhooks: a secret, a consumer to try them on, a test event."""


@webhook.command()
def secret() -> None:
    """Print a new secret.

    It belongs into the sink's `secret:`, and to whoever consumes the webhook.
    """
    from autologin.delivery.sinks.webhook import new_secret

    click.echo(new_secret())


@webhook.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8322, show_default=True, help="0: any that is free.")
@click.option("--secret", "variable", default="HOOK_SECRET", show_default=True, help="The variable that holds the secret.")
@as_json
@click.pass_context
def listen(ctx: click.Context, port: int, variable: str, *, as_json: bool) -> None:
    """Receive events here, and verify them.

    What each is gets printed, a token itself never. Ctrl-C ends it.
    """
    from autologin.config import loader
    from autologin.delivery import webhook_consumer

    configure_log(ctx)
    key = webhook_consumer.key_from(loader.environment(), variable)

    def tell(event: Event) -> None:
        show("webhook_event", event, as_json=as_json)

    wait_for(lambda: webhook_consumer.serve_forever(key, port, tell, lambda url: click.echo(f"Listening at {url}", err=True)))


@webhook.command()
@click.argument("sink", metavar="SINK", shell_complete=completion.sinks)
@click.pass_context
def test(ctx: click.Context, sink: str) -> None:
    """Send a test event through a sink.

    Its type is `autologin.test`. The exit code is 6 where it is not accepted.
    """
    from autologin.delivery import dispatcher

    app = open_app(settings_of(ctx))
    wait_for(lambda: dispatcher.send_test(app.dispatcher, sink, app.clock.now()))
    click.echo(f"{sink} accepted it.", err=True)
