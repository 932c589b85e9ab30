"""Whose host an address is, and so where what is typed may go.

Hosts of one owner share a registrable domain, a *site*: `login.broker.com` and `api.broker.com`
do, `broker.github.io` and `other.github.io` do not. That is what the Public Suffix List knows. Of
an IP address, and of a name like `localhost`, the site is the host itself. Ports do not matter.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from publicsuffixlist import PublicSuffixList

WEB = {"http", "https", "ws", "wss"}
WITHIN = {"about", "blob", "javascript"}
"""Schemes of addresses that lead nowhere but back into the page."""
DEFAULT_PORTS = {"http": 80, "https": 443}


def split(url: str) -> SplitResult:
    """The parts of an address; all empty where it is none (`http://[`, a port above 65535)."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (it is read, and refused, when it is asked for)
    except ValueError:
        return urlsplit("")
    return parts


def origin(url: str) -> str:
    """Scheme, host and port.

    Brokers, redirect and sandbox may share a host, so the host alone decides nothing.
    """
    parts = split(url)
    port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"


def host_of(url: str) -> str:
    """An address's host in lower case, without a dot at its end; empty where there is none."""
    return (split(url).hostname or "").lower().rstrip(".")


def site(host: str) -> str:
    """A host's registrable domain, or the host itself where it has none."""
    if ":" in host or host.rpartition(".")[2].isdigit():
        return host
    return _public_suffixes().privatesuffix(host) or host


def is_same_site(url: str, other: str) -> bool:
    """Whether two addresses are one owner's."""
    one, two = host_of(url), host_of(other)
    return one == two or site(one) == site(two)


def is_local(host: str) -> bool:
    """Whether a host is this machine."""
    return bool(re.fullmatch(r"localhost|127(\.\d{1,3}){3}|::1", host))


class Sites:
    """Where what is typed may go: the broker's sites, by its own addresses, and named hosts.

    A named host stands for itself and the hosts below it.
    """

    def __init__(self, urls: Iterable[str], hosts: Iterable[str] = ()) -> None:
        self._own = {host_of(url) for url in urls} - {""}
        self._named = [host.lower() for host in hosts]

    def add(self, url: str) -> None:
        """An address that the broker itself led to."""
        self._own.add(host_of(url))

    def allow(self, url: str) -> bool:
        """Whether what is typed may be sent there.

        It may to an address that leads back into the page, such as `javascript:`.
        """
        scheme = split(url).scheme
        if scheme not in WEB:
            return scheme in WITHIN
        host = host_of(url)
        named = any(host == one or host.endswith(f".{one}") for one in self._named)
        # The list of suffixes takes 30 ms to read, and most pages send to their own host.
        return host in self._own or named or site(host) in set(map(site, self._own))

    def __str__(self) -> str:
        return ", ".join(sorted({*map(site, self._own), *self._named}))


def is_in_clear(page: str, url: str) -> bool:
    """Whether an encrypted page would send something to this address unencrypted."""
    local = is_local(host_of(url))
    return split(page).scheme == "https" and split(url).scheme in {"http", "ws"} and not local


@cache
def _public_suffixes() -> PublicSuffixList:
    import publicsuffixlist  # noqa: PLC0415  (see `Sites.allow`)

    return publicsuffixlist.PublicSuffixList()
