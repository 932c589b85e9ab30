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
    OtpNotAvailable,
    OtpRejected,
    PageChanged,
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
    "Client ID is not registered",
    "Wrong PIN",
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
    "Oops! Wrong password",
    "User ID or Password is invalid",
    "Invalid login. Please try again.",
    "The credentials you supplied were incorrect",
    "Password is incorrect. Remaining attempts: 3",
    "Invalid Username or Password, 2 attempts remaining.",
    "User does not exist. Invalid user",
    "Invalid username/password. Account will be locked after 3 more attempts.",
    "✕ Incorrect password",
    "Login unsuccessful. Invalid credentials",
    "That password is wrong. Try again or click Forgot password to reset it.",
    "Wrong password. Try again or click 'Forgot password' to reset it.",
    "Couldn't sign you in: wrong password",
    '{"status":"error","message":"Invalid username or password."}',
    "पासवर्ड गलत है",
    "Sorry, that password is not right.",
    "We could not sign you in with these details.",
    "Your password is wrong or has expired",
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
    "You entered an invalid TOTP",
    "Invalid or expired OTP",
    "OTP verification failed",
    "2FA failed",
    "Incorrect 6-digit code",
    "The code you entered does not match",
    "Invalid OTP! Try again",
    "Incorrect TOTP, please enter again",
    "Error! Invalid TOTP.",
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
    "Account locked! Contact customer care",
    "Your account has been locked for 24 hours.",
    "Your user ID is blocked. Please contact customer support.",
    "User Account is locked",
    "Account has been temporarily locked because of too many failed attempts",
    "You have exceeded the maximum number of attempts",
    "Maximum attempts exceeded",
    "You are locked out",
    "Sorry, your account is suspended.",
    "Your ID has been blocked due to 5 wrong attempts",
    "Login blocked for 30 minutes due to incorrect OTP attempts",
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
    # and more of all these
    "Locked out of your account? Recover access",
    "Your session will be locked after 5 minutes of inactivity",
    "We lock accounts after 5 failed attempts",
    "Three strikes and your account is locked",
    "You have 2 attempts remaining before lockout",
    "Too many wrong attempts will block your account for 24 hours",
    "Make sure caps lock is off. Passwords are case sensitive",
    "Caps Lock is on",
    "Password incorrect 5 times? Your account will be suspended.",
    "Did you enter a wrong password? Reset it",
    "SEBI: accounts without nominee shall be frozen from 1 Jan",
    "Accounts that are inactive for 24 months are blocked as per SEBI rules",
    "Investor alert: unregistered advisers were blocked",
    "Your DP account may be frozen for non-compliance",
    "Update your PAN-Aadhaar link, else your account gets blocked",
    "Dear client, dormant accounts are suspended",
    "Do not share OTP/PIN. Wrong PIN thrice locks the account",
    "Entering an incorrect PIN multiple times will lock your account",
    "As a security measure, your account will be locked on 5 failed attempts",
    "OTP is valid for 10 minutes. Expired codes are rejected.",
    "An expired code is not accepted",
    "Code not received? Wrong number? Resend",
    "Use TOTP only; SMS codes are invalid",
    "The code changes every 30 seconds; an old code is invalid",
    "A wrong code is refused",
    "Only the newest code is valid, older codes are invalid",
    "Incorrect time on your phone leads to an invalid TOTP",
    "Invalid TOTP? Sync your phone's clock",
    "Get a new code if this one has expired",
    "Failed logins today: 0",
    "Failed login attempts: 2",
    "You had 3 unsuccessful login attempts before this login",
    "Someone tried to log in with a wrong password on 12 Nov",
    "We noticed a failed login from Mumbai at 10:12",
    "Your account was locked yesterday and unlocked by support",
    "Your account is no longer locked",
    "Your account has been unlocked",
    "Your account is not blocked",
    "Account unblocked",
    "Password changed. The old password is invalid now",
    "Your old password has been rejected from reuse",
    "This code is for login only",
    "Your account is now safer: wrong devices get blocked",
    "SMS OTP has been disabled; use TOTP",
    "Your API key expires tomorrow",
    "App version is invalid after 30 Nov; update",
    "Market is closed. Orders will be rejected",
    "Order 123 was rejected: insufficient margin",
    "F&O segment is not enabled",
    "Your account is blocked for new F&O positions",
    "Access to MCX has been suspended",
    "Trading has been suspended in ABC Ltd",
    "Biometric login failed. Use your password",
    "Passkey verification failed, use password instead",
    "Could not verify device location",
    "Location access is blocked",
    "Pop-ups are blocked by your browser",
    "Cookies are blocked. Enable cookies",
    "Notifications blocked",
    "Third-party cookies blocked",
    "JavaScript is disabled",
    "Your browser is not supported",
    "Autofill failed",
    "Unable to load captcha",
    "Google sign-in failed",
    "Sign in with Google failed",
    "QR code expired. Refresh",
    "QR login expired",
    "Connection lost. Retrying...",
    "Network error",
    "Failed to connect",
    "Check the OTP sent to your mobile. It is invalid after 3 minutes",
    "Wrong user? Switch account",
    "Not you? Change user",
    "Enter 6 digit OTP",
    "Invalid characters are not allowed",
    "Special characters are invalid in the user id",
    "Password must not contain invalid characters",
    "Only 5 incorrect attempts are allowed",
    "Maximum 5 attempts allowed",
    "Maximum attempts: 5",
    "Attempts left: 4",
    "The account holder's name does not match? Contact us",
    "If locked, wait",
    "Blocked? Call 1800-123",
    "Help: account blocked",
    "FAQ: Why was my account blocked?",
    "Account blocked – what to do",
    "Report a blocked account",
    "I am locked out",
    "My account is blocked",
    "Account locked or password forgotten? Click here",
    # who knows what was refused
    "Access denied. Check your password.",
    "Something is not right",
    "We could not sign you in",
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
        ("You have entered wrong OTP 5 times. Login disabled for 1 hour.",) * 2,
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


@pytest.mark.parametrize(
    "text",
    [
        "Your password has expired. Choose a new one",
        "Password expired",
        "Your PIN is expired. Set a new PIN.",
    ],
)
def test_a_password_that_is_only_too_old_was_not_refused(text):
    error = verdict(text, SCRIPT, LOGIN)
    assert type(error) is PageChanged
    assert text.split(".")[0] in error.detail


def test_a_code_of_the_brokers_app_is_one_that_no_seed_makes():
    text = "Invalid App Code. 4 attempts remain."
    assert type(verdict(text, SCRIPT, TWOFA)) is OtpNotAvailable
    assert type(verdict("Invalid app code", SCRIPT, LOGIN)) is CredentialsRejected


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
        ("Account maintenance charges apply", False),
        ("Annual Maintenance Charges", False),
        ("500+ stocks", False),
        ("Zero downtime", False),
        ("The market is currently closed", False),
        ("503 Service Unavailable", True),
        ("504", True),
        ("Welcome back", False),
    ],
)
def test_what_a_page_says_that_is_down(text, outage):
    assert is_outage([text]) is outage


def test_what_stands_in_front_of_a_broker_says():
    for text in (
        "Access denied",
        "403 Forbidden",
        "Forbidden",
        "401",
        "Reference #18.2f",
        "Error 1020",
        "Sorry, you have been blocked",
    ):
        assert is_barrier([text])
    for text in ("Just a moment...", "Verifying you are human", "Checking your browser"):
        assert is_challenge([text])
    for text in (
        "403, Tower B",
        "Unauthorised advisers are a fraud",
        "Reference: SEBI 2026",
        " ",
        ".",
    ):
        assert not is_barrier([text])
    small_print = "This site is protected by reCAPTCHA"
    assert not is_barrier(["Sign in", small_print])
    assert not is_challenge(["Sign in", small_print])
