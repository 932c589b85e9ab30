"""What Zerodha's twin can be told to do."""

from __future__ import annotations

from dataclasses import dataclass

from autologin.sandbox.scenarios import PageBehaviour, Scenario, common, failing, scenario

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
class KiteBehaviour(PageBehaviour):
    """What only Zerodha's twin can do."""

    twofa_types: tuple[str, ...] = ("totp", "app_code")
    """What the account is asked first, then the alternatives."""
    denied: bool = False
    live_session: bool = False
    user_not_enabled: bool = False
    app_code_mode: bool = False
    """Whether the account takes no code but that of Kite's own app."""
    warns: bool = False
    """Whether a wrong password is told with the attempts that are left."""
    invalid_checksum: bool = False
    old_token_survives: bool = False
    flushed: bool = False
    profile_403_html: bool = False


FORMS = {
    "older_totp": scenario("The code's field is #totp, as in 2021", page={"code": "older"}),
    "label_only": scenario(
        "Only its label says which field takes the code", page={"code": "label_only"}
    ),
    "twofa_value": scenario(
        "The code's field is .twofa-value and has no label", page={"code": "class_only"}
    ),
    "app_code_first": scenario(
        "Kite asks for its app's code first; TOTP is behind a link",
        twofa_types=("app_code", "totp", "sms"),
    ),
    "sms_only": scenario(
        "Kite asks for its app's code; the only other way is SMS or email",
        expect="otp_not_available",
        twofa_types=("app_code", "sms"),
    ),
    "no_autosubmit": scenario("The code is sent by the button only", page={"sendsItself": False}),
    "slow_spa": scenario(
        "The fields appear after 5 s, the code's after 1 s",
        page={"delays": {"login": 5, "twofa": 1}},
    ),
    "password_only": scenario(
        "The user id is known and shown as text", page={"layout": "password_only"}
    ),
    "two_screens": scenario("First the user id, then the password", page={"layout": "two_screens"}),
    "prefilled_user": scenario(
        "Another user's id is already in the box", page={"prefill": {"user": OTHER_USER}}
    ),
    "remembered_other_user": scenario(
        "Only a password is asked for, and it is another user's; a link changes the user",
        page={"layout": "password_only", "user": OTHER_USER},
    ),
}

ANSWERS = {
    "app_code_mode": scenario(
        "The account is in the mode of Kite's app: no TOTP is right",
        expect="otp_not_available",
        app_code_mode=True,
    ),
    "refused_with_a_warning": scenario(
        "The password is refused, with a warning of what more wrong ones do",
        expect="credentials_rejected",
        wrong_password=True,
        warns=True,
    ),
    "live_session": scenario("The browser is signed in already: no form", live_session=True),
    "invalid_api_key": scenario(
        "The login page does not know the api_key",
        expect="credentials_rejected",
        door="invalid_api_key",
    ),
    "user_not_enabled": scenario(
        "The login page says that the user is not enabled for the app",
        expect="credentials_rejected",
        door="user_not_enabled",
    ),
    "user_not_enabled_at_finish": scenario(
        "The same, but only after the code", expect="credentials_rejected", user_not_enabled=True
    ),
}

TOKENS = {
    "invalid_checksum": scenario(
        "Every checksum is refused", expect="exchange_rejected", invalid_checksum=True
    ),
    "token_flushed": scenario("A token from before 07:30 IST dies at 07:30", flushed=True),
    "old_token_survives": scenario(
        "A new login does not end the token of the last", old_token_survives=True
    ),
    "profile_403_html": scenario(
        "The profile answers 403 with a page instead of JSON", profile_403_html=True
    ),
}

CALLS = failing(PLACES, exchange="exchange", proof="profile")
COMMON = common(without=("wrong_secret",))  # Kite calls it an invalid checksum
SCENARIOS: dict[str, Scenario] = {**COMMON, **FORMS, **ANSWERS, **TOKENS, **CALLS}
