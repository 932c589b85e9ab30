"""The status page, as a person sees and uses it in a real browser."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import running
from playwright.sync_api import expect
from support.clock import HandClock
from support.service_stub import CONFIG, TOKEN, WITH_TOKEN, board
from support.store import block

from autologin.errors import OtpRejected
from autologin.web import app

NASTY = "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>"
WIDTHS = {"phone": 360, "desktop": 1280}


class Site:
    """A board that is served from another thread; its store belongs to that thread."""

    def __init__(self, folder, text):
        self.folder, self.text, self.clock = folder, text, HandClock()

    async def __aenter__(self):
        self.loop = asyncio.get_running_loop()
        self.board = board(self.folder, self.clock, self.text)
        self.served = await app.serve_http(self.board, "127.0.0.1:0")
        self.url = self.served.url

    async def __aexit__(self, *_):
        await self.served.close()
        self.board.store.close()

    def do(self, work):
        """Let something happen to the board."""

        async def there():
            return work(self.board)

        return asyncio.run_coroutine_threadsafe(there(), self.loop).result(10)


@pytest.fixture
def serve(tmp_path):
    def started(text=WITH_TOKEN):
        return running(Site(tmp_path, text))

    return started


@pytest.fixture
def site(serve):
    with serve() as found:
        yield found


@pytest.fixture(autouse=True)
def _complaints(page):
    """Nothing on the page breaks the policy that it is sent with, and nothing that it names is missing.

    Chromium also tells here that a field had the focus before `autofocus` came to it: the test
    filled the field faster than a person would.
    """
    page.set_default_timeout(5000)
    heard = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    yield
    assert [
        detail
        for detail in heard
        if not any(word in detail for word in ("403", "429", "frame-ancestors", "Autofocus"))
    ] == []


def card(page, account):
    return page.get_by_role("article", name=account)


def sign_in(page, site, token=TOKEN):
    page.goto(site.url)
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()


def morning(one):
    """Of two accounts one is ready, and one is blocked after its code was refused."""
    one.clock.move(days=-1)
    one.ran()
    one.clock.move(days=1)
    one.issue()
    one.ran()
    (claim,) = one.store.outbox.claim("tokens", 1)
    one.store.outbox.mark_delivered(claim)
    one.clock.move(minutes=3)
    one.fail(OtpRejected("The broker said: wrong code"), account="hers")
    block(one.store, "hers", "wrong code", "otp_rejected")
    one.due = {"mine", "hers"}
    one.planned = dict.fromkeys(("mine", "hers"), one.clock.now() + timedelta(hours=24))


def test_what_there_is_to_see(page, site):
    site.do(morning)
    page.goto(site.url)
    expect(page).to_have_title("1 not ready · autologin")
    expect(page.get_by_role("status")).to_have_text("Not ready: hers")
    mine = card(page, "mine")
    expect(mine).to_contain_text("valid until 2026-11-25 04:15 IST 19 h 57 min left")
    expect(mine).to_contain_text("3 min issued 2026-11-24 08:15 IST")
    expect(mine).to_contain_text("2026-11-25 08:18 IST in 1 d")
    expect(mine).to_contain_text("got its token.issued at 2026-11-24 08:15 IST")
    expect(mine).to_contain_text("login 2.1 s")
    expect(mine.get_by_text("logged in").nth(1)).not_to_be_visible()
    mine.get_by_text("Earlier runs").click()
    expect(mine.get_by_text("logged in").nth(1)).to_be_visible()
    hers = card(page, "hers")
    expect(hers).to_contain_text("The broker said: wrong code")
    expect(hers.get_by_role("img")).to_have_count(0)
    sign_in(page, site)
    picture = hers.get_by_role("img", name="A sketch of the broker's page when the login of hers")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 640


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_the_screen_and_can_be_read(browser, site, width, scheme):
    site.do(morning)
    site.do(lambda one: one.fail(OtpRejected("x" * 300 + " " + "word " * 60), account="mine"))
    context = browser.new_context(
        viewport={"width": width, "height": 740}, color_scheme=scheme, java_script_enabled=True
    )
    page = context.new_page()
    sign_in(page, site)
    expect(card(page, "mine").get_by_role("button", name="Run now")).to_be_visible()
    page.wait_for_load_state()  # with its stylesheet: a script that measures does not wait for one
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(
        "[...document.querySelectorAll('button')].every(one => one.offsetHeight >= 40)"
    )
    assert page.evaluate(CONTRAST) == []
    context.close()


CONTRAST = """() => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const linear = value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const own = el => parts(getComputedStyle(el).backgroundColor);
  const ground = el => !el ? [255, 255, 255] : (own(el)[3] ?? 1) === 1 ? own(el) : ground(el.parentElement);
  const ratio = el => {
    const [more, less] = [light(parts(getComputedStyle(el).color)), light(ground(el))].sort((x, y) => y - x);
    return (more + 0.05) / (less + 0.05);
  };
  const written = el => [...el.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim());
  const told = [...document.querySelectorAll('body *')].filter(el => written(el) && el.checkVisibility());
  return told.filter(el => ratio(el) < 4.5).map(el => `${el.tagName} ${el.textContent.trim().slice(0, 30)} ${ratio(el)}`);
}"""
"""What is written with too little contrast to its ground (WCAG AA asks for 4.5)."""


def test_all_of_it_works_without_javascript(browser, site):
    site.do(morning)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, site)
    card(page, "mine").get_by_role("button", name="Run now").click()
    expect(page.get_by_role("status")).to_have_text("Not ready: hers")
    assert site.board.asked == ["mine"]
    card(page, "hers").get_by_role("button", name="Unblock").click()
    expect(card(page, "hers")).not_to_contain_text("Unblock")
    assert site.do(lambda one: one.store.attempts.current_block("hers")) is None
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button")).to_have_count(0)
    context.close()


def test_an_account_that_runs_says_so_and_the_page_looks_again_soon(page, site):
    site.do(lambda one: one.under_way.add("mine"))
    site.do(lambda one: one.store.history.begin_run("mine", "zerodha"))
    sign_in(page, site)
    expect(card(page, "mine")).to_contain_text("logging in")
    expect(card(page, "mine")).to_contain_text("under way")
    expect(card(page, "mine").get_by_role("button")).to_have_count(0)
    site.do(morning)
    site.do(lambda one: one.under_way.clear())
    expect(card(page, "mine").get_by_text("ready", exact=True)).to_be_visible(timeout=10000)


def test_without_a_token_in_the_config_there_is_nothing_to_press(page, serve):
    with serve(CONFIG) as site:
        site.do(morning)
        page.goto(site.url)
        expect(card(page, "hers")).to_be_visible()
        expect(page.get_by_role("button")).to_have_count(0)
        expect(page.get_by_role("link", name="Sign in")).to_have_count(0)


def test_a_wrong_token_opens_nothing_and_the_sixth_has_to_wait(page, site):
    for _ in range(5):
        sign_in(page, site, "guess")
        expect(page.get_by_role("alert")).to_contain_text("This is not the token")
    sign_in(page, site)
    expect(page.get_by_role("alert")).to_contain_text("Wait a minute")
    page.goto(site.url)
    expect(page.get_by_role("button")).to_have_count(0)
    site.clock.move(minutes=1)
    sign_in(page, site)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_another_page_on_this_machine_presses_nothing(page, site, tmp_path_factory):
    """Another port of the same host is the same site to a browser, so it sends the cookie."""
    site.do(morning)
    sign_in(page, site)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    form = f'<form method="post" action="{site.url}/accounts/mine/run"><button>A present</button></form>'
    for elsewhere in ("http://127.0.0.1:9/", "http://evil.example/"):
        page.route(elsewhere, lambda route: route.fulfill(body=form, content_type="text/html"))
        page.goto(elsewhere)
        page.get_by_role("button", name="A present").click()
        expect(page.locator("body")).to_contain_text("another site's page")
    assert site.board.asked == []


@pytest.fixture
def elsewhere():
    """Serves a page on another port of this machine."""
    pages = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(pages.get(self.path, "").encode())

        def log_message(self, *_):
            """Be quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", pages
        server.shutdown()
        thread.join()


def test_it_cannot_be_framed(page, site, elsewhere):
    url, pages = elsewhere
    pages["/"] = f'<link rel="icon" href="data:,"><iframe src="{site.url}/"></iframe>'
    with page.expect_event(
        "requestfailed", lambda request: request.url.startswith(site.url)
    ) as caught:
        page.goto(url)
    assert caught.value.failure == "net::ERR_BLOCKED_BY_RESPONSE"


def test_what_a_broker_says_is_text(page, site):
    def told(one):
        one.fail(OtpRejected(NASTY))
        block(one.store, "mine", NASTY, "otp_rejected")
        one.issue()
        (claim,) = one.store.outbox.claim("hook", 1)
        one.store.outbox.mark_failed(claim, NASTY, 5)

    site.do(told)
    sign_in(page, site)
    expect(card(page, "mine").get_by_text("onerror=").first).to_be_visible()
    expect(page.locator("script")).to_have_count(0)
    expect(page.locator("img")).to_have_count(1)
    expect(page).to_have_title("ready · autologin")
