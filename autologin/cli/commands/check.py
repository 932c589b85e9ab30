"""`autologin check`: what a login needs, tried before the morning that needs it."""

from __future__ import annotations

import click

from autologin import preflight
from autologin.cli import render
from autologin.cli.base import Command, as_json, config_file
from autologin.cli.process import configure_log
from autologin.config import loader


@click.command(cls=Command)
@click.option(
    "--online",
    is_flag=True,
    help="Also ask each broker's server: its clock, and what would be filled on its login page.",
)
@as_json
@click.pass_context
def check(ctx: click.Context, *, online: bool, as_json: bool) -> None:
    """Check everything that a login needs.

    Run it before the morning that needs it. The exit code is 2 if something has to be fixed.
    """
    configure_log(ctx)
    findings = preflight.run(config_file(ctx), loader.environment(), online=online)
    render.print_findings(findings, as_json=as_json)
    ctx.exit(2 if any(finding.level == "problem" for finding in findings) else 0)
