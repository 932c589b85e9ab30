"""`pages` of an account: what a user says of the broker's pages, and what is refused of it."""

from __future__ import annotations

import re
import time

import pytest
from pydantic_core import PydanticCustomError

from autologin.config import loader
from autologin.config.pages import check_css, check_dismissed, check_pattern
from autologin.errors import ConfigError

CONFIG = """
accounts:
  me:
    broker: {broker}
    credentials: {{api_key: k, api_secret: s, user_id: AB1234, password: p,
      totp_secret: JBSWY3DPEHPK3PXP}}
    pages: {pages}
"""


def load(folder, pages, broker="zerodha"):
    file = folder / "config.yaml"
    file.write_text(CONFIG.format(broker=broker, pages=pages))
    return loader.load(file, {"HOME": str(folder)}).accounts["me"].pages


def problems(folder, pages, broker="zerodha"):
    with pytest.raises(ConfigError) as refused:
        load(folder, pages, broker)
    return {problem.key: problem for problem in refused.value.problems}


def test_everything_can_be_said(tmp_path):
    pages = load(
        tmp_path,
        '{fields: {user_id: "#u", password: "input[name=pw]", otp: ".box input"}, press: "#go",'
        ' phrases: {otp_rejected: "nope", account_locked: "sealed"}, dismiss: ["Remind me later"]}',
    )
    assert pages.fields.password == "input[name=pw]"
    assert pages.press == "#go"
    assert pages.phrases.otp_rejected == "nope"
    assert pages.dismiss == ["Remind me later"]


@pytest.mark.parametrize("pages", ["", "{}", "{fields: , press: , phrases: , dismiss: }"])
def test_nothing_need_be_said(tmp_path, pages):
    assert load(tmp_path, pages).dismiss == []


@pytest.mark.parametrize(
    ("pages", "key", "words"),
    [
        ('{fields: {pasword: "#p"}}', "fields.pasword", "not a known key"),
        ('{field: {password: "#p"}}', "field", "not a known key"),
        ('{fields: {password: "#p["}}', "fields.password", "no CSS selector"),
        ('{fields: {password: ""}}', "fields.password", "empty"),
        ('{fields: {otp: "//input[1]"}}', "fields.otp", "XPath"),
        ("{fields: {otp: 7}}", "fields.otp", ""),
        ('{press: "button >"}', "press", "no CSS selector"),
        ('{press: "#1st"}', "press", "begins with a digit"),
        ('{phrases: {otp_rejected: "("}}', "phrases.otp_rejected", "no regular|not a regular"),
        ('{phrases: {otp_rejected: "x*"}}', "phrases.otp_rejected", "matches everything"),
        ('{phrases: {token_rejected: "x"}}', "phrases.token_rejected", "not a known key"),
        ('{dismiss: "Later"}', "dismiss", "list"),
        ('{dismiss: ["I agree"]}', "dismiss.0", "agree"),
        ('{dismiss: ["Later", "Accept all risks"]}', "dismiss.1", "risk"),
        ('{dismiss: ["Add nominee"]}', "dismiss.0", "nominee"),
        ('{dismiss: ["Accept T&C"]}', "dismiss.0", "terms"),
        ('{dismiss: ["Give consent"]}', "dismiss.0", "consent"),
        ('{dismiss: [" "]}', "dismiss.0", "empty"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_key(tmp_path, pages, key, words):
    found = problems(tmp_path, pages)
    assert f"accounts.me.pages.{key}" in found
    problem = found[f"accounts.me.pages.{key}"]
    assert re.search(words, problem.message)
    assert problem.hint or "list" in words or not words


def test_a_broker_without_a_page_has_none(tmp_path):
    found = problems(tmp_path, '{press: "#go"}', broker="groww")
    assert "no login page" in found["accounts.me.pages"].message


@pytest.mark.parametrize(
    "css",
    [
        "#login-password",
        "input",
        "input[type=password]",
        'form.login > input[name="pw"]',
        "#a .b:not(.c) ~ input:nth-of-type(2)",
        "main > div:nth-child(2n+1) input[autocomplete='one-time-code' i]",
        "#one, #two",
        ":is(#a, .b) input",
        "div:has(> label) input",
        r"#a\:b",
        r"#\31 st",
        "*",
        "input[data-x^='a'][data-y$=b]",
        "input:not([type=hidden]):not([disabled])",
        "button[class~=primary]",
        "[id='1st']",
        "#पासवर्ड",
        "my-element",
        "a+b",
    ],
)
def test_a_selector_is_taken(css):
    assert check_css(f" {css} ") == css


@pytest.mark.parametrize(
    "css",
    [
        *("#", ".", "#a >", "> #a", "#a,", ",#a", "#a[", "#a]", "#a[=x]", "a{b}", "a;b"),
        *("//input", "(//input)[2]", "xpath=//a", "text=Login", "#a >> #b", "input[name='x]"),
        *("#1a", ".1a", ":nth-child(", "a::", "password field!", "$('#x')", "\x00", " "),
    ],
)
def test_what_is_no_selector_is_refused(css):
    with pytest.raises(PydanticCustomError):
        check_css(css)


def test_no_text_takes_long_to_judge():
    began = time.process_time()
    for text in (
        "a" * 500 + "!",
        "[a=" * 100,
        "(" * 400,
        ":a(" * 100,
        "a " * 249 + "!",
        "\\" * 499,
    ):
        with pytest.raises(PydanticCustomError):
            check_css(text)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "words",
    [
        *("Remind me later", "Later", "Skip", "Not now", "No, thanks", "×", "Close", "Got it"),
        *("Maybe later", "Continue to Kite", "Ask me tomorrow", "OK"),
    ],
)
def test_a_button_that_agrees_to_nothing_can_be_dismissed(words):
    assert check_dismissed(f" {words} ") == words


@pytest.mark.parametrize(
    "words",
    [
        *("I agree", "I Agree & Continue", "Agree", "Accept", "Accept and continue", "Allow"),
        *("I understand the risks", "I have read and understood", "Confirm", "Yes, I accept"),
        *(
            "Opt out of nomination",
            "Opt-out",
            "Add nominee",
            "Nominate later",
            "eSign",
            "Authorise",
        ),
        *("Risk disclosure: proceed", "Accept T&C", "Terms and Conditions", "Privacy policy"),
    ],
)
def test_a_button_that_may_agree_to_something_cannot(words):
    with pytest.raises(PydanticCustomError):
        check_dismissed(words)


def test_a_pattern_is_compiled():
    assert check_pattern("wrong (code|pin)") == "wrong (code|pin)"
