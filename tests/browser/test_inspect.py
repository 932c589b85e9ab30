"""`autologin inspect`: what would be filled and pressed, shown for any pages and for an account's; nothing is typed."""

from __future__ import annotations

import asyncio
import struct

import pytest
from support.cli import User
from support.sandbox import rehearsal

from autologin import preflight
from autologin.clock import SystemClock
from autologin.config import accounts
from autologin.config.schema import BrowserSettings
from autologin.flow import samples
from autologin.login import browser
from autologin.login.pages import script_of
from autologin.login.viewer import Viewer, Way
from autologin.proxies import DIRECTLY

LOGIN = """<title>Sign in</title><form action=/in method=post>
<label for=u>User ID</label><input id=u name=user><label for=p>Password</label><input id=p type=password>
<button name=go>Log in</button></form><script src=/x.js></script><img src=/x.png><iframe src=/frame></iframe>
<link rel=stylesheet href=/x.css><noscript><meta http-equiv=refresh content="0;/elsewhere"></noscript>
<script>document.querySelector('button').textContent = 'Sign in, by a script'</script>"""
CODE = """<title>Code</title><form><label>Authenticator code <input name=c maxlength=6></label>
<button>Verify</button></form>"""
NOTHING = "<title>News</title><p>Nothing to fill here</p>"
DECOY = """<title>Sign in</title><form><div style="position:absolute;left:-9999px"><input name=user_id>
<input type=password name=trap></div><label>User ID <input id=real></label><label>Password
<input id=pw type=password></label><button>Log in</button></form>"""
ENTER = "<form><label>User ID <input id=a></label><label>Password <input id=b type=password></label></form>"
BOXES = "<label>User ID <input name=u></label><label>Password <input name=p type=password></label>"
ELSEWHERE = {
    "/action": f"<form method=post action=http://away.example/in>{BOXES}<button>Log in</button></form>",
    "/formaction": f"<form method=post>{BOXES}<button formaction=http://away.example/>Log in</button></form>",
    "/base": f"<base href=http://away.example/><form action=in>{BOXES}<button>Log in</button></form>",
}
PAGES = ELSEWHERE | {
    "/login": LOGIN,
    "/code": CODE,
    "/nothing": NOTHING,
    "/decoy": DECOY,
    "/enter": ENTER,
}


@pytest.fixture
async def site():
    """A server of PAGES, and what was asked of it."""
    asked = []

    async def answer(reader, writer):
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        asked.append(path)
        if path == "/hang":
            await asyncio.sleep(3600)
        body = PAGES.get(path, "").encode()
        status = "200 OK" if path in PAGES else "404 Not Found"
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n"
        )
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    server.asked = asked
    server.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield server
    server.close()


@pytest.fixture
def user(tmp_path):
    return User(tmp_path)


def names(view):
    return [one["field"] for one in view["fields"]]


def elements(view):
    return {one["field"]: one["elements"][0]["css"] for one in view["fields"]}


async def test_many_pages_are_told_in_their_order_and_nothing_else_is_loaded(user, site, tmp_path):
    saved = tmp_path / "saved page.html"
    saved.write_text(DECOY)
    urls = [f"{site.url}/{name}" for name in ("nothing", "login", "code", "enter")]
    urls += [saved.as_uri(), "data:text/html,<input type=password>", "nonsense"]
    urls += [site.url.replace("127.0.0.1", "127.0.0.9"), f"{site.url}/login"]
    done = await user.says("inspect", "--no-scripts", "--json", "--url", *urls)
    assert done.code == 0
    assert [one["url"] for one in done.json] == urls
    nothing, login, code, enter, decoy, data, nonsense, away, again = done.json
    assert login.keys() == {"url", "page", "fields", "press", "refused"}
    assert login["page"] == "login"
    assert login["refused"] is None
    assert elements(login) == {"user_id": "#u", "password": "#p"}
    assert login["fields"][0]["elements"] == [
        {"tag": "input", "id": "u", "name": "user", "css": "#u", "frame": None}
    ]
    assert "User ID" in login["fields"][0]["why"]
    assert login["press"] == {
        "tag": "button",
        "id": "",
        "name": "go",
        "css": 'button[name="go"]',
        "frame": None,
        "words": "Log in",
    }
    assert {**again, "url": ""} == {**login, "url": ""}
    for one in (nothing, code):  # a code that nobody has been asked for is not ours to give
        assert (one["fields"], one["press"]) == ([], None)
        assert one["refused"].startswith("page_changed: ")
    assert enter["press"] == "Enter"
    assert elements(decoy) == {"user_id": "#real", "password": "#pw"}
    for one in (data, nonsense, away):
        assert one.keys() == {"url", "error"}
        assert one["error"]
    assert sorted(site.asked) == ["/code", "/enter", "/login", "/login", "/nothing"]


async def test_a_page_is_looked_at_after_a_field_and_with_its_scripts(user, site):
    after = await user.says("inspect", "--url", f"{site.url}/code", "--after", "password", "--json")
    assert names(after.json[0]) == ["otp"]
    assert after.json[0]["press"]["words"] == "Verify"
    picture = user.folder / "there" / "page.png"
    done = await user.says("inspect", f"--url={site.url}/login", "--picture", picture)
    assert done.code == 0
    assert "Sign in, by a script" in done.out
    assert "user_id   #u" in done.out
    assert f"The picture is in {picture}" in done.err
    assert {"/x.js", "/x.png", "/x.css", "/frame"} <= set(site.asked)
    assert "/elsewhere" not in site.asked
    data = picture.read_bytes()
    assert struct.unpack(">II", data[16:24])[0] == 1366
    assert picture.stat().st_mode & 0o777 == 0o600


async def test_a_form_that_sends_elsewhere_is_refused_and_that_of_a_saved_page_is_not_judged(
    user, site, tmp_path
):
    saved = tmp_path / "saved.html"
    saved.write_text(ELSEWHERE["/action"])
    urls = [*(f"{site.url}{path}" for path in ELSEWHERE), f"{site.url}/login", saved.as_uri()]
    *away, own, copy = (await user.says("inspect", "--json", "--url", *urls)).json
    for one in away:
        assert one["refused"].startswith("page_changed: ")
        assert "away.example" in one["refused"]
        assert (one["page"], one["fields"], one["press"]) == ("login", [], None)
    for one in (own, copy):
        assert (names(one), one["refused"]) == (["user_id", "password"], None)
    alone = await user.says("inspect", "--no-scripts", "--json", "--url", urls[0])
    assert names(alone.json[0]) == ["user_id", "password"], "a copy that is served here"
    told = (await user.says("inspect", "--url", urls[0])).out
    assert "away.example" in told
    assert "paste this" not in told


async def test_a_page_that_is_refused_is_shown_with_the_lines_to_paste(user, tmp_path):
    page = tmp_path / "page.html"
    odd = (
        "<title>\x1b[31mOdd</title><form><input id=one><input id=two{0}>"
        "<input id=three{0}><button>Go</button></form>"
    )
    page.write_text(odd.format(""))
    done = await user.says("inspect", "--url", page.as_uri(), "--no-scripts")
    assert done.code == 0
    assert "refused   page_changed" in done.out
    assert "box 3     #three  (text)" in done.out
    assert '        password: "..."' in done.out
    assert "\x1b" not in done.out
    # Two passwords are a sign-up's: whatever a user says, nothing is filled there.
    page.write_text(odd.format(" type=password"))
    done = await user.says("inspect", "--url", page.as_uri(), "--no-scripts")
    assert done.code == 0
    assert "page      sign-up" in done.out
    assert "box 3     #three  (password)" in done.out
    assert "accounts:" not in done.out


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ([], "NAME"),
        (["zerodha", "--url"], None),
        (["--url", "http://127.0.0.1/", "--broker", "nobody"], "--broker"),
        (["--url", "http://127.0.0.1/", "--broker", "groww"], "--broker"),
        (["--url", "http://127.0.0.1/", "http://127.0.0.2/", "--picture", "x.png"], "--picture"),
    ],
)
async def test_what_makes_no_sense_is_refused(user, words, key):
    done = await user.says("inspect", *words, "--json")
    assert done.code == 2
    if key:
        assert [one["key"] for one in done.json["problems"]] == [key]
    assert not (user.folder / "x.png").exists()


async def test_an_accounts_page_is_looked_at_without_its_secrets(tmp_path):
    async with rehearsal(tmp_path) as served:
        missing = {"env": "NOT_SET_ANYWHERE"}
        served.change(
            lambda data: data["accounts"]["zerodha"]["credentials"].update(
                password=missing, totp_secret=missing, api_secret=missing
            )
        )
        done = await served.user.says("inspect", "zerodha")
        assert done.code == 0, done.err
        assert "user_id   #userid" in done.out
        assert (tmp_path / "state" / "inspections" / "zerodha.png").exists()
        as_json = await served.user.says("inspect", "zerodha", "--json")
        (view,) = as_json.json
        assert view["url"] == f"{served.twin.origins['login']}/connect/login"
        assert names(view) == ["user_id", "password"]
        assert served.twin.counters["login"] == 0


async def look(served):
    """An account's page, in this process."""
    settings = served.settings()
    account = settings.accounts[served.broker]
    flow = accounts.load_for_looking(settings, account)
    driver = browser.Driver()
    try:
        viewer = Viewer(driver, BrowserSettings(), DIRECTLY, SystemClock())
        return await viewer.view_login(
            flow, account.login_hosts, Way(script_of(flow, account, samples.sample_otp()))
        )
    finally:
        await driver.stop()


async def test_what_a_user_says_is_shown_as_such(tmp_path):
    async with rehearsal(tmp_path) as served:
        served.change(
            lambda data: data["accounts"]["zerodha"].update(
                pages={"fields": {"password": "form input[type=password]"}}
            )
        )
        view = await look(served)
        assert "accounts.zerodha.pages.fields.password" in view.verdict.fields[1].why
        served.change(
            lambda data: data["accounts"]["zerodha"].update(pages={"fields": {"password": "#gone"}})
        )
        view = await look(served)
        assert view.verdict.fields == ()
        assert "pages.fields.password matches no element" in view.verdict.refused.detail


@pytest.mark.parametrize(
    ("scenario", "told"),
    [("captcha", "captcha"), ("live_session", "redirected at once"), ("access_denied", "Access")],
)
async def test_a_page_with_nothing_to_fill_says_why(tmp_path, scenario, told):
    async with rehearsal(tmp_path, scenario) as served:
        settings = served.settings()
        flow = accounts.load_flow(settings, settings.accounts["zerodha"])
        (finding,) = await preflight._check_login_pages(settings, {"zerodha": flow}, {})
        assert (finding.key, finding.level) == ("accounts.zerodha.pages", "problem")
        assert told.lower() in finding.message.lower()
        assert "autologin inspect zerodha" in finding.hint
        assert served.twin.counters["exchange"] == 0


async def test_a_check_says_what_would_be_filled_and_leaves_nothing(tmp_path):
    async with rehearsal(tmp_path) as served:
        before = sorted(tmp_path.rglob("*"))
        done = await served.user.says("check", "--online", "--json")
        (finding,) = [one for one in done.json["findings"] if one["key"].endswith(".pages")]
        assert (done.code, done.json["ok"], finding["level"]) == (0, True, "ok")
        assert finding["message"] == (
            'on the login page, user_id and password would be filled, then "Login" pressed'
        )
        assert served.twin.counters["login"] == 0
        assert sorted(tmp_path.rglob("*")) == before, "check left something"
