"""What every command has: errors as sentences, JSON where it was asked for, and the ways to config, store and print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from autologin.cli import completion

if TYPE_CHECKING:
    from collections.abc import Callable

    from autologin.app import App
    from autologin.config.schema import Settings

# What a command needs is imported inside it: `--help` and completion must not wait for it.


class Command(click.Command):
    """A command whose errors are sentences with an exit code, as JSON where it was asked for; never a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        from autologin.errors import AutologinError

        as_json = bool(ctx.params.get("as_json"))
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click's own; the last one means that whoever read our output has gone, and ends quietly
        except KeyboardInterrupt:
            ctx.exit(130)
        except AutologinError as error:
            show("tell_error", error, as_json=as_json)
            ctx.exit(error.exit_code)
        except Exception as bug:  # noqa: BLE001  (the last line before a terminal; a traceback may hold secrets)
            show("tell_bug", bug, verbose=ctx.find_root().params["verbose"])
            ctx.exit(1)


class Group(click.Group):
    """A group of such commands."""

    command_class = Command


Group.group_class = Group

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
name = click.argument("name", metavar="NAME", shell_complete=completion.accounts)


def configure_log(ctx: click.Context, *, as_json: bool = False) -> None:
    """Log as the command line says."""
    from autologin import log

    log.configure(verbose=ctx.obj[1], as_json=as_json)


def settings_of(ctx: click.Context) -> Settings:
    """The config that the command line names."""
    from autologin.config import loader

    configure_log(ctx)
    return loader.load(ctx.obj[0])


def open_app(settings: Settings) -> App:
    """The app of a config, by the real clock."""
    from autologin.app import App
    from autologin.clock import SystemClock

    return App.open(settings, SystemClock())


def wait_for(work: Callable[[], Any]) -> Any:
    """Do asynchronous work to its end; SIGTERM ends it as Ctrl-C does, with everything closed."""
    import asyncio
    import signal

    async def stoppable() -> Any:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work()

    try:
        return asyncio.run(stoppable())
    except asyncio.CancelledError:
        raise click.exceptions.Exit(143) from None


def show(what: str, *values: Any, **options: Any) -> Any:
    """Call a function of the module that knows what things look like in print."""
    from autologin.cli import render

    return getattr(render, what)(*values, **options)
