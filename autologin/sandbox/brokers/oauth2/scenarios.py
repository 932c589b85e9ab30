"""What the twin of an OAuth 2.0 server can be told to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autologin.sandbox.scenarios import CLOCK, HANG_UP, REDIRECT, Behaviour, Failure, Scenario, failing, scenario

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
class OAuthBehaviour(Behaviour):
    """What only this twin can do."""

    options: Mapping[str, Any] = field(default_factory=dict)
    """What the account's `options` must say besides, so that the flow fits."""
    door: str = ""
    """Why there is no login page: access_denied, client_page, client_json, client_oops, redirect_uri."""
    factor: str = "totp"
    """What is asked for behind the password: totp, sms, sms_first (TOTP behind a link), none, with_password."""
    known_seed: bool = True
    """Whether the account has the seed."""
    refusal_status: int = 200
    """The status of a page that says no."""
    refused_codes: str = ""
    """Right codes that are refused all the same: all, or the first."""
    strikes: int = 0
    """Wrong codes that were there before."""
    words: Mapping[str, str] = field(default_factory=dict)
    """The page's words for: password, code, locked."""
    wrong_password: bool = False
    locked: bool = False
    live_session: bool = False
    first_use: bool = False
    interstitial: bool = False
    no_redirect: bool = False
    denied: str = ""
    """The `error` in the redirect, instead of a code."""
    public_client: bool = False
    basic_only: bool = False
    client_refused: bool = False
    expires_in: Any = 0
    """What the reply says; 0: the twin's own lifetime, None: nothing."""
    jwt: bool = False
    refresh: str = "given"
    """given, rotated (each use gives a new one), none, refused."""
    profile: str = "flat"
    """flat, nested, absent (no such address), 403, html."""
    wrong_account: bool = False
    dead_token: bool = False


FORMS = {
    "single_page_app": scenario("The forms are sent by script, and answered in JSON", page={"style": "spa"}),
    "two_screens": scenario("First the user, then the password", page={"layout": "two_screens"}),
    "two_screens_app": scenario("The same, by script", page={"layout": "two_screens", "style": "spa"}),
    "code_with_password": scenario("User, password and code stand on one form", factor="with_password"),
    "six_boxes": scenario("Each digit of the code has a box of its own", page={"otp": "boxes"}),
    "code_sends_itself": scenario("The code is sent at its last digit", page={"autosubmit": True}),
    "code_waits_for_its_button": scenario(
        "The code is sent by its button, and the options say so", options={"code_sends_itself": False}
    ),
    "placeholders_only": scenario("Fields have a placeholder and no label", page={"fields": "placeholder"}),
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
        "The form is refused until a box is ticked", page={"terms": True}, options={"tick": "terms and conditions"}
    ),
    "slow_form": scenario("The fields appear after 4 s", page={"late": 4}),
    "cookie_banner": scenario("A cookie banner covers the button", page={"banner": True}),
    "signup_first": scenario("A sign-up form comes before the login form", page={"signup": True}),
    "other_language": scenario("Every text is Hindi; autocomplete and types stay", page={"lang": "hi"}),
    "redesign": scenario(
        "New ids, names, classes and order, a cookie banner on top and a sign-up form first; labels stay",
        page={"look": "fresh", "banner": True, "signup": True},
    ),
    "redesign_other_language": scenario(
        "New ids, names and classes, and every text is Hindi; autocomplete and types stay", page={"look": "fresh", "lang": "hi"}
    ),
    "no_fields": scenario("The form is painted: there is no field to find", page={"layout": "painted"}),
}

ANSWERS = {
    "no_second_factor": scenario("A password is enough, and the account has no seed", factor="none", known_seed=False),
    "code_never_asked": scenario("The account has a seed, but no code is asked for", factor="none"),
    "code_without_seed": scenario("A code is asked for, and the account has no seed", known_seed=False),
    "sms_only": scenario("The code comes by SMS", factor="sms"),
    "sms_first": scenario("The code comes by SMS; TOTP is behind a link", factor="sms_first"),
    "live_session": scenario("The browser is signed in already: no form", live_session=True),
    "first_use": scenario("The app was never allowed: a consent page", first_use=True),
    "first_use_yes": scenario(
        "The same; the button says Yes, allow access", first_use=True, page={"allow": "Yes, allow access"}
    ),
    "first_use_continue": scenario(
        "The same; its button says Continue, and the address says consent", first_use=True, page={"allow": "Continue"}
    ),
    "wrong_password": scenario("Every password is refused", wrong_password=True),
    "wrong_password_401": scenario("The same, with 401", wrong_password=True, refusal_status=401),
    "wrong_password_app": scenario("The same, in JSON", wrong_password=True, page={"style": "spa"}),
    "wrong_password_words": scenario(
        "The same, in words of its own",
        wrong_password=True,
        words={"password": "Not today, friend"},
        options={"wrong_password": "not today"},
    ),
    "unknown_user_words": scenario(
        "The same, without a word such as invalid",
        wrong_password=True,
        words={"password": "Sorry: user not found"},
    ),
    "wrong_code": scenario("Every code is refused", refused_codes="all"),
    "wrong_code_app": scenario("The same, in JSON", refused_codes="all", page={"style": "spa"}),
    "wrong_code_words": scenario(
        "The same, in JSON and in words of its own",
        refused_codes="all",
        words={"code": "That number is stale"},
        options={"wrong_code": "is stale"},
        page={"style": "spa"},
    ),
    "wrong_code_with_password": scenario(
        "User, password and code stand on one form, and every code is refused",
        factor="with_password",
        refused_codes="all",
        page={"style": "spa"},
    ),
    "wrong_code_once": scenario("The first code is refused, the next right one is not", refused_codes="first"),
    "wrong_code_once_with_password": scenario(
        "The same, where user, password and code stand on one form",
        factor="with_password",
        refused_codes="first",
    ),
    "few_attempts_left": scenario("The first code is refused, and two attempts are left", refused_codes="all", strikes=2),
    "locked": scenario("The account is locked", locked=True),
    "locked_words": scenario(
        "The same, in words of its own",
        locked=True,
        words={"locked": "Come back with your papers"},
        options={"locked": "your papers"},
    ),
    "captcha": scenario("A captcha stands in place of the form", page={"captcha": "instead"}),
    "captcha_clears": scenario("A captcha covers the form and goes by itself after 3 s", page={"captcha": "clears"}),
    "interstitial": scenario("A page that nobody has seen before comes after the code", interstitial=True),
    "access_denied": scenario("The login page answers 403 Access Denied", door="access_denied"),
    "unknown_client": scenario("A page says that it does not know the client_id", door="client_page"),
    "unknown_client_json": scenario("The same, in JSON", door="client_json"),
    "unknown_client_oops": scenario("The same, below: oops, something went wrong", door="client_oops"),
    "unknown_redirect_uri": scenario("A page says that redirect_uri is not registered", door="redirect_uri"),
    "no_redirect": scenario("The code is accepted, and then nothing happens", no_redirect=True),
    "denied": scenario("The redirect says error=access_denied", denied="access_denied"),
    "redirect_error": scenario("The redirect says error=server_error", denied="server_error"),
}

TOKENS = {
    "no_pkce": scenario("No challenge is sent", options={"pkce": False}),
    "public_client": scenario("The client has no secret", public_client=True),
    "basic_auth": scenario("The client is only believed by Basic", basic_only=True, options={"client_auth": "basic"}),
    "basic_auth_not_told": scenario("The same, and the options do not say so", basic_only=True),
    "wrong_secret": scenario("The client's secret is refused: 401 invalid_client", client_refused=True),
    "no_expires_in": scenario("The reply does not say when the token ends", expires_in=None),
    "expires_in_text": scenario("expires_in is text", expires_in="5400"),
    "jwt_token": scenario("The token is a JWT, and the options go by its exp", jwt=True, options={"expires": "jwt"}),
    "ends_at_six": scenario("The options say that tokens end at 06:00", options={"expires": "06:00"}),
    "ends_after_seconds": scenario("The options say that tokens live 7200 s", options={"expires": "7200"}),
    "no_refresh_token": scenario("No refresh token comes", refresh="none"),
    "refresh_rotates": scenario("Each refresh gives a new refresh token", refresh="rotated"),
    "refresh_refused": scenario("A refresh is refused", refresh="refused"),
    "exchange_hangs_once": scenario("The first exchange is cut off without an answer", failures={"token": Failure(HANG_UP)}),
    "wrong_account": scenario(f"The profile is {OTHER_USER}'s", wrong_account=True),
    "dead_token": scenario("The new token is refused at once", dead_token=True),
    "profile_nested": scenario(
        "The profile names the user as data.user_id", profile="nested", options={"user_id_path": "data.user_id"}
    ),
    "profile_absent": scenario("There is no profile address", profile="absent"),
    "profile_403": scenario("The profile answers 403", profile="403"),
    "profile_html": scenario("The profile answers with a page", profile="html"),
}

SCENARIOS: dict[str, Scenario] = {**FORMS, **ANSWERS, **TOKENS, **failing(PLACES), **CLOCK, **REDIRECT}
