"""What every command has: errors as sentences with an exit code, and JSON where it was asked for.

`healthcheck` imports this module and must start at once, so nothing heavy is imported here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from autologin.cli.errors import print_bug, print_error
from autologin.cli.streams import ReaderGone
from autologin.errors import AutologinError, OutputFailed


class Command(click.Command):
    """A command that prints its errors as sentences or, where asked for, as JSON; no traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise  # click's own
        except (OutputFailed, ReaderGone):
            raise  # `main` tells of it
        except KeyboardInterrupt:
            ctx.exit(130)
        except AutologinError as error:
            print_error(error, as_json=bool(ctx.params.get("as_json")))
            ctx.exit(error.exit_code)
        except Exception as bug:  # noqa: BLE001  (a traceback may hold secrets)
            print_bug(bug, as_json=bool(ctx.params.get("as_json")), verbose=verbose(ctx))
            ctx.exit(1)


class Group(click.Group):
    """A group of such commands."""

    command_class = Command


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def config_file(ctx: click.Context) -> Path | None:
    """The file that --config names."""
    file: Path | None = ctx.find_root().params.get("config_file")
    return file


def verbose(ctx: click.Context) -> bool:
    """Whether --verbose was given."""
    return bool(ctx.find_root().params.get("verbose"))
