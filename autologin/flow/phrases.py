"""What the words of a broker mean: the phrases that pages say no with, and the error of each."""

from __future__ import annotations

import re

from autologin.errors import (
    AccountLocked,
    AutologinError,
    BrokerUnavailable,
    CaptchaRequired,
    CredentialsRejected,
    OtpRejected,
    PageChanged,
)
from autologin.flow.counts import attempts_left
from autologin.flow.script import LoginScript, Step
from autologin.redaction import scrub

COMMON: dict[type[AutologinError], str] = {
    CaptchaRequired: r"captcha|verify (that )?you(’|'| a)re (a )?human|not a robot"
    r"|checking your browser|just a moment",
    PageChanged: r"access denied|error 10(06|10|15|20)\b|sorry, you have been blocked"
    r"|unusual traffic|request blocked",
    AccountLocked: r"(?<!be )(?<!get )(?<!being )\b(locked|blocked|suspended|deactivated|frozen)\b"
    r"|\b(account|user|profile)( id)? (is|was|has been) (temporarily )?disabled"
    r"|attempts? (limit )?((have|has) been )?exceeded|too many (\w+ ){0,3}attempts",
    BrokerUnavailable: r"something went wrong|too many requests"
    r"|try (again )?(later|after some)|temporarily unavailable|under maintenance"
    r"|service (is )?unavailable|bad gateway|session (has )?expired",
    CredentialsRejected: r"invalid.{0,4}(api.?key|client.?id|app\b)|not enabled for (the|this) app"
    r"|app (is )?(expired|inactive)",
}
"""What pages say, whoever made them. The order matters: the first that matches is meant."""
NO = (
    r"\b(invalid|incorrect|wrong|mismatch|not match|not valid|not registered|not recogni[sz]ed"
    r"|failed|refused)\b"
)
"""A refusal of what was just sent, whatever it was."""
JSON_MESSAGE = re.compile(
    r'"(?:message|error_description|error|emsg)"\s*:\s*"((?:[^"\\]|\\.)+)"',
)


def classify(text: str, script: LoginScript, step: Step | None) -> AutologinError | None:
    """The error that a line of the broker's means, None where it means none.

    `step` is the one that was just sent: plain words of refusal mean that step's error. The
    script's own phrases are looked for in all of a JSON answer (a code is as good as words), the
    common ones in its message only.
    """
    detail = plain_words(text)
    for kind, pattern in script.phrases.items():
        if re.search(pattern, text, re.IGNORECASE):
            return quoted(kind, detail)
    for kind, pattern in COMMON.items():
        if re.search(pattern, detail, re.IGNORECASE):
            return quoted(kind, detail)
    return quoted(step.refused, detail) if step and re.search(NO, detail, re.IGNORECASE) else None


def quoted(kind: type[AutologinError], text: str) -> AutologinError:
    """An error of this kind in the broker's own words."""
    detail = f'The broker said: "{scrub(text.strip())[:200]}"' if text.strip() else ""
    if issubclass(kind, OtpRejected):
        return kind(detail, attempts_left=attempts_left(text))
    return kind(detail)


def plain_words(line: str) -> str:
    """What a line says; of JSON that a browser shows as it came, the message in it."""
    found = JSON_MESSAGE.search(line) if line.lstrip().startswith("{") else None
    return found.group(1).replace('\\"', '"') if found else line
