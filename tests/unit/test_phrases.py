"""What words mean that all brokers share: locks and warnings of them, outages, factors, counts."""

from __future__ import annotations

import pytest
from support.replies import flow_at

from autologin.errors import AccountLocked, BrokerUnavailable, OtpNotAvailable, OtpRejected
from autologin.flow.phrases import attempts_left, classify, says
from autologin.flow.script import LoginScript

LOCKS = [
    "Your account is locked",
    "User Blocked due to multiple wrong attempts",
    "Too many incorrect OTP attempts. Please try after 15 minutes",
    "Your account is temporarily blocked. Try after 15 minutes",
    "Your account will remain locked for 15 minutes",
    "Account is locked; you can log in after it is unlocked",
    "Maximum login attempts reached",
    "You have exceeded the maximum number of login attempts",
    "User profile has been temporarily disabled",
    "OTP limit exceeded",
]
WARNINGS = [
    "4 attempts left before the account gets blocked",
    "Your account will be locked after 3 more failed attempts",
    "Invalid PIN, or your account may get blocked",
    "Take care to avoid account being blocked",
    "1 attempt left, after which your account is blocked",
    "You are exceeding the number of login attempts. Invalid password",
    "Your account has been unblocked",
]


@pytest.mark.parametrize("words", LOCKS)
def test_a_lock(words):
    assert says(AccountLocked, words)
    assert isinstance(classify(words, LoginScript(()), None), AccountLocked)


@pytest.mark.parametrize("words", WARNINGS)
def test_a_warning_of_a_lock_is_none(words):
    assert not says(AccountLocked, words)
    assert not isinstance(classify(words, LoginScript(()), None), AccountLocked)


def test_a_lock_goes_before_a_brokers_own_words_for_a_wrong_otp():
    script = LoginScript((), phrases={OtpRejected: r"incorrect otp"})
    assert isinstance(classify("Incorrect OTP", script, None), OtpRejected)
    assert isinstance(classify("Too many incorrect OTP attempts", script, None), AccountLocked)


@pytest.mark.parametrize(
    ("words", "later"),
    [
        ("Something Went Wrong, Please Try After Sometime", True),
        ("Internal server error", True),
        ("Please try after 15 minutes", True),
        ("Server busy", True),
        ("Login failed due to a technical issue", True),
        ("Credentials could not be checked: service unavailable", True),
        ("Invalid TOTP, try again later", False),
        ("Wrong password. Please try again later", False),
        ("OTP expired. Try again later", False),
        ("Please try again", False),
    ],
)
def test_later(words, later):
    assert says(BrokerUnavailable, words) == later


@pytest.mark.parametrize(
    "line",
    [
        "TOTP not enabled? Click here",
        "If TOTP is not enabled, use SMS",
        "Resend OTP is disabled for 30 seconds",
        "Facing a technical issue? Write to us",
        "Resend: try after 30 seconds",
        "If you have exceeded 5 attempts, wait",
    ],
)
def test_what_a_page_says_to_help_is_no_answer(line):
    assert classify(line, LoginScript(()), None) is None


def test_a_factor_that_is_not_enabled():
    assert isinstance(classify("T-OTP is not enabled", LoginScript(()), None), OtpNotAvailable)
    assert says(OtpNotAvailable, "External 2FA is disabled")


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("4 attempts left before the account gets blocked", 4),
        ("Invalid App Code. 4 attempt(s) remain.", 4),
        ("You have 2 of 5 attempts left", 2),
        ("2/5 attempts left", 2),
        ("Attempts remaining: 2", 2),
        ("remaining login attempts: 3", 3),
        ("2 more login attempts", 2),
        ("two attempts left", 2),
        ("no attempts left", 0),
        ("You have made 3 attempts", 2),
        ("3 failed attempts", 2),
        ("You have used 3 of 5 attempts", 2),
        ("Account blocks after 5 wrong attempts", None),
        ("1,000 attempts left", None),
        ("\u00b2 attempts left", None),
        ("9" * 5000 + " attempts left", None),
        ("attempts left: " + "9" * 5000, None),
    ],
)
def test_a_count_is_read_rightly_or_not_at_all(words, left):
    assert attempts_left(words) == left


@pytest.mark.parametrize("broker", ["iiflcapital", "aliceblue", "flattrade", "shoonya"])
def test_a_form_page_that_warns_of_a_lock(broker):
    script = flow_at(broker, "http://127.0.0.1:9").login_script(object())
    warned = classify(
        "Invalid OTP. 1 attempt left, after which your account is blocked", script, None
    )
    locked = classify("Incorrect OTP. Your account is blocked", script, None)
    assert (warned.name, warned.attempts_left) == ("otp_rejected", 1)
    assert locked.name == "account_locked"
