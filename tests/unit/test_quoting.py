"""What others said is quoted without what looks like a secret; what people need of it stays."""

from __future__ import annotations

import base64
import random
import string
import time
import uuid

import pytest

from autologin import redaction
from autologin.errors import BrokerUnavailable, ExchangeRejected
from autologin.flow.phrases import quoted
from autologin.quoting import LONGEST, looks_secret, names_user, quotable
from autologin.redaction import MASK

KEPT = [
    "Invalid totp. 3 attempts left",
    "AB1050: Invalid TOTP",
    "UDAPI100050: Invalid token used to access API",
    "IP 203.0.113.7 is not whitelisted",
    "Request from unregistered IP 2001:db8:0:1::7",
    "Session expired on 2026-11-28 03:30:00, log in again",
    "Valid till 28/11/2026 and 28-11-2026T03:30:00+05:30, from 20261128",
    "DH-901: Invalid_Authentication",
    "Error MO8001",
    "Approve it at https://groww.in/trade-api/api-keys.",
    "invalid_grant: Grant request is invalid",
    "TokenException: Incorrect `api_key` or `access_token`.",
    "ERR_TOKEN_EXPIRED_401",
    "AuthenticationFailedException",
    "com.zerodha.kite.exceptions.TokenException",
    "Invalid Input : INVALID_IP",
    "You have 2 of 5 attempts left before AB1234 is locked for 15min",
    "Your PIN must have 4 digits",
    "Error 1017 code: 4001, HTTP 400",
    "Scheduled maintenance 02:00-06:00 IST",
    "Too many requests, retry after 300 seconds",
    "RMS:Blocked for nse_cm NSEEQ",
    "आपका पासवर्ड गलत है",
    "Unauthenticated misconfiguration reauthentication",
    "OAuth2 RFC6749 api/v3 /user/profile",
    "Invalid PIN: 2 attempts left",
    "Password is incorrect",
    "user@example.com is unknown",
    "Something Went Wrong, Please Try After Sometime",
    "REQUEST_LIMIT_EXCEEDED",
    "Contact 1800-123-4567",
    "Invalid token: IP is not whitelisted",
    "POST openapi.motilaloswal.com/rest/login/v3/authdirectapi answered 502",
    "₹ 100.50 is due",
    "Unauthorized: EC044",
    "Invalid Token: AG8001.",
    "The session was 2026-11-27",
    "UDAPI100068, AB1050, EC080, NEO1234, DH-901, EXCEPTION401",
    "SEGMENT-NOT-ENABLED",
    "USER-NAME-FAIL: your user must wait",
    "LOGIN-TOKEN-ERROR",
    "TOKEN EXPIRED",
    "INVALID_SESSION",
    "test_mode is not enabled, live-trading too",
    "Error code 100068, status code: 100070",
    '{"authStatus": "EXPIRED", "message": "Access denied", "code": "AG8001"}',
    "Take care that your user data does stay here",
    "Enter the code of 6 digits",
]


@pytest.mark.parametrize("words", KEPT)
def test_what_people_need_stays(words):
    assert quotable(words) == words


LETTERS = string.ascii_letters + string.digits
RANDOM = random.Random(13)


def any_of(count, signs):
    return "".join(RANDOM.choices(signs, k=count))


TOKENS = {
    "hex": lambda: any_of(32, "0123456789abcdef"),
    "short_hex": lambda: any_of(16, "0123456789abcdef"),
    "url_safe": lambda: base64.urlsafe_b64encode(RANDOM.randbytes(32)).decode().rstrip("="),
    "base64": lambda: base64.b64encode(RANDOM.randbytes(24)).decode(),
    "uuid": lambda: str(uuid.UUID(bytes=RANDOM.randbytes(16))),
    "letters_and_digits": lambda: any_of(32, LETTERS),
    "with_signs": lambda: any_of(40, LETTERS + "/+"),
    "digits": lambda: any_of(10, string.digits),
    "capitals": lambda: any_of(24, string.ascii_uppercase),
    "jwt": lambda: f"eyJ{any_of(20, LETTERS)}.{any_of(9, LETTERS)}.{any_of(9, LETTERS)}",
    "long_word": lambda: "a" * 300,
    "words_with_a_number": lambda: f"opaque-token-canary-{any_of(2, string.digits)}",
}
AROUND = ["{}", "Welcome, token {} is yours", '{{"jwtToken":"{}"}}', "a={}&b", "<{}>", "x ({}), y."]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("make", TOKENS.values(), ids=TOKENS)
def test_what_looks_like_a_token_is_cut(make, around):
    for _ in range(200):
        token = make()
        said = quotable(around.format(token))
        assert MASK in said
        assert not any(token[at : at + 8] in said for at in range(len(token) - 7))


SHORT = [
    ("token=abc123", "token="),
    ('the session is "x9y8"', 'the session is "'),
    ("Your OTP is 482913.", "Your OTP is "),
    ("482913 is your OTP for login", ""),
    ("password: hunter2", "password: "),
    ("Authorization: Bearer x9y8", "Authorization: Bearer "),
    ("PIN 482913 is wrong", "PIN "),
]


SHORT += [
    ("key QWERTYUIOP1234 ", "key "),
    ("AAAABBBBCCCC1234", ""),
    ("tok_live_abcdef", ""),
    ("use sk-abcdefgh", "use "),
    ("ABCDE-FGHIJ-KLMNO", ""),
    ("XYZAB-CDEFG-HIJKL", ""),
    ("use 482913 as code", "use "),
    ("enctoken=abcDEF", "enctoken="),
    ("got eyJ.abc.def", "got "),
    ("jbsw y3dp ehpk 3pxp", ""),
    ("It is JBSW-Y3DP-EHPK-3PXP", "It is "),
    ('no {"feedToken": "SEKRETFEED", "a": 1}', 'no {"feedToken": "'),
    ("no {'sessionKey':'sekretfeed'}", "no {'sessionKey':'"),
    ("your code 482913 is over", "your code "),
    ("Code: 48291357", "Code: "),
    ("the code is 482 913", "the code is "),
    ("OTP 482 913", "OTP "),
    ("xMUXwUCp+UDosIcamuTogko++yIIDBrF", ""),
]


@pytest.mark.parametrize(("words", "before"), SHORT)
def test_what_is_named_a_secret_is_cut_however_short_it_is(words, before):
    assert quotable(words).startswith(before + MASK)


def test_an_address_keeps_its_place_only():
    words = "see https://me:pa55@broker.example:8443/login/eyJhbGciOiJIUzI1NiJ9?code=mk404x#t=1 now"
    assert (
        quotable(words) == f"see https://broker.example:8443/login/{MASK}?code={MASK}&t={MASK} now"
    )
    assert quotable("see http://[broken and so on") == f"see {MASK} and so on"


def test_which_secret_is_meant_stays():
    """What a broker refuses decides whether anything is sent again."""
    words = (
        "Bad call http://127.0.0.1:9/app/generateAccessToken?dhanClientId=11&pin=8642&totp=482913"
    )
    said = quotable(words)
    assert said.endswith(f"?dhanClientId={MASK}&pin={MASK}&totp={MASK}")


def test_known_secrets_are_cut_in_any_form():
    redaction.remember("4711", "Pa55 word&")
    assert quotable("PIN &#52;711 or Pa55%20word%26?") == f"PIN {MASK} or {MASK}?"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("PIN 4 7 8 4 is wrong", f"PIN {MASK} is wrong"),
        ("You sent 4-7-8-4.", f"You sent {MASK}."),
        ("Bad K.e.s.t.r.e.l.&.V.a.u.l.t now", f"Bad {MASK} now"),
        ("Bad tluaV&lertseK", f"Bad {MASK}"),
        ("Bad xkestrel vaultx and kestrelvault", f"Bad x{MASK}x and {MASK}"),
        ("4874 or 4,784", f"{MASK} or {MASK}"),
        ("Error AB4784, 14784 or 47841", "Error AB4784, 14784 or 47841"),
    ],
)
def test_known_secrets_are_cut_however_they_are_spelled(words, said):
    redaction.remember("4784", "Kestrel&Vault")
    assert quotable(words) == said


@pytest.mark.parametrize("value", [None, True, b"x", ["eyJhbGciOi"], {"a": "b"}, object()])
def test_what_is_no_text_is_not_quoted(value):
    assert quotable(value) == ""


def test_it_is_one_short_line_that_steers_no_terminal():
    said = quotable("bad \x1b[31mred\x07 \r\n12:00 INFO forged \u202e" + "and so on " * 500)
    assert said.startswith("bad [31mred 12:00 INFO forged and so on")
    assert said.isprintable()
    assert len(said) <= LONGEST + 3


@pytest.mark.parametrize(
    "words",
    [
        *("token" * 4000, "a" * 20_000, "1," * 9000, "a.b" * 9000, "token: " * 3000, "Aa0-" * 5000),
        *("abcd " * 3000, '"token":"' * 3000, "code " * 3000, "eyJ." * 5000, "sk_" * 5000),
    ],
)
def test_no_words_take_long(words):
    began = time.process_time()
    quotable(words)
    assert time.process_time() - began < 0.5


def test_an_error_holds_no_token_whoever_made_it():
    """A flow of somebody's own may quote all that was answered."""
    token = "eyJhbGciOiJIUzUxMiJ9.eyJzdWIiOiJBIn0.c2lnbmF0dXJl"
    for detail in (
        f'answer: {{"data":{{"jwtToken":"{token}"}}}}',
        f"no: {any_of(64, '0123456789abcdef')}",
    ):
        error = ExchangeRejected(detail)
        assert MASK in error.message
        assert token not in error.message


def test_what_a_page_says_is_quoted_so():
    assert quoted(BrokerUnavailable, "Use code 482913").detail == (
        f'The broker said: "Use code {MASK}"'
    )
    said = quoted(
        BrokerUnavailable, "Down. Ref 7f3a9c5512de8812aa90 at https://x.example/?t=1"
    ).detail
    assert said == f'The broker said: "Down. Ref {MASK} at https://x.example/?t={MASK}"'


@pytest.mark.parametrize("value", ["AB1234", "RAVI", "2026-11-28", "NSE", "individual", "", "a b"])
def test_a_plain_value_is_no_secret(value):
    assert not looks_secret(value)


@pytest.mark.parametrize("user", ["AB1234", "2XABCD", "51234567", "1101234567", "ravi@example.com"])
def test_a_users_id_is_one(user):
    assert names_user(user)


@pytest.mark.parametrize(
    "user", ["eyJhbGciOi.eyJh.c2ln", "f3a9c551-2de8-812a", "f3a9c5512de8812a", "9" * 40]
)
def test_a_token_is_no_users_id(user):
    assert not names_user(user)
