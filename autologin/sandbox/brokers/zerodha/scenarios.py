"""What Zerodha's twin can be told to do."""

from __future__ import annotations

from dataclasses import dataclass

from autologin.sandbox.scenarios import CLOCK, HANG_UP, REDIRECT, Behaviour, Failure, Scenario, failing, scenario

OTHER_USER = "ZZ9999"
PLACES = {
    "login_page": "visit to the login page",
    "login": "password",
    "twofa": "one-time password",
    "finish": "call of /connect/finish",
    "exchange": "exchange",
    "profile": "profile call",
}


@dataclass(frozen=True)
class KiteBehaviour(Behaviour):
    """What only Zerodha's twin can do."""

    door: str = ""
    """Why the login page does not open: access_denied, invalid_api_key, user_not_enabled."""
    twofa_types: tuple[str, ...] = ("totp", "app_code")
    """What the account is asked first, then the alternatives."""
    twofa_seconds: float = 0.0
    """How long the answer to a right code takes."""
    refused_codes: str = ""
    """Right codes that are refused all the same: all, or the first."""
    strikes: int = 0
    """Wrong codes that were there before."""
    wrong_password: bool = False
    locked: bool = False
    live_session: bool = False
    first_use: bool = False
    interstitial: bool = False
    user_not_enabled: bool = False
    denied: bool = False
    invalid_checksum: bool = False
    burns_code_at_502: bool = False
    old_token_survives: bool = False
    flushed: bool = False
    dead_token: bool = False
    wrong_account: bool = False
    profile_403_html: bool = False


FORMS = {
    "older_totp": scenario("The code's field is #totp, as in 2021", page={"otp": "older"}),
    "label_only": scenario("Only its label says which field takes the code", page={"otp": "label_only"}),
    "twofa_value": scenario("The code's field is .twofa-value and has no label", page={"otp": "class_only"}),
    "app_code_first": scenario(
        "Kite asks for its app's code first; TOTP is behind a link", twofa_types=("app_code", "totp", "sms")
    ),
    "sms_only": scenario("Kite asks for its app's code; the only other way is SMS or email", twofa_types=("app_code", "sms")),
    "no_autosubmit": scenario("The code is sent by the button only", page={"autosubmit": False}),
    "listens_to_keys": scenario("The form notices the sixth digit by its key only", page={"event": "keyup"}),
    "double_submit_counts": scenario(
        "The sixth digit sends the code after a moment, and the button sends it again, which is refused",
        page={"lag": 300, "guard": False},
        twofa_seconds=0.3,
    ),
    "slow_spa": scenario("The fields appear after 5 s, the code's after 1 s", page={"delays": {"login": 5, "twofa": 1}}),
    "keeps_old_field": scenario("The first form stays for 700 ms beside the second", page={"keepOld": 700}),
    "password_only": scenario("The user id is known and shown as text", page={"layout": "password_only"}),
    "two_screens": scenario("First the user id, then the password", page={"layout": "two_screens"}),
    "prefilled_user": scenario("Another user's id is already in the box", page={"prefilled": OTHER_USER}),
    "remembered_other_user": scenario(
        "Only a password is asked for, and it is another user's; a link changes the user",
        page={"layout": "password_only", "user": OTHER_USER},
    ),
    "cookie_banner": scenario("A cookie banner covers the button", page={"banner": True}),
    "signup_first": scenario("A sign-up form comes before the login form", page={"signup": True}),
    "other_language": scenario("Every text is Hindi", page={"lang": "hi"}),
    "redesign": scenario("New ids, classes and order; labels, autocomplete and types stay", page={"look": "fresh"}),
    "redesign_other_language": scenario(
        "New ids and classes, and every text is Hindi; autocomplete and types stay", page={"look": "fresh", "lang": "hi"}
    ),
    "no_fields": scenario("The form is painted: there is no field to find", page={"layout": "no_fields"}),
    "ambiguous": scenario("Two equal login forms", page={"layout": "two_forms"}),
}

ANSWERS = {
    "live_session": scenario("The browser is signed in already: no form", live_session=True),
    "first_use": scenario("The app was never allowed: a consent page", first_use=True),
    "wrong_password": scenario("Every password is refused", wrong_password=True),
    "wrong_code": scenario("Every code is refused", refused_codes="all"),
    "wrong_code_once": scenario("The first code is refused, the next right one is not", refused_codes="first"),
    "few_attempts_left": scenario("The first code is refused, and two attempts are left", refused_codes="all", strikes=2),
    "locked": scenario("The account is blocked", locked=True),
    "captcha": scenario("A captcha stands in place of the form", page={"captcha": "instead"}),
    "captcha_over_form": scenario("A captcha covers the form", page={"captcha": "over"}),
    "captcha_clears": scenario("A captcha covers the form and goes by itself after 3 s", page={"captcha": "clears"}),
    "interstitial": scenario("A page that nobody has seen before comes after the code", interstitial=True),
    "access_denied": scenario("The login page answers 403 Access Denied", door="access_denied"),
    "invalid_api_key": scenario("The login page does not know the api_key", door="invalid_api_key"),
    "user_not_enabled": scenario("The login page says that the user is not enabled for the app", door="user_not_enabled"),
    "user_not_enabled_at_finish": scenario("The same, but only after the code", user_not_enabled=True),
    "no_redirect": scenario("The code is accepted, and then nothing happens", page={"then": "nothing"}),
    "denied": scenario("The redirect says status=cancelled and has no code", denied=True),
}

TOKENS = {
    "exchange_hangs_once": scenario(
        "The first exchange is cut off without an answer; the code still counts", failures={"exchange": Failure(HANG_UP)}
    ),
    "exchange_refused_after_502": scenario(
        "The first exchange answers 502 and uses up the code; a new login's code is fine", burns_code_at_502=True
    ),
    "invalid_checksum": scenario("Every checksum is refused", invalid_checksum=True),
    "wrong_account": scenario(f"The session and the profile are {OTHER_USER}'s", wrong_account=True),
    "dead_token": scenario("The new token is refused at once", dead_token=True),
    "token_flushed": scenario("A token from before 07:30 IST dies at 07:30", flushed=True),
    "old_token_survives": scenario("A new login does not end the token of the last", old_token_survives=True),
    "profile_429": scenario("The profile always answers 429", failures={"profile": Failure(429, always=True, retry_after=1)}),
    "profile_403_html": scenario("The profile answers 403 with a page instead of JSON", profile_403_html=True),
}

SCENARIOS: dict[str, Scenario] = {**FORMS, **ANSWERS, **TOKENS, **failing(PLACES), **CLOCK, **REDIRECT}
