"""What login pages with a user id, a password and a TOTP share: fields and steps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from autologin.flow import (
    AutologinError,
    Click,
    CredentialsRejected,
    InputField,
    LoginScript,
    OtpGenerator,
    OtpRejected,
    Step,
)

if TYPE_CHECKING:
    from pydantic import SecretStr

USER = InputField(
    "user id",
    "text",
    label=r"(user|client|customer|login) ?(id|name|code)|\bucc\b|e-?mail",
    css=("[name=userid]", "[name=username]"),
    autocomplete=("username",),
)
PASSWORD = InputField(
    "password",
    "password",
    label=r"password",
    css=("[name=password]",),
    autocomplete=("current-password",),
)
TOTP = InputField(
    "TOTP",
    "code",
    label=r"\bt?otp\b|authenticator|time.?based|\b2.?fa\b",
    css=("[name=otp]", "[name=totp]"),
    autocomplete=("one-time-code",),
    other=r"\bsms\b|\be-?mail\b|sent to",
)
CLICKS = (Click("TOTP instead", when="other_code", press=r"totp|authenticator"),)
SEND = r"log ?in|sign ?in|continue|proceed|next|submit|verify"


def form_script(
    user: str,
    password: SecretStr,
    otp: OtpGenerator | None,
    ids: Mapping[InputField, tuple[str, ...]],
    *,
    patience: float = 0.0,
    phrases: Mapping[type[AutologinError], str] | None = None,
) -> LoginScript:
    """A login with everything on one form, or the password first.

    `ids` are a broker's own selectors for the fields, `patience` the seconds that its page may stay
    blank at first, `phrases` its own words for errors.
    """
    assert otp is not None  # the brokers with such a page require totp_secret
    user_field = _with_ids(USER, ids)
    password_field = _with_ids(PASSWORD, ids)
    otp_field = _with_ids(TOTP, ids)
    everything = Step(
        "all at once",
        {user_field: user, password_field: password, otp_field: otp},
        press=SEND,
        refused=CredentialsRejected,
        whole=True,
        sends_itself=False,
    )
    credentials = Step(
        "credentials",
        {user_field: user, password_field: password},
        press=SEND,
        refused=CredentialsRejected,
    )
    totp = Step("TOTP", {otp_field: otp}, press=SEND, refused=OtpRejected)
    return LoginScript(
        (everything, credentials, totp),
        CLICKS,
        phrases=phrases or {},
        patience=patience,
    )


def _with_ids(field: InputField, ids: Mapping[InputField, tuple[str, ...]]) -> InputField:
    return replace(field, css=(*ids.get(field, ()), *field.css))


def upper(user: str) -> str:
    """A user id as brokers write it."""
    return re.sub(r"\s", "", user).upper()
