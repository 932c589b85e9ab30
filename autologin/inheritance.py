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
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

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
    texts = withheld.texts()
    return {
        name: value
        for name, value in environ.items()
        if not (is_secret_name(name) or PROXY.fullmatch(name))
        and name not in withheld.names
        and not _is_known(name, value)
        and not holds(name, value, texts)
    }


def for_command(environ: Mapping[str, str], withheld: Withheld) -> dict[str, str]:
    """What a user's own command gets; `withheld` are the secrets of the accounts."""
    texts = withheld.texts()
    return {
        name: value
        for name, value in environ.items()
        if name not in withheld.names and not holds(name, value, texts)
    }


def is_secret_name(name: str) -> bool:
    """Whether a variable is kept from a browser for its name alone."""
    return name in DANGEROUS or bool(SECRET_NAME.search(name))


def holds(name: str, value: str, secrets: Collection[str]) -> bool:
    """Whether a variable holds one of these secrets, as it is or escaped for a URL."""
    if name in PLACES:
        return value in secrets
    needed = NEEDED.fullmatch(name)
    return any(
        form in value if len(form) >= LONG else not needed and _is_word_of(form, value)
        for secret in secrets
        for form in _forms(secret)
    )


def _forms(secret: str) -> Collection[str]:
    return {secret, quote(secret, safe=""), quote_plus(secret)} if len(secret) > 2 else ()


def _is_word_of(form: str, value: str) -> bool:
    return bool(re.search(rf"(?<![0-9A-Za-z]){re.escape(form)}(?![0-9A-Za-z])", value))


def _is_known(name: str, value: str) -> bool:
    """Whether it holds a secret that was resolved, made or issued so far."""
    return not NEEDED.fullmatch(name) and redaction.holds_secret(value.encode("utf-8", "replace"))
