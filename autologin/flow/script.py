"""How a flow describes a login on a page: what to find, fill, send and press. Data only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from autologin.errors import AutologinError, CredentialsRejected, OtpRejected
from autologin.flow.otp import OtpGenerator

if TYPE_CHECKING:
    from pydantic import SecretStr

Situation = Literal["start", "other_code", "other_user"]


@dataclass(frozen=True)
class Pin:
    """An element that the user names: its CSS selector, and the key of the config that says so."""

    key: str
    css: str


def is_pin(name: str) -> bool:
    """Whether what a selector stands for is a key of the user's config."""
    return ".pages." in name


@dataclass(frozen=True)
class InputField:
    """A field that a flow fills, with every way to find it.

    `label` is a pattern for label, placeholder, name and nearby text; `other` one for what it is
    not, though it looks so (an SMS code where a TOTP is meant). `digits` is the length of a code, a
    PIN (kind `pin`) or a phone number (`phone`).
    """

    name: str
    kind: Literal["text", "phone", "password", "code", "pin"]
    label: str
    css: tuple[str, ...] = ()
    autocomplete: tuple[str, ...] = ()
    other: str = ""
    digits: int = 6
    pin: Pin | None = None
    """Where the user says what the field is, nothing else is."""


@dataclass(frozen=True)
class Step:
    """Fields that are filled and sent together, or one after the other, as the page asks for them.

    `press` is a pattern for the name of the button that sends them, `reply` how the path of the
    page's own call that answers ends (or may end), `refused` what a refusal of this step means.
    `wants` reads from that answer's JSON (of HTML: `{"html": ...}`) what is asked for next, in
    words that a field's `other` can match. `shown_as` is a pattern for user ids: a page that asks
    for the password of another user than `user_id` is not filled. A `whole` step is for pages that
    ask for everything at once: it is passed over where not all of its fields (and more than one)
    are on the screen. `sends_itself`: its code may be sent by the page itself at the last digit, so
    the button waits half a second for that. `leaves` is a pattern for boxes that this broker's page
    shows and does not need.
    `answers` is the form in which the broker answers: nothing else is its word.
    """

    name: str
    values: Mapping[InputField, str | SecretStr | OtpGenerator]
    press: str
    refused: type[CredentialsRejected | OtpRejected]
    reply: str | tuple[str, ...] = ""
    wants: Callable[[Mapping[str, Any]], str] | None = None
    shown_as: str = ""
    whole: bool = False
    sends_itself: bool = True
    leaves: str = ""
    answers: Literal["json", "text"] = "json"
    """`text`: plain text and pieces of HTML; a whole page of HTML is none."""


@dataclass(frozen=True)
class Click:
    """Something to press once on the way, when the screen is not yet the one that a step needs.

    `when` names the situation: `start` (nothing entered yet), `other_code` (it asks for a code that
    we cannot make), `other_user` (it asks for another user's password), or the name of the click
    that must have been made before.
    """

    name: str
    when: Situation | str
    press: str
    css: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checkbox:
    """A box to tick before a form is sent, such as "I accept the terms".

    `label` is a pattern for what stands beside it.
    """

    name: str
    label: str
    css: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoginScript:
    """One broker's login: its steps in order, its clicks and checkboxes, and the consent page.

    `consent` is a pattern for the button that allows the app, `consent_at` one for the path of the
    page it is on, and `consent_titled` one for that page's title, where it has no path of its own.
    """

    steps: tuple[Step, ...]
    clicks: tuple[Click, ...] = ()
    checkboxes: tuple[Checkbox, ...] = ()
    consent: str = r"^(authori[sz]e|allow|approve|grant( access)?)$"
    consent_at: str = ""
    phrases: Mapping[type[AutologinError], str] = field(default_factory=dict)
    """The broker's own words for an error, tried before the common ones."""
    hints: Mapping[type[AutologinError], str] = field(default_factory=dict)
    """What to do about what these words mean, where that is special to this broker."""
    patience: float = 0.0
    """Seconds that the first page may stay blank, where that is longer than usual (large apps)."""
    consent_titled: str = ""
    press_pin: Pin | None = None
    """The button that sends the first form, and every later one that has it."""
    dismiss: tuple[str, ...] = ()
    """The words of buttons that put a notice off, each pressed once."""
    own_phrases: Mapping[type[AutologinError], str] = field(default_factory=dict)
    """The user's, tried before the broker's."""
