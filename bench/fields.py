"""How often the fields of a login are found on pages that nobody here has written, and how often wrongly.

    python bench/fields.py [--corpus FOLDER] [--misses] [--only PART-OF-A-NAME]

Without a corpus: the pages of Formasaurus, whose forms and fields people have annotated; pip fetches its wheel into .tools/.
FOLDER is one of saved pages whose inputs say in `data-manual-scoring` what they are, as test-forms/ in the repository
duckduckgo/duckduckgo-autofill. Annotations are taken out of a page before it is served, here on 127.0.0.1.

`autologin inspect --no-scripts` is asked for all pages; a finder of ten lines (the first visible password, the box before it,
the first submit button after it) is the baseline in the same run. Elements are compared as elements of the page.

A login page is one whose login form has annotated fields that can be seen without scripts and style sheets; on a page all of
whose forms are annotated and none is a login, nothing is to be filled. All other pages are left out, and counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import threading
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

from playwright.async_api import async_playwright

from autologin.config.schema import BrowserSettings
from autologin.login.browser import WINDOW, find

WHEEL = "formasaurus==0.10.0"
TOOLS = Path(__file__).parents[1] / ".tools/formasaurus"
FIELDS = ("user_id", "password", "press")
USERS = {"us", "ue", "e1"}
"""Formasaurus' types of a field that names the user."""
USER_SCORES = {"username", "emailAddress", "phone"}
PERSONAL = re.compile(r"Name$|^birthday|^address|^card|^expiration")
PASSWORD_SCORES = {"password", "password.current"}
OTP_LIKE = re.compile(r"one-time-code|totp|[^a-z]otp|tfa|2fa|twofactor", re.IGNORECASE)
"""A box that is a code's indeed, though nobody has annotated it: to find it is no mistake."""
CREATES = re.compile(r"create|sign-?up|register", re.IGNORECASE)
LOGS_IN = re.compile(r"log-?in|sign-?in", re.IGNORECASE)
"""In the tag of a form: a login in the head of a page that is another's."""
SIGN_UP = re.compile(
    r"sign-?up|regist|checkout|booking|newsletter|donation|payment|subscri|contact|change-password|settings|reset|forgot"
)
ALONE = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""A page loads nothing but itself."""
CONTROLS = """told => {
  const all = [...document.querySelectorAll('*')];
  const places = new Map(all.map((element, at) => [element, at]));
  const at = element => places.get(element) ?? -1;
  const forms = [...document.forms];
  const seen = element => {
    const box = element.getBoundingClientRect();
    return element.checkVisibility({visibilityProperty: true}) && box.width > 1 && box.height > 1;
  };
  const controls = all.filter(one => one.matches('input:not([type=hidden]),button,textarea,select')).map(one => ({
    at: at(one), tag: one.localName, type: one.type, name: one.getAttribute('name') || '', id: one.id, form: forms.indexOf(one.form),
    seen: seen(one), submits: ['submit', 'image'].includes(one.type) && one.localName !== 'select',
    score: one.getAttribute('data-manual-scoring') || '', sends: one.hasAttribute('data-manual-submit'),
    words: one.innerText || one.value || one.getAttribute('aria-label') || '',
    html: one.outerHTML.replace(/\\s+/g, ' ').slice(0, 160),
  }));
  const sends = [...document.querySelectorAll('[data-manual-submit]')].map(at);
  const chosen = told.map(path => { try { return at(document.querySelector(path)); } catch { return -1; } });
  const words = index => all[index] ? all[index].outerHTML.replace(/\\s+/g, ' ').slice(0, 160) : 'nothing';
  return {controls, sends, chosen, forms: forms.length, tags: forms.map(form => form.cloneNode().outerHTML), html: Object.fromEntries([...chosen, ...sends].map(one => [one, words(one)]))};
}"""
"""The controls of a page, by their place in it, and the places of the elements that a list of CSS paths tells."""


@dataclass
class Page:
    """A saved page, with what people have written about it."""

    name: str
    html: str
    notes: list | None = None
    """By form: its type and its fields' types (Formasaurus); None: the page says it itself."""


@dataclass
class LoginForm:
    """What is right in one login form: places of elements, several where each will do."""

    user_id: set = field(default_factory=set)
    password: set = field(default_factory=set)
    press: set = field(default_factory=set)
    otp: set = field(default_factory=set)
    captcha: bool = False
    default: int = -1
    """What Enter presses."""


@dataclass
class Chosen:
    """What is filled and pressed: places of elements."""

    user_id: list = field(default_factory=list)
    password: list = field(default_factory=list)
    otp: list = field(default_factory=list)
    press: int | str = -1
    page: str = ""
    refused: str = ""


@dataclass
class Score:
    """What one finder did on all pages."""

    right: Counter = field(default_factory=Counter)
    of: Counter = field(default_factory=Counter)
    misses: list = field(default_factory=list)

    def share(self, name):
        return f"{100 * self.right[name] / max(self.of[name], 1):5.1f} %"


def formasaurus_pages():
    """All its pages, their notes by form."""
    if not list(TOOLS.glob("*.whl")):
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            TOOLS,
            WHEEL,
        ]
        subprocess.run(command, check=True)
    with zipfile.ZipFile(next(TOOLS.glob("*.whl"))) as wheel:
        for name, told in json.loads(wheel.read("formasaurus/data/index.json")).items():
            html = wheel.read(f"formasaurus/data/{name}").decode("utf-8", "replace")
            fields = [types or {} for types in told["visible_html_fields"]]
            notes = list(zip(told["forms"], fields, strict=True))
            yield Page(Path(name).name, html, notes)


def folder_pages(folder):
    """The pages of a folder that annotate themselves."""
    for file in sorted(folder.glob("*.html")):
        yield Page(file.name, file.read_text(encoding="utf-8", errors="replace"))


def local(html):
    """A page as if it came from its own host.

    What sends to the page's own host sends to this one; nothing leads away from it.
    """
    html = re.sub(r"(?i)(\s(form)?action\s*=\s*[\"']?)\s*(https?:)?//[^/\"'\s>?]*", r"\1", html)
    html = re.sub(r"(?i)<base\b", "<x-base", html)
    return re.sub(r"(?i)http-equiv\s*=\s*[\"']?refresh", "x-refresh", html)


def bare(html):
    """A page without its annotations."""
    return re.sub(r"\sdata-manual-\w+(=(\"[^\"]*\"|'[^']*'|[^\s>]*))?", " ", html)


class Site(ThreadingHTTPServer):
    """Serves the pages: /NAME without annotations, /notes/NAME with them."""

    def __init__(self, pages):
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages = {page.name: page.html for page in pages}
        self.url = f"http://127.0.0.1:{self.server_port}/"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    """One request of the browser's."""

    def do_GET(self):
        name = unquote(self.path).lstrip("/")
        html = self.server.pages.get(name.removeprefix("notes/"), "")
        body = local(html if name.startswith("notes/") else bare(html)).encode()
        self.send_response(200 if html else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", ALONE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def formasaurus_forms(page, seen):
    """The login forms of a page; None: nobody knows."""
    found, taken = [], set()
    logins = [types for kind, types in page.notes if kind == "l"]
    for index, (kind, own) in enumerate(page.notes):
        # Where a login stands on a page twice, one of the two may have been left without notes.
        twins = [types for types in logins if kind in {"l", "X"} and types.keys() == own.keys()]
        types = next((one for one in (own, *twins) if list(one.values()).count("p1") == 1), {})
        if not types or (kind != "l" and not twins):
            continue
        names = set(types)
        fits = [
            form
            for form in range(seen["forms"])
            if form not in taken
            and names <= {one["name"] for one in seen["controls"] if one["form"] == form}
        ]
        if fits:
            form = index if index in fits else fits[0]
            taken.add(form)
            found.append(
                _formasaurus_form([one for one in seen["controls"] if one["form"] == form], types)
            )
    if found:
        return found
    whole = seen["forms"] == len(page.notes) and all(
        kind not in {"X", "-", "l"} and not ("XX" in types.values() and _asks_for_password(types))
        for kind, types in page.notes
    )
    # A box for a password outside all forms is of a form that nobody has annotated.
    loose = any(
        one["type"] == "password" and one["form"] < 0 and one["seen"] for one in seen["controls"]
    )
    return [] if page.notes and whole and not loose else None


def _asks_for_password(names):
    return any(re.search(r"passw|pwd", name, re.IGNORECASE) for name in names)


def _formasaurus_form(controls, types):
    def of(wanted):
        return {one["at"] for one in controls if one["seen"] and types.get(one["name"]) in wanted}

    submits = [one for one in controls if one["seen"] and one["submits"]]
    others = [one["at"] for one in submits if types.get(one["name"], "Bs") == "Bs"]
    return LoginForm(
        of(USERS),
        of({"p1"}),
        of({"Bs"}) or (set(others) if len(others) == 1 else set()),
        of({"pi"}),
        captcha=bool(of({"ca"})),
        default=submits[0]["at"] if submits else -1,
    )


def scored_forms(page, seen):
    """The same for a page that annotates itself."""
    visible = [one for one in seen["controls"] if one["seen"]]
    found, unclear = [], False
    named_login = "login" in page.name
    for form in sorted({one["form"] for one in visible if one["score"]}):
        around = [one for one in visible if one["form"] == form]
        scores = [score for one in around for score in one["score"].split()]
        passwords = [one for one in around if set(one["score"].split()) & PASSWORD_SCORES]
        if named_login and not passwords:
            passwords = [one for one in around if one["type"] == "password" and not one["score"]]
        users = [one for one in around if set(one["score"].split()) & USER_SCORES]
        tag = seen["tags"][form] if form >= 0 else ""
        strange = SIGN_UP.search(page.name) and not named_login and not LOGS_IN.search(tag)
        if "password.new" in scores or strange or _makes_account(around):
            continue
        if not passwords and not (named_login and "username" in scores):
            continue
        logins = _logins(passwords, users)
        if any(map(PERSONAL.search, scores)) or (
            len(passwords) > 1 and not all(ours for ours, _ in logins)
        ):
            unclear = unclear or named_login
            continue
        for ours, password in logins:
            found.append(_scored_form(ours, password, around, seen["sends"]))
    return None if unclear and not found else found


def _logins(passwords, users):
    """Each password with the user's fields that belong to it: a form may be drawn twice within one `<form>`."""
    if not passwords:
        return [(users[:1], None)]
    if len(passwords) == 1:
        before = [one for one in users if one["at"] < passwords[0]["at"]]
        return [(before[-1:] or users[:1], passwords[0])]
    starts = [-1, *(one["at"] for one in passwords)]
    return [
        ([one for one in users if start < one["at"] < password["at"]][-1:], password)
        for start, password in zip(starts, passwords, strict=False)
    ]


def _makes_account(controls):
    buttons = [one["words"] for one in controls if one["submits"]]
    return bool(buttons) and all(CREATES.search(words) for words in buttons)


def _scored_form(users, password, around, sends):
    first = min(one["at"] for one in (*users, *filter(None, [password])))
    told = {at for at in sends if at > first}
    submits = [one["at"] for one in around if one["submits"]]
    return LoginForm(
        {one["at"] for one in users},
        {password["at"]} if password else set(),
        told or (set(submits) if len(submits) == 1 else set()),
        {one["at"] for one in around if OTP_LIKE.search(one["html"])},
        default=submits[0] if submits and around[0]["form"] >= 0 else -1,
    )


def ten_lines(controls):
    """What a finder of ten lines chooses."""
    seen = [one for one in controls if one["seen"]]
    at = next((index for index, one in enumerate(seen) if one["type"] == "password"), None)
    if at is None:
        return Chosen(page="other")
    users = [one["at"] for one in seen[:at] if one["type"] in {"text", "email", "tel"}]
    presses = [one["at"] for one in seen[at:] if one["submits"]]
    return Chosen(users[-1:], [seen[at]["at"]], [], presses[0] if presses else -1, "login")


def paths_of(answer):
    """The CSS paths in an answer of `inspect`."""
    paths = {
        one["field"]: [el["css"] for el in one["elements"]] for one in answer.get("fields", [])
    }
    press = answer.get("press")
    return paths, press["css"] if isinstance(press, dict) else press or ""


async def ask(command, urls):
    """What `inspect` answers for each page."""
    words = ["inspect", "--broker", "oauth2", "--no-scripts", "--json"]
    urls_told = [word for url in urls for word in ("--url", url)]
    done = await asyncio.to_thread(
        subprocess.run, [command, *words, *urls_told], check=False, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


async def quiet_page(browser):
    """A page without scripts."""
    context = await browser.new_context(java_script_enabled=False, viewport=WINDOW)
    return await context.new_page()


def judge(score, page, forms, chosen, html):
    """Count one page."""
    words = lambda at: html.get(at) or (at if isinstance(at, str) else "nothing")  # noqa: E731

    def miss(kind, got, right):
        because = f" ({chosen.refused})" if chosen.refused else f" [page: {chosen.page}]"
        wanted = " or ".join(words(at) for at in sorted(right)) if right else "nothing"
        score.misses.append(
            f"{page.name}: {kind}{because}\n    chosen {', '.join(map(words, got)) or 'nothing'}\n    right  {wanted}"
        )

    filled = {name: getattr(chosen, name) for name in ("user_id", "password", "otp")}
    if not forms:
        score.of["nothing"] += 1
        score.right["filled"] += any(filled.values())
        score.right["with password"] += bool(filled["password"])
        if any(filled.values()):
            got = [at for places in filled.values() for at in places]
            miss("filled with the password" if filled["password"] else "filled", got, set())
        return
    all_filled = {at for places in filled.values() for at in places}
    form = max(forms, key=lambda one: len(all_filled & (one.user_id | one.password)))
    challenged = form.captcha or "captcha" in page.html.lower()
    if challenged and chosen.page == "captcha" and not all_filled:
        score.right["captcha"] += 1
        return
    score.of["login"] += 1
    wrong = False
    for name in ("user_id", "password"):
        right, got = getattr(form, name), filled[name]
        wrong = wrong or not set(got) <= right
        if right:
            score.of[name] += 1
            score.right[name] += bool(got) and set(got) <= right
        if (bool(got) or bool(right)) and not (got and set(got) <= right):
            miss(f"{'WRONG ' if got else ''}{name}", got, right)
    if filled["otp"] and not set(filled["otp"]) <= form.otp:
        wrong = True
        miss("WRONG otp", filled["otp"], form.otp)
    score.right["wrong"] += wrong
    if form.press:
        score.of["press"] += 1
        pressed = form.default if chosen.press == "Enter" else chosen.press
        score.right["press"] += pressed in form.press
        if pressed not in form.press:
            miss("press", [chosen.press], form.press)


async def run(pages, command):
    """The scores of the product and of the baseline, and how many pages were left out, and why."""
    site = Site(pages)
    left, ours, theirs = Counter(), Score(), Score()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find(BrowserSettings(), headless=True)
        )
        answers = await ask(command, [site.url + page.name for page in pages])
        tab = await quiet_page(browser)
        for page, answer in zip(pages, answers, strict=True):
            await tab.goto(f"{site.url}notes/{page.name}", wait_until="domcontentloaded")
            paths, press = paths_of(answer)
            told = [path for several in paths.values() for path in several] + [press]
            seen = await tab.evaluate(CONTROLS, told)
            forms = (
                scored_forms(page, seen) if page.notes is None else formasaurus_forms(page, seen)
            )
            if forms is None:
                left["not annotated as a whole"] += 1
                continue
            if forms and not any(form.password or form.user_id for form in forms):
                left["login form not seen without scripts"] += 1
                continue
            forms = [form for form in forms if form.password or form.user_id]
            places = dict(zip(told, seen["chosen"], strict=True))
            found = {name: [places[path] for path in several] for name, several in paths.items()}
            if answer.get("refused") and "captcha" not in answer["refused"]:
                found = {}  # while a challenge is open, the fields are filled
            chosen = Chosen(
                **found,
                press="Enter" if press == "Enter" else places[press] if press else -1,
                page=answer.get("page", "error"),
                refused=answer.get("refused") or answer.get("error") or "",
            )
            html = {one["at"]: one["html"] for one in seen["controls"]} | {
                int(at): text for at, text in seen["html"].items()
            }
            judge(ours, page, forms, chosen, html)
            judge(theirs, page, forms, ten_lines(seen["controls"]), html)
        await browser.close()
    site.shutdown()
    return ours, theirs, left


def report(ours, theirs, left):
    """The table."""
    print(
        f"login pages        {theirs.of['login']}, and {ours.right['captcha']} with a captcha, refused"
    )
    print(f"nothing to fill    {ours.of['nothing']}")
    print(
        f"left out           {', '.join(f'{count} {why}' for why, count in left.items()) or 'none'}\n"
    )
    print(f"{'':26}product    ten lines")
    for name in FIELDS:
        print(
            f"{name.replace('_', ' '):24}{ours.share(name):>9}   {theirs.share(name):>9}   of {ours.of[name]}"
        )
    for one in (ours, theirs):
        one.of["wrong"] = one.of["login"]
        one.of["filled"] = one.of["with password"] = one.of["nothing"]
    print(
        f"{'wrong fills':24}{ours.share('wrong'):>9}   {theirs.share('wrong'):>9}   {ours.right['wrong']} and {theirs.right['wrong']} login pages"
    )
    for name in ("filled", "with password"):
        print(
            f"{'nothing: ' + name:24}{ours.right[name]:>9}   {theirs.right[name]:>9}   of {ours.of['nothing']}"
        )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path)
    beside = Path(sys.executable).with_name("autologin")
    parser.add_argument("--autologin", default=beside, help="another installed product's command")
    parser.add_argument(
        "--misses",
        action="store_true",
        help="each miss of the product: the page, what was chosen, what is right",
    )
    parser.add_argument("--only", default="", help="only pages whose names have this in them")
    told = parser.parse_args()
    pages = folder_pages(told.corpus) if told.corpus else formasaurus_pages()
    wanted = [page for page in pages if told.only in page.name]
    ours, theirs, left = asyncio.run(run(wanted, told.autologin))
    report(ours, theirs, left)
    if told.misses:
        print("\n" + "\n".join(ours.misses))


if __name__ == "__main__":
    main()
