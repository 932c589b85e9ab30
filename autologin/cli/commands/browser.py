"""`autologin browser`: which Chromium logins use, and how one gets onto this machine.

What is there already is taken, else Playwright's own download, else the system's package.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from autologin import inheritance
from autologin.cli.base import Group, config_file
from autologin.cli.context import load_settings
from autologin.cli.process import configure_log
from autologin.config import loader, yaml_file
from autologin.config.schema import BrowserSettings
from autologin.errors import AutologinError, ConfigError
from autologin.log import event
from autologin.login.browser import find
from autologin.login.driver_process import find_fault

PACKAGES = (("chromium", "chromium-headless-shell"), ("chromium",))
"""Debian's packages, the better choice first: the headless shell starts in a third of the time."""
HINT = (
    "Install Chromium with your system's package manager, "
    "or set browser.executable to one that you have."
)


@click.group(cls=Group)
def browser() -> None:
    """Find or install the Chromium that logins use."""


@browser.command()
@click.option("--headed", is_flag=True, help="The browser that --headed would start.")
@click.pass_context
def path(ctx: click.Context, *, headed: bool) -> None:
    """Print which browser would be started."""
    has_config = yaml_file.find(config_file(ctx), loader.environment())
    settings = load_settings(ctx).browser if has_config else BrowserSettings()
    click.echo(find(settings, headless=not headed))


@browser.command()
@click.pass_context
def install(ctx: click.Context) -> None:
    """Find a Chromium or install one.

    Playwright's own download, else the system's package.
    """
    configure_log(ctx)
    click.echo(ensure())


def ensure() -> Path:
    """The browser that a login would start, installed now where there was none. May take minutes.

    Raises:
        AutologinError: none can be had here.
    """
    _ensure_driver()
    found = _found()
    if found:
        return found
    event("installing", what="Playwright's own Chromium")
    if _run([sys.executable, "-m", "playwright", "install", "chromium"]) and (found := _found()):
        return found
    for packages in PACKAGES:
        event("installing", what=" and ".join(packages), by="apt-get")
        if _apt(packages) and (found := _found()):
            return found
    raise AutologinError("No Chromium could be installed", hint=HINT)


def _found() -> Path | None:
    """The browser for headless logins, where there is one for --headed too."""
    try:
        find(BrowserSettings(), headless=False)
        return find(BrowserSettings(), headless=True)
    except ConfigError:
        return None


def _ensure_driver() -> None:
    """Playwright's driver is a Node.js that needs libatomic, which slim systems leave out."""
    fault = find_fault(loader.environment())
    if fault and fault.package:
        event("installing", what=fault.package, by="apt-get")
        _apt([fault.package])
        fault = find_fault(loader.environment())
    if fault:
        raise AutologinError(
            f"Playwright's driver does not start here ({fault.detail})", hint=fault.hint
        )


def _apt(packages: Sequence[str]) -> bool:
    """Install packages; as another user than root only where sudo asks for no password."""
    if not shutil.which("apt-get"):
        return False
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    quiet = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    _run([*quiet, "update"])
    return _run([*quiet, "install", "-y", "--no-install-recommends", *packages])


def _environ() -> dict[str, str]:
    """What an installer gets: nothing secret but who it is to the proxy."""
    environ = loader.environment()
    proxies = {name: environ[name] for name in environ if inheritance.PROXY.fullmatch(name)}
    return inheritance.for_browser(environ, inheritance.Withheld()) | proxies


def _run(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
            env=_environ(),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        event("command_failed", level="DEBUG", command=command[0], message=type(error).__name__)
        return False
    if done.returncode:
        event(
            "command_failed",
            level="DEBUG",
            command=" ".join(command),
            message=done.stderr.strip()[-500:],
        )
    return done.returncode == 0
