"""Stand-ins for what nobody needs to know while a page is only looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import SecretStr

from autologin.clock import SystemClock
from autologin.flow.base import Credentials
from autologin.flow.otp import OtpGenerator

SAMPLE = "sample-"
SEED = "A" * 32
"""Of no account."""


def fill_in(kind: type[Credentials], known: Mapping[str, str], named: set[str]) -> Credentials:
    """Credentials of which only some are known; the others that an account has are made up.

    Nothing is checked: what is made up need not be of the right form. What is neither known nor
    `named` and may be left out, is.
    """
    values: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        text = known.get(name)
        if text is None and (field.is_required() or name in named):
            text = SEED if name == "totp_secret" else sample(name)
        if text is not None:
            values[name] = SecretStr(text) if holds_secret(field.annotation) else text
    return kind.model_construct(**values)


def sample(name: str) -> str:
    """What stands for a credential."""
    return f"{SAMPLE}{name}"


def is_sample(value: object) -> bool:
    """Whether a secret is such a stand-in."""
    return isinstance(value, SecretStr) and value.get_secret_value().startswith(SAMPLE)


def sample_otp() -> OtpGenerator:
    """A generator that nobody asks for a code."""
    return OtpGenerator(SecretStr(SEED), lambda _step: True, SystemClock())


def holds_secret(kind: Any) -> bool:
    """Whether a field's type is, or may be, a SecretStr."""
    return kind is SecretStr or any(map(holds_secret, get_args(kind)))
