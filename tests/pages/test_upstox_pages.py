"""The pages of Upstox's twin, as a person uses them."""

from __future__ import annotations

from urllib.parse import urlencode

import pyotp
import pytest
from playwright.sync_api import expect

BROKERS = ["upstox"]


class Person:
    """Somebody at the login site."""

    def __init__(self, page, twin):
        self.page, self.twin = page, twin

    def open(self, *scenarios):
        self.twin.switch(*scenarios)
        query = {"response_type": "code", "client_id": self.twin.client_id, "state": "n1"}
        query["redirect_uri"] = self.twin.redirect_uri
        self.page.goto(
            f"{self.twin.endpoints['api']}/v2/login/authorization/dialog?{urlencode(query)}"
        )
        return self

    def mobile(self, selector="#mobileNum", button="Get OTP"):
        expect(self.page.get_by_role("button", name=button)).to_be_disabled()
        self.page.fill(selector, self.twin.user.mobile_number)
        self.page.get_by_role("button", name=button).click()
        return self

    def code(self, selector="#otpNum"):
        self.page.locator(selector).press_sequentially(
            pyotp.TOTP(self.twin.totp_secret).at(self.twin.now())
        )
        return self

    def pin(self, selector="#pinCode", value=None):
        self.page.locator(selector).press_sequentially(value or self.twin.user.pin)
        return self

    def send(self, button="#pinContinueBtn"):
        self.page.locator(button).click()
        return self

    def arrives(self):
        self.page.wait_for_url("**/callback/upstox?*")
        expect(self.page.get_by_role("cell", name="n1", exact=True)).to_be_visible()
        expect(self.page.get_by_role("cell", name=self.twin.codes_issued[-1])).to_be_visible()


@pytest.fixture
def person(page, sandbox):
    page.set_default_timeout(5000)
    failed = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    yield Person(page, sandbox.twins["upstox"])
    assert failed == []


def test_the_ids_and_names_that_scripts_know(person):
    person.open().mobile().code()
    expect(person.page.get_by_label("Enter 6-digit PIN")).to_have_attribute("id", "pinCode")
    expect(person.page.locator("#pinCode")).to_have_attribute("type", "password")
    expect(person.page.locator("#pinContinueBtn")).to_have_text("Continue")
    person.pin().send().arrives()
    assert (person.twin.counters["verify"], person.twin.counters["pin"]) == (1, 1)


def test_without_auto_advance_the_button_of_the_same_name_is_needed(person):
    person.open("no_auto_advance").mobile().code()
    expect(person.page.locator("#continueBtn")).to_have_text("Continue")
    assert person.twin.counters["verify"] == 0
    person.send("#continueBtn").pin().send().arrives()


def test_a_wrong_pin_shows_and_empties_the_box(person):
    person.open().mobile().code().pin(value="999999").send()
    expect(person.page.get_by_role("alert")).to_have_text(
        "Incorrect PIN. You have 4 attempts left."
    )
    expect(person.page.locator("#pinCode")).to_have_value("")
    person.pin().send().arrives()


def test_six_boxes(person):
    person.open("six_box_pin").mobile().code()
    expect(person.page.locator("[type=password][maxlength='1']")).to_have_count(6)
    for box, digit in zip(
        person.page.locator("[type=password]").all(), person.twin.user.pin, strict=True
    ):
        box.press_sequentially(digit)
    person.send().arrives()


def test_a_redesign_keeps_its_labels_only(person):
    person.open("redesign")
    expect(person.page.locator("#mobileNum, #getOtp, .step, .primary")).to_have_count(0)
    expect(person.page.locator("form").first.get_by_role("button")).to_have_text("Open an account")
    expect(person.page.get_by_role("dialog")).to_be_visible()
    person.page.get_by_role("button", name="Reject all").click()
    person.mobile("form:not([data-first]) input").code("[autocomplete=one-time-code]").pin(
        "[autocomplete=current-password]"
    )
    person.send("form button").arrives()
    assert person.twin.counters["signup"] == 0


def test_another_language_has_no_latin_letter(person):
    person.open("other_language").mobile(button="कोड पाएँ").code()
    expect(person.page.locator("#pinCode")).to_be_visible()
    shown = person.page.locator("[data-page]").inner_text()
    assert [letter for letter in shown if letter.isascii() and letter.isalpha()] == []


def test_a_person_can_deny(person):
    person.open("first_use").mobile().code().pin().send()
    person.page.get_by_role("button", name="Deny").click()
    person.page.wait_for_url("**/callback/upstox?error=access_denied*")
    assert person.twin.codes_issued == []
