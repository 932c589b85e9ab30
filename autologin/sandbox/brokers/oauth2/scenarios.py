"""What the twin of an OAuth 2.0 server can be told to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autologin.sandbox.scenarios import PageBehaviour, Scenario, common, failing, scenario

if TYPE_CHECKING:
    from collections.abc import Mapping

OTHER_USER = "somebody-else"
PLACES = {
    "authorize": "visit to the authorize address",
    "login": "password",
    "code": "one-time code",
    "finish": "way back to the app",
    "token": "exchange",
    "profile": "profile call",
}


@dataclass(frozen=True)
class OAuthBehaviour(PageBehaviour):
    """What only this twin can do."""

    options: Mapping[str, Any] = field(default_factory=dict)
    """What the account's `options` must say besides, so that the flow fits."""
    factor: str = "totp"
    """What is asked for behind the password: totp, sms, sms_first (TOTP behind a link), none,
    with_password."""
    known_seed: bool = True
    """Whether the account has the seed."""
    refusal_status: int = 200
    """The status of a page that says no."""
    words: Mapping[str, str] = field(default_factory=dict)
    """The page's words for: password, code, locked."""
    live_session: bool = False
    public_client: bool = False
    basic_only: bool = False
    expires_in: Any = 0
    """What the reply says; 0: the twin's own lifetime, None: nothing."""
    jwt: bool = False
    refresh: str = "given"
    """given, rotated (each use gives a new one), none, refused."""
    profile: str = "flat"
    """flat, nested, absent (no such address), 403, html."""


FORMS = {
    "single_page_app": scenario(
        "The forms are sent by script, and answered in JSON", page={"style": "spa"}
    ),
    "two_screens": scenario("First the user, then the password", page={"layout": "two_screens"}),
    "two_screens_app": scenario(
        "The same, by script", page={"layout": "two_screens", "style": "spa"}
    ),
    "code_with_password": scenario(
        "User, password and code stand on one form", factor="with_password"
    ),
    "six_boxes": scenario("Each digit of the code has a box of its own", page={"code": "boxes"}),
    "code_sends_itself": scenario("The code is sent at its last digit", page={"sendsItself": True}),
    "code_waits_for_its_button": scenario(
        "The code is sent by its button, and the options say so",
        options={"code_sends_itself": False},
    ),
    "css_only": scenario(
        "Fields have nothing but an id of their own",
        page={"fields": "bare"},
        options={"user_css": ["#fld_a"], "password_css": ["#fld_b"], "code_css": ["#fld_c"]},
    ),
    "own_words": scenario(
        "Labels and buttons have words that nobody would guess, and the options say them",
        page={"lang": "own"},
        first_use=True,
        options={
            "user_label": "who goes there",
            "password_label": "magic word",
            "code_label": "number of the hour",
            "press": "open sesame",
            "press_code": "tell it",
            "consent": "^let it in$",
        },
    ),
    "terms_to_tick": scenario(
        "The form is refused until a box is ticked",
        page={"terms": True},
        options={"tick": "terms and conditions"},
    ),
}

ANSWERS = {
    "no_second_factor": scenario(
        "A password is enough, and the account has no seed", factor="none", known_seed=False
    ),
    "code_never_asked": scenario("The account has a seed, but no code is asked for", factor="none"),
    "code_without_seed": scenario(
        "A code is asked for, and the account has no seed",
        expect="otp_not_available",
        known_seed=False,
    ),
    "sms_only": scenario("The code comes by SMS", expect="otp_not_available", factor="sms"),
    "sms_first": scenario("The code comes by SMS; TOTP is behind a link", factor="sms_first"),
    "live_session": scenario("The browser is signed in already: no form", live_session=True),
    "first_use_yes": scenario(
        "The same; the button says Yes, allow access",
        first_use=True,
        page={"allow": "Yes, allow access"},
    ),
    "first_use_continue": scenario(
        "The same; its button says Continue, and the address says consent",
        first_use=True,
        page={"allow": "Continue"},
    ),
    "wrong_password_401": scenario(
        "The same, with 401", expect="credentials_rejected", wrong_password=True, refusal_status=401
    ),
    "wrong_password_app": scenario(
        "The same, in JSON",
        expect="credentials_rejected",
        wrong_password=True,
        page={"style": "spa"},
    ),
    "wrong_password_words": scenario(
        "The same, in words of its own",
        expect="credentials_rejected",
        wrong_password=True,
        words={"password": "Not today, friend"},
        options={"wrong_password": "not today"},
    ),
    "unknown_user_words": scenario(
        "The same, without a word such as invalid",
        expect="credentials_rejected",
        wrong_password=True,
        words={"password": "Sorry: user not found"},
    ),
    "wrong_code_app": scenario(
        "The same, in JSON", expect="otp_rejected", refused_codes="all", page={"style": "spa"}
    ),
    "wrong_code_words": scenario(
        "The same, in JSON and in words of its own",
        expect="otp_rejected",
        refused_codes="all",
        words={"code": "That number is stale"},
        options={"wrong_code": "is stale"},
        page={"style": "spa"},
    ),
    "wrong_code_with_password": scenario(
        "User, password and code stand on one form, and every code is refused",
        expect="otp_rejected",
        factor="with_password",
        refused_codes="all",
        page={"style": "spa"},
    ),
    "wrong_code_once_with_password": scenario(
        "The same, where user, password and code stand on one form",
        factor="with_password",
        refused_codes="first",
    ),
    "locked_words": scenario(
        "The same, in words of its own",
        expect="account_locked",
        locked=True,
        words={"locked": "Come back with your papers"},
        options={"locked": "your papers"},
    ),
    "unknown_client": scenario(
        "A page says that it does not know the client_id",
        expect="credentials_rejected",
        door="client_page",
    ),
    "unknown_client_json": scenario(
        "The same, in JSON", expect="credentials_rejected", door="client_json"
    ),
    "unknown_client_oops": scenario(
        "The same, below: oops, something went wrong",
        expect="credentials_rejected",
        door="client_oops",
    ),
    "unknown_redirect_uri": scenario(
        "A page says that redirect_uri is not registered",
        expect="credentials_rejected",
        door="redirect_uri",
    ),
    "redirect_error": scenario(
        "The redirect says error=server_error", expect="exchange_rejected", denied="server_error"
    ),
}

TOKENS = {
    "no_pkce": scenario("No challenge is sent", options={"pkce": False}),
    "public_client": scenario("The client has no secret", public_client=True),
    "basic_auth": scenario(
        "The client is only believed by Basic", basic_only=True, options={"client_auth": "basic"}
    ),
    "basic_auth_not_told": scenario(
        "The same, and the options do not say so", expect="exchange_rejected", basic_only=True
    ),
    "no_expires_in": scenario("The reply does not say when the token ends", expires_in=None),
    "expires_in_text": scenario("expires_in is text", expires_in="5400"),
    "jwt_token": scenario(
        "The token is a JWT, and the options go by its exp", jwt=True, options={"expires": "jwt"}
    ),
    "ends_at_six": scenario(
        "The options say that tokens end at 06:00", options={"expires": "06:00"}
    ),
    "ends_after_seconds": scenario(
        "The options say that tokens live 7200 s", options={"expires": "7200"}
    ),
    "no_refresh_token": scenario("No refresh token comes", refresh="none"),
    "refresh_rotates": scenario("Each refresh gives a new refresh token", refresh="rotated"),
    "refresh_refused": scenario("A refresh is refused", refresh="refused"),
    "profile_nested": scenario(
        "The profile names the user as data.user_id",
        profile="nested",
        options={"user_id_path": "data.user_id"},
    ),
    "profile_absent": scenario("There is no profile address", profile="absent"),
    "profile_403": scenario("The profile answers 403", profile="403"),
    "profile_html": scenario("The profile answers with a page", profile="html"),
}

CALLS = failing(PLACES, exchange="token", proof="profile")
SCENARIOS: dict[str, Scenario] = {**common(), **FORMS, **ANSWERS, **TOKENS, **CALLS}
