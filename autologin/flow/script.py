"""The words in which a flow describes a login: steps to fill, turns to take, and the phrases that pages say no with."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from autologin.errors import (
    AccountLocked,
    BrokerUnavailable,
    CaptchaRequired,
    CredentialsRejected,
    OtpRejected,
    PageChanged,
)
from autologin.redaction import scrub

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import SecretStr

    from autologin.errors import AutologinError
    from autologin.flow.otp import Otp
    from autologin.login.snapshot import Field

Situation = Literal["start", "other_code", "other_user"]


@dataclass(frozen=True)
class Step:
    """Fields that are filled and sent together (or one after the other, where the page asks for them so).

    `press` is a pattern for the name of the button that sends them, `reply` how the path of the page's own call that
    answers ends (or may end), `refused` what a refusal of this step means. `wants` reads from that answer's JSON (of HTML:
    `{"html": ...}`) what is asked for next, in words that a field's `other` can match. `shown_as` is a pattern for user
    ids: a page that asks for the password of another user than `user_id` is not filled. A `whole` step is for pages that
    ask for everything at once: it is passed over where not all of its fields (and more than one) are on the screen.
    `sends_itself`: its code may be sent by the page itself at the last digit, so the button waits half a second for that.
    """

    name: str
    values: Mapping[Field, str | SecretStr | Otp]
    press: str
    refused: type[CredentialsRejected | OtpRejected]
    reply: str | tuple[str, ...] = ""
    wants: Callable[[Mapping[str, Any]], str] | None = None
    shown_as: str = ""
    whole: bool = False
    sends_itself: bool = True


@dataclass(frozen=True)
class Turn:
    """Something to press once on the way, when the screen is not yet the one that a step needs.

    `when` names the situation: `start` (nothing entered yet), `other_code` (it asks for a code that we cannot make),
    `other_user` (it asks for another user's password), or the name of the turn that must have been pressed before.
    """

    name: str
    when: Situation | str
    press: str
    css: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tick:
    """A box to tick before a form is sent, such as "I accept the terms". `label` is a pattern for what stands beside it."""

    name: str
    label: str
    css: tuple[str, ...] = ()


@dataclass(frozen=True)
class Script:
    """One broker's login: its steps in order, its turns and ticks, and the consent that a first use asks for.

    `consent` is a pattern for the button that allows the app, `consent_at` one for the path of the page it is on, and
    `consent_titled` one for that page's title, where it has no path of its own.
    """

    steps: tuple[Step, ...]
    turns: tuple[Turn, ...] = ()
    ticks: tuple[Tick, ...] = ()
    consent: str = r"^(authori[sz]e|allow|approve|grant( access)?)$"
    consent_at: str = ""
    phrases: Mapping[type[AutologinError], str] = field(default_factory=dict)
    """The broker's own words for an error, tried before the common ones."""
    patience: float = 0.0
    """Seconds that the first page may stay blank, where that is longer than usual (large apps)."""
    consent_titled: str = ""


COMMON: dict[type[AutologinError], str] = {
    CaptchaRequired: r"captcha|verify (that )?you(’|'| a)re (a )?human|not a robot|checking your browser|just a moment",
    PageChanged: r"access denied|error 10(06|10|15|20)\b|sorry, you have been blocked|unusual traffic|request blocked",
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
NO = r"\b(invalid|incorrect|wrong|mismatch|not match|not valid|not registered|not recogni[sz]ed|failed|refused)\b"
"""A refusal of what was just sent, whatever it was."""
ATTEMPTS_LEFT = re.compile(
    r"(\d+)\s+(?:more\s+)?(?:attempts?|tries|chances?)\b|attempts?\s+(?:left|remaining)\D{0,4}(\d+)", re.IGNORECASE
)


JSON_MESSAGE = re.compile(r'"(?:message|error_description|error|emsg)"\s*:\s*"((?:[^"\\]|\\.)+)"')


def meaning(text: str, script: Script, step: Step | None) -> AutologinError | None:
    """The error that a line of the broker's means, None where it means none.

    `step` is the one that was just sent: plain words of refusal mean that step's error. The script's own phrases are looked
    for in all of a JSON answer (a code is as good as words), the common ones in its message only.
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
    """What a line says; of JSON that a browser shows as it came (perhaps cut off), the message in it."""
    found = JSON_MESSAGE.search(line) if line.lstrip().startswith("{") else None
    return found.group(1).replace('\\"', '"') if found else line


def attempts_left(text: str) -> int | None:
    """How many attempts a message says are left."""
    match = ATTEMPTS_LEFT.search(text)
    return int(match.group(1) or match.group(2)) if match else None
