"""Encrypting secrets before they go to disk: Fernet, with a list of keys that can be rotated."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autologin.errors import ConfigError, Problem, StoreError

if TYPE_CHECKING:
    from cryptography.fernet import Fernet
    from pydantic import SecretStr

KEY_FILE = "key"
NEW_KEY = "Make one with: openssl rand -base64 32 | tr '+/' '-_'"


class Encryption:
    """Encrypts with the first key and decrypts with any of them."""

    def __init__(self, fernets: Sequence[Fernet]) -> None:
        from cryptography.fernet import MultiFernet  # noqa: PLC0415  (40 ms that `--help` does not need)

        self._newest = fernets[0]
        self._any = MultiFernet(fernets)

    @classmethod
    def with_keys(cls, keys: Sequence[SecretStr]) -> Encryption:
        """The encryption with these keys, the newest first.

        Raises:
            ConfigError: one of them is no Fernet key (32 bytes in URL-safe base64).
        """
        from cryptography.fernet import Fernet  # noqa: PLC0415  (see above)

        fernets = []
        for index, key in enumerate(keys):
            try:
                fernets.append(Fernet(key.get_secret_value()))
            except ValueError:
                detail = "is not a key: 32 bytes in URL-safe base64 are needed"
                raise ConfigError(Problem(f"state.keys.{index}", detail, NEW_KEY)) from None
        return cls(fernets)

    @classmethod
    def with_key_in(cls, folder: Path) -> Encryption:
        """The encryption with the key in a folder; the key is made where there is none.

        Raises:
            OSError: the file cannot be read or made.
            StoreError: it holds no key.
        """
        from pydantic import SecretStr  # noqa: PLC0415  (60 ms, which cli/prestart.py must not wait for)

        file = folder / KEY_FILE
        if not file.exists():
            _make_key(file)
        try:
            return cls.with_keys(
                [SecretStr(file.read_text(encoding="ascii", errors="replace").strip())]
            )
        except ConfigError:
            hint = "Put it back from a backup, or move the whole folder away; the next run logs in."
            raise StoreError(f"{file} holds no key", hint=hint) from None

    def encrypt(self, data: bytes) -> bytes:
        """What only a holder of the key can read."""
        return self._newest.encrypt(data)

    def decrypt(self, encrypted: bytes) -> bytes:
        """What was encrypted.

        Raises:
            StoreError: it was encrypted with a key that is not among ours.
        """
        from cryptography.fernet import InvalidToken  # noqa: PLC0415  (see above)

        try:
            return self._any.decrypt(encrypted)
        except InvalidToken:
            hint = (
                "Put the old key back (state.keys, or the file `key` in the state folder), behind "
                "the new one if you rotate."
            )
            raise StoreError("The store is encrypted with another key", hint=hint) from None

    def rotate(self, encrypted: bytes) -> bytes | None:
        """What an older of the keys encrypted, encrypted with the newest.

        None where that is not needed, or not possible.
        """
        from cryptography.fernet import InvalidToken  # noqa: PLC0415  (see above)

        with contextlib.suppress(InvalidToken):
            self._newest.decrypt(encrypted)
            return None
        with contextlib.suppress(InvalidToken):
            return self._any.rotate(encrypted)
        return None


def _make_key(file: Path) -> None:
    """Write a new key whole or not at all: another process may be making one at the same moment."""
    from cryptography.fernet import Fernet  # noqa: PLC0415  (see above)

    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(Fernet.generate_key())
            out.flush()
            os.fsync(out.fileno())
        with contextlib.suppress(FileExistsError):  # the other one was first: its key is the key
            os.link(temporary, file)
    finally:
        temporary.unlink()
