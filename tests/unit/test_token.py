"""The token: aware times, the broker's expiry, one shape on paper, and no secret in a repr."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from autologin import redaction
from autologin.token import Token, jwt_expiry, plausible_expiry

IST = timezone(timedelta(hours=5, minutes=30))
ISSUED = datetime(2026, 11, 24, 8, 15, tzinfo=IST)
EXPIRES = datetime(2026, 11, 25, 6, 0, tzinfo=IST)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
MOMENTS = st.datetimes(timezones=st.sampled_from([UTC, IST]))


def a_token(**changes) -> Token:
    fields = {
        "access_token": SecretStr("token-canary"),
        "issued_at": ISSUED,
        "expires_at": EXPIRES,
        "user_id": "AB1234",
    }
    return Token(**(fields | changes))


@pytest.mark.parametrize("name", ["issued_at", "expires_at"])
def test_a_time_without_a_zone_is_refused(name):
    with pytest.raises(ValueError, match="must be aware"):
        a_token(**{name: ISSUED.replace(tzinfo=None)})


@pytest.mark.parametrize(
    ("now", "expired"),
    [
        (EXPIRES - timedelta(microseconds=1), False),
        (EXPIRES, True),
        (EXPIRES + timedelta(days=1), True),
        (datetime(2026, 11, 25, 0, 29, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 25, 0, 30, tzinfo=UTC), True),
    ],
)
def test_a_token_ends_at_the_moment_that_the_broker_named(now, expired):
    assert a_token().expired(now) is expired


def test_the_object_that_sinks_write():
    assert a_token(extra={"public_token": "p"}).to_json("z", "zerodha") == {
        "account": "z",
        "broker": "zerodha",
        "user_id": "AB1234",
        "access_token": "token-canary",
        "issued_at": "2026-11-24T08:15:00+05:30",
        "expires_at": "2026-11-25T06:00:00+05:30",
        "extra": {"public_token": "p"},
    }


@given(
    secret=TEXT,
    issued_at=MOMENTS,
    expires_at=MOMENTS,
    user_id=TEXT,
    extra=st.dictionaries(TEXT, TEXT | st.integers() | st.none() | st.lists(TEXT)),
)
def test_what_was_written_reads_back_the_same(secret, issued_at, expires_at, user_id, extra):
    token = Token(SecretStr(secret), issued_at, expires_at, user_id, extra)
    assert Token.from_json(json.loads(json.dumps(token.to_json("z", "zerodha")))) == token


def test_the_extra_that_was_given_and_the_one_that_is_written_are_two():
    token = a_token(extra={"public_token": "p"})
    token.to_json("z", "zerodha")["extra"]["public_token"] = "changed"
    assert token.extra == {"public_token": "p"}


def test_a_repr_holds_no_secret():
    shown = f"{a_token(extra={'public_token': 'public-canary'})!r}"
    assert "token-canary" not in shown
    assert "public-canary" not in shown
    assert "AB1234" in shown


def test_a_token_and_what_comes_with_it_are_redacted_from_then_on():
    a_token(
        extra={
            "feed_token": "feed-canary",
            "login_url": "https://kite.zerodha.com/",
            "n": 7,
            "none": None,
        }
    )
    assert redaction.scrub("token-canary feed-canary") == f"{redaction.MASK} {redaction.MASK}"
    assert redaction.scrub("https://kite.zerodha.com/") == "https://kite.zerodha.com/"


def test_a_token_that_was_read_back_is_redacted_too():
    Token.from_json(
        {
            "access_token": "stored-canary",
            "issued_at": ISSUED.isoformat(),
            "expires_at": EXPIRES.isoformat(),
            "user_id": "AB1234",
            "extra": {"refresh_token": "refresh-canary"},
        }
    )
    assert redaction.scrub("stored-canary refresh-canary") == f"{redaction.MASK} {redaction.MASK}"


ODD_ENDS = [
    "1e18",
    "9" * 400,
    "9" * 5000,
    "1e400",
    "NaN",
    "-1e18",
    "true",
    "null",
    '"5"',
    "[" * 99_999,
]


@pytest.mark.parametrize("ends", ODD_ENDS, ids=lambda ends: ends[:8])
def test_a_jwt_whose_end_makes_no_sense_has_none(ends):
    """It raises nothing: the token is issued by then."""
    payload = base64.urlsafe_b64encode(f'{{"exp": {ends}}}'.encode()).decode()
    assert jwt_expiry(f"e30.{payload.rstrip('=')}.c2ln") is None


@pytest.mark.parametrize(
    ("stated", "is_taken"),
    [
        ("2026-11-25T06:00:41+05:30", True),
        ("2026-11-24T02:45:11+00:00", True),
        ("2026-11-24T02:45:10+00:00", False),
        ("1970-01-01T00:00:01+00:00", False),
        ("9999-12-31T00:00:00+14:00", False),
        ("0001-01-01T00:00:00-23:59", False),
        (None, False),
    ],
)
def test_an_end_that_no_token_has_is_not_believed(stated, is_taken):
    now = datetime.fromisoformat("2026-11-24T02:45:10+00:00")
    rule = datetime.fromisoformat("2026-11-25T06:00:00+05:30")
    ends = datetime.fromisoformat(stated) if stated else None
    assert plausible_expiry(ends, rule, now) == (ends if is_taken else rule)
