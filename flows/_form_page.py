"""What the flows of login pages with a user id, a password and a TOTP share: the fields, and the steps in either order."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from autologin.errors import AccountLocked, CredentialsRejected, OtpRejected
from autologin.flow.script import Script, Step, Turn
from autologin.login.snapshot import Field as Box

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

    from autologin.errors import AutologinError
    from autologin.flow.otp import Otp

USER = Box(
    "user id",
    "text",
    label=r"(user|client|customer|login) ?(id|name|code)|\bucc\b|e-?mail",
    css=("[name=userid]", "[name=username]"),
    autocomplete=("username",),
)
PASSWORD = Box("password", "password", label=r"password", css=("[name=password]",), autocomplete=("current-password",))
CODE = Box(
    "TOTP",
    "code",
    label=r"\bt?otp\b|authenticator|time.?based|\b2.?fa\b",
    css=("[name=otp]", "[name=totp]"),
    autocomplete=("one-time-code",),
    other=r"\bsms\b|\be-?mail\b|sent to",
)
WAYS = (Turn("TOTP instead", when="other_code", press=r"totp|authenticator"),)
SEND = r"log ?in|sign ?in|continue|proceed|next|submit|verify"
WRONG = r"invalid|incorrect|wrong|mismatch|not match|not valid|expired"
WRONG_CODE = rf"^(?!.*(password|user|client)).*(({WRONG}).{{0,30}}\bt?otp\b|\bt?otp\b.{{0,30}}({WRONG}))"
"""The code alone: where the password is named too, it was perhaps the password, and that one is never sent again."""
LOCKED = r"\b(user|account)( is| has been)? (blocked|locked)\b"
WRONG_USER = r"user (profile )?not found|invalid input"


def script(user: str, password: SecretStr, otp: Otp, ids: Mapping[Box, tuple[str, ...]], *, patience: float = 0.0) -> Script:
    """A login with everything on one form, or the password first.

    `ids` are a broker's own selectors for the fields, `patience` the seconds that its page may stay blank at first.
    """
    who, secret, code = (replace(box, css=(*ids.get(box, ()), *box.css)) for box in (USER, PASSWORD, CODE))
    first: dict[Box, str | SecretStr | Otp] = {who: user, secret: password}
    credentials = Step("credentials", first, SEND, CredentialsRejected)
    alone = Step("TOTP", {code: otp}, SEND, OtpRejected)
    both = Step("all at once", {**first, code: otp}, SEND, CredentialsRejected, whole=True, sends_itself=False)
    says: dict[type[AutologinError], str] = {AccountLocked: LOCKED, OtpRejected: WRONG_CODE, CredentialsRejected: WRONG_USER}
    return Script((both, credentials, alone), WAYS, phrases=says, patience=patience)


def upper(user: str) -> str:
    """A user id as brokers write it."""
    return re.sub(r"\s", "", user).upper()
