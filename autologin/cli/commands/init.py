"""`autologin init`: asks for what an account needs, checks each answer, and writes the config and its secrets."""

from __future__ import annotations

import json
import os
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click
from pydantic import BaseModel, SecretStr, ValidationError, create_model

from autologin import files, preflight, redaction
from autologin.cli import render
from autologin.cli.commands import flows
from autologin.config import accounts, edit, loader, yaml_file
from autologin.config.fields import Name, Url
from autologin.errors import AutologinError, ConfigError, Problem
from autologin.flow import otp, registry
from autologin.flow.base import BrowserFlow
from autologin.problems import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from autologin.flow.base import Flow

FOLDER = "secrets"
"""Beside the config; each account has a folder in it, and each secret a file in that."""
TOKENS = "tokens"


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
        return {key: value for key, value in self.credentials.items() if accounts.is_secret(self.flow, key)}

    def block(self) -> dict[str, list[str]]:
        """The account as lines of YAML, and what it delivers to; they hold no secret."""
        lines = [f"{self.name}:", f"  broker: {self.flow.broker}", "  credentials:"]
        for key, value in self.credentials.items():
            file = _quoted(f"{FOLDER}/{self.name}/{key}")
            lines.append(f"    {key}: {{file: {file}}}" if key in self.secrets else f"    {key}: {_quoted(value)}")
        if self.endpoints:
            lines += ["  endpoints:", *(f"    {name}: {_quoted(url)}" for name, url in self.endpoints.items())]
        return {"accounts": lines, "sinks": ['{sink}: {{type: file, path: "./tokens/{{account}}.json"}}']}


def start(path: Path | None, broker: str | None) -> int:
    """Ask, write and check; gives the exit code of the check, or 130 where somebody stopped it.

    Raises:
        ConfigError: there is no terminal, no such broker, or the config that is there must be fixed first.
        AutologinError: the folder cannot be written to.
    """
    environ = loader.environment()
    if not (sys.stdin and sys.stdin.isatty()):
        hint = "Run it in a terminal, where what you type can be hidden. A program writes the config: `autologin flows NAME`."
        raise ConfigError(Problem("init", "asks questions, and there is no terminal to ask them at", hint))
    file = (yaml_file.find(path, environ) or yaml_file.usual_places(environ)[0]).absolute()
    flows.use_own(path)
    before = _readable(file, environ)
    try:
        answers = _ask(broker, file, before)
    except (click.Abort, KeyboardInterrupt, EOFError):
        click.echo("\nStopped: nothing was written.", err=True)
        return 130
    return _finish(file, answers, environ, named=path is not None)


def _readable(file: Path, environ: Mapping[str, str]) -> str:
    """The text of the config that is there, or none; what is wrong with it must be fixed first."""
    if not file.exists():
        return ""
    reading = loader.read(file, environ)
    if wrong := [problem for problem in reading.problems if problem.key != "accounts"]:
        raise ConfigError(wrong)
    return file.read_text(encoding="utf-8-sig")


def _ask(broker: str | None, file: Path, before: str) -> Answers:
    flow = _flow(broker)
    click.echo(f"{flow.title}. An answer that is hidden is not shown while you type or paste it. Ctrl-C stops.\n", err=True)
    answers = Answers(flow)
    answers.name = _asked("Name of the account", lambda text: _free(text, file, before), default=flow.broker)
    fields = flow.credentials_class.model_fields
    for key in sorted(fields, key=lambda key: not fields[key].is_required()):
        _ask_credential(answers, key)
    _ask_endpoints(answers)
    return answers


def _flow(broker: str | None) -> type[Flow]:
    known = registry.names()
    if broker is None:
        for name in known:
            click.echo(f"  {name:16} {registry.load(name).title}", err=True)
        broker = _asked("\nBroker", lambda text: text if text in known else _no(did_you_mean(text, known)))
    if broker not in known:
        raise ConfigError(Problem("init", f'"{broker}" is not a known broker', did_you_mean(broker, known)))
    return registry.load(broker)


def _ask_credential(answers: Answers, key: str) -> None:
    known = answers.flow.credentials_class.model_fields[key]
    secret, required = accounts.is_secret(answers.flow, key), known.is_required()
    click.echo(f"\n{key}: {known.description}", err=True)
    words = f"{key}{' (hidden)' if secret else ''}{'' if required else ' (Enter: leave it out)'}"
    given = _asked(words, lambda text: _checked(answers, key, text), hidden=secret, required=required)
    if not given:
        return
    answers.credentials[key] = given
    if key == "totp_secret":
        totp = otp.parse(SecretStr(given))
        click.echo(f"Understood: codes of {totp.digits} digits, a new one every {totp.interval} seconds.", err=True)


def _checked(answers: Answers, key: str, text: str) -> str:
    """The text, where the flow's own validation takes it; what it says of the other fields does not count yet."""
    if accounts.is_secret(answers.flow, key):
        redaction.remember(text)
    try:
        answers.flow.credentials_class.model_validate({**answers.credentials, key: text})
    except ValidationError as error:
        for details in error.errors(include_url=False, include_context=False, include_input=False):
            if details["loc"][:1] == (key,):
                _no(redaction.scrub(details["msg"].removeprefix("Value error, ")))
    return text


def _ask_endpoints(answers: Answers) -> None:
    for name in answers.flow.endpoints:
        if name in answers.flow.needs_endpoints:
            click.echo(f"\n{name}: an address that only you know; docs/brokers/{answers.flow.broker}.md says which", err=True)
            answers.endpoints[name] = _asked(name, lambda text: _valid(Url, text))


def _free(text: str, file: Path, before: str) -> str:
    name = _valid(Name, text)
    if name in edit.keys(before, "accounts"):
        _no("the config has an account of this name: give another one")
    if os.path.lexists(file.parent / FOLDER / name):
        _no(f"there is already a folder {FOLDER}/{name} beside the config: give another name, or move it away")
    return name


def _valid(kind: Any, text: str) -> str:
    model: type[BaseModel] = create_model("Answer", value=(kind, ...))
    try:
        return str(model(value=text).model_dump()["value"])
    except ValidationError as error:
        details = error.errors(include_input=False)[0]
        hint = details.get("ctx", {}).get("hint", "")
        return _no(f"{details['msg'].removeprefix('Value error, ')}{hint and f'. {hint}'}")


def _no(detail: str) -> str:
    raise click.UsageError(detail)


def _asked(words: str, checked: Callable[[str], str], *, default: str = "", hidden: bool = False, required: bool = True) -> str:
    """An answer that was checked; asks again until there is one."""
    while True:
        given = click.prompt(words, default=default, show_default=bool(default), hide_input=hidden, err=True).strip()
        if not given and not required:
            return ""
        try:
            return checked(given) if given else _no("this one is needed")
        except click.UsageError as refused:
            click.echo(f"  That is not it: {refused.message}", err=True)


def _finish(file: Path, answers: Answers, environ: Mapping[str, str], *, named: bool) -> int:
    before = _readable(file, environ)  # it may have changed while questions were asked
    sink = edit.sink_for(before, TOKENS)
    blocks = answers.block()
    blocks["accounts"].append(f"  sinks: [{sink}]")
    blocks["sinks"] = [] if sink in edit.keys(before, "sinks") else [blocks["sinks"][0].format(sink=sink)]
    after = edit.extend(before, blocks)
    if not _write(file, answers, after, environ):
        click.echo(f"\nThe config cannot be extended safely. Add this to {file} by hand:\n", err=True)
        click.echo(edit.extend("", blocks), nl=False)
        return 2
    click.echo(f"\nWritten: {file}, and the secrets in {file.parent / FOLDER / answers.name} (for you alone).\n", err=True)
    findings = preflight.run(file, environ, online=False)
    render.findings(findings, as_json=False)
    headed = " --headed" if issubclass(answers.flow, BrowserFlow) else ""
    given = f" --config {file}" if named else ""
    bad = any(finding.level == "problem" for finding in findings)
    click.echo(f"\nNext: autologin{given} {'check' if bad else f'run {answers.name}{headed}'}", err=True)
    return 2 if bad else 0


def _write(file: Path, answers: Answers, after: str | None, environ: Mapping[str, str]) -> bool:
    """Write the secrets, then the config; False where only the secrets are written. What fails leaves nothing."""
    folder = file.parent / FOLDER / answers.name
    if os.path.lexists(folder):
        raise AutologinError(f"Meanwhile there is a folder {folder}", hint="Run it again, and give another name.")
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
            raise AutologinError(f"{file.parent} cannot be written to: {error.strerror}", hint="Correct its rights.") from None
        raise
    return True


def _quoted(text: str) -> str:
    """Text in double quotes, which YAML reads as JSON does."""
    return json.dumps(text, ensure_ascii=False)
