"""What somebody else said, made fit to be printed.

A broker's words may hold what nobody has told us is a secret: a token in a friendly message, an
address with a code in it. So what looks like one is cut out of them, whatever it is. What people
need stays: words, codes of errors, dates, IP addresses, short numbers, links without their query.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from autologin.redaction import LONG, MASK, every_secret, scrub

LONGEST = 200
"""Characters of what somebody said that are quoted."""
READ = 4000
"""Characters of it that are read."""
STEERING = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+"
"""Signs that steer a terminal, or begin a line."""
A_JWT = r"\beyJ(?:[\w-]{0,3}\.[\w-]+\.[\w-]*|[\w-]{4,}(?:[.=%][\w.=%-]*)?)"
A_TOKEN = re.compile(
    rf"{A_JWT}|(?<![0-9A-Za-z])[0-9A-Fa-f]{{32,}}(?![0-9A-Za-z])"
    r"|(?<![\w/+-])(?=[\w+-]*[a-z])(?=[\w+-]*[A-Z])(?=[\w+-]*[0-9])[A-Za-z0-9_+-]{40,}={0,2}"
)
"""What is a token beyond doubt, whoever says it."""
A_LINK = re.compile(r"\bhttps?://[^\s\"'<>]+", re.IGNORECASE)
WORD = re.compile(r"[\w+/.~%@\\-]+={0,2}")
"""What is judged as one."""
FIT = re.compile(
    r"(?:\d{1,3}\.){3}\d{1,3}"  # an IPv4 address
    r"|(?:19|20)\d\d[-/.]?[01]\d[-/.]?[0-3]\d(?:T\d\d)?|[0-3]?\d[-/.][01]?\d[-/.](?:19|20)\d\d"
    r"|[A-Z]{2,12}(?:[_.-][A-Z]{1,14}){0,5}[_.-][0-9]{1,6}"  # a code: ERR_TOKEN_EXPIRED_401
    r"|(?:[A-Z]{1,14}[_.-]){0,5}(?:[A-Z]{2,8}[0-9]{1,6}|[A-Z]{9,12}[0-9]{1,3})"  # UDAPI100050
)
A_NAMED_SECRET = re.compile(
    r"""(?ix) \b(
        (?:
            \w{0,30} (?:token|secret|session|jwt|passw(?:or)?d|passcode|bearer|cookie|auth) \w{0,30}
            | [sp]id | m?pin | t?otp | api.?key
        ) ["']? \s* (?:[=:]|\bis\b|\bwas\b) \s* ["']?
        | bearer \s+
    ) (?: (?<=\w=) | (?=[^\s"',;&]*[0-9]) ) ([^\s"',;&<>(){}\[\]]{4,}) """
)
A_SECRET_FIELD = re.compile(
    r"""(?ix) ( ["'] (?P<name> \w{0,30}
        (?:token|secret|session|jwt|passw|passcode|bearer|cookie|auth|seed|signature|otp|api.?key)
        \w{0,30} ) \\* ["'] \s* : \s* \\* ["'] ) ([^\s"'\\]{4,})"""
)
"""A field of JSON that a message holds."""
A_STATE = re.compile(r"status|state|type|error|message|expir|valid", re.IGNORECASE)
"""In the name of a field that tells how it is with a secret."""
A_CODE = re.compile(r"[A-Z]{1,8}[-_]?[0-9]{1,6}|[0-9]{1,4}")
AN_OTP = re.compile(
    r"""(?ix)
    \b( (?:t?otp|m?pin|passcode|one.?time[ ](?:password|code)) \b\W{0,3} (?:is|was)? \W{0,3} )
    (?:\d{4,8}|\d{3}[ -]\d{3})\b
    | \b\d{4,8} (?= \W{1,3} (?:is|as)\b .{0,20} \b(?:otp|pin|code|password)\b )
    | (?<!error[ _])(?<!status[ _])\b
    (?P<code> codes? \b\W{0,3} (?:(?:is|was|sent|entered|used)\b)? \W{0,3} )
    (?:\d{6,8}|\d{3}[ -]\d{3})\b"""
)
A_SEED = re.compile(r"(?<!\w)[A-Za-z0-9]{4}(?:[ -][A-Za-z0-9]{4}){3,}(?!\w)")
"""Four groups of four at least, which may be words."""
A_KEY = re.compile(
    r"(?:(?:tok|sk|pk|rk|sess|gh[oprsu])|[a-z]{2,12}[_-](?:live|test|prod|sandbox))[_-]\w{6,}",
    re.IGNORECASE,
)
"""tok_live_..., sk-..."""
SIMPLE = re.compile(r"[^\W\d_]{0,8}\d{1,7}|\d{1,4}[^\W\d_]{0,4}")
"""A part of a word with a number in it: AB1050, 2FA, 15min."""
LONGEST_NUMBER = 14
"""Digits of a user's id."""
SHORTEST = 4
"""Letters and digits of a secret that is looked for in a spelling of it."""
LONG_PART = 10
"""From this length on a part of a word that is none is a secret."""
LONG_WORD = 16
"""The same of a whole word."""
WITH_NUMBER = 20
LONGEST_PART = 40
MOST_NAMES = 20
"""In the query of an address."""
VOWELS = re.compile(r"[aeiouy]", re.IGNORECASE)
UNWORDLY = re.compile(
    r"[bcdfghjklmnpqrstvwxz]{6}|q(?!u)|[jqvx]{2}|[jqvwxz]k|j[^aeiou]", re.IGNORECASE
)
"""Letters that no long word has in a row."""
ODD_GROUP = re.compile(
    r"(?=.*[a-z]).*[0-9]|[jqv]$|q(?!u)|[bcdfghjklmnpqrstvwxz]{4}"
    r"|^(?![bcfgkps]l|[bcdfgkptw]r|s[cklmnpqtw]|[cgkpstw]h|[gkp]n|ps|[dt]w)"
    r"[bcdfghjklmnpqrstvwxz]{2}",
    re.IGNORECASE,
)
"""What no short word is."""


def quotable(words: object, longest: int = LONGEST) -> str:
    """Somebody else's words, on one line, cut, without secrets and what looks like one.

    "" for what is neither text nor a number: it may hold anything.
    """
    if isinstance(words, bool) or not isinstance(words, str | int | float):
        return ""
    text = " ".join(re.sub(STEERING, " ", scrub(str(words)[:READ])).split())
    text = _cut_spelled(text)
    text = A_LINK.sub(_cut_link, cut_tokens(text))
    text = A_NAMED_SECRET.sub(_cut_named, text)
    text = A_SECRET_FIELD.sub(_cut_field, text)
    text = AN_OTP.sub(lambda found: f"{found[1] or found['code'] or ''}{MASK}", text)
    text = A_SEED.sub(lambda found: MASK if _count_odd(found[0]) > 1 else found[0], text)
    text = WORD.sub(lambda word: MASK if _looks_secret(word[0]) else word[0], text)
    return text if len(text) <= longest else f"{text[:longest].rstrip()}..."


def cut_tokens(text: str) -> str:
    """A text without what is a token beyond doubt; for what is mostly our own words."""
    return A_TOKEN.sub(MASK, text)


def looks_secret(value: str) -> bool:
    """Whether a value of an answer is more likely a token than a word, a name or a number."""
    if A_TOKEN.search(value):
        return True
    return WORD.fullmatch(value) is not None and _looks_secret(value)


def names_user(value: str) -> bool:
    """Whether a user's id that a broker tells may be printed; a token that it put there may not."""
    is_number = value.isdigit() and len(value) <= LONGEST_NUMBER and scrub(value) == value
    return is_number or quotable(value) == value


def _cut_named(found: re.Match[str]) -> str:
    """What is called a secret, but for an error's code or a date: "Unauthorized: EC044"."""
    plain = found[2].rstrip(".:!?")
    harmless = FIT.fullmatch(plain) or A_CODE.fullmatch(plain)
    is_word = re.search(r"token|session|auth|jwt", found[1], re.IGNORECASE)
    return found[0] if harmless and is_word else f"{found[1]}{MASK}"


def _cut_spelled(text: str) -> str:
    """It without known secrets that are spelled (4 7 8 4, K.e.s.t.r.e.l), or written backwards."""
    places = [at for at, sign in enumerate(text) if sign.isalnum()]
    letters = "".join(text[at].lower()[0] for at in places)
    on_page = {letters[at : at + SHORTEST] for at in range(len(letters) - SHORTEST + 1)}
    hidden = bytearray(len(text))
    for secret in every_secret():
        plain = "".join(filter(str.isalnum, secret)).lower()
        for word in (plain, plain[::-1]):
            at = letters.find(word) if word[:SHORTEST] in on_page else -1
            while at >= 0:
                start, end = places[at], places[at + len(word) - 1] + 1
                around = text[start - 1 : start] + text[end : end + 1]
                if len(word) >= LONG or not any(map(str.isalnum, around)):
                    hidden[start:end] = b"\1" * (end - start)
                at = letters.find(word, at + len(word))
    for found in reversed([*re.finditer(b"\1+", hidden)]):
        text = f"{text[: found.start()]}{MASK}{text[found.end() :]}"
    return text


def _cut_field(found: re.Match[str]) -> str:
    harmless = A_STATE.search(found["name"]) or FIT.fullmatch(found[3])
    return found[0] if harmless else f"{found[1]}{MASK}"


def _cut_link(link: re.Match[str]) -> str:
    """An address without what may be secret in it: user, query, and odd parts of its path.

    The names in its query stay: which secret a broker means may stand nowhere else.
    """
    try:
        parts = urlsplit(link[0])
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return MASK
    path = "/".join(MASK if _looks_secret(part) else part for part in parts.path.split("/"))
    place = f"{parts.scheme}://{host}{f':{port}' if port else ''}{path}"
    fields = re.split(r"[&;]", "&".join(filter(None, (parts.query, parts.fragment))))
    names = [field.split("=")[0] if "=" in field else "" for field in fields if field]
    plain = ["" if _looks_secret(name) else name for name in names[:MOST_NAMES]]
    return "?".join(filter(None, (place, "&".join(f"{name}={MASK}" for name in plain))))


def _looks_secret(word: str) -> bool:
    """Whether one word is a secret, by its length and by how unlike words its parts are."""
    plain = word.strip(".-_~@%\\/+")
    if len(plain) < 8 or MASK in word or FIT.fullmatch(plain):
        return False
    if re.search(r"\d{8,}", plain) or A_KEY.fullmatch(plain) or _is_grouped(plain):
        return True
    pieces = re.split(r"[./\\@]", plain)
    if any(len(piece) > LONGEST_PART for piece in pieces):
        return True
    if any(len(piece) >= WITH_NUMBER and re.search(r"\d", piece) for piece in pieces):
        return True
    parts = [part for part in re.split(r"[\W_]+", plain) if part]
    odd = [part for part in parts if not _is_word(part)]
    numbered = [part for part in parts if re.search(r"\d", part) and re.search(r"[^\W\d]", part)]
    in_base64 = "+" in plain and "@" not in plain and re.search(r"[a-z][A-Z]", plain)
    if len(plain) >= LONG_WORD and (odd or len(numbered) >= 3 or in_base64):
        return True
    return any(len(part) >= LONG_PART for part in odd)


def _is_grouped(plain: str) -> bool:
    """Whether it is a key in groups of one length that are no words: ABCDE-FGHIJ-KLMNO."""
    groups = plain.split("-")
    sizes = {len(group) for group in groups}
    return (
        len(groups) > 2
        and len(sizes) == 1
        and max(sizes) > 3
        and _count_odd(plain) > (max(sizes) < 5)
    )


def _count_odd(text: str) -> int:
    """How many of its groups of letters and digits are neither a word nor a number."""
    return sum(1 for group in re.split(r"[ -]", text) if ODD_GROUP.search(group))


def _is_word(part: str) -> bool:
    """Whether letters and digits are a word, or words written together, or a short code."""
    if re.search(r"\d", part):
        return SIMPLE.fullmatch(part) is not None
    if not part.isascii() or len(part) < LONG_PART:
        return True
    pieces = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", part)
    if len(pieces) > len(part) / 3.5 or any(len(piece) > 17 for piece in pieces):
        return False
    if re.fullmatch(r"[a-fA-F]+", part):
        return False
    rare = any(len(piece) >= 10 and _share_of_vowels(piece) < 0.2 for piece in pieces)
    return not rare and not (len(part) >= 12 and UNWORDLY.search(part))


def _share_of_vowels(piece: str) -> float:
    return len(VOWELS.findall(piece)) / len(piece)
