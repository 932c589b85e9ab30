"""What the words of a broker mean: the phrases that pages say no with, and the error of each."""

from __future__ import annotations

import re

from autologin.errors import (
    AccountLocked,
    AutologinError,
    BrokerUnavailable,
    CaptchaRequired,
    CredentialsRejected,
    OtpNotAvailable,
    OtpRejected,
    PageChanged,
)
from autologin.flow.counts import attempts_left
from autologin.flow.script import LoginScript, Step
from autologin.quoting import quotable

IS_LOCKED = r"(?<!not )\b(locked|blocked|suspended|deactivated|frozen)\b"
WARNS = (
    r"\b(before|(will|would|may|might|can|could|shall|to) (be|get)|avoid|prevent|gets?|getting"
    r"|being|after (which|that)|otherwise|failing)\b"
)
"""What makes a lock one that is to come: "4 attempts left before the account gets blocked"."""
COMMON: dict[type[AutologinError], str] = {
    CaptchaRequired: r"captcha|verify (that )?you(’|'| a)re (a )?human|not a robot"
    r"|checking your browser|just a moment",
    PageChanged: r"access denied|error 10(06|10|15|20)\b|sorry, you have been blocked"
    r"|unusual traffic|request blocked",
    AccountLocked: rf"^(?!(?s:.*){WARNS}.{{0,40}}{IS_LOCKED})(?s:.*){IS_LOCKED}"
    r"|\b(account|user|profile)( id)? (is|was|has been) (temporarily )?disabled"
    r"|attempts? (limit )?((have|has) been )?exceeded|too many (\w+ ){0,3}(attempts|entries|tries)"
    r"|max(imum)? (\w+ ){0,2}(tries|retry|retries) (limit )?(reached|exceeded)"
    r"|exceeded (\w+ ){0,3}(tries|retries)"
    r"|^(?!.*\b(if|when|once|after)\b).*(otp (limit )?((have|has) been )?exceeded"
    r"|max(imum)? (\w+ ){0,4}attempts (\w+ ){0,2}(reached|used|exhausted)"
    r"|exceeded (\w+ ){0,5}attempts)",
    OtpNotAvailable: r"^(?!.*\b(if|when|once|until)\b).*\bt-?otp\b( (login|code))?( is| has)?"
    r" not (yet )?(been )?(enabled|activated|set ?up|configured)\b(?!\s*\?)",
    BrokerUnavailable: r"something went wrong|too many requests"
    r"|try (again )?(later|after some)|temporarily unavailable|under maintenance"
    r"|service (is )?unavailable|bad gateway|gateway time-?out|internal server error"
    r"|session (has )?expired",
    CredentialsRejected: r"invalid.{0,4}(api.?key|client.?id|app\b)|not enabled for (the|this) app"
    r"|app (is )?(expired|inactive)",
}
"""What pages say, whoever made them. The order matters: the first that matches is meant."""
IN_ANSWERS: dict[type[AutologinError], str] = {
    OtpNotAvailable: r"\b((t-?)?otp|authenticator|2fa)\b.{0,20}"
    r"\b(not (yet )?(been )?(enabled|activated|active|set ?up|configured|registered)|disabled)\b",
    BrokerUnavailable: r"(try|retry)( again)? (later|after (some|a while|\d)|in (some|a few|\d))"
    r"|temporarily[ _](unavailable|down)|server_error"
    r"|(under|undergoing|down for|due to)( \w+){0,2} maintenance"
    r"|(service|server|system)s? (is |are )?((currently|temporarily) )?"
    r"(unavailable|not available|busy|down|not responding)"
    r"|internal (server )?(error|failure)|unable to (process|serve)( \w+){0,3} request"
    r"|technical (error|issue|glitch|difficult|problem)",
}
"""What an API's answers say besides. A page says such things in passing, to help."""
NO = (
    r"\b(invalid|incorrect|wrong|mismatch|not match|not valid|not registered|not recogni[sz]ed"
    r"|failed|refused)\b"
)
"""A refusal of what was just sent, whatever it was."""
BLOCKS_SOMETHING_ELSE = re.compile(
    r"request (is |was |has been )?blocked|you have been blocked|(?<![a-z])ips?(?![a-z])"
    r"|security policy|firewall",
    re.IGNORECASE,
)
"""A firewall blocks a request or an address, which no unlocking of the account would mend."""
ENTRY = r"\b(t?otp|2fa|pass ?(word|code)|m?pin|code|credentials?|user|client|(api|app).?key)\b"
REFUSES_A_SECRET = re.compile(
    rf"\b(invalid|incorrect|wrong|mismatch|expired)\W+(\w+\W+){{0,3}}{ENTRY}"
    rf"|{ENTRY}\W+(\w+\W+){{0,5}}"
    r"(invalid|incorrect|wrong|mismatch|not match|not valid|not correct|expired)\b",
    re.IGNORECASE,
)
"""A no to what was sent, which "try again later" beside it does not make an outage."""
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
    common = common_kind(detail)
    for kind, pattern in (*script.own_phrases.items(), *script.phrases.items()):
        if re.search(pattern, text, re.IGNORECASE):
            # "Too many incorrect OTP attempts" is no OTP that another one could follow.
            locks = common is AccountLocked and issubclass(kind, OtpRejected)
            return quoted(AccountLocked if locks else kind, detail)
    if common:
        return quoted(common, detail)
    return quoted(step.refused, detail) if step and re.search(NO, detail, re.IGNORECASE) else None


def says(kind: type[AutologinError], words: str) -> bool:
    """Whether the words of an API's answer mean this common kind of error, whoever says them."""
    if kind is BrokerUnavailable and REFUSES_A_SECRET.search(words):
        return False
    if kind is AccountLocked and BLOCKS_SOMETHING_ELSE.search(words):
        return False
    patterns = filter(None, (COMMON[kind], IN_ANSWERS.get(kind)))
    return any(re.search(pattern, words, re.IGNORECASE) for pattern in patterns)


def common_kind(line: str) -> type[AutologinError] | None:
    """What a line of a page's means; None where it means nothing that all brokers share."""
    kinds = (kind for kind, pattern in COMMON.items() if re.search(pattern, line, re.IGNORECASE))
    kind = next(kinds, None)
    return None if kind is BrokerUnavailable and REFUSES_A_SECRET.search(line) else kind


def quoted(kind: type[AutologinError], text: str) -> AutologinError:
    """An error of this kind in the broker's own words."""
    said = quotable(text)
    detail = f'The broker said: "{said}"' if said else ""
    if issubclass(kind, OtpRejected):
        return kind(detail, attempts_left=attempts_left(text))
    return kind(detail)


def plain_words(line: str) -> str:
    """What a line says; of JSON that a browser shows as it came, the message in it."""
    found = JSON_MESSAGE.search(line) if line.lstrip().startswith("{") else None
    return found.group(1).replace('\\"', '"') if found else line
