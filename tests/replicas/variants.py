"""Every replica, and what a login at it must come to."""

from __future__ import annotations

from dataclasses import dataclass

from replicas import pages as p
from replicas.kite import Variant, refusal
from replicas.web import Said, data, page, redirect


@dataclass
class Case:
    """A variant, and what is expected: the outcome or error, how many passwords and codes, how long at most."""

    variant: Variant
    ends: str = "issued"
    passwords: int = 1
    codes: int = 1
    exchanges: int | None = None
    authorize: bool = True
    timeout: int | None = None
    redirect_uri: str | None = "own"

    def __post_init__(self):
        if self.exchanges is None:
            self.exchanges = int(self.ends in {"issued", "wrong_account"})


def looks(*pieces, **more):
    return Case(Variant(p.app(*pieces, **more)))


def says_no(answer, ends, codes=0, **more):
    """A password that the broker answers in this way."""
    return Case(Variant(login=answer), ends, codes=codes, **more)


def code_no(answer, ends, codes=1, **more):
    return Case(Variant(twofa=answer), ends, codes=codes, **more)


def said(message, **more):
    return lambda kite, form: refusal(message, **more)


def once(answer):
    """Refuses the first code only."""
    return lambda kite, form: answer if len(kite.codes) == 1 else kite.judge_code(form)


CASES = {}

# Ways to look: a token is issued at all of them.

CASES |= {
    "near_labels_div_button": looks(p.USER_BARE, p.CODE_BARE),
    "pointer_div": looks(p.USER_POINTER),
    "components": looks(p.USER_COMPONENTS, p.CODE_COMPONENT),
    "shadow_form": looks(p.USER_SHADOW),
    "disabled_until_input": looks(p.user_disabled_until("input")),
    "disabled_until_keyup": looks(p.user_disabled_until("keyup")),
    "disabled_until_change": looks(p.user_disabled_until("change")),
    "disabled_until_blur": looks(p.user_disabled_until("blur")),
    "traps": looks(p.USER_TRAPS),
    "search_and_newsletter": looks(p.USER_BUSY_TOP),
    "signup_first": looks(p.USER_SIGNUP_FIRST),
    "tabs": looks(p.USER_TABS),
    "welcome_back": looks(p.USER_WELCOME),
    "welcome_other": looks(p.USER_WELCOME_OTHER),
    "prefilled_other": looks(p.USER_PREFILLED),
    "two_screens": looks(p.USER_TWO),
    "redesign": looks(p.USER_REDESIGN, p.CODE_BARE),
    "hindi": looks(p.USER_HINDI, p.code_box("type=tel maxlength=6", "टीओटीपी", "जारी रखें")),
    "tamil": looks(
        p.USER_TAMIL,
        p.code_box("type=number maxlength=6 autocomplete=one-time-code", "குறியீடு", "தொடரவும்"),
    ),
    "spinner": looks(p.USER_FORM, p.CODE_SPINNER),
    "swap": looks(p.USER_FORM, p.CODE_SWAP),
    "cookie_banner": looks(before=p.BANNER),
    "modal_dialog": Case(Variant(p.app(before=p.MODAL_DIALOG)), "page_changed", 0, 0),
    "modal_div": looks(before=p.MODAL_DIV),
    "beforeunload": looks(before=p.BEFOREUNLOAD),
    "label_phone_or_user": looks(p.user_form("Phone number or User ID")),
    "email_or_user": looks(p.user_form("Email / mobile / user ID")),
    "slow_page": Case(Variant(p.late(5))),
    "slow_html": Case(Variant(faults={"page": ["slow:0", "slow:4"]})),
    "slow_login_12s": Case(Variant(faults={"login": ["slow:12"]})),
    "slow_twofa_12s": Case(Variant(faults={"twofa": ["slow:12"]})),
    "slow_finish_12s": Case(Variant(faults={"finish": ["slow:12"]})),
    "server_rendered": Case(Variant(p.form_login())),
    "other_port": Case(Variant(mood={"other_port"})),
    "live_session": Case(Variant(mood={"live"}), passwords=0, codes=0),
}
for number, name in enumerate(
    [
        "Login",
        "Sign in",
        "Continue",
        "Proceed",
        "Next",
        "Log in to Kite",
        "→",
        "LOGIN NOW",
        "Submit",
    ]
):
    CASES[f"button_{number}"] = looks(p.user_form(button=name))
for name in ["Sign in", "Proceed", "→"]:
    CASES[f"button_typed_{name}"] = looks(p.user_form(button=name, attributes="type=button"))
HIDES = {
    "display": "el => el.style.display = 'none'",
    "visibility": "el => el.style.visibility = 'hidden'",
    "aria": "el => { el.setAttribute('aria-hidden', 'true'); el.style.cssText = 'position:absolute;left:-3000px'; }",
    "offscreen": "el => el.style.cssText = 'position:absolute;left:-3000px'",
    "opacity": "el => el.style.cssText = 'opacity:0;pointer-events:none;position:absolute'",
    "collapsed": "el => el.style.cssText = 'height:0;overflow:hidden'",
    "inert": "el => { el.inert = true; el.style.opacity = .3; }",
    "scaled": "el => el.style.cssText = 'transform:scale(0)'",
}
for name, hide in HIDES.items():
    CASES[f"old_form_{name}"] = looks(p.USER_FORM, p.code_beside(hide))
BOXES = {
    "tel": "type=tel maxlength=6",
    "text": "type=text",
    "password": "type=password maxlength=6",
    "number": "type=number",
    "bullets": "type=number maxlength=6 placeholder=••••••",
    "userid": 'id=userid type=number maxlength=6 label="External TOTP"',
}
for name, attributes in BOXES.items():
    CASES[f"otp_{name}"] = looks(p.USER_FORM, p.code_box(attributes))
CASES["otp_password_bare"] = looks(p.USER_FORM, p.code_box("type=password", "Enter TOTP", "Submit"))
CASES["otp_6_digit"] = looks(
    p.USER_FORM, p.code_box("type=text inputmode=numeric maxlength=6", "6-digit code", "Verify")
)
CASES["otp_2fa_code"] = looks(p.USER_FORM, p.code_box("type=text", "2FA code", "Log in"))
for event in ("input", "keyup", "change"):
    CASES[f"auto_{event}"] = looks(p.USER_FORM, p.code_box(auto=event))
for delay in (300, 700, 1500):
    CASES[f"auto_delay_{delay}"] = looks(p.USER_FORM, p.code_box(auto="input", delay=delay))
CASES["auto_punishes"] = looks(p.USER_FORM, p.code_box(auto="input", once=False))
CASES["auto_punishes_300"] = looks(p.USER_FORM, p.code_box(auto="input", delay=300, once=False))
CASES["auto_punishes_keyup_slow"] = Case(
    Variant(p.app(p.USER_FORM, p.code_box(auto="keyup", once=False)), faults={"twofa": ["slow:6"]})
)
CASES["six_text"] = looks(p.USER_FORM, p.code_six())
CASES["six_tel_button"] = looks(p.USER_FORM, p.code_six("tel", auto=False))
CASES["six_password"] = looks(p.USER_FORM, p.code_six("password"))
CASES["six_number_nolimit"] = looks(p.USER_FORM, p.code_six("number", ""))
CASES["six_text_nolimit_button"] = looks(p.USER_FORM, p.code_six("text", "", auto=False))
CHOICE = {"code": p.CODE_CHOICE + p.CODE_AFTER_CHOICE}
CASES["app_code_first"] = Case(Variant(p.app(**CHOICE), twofa_type="app_code"))
RADIO = {"code": p.CODE_CHOICE_RADIO + p.CODE_AFTER_CHOICE}
CASES["app_code_options"] = Case(Variant(p.app(**RADIO), twofa_type="app_code"))
CASES["sms_only"] = Case(
    Variant(p.app(code=p.CODE_SMS), twofa_type="sms"), "otp_not_available", codes=0
)
CASES["sms_by_hint"] = Case(
    Variant(p.app(code=p.code_box("type=tel maxlength=6", "Enter OTP")), twofa_type="sms"),
    "otp_not_available",
    codes=0,
)
SMS_FORM = p.form_code("x", "We have sent an OTP to your mobile number ending 10.").replace(
    "<td>TOTP", "<td>OTP"
)
CASES["sms_rendered"] = Case(
    Variant(p.form_login(), login=lambda *_: page(SMS_FORM)), "otp_not_available", codes=0
)
TWO_CODES = """
function askCode() {
  root.innerHTML = '<form>' + '<p>Code <input type=tel maxlength=6></p>'.repeat(2) + '<button>Go on</button></form>';
}
"""
CASES["two_codes_by_hint"] = Case(
    Variant(p.app(code=TWO_CODES), twofa_type="app_code"), "page_changed", codes=0
)
TURNS_DOUBLE = "async function tryUser() { await sleep(500); askBoth(); }"
CASES["two_forms_after_login"] = Case(
    Variant(p.app(p.USER_FORM + TURNS_DOUBLE + p.USER_TWINS.replace("askUser", "askBoth"))),
    "page_changed",
    0,
    0,
)
CONSENTS = {
    "button": "<button>Authorize</button>",
    "allow": "<button type=button>Allow access</button>",
    "continue": "<button>Continue</button>",
    "role": "<div role=button tabindex=0>Authorise</div>",
    "link": "<a href='#'>Authorize app</a>",
}
for name, button in CONSENTS.items():
    CASES[f"consent_{name}"] = Case(Variant(authorize=p.consent(button)))
CASES["consent_refused"] = Case(Variant(authorize=p.consent()), "consent_required", authorize=False)
CASES["consent_refused_role"] = Case(
    Variant(authorize=p.consent("<div role=button tabindex=0>Continue</div>")),
    "consent_required",
    authorize=False,
)

# Clocks: no tolerance at all on the broker's side.

for off in (-40, -31, 29, 40):
    CASES[f"clock_{off}"] = Case(Variant(window=0, off=off))

# Ways to redirect.

REDIRECTS = {
    "303": lambda kite, url, params: redirect(url, 303),
    "js": lambda kite, url, params: page(f"<script>location.replace({url!r})</script>"),
    "js_late": lambda kite, url, params: page(
        f"<p>Redirecting</p><script>setTimeout(() => location = {url!r}, 2500)</script>"
    ),
    "meta": lambda kite, url, params: page(
        f'<meta http-equiv=refresh content="1;url={url}"><p>Please wait'
    ),
    "link": lambda kite, url, params: page(
        f"<a id=a href={url!r}>go</a><script>document.getElementById('a').click()</script>"
    ),
    "post": lambda kite, url, params: page(
        f"<form id=f method=post action={kite.redirect_uri!r}>"
        + "".join(
            f"<input type=hidden name={name} value={value!r}>" for name, value in params.items()
        )
        + "</form><script>document.getElementById('f').submit()</script>"
    ),
    "fragment": lambda kite, url, params: redirect(url.replace("?", "#")),
    "popup": lambda kite, url, params: page(f"<p>Done</p><script>window.open({url!r})</script>"),
    "iframe": lambda kite, url, params: page(f"<p>Done</p><iframe src={url!r}></iframe>"),
    "fetch": lambda kite, url, params: page(
        f"<p>Done</p><script>fetch({url!r}, {{mode: 'no-cors'}})</script>"
    ),
}
for name, answer in REDIRECTS.items():
    CASES[f"redirect_{name}"] = Case(Variant(finish=answer))
    if name not in {"fetch", "iframe"}:
        CASES[f"redirect_unknown_{name}"] = Case(Variant(finish=answer), redirect_uri=None)


def without_state(kite, url, params):
    return redirect(
        f"{kite.redirect_uri}?request_token={params['request_token']}&status=success&action=login"
    )


def wrong_state(kite, url, params):
    return redirect(
        f"{kite.redirect_uri}?request_token={params['request_token']}&status=success&state=other"
    )


def denied(kite, url, params):
    return redirect(
        url.replace("status=success", "status=cancelled").replace(
            f"request_token={params['request_token']}", "x=1"
        )
    )


CASES["state_missing"] = Case(Variant(finish=without_state), "state_mismatch", exchanges=0)
CASES["state_wrong"] = Case(Variant(finish=wrong_state), "state_mismatch", exchanges=0)
CASES["redirect_denied"] = Case(Variant(finish=denied), "consent_required", exchanges=0)
CASES["no_redirect"] = Case(
    Variant(finish=lambda *_: page("<h1>You are signed in</h1><p>Close this window")),
    "redirect_timeout",
)

# The broker says no to the password.

NO = [
    "Invalid username or password.",
    "Incorrect password",
    "The user ID or password you entered is wrong. 4 attempts left.",
    "Password does not match our records",
    "User ID not registered",
    "Please enter a valid user ID and password",
]
for number, words in enumerate(NO):
    CASES[f"password_no_{number}"] = says_no(said(words), "credentials_rejected")
CASES["password_400_input"] = says_no(
    said("Invalid `user_id`.", kind="InputException", status=400), "credentials_rejected"
)
CASES["password_200_error"] = says_no(said("Invalid password", status=200), "credentials_rejected")
CASES["password_401_text"] = says_no(
    lambda *_: Said("Invalid username or password", 401, "text/plain"), "broker_unavailable"
)
CASES["password_empty_403"] = says_no(lambda *_: data({}, 403), "broker_unavailable")
for name, fail in {
    "toast": p.FAIL_TOAST,
    "alert": p.FAIL_ALERT,
    "silent": p.FAIL_SILENT,
    "blank": p.FAIL_BLANK,
}.items():
    CASES[f"password_no_{name}"] = Case(
        Variant(p.app(fail=fail), login=said(NO[0])), "credentials_rejected", codes=0
    )
ONLY_TEXT = (
    "async function tryUser(u, p) { await signIn(u, p); fail('Invalid user ID or password'); }"
)
QUIET = {"login": lambda *_: data({"status": "success", "data": {}})}
# After a yes, what the page says is no refusal; an alert is.
for name, fail in {"text": p.FAIL_TEXT, "toast": p.FAIL_TOAST, "alert": p.FAIL_ALERT}.items():
    CASES[f"password_only_{name}"] = Case(
        Variant(p.app(p.USER_FORM + ONLY_TEXT, fail=fail), **QUIET),
        "credentials_rejected" if name == "alert" else "page_changed",
        codes=0,
    )
CASES["password_no_rendered"] = Case(
    Variant(
        p.form_login(),
        login=lambda kite, form: page(p.form_login(form["sess"], "Invalid user ID or password.")),
    ),
    "credentials_rejected",
    codes=0,
)
CASES["password_no_rendered_403"] = Case(
    Variant(
        p.form_login(),
        login=lambda kite, form: page(p.form_login(form["sess"], "Wrong password"), 403),
    ),
    "credentials_rejected",
    codes=0,
)
CASES["password_no_error_page"] = Case(
    Variant(
        p.form_login(),
        login=lambda *_: page(
            "<h1>Login failed</h1><p>Invalid credentials. <a href=/note/back>Back</a>"
        ),
    ),
    "credentials_rejected",
    codes=0,
)
CASES["password_no_components"] = Case(
    Variant(p.app(p.USER_COMPONENTS, p.CODE_COMPONENT), login=said(NO[0])),
    "credentials_rejected",
    codes=0,
)
SHADOW_TEXT = p.USER_SHADOW.replace(
    "r.ok ? askCode() : s.querySelector('.msg').textContent = r.message;",
    "s.querySelector('.msg').textContent = 'Invalid password';",
)
CASES["password_only_shadow_text"] = Case(
    Variant(p.app(SHADOW_TEXT), **QUIET), "page_changed", codes=0
)

LOCKED = [
    "Your account has been locked due to too many failed attempts.",
    "Account blocked. Please reset your password to continue.",
    "Your account is temporarily suspended",
    "Maximum login attempts exceeded. Reset your password to unblock your account.",
    "User is disabled. Contact support.",
    "Too many invalid attempts. Please reset your password.",
]
for number, words in enumerate(LOCKED):
    CASES[f"locked_{number}"] = says_no(said(words), "account_locked")
CASES["locked_at_code"] = code_no(said(LOCKED[1], kind="TwoFAException"), "account_locked")
CASES["not_enabled"] = says_no(said("The user is not enabled for the app."), "credentials_rejected")

# The broker says no to the code.

WRONG = {"status": "error", "message": "Invalid TOTP", "data": None, "error_type": "TwoFAException"}
CASES["code_no_once"] = Case(Variant(twofa=once(data(WRONG, 403))), codes=2)
CASES["code_no_always"] = code_no(lambda *_: data(WRONG, 403), "otp_rejected", codes=2)
for name, fail in {"toast": p.FAIL_TOAST, "alert": p.FAIL_ALERT, "silent": p.FAIL_SILENT}.items():
    again = p.code_box(auto="input", once=False)
    CASES[f"code_no_once_{name}"] = Case(
        Variant(p.app(code=again, fail=fail), twofa=once(data(WRONG, 403))), codes=2
    )
CASES["code_no_once_six"] = Case(
    Variant(
        p.app(code=p.code_six(auto=False).replace("if (!sent) { sent = true; ", "{ ")),
        twofa=once(data(WRONG, 403)),
    ),
    codes=2,
)
CASES["code_no_3_left"] = code_no(
    lambda *_: refusal("Invalid TOTP.", "TwoFAException", attempts_remaining=3), "otp_rejected"
)
CASES["code_no_2_left_words"] = code_no(
    said("Invalid TOTP. You have 2 attempts left.", kind="TwoFAException"), "otp_rejected"
)
CASES["code_no_rendered_once"] = Case(
    Variant(
        p.form_login(),
        twofa=lambda kite, form: (
            page(p.form_code(form["sess"], "The TOTP you entered is incorrect."))
            if len(kite.codes) == 1
            else (
                setattr(kite, "signed_in", True)
                or redirect(f"/connect/finish?sess_id={form['sess']}&api_key=replica_key", 303)
            )
        ),
    ),
    codes=2,
)
CASES["code_no_rendered"] = Case(
    Variant(
        p.form_login(), twofa=lambda kite, form: page(p.form_code(form["sess"], "Invalid TOTP"))
    ),
    "otp_rejected",
    codes=2,
)
CODE_ONLY = "async function tryCode(c) { await verify(c); fail('Incorrect TOTP'); }"
for name, fail in {"text": p.FAIL_TEXT, "alert": p.FAIL_ALERT}.items():
    box = p.code_box(once=False) + CODE_ONLY
    CASES[f"code_only_{name}"] = Case(
        Variant(
            p.app(code=box, fail=fail), twofa=lambda *_: data({"status": "success", "data": {}})
        ),
        "otp_rejected" if name == "alert" else "redirect_timeout",
        codes=2 if name == "alert" else 1,
    )
CASES["code_session_expired"] = code_no(
    said(
        "Your login session has expired or doesn't exist. Please login again.", kind="UserException"
    ),
    "broker_unavailable",
    passwords=2,
    codes=2,
)

# The broker, or the way to it, does not work.

for fault in ("502", "503", "500", "429:2", "429", "reset"):
    CASES[f"page_{fault}_once"] = Case(Variant(faults={"page": [fault]}))
    CASES[f"login_{fault}_once"] = Case(Variant(faults={"login": [fault]}), passwords=2)
    CASES[f"twofa_{fault}_once"] = Case(Variant(faults={"twofa": [fault]}), passwords=2, codes=2)
    CASES[f"finish_{fault}_once"] = Case(Variant(faults={"finish": [fault]}), passwords=2, codes=2)
    CASES[f"exchange_{fault}_once"] = Case(Variant(faults={"exchange": [fault]}), exchanges=2)
    CASES[f"profile_{fault}_once"] = Case(Variant(faults={"profile": [fault]}))
for fault in ("503", "reset"):
    always = [fault, "always"]
    no = "broker_unavailable"
    CASES[f"page_{fault}_always"] = Case(Variant(faults={"page": always}), no, passwords=0, codes=0)
    CASES[f"login_{fault}_always"] = Case(
        Variant(faults={"login": always}), no, passwords=2, codes=0
    )
    CASES[f"twofa_{fault}_always"] = Case(
        Variant(faults={"twofa": always}), no, passwords=2, codes=2
    )
    CASES[f"finish_{fault}_always"] = Case(
        Variant(faults={"finish": always}), no, passwords=2, codes=2
    )
    CASES[f"exchange_{fault}_always"] = Case(Variant(faults={"exchange": always}), no, exchanges=2)
    CASES[f"profile_{fault}_always"] = Case(Variant(faults={"profile": always}))
CASES["page_429_long"] = Case(
    Variant(faults={"page": ["429:600", "always"]}), "broker_unavailable", passwords=0, codes=0
)
for call, passwords, codes in (("page", 0, 0), ("login", 1, 0), ("twofa", 1, 1), ("finish", 1, 1)):
    CASES[f"{call}_hangs"] = Case(
        Variant(faults={call: ["hang", "always"]}),
        "broker_unavailable",
        passwords,
        codes,
        timeout=20,
    )
CASES["exchange_hangs"] = Case(
    Variant(faults={"exchange": ["hang", "always"]}), "broker_unavailable", exchanges=2, timeout=20
)
CASES["rendered_502_login"] = Case(Variant(p.form_login(), faults={"login": ["502"]}), passwords=2)
CASES["rendered_reset_login"] = Case(
    Variant(p.form_login(), faults={"login": ["reset"]}), passwords=2
)
CASES["page_maintenance_503"] = Case(
    Variant(page("<h1>Kite is under maintenance</h1><p>We will be back soon", 503)),
    "broker_unavailable",
    0,
    0,
)
CASES["page_maintenance_200"] = Case(
    Variant(page("<h1>Kite is under maintenance</h1><p>We will be back soon")),
    "broker_unavailable",
    0,
    0,
)

# Pages that stop a machine.

for name, what in {
    "frame": p.CAPTCHA_FRAME,
    "turnstile": p.CAPTCHA_TURNSTILE,
    "image": p.CAPTCHA_IMAGE,
}.items():
    CASES[f"captcha_{name}"] = Case(Variant(p.app(before=what)), "captcha_required", 0, 0)
for name, what in {"frame": p.CAPTCHA_FRAME, "turnstile": p.CAPTCHA_TURNSTILE}.items():
    CASES[f"captcha_clears_{name}"] = Case(Variant(p.app(before=p.clears(what))))
CASES["captcha_words"] = Case(Variant(p.CAPTCHA_WORDS), "captcha_required", 0, 0)
CASES["captcha_words_clear"] = Case(
    Variant(
        p.app(
            start="root.innerHTML='<p>Checking your browser before you go on</p>'; setTimeout(askUser, 4000)"
        )
    ),
)
CASES["captcha_at_login"] = Case(
    Variant(
        p.app(
            p.USER_FORM
            + "async function tryUser(u, p) { await signIn(u, p); root.innerHTML = `"
            + p.CAPTCHA_FRAME
            + "`; }"
        ),
        **QUIET,
    ),
    "captcha_required",
    codes=0,
)
CASES["captcha_json"] = says_no(said("Captcha verification failed"), "captcha_required")
CASES["denied_403_page"] = Case(
    Variant(page("<h1>Access denied</h1><p>Error 1020", 403)), "broker_unavailable", 0, 0
)
CASES["denied_403_plain"] = Case(
    Variant(page("<h1>403 Forbidden</h1><hr>cloudfront", 403)), "broker_unavailable", 0, 0
)
CASES["denied_403_login"] = says_no(
    lambda *_: page("<h1>Access denied</h1>", 403), "broker_unavailable"
)
CASES["page_404"] = Case(Variant(page("<h1>Not found</h1>", 404)), "page_changed", 0, 0)
CASES["bad_key_json"] = Case(Variant(mood={"bad_key_json"}), "credentials_rejected", 0, 0)
CASES["bad_key_html"] = Case(Variant(mood={"bad_key_html"}), "credentials_rejected", 0, 0)
CASES["not_enabled_at_finish"] = Case(
    Variant(finish=lambda *_: refusal("The user is not enabled for the app.")),
    "credentials_rejected",
    exchanges=0,
)
CASES["nothing_found"] = Case(Variant(p.app(p.USER_NONE)), "page_changed", 0, 0)
CASES["empty_page"] = Case(Variant(page("")), "page_changed", 0, 0)
CASES["two_equal_forms"] = Case(Variant(p.app(p.USER_TWINS)), "page_changed", 0, 0)
CASES["two_equal_boxes"] = Case(Variant(p.app(p.USER_TWO_BOXES)), "page_changed", 0, 0)
INTERSTITIAL = """
async function tryCode(c) { await verify(c); root.innerHTML = '<h2>Add a nominee</h2><button>Add</button>'; }
"""
CASES["interstitial"] = Case(Variant(p.app(code=p.CODE_BOX + INTERSTITIAL)), "page_changed")
CASES["password_expired"] = Case(
    Variant(
        p.app(
            p.USER_FORM
            + "async function tryUser(u, p) { await signIn(u, p); root.innerHTML = '<h2>Your password has expired</h2>"
            "<label>New password <input type=password></label><label>Confirm password <input type=password></label>"
            "<button>Change</button>'; }"
        )
    ),
    "page_changed",
    codes=0,
)

# The exchange and the token.

CASES["wrong_account"] = Case(Variant(user="ZZ0099"), "wrong_account")

CHOSEN = """
near_labels_div_button pointer_div components shadow_form disabled_until_keyup disabled_until_blur traps search_and_newsletter
signup_first tabs welcome_other prefilled_other two_screens redesign tamil spinner swap cookie_banner modal_dialog beforeunload
server_rendered other_port live_session button_6 button_typed_Proceed old_form_collapsed old_form_inert
otp_2fa_code otp_password_bare otp_userid auto_change auto_delay_700 auto_punishes auto_punishes_300 six_number_nolimit
six_text_nolimit_button app_code_options sms_rendered two_codes_by_hint two_forms_after_login consent_allow consent_continue
consent_role consent_link consent_refused_role clock_-31 clock_40 redirect_post redirect_unknown_popup
redirect_unknown_fragment state_missing redirect_denied password_no_2 password_401_text password_no_toast password_only_alert
password_only_toast password_only_shadow_text password_no_rendered_403 locked_3 locked_4 locked_at_code code_no_once
code_no_once_six code_no_3_left code_no_2_left_words code_only_text login_429:2_once twofa_503_once
finish_503_once exchange_reset_once profile_503_always page_429_long captcha_clears_turnstile bad_key_html
not_enabled_at_finish denied_403_login two_equal_boxes wrong_account
"""
EVERY_TIME = CHOSEN.split()
"""The cases that each teach something of their own; the rest (ten minutes) runs with REPLICAS=all in the environment."""
