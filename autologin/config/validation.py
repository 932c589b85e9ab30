"""Whether the parts of a config fit together.

Accounts to flows, to their credentials and endpoints, and to sinks.
"""

from __future__ import annotations

import os
from collections.abc import Set as AbstractSet
from pathlib import Path

from autologin.config.schema import Account, Pages, Settings
from autologin.errors import ConfigError
from autologin.flow import registry
from autologin.flow.base import BrowserFlow, Flow
from autologin.log import event
from autologin.problems import Report, did_you_mean, what_belongs_here
from autologin.secret_refs import exists

WAYS = 'Give it in quotes, or as {env: NAME}, {file: PATH} or {command: "..."}.'


def check(settings: Settings, report: Report, declared: AbstractSet[str]) -> None:
    """Note what does not fit. `declared` are all sinks that the config names, usable or not."""
    _load_own_flows(settings, report)
    targets: dict[str, str] = {}
    for account in settings.accounts.values():
        if flow := _load_flow_class(account, report):
            _check_account(account, flow, report)
        for index, sink in enumerate(account.sinks):
            if sink not in declared:
                loc = ("accounts", account.name, "sinks", index)
                report.add(loc, f'there is no sink "{sink}"', did_you_mean(sink, declared))
            elif sink in settings.sinks:
                _check_target(settings, account, index, targets, report)
                _check_own_places(settings, account, sink, report)


def _load_own_flows(settings: Settings, report: Report) -> None:
    folder = settings.flows_dir
    if folder is None:
        return
    if not exists(folder):
        report.add(("flows_dir",), f"there is no folder {folder}", "Create it, or remove the key.")
        return
    used = {f"{account.broker}.py" for account in settings.accounts.values()}
    for file, digest in registry.use_folder(folder):
        if file.name in used:
            event("own_flow", path=file, sha256=digest)


def _load_flow_class(account: Account, report: Report) -> type[Flow] | None:
    try:
        return registry.load(account.broker)
    except KeyError:
        detail = f'"{account.broker}" is not a known broker'
        report.add(
            ("accounts", account.name, "broker"),
            detail,
            did_you_mean(account.broker, registry.names()),
        )
    except ConfigError as error:
        for problem in error.problems:
            report.add(tuple(problem.key.split(".")), problem.message, problem.hint)
    return None


def _check_account(account: Account, flow: type[Flow], report: Report) -> None:
    known = flow.credentials_class.model_fields
    for key in account.credentials.keys() - known.keys():
        hint = did_you_mean(key, known)
        report.add(("accounts", account.name, "credentials", key), "is not a known key", hint)
    for key, field in known.items():
        if field.is_required() and key not in account.credentials:
            hint = f"Add `{key}`. {what_belongs_here(flow.credentials_class, key)} {WAYS}"
            report.add(("accounts", account.name, "credentials", key), "is missing", hint)
    if account.pages != Pages() and not issubclass(flow, BrowserFlow):
        detail = f"has no use: {flow.title} has no login page, it logs in over its API"
        report.add(("accounts", account.name, "pages"), detail, "Remove it.")
    for name in account.endpoints.keys() - flow.endpoints.keys():
        hint = did_you_mean(name, flow.endpoints)
        report.add(("accounts", account.name, "endpoints", name), "is not a known endpoint", hint)
    for name in sorted(flow.needs_endpoints - account.endpoints.keys()):
        page = f"docs/brokers/{flow.broker}.md"
        hint = f'Add `{name}: "https://..."`; {page} says which address that is.'
        report.add(("accounts", account.name, "endpoints", name), "is missing", hint)


def _check_target(
    settings: Settings, account: Account, index: int, targets: dict[str, str], report: Report
) -> None:
    name = account.sinks[index]
    target = settings.sinks[name].target(account.name, account.broker)
    earlier = [sink for sink in account.sinks[:index] if sink in settings.sinks]
    if target and any(
        settings.sinks[sink].target(account.name, account.broker) == target for sink in earlier
    ):
        detail = f"would overwrite what another sink of this account writes: both go to {target}"
        hint = f"Give sinks.{name}.{settings.sinks[name].place_key} a place of its own."
        report.add(("accounts", account.name, "sinks", index), detail, hint)
    elif target and (other := targets.setdefault(target, account.name)) != account.name:
        detail = f'would overwrite the token of "{other}": both go to {target}'
        key = f"sinks.{name}.{settings.sinks[name].place_key}"
        report.add(
            ("accounts", account.name, "sinks", index), detail, f"Put {{account}} into {key}."
        )


def _check_own_places(settings: Settings, account: Account, name: str, report: Report) -> None:
    """Refuse a sink that would replace a file of ours."""
    file = settings.sinks[name].file(account.name, account.broker)
    if file is None:
        return
    state = settings.state.path
    what = ""
    if settings.file and _place(file) in {_place(settings.file), _real(settings.file)}:
        what = f"would replace the config itself, {file}"
    elif _place(file).is_relative_to(_real(state)):
        what = f"lies in the state folder, {state}"
    if what:
        loc = ("sinks", name, settings.sinks[name].place_key)
        report.add(loc, what, 'Name a file elsewhere, such as "./tokens/{account}.json".')


def _place(file: Path) -> Path:
    """Where a file is replaced: a link to a folder is followed, and one in its place is not."""
    return _real(file.parent) / file.name


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
