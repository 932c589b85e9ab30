"""No form is sent half filled, and what a half-filled one is answered says nothing of a secret."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import SecretStr
from support.clock import HandClock
from support.snapshots import button, field, page

from autologin.errors import CredentialsRejected, OtpRejected, PageChanged
from autologin.flow.otp import OtpGenerator
from autologin.flow.script import InputField, LoginScript, Step
from autologin.login import buttons, decide, interpret, readiness
from autologin.login.decide import Fill, GiveUp, SubmitAgain, TypeAgain, Wait
from autologin.login.forms import is_kept
from autologin.login.matching import Form, find_form
from autologin.login.network import ApiReply
from autologin.login.state import LoginState, Observation

USER = InputField("user", "text", r"user ?id")
PASSWORD = InputField("password", "password", r"password", autocomplete=("current-password",))
CODE = InputField("TOTP", "code", r"totp|one.?time")
SEED = OtpGenerator(SecretStr("JBSWY3DPEHPK3PXP"), lambda _step: True, HandClock())
LOGIN = Step(
    "login",
    {USER: "AB1234", PASSWORD: SecretStr("hunter2")},
    r"log ?in|next",
    CredentialsRejected,
    "/login",
)
TOTP = Step("code", {CODE: SEED}, r"verify|log ?in", OtpRejected, "/code")
SCRIPT = LoginScript((LOGIN, TOTP))
NOW = 1000.0
FRESH = LoginState(deadline=NOW + 80, acted_at=NOW)
USER_BOX = field("User ID", name="u")
PASSWORD_BOX = field("Password", "password", index=1, masked=True)
GO = (button("Log in"),)


def decision(snapshot, state=FRESH, after=0.0, **more):
    observed = Observation(now=NOW + after, snapshot=snapshot, changed_at=NOW, **more)
    return decide.next_action(SCRIPT, interpret.update(SCRIPT, state, observed), observed)


def sent(on, wanted, step=LOGIN, state=FRESH):
    return state.filling(step, find_form(on, wanted), on, NOW)


LEFT = {
    "a masked text box": field("Trading key", index=2, masked=True),
    "a PIN by its label": field("Enter MPIN", "tel", index=2),
    "a PIN by its name": field("", index=2, name="login_pin"),
    "a passcode by its placeholder": field("", index=2, placeholder="Passcode"),
    "another language's": field("पासवर्ड", index=2),
    "one that is readonly": field("PIN", "password", index=2, masked=True, readonly=True),
    "one digit of a PIN": field("", "password", index=2, masked=True, maxlength=1),
    "one that nobody can type into": field("PIN", "password", index=2, enabled=False),
}
NOT_LEFT = {
    "one that the page has filled": field("PIN", "password", index=2, masked=True, filled=True),
    "a code that opens later": field("TOTP", "password", index=2, masked=True, enabled=False),
    "a plain box behind the password": field("Referral", index=2),
    "an address": field("PIN code", index=2),
    "a hint beside a box": field("", index=2, near="Forgot your password?"),
    "another form's": field("PIN", "password", index=2, masked=True, group=1),
}


@pytest.mark.parametrize("kind", LEFT)
def test_a_form_is_not_filled_that_would_be_sent_without_a_password_of_its_own(kind):
    snapshot = page(USER_BOX, PASSWORD_BOX, LEFT[kind], buttons=GO)
    first, end = decision(snapshot), decision(snapshot, after=10.1)
    assert isinstance(first, Wait) or not first.send
    if "nobody" not in kind:
        assert isinstance(end, GiveUp)
        assert isinstance(end.error, PageChanged)
        assert readiness.name_of(LEFT[kind]) in end.error.detail


@pytest.mark.parametrize("kind", NOT_LEFT)
def test_a_form_is_filled_where_nothing_of_its_own_stays_empty(kind):
    other = button("Unlock", group=1, index=8)
    boxes = (USER_BOX, PASSWORD_BOX, NOT_LEFT[kind])
    action = decision(page(*boxes, buttons=(*GO, other), groups=("", "")))
    assert isinstance(action, Fill)
    assert action.send


def test_the_text_box_before_the_password_is_not_left_empty():
    firm = field("Firm", index=5)
    snapshot = page(USER_BOX, firm, PASSWORD_BOX, buttons=GO)
    assert isinstance(decision(snapshot), Wait)
    assert '"Firm"' in decision(snapshot, after=10.1).error.detail
    for before in (replace(firm, filled=True), replace(firm, type="search"), field("Search")):
        shown = page(USER_BOX, replace(before, index=5), PASSWORD_BOX, buttons=GO)
        assert isinstance(decision(shown), Fill)


def test_a_password_in_a_place_of_its_own_belongs_to_the_form():
    apart = page(USER_BOX, replace(PASSWORD_BOX, group=1, label="Key"), buttons=GO, groups=("", ""))
    whole = replace(apart, buttons=(*GO, button("Unlock", group=1, index=8)))
    user = Form(0, {USER: [USER_BOX]})
    assert readiness.left_empty(SCRIPT, LOGIN, user, apart) == '"Key"'
    assert readiness.left_empty(SCRIPT, LOGIN, user, whole) == ""


def test_a_keyboard_without_a_box_is_a_password_too():
    keys = tuple(button(str(key), index=20 + key, submit=False) for key in range(10))
    snapshot = page(USER_BOX, buttons=(*GO, *keys))
    assert isinstance(decision(snapshot, after=2.0), Wait)
    assert "keyboard" in decision(snapshot, after=10.1).error.detail


def test_the_first_box_is_typed_into_where_the_password_opens_then():
    closed = page(USER_BOX, replace(PASSWORD_BOX, enabled=False), buttons=GO)
    first = decision(closed, after=1.6)
    assert isinstance(first, Fill)
    assert not first.send
    assert list(first.form.inputs) == [USER]
    still = replace(closed, inputs=(replace(USER_BOX, filled=True), closed.inputs[1]))
    assert isinstance(decision(still, after=1.7), Wait)
    assert "Password" in decision(still, after=10.1).error.detail
    opened = replace(closed, inputs=(replace(USER_BOX, filled=True), PASSWORD_BOX))
    assert decision(opened, after=1.8).send


def test_a_code_is_not_typed_under_a_challenge_it_might_send_itself():
    both = page(USER_BOX, PASSWORD_BOX, buttons=GO, captcha=True)
    assert list(decision(both).form.inputs) == [USER, PASSWORD]
    state = replace(sent(both, [USER, PASSWORD]), accepted=True)
    code = page(field("TOTP", index=3, numeric=True), buttons=GO, captcha=True)
    assert isinstance(decision(code, state), Wait)


def test_a_button_that_opens_says_that_the_challenge_is_over():
    both = page(
        replace(USER_BOX, filled=True),
        replace(PASSWORD_BOX, filled=True),
        buttons=GO,
        captcha=True,
    )
    assert isinstance(decision(both, replace(FRESH, held=1)), Wait)
    assert decision(both, replace(FRESH, held=1, closed_button=True)).send
    closed = replace(both, buttons=(replace(GO[0], enabled=False),))
    assert isinstance(decision(closed, replace(FRESH, held=1, closed_button=True)), Wait)


def test_a_form_that_was_held_back_three_times_is_given_up():
    whole = page(USER_BOX, PASSWORD_BOX, buttons=GO)
    held = replace(FRESH, held=3, held_for='"PIN"')
    assert isinstance(decision(whole, held), Wait)
    assert '"PIN"' in decision(whole, held, after=10.1).error.detail


BOTH = page(USER_BOX, PASSWORD_BOX, buttons=GO)
HALF = page(USER_BOX, buttons=GO)
NO = ApiReply(
    "/login",
    403,
    document=False,
    carried_secret=False,
    data={"status": "error", "message": "Invalid user ID or password"},
)


@pytest.mark.parametrize(
    ("on", "wanted", "after", "rejected"),
    [
        (HALF, [USER], HALF, True),  # an unknown user id, on a screen without a password
        (HALF, [USER], BOTH, False),
        (BOTH, [USER, PASSWORD], BOTH, True),
        (
            BOTH,
            [USER, PASSWORD],
            replace(BOTH, inputs=(USER_BOX, replace(PASSWORD_BOX, label="Password Wrong one"))),
            True,
        ),
        (
            BOTH,
            [USER, PASSWORD],
            replace(BOTH, inputs=(*BOTH.inputs, field("PIN", index=4, masked=True))),
            False,
        ),
    ],
)
def test_the_refusal_of_a_half_filled_form_refuses_no_secret(on, wanted, after, rejected):
    state = sent(on, wanted)
    action = decision(after, state, replies=[NO])
    assert isinstance(action, GiveUp)
    assert isinstance(action.error, CredentialsRejected if rejected else PageChanged)
    assert "Invalid user ID" in action.error.detail


def test_boxes_that_are_empty_again_are_typed_into_once_more_where_nothing_was_sent():
    state = replace(sent(BOTH, [USER, PASSWORD]), submitted=0)
    half = replace(BOTH, inputs=(replace(USER_BOX, filled=True), PASSWORD_BOX))
    whole = replace(BOTH, inputs=(half.inputs[0], replace(PASSWORD_BOX, filled=True)))
    assert isinstance(decision(half, state, 3.0, departures=0), Wait)
    assert isinstance(decision(half, state, 3.1, departures=0), TypeAgain)
    assert isinstance(decision(half, state, 3.1, departures=1), Wait)
    assert isinstance(decision(half, replace(state, typed_again=True), 3.1, departures=0), Wait)
    assert isinstance(decision(whole, state, 3.1, departures=0), SubmitAgain)
    again = state.typing_again()
    assert isinstance(decision(half, again, 3.1), Fill)


def test_the_user_id_is_typed_again_where_the_password_comes_with_an_empty_box_for_it():
    state = sent(HALF, [USER])
    assert list(decision(BOTH, state).form.inputs) == [USER, PASSWORD]
    kept = replace(BOTH, inputs=(replace(USER_BOX, filled=True), PASSWORD_BOX))
    assert list(decision(kept, state).form.inputs) == [PASSWORD]


def test_a_box_that_holds_another_value_of_ours_is_not_typed_over():
    state = replace(sent(BOTH, [USER, PASSWORD]), accepted=True)
    code = page(field("TOTP", index=3, numeric=True, filled=True), buttons=GO)
    assert isinstance(decision(code, state), Fill)
    assert isinstance(decision(code, state, standing={3: PASSWORD}), Wait)


def test_a_password_in_a_row_of_boxes_is_as_long_as_the_row():
    def row(length):
        return [
            field("", "password", index=9 + at, masked=True, maxlength=1) for at in range(length)
        ]

    long = page(USER_BOX, *row(7), buttons=GO)  # as long as "hunter2"
    assert len(decision(long).form.inputs[PASSWORD]) == 7
    assert isinstance(decision(page(USER_BOX, *row(6), buttons=GO), after=2.0), Wait)
    alone = sent(HALF, [USER])
    assert len(decision(page(*row(7), buttons=GO), alone).form.inputs[PASSWORD]) == 7


def test_one_box_serves_no_two_fields():
    box = field("User ID", index=0)
    assert decide._has_a_box_twice(Form(0, {USER: [box], PASSWORD: [box]}))


@pytest.mark.parametrize(
    ("names", "sender"),
    [
        (["Log in"], "Log in"),
        ([], "Enter"),
        (["Cancel", "Back"], None),
        (["Sign up", "Register"], None),
    ],
)
def test_what_sends_a_form(names, sender):
    pressed = tuple(button(name, index=10 + at) for at, name in enumerate(names))
    snapshot = page(USER_BOX, PASSWORD_BOX, buttons=pressed)
    form = Form(0, {USER: [USER_BOX], PASSWORD: [PASSWORD_BOX]})
    found = buttons.sender(snapshot, form, LOGIN.press)
    assert getattr(found, "name", found) == sender


@pytest.mark.parametrize(
    ("value", "text", "masked", "kept"),
    [
        ("ab1234", "AB1234", False, True),
        ("98765 43210", "9876543210", False, True),
        ("+91 98765-43210", "9876543210", False, True),
        ("", "AB1234", False, False),
        ("AB12", "AB1234", False, False),
        ("AB1234AB1234", "AB1234", False, False),
        ("ZZ0099", "AB1234", False, False),
        ("••••", "1234", False, True),
        ("•••", "1234", False, False),
        ("****", "1234", True, True),
        ("", "1234", True, False),
        ("U2FsdGVkX18zY2lwaGVy", "1234", True, True),
        ("U2FsdGVkX18zY2lwaGVydGV4dA==", "AB1234", False, True),
        ("hunter", "hunter2", True, False),
    ],
)
def test_what_a_box_holds_of_what_was_typed(value, text, masked, kept):
    assert is_kept(value, text, masked=masked) is kept
