"""The scenarios of Fyers' twin.

Where public sources differ about the real site, each way is one of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from autologin.sandbox.scenarios import (
    HANG_UP,
    Failure,
    PageBehaviour,
    Scenario,
    common,
    failing,
    scenario,
)

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
class FyersBehaviour(PageBehaviour):
    """What only Fyers' twin can do.

    `locked` says how a blocked account is told: words, or flag. `first_use` may be `refused`: the
    app may not be allowed. `denied` is what a denial looks like in the redirect: s (s=error), error
    (error=access_denied), bare (no code at all). `door` may be the words of the error page.
    """

    locked: str = ""
    denied: str = ""
    totp_enabled: bool = True
    unknown_id: bool = False
    words_left: bool = True
    """Whether the words of a refusal tell how many attempts are left then."""
    wrong_pin: bool = False
    status: int = 400
    """The HTTP status of a refusal."""
    refuses_code: bool = False
    token: str = "jwt"  # noqa: S105  (a kind)
    """What an access_token is: jwt, or opaque."""
    refresh: str = "off"
    """What becomes of a refresh: off, on, rotates."""
    profile: str = ""
    """What the profile says to every token: html, or another."""


FORMS = {
    "older_skin": scenario(
        "A link leads to the client id, in place of the tabs", page={"skin": "link"}
    ),
    "client_id_first": scenario("The client id is asked for at once", page={"skin": "id"}),
    "older_pin_wrapper": scenario(
        "The PIN stands in #verify-pin-page", page={"pinWrapper": "verify-pin-page"}
    ),
    "single_code_box": scenario("The TOTP has one box", page={"code": "one"}),
    "no_auto_advance": scenario("The boxes do not move the focus on", page={"advance": False}),
    "no_autosubmit": scenario("The PIN is sent by its button only", page={"sendsItself": False}),
    "autosubmit_code": scenario("The sixth digit sends the TOTP", page={"sendsItself": True}),
    "v1_paths": scenario(
        "The page calls the older services, with plain values", page={"paths": "v1"}
    ),
    "v3_paths": scenario("The page calls the newest services", page={"paths": "v3"}),
    "late_script": scenario(
        "The form is there 1.5 s before the script that listens to it", page={"lateScript": True}
    ),
    "deaf_link": scenario(
        "The first press of the link to the client id is lost", page={"skin": "link", "deaf": 1}
    ),
    "slow_spa": scenario(
        "The fields appear after 4, 1 and 2 s", page={"delays": {"id": 4, "code": 1, "pin": 2}}
    ),
    "rendered_twice": scenario(
        "The form is there twice, once for small screens and hidden", page={"cloned": True}
    ),
}

ANSWERS = {
    "first_use_tick": scenario(
        "The same, and the tick enables the button", first_use=True, page={"allowOnTick": True}
    ),
    "first_use_continue": scenario(
        "The same, and the button says Continue", first_use=True, page={"allow": "Continue"}
    ),
    "first_use_refused": scenario(
        "The same, and pressing it is refused in an answer that the page keeps",
        expect="redirect_timeout",
        first_use="refused",
    ),
    "first_use_authorize": scenario(
        "The same, and the button says Authorize", first_use=True, page={"allow": "Authorize"}
    ),
    "unknown_id": scenario(
        "The client id is not known", expect="credentials_rejected", unknown_id=True
    ),
    "sms_only": scenario(
        "TOTP is not enabled: an OTP goes out by SMS and e-mail",
        expect="otp_not_available",
        totp_enabled=False,
    ),
    "wrong_code_in_200": scenario(
        "Every code is refused in an answer with status 200",
        expect="otp_rejected",
        refused_codes="all",
        status=200,
    ),
    "few_attempts_by_count": scenario(
        "The first code is refused, and two attempts are left, told by the count of failed attempts only",
        expect="otp_rejected",
        refused_codes="all",
        strikes=2,
        words_left=False,
    ),
    "wrong_pin": scenario("Every PIN is refused", expect="credentials_rejected", wrong_pin=True),
    "wrong_pin_in_200": scenario(
        "Every PIN is refused in an answer with status 200",
        expect="credentials_rejected",
        wrong_pin=True,
        status=200,
    ),
    "wrong_pin_v1": scenario(
        "Every PIN is refused, by the older services",
        expect="credentials_rejected",
        wrong_pin=True,
        page={"paths": "v1"},
    ),
    "locked": scenario(
        "The account is blocked, say the words", expect="account_locked", locked="words"
    ),
    "locked_flag": scenario(
        "The account is blocked, says a flag beside other words",
        expect="account_locked",
        locked="flag",
    ),
    "captcha": scenario(
        "A captcha that nobody solves keeps the button disabled",
        expect="captcha_required",
        page={"turnstile": "stays"},
    ),
    "captcha_clears": scenario(
        "A captcha passes by itself after 3 s", page={"turnstile": "clears"}
    ),
    "captcha_passes": scenario(
        "A captcha passes at once and stays in sight", page={"turnstile": "passes"}
    ),
    "change_pin": scenario(
        "A new PIN has to be chosen", expect="page_changed", page={"then": "change_pin"}
    ),
    "unknown_app": scenario(
        "The app is not known: the error page",
        expect="credentials_rejected",
        door="invalid appType",
    ),
    "denied": scenario("The redirect says s=error", expect="consent_required", denied="s"),
    "denied_as_oauth": scenario(
        "The redirect says error=access_denied", expect="consent_required", denied="error"
    ),
    "no_code": scenario(
        "The redirect carries code=200 and no auth_code", expect="exchange_rejected", denied="bare"
    ),
    "vagator_hangs_up": scenario(
        "The first PIN gets no answer", failures={"pin": Failure(HANG_UP)}
    ),
}

TOKENS = {
    "refused_code": scenario(
        "The code is refused: -16", expect="exchange_rejected", refuses_code=True
    ),
    "refused_in_200": scenario(
        "The code is refused in an answer with status 200",
        expect="exchange_rejected",
        refuses_code=True,
        status=200,
    ),
    "opaque_token": scenario("The token is no JWT", token="opaque"),  # noqa: S106  (a kind)
    "refresh_works": scenario("A refresh token is given, and works", refresh="on"),
    "refresh_rotates": scenario("A refresh gives a new refresh token too", refresh="rotates"),
    "other_user": scenario("The token is another user's", expect="wrong_account", profile="other"),
    "profile_403_html": scenario(
        "The profile answers 403 with a page instead of JSON", profile="html"
    ),
}

CALLS = failing(PLACES, exchange="exchange", proof="profile")
WITHOUT = (
    "wrong_password",  # a PIN is asked for: wrong_pin
    "wrong_account",  # Fyers' own name for it is older: other_user
)
SCENARIOS: dict[str, Scenario] = {**common(WITHOUT), **FORMS, **ANSWERS, **TOKENS, **CALLS}
