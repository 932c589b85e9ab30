"""Which element on a page is the field or the button that a flow means.

A snapshot in, a decision out.

A field is never found by one way alone. Each way that agrees (CSS, label, placeholder,
autocomplete, type, position) is evidence; the form with the most evidence wins, and two that are
equal are refused: a password in the wrong box is worse than a failed run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autologin.flow.script import InputField
from autologin.login.snapshot import ButtonElement, InputElement, Snapshot

ENOUGH = 2
"""Evidence that a field needs: one strong way (a label, an id) or two weak ones (a type and a
position)."""
KEYED = {"code", "pin"}
"""Kinds of fields that are typed key by key, into one box or into one for each digit."""
TEXT_TYPES = {"text", "email", "tel", "search", ""}
NEW_PASSWORD = re.compile(r"\b(new|confirm|create|choose|repeat|re-?enter)\b", re.IGNORECASE)
PHONE = re.compile(r"\b(mobile|phone|telephone)\b", re.IGNORECASE)
SENT = re.compile(r"\bsent\b.{0,60}\b(mobile|phone|number|sms|e-?mail|whatsapp)\b", re.IGNORECASE)
"""A page that says so means the code that it sent."""
OTHER_FORM = re.compile(
    r"\b(sign ?up|register|create|join|open (an? )?(free )?account|subscribe|search)\b",
    re.IGNORECASE,
)
STRANGERS = re.compile(
    r"\b(sign ?up|register|create (an? )?(free )?account|open (an? )?(free )?account|subscribe)\b",
    re.IGNORECASE,
)
LOGIN = re.compile(r"\b(log|sign) ?[io]n\b", re.IGNORECASE)
OTHER_BUTTON = re.compile(
    r"\b(sign ?up|register|forgot|cancel|back|resend|google|facebook|apple|qr|show|hide|eye|close"
    r"|cookies?|deny|decline)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Form:
    """The fields that were found, all in one form; a code has one element, or one for each digit.

    `unclear` names the fields for which two inputs are equally good.
    """

    group: int
    inputs: Mapping[InputField, Sequence[InputElement]]
    unclear: tuple[str, ...] = ()


class Ambiguous(Exception):
    """Two places are equally good for a field."""


def page_kind(snapshot: Snapshot) -> str:
    """What a page seems to be: `login`, `sign-up`, `change password`, `captcha` or `other`."""
    if snapshot.captcha:
        return "captcha"
    return "login" if any(found.masked for found in snapshot.inputs) else "other"


def find_form(snapshot: Snapshot, wanted: Sequence[InputField]) -> Form | None:
    """The form that holds the wanted fields, or some of them; None where there is none.

    Raises:
        Ambiguous: two forms, or two inputs in one, are equally good.
    """
    groups = [
        group for group in range(len(snapshot.groups)) if not _is_for_strangers(snapshot, group)
    ]
    forms = [form for group in groups if (form := _in_group(snapshot, group, wanted))]
    if not forms:
        return None
    ranked = sorted(forms, key=lambda form: _weight(snapshot, form), reverse=True)
    if ranked[0].unclear:
        raise Ambiguous(" and ".join(ranked[0].unclear))
    if len(ranked) > 1 and _weight(snapshot, ranked[0]) == _weight(snapshot, ranked[1]):
        raise Ambiguous(" and ".join(field.name for field in ranked[0].inputs))
    return ranked[0]


def find_certain_form(snapshot: Snapshot, wanted: Sequence[InputField]) -> Form | None:
    """The same, and None also where two are equally good."""
    try:
        return find_form(snapshot, wanted)
    except Ambiguous:
        return None


def submit_button(snapshot: Snapshot, group: int, name: str) -> ButtonElement | None:
    """The button that sends a form.

    None where it is not certain (Enter in the last field sends it then).
    """
    ours = [
        button
        for button in snapshot.buttons
        if button.group == group and button.ticked is None and button.tag != "label"
    ]
    ours = [button for button in ours if not OTHER_BUTTON.search(button.name)]
    ranked = sorted(ours, key=lambda button: _button_weight(button, name), reverse=True)
    if not ranked or _button_weight(ranked[0], name) == 0:
        alone = [button for button in ranked if button.tag not in {"a", "summary"}]
        return alone[0] if len(alone) == 1 else None
    tie = len(ranked) > 1 and _button_weight(ranked[0], name) == _button_weight(ranked[1], name)
    return None if tie else ranked[0]


def find_button(
    snapshot: Snapshot, pattern: str, *, css: str = "", enabled: bool = True
) -> ButtonElement | None:
    """What can be pressed and has such a name, a real button before a link.

    Without one, what `css` names.
    """
    buttons = [button for button in snapshot.buttons if button.enabled or not enabled]
    found = [button for button in buttons if re.search(pattern, button.name, re.IGNORECASE)]
    found = found or [button for button in buttons if css and css in button.css]
    return min(found, key=lambda button: (button.tag != "button", len(button.name)), default=None)


def find_unticked(snapshot: Snapshot, label: str, *, css: str) -> ButtonElement | None:
    """The element to tick of this label, or that `css` names, where it is not ticked yet."""
    inputs = [button for button in snapshot.buttons if button.ticked is not None and button.enabled]
    meant = [element for element in inputs if css in element.css] or [
        element for element in inputs if _matches(label, element.name)
    ]
    return next((element for element in meant if not element.ticked), None)


def evidence(field: InputField, element: InputElement) -> int:
    """How much speaks for this element being that field; 0 where it cannot be."""
    if not _possible(field, element):
        return 0
    ways = 3 * (field.name in element.css) + 3 * _matches(field.label, element.label)
    ways += 2 * _matches(field.label, element.placeholder) + 2 * _matches(
        field.label, f"{element.name} {element.id}"
    )
    ways += 2 * _matches(field.label, element.near) + 3 * bool(
        set(field.autocomplete) & set(element.autocomplete.split())
    )
    return ways + _type_evidence(field, element)


def is_for_another_otp(field: InputField, element: InputElement, snapshot: Snapshot) -> bool:
    """Whether a element is for a code, but not for this field's.

    An SMS code where a TOTP is meant.
    """
    typed = (
        element.type in {"number", "tel"}
        or element.numeric
        or element.maxlength in {1, field.digits}
    )
    if not field.other or not (typed or _matches(r"code|otp|\bpin\b", element.words)):
        return False
    ours = _matches(field.label, f"{element.words} {element.near} {element.name} {element.id}")
    return _matches(field.other, element.words) or (
        not ours and any(SENT.search(line) for line in snapshot.lines)
    )


def _possible(field: InputField, element: InputElement) -> bool:
    if (
        not element.enabled
        or (element.readonly and element.filled)  # an empty one may open once it has the focus
        or (field.other and _matches(field.other, element.words))
    ):
        return False
    if field.kind == "password":
        return (
            (element.type == "password" or element.masked)
            and element.autocomplete != "new-password"
            and not NEW_PASSWORD.search(element.words)
        )
    if field.kind == "phone":
        return element.type in {*TEXT_TYPES, "number"} and (
            element.maxlength == -1 or element.maxlength >= field.digits
        )
    if field.kind in KEYED:
        if PHONE.search(element.words) and not _matches(field.label, element.words):
            return False
        return element.type in {*TEXT_TYPES, "number", "password"} and (
            element.maxlength in {-1, 1} or element.maxlength >= field.digits
        )
    return (
        element.type in {*TEXT_TYPES, "number"}
        and not element.masked
        and element.maxlength != 1
        and "one-time-code" not in element.autocomplete
    )


def _type_evidence(field: InputField, element: InputElement) -> int:
    if field.kind == "password":
        return 2
    if field.kind == "text":
        return 1
    masked = 2 * (field.kind == "pin" and element.type == "password")
    return (
        masked
        + (element.type in {"number", "tel"} or element.numeric)
        + 2 * (element.maxlength == field.digits)
    )


def _matches(pattern: str, text: str) -> bool:
    return bool(re.search(pattern, text, re.IGNORECASE))


def _in_group(snapshot: Snapshot, group: int, wanted: Sequence[InputField]) -> Form | None:
    inputs = [element for element in snapshot.inputs if element.group == group]
    found: dict[InputField, Sequence[InputElement]] = {}
    unclear: list[str] = []
    for field in wanted:
        best = _digit_boxes(field, inputs) or _best(field, inputs)
        if len(best) > 1 and len(best) != field.digits:
            unclear.append(field.name)
        elif best:
            found[field] = best
    return Form(group, found, tuple(unclear)) if found or unclear else None


def _digit_boxes(field: InputField, inputs: Iterable[InputElement]) -> list[InputElement]:
    """The row of one-digit inputs for a code, where this form has one of the right length."""
    row = [
        element
        for element in inputs
        if field.kind in KEYED and element.maxlength == 1 and _possible(field, element)
    ]
    return row if len(row) == field.digits else []


def _best(field: InputField, inputs: Sequence[InputElement]) -> list[InputElement]:
    """The inputs with the most evidence: none, the one, or several that are equally good."""
    single = [element for element in inputs if element.maxlength != 1]

    def weight(element: InputElement) -> int:
        found = evidence(field, element)
        alone = field.kind in {*KEYED, "phone"} and len(single) == 1
        return found + (
            0 < found < ENOUGH
            and (alone or (field.kind == "text" and _before_password(element, inputs)))
        )

    most = max(map(weight, single), default=0)
    return [element for element in single if weight(element) == most] if most >= ENOUGH else []


def _before_password(element: InputElement, inputs: Sequence[InputElement]) -> bool:
    after = inputs[inputs.index(element) + 1 :]
    return bool(after) and after[0].type == "password"


def _is_for_strangers(snapshot: Snapshot, group: int) -> bool:
    """Whether a form's buttons all say that it makes an account.

    What it asks for (a code, too) is nothing of ours.
    """
    pressable = [
        one
        for one in snapshot.buttons
        if one.group == group and one.ticked is None and one.tag not in {"a", "label"}
    ]
    names = [button.name for button in pressable if button.name]
    return bool(names) and all(STRANGERS.search(name) and not LOGIN.search(name) for name in names)


def _weight(snapshot: Snapshot, form: Form) -> int:
    total = sum(
        max(evidence(field, element) for element in inputs) + ENOUGH
        for field, inputs in form.inputs.items()
    )
    buttons = [
        button.name for button in snapshot.buttons if button.group == form.group and button.submit
    ]
    return total - 6 * any(OTHER_FORM.search(name) for name in buttons)


def _button_weight(button: ButtonElement, name: str) -> int:
    return 3 * _matches(name, button.name) + 2 * button.submit + (button.tag in {"button", "input"})
