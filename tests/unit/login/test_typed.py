"""What was typed is known again in what a page sends."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest

from autologin.login.typed import Typed

PASSWORD = "s3cret & späce+1"


def typed(*texts):
    one = Typed()
    for text in texts:
        one.add(text)
    return one


def b64(text):
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "sent",
    [
        PASSWORD,
        quote(PASSWORD),
        f"u=1&p={quote_plus(PASSWORD)}&x=2",
        f"https://x.example/{quote(quote(PASSWORD))}?a",
        json.dumps({"a": {"p": PASSWORD}}),
        json.dumps({"a": json.dumps({"p": PASSWORD})}),
        f"Basic {b64('AB1234:' + PASSWORD)}",
        base64.urlsafe_b64encode(f"?{PASSWORD}?".encode()).decode().rstrip("="),
        quote_plus(b64(json.dumps({"p": PASSWORD}))),
        PASSWORD.encode().hex(),
        PASSWORD.replace("&", "&amp;").replace("ä", "&#228;"),
        f'--b\r\nContent-Disposition: form-data; name="p"\r\n\r\n{PASSWORD}\r\n--b--',
        PASSWORD.upper(),
        f"AB1234{PASSWORD}123456",
        quote_plus(PASSWORD, encoding="cp1252"),
        base64.b64encode(f"u:{PASSWORD}".encode("cp1252")).decode(),
        PASSWORD.replace("ä", "%u00E4"),
    ],
)
def test_it_is_known_in_any_encoding(sent):
    assert typed("other", PASSWORD).stands_in(sent)


@pytest.mark.parametrize(
    "sent", ["", "s3cret & späce+", "s3cret & spce+1", b64("something else"), "%zz%", "\\u12"]
)
def test_nothing_else_is_taken_for_it(sent):
    assert not typed(PASSWORD).stands_in(sent)


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ('{"pin":"2026"}', True),
        ('{"pin":2026}', True),
        ("pin=2026&x=1", True),
        ("pin%3D2026", True),
        ("/pin/2026", True),
        ("at=2026-11-28", False),
        ("at=28/11/2026", False),
        ("at=28.11.2026", False),
        ("v=1.2026.3", False),
        ("t=1792026123", False),
        ("2026px", False),
    ],
)
def test_a_pin_is_not_meant_by_a_date_or_a_longer_number(sent, found):
    assert typed("2026").stands_in(sent) is found


@pytest.mark.parametrize(
    ("word", "sent", "found"),
    [
        ("482913", "pwx482913", True),
        ("482913", "abc482913x", True),
        ("482913", "1482913", False),
        ("482913", "4829130", False),
        ("ab1", "xab1x", False),
        ("ab1", "x=ab1", True),
    ],
)
def test_a_long_word_is_known_inside_others_too(word, sent, found):
    assert typed(word).stands_in(sent) is found


def test_a_short_number_is_no_sure_sign():
    assert typed("1366").stands_in('{"w":1366}')
    assert not typed("1366").stands_in('{"w":1366}', surely=True)
    assert typed("1366", "482913").stands_in('{"w":482913}', surely=True)
