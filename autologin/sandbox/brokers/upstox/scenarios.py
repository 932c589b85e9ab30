"""What Upstox's twin can be told to do."""

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
class UpstoxBehaviour(PageBehaviour):
    """What only Upstox's twin can do."""

    totp_enabled: bool = True
    wrong_mobile: bool = False
    wrong_pin: bool = False
    shape: str = "error"
    """How the login service says no: error, errors, in_200."""
    blocked: str = ""
    """What Cloudflare blocks after the PIN: call (its page has no CORS headers), readable_call,
    page."""
    gateway: str = "json"
    """What a failing call of the login service answers: json, or html without CORS headers."""
    straight: bool = False
    """Whether the login service names the app's own redirect URI, without a hop between."""
    inactive_segments: bool = False
    token: str = "jwt"  # noqa: S105  (a kind)
    """What an access_token is: jwt, jwt_without_end, opaque."""
    extended: bool = False
    profile: str = ""
    """The code with which the profile refuses every token, or html."""


FORMS = {
    "no_auto_advance": scenario("A code is sent by the button only", page={"sendsItself": False}),
    "auto_advance_pin": scenario("The PIN sends itself too", page={"sendsItself": ["otp", "pin"]}),
    "double_submit_counts": scenario(
        "The sixth digit sends the code after a moment, and the button sends it again, which is refused",
        page={"sendsItself": ["otp"], "lag": 300, "guard": False},
        answer_seconds=0.3,
    ),
    "six_box_pin": scenario("The PIN has a box for each digit", page={"pin": "six"}),
    "six_box_pin_auto": scenario(
        "The same, and the sixth digit sends it", page={"pin": "six", "sendsItself": ["otp", "pin"]}
    ),
    "six_box_both": scenario(
        "The code and the PIN have a box for each digit", page={"pin": "six_tel", "code": "six"}
    ),
    "formless": scenario("There is no form around the fields", page={"formless": True}),
    "reused_input": scenario(
        "The page uses one and the same element for all fields", page={"reused": True}
    ),
    "plain_mobile": scenario(
        "The number's field is type=text without a length", page={"mobile": "text"}
    ),
    "number_mobile": scenario("The number's field is type=number", page={"mobile": "number"}),
    "says_sent": scenario(
        "The page says that an OTP was sent to the mobile number, but TOTP is enabled",
        page={"sent": True},
    ),
    "slow_spa": scenario(
        "The fields appear after 5, 1 and 2 s", page={"delays": {"mobile": 5, "otp": 1, "pin": 2}}
    ),
    "keeps_all_forms": scenario("The forms stay, one below the other", page={"keepOld": 60_000}),
    "qr_first": scenario("The login site offers a QR code first", page={"qr": True}),
    "other_language": scenario(
        "Every text is Hindi, and a code takes 0.6 s", page={"lang": "hi"}, answer_seconds=0.6
    ),
    "reused_other_language": scenario(
        "One element for all fields, and every text is Hindi; a code takes 0.6 s",
        page={"reused": True, "lang": "hi"},
        answer_seconds=0.6,
    ),
    "other_paths": scenario("The login service has newer paths", page={"paths": "other"}),
    "foreign_service": scenario(
        "The page sends the code to another site", expect="page_changed", page={"foreign": True}
    ),
}

ANSWERS = {
    "wrong_mobile": scenario(
        "The mobile number is not known", expect="credentials_rejected", wrong_mobile=True
    ),
    "sms_only": scenario(
        "TOTP is not enabled: an OTP goes out by SMS",
        expect="otp_not_available",
        totp_enabled=False,
    ),
    "wrong_pin": scenario("Every PIN is refused", expect="credentials_rejected", wrong_pin=True),
    "wrong_pin_errors": scenario(
        "The same, in the other shape of an error",
        expect="credentials_rejected",
        wrong_pin=True,
        shape="errors",
    ),
    "wrong_pin_in_200": scenario(
        "The same, in an answer with status 200",
        expect="credentials_rejected",
        wrong_pin=True,
        shape="in_200",
    ),
    "wrong_code_in_200": scenario(
        "Every code is refused in an answer with status 200",
        expect="otp_rejected",
        refused_codes="all",
        shape="in_200",
    ),
    "wrong_pin_elsewhere": scenario(
        "Every PIN is refused, by newer paths",
        expect="credentials_rejected",
        wrong_pin=True,
        page={"paths": "other"},
    ),
    "wrong_mobile_elsewhere": scenario(
        "The mobile number is not known to a login service on another site",
        expect="credentials_rejected",
        wrong_mobile=True,
        page={"foreign": True},
    ),
    "pin_not_set": scenario(
        "A PIN has to be created first", expect="page_changed", page={"then_otp": "create_pin"}
    ),
    "blocked_after_pin": scenario(
        "Cloudflare answers the PIN with its page for error 1010",
        expect="broker_unavailable",
        blocked="call",
    ),
    "blocked_after_pin_readable": scenario(
        "The same, and the login site may read it",
        expect="broker_unavailable",
        blocked="readable_call",
    ),
    "blocked_on_the_way_back": scenario(
        "Cloudflare shows its page for error 1010 after the PIN",
        expect="broker_unavailable",
        blocked="page",
    ),
    "unknown_client": scenario(
        "The dialog does not know client_id and redirect_uri: UDAPI100068",
        expect="credentials_rejected",
        door="UDAPI100068",
    ),
    "wrong_client": scenario(
        "The dialog refuses the client: UDAPI100069",
        expect="credentials_rejected",
        door="UDAPI100069",
    ),
    "invalid_credentials": scenario(
        "The dialog says invalid credentials: UDAPI100016",
        expect="credentials_rejected",
        door="UDAPI100016",
    ),
    "straight_redirect": scenario(
        "The login service names the app's redirect URI itself", straight=True
    ),
    "service_502_html": scenario(
        "The first PIN is answered 502 by a gateway, without CORS headers",
        failures={"pin": Failure(502)},
        gateway="html",
    ),
    "service_hangs_up": scenario(
        "The first PIN gets no answer", failures={"pin": Failure(HANG_UP)}
    ),
}

TOKENS = {
    "inactive_segments": scenario(
        "No segment of the account is active: no token",
        expect="exchange_rejected",
        inactive_segments=True,
    ),
    "jwt_without_end": scenario("The token does not say when it ends", token="jwt_without_end"),  # noqa: S106  (a kind)
    "opaque_token": scenario("The token is no JWT", token="opaque"),  # noqa: S106  (a kind)
    "extended_token": scenario("An extended_token comes with the token", extended=True),
    "profile_1221": scenario(
        "The profile refuses an address that is not registered: UDAPI1221", profile="UDAPI1221"
    ),
    "profile_403_html": scenario(
        "The profile answers 403 with a page instead of JSON", profile="html"
    ),
}

CALLS = failing(PLACES, exchange="exchange", proof="profile")
WITHOUT = (
    "wrong_password",  # a PIN is asked for: wrong_pin
    "wrong_account",  # the config names no user id to compare with
)
SCENARIOS: dict[str, Scenario] = {**common(WITHOUT), **FORMS, **ANSWERS, **TOKENS, **CALLS}
