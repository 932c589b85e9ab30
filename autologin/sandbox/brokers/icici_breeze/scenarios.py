"""What ICICI Direct's twin can be told to do."""

from __future__ import annotations

from dataclasses import dataclass

from autologin.sandbox.scenarios import CLOCK, HANG_UP, REDIRECT, Behaviour, Failure, Scenario, failing, scenario

OTHER_USER = "ZZ999999"
PLACES = {
    "login_page": "visit to the page that sends itself on",
    "tradelogin": "login page",
    "getotp": "password",
    "validateuser": "one-time password",
    "exchange": "exchange",
    "verify": "call of customerdetails after it",
}


@dataclass(frozen=True)
class BreezeBehaviour(Behaviour):
    """What only ICICI Direct's twin can do."""

    delivery: str = "post_query"
    """post_query: the form is posted to `?apisession=N`; query, body, body_lower, query_upper, more: what it then carries."""
    door: str = ""
    """Why the login page does not open: access_denied, unknown_key."""
    public_key: str = "hidenc"
    """Where the page has its RSA key: hidenc (hex) or hidpv (PEM)."""
    says_no: str = "dialog"
    """How a refusal reaches the page: dialog, text, or nothing (only the answer to its call says no)."""
    after_no: str = "cleared"
    """What follows a wrong code: cleared (boxes), panel (a new one), or login (the first form again)."""
    otp: str = "totp"
    """What the panel asks for: totp, sms, or sms_flag (only a hidden field says that it is SMS)."""
    wrong_password: bool = False
    invalid_request: bool = False
    refused_codes: str = ""
    """Right codes that are refused all the same: all, or the first."""
    strikes: int = 0
    """Wrong codes that were there before; the refusal then says how many attempts are left."""
    locked: bool = False
    captcha_after_password: str = ""
    """shown: an image and a box; marker: only the reply says SHWCAP."""
    posts_page: bool = False
    """Whether the code is sent by a form, and the answer is a page, instead of by a call."""
    first_use: bool = False
    interstitial: bool = False
    no_redirect: bool = False
    answer: str = "session"
    """What the redirect brings: session, blank (its name without a value), failed, cancelled."""
    session: str = "digits"
    """What a session value is: digits (8), short (5), letters."""
    http_status: bool = False
    """Whether the API's refusals come with their own HTTP status instead of 200."""
    refusal: str = ""
    """The API's word for every session, whatever it is."""
    outage: str = ""
    """How the first exchange fails: envelope (status 500 inside a 200), or page (HTML with a 200)."""
    burns_code_at_502: bool = False
    new_pair_each_time: bool = False
    odd_pair: bool = False
    login_alias: bool = False
    dead_token: bool = False
    wrong_account: bool = False
    verify_html: bool = False


FORMS = {
    "pem_key": scenario("The page has its RSA key as PEM, and sends base64", public_key="hidpv"),
    "custom_terms": scenario("The box for the terms is hidden; its label is what people press", page={"terms": "custom"}),
    "ticked_terms": scenario("The box for the terms is ticked already", page={"terms": "ticked"}),
    "no_terms": scenario("There are no terms to accept", page={"terms": "none"}),
    "terms_enable": scenario("The button sleeps until the terms are accepted", page={"terms": "enable"}),
    "one_form": scenario("One form is around the whole page, as in ASP.NET", page={"one_form": True}),
    "keeps_login_form": scenario("The login form stays beside the panel for the code", page={"keep": True}),
    "one_form_keeps_login": scenario("The same, in one form", page={"one_form": True, "keep": True}),
    "date_of_birth_box": scenario("There is a box for the date of birth, which nobody needs", page={"dob": True}),
    "single_box": scenario("The code has one box", page={"code": "single"}),
    "auto_submit": scenario("The sixth digit sends the code", page={"auto": True}),
    "listens_to_keys": scenario("The boxes notice digits by their keys only", page={"event": "keyup"}),
    "plain_words": scenario('The panel says "Enter OTP", without a word of TOTP', page={"words": "plain"}),
    "slow_page": scenario("The form appears after 5 s, the panel after 2 s", page={"delays": {"login": 5, "otp": 2}}),
    "cookie_banner": scenario("A cookie banner covers the button", page={"banner": True}),
    "signup_first": scenario("A sign-up form comes before the login form", page={"signup": True}),
    "other_language": scenario("Every text is Hindi", page={"lang": "hi"}),
    "redesign": scenario(
        "New ids, classes and order, a banner, a sign-up form first; labels, autocomplete and types stay",
        page={"fresh": True, "banner": True, "signup": True},
    ),
    "redesign_other_language": scenario(
        "New ids and classes, every text is Hindi, no terms; autocomplete and types stay",
        page={"fresh": True, "lang": "hi", "terms": "none"},
    ),
    "no_fields": scenario("The form is painted: there is no field to find", page={"layout": "no_fields"}),
    "ambiguous": scenario("Two equal login forms", page={"layout": "two_forms"}),
}

ANSWERS = {
    "posted_otp": scenario("The code is sent by a form, and the answer is a page", posts_page=True),
    "posted_otp_wrong": scenario("The same, and every code is refused", posts_page=True, refused_codes="all", says_no="text"),
    "wrong_password": scenario("Every password is refused, in a dialog", wrong_password=True),
    "wrong_password_text": scenario("Every password is refused, on the page", wrong_password=True, says_no="text"),
    "invalid_request": scenario('The answer to the password is "Invalid request."', invalid_request=True),
    "sms_only": scenario("The code comes by SMS", otp="sms"),
    "sms_flag": scenario("The same, but only a hidden field says so", otp="sms_flag", page={"words": "plain"}),
    "wrong_code": scenario("Every code is refused, in a dialog", refused_codes="all"),
    "wrong_password_unsaid": scenario(
        "Every password is refused, and the page keeps that", wrong_password=True, says_no="nothing"
    ),
    "wrong_code_unsaid": scenario("Every code is refused, and the page keeps that", refused_codes="all", says_no="nothing"),
    "wrong_code_text": scenario("Every code is refused, on the page", refused_codes="all", says_no="text"),
    "wrong_code_once": scenario("The first code is refused in a dialog, the next right one is not", refused_codes="first"),
    "wrong_code_once_text": scenario("The same, on the page", refused_codes="first", says_no="text"),
    "wrong_code_once_new_panel": scenario("The same, and the panel is a new one", refused_codes="first", after_no="panel"),
    "wrong_code_then_login": scenario(
        "After a wrong code the login form is there again", refused_codes="all", after_no="login"
    ),
    "few_attempts_left": scenario("The first code is refused, and two attempts are left", refused_codes="all", strikes=2),
    "locked": scenario("The account is locked, says a dialog", locked=True),
    "locked_text": scenario("The account is locked, says the page", locked=True, says_no="text"),
    "captcha": scenario("The password is answered with a captcha", captcha_after_password="shown"),  # noqa: S106  (no password)
    "captcha_marker": scenario("Only the reply's SHWCAP says captcha", captcha_after_password="marker"),  # noqa: S106  (no password)
    "captcha_over_form": scenario("A captcha covers the form", page={"captcha": "over"}),
    "captcha_clears": scenario("A captcha covers the form and goes by itself after 3 s", page={"captcha": "clears"}),
    "first_use": scenario("The app was never allowed: a consent page", first_use=True),
    "interstitial": scenario("A page that nobody has seen before comes after the code", interstitial=True),
    "access_denied": scenario("The login page answers 403 Access Denied", door="access_denied"),
    "unknown_key": scenario("The login page does not know the AppKey", door="unknown_key"),
    "no_redirect": scenario("The code is accepted, and then nothing happens", no_redirect=True),
    "blank_session": scenario("The redirect's apisession is empty", answer="blank"),
    "failed_redirect": scenario("The redirect says status=failed and has no session", answer="failed"),
    "denied": scenario("The redirect says status=cancelled and has no session", answer="cancelled"),
    "query_only": scenario("The session is in the query only", delivery="query"),
    "body_only": scenario("The session is in the form body only", delivery="body"),
    "body_lower": scenario("The form body calls it apisession", delivery="body_lower"),
    "query_upper": scenario("The query calls it API_SESSION", delivery="query_upper"),
    "more_parameters": scenario("The redirect carries status and more besides", delivery="more"),
    "letters_session": scenario("The session value has letters and digits", session="letters"),
    "short_session": scenario("The session value has five digits", session="short"),
}

TOKENS = {
    "exchange_hangs_once": scenario("The first exchange is cut off", failures={"exchange": Failure(HANG_UP)}),
    "exchange_refused_after_502": scenario(
        "The first exchange answers 502 and ends the session; a new login's is fine", burns_code_at_502=True
    ),
    "outage_in_envelope": scenario("The first exchange answers 200 with status 500 inside", outage="envelope"),
    "outage_page": scenario("The first exchange answers 200 with a page", outage="page"),
    "expired_code_http_500": scenario("The session has expired, and HTTP says 500 too", code_ttl=0.0, http_status=True),
    "invalid_session": scenario('Every session is refused: "Invalid session."', refusal="Invalid session."),
    "key_revoked": scenario("The API does not know the AppKey", refusal="Public Key does not exist."),
    "new_pair_each_time": scenario("Each call of customerdetails gives another pair; all live", new_pair_each_time=True),
    "odd_pair": scenario("The session_token is no base64 of user:key", odd_pair=True),
    "login_alias": scenario("The pair names another id of the same user, idirect_userid is right", login_alias=True),
    "wrong_account": scenario(f"The session is {OTHER_USER}'s", wrong_account=True),
    "dead_token": scenario("The session is refused right after the exchange", dead_token=True),
    "verify_429": scenario("It answers 429 ever after", failures={"verify": Failure(429, always=True, retry_after=1)}),
    "verify_html": scenario("It answers 403 with a page ever after", verify_html=True),
}

STATELESS = {name: row for name, row in REDIRECT.items() if not name.startswith("state_")}
SCENARIOS: dict[str, Scenario] = {**FORMS, **ANSWERS, **TOKENS, **failing(PLACES), **CLOCK, **STATELESS}
