"""By which way requests leave: directly, or through a proxy.

Chromium, httpx, requests and botocore each read HTTPS_PROXY and NO_PROXY in a way of their own. A
broker that binds a session to an address would see two, so the decision is made here, per URL, and
each of them is told:

    account's `proxy`           everything goes through it; `none`: nothing goes through any
    HTTP_PROXY, HTTPS_PROXY     for http:// and https://; ALL_PROXY stands for one that is not set
    NO_PROXY                    hosts that are asked directly: "example.com" (and all below it),
                                "host:port", "10.0.0.0/8", "192.168.*", or "*" for every host

Lower-case names win, as in curl. Loopback never goes through a proxy of the environment.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import SplitResult, quote, unquote, urlsplit

from autologin import redaction

NONE = "none"
"""What an account's `proxy` says where it is to go through none."""
PORTS = {"http": 80, "https": 443, "socks5": 1080}
"""The kinds of proxy, with the port that each has where none is given."""
ALIASES = {"socks5h": "socks5", "socks": "socks5"}
"""Other names for one: hosts are always looked up at the proxy."""
HOW = "Write it as http://host:port, https:// or socks5://."
LOOPBACK = ("localhost", "*.localhost", "127.0.0.0/8", "[::1]")


class ProxyError(Exception):
    """A proxy that cannot be used: the key or variable that names it, why, and the fix."""

    def __init__(self, key: str, detail: str, hint: str = HOW) -> None:
        super().__init__(detail)
        self.key, self.detail, self.hint = key, detail, hint


@dataclass(frozen=True)
class Proxy:
    """One proxy. `variable` is the one of the environment that names it, "" for a config's."""

    scheme: str
    host: str
    port: int
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    variable: str = ""

    @property
    def server(self) -> str:
        """Its address without a password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def url(self) -> str:
        """Its address with its password."""
        if not self.username and not self.password:
            return self.server
        login = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}@"
        return self.server.replace("://", f"://{login}", 1)

    @property
    def login(self) -> dict[str, str] | None:
        """The proxy as Playwright wants it; None where it asks for no password."""
        if not self.username and not self.password:
            return None
        return {"server": self.server, "username": self.username, "password": self.password}

    def __str__(self) -> str:
        return f"through proxy {self.server}" + (
            f" (from {self.variable})" if self.variable else ""
        )


@dataclass(frozen=True)
class Ways:
    """The way of each URL.

    `by_scheme` are the proxies for "http" and "https"; `exceptions` the entries of NO_PROXY.
    `everywhere`: even to loopback. `reason` is why there is no proxy, where somebody said so.
    """

    by_scheme: Mapping[str, Proxy] = field(default_factory=dict)
    exceptions: Sequence[str] = ()
    everywhere: bool = False
    reason: str = ""

    def proxy_for(self, url: str) -> Proxy | None:
        """The proxy for a URL; None where it is asked directly."""
        parts = urlsplit(url)
        proxy = self.by_scheme.get({"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme))
        if proxy is None or self.everywhere:
            return proxy
        host = (parts.hostname or "").rstrip(".")
        if is_loopback(host) or self._is_exception(host, _port_of(parts)):
            return None
        return proxy

    def describe(self, url: str) -> str:
        """The way of a URL in words, without any password."""
        if proxy := self.proxy_for(url):
            return str(proxy)
        if self.reason:
            return f"directly ({self.reason})"
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        if parts.scheme in self.by_scheme and not is_loopback(host):
            return "directly (as NO_PROXY says)"
        return "directly"

    def _is_exception(self, host: str, port: int) -> bool:
        return any(_matches(entry, host, port) for entry in self.exceptions)


@dataclass(frozen=True)
class ForChromium:
    """The same decision for Chromium: switches for its start, and a proxy with its password."""

    arguments: Sequence[str]
    login: Mapping[str, str] | None = field(default=None, repr=False)


DIRECT = Ways()
"""No proxy for anything."""
DIRECTLY = ForChromium(["--no-proxy-server"])
"""The same for Chromium."""


def parse(text: str, key: str, variable: str = "") -> Proxy:
    """The proxy of an address. A variable may leave its scheme out, as is usual.

    Raises:
        ProxyError: it is none.
    """
    text = text.strip()
    if variable and "://" not in text:
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        scheme = ALIASES.get(parts.scheme, parts.scheme)
        port = parts.port if parts.port is not None else PORTS.get(scheme, 0)
    except ValueError:
        raise ProxyError(key, "is not a proxy's address") from None
    if scheme in {"socks4", "socks4a"}:
        raise ProxyError(key, "is a SOCKS4 proxy, which httpx does not support")
    host = parts.hostname or ""
    plain = parts.path in {"", "/"} and not parts.query and not parts.fragment
    if scheme not in PORTS or not port or not plain or not _is_host(host):
        raise ProxyError(key, "is not a proxy's address")
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not f"{username}{password}".isprintable():
        raise ProxyError(key, "has a user name or password that no proxy can be told")
    if password:
        redaction.remember(password)
    return Proxy(scheme, host, port, username, password, variable)


def through(text: str, key: str) -> Ways:
    """The ways of an account with a proxy of its own.

    Raises:
        ProxyError: it cannot be used.
    """
    if text.strip().lower() == NONE:
        return Ways(reason="proxy: none")
    try:
        proxy = parse(text, key)
    except ProxyError as error:
        hint = f"{error.hint} To go through none, write none."
        raise ProxyError(error.key, error.detail, hint) from None
    return Ways({"http": proxy, "https": proxy}, everywhere=True)


def of_environment(environ: Mapping[str, str]) -> Ways:
    """The ways that the environment's variables say.

    Raises:
        ProxyError: a proxy that they name cannot be used.
    """
    exceptions = re.split(r"[\s,]+", _find(environ, "NO_PROXY")[1].strip().lower())
    if "*" in exceptions:
        return Ways(reason="as NO_PROXY says")
    by_scheme = {}
    for scheme in ("http", "https"):
        name, text = _find(environ, f"{scheme.upper()}_PROXY")
        if not name:
            name, text = _find(environ, "ALL_PROXY")
        if text.strip():
            by_scheme[scheme] = parse(text, name, name)
    return Ways(by_scheme, tuple(filter(None, exceptions)))


def for_chromium(ways: Ways, key: str) -> ForChromium:
    """The same decision for Chromium, which gets none from its environment.

    Raises:
        ProxyError: it cannot follow it.
    """
    proxies = ways.by_scheme
    if not proxies:
        return DIRECTLY
    for proxy in proxies.values():
        if proxy.scheme == "socks5" and proxy.login:
            raise ProxyError(
                proxy.variable or key,
                "is a socks5 proxy with a password, which Chromium does not support",
                "Use the proxy's http:// address, or let it know this machine by its address.",
            )
    logins = [proxy.login for proxy in proxies.values() if proxy.login]
    if len({(login["username"], login["password"]) for login in logins}) > 1:
        detail = "and HTTPS_PROXY have different passwords, and Chromium can be told one only"
        raise ProxyError(proxies["http"].variable, detail, "Set the account's `proxy`.")
    servers = {scheme: proxy.server for scheme, proxy in proxies.items()}
    if servers.get("http") == servers.get("https"):
        server = servers["http"]
    else:
        server = ";".join(f"{scheme}={address}" for scheme, address in servers.items())
    bypass = ["<-loopback>"]  # what Chromium leaves out by itself is more than loopback
    if not ways.everywhere:
        bypass += [*LOOPBACK, *(rule for entry in ways.exceptions for rule in _as_rules(entry))]
    switches = [f"--proxy-server={server}", f"--proxy-bypass-list={';'.join(bypass)}"]
    return ForChromium(switches, logins[0] if logins else None)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name alone."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _find(environ: Mapping[str, str], name: str) -> tuple[str, str]:
    """The variable that is set, and its value; two empty texts where none is."""
    for spelled in (name.lower(), name):
        if spelled in environ:
            return spelled, environ[spelled]
    return "", ""


def _port_of(parts: SplitResult) -> int:
    with suppress(ValueError):
        if parts.port is not None:
            return parts.port
    return 443 if parts.scheme in {"https", "wss"} else 80


def _is_host(text: str) -> bool:
    if ":" in text:
        return _address(text) is not None
    return bool(re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?", text))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is, in short forms (127.1) too; None for a name."""
    with suppress(ValueError):
        address = ipaddress.ip_address(text)
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return mapped or address
    if re.fullmatch(r"[0-9a-fx.]*[0-9][0-9a-fx.]*", text):
        with suppress(OSError):
            return ipaddress.IPv4Address(socket.inet_aton(text))
    return None


def _split_entry(entry: str) -> tuple[str, int | None]:
    """An entry of NO_PROXY: its host, and the port that it is for."""
    found = re.fullmatch(r"(\[[0-9a-f:.%]+\]|[^\[\]:]+):(\d{1,5})", entry)
    host, port = (found[1], int(found[2])) if found else (entry, None)
    return host.strip("[]").rstrip("."), port


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    with suppress(ValueError):
        return ipaddress.ip_network(text, strict=False) if "/" in text else None
    return None


def _matches(entry: str, host: str, port: int) -> bool:
    wanted, wanted_port = _split_entry(entry)
    if wanted_port not in {None, port}:
        return False
    address = _address(host)
    if network := _network(wanted):
        return address is not None and address in network
    if address is not None:
        named = _address(wanted)
        return named == address if named else "*" in wanted and fnmatchcase(host, wanted)
    domain = wanted.removeprefix("*").lstrip(".")
    if "*" in domain:
        return fnmatchcase(host, domain)
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _as_rules(entry: str) -> Iterator[str]:
    """An entry of NO_PROXY in Chromium's words."""
    wanted, port = _split_entry(entry)
    behind = f":{port}" if port is not None else ""
    if _network(wanted):
        yield wanted
    elif address := _address(wanted):
        yield (f"[{address}]" if address.version == 6 else str(address)) + behind
    else:
        domain = wanted.removeprefix("*").lstrip(".")
        if re.fullmatch(r"[a-z0-9_.*-]+", domain):
            yield domain + behind
            if "*" not in domain:
                yield f"*.{domain}{behind}"


def tell_requests(environ: Mapping[str, str]) -> None:
    """Make `requests`, by which Apprise sends, follow the same decision.

    It has no setting for that: this replaces the two functions by which it reads the environment.

    Raises:
        ProxyError: a proxy that the environment names cannot be used.
    """
    from requests import utils  # noqa: PLC0415  (there where Apprise is)

    ways = of_environment(environ)
    urls = {
        # In its words, a name is looked up at the proxy only where an "h" says so.
        scheme: proxy.url.replace("socks5://", "socks5h://", 1)
        for scheme, proxy in ways.by_scheme.items()
    }

    def is_direct(url: str, no_proxy: str | None = None) -> bool:
        del no_proxy
        return ways.proxy_for(url) is None

    vars(utils).update(should_bypass_proxies=is_direct, getproxies=lambda: urls)
