"""The flows `oauth2` and `icici_oauth` in real Chromium against their twins: every scenario, and what becomes of it."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
import pytest
from kit import SkippingClock, leaks, rehearsal, secrets_of

from autologin import log
from autologin.clock import IST
from autologin.sandbox.brokers.icici_oauth import IciciOAuth
from autologin.sandbox.brokers.oauth2.scenarios import SCENARIOS

ISSUED = {
    *("single_page_app", "two_screens", "two_screens_app", "code_with_password", "six_boxes", "code_sends_itself"),
    "code_waits_for_its_button",
    *("placeholders_only", "css_only", "own_words", "terms_to_tick", "slow_form", "cookie_banner", "signup_first"),
    *("other_language", "redesign", "redesign_other_language", "no_second_factor", "code_never_asked", "sms_first"),
    *("live_session", "first_use", "first_use_yes", "first_use_continue", "wrong_code_once", "wrong_code_once_with_password"),
    *("captcha_clears", "no_pkce", "public_client", "basic_auth", "no_expires_in", "expires_in_text", "jwt_token"),
    *("ends_at_six", "ends_after_seconds", "no_refresh_token", "refresh_rotates", "refresh_refused", "exchange_hangs_once"),
    *("profile_nested", "profile_absent", "profile_403", "profile_html"),
    *("broker_502_at_authorize", "429_at_authorize", "broker_502_at_login", "429_at_login", "broker_502_at_code"),
    *("429_at_code", "broker_502_at_finish", "429_at_finish", "broker_502_at_token", "429_at_token"),
    *("broker_502_at_profile", "broker_502_at_profile_always", "429_at_profile"),
    *("clock_behind", "clock_ahead", "no_date_header", "code_reuse"),
    *("redirect_303", "redirect_307", "redirect_chain", "redirect_js", "redirect_meta", "redirect_form_post"),
    *("redirect_fragment", "redirect_popup", "redirect_popup_302"),
}
FAILED = {
    "no_fields": "page_changed",
    "code_without_seed": "otp_not_available",
    "sms_only": "otp_not_available",
    "wrong_password": "credentials_rejected",
    "wrong_password_401": "credentials_rejected",
    "wrong_password_app": "credentials_rejected",
    "wrong_password_words": "credentials_rejected",
    "unknown_user_words": "credentials_rejected",
    "wrong_code": "otp_rejected",
    "wrong_code_app": "otp_rejected",
    "wrong_code_words": "otp_rejected",
    "wrong_code_with_password": "otp_rejected",
    "few_attempts_left": "otp_rejected",
    "locked": "account_locked",
    "locked_words": "account_locked",
    "captcha": "captcha_required",
    "interstitial": "page_changed",
    "access_denied": "page_changed",
    "unknown_client": "credentials_rejected",
    "unknown_client_json": "credentials_rejected",
    "unknown_client_oops": "credentials_rejected",
    "unknown_redirect_uri": "credentials_rejected",
    "no_redirect": "redirect_timeout",
    "denied": "consent_required",
    "redirect_error": "exchange_rejected",
    "basic_auth_not_told": "exchange_rejected",
    "wrong_secret": "exchange_rejected",
    "wrong_account": "wrong_account",
    "dead_token": "token_rejected",
    "state_lost": "state_mismatch",
    "state_wrong": "state_mismatch",
    "expired_code": "exchange_rejected",
    "broker_502_at_authorize_always": "broker_unavailable",
    "broker_502_at_login_always": "broker_unavailable",
    "broker_502_at_code_always": "broker_unavailable",
    "broker_502_at_finish_always": "broker_unavailable",
    "broker_502_at_token_always": "broker_unavailable",
}
BLOCKS = {"credentials_rejected", "otp_rejected", "account_locked"}
ENDS = {"jwt_token": 3600, "no_expires_in": None, "expires_in_text": 5400, "ends_at_six": None, "ends_after_seconds": 7200}
"""Seconds that a token lives, where it is not the twin's own number; None: until 06:00 in India."""
AGAIN = {"exchange_hangs_once", "broker_502_at_token", "429_at_token"}


@pytest.fixture
async def walked(tmp_path):
    """Run an account with scenarios on; afterwards nothing secret may stand anywhere but in the token's file."""
    heard, kept = io.StringIO(), []
    log.configure(verbose=True, stream=heard)

    async def walk(*scenarios, broker="oauth2", change=None, **options):
        clock = SkippingClock()
        context = rehearsal(tmp_path, *scenarios, broker=broker, clock=clock)
        served = await context.__aenter__()
        kept.append((context, served))
        if change:
            served.change(lambda data: change(data["accounts"][broker]))
        return served, await served.run(clock, **options)

    yield walk
    for context, served in kept:
        secrets = [*secrets_of(served.twin), *served.twin.tokens, *served.twin.refresh_tokens]
        assert leaks(secrets, [heard.getvalue(), tmp_path / "state"]) == []
        await context.__aexit__(None, None, None)


def in_file(served):
    return json.loads(served.token_file.read_text())


def test_every_scenario_has_its_expectation():
    assert ISSUED.isdisjoint(FAILED)
    assert ISSUED | FAILED.keys() == SCENARIOS.keys()
    assert ENDS.keys() <= ISSUED


CASES = [("oauth2", name) for name in SCENARIOS] + [("icici_oauth", name) for name in IciciOAuth.table]


@pytest.mark.parametrize(("broker", "scenario"), [case for case in CASES if case[1] in ISSUED])
async def test_a_token_is_issued_all_the_same(walked, broker, scenario):
    served, outcome = await walked(scenario, broker=broker)
    twin = served.twin
    assert (outcome.outcome, outcome.error) == ("issued", None)
    token = in_file(served)
    assert token["access_token"] in twin.tokens
    assert token["user_id"] == twin.user_id
    assert twin.counters["callback"] == twin.counters["signup"] == 0
    assert len(set(twin.otps)) == len(twin.otps), "a code was sent twice"
    assert len(twin.codes_exchanged) == len(set(twin.codes_exchanged)) + (scenario in AGAIN)
    assert twin.counters["login"] <= 2
    seconds = ENDS.get(scenario, twin.lifetime)
    issued, ends = (datetime.fromisoformat(token[key]) for key in ("issued_at", "expires_at"))
    if seconds is None:
        assert ends.astimezone(IST).strftime("%H:%M:%S") == "06:00:00"
    else:
        assert abs(ends - issued - timedelta(seconds=seconds)) < timedelta(seconds=5)
    assert token["extra"].keys() == ({"client_id", "refresh_token"} if scenario != "no_refresh_token" else {"client_id"})


@pytest.mark.parametrize(("broker", "scenario"), [case for case in CASES if case[1] in FAILED])
async def test_a_login_fails_by_its_name(walked, broker, scenario):
    served, outcome = await walked(scenario, broker=broker)
    twin, name = served.twin, FAILED[scenario]
    assert (outcome.outcome, outcome.error.name) == ("failed", name)
    assert outcome.error.hint
    assert not served.token_file.exists()
    assert twin.counters["callback"] == 0
    assert len(set(twin.otps)) == len(twin.otps), "a code was sent twice"
    if name in {"credentials_rejected", "account_locked"}:
        assert twin.counters["login"] <= 1
    if scenario in {"wrong_secret", "basic_auth_not_told"}:
        assert "client_secret" in outcome.error.message
    if name in BLOCKS:
        calls = twin.counters.copy()
        assert (await served.run(served.twin.clock)).error.name == "account_blocked"
        assert twin.counters == calls


async def test_a_plain_login_sends_what_the_standard_says(walked):
    served, outcome = await walked()
    assert outcome.outcome == "issued"
    twin = served.twin
    asked = parse_qs(next(seen.query for seen in twin.seen if seen.path == "/oauth/authorize"))
    assert asked.keys() == {
        *("client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge", "code_challenge_method")
    }
    assert (asked["scope"], asked["code_challenge_method"]) == (["profile orders"], ["S256"])
    sent = parse_qs(next(seen.body for seen in twin.seen if seen.path == "/oauth/token").decode())
    assert list(sent) == ["grant_type", "code", "client_id", "client_secret", "redirect_uri", "code_verifier"]
    assert sent["client_secret"] == [twin.client_secret]


async def test_icicis_plain_login_sends_what_the_notes_say(walked):
    served, outcome = await walked(broker="icici_oauth")
    assert outcome.outcome == "issued"
    twin = served.twin
    asked = parse_qs(next(seen.query for seen in twin.seen if seen.path == "/oauth/authorize"))
    assert list(asked) == ["client_id", "redirect_uri", "response_type", "scope", "state"]
    assert asked["scope"] == ["trading"]
    sent = parse_qs(next(seen.body for seen in twin.seen if seen.path == "/oauth/token").decode())
    assert list(sent) == ["grant_type", "code", "client_id", "client_secret", "redirect_uri"]


def refreshing(account):
    account["refresh"] = True


@pytest.mark.parametrize("broker", ["oauth2", "icici_oauth"])
@pytest.mark.parametrize("scenario", [(), ("refresh_rotates",)])
async def test_a_refresh_needs_no_login(walked, broker, scenario):
    served, _ = await walked(*scenario, broker=broker, change=refreshing)
    first = in_file(served)
    assert (await served.run(served.twin.clock, force=True)).outcome == "issued"
    second = in_file(served)
    assert served.twin.counters["login"] == served.twin.counters["refresh"] == 1
    assert second["access_token"] != first["access_token"]
    kept = second["extra"]["refresh_token"] == first["extra"]["refresh_token"]
    assert kept is not bool(scenario)


async def test_a_refused_refresh_is_followed_by_a_login(walked):
    served, _ = await walked("refresh_refused", broker="icici_oauth", change=refreshing)
    assert (await served.run(served.twin.clock, force=True)).outcome == "issued"
    assert (served.twin.counters["refresh"], served.twin.counters["login"]) == (1, 2)


async def test_authorize_false_leaves_the_consent_to_a_person(walked):
    served, outcome = await walked("first_use", change=lambda account: account.update(authorize=False))
    assert outcome.error.name == "consent_required"
    assert served.twin.counters["consent"] == 0


async def test_a_second_run_verifies_once(walked):
    served, _ = await walked()
    assert (await served.run(served.twin.clock)).outcome == "still_valid"
    assert (served.twin.counters["login"], served.twin.counters["profile"]) == (1, 2)


async def by_a_person(twin, url):
    """Where somebody's own browser ends, by the calls that it would make."""
    async with httpx.AsyncClient() as web:
        page = await web.get(url)
        login = urlsplit(page.headers["location"])
        (tx,) = parse_qs(login.query)["tx"]
        base = url.split("/oauth/")[0]
        await web.post(f"{base}/login", data={"tx": tx, "username": twin.user_id, "password": twin.user.password})
        await web.post(f"{base}/code", data={"tx": tx, "otp": pyotp.TOTP(twin.totp_secret).at(twin.now())})
        return (await web.get(f"{base}/finish", params={"tx": tx})).headers["location"]


@pytest.mark.parametrize(
    ("broker", "scenario"),
    [
        ("oauth2", "no_pkce"),
        ("oauth2", "single_page_app"),
        ("oauth2", "public_client"),
        ("icici_oauth", "single_page_app"),
    ],
)
async def test_the_walk_by_hand(tmp_path, broker, scenario):
    async with rehearsal(tmp_path, scenario, broker=broker) as served:
        shown = await served.user.says("login-url", broker)
        ended = await by_a_person(served.twin, shown.out.strip())
        done = await served.user.says("exchange", broker, "--json", stdin=ended + "\n")
        assert (done.account["outcome"], done.account["error"]) == ("issued", None)


async def test_a_login_by_hand_that_autologin_did_not_start_cannot_answer_a_challenge(tmp_path):
    async with rehearsal(tmp_path, "public_client", broker="oauth2") as served:
        done = await served.user.says("exchange", "oauth2", "--json", stdin="the-code\n")
        assert (done.code, done.account["error"]) == (3, "exchange_rejected")
        assert "autologin login-url" in done.account["message"]
