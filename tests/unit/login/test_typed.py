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
    ],
)
def test_it_is_known_in_any_encoding(sent):
    assert typed("other", PASSWORD).stands_in(sent)


@pytest.mark.parametrize(
    "sent", ["", "s3cret & späce+", "as3cret & späce+12", b64("something else"), "%zz%", "\\u12"]
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
