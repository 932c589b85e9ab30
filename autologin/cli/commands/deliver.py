"""`autologin deliver`: what sinks have not got, or have lost, tried now."""

from __future__ import annotations

import click

from autologin import run
from autologin.cli import render
from autologin.cli.base import Command, as_json
from autologin.cli.context import load_settings, open_app
from autologin.cli.process import run_async
from autologin.delivery import dispatcher


@click.command(cls=Command)
@click.option(
    "--force",
    is_flag=True,
    help="Write the token over something else that has taken its place, too.",
)
@as_json
@click.pass_context
def deliver(ctx: click.Context, *, force: bool, as_json: bool) -> None:
    """Deliver what sinks have not received yet.

    A sink that has lost a valid token gets it again. Something else in its place is left alone
    without --force. It does not log in. The exit code is 6 if a sink still lacks its token.
    """
    app = open_app(load_settings(ctx))
    began = app.clock.now()
    deliveries = run_async(app.deliver(run.DELIVERY_SECONDS, force=force))
    render.print_deliveries(deliveries, began, as_json=as_json)
    ctx.exit(6 if any(dispatcher.failure(ours) for ours in deliveries.values()) else 0)
