"""Forms as nobody here has made them: what is typed arrives whole and once, or the form is not sent."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
import yaml
from pydantic import SecretStr
from pyotp import TOTP
from replicas.web import Site, page, redirect
from support.clock import FastClock, SkippingClock
from support.selection import sample

from autologin import run as runs
from autologin.app import App
from autologin.config import loader
from autologin.config.schema import BrowserSettings
from autologin.errors import AutologinError
from autologin.flow.otp import OtpGenerator
from autologin.flows.oauth2 import OAuth2, OAuth2Credentials, OAuth2Options
from autologin.login import browser, forms
from autologin.login.capture import Capture
from autologin.login.engine import LoginEngine
from autologin.login.network import NetworkWatcher
from autologin.login.snapshot import PageReader
from autologin.login.state import LoginState

USER, PASSWORD, PIN, SEED = (
    "AB1234",
    "s3cret pass-word",
    "482913",
    "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
)
TO_APP = "http://127.0.0.9:9/callback"


class Broker(Site):
    """Serves one login page, and keeps what its forms send."""

    def __init__(self, html, clock, *, user=USER, password=PASSWORD, code=False, refuses=()):
        super().__init__(self._judge, clock)
        self.html, self.user, self.password, self.code = html, user, password, code
        self.refuses = refuses
        self.asked, self.sent = [], []

    async def _judge(self, asked):
        self.asked.append(asked.path)
        if asked.method != "POST":
            return page(self.html)
        self.sent.append(asked.form | {"to": asked.path})
        if asked.path == "/code":
            now = int(self.clock.now().timestamp())
            right = asked.form.get("c") in {TOTP(SEED).at(now), TOTP(SEED).at(now - 30)}
            return self._done() if right else page("<p role=alert>Invalid TOTP")
        if asked.path == "/next":
            return page(self.refuses or self.html)
        right = (asked.form.get("u"), asked.form.get("p")) == (self.user, self.password)
        if not right:
            return page(f"<p role=alert>Invalid user ID or password.</p>{self.html}")
        return page(CODE) if self.code else self._done()

    def _done(self):
        return redirect(f"{TO_APP}?code=c0de&state=n0nce", 303)


class Attempts:
    """An attempt log that keeps what it is told."""

    def __init__(self):
        self.told = []

    def __getattr__(self, name):
        return lambda *given: self.told.append((name, *given))


@pytest.fixture
async def run(tmp_path):
    """A whole run of an account at such a broker; gives what it ended in, and the block."""

    async def whole(broker, clock):
        credentials = {"client_id": "app", "redirect_uri": TO_APP}
        credentials |= {"user_id": broker.user, "password": broker.password}
        endpoints = {"authorize": broker.origin, "token": broker.origin}
        account = {"broker": "oauth2", "credentials": credentials, "endpoints": endpoints}
        file = tmp_path / "config.yaml"
        file.touch(mode=0o600)
        file.write_text(yaml.safe_dump({"state": {"path": "state"}, "accounts": {"a": account}}))
        app = App.open(loader.load(file, {"HOME": str(tmp_path)}), clock)
        try:
            (outcome,) = await runs.run_accounts(app, list(app.settings.accounts.values()))
            return outcome.error.name, app.store.attempts.current_block("a")
        finally:
            app.store.close()

    return whole


@pytest.fixture(scope="module")
async def chromium():
    driver = browser.Driver()
    opened = browser.fresh_context(
        driver, BrowserSettings(), headed=False, resolver_rule=None, proxy=None
    )
    async with opened as (one, _):
        yield one
    await driver.stop()


@asynccontextmanager
async def signing_in(chromium, broker, clock):
    """An engine at the broker's page, in a context of its own, and the script that it drives."""
    urls = {"authorize": broker.origin, "token": broker.origin}
    credentials = OAuth2Credentials(
        client_id="app",
        redirect_uri=TO_APP,
        user_id=broker.user,
        password=SecretStr(broker.password),
        totp_secret=SecretStr(SEED) if broker.code else None,
    )
    flow = OAuth2(credentials, urls, OAuth2Options())
    capture = Capture(TO_APP, ("code",), "state", "n0nce", [broker.origin])
    context = await chromium.new_context()
    try:
        await capture.attach(chromium, context)
        tab = await context.new_page()
        network = NetworkWatcher(tab, capture, clock)
        await network.listen(context)
        now = clock.monotonic()
        state = LoginState(deadline=now + 80, acted_at=now)
        engine = LoginEngine(tab, capture, network, Attempts(), clock, state)
        seed = OtpGenerator(SecretStr(SEED), lambda _step: True, clock) if broker.code else None
        yield engine, flow.login_script(seed)
    finally:
        await capture._session.detach()
        await context.close()


async def walk(chromium, html, clock=None, **more):
    """What the login on a page ends in, with what the broker got."""
    clock = clock or FastClock()
    async with (
        Broker(html, clock, **more) as broker,
        signing_in(chromium, broker, clock) as (engine, script),
    ):
        clock.twin = SimpleNamespace(seen=broker.asked)
        try:
            await engine.open(broker.origin)
            await engine.drive(script)
            return SimpleNamespace(ended="issued", detail="", sent=broker.sent, engine=engine)
        except AutologinError as error:
            return SimpleNamespace(
                ended=error.name, detail=error.detail, sent=broker.sent, engine=engine
            )


USER_BOX = "<label>User ID <input name=u></label>"
PASSWORD_BOX = "<label>Password <input name=p type=password></label>"
GO = "<button>Log in</button>"
CODE = (
    "<form method=post action=/code><label>TOTP <input name=c maxlength=6></label>"
    "<button>Verify</button></form>"
)


def form(*parts, script="", go=GO):
    return (
        f"<!doctype html><title>Broker</title><form method=post action=/in>{''.join(parts)}{go}"
        f"</form><script>const f = document.forms[0]; {script}</script>"
    )


def box(more, label="Password"):
    return f"<label>{label} <input name=p {more}></label>"


LATER = f"f.u.closest('label').insertAdjacentHTML('afterend', '{PASSWORD_BOX}')"
ANEW = "p => { const q = p.cloneNode(); q.value = ''; p.replaceWith(q); }"
KEYS = (
    "<div id=keys>" + "".join(f"<button type=button>{key}</button>" for key in range(10)) + "</div>"
)
ON_KEY = """document.getElementById('keys').onclick = event => {
  if (event.target.tagName !== 'BUTTON') return;
  f.p.value += event.target.textContent;
  const keys = event.target.parentNode;
  keys.append(keys.children[3], keys.children[0]);  // they move after each press
};"""
WHOLE = {
    "plain": form(USER_BOX, PASSWORD_BOX),
    "masked by a style": form(USER_BOX, box("style='-webkit-text-security:disc'")),
    "masked by a font": form(USER_BOX, box("type=tel style='font-family:text-security-disc'")),
    "readonly until it has the focus": form(
        USER_BOX, box("type=password readonly onfocus='this.readOnly = false'")
    ),
    "both readonly, and again when they are left": form(
        "<label>User ID <input name=u readonly onfocus='this.readOnly = false' "
        "onblur='this.readOnly = true'></label>",
        box("type=password readonly onfocus='this.readOnly = false' onblur='this.readOnly = true'"),
    ),
    "readonly until it is clicked": form(
        USER_BOX, box("type=password readonly onmousedown='this.readOnly = false'")
    ),
    "password drawn a moment later": form(USER_BOX, script=f"setTimeout(() => {LATER}, 600)"),
    "password drawn once the user id is typed": form(
        USER_BOX, script=f"f.u.addEventListener('input', () => {{ if (!f.p) {LATER} }})"
    ),
    "password drawn once the user id is left": form(
        USER_BOX,
        script=f"f.u.addEventListener('change', () => {{ if (!f.p) {LATER} }})",
        go="<button>Next</button>",
    ),
    "password drawn late, below another button": form(
        USER_BOX, script=f"setTimeout(() => {LATER}, 700)", go="<button>Next</button>"
    ),
    "password opens once the user id is typed": form(
        USER_BOX,
        box("type=password disabled"),
        script="f.u.oninput = () => { f.p.disabled = false; }",
    ),
    "password opens once the user id is left": form(
        USER_BOX,
        box("type=password disabled"),
        script="f.u.onchange = () => { f.p.disabled = false; }",
    ),
    "password emptied once it is left": form(
        USER_BOX,
        PASSWORD_BOX,
        go="<button type=button>Log in</button>",
        script="let n = 0; f.p.onkeyup = () => { if (!n++) f.p.value = ''; };"
        "f.querySelector('button').onclick = () => f.submit()",
    ),
    "password's box made anew once it is typed into": form(
        USER_BOX, PASSWORD_BOX, script=f"f.p.oninput = () => setTimeout({ANEW}, 0, f.p)"
    ),
    "boxes made anew once a script is there": form(
        USER_BOX,
        PASSWORD_BOX,
        script=f"f.onsubmit = () => false; setTimeout(() => {{ ({ANEW})(f.p);"
        "f.onsubmit = null; }, 700)",
    ),
    "written in an editor": form(
        "<p id=l>User ID</p><div contenteditable aria-labelledby=l style='width:9em;height:1em'>"
        "</div><input type=hidden name=u>",
        PASSWORD_BOX,
        script="f.onsubmit = () => { f.u.value = f.querySelector('div').textContent }",
    ),
    "written in a large box": form(
        "<label>User ID <textarea name=u></textarea></label>", PASSWORD_BOX
    ),
    "no button": form(
        USER_BOX,
        PASSWORD_BOX,
        go="",
        script="f.p.onkeydown = event => { if (event.key === 'Enter') f.submit() }",
    ),
    "in a shadow tree": """<x-login></x-login><script>
const s = document.querySelector('x-login').attachShadow({mode: 'open'});
s.innerHTML = `<form method=post action=/in><label>User ID <input name=u></label><label>Password
  <input name=p type=password readonly onfocus="this.readOnly = false"></label><button>Log in</button></form>`;
</script>""",
}


@pytest.mark.parametrize("name", sample(list(WHOLE), 12))
async def test_a_form_arrives_whole_and_once(chromium, name):
    done = await walk(chromium, WHOLE[name])
    assert (done.ended, done.detail) == ("issued", "")
    assert [(one["u"], one["p"]) for one in done.sent] == [(USER, PASSWORD)]


PINS = {
    "a number for the user id": (
        form("<label>Client ID <input name=u type=number></label>", box("type=password", "PIN")),
        "00412233",
    ),
    "a row of boxes": (
        form(
            USER_BOX,
            "PIN" + "<input class=d type=password maxlength=1 size=1>" * 6,
            "<input type=hidden name=p>",
            script="const d = [...f.querySelectorAll('.d')]; f.onsubmit = () => {"
            "f.p.value = d.map(one => one.value).join('') }",
        ),
        USER,
    ),
    "a keyboard of the page's own": (
        form(USER_BOX, box("type=password readonly", "PIN"), KEYS, script=ON_KEY),
        USER,
    ),
}


@pytest.mark.parametrize("name", PINS)
async def test_a_pin_arrives_whole_and_once(chromium, name):
    html, user = PINS[name]
    done = await walk(chromium, html, user=user, password=PIN)
    assert (done.ended, done.detail) == ("issued", "")
    assert [(one["u"], one["p"]) for one in done.sent] == [(user, PIN)]


PIN_TOO = box("type=password maxlength=6", "PIN")
NOT_SENT = {
    "another masked box": (
        form(USER_BOX, PASSWORD_BOX, "<label>Trading key <input name=k type=password></label>"),
        "Trading key",
    ),
    "a box that nobody can type into": (
        form(USER_BOX, box("type=password disabled")),
        "Password",
    ),
    "a firm before the password": (
        form(USER_BOX, "<label>Firm <input name=firm></label>", PASSWORD_BOX),
        "Firm",
    ),
    "a keyboard of pictures": (
        form(
            USER_BOX,
            box("type=password readonly", "Password"),
            "".join(
                f"<button type=button aria-label='key {key}'>&#9679;</button>" for key in "abc"
            ),
        ),
        "keyboard",
    ),
    "a keyboard without a box": (form(USER_BOX, "<div id=dots></div>", KEYS), "keyboard"),
    "a box that keeps nothing": (
        form(USER_BOX, PASSWORD_BOX, script="f.p.oninput = () => { f.p.value = '' }"),
        "password",
    ),
    "a box for digits only": (
        form("<label>User ID <input name=u type=number></label>", PASSWORD_BOX),
        "number",
    ),
}


@pytest.mark.parametrize("name", sample(list(NOT_SENT), 5))
async def test_a_form_that_would_arrive_half_filled_is_not_sent(chromium, name):
    html, word = NOT_SENT[name]
    done = await walk(chromium, html)
    assert (done.ended, done.sent) == ("page_changed", [])
    assert word in done.detail


async def test_a_new_password_is_not_left_empty(chromium):
    done = await walk(chromium, form(USER_BOX, box("type=password autocomplete=new-password")))
    assert {one["p"] for one in done.sent} <= {PASSWORD}
    assert done.ended in {"issued", "page_changed"}


async def test_a_pin_is_not_typed_over_by_a_code(chromium):
    done = await walk(chromium, form(USER_BOX, PIN_TOO), password=PIN, code=True)
    assert (done.ended, done.detail) == ("issued", "")
    first, second = done.sent
    assert (first["u"], first["p"]) == (USER, PIN)
    assert len(second["c"]) == 6


ALONE = "<form method=post action=/next>{}<button>Next</button></form>"


async def test_a_password_that_comes_after_the_user_id_is_typed_then(chromium):
    second = form(f"<label>User ID <input name=u value={USER}></label>", PASSWORD_BOX)
    done = await walk(chromium, ALONE.format(USER_BOX), refuses=second)
    assert (done.ended, done.detail) == ("issued", "")
    assert [(one["u"], one.get("p", "")) for one in done.sent] == [(USER, ""), (USER, PASSWORD)]


async def test_a_user_id_that_is_unknown_on_the_first_screen_is_refused(run):
    clock = FastClock()
    no = "<p role=alert>Invalid user ID.</p>" + ALONE.format(USER_BOX)
    async with Broker(ALONE.format(USER_BOX), clock, refuses=no) as broker:
        clock.twin = SimpleNamespace(seen=broker.asked)
        name, block = await run(broker, clock)
    assert name == block.error == "credentials_rejected"


TOO_LATE = """f.onsubmit = async event => {
  event.preventDefault();
  f.u.closest('label').insertAdjacentHTML('afterend', `BOX`);
  await fetch('/next', {method: 'POST', body: new URLSearchParams({u: f.u.value})});
  document.body.append('Invalid user ID or password.');
}"""


@pytest.mark.parametrize("kind", ["Password", "MPIN"])
async def test_the_refusal_of_a_form_that_gets_its_password_too_late_refuses_nothing(run, kind):
    clock = FastClock()
    late = f"<label>{kind} <input name=k type=password disabled></label>"
    html = form(USER_BOX, *[PASSWORD_BOX] * (kind == "MPIN"), script=TOO_LATE.replace("BOX", late))
    async with Broker(html, clock) as broker:
        clock.twin = SimpleNamespace(seen=broker.asked)
        assert await run(broker, clock) == ("page_changed", None)
    assert [one["u"] for one in broker.sent] == [USER]


def challenged(script):
    """A challenge beside a form, of which a script says when it has cleared."""
    widget = (
        "<div class=cf-turnstile style='width:300px;height:65px'><span>Checking</span></div>"
        "<input type=hidden name=cf-turnstile-response><input type=hidden name=ready>"
    )
    return form(USER_BOX, PASSWORD_BOX, widget, script=script)


async def test_fields_are_filled_while_a_challenge_clears_and_sent_after_it(chromium):
    clear = "f['cf-turnstile-response'].value = 'ok'; f.ready.value = f.p.value"
    script = (
        f"const t = setInterval(() => {{ if (f.p.value) {{ {clear}; clearInterval(t) }} }}, 300)"
    )
    done = await walk(chromium, challenged(script))
    assert (done.ended, done.detail) == ("issued", "")
    assert [(one["u"], one["p"], one["ready"]) for one in done.sent] == [(USER, PASSWORD, PASSWORD)]


async def test_nothing_is_sent_under_a_challenge_that_stays(chromium):
    done = await walk(chromium, challenged(""))
    assert (done.ended, done.sent) == ("captcha_required", [])


async def test_a_button_that_opens_under_a_challenge_is_pressed(chromium):
    script = (
        "const go = f.querySelector('button'); go.disabled = true;"
        "setInterval(() => { if (f.p.value) setTimeout(() => go.disabled = false, 2500) }, 99)"
    )
    done = await walk(chromium, challenged(script), SkippingClock())
    assert (done.ended, done.detail) == ("issued", "")
    assert len(done.sent) == 1


CODES = {
    "emptied, and sent a moment later": "oninput: const v = f.c.value; if (v.length === 6) {"
    "f.c.value = ''; setTimeout(() => { f.c.value = v; f.submit() }, 900) }",
    "made anew as it is typed into": f"onkeydown: if (!f.dataset.n) {{ f.dataset.n = 1; setTimeout({ANEW}, 0, f.c) }}",
}


@pytest.mark.parametrize("name", CODES)
async def test_a_code_arrives_once(chromium, name, monkeypatch):
    event, _, script = CODES[name].partition(": ")
    html = (
        CODE + f"<script>const f = document.forms[0]; f.c.{event} = () => {{ {script} }}</script>"
    )
    monkeypatch.setitem(globals(), "CODE", html)
    # No quick clock: what the page sends late is waited for in its own time.
    done = await walk(chromium, form(USER_BOX, PASSWORD_BOX), SkippingClock(), code=True)
    assert (done.ended, done.detail) == ("issued", "")
    assert len(done.sent) == 2


async def test_the_search_of_a_page_is_never_sent(chromium):
    html = (
        "<form method=post action=/in><input type=search name=q placeholder=Search>"
        "<input type=submit value=Go formaction=/search>"
        f"{USER_BOX}{PASSWORD_BOX}<button type=button onclick='this.form.submit()'>Log in</button></form>"
    )
    done = await walk(chromium, html)
    assert (done.ended, done.detail) == ("issued", "")
    assert [(one["to"], one["p"]) for one in done.sent] == [("/in", PASSWORD)]


async def test_what_is_in_a_frame_of_the_page_is_typed_into_and_pressed(chromium):
    """As the reader gives its elements: the frame is of the page's own origin."""
    inner = (
        "<input id=u><input id=p type=password readonly onfocus='this.readOnly = false'>"
        "<input class=d maxlength=1><input class=d maxlength=1>"
        "<button disabled onclick='this.textContent = event.isTrusted'>Log in</button><script>"
        "document.getElementById('u').onblur = () => document.querySelector('button').disabled = false"
        "</script>"
    )
    html = f"<p style='height:9em'></p><iframe style='margin:3em' srcdoc=\"{inner}\"></iframe>"
    async with Broker(html, FastClock()) as broker:
        tab = await chromium.new_page()
        await tab.goto(broker.origin)
        await tab.frame_locator("iframe").locator("button").wait_for()
        reader = PageReader(tab, asyncio.Event(), FastClock())
        find = "document.querySelector('iframe').contentDocument.querySelectorAll('input,button')"
        reader._seen = await tab.evaluate_handle(f"({{elements: [...{find}]}})")
        reader._framed = set(range(5))
        user, password, *digits, button = [await reader.element(index) for index in range(5)]
        assert await forms.open_box(password)
        await forms.fill_input(tab, password, PASSWORD, by_key=True)
        await forms.type_otp(tab, digits, "42")
        await forms.fill_input(tab, user, USER, by_key=False)
        await button.evaluate(forms.STOP_IF_EMPTIED, [user, password, *digits])
        await forms.press(button, covered=False)
        assert await button.text_content() == "true", "a press like a person's"
        assert await reader.values([0, 1, 2, 3]) == [USER, PASSWORD, "4", "2"]
        await tab.close()
