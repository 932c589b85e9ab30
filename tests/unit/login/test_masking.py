"""What of a page's texts nobody gets to see."""

from __future__ import annotations

import time

import pytest

from autologin import redaction
from autologin.login.masking import mask

KNOWN = ["Pa55-w0rd!x", "JBSWY3DPEHPK3PXP", "4821", "correct horse"]


def masked(*texts, **more):
    redaction.remember(*KNOWN)
    return mask(texts, ["XY98765"], **more)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("Your password Pa55-w0rd!x is wrong", "Your password **** is wrong"),
        ("P A 5 5 - w 0 r d ! x", "****"),
        ("pA55W0RDX", "****"),
        ("x!dr0w-55aP", "****"),
        ("jbsw\u00ady3dp\u200behpk3pxp tail", "**** tail"),
        ("ＪＢＳＷＹ３ＤＰＥＨＰＫ３ＰＸＰ", "****"),
        ("JBSWY3DPEHPK…", "****"),
        ("Hello XY98765", "Hello ****"),
        ("xy 98765", "****"),
        ("PIN 4 8-2 1!", "PIN ****!"),
        ("Code 123456 was wrong", "Code **** was wrong"),
        ("Code 123 456, 123-456 or 1 2 3 4 5 6", "Code **** or ****"),
        ("+91 98765 43210", "****"),
        ("Mail me@broker.in now", "Mail **** now"),
        ("Hello AB1234", "Hello ****"),
        ("token=abcdef&next=home", "****&next=home"),
        ("aBcDeFgHiJkL", "****"),
        ("Request id 0f3a-99bc-1d22 failed", "Request id **** failed"),
        ("kX9-pQ2", "****"),
        ("It is 1a 2b 3c 4d", "It is ****"),
        ("It is k X 9 p Q", "It is ****"),
    ],
)
def test_secrets_and_what_looks_like_one_are_masked(text, safe):
    assert masked(text) == [safe]


@pytest.mark.parametrize(
    "text",
    [
        "Invalid TOTP",
        "Your password is incorrect. 2 attempts of 5 left",
        "Enter the 6-digit code",
        "Error 502: Bad Gateway",
        "Available in 24-hour format, 10-digit mobile number, 256-bit SSL, COVID-19",
        "Step 1 of 3, version 2.1",
        "THIS PAGE HELP DESK",
        "OAuth2, PostgreSQL and JavaScript",
        "Account locked. Try again in 15 minutes",
        "पासवर्ड गलत है",
        "",
        "  \n ",
    ],
)
def test_words_stay(text):
    assert masked(text) == [text]


@pytest.mark.parametrize(
    ("texts", "safe"),
    [
        (["It is Pa5", "5-w0", "rd!x", "now"], ["It is ****", "", "", "now"]),
        (["4", "8", "2", "1"], ["****", "", "", ""]),
        (["9", "1", "3"], ["****", "", ""]),
        (["S", "e", "c", "r", "e", "t"], ["****", "", "", "", "", ""]),
        (["12", "Step", "3456"], ["****", "Step", "****"]),
        (["correct", "horse", "rides"], ["****", "", "rides"]),
        (["OK", "No", "or"], ["OK", "No", "or"]),
    ],
)
def test_what_is_in_pieces_is_found(texts, safe):
    assert masked(*texts) == safe


PIECES = [
    (["Zq7!kast-R..."], ["****"]),
    (["It is Zq7!kast-Rel&", "vault004 now"], ["It is ****", " now"]),
    (["Zq7!kast-Rel&", "and", "vault004"], ["****", "and", "****"]),
    (["kes*****lvault is yours"], ["**** is yours"]),
    (["kestre", "mid", "lvault"], ["****", "mid", "****"]),
    (["(KESTREL…), no"], ["**** no"]),
    (["Password:", "kast-Rel"], ["Password:", "****"]),
    (["It ends in ult004"], ["It ends in ****"]),
    (["xkestrelvaux"], ["****"]),
    (["vault, horse"], ["**** ****"]),
    (["kes***", "or", "●●●ault"], ["****", "or", "****"]),
    (["Zq7!****t004 now"], ["**** now"]),
    (["kes… is it"], ["**** is it"]),
    (["Loading... Please wait…", "Name**"], None),
    (["hun... is it"], ["**** is it"]),
    (["unforeseen, vaulted, hundred, stress, correctly"], None),
]


@pytest.mark.parametrize(("texts", "safe"), PIECES)
def test_a_piece_of_a_secret_is_masked_with_what_sticks_to_it(texts, safe):
    redaction.remember("Zq7!kast-Rel&vault004", "kestrelvault", "hunte7")
    assert masked(*texts) == (safe or texts)


def test_texts_are_searched_in_every_order_in_which_they_may_be_read():
    assert masked("w0rd!x", "stays", "Pa55-") != ["****", "stays", "****"]
    assert masked("w0rd!x", "stays", "Pa55-", orders=[[2, 0]]) == ["****", "stays", "****"]


def test_what_stands_in_one_line_is_one_word():
    assert masked("abc", "d1e2", lines=[0, 1])[0] == "abc"
    assert masked("abc", "d1e2", lines=[0, 0]) == ["****", ""]


def test_masks_tell_nothing_of_what_they_cover():
    assert masked("It is Pa55-w0rd!x, now") == masked("It is JBSWY3DPEHPK3PXP, now")
    assert masked("It is 123456, now") == masked("It is 12345678901, now")


def test_masking_twice_changes_nothing():
    once = masked("Code 123 456 for XY98765", "Pa55-", "w0rd!x", "a@b.in")
    assert masked(*once) == once


@pytest.mark.parametrize(
    "junk",
    [
        "a",
        "abcd ",
        "aB",
        "1",
        "a@",
        "ab1",
        "x ",
        "-",
        "1----",
        '"pin":',
        "pin=",
        "9 " * 3,
        "a-",
        "a1-",
        "a1 ",
        "correct",
        "horse ",
        "orsec",
        "*a",
        "..",
    ],
)
def test_no_text_takes_long(junk):
    began = time.process_time()
    text = junk * (40_000 // len(junk))
    masked(*(text[at : at + 5000] for at in range(0, 40_000, 5000)), lines=[0] * 8)
    assert time.process_time() - began < 5


def test_ten_thousand_secrets_cost_little():
    redaction.remember(*(f"secret-number-{number}!" for number in range(10_000)))
    mask(["warm up"])
    began = time.process_time()
    assert mask(["It is secret", "-number-99", "99!", "now"]) == ["It is ****", "", "", "now"]
    assert time.process_time() - began < 2
