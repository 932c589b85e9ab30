"""Looking into a store that may belong to somebody else: nothing is made, changed or migrated.

`expiries` is asked before anything heavy is imported, so nothing heavy is imported here.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from autologin.errors import StoreError
from autologin.store.database import FILE, moment
from autologin.store.encryption import KEY_FILE, Encryption
from autologin.token import Token

if TYPE_CHECKING:
    from pydantic import SecretStr

HINT = (
    "Run it as the user that runs autologin, or read the file of a sink (docs/reading-tokens.md)."
)


def token(folder: Path, keys: Sequence[SecretStr], account: str, broker: str) -> Token | None:
    """The last good token of an account at a broker, expired or not.

    One of another broker, which the account had before, is none.

    Raises:
        StoreError: there is no store in this folder, or none that this user can open.
    """
    file = folder / FILE
    try:
        there = file.is_file()
    except OSError:
        there = False
    if not there:
        raise StoreError(f"There is no store in {folder}, or this user may not look", hint=HINT)
    encryption = _load_encryption(folder, keys)
    select = "SELECT sealed FROM tokens WHERE account = ? AND broker = ?"
    try:
        with contextlib.closing(_connect(file, timeout=5)) as database:
            row = database.execute(select, (account, broker)).fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"The store in {folder} cannot be read: {error}", hint=HINT) from None
    return Token.from_json(json.loads(encryption.decrypt(row[0]))) if row else None


def expiries(folder: Path) -> dict[str, datetime]:
    """When each account's stored token ends, without a key; empty where no store can be read."""
    select = "SELECT account, expires_at FROM tokens"
    try:
        with contextlib.closing(_connect(folder / FILE, timeout=0.1)) as database:
            return {account: moment(end) for account, end in database.execute(select)}
    except sqlite3.Error:
        return {}


def _connect(file: Path, timeout: float) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=timeout)


def _load_encryption(folder: Path, keys: Sequence[SecretStr]) -> Encryption:
    if keys:
        return Encryption.with_keys(keys)
    try:
        if not (folder / KEY_FILE).exists():
            raise StoreError(f"The key of the store in {folder} is not there", hint=HINT)
        return Encryption.with_key_in(folder)
    except OSError as error:
        detail = f"The key of the store in {folder} cannot be read: {error.strerror}"
        raise StoreError(detail, hint=HINT) from None
