"""How many attempts are left, from words and from JSON: rightly, or not at all."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autologin.errors import OtpRejected
from autologin.flow.counts import attempts_left, attempts_left_in
from autologin.flow.phrases import quoted

LEFT = {
    "4 attempts left": 4,
    "Invalid TOTP. 2 attempts left": 2,
    "Invalid OTP, 2 attempt(s) left.": 2,
    "You have 3 more attempts": 3,
    "You have 3 attempts left before your account is blocked": 3,
    "You have only 2 attempts": 2,
    "3 tries remaining": 3,
    "You have 2 remaining attempts": 2,
    "1 chance left": 1,
    "2 login attempts left": 2,
    "attempts remaining: 2": 2,
    "Attempts left - 2": 2,
    "Attempts left (2)": 2,
    "Attempts left is 2": 2,
    "Remaining attempts: 3": 3,
    "Remaining login attempts = 3": 3,
    "No. of attempts left 2": 2,
    "Wrong OTP-3 attempts left": 3,
    "After 2 more failed attempts your account will be blocked": 2,
    "2 more incorrect attempts will lock your account": 2,
    "Your account is blocked after 5 failed attempts. 2 attempts left.": 2,
    "2 of 5 attempts used": 3,
    "4 out of 5 attempts made": 1,
    "You have used 4 of your 5 attempts": 1,
    "You have used 4/5 attempts": 1,
    "2 of 5 attempts left": 2,
    "2/5 attempts remaining": 2,
    "Attempt 3 of 5": 2,
    "Attempts used: 4/5": 1,
    "Attempts left: 2/5": 2,
    "5 of 5 attempts used": 0,
    "7 of 5 attempts used": 0,
    "3 failed attempts": 2,
    "You have made 4 unsuccessful login attempts": 1,
    "Failed attempts: 3": 2,
    "Number of wrong attempts - 4": 1,
    "4 attempts failed": 1,
    "9 failed attempts": 0,
    "one attempt left": 1,
    "Only One more try": 1,
    "two attempts": 2,
    "You have two attempts": 2,
    "This is your last attempt": 1,
    "Last attempt left": 1,
    "last attempt": 1,
    "No attempts left": 0,
    "3 of 5 failed attempts": 2,
    "2 of 5 remaining attempts": 2,
    "You have made 2 attempts out of 5": 3,
    "Attempts: 3 left": 3,
    "Attempt #3 of 5": 2,
    "3 (three) attempts left": 3,
    "three (3) attempts left": 3,
    "Only 1 attempt is left": 1,
    "Remaining Attempt(s):02": 2,
    "You have 3 failed login attempts": 2,
    "You have entered a wrong OTP 2 times. 3 attempts left": 3,
    "You have no more attempts": 0,
    "0 attempts left": 0,
    "٣ attempts left": 3,
    "२ attempts remaining": 2,
    "attempts left: ٣": 3,
}
NOTHING = [
    "",
    "Invalid OTP",
    "after 5 failed attempts your account is blocked",
    "Your account will be blocked after 3 attempts",
    "Your account gets locked if you make 3 failed attempts",
    "3 consecutive wrong attempts will lock your account",
    "5 failed attempts block the account for a day",
    "Maximum 3 attempts are allowed",
    "A maximum of three attempts is allowed",
    "Up to 3 attempts per day",
    "3 attempts allowed",
    "Limit: 3 attempts",
    "3 or more failed attempts lock the account",
    "More than 3 failed attempts lead to a block",
    "Wait a minute between two attempts",
    "Your last attempt failed",
    "Attempts: 3",
    "3rd attempt",
    "No attempts",
    "Since your last attempt the session has expired",
    "Attempts",
    "attempts left: -1",
    "-1 attempts left",
    "attempts left: many",
    "attempts left: 2.5",
    "2.5 attempts left",
    "1,000 attempts left",
    "101 attempts left",
    "attempts left: 101",
    "attempts left: 123456",
    "123456 attempts left",
    "² attempts left",
    "attempts left: ²",
    "4² attempts left",
    f"{'9' * 5000} attempts left",
    f"attempts left: {'9' * 5000}",
    f"{'9' * 5000} of {'9' * 5000} attempts used",
    "2 of 123 attempts used",
]


@pytest.mark.parametrize(("words", "left"), LEFT.items())
def test_a_count_in_words(words, left):
    assert attempts_left(words) == left
    assert attempts_left(words.upper()) == left


@pytest.mark.parametrize("words", NOTHING, ids=lambda words: words[:40])
def test_words_that_count_nothing_decide_nothing(words):
    assert attempts_left(words) is None
    assert quoted(OtpRejected, words).attempts_left is None


@given(st.text() | st.text("0123456789٣² .,-:/of attempts left used more", max_size=60))
def test_no_words_are_too_odd(words):
    found = attempts_left(words)
    assert found is None or 0 <= found <= 100


LONG = [
    "1",
    "1 failed ",
    "login ",
    "attempts left ",
    "1 of ",
    "1 (a) ",
    "last ",
    "attempts left" + " " * 999,
]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("words", LONG)
def test_no_words_are_too_long(words):
    """A pattern that goes back and forth would take minutes, or years."""
    attempts_left(words * (100_000 // len(words)))


# In JSON


@pytest.mark.parametrize(
    ("data", "left"),
    [
        ({"attempts_left": 2}, 2),
        ({"attemptsLeft": 2}, 2),
        ({"AttemptsRemaining": "2"}, 2),
        ({"remaining_attempts": 3.0}, 3),
        ({"remaining-attempts": 3}, 3),
        ({"attempt_left": 1}, 1),
        ({"otpAttemptsLeft": 1}, 1),
        ({"remaining_otp_attempts": 1}, 1),
        ({"noOfAttemptsRemaining": 1}, 1),
        ({"remaining_attempts_count": 1}, 1),
        ({"retriesLeft": 1}, 1),
        ({"tries_left": 0}, 0),
        ({"retry_left": " 2 "}, 2),
        ({"data": {"attempts_left": 2}}, 2),
        ({"errors": [{"message": "no"}, {"attemptsLeft": 2}]}, 2),
        ({"errors": [[{"attemptsLeft": 2}]]}, 2),
        ({"attempts_left": "two", "data": {"attempts_left": 2}}, 2),
        ({"attempts_left": 5, "data": {"attempts_left": 2}}, 2),
        ({"failed_attempts": 3}, 2),
        ({"failedAttempts": 4}, 1),
        ({"wrongAttemptCount": "4"}, 1),
        ({"invalid_login_attempts": 9}, 0),
        ({"failed_attempts": 1, "attempts_left": 2}, 2),
        ({"attempts_left": "٣"}, 3),
        ({"oneTimePasswordAttemptsLeft": 2}, 2),
        ({"totalFailedAttempts": 3}, 2),
        ({"attempts_used": 4}, 1),
        ({"attemptsLeftBeforeLock": 1}, 1),
    ],
)
def test_a_count_in_json(data, left):
    assert attempts_left_in(data) == left


ODD = [True, False, None, -1, 101, 10**4000, 2.5, 1e300, float("inf"), float("nan"), "", "-1", "x"]
ODD += ["2.5", "²", "1e1", "9" * 5000, "\ud800", [], [2], {}, {"value": 2}]


@pytest.mark.parametrize("value", ODD, ids=lambda value: str(type(value)))
@pytest.mark.parametrize("name", ["attempts_left", "failed_attempts"])
def test_a_number_that_makes_no_sense_decides_nothing(name, value):
    assert attempts_left_in({name: value}) is None
    assert attempts_left_in({"data": [{name: value}], name: value}) is None


@pytest.mark.parametrize(
    "name",
    [
        "max_attempts",
        "maxFailedAttempts",
        "failed_attempts_allowed",
        "attempts",
        "attempt_limit",
        "maximum_attempts_left",
        "attemptsLeftLimit",
        "left",
        "remaining",
        "total_attempts",
        "failedAttemptDelay",
        "lastFailedAttempt",
        "time_left_before_next_attempt",
    ],
)
def test_a_rule_in_json_decides_nothing(name):
    assert attempts_left_in({name: 1}) is None


def test_json_that_is_nested_deeply_is_read_to_its_end():
    data = {"attempts_left": 2}
    for _ in range(100_000):
        data = {"data": [data]}
    assert attempts_left_in(data) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["attempts_left", "failedAttempts"]), inner)
    ),
)


@given(st.dictionaries(st.sampled_from(["attempts_left", "failed_attempts", "data"]), JSON))
def test_no_json_is_too_odd(data):
    found = attempts_left_in(data)
    assert found is None or 0 <= found <= 100
    found = attempts_left_in(json.loads(json.dumps(data)))
    assert found is None or 0 <= found <= 100
