"""Which words are a verdict on what was just sent, and which only sound like one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from support.clock import HandClock

from autologin.errors import (
    AccountLocked,
    BrokerUnavailable,
    CredentialsRejected,
    OtpRejected,
)
from autologin.flow.otp import OtpGenerator
from autologin.flow.script import InputField, LoginScript, Step
from autologin.login.voice import (
    is_barrier,
    is_challenge,
    is_outage,
    is_statement,
    statement_in,
    verdict,
    verdict_of_all,
)

USER, PASSWORD, OTP = (
    InputField(*one) for one in (("u", "text", "u"), ("p", "password", "p"), ("o", "code", "o"))
)
SEED = OtpGenerator(
    SecretStr("JBSWY3DPEHPK3PXP"), lambda _step: True, HandClock(datetime(2026, 11, 24, tzinfo=UTC))
)
LOGIN = Step("login", {USER: "u", PASSWORD: SecretStr("p")}, "go", CredentialsRejected)
TWOFA = Step("otp", {OTP: SEED}, "go", OtpRejected)
SCRIPT = LoginScript((LOGIN, TWOFA))

OF_A_LOGIN = [
    "Invalid username or password.",
    "Incorrect password",
    "The user ID or password you entered is wrong. 4 attempts left.",
    "Password does not match our records",
    "User ID not registered",
    "Invalid user ID or password. Please check and try again.",
    "Login failed",
    "Sign in failed: wrong user name or password",
    "Invalid credentials. Back",
    "Sorry, the password is incorrect",
    "Error: invalid credentials",
    "Wrong password. Forgot password?",
    "Incorrect password – 3 attempts left",
    "Authentication failed",
    "You have entered an incorrect PIN",
    "Invalid username or password. 4 attempts left before the account gets blocked.",
    "Invalid password. If you forgot it, reset it.",
    "Wrong user ID or password, please try again",
    "Login failed: invalid credentials",
    "Incorrect password. Your account will be locked after 2 more attempts.",
    '{"status":"error","message":"Invalid username or password."}',
]
OF_A_CODE = [
    "Invalid TOTP",
    "Incorrect code, 2 attempts left",
    "The TOTP you entered is incorrect.",
    "Invalid OTP, please check if your clock is right",
    "Invalid OTP. If this continues, contact support.",
    "We could not verify your OTP: it is incorrect",
    "OTP mismatch",
    "Verification failed. Please try again",
    "Incorrect TOTP. You have 1 attempt left, after which your account will be blocked.",
    "Invalid code. Please make sure that the time of your phone is right.",
    "Wrong OTP entered",
    "INVALID TOTP",
    "The code is incorrect",
    "Your OTP is not valid",
    "Incorrect code. Resend?",
]
A_LOCK = [
    "Your account has been blocked",
    "Your account has been locked due to too many failed attempts.",
    "Account blocked. Please reset your password to continue.",
    "Your account is temporarily suspended",
    "Maximum login attempts exceeded. Reset your password to unblock your account.",
    "User is disabled. Contact support.",
    "Too many invalid attempts. Please reset your password.",
    "Too many incorrect OTP attempts, try after 15 minutes",
    "Your account is locked and can be unlocked by resetting the password",
    "Your account has been locked after 5 failed attempts",
    "Your account is locked until 10:30 AM",
    "Account locked",
    "User blocked",
    "Your profile is locked. Please reset your password.",
    "Account Blocked: Multiple invalid attempts",
    "Your account is blocked, kindly contact support",
]
NONE = [
    # warnings and conditions
    "Your password will expire in 3 days. Change it now to avoid getting locked out of it.",
    "If the code is shown as incorrect, set the time of your phone to automatic.",
    "Your account will be locked after 3 invalid attempts",
    "After 5 incorrect attempts your account is blocked",
    "For security your account is locked when you enter a wrong PIN 5 times",
    "In case your account is blocked, contact support",
    "Your account could be suspended unless you update KYC",
    "The code shown is incorrect if your clock is off",
    "Incorrect entries may block your account",
    "Once your account is locked, only support can unlock it",
    "4 attempts left before the account gets blocked",
    "You will be logged out if your session is invalid",
    "To avoid a blocked account, never share your password",
    "Wrong OTP entered too often can lead to a blocked account",
    "यदि कोड गलत है तो समय ठीक करें",
    "Wenn der Code falsch ist: wrong code, check the clock",
    # rules
    "Accounts are locked after five wrong passwords",
    "Account gets locked after 5 wrong attempts",
    "Five wrong entries lock the account",
    "The account is locked after 5 failed attempts",
    "Please note: three incorrect attempts will lock your account",
    "Enter the code. A wrong code 5 times will block the account",
    "Codes are refused when the clock of your phone is wrong",
    "Note: codes that are older than 30 seconds are invalid",
    "Tip: a wrong clock makes codes invalid",
    # questions and help
    "Forgot password?",
    "Account locked? Unlock it here",
    "Invalid OTP? Resend",
    "Trouble logging in?",
    "Having trouble? Your account may be locked",
    "Why is my account locked",
    "How to unblock a locked account",
    "Unlock blocked account",
    "Unblock account",
    "Reset your password if it is incorrect",
    "Click here if your account is locked",
    "Contact support for a locked account",
    "Use the authenticator if the SMS code is invalid",
    "Do not share your OTP. Never enter it on a wrong site",
    "Keep your account from getting locked",
    "Locked out? Call 1800",
    "पासवर्ड भूल गए?",
    # countdowns
    "OTP expires in 00:29",
    "Resend OTP in 30 seconds",
    "Session expires in 5 minutes",
    "Code valid for 30 seconds",
    # other times, others, other things
    "2 failed login attempts since your last login",
    "Last failed login: yesterday 10:12",
    "Previous login was unsuccessful",
    "Your nominee is not registered",
    "Your KYC has expired. Update now",
    "Maintenance on Saturday from 10 pm to 2 am",
    "Trading in XYZ is suspended",
    "12 fake apps were blocked this week",
    "We have blocked 200 phishing sites",
    "Beware of fraudsters who say that your account is blocked",
    "Failed to load market data",
    "Payment failed",
    "Order rejected",
    "Your card has been blocked",
    "Coupon invalid",
    "The OTP is not sent by SMS; open your authenticator",
    "Your e-mail is not verified",
    "Never miss a trade: your orders are not blocked any more",
    # who knows what was refused
    "Invalid request",
    "Request failed",
    "Invalid device",
    "Failed to fetch",
    "Invalid response from server",
    "Unsupported or invalid browser version",
]


@pytest.mark.parametrize("text", OF_A_LOGIN)
def test_a_refusal_of_the_credentials_is_one(text):
    assert type(verdict(text, SCRIPT, LOGIN)) is CredentialsRejected


@pytest.mark.parametrize("text", OF_A_CODE)
def test_a_refusal_of_the_code_is_one(text):
    assert type(verdict(text, SCRIPT, TWOFA)) is OtpRejected


@pytest.mark.parametrize("step", [LOGIN, TWOFA, None], ids=["login", "code", "neither"])
@pytest.mark.parametrize("text", A_LOCK)
def test_a_lock_is_one_whatever_was_sent(text, step):
    assert type(verdict(text, SCRIPT, step)) is AccountLocked


@pytest.mark.parametrize("step", [LOGIN, TWOFA, None], ids=["login", "code", "neither"])
@pytest.mark.parametrize("text", NONE)
def test_what_only_sounds_like_a_refusal_is_none(text, step):
    blocking = (CredentialsRejected, OtpRejected, AccountLocked)
    assert not isinstance(verdict(text, SCRIPT, step), blocking)


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("Invalid OTP. Forgot your phone?", "Invalid OTP."),
        ("Invalid OTP, check if your clock is right", "Invalid OTP"),
        ("Your account is locked and can be unlocked", "Your account is locked and"),
        ("If it is locked, call us. Invalid OTP.", "Invalid OTP."),
        ("Your account will be locked", ""),
        ("Forgot password?", ""),
    ],
)
def test_what_a_text_states(text, stated):
    assert statement_in(text) == stated
    assert is_statement(text) is bool(stated)


def test_of_several_texts_the_gravest_counts_and_the_count_of_any():
    texts = ["Something went wrong", "Invalid TOTP", "2 attempts left"]
    error = verdict_of_all(texts, SCRIPT, TWOFA)
    assert type(error) is OtpRejected
    assert error.attempts_left == 2
    assert type(verdict_of_all([*texts, "Account locked"], SCRIPT, TWOFA)) is AccountLocked
    assert verdict_of_all(["Forgot password?"], SCRIPT, TWOFA) is None


def test_a_refused_session_is_no_refused_code():
    for step in (LOGIN, TWOFA):
        assert type(verdict("Invalid session.", SCRIPT, step)) is BrokerUnavailable


@pytest.mark.parametrize(
    ("text", "outage"),
    [
        ("We'll be back soon! Our team is performing some maintenance.", True),
        ("Site under maintenance", True),
        ("Scheduled maintenance", True),
        ("We will be back shortly", True),
        ("The service is temporarily unavailable", True),
        ("Our servers are down", True),
        ("We are experiencing technical difficulties", True),
        ("502 Bad Gateway", True),
        ("We are upgrading our systems", True),
        ("Heavy traffic. Please try again later", True),
        ("Back online at 9 am", True),
        ("The system will be under maintenance on Saturday", False),
        ("Planned maintenance tomorrow, 10 pm to 2 am", False),
        ("Sign in to your account", False),
        ("Welcome back", False),
    ],
)
def test_what_a_page_says_that_is_down(text, outage):
    assert is_outage([text]) is outage


def test_what_stands_in_front_of_a_broker_says():
    for text in ("Access denied", "403 Forbidden", "Error 1020", "Sorry, you have been blocked"):
        assert is_barrier([text])
    for text in ("Just a moment...", "Verifying you are human", "Checking your browser"):
        assert is_challenge([text])
    small_print = "This site is protected by reCAPTCHA"
    assert not is_barrier(["Sign in", small_print])
    assert not is_challenge(["Sign in", small_print])
