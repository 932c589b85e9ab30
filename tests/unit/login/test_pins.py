"""What a user says of a page decides which element a field is, and switches no rule off."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from support.clock import HandClock

from autologin.config.schema import Pages
from autologin.errors import (
    AccountLocked,
    CaptchaRequired,
    CredentialsRejected,
    OtpRejected,
    PageChanged,
    RedirectTimeout,
)
from autologin.flow.otp import OtpGenerator
from autologin.flow.phrases import classify
from autologin.flow.script import InputField, LoginScript, Step
from autologin.login import decide, interpret
from autologin.login.buttons import submit_button
from autologin.login.decide import Dismiss, Fill, GiveUp, Wait
from autologin.login.matching import Form
from autologin.login.pages import apply
from autologin.login.snapshot import ButtonElement, InputElement, Snapshot
from autologin.login.state import LoginState, Observation

KEY = "accounts.me.pages"
USER = InputField("user", "text", r"user ?id")
PASSWORD = InputField("password", "password", r"password")
OTP = InputField("totp", "code", r"totp|authenticator")
SEED = OtpGenerator(
    SecretStr("JBSWY3DPEHPK3PXP"), lambda _step: True, HandClock(datetime(2026, 11, 24, tzinfo=UTC))
)
SCRIPT = LoginScript(
    (
        Step("login", {USER: "AB1234", PASSWORD: SecretStr("x")}, "log ?in", CredentialsRejected),
        Step("otp", {OTP: SEED}, "continue", OtpRejected),
    )
)
NOW = 1000.0
FRESH = LoginState(deadline=NOW + 80, acted_at=NOW)


def script(**pages):
    return apply(SCRIPT, Pages.model_validate(pages), KEY)


def box(index, label="", kind="text", pins=(), **more):
    """A box that the selectors of these keys match."""
    plain = {"group": 0, "id": "", "name": "", "near": "", "placeholder": "", "autocomplete": ""}
    rest = {"maxlength": -1, "numeric": False, "enabled": True, "readonly": False, "filled": False}
    css = tuple(f"{KEY}.fields.{pin}" for pin in pins)
    given = {"index": index, "label": label, "type": kind, "css": css, "fixed": "", **plain, **rest}
    return InputElement(**{**given, "masked": kind == "password", **more})


def button(name, index=9, *, pinned=False, **more):
    css = (f"{KEY}.press",) if pinned else ()
    given = {"index": index, "group": 0, "tag": "button", "name": name, "submit": True}
    return ButtonElement(**{**given, "enabled": True, "covered": False, "css": css, **more})


def page(*inputs, buttons=(), lines=(), title="Broker", **more):
    given = {"groups": ("", ""), "alerts": (), "captcha": False, "path": "/", "title": title}
    return Snapshot(**{**given, "inputs": inputs, "buttons": buttons, "lines": lines, **more})


def decided(said, snapshot, after=1.0, state=FRESH):
    observed = Observation(now=NOW + after, snapshot=snapshot, changed_at=NOW)
    return decide.next_action(said, interpret.update(said, state, observed), observed)


def filled(action):
    assert isinstance(action, Fill)
    return {field.name: [one.index for one in found] for field, found in action.form.inputs.items()}


LOGIN = button("Log in")


def test_the_users_selector_wins_over_every_label():
    said = script(fields={"password": "#b"})
    there = page(
        box(0, "User ID"),
        box(1, "Password", "password", filled=True),
        box(2, "Kennwort", "password", pins=["password"]),
        buttons=(LOGIN,),
    )
    assert filled(decided(said, there)) == {"user": [0], "password": [2]}


def test_it_can_name_a_box_that_looks_like_nothing():
    said = script(fields={"user_id": "#a", "password": "#b"})
    there = page(box(0, pins=["user_id"]), box(1, pins=["password"]), buttons=(LOGIN,))
    assert filled(decided(said, there)) == {"user": [0], "password": [1]}


@pytest.mark.parametrize("name", ["user_id", "password"])
def test_one_that_matches_nothing_where_its_field_is_due_is_named(name):
    said = script(fields={name: "#gone"})
    there = page(box(0, "User ID"), box(1, "Password", "password"), buttons=(LOGIN,))
    assert isinstance(decided(said, there, 5.0), Wait)
    action = decided(said, there, 10.1)
    assert isinstance(action, GiveUp)
    assert type(action.error) is PageChanged
    assert f"{KEY}.fields.{name} matches no element" in action.error.detail
    assert "autologin inspect" in action.error.hint


@pytest.mark.parametrize("groups", [(0, 0), (0, 1)])
def test_one_that_matches_two_is_named_wherever_they_stand(groups):
    said = script(fields={"password": "input"})
    there = page(
        box(0, "User ID"),
        *(box(i + 1, "Password", "password", ["password"], group=g) for i, g in enumerate(groups)),
        buttons=(LOGIN,),
    )
    action = decided(said, there, 10.1)
    assert isinstance(action, GiveUp)
    assert f"{KEY}.fields.password matches 2 elements" in action.error.detail


def test_two_that_match_one_box_are_named():
    said = script(fields={"user_id": "input", "password": "input"})
    there = page(box(0, "ID", pins=["user_id", "password"]), buttons=(LOGIN,))
    action = decided(said, there, 10.1)
    assert isinstance(action, GiveUp)
    assert "match the same element" in action.error.detail


def test_one_for_a_later_screen_is_not_missed_on_an_earlier_one():
    said = script(fields={"password": "#later", "otp": "#still-later"})
    there = page(box(0, "User ID"), buttons=(button("Next"),))
    assert filled(decided(said, there)) == {"user": [0]}


def test_a_form_that_holds_a_later_field_too_is_not_sent_without_it():
    said = script(fields={"otp": "#gone"})
    code = box(2, "Authenticator code", maxlength=6)
    there = page(box(0, "User ID"), box(1, "Password", "password"), code, buttons=(LOGIN,))
    action = decided(said, there, 10.1)
    assert isinstance(action, GiveUp)
    assert f"{KEY}.fields.otp matches no element" in action.error.detail
    stranger = replace(code, label="Search", maxlength=-1)
    assert filled(decided(said, replace(there, inputs=(*there.inputs[:2], stranger))))


def test_an_element_that_is_named_for_one_field_is_no_other():
    said = script(fields={"otp": "#t"})
    there = page(box(0, "User ID", pins=["otp"]), box(1, "Password", "password"), buttons=(LOGIN,))
    action = decided(said, there)
    assert not isinstance(action, Fill) or "user" not in filled(action)


def test_a_row_of_boxes_can_be_named_together():
    said = script(fields={"otp": ".d"})
    first = page(box(0, "User ID"), box(1, "Password", "password"), buttons=(LOGIN,))
    sent = decided(said, first)
    state = FRESH.filling(sent.step, sent.form, first, NOW)
    row = page(*(box(i, pins=["otp"], maxlength=1) for i in range(6)), buttons=(LOGIN,))
    assert filled(decided(said, row, state=replace(state, accepted=True))) == {
        "totp": [0, 1, 2, 3, 4, 5]
    }


def test_no_selector_fills_a_sign_up_form_or_a_page_with_a_challenge():
    said = script(fields={"user_id": "#a", "password": "#b"})
    boxes = (box(0, pins=["user_id"]), box(1, kind="password", pins=["password"]))
    strangers = page(*boxes, buttons=(button("Create account"),))
    assert isinstance(decided(said, strangers, 10.1), GiveUp)
    challenged = page(*boxes, buttons=(LOGIN,), captcha=True)
    state = interpret.update(said, FRESH, Observation(now=NOW, snapshot=challenged))
    action = decided(said, challenged, 9.0, state)
    assert isinstance(action, GiveUp)
    assert isinstance(action.error, CaptchaRequired)


BOXES = (box(0, "User ID"), box(1, "Password", "password"))


def test_the_users_button_sends():
    said = script(press="#go")
    there = page(*BOXES, buttons=(LOGIN, button("Weiter", 10, pinned=True, submit=False, group=1)))
    assert isinstance(decided(said, there), Fill)
    assert submit_button(there, Form(0, {}), "log ?in").name == "Weiter"


@pytest.mark.parametrize(("pinned", "words"), [(0, "no element"), (2, "2 elements")])
def test_a_button_that_is_not_one_is_named(pinned, words):
    said = script(press="#go")
    more = tuple(button("Go", 20 + i, pinned=True) for i in range(pinned))
    action = decided(said, page(*BOXES, buttons=(LOGIN, *more)), 10.1)
    assert isinstance(action, GiveUp)
    assert f"{KEY}.press matches {words}" in action.error.detail


def test_a_later_screen_need_not_have_the_users_button():
    said = script(press="#go")
    first = page(*BOXES, buttons=(button("Go", pinned=True),))
    sent = decided(said, first)
    state = replace(FRESH.filling(sent.step, sent.form, first, NOW), accepted=True)
    second = page(box(0, "Authenticator", maxlength=6), buttons=(button("Continue"),))
    assert filled(decided(said, second, state=state)) == {"totp": [0]}


def test_the_users_words_come_before_the_flows_and_the_common_ones():
    said = script(phrases={"otp_rejected": "that number", "account_locked": "closed for you"})
    said = replace(said, phrases={CredentialsRejected: "that number"})
    assert type(classify("That number is wrong", said, None)) is OtpRejected
    assert type(classify("This door is closed for you", said, None)) is AccountLocked


NOTICE = page(buttons=(button("Update now"), button("Remind me later", 10)), lines=("Hello",))


def test_a_notice_is_put_off_once_and_before_anything_else():
    said = script(dismiss=["remind me later"])
    covered = replace(NOTICE, inputs=BOXES)
    action = decided(said, covered)
    assert (type(action), action.button.index) == (Dismiss, 10)
    after = FRESH.dismissing(action.words)
    assert isinstance(decided(said, covered, state=after), Fill)
    assert not isinstance(decided(said, NOTICE, 10.1, after), Dismiss)


def test_no_notice_is_put_off_unasked():
    assert isinstance(decided(SCRIPT, NOTICE, 5.0), Wait)
    assert isinstance(decided(script(dismiss=["Remind me"]), NOTICE, 5.0), Wait)


@pytest.mark.parametrize(
    ("line", "about"),
    [
        ("Tell us your nominee", "a nominee"),
        ("Risk disclosures on derivatives", "a risk disclosure"),
        ("Updated terms and conditions", "terms and conditions"),
        ("Your consent is needed", "a consent"),
    ],
)
def test_where_a_person_decides_only_what_puts_off_is_pressed_and_the_page_is_named(line, about):
    there = page(buttons=(button("Continue"), button("Skip", 10)), lines=(line, "Some words"))
    assert isinstance(decided(script(dismiss=["Continue"]), there, 5.0), Wait)
    assert decided(script(dismiss=["Continue", "Skip"]), there).button.name == "Skip"
    action = decided(script(dismiss=["Continue"]), there, 10.1)
    assert isinstance(action, GiveUp)
    assert f"about {about}" in action.error.detail


def test_a_page_that_comes_after_everything_was_sent_is_named_too():
    entered = frozenset(field for step in SCRIPT.steps for field in step.values)
    last = SCRIPT.steps[-1]
    state = replace(
        FRESH, entered=entered, last_step=last, accepted=True, first_said={last.name: frozenset()}
    )
    state = replace(state, before=page(buttons=(button("I agree"),)))
    there = page(buttons=(button("I agree"),), lines=("Terms and Conditions",))
    action = decided(SCRIPT, there, 10.1, state)
    assert isinstance(action, GiveUp)
    assert isinstance(action.error, RedirectTimeout)
    assert "terms and conditions" in action.error.detail


def test_links_at_the_foot_of_a_login_page_make_it_nothing_else():
    there = page(
        box(0, "Amount"),
        buttons=(button("Terms and Conditions", tag="a"),),
        lines=("Terms and Conditions",),
    )
    action = decided(SCRIPT, there, 10.1)
    assert "about" not in action.error.detail


SENT_ALL = replace(
    FRESH,
    entered=frozenset(field for step in SCRIPT.steps for field in step.values),
    last_step=SCRIPT.steps[-1],
    accepted=True,
    before=page(buttons=(button("Continue"), button("I agree"))),
    first_said={"otp": frozenset()},
)
AGREES = replace(SCRIPT, consent=r"^(i )?(agree|accept|allow)$", consent_at="consent")


@pytest.mark.parametrize("path", ["/", "/risk-consent"])
@pytest.mark.parametrize(
    "line", ["Risk disclosures on derivatives", "Add your nominee", "Terms and Conditions"]
)
def test_no_agreement_but_the_apps_is_given(line, path):
    there = page(
        buttons=(button("I agree"),), lines=(line, "Read this first", "I agree"), path=path
    )
    if line.startswith("Terms") and path != "/":
        there = replace(there, lines=("Add your nominee",))  # at a consent's own path terms are its
    assert isinstance(decided(AGREES, there, 5.0, SENT_ALL), Wait)
    action = decided(AGREES, there, 10.1, SENT_ALL)
    assert isinstance(action, GiveUp)
    assert "autologin does not decide" in action.error.detail


@pytest.mark.parametrize(
    "lines",
    [
        (
            "MyApp wants to access your account",
            "By allowing it you accept the terms and conditions",
        ),
        ("Terms and Conditions", "MyApp requests permission to read your profile"),
        ("Authorise MyApp", "I agree"),
        ("Allow MyApp?",),
    ],
)
def test_the_apps_own_consent_is_given_though_it_speaks_of_terms(lines):
    there = page(buttons=(button("I agree"),), lines=lines)
    assert isinstance(decided(AGREES, there, 1.0, SENT_ALL), decide.GiveConsent)


BLANK = {"fields": {"user_id": "#a", "password": "#b"}, "press": ".go"}
GO = button("Go", pinned=True, tag="div", submit=False)


def unknown(*more, label="Gamma", **password):
    """A page that says nothing of what it is."""
    there = (box(0, "Alpha", pins=["user_id"]), box(1, label, pins=["password"], **password))
    return page(*there, *more, buttons=(GO,), title="")


def test_the_users_selectors_do_on_a_page_that_says_nothing():
    assert isinstance(decided(SCRIPT, unknown(), 10.1), GiveUp)
    assert filled(decided(script(**BLANK), unknown())) == {"user": [0], "password": [1]}
    alone = page(box(0, "Alpha", pins=["user_id"]), buttons=(GO,), title="")
    assert filled(decided(script(**BLANK), alone)) == {"user": [0]}


@pytest.mark.parametrize(
    ("label", "more", "against"),
    [
        ("User ID", {}, "a user id"),
        ("E-mail", {}, "an e-mail address"),
        ("Gamma", {"kind": "email"}, "an e-mail address"),
        ("Search", {}, "a search"),
        ("OTP", {}, "a code"),
        ("Enter the code", {}, "a code"),
        ("", {"name": "username"}, "a user id"),
    ],
)
def test_no_password_is_typed_into_what_the_page_calls_something_else(label, more, against):
    there = unknown(label=label, **more)
    action = decided(script(**BLANK), there, 10.1)
    assert isinstance(action, GiveUp)
    assert f"{KEY}.fields.password matches a box for {against}" in action.error.detail


@pytest.mark.parametrize("label", ["User password", "Login PIN", "Kennwort", "Passcode"])
def test_a_plain_box_that_is_called_a_password_may_be_named(label):
    assert filled(decided(script(**BLANK), unknown(label=label))) == {"user": [0], "password": [1]}


def test_one_for_the_password_alone_on_the_user_ids_box_is_named():
    said = script(fields={"password": "#u"})
    user = box(0, "User ID", pins=["password"])
    action = decided(said, page(user, box(1, "Password", "password"), buttons=(LOGIN,)), 10.1)
    assert isinstance(action, GiveUp)
    assert f"{KEY}.fields.password matches a box for a user id" in action.error.detail


def test_a_button_that_is_two_is_named_where_no_form_is_known():
    there = page(box(0, "Alpha"), buttons=(GO, replace(GO, index=10)), title="")
    action = decided(script(press=".go"), there, 10.1)
    assert isinstance(action, GiveUp)
    assert f"{KEY}.press matches 2 elements" in action.error.detail


def test_the_guard_that_a_selector_does_not_switch_off_is_named():
    there = page(
        box(0, "First name", pins=["user_id"]),
        box(1, "Password", "password", pins=["password"]),
        box(2, "Confirm password", "password"),
        buttons=(button("Create account", pinned=True),),
        title="Sign up",
    )
    action = decided(script(**BLANK), there, 10.1)
    assert isinstance(action, GiveUp)
    assert "`pages` does not switch off" in action.error.detail
    assert "page: sign-up" in action.error.detail
    assert f"{KEY}.fields.user_id" in action.error.detail
