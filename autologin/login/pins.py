"""What a user says of the pages, where it does not fit the page that is there."""

from __future__ import annotations

from dataclasses import replace

from autologin.errors import AutologinError, PageChanged, RedirectTimeout
from autologin.flow.notices import subject_of
from autologin.flow.script import InputField, LoginScript, Step
from autologin.login.masking import mask
from autologin.login.matching import (
    ENOUGH,
    KEYED,
    Form,
    evidence,
    find_certain_form,
    speaks_against,
)
from autologin.login.page_kinds import NEVER_FILLED, form_kind
from autologin.login.snapshot import InputElement, Snapshot
from autologin.login.state import LoginState

HINT = "Run `autologin inspect NAME`: it shows the page, and prints the lines to paste."
SHORT = 80
"""Characters of a line that may be a heading."""
HEADINGS = 6


def find_fault(
    script: LoginScript, state: LoginState, snapshot: Snapshot, step: Step, form: Form | None
) -> str:
    """Why a step is not filled into a form though its selectors are the user's; "" where it may be.

    A selector that matches nothing is no fault while its field may be on a later screen: where the
    form has no other box that is empty.
    """
    taken: dict[int, str] = {}
    for field in step.values:
        if field.pin is None or field in state.entered:
            continue
        found = [one.index for one in snapshot.inputs if field.pin.key in one.css]
        if len(found) > 1 and not (field.kind in KEYED and len(found) == field.digits):
            return _matches(field.pin.key, len(found))
        if not found and (form is None or _has_another_box(snapshot, form)):
            return _matches(field.pin.key, 0)
        boxes = [one for one in snapshot.inputs if one.index in found]
        if reason := next(filter(None, (_barred(snapshot, field, one) for one in boxes)), ""):
            return reason
        for index in found:
            if (other := taken.setdefault(index, field.pin.key)) != field.pin.key:
                return f"{field.pin.key} and {other} match the same element"
    if form is None:
        return _press_fault(script, state, snapshot, certain=False)
    for field in (one for step in script.steps for one in step.values):
        # One form may hold a field of a later step too, and is not sent without it.
        if (
            field.pin
            and field not in {*state.entered, *form.inputs}
            and _is_there(field, snapshot, form)
        ):
            return _matches(field.pin.key, 0)
    return _press_fault(script, state, snapshot, certain=True)


def blamed(
    error: AutologinError, script: LoginScript, state: LoginState, snapshot: Snapshot
) -> AutologinError:
    """An error about a page that nobody knows: it names the selector that does not fit.

    Or what it is that the broker asks a person to decide.
    """
    if not isinstance(error, PageChanged | RedirectTimeout):
        return error
    for step in script.steps:
        wanted = [field for field in step.values if field not in state.entered]
        if not wanted or step.whole:
            continue
        form = find_certain_form(snapshot, wanted)
        if fault := find_fault(script, state, snapshot, step, form):
            return PageChanged(fault, hint=HINT)
        break  # the steps behind it are not due
    if not any(one.masked or one.type == "password" for one in snapshot.inputs):
        subject = subject_of(headings(snapshot))
        if subject:
            about = (
                f"{error.detail}. It is about {subject}, which autologin does not decide for you"
            )
            return type(error)(about, hint=f"Sign in by hand once and decide it. {error.hint}")
    return error


def headings(snapshot: Snapshot, *, ticks: bool = True) -> list[str]:
    """What a page says of itself: its title, its first lines, its boxes to tick; no links."""
    links = {button.name for button in snapshot.buttons if button.tag == "a"}
    lines = [line for line in snapshot.lines if len(line) <= SHORT and line not in links]
    boxes = [button.name for button in snapshot.buttons if button.ticked is not None]
    return [snapshot.title, *lines[:HEADINGS], *(boxes if ticks else ())]


def _press_fault(
    script: LoginScript, state: LoginState, snapshot: Snapshot, *, certain: bool
) -> str:
    """Why nothing is pressed though the button is the user's; "" where it may be.

    Not `certain`: no form is known on the page, and the button may be another screen's.
    """
    if script.press_pin is None:
        return ""
    key = script.press_pin.key
    buttons = [button for button in snapshot.buttons if key in button.css]
    if len(buttons) == 1 or (not buttons and (state.last_step is not None or not certain)):
        return ""
    if not certain and (state.last_step is not None or not snapshot.inputs):
        return ""
    return _matches(key, len(buttons))


def _barred(snapshot: Snapshot, field: InputField, box: InputElement) -> str:
    """The guard for which a box is not filled though the user names it; "" where there is none."""
    assert field.pin is not None
    kind = form_kind(snapshot, box.group)
    if kind in NEVER_FILLED:
        off = "`pages` does not switch off the guard of a form that is no login"
        return f"{off}: page: {kind} ({field.pin.key})"
    against = speaks_against(field, box)
    if not against:
        return ""
    called = mask([box.words or box.name or box.id])[0][:SHORT]
    return (
        f"{field.pin.key} matches a box for {against}, as the page calls it "
        f'("{called}"): no password is typed there'
    )


def _has_another_box(snapshot: Snapshot, form: Form) -> bool:
    ours = {one.index for several in form.inputs.values() for one in several}
    return any(
        one.group == form.group and one.index not in ours and one.enabled and not one.filled
        for one in snapshot.inputs
    )


def _is_there(field: InputField, snapshot: Snapshot, form: Form) -> bool:
    """Whether a form has a box that all but the user's selector take for a field."""
    ours = {one.index for several in form.inputs.values() for one in several}
    plain = replace(field, pin=None)
    others = (one for one in snapshot.inputs if one.group == form.group and one.index not in ours)
    return any(evidence(plain, one) >= ENOUGH for one in others)


def _matches(key: str, count: int) -> str:
    return f"{key} matches {count or 'no'} element{'s' if count else ''} of the page"
