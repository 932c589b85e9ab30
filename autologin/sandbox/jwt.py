"""Tokens that look like a broker's: a JWT, signed with a key that nobody checks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


def signed(claims: Mapping[str, Any]) -> str:
    """A JWT with these claims."""
    head = _packed(json.dumps({"typ": "JWT", "alg": "HS256"}).encode())
    text = f"{head}.{_packed(json.dumps(claims).encode())}"
    return f"{text}.{_packed(hmac.digest(b'sandbox', text.encode(), hashlib.sha256))}"


def session(owner: str, ends: datetime) -> str:
    """A JWT of somebody's session, unlike any other."""
    return signed({"sub": owner, "exp": int(ends.timestamp()), "jti": secrets.token_hex(8)})


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
