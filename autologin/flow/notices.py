"""Pages between a login and its redirect on which a person decides something for themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable

TERMS = "terms and conditions"
SUBJECTS = {
    TERMS: r"\bterms (and|&|of|or)\b|\bt ?(&|and) ?cs?\b|\bconditions\b|\bpolicy\b"
    r"|\bprivacy\b|\bagreement\b|\bdeclaration\b",
    "a risk disclosure": r"\brisks?\b|\bdisclosures?\b",
    "a nominee": r"\bnomin(ee|ees|ate|ated|ation|ations)\b",
    "a consent": r"\bconsents?\b|\bauthori[sz](e|es|ation)\b|\bpermissions?\b",
}
OURS_TO_ALLOW = {"", "a consent", "something to agree to"}
"""What a page may be about on which an app is allowed to use the account."""
ASKS_FOR_APP = re.compile(
    r"\b(wants?|would like|asks?|request(s|ing|ed)?|allow|grant|authori[sz]\w+|give|connect|link)\b"
    r".{0,80}\b(access|permissions?|app|application|api|account|data|profile)\b"
    r"|\bpermissions?\b|\bthird.?party\b",
    re.IGNORECASE,
)
"""A page that asks whether an app may use the account."""
AGREES = re.compile(
    r"\b(i|we|and) (agree|accept|understand|have read|confirm|acknowledge|declare|undertake)\b"
    r"|^(yes,? )?(agree|accept|allow|approve|acknowledge|confirm|declare|submit|activate|e-?sign)\b"
    r"|\bopt[ -]?(in|out)\b",
    re.IGNORECASE,
)
"""A button that agrees to something, whatever it is about."""
DEFERS = re.compile(
    r"\b(later|skip|not now|remind|another time|no,? thanks?|maybe|dismiss|close|cancel)\b|^\W$",
    re.IGNORECASE,
)
"""A button that puts something off, and so agrees to nothing."""


def find_subject(words: str) -> str:
    """What a text asks a person to decide; "" where it does not."""
    for subject, pattern in SUBJECTS.items():
        if re.search(pattern, words, re.IGNORECASE):
            return subject
    return "something to agree to" if AGREES.search(words) else ""


def subject_of(texts: Iterable[str]) -> str:
    """What a page is about, by its title, its headings and its boxes to tick; "" for a login's."""
    return next(filter(None, map(find_subject, texts)), "")
