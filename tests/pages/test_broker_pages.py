"""What scripts that people wrote for the real pages know of them, as it is on the twins' pages."""

from __future__ import annotations

from urllib.parse import urlencode

import pyotp
import pytest
from playwright.sync_api import expect

BROKERS = ["fyers", "icici_breeze", "shoonya"]


@pytest.fixture
def failures(page):
    page.set_default_timeout(5000)
    failed = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    yield failed
    assert failed == []


def otp_of(twin):
    return pyotp.TOTP(twin.totp_secret).at(twin.now())


def test_fyers(page, sandbox, failures):
    twin = sandbox.twins["fyers"]
    query = {
        "client_id": twin.client_id,
        "redirect_uri": twin.redirect_uri,
        "state": "n1",
        "response_type": "code",
    }
    page.goto(f"{twin.origins['api']}/api/v3/generate-authcode?{urlencode(query)}")
    expect(
        page.locator("section#main-login-form #mobile-input-section #mobileIdForm #mobile-code")
    ).to_be_visible()
    expect(page.locator("#clientIdForm")).to_be_hidden()
    page.locator("#clientId_rb").check()
    expect(page.locator("#mobileIdForm")).to_be_hidden()
    expect(page.locator("#clientIdSubmit")).to_be_disabled()
    page.locator("#clientid-input-section #clientIdForm #fy_client_id").fill(twin.user.user_id)
    page.locator("#clientIdSubmit").click()
    expect(page.locator("#verify_totp_content")).to_have_text("Enter a 6 digit TOTP")
    digits = otp_of(twin)
    for name, digit in zip(
        ("first", "second", "third", "fourth", "fifth", "sixth"), digits, strict=True
    ):
        page.locator(f"#confirmOtpForm #otp-container #{name}").press_sequentially(digit)
    page.locator("#confirmOtpSubmit").click()
    boxes = page.locator("#verifyPinForm #pin-container input[type=number].fy-secure-input")
    expect(boxes).to_have_count(4)
    expect(page.locator("#fogot_pin")).to_be_visible()
    expect(page.locator("#verifyPinSubmit")).to_be_disabled()
    boxes.first.focus()
    page.keyboard.type(twin.user.pin)
    page.wait_for_url("**/callback/fyers*")
    assert (twin.counters["verify"], twin.counters["pin"]) == (1, 1)


def test_icici(page, sandbox, failures):
    twin = sandbox.twins["icici_breeze"]
    page.goto(f"{twin.endpoints['login']}/login?{urlencode({'api_key': twin.api_key})}")
    page.locator("#dvloginmain #txtuid").fill(twin.user_id)
    page.locator("#dvloginmain #txtPass").fill(twin.user.password)
    said = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.accept()))
    page.locator("#btnSubmit").click()
    assert said == ["Please accept the terms and conditions"]
    page.locator("#chkssTnc").check()
    page.locator("#btnSubmit").click()
    boxes = page.locator("#dvgetotp #pnlOTP input[tg-nm=otp]")
    expect(boxes).to_have_count(6)
    expect(page.locator("#dvloginmain")).to_have_count(0)
    boxes.first.press_sequentially("1")
    page.locator("#Button1").click()
    assert said[1:] == ["Please enter the valid OTP"]
    boxes.first.fill("")
    boxes.first.focus()
    page.keyboard.type(otp_of(twin))
    page.locator("#Button1").click()
    page.wait_for_url("**/callback/icici_breeze*")
    assert len(twin.otps) == 1


@pytest.mark.parametrize("scenario", ["", "two_screens"])
def test_a_form_of_norens(page, sandbox, failures, scenario):
    twin = sandbox.twins["shoonya"]
    twin.switch(*filter(None, [scenario]))
    page.goto(f"{twin.endpoints['login']}/authorize/oauth?client_id={twin.account['client_id']}")
    page.get_by_label("User Id").fill(twin.user_id)
    page.locator("#lgnpwd[type=password]").fill(twin.account["password"])
    if scenario:
        page.get_by_role("button", name="LOGIN").click()
    page.locator("#lgnotp[maxlength='6']").fill("000000")
    page.get_by_role("button", name="LOGIN").click()
    expect(page.get_by_role("alert")).to_have_text(twin.said_wrong_code)
    expect(page.locator("#lgnotp")).to_have_value("")
    page.locator("#lgnotp").fill(otp_of(twin))
    page.get_by_role("button", name="LOGIN").click()
    page.wait_for_url("**/callback/shoonya*")
