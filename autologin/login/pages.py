"""The script of an account's login: its flow's, with what the user says of the pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from autologin.errors import (
    AccountLocked,
    AutologinError,
    BrokerUnavailable,
    CaptchaRequired,
    ConsentRequired,
    CredentialsRejected,
    OtpNotAvailable,
    OtpRejected,
    PageChanged,
)
from autologin.flow.otp import OtpGenerator
from autologin.flow.script import InputField, LoginScript, Pin, Step

if TYPE_CHECKING:
    from autologin.config.schema import Account, Pages
    from autologin.flow.base import BrowserFlow

FieldName = Literal["user_id", "password", "otp"]
"""What the fields of all flows are called in an account's `pages`, and by `autologin inspect`."""
KINDS: dict[str, type[AutologinError]] = {
    kind.name: kind
    for kind in (
        AccountLocked,
        BrokerUnavailable,
        CaptchaRequired,
        ConsentRequired,
        CredentialsRejected,
        OtpNotAvailable,
        OtpRejected,
        PageChanged,
    )
}
"""What words of a page can mean."""


def script_of(flow: BrowserFlow, account: Account, otp: OtpGenerator | None) -> LoginScript:
    """What to fill and press for an account."""
    return apply(flow.login_script(otp), account.pages, f"accounts.{account.name}.pages")


def apply(script: LoginScript, pages: Pages, key: str) -> LoginScript:
    """A script with what the user says; `key` is where that stands in the config."""
    told = pages.phrases.model_dump(exclude_none=True)
    selectors = pages.fields.model_dump(exclude_none=True)
    return replace(
        script,
        steps=tuple(_pin(step, selectors, key) for step in script.steps),
        press_pin=Pin(f"{key}.press", pages.press) if pages.press else None,
        dismiss=tuple(pages.dismiss),
        own_phrases={KINDS[name]: pattern for name, pattern in told.items()},
    )


def field_name(one: InputField, value: object) -> FieldName:
    """What a flow's field is called here."""
    if isinstance(value, OtpGenerator):
        return "otp"
    return "user_id" if one.kind in {"text", "phone"} else "password"


def _pin(step: Step, selectors: Mapping[str, str], key: str) -> Step:
    values = {}
    for one, value in step.values.items():
        name = field_name(one, value)
        pin = Pin(f"{key}.fields.{name}", selectors[name]) if name in selectors else None
        values[replace(one, pin=pin)] = value
    return replace(step, values=values)
