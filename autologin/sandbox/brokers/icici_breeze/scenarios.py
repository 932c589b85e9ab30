"""What ICICI Direct's twin can be told to do."""

from __future__ import annotations

from dataclasses import dataclass

from autologin.sandbox.scenarios import PageBehaviour, Scenario, common, failing, scenario

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
class BreezeBehaviour(PageBehaviour):
    """What only ICICI Direct's twin can do."""

    delivery: str = "post_query"
    """post_query: the form is posted to `?apisession=N`; query, body, body_lower, query_upper,
    more: what it then carries."""
    public_key: str = "hidenc"
    """Where the page has its RSA key: hidenc (hex) or hidpv (PEM)."""
    says_no: str = "dialog"
    """How a refusal reaches the page: dialog, text, or nothing (only the answer to its call says
    no)."""
    after_no: str = "cleared"
    """What follows a wrong code: cleared (boxes), panel (a new one), or login (the first form
    again)."""
    otp: str = "totp"
    """What the panel asks for: totp, sms, or sms_flag (only a hidden field says that it is SMS)."""
    invalid_request: bool = False
    captcha_after_password: str = ""
    """shown: an image and a box; marker: only the reply says SHWCAP."""
    posts_page: bool = False
    """Whether the code is sent by a form, and the answer is a page, instead of by a call."""
    answer: str = "session"
    """What the redirect brings: session, blank (its name without a value), failed, cancelled."""
    session: str = "digits"
    """What a session value is: digits (8), short (5), letters."""
    http_status: bool = False
    """Whether the API's refusals come with their own HTTP status instead of 200."""
    refusal: str = ""
    """The API's word for every session, whatever it is."""
    outage: str = ""
    """How the first exchange fails: envelope (status 500 inside a 200), or page (HTML with a
    200)."""
    new_pair_each_time: bool = False
    odd_pair: bool = False
    login_alias: bool = False
    verify_html: bool = False


FORMS = {
    "pem_key": scenario("The page has its RSA key as PEM, and sends base64", public_key="hidpv"),
    "custom_terms": scenario(
        "The box for the terms is hidden; its label is what people press", page={"terms": "custom"}
    ),
    "ticked_terms": scenario("The box for the terms is ticked already", page={"terms": "ticked"}),
    "no_terms": scenario("There are no terms to accept", page={"terms": "none"}),
    "terms_enable": scenario(
        "The button sleeps until the terms are accepted", page={"terms": "enable"}
    ),
    "one_form": scenario(
        "One form is around the whole page, as in ASP.NET", page={"one_form": True}
    ),
    "keeps_login_form": scenario(
        "The login form stays beside the panel for the code", page={"keepOld": 600_000}
    ),
    "one_form_keeps_login": scenario(
        "The same, in one form", page={"one_form": True, "keepOld": 600_000}
    ),
    "date_of_birth_box": scenario(
        "There is a box for the date of birth, which nobody needs", page={"dob": True}
    ),
    "single_box": scenario("The code has one box", page={"code": "single"}),
    "auto_submit": scenario("The sixth digit sends the code", page={"sendsItself": True}),
    "plain_words": scenario(
        'The panel says "Enter OTP", without a word of TOTP', page={"words": "plain"}
    ),
    "slow_page": scenario(
        "The form appears after 5 s, the panel after 2 s", page={"delays": {"login": 5, "otp": 2}}
    ),
    "redesign_other_language": scenario(
        "New ids and classes, every text is Hindi, no terms; autocomplete and types stay",
        page={"look": "fresh", "lang": "hi", "terms": "none"},
    ),
}

ANSWERS = {
    "posted_otp": scenario("The code is sent by a form, and the answer is a page", posts_page=True),
    "posted_otp_wrong": scenario(
        "The same, and every code is refused",
        silent=True,
        expect="otp_rejected",
        posts_page=True,
        refused_codes="all",
        says_no="text",
    ),
    "wrong_password": scenario(
        "Every password is refused, in a dialog", expect="credentials_rejected", wrong_password=True
    ),
    "wrong_password_text": scenario(
        "Every password is refused, on the page",
        expect="credentials_rejected",
        wrong_password=True,
        says_no="text",
    ),
    "invalid_request": scenario(
        'The answer to the password is "Invalid request."',
        expect="page_changed",
        invalid_request=True,
    ),
    "sms_only": scenario("The code comes by SMS", expect="otp_not_available", otp="sms"),
    "sms_flag": scenario(
        "The same, but only a hidden field says so",
        expect="otp_not_available",
        otp="sms_flag",
        page={"words": "plain"},
    ),
    "wrong_password_unsaid": scenario(
        "Every password is refused, and the page keeps that",
        silent=True,
        expect="credentials_rejected",
        wrong_password=True,
        says_no="nothing",
    ),
    "wrong_code_unsaid": scenario(
        "Every code is refused, and the page keeps that",
        silent=True,
        expect="otp_rejected",
        refused_codes="all",
        says_no="nothing",
    ),
    "wrong_code_text": scenario(
        "Every code is refused, on the page",
        silent=True,
        expect="otp_rejected",
        refused_codes="all",
        says_no="text",
    ),
    "wrong_code_once_text": scenario(
        "The same, on the page", refused_codes="first", says_no="text"
    ),
    "wrong_code_once_new_panel": scenario(
        "The same, and the panel is a new one", refused_codes="first", after_no="panel"
    ),
    "wrong_code_then_login": scenario(
        "After a wrong code the login form is there again",
        silent=True,
        expect="otp_rejected",
        refused_codes="all",
        after_no="login",
    ),
    "locked_text": scenario(
        "The account is locked, says the page", expect="account_locked", locked=True, says_no="text"
    ),
    "captcha": scenario(
        "The password is answered with a captcha",
        expect="captcha_required",
        captcha_after_password="shown",  # noqa: S106  (no password)
    ),
    "captcha_marker": scenario(
        "Only the reply's SHWCAP says captcha",
        expect="captcha_required",
        captcha_after_password="marker",  # noqa: S106  (no password)
    ),
    "unknown_key": scenario(
        "The login page does not know the AppKey", expect="credentials_rejected", door="unknown_key"
    ),
    "blank_session": scenario(
        "The redirect's apisession is empty", expect="exchange_rejected", answer="blank"
    ),
    "failed_redirect": scenario(
        "The redirect says status=failed and has no session",
        expect="exchange_rejected",
        answer="failed",
    ),
    "denied": scenario(
        "The redirect says status=cancelled and has no session",
        expect="consent_required",
        answer="cancelled",
    ),
    "query_only": scenario("The session is in the query only", delivery="query"),
    "body_only": scenario("The session is in the form body only", delivery="body"),
    "body_lower": scenario("The form body calls it apisession", delivery="body_lower"),
    "query_upper": scenario("The query calls it API_SESSION", delivery="query_upper"),
    "more_parameters": scenario("The redirect carries status and more besides", delivery="more"),
    "letters_session": scenario("The session value has letters and digits", session="letters"),
    "short_session": scenario("The session value has five digits", session="short"),
}

TOKENS = {
    "outage_in_envelope": scenario(
        "The first exchange answers 200 with status 500 inside", outage="envelope"
    ),
    "outage_page": scenario("The first exchange answers 200 with a page", outage="page"),
    "expired_code_http_500": scenario(
        "The session has expired, and HTTP says 500 too",
        expect="exchange_rejected",
        code_ttl=0.0,
        http_status=True,
    ),
    "invalid_session": scenario(
        'Every session is refused: "Invalid session."',
        expect="exchange_rejected",
        refusal="Invalid session.",
    ),
    "key_revoked": scenario(
        "The API does not know the AppKey",
        expect="exchange_rejected",
        refusal="Public Key does not exist.",
    ),
    "new_pair_each_time": scenario(
        "Each call of customerdetails gives another pair; all live", new_pair_each_time=True
    ),
    "odd_pair": scenario("The session_token is no base64 of user:key", odd_pair=True),
    "login_alias": scenario(
        "The pair names another id of the same user, idirect_userid is right", login_alias=True
    ),
    "verify_html": scenario("It answers 403 with a page ever after", verify_html=True),
}

CALLS = failing(PLACES, exchange="exchange", proof="verify")
WITHOUT = (
    *("state_lost", "state_wrong"),  # ICICI gives no state back
    "wrong_secret",  # the secret signs the calls behind the exchange, not the exchange
)
SCENARIOS: dict[str, Scenario] = {**common(WITHOUT), **FORMS, **ANSWERS, **TOKENS, **CALLS}
