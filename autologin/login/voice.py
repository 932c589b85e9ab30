"""Whether words are the broker's verdict on what was just sent, or said in passing.

Pages are full of words that only sound like a refusal: hints ("If the code is incorrect ..."),
warnings ("... to avoid getting locked out"), rules, questions, help links, news. What a verdict
means is in flow/phrases.py; here is what is none.

Pure: text in, text or an error out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from autologin.errors import (
    AccountLocked,
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
from autologin.flow.otp import OtpGenerator
from autologin.flow.phrases import SET_A_NEW_ONE, classify, plain_words, quoted
from autologin.flow.script import LoginScript, Step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from autologin.errors import AutologinError

SENTENCE = re.compile(r"(?<=[.!?।])\s+|\s*[\n•|]\s*|(?<=[?!])(?=\w)")
CLAUSE = re.compile(r"\s*(?:[;:()]|,(?!\d)|\s[-–—]+)\s+|\s*[–—]\s*", re.IGNORECASE)
CONDITION = (
    r"if|when|whenever|unless|in case|should you|in the event|once|as long as|provided|suppose"
    r"|while|until|before|after|due to security|for (your|security)"
)
CONDITIONAL = re.compile(
    rf"^\W*(?:{CONDITION})\b|^\W*(?:यदि|अगर|जब|என்றால்|જો|যদি|जर|ಒಂದು ವೇಳೆ|falls|wenn|si|se)\s",
    re.IGNORECASE,
)
"""What begins so states nothing, up to its full stop."""
IF = re.compile(
    r"\b(?:if|unless|whenever|in case|in the event|when (?:you|your|the|it|this|that|an?|any|we)"
    r"|once (?:you|your|the|it)|even (?:if|when)|whether)\b",
    re.IGNORECASE,
)
"""Within a clause, it makes all of it conditional."""
ADVICE = re.compile(
    r"\bwhat to do\b|\bhow to\b"
    r"|^\W*(?:help|support|(?:please |kindly )?note|tips?|hints?|did you know|reminder|remember"
    r"|faqs?|beware"
    r"|caution"
    r"|security (?:tip|notice|advice)|for your (?:safety|security|information)|news?|notice)\b"
    r"(?! (?:was|is|has))",
    re.IGNORECASE,
)
QUESTION = re.compile(r"[?？]\W*$")
ORDER = re.compile(
    r"^\W*(?:please |kindly |then |or |and |you (?:can|may|must|should|need to) |to |tip|note"
    r"|hint|caution|warning|reminder|remember|faq|help|important|new|did you know)*\b"
    r"(?:click|tap|press|reset|unlock|unblock|re-?activate|change|set|check|see|contact|visit|call"
    r"|learn|read|know|use|try|re-?try|write|raise|report|resend|request|download|update|ensure"
    r"|make sure|do ?n[o']?t|never|avoid|keep|remember|beware|be (?:careful|aware|alert)|protect"
    r"|enter|type|fill|provide|submit|verify|wait|close|open|go|(?:log|sign)[ -]?in (?:with|using"
    r"|via|to|again|here|at|from|instead)"
    r"|log ?out|add|get|enable|activate|turn|switch|watch"
    r"|refer|note|stay|secure|forgot|need help|trouble|having|find|manage|view|share|trade|invest"
    r"|what|why|how|where|who|which|can ?not|unable to log|problem|issues?)\b"
    r"(?!\s*(?:again)?\s*[.!]?$)",
    re.IGNORECASE,
)
"""A clause that tells somebody to do something, or names where to go."""
REBUKE = re.compile(
    r"\b(?:re-?)?(?:enter|type|provide|use)\b (?:in )?(?:a |an |the |your )*(?:valid|correct"
    r"|right)\b",
    re.IGNORECASE,
)
"""An order all the same, and a refusal: "Please enter a valid TOTP"."""
TO_COME = re.compile(
    r"\b(?:will|would|shall|may|might|could|can|'ll|going to)\b(?! ?n[o']t\b)"
    r"|\b(?:to|in order to|so as to) (?:avoid|prevent|protect|keep|be|get|stop|ensure|unlock"
    r"|unblock)\b"
    r"|\b(?:avoid|prevent)(?:s|ing)?\b|\b(?:gets?|getting|being)\b|\b(?:before|otherwise|or else)\b"
    r"|\b(?:must|should) not\b|\bnever\b|\bdo(?:es)? not (?:share|enter|use|give|tell)\b",
    re.IGNORECASE,
)
"""What follows it in a clause is not so yet, or is not to be."""
IS_SO = re.compile(
    r"\b(?:is|are|was|were|has|have|had|did|failed|locked|blocked|suspended|disabled|exceeded"
    r"|expired"
    r"|rejected|refused|left)\b",
    re.IGNORECASE,
)
"""A verb: without one, what stands before "will" is only of what will be."""
ELSEWHERE = re.compile(
    r"\b(?:since|previous(?:ly)?|earlier|yesterday|tomorrow|tonight|upcoming|planned|history"
    r"|recent(?:ly)?"
    r"|ago|last (?:(?:successful|failed|unsuccessful|invalid|incorrect) )?(?:log|sign)[- ]?[io]n"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day|weekends?|holidays?)\b"
    r"|\b(?:accounts|users|customers|clients|investors|traders|members|people|anyone|someone"
    r"|somebody"
    r"|everyone|fraud(?:ster)?s?|scams?|scrips?|stocks?|shares|apps|any|every|each|all|always"
    r"|often|sometimes"
    r"|usually|most|some)\b"
    r"|\b(?:kyc|nominees?|nominations?|aadhaa?r|upi|ipo|mandate|orders?|margins?|segments?"
    r"|dividends?"
    r"|funds?|payments?|payouts?|withdrawals?|bank account|promo|coupon|referral|newsletter"
    r"|profile picture"
    r"|market data|charts?|quotes?|watch ?list|prices?|holdings?|portfolio|subscription|cards?"
    r"|cookies?|notifications?|location|camera|fingerprint|browser version)\b"
    r"|\b(?:not|n't) (?:sent|shared?|an?|the|by|via|needed|required|asked|your|from|case)\b"
    r"|\b(?:codes|passwords|otps|pins|entries|attempts|logins) (?:that|which|are|from|older|with)\b"
    r"|^\W*(?:and |but |or )?(?:an?|any|old|older|my|entering|typing|using)\b"
    r"|\band (?:your|the) (?:account|profile|user \w+) (?:is|gets)\b|\bthrice\b"
    r"|\b(?:locks?|blocks?|suspends?|disables?) (?:the|your|an?) \w+"
    r"|^\W*(?:\d+ )?(?:failed|unsuccessful) (?:[\w-]+ )?(?:attempts|logins)\W*$"
    r"|\b(?:noticed|detected|no longer|(?:been|is|was|now) unlocked|re-?use|old (?:password|pin"
    r"|code)|characters?)\b"
    r"|\btrading\b(?! (?:&|and|account|a/?c|user|id|pass))|\b(?:positions|f&o|futures|mcx|nse"
    r"|bse)\b"
    r"|\b(?:pop-?ups?|javascript|biometrics?|(?:face|touch) ?id|passkeys?|google|apple|facebook"
    r"|qr)\b"
    r"|\b(?:wrong|incorrect) (?:clock|time|date)\b"
    r"|^(?!\W*you(?:'ve| have)? (?:entered|typed|used|provided|given)\b).*\d times\b"
    r"|\bexpires?\b|\bexpiring\b|\b(?:remaining|resend|resent)\b|\bvalid (?:for|till|until)\b"
    r"|\b(?:is|are|gets?|becomes?|shown as|marked|treated|considered) (?:\w+ ){0,2}"
    r"(?:locked|blocked|suspended|disabled|invalid|incorrect|wrong|rejected|refused)"
    r" (?:after|when|for \d|every)\b"
    r"|^\W*(?:\w+ )?(?:\d+|two|three|four|five|several|repeated|multiple|too many)? ?"
    r"(?:wrong|incorrect|invalid|failed) (?:\w+ ){0,2}(?:attempts|entries|tries|codes|passwords)"
    r" (?:\w+ ){0,3}(?:locks?|blocks?|suspends?|disables?|leads?|results?|means?)\b",
    re.IGNORECASE,
)
"""It speaks of another time, of others, of another thing, or of what always holds."""
THIS = re.compile(
    r"\b(?:user|client|customer|account|profile|login|log(?:ged)?[- ]?[io]n|sign(?:ed)?[- ]?[io]n"
    r"|access"
    r"|authenticat\w*|authoriz\w*|authoris\w*|verif\w+|validat\w+|attempts?|entry|entries|tries"
    r"|retries"
    r"|pass ?(?:word|code|phrase)s?|m?-?pin|t?-?otp|2fa|codes?|tokens?|credentials?|combination"
    r"|details?"
    r"|id|ucc|(?:user)?name|e-?mail|mobile|phone|number|input|values?|keys?|secret|app|captcha"
    r"|session"
    r"|records?|you|your|authenticator|factor)\b"
    r"|पासवर्ड|(?<!\S)पिन|ओ ?टी ?पी|कोड|खात[ाे]|अकाउंट|यूज़?र|लॉग ?[-]?इन|प्रयास|कोशिश",
    re.IGNORECASE,
)
"""What a verdict on a login speaks of."""
OF_THE_APP = re.compile(
    r"\b(?:api|app|public|vendor|consumer|user|encryption)[\s_-]?(?:key|secret|code|id|type)\b"
    r"|client|redirect[\s_-]?ur[il]|\bapp\b|appli?cation|authcode|not enabled|not associated"
    r"|public key|\bkey\b",
    re.IGNORECASE,
)
"""What an address can name before anything is typed."""
SESSION = re.compile(
    r"\b(?:session|request[ _]?id|transaction|state|csrf|nonce)s?\b", re.IGNORECASE
)
A_SECRET = re.compile(
    r"\b(?:t?-?otp|2fa|pass ?(?:word|code)|m?-?pin|codes?|credentials?|user|client|key)\b",
    re.IGNORECASE,
)
OWN_WORDS = {
    True: re.compile(
        r"\bt?-?otp\b|\bcodes?\b|\b2fa\b|authenticator|\bverif|\bvalidat", re.IGNORECASE
    ),
    False: re.compile(
        r"pass ?(?:word|code|phrase)|\b(?:user|client|customer)[\s_-]?(?:id|name|code)?\b"
        r"|credential"
        r"|\bm?-?pin\b|\b(?:mobile|phone)\b|\be-?mail\b|\b(?:log|sign)[- ]?[io]n\b|authentic",
        re.IGNORECASE,
    ),
}
"""What is a step's own in a refusal: of one that sends an OTP, and of one that sends anything
else."""
OTHERS = re.compile(
    r"\b(?:requests?|sessions?|responses?|devices?|browsers?|versions?|platform|checksum|signature"
    r"|tokens?|parameters?|payload|json|content|headers?|referr?er|origin|method|urls?|state"
    r"|inputs?"
    r"|data|operations?|transactions?|services?|api|apps?|ips?|address|network|connection|time"
    r"|timestamp|server|system|calls?|fields?|format|action|page|form|csrf|nonce|load|fetch)\b",
    re.IGNORECASE,
)
"""What else may be refused: where a refusal names one of these alone, no secret is meant."""
OUTAGE = re.compile(
    r"\b(?:under|undergoing|perform\w*|scheduled|planned|ongoing|some|for|in|to|due to|site|system"
    r"|server|emergency|routine|urgent) (?:\w+ ){0,3}?maintenance\b(?! (?:charge|fee|margin|cost))"
    r"|\bmaintenance (?:mode|in progress|is|break|window|work|page|activity|notice)\b"
    r"|^\W*(?:\w+ ){0,2}maintenance\W*$"
    r"|\bback (?:soon|shortly|online|up|in (?:a|some|\d)|by \d|at \d)"
    r"|\b(?:temporar\w+|currently) (?:\w+ )?(?:unavailable|down|offline|out of|not available|busy)"
    r"|\b(?:services?|site|web-?site|server|system|application|app|portal|page|platform|network"
    r"|gateway)s?"
    r" (?:(?:is|are|has|currently|temporarily|been) ){0,3}"
    r"(?:unavailable|down|offline|overloaded|not available|not responding|busy|timed? ?-?out)\b"
    r"|\bout of service\b|\btechnical (?:difficult|issue|glitch|snag|problem|error|fault)"
    r"|\bbad gateway\b|\bgateway time-?out\b|\binternal (?:server )?error\b|\btoo many requests\b"
    r"|\b(?:heavy|unusually high|high) (?:load|traffic)\b"
    r"|\b(?:are|is|being|we're) upgrad(?:ing|ed)\b|\bscheduled (?:\w+ )?(?:downtime|upgrade"
    r"|outage)\b"
    r"|\bsomething went wrong\b|\btry (?:again )?(?:later|after)\b|\berror 5\d\d\b"
    r"|^\W*(?:http )?50[0-4]\W*(?:$|bad|internal|service|gateway|error|server)"
    r"|रखरखाव|मेंटेनेंस|பராமரிப்பு|जल्द (?:ही )?वापस",
    re.IGNORECASE,
)
"""What a page says that stands in place of the one that was asked for, because that is down."""
BARRIER = re.compile(
    r"\baccess (?:to this \w+ )?(?:is |has been |was )?(?:denied|forbidden|blocked|restricted)"
    r"|^\W*(?:http |error )?40[13]\W*(?:forbidden|unauthori[sz]ed|authorization required)?\W*$"
    r"|^\W*(?:forbidden|unauthori[sz]ed|not authori[sz]ed|authorization required)\W*$"
    r"|\berror (?:code:? )?10\d\d\b|\byou have been blocked\b|\bunusual traffic\b"
    r"|\b(?:request|ip(?: address)?|connection) (?:\w+ ){0,2}(?:blocked|rejected|denied"
    r"|unsuccessful)\b"
    r"|\bincident id\b|\bweb application firewall\b|\bray id\b|\breference #\s?[\d.]+",
    re.IGNORECASE,
)
"""What something in front of the broker says."""
CHALLENGE = re.compile(
    r"captcha|turnstile|just a moment|checking (?:if the site|your browser)"
    r"|(?:verify|verifying|confirm)(?: that)? you(?:’|'| a)re (?:a )?(?:human|not a (?:ro)?bot)"
    r"|are you (?:a )?(?:human|robot)|not a robot|human verification|press (?:&|and) hold"
    r"|challenge-platform|cf-chl|enable javascript and cookies to continue",
    re.IGNORECASE,
)
PROTECTED = re.compile(r"\bprotected by\b.{0,20}captcha", re.IGNORECASE)
"""A line in small print that is no challenge."""
NEWS = re.compile(
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\btomorrow\b|\btonight\b|\bupcoming\b"
    r"|\bplanned\b"
    r"|\bwill (?:be|undergo|remain|not be)\b(?! (?:right )?back)",
    re.IGNORECASE,
)
"""A page speaks so of an outage that is yet to come."""
RANK = (
    AccountLocked,
    CaptchaRequired,
    ConsentRequired,
    OtpNotAvailable,
    OtpRejected,
    CredentialsRejected,
    PageChanged,
    BrokerUnavailable,
    ExchangeRejected,
)
"""Which of several verdicts counts. "Oops, something went wrong" is often the heading of a page
that says below what it was."""
PLAIN = LoginScript(())
EXPIRED = re.compile(
    r"\b(?:pass ?(?:word|code|phrase)|m?-?pin)s?"
    r" (?:(?:has|have|is|was|already|been) ){0,3}expired\b",
    re.IGNORECASE,
)
APP_CODE = re.compile(
    r"\b(?:invalid|incorrect|wrong|expired) app(?:lication)?[\s_-]?code\b"
    r"|\bapp[\s_-]?code (?:\w+ ){0,4}(?:invalid|incorrect|wrong|expired|(?:did|does) not match)\b",
    re.IGNORECASE,
)
"""A code that the broker's own app shows: a step that sends a TOTP was asked for another factor."""
NEW_PASSWORD = "The broker wants a new password to be set first"  # noqa: S105  (a sentence)


def is_statement(text: str) -> bool:
    """Whether a text states something of what was just done.

    A hint, a question, a condition, a warning, a rule, a countdown, a help link and news do not.
    """
    return bool(statement_in(text))


def statement_in(text: str) -> str:
    """What a text states of what was just done: its sentences without what is none."""
    kept = (_stated(sentence) for sentence in SENTENCE.split(plain_words(text)))
    return " ".join(filter(None, kept))


def verdict(text: str, script: LoginScript, step: Step | None) -> AutologinError | None:
    """What a text of the broker's says of what was just sent; None where it is no verdict.

    `step` is the one that was sent last; None: nothing of its own can be meant any more.
    """
    stated = statement_in(text)
    if stated and text.lstrip().startswith("{"):
        stated = text  # a code in a broker's JSON is as good as words
    error = meaning_of(stated, script, step) if stated else None
    if error is None or not _is_about_this(stated, error, step):
        return None
    if isinstance(error, CredentialsRejected | OtpRejected) and is_of_session(text):
        return BrokerUnavailable(error.detail)
    if leaves_open(stated, script, step, error):
        return None
    if isinstance(error, CredentialsRejected) and _has_only_expired(stated, script):
        return PageChanged(f"{NEW_PASSWORD} ({error.detail})", hint=SET_A_NEW_ONE)
    whole = meaning_of(text, script, step)
    return whole if type(whole) is type(error) else error


def verdict_of_all(
    texts: Iterable[str], script: LoginScript, step: Step | None
) -> AutologinError | None:
    """What several texts say together: the gravest of their verdicts."""
    said = list(texts)
    errors = [error for text in said if (error := verdict(text, script, step))]
    if not errors:
        return None
    error = min(errors, key=_rank)
    if isinstance(error, OtpRejected):  # the count often stands in a line of its own
        counts = [left for text in said if (left := attempts_left(text)) is not None]
        error.attempts_left = min(counts, default=None)
    return error


def meaning_of(text: str, script: LoginScript, step: Step | None) -> AutologinError | None:
    """What the table says, but that no TOTP is refused as the code that the broker's app shows."""
    error = classify(text, script, step)
    refused = isinstance(error, CredentialsRejected | OtpRejected)
    if refused and step is not None and _sends_otp(step) and APP_CODE.search(text):
        return quoted(OtpNotAvailable, plain_words(text))
    return error


def _has_only_expired(stated: str, script: LoginScript) -> bool:
    """Whether a password was right, and is only too old."""
    if not EXPIRED.search(stated):
        return False
    return not isinstance(classify(EXPIRED.sub(" ", stated), script, None), CredentialsRejected)


def leaves_open(text: str, script: LoginScript, step: Step | None, error: AutologinError) -> bool:
    """Whether words are a refusal of who knows what: of a request, a device, another step."""
    if step is None or not isinstance(error, CredentialsRejected | OtpRejected):
        return False
    if classify(text, script, None) is not None or names_own(text, step):
        return False  # it is said what was refused
    text = text.replace("_", " ")
    return bool(OTHERS.search(text)) or (_sends_otp(step) and bool(OWN_WORDS[False].search(text)))


def names_own(text: str, step: Step) -> bool:
    """Whether words name what a step sends."""
    kinds = {isinstance(value, OtpGenerator) for value in step.values.values()}
    return any(OWN_WORDS[kind].search(text.replace("_", " ")) for kind in kinds)


def _sends_otp(step: Step) -> bool:
    return all(isinstance(value, OtpGenerator) for value in step.values.values())


def is_of_session(text: str) -> bool:
    """Whether a refusal speaks of the session alone, and so of no secret."""
    plain = text.replace("_", " ")
    return bool(SESSION.search(plain)) and not A_SECRET.search(plain)


def is_conditional(text: str) -> bool:
    """Whether a text only says what would be, or asks."""
    return any(kind.search(text) for kind in (CONDITIONAL, QUESTION, IF, ADVICE))


def names_app(text: str) -> bool:
    """Whether a refusal can be of what stood in the address: nothing was typed yet."""
    return bool(OF_THE_APP.search(text))


def is_outage(texts: Iterable[str]) -> bool:
    """Whether a page that stands in place of another says that the broker is down."""
    return any(OUTAGE.search(text) and not NEWS.search(text) for text in texts)


def is_barrier(texts: Iterable[str]) -> bool:
    """Whether such a page comes from a firewall."""
    return any(text.strip() and BARRIER.search(text) for text in texts)


def is_challenge(texts: Iterable[str]) -> bool:
    """Whether such a page asks for the proof that somebody is human."""
    return any(CHALLENGE.search(text) and not PROTECTED.search(text) for text in texts)


def _rank(error: AutologinError) -> int:
    return next((at for at, kind in enumerate(RANK) if isinstance(error, kind)), len(RANK))


def _stated(sentence: str) -> str:
    """What is left of a sentence: without clauses that state nothing."""
    if not sentence or any(kind.search(sentence) for kind in (QUESTION, CONDITIONAL, ADVICE)):
        return ""
    clauses = [_stated_by(clause) for clause in CLAUSE.split(sentence)]
    return ", ".join(filter(None, clauses))


def _stated_by(clause: str) -> str:
    if REBUKE.search(clause) and not IF.search(clause):
        return clause
    if ORDER.search(clause) or IF.search(clause) or CONDITIONAL.search(clause):
        return ""
    if ELSEWHERE.search(clause):
        return ""
    start, *rest = TO_COME.split(clause, maxsplit=1)
    return start.strip() if not rest or IS_SO.search(start) else ""


def _is_about_this(stated: str, error: AutologinError, step: Step | None) -> bool:
    """Whether a statement speaks of the login; a flow's own words need no proof of that."""
    if not isinstance(error, AccountLocked | CredentialsRejected | OtpRejected):
        return True
    common = classify(stated, PLAIN, step)
    if type(common) is not type(error) or THIS.search(stated.replace("_", " ")):
        return True
    return step is None and names_app(stated)
