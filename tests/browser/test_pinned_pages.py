"""A login on a page that says nothing of itself, with the selectors that a user gives: it signs in, or names the key."""

from __future__ import annotations

import pytest
import yaml
from replicas.web import Site, page, redirect
from support.clock import FastClock

from autologin import run as runs
from autologin.app import App
from autologin.config import loader

TO_APP = "http://127.0.0.9:9/callback"
USER, PASSWORD = "AB1234", "s3cret pass-word"
PINS = {
    "fields": {"user_id": "[name=a1]", "password": "[name=a3]"},
    "press": ".btnish",
}


def form(alpha="Alpha", gamma="Gamma", more="", title=""):
    return (
        f"<title>{title}</title><form method=post action=/in><label>{alpha}<input name=a1></label>"
        f"<label>{gamma}<input name=a3></label>{more}"
        "<div class=btnish onclick='document.forms[0].submit()'>Go</div></form>"
    )


PAGES = {
    "boxes that say nothing": (form(), "did not carry the state"),
    "a sign-up": (
        form("First name", "Last name", "<button>Create account</button>", "Sign up"),
        "`pages` does not switch off the guard of a form that is no login: page: sign-up",
    ),
}


@pytest.mark.parametrize("name", PAGES)
async def test_the_users_selectors(tmp_path, name):
    html, told = PAGES[name]
    clock, sent = FastClock(), []

    async def answer(asked):
        if asked.method != "POST":
            return page(html)
        sent.append(asked.form)
        return redirect(f"{TO_APP}?code=c0de", 303)

    async with Site(answer, clock) as broker:
        credentials = {"client_id": "app", "redirect_uri": TO_APP}
        credentials |= {"user_id": USER, "password": PASSWORD}
        account = {
            "broker": "oauth2",
            "credentials": credentials,
            "endpoints": dict.fromkeys(("authorize", "token"), broker.origin),
            "pages": PINS,
        }
        file = tmp_path / "config.yaml"
        file.touch(mode=0o600)
        file.write_text(yaml.safe_dump({"state": {"path": "state"}, "accounts": {"a": account}}))
        app = App.open(loader.load(file, {"HOME": str(tmp_path)}), clock)
        try:
            (outcome,) = await runs.run_accounts(app, list(app.settings.accounts.values()))
        finally:
            app.store.close()
    assert told in outcome.error.detail
    if "`pages`" in told:
        assert (outcome.error.name, sent) == ("page_changed", [])
    else:
        assert sent[:1] == [{"a1": USER, "a3": PASSWORD}]
