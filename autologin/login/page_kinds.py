"""What a form, and a page, is for: a login, or one of the things that only look like one.

Decided before any field is looked for. On a form that makes an account, changes a password, takes a
card or asks for an address nothing is filled, whatever its boxes are called.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from autologin.login import words
from autologin.login.snapshot import ButtonElement, InputElement, Snapshot
from autologin.login.words import spell

Kind = Literal[
    "login",
    "code",
    "sign-up",
    "change password",
    "payment",
    "recovery",
    "contact",
    "newsletter",
    "search",
    "captcha",
    "other",
]
NEVER_FILLED: frozenset[Kind] = frozenset(
    {"sign-up", "change password", "payment", "recovery", "contact", "newsletter", "search"}
)
RANKED: Sequence[Kind] = (
    "login",
    "code",
    "change password",
    "sign-up",
    "payment",
    "recovery",
    "contact",
    "newsletter",
    "search",
)
"""Which of its forms a page is called by."""
PLAIN_PASSWORD = re.compile(r"(enter )?(your )?(password|passcode)")
PERSONS = 2
"""Boxes of personal data that no login asks for together."""


def page_kind(snapshot: Snapshot) -> Kind:
    """What a page seems to be."""
    if asks_for_captcha(snapshot):
        return "captcha"
    kinds = {form_kind(snapshot, group) for group in range(len(snapshot.groups))}
    return next((kind for kind in RANKED if kind in kinds), "other")


def asks_for_captcha(snapshot: Snapshot) -> bool:
    """Whether there is a challenge: a widget, or a box for what a picture shows or a sum makes.

    Such a box has no other name that explains it, and it must be filled.
    """
    of_forms = snapshot.captcha_groups
    if snapshot.captcha and not (
        of_forms and all(form_kind(snapshot, group) in NEVER_FILLED for group in of_forms)
    ):
        return True
    for group in range(len(snapshot.groups)):
        inputs = [found for found in snapshot.inputs if found.group == group]
        with_password = any(is_password(found) for found in inputs)
        for found, then in _followed(inputs):
            before = then is not None and is_password(then)
            if found.filled or not found.enabled or found.readonly or found.masked or before:
                continue
            if _is_captcha_box(found, must=found.required or with_password):
                return form_kind(snapshot, group) not in NEVER_FILLED
    return False


def _is_captcha_box(element: InputElement, *, must: bool) -> bool:
    named = f"{calls(element)} {spell(f'{element.name} {element.id}')}"
    explained = words.USER_ID.search(named) or words.OTP.search(named)
    if words.CAPTCHA.search(named) and not words.OTP.search(calls(element)):
        return must or "captcha" in named
    return bool(element.picture and must and not explained)


def form_kind(snapshot: Snapshot, group: int) -> Kind:
    """What one form of a page is for."""
    inputs = [found for found in snapshot.inputs if found.group == group]
    if not inputs:
        return "other"
    form = _Signs(snapshot, group, inputs)
    if _takes_card(inputs):
        return "payment"
    passwords = [found for found in inputs if is_password(found)]
    whole = [found for found in passwords if found.maxlength != 1]  # a row is one password
    if len(whole) > 1:
        kind = _of_several(form, whole)
        if kind:
            return kind
    if passwords:
        return _of_one(form, passwords)
    return _without_password(form, inputs)


def is_password(element: InputElement) -> bool:
    """Whether an input is for a password or a PIN, and for no code.

    It hides what is typed; or it would, had the page not been told to show it.
    """
    called = calls(element)
    shows = element.type == "text" and PLAIN_PASSWORD.fullmatch(called)
    return bool(
        (element.masked or (shows and "pass" in spell(f"{element.name} {element.id}")))
        and "one-time-code" not in element.autocomplete
        and not words.CAPTCHA.search(called)
        and not words.CARD["code"].search(called)
        and not words.PERSONAL["papers"].search(called)
        and not (words.OTP.search(called) and not words.PASSWORD.search(called))
    )


def is_new_password(element: InputElement) -> bool:
    """Whether a password's box names one that is to be made, or the same a second time."""
    called, named = calls(element), spell(f"{element.name} {element.id}")
    new = words.NEW.search(called) or words.NEW_BY_NAME.search(named)
    return bool(new) and not words.CURRENT.search(f"{called} {named}")


def calls(element: InputElement) -> str:
    """What a page calls an input, to a person's eyes."""
    return spell(element.words)


def personal_data(element: InputElement) -> str:
    """The kind of personal data that an input is for; empty for any other."""
    if element.masked or words.OTP.search(calls(element)):
        return ""
    if words.USER_ID.search(words.ADDRESS.sub("", calls(element))):
        return ""
    named = calls(element) or spell(f"{element.name} {element.id}")
    return next((kind for kind, known in words.PERSONAL.items() if known.search(named)), "")


def _followed(
    inputs: Sequence[InputElement],
) -> Iterator[tuple[InputElement, InputElement | None]]:
    """Each input, and the one after it."""
    return itertools.zip_longest(inputs, inputs[1:])


class _Signs:
    """What is written on a form and around it, by how much it says of the form."""

    def __init__(self, snapshot: Snapshot, group: int, inputs: Sequence[InputElement]) -> None:
        told = snapshot.form(group)
        self.inputs = inputs
        self.text = spell(told.text)
        self.heading = spell(told.heading)
        named = " ".join(spell(f"{found.name} {found.id}") for found in inputs)
        self.names = f"{spell(told.names)} {spell(told.around)} {named}"
        # What a page is called is said of its one form with a password, and of no quick login.
        alone = {found.group for found in snapshot.inputs if is_password(found)} <= {group}
        self.title = f"{spell(snapshot.title)} {spell(snapshot.path)}" if alone else ""
        self.selects, self.textareas = told.selects, told.textareas
        pressed = [spell(button.name) for button in _primary(snapshot, group)]
        self.pressed = [name for name in pressed if not words.LEADS_BACK.search(name)]
        # What stands before the password is what one signs in with, be it a phone number.
        told_of = [one for one, then in _followed(inputs) if not (then and is_password(then))]
        personal = [kind for found in told_of if (kind := personal_data(found))]
        self.personal = len(personal) + (self.selects > 0 and bool(personal))

    def presses(self, pattern: re.Pattern[str]) -> bool:
        return any(pattern.search(name) for name in self.pressed)

    @property
    def signs_up(self) -> bool:
        """Whether all that can be pressed makes an account, and nothing signs in."""
        return self.presses(words.SIGN_UP) and not self.presses(words.LOGIN)

    @property
    def aims_elsewhere(self) -> bool:
        """Whether it takes a password for something else than to sign in."""
        told = f"{self.heading}  {self.title}"
        says = words.OTHER_AIM.search(told) and not words.LOGIN.search(told)
        return bool(says or (self.pressed and all(map(words.OTHER_ACT.search, self.pressed))))

    @property
    def signs_in(self) -> bool:
        return self.presses(words.LOGIN)

    @property
    def invites(self) -> int:
        """By how much more is said of making an account than of signing in."""
        texts = ["  ".join(self.pressed), self.heading, self.names, self.title]
        return sum(_says(text, words.SIGN_UP, words.LOGIN) for text in texts)

    def announces(self, pattern: re.Pattern[str]) -> bool:
        """Whether heading or title says so, and neither of them speaks of signing in."""
        told = f"{self.heading}  {self.title}"
        return bool(pattern.search(told)) and not words.LOGIN.search(told)


def _says(text: str, one: re.Pattern[str], other: re.Pattern[str]) -> int:
    return bool(one.search(text)) - bool(other.search(text))


def _primary(snapshot: Snapshot, group: int) -> list[ButtonElement]:
    """What sends a form: its submit buttons, or else all that can be pressed and is no link."""
    pressable = [
        button
        for button in snapshot.buttons_of(group)
        if button.ticked is None and button.tag not in {"a", "label", "summary"} and button.name
    ]
    return [button for button in pressable if button.submit] or pressable


def _takes_card(inputs: Iterable[InputElement]) -> bool:
    """Whether a card is asked for; its number alone is what some sign in with."""
    told = {
        kind
        for found in inputs
        for kind, pattern in words.CARD.items()
        if pattern.search(f"{calls(found)} {spell(found.name)}")
    }
    return len(told) > 1 or any("cc-" in found.autocomplete for found in inputs)


def _of_several(form: _Signs, passwords: Sequence[InputElement]) -> Kind | None:
    """What a form with several passwords is for; None where they are no pair."""
    new = [found for found in passwords if is_new_password(found)]
    made = [found for found in passwords if "new-password" in found.autocomplete]
    twins = [one for one, next_one in _neighbours(form.inputs, passwords) if _same(one, next_one)]
    if not new and not twins and len(made) < len(passwords):
        return None
    current = [found for found in passwords if found not in new and found not in twins]
    others = [found for found in form.inputs if found not in passwords]
    says_current = any(
        words.CURRENT.search(calls(found)) or "current-password" in found.autocomplete
        for found in current
    )
    if says_current or not (others or form.signs_up):
        return "change password"
    return "sign-up"


def _neighbours(
    inputs: Sequence[InputElement], passwords: Sequence[InputElement]
) -> list[tuple[InputElement, InputElement]]:
    pairs = itertools.pairwise(inputs)
    return [(one, other) for one, other in pairs if one in passwords and other in passwords]


def _same(one: InputElement, other: InputElement) -> bool:
    return calls(one) == calls(other)


def _of_one(form: _Signs, passwords: Sequence[InputElement]) -> Kind:
    """What a form with a password is for."""
    new = any(is_new_password(found) for found in passwords)
    made = any("new-password" in found.autocomplete for found in passwords)
    if form.aims_elsewhere:
        return (
            "payment" if re.search(r"\bpay", f"{form.heading} {form.text}") else "change password"
        )
    texts = [found for found in form.inputs if not found.masked]
    if not texts and not form.signs_in and new:
        return "change password"
    if not texts and not form.signs_in and form.invites >= 0:
        return "other"  # "confirm that it is you", to somebody who is signed in
    if form.signs_up or form.personal >= PERSONS or (form.textareas and form.personal):
        return "sign-up"
    if new and not form.signs_in:
        return "change password" if words.RECOVERY.search(form.heading + form.title) else "sign-up"
    return "sign-up" if form.invites + made > 0 and (form.invites > 0 or new) else "login"


def _without_password(form: _Signs, inputs: Sequence[InputElement]) -> Kind:
    """What a form is for that asks for no password: the first screen of a login, perhaps."""
    texts = [found for found in inputs if not words.CAPTCHA.search(calls(found))]
    if texts and all(_searches(found) for found in texts):
        return "search"
    codes = [found for found in texts if _asks_for_code(found)]
    if codes and len(codes) >= len(texts) - 1:
        return "code"
    if form.signs_up:
        return "sign-up"
    if form.personal >= PERSONS or form.textareas or any(f.type == "textarea" for f in inputs):
        return "sign-up" if form.presses(words.SIGN_UP) else "contact"
    if form.signs_in and "newsletter" not in f"{form.names} {form.text} {form.heading}":
        return "login"
    if form.presses(words.NEWSLETTER) or words.NEWSLETTER.search(f"{form.names} {form.text}"):
        return "newsletter"
    if form.announces(words.RECOVERY) or form.presses(words.RECOVERY):
        return "recovery"
    if words.RECOVERY.search(form.names):
        return "recovery"
    if form.invites > 0:
        return "sign-up"
    if any(words.USER_ID.search(words.ADDRESS.sub("", calls(found))) for found in texts):
        return "login"
    nearby = f"{form.heading} {form.names} {form.text} {form.title}"
    return "login" if words.LOGIN.search(nearby) else "other"


def _searches(element: InputElement) -> bool:
    named = f"{calls(element)} {spell(f'{element.name} {element.id}')}"
    return element.type == "search" or bool(words.SEARCH.search(named))


def _asks_for_code(element: InputElement) -> bool:
    return "one-time-code" in element.autocomplete or bool(
        words.OTP.search(f"{calls(element)} {spell(f'{element.name} {element.id}')}")
    )
