"""Zerodha's twin as a person at a real Chromium sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pyotp
import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from autologin.sandbox.brokers.zerodha import Zerodha

BROKERS = ["zerodha"]
MOMENT = 1000


@dataclass
class Person:
    """Somebody at the browser who knows the credentials."""

    page: Page
    twin: Zerodha

    def switch(self, *names):
        self.twin.switch(*names)
        return self.open()

    def open(self):
        query = {"api_key": "sandboxkey", "v": "3", "redirect_params": "state=n1"}
        self.page.goto(f"{self.twin.endpoints['login']}/connect/login?{urlencode(query)}")
        return self

    @property
    def otp(self):
        return pyotp.TOTP(self.twin.totp_secret).at(self.twin.now())

    def user(self, selector="input#userid[type=text]"):
        self.page.fill(selector, self.twin.user_id)
        return self

    def password(self, selector="input#password[type=password]"):
        self.page.fill(selector, self.twin.credentials["password"])
        return self

    def login(self):
        self.page.get_by_role("button", name="Login").click()
        return self

    def credentials(self):
        return self.user().password().login()

    def code(self, selector="input#userid[type=number]", value=None):
        self.page.locator(selector).press_sequentially(value or self.otp)
        return self

    def sees_error(self, words):
        expect(self.page.locator("form p.error")).to_have_text(words)

    def arrives(self):
        """The browser reaches the redirect URI, with the code that was issued last."""
        self.page.wait_for_url("**/callback/zerodha*")
        expect(self.page.get_by_role("cell", name=self.twin.codes_issued[-1])).to_be_visible()
        assert self.twin.counters["callback"] == 1


@pytest.fixture
def person(page, sandbox):
    page.set_default_timeout(5000)
    failed = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    yield Person(page, sandbox.twins["zerodha"])
    assert failed == []


def stop_the_clock(page):
    """From now on time passes for the page's scripts only where a test says so."""
    page.clock.install(time=datetime(2026, 1, 1, tzinfo=UTC))
    page.clock.pause_at(datetime(2026, 1, 1, 1, tzinfo=UTC))


def test_the_default_walk(person):
    person.open()
    assert "sess_id=" in person.page.url
    assert person.page.locator("label.su-input-label").all_inner_texts() == [
        "Phone number or User ID",
        "Password",
    ]
    expect(person.page.locator("button[type=submit].button-orange.wide")).to_have_text("Login ")
    expect(
        person.page.locator("xpath=//*[@id='container']/div/div/div[2]/form/div[1]/input")
    ).to_have_id("userid")
    expect(
        person.page.locator("xpath=//*[@id='container']/div/div/div[2]/form/div[4]/button")
    ).to_be_visible()
    before = person.page.url
    person.credentials()
    code = person.page.locator("input#userid[type=number][maxlength='6'][label='External TOTP']")
    expect(code).to_have_attribute("placeholder", "••••••")
    expect(person.page.locator("button[type=submit].button-orange.wide")).to_have_text("Continue")
    assert person.page.url == before, "swapped in place"
    person.code()
    person.arrives()
    assert (person.twin.counters["login"], person.twin.counters["twofa"]) == (1, 1)
    login, twofa = (seen for seen in person.twin.seen if seen.path in {"/api/login", "/api/twofa"})
    assert login.headers["x-kite-version"] == "3.0.0"
    assert b"skip_session=" in twofa.body


def test_the_source_of_the_page_is_an_empty_shell(person):
    response = person.page.request.get(
        f"{person.twin.origins['login']}/connect/login?api_key=sandboxkey"
    )
    body = response.text().split("<body>")[1].split("<script>")[0]
    assert "<form" not in body
    assert "<input" not in body
    assert 'rel="icon" href="data:,"' in response.text()


def test_a_page_delay_holds_every_screen_back(person):
    person.twin.page_delay = 60
    stop_the_clock(person.page)
    person.open()
    expect(person.page.locator("input")).to_have_count(0)
    person.page.clock.run_for(60_000)
    person.credentials()
    expect(person.page.locator("button")).to_be_disabled()
    expect(person.page.locator("input[type=number]")).to_have_count(0)
    person.page.clock.run_for(60_000)
    expect(person.page.locator("input[type=number]")).to_be_visible()


def test_a_leading_zero_survives(person):
    person.open().credentials().code(value="012345")
    person.sees_error("Invalid TOTP")
    assert person.twin.otps == ["012345"]


def test_a_wrong_password_shows_after_its_answer(person):
    person.open().user()
    person.page.fill("#password", "wrong")
    person.login().sees_error("Invalid username or password.")
    expect(person.page.get_by_role("button", name="Login")).to_be_enabled()


def test_a_wrong_code_can_be_followed_by_a_right_one(person):
    person.open().credentials().code(value="000000")
    person.sees_error("Invalid TOTP")
    expect(person.page.locator("input[type=number]")).to_have_value("")
    person.code()
    person.arrives()


def test_after_the_sixth_digit_the_button_cannot_send_it_again(person):
    person.switch("no_redirect").credentials().code()
    expect(person.page.get_by_role("heading", name="Please wait")).to_be_visible()
    assert person.twin.counters["twofa"] == 1
    assert person.twin.counters["finish"] == 0


# The code's field


@pytest.mark.parametrize(
    ("scenario", "selector"),
    [
        ("older_totp", "#totp"),
        ("label_only", "label:has-text('External TOTP') input"),
        ("twofa_value", ".twofa-value"),
    ],
)
def test_other_fields_for_the_code(person, scenario, selector):
    person.switch(scenario).credentials().code(selector)
    person.arrives()


def test_label_only_has_nothing_else_to_go_by(person):
    person.switch("label_only").credentials()
    expect(person.page.get_by_label("External TOTP")).to_be_visible()
    names = person.page.get_by_label("External TOTP").evaluate("field => field.getAttributeNames()")
    assert names == ["type"]


def test_the_class_only_field_has_no_label(person):
    person.switch("twofa_value").credentials()
    expect(person.page.locator(".twofa-value")).to_be_visible()
    expect(person.page.locator("label")).to_have_count(0)


def test_app_code_first(person):
    person.switch("app_code_first").credentials()
    expect(person.page.get_by_label("Mobile App Code")).to_have_attribute(
        "label", "Mobile App Code"
    )
    person.page.locator("a.forgot-link", has_text="Problem with Mobile App Code?").click()
    assert person.page.locator(".twofa-option").all_inner_texts() == [
        "External TOTP",
        "SMS/Email OTP",
    ]
    person.page.locator(".twofa-option", has_text="External TOTP").click()
    person.code("input[label='External TOTP']")
    person.arrives()
    assert b"twofa_type=totp" in next(
        seen.body for seen in person.twin.seen if seen.path == "/api/twofa"
    )


def test_a_totp_is_no_app_code(person):
    person.switch("app_code_first").credentials().code()
    person.sees_error("Invalid App Code")


def test_sms_only(person):
    person.switch("sms_only").credentials()
    person.page.locator("a.forgot-link").click()
    assert person.page.locator(".twofa-option").all_inner_texts() == ["SMS/Email OTP"]
    assert person.twin.counters["sms"] == 0
    person.page.locator(".twofa-option").click()
    expect(person.page.locator("input[label='SMS/Email OTP']")).to_be_visible()
    assert person.twin.counters["sms"] == 1


def test_without_autosubmit_the_button_is_needed(person):
    code = person.switch("no_autosubmit").credentials().otp
    person.code(value=code)
    expect(person.page.locator("input[type=number]")).to_have_value(code)
    assert person.twin.counters["twofa"] == 0
    person.page.get_by_role("button", name="Continue").click()
    person.arrives()


def test_a_form_that_listens_to_keys_misses_a_filled_value(person):
    person.switch("listens_to_keys").credentials()
    person.page.fill("input[type=number]", person.otp)
    person.page.wait_for_timeout(100)
    assert person.twin.counters["twofa"] == 0
    person.page.fill("input[type=number]", "")
    person.code()
    person.arrives()


def test_one_submit_is_enough(person):
    person.switch("double_submit_counts").credentials().code()
    person.arrives()
    assert person.twin.counters["twofa"] == 1


def test_a_second_submit_is_an_attempt_that_fails(person):
    person.switch("double_submit_counts").credentials().code()
    person.page.get_by_role("button", name="Continue").click()
    person.sees_error("Invalid TOTP")
    assert person.twin.counters["twofa"] == 2
    assert person.twin.codes_issued == []


# The first form


def test_fields_that_take_five_seconds(person):
    stop_the_clock(person.page)
    person.switch("slow_spa")
    person.page.clock.run_for(4900)
    expect(person.page.locator("input")).to_have_count(0)
    person.page.clock.run_for(200)
    person.credentials()
    expect(person.page.locator("button")).to_be_disabled()
    person.page.clock.resume()  # the answer may come later than this line
    person.code()
    person.arrives()


def test_the_old_field_stays(person):
    stop_the_clock(person.page)
    person.switch("keeps_old_field").credentials()
    expect(person.page.locator("#userid")).to_have_count(2)
    assert person.page.locator("#userid").first.get_attribute("type") == "text"
    person.page.clock.run_for(700)
    expect(person.page.locator("#userid")).to_have_count(1)
    person.code()
    person.arrives()


def test_password_only(person):
    person.switch("password_only")
    expect(person.page.get_by_text(person.twin.user_id)).to_be_visible()
    expect(person.page.locator("input")).to_have_count(1)
    person.password().login().code()
    person.arrives()


def test_two_screens(person):
    person.switch("two_screens").user()
    expect(person.page.locator("input[type=password]")).to_have_count(0)
    person.page.get_by_role("button", name="Continue").click()
    person.password().login().code()
    person.arrives()


def test_prefilled_user(person):
    person.switch("prefilled_user")
    expect(person.page.locator("#userid")).to_have_value("ZZ9999")
    person.credentials().code()
    person.arrives()


def test_remembered_other_user(person):
    person.switch("remembered_other_user")
    expect(person.page.get_by_text("ZZ9999")).to_be_visible()
    expect(person.page.locator("#userid")).to_have_count(0)
    person.page.get_by_text("Change user").click()
    person.credentials().code()
    person.arrives()


def test_a_password_on_the_other_users_screen_is_the_other_users(person):
    person.switch("remembered_other_user").password().login()
    person.sees_error("Invalid username or password.")
    assert b"user_id=ZZ9999" in person.twin.seen[-1].body


def test_a_cookie_banner_covers_the_button(person):
    person.page.set_viewport_size({"width": 1366, "height": 900})
    person.switch("cookie_banner").user().password()
    with pytest.raises(Exception, match="intercepts pointer events"):
        person.page.get_by_role("button", name="Login").click(timeout=MOMENT)
    person.page.get_by_role("button", name="Reject all").click()
    person.login().code()
    person.arrives()


def test_a_sign_up_form_comes_first(person):
    person.switch("signup_first")
    labels = person.page.locator("form").first.locator("label").all_inner_texts()
    assert labels == ["Full name", "Email", "Phone number", "Create a password"]
    person.credentials().code()
    person.arrives()
    assert person.twin.counters["signup"] == 0


def latin(page):
    """The Latin letters that a person can read."""
    return [
        letter
        for letter in page.locator("[data-page]").inner_text()
        if letter.isascii() and letter.isalpha()
    ]


def test_another_language(person):
    person.switch("other_language")
    expect(person.page.get_by_label("पासवर्ड")).to_be_visible()
    assert latin(person.page) == []
    person.user().password()
    person.page.locator("button").click()
    expect(person.page.locator("input[type=number]")).to_be_visible()
    assert latin(person.page) == []
    person.code()
    person.arrives()


@pytest.mark.parametrize("scenario", ["redesign", "redesign_other_language"])
def test_a_redesign(person, scenario):
    person.switch(scenario)
    if scenario == "redesign":
        person.page.get_by_role("button", name="Reject all").click()
    fields = person.page.locator("form:not([data-first]) input")
    assert fields.evaluate_all("all => all.map(one => one.autocomplete)") == [
        "current-password",
        "username",
    ]
    person.user("[autocomplete=username]").password("[autocomplete=current-password]")
    old = "#container, #userid, #password, .su-input-label, .button-orange, .login-form, .forgot-link, [label]"
    expect(person.page.locator(old)).to_have_count(0)
    assert (latin(person.page) == []) == (scenario != "redesign")
    person.page.locator("form:not([data-first]) button[type=submit]").click()
    expect(person.page.locator("[autocomplete=one-time-code][type=number]")).to_be_visible()
    expect(person.page.locator(old)).to_have_count(0)
    person.code("[autocomplete=one-time-code]")
    person.arrives()


def test_a_redesign_keeps_its_labels(person):
    person.switch("redesign")
    person.page.get_by_label("Phone number or User ID").fill(person.twin.user_id)
    person.page.get_by_label("Password", exact=True).fill(person.twin.credentials["password"])
    person.page.get_by_role("button", name="Reject all").click()
    person.login()
    expect(person.page.get_by_label("External TOTP")).to_be_visible()


def test_nothing_to_find(person):
    person.switch("no_fields")
    expect(person.page.locator("canvas")).to_be_visible()
    expect(person.page.locator("input, button, label, form")).to_have_count(0)


def test_two_equal_forms(person):
    person.switch("ambiguous")
    expect(person.page.locator("form")).to_have_count(2)
    first, second = (
        form.evaluate("form => form.outerHTML") for form in person.page.locator("form").all()
    )
    assert first == second.replace(' action="/elsewhere"', "")


# What stands in the way


def test_a_captcha_instead_of_the_form(person):
    person.switch("captcha")
    expect(person.page.locator("iframe[title=reCAPTCHA]")).to_be_visible()
    expect(person.page.locator("input")).to_have_count(0)
    person.page.frame_locator("iframe").get_by_role("checkbox").click()
    person.credentials().code()
    person.arrives()


def test_a_captcha_over_the_form(person):
    person.switch("captcha_over_form").user()
    with pytest.raises(Exception, match="intercepts pointer events"):
        person.page.get_by_role("button", name="Login").click(timeout=MOMENT)
    person.page.frame_locator("iframe").get_by_role("checkbox").click()
    person.credentials().code()
    person.arrives()


def test_a_captcha_that_clears(person):
    stop_the_clock(person.page)
    person.switch("captcha_clears")
    expect(person.page.locator("iframe[title=reCAPTCHA]")).to_be_visible()
    person.page.clock.run_for(2900)
    expect(person.page.locator("iframe")).to_have_count(1)
    person.page.clock.run_for(200)
    expect(person.page.locator("iframe")).to_have_count(0)
    person.credentials().code()
    person.arrives()


def test_consent_on_first_use(person):
    person.switch("first_use").credentials().code()
    person.page.wait_for_url("**/connect/authorize?*")
    person.page.get_by_role("button", name="Authorize").click()
    person.arrives()
    assert person.twin.counters["authorize"] == 1


def test_consent_can_be_cancelled(person):
    person.switch("first_use").credentials().code()
    person.page.get_by_text("Cancel").click()
    person.page.wait_for_url("**/callback/zerodha*")
    expect(person.page.get_by_role("cell", name="cancelled")).to_be_visible()
    assert person.twin.codes_issued == []


def test_an_unknown_page_after_the_code(person):
    person.switch("interstitial").credentials().code()
    person.page.wait_for_url("**/connect/notice?*")
    expect(person.page.get_by_role("heading", name="Add a nominee")).to_be_visible()
    assert person.twin.codes_issued == []
    person.page.get_by_text("Remind me later").click()
    person.arrives()


def test_a_live_session_shows_no_form(person):
    person.switch("live_session")
    person.arrives()
    assert person.twin.counters["login"] == 0


@pytest.mark.parametrize(
    ("scenario", "calls", "step"),
    [
        ("broker_502_at_login", "login", lambda person: person.credentials()),
        ("429_at_twofa", "twofa", lambda person: person.credentials().code()),
    ],
)
def test_a_gateway_error_in_an_xhr_shows_on_the_page(person, scenario, calls, step):
    step(person.switch(scenario))
    person.sees_error("Something went wrong. Please try again later.")
    expect(person.page.locator("button[type=submit]")).to_be_enabled()
    assert person.twin.counters[calls] == 1


# How the redirect comes


@pytest.mark.parametrize(
    "scenario",
    [
        "redirect_303",
        "redirect_307",
        "redirect_chain",
        "redirect_js",
        "redirect_meta",
        "redirect_form_post",
    ],
)
def test_redirects_in_the_same_window(person, scenario):
    person.switch(scenario).credentials().code()
    person.arrives()
    expect(person.page.get_by_role("cell", name="n1", exact=True)).to_be_visible()


def test_a_posted_code_is_in_the_body_only(person):
    posts = []
    person.page.on(
        "request", lambda request: posts.append(request) if "/callback/" in request.url else None
    )
    person.switch("redirect_form_post").credentials().code()
    person.arrives()
    assert (posts[0].method, "request_token" in posts[0].url) == ("POST", False)
    assert f"request_token={person.twin.codes_issued[0]}" in posts[0].post_data


def test_a_code_in_the_fragment(person):
    person.switch("redirect_fragment").credentials().code()
    person.page.wait_for_url("**/callback/zerodha#*")
    assert f"request_token={person.twin.codes_issued[0]}" in person.page.url


@pytest.mark.parametrize("scenario", ["redirect_popup", "redirect_popup_302"])
def test_redirects_in_a_popup(person, scenario):
    person.switch(scenario)
    with person.page.expect_popup() as popup:
        person.credentials().code()
    popup.value.wait_for_url("**/callback/zerodha?*")
    assert person.twin.codes_issued[0] in popup.value.url
    assert "/callback/" not in person.page.url


def test_no_page_asks_for_anything_elsewhere(person):
    hosts = set()
    person.page.on("request", lambda request: hosts.add(request.url.split("/")[2].split(":")[0]))
    person.switch("first_use").credentials().code()
    person.page.get_by_role("button", name="Authorize").click()
    person.arrives()
    assert hosts == {"127.0.0.1"}


# The index page


def test_a_person_switches_scenarios_on_the_index(person, sandbox):
    person.page.goto(sandbox.index_url)
    expect(person.page.locator("pre")).to_contain_text("broker: zerodha")
    person.page.get_by_label("wrong_password").check()
    person.page.get_by_role("button", name="Switch on what is ticked").click()
    expect(person.page.get_by_label("wrong_password")).to_be_checked()
    assert person.twin.scenarios == ("wrong_password",)
    person.twin.counters["login"] = 2
    person.page.get_by_role("button", name="Reset").click()
    expect(person.page.get_by_text("calls of login")).to_have_count(0)
    assert person.twin.counters["login"] == 0


def test_the_index_works_without_script(browser, sandbox):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(sandbox.index_url)
    page.get_by_label("locked").check()
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_label("locked")).to_be_checked()
    assert sandbox.twins["zerodha"].scenarios == ("locked",)
    context.close()
