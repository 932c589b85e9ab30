"""What people write where a secret belongs, and did not mean: `check` warns of it.

Each may still be the secret, so nothing is refused. No sentence holds the value.
"""

from __future__ import annotations

import re
import unicodedata

QUOTES = ('""', "''", "``", "“”", "„“", "‘’", "«»")
PLACEHOLDER = re.compile(
    r"[x*•.?_-]{3,}|<.+>|\[.+\]"
    r"|(your|my)[ _-]+\w.*|your(api|app|client|user|totp|pin|secret|password|key)\w*"
    r"|(change|replace|fill|set|enter|insert|put)[ _-]?(me|this|it|in|here|your|with|the)\b.*"
    r"|.*[ _-]here|todo|tbd|fixme|placeholder|dummy|none|null|nil|undefined|redacted"
    r"|secret[ _-]?key|api[ _-]?key|app[ _-]?(key|secret)",
    re.IGNORECASE,
)
REFERENCES = (
    (re.compile(r"\$\w+|\$\{[^}]*\}|%\w+%|\$\(.*\)|\{\{.*\}\}"), "a shell's or a template's"),
    (re.compile(r"\{\s*[\"']?(env|file|command|ssm|aws_secret)[\"']?\s*:.*\}"), "autologin's own"),
    (re.compile(r"(env|file|ssm|op|vault|secret|aws_secret):\S+|arn:aws\S*"), "an address's"),
)


def find_suspicion(key: str, value: str) -> tuple[str, str] | None:
    """What is strange about a credential that is called `key`, and what to do; None: nothing."""
    if is_quoted(value):
        detail = "keeps quotes around it, which whoever read it from an env file did not take off"
        return detail, "Take them off, unless they belong to it."
    for pattern, whose in REFERENCES:
        if pattern.fullmatch(value):
            detail = f"looks like a reference in {whose} words, and is taken as the text that it is"
            return detail, "Write {env: NAME} without quotes, unless it is the value itself."
    if value.lower() == key.lower() or PLACEHOLDER.fullmatch(value):
        return "looks like a placeholder", "Put the value there that your broker shows."
    return None


def is_quoted(value: str) -> bool:
    """Whether a text stands between two quotes."""
    return len(value) > 2 and value[0] + value[-1] in QUOTES


def find_unsendable(value: str, *, ascii_only: bool) -> str | None:
    """Why neither a form nor a header can carry a credential; None: they can.

    `ascii_only`: it goes into a header.
    """
    for character in value:
        if not character.isprintable():
            name = unicodedata.name(character, "a control character").lower()
            return f"holds a character that cannot be seen (U+{ord(character):04X}, {name})"
    if ascii_only and not value.isascii():
        return "has a character that no request can carry, as it is not ASCII"
    return None
