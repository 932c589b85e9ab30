"""What the words of a broker mean: one table, for pages, API logins, exchanges and verify calls.

`TABLE` is read from above: what matches first is meant. It is asked for each statement of a message
by itself; a question, a condition and a piece of advice ("If your code is refused, ...") state
nothing. What a flow knows of its own broker stands before it. Words that leave it open what was
refused mean nothing: nobody is blocked by them, and nothing is sent again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

from autologin.errors import (
    AccountLocked,
    AutologinError,
    BrokerUnavailable,
    CaptchaRequired,
    ConsentRequired,
    CredentialsRejected,
    ExchangeRejected,
    OtpNotAvailable,
    OtpRejected,
    PageChanged,
)
from autologin.flow.counts import attempts_left
from autologin.flow.script import LoginScript, Step
from autologin.quoting import quotable

Place = Literal["page", "answer"]
LONGEST = 1000
"""Characters of a message that are read."""
BARRED = 300.0
"""Seconds after which a login may be sent again to what bars the way to the broker: a firewall that
said no once says no again, and each time it may be the broker that counts a wrong entry."""


@dataclass(frozen=True)
class Meaning:
    """What certain words mean.

    `words`, `unless` and `never` are patterns, in which capitals do not matter, for a statement in
    plain letters (`plain`): `unless` is what must not stand in the same statement, `never` what
    must stand in none of them, `beside` what must stand in one of them too. `place` names where
    alone the words mean that: a page says much in passing that is an answer only where it is the
    broker's reply to a call of ours, and the other way round. `hint` says what to do, where the
    error's own hint does not; `pause` are the seconds after which a login may be tried again.
    """

    kind: type[AutologinError]
    words: str
    unless: str = ""
    never: str = ""
    beside: str = ""
    place: Place | None = None
    hint: str | None = None
    pause: float | None = None


# The nouns. They are looked for in plain letters: "T-OTP" and "one-time password" are "otp" there.

OTP = (
    r"\b(otps?|authenticator|2fa|(two|second)[ -]?(factor|step)|2[ -]?step|time[ -]?based"
    r"|(verification|security|authentication|log-?in) code|(\d|six)[ -]?digit code)\b|ओ ?टी ?पी"
)
PASSWORDS = (
    r"\b(pass ?(word|code|phrase)|m?pin|credentials?)\b"
    r"(?!\W+(encrypt|encod|decrypt|decod|hash|algorithm|salt|policy|service|server|module|version))"
    r"|पासवर्ड|(?<!\S)पिन(?!\S)"
)
PERSONS = (
    r"\b(ucc|(user|client|customer|member|account|profile|mobile|phone|e-?mail)"
    r"( ?(id|name|code|number|no)\b)?|log-?in ?(id|name|code))\b"
    r"(?!\W+(session|type|request|token|state|status|response|app|secret|segment|attempt)s?\b)"
)
LOGIN = rf"{PERSONS}|\blog-?in\b(?!\W+(session|type|request|token|state|status|attempt)s?\b)"
APP = (
    r"\b((api|app|application|vendor|consumer|encryption|public)[ -]?(key|secret|code|id|token)"
    r"|(x-|neo-?fin-)?(api|user)[ -]?key|api subscription"
    r"|(client|key) secret|client ?id|redirect[ _-]?ur[il]|check ?sum|app(lication)?)\b"
    r"(?!\W+version)"
)
KEY_NAME = r"(api|app|application|consumer|vendor|encryption) ?(key|secret)"
IP = r"(?<![a-z])ips?(?![a-z])|\b(static|public|network|source|internet) address\b"
LITERAL_IP = r"(?<![\w.])\d{1,3}(\.\d{1,3}){3}(?![\w.])"

# The verbs.

WRONG = (
    r"\b(invalid|incorrect|not (correct|right)|wrong|bad|mismatch(ed)?|(do(es)?|did) ?n[o']?t match"
    r"|not match(ed|ing)?|not valid|not recogni[sz]ed|unrecogni[sz]ed|expired|rejected"
    r"|not (be )?(verified|validated|authenticated)|(verification|validation) (has )?failed"
    r"|failed(?! to (send|generate|deliver|load|fetch|connect|process))|unsuccessful"
    r"|already (been )?used)\b"
    r"|गलत|ग़लत|अमान्य"
)
RIGHT = r"\b(valid|correct|right|proper)\b"
ASKS = r"\b(enter|check|provide|use|type|try|verify|confirm|re-?enter)\b"
MISSING = (
    r"\b(not found|does ?n[o']?t exist|not exist|unknown|unregistered|not registered"
    r"|not recogni[sz]ed|inactive|not active|revoked|suspended|disabled|blocked|deactivated"
    r"|mismatch(ed|ing)?|not match|did not match|not authori[sz]ed|unauthori[sz]ed)\b"
)
OFF = (
    r"\b(not (yet )?(been )?(enabled|activated|active|set ?-?up|configured|registered|enrolled"
    r"|linked|opted)|disabled|inactive|deactivated)\b"
)
SHUT = r"(locked( out)?|blocked|barred)"
CLOSED = r"(suspended|deactivated|frozen|froze|freezed|terminated)"
ASLEEP = r"(dormant|inactive|not active|not activated|closed|disabled)"
PERSON = (
    r"(accounts?|profile|log-?in( id)?|(user|client|customer) ?(id|code|name)|ucc|m?pin|password"
    r"|otp|2fa)"
)
WARNS = (
    r"\b(before|(will|would|may|might|can|could|shall|to) (be|get|lead|result|cause)|avoid|prevent"
    r"|gets?|getting|being|after (which|that)|otherwise|failing|risk)\b"
)
"""What makes a lock one that is to come: "4 attempts left before the account gets blocked"."""
OF_A_PART = r"(segments?|exchanges?|nse|bse|mcx|nfo|cds|stocks?|scrips?|symbols?|instruments?)"
OTHER_THINGS = (
    rf"\b(requests?|address(es)?|firewall|security policy|traffic|browser|user.?agent|devices?|vpn"
    rf"|country|region|site|website|page|contracts?|orders?|trades?|trading|cards?|resource"
    rf"|database|table|files?|records?|row|thread|process|api|apps?|application|keys?|{OF_A_PART}"
    rf"|you (have been|are|were) blocked)\b|{IP}"
)
"""What can be blocked beside an account. No unlocking of the account would mend that."""
NO_LOCK = (
    rf"{WARNS}.{{0,40}}\b{SHUT}|\b(not|never|no longer) {SHUT}|जाएगा|जायेगा|सकता"
    rf"|(\b{KEY_NAME}|\b(api|apps?|application|{OF_A_PART}))\W+(\w+\W+){{0,5}}?{SHUT}\b"
    rf"|\b{SHUT}\W+(for|in|on)\W+(\w+\W+){{0,4}}?{OF_A_PART}\b"
)
TRIES = r"(attempts?|entries|tries|retries|retry)"
RUNS_OUT = r"(exceeded|exhausted|reached|crossed|used up|over)"
FAILED = r"(wrong|failed|failing|incorrect|invalid|unsuccessful|bad|failures?|mismatch(es|ed)?)"
MANY = (
    r"(twice|thrice|(\d+|two|three|four|five|six|several|many|multiple|too many) ?times"
    r"|repeated(ly)?|multiple|several|numerous|consecutive(ly)?|successive(ly)?|continuous(ly)?"
    r"|too many|many|(\d+|two|three|four|five|six) (\w+ ){0,2}?(failed|wrong|invalid|incorrect))"
)
STOPPED = rf"({SHUT}|{CLOSED}|disabled|paused|put on hold|on hold|restricted|barred)"
A_WHILE = (
    r"(\d+|an?|one|two|three|few|some|next|half)[ -]?(\w+ ){0,2}?"
    r"(m|mins?|minutes?|h|hrs?|hours?|days?)\b"
)
NOT_THE_LOGIN = (
    rf"\b(address(es)?|firewall|traffic|browser|vpn|country|region|website|contracts?|orders?"
    rf"|trades?|cards?|resource|database|files?|api|apps?|application|keys?|market|{OF_A_PART}"
    r"|services?|servers?|systems?|sessions?|connections?|headers?|gateway|maintenance|upgrade"
    r"|release|deployment|technical|kyc|requests? (is |was |has |been )*(blocked|restricted))\b"
    rf"|{IP}|^(?!.*\b(account|user|client|log-?in|otp)\b).*\btrading\b"
)
"""What else can be stopped for a while."""
TRIED = (
    rf"({OTP}|{PASSWORDS}|\b{TRIES}\b|\b(log-?ins?|sign-?ins?|verifications?|authentications?)\b)"
)
FAILED_OFTEN = rf"^(?=.*{TRIED}).*(\b{FAILED}\b.{{0,60}}\b{MANY}\b|\b{MANY}\b.{{0,60}}\b{FAILED}\b)"
STOPS_LATER = (
    rf"{WARNS}.{{0,40}}\b{STOPPED}|\b(not|never|no longer) {STOPPED}|जाएगा|जायेगा|सकता"
    r"|\b(re-?send|re-?sent|request (a )?new)\b"
)
A_PACE = (
    r"rate.?limit|access.?rate|\bthrottl|too many (\w+ ){0,2}(requests?|calls|hits)"
    r"|\b(requests?|calls|quota)( limit| count)? (\w+ ){0,2}(exceeded|reached|exhausted)"
)
ONLY_A_PACE = rf"^(?!.*\b({FAILED}|attempts?)\b).*({A_PACE})"
"""Too many calls, without a word of failures: no lock."""
CLOCK = r"\d{1,2}([:.]\d\d)? ?([ap]\.?m\b|hrs\b|hours\b|ist\b|(?=to |and |till |until |- ?\d))"
AT_A_TIME = (
    rf"\b(allowed|permitted|possible|available|enabled|accepted|open|closed|unavailable|log-?in"
    rf"|again|later|{SHUT}|disabled|restricted)\W+(\w+\W+){{0,3}}?"
    rf"(between|from|before|after|during|at|by)\W+{CLOCK}"
    r"|\b(log-?in|trading|service|session|access) (window|hours?|time) "
    r"(is |are |has |was |been |not )*(closed|over|open|ended|started)"
)
"""A login that comes at the wrong hour."""
RUNS_NOW = (
    r"\b(another|previous|earlier|other|existing|prior) (\w+ ){0,3}?(log-?in|request|attempt"
    r"|authentication|session|process|transaction)\W+(\w+\W+){0,4}?"
    r"(in[ -]progress|running|ongoing|on-?going|under ?way|under process|being processed)"
    r"|\b(log-?in|request|authentication|validation|verification)( request| process)? "
    r"(is |was |has been )?(already |still |currently )*(in[ -]progress|being processed"
    r"|under process)|\balready (in[ -]progress|being processed|running)\b"
)
"""Another login that has not ended."""


def _near(left: str, right: str, words: int = 5) -> str:
    """One within so many words before the other, or behind it."""
    gap = rf"\W*(?:[^\W]+\W+){{0,{words}}}?\W*"
    return rf"(?:{left}){gap}(?:{right})|(?:{right}){gap}(?:{left})"


REFUSES_OTP = (
    rf"{_near(WRONG, OTP)}|{ASKS}\W+(\w+\W+){{0,3}}{RIGHT}\W+(\w+\W+){{0,2}}({OTP})"
    r"|\b(invalid|incorrect|wrong|expired) code\b"
    r"|(^|\bthe |\bthis |\byour )code (you (have )?entered )?(is |was |has )?"
    r"(invalid|incorrect|wrong|expired|not (valid|correct))"
)
REFUSES_PASSWORD = (
    rf"{_near(WRONG, PASSWORDS)}|{ASKS}\W+(\w+\W+){{0,4}}{RIGHT}\W+(\w+\W+){{0,3}}({PASSWORDS})"
    rf"|\bcheck\W+(your|the)\W+(\w+ (and|or) )?({PASSWORDS})"
    r"|\bpassword (is |has )?(been )?expired"
)
REFUSES_LOGIN = (
    rf"\b(invalid|incorrect|wrong|unknown|unregistered|no such|bad)[^\w:]+(input\W+)?({LOGIN})"
    rf"|({PERSONS})\W+(\w+\W+){{0,4}}(not found|do(es)? ?n[o']?t exist|not exist|not registered"
    r"|not recogni[sz]ed|is (invalid|incorrect|wrong|unknown)|invalid|incorrect"
    r"|did ?n[o']?t match|do(es)? ?n[o']?t match|not match)\b"
    rf"|{ASKS}\W+(\w+\W+){{0,2}}{RIGHT}\W+(\w+\W+){{0,2}}(user|log-?in|client)"
    r"|(log|sign)-?.?in (attempt )?(was )?(not successful|unsuccessful)"
    r"|\b(could not|couldn't|cannot|can't|unable to) (log|sign) you in with"
    r" (the|th[eo]se|this|that)\b"
    r"|\bmatch our records|not associated with any account"
    r"|(not|n't) recogni[sz]e (that|this|your|the) (\w+ or )?"
    r"(user|e-?mail|account|password|credential|log)"
)
REFUSES_APP = (
    rf"\b(invalid|incorrect|wrong|unknown|unregistered|unauthori[sz]ed|expired|inactive"
    rf"|mismatching|mismatched|bad)\W+(\w+\W+){{0,1}}?({APP})"
    rf"|({APP})\W+(\w+\W+){{0,7}}?(is |was |has )?(invalid|incorrect|wrong|expired|not valid)\b"
    rf"|({APP})\W+(\w+\W+){{0,7}}?{MISSING}"
    r"|\bnot enabled for (the|this) app\b|invalid client\b|unauthorized client"
    r"|\b(unknown|unregistered) client|\bclient( is)? (not found|unknown|not registered|invalid)"
)
REFUSES_A_SECRET = f"{REFUSES_OTP}|{REFUSES_PASSWORD}|{REFUSES_LOGIN}|{REFUSES_APP}"
"""A no to what was sent, which "try again later" beside it does not make an outage."""
NAMES_BOTH = (
    rf"^(?=.*({WRONG}))(?=.*({OTP}))"
    rf"(?=.*({PASSWORDS}|{KEY_NAME}|(\b(or|and)\b|[/,]) ?({LOGIN})))"
)
"""Such words leave open which of them was refused."""
OTHER_THAN_OTP = rf"{REFUSES_PASSWORD}|{REFUSES_LOGIN}|{_near(WRONG, KEY_NAME)}|{NAMES_BOTH}"
SERVER_FAULT = (
    r"\b(server|system|internal|backend|back-end|gateway|database|technical|network|upstream|oms)"
    r" (\w+ )?(error|failure|fault|exception|issue|problem|glitch)\b"
)
"""A fault that is named as the broker's own, whatever else the sentence blames."""
PLANNED = (
    r"\b(will be|shall be|would be) (\w+ )?(under|down|unavailable|undergoing|closed)"
    r"|\bon (mon|tues|wednes|thurs|fri|satur|sun)day|\b(tonight|tomorrow|this weekend)\b"
    r"|\b(from|between) \d"
)
"""News of an outage that is to come."""
RESEND = r"\b(re-?send|re-?sent|request (a )?new)\b"

REGISTER = "Register this machine's address with the broker, then run it again."
OUT_OF_USE = (
    "Only the broker can make it usable again: settle that there, then run "
    "`autologin unblock NAME`."
)
KYC = "Settle your KYC with the broker, then run it again."
SET_A_NEW_ONE = "Set a new password with the broker, and write it into the config."

PACE = Meaning(
    BrokerUnavailable,
    r"rate.?limit|access.?rate|\bthrottl|too many (\w+ ){0,3}(requests?|calls|hits)"
    rf"|too many .*({IP})|too many (active|concurrent)"
    r"|\b(requests?|calls|quota)( limit| count)? (\w+ ){0,2}(exceeded|reached|exhausted|over)"
    r"|\bexceed\w* (\w+ ){0,5}(requests?|calls|rate|quota)\b|\bonce (in )?every\b"
    r"|\bonly one (\w+ ){0,5}(every|per|in)\b|\bslow down\b",
    unless=RESEND,
    never=REFUSES_A_SECRET,
)
"""Too many calls. It is believed whoever says so: a gateway counts them too."""
TABLE: tuple[Meaning, ...] = (
    # What is not the broker's, but stands in its way.
    Meaning(
        CaptchaRequired,
        r"captcha|verify (that )?(you('re| are)|ur) (a )?human|not a robot|verifying you are human"
        r"|checking your browser|just a moment",
    ),
    Meaning(
        PageChanged,
        r"access denied|error 10(06|10|15|20)\b|sorry, you have been blocked|unusual traffic"
        r"|request blocked",
        place="page",
    ),
    # A login at the wrong hour, which such words as "blocked" make no lock.
    Meaning(
        BrokerUnavailable,
        AT_A_TIME,
        never=rf"{REFUSES_A_SECRET}|\b{TRIES}\b|\baccount\b",
        place="answer",
    ),
    # A lock.
    Meaning(
        AccountLocked,
        rf"\b{STOPPED}\W+(\w+\W+){{0,3}}?(for|until|till)\W+(\w+\W+){{0,3}}?{A_WHILE}",
        unless=f"{STOPS_LATER}|{NOT_THE_LOGIN}",
        never=ONLY_A_PACE,
    ),
    Meaning(
        AccountLocked,
        rf"\b{FAILED}\b.{{0,60}}\b{MANY}\b.{{0,60}}\b{STOPPED}\b"
        rf"|\b{MANY}\b.{{0,60}}\b{FAILED}\b.{{0,60}}\b{STOPPED}\b"
        rf"|\b{STOPPED}\b.{{0,60}}\b{MANY}\b.{{0,60}}\b{FAILED}\b"
        rf"|\b{STOPPED}\b.{{0,60}}\b{FAILED}\b.{{0,60}}\b{MANY}\b"
        rf"|\b{STOPPED}\W+(\w+\W+){{0,3}}?(due to|because of|owing to|following|on account of"
        rf"|after)\W+(\w+\W+){{0,4}}?({FAILED}\W+(\w+\W+){{0,2}}?{TRIED}|\b{TRIES}\b)",
        unless=f"{STOPS_LATER}|{NOT_THE_LOGIN}",
    ),
    Meaning(
        AccountLocked,
        rf"\b({PERSON}|access|you|authentication|verification)\W+(\w+\W+){{0,4}}?{STOPPED}\b",
        unless=f"{STOPS_LATER}|{NOT_THE_LOGIN}",
        beside=FAILED_OFTEN,
    ),
    Meaning(
        AccountLocked,
        r"\b(try|retry|log ?in|wait)( again)? (after|in|for) (\w+ ){0,2}?\d+ ?"
        r"(m|mins?|minutes?|h|hrs?|hours?|days?)\b",
        unless=f"{STOPS_LATER}|{NOT_THE_LOGIN}",
        beside=FAILED_OFTEN,
    ),
    Meaning(
        AccountLocked,
        rf"\btoo many (\w+ ){{0,2}}{FAILED} (\w+ ){{0,4}}"
        r"(requests?|calls|hits|otps?|m?pins?|passwords?|codes?|times|submissions|verifications"
        r"|validations|authentications|log-?ins)\b"
        rf"|\btoo many (\w+ ){{0,3}}(requests?|calls|times)\W+(with|due to|for|because of)"
        rf"\W+(\w+\W+){{0,3}}?{FAILED}\b"
        rf"|\b{FAILED} (\w+ ){{0,2}}(requests?|limit|count|times)( limit| count)? "
        rf"(\w+ ){{0,2}}{RUNS_OUT}\b"
        rf"|\b{RUNS_OUT} (\w+ ){{0,5}}{FAILED} (\w+ ){{0,2}}(requests?|otps?|m?pins?|passwords?"
        r"|codes?|limit|count)\b",
        unless=rf"{STOPS_LATER}|{IP}"
        r"|\b(will|would|may|might|can|could|to|avoid|prevent)\W+(\w+\W+){0,2}?(many|be|lead)",
    ),
    Meaning(
        AccountLocked,
        rf"\b{PERSON}\W+((?!(from|to|of|via|by)\b)\w+\W+){{0,5}}?{SHUT}\b"
        rf"|\b{SHUT}\W+(\w+\W+){{0,2}}?(your|the|this)\W+{PERSON}\b"
        rf"|\b(user|client|customer) ((is|was|has|been|got|temporarily) ){{0,3}}{SHUT}\b"
        r"|(खाता|खाते|अकाउंट|यूज़र).{0,30}(लॉक|ब्लॉक|बंद|अवरुद्ध)",
        unless=NO_LOCK,
    ),
    Meaning(
        AccountLocked,
        rf"\b{SHUT}\b",
        unless=f"{NO_LOCK}|{OTHER_THINGS}",
        never=ONLY_A_PACE,
    ),
    Meaning(
        AccountLocked,
        rf"too many (\w+ ){{0,4}}({TRIES}|log-?ins|failures|wrong (otps?|passwords?|m?pins?))\b"
        rf"|\b({TRIES}|otp) (limit |count )?((have|has|is|are) )?(been )?{RUNS_OUT}\b"
        rf"|max(imum)? (\w+ ){{0,5}}({TRIES}|otps?)( limit)? (\w+ ){{0,3}}({RUNS_OUT}|used)\b"
        rf"|\b{RUNS_OUT} (\w+ ){{0,6}}{TRIES}\b"
        r"|\b(multiple|several|repeated|numerous|many|consecutive)"
        r" (\w+ ){0,2}(wrong|failed|incorrect|invalid|unsuccessful) (\w+ ){0,2}"
        rf"{TRIES}\b|बहुत.{{0,20}}(प्रयास|कोशिश)",
        unless=rf"\b(will|would|may|might|can|could|to|avoid|prevent)\W+(\w+\W+){{0,2}}?"
        rf"(lock|block|lead|result|cause|suspend|disable|get|be|exceed|many|multiple)"
        rf"|\b(avoid|prevent)\b|\bafter\W+(\w+\W+){{0,4}}?(max|exceed|{TRIES})"
        rf"|{IP}|\b(active|concurrent) |जाएगा|जायेगा|सकता",
    ),
    Meaning(
        AccountLocked,
        rf"\b{CLOSED}\b|\b(account|user|profile|client|customer|ucc)( ?(id|code))?"
        rf"\W+(\w+\W+){{0,4}}?{ASLEEP}\b"
        r"|\b(dormant|inactive|disabled) (account|user|client|profile)|voluntar\w+ fr(ee|o)z",
        unless=rf"{WARNS}.{{0,40}}\b({CLOSED}|{ASLEEP})|\b(not|never) {CLOSED}"
        rf"|\b({OF_A_PART}|sessions?|api|apps?|application|keys?|market|orders?|token|ddpi"
        rf"|services?|systems?|servers?|maintenance|upgrade)\b|{OTP}"
        r"|^(?!.*\b(account|user|client)\b).*\btrading\b|\b(investors?|sebi|circular)\b",
        hint=OUT_OF_USE,
    ),
    Meaning(
        AccountLocked,
        rf"\b(accounts?|profile)\W+((?!(from|to|of|via|by)\b)\w+\W+){{0,4}}?{CLOSED}\b",
        unless=rf"{WARNS}.{{0,40}}\b{CLOSED}|\b(not|never) {CLOSED}|\b(investors?|sebi|circular)\b",
        hint=OUT_OF_USE,
    ),
    Meaning(
        ConsentRequired,
        r"\b(e|re)?-?kyc\b.{0,40}\b(pending|incomplete|not (complete|done|verified|updated)|expired"
        r"|failed|due|required|on hold|rejected)"
        r"|\b(pending|incomplete|complete|update|finish|expired)\W+(\w+\W+){0,3}?(e|re)?-?kyc\b",
        place="answer",
        hint=KYC,
    ),
    # A fault that is the broker's own, in the words of a refusal.
    Meaning(
        BrokerUnavailable,
        SERVER_FAULT,
        unless=PLANNED,
        never=rf"^(?!.*{SERVER_FAULT})(?=.*\b(invalid|incorrect|wrong|not (valid|correct|match)"
        rf"|mismatch)).*({REFUSES_A_SECRET})",
        place="answer",
    ),
    # A pace to keep.
    PACE,
    Meaning(
        BrokerUnavailable,
        r"\b(otp|token|request)\W+(\w+\W+){0,2}?already (been )?(initiated|requested|generated)"
        r"|\bwait (for )?(\w+ ){0,3}\d+ ?(s|sec|seconds?|m|min|minutes?|mins)\b"
        r"|\btoo (frequent|frequently|fast|soon|quickly)\b",
        unless=RESEND,
        never=REFUSES_A_SECRET,
        place="answer",
    ),
    # An outage, or "try later".
    Meaning(
        BrokerUnavailable,
        rf"{RUNS_NOW}"
        r"|\b(unable|failed|could not|couldn't|can ?not|can't|not able) (to )?"
        r"(\w+ ){1,6}(at|for) (the|this) (moment|time|instant)\b"
        r"|\b(unable|failed|could not|couldn't|can ?not|can't|not able) (to )?"
        r"(\w+ ){1,6}(right now|just now|currently|now|presently)\b",
        never=REFUSES_A_SECRET,
        place="answer",
    ),
    Meaning(
        BrokerUnavailable,
        r"something (has |have )?(gone|went|is|'s) wrong|some error (has )?occurred"
        r"|\b(try|retry|come back|check back|visit|log ?in|re-?try)( us)?( again| back)?"
        r" (later|shortly|after (some|a while|a few|few|\d)"
        r"|in (some|a few|few|a while|a moment|\d))"
        r"|\b(temporar(il)?y|currently|presently|momentarily)[ -](\w+ ){0,2}"
        r"(unavailable|down|not available|out of service|offline|error|failure|issue|problem)"
        r"|\b(service|server|system|site|website|gateway|backend|back-end|oms|portal|network"
        r"|database|upstream|host|broker|exchange)s?\W+(\w+ ){0,3}?(unavailable|not available|busy"
        r"|down|not responding|offline|unreachable|not reachable|overloaded|time[d -]*out)\b"
        r"|\b(server|system|gateway|backend|network|database|upstream|oms) (error|failure|fault)\b"
        r"|\b(under|undergoing|(down|disabled|suspended|stopped) for|due to|in|ongoing)"
        r"( \w+){0,2} maintenance"
        r"|^\W*(\w+ ){0,2}maintenance( mode| window| break)?\W*$|maintenance (is )?in progress"
        r"|\bback (soon|shortly|online)\b"
        r"|bad gateway|internal (\w+ )?(error|failure|exception)|unexpected (error|problem|failure)"
        r"|\b(unable|failed|could not|cannot|can't) (to )?(process|serve|connect|reach|complete)\b"
        r"|\b(request|connection|operation|call) (has |was )?(timed? ?-?out|refused|reset|lost)\b"
        r"|gateway time-?out|\btime-?out (while|error|occurred)|\berror (while )?connecting"
        r"|technical (error|issue|glitch|difficult|problem|snag|fault|reason)"
        r"|\b(unable|failed|could not|cannot) (to )?(send|generate|deliver)\W+(\w+ ){0,2}otp"
        r"|session (is |was |has )?(been )?expired"
        r"|बाद में.{0,12}(प्रयास|कोशिश)|कुछ (समय|देर).{0,20}(प्रयास|कोशिश)|कुछ गलत|रखरखाव"
        r"|सेवा.{0,20}(उपलब्ध नहीं|बंद)",
        unless=rf"{RESEND}|{PLANNED}|\bfor (your|this) (account|user|client|app|segment|plan)\b",
        never=REFUSES_A_SECRET,
    ),
    Meaning(
        BrokerUnavailable,
        r"request (is |was |has been )?(blocked|rejected by)|sorry, you have been blocked"
        r"|unusual traffic|security policy|firewall|incident id",
        never=REFUSES_A_SECRET,
        place="answer",
        pause=BARRED,
    ),
    # An address that is not registered. The hint is made where the address is known.
    Meaning(
        ExchangeRejected,
        _near(
            IP,
            r"\bnot\b|\b(un\w+|invalid|mismatch\w*|denied|blocked|restricted|forbidden|disallowed"
            r"|different|differs|register\w*|outside|allowed|rejected|required|missing)\b"
            r"|white.?list",
            8,
        )
        + rf"|({LITERAL_IP})\W+(\w+\W+){{0,4}}?\b(not|un\w+|blocked|denied)\b"
        r"|\b(not|un\w+|blocked|denied)\b\W+(\w+\W+){0,4}?"
        rf"({LITERAL_IP})|\b(not |un)white.?listed?\b",
        unless=rf"^(?!.*({IP})).*\b(ur[il]s?|apps?|keys?|domain|otp)\b",
    ),
    # A second factor that is not enabled.
    Meaning(
        OtpNotAvailable,
        rf"({OTP})\W+(\w+\W+){{0,6}}?{OFF}"
        r"|\bnot (yet )?(been )?(\w+ )?(enabled|activated|set ?-?up|configured|registered|enrolled"
        rf"|opted)\W+(\w+\W+){{0,4}}?({OTP})"
        r"|\b(please|kindly|must|need to|have to|required to) (first )?"
        rf"(enable|activate|set ?-?up|register|configure|enrol+)\W+(\w+\W+){{0,4}}?({OTP})"
        rf"|^\W*enable\W+(\w+\W+){{0,2}}({OTP})\W*(first|to (continue|proceed|log ?in))"
        rf"|\bno ({OTP})\W+(\w+ )?(registered|configured|enabled|set)",
        unless=rf"{RESEND}|\bdisabled for \d|\b(faster|safer|better|extra|more) ",
    ),
    # A code.
    Meaning(
        OtpRejected,
        REFUSES_OTP,
        never=rf"{OTHER_THAN_OTP}",
    ),
    # A password or PIN, or the login id.
    Meaning(
        CredentialsRejected,
        r"\bpassword (is |has )?(been )?expired|\b(must|need to|have to|please|kindly) "
        r"(change|reset|update) (your |the )?(login )?password\b",
        unless=r"\bregularly|\bwill expire",
        place="answer",
        hint=SET_A_NEW_ONE,
    ),
    Meaning(CredentialsRejected, f"{REFUSES_PASSWORD}|{REFUSES_LOGIN}", unless=NAMES_BOTH),
    # A key of the app.
    Meaning(CredentialsRejected, REFUSES_APP, unless=NAMES_BOTH),
)
"""What brokers say, and what it means. The order matters: the first that matches is meant."""

CONDITION = re.compile(
    r"\b(if|when|whenever|unless|in case|until|till)\b[^,]*(,|$)|\bonce (?!(in )?(every|per|an?)\b)"
    r"[^,]*(,|$)",
    re.IGNORECASE,
)
NAME = re.compile(r"([A-Z][A-Z0-9_ ]+): (?=.*[a-z])")
"""A refusal's name before its words, such as "INVALID_REQUEST: Login is not allowed"."""
STATEMENT = re.compile(r"(?<=[.!?;|।])\s+|[\n\r]+")
PLAIN = (
    (re.compile(r"[\u200b-\u200f\u2060\ufeff\u00ad]"), ""),
    (re.compile(r"[‘’ʼ`´]"), "'"),
    (re.compile(r"[‐-―−]"), "-"),
    (re.compile(r"(\s*</?[a-zA-Z][^<>]{0,200}>)+\s*"), " "),
    (re.compile(r"_+"), " "),
    (re.compile(r"(\W{4})[^\w\n]+"), r"\1"),
    (re.compile(r"\bt-?[ ]?otps?\b", re.IGNORECASE), "otp"),
    (re.compile(r"\bone[- ]?time[- ]?(pass ?(word|code)|pin|code)s?\b", re.IGNORECASE), "otp"),
)
"""What stands for the same, and what makes it the same."""
CAMEL = re.compile(r"[A-Za-z]+(?:[A-Z][a-z]+)+")
JSON_MESSAGE = re.compile(
    r'"(?:message|error_description|error|emsg)"\s*:\s*"((?:[^"\\]|\\.)+)"',
)
ADVICE = re.compile(
    r"^\W*(please |kindly )?(do not|don't|never|beware|remember|keep|tip)\b"
    r"|^\W*(please |kindly )?(enter|type)\b.*\bto (continue|proceed|log ?in|sign ?in)\W*$"
    r"|\bcan (make|cause|lead|result|fail)\b"
    r"|\b(will|may|might|can|could) (b?lock|disable|suspend)\b"
    r"|^(?!.*(?<!be )(?<!gets )(?<!get )\b(b?locked|disabled|suspended)\b.*\bafter\b)"
    r".*\b(after|more than|within)\W+(\w+\W+)?(\d+|many|multiple|several)"
    r"\W+(\w+\W+){0,3}(attempts?|tries|entries|times)\b"
    r"|\bgets? (b?locked|disabled)\W+after\b",
    re.IGNORECASE,
)
"""A sentence that tells what to do, or the rules of the house."""
NO = re.compile(
    r"\b(invalid|incorrect|wrong|mismatch|not match|not valid|not registered|not recogni[sz]ed"
    r"|(log-?in|sign-?in|authentication|verification|validation) (has |was )?failed|refused)\b",
    re.IGNORECASE,
)
"""A refusal of what was just sent, whatever it was."""
SAYS_NOTHING = (
    r"\W*(((http )?(status |code )?[45]\d\d|error|errors|failed|failure|fail|unauthori[sz]ed"
    r"|(not|un) ?authori[sz]ed|unauthenticated|forbidden|denied|access denied|rejected|refused"
    r"|invalid|bad request|invalid request|no reason|exception"
    r"|((user|request|log-?in|sign-?in|authentication|authori[sz]ation|validation|verification)"
    r" (is |was |has |request |attempt )*(error|failed|failure|unsuccessful|rejected|denied"
    r"|(not|un) ?authori[sz]ed)))( to (perform|access|use|do) (this|the) \w+)?(\W+|$)){1,3}"
)
"""Words that say no more than that it is a no."""
NAMES_APP = re.compile(
    r"(api|app|vendor|consumer|user|encryption)[\s_-]?(key|secret|code)|client[\s_-]?(id|secret)"
    r"|redirect[\s_-]?ur[il]|\bthis app\b|\bapp (is|has)\b",
    re.IGNORECASE,
)
NAMES_LOGIN = re.compile(
    r"\b(ucc|(client|user|login)[\s_-]?(code|id|name)|mobile[\s_-]?(no|number))\b", re.IGNORECASE
)
NAMES_OTP = re.compile(r"\bt?-?otp\b|\bone[- ]time\b|authenticator", re.IGNORECASE)
NAMES_OTHER = re.compile(r"password|user|client|app|key", re.IGNORECASE)
NAMES_PASSWORD = re.compile(r"pass(word|code|phrase)|\bm?pin\b|credentials", re.IGNORECASE)


def classify(text: str, script: LoginScript, step: Step | None) -> AutologinError | None:
    """The error that a line of the broker's means, None where it means none.

    `step` is the one that was just sent: plain words of refusal mean that step's error. The
    script's own phrases are looked for in all of a JSON answer (a code is as good as words), the
    common ones in its message only.
    """
    detail = plain_words(text)
    found = meaning_of(detail, place="page")
    for kind, pattern in (*script.own_phrases.items(), *script.phrases.items()):
        if re.search(pattern, text, re.IGNORECASE):
            # "Too many incorrect OTP attempts" is no OTP that another one could follow.
            locks = found and found.kind is AccountLocked and issubclass(kind, OtpRejected)
            return quoted(AccountLocked if locks else kind, detail, hint=script.hints.get(kind))
    if found and step and step.refused is OtpRejected and found.kind is CredentialsRejected:
        # What was sent was a code, whatever the page calls it: "Invalid PIN".
        own = NAMES_OTP.search(detail) or not NAMES_OTHER.search(detail)
        return quoted(OtpRejected if own else CredentialsRejected, detail)
    if found:
        hint = REGISTER if found.kind is ExchangeRejected else found.hint
        return quoted(found.kind, detail, hint=hint)
    # A form that sent several secrets at once does not tell which of them was refused.
    refused = step and not step.whole and any(map(NO.search, statements_in(plain(detail))))
    return quoted(step.refused, detail) if step and refused else None


def meaning_of(
    words: str, own: Sequence[Meaning] = (), *, place: Place = "answer"
) -> Meaning | None:
    """What a broker's words mean; None where they leave it open.

    `own` is what its flow knows of this broker, and comes first; but a lock is one whatever else
    the words name.
    """
    return _meaning_of(words[:LONGEST], tuple(own), place)


@lru_cache(maxsize=1000)
def _meaning_of(words: str, own: tuple[Meaning, ...], place: Place) -> Meaning | None:
    """A page says the same at each look, and a look is short."""
    statements = [*statements_in(plain(words))]
    found = next((one for one in TABLE if _is_meant(one, statements, place)), None)
    known = next((one for one in own if _is_meant(one, statements, place)), None)
    if known and found and found.kind is AccountLocked and known.kind is OtpRejected:
        return found
    return known or found


def says(kind: type[AutologinError], words: str) -> bool:
    """Whether the words of an API's answer mean this common kind of error, whoever says them."""
    found = meaning_of(words)
    return found is not None and found.kind is kind


def refuses_a_secret(words: str) -> bool:
    """Whether words are a no to a password, a code or a key that was sent, or to its sender.

    They may leave open to which.
    """
    found = meaning_of(words)
    if found:
        return issubclass(found.kind, CredentialsRejected | OtpRejected)
    return any(re.search(NAMES_BOTH, text, re.IGNORECASE) for text in statements_in(plain(words)))


def says_nothing(words: str) -> bool:
    """Whether words say no and nothing else, such as "Unauthorized": a code may say more."""
    return re.fullmatch(SAYS_NOTHING, plain(words).strip(), re.IGNORECASE) is not None


def named_secret(words: str) -> Literal["app", "login id", "password", ""]:
    """Which secret a refusal is about, where its words name one."""
    if NAMES_PASSWORD.search(words):
        return "password"
    if NAMES_APP.search(words) and not NAMES_LOGIN.search(NAMES_APP.sub("", words)):
        return "app"
    return "login id" if NAMES_LOGIN.search(words) else ""


def statements_in(text: str) -> Iterable[str]:
    """What a message states: its sentences without questions, conditions and advice."""
    for sentence in STATEMENT.split(NAME.sub(r"\1\n", text, count=1)):
        stated = "" if sentence.rstrip().endswith("?") else CONDITION.sub(" ", sentence).strip()
        if stated and not ADVICE.search(stated):
            yield stated


def plain(words: str) -> str:
    """A message in plain letters: one spelling, and words for names such as `INVALID_IP`."""
    text = unicodedata.normalize("NFKC", words)
    text = CAMEL.sub(lambda name: re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name[0]), text)
    for pattern, instead in PLAIN:
        text = pattern.sub(instead, text)
    return text


def quoted(kind: type[AutologinError], text: str, *, hint: str | None = None) -> AutologinError:
    """An error of this kind in the broker's own words."""
    said = quotable(text)
    detail = f'The broker said: "{said}"' if said else ""
    if issubclass(kind, OtpRejected):
        return kind(detail, attempts_left=attempts_left(text), hint=hint)
    return kind(detail, hint=hint)


def plain_words(line: str) -> str:
    """What a line says; of JSON that a browser shows as it came, the message in it."""
    found = JSON_MESSAGE.search(line) if line.lstrip().startswith("{") else None
    return found.group(1).replace('\\"', '"') if found else line


def _is_meant(one: Meaning, statements: Sequence[str], place: Place) -> bool:
    if one.place not in {None, place}:
        return False
    words, unless, never, beside = map(_compiled, (one.words, one.unless, one.never, one.beside))
    assert words
    said = any(words.search(text) and not (unless and unless.search(text)) for text in statements)
    said = said and (beside is None or any(map(beside.search, statements)))
    return said and not any(never and never.search(text) for text in statements)


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    return re.compile(pattern, re.IGNORECASE) if pattern else None
