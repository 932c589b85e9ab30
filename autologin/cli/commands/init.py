"""`autologin init`: asks for what an account needs, and writes the config and its secrets."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel, SecretStr, ValidationError, create_model

from autologin import files, preflight, redaction
from autologin.cli import completion, render
from autologin.cli.base import Command, config_file
from autologin.cli.commands.flows import use_own_flows
from autologin.cli.process import configure_log
from autologin.config import accounts, edit, loader, yaml_file
from autologin.config.fields import Name, Url
from autologin.errors import AutologinError, ConfigError, Problem
from autologin.flow import otp, registry
from autologin.flow.base import BrowserFlow, Flow
from autologin.problems import did_you_mean

FOLDER = "secrets"
"""Beside the config; each account has a folder in it, and each secret a file in that."""
TOKENS = "tokens"


@click.command(cls=Command)
@click.argument("broker", required=False, metavar="[BROKER]", shell_complete=completion.brokers)
@click.pass_context
def init(ctx: click.Context, broker: str | None) -> None:
    """Set up an account, question by question.

    Each answer is checked at once. Secrets go into files that only you can read, and the config
    refers to them. If there is a config already, the account is added to it. It ends with
    `autologin check`, and its exit code.

    \b
    autologin init             choose from the brokers
    autologin init zerodha
    autologin --config /etc/autologin/config.yaml init groww
    """  # noqa: D301  (click wants the character)
    configure_log(ctx)
    ctx.exit(start(config_file(ctx), broker))


@dataclass
class Answers:
    """What was given for one account."""

    flow: type[Flow]
    name: str = ""
    credentials: dict[str, str] = field(default_factory=dict)
    endpoints: dict[str, str] = field(default_factory=dict)

    @property
    def secrets(self) -> dict[str, str]:
        """Those that go into files of their own."""
        given = self.credentials
        return {key: given[key] for key in given if accounts.is_secret(self.flow, key)}

    def block(self) -> dict[str, list[str]]:
        """The account as lines of YAML, and what it delivers to; they hold no secret."""
        lines = [f"{self.name}:", f"  broker: {self.flow.broker}", "  credentials:"]
        for key, value in self.credentials.items():
            if key in self.secrets:
                lines.append(f"    {key}: {{file: {_quoted(f'{FOLDER}/{self.name}/{key}')}}}")
            else:
                lines.append(f"    {key}: {_quoted(value)}")
        if self.endpoints:
            lines += [
                "  endpoints:",
                *(f"    {name}: {_quoted(url)}" for name, url in self.endpoints.items()),
            ]
        return {
            "accounts": lines,
            "sinks": ['{sink}: {{type: file, path: "./tokens/{{account}}.json"}}'],
        }


def start(path: Path | None, broker: str | None) -> int:
    """Ask, write and check; gives the exit code of the check, or 130 where somebody stopped it.

    Raises:
        ConfigError: there is no terminal, no such broker, or the config must be fixed first.
        AutologinError: the folder cannot be written to.
    """
    environ = loader.environment()
    if not (sys.stdin and sys.stdin.isatty()):
        hint = "Run it in a terminal, or paste what `autologin flows NAME` prints into the config."
        raise ConfigError(Problem("init", "needs a terminal to ask its questions", hint))
    file = (yaml_file.find(path, environ) or yaml_file.usual_places(environ)[0]).absolute()
    use_own_flows(path)
    before = _read_config(file, environ)
    try:
        answers = _ask_account(broker, file, before)
    except (click.Abort, KeyboardInterrupt, EOFError):
        click.echo("\nStopped: nothing was written.", err=True)
        return 130
    return _finish(file, answers, environ, named=path is not None)


def _read_config(file: Path, environ: Mapping[str, str]) -> str:
    """The text of the config; empty if there is none. What is wrong must be fixed first."""
    if not file.exists():
        return ""
    reading = loader.read(file, environ)
    wrong = [problem for problem in reading.problems if problem.key != "accounts"]
    if wrong:
        raise ConfigError(wrong)
    return file.read_text(encoding="utf-8-sig")


def _ask_account(broker: str | None, file: Path, before: str) -> Answers:
    flow = _choose_flow(broker)
    click.echo(
        f"{flow.title}. Hidden answers are not shown while you type or paste them. Ctrl-C stops.\n",
        err=True,
    )
    answers = Answers(flow)
    answers.name = _prompt(
        "Name of the account",
        lambda text: _check_name(text, file, before),
        default=flow.broker,
    )
    fields = flow.credentials_class.model_fields
    for key in sorted(fields, key=lambda key: not fields[key].is_required()):
        _ask_credential(answers, key)
    _ask_endpoints(answers)
    return answers


def _choose_flow(broker: str | None) -> type[Flow]:
    known = registry.names()
    if broker is None:
        for name in known:
            click.echo(f"  {name:16} {registry.load(name).title}", err=True)
        broker = _prompt(
            "\nBroker",
            lambda text: text if text in known else _refuse(did_you_mean(text, known)),
        )
    if broker not in known:
        hint = did_you_mean(broker, known)
        raise ConfigError(Problem("init", f'"{broker}" is not a known broker', hint))
    return registry.load(broker)


def _ask_credential(answers: Answers, key: str) -> None:
    known = answers.flow.credentials_class.model_fields[key]
    secret, required = accounts.is_secret(answers.flow, key), known.is_required()
    click.echo(f"\n{key}: {known.description}", err=True)
    question = f"{key}{' (hidden)' if secret else ''}{'' if required else ' (Enter: leave it out)'}"
    given = _prompt(
        question,
        lambda text: _check_credential(answers, key, text),
        hidden=secret,
        required=required,
    )
    if not given:
        return
    answers.credentials[key] = given
    if key == "totp_secret":
        totp = otp.parse(SecretStr(given))
        click.echo(
            f"Understood: codes of {totp.digits} digits, a new one every {totp.interval} seconds.",
            err=True,
        )


def _check_credential(answers: Answers, key: str, text: str) -> str:
    """The text, if the flow accepts it; what it says of other fields does not count yet."""
    if accounts.is_secret(answers.flow, key):
        redaction.remember(text)
    try:
        answers.flow.credentials_class.model_validate({**answers.credentials, key: text})
    except ValidationError as error:
        for details in error.errors(include_url=False, include_context=False, include_input=False):
            if details["loc"][:1] == (key,):
                _refuse(redaction.scrub(details["msg"].removeprefix("Value error, ")))
    return text


def _ask_endpoints(answers: Answers) -> None:
    page = f"docs/brokers/{answers.flow.broker}.md"
    for name in answers.flow.endpoints:
        if name in answers.flow.needs_endpoints:
            click.echo(f"\n{name}: a URL that only you know; {page} says which", err=True)
            answers.endpoints[name] = _prompt(name, lambda text: _check_type(Url, text))


def _check_name(text: str, file: Path, before: str) -> str:
    name = _check_type(Name, text)
    if name in edit.keys(before, "accounts"):
        _refuse("the config already has an account of this name: give another one")
    if os.path.lexists(file.parent / FOLDER / name):
        _refuse(
            f"there is already a folder {FOLDER}/{name} beside the config: "
            "give another name, or move it away"
        )
    return name


def _check_type(kind: Any, text: str) -> str:
    model: type[BaseModel] = create_model("Answer", value=(kind, ...))
    try:
        return str(model(value=text).model_dump()["value"])
    except ValidationError as error:
        details = error.errors(include_input=False)[0]
        hint = details.get("ctx", {}).get("hint", "")
        return _refuse(f"{details['msg'].removeprefix('Value error, ')}{hint and f'. {hint}'}")


def _refuse(detail: str) -> str:
    raise click.UsageError(detail)


def _prompt(
    question: str,
    check: Callable[[str], str],
    *,
    default: str = "",
    hidden: bool = False,
    required: bool = True,
) -> str:
    """Ask until there is an answer that passes the check."""
    while True:
        given = click.prompt(
            question,
            default=default,
            show_default=bool(default),
            hide_input=hidden,
            err=True,
        ).strip()
        if not given and not required:
            return ""
        try:
            return check(given) if given else _refuse("an answer is required")
        except click.UsageError as refused:
            click.echo(f"  Not accepted: {refused.message}", err=True)


def _finish(file: Path, answers: Answers, environ: Mapping[str, str], *, named: bool) -> int:
    before = _read_config(file, environ)  # it may have changed while questions were asked
    sink = edit.sink_for(before, TOKENS)
    blocks = answers.block()
    blocks["accounts"].append(f"  sinks: [{sink}]")
    if sink in edit.keys(before, "sinks"):
        blocks["sinks"] = []
    else:
        blocks["sinks"] = [blocks["sinks"][0].format(sink=sink)]
    after = edit.extend(before, blocks)
    if not _write(file, answers, after, environ):
        advice = f"The config cannot be extended safely. Add this to {file} by hand:"
        click.echo(f"\n{advice}\n", err=True)
        click.echo(edit.extend("", blocks), nl=False)
        return 2
    secrets = f"the secrets in {file.parent / FOLDER / answers.name} (readable only by you)"
    click.echo(f"\nWritten: {file}, and {secrets}.\n", err=True)
    findings = preflight.run(file, environ, online=False)
    render.print_findings(findings, as_json=False)
    headed = " --headed" if issubclass(answers.flow, BrowserFlow) else ""
    given = f" --config {file}" if named else ""
    bad = any(finding.level == "problem" for finding in findings)
    command = "check" if bad else f"run {answers.name}{headed}"
    click.echo(f"\nNext: autologin{given} {command}", err=True)
    return 2 if bad else 0


def _write(file: Path, answers: Answers, after: str | None, environ: Mapping[str, str]) -> bool:
    """Write the secrets, then the config; False if only the secrets. A failure leaves nothing."""
    folder = file.parent / FOLDER / answers.name
    if os.path.lexists(folder):
        raise AutologinError(
            f"Somebody else has made the folder {folder}",
            hint="Run init again, and give another name.",
        )
    try:
        for key, value in answers.secrets.items():
            files.replace(folder / key, value.encode())
        if after is None or not edit.is_valid(file, after, environ):
            return False
        real = file.resolve()
        mode = real.stat().st_mode & 0o777 if real.exists() else 0o600
        files.replace(real, after.encode(), files.Rights(mode))
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # others' secrets may be in it
            folder.parent.rmdir()
        if isinstance(error, OSError):
            raise AutologinError(
                f"{file.parent} cannot be written to: {error.strerror}",
                hint="Correct its permissions.",
            ) from None
        raise
    return True


def _quoted(text: str) -> str:
    """Text in double quotes, which YAML reads as JSON does."""
    return json.dumps(text, ensure_ascii=False)
