"""What Upstox's twin can be told to do."""

from __future__ import annotations

from dataclasses import dataclass

from autologin.sandbox.scenarios import CLOCK, HANG_UP, REDIRECT, Behaviour, Failure, Scenario, failing, scenario

PLACES = {
    "dialog": "visit to the dialog",
    "login_page": "visit to the login site",
    "generate": "mobile number",
    "verify": "one-time password",
    "pin": "PIN",
    "authorize": "call that allows the app",
    "forward": "hop on the way back",
    "exchange": "exchange",
    "profile": "profile call",
}


@dataclass(frozen=True)
class UpstoxBehaviour(Behaviour):
    """What only Upstox's twin can do."""

    door: str = ""
    """Why the dialog does not open: access_denied, or the code of its JSON error."""
    totp_enabled: bool = True
    wrong_mobile: bool = False
    refused_codes: str = ""
    """Right codes that are refused all the same: all, or the first."""
    strikes: int = 0
    """Wrong codes that were there before; the twin then says how many attempts are left."""
    verify_seconds: float = 0.0
    """How long the answer to a code takes."""
    wrong_pin: bool = False
    locked: bool = False
    shape: str = "error"
    """How the login service says no: error, errors, in_200."""
    blocked: str = ""
    """What Cloudflare blocks after the PIN: call (its page has no CORS headers), readable_call, page."""
    gateway: str = "json"
    """What a failing call of the login service answers: json, or html without CORS headers."""
    first_use: bool = False
    denied: bool = False
    straight: bool = False
    """Whether the login service names the app's own redirect URI, without a hop between."""
    wrong_secret: bool = False
    inactive_segments: bool = False
    burns_code_at_502: bool = False
    token: str = "jwt"  # noqa: S105  (a kind)
    """What an access_token is: jwt, jwt_without_end, opaque."""
    extended: bool = False
    dead_token: bool = False
    profile: str = ""
    """The code with which the profile refuses every token, or html."""


FORMS = {
    "no_auto_advance": scenario("A code is sent by the button only", page={"autoOtp": False}),
    "auto_advance_pin": scenario("The PIN sends itself too", page={"autoPin": True}),
    "listens_to_keys": scenario("The pages notice digits by their keys only", page={"event": "keyup"}),
    "double_submit_counts": scenario(
        "The sixth digit sends the code after a moment, and the button sends it again, which is refused",
        page={"lag": 300, "guard": False},
        verify_seconds=0.3,
    ),
    "six_box_pin": scenario("The PIN has a box for each digit", page={"pin": "six"}),
    "six_box_pin_auto": scenario("The same, and the sixth digit sends it", page={"pin": "six", "autoPin": True}),
    "six_box_both": scenario("The code and the PIN have a box for each digit", page={"pin": "six_tel", "otp": "six"}),
    "formless": scenario("There is no form around the fields", page={"formless": True}),
    "reused_input": scenario("The page uses one and the same element for all fields", page={"reused": True}),
    "plain_mobile": scenario("The number's field is type=text without a length", page={"mobile": "text"}),
    "number_mobile": scenario("The number's field is type=number", page={"mobile": "number"}),
    "says_sent": scenario("The page says that an OTP was sent to the mobile number, but TOTP is enabled", page={"sent": True}),
    "slow_spa": scenario("The fields appear after 5, 1 and 2 s", page={"delays": {"mobile": 5, "otp": 1, "pin": 2}}),
    "keeps_old_field": scenario("Each form stays for 700 ms beside the next", page={"keepOld": 700}),
    "keeps_all_forms": scenario("The forms stay, one below the other", page={"keepOld": 60_000}),
    "qr_first": scenario("The login site offers a QR code first", page={"qr": True}),
    "cookie_banner": scenario("A cookie banner covers the button", page={"banner": True}),
    "signup_first": scenario("A sign-up form with a mobile number comes before the login form", page={"signup": True}),
    "other_language": scenario("Every text is Hindi, and a code takes 0.6 s", page={"lang": "hi"}, verify_seconds=0.6),
    "redesign": scenario(
        "New ids, classes and order; a cookie banner on top, a sign-up form first; labels, autocomplete and types stay",
        page={"look": "fresh", "banner": True, "signup": True},
    ),
    "redesign_other_language": scenario(
        "New ids and classes, and every text is Hindi; autocomplete and types stay", page={"look": "fresh", "lang": "hi"}
    ),
    "reused_other_language": scenario(
        "One element for all fields, and every text is Hindi; a code takes 0.6 s",
        page={"reused": True, "lang": "hi"},
        verify_seconds=0.6,
    ),
    "other_paths": scenario("The login service has newer paths", page={"paths": "other"}),
    "foreign_service": scenario("The login service is on another site", page={"foreign": True}),
    "no_fields": scenario("The form is painted: there is no field to find", page={"layout": "no_fields"}),
    "ambiguous": scenario("Two equal login forms", page={"layout": "two_forms"}),
}

ANSWERS = {
    "first_use": scenario("The app was never allowed: a page with Allow and Deny", first_use=True),
    "wrong_mobile": scenario("The mobile number is not known", wrong_mobile=True),
    "sms_only": scenario("TOTP is not enabled: an OTP goes out by SMS", totp_enabled=False),
    "wrong_code": scenario("Every code is refused", refused_codes="all"),
    "wrong_code_once": scenario("The first code is refused, the next right one is not", refused_codes="first"),
    "few_attempts_left": scenario("The first code is refused, and two attempts are left", refused_codes="all", strikes=2),
    "wrong_pin": scenario("Every PIN is refused", wrong_pin=True),
    "wrong_pin_errors": scenario("The same, in the other shape of an error", wrong_pin=True, shape="errors"),
    "wrong_pin_in_200": scenario("The same, in an answer with status 200", wrong_pin=True, shape="in_200"),
    "wrong_code_in_200": scenario("Every code is refused in an answer with status 200", refused_codes="all", shape="in_200"),
    "wrong_pin_elsewhere": scenario(
        "Every PIN is refused, by newer paths on another site", wrong_pin=True, page={"paths": "other", "foreign": True}
    ),
    "wrong_mobile_elsewhere": scenario(
        "The mobile number is not known to a login service on another site", wrong_mobile=True, page={"foreign": True}
    ),
    "locked": scenario("The account is blocked", locked=True),
    "captcha": scenario("A captcha stands in place of the form", page={"captcha": "instead"}),
    "captcha_over_form": scenario("A captcha covers the form", page={"captcha": "over"}),
    "captcha_clears": scenario("A captcha covers the form and goes by itself after 3 s", page={"captcha": "clears"}),
    "interstitial": scenario("A page that nobody has seen before comes after the PIN", page={"then": "notice"}),
    "pin_not_set": scenario("A PIN has to be created first", page={"then_otp": "create_pin"}),
    "blocked_after_pin": scenario("Cloudflare answers the PIN with its page for error 1010", blocked="call"),
    "blocked_after_pin_readable": scenario("The same, and the login site may read it", blocked="readable_call"),
    "blocked_on_the_way_back": scenario("Cloudflare shows its page for error 1010 after the PIN", blocked="page"),
    "access_denied": scenario("The dialog answers 403 Access Denied", door="access_denied"),
    "unknown_client": scenario("The dialog does not know client_id and redirect_uri: UDAPI100068", door="UDAPI100068"),
    "wrong_client": scenario("The dialog refuses the client: UDAPI100069", door="UDAPI100069"),
    "invalid_credentials": scenario("The dialog says invalid credentials: UDAPI100016", door="UDAPI100016"),
    "no_redirect": scenario("The PIN is accepted, and then nothing happens", page={"then": "nothing"}),
    "denied": scenario("The redirect says error=access_denied", denied=True),
    "straight_redirect": scenario("The login service names the app's redirect URI itself", straight=True),
    "service_502_html": scenario(
        "The first PIN is answered 502 by a gateway, without CORS headers", failures={"pin": Failure(502)}, gateway="html"
    ),
    "service_hangs_up": scenario("The first PIN gets no answer", failures={"pin": Failure(HANG_UP)}),
}

TOKENS = {
    "exchange_hangs_once": scenario(
        "The first exchange is cut off without an answer; the code still counts", failures={"exchange": Failure(HANG_UP)}
    ),
    "exchange_refused_after_502": scenario(
        "The first exchange answers 502 and uses up the code; a new login's code is fine", burns_code_at_502=True
    ),
    "wrong_secret": scenario("The client_secret is refused: UDAPI100069", wrong_secret=True),
    "inactive_segments": scenario("No segment of the account is active: no token", inactive_segments=True),
    "jwt_without_end": scenario("The token does not say when it ends", token="jwt_without_end"),  # noqa: S106  (a kind)
    "opaque_token": scenario("The token is no JWT", token="opaque"),  # noqa: S106  (a kind)
    "extended_token": scenario("An extended_token comes with the token", extended=True),
    "dead_token": scenario("The new token is refused at once: UDAPI100050", dead_token=True),
    "profile_1221": scenario("The profile refuses an address that is not registered: UDAPI1221", profile="UDAPI1221"),
    "profile_403_html": scenario("The profile answers 403 with a page instead of JSON", profile="html"),
    "profile_429": scenario("The profile always answers 429", failures={"profile": Failure(429, always=True, retry_after=1)}),
}

SCENARIOS: dict[str, Scenario] = {**FORMS, **ANSWERS, **TOKENS, **failing(PLACES), **CLOCK, **REDIRECT}
