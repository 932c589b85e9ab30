"""What is shown of a page is what `decide` says of one that has come to rest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autologin.flow import registry, samples
from autologin.login.drawing import summary
from autologin.login.inspection import ENTER, describe, judge, start, suggest
from autologin.login.pages import field_name
from autologin.login.snapshot import ButtonElement, InputElement, Snapshot


def script(broker="oauth2"):
    kind = registry.load(broker)
    every = set(kind.credentials_class.model_fields)
    flow = kind(
        samples.fill_in(kind.credentials_class, {}, every),
        dict.fromkeys(kind.needs_endpoints, "https://login.example/"),
    )
    return flow.login_script(samples.sample_otp())


def box(index, label="", kind="text", **more):
    plain = {"group": 0, "id": "", "name": "", "near": "", "placeholder": "", "autocomplete": ""}
    rest = {"maxlength": -1, "numeric": False, "enabled": True, "readonly": False, "filled": False}
    given = {"index": index, "label": label, "type": kind, "css": (), "fixed": "", **plain, **rest}
    return InputElement(**{**given, "masked": kind == "password", "path": f"#box{index}", **more})


def button(name, **more):
    given = {"index": 9, "group": 0, "tag": "button", "name": name, "submit": True, "enabled": True}
    return ButtonElement(**{**given, "covered": False, "css": (), "path": "#go", **more})


def page(*inputs, buttons=(), **more):
    given = {"title": "", "path": "/", "groups": ("",), "lines": (), "alerts": (), "captcha": False}
    return Snapshot(**{**given, "inputs": inputs, "buttons": buttons, **more})


LOGIN = page(box(0, "User ID"), box(1, "Password", "password"), buttons=(button("Log in"),))
CODE = page(box(0, "Authenticator code", maxlength=6), buttons=(button("Verify"),))


def test_a_login_page():
    verdict = judge(script(), LOGIN)
    assert [(one.name, one.elements[0].index) for one in verdict.fields] == [
        ("user_id", 0),
        ("password", 1),
    ]
    assert verdict.press.name == "Log in"
    assert verdict.refused is None
    assert 'label "User ID"' in verdict.fields[0].why
    assert describe(verdict) == 'user_id and password would be filled, then "Log in" pressed'
    assert suggest(verdict) == {}


def test_a_form_without_a_button_is_sent_by_the_enter_key():
    assert judge(script(), page(*LOGIN.inputs)).press == ENTER


def test_a_part_of_a_form_is_shown_once_the_rest_has_had_its_time():
    verdict = judge(script(), page(box(0, "User ID"), buttons=(button("Next"),)))
    assert [one.name for one in verdict.fields] == ["user_id"]


def test_a_page_that_is_known_to_nobody_is_refused_in_the_logins_own_words():
    verdict = judge(script(), page(lines=("Welcome",)))
    assert (verdict.fields, verdict.press) == ((), None)
    assert verdict.refused.name == "page_changed"
    assert "Welcome" in verdict.refused.detail


def test_a_challenge_is_named():
    verdict = judge(script(), page(*LOGIN.inputs, buttons=LOGIN.buttons, captcha=True))
    assert verdict.page == "captcha"
    assert verdict.refused.name == "captcha_required"


@pytest.mark.parametrize(
    ("broker", "after", "names"),
    [
        ("zerodha", None, set()),
        ("zerodha", "user_id", {"user_id"}),
        ("oauth2", "user_id", {"user_id"}),
        ("zerodha", "password", {"user_id", "password"}),
        ("zerodha", "otp", {"user_id", "password", "otp"}),
        ("oauth2", "password", {"user_id", "password"}),
        ("upstox", "user_id", {"user_id"}),
        ("upstox", "otp", {"user_id", "otp"}),
        ("upstox", "password", {"user_id", "otp", "password"}),
    ],
)
def test_what_was_entered_after_a_field(broker, after, names):
    said = script(broker)
    values = {field: value for step in said.steps for field, value in step.values.items()}
    entered = start(said, after).entered
    assert {field_name(field, values[field]) for field in entered} == names


def test_a_code_is_given_after_the_password_only():
    assert judge(script(), CODE).fields == ()
    (field,) = judge(script(), CODE, after="password").fields
    assert (field.name, field.elements[0].index) == ("otp", 0)


@pytest.mark.parametrize(
    ("boxes", "lines"),
    [
        ([box(0), box(1, kind="password")], {"user_id": "#box0", "password": "#box1"}),
        ([box(0, kind="password")], {"password": "#box0"}),
        ([box(0, maxlength=6)], {"otp": "#box0"}),
        ([box(0, kind="password"), box(1, kind="password")], {"user_id": "...", "password": "..."}),
    ],
)
def test_the_lines_to_paste_are_a_guess_that_a_person_corrects(boxes, lines):
    there = page(*boxes, buttons=(button("Log in"),), loading=True)  # so that nothing is filled
    verdict = replace(judge(script(), there), fields=(), press=None, page="other")
    assert suggest(verdict) == {**lines, "press": "#go"}


def test_no_secret_is_needed_for_a_sample():
    made = samples.fill_in(
        registry.load("zerodha").credentials_class, {"api_key": "k"}, {"password"}
    )
    assert made.api_key == "k"
    assert made.redirect_uri is None
    assert made.password.get_secret_value() == "sample-password"


PIN_BOXES = [box(1 + i, "PIN", "password", maxlength=1, box=(40 * i, 90, 30, 30)) for i in range(4)]


def test_a_row_of_boxes_beside_the_user_id_is_filled_by_a_password_of_that_length():
    verdict = judge(script(), page(box(0, "User ID"), *PIN_BOXES, buttons=(button("Log in"),)))
    assert {one.name: [box.index for box in one.elements] for one in verdict.fields} == {
        "user_id": [0],
        "password": [1, 2, 3, 4],
    }
    assert verdict.refused is None


@pytest.mark.parametrize(
    ("broker", "boxes"),
    [
        ("oauth2", [box(1, "Password", "password")]),
        ("zerodha", [box(1, "Password", "password")]),
        ("oauth2", [box(1, "PIN", "password", maxlength=4)]),
        ("oauth2", PIN_BOXES),
    ],
)
def test_a_screen_of_the_password_alone_comes_after_the_user_id(broker, boxes):
    there = page(*boxes, buttons=(button("Log in"),), title="Log in")
    (field,) = judge(script(broker), there, after="user_id").fields
    assert (field.name, list(field.elements)) == ("password", boxes)


def test_what_is_pressed_first_is_shown_as_that_and_nothing_else_is_asked_for():
    there = page(
        box(0, "Mobile number", kind="tel"),
        buttons=(
            button("Login with Client ID", tag="a", submit=False),
            button("Continue", index=8),
        ),
        title="Login",
    )
    verdict = judge(script("fyers"), there)
    assert verdict.press.name == "Login with Client ID"
    assert describe(verdict) == (
        '"Login with Client ID" would be pressed, then the page looked at again'
    )
    assert "looked at again" in summary(verdict)
    assert (verdict.left, suggest(verdict)) == ((), {})
