"""What a login would do on a page: what it would fill and press, or why it would not.

Nothing is decided here. The page is shown to `decide.next_action` as one that has come to rest, and
what that answers is told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Literal

from pydantic import SecretStr

from autologin.errors import AutologinError, CaptchaRequired, ForeignDestination, PageChanged
from autologin.flow.samples import is_sample
from autologin.flow.script import InputField, LoginScript, Pin, Step
from autologin.login import decide, interpret, words
from autologin.login.buttons import find_unticked, sender
from autologin.login.matching import Form
from autologin.login.page_kinds import NEVER_FILLED, calls, is_password, page_kind
from autologin.login.pages import FieldName, field_name
from autologin.login.readiness import is_password_like
from autologin.login.snapshot import ButtonElement, InputElement, Snapshot
from autologin.login.state import LoginState, Observation

ENTER: Literal["Enter"] = "Enter"
NO_LOGIN = {*NEVER_FILLED, "captcha"}
"""Kinds of pages on which nothing that a user says makes a login fill anything."""
AT_REST = 2.0
"""Seconds after which a page that stays the same is filled."""
NO_PATIENCE_LEFT = 86400.0
"""Seconds after which nothing more is waited for."""


@dataclass(frozen=True)
class FoundField:
    """A field that would be filled: its element, or one for each digit, and why it is taken."""

    name: FieldName
    elements: Sequence[InputElement]
    why: str
    pin: Pin | None = None
    """The user's own selector, by which it was found."""


@dataclass(frozen=True)
class Verdict:
    """What would be done on a page.

    `press` is the button, `ENTER` where that key would send the form, or None where nothing would
    be sent. `refused` is why nothing is done, or nothing sent; None where all is well.
    """

    page: str
    fields: Sequence[FoundField] = ()
    press: ButtonElement | Literal["Enter"] | None = None
    refused: AutologinError | None = None
    ticks: Sequence[ButtonElement] = ()
    """Boxes that would be ticked."""
    looks_again: bool = False
    """Whether this comes first, and the page that is there then is looked at again."""
    snapshot: Snapshot | None = field(default=None, repr=False)

    @property
    def left(self) -> Sequence[InputElement]:
        """The page's boxes, where nothing would be done: a person may know better.

        Not of what would be sent elsewhere: to name other boxes is no way around that.
        """
        if self.goes_on or self.snapshot is None or isinstance(self.refused, ForeignDestination):
            return ()
        return self.snapshot.inputs

    @property
    def goes_on(self) -> bool:
        """Whether something would be filled or pressed."""
        return bool(self.fields) or self.press is not None


def judge(script: LoginScript, snapshot: Snapshot, *, after: FieldName | None = None) -> Verdict:
    """What a login by this script would do on a page that has come to rest.

    `after` is the field that has been entered and sent last; None: nothing has.
    """
    kind = page_kind(snapshot)
    script = _fit(script, snapshot)
    state, action = _decide(script, start(script, after), snapshot, AT_REST)
    if isinstance(action, decide.Wait):
        state, action = _decide(script, state, snapshot, NO_PATIENCE_LEFT)
    open_challenge = CaptchaRequired() if state.challenged_since is not None else None
    match action:
        case decide.Fill(step, form, _, send):
            found = list(_fields_of(step, form))
            press = sender(snapshot, form, step.press)
            ticks = list(_ticks(script, snapshot))
            again = not send and open_challenge is None
            return Verdict(kind, found, press, open_challenge, ticks, again, snapshot)
        case (
            decide.TakeClick(_, button) | decide.Dismiss(_, button) | decide.GiveConsent(button, _)
        ):
            first = not isinstance(action, decide.GiveConsent)
            return Verdict(
                kind, press=button, refused=open_challenge, looks_again=first, snapshot=snapshot
            )
        case decide.GiveUp(error) | decide.SendAnotherOtp(error) | decide.AskPerson(error):
            return Verdict(kind, refused=error, snapshot=snapshot)
        case _:
            error = open_challenge or PageChanged("Nothing on the page is known to this flow")
            return Verdict(kind, refused=error, snapshot=snapshot)


def describe(verdict: Verdict) -> str:
    """What would be done, in half a sentence."""
    names = [one.name for one in verdict.fields]
    press = verdict.press if isinstance(verdict.press, str | None) else f'"{verdict.press.name}"'
    again = ", then the page looked at again" if verdict.looks_again else ""
    if not names:
        return f"{press} would be pressed{again}" if press else "nothing would be filled yet"
    filled = f"{' and '.join(names)} would be filled"
    return f"{filled}, then {press} pressed" if press and not again else f"{filled}{again}"


def start(script: LoginScript, after: FieldName | None) -> LoginState:
    """A login's state on its first page, or once all fields up to `after` were sent.

    Where one step holds more, a page asks for the others on a screen of their own.
    """
    state = LoginState(deadline=inf, acted_at=0.0)
    entered: list[InputField] = []
    last: Step | None = None
    for step in script.steps if after else ():
        if step.whole:
            continue
        names = [field_name(one, value) for one, value in step.values.items()]
        last = step
        if after in names:
            entered += list(step.values)[: names.index(after) + 1]
            break
        entered += step.values
    if last is None:
        return state
    values = [step.values[one] for step in script.steps for one in step.values if one in entered]
    return LoginState(
        deadline=inf,
        acted_at=0.0,
        entered=frozenset(entered),
        secrets_sent=any(not isinstance(value, str) for value in values),
        last_step=last,
        first_said={step.name: frozenset() for step in script.steps},
        accepted=True,
    )


def _fit(script: LoginScript, snapshot: Snapshot) -> LoginScript:
    """The script with made-up passwords as long as the page's row of boxes for one.

    A login fills such a row where the password has as many characters.
    """
    rows = Counter(
        box.group
        for box in snapshot.inputs
        if box.maxlength == 1 and box.enabled and _is_of_pin(box)
    )
    if not rows:
        return script
    fitting = SecretStr("0" * max(rows.values()))

    def fit(step: Step) -> Step:
        values = {
            one: fitting if one.kind == "password" and is_sample(value) else value
            for one, value in step.values.items()
        }
        return replace(step, values=values)

    return replace(script, steps=tuple(map(fit, script.steps)))


def _is_of_pin(box: InputElement) -> bool:
    """Whether a login would take a box for one character of a password, and the page for no OTP."""
    return is_password_like(box) and (is_password(box) or not words.OTP.search(calls(box)))


def _decide(
    script: LoginScript, state: LoginState, snapshot: Snapshot, now: float
) -> tuple[LoginState, decide.Action]:
    observed = Observation(now=now, snapshot=snapshot)
    state = interpret.update(script, state, observed)
    return state, decide.next_action(script, state, observed)


def _fields_of(step: Step, form: Form) -> Iterator[FoundField]:
    for one, elements in form.inputs.items():
        name = field_name(one, step.values[one])
        yield FoundField(name, elements, why(one, elements[0], len(elements)), one.pin)


def _ticks(script: LoginScript, snapshot: Snapshot) -> Iterator[ButtonElement]:
    for tick in script.checkboxes:
        if box := find_unticked(snapshot, tick.label, css=tick.name):
            yield box


def why(one: InputField, element: InputElement, boxes: int) -> str:
    """What speaks for an element being a field, in a few words."""

    def says(text: str) -> bool:
        return bool(text and re.search(one.label, text, re.IGNORECASE))

    ways = [
        one.pin is not None and f"{one.pin.key} in the config",
        one.name in element.css and "selector of the flow",
        says(element.label) and f'label "{element.label}"',
        says(element.placeholder) and f'placeholder "{element.placeholder}"',
        not element.label and says(element.near) and f'"{element.near}" beside it',
        says(element.name) and f'name "{element.name}"',
        says(element.id) and f'id "{element.id}"',
        bool(set(one.autocomplete) & set(element.autocomplete.split()))
        and f"autocomplete {element.autocomplete}",
        element.type == "password" and "type password",
        boxes > 1 and f"{boxes} boxes in a row",
    ]
    found = [way for way in ways if way]
    return ", ".join(found) or "its type and its place"


def suggest(verdict: Verdict) -> Mapping[str, str]:
    """Lines for an account's `pages`: a guess to be corrected.

    Selectors by `fields`' names and `press`; "..." where there is nothing to guess from. Empty
    where the flow needs no help.
    """
    if verdict.snapshot is None or not verdict.left or verdict.page in NO_LOGIN:
        return {}
    guess = _guess(verdict.snapshot)
    lines = {name: one.path or "..." for name, one in guess.items()}
    lines = lines or dict.fromkeys(("user_id", "password"), "...")
    group = next((one.group for one in guess.values()), 0)
    buttons = [one for one in verdict.snapshot.buttons_of(group) if one.submit]
    return lines | {"press": buttons[0].path if len(buttons) == 1 and buttons[0].path else "..."}


def _guess(snapshot: Snapshot) -> dict[str, InputElement]:
    """What a person would look at first: the one masked box, and the one before it."""
    boxes = [one for one in snapshot.inputs if one.enabled]
    masked = [one for one in boxes if one.masked or one.type == "password"]
    if len(masked) == 1:
        place = boxes.index(masked[0])
        before = {"user_id": boxes[place - 1]} if place else {}
        return {**before, "password": masked[0]}
    if not masked and len(boxes) == 1:
        is_code = boxes[0].numeric or 4 <= boxes[0].maxlength <= 8
        return {"otp" if is_code else "user_id": boxes[0]}
    return {}
