"""The forms that Fyers gives to what goes over the wire."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def of_an_app(text: str) -> str:
    """A client id with its suffix."""
    plain = text.strip()
    if not plain.rpartition("-")[2].isdigit():
        raise ValueError('this is no client id of an app: it ends in "-100" (it is not the id with which you sign in)')
    return plain


def app_id_hash(client_id: str, secret_key: str) -> str:
    """What proves the app: SHA-256 of id and secret with a colon between, in hex (fyers-apiv3 3.2.0)."""
    return hashlib.sha256(f"{client_id}:{secret_key}".encode()).hexdigest()


def words_of(data: Mapping[str, Any]) -> str:
    """Fyers' number and words for an error."""
    return ": ".join(str(data[key]) for key in ("code", "message") if data.get(key))
