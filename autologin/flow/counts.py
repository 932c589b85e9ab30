"""How many attempts a broker says are left: from its words, and from its JSON.

Brokers count what is left, what was used and what failed, and state their rules in the same words
("after 5 failed attempts the account is blocked"). A rule decides nothing, and so does a number
that makes no sense: a wrong one would send one code too many, or give up too early.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

STRIKES = 5
"""Wrong entries after which accounts are blocked, as far as it is known of any broker."""
MOST_DIGITS = 400
"""Python refuses to read thousands of them."""
HIGHEST = 100
"""A count above this is none."""
LONGEST = 2000
"""Characters of a message that are read."""
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
LEFT = r"left|remaining|remain|remains|pending|more|further|additional"
USED = (
    r"used|made|done|failed|failures?|wrong|incorrect|invalid|unsuccessful|bad|exhausted|consumed"
)
KIND = r"log-?in|sign-?in|otp|totp|m?pin|password|code|verification|authentication"
NOUN = r"(?:attempt(?:s\b|\(s\)|\b)|tries\b|try\b|chances?\b|retr(?:y|ies)\b)"
SIZE = rf"(?:\d{{1,3}}|(?<!\w)(?:no|{'|'.join(WORDS)}))(?!\w|[.,]\d)"
# A minus says that a number is negative, unless it is a dash behind a word; "1,000" is no zero.
NUMBER = rf"(?:(?<![\d\-−/])|(?<=[^\W\d_]-))(?<!\d[.,]){SIZE}"
SPELT = r"(?:\s*\(\w+\))?"
"""As in "3 (three) attempts"."""
IS = r"(?:\s+count)?\s*(?:[:=(#–—]|\bis\b|\bare\b|-(?=\s)|(?<=\w)-)?\s*"
OF = r"\s*(?:/|(?:out\s+)?of\b)\s*(?:your\s+|the\s+)?"
RATIO = re.compile(
    rf"(?:(?P<before>have|has|used|made)\s+)?(?P<n>{NUMBER}){OF}(?P<m>{SIZE})\s+"
    rf"(?P<between>(?:(?:{LEFT}|{USED}|{KIND})\s+){{0,4}}){NOUN}(?:\s+(?P<state>{LEFT}|{USED})\b)?"
    rf"|{NOUN}(?:\s+(?P<state2>{LEFT}|{USED}))?{IS}(?P<n2>{NUMBER}){OF}(?P<m2>{SIZE})",
    re.IGNORECASE,
)
COUNT = re.compile(
    rf"(?:(?P<before>have|has|only|just|used|made|had)\s+)?(?P<n>{NUMBER}){SPELT}\s+"
    rf"(?P<between>(?:(?:{LEFT}|{USED}|{KIND}|consecutive|successive)\s+){{0,4}}){NOUN}"
    rf"(?:\s+(?:(?:is|are|were|was)\s+)?(?P<after>{LEFT}|{USED})\b)?",
    re.IGNORECASE,
)
NAMED = re.compile(
    rf"(?:\b(?P<before>{LEFT}|{USED})\s+)?(?:(?:{KIND})\s+){{0,3}}{NOUN}(?:\s+(?P<after>{LEFT}|{USED}))?"
    rf"{IS}(?P<n>{NUMBER})(?!{OF}\d)(?!\s+(?:\w+\s+){{0,3}}{NOUN})"
    rf"(?:\s+(?P<state>{LEFT}|{USED})\b)?",
    re.IGNORECASE,
)
LAST = re.compile(
    r"(?P<past>\b(?:since|in|on|of|from|after|during|at)\s+)?(?:your\s+|the\s+)?"
    r"\b(?:last|final)\s+(?:remaining\s+)?(?:attempt|try|chance)\b"
    r"(?!\s+(?:failed|was|were|had|has|to|unsuccessful|did|made|at|on|is)\b)",
    re.IGNORECASE,
)
RULE = re.compile(
    r"\b(?:after|within|max|maximum|up\s+to|limit|limited|more\s+than|exceed\w*|upon|between|every"
    r"|each|per|if|when|once|unless|at\s+least|or\s+more|allowed|permitted|will|would|may|can"
    r"|lock|locks|block|blocks|leads?|results?|causes?|consecutive|successive)\b",
    re.IGNORECASE,
)
CLAUSE = re.compile(r"(?<=[.;!?])\s+|[\n|]+")
TIMES = r"(?:attempt|retr(?:y|ie)|trie|chance)s?"
LEFT_NAME = re.compile(
    rf"{TIMES}(?:count)?(?:left|remaining)(?:count|before[a-z]*)?$"
    rf"|(?:left|remaining)[a-z]{{0,14}}?{TIMES}(?:left|count)?$"
)
FAILED_NAME = re.compile(
    rf"(?:failed|wrong|invalid|incorrect|unsuccessful)[a-z]{{0,14}}?{TIMES}(?:count|counter)?$"
    rf"|{TIMES}(?:failed|used|made|wrong)$"
)
RULE_NAME = re.compile(r"max|limit|allowed$|permitted$|threshold|reset|last|(?<!one)time")
"""Names are looked at without capitals and signs."""


def read_int(digits: str) -> int | None:
    """An integer of a JSON text; None for one of more digits than any that means something."""
    return int(digits) if len(digits) <= MOST_DIGITS else None


def attempts_left(text: str) -> int | None:
    """How many attempts a message says are left, 0 to 100; None where it does not say."""
    found = [
        left
        for clause in CLAUSE.split(text[:LONGEST])
        for left in _counts_in(clause)
        if left is not None
    ]
    return min(found, default=None)


def attempts_left_in(data: Mapping[str, object]) -> int | None:
    """The count of attempts left, or of those that failed, wherever a broker's JSON has it."""
    left: list[int] = []
    failed: list[int] = []
    waiting: list[object] = [data]
    while waiting:
        here = waiting.pop()
        if isinstance(here, list):
            waiting.extend(here)
        if not isinstance(here, dict):
            continue
        for name, value in here.items():
            waiting.append(value)
            plain = re.sub(r"[^a-z]", "", str(name)[:100].lower())
            number = count_of(value)
            if number is None or RULE_NAME.search(plain):
                continue
            if LEFT_NAME.search(plain):
                left.append(number)
            elif FAILED_NAME.search(plain):
                failed.append(max(STRIKES - number, 0))
    return min(left or failed, default=None)


def count_of(value: object) -> int | None:
    """A count from JSON, 0 to 100; None where it is none: a bool, -1, 2.5, "many", a list."""
    if isinstance(value, str):
        text = value.strip()
        value = int(text) if text.isdecimal() and len(text) <= len(str(HIGHEST)) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= HIGHEST and value == int(value) else None


def _counts_in(clause: str) -> Iterator[int | None]:
    """What each number in a clause says of the attempts left; None where that is nothing."""
    clause = " ".join(clause.split())
    if ratio := RATIO.search(clause):
        yield _of_all(ratio)
        return
    rule = bool(RULE.search(clause))
    for match in COUNT.finditer(clause):
        yield _counted(match, rule=rule)
    for match in NAMED.finditer(clause):
        told = f"{match['before']} {match['after']} {match['state']}"
        if _says(LEFT, told):
            yield _number(match["n"])
        elif _says(USED, told) and not rule:
            yield _less(_number(match["n"]), STRIKES)
    for match in LAST.finditer(clause):
        yield None if match["past"] else 1


def _of_all(match: re.Match[str]) -> int | None:
    """Three are left by "2 of 5 attempts used", two by "2 of 5 attempts left"."""
    done, every = _number(match["n"] or match["n2"]), _number(match["m"] or match["m2"])
    if done is None or every is None:
        return None
    state = f"{match['between']} {match['state'] or match['state2'] or match['before']}"
    return done if _says(rf"{LEFT}|have|has", state) else _less(done, every)


def _counted(match: re.Match[str], *, rule: bool) -> int | None:
    """Three are left by "3 attempts left" and "You have 3 attempts", two by "3 failed attempts"."""
    number = _number(match["n"])
    around = f"{match['between']} {match['after']}"
    if _says(LEFT, around):
        return number
    if _says(rf"{USED}|had", f"{around} {match['before']}"):
        return None if rule else _less(number, STRIKES)
    if match["before"]:
        return number
    return None if rule or number == 0 else number


def _says(words: str, text: str) -> bool:
    return re.search(rf"\b(?:{words})\b", text, re.IGNORECASE) is not None


def _less(done: int | None, every: int) -> int | None:
    return None if done is None else max(every - done, 0)


def _number(text: str) -> int | None:
    word = text.lower()
    if word == "no":
        return 0
    return WORDS.index(word) if word in WORDS else count_of(text)
