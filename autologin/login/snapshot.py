"""What is on a page, and which of it is the field or button that a flow means: plain data in, a decision out.

A field is never found by one way alone. Each way that agrees (CSS, label, placeholder, autocomplete, type, position) is
evidence; the form with the most evidence wins, and two that are equal are refused: a password in the wrong box is worse
than a failed run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autologin.flow.script import InputField
from autologin.redaction import scrub

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SCRIPT = Path(__file__).with_suffix(".js")
ENOUGH = 2
"""Evidence that a field needs: one strong way (a label, an id) or two weak ones (a type and a position)."""
CODES = {"code", "pin"}
"""Kinds of fields that are typed key by key, into one box or into one for each digit."""
TEXT_TYPES = {"text", "email", "tel", "search", ""}
NEW_PASSWORD = re.compile(r"\b(new|confirm|create|choose|repeat|re-?enter)\b", re.IGNORECASE)
PHONE = re.compile(r"\b(mobile|phone|telephone)\b", re.IGNORECASE)
LINE = 200
"""Characters of a line that are looked at: what means an error is said at its start."""
SENT = re.compile(r"\bsent\b.{0,60}\b(mobile|phone|number|sms|e-?mail|whatsapp)\b", re.IGNORECASE)
"""A page that says so means the code that it sent."""
OTHER_FORM = re.compile(r"\b(sign ?up|register|create|join|open (an? )?(free )?account|subscribe|search)\b", re.IGNORECASE)
STRANGERS = re.compile(
    r"\b(sign ?up|register|create (an? )?(free )?account|open (an? )?(free )?account|subscribe)\b", re.IGNORECASE
)
LOGIN = re.compile(r"\b(log|sign) ?[io]n\b", re.IGNORECASE)
OTHER_BUTTON = re.compile(
    r"\b(sign ?up|register|forgot|cancel|back|resend|google|facebook|apple|qr|show|hide|eye|close|cookies?|deny|decline)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Box:
    """One visible input; `index` finds its element, `css` are the fields whose selectors match it."""

    index: int
    group: int
    type: str
    id: str
    name: str
    label: str
    near: str
    placeholder: str
    autocomplete: str
    maxlength: int
    numeric: bool
    enabled: bool
    readonly: bool
    filled: bool
    css: tuple[str, ...]
    fixed: str

    @property
    def words(self) -> str:
        """What the page calls this box."""
        return f"{self.label} {self.placeholder}".strip() or self.near

    @property
    def looks(self) -> tuple[str | int, ...]:
        """What tells this box from another one, also where a page uses the same element for both."""
        return (self.type, self.id, self.name, self.words, self.autocomplete, self.maxlength)


@dataclass(frozen=True)
class Button:
    """One visible thing that can be pressed."""

    index: int
    group: int
    tag: str
    name: str
    submit: bool
    enabled: bool
    covered: bool
    css: tuple[str, ...]
    ticked: bool | None = None
    """Of a box to tick (or a radio button) whether it is; None for everything else."""


@dataclass(frozen=True)
class Screen:
    """What a person would see now."""

    title: str
    path: str
    boxes: tuple[Box, ...]
    buttons: tuple[Button, ...]
    groups: tuple[str, ...]
    lines: tuple[str, ...]
    alerts: tuple[str, ...]
    captcha: bool
    loading: bool = False
    """Whether its scripts are still on their way, so that nobody listens to its fields yet (for five seconds at most)."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Screen:
        """The screen that the script in the page saw."""
        return cls(
            title=data["title"],
            path=data["path"],
            boxes=tuple(Box(**{**box, "css": tuple(box["css"])}) for box in data["inputs"]),
            buttons=tuple(Button(**{**button, "css": tuple(button["css"])}) for button in data["buttons"]),
            groups=tuple(data["groups"]),
            lines=tuple(map(_cut, data["lines"])),
            alerts=tuple(map(_cut, data["alerts"])),
            captcha=data["captcha"],
            loading=data["loading"],
        )


@dataclass(frozen=True)
class Form:
    """The fields that were found, all in one form; a code has one box, or one for each digit.

    `unclear` names the fields for which two boxes are equally good.
    """

    group: int
    boxes: Mapping[InputField, Sequence[Box]]
    unclear: tuple[str, ...] = ()


def _cut(line: str) -> str:
    """The start of a line; a secret that is cut through would not be known for one any more."""
    return line if len(line) <= LINE else scrub(line)[:LINE]


class Ambiguous(Exception):
    """Two places are equally good for a field."""


@cache
def script() -> str:
    """The JavaScript that looks at a page."""
    return SCRIPT.read_text(encoding="utf-8")


def find(screen: Screen, wanted: Sequence[InputField]) -> Form | None:
    """The form that holds the wanted fields, or some of them; None where there is none.

    Raises:
        Ambiguous: two forms, or two boxes in one, are equally good.
    """
    groups = [group for group in range(len(screen.groups)) if not _for_strangers(screen, group)]
    forms = [form for group in groups if (form := _in_group(screen, group, wanted))]
    if not forms:
        return None
    ranked = sorted(forms, key=lambda form: _weight(screen, form), reverse=True)
    if ranked[0].unclear:
        raise Ambiguous(" and ".join(ranked[0].unclear))
    if len(ranked) > 1 and _weight(screen, ranked[0]) == _weight(screen, ranked[1]):
        raise Ambiguous(" and ".join(field.name for field in ranked[0].boxes))
    return ranked[0]


def certain(screen: Screen, wanted: Sequence[InputField]) -> Form | None:
    """The same, and None also where two are equally good."""
    try:
        return find(screen, wanted)
    except Ambiguous:
        return None


def submit_button(screen: Screen, group: int, name: str) -> Button | None:
    """The button that sends a form; None where it is not certain (Enter in the last field sends it then)."""
    ours = [button for button in screen.buttons if button.group == group and button.ticked is None and button.tag != "label"]
    ours = [button for button in ours if not OTHER_BUTTON.search(button.name)]
    ranked = sorted(ours, key=lambda button: _button_weight(button, name), reverse=True)
    if not ranked or _button_weight(ranked[0], name) == 0:
        alone = [button for button in ranked if button.tag not in {"a", "summary"}]
        return alone[0] if len(alone) == 1 else None
    tie = len(ranked) > 1 and _button_weight(ranked[0], name) == _button_weight(ranked[1], name)
    return None if tie else ranked[0]


def named(screen: Screen, pattern: str, *, css: str = "", enabled: bool = True) -> Button | None:
    """What can be pressed and has such a name, a real button before a link; without one, what `css` names."""
    buttons = [button for button in screen.buttons if button.enabled or not enabled]
    found = [button for button in buttons if re.search(pattern, button.name, re.IGNORECASE)]
    found = found or [button for button in buttons if css and css in button.css]
    return min(found, key=lambda button: (button.tag != "button", len(button.name)), default=None)


def unticked(screen: Screen, label: str, *, css: str) -> Button | None:
    """The box to tick of this label, or that `css` names, where it is not ticked yet."""
    boxes = [button for button in screen.buttons if button.ticked is not None and button.enabled]
    meant = [box for box in boxes if css in box.css] or [box for box in boxes if _says(label, box.name)]
    return next((box for box in meant if not box.ticked), None)


def evidence(field: InputField, box: Box) -> int:
    """How much speaks for this box being that field; 0 where it cannot be."""
    if not _possible(field, box):
        return 0
    ways = 3 * (field.name in box.css) + 3 * _says(field.label, box.label)
    ways += 2 * _says(field.label, box.placeholder) + 2 * _says(field.label, f"{box.name} {box.id}")
    ways += 2 * _says(field.label, box.near) + 3 * bool(set(field.autocomplete) & set(box.autocomplete.split()))
    return ways + _type_evidence(field, box)


def for_another_code(field: InputField, box: Box, screen: Screen) -> bool:
    """Whether a box is for a code, but not for this field's: an SMS code where a TOTP is meant."""
    typed = box.type in {"number", "tel"} or box.numeric or box.maxlength in {1, field.digits}
    if not field.other or not (typed or _says(r"code|otp|\bpin\b", box.words)):
        return False
    ours = _says(field.label, f"{box.words} {box.near} {box.name} {box.id}")
    return _says(field.other, box.words) or (not ours and any(SENT.search(line) for line in screen.lines))


def _possible(field: InputField, box: Box) -> bool:
    if not box.enabled or box.readonly or (field.other and _says(field.other, box.words)):
        return False
    if field.kind == "password":
        return box.type == "password" and box.autocomplete != "new-password" and not NEW_PASSWORD.search(box.words)
    if field.kind == "phone":
        return box.type in {*TEXT_TYPES, "number"} and (box.maxlength == -1 or box.maxlength >= field.digits)
    if field.kind in CODES:
        if PHONE.search(box.words) and not _says(field.label, box.words):
            return False
        return box.type in {*TEXT_TYPES, "number", "password"} and (box.maxlength in {-1, 1} or box.maxlength >= field.digits)
    return box.type in TEXT_TYPES and box.maxlength != 1 and "one-time-code" not in box.autocomplete


def _type_evidence(field: InputField, box: Box) -> int:
    if field.kind == "password":
        return 2
    if field.kind == "text":
        return 1
    masked = 2 * (field.kind == "pin" and box.type == "password")
    return masked + (box.type in {"number", "tel"} or box.numeric) + 2 * (box.maxlength == field.digits)


def _says(pattern: str, text: str) -> bool:
    return bool(re.search(pattern, text, re.IGNORECASE))


def _in_group(screen: Screen, group: int, wanted: Sequence[InputField]) -> Form | None:
    boxes = [box for box in screen.boxes if box.group == group]
    found: dict[InputField, Sequence[Box]] = {}
    unclear: list[str] = []
    for field in wanted:
        best = _digit_boxes(field, boxes) or _best(field, boxes)
        if len(best) > 1 and len(best) != field.digits:
            unclear.append(field.name)
        elif best:
            found[field] = best
    return Form(group, found, tuple(unclear)) if found or unclear else None


def _digit_boxes(field: InputField, boxes: Iterable[Box]) -> list[Box]:
    """The row of one-digit boxes that a code is typed into, where this form has one of the right length."""
    row = [box for box in boxes if field.kind in CODES and box.maxlength == 1 and _possible(field, box)]
    return row if len(row) == field.digits else []


def _best(field: InputField, boxes: Sequence[Box]) -> list[Box]:
    """The boxes with the most evidence: none, the one, or several that are equally good."""
    single = [box for box in boxes if box.maxlength != 1]

    def weight(box: Box) -> int:
        found = evidence(field, box)
        alone = field.kind in {*CODES, "phone"} and len(single) == 1
        return found + (0 < found < ENOUGH and (alone or (field.kind == "text" and _before_password(box, boxes))))

    most = max(map(weight, single), default=0)
    return [box for box in single if weight(box) == most] if most >= ENOUGH else []


def _before_password(box: Box, boxes: Sequence[Box]) -> bool:
    after = boxes[boxes.index(box) + 1 :]
    return bool(after) and after[0].type == "password"


def _for_strangers(screen: Screen, group: int) -> bool:
    """Whether a form's buttons all say that it makes an account: what it asks for (a code, too) is nothing of ours."""
    pressable = [one for one in screen.buttons if one.group == group and one.ticked is None and one.tag not in {"a", "label"}]
    names = [button.name for button in pressable if button.name]
    return bool(names) and all(STRANGERS.search(name) and not LOGIN.search(name) for name in names)


def _weight(screen: Screen, form: Form) -> int:
    total = sum(max(evidence(field, box) for box in boxes) + ENOUGH for field, boxes in form.boxes.items())
    buttons = [button.name for button in screen.buttons if button.group == form.group and button.submit]
    return total - 6 * any(OTHER_FORM.search(name) for name in buttons)


def _button_weight(button: Button, name: str) -> int:
    return 3 * _says(name, button.name) + 2 * button.submit + (button.tag in {"button", "input"})
