"""A broker's official SDK, with the few lines that make it a client of the broker's twin.

The tests start it in a virtual environment of its own, which `scripts/install-sdks` makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sdk:
    """What to install, and what a test does with it."""

    packages: tuple[str, ...]
    """What pip installs."""
    venv: str = ""
    """The name of its environment; empty: the broker's."""
    hosts: Mapping[str, str] = field(default_factory=dict)
    """The addresses that the SDK has built in, with the role of the twin that takes their place."""
    login: str = ""
    """Python that signs in with `mine` (the credentials) and `code` (the one-time password, or the
    code of the redirect).

    It sets `gave` (the token, or something that holds it) and `says` (a credential that the broker
    sent back, or `shows`).
    """
    calls: tuple[str, ...] = ()
    """The paths of that login whose bytes our flow must send too."""
    headers: tuple[str, ...] = ()
    """The headers of those calls that must be the same as well."""
    shows: str = ""
    """A word of what the lines in docs/brokers print, which start the SDK from our token."""
