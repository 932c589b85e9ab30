"""Looking a token up in a store that belongs to somebody else: nothing is made, changed or migrated."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from autologin.errors import StoreError
from autologin.secret_refs import exists
from autologin.store.database import FILE
from autologin.store.encryption import KEY_FILE, Seal
from autologin.token import Token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import SecretStr

MEND = "Run it as the user that runs autologin, or read the file of a sink (docs/reading-tokens.md)."


def token(folder: Path, keys: Sequence[SecretStr], account: str) -> Token | None:
    """The last good token of an account, expired or not.

    Raises:
        StoreError: there is no store in this folder, or none that this user can open.
    """
    file = folder / FILE
    if not exists(file, Path.is_file):
        raise StoreError(f"There is no store in {folder}, or this user may not look", hint=MEND)
    seal = _seal(folder, keys)
    try:
        with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=5)) as database:
            row = database.execute("SELECT sealed FROM tokens WHERE account = ?", (account,)).fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"The store in {folder} cannot be read: {error}", hint=MEND) from None
    return Token.from_json(json.loads(seal.opened(row[0]))) if row else None


def _seal(folder: Path, keys: Sequence[SecretStr]) -> Seal:
    if keys:
        return Seal.with_keys(keys)
    try:
        if not (folder / KEY_FILE).exists():
            raise StoreError(f"The key of the store in {folder} is not there", hint=MEND)
        return Seal.with_key_in(folder)
    except OSError as error:
        detail = f"The key of the store in {folder} cannot be read: {error.strerror}"
        raise StoreError(detail, hint=MEND) from None
