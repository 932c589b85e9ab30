"""Which button on a page sends a form, allows an app, or is what a flow names.

A snapshot in, a decision out.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import Literal

from autologin.flow.script import is_pin
from autologin.login import words
from autologin.login.matching import Form
from autologin.login.snapshot import ButtonElement, InputElement, Snapshot
from autologin.login.words import spell

BELOW = 250
"""Pixels below the last field within which a button outside the form counts for it."""
BESIDE = 300
"""Pixels to the side of it."""
ICON = 44
"""Pixels: what is no larger and has no words is an icon."""


def submit_button(snapshot: Snapshot, form: Form, name: str) -> ButtonElement | None:
    """The button that sends a form; None where it has none.

    Among equals it is the first one after the last field that is filled.
    """
    if pinned := [button for button in snapshot.buttons if any(map(is_pin, button.css))]:
        return pinned[0] if len(pinned) == 1 else None
    filled = chain.from_iterable(form.inputs.values())
    last = max(filled, key=lambda found: found.order, default=None)
    if last is None:
        return None
    ours = [one for one in snapshot.buttons_of(form.group) if _may_send(one, form, name, last)]
    if not ours:
        near = [one for one in snapshot.buttons if _is_below(one, last)]
        ours = [one for one in near if _may_send(one, form, name, last) and _sends(one, name) > 0]
        return min(ours, key=lambda one: one.box[1], default=None)
    return max(ours, key=lambda one: _rank(one, name, last))


def sender(snapshot: Snapshot, form: Form, name: str) -> ButtonElement | Literal["Enter"] | None:
    """What sends a form: a button, or Enter in its last field; None where that is not clear.

    Enter presses a form's first submit button, whatever that is for.
    """
    if button := submit_button(snapshot, form, name):
        return button
    default = any(one.submit and one.ticked is None for one in snapshot.buttons_of(form.group))
    return None if default else "Enter"


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
        element for element in inputs if re.search(label, element.name, re.IGNORECASE)
    ]
    return next((element for element in meant if not element.ticked), None)


def _may_send(button: ButtonElement, form: Form, name: str, last: InputElement) -> bool:
    """Whether a button may be the one that sends this form's fields."""
    if button.ticked is not None or button.tag in {"label", "summary"}:
        return False
    called = spell(button.name)
    if _names_another_way(called, form):
        return False
    by_flow = bool(re.search(name, button.name, re.IGNORECASE))
    if button.tag == "a" and not (by_flow or words.LOGIN.search(called)):
        return False
    if words.NOT_SENDING.search(called) and not (by_flow and words.LOGIN.search(called)):
        return False
    return not ((not button.submit and _is_icon(button, called)) or _is_in(button, last))


def _names_another_way(called: str, form: Form) -> bool:
    """Whether a button signs in by a third party, or by another factor than what was filled."""
    if words.THIRD_PARTY.search(called):
        return True
    way = words.BY_FACTOR.search(called)
    if not way:
        return False
    factor = next(group for group in way.groups() if group)
    kinds = {field.kind for field in form.inputs}
    named = {kind for kind, pattern in words.FACTORS.items() if pattern.search(factor)}
    return "none" in named or (bool(named) and not named & kinds)


def _rank(button: ButtonElement, name: str, last: InputElement) -> tuple[int, ...]:
    sends = _sends(button, name)
    after = button.order > last.order
    return (after and sends > 0, sends, after, -button.order if after else button.order)


def _sends(button: ButtonElement, name: str) -> int:
    """How much says that a button sends a form."""
    called = spell(button.name)
    by_name = 3 * bool(re.search(name, button.name, re.IGNORECASE))
    common = 3 * bool(words.LOGIN.search(called)) or 2 * bool(words.GO_ON.search(called))
    found = max(by_name, common)
    # "Login" is meant rather than "Login as guest", be that the one that sends by Enter or not.
    return 2 * found + (1 if found else 2) * button.submit - 3 * bool(found and _qualifies(called))


def _qualifies(called: str) -> bool:
    """Whether a button's name says more than that it signs in: one of several ways, or help."""
    left = words.GO_ON.sub("", words.LOGIN.sub("", called))
    return bool(words.FILLERS.sub("", left))


def _is_below(button: ButtonElement, last: InputElement) -> bool:
    """Whether a button stands right below a form's last field, be it under its label."""
    left, top, width, height = last.box
    distance = button.box[1] - (top + height)
    middle = button.box[0] + button.box[2] / 2
    return -height <= distance <= BELOW and left - BESIDE <= middle <= left + width + BESIDE


def _is_icon(button: ButtonElement, called: str) -> bool:
    return not called and 0 < button.box[2] <= ICON and button.box[3] <= ICON


def _is_in(button: ButtonElement, last: InputElement) -> bool:
    """Whether a button is drawn in an input, as those are that show or clear what was typed."""
    if not button.box[2] or not last.box[2]:
        return False
    left, top, width, height = last.box
    middle_x, middle_y = button.box[0] + button.box[2] / 2, button.box[1] + button.box[3] / 2
    inside = left < middle_x < left + width and top < middle_y < top + height
    return inside and button.box[2] < width / 2
