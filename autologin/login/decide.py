"""What to do next in a login: a script, a state and an observation in, one action out.

Pure, so tested in tables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import SecretStr

from autologin import retry
from autologin.errors import (
    AutologinError,
    ConsentRequired,
    CredentialsRejected,
    ForeignDestination,
    NeedsPerson,
    OtpRejected,
    PageChanged,
    RedirectTimeout,
)
from autologin.flow.notices import ASKS_FOR_APP, DEFERS, OURS_TO_ALLOW, TERMS, subject_of
from autologin.flow.otp import OtpGenerator
from autologin.flow.script import Click, InputField, LoginScript, Step
from autologin.login import interpret, pins, readiness, words
from autologin.login.buttons import find_button, find_unticked, sender, submit_button
from autologin.login.matching import (
    ENOUGH,
    KEYED,
    Ambiguous,
    Form,
    evidence,
    find_certain_form,
    find_form,
    is_for_another_otp,
)
from autologin.login.snapshot import ButtonElement, Snapshot
from autologin.login.state import LoginState, Observation
from autologin.login.words import spell

PARTIAL = 0.3
"""Seconds for which the boxes of a page with only some of a step's fields must stay the same: the
others may still be on their way."""
NO_PASSWORD = 0.8
"""The same where it is the password that is not there."""
LOGIN_ALONE = 1.5
"""The same where the button says, besides, that it signs in, not that it goes on."""
HOLDS = 3
"""How often a form is filled and not sent, before the page is given up."""
NOTHING_MOVED = 3.0
"""Seconds after which a button that visibly did nothing is pressed once more."""


@dataclass(frozen=True)
class Wait:
    """Look again as soon as the page changes."""


@dataclass(frozen=True)
class Fill:
    """Fill a step into its form, and send it.

    Not `send`: type what can be typed, and look again. A challenge has to clear first, or a box
    that cannot be typed into yet has to open.
    """

    step: Step
    form: Form
    snapshot: Snapshot
    send: bool = True


@dataclass(frozen=True)
class TakeClick:
    """Press what the script names for this situation."""

    click: Click
    button: ButtonElement


@dataclass(frozen=True)
class Dismiss:
    """Press a button that puts a notice off, as the user wants it."""

    words: str
    button: ButtonElement


@dataclass(frozen=True)
class GiveConsent:
    """Allow the app."""

    button: ButtonElement
    snapshot: Snapshot


@dataclass(frozen=True)
class SubmitAgain:
    """Press the step's button once more: the first time visibly did nothing."""

    snapshot: Snapshot


@dataclass(frozen=True)
class TypeAgain:
    """Fill the last form once more: its boxes are empty again, and nothing was sent."""


@dataclass(frozen=True)
class SendAnotherOtp:
    """The OTP was refused, and one more may be sent, in a new window."""

    error: OtpRejected


@dataclass(frozen=True)
class AskPerson:
    """Ask the person at the window to do the step."""

    error: AutologinError


@dataclass(frozen=True)
class GiveUp:
    """End the login with this error."""

    error: AutologinError


Action = (
    Wait
    | Fill
    | TakeClick
    | Dismiss
    | GiveConsent
    | SubmitAgain
    | TypeAgain
    | SendAnotherOtp
    | AskPerson
    | GiveUp
)


class Unready(Exception):
    """A form is not filled, for this reason."""


def next_action(script: LoginScript, state: LoginState, observed: Observation) -> Action:
    """What to do now. `state` is the one after this observation (`interpret.update`)."""
    if state.error:
        return on_error(state, state.error, observed.now)
    snapshot = observed.snapshot
    if snapshot is None or not interpret.is_listening(state, observed):
        return Wait()
    if state.unexplained:
        return Wait()  # the page is about to say what was refused
    if dismissal := _find_dismissal(script, state, snapshot):
        return dismissal
    unclear = unready = ""
    try:
        if fill := _find_step(script, state, observed, snapshot):
            return _challenged(state, fill) if state.challenged_since is not None else fill
    except Ambiguous as fields:
        unclear = str(fields)
    except Unready as reason:
        unready = str(reason)
    if state.challenged_since is not None:
        return Wait()
    if error := interpret.page_error(script, state, snapshot, observed.now):
        return on_error(state, error, observed.now)
    situations = situations_of(script, state, snapshot)
    if click := _find_click(script, state, observed, snapshot, situations):
        return click
    if button := _find_consent(script, state, snapshot):
        if state.authorize:
            return GiveConsent(button, snapshot)
        asked = 'The broker asks whether this app may use the account, and `authorize` is "false"'
        return on_error(state, ConsentRequired(asked), observed.now)
    if again := _after_no_effect(script, state, observed, snapshot):
        return again
    if error := interpret.conclusion(script, state, observed, snapshot, situations, unclear):
        known = isinstance(error, PageChanged | RedirectTimeout) and not unclear
        error = PageChanged(unready) if unready and known else error
        return on_error(state, pins.blamed(error, script, state, snapshot), observed.now)
    return Wait()


def on_error(state: LoginState, error: AutologinError, now: float) -> Action:
    """What to do about an error: one more OTP, a person's help, or the end."""
    if state.left_empty and isinstance(error, CredentialsRejected | OtpRejected):
        error = PageChanged(
            f"The form was sent without {state.left_empty}, for which it had no box at first, so "
            f"that its refusal says nothing of the credentials ({error.detail})"
        )
    if isinstance(error, OtpRejected):
        values = state.last_step.values.values() if state.last_step else ()
        has_otp = any(isinstance(value, OtpGenerator) for value in values)
        may = retry.may_send_another_otp(state.otp_rejections + 1, error.attempts_left)
        return SendAnotherOtp(error) if has_otp and may else GiveUp(error)
    if not isinstance(error, NeedsPerson) or isinstance(error, ForeignDestination):
        return GiveUp(error)
    told = state.rejection or error
    if not state.headed:
        return GiveUp(told)
    if state.person_until is None:
        return AskPerson(told)
    return GiveUp(told) if now > state.person_until else Wait()


def situations_of(script: LoginScript, state: LoginState, snapshot: Snapshot) -> set[str]:
    """Where the login stands, in the words that a click's `when` uses."""
    situations = set(state.clicked)
    if not state.entered:
        situations.add("start")
    otp_fields = [
        field
        for step in script.steps
        for field, value in step.values.items()
        if field.other and isinstance(value, OtpGenerator) and field not in state.entered
    ]
    if any(_wants_another_otp(field, state, snapshot) for field in otp_fields):
        situations.add("other_code")
    if any(_shows_another_user(step, state, snapshot) for step in script.steps):
        situations.add("other_user")
    return situations


def _find_step(
    script: LoginScript, state: LoginState, observed: Observation, snapshot: Snapshot
) -> Fill | None:
    """The next step that the page is ready for.

    None also where the rest of its fields may still come.

    Raises:
        Ambiguous: two places on the page are equally good for a field.
        Unready: the form must not be sent.
    """
    unready = ""
    if observed.submitting and not state.accepted:
        return None  # whatever the page shows meanwhile: nothing is sent beside it
    for step in script.steps:
        wanted = [field for field in step.values if field not in state.entered]
        if (step.whole and not _are_all_there(snapshot, wanted)) or _is_too_early(
            step, script, state
        ):
            continue
        form = (
            (find_form(snapshot, wanted) or _find_row(step, wanted, snapshot)) if wanted else None
        )
        if form is None:
            continue
        if not state.entered and _is_only_guessed(form):
            continue  # at the start, a lonely input is as likely a phone number's
        if _is_former(form, state, observed.standing) or _asks_for_another(
            step, form, state, snapshot
        ):
            continue
        if pins.find_fault(script, state, snapshot, step, form):
            return None
        if _has_a_box_twice(form):
            continue
        if _asks_a_stranger(step, form, state, snapshot):
            unready = unready or "The page asks for a password and has no box for the user id"
            continue
        if len(wanted) < len(step.values):
            form = _with_emptied(step, form, snapshot)
        form = _with_row(step, wanted, form, snapshot)
        fill = Fill(step, form, snapshot)
        reason = _unready(script, state, fill)
        if not form.inputs.keys() >= set(wanted) and observed.boxes_stay < _patience(fill):
            # The rest may come by itself, or because the first is filled.
            return None if reason or observed.boxes_stay < PARTIAL else _begin(state, fill)
        if not reason:
            return fill
        if begun := _may_open(script, state, fill):
            return begun
        unready = unready or reason
    if unready:
        raise Unready(unready)
    return None


def _unready(script: LoginScript, state: LoginState, fill: Fill) -> str:
    """Why a form must not be sent; empty where it may."""
    left = readiness.left_empty(script, fill.step, fill.form, fill.snapshot)
    if not left and state.held >= HOLDS:
        left = state.held_for
    if left:
        return f"The page asks for {left}, which this flow does not fill"
    if sender(fill.snapshot, fill.form, fill.step.press) is None:
        return "It is not clear which button of the page sends what is typed"
    return ""


def _may_open(script: LoginScript, state: LoginState, fill: Fill) -> Fill | None:
    """The part of a form to type first, where the rest of it may open then."""
    if readiness.opens_later(script, fill.step, fill.form, fill.snapshot):
        return _begin(state, fill)
    return None


def _begin(state: LoginState, fill: Fill) -> Fill | None:
    """Type what is not there yet, and send nothing. A code may send itself, so it comes last."""
    left = {
        field: boxes
        for field, boxes in fill.form.inputs.items()
        if field.kind not in KEYED and not all(box.filled for box in boxes)
    }
    if not left or state.held >= HOLDS:
        return None
    return replace(fill, form=replace(fill.form, inputs=left), send=False)


def _challenged(state: LoginState, fill: Fill) -> Action:
    """What to do about a form under a challenge that may clear by itself, which is not touched.

    Its button says when it has: it could not be pressed before.
    """
    button = submit_button(fill.snapshot, fill.form, fill.step.press)
    if fill.send and state.closed_button and button is not None and button.enabled:
        return fill
    return (fill if not fill.send else _begin(state, fill)) or Wait()


def _patience(fill: Fill) -> float:
    """Seconds for which a form with only some of a step's fields must stay as it is."""
    step, form = fill.step, fill.form
    if not any(field.kind == "password" and field not in form.inputs for field in step.values):
        return PARTIAL
    button = submit_button(fill.snapshot, form, step.press)
    return LOGIN_ALONE if button and words.LOGIN.search(spell(button.name)) else NO_PASSWORD


def _with_emptied(step: Step, form: Form, snapshot: Snapshot) -> Form:
    """The form with the boxes that were filled before and are empty on this one.

    A broker may ask for the password on a page that asks for the user id again.
    """
    whole = find_certain_form(snapshot, list(step.values))
    if whole is None or whole.group != form.group:
        return form
    inputs = {
        field: form.inputs.get(field, boxes)
        for field, boxes in whole.inputs.items()
        if field in form.inputs
        or (isinstance(step.values[field], str) and not any(box.filled for box in boxes))
    }
    again = Form(form.group, inputs)
    return again if inputs.keys() >= form.inputs.keys() and not _has_a_box_twice(again) else form


def _asks_a_stranger(step: Step, form: Form, state: LoginState, snapshot: Snapshot) -> bool:
    """Whether a first page wants a password alone, and shows nowhere that it means our user."""
    users = [field for field in step.values if field.kind in {"text", "phone"}]
    alone = users and all(one not in form.inputs and one not in state.entered for one in users)
    if not alone or not any(field.kind == "password" for field in form.inputs):
        return False
    shown = " ".join([*snapshot.lines, *(found.fixed for found in snapshot.inputs)]).upper()
    return not any(str(step.values[one]).upper() in shown for one in users)


def _find_row(step: Step, wanted: Sequence[InputField], snapshot: Snapshot) -> Form | None:
    """The form that takes nothing but a password, in a row of boxes."""
    groups = range(len(snapshot.groups))
    forms = [_with_row(step, wanted, Form(group, {}), snapshot) for group in groups]
    found = [form for form in forms if form.inputs]
    return found[0] if len(found) == 1 else None


def _with_row(step: Step, wanted: Sequence[InputField], form: Form, snapshot: Snapshot) -> Form:
    """The form with a password that it takes in a row of boxes, one for each character."""
    inputs = dict(form.inputs)
    for field in wanted:
        value = step.values[field]
        if field.kind != "password" or field in inputs or not isinstance(value, SecretStr):
            continue
        row = [
            box
            for box in snapshot.inputs
            if box.group == form.group and box.maxlength == 1 and box.enabled
        ]
        if len(row) == len(value) and all(map(readiness.is_password_like, row)):
            inputs[field] = row
    return replace(form, inputs=inputs)


def _has_a_box_twice(form: Form) -> bool:
    """Whether one box would be typed into for two fields."""
    indexes = [box.index for boxes in form.inputs.values() for box in boxes]
    return len(indexes) != len(set(indexes))


def _are_all_there(snapshot: Snapshot, wanted: Sequence[InputField]) -> bool:
    """Whether the fields, more than one, are all on the page."""
    form = find_certain_form(snapshot, wanted) if len(wanted) > 1 else None
    return form is not None and len(form.inputs) == len(wanted)


def _is_too_early(step: Step, script: LoginScript, state: LoginState) -> bool:
    """Whether a step is an OTP's and nothing was sent yet: such an input is a sign-up form's.

    Ours is on its way.
    """
    by_us = state.last_step is None and state.person_until is None
    only_otp = all(isinstance(value, OtpGenerator) for value in step.values.values())
    return by_us and step is not script.steps[0] and only_otp


def _is_only_guessed(form: Form) -> bool:
    """Whether an input is taken for an OTP's for no better reason than that it is alone."""
    single = [
        (field, found[0])
        for field, found in form.inputs.items()
        if field.kind in KEYED and len(found) == 1
    ]
    return any(evidence(field, found) < ENOUGH for field, found in single)


def _is_former(form: Form, state: LoginState, standing: Mapping[int, InputField]) -> bool:
    """Whether a form still waits for its answer, and only looks as if it took the next field."""
    for field, inputs in form.inputs.items():
        others = [looks for other, seen in state.looks.items() if other != field for looks in seen]
        if any(found.looks in others and (found.filled or not state.accepted) for found in inputs):
            return True
        if any(standing.get(found.index, field) != field for found in inputs):
            return True
    return False


def _asks_for_another(step: Step, form: Form, state: LoginState, snapshot: Snapshot) -> bool:
    """Whether the form wants another user's password, or an OTP that is not ours to make."""
    otp_fields = [
        field
        for field in form.inputs
        if field.other and isinstance(step.values[field], OtpGenerator)
    ]
    if any(re.search(field.other, state.wanted, re.IGNORECASE) for field in otp_fields):
        return True
    unsure = [
        field for field in otp_fields if not re.search(field.label, state.wanted, re.IGNORECASE)
    ]
    if any(
        is_for_another_otp(field, found, snapshot)
        for field in unsure
        for found in form.inputs[field]
    ):
        return True
    return _shows_another_user(step, state, snapshot)


def _wants_another_otp(field: InputField, state: LoginState, snapshot: Snapshot) -> bool:
    """Whether the page wants an OTP that is not ours to make, by its input or the broker's word."""
    if re.search(field.label, state.wanted, re.IGNORECASE):
        return False
    if any(is_for_another_otp(field, found, snapshot) for found in snapshot.inputs):
        return True
    other = bool(re.search(field.other, state.wanted, re.IGNORECASE))
    return other and find_certain_form(snapshot, [field]) is not None


def _shows_another_user(step: Step, state: LoginState, snapshot: Snapshot) -> bool:
    """Whether the page remembers somebody else.

    Their id is shown and ours is nowhere to be typed.
    """
    text_fields = [field for field in step.values if field.kind == "text"]
    if not step.shown_as or any(field in state.entered for field in text_fields):
        return False
    try:
        if text_fields and find_form(snapshot, text_fields) is not None:
            return False
    except Ambiguous:
        return False
    ours = {str(step.values[field]).upper() for field in text_fields}
    fixed = (found.fixed for found in snapshot.inputs)
    shown = re.findall(step.shown_as, " ".join([*snapshot.lines, *fixed]))
    return bool(shown) and not ours & {user.upper() for user in shown}


def _find_dismissal(script: LoginScript, state: LoginState, snapshot: Snapshot) -> Dismiss | None:
    """A button that the user wants pressed, which has not been.

    Where a person is asked to decide something, only one that puts it off.
    """
    left = [name for name in script.dismiss if name not in state.clicked]
    subject = subject_of(pins.headings(snapshot)) if left else ""
    for name in left:
        if subject and not DEFERS.search(name):
            continue
        for button in snapshot.buttons:
            same = button.name.casefold() == name.casefold()
            if same and button.enabled and button.ticked is None:
                return Dismiss(name, button)
    return None


def _find_click(
    script: LoginScript,
    state: LoginState,
    observed: Observation,
    snapshot: Snapshot,
    situations: set[str],
) -> TakeClick | None:
    """What the script presses in one of these situations, where it is there."""
    for click in script.clicks:
        if click.when in situations and _may_click(click, state, observed):
            button = find_button(snapshot, click.press, css=click.name)
            if button:
                return TakeClick(click, button)
    return None


def _may_click(click: Click, state: LoginState, observed: Observation) -> bool:
    """Once; and once more where nothing came of it.

    A page may redraw what was pressed at that very moment.
    """
    if click.name not in state.clicked:
        return True
    moved_at = max(state.acted_at, observed.changed_at)
    return (
        state.last_click == (click.name, observed.posts) and observed.now - moved_at > NOTHING_MOVED
    )


def _find_consent(
    script: LoginScript, state: LoginState, snapshot: Snapshot
) -> ButtonElement | None:
    """The button that allows the app, where this is the consent page."""
    if "consent" in state.clicked:
        return None
    # While the last step's form is still there, "Continue" is that form's button.
    last = state.last_step
    if last is not None and find_certain_form(snapshot, list(last.values)) is not None:
        return None
    places = ((script.consent_at, snapshot.path), (script.consent_titled, snapshot.title))
    at_consent = any(pattern and re.search(pattern, place) for pattern, place in places)
    if _is_about_something_else(snapshot, at_consent=at_consent):
        return None
    wider = rf"{script.consent}|^(authori[sz]e|allow|approve|continue|accept|yes)\b"
    unticked = any(find_unticked(snapshot, tick.label, css=tick.name) for tick in script.checkboxes)
    # A box to tick may be what enables the button.
    return find_button(snapshot, wider if at_consent else script.consent, enabled=not unticked)


def _is_about_something_else(snapshot: Snapshot, *, at_consent: bool) -> bool:
    """Whether a page wants an agreement that is nobody's but the user's.

    Terms, a risk disclosure, a nominee: its "I agree" is not what allows the app.
    """
    subject = subject_of(pins.headings(snapshot, ticks=False))
    if subject in OURS_TO_ALLOW or any(map(ASKS_FOR_APP.search, snapshot.lines)):
        return False
    return not (at_consent and subject == TERMS)


def _after_no_effect(
    script: LoginScript, state: LoginState, observed: Observation, snapshot: Snapshot
) -> SubmitAgain | TypeAgain | None:
    """What to do where nothing at all came of the step that was sent last."""
    if state.last_step is None or observed.now - state.acted_at <= NOTHING_MOVED:
        return None
    form = find_certain_form(snapshot, list(state.last_step.values))
    if form is None:
        return None
    if _is_emptied(form, state):
        unsent = not (
            observed.departures or observed.pending or state.accepted or state.typed_again
        )
        return TypeAgain() if unsent else None
    if state.submitted is None or observed.posts > state.submitted:
        return None
    filled = replace(form, inputs={})  # whatever is filled is
    half = readiness.left_empty(script, state.last_step, filled, snapshot)
    return None if half else SubmitAgain(snapshot)


def _is_emptied(form: Form, state: LoginState) -> bool:
    """Whether a box that was typed into is empty: a page may make its boxes anew."""
    typed = state.sent_form.inputs if state.sent_form else {}
    return any(
        not all(box.filled for box in boxes) and any(box.enabled for box in boxes)
        for field, boxes in form.inputs.items()
        if field in typed
    )
