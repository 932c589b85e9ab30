"""What `oauth2` is told in YAML: who signs in, the protocol's variants, how the page looks."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from autologin.flow import (
    AccountLocked,
    AutologinError,
    ConsentRequired,
    Credentials,
    CredentialsRejected,
    Options,
    OtpNotAvailable,
    OtpRejected,
    TotpSeed,
)

AN_OTP = r"\b(t?otp|one.?time \w+|(verification|security|authenticat\w+|\d.?digit) code)\b"
ASKS_FOR_OTP = rf"(enter|type)\b.{{0,40}}{AN_OTP}|^\W*(your |the )?{AN_OTP}\W*$"
"""In a sentence, or as the label of a box."""


def _check_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error:
        raise ValueError("is not a regular expression") from None
    return text


def _check_expires(text: str) -> str:
    if not re.fullmatch(r"reply|jwt|([01]\d|2[0-3]):[0-5]\d|[0-9]{1,9}", text):
        raise ValueError(
            'must be reply, jwt, a time of day in India such as "06:00", or seconds such as "3600"'
        )
    return text


Pattern = Annotated[str, AfterValidator(_check_pattern)]
Expires = Annotated[str, AfterValidator(_check_expires)]


class OAuth2Credentials(Credentials):
    """What an authorization-code login needs."""

    client_id: str = Field(description="the app's id at the authorization server")
    client_secret: SecretStr | None = Field(
        default=None,
        description="the app's secret; a public client has none",
    )
    redirect_uri: str = Field(description="the redirect address registered for the app, exactly")
    user_id: str = Field(description="what you type into the login page as the user")
    password: SecretStr = Field(description="the password of that user")
    totp_secret: TotpSeed | None = Field(
        default=None,
        description="the authenticator's seed, where the login asks for a code",
    )


class OAuth2Options(Options):
    """Every pattern is a regular expression, and capitals do not matter.

    What is not set is what most servers do.
    """

    scope: str = Field(default="", description="the scopes to ask for, with spaces between them")
    pkce: bool = Field(default=False, description="whether to send a PKCE challenge (S256)")
    client_auth: Literal["body", "basic"] = Field(
        default="body", description="how the token call proves the client"
    )
    code_param: str = Field(
        default="code",
        min_length=1,
        description="the code's name in the redirect",
    )
    state_param: str = Field(
        default="state",
        description="the state's name; empty where the server gives none back",
    )
    authorize_params: dict[str, str] = Field(
        default={},
        description="more parameters of the authorize address",
    )
    expires: Expires = Field(
        default="reply",
        description="when a token ends: reply (its expires_in), jwt (its exp), HH:MM in India, "
        "or seconds",
    )
    user_id_path: str = Field(
        default="",
        description="where the profile names the user, such as data.user_id; empty: nowhere",
    )

    user_label: Pattern = Field(
        default=r"user ?(id|name)|log-?in ?(id|name)?|client ?(id|code)|customer ?id|e-?mail"
        r"|mobile",
        description="a pattern for the label of the user's field",
    )
    user_css: tuple[str, ...] = Field(default=(), description="CSS selectors of the user's field")
    password_label: Pattern = Field(
        default=r"password|passcode|\bm?pin\b",
        description="the same for the password's field",
    )
    password_css: tuple[str, ...] = Field(
        default=(),
        description="CSS selectors of the password's field",
    )
    code_label: Pattern = Field(
        default=r"totp|\botp\b|authenticator|one.?time|\b2.?fa\b|two.?factor"
        r"|(verification|security|\d.?digit) code",
        description="the same for the one-time code's field",
    )
    code_css: tuple[str, ...] = Field(
        default=(),
        description="CSS selectors of the one-time code's field, or of its boxes",
    )
    code_digits: int = Field(
        default=6,
        ge=4,
        le=8,
        description="how many digits the one-time code has",
    )
    code_sends_itself: bool = Field(
        default=True,
        description="whether the page may send the code at its last digit; "
        "false saves half a second",
    )

    press: Pattern = Field(
        default=r"log ?in|sign.?in|continue|next|proceed|submit",
        description="a pattern for the button below the password",
    )
    press_code: Pattern = Field(
        default=r"verify|continue|submit|confirm|proceed|next|log ?in|sign.?in",
        description="the button below the code",
    )
    tick: Pattern = Field(
        default="",
        description="a pattern for a box to tick before the form is sent",
    )
    consent: Pattern = Field(
        default=r"^(yes,? )?(i )?(authori[sz]e|allow|approve|grant|permit|agree)"
        r"( (access|app|application|and continue))?$",
        description="a pattern for the button that allows the app",
    )
    consent_at: Pattern = Field(
        default=r"consent|grant|approv|permission",
        description="a pattern for the path of the page that asks for consent",
    )

    wrong_password: Pattern = Field(
        default="",
        description="what the page says of a wrong user or password, beside what brokers say",
    )
    wrong_code: Pattern = Field(
        default="",
        description="what the page says of a wrong one-time code, beside what brokers say",
    )
    locked: Pattern = Field(
        default="",
        description="what the page says of a locked account, beside what brokers say",
    )
    denied: Pattern = Field(
        default=r"access_denied"
        r"|(consent|authori[sz]ation|permission|access) (was |has been )?(denied|declined) by"
        r"|\b(you|user|owner) (has |have )?(denied|declined|cancelled)",
        description="what the page says where the app is not allowed",
    )
    client_refused: Pattern = Field(
        default="",
        description="what the page says where it does not know the client_id or the redirect_uri, "
        "beside what brokers say",
    )

    def phrases(self, *, makes_otps: bool) -> dict[type[AutologinError], str]:
        """What the page's words mean; to ask for an OTP is a refusal where there is no seed."""
        phrases: dict[type[AutologinError], str] = {
            AccountLocked: self.locked,
            OtpRejected: self.wrong_code,
            ConsentRequired: self.denied,
            CredentialsRejected: "|".join(filter(None, (self.wrong_password, self.client_refused))),
            OtpNotAvailable: "" if makes_otps else ASKS_FOR_OTP,
        }
        return {kind: pattern for kind, pattern in phrases.items() if pattern}
