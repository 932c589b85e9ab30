"""`autologin flows`: the known brokers, a block for the config, files to start a broker from."""

from __future__ import annotations

import json
import keyword
import os
import re
import textwrap
from collections.abc import Sequence
from datetime import time
from pathlib import Path
from typing import Any

import click
from pydantic_core import to_jsonable_python

from autologin import files
from autologin.cli import completion
from autologin.cli.base import Command, as_json, config_file
from autologin.cli.errors import as_text
from autologin.config import accounts, loader
from autologin.errors import AutologinError, ConfigError, Problem
from autologin.flow import registry
from autologin.flow.base import BrowserFlow, Flow
from autologin.problems import did_you_mean

TEMPLATES = Path(__file__).parent / "templates"
USERS = {
    "fy_id": "client id",
    "client_code": "client code",
    "mobile_number": "mobile number",
    "user_id": "user id",
    "client_id": "client id",
    "api_key": "API key",
}
"""Credentials that can say who logs in. The first of these that a flow has is the one that does."""
PROOFS = {
    "password": "password",
    "birth_or_pan": "date of birth or PAN",
    "pin": "PIN",
    "mpin": "MPIN",
    "totp_secret": "TOTP",
}
"""Credentials that prove it."""


@click.command(cls=Command)
@click.argument("name", required=False, metavar="[NAME]", shell_complete=completion.brokers)
@click.argument("new_name", required=False, metavar="[NEW]")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="With new: the folder to write to; ./flows by default.",
)
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a Markdown table.")
@as_json
@click.pass_context
def flows(
    ctx: click.Context,
    name: str | None,
    new_name: str | None,
    folder: Path | None,
    *,
    as_markdown: bool,
    as_json: bool,
) -> None:
    """List the known brokers.

    With NAME, print a block to paste into the config; it says where to find each value.

    \b
    autologin flows zerodha
    autologin flows new mybroker     write a flow and its twin, which work at once, to change
    """  # noqa: D301  (click wants the character)
    if (name == "new") != bool(new_name):
        raise click.UsageError("Write `autologin flows NAME`, or `autologin flows new NAME`.")
    if as_markdown and (name or as_json):
        raise click.UsageError("Write `autologin flows --markdown`, without NAME and --json.")
    use_own_flows(config_file(ctx))
    if new_name:
        _new_flow(new_name, folder or Path("flows"))
    elif as_markdown:
        click.echo(markdown_table([registry.load(broker) for broker in registry.names()]))
    elif name and not as_json:
        click.echo(config_block(name), nl=False)
    else:
        rows = [_row(_known(broker)) for broker in ([name] if name else registry.names())]
        if as_json:
            click.echo(as_text({"flows": rows}))
        else:
            _print_rows(rows)


def markdown_table(flows: Sequence[type[Flow]]) -> str:
    """A table of brokers, as README.md has it."""
    lines = ["| broker | in the config | login | evidence | notes |", "|---|---|---|---|---|"]
    for flow in flows:
        link = f"[{flow.title}](docs/brokers/{flow.broker}.md)"
        lines.append(f"| {link} | {markdown_facts(flow)} |")
    return "\n".join(lines)


def markdown_head(flow: type[Flow]) -> str:
    """How a broker's page in docs/brokers begins."""
    lines = [
        "| in the config | login | evidence | notes |",
        "|---|---|---|---|",
        f"| {markdown_facts(flow)} |",
    ]
    return "\n".join([f"# {flow.title}", "", *lines])


def markdown_facts(flow: type[Flow]) -> str:
    """The cells that README.md and the broker's page share."""
    after = f"log in after {flow.not_before:%H:%M} IST" if flow.not_before != time(0) else ""
    notes = "; ".join(filter(None, ("" if flow.verified else "unverified", flow.notes, after)))
    return f"`{flow.broker}` | {describe_login(flow)} | {flow.evidence} | {notes}"


def describe_login(flow: type[Flow]) -> str:
    """Where a flow logs in, and what it types or sends there."""
    fields = flow.credentials_class.model_fields
    words = [next((word for key, word in USERS.items() if key in fields), "user")]
    for key, field in fields.items():
        if key in PROOFS:
            words.append(PROOFS[key] if field.is_required() else f"{PROOFS[key]} if asked")
    where = "page" if issubclass(flow, BrowserFlow) else "API, no browser"
    return f"{where}: {', '.join(words)}"


def use_own_flows(file: Path | None) -> None:
    """Let the user's own flows count, where there is a config that names a folder of them."""
    try:
        reading = loader.read(file, loader.environment())
    except ConfigError:
        return  # a list of brokers needs no config
    if reading.settings and reading.settings.flows_dir and reading.settings.flows_dir.is_dir():
        registry.use_folder(reading.settings.flows_dir)


def config_block(broker: str) -> str:
    """An account to paste into a config.

    Raises:
        ConfigError: there is no such broker.
    """
    flow = _known(broker)
    lines = [
        "accounts:",
        f"  {broker}:",
        f"    broker: {broker}",
        "    credentials:",
        *_credentials(flow),
    ]
    if flow.needs_endpoints:
        lines += [
            "    endpoints:",
            f"      # nobody else knows them: docs/brokers/{broker}.md says which they are",
        ]
        needed = [name for name in flow.endpoints if name in flow.needs_endpoints]
        lines += [f'      {name}: "https://fill-in.example"' for name in needed]
    lines += [
        "    sinks: [tokens]",
        *_options(flow),
        "sinks:",
        '  tokens: {type: file, path: "./tokens/{account}.json"}',
    ]
    return "\n".join(lines) + "\n"


def _known(broker: str) -> type[Flow]:
    if broker not in registry.names():
        hint = did_you_mean(broker, registry.names())
        raise ConfigError(Problem("flows", f'"{broker}" is not a known broker', hint))
    return registry.load(broker)


def _credentials(flow: type[Flow]) -> list[str]:
    lines = []
    for key, field in flow.credentials_class.model_fields.items():
        variable = f"{flow.broker}_{key}".upper()
        value = f"{{env: {variable}}}" if accounts.is_secret(flow, key) else '""'
        mark = "" if field.is_required() else "# "
        lines += [*_comment(field.description or "", 6), f"      {mark}{key}: {value}"]
    return lines


def _options(flow: type[Flow]) -> list[str]:
    """What else can be set, with what counts where it is not."""
    lines = []
    fields = flow.options_class.model_fields
    for key, default in _defaults(flow).items():
        field, value = fields[key], json.dumps(default, ensure_ascii=False)
        lines += [*_comment(field.description or "", 6), f"      # {key}: {value}"]
    return ["    # options:", *lines] if lines else []


def _defaults(flow: type[Flow]) -> dict[str, Any]:
    """What counts where an account sets an option not; None: nothing does."""
    fields = flow.options_class.model_fields
    return {
        key: to_jsonable_python(field.get_default(call_default_factory=True))
        for key, field in fields.items()
    }


def _comment(text: str, indent: int) -> list[str]:
    """A description on lines of its own, above what it describes."""
    margin = " " * indent
    return textwrap.wrap(text, 110, initial_indent=margin + "# ", subsequent_indent=margin + "#   ")


def _row(flow: type[Flow]) -> dict[str, Any]:
    fields = flow.credentials_class.model_fields
    return {
        "broker": flow.broker,
        "title": flow.title,
        "credentials": {key: field.is_required() for key, field in fields.items()},
        # null: nobody but the user knows it.
        "endpoints": {name: url or None for name, url in flow.endpoints.items()},
        "options": _defaults(flow),
        "environment": dict(flow.environment),
        "needs_browser": issubclass(flow, BrowserFlow),
        "not_before": f"{flow.not_before:%H:%M}",
        "evidence": flow.evidence,
        "verified": flow.verified,
        "docs": flow.docs,
    }


def _print_rows(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        browser = "browser" if row["needs_browser"] else "no browser"
        unverified = "" if row["verified"] else "  unverified"
        evidence = f"evidence of {row['evidence']}{unverified}"
        click.echo(f"{row['broker']:<14} {row['title']:<24} {browser:<10}  {evidence}")
        if row["not_before"] != "00:00":
            click.echo(f"    log in after {row['not_before']} IST")
        keys = (key if required else f"{key}?" for key, required in row["credentials"].items())
        click.echo(f"    {', '.join(keys)}")


def _new_flow(name: str, folder: Path) -> None:
    for file in write_new_flow(name, folder):
        click.echo(file)
    option = "" if folder == Path("flows") else f" --flows {folder}"
    click.echo(f"\nNext: autologin sandbox --broker {name}{option} > config.yaml", err=True)
    click.echo(f"then, in another terminal: autologin run {name}", err=True)


def write_new_flow(name: str, folder: Path) -> list[Path]:
    """Write both files; gives their paths.

    Raises:
        ConfigError: the name cannot be used, or one of the files is there.
        AutologinError: the folder cannot be written to.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name) or name == "new":
        hint = "Use small letters, digits and _, starting with a letter, such as mybroker."
        raise ConfigError(Problem("flows new", f"{name!r} cannot be the name of a flow", hint))
    wanted = {folder / f"{name}.py": "new_flow.txt", folder / f"_{name}_twin.py": "new_twin.txt"}
    there = [file for file in wanted if os.path.lexists(file)]
    if there or name in registry.names():
        detail = f"there is already {there[0]}" if there else f'there is already a flow "{name}"'
        raise ConfigError(Problem("flows new", detail, "Choose another name."))
    try:
        for file, template in wanted.items():
            files.replace(file, _named(template, name).encode(), files.Rights(0o644))
    except OSError as error:
        detail = f"{folder} cannot be written to: {error.strerror}"
        raise AutologinError(detail, hint="Give another --folder.") from None
    return list(wanted)


def _named(template: str, name: str) -> str:
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    title = "".join(word.capitalize() for word in name.split("_"))
    return text.replace("MyBroker", title).replace("mybroker", name)
