"""What to do next in a login: a script, a state and an observation in, one action out.

Pure, so tested in tables.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from autologin import retry
from autologin.errors import (
    AutologinError,
    ConsentRequired,
    ForeignDestination,
    NeedsPerson,
    OtpRejected,
)
from autologin.flow.notices import ASKS_FOR_APP, DEFERS, OURS_TO_ALLOW, TERMS, subject_of
from autologin.flow.otp import OtpGenerator
from autologin.flow.script import Click, InputField, LoginScript, Step
from autologin.login import interpret, pins
from autologin.login.buttons import find_button, find_unticked
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

PARTIAL = 0.3
"""Seconds that a page with only some of a step's fields must stay the same: the others may still be
on their way."""
NOTHING_MOVED = 3.0
"""Seconds after which a button that visibly did nothing is pressed once more."""


@dataclass(frozen=True)
class Wait:
    """Look again as soon as the page changes."""


@dataclass(frozen=True)
class Fill:
    """Fill a step into its form, and send it."""

    step: Step
    form: Form
    snapshot: Snapshot


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
    | SendAnotherOtp
    | AskPerson
    | GiveUp
)


def next_action(script: LoginScript, state: LoginState, observed: Observation) -> Action:
    """What to do now. `state` is the one after this observation (`interpret.update`)."""
    if state.error:
        return on_error(state, state.error, observed.now)
    snapshot = observed.snapshot
    if snapshot is None or state.challenged_since is not None:
        return Wait()
    if not interpret.is_listening(state, observed):
        return Wait()
    if dismissal := _find_dismissal(script, state, snapshot):
        return dismissal
    unclear = ""
    try:
        if fill := _find_step(script, state, observed, snapshot):
            return fill
    except Ambiguous as fields:
        unclear = str(fields)
    if error := interpret.page_error(script, state, snapshot, observed.now):
        return on_error(state, error, observed.now)
    situations = situations_of(script, state, snapshot)
    for click in script.clicks:
        if click.when in situations and _may_click(click, state, observed):
            button = find_button(snapshot, click.press, css=click.name)
            if button:
                return TakeClick(click, button)
    if button := _find_consent(script, state, snapshot):
        if state.authorize:
            return GiveConsent(button, snapshot)
        asked = 'The broker asks whether this app may use the account, and `authorize` is "false"'
        return on_error(state, ConsentRequired(asked), observed.now)
    if _had_no_effect(state, observed, snapshot):
        return SubmitAgain(snapshot)
    if error := interpret.conclusion(script, state, observed, snapshot, situations, unclear):
        return on_error(state, pins.blamed(error, script, state, snapshot), observed.now)
    return Wait()


def on_error(state: LoginState, error: AutologinError, now: float) -> Action:
    """What to do about an error: one more OTP, a person's help, or the end."""
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
    """
    for step in script.steps:
        wanted = [field for field in step.values if field not in state.entered]
        if (step.whole and not _are_all_there(snapshot, wanted)) or _is_too_early(
            step, script, state
        ):
            continue
        form = find_form(snapshot, wanted) if wanted else None
        if form is None:
            continue
        if not state.entered and _is_only_guessed(form):
            continue  # at the start, a lonely input is as likely a phone number's
        if _is_former(form, state) or _asks_for_another(step, form, state, snapshot):
            continue
        if pins.find_fault(script, state, snapshot, step, form):
            return None
        complete = len(form.inputs) == len(wanted)
        stays = observed.now - observed.changed_at >= PARTIAL
        return Fill(step, form, snapshot) if complete or stays else None
    return None


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


def _is_former(form: Form, state: LoginState) -> bool:
    """Whether a form still waits for its answer, and only looks as if it took the next field."""
    for field, inputs in form.inputs.items():
        others = [looks for other, seen in state.looks.items() if other != field for looks in seen]
        if any(found.looks in others and (found.filled or not state.accepted) for found in inputs):
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
    left = [words for words in script.dismiss if words not in state.clicked]
    subject = subject_of(pins.headings(snapshot)) if left else ""
    for words in left:
        if subject and not DEFERS.search(words):
            continue
        for button in snapshot.buttons:
            same = button.name.casefold() == words.casefold()
            if same and button.enabled and button.ticked is None:
                return Dismiss(words, button)
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


def _had_no_effect(state: LoginState, observed: Observation, snapshot: Snapshot) -> bool:
    """Whether the step's button was pressed and nothing at all came of it."""
    if state.submitted is None or observed.posts > state.submitted or state.last_step is None:
        return False
    waited = observed.now - state.acted_at
    return (
        waited > NOTHING_MOVED
        and find_certain_form(snapshot, list(state.last_step.values)) is not None
    )
