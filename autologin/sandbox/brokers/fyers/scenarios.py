"""The scenarios of Fyers' twin. Where public sources differ about the real site, each way is one of them."""

from __future__ import annotations

from dataclasses import dataclass

from autologin.sandbox.scenarios import CLOCK, HANG_UP, REDIRECT, Behaviour, Failure, Scenario, failing, scenario

PLACES = {
    "login_page": "login page",
    "send": "client id",
    "verify": "one-time password",
    "pin": "PIN",
    "token": "call that fetches the redirect",
    "exchange": "exchange",
    "profile": "profile call",
}


@dataclass(frozen=True)
class FyersBehaviour(Behaviour):
    """What only Fyers' twin can do."""

    door: str = ""
    """Why the login page does not open: access_denied, or the words of the error page."""
    totp_enabled: bool = True
    unknown_id: bool = False
    refused_codes: str = ""
    """Right codes that are refused all the same: all, or the first."""
    strikes: int = 0
    """Wrong entries that were there before."""
    words_left: bool = True
    """Whether the words of a refusal tell how many attempts are left then."""
    verify_seconds: float = 0.0
    wrong_pin: bool = False
    locked: str = ""
    """How a blocked account is told: words, or flag."""
    status: int = 400
    """The HTTP status of a refusal."""
    first_use: bool | str = False
    """Whether the app must be allowed first; `refused`: and may not be."""
    denied: str = ""
    """What a denial looks like in the redirect: s (s=error), error (error=access_denied), bare (no code at all)."""
    burns_code_at_502: bool = False
    wrong_secret: bool = False
    refuses_code: bool = False
    token: str = "jwt"  # noqa: S105  (a kind)
    """What an access_token is: jwt, or opaque."""
    refresh: str = "off"
    """What becomes of a refresh: off, on, rotates."""
    dead_token: bool = False
    profile: str = ""
    """What the profile says to every token: html, or another."""


FORMS = {
    "older_skin": scenario("A link leads to the client id, in place of the tabs", page={"skin": "link"}),
    "client_id_first": scenario("The client id is asked for at once", page={"skin": "id"}),
    "older_pin_wrapper": scenario("The PIN stands in #verify-pin-page", page={"pinWrapper": "verify-pin-page"}),
    "single_code_box": scenario("The TOTP has one box", page={"code": "one"}),
    "no_auto_advance": scenario("The boxes do not move the focus on", page={"advance": False}),
    "no_autosubmit": scenario("The PIN is sent by its button only", page={"autoPin": False}),
    "autosubmit_code": scenario("The sixth digit sends the TOTP", page={"autoCode": True}),
    "listens_to_keys": scenario("The pages notice digits by their keys only", page={"event": "keyup"}),
    "double_submit_counts": scenario(
        "The last digit sends, and the button sends again, which is refused",
        page={"autoCode": True, "guard": False},
        verify_seconds=0.3,
    ),
    "v1_paths": scenario("The page calls the older services, with plain values", page={"paths": "v1"}),
    "v3_paths": scenario("The page calls the newest services", page={"paths": "v3"}),
    "late_script": scenario("The form is there 1.5 s before the script that listens to it", page={"late": True}),
    "deaf_link": scenario("The first press of the link to the client id is lost", page={"skin": "link", "deaf": 1}),
    "slow_spa": scenario("The fields appear after 4, 1 and 2 s", page={"delays": {"id": 4, "code": 1, "pin": 2}}),
    "keeps_old_field": scenario("Each form stays for 700 ms beside the next", page={"keepOld": 700}),
    "rendered_twice": scenario("The form is there twice, once for small screens and hidden", page={"twice": True}),
    "cookie_banner": scenario("A cookie banner covers the button", page={"banner": True}),
    "signup_first": scenario("A sign-up form comes before the login form", page={"signup": True}),
    "other_language": scenario("Every text is Hindi", page={"lang": "hi"}),
    "redesign": scenario(
        "New ids, classes and order; a cookie banner on top, a sign-up form first; labels and types stay",
        page={"look": "fresh", "banner": True, "signup": True},
    ),
    "no_fields": scenario("The form is painted: there is no field to find", page={"skin": "painted"}),
    "ambiguous": scenario("Two equal login forms", page={"skin": "two"}),
}

ANSWERS = {
    "first_use": scenario("The app was never allowed: a page with a box to tick and a button", first_use=True),
    "first_use_tick": scenario("The same, and the tick enables the button", first_use=True, page={"allowOnTick": True}),
    "first_use_continue": scenario("The same, and the button says Continue", first_use=True, page={"allow": "Continue"}),
    "first_use_refused": scenario("The same, and pressing it is refused in an answer that the page keeps", first_use="refused"),
    "first_use_authorize": scenario("The same, and the button says Authorize", first_use=True, page={"allow": "Authorize"}),
    "unknown_id": scenario("The client id is not known", unknown_id=True),
    "sms_only": scenario("TOTP is not enabled: an OTP goes out by SMS and e-mail", totp_enabled=False),
    "wrong_code": scenario("Every code is refused", refused_codes="all"),
    "wrong_code_in_200": scenario("Every code is refused in an answer with status 200", refused_codes="all", status=200),
    "wrong_code_once": scenario("The first code is refused, the next right one is not", refused_codes="first"),
    "few_attempts_left": scenario("The first code is refused, and two attempts are left", refused_codes="all", strikes=2),
    "few_attempts_by_count": scenario(
        "The same, told by the count of failed attempts only", refused_codes="all", strikes=2, words_left=False
    ),
    "wrong_pin": scenario("Every PIN is refused", wrong_pin=True),
    "wrong_pin_in_200": scenario("Every PIN is refused in an answer with status 200", wrong_pin=True, status=200),
    "wrong_pin_v1": scenario("Every PIN is refused, by the older services", wrong_pin=True, page={"paths": "v1"}),
    "locked": scenario("The account is blocked, say the words", locked="words"),
    "locked_flag": scenario("The account is blocked, says a flag beside other words", locked="flag"),
    "captcha": scenario("A captcha that nobody solves keeps the button disabled", page={"captcha": "stays"}),
    "captcha_clears": scenario("A captcha passes by itself after 3 s", page={"captcha": "clears"}),
    "captcha_passes": scenario("A captcha passes at once and stays in sight", page={"captcha": "passes"}),
    "interstitial": scenario("A page that nobody has seen before comes after the PIN", page={"then": "notice"}),
    "change_pin": scenario("A new PIN has to be chosen", page={"then": "change_pin"}),
    "access_denied": scenario("The login page answers 403 Access Denied", door="access_denied"),
    "unknown_app": scenario("The app is not known: the error page", door="invalid appType"),
    "no_redirect": scenario("The PIN is accepted, and then nothing happens", page={"then": "nothing"}),
    "denied": scenario("The redirect says s=error", denied="s"),
    "denied_as_oauth": scenario("The redirect says error=access_denied", denied="error"),
    "no_code": scenario("The redirect carries code=200 and no auth_code", denied="bare"),
    "vagator_hangs_up": scenario("The first PIN gets no answer", failures={"pin": Failure(HANG_UP)}),
}

TOKENS = {
    "exchange_hangs_once": scenario("The first exchange is cut off without an answer", failures={"exchange": Failure(HANG_UP)}),
    "exchange_refused_after_502": scenario(
        "The first exchange answers 502 and uses up the code; a new login's code is fine", burns_code_at_502=True
    ),
    "wrong_secret": scenario("The secret is refused: -371", wrong_secret=True),
    "refused_code": scenario("The code is refused: -16", refuses_code=True),
    "refused_in_200": scenario("The code is refused in an answer with status 200", refuses_code=True, status=200),
    "opaque_token": scenario("The token is no JWT", token="opaque"),  # noqa: S106  (a kind)
    "refresh_works": scenario("A refresh token is given, and works", refresh="on"),
    "refresh_rotates": scenario("A refresh gives a new refresh token too", refresh="rotates"),
    "dead_token": scenario("The new token is refused at once: -16", dead_token=True),
    "other_user": scenario("The token is another user's", profile="other"),
    "profile_403_html": scenario("The profile answers 403 with a page instead of JSON", profile="html"),
    "profile_429": scenario("The profile always answers 429", failures={"profile": Failure(429, always=True, retry_after=1)}),
}

SCENARIOS: dict[str, Scenario] = {**FORMS, **ANSWERS, **TOKENS, **failing(PLACES), **CLOCK, **REDIRECT}
