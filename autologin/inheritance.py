"""What the processes that we start see of our environment.

Everybody of the same user can read a process's environment (/proc/PID/environ), and a crash report
quotes it, so each gets what it needs and no more:

    browser and driver   nothing that is secret, by its name or by what it holds
    a user's commands    all but the accounts' secrets: `pass`, `op`, `vault`, `aws` need their own
    `autologin exec`     all of it

A name that is not known here stays, for who set it had a reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autologin import redaction

if TYPE_CHECKING:
    from pydantic import SecretStr

TALKATIVE = frozenset({"DEBUG", "DEBUGP", "PWDEBUG"})
"""Variables that make Playwright print what is typed, passwords too."""
DANGEROUS = TALKATIVE | {"NODE_OPTIONS", "NODE_DEBUG", "NODE_DEBUG_NATIVE", "SSLKEYLOGFILE"}
"""And those that make Node.js or Chromium do so."""
SECRET_NAME = re.compile(
    r"^(AUTOLOGIN|AWS|VAULT)_"
    r"|SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|API_?KEY|PRIVATE_?KEY|TOTP"
    r"|(^|_)(PASS|M?PIN|SEED|KEY)(_|$)|.+_PWD$",
    re.IGNORECASE,
)
PLACES = frozenset({"PATH", "LD_LIBRARY_PATH", "HOME", "TMPDIR"})
"""Without these nothing starts: a password that is a folder's name is no reason to take them."""
NEEDED = re.compile(
    "|".join(PLACES) + "|TZ|LANG|DISPLAY|NODE_EXTRA_CA_CERTS|(XDG|DBUS|FONTCONFIG|SSL_CERT)_.+"
)
"""Without these a browser looks strange: a PIN that happens to stand in one (a user's number in a
path) is no reason to take it."""
PROXY = re.compile(r"(HTTPS?|ALL|FTP|WSS?)_PROXY", re.IGNORECASE)
"""A browser is told its proxy by a switch, and one in its environment would win over that
(Chromium 156); besides, it may hold a password."""
LONG = 8
"""From so many characters on, a secret stands in no other text by chance."""


@dataclass
class Withheld:
    """Secrets of a config, which a process is not to see: variables' names, and values.

    Values are added as they become known.
    """

    names: set[str] = field(default_factory=set)
    values: set[SecretStr] = field(default_factory=set)

    def texts(self) -> list[str]:
        """The values in clear, for a comparison."""
        return [value.get_secret_value() for value in self.values]


def for_browser(environ: Mapping[str, str], withheld: Withheld) -> dict[str, str]:
    """What a browser and its driver get."""
    holds = searcher(withheld.texts())
    return {
        name: value
        for name, value in environ.items()
        if not (is_secret_name(name) or PROXY.fullmatch(name))
        and name not in withheld.names
        and not _is_known(name, value)
        and not holds(name, value)
    }


def for_command(environ: Mapping[str, str], withheld: Withheld) -> dict[str, str]:
    """What a user's own command gets; `withheld` are the secrets of the accounts."""
    holds = searcher(withheld.texts())
    return {
        name: value
        for name, value in environ.items()
        if name not in withheld.names and not holds(name, value)
    }


def is_secret_name(name: str) -> bool:
    """Whether a variable is kept from a browser for its name alone."""
    return name in DANGEROUS or bool(SECRET_NAME.search(name))


def searcher(secrets: Collection[str]) -> Callable[[str, str], bool]:
    """A function that tells whether a variable, by name and value, holds one of these secrets.

    It finds them as they are and in each form that `redaction` knows: escaped, in base64, spaced.
    """
    whole = frozenset(secrets)
    every, long = redaction.Known(), redaction.Known()
    every.add(whole, lasting=True)
    long.add((secret for secret in whole if len(secret) >= LONG), lasting=True)

    def holds(name: str, value: str) -> bool:
        if name in PLACES:
            return value in whole
        return bool((long if NEEDED.fullmatch(name) else every).find(value))

    return holds


def _is_known(name: str, value: str) -> bool:
    """Whether it holds a secret that was resolved, made or issued so far."""
    return not NEEDED.fullmatch(name) and redaction.holds_secret(value.encode("utf-8", "replace"))
