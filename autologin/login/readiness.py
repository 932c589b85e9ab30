"""Whether a form may be sent: that nothing of it would stay empty.

A form whose password is left empty is refused like one with a wrong password, and brokers count
that. So none is sent while a visible box that looks like a password's would stay empty, nor while
the text box before one would.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Sequence

from autologin.flow.script import InputField, LoginScript, Step
from autologin.login import words
from autologin.login.masking import mask
from autologin.login.matching import KEYED, Form, cluster_of
from autologin.login.page_kinds import calls
from autologin.login.snapshot import ButtonElement, InputElement, Snapshot
from autologin.login.state import LoginState
from autologin.login.words import spell

NO_PASSWORD = re.compile(r"\b(forgot(ten)?|reset|lost|without|instead of|hint|remember)\b.*")
DIGITS = frozenset("0123456789")
OPTIONAL = re.compile(r"\b(optional|if (enabled|any|you)|leave (it )?(blank|empty))\b")
RIGHT_BELOW = 110
"""Pixels below a field in which the next one of its form stands."""
IN_ROW = 9
"""Pixels by which the boxes of one row may be shifted."""
IN_LINE = 60
"""Pixels by which the boxes of one column may be shifted."""
KEYBOARD = "a PIN or password on a keyboard of its own"


def is_password_like(box: InputElement) -> bool:
    """Whether a box takes a password or a PIN: it hides what is typed, or is called so."""
    if box.masked:
        return True
    names = (spell(box.name), spell(box.id))
    return any(words.PASSWORD.search(NO_PASSWORD.sub("", text)) for text in (calls(box), *names))


def left_empty(script: LoginScript, step: Step, form: Form, snapshot: Snapshot) -> str:
    """What a form would be sent without, in words; empty where it is whole."""
    box = next(_boxes_left(script, step, form, snapshot), None)
    if box is not None:
        return name_of(box)
    typed = [box for boxes in form.inputs.values() for box in boxes]
    if any(map(is_password_like, typed)) or not _lacks_secret(step, form):
        return ""
    stray = next(_passwords_elsewhere(form, snapshot), None)
    if stray is not None:
        return name_of(stray)
    return KEYBOARD if has_keyboard(snapshot) else ""


def opens_later(script: LoginScript, step: Step, form: Form, snapshot: Snapshot) -> bool:
    """Whether all that a form would be sent without are boxes that nobody can type into yet.

    A page may open them once the first ones are filled.
    """
    left = list(_boxes_left(script, step, form, snapshot))
    return bool(left) and not any(box.enabled for box in left)


def left_by_sent(script: LoginScript, state: LoginState, snapshot: Snapshot | None) -> str:
    """The box for a password that the form which was sent last has, and that was not filled.

    In words; empty where there is none. By number: a page may call its password's box otherwise
    after a refusal.
    """
    sent, step = state.sent_form, state.last_step
    if sent is None or step is None or snapshot is None or state.accepted:
        return ""
    later = _fields_of_later_steps(script, step)
    typed = [box for boxes in sent.inputs.values() for box in boxes]
    looks, paths = {box.looks for box in typed}, {box.path for box in typed if box.path}
    groups = {box.group for box in snapshot.inputs if box.looks in looks or box.path in paths}
    there = [
        box
        for box in snapshot.inputs
        if box.group in groups and is_password_like(box) and not _may_wait(box, step, later)
    ]
    empty = [box for box in there if not box.filled]
    if not empty or len(there) <= sum(map(is_password_like, typed)):
        return ""
    return name_of(next((box for box in empty if box.looks not in looks), empty[0]))


def has_keyboard(snapshot: Snapshot) -> bool:
    """Whether the page shows a key for each digit."""
    return {button.name for button in snapshot.buttons} >= DIGITS


def keys_of(snapshot: Snapshot, text: str) -> dict[str, ButtonElement] | None:
    """The key of each character on the page's own keyboard; None where one has none, or two."""
    keys = [
        button
        for button in snapshot.buttons
        if len(button.name) == 1 and button.ticked is None and button.enabled
    ]
    sizes = {group: sum(key.group == group for key in keys) for group in {k.group for k in keys}}
    board = max(sizes, key=lambda group: sizes[group], default=None)
    found = {
        sign: [key for key in keys if key.group == board and key.name == sign] for sign in text
    }
    if any(len(several) != 1 for several in found.values()):
        return None
    return {sign: one for sign, (one,) in found.items()}


def name_of(box: InputElement) -> str:
    """What a page calls a box, in quotes."""
    words = box.words or box.name or box.id
    return f'"{mask([words])[0][:60]}"' if words else "a password in a box without a name"


def _boxes_left(
    script: LoginScript, step: Step, form: Form, snapshot: Snapshot
) -> Iterator[InputElement]:
    typed = {box.index for boxes in form.inputs.values() for box in boxes}
    together = cluster_of(snapshot, itertools.chain.from_iterable(form.inputs.values()))
    boxes = together or [box for box in snapshot.inputs if box.group == form.group]
    later = _fields_of_later_steps(script, step)
    before: InputElement | None = None
    for box in boxes:
        if is_password_like(box):
            both = (box, before) if box.index in typed or not box.filled else (box,)
            for one in both:
                if one is None or one.index in typed or one.filled:
                    continue
                if one is before and not one.enabled:
                    continue
                if not _may_wait(one, step, later):
                    yield one
        before = box if _is_text(box) else None
    if any(map(is_password_like, (one for one in boxes if one.index in typed))):
        yield from _other_ids(boxes, typed)
        for box in _boxes_below(boxes, typed):
            if not (step.leaves and re.search(step.leaves, box.words, re.IGNORECASE)):
                yield box


def _other_ids(boxes: Sequence[InputElement], typed: Collection[int]) -> Iterator[InputElement]:
    """Empty text boxes before the password that a login asks for besides: a second id, a branch."""
    known = {calls(one) for one in boxes if one.index in typed}
    for box in itertools.takewhile(lambda one: not is_password_like(one), boxes):
        if box.index in typed or box.filled or not box.enabled or not _is_text(box):
            continue
        asked = box.required or words.USER_ID.search(words.ADDRESS.sub("", calls(box)))
        if asked and calls(box) not in known:
            yield box


def _boxes_below(boxes: Sequence[InputElement], typed: Collection[int]) -> Iterator[InputElement]:
    """Empty text boxes right below the last one that is filled, which nothing explains."""
    last = max((one for one in boxes if one.index in typed), key=lambda one: one.order)
    for box in boxes:
        if box.order <= last.order or box.filled or not box.enabled or not _is_text(box):
            continue
        below = 0 < box.box[1] - last.box[1] <= RIGHT_BELOW + last.box[3]
        in_line = below and abs(box.box[0] - last.box[0]) <= IN_LINE
        beside = abs(box.box[1] - last.box[1]) < IN_ROW and box.box[0] > last.box[0]
        if (in_line or beside) and not OPTIONAL.search(calls(box)):
            yield box


def _fields_of_later_steps(script: LoginScript, step: Step) -> list[InputField]:
    steps = script.steps[script.steps.index(step) + 1 :] if step in script.steps else ()
    return [field for one in steps for field in one.values if field not in step.values]


def _is_text(box: InputElement) -> bool:
    search = box.type == "search" or words.SEARCH.search(spell(f"{box.words} {box.name} {box.id}"))
    return not is_password_like(box) and not search and not box.readonly


def _may_wait(box: InputElement, step: Step, later: Collection[InputField]) -> bool:
    """Whether a box that nobody can type into yet is for a step to come, and so no part of this."""
    if box.enabled or any(_is_named_for(field, box) for field in step.values):
        return False
    return any(
        _is_named_for(field, box) and (field.kind in KEYED or not box.required) for field in later
    )


def _is_named_for(field: InputField, box: InputElement) -> bool:
    """Whether a box is called as a field is: its length alone says nothing."""
    called = f"{box.words} {box.name} {box.id}"
    named = re.search(field.label, called, re.IGNORECASE) is not None
    return named or bool(set(field.autocomplete) & set(box.autocomplete.split()))


def _lacks_secret(step: Step, form: Form) -> bool:
    """Whether a step has a password or PIN that this form has no box for."""
    return any(
        field.kind in {"password", "pin"} and field not in form.inputs for field in step.values
    )


def _passwords_elsewhere(form: Form, snapshot: Snapshot) -> Iterator[InputElement]:
    """Empty boxes for a password in a place of their own, with no text box and nothing to press."""
    for box in snapshot.inputs:
        if box.group == form.group or not is_password_like(box) or box.filled:
            continue
        alone = all(
            map(is_password_like, (one for one in snapshot.inputs if one.group == box.group))
        )
        pressed = [one for one in snapshot.buttons_of(box.group) if one.ticked is None]
        if alone and not any(one.tag != "label" for one in pressed):
            yield box
