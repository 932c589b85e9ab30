"""`autologin deliver`: outstanding deliveries, tried now."""

from __future__ import annotations

import click

from autologin import run
from autologin.cli import render
from autologin.cli.base import Command, as_json
from autologin.cli.context import load_settings, open_app
from autologin.cli.process import run_async
from autologin.delivery import dispatcher


@click.command(cls=Command)
@as_json
@click.pass_context
def deliver(ctx: click.Context, *, as_json: bool) -> None:
    """Deliver what sinks have not received yet.

    It does not log in. The exit code is 6 if something is still outstanding.
    """
    app = open_app(load_settings(ctx))
    deliveries = run_async(app.deliver(run.DELIVERY_SECONDS))
    render.print_deliveries(deliveries, as_json=as_json)
    ctx.exit(6 if any(dispatcher.failure(ours) for ours in deliveries.values()) else 0)
