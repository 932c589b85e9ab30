"""Only the broker's own word is a verdict: small pages that say much in passing, and a server that counts what is sent."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from playwright.async_api import async_playwright
from pydantic import SecretStr
from replicas.web import Said, Site, data, page, redirect
from support.clock import HandClock
from support.processes import browser
from support.selection import sample

from autologin import retry
from autologin.errors import AutologinError, CredentialsRejected, OtpNotAvailable, OtpRejected
from autologin.flow.otp import OtpGenerator
from autologin.flow.script import InputField, LoginScript, Step
from autologin.login.capture import Capture
from autologin.login.engine import LoginEngine
from autologin.login.network import NetworkWatcher
from autologin.login.snapshot import Snapshot, script
from autologin.login.state import LoginState

FASTER = 10
"""So much faster than the pages' clock runs the login's, where its patience is to run out."""
PATIENT = 3
"""The same where it is not: a slow machine is given its time."""
USER = InputField("user id", "text", label=r"user id")
PASSWORD = InputField("password", "password", label=r"password")
TOTP = InputField("TOTP", "code", label=r"totp|code", autocomplete=("one-time-code",))


@dataclass
class Quick:
    """This machine's clock, so many times as fast."""

    faster: int

    def now(self):
        return datetime.now(UTC)

    def monotonic(self):
        return time.monotonic() * self.faster


class NoAttempts:
    """What would be written down, forgotten."""

    def __getattr__(self, name):
        return lambda *_args, **_more: None


@dataclass
class Broker:
    """A login page of a form and a code's box; `after` is its script once a call was answered, `code` the next screen's."""

    after: str = "next();"
    head: str = ""
    foot: str = ""
    box: str = "<p><label>TOTP <input name=totp maxlength=6></label><button>Verify</button></p>"
    login: Said = field(default_factory=lambda: data({"status": "success"}))
    twofa: Said | None = None
    start: Said | None = None
    start_once: bool = False
    plain: bool = False
    """Whether the form is sent as forms are, and answered by a whole page."""
    twofa_after: str = "leave();"
    answers: str = "json"
    passwords: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)

    async def answer(self, asked):
        if asked.path == "/login" and asked.method == "POST":
            self.passwords.append(asked.form["password"])
            return self.login
        if asked.path == "/twofa" and asked.method == "POST":
            self.codes.append(asked.form["totp"])
            return self.twofa or data({"status": "success"})
        if asked.path == "/done":
            return redirect("http://127.0.0.9/cb?code=abc123&state=n")
        start = None if self.start_once and asked.path == "/again" else self.start
        return start or page(self.html())

    def html(self, error=""):
        listen = (
            ""
            if self.plain
            else "document.forms[0].addEventListener('submit', send('/login', login));"
        )
        return f"""<!doctype html><title>Login</title><body>{self.head}<div id=app>
<form method=post action=/login>{error}<p><label>User ID <input name=user></label></p>
<p><label>Password <input type=password name=password></label></p><button>Login</button></form></div>{self.foot}
<script>
const app = document.getElementById('app'), wait = ms => new Promise(done => setTimeout(done, ms));
const say = (words, more = '') => document.body.insertAdjacentHTML('beforeend', `<div ${{more}}>${{words}}</div>`);
const inline = words => document.forms[0].insertAdjacentHTML('beforeend', `<p>${{words}}</p>`);
const toast = words => say(words, 'class="toast" style="position:fixed;right:9px;bottom:9px"');
const leave = () => location = '/done';
function send(path, then) {{
  return async event => {{
    event.preventDefault();
    const body = new URLSearchParams(new FormData(document.forms[0]));
    const reply = await fetch(path, {{method: 'POST', body}});
    const text = await reply.text();
    let json = null;
    try {{ json = JSON.parse(text); }} catch {{ }}
    await then(json, text, reply);
  }};
}}
function next() {{
  app.innerHTML = `<form>{self.box}</form>`;
  document.forms[0].addEventListener('submit', send('/twofa', twofa));
}}
async function login(json, text, reply) {{ {self.after} }}
async function twofa(json, text, reply) {{ {self.twofa_after} }}
{listen}
</script>"""


@pytest.fixture(scope="module")
async def chromium():
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=browser())
        yield chromium
        await chromium.close()


def login_script(broker):
    seed = OtpGenerator(
        SecretStr("JBSWY3DPEHPK3PXP"), lambda _step: True, HandClock(datetime.now(UTC))
    )
    steps = (
        Step(
            "credentials",
            {USER: "AB1234", PASSWORD: SecretStr("hunter2-Rabbit")},
            press="login",
            refused=CredentialsRejected,
            reply="/login",
            answers=broker.answers,
        ),
        Step("TOTP", {TOTP: seed}, press="verify", refused=OtpRejected, reply="/twofa"),
    )
    phrases = {OtpNotAvailable: r"(invalid|incorrect) app.?code|t-?otp is not enabled"}
    return LoginScript(steps, phrases=phrases)


@asynccontextmanager
async def opened(chromium, broker, faster):
    """A login in a window of its own, in the one browser."""
    clock = Quick(faster)
    async with Site(broker.answer, HandClock(datetime.now(UTC))) as site:
        capture = Capture("http://127.0.0.9/cb", ("code",), "state", "n", [site.origin])
        context = await chromium.new_context()
        await capture.attach(chromium, context)
        window = await context.new_page()
        network = NetworkWatcher(window, capture, clock)
        await network.listen(context)
        now = clock.monotonic()
        state = LoginState(deadline=now + 80, acted_at=now)
        yield site, LoginEngine(window, capture, network, NoAttempts(), clock, state)
        await context.close()
        await capture._session.detach()


@pytest.fixture
def visit(chromium):
    """What a login at a broker ends in: "issued", or the error."""

    async def visit(broker, faster=FASTER):
        async with opened(chromium, broker, faster) as (site, engine):
            try:
                await engine.open(f"{site.origin}/start")
                await engine.drive(login_script(broker))
            except AutologinError as error:
                return error
            return SimpleNamespace(name="issued", detail="")

    return visit


def blocks(found):
    return isinstance(found, AutologinError) and retry.blocks(found)


EXPIRES = "Your password will expire in 3 days. Change it now to avoid getting locked out of your account."
STAT_OK = data({"stat": "Ok"})
PASSING = {
    "a toast": f"toast('{EXPIRES}');",
    "an alert region": f"say('{EXPIRES}', 'role=alert');",
    "a live region": f"say('{EXPIRES}', 'aria-live=polite');",
    "beside the form": f"inline('{EXPIRES}');",
    "an alert": f"alert('{EXPIRES}');",
    "a refusal of something else": "toast('Your nominee details are invalid and were rejected');",
    "a lock of something else": "toast('Your account is blocked for F&O trading');",
    "earlier failures": "toast('2 failed login attempts since your last login');",
    "an outage of something else": "toast('Market data is temporarily unavailable');",
    "a wrong word": "toast('Something went wrong');",
    "a refusal in an alert region": "say('Incorrect password', 'class=error-box');",
    "a session": "toast('Your session on another device has expired');",
    "a captcha's small print": "say('This site is protected by reCAPTCHA');",
    "a drawn dialog": "say('<b>Account locked?</b> Call us', 'role=dialog');",
    "no form any more": f"app.innerHTML = ''; toast('{EXPIRES}');",
}


@pytest.mark.parametrize("name", sample([*PASSING], 6))
async def test_what_appears_after_a_yes_is_no_refusal(visit, name):
    words = PASSING[name]
    last = f"{words} await wait(250); leave();"
    first = f"{words} await wait(100); next();" if "alert(" not in words else "next();"
    broker = Broker(after=first, login=STAT_OK, twofa=STAT_OK, twofa_after=last)
    found = await visit(broker, PATIENT)
    assert (found.name, len(broker.passwords), len(broker.codes)) == ("issued", 1, 1), found.detail


HINTS = {
    "conditional": "If the code is shown as incorrect, set the time of your phone to automatic.",
    "warning": "Your account will be locked after 5 wrong codes.",
    "rule": "After 3 incorrect attempts the account is blocked for a day.",
    "question": "Invalid code? Ask for help",
    "help link": "Unlock a blocked account",
    "advice": "Never enter your code on a wrong site: an incorrect address is a fraud.",
    "countdown": "The code expires in 00:29",
    "note": "Note: codes that are older than 30 seconds are invalid.",
    "history": "Last failed login: yesterday, 10:12",
    "hindi": "यदि कोड गलत है, तो अपने फ़ोन का समय ठीक करें (invalid code).",
    "tip in two sentences": "Code incorrect? Please check the clock. A wrong clock makes codes invalid.",
    "count": "You have 4 attempts left before your account gets blocked.",
    "news": "Our back office will be under maintenance on Saturday from 10 pm.",
    "others": "Users who enter wrong codes get locked out.",
    "somebody else": "12 fake apps were blocked this week.",
}


@pytest.mark.parametrize(
    ("name", "plain"), sample([(name, plain) for name in HINTS for plain in (False, True)], 6)
)
async def test_a_hint_before_the_box_is_waited_out(visit, name, plain):
    screen = (
        f"app.innerHTML = '<form><h2>Two factor</h2><p class=error-hint>{HINTS[name]}</p></form>';"
    )
    broker = Broker(after=f"{screen} await wait(100); next();", plain=plain)
    if plain:
        broker.login = page(
            broker.html().replace("</script>", f"{screen} wait(100).then(next);</script>")
        )
    found = await visit(broker, PATIENT)
    assert (found.name, len(broker.passwords), len(broker.codes)) == ("issued", 1, 1), found.detail


OUTAGES = {
    "soon": "<h1>We'll be back soon!</h1><p>Our team is performing some maintenance.</p>",
    "scheduled": "<h1>Scheduled maintenance</h1><p>We will be back shortly.</p>",
    "unavailable": "<h2>Service temporarily unavailable</h2>",
    "down": "<title>Down</title><p>The site is down for maintenance",
    "difficulties": "<p>We are experiencing technical difficulties. Please check again.</p>",
    "traffic": "<p>Heavy traffic on our servers. Please try again later.</p>",
    "gateway": "<center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center>",
    "upgrade": "<h3>We are upgrading our systems to serve you better</h3>",
    "with a box": "<h1>Under maintenance</h1><label>Tell me when you are back<input name=q></label>",
    "a picture and a title": "<title>Site under maintenance</title><img alt='' src='data:,' width=300 height=200>",
    "firewall": "<h1>Access denied</h1><p>Error 1020. Ray ID: 8a1f",
    "plain 403": "<h1>403 Forbidden</h1><hr>cloudfront",
    "hindi": "<h1>साइट पर रखरखाव चल रहा है</h1><p>जल्द ही वापस आएंगे",
    "internal": "<h1>Internal server error</h1>",
    "overload": "<p>The server is currently overloaded",
}


@pytest.mark.parametrize("name", sample([*OUTAGES], 4))
async def test_an_outage_in_place_of_the_login_is_told_and_nothing_is_sent(visit, name):
    broker = Broker(start=page(f"<!doctype html><body>{OUTAGES[name]}"))
    found = await visit(broker)
    assert (found.name, broker.passwords) == ("broker_unavailable", []), found.detail


@pytest.mark.parametrize("status", [401, 403])
async def test_a_page_that_is_refused_at_the_door_blocks_nothing(visit, status):
    found = await visit(Broker(start=page("<h1>Nothing for you here</h1>", status)))
    assert found.name == "broker_unavailable"


@pytest.mark.parametrize(
    "head",
    [
        "<p>Maintenance on Saturday from 10 pm to 2 am</p>",
        "<div role=alert>Our back office is under maintenance</div>",
        "<div class=toast>Trading in ABC is suspended</div>",
        "<p class=error>Accounts without a nominee will be blocked</p>",
    ],
)
async def test_news_beside_a_login_that_works_is_none(visit, head):
    assert (await visit(Broker(head=head), PATIENT)).name == "issued"


STRANGERS = {
    "maintenance": page("<!doctype html><h1>Scheduled maintenance</h1><p>Back shortly"),
    "maintenance, a piece": page("<h1>Scheduled maintenance</h1>"),
    "another page": page("<!doctype html><html><body><h1>Welcome to our site</h1></body></html>"),
    "firewall": page("<html><body>Request blocked. Invalid user agent</body></html>", 403),
    "no JSON": page("<html><body>401 Authorization Required</body></html>", 401),
    "plain": Said("Invalid password or blocked address", 403, "text/plain"),
    "gateway": page("<html><h1>502 Bad Gateway</h1></html>", 502),
}
OWN_WORDS = [
    "inline('Invalid password');",
    "toast('Login failed. Please try again.');",
    "say('Your account has been blocked', 'role=alert');",
]


@pytest.mark.parametrize(
    ("name", "words"), sample([(name, words) for words in OWN_WORDS for name in STRANGERS], 8)
)
async def test_an_answer_that_is_not_the_brokers_blocks_nothing_whatever_the_page_makes_of_it(
    visit, name, words
):
    broker = Broker(login=STRANGERS[name], after=words)
    found = await visit(broker)
    assert (found.name, len(broker.passwords)) == ("broker_unavailable", 1), found.detail


@pytest.mark.parametrize("status", [200, 403, 503])
async def test_a_challenge_in_place_of_an_answer_is_one(visit, status):
    html = "<!doctype html><title>Just a moment...</title><p>Verifying you are human"
    broker = Broker(login=page(html, status), after="")
    assert (await visit(broker)).name in (
        {"captcha_required"} if status < 500 else {"captcha_required", "broker_unavailable"}
    )


UNFLAGGED = data({"next": None}, 200)
REFUSALS = {
    "inline": "inline('Invalid user ID or password');",
    "toast": "toast('Invalid user ID or password');",
    "alert": "alert('Invalid user ID or password');",
    "alert region": "document.body.insertAdjacentHTML('afterbegin', '<div style=\"height:900px\"></div>');"
    " say('Wrong password', 'role=alert');",
    "above the form": "app.insertAdjacentHTML('beforebegin', '<p>Incorrect password. Forgot password?</p>');",
    "shadow root": "inline(''); const host = document.forms[0].lastChild.attachShadow({mode: 'open'});"
    " host.innerHTML = '<b>Wrong password</b>';",
    "in place of the form": "app.innerHTML = '<h2>Invalid user ID or password</h2><a href=/>Forgot?</a>';",
    "with attempts": "inline('Invalid password. 4 attempts left before the account gets blocked.');",
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_a_refusal_at_the_form_or_in_an_alert_region_is_one(visit, name):
    """Where the call's own answer is none that anybody could read."""
    broker = Broker(after=REFUSALS[name], login=Said("no", 200, "text/plain"))
    found = await visit(broker, PATIENT)
    assert (found.name, len(broker.passwords)) == ("credentials_rejected", 1), found.detail


ANEW = {
    "at the form": "<div class=flash>Invalid user ID or password.</div>",
    "a line": "<p>Wrong password",
    "frame": "<iframe srcdoc='<p>Wrong password</p>' height=40></iframe>",
}


@pytest.mark.parametrize(
    ("name", "status"), sample([(name, status) for name in ANEW for status in (200, 401, 403)], 3)
)
async def test_a_page_that_is_loaded_anew_answers(visit, name, status):
    broker = Broker(plain=True)
    broker.login = page(broker.html(ANEW[name]), status)
    found = await visit(broker, PATIENT)
    assert (found.name, len(broker.passwords)) == ("credentials_rejected", 1), found.detail


@pytest.mark.parametrize(
    "words",
    [
        "<h1>Login failed</h1><p>Invalid credentials. <a href=/>Back</a>",
        "<p>Your user ID or password is incorrect.",
    ],
)
async def test_a_page_in_place_of_the_form_answers(visit, words):
    broker = Broker(plain=True, login=page(f"<!doctype html>{words}"))
    assert (await visit(broker, PATIENT)).name == "credentials_rejected"


ELSEWHERE = {
    "far below": "say('Invalid user ID or password', 'style=\"margin-top:900px\"');",
    "far aside": "say('Wrong password', 'style=\"position:absolute;left:900px;top:0\"');",
    "hidden": "inline('<span style=\"display:none\">Wrong password</span>');",
    "transparent": "inline('<span style=\"opacity:0\">Wrong password</span>');",
    "question": "inline('Wrong password?');",
    "warning": "toast('A wrong password may block your account');",
    "open": "toast('Invalid request');",
    "other": "toast('Failed to load prices');",
    "was there": "",
}


@pytest.mark.parametrize("name", ELSEWHERE)
async def test_words_that_are_no_verdict_block_nothing(visit, name):
    foot = (
        "<p>Wrong password</p><div role=alert>Account blocked</div>" if name == "was there" else ""
    )
    broker = Broker(after=ELSEWHERE[name], foot=foot, login=Said("no", 200, "text/plain"))
    found = await visit(broker)
    assert (blocks(found), len(broker.passwords)) == (False, 1), found.detail
    assert found.name == "page_changed"


EMPTY = Said("", 401, "application/json")
WORDLESS = {
    "empty": EMPTY,
    "a number": data({"errorCode": "E17"}, 400),
    "a letter": data({"error": "x"}, 400),
    "a code": data({"code": "E17"}, 401),
    "a flag": data({"ok": False}),
    "a number in a 200": data({"errorCode": "E17"}),
}
SPOKEN = {
    "inline('Invalid username or password');": "credentials_rejected",
    "alert('Your account is locked');": "account_locked",
    "await wait(300); inline('Invalid username or password');": "credentials_rejected",
    "say('Your account is locked', 'role=alert id=t'); await wait(1000); t.remove();": "account_locked",
    "toast('Your PIN is locked'); app.innerHTML = '';": "account_locked",
}


@pytest.mark.parametrize(
    ("name", "words"), sample([(name, words) for words in SPOKEN for name in WORDLESS], 8)
)
async def test_what_is_refused_without_a_word_the_page_tells(visit, name, words):
    broker = Broker(login=WORDLESS[name], after=words)
    found = await visit(broker, 1)
    assert (found.name, len(broker.passwords)) == (SPOKEN[words], 1), found.detail


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("Maximum OTP attempts reached.", "account_locked"),
        ("OTP limit exceeded. Please try after 30 minutes.", "account_locked"),
        ("Invalid App Code. 4 attempts remain.", "otp_not_available"),
        ("The code is not correct. 1 attempt left", "otp_rejected"),
    ],
)
async def test_so_it_does_of_a_code(visit, words, name):
    broker = Broker(twofa=data({"e": 1}, 400), twofa_after=f"inline('{words}');")
    found = await visit(broker, 1)
    assert (found.name, len(broker.codes)) == (name, 1), found.detail


@pytest.mark.parametrize(
    ("name", "words", "ends_in"),
    [
        ("empty", "", "broker_unavailable"),
        ("a flag", "", "page_changed"),
        ("a letter", "toast('Oh dear');", "page_changed"),
        ("a number", "await wait(7000); inline('Invalid password');", "page_changed"),
    ],
)
async def test_where_the_page_says_nothing_the_reply_alone_is_judged(visit, name, words, ends_in):
    broker = Broker(login=WORDLESS[name], after=words)
    found = await visit(broker, PATIENT)
    assert (found.name, len(broker.passwords)) == (ends_in, 1), found.detail
    assert ("Oh dear" in found.detail) == ("Oh dear" in words)


async def test_what_a_refusal_without_a_word_is_followed_by_may_be_a_yes(visit):
    """The page sends it once more by itself."""
    again = (
        "if (!reply.ok) { await fetch('/again'); await send('/login', login)(event); } else next();"
    )
    broker = Broker(after=again.replace("(event)", "(new Event('x'))"), login=EMPTY)
    replies = [EMPTY, data({"status": "success"})]
    answer = broker.answer

    async def answer_in_turn(asked):
        broker.login = replies[min(len(broker.passwords), 1)]
        return await answer(asked)

    broker.answer = answer_in_turn
    assert (await visit(broker, 1)).name == "issued"


@pytest.mark.parametrize("plain", [True, False])
async def test_a_password_that_has_expired_was_accepted(visit, plain):
    html = """<form><h1>Your password has expired. Choose a new one</h1>
<p><label>New password <input type=password></label></p>
<p><label>Confirm new password <input type=password></label></p><button>Save</button></form>"""
    broker = Broker(plain=plain, after=f"app.innerHTML = `{html}`;")
    if plain:
        broker.login = page(html)
    found = await visit(broker)
    assert (found.name, len(broker.passwords)) == ("page_changed", 1), found.detail
    assert "Your password has expired" in found.detail


async def test_what_a_page_thinks_of_what_was_typed_is_not_the_brokers_word(visit):
    """Nothing was sent."""
    broker = Broker(
        foot="<script>document.forms[0].addEventListener('submit', event => {"
        "event.preventDefault(); event.stopImmediatePropagation(); inline('Invalid user ID'); }, true);</script>"
    )
    found = await visit(broker)
    assert (found.name, broker.passwords) == ("page_changed", [])
    assert "Invalid user ID" in found.detail


async def test_nor_is_an_alert_of_the_pages_own(visit):
    broker = Broker(
        foot="<script>document.forms[0].addEventListener('submit', event => {"
        "event.preventDefault(); event.stopImmediatePropagation(); alert('Wrong password'); }, true);</script>"
    )
    found = await visit(broker)
    assert (found.name, broker.passwords) == ("page_changed", [])
    assert "Wrong password" in found.detail


@pytest.mark.parametrize("status", [403, 503])
async def test_a_challenge_in_place_of_the_page_is_one_and_may_clear(visit, status):
    html = "<!doctype html><title>Just a moment...</title><p>Verifying you are human"
    assert (await visit(Broker(start=page(html, status)))).name == "captcha_required"
    clears = f"{html}<script>setTimeout(() => location = '/again', 150)</script>"
    broker = Broker(start=page(clears, status))
    broker.start_once = True
    assert (await visit(broker, PATIENT)).name == "issued"


async def test_an_outage_with_all_the_words_around_it_is_one(visit):
    menu = "".join(
        f"<li>{word}</li>"
        for word in ["Home", "Products", "Pricing", "About", "Blog", "Careers", "Help"]
    )
    html = (
        f"<body><ul>{menu}</ul><h1>We are down for maintenance</h1><ul>{menu}</ul><ul>{menu}</ul>"
    )
    assert (await visit(Broker(start=page(html)))).name == "broker_unavailable"


LOCK = "Too many incorrect OTP attempts. Please try after 15 minutes"
REPLIES = [
    ({"status": "Not_Ok", "code": "EC080", "message": LOCK}, 200, "account_locked"),
    ({"status": "Not_Ok", "message": "T-OTP is not enabled"}, 200, "otp_not_available"),
    (
        {"status": "error", "message": "Invalid App Code. 4 attempt(s) remain."},
        400,
        "otp_not_available",
    ),
    ({"status": "error", "message": "Invalid session."}, 400, "broker_unavailable"),
    ({"status": "error", "message": "Invalid request"}, 400, "page_changed"),
    ({"status": "error", "message": ""}, 403, "page_changed"),
    ({"message": "Forbidden"}, 403, "page_changed"),
    ({"status": "error", "message": "Something went wrong"}, 400, "broker_unavailable"),
    ({"error": "Your account has been locked"}, 200, "account_locked"),
    ({"success": False, "errorMessage": "Your account is blocked"}, 200, "account_locked"),
    (
        {"Success": None, "Status": 500, "Error": "Incorrect OTP, 2 attempts left"},
        200,
        "otp_rejected",
    ),
    ({"status": "error", "message": "Invalid OTP. 3 attempts left."}, 403, "otp_rejected"),
    ({"message": "Invalid OTP. 1 attempt left."}, 200, "otp_rejected"),
]


@pytest.mark.parametrize(("body", "status", "name"), REPLIES)
async def test_what_the_broker_answers_to_the_code_is_its_word(visit, body, status, name):
    broker = Broker(twofa=data(body, status), twofa_after="toast(json.message);")
    found = await visit(broker)
    assert (found.name, len(broker.codes)) == (name, 1), found.detail


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (
            "Invalid username or password. 4 attempts left before the account gets blocked.",
            "credentials_rejected",
        ),
        ("Please enter a valid user ID and password", "credentials_rejected"),
        ("Unable to process", "broker_unavailable"),
        ("Invalid device", "page_changed"),
    ],
)
async def test_what_the_broker_answers_to_the_password_is_its_word(visit, message, name):
    broker = Broker(login=data({"status": "error", "message": message}, 403), after="")
    found = await visit(broker)
    assert (found.name, len(broker.passwords)) == (name, 1), found.detail


@pytest.mark.parametrize(
    ("login", "name"),
    [
        (Said("Invalid password", 200, "text/plain"), "credentials_rejected"),
        (page("<div id=msg>Invalid user or password</div>"), "credentials_rejected"),
        (page("<div>Incorrect password</div>", 401), "credentials_rejected"),
        (page("<!doctype html><p>Incorrect password", 401), "broker_unavailable"),
        (page("<!doctype html><h1>Under maintenance</h1>"), "broker_unavailable"),
        (Said("If the password is invalid, reset it", 200, "text/plain"), "page_changed"),
    ],
)
async def test_where_a_broker_answers_in_text_its_text_is_its_word(visit, login, name):
    broker = Broker(login=login, answers="text", after="")
    found = await visit(broker)
    assert (found.name, len(broker.passwords)) == (name, 1), found.detail


async def test_a_call_of_the_pages_from_before_the_submit_answers_nothing_of_ours(visit):
    broker = Broker(
        foot="<script>fetch('/login/config'); fetch('/login', {method: 'HEAD'});</script>"
    )
    broker.start = None
    found = await visit(broker, PATIENT)
    assert found.name == "issued"


PLACES = [
    ("<form><input></form><p id=t>T</p>", True, False),
    ("<form><input><b>T</b></form>", True, False),
    ("<div style='height:2000px'></div><input><div style='height:900px'></div><p>T", False, False),
    ("<input style='margin-bottom:900px'><div role=alert>T</div>", False, True),
    ("<input style='margin-bottom:900px'><div role=status><p>T</p></div>", False, True),
    ("<input style='margin-bottom:900px'><div aria-live=polite>T</div>", False, True),
    ("<input style='margin-bottom:900px'><div aria-live=off>T</div>", False, False),
    ("<input style='margin-bottom:900px'><div class=MuiSnackbar-root>T</div>", False, True),
    ("<input style='margin-bottom:900px'><div class='form-Error'>T</div>", False, True),
    ("<input style='margin-bottom:900px'><p><span class=invalid-feedback>T</span>", False, True),
    ("<input style='margin-bottom:900px'><div id=errorMsg><i><b>T</b></i></div>", False, True),
    ("<body class=has-errors><input style='margin-bottom:900px'><p>T", False, False),
    ("<div class=alert-page><form style='margin-bottom:900px'><input></form><p>T", False, False),
    ("<form>" + "<p>x y z</p>" * 300 + "<input></form><p>T", True, False),
    ("<form><p>T</p>" + "<p>x y z</p>" * 300 + "<input></form>", False, False),
    (
        "<input style='margin-bottom:900px'><br><iframe srcdoc='<p role=alert>T</p>'></iframe>",
        False,
        True,
    ),
    ("<iframe srcdoc='<input><p>T'></iframe>", True, False),
    (
        "<input style='margin-right:600px'><p style='position:absolute;left:900px;top:0'>T",
        False,
        False,
    ),
    ("<dialog open style='top:900px'>T</dialog><input>", False, True),
]


@pytest.mark.parametrize(("html", "at_form", "alert"), PLACES)
async def test_where_a_text_stands(chromium, html, at_form, alert):
    window = await chromium.new_page()
    await window.set_content(html)
    seen = await window.evaluate(
        f"async args => (await ({script()})(args)).data", {"css": {}, "seen": ""}
    )
    texts = [one for one in Snapshot.from_json(seen).words if one.text == "T"]
    await window.close()
    assert [(bool(one.groups), one.alert) for one in texts] == (
        [(at_form, alert)] if at_form or alert else []
    )
