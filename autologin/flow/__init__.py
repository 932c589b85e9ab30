"""All that the author of a flow needs, in one import.

The product's own modules import from the submodules.
"""

from autologin.clock import IST
from autologin.errors import (
    AccountLocked,
    AutologinError,
    BrokerUnavailable,
    CaptchaRequired,
    ConsentRequired,
    CredentialsRejected,
    ExchangeRejected,
    OtpNotAvailable,
    OtpRejected,
    PageChanged,
)
from autologin.flow.base import (
    ApiFlow,
    AuthCode,
    BrowserFlow,
    Credentials,
    LoginRequest,
    Options,
    RateLimit,
    Verdict,
    Verification,
    digits,
)
from autologin.flow.counts import attempts_left, attempts_left_in
from autologin.flow.http import (
    ADDRESS,
    address_hint,
    data_of,
    error_message,
    exchange_error,
    json_object,
    no_answer,
    quoted_refusal,
    refusal,
    refuses_token,
    send,
    text_of,
    token_in,
    verify_profile,
    verify_with,
    words_of,
)
from autologin.flow.otp import OtpGenerator, TotpSeed
from autologin.flow.phrases import COMMON, says
from autologin.flow.script import Checkbox, Click, InputField, LoginScript, Step
from autologin.quoting import quotable
from autologin.redaction import remember, remember_for_days, scrub
from autologin.token import Token, earliest_expiry, jwt_expiry, next_daily

__all__ = [
    "ADDRESS",
    "COMMON",
    "IST",
    "AccountLocked",
    "ApiFlow",
    "AuthCode",
    "AutologinError",
    "BrokerUnavailable",
    "BrowserFlow",
    "CaptchaRequired",
    "Checkbox",
    "Click",
    "ConsentRequired",
    "Credentials",
    "CredentialsRejected",
    "ExchangeRejected",
    "InputField",
    "LoginRequest",
    "LoginScript",
    "Options",
    "OtpGenerator",
    "OtpNotAvailable",
    "OtpRejected",
    "PageChanged",
    "RateLimit",
    "Step",
    "Token",
    "TotpSeed",
    "Verdict",
    "Verification",
    "address_hint",
    "attempts_left",
    "attempts_left_in",
    "data_of",
    "digits",
    "earliest_expiry",
    "error_message",
    "exchange_error",
    "json_object",
    "jwt_expiry",
    "next_daily",
    "no_answer",
    "quotable",
    "quoted_refusal",
    "refusal",
    "refuses_token",
    "remember",
    "remember_for_days",
    "says",
    "scrub",
    "send",
    "text_of",
    "token_in",
    "verify_profile",
    "verify_with",
    "words_of",
]
