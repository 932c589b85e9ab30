"""For programs in Python that need the day's token.

    from autologin.client import token

    kite.set_access_token(token("zerodha"))

It reads what `autologin run` or `autologin serve` has stored. Where this user cannot open the
store, the account's file sinks are read instead. Nothing is written, no login is made, and no
browser's code is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any

from autologin import log
from autologin.config.accounts import state_keys
from autologin.config.loader import environment, read
from autologin.config.schema import Account, Settings
from autologin.delivery import formats
from autologin.delivery.formats import Shape
from autologin.errors import AutologinError, ConfigError, Problem, StoreError, TokenRejected
from autologin.store import reader

__all__ = ["bundle", "token"]


def token(name: str, *, config: str | PathLike[str] | None = None) -> str:
    """The access token of an account.

    `name` is the account's, or a broker's with exactly one account.

    The config is `config`, else AUTOLOGIN_CONFIG, ./config.yaml, the user's config folder.

    Raises:
        TokenRejected: there is no token, or it has expired.
        ConfigError: there is no such config or account.
        StoreError: neither the store nor a file can be read.
    """
    with log.silenced():
        return str(_read(name, config, _read_token)["access_token"])


def bundle(name: str, *, config: str | PathLike[str] | None = None) -> dict[str, Any]:
    """The whole token as sinks write it.

    Account, broker, user_id, access_token, issued_at, expires_at, extra.

    Raises:
        As `token`. Of files, only those with `format: json` and without `fields` hold it all.
    """
    with log.silenced():
        return _read(name, config, _read_bundle)


@dataclass(frozen=True)
class _File:
    """A file that a sink has written, or will."""

    sink: str
    path: Path
    shape: Shape
    account: Account

    def field(self, content: str, path: str) -> Any:
        return formats.read_field(self.shape, content, path, self.account.broker)


_Reader = Callable[[_File, str], dict[str, Any] | None]


def _read(name: str, config: str | PathLike[str] | None, read_file: _Reader) -> dict[str, Any]:
    settings, account, problems = _load_account(name, config)
    try:
        keys = state_keys(settings)
        stored = reader.token(settings.state.path, keys, account.name, account.broker)
    except (StoreError, ConfigError) as error:
        sink_problems = [
            problem
            for sink in account.sinks
            for problem in problems
            if _is_at(problem, f"sinks.{sink}")
        ]
        files = [
            file
            for file in _files(settings, account)
            if not any(_is_at(problem, f"sinks.{file.sink}") for problem in sink_problems)
        ]
        problem = ConfigError(sink_problems) if sink_problems else error
        return _read_files(files, account, read_file, problem)
    if stored is None:
        raise _no_token(account, "has no token yet")
    return _refuse_expired(stored.to_json(account.name, account.broker), account)


def _load_account(
    name: str, config: str | PathLike[str] | None
) -> tuple[Settings, Account, list[Problem]]:
    """An account of the config, and what is wrong in it.

    What is wrong elsewhere (a credential that this user cannot see) does not matter here; where the
    store is, does.
    """
    reading = read(Path(config) if config is not None else None, environment())
    if reading.settings is None or any(_is_at(problem, "state") for problem in reading.problems):
        raise ConfigError(reading.problems)
    try:
        return reading.settings, reading.settings.account(name), reading.problems
    except ConfigError as error:
        raise ConfigError([*reading.problems, *error.problems]) from None


def _is_at(problem: Problem, key: str) -> bool:
    return f"{problem.key}.".startswith(f"{key}.")


def _read_files(
    files: list[_File], account: Account, read_file: _Reader, problem: AutologinError
) -> dict[str, Any]:
    """What the first of the account's files holds; `problem` is what stands against the store."""
    for file in files:
        try:
            if data := read_file(file, file.path.read_text(encoding="utf-8")):
                return _refuse_expired(data, account)
        except FileNotFoundError:
            problem = _no_token(account, f"has no token yet: there is no file {file.path}")
        except OSError as error:
            detail = f"{file.path} cannot be read: {(error.strerror or '').lower()}"
            problem = StoreError(
                detail, hint=f"Give this user's group with sinks.{file.sink}.group and mode."
            )
        except (ValueError, TypeError):
            detail = f"{file.path} does not hold what the sink {file.sink} writes"
            problem = StoreError(detail, hint="Let it deliver again.")
    raise problem


def _refuse_expired(data: dict[str, Any], account: Account) -> dict[str, Any]:
    """The token, unless it has expired.

    Where nothing says when it does, that is up to the broker.
    """
    ends = data.get("expires_at")
    if ends and datetime.now(UTC) >= datetime.fromisoformat(ends):
        raise _no_token(account, f"has none since {ends}")
    return data


def _files(settings: Settings, account: Account) -> Iterator[_File]:
    for name in account.sinks:
        sink = settings.sinks.get(name)
        target = sink and sink.target(account.name, account.broker)
        shape = getattr(sink, "shape", None)
        if target and isinstance(shape, formats.Shape):
            yield _File(name, Path(target), shape, account)


def _read_token(file: _File, content: str) -> dict[str, Any] | None:
    token = {path: file.field(content, path) for path in ("access_token", "expires_at", "broker")}
    ours = token["broker"] in {None, file.account.broker}  # the account may have had another one
    return token if token["access_token"] and ours else None


def _read_bundle(file: _File, content: str) -> dict[str, Any] | None:
    if file.shape.format != "json" or file.shape.fields:
        return None
    whole = {path: file.field(content, path) for path in formats.FIELDS}
    theirs = whole["broker"] != file.account.broker
    return None if theirs or None in whole.values() else whole


def _no_token(account: Account, detail: str) -> TokenRejected:
    return TokenRejected(f"{account.name} {detail}", hint=f"Run `autologin run {account.name}`.")
