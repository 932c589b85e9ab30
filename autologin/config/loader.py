"""Loading the config. The only reader of the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from autologin.config import overrides, validation, withheld, yaml_file
from autologin.config.schema import LoadContext, Settings
from autologin.errors import ConfigError, Problem
from autologin.problems import Loc, Report, did_you_mean, errors_of
from autologin.secret_refs import RefContext

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MINIMAL = """The least that works:
  accounts:
    zerodha:
      broker: zerodha
      credentials:
        {api_key: "...", api_secret: "...", user_id: "...", password: "...", totp_secret: "..."}
      sinks: [tokens]
  sinks:
    tokens: {type: file, path: "./tokens/{account}.json"}
config.example.yaml explains each key."""


@dataclass
class Reading:
    """A config as far as it can be read.

    For `check`, what is usable although something else is wrong.
    """

    file: Path | None
    document: Mapping[str, Any]
    overlay: overrides.Overlay
    settings: Settings | None
    problems: list[Problem]


def environment() -> Mapping[str, str]:
    """The environment, for those who hand it on."""
    return os.environ


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """The config: the YAML file, over it the secrets folder, over both the environment.

    Without a path: AUTOLOGIN_CONFIG, ./config.yaml, the user's config folder.

    Raises:
        ConfigError: every problem at once. No message holds a value.
    """
    reading = read(path, environ)
    if reading.problems or reading.settings is None:
        raise ConfigError(reading.problems)
    return reading.settings


def read(path: Path | None, environ: Mapping[str, str]) -> Reading:
    """The config and its problems.

    Raises:
        ConfigError: there is no config at all.
    """
    file = yaml_file.find(path, environ)
    document, problems = yaml_file.read(file) if file else ({}, [])
    overlay = overrides.Overlay(Settings, document)
    reading = Reading(file, document, overlay, None, problems)
    if problems and not document:
        return reading
    from_folder, folder_problems = overrides.from_folder(environ, Settings.model_fields)
    from_environment, environment_problems = overrides.from_environment(environ)
    overlay.apply(from_folder)
    overlay.apply(from_environment)
    problems += [*folder_problems, *environment_problems, *overlay.problems]
    if file is None and not overlay.values.get("accounts"):
        raise ConfigError([_no_config(environ), *problems])
    ref_context = RefContext(file.absolute().parent if file else Path.cwd(), environ)
    _validate(reading, LoadContext(ref_context, file, overlay.applied))
    return reading


def _no_config(environ: Mapping[str, str]) -> Problem:
    here, *users = yaml_file.usual_places(environ)
    places = ["AUTOLOGIN_CONFIG (not set)", f"./{here}", *map(str, users)]
    detail = f"there is none: looked at {', '.join(places[:-1])} and {places[-1]}"
    return Problem(
        "config",
        detail,
        "Run `autologin init` to write one, or copy config.example.yaml to ./config.yaml and fill "
        "it in; `autologin demo` shows a login first.",
    )


def _validate(reading: Reading, context: LoadContext) -> None:
    overlay = reading.overlay
    report = Report(lambda loc: overrides.origin_of(overlay.applied, loc), reading.problems)
    sinks = overlay.values.get("sinks")
    declared = {str(name) for name in sinks} if isinstance(sinks, dict) else set()
    _report_accounts_without_broker(reading, report)
    while reading.settings is None:
        try:
            reading.settings = Settings(overlay, context)
        except ConfigError as error:
            reading.problems += error.problems
            return
        except ValidationError as error:
            report.add_validation(error, Settings, overlay.values)
            dropped = [overlay.drop(_unusable(details)) for details in errors_of(error)]
            if not any(dropped):
                return
    if not overlay.values.get("accounts") and not report.problems:
        detail = "no account is configured" if reading.document else "the config is empty"
        report.add(("accounts",), detail, MINIMAL)
    validation.check(reading.settings, report, declared)
    withheld.note_accounts_secrets(reading.settings)


def _report_accounts_without_broker(reading: Reading, report: Report) -> None:
    """A variable with a mistyped account makes an account that is nothing but that variable."""
    accounts = reading.overlay.values.get("accounts")
    written = reading.document.get("accounts") or {}
    if not isinstance(accounts, dict) or not isinstance(written, dict):
        return
    for loc, override in reading.overlay.applied.items():
        if len(loc) < 3 or loc[0] != "accounts":
            continue
        name = str(loc[1])
        if name not in written and "broker" not in accounts[name]:
            detail = f"is missing: only {override.origin} speaks of this account"
            variable = f"AUTOLOGIN_ACCOUNTS__{name.upper()}__BROKER"
            hint = f"{did_you_mean(name, written)} Otherwise set {variable}."
            report.add(("accounts", name, "broker"), detail, hint)


def _unusable(details: ErrorDetails) -> Loc:
    """What cannot be used because of an error.

    Where a key is missing, the whole that it is missing from.
    """
    return details["loc"][:-1] if details["type"] in {"missing", "unknown_type"} else details["loc"]
