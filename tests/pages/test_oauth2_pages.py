"""The pages of the OAuth 2.0 twin, as a person uses them."""

from __future__ import annotations

import pyotp
import pytest
from playwright.sync_api import expect

BROKERS = ["oauth2"]


class Person:
    """Somebody at the login page."""

    def __init__(self, page, twin):
        self.page, self.twin = page, twin

    def open(self, *scenarios):
        self.twin.switch(*scenarios)
        query = f"client_id={self.twin.client_id}&response_type=code&state=n1&redirect_uri={self.twin.redirect_uri}"
        self.page.goto(f"{self.twin.endpoints['authorize']}?{query}")
        return self

    def credentials(
        self,
        user="[autocomplete=username]",
        password="[autocomplete=current-password]",
        button="Sign in",
    ):
        self.page.locator(user).fill(self.twin.user_id)
        self.page.locator(password).fill(self.twin.user.password)
        self.page.get_by_role("button", name=button, exact=True).click()
        return self

    def code(self, field="[autocomplete=one-time-code]", button="Verify"):
        self.page.locator(field).press_sequentially(
            pyotp.TOTP(self.twin.totp_secret).at(self.twin.now())
        )
        self.page.get_by_role("button", name=button, exact=True).click()
        return self

    def arrives(self):
        self.page.wait_for_url("**/callback/oauth2?*")
        expect(self.page.get_by_role("cell", name="n1", exact=True)).to_be_visible()


@pytest.fixture
def person(page, sandbox):
    return Person(page, sandbox.twins["oauth2"])


@pytest.mark.parametrize("style", [(), ("single_page_app",)])
def test_password_and_code(person, style):
    person.open(*style).credentials().code().arrives()
    assert (person.twin.counters["login"], person.twin.counters["code"]) == (1, 1)


@pytest.mark.parametrize("style", [(), ("single_page_app",)])
def test_a_wrong_password_shows(person, style):
    person.open("wrong_password", *style)
    person.credentials()
    expect(person.page.get_by_role("alert")).to_have_text("Invalid username or password.")


def test_a_redesign_keeps_its_labels_only(person):
    person.open("redesign")
    expect(
        person.page.locator(
            "#username, #password, #otp, .primary, [name=username], [name=password]"
        )
    ).to_have_count(0)
    expect(person.page.get_by_role("dialog")).to_be_visible()
    expect(person.page.locator("form").first.get_by_role("button")).to_have_text("Sign up")
    fields = person.page.locator("form").nth(1).locator("input:not([type=hidden])")
    assert fields.evaluate_all("all => all.map(one => one.type)") == ["password", "text"]
    person.page.get_by_role("button", name="Reject all").click()
    expect(person.page.get_by_label("User ID")).to_be_visible()
    person.credentials().code().arrives()
    assert person.twin.counters["signup"] == 0


@pytest.mark.parametrize("scenario", ["other_language", "redesign_other_language"])
def test_another_language_has_no_latin_letter(person, scenario):
    def latin():
        return [
            letter
            for letter in person.page.locator("main").inner_text()
            if letter.isascii() and letter.isalpha()
        ]

    person.open(scenario)
    assert latin() == []
    person.credentials(button="प्रवेश करें")
    expect(person.page.locator("[autocomplete=one-time-code]")).to_be_visible()
    assert latin() == []
    person.code(button="सत्यापित करें").arrives()


def test_consent_can_be_denied(person):
    person.open("first_use").credentials().code()
    person.page.get_by_role("button", name="Deny").click()
    person.page.wait_for_url("**/callback/oauth2?error=access_denied*")
    assert person.twin.codes_issued == []


def test_terms_must_be_ticked(person):
    person.open("terms_to_tick").credentials()
    expect(person.page.get_by_label("I accept the terms")).to_be_visible()
    person.page.get_by_label("I accept the terms").check()
    person.credentials().code().arrives()


def test_the_fields_of_css_only_have_nothing_but_an_id(person):
    person.open("css_only")
    inputs = person.page.locator("form input:not([type=hidden])")
    assert (
        inputs.evaluate_all("all => all.map(one => one.getAttributeNames().join())")
        == ["type,id,name"] * 2
    )
    expect(person.page.locator("label")).to_have_count(0)
    person.credentials("#fld_a", "#fld_b").code("#fld_c").arrives()
