"""The command line as a contract: every command explains itself, at once, and what it needs is imported by it alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import click
import pytest

from autologin import __version__
from autologin.cli import main
from autologin.cli.main import COMMANDS, cli

HEAVY = {
    *(
        "apscheduler",
        "boto3",
        "cryptography",
        "httpx",
        "jinja2",
        "loguru",
        "playwright",
        "pydantic",
        "pydantic_settings",
    ),
    *("prometheus_client", "pyotp", "sqlite3", "starlette", "uvicorn", "yaml", "asyncio"),
}
THE_HEAVIEST = {"apscheduler", "boto3", "jinja2", "playwright", "prometheus_client"}
PROMISED = {
    "run": {"--all", "--headed", "--force", "--json"},
    "check": {"--online", "--json"},
    "status": {"--verify", "--json"},
    "token": {"--field", "--json"},
    "exec": set(),
    "inspect": {"--url", "--broker", "--after", "--no-scripts", "--picture", "--json"},
    "login-url": set(),
    "exchange": set(),
    "unblock": set(),
    "deliver": {"--force", "--json"},
    "webhook secret": set(),
    "webhook listen": {"--port", "--json"},
    "webhook test": set(),
    "notify test": set(),
    "serve": {"--log-format"},
    "calendar": {"--from", "--days", "--segment", "--json"},
    "flows": {"--json"},
    "init": set(),
    "completion": set(),
    "healthcheck": {"--url"},
    "demo": set(),
    "sandbox": set(),
    "browser install": set(),
    "browser path": set(),
}
"""Commands and options that others rely on."""
LOADED = """
import sys
from autologin.cli.main import main
try:
    main()
finally:
    sys.stderr.write(" ".join(name for name in sys.modules if "." not in name))
"""
MODULES = LOADED.replace(' if "." not in name', "")


def commands(group=cli, path=()):
    """Every command with the words that call it."""
    yield path, group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(main.load(name) if group is cli else command, (*path, name))


ALL = dict(commands())


def autologin(folder, *words, code="from autologin.cli.main import main; main()"):
    environ = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env=environ,
        timeout=60,
    )


def test_what_is_promised_is_there():
    known = {" ".join(path): command for path, command in ALL.items()}
    assert PROMISED.keys() - known.keys() == set()
    for name, options in PROMISED.items():
        given = {word for param in known[name].params for word in param.opts}
        assert options - given == set(), name
    assert {"--config", "--verbose", "--version"} <= {
        word for param in cli.params for word in param.opts
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says_of_itself(name):
    command = main.load(name)
    assert command.name == name
    assert COMMANDS[name][1] == command.help.strip().splitlines()[0]
    assert list(COMMANDS) == sorted(COMMANDS)


@pytest.mark.parametrize("path", ALL, ids=lambda path: "-".join(path) or "autologin")
def test_every_command_explains_itself(path):
    command = ALL[path]
    context = click.Context(command, info_name=path[-1] if path else "autologin")
    text = command.get_help(context)
    first = (command.help or "").strip().splitlines()[0]
    assert first[0].isupper()
    assert first.endswith((".", "package."))
    assert len(first) <= 100
    assert first[:60] in text
    assert "\\b" not in text, "the mark for text that stays as it is has been printed"
    for param in command.params:
        assert isinstance(param, click.Argument) or param.help, param.name


@pytest.mark.parametrize("path", ALL, ids=lambda path: "-".join(path) or "autologin")
def test_help_ends_well_and_writes_nothing(tmp_path, path):
    done = autologin(tmp_path, *path, "--help", code=LOADED)
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: {' '.join(('autologin', *path))}")
    loaded = set(done.stderr.split())
    assert loaded & (HEAVY if path in {(), ("healthcheck",)} else THE_HEAVIEST) == set(), (
        "imported for nothing"
    )
    assert list(tmp_path.iterdir()) == []


def test_help_imports_no_command(tmp_path):
    done = autologin(tmp_path, "--help", code=MODULES)
    assert "autologin.cli.main" in done.stderr.split()
    assert "autologin.cli.commands" not in done.stderr


def test_a_mistyped_command_is_told_the_right_one(tmp_path):
    done = autologin(tmp_path, "statu", code=MODULES)
    assert done.returncode == 2
    assert "No such command 'statu'" in done.stderr
    assert "status" in done.stderr
    assert "autologin.cli.commands" not in done.stderr


def test_examples_keep_their_lines(tmp_path):
    text = autologin(tmp_path, "--help").stdout
    assert "\n  autologin check                    everything that a login will need\n" in text
    assert "\n  autologin run zerodha --headed     the same, in a window that you can see\n" in text
    text = autologin(tmp_path, "sandbox", "--help").stdout
    assert (
        "\n  autologin sandbox > config.yaml      the config that fits it goes to standard output\n"
        in text
    )


@pytest.mark.parametrize("path", ALL, ids="-".join)
def test_options_in_examples_are_known(path):
    examples = [
        line.strip()
        for line in ALL[path].help.splitlines()
        if line.strip().startswith("autologin ")
    ]
    for example in examples:
        words = re.split(r"  | > ", example)[0].split()[1:]
        with cli.make_context("autologin", words, resilient_parsing=True) as ctx:
            name, command, rest = cli.resolve_command(ctx, [*ctx._protected_args, *ctx.args])
            command.make_context(name, rest, parent=ctx, resilient_parsing=True)


@pytest.mark.parametrize(
    "path", [path for path, command in ALL.items() if hasattr(command, "commands")], ids="-".join
)
def test_every_command_is_in_the_list_with_its_line(tmp_path, path):
    listed = autologin(tmp_path, *path, "--help").stdout.split("Commands:\n")[1]
    for name, command in ALL[path].commands.items():
        (line,) = [line for line in listed.splitlines() if line.split()[0] == name]
        assert command.help.strip().splitlines()[0].rstrip(".") in line, (
            "cut off: make the first line shorter"
        )


def test_version(tmp_path):
    done = autologin(tmp_path, "--version", code=LOADED)
    assert (done.returncode, done.stdout) == (0, f"autologin, version {__version__}\n")
    assert set(done.stderr.split()) & HEAVY == set()


def test_no_command_is_a_mistake_that_shows_the_help(tmp_path):
    done = autologin(tmp_path)
    assert done.returncode == 2
    assert "Usage: autologin" in done.stdout + done.stderr


def test_the_exit_codes_are_in_the_help_of_run(tmp_path):
    text = autologin(tmp_path, "run", "--help").stdout
    for code in (
        "0 every account",
        "2 config",
        "3 refused",
        "4 a person",
        "5 broker",
        "6 a sink",
        "130 Ctrl-C",
        "143 SIGTERM",
    ):
        assert code in text


def test_python_dash_m_is_the_same_command(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "autologin", "--help"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={},
    )
    assert done.stdout == autologin(tmp_path, "--help").stdout


@pytest.mark.parametrize(
    "words",
    [
        ["flows"],
        ["calendar"],
        ["status"],
        ["token", "zerodha"],
        ["check"],
        ["login-url", "zerodha"],
    ],
)
def test_no_browser_code_where_none_is_started(tmp_path, words):
    (tmp_path / "config.yaml").write_text("accounts: {}\n")
    loaded = set(autologin(tmp_path, *words, code=LOADED).stderr.split())
    assert "click" in loaded
    assert loaded & {"playwright", "starlette", "uvicorn", "boto3", "apscheduler"} == set()


def test_the_drivers_start_waits_for_nothing_heavy(tmp_path):
    done = autologin(
        tmp_path,
        code="import sys, autologin.cli.main, autologin.cli.commands.run, autologin.log; print(*sys.modules)",
    )
    assert {"autologin.cli.prestart", "autologin.store.reader"} <= set(done.stdout.split())
    assert set(done.stdout.split()) & {"pydantic", "httpx", "cryptography", "playwright"} == set()
