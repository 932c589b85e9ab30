"""A flow with a mistake in it: the other accounts of the same run get their tokens all the same."""

from __future__ import annotations

import json

from autologin import run
from autologin.app import App
from autologin.errors import StoreError
from autologin.flow import registry
from autologin.sandbox.server import twin_classes


async def test_a_mistake_in_one_flow_takes_no_token_from_the_others(walk, monkeypatch):
    served, _ = await walk("groww")
    served.token_file.unlink()
    served.change(add_dhan)

    async def mistake(*_):
        raise IndexError

    monkeypatch.setattr(registry.load("dhan"), "sign_in", mistake)
    app = App.open(served.settings(), served.twin.clock, None)
    accounts = [app.settings.accounts["dhan"], app.settings.accounts["groww"]]
    try:
        outcomes = await run.run_accounts(app, accounts, force=True)
    finally:
        app.store.close()
    assert [one.error and one.error.name for one in outcomes] == ["autologin_error", None]
    assert "IndexError" in outcomes[0].error.detail
    assert json.loads(served.token_file.read_text())["access_token"] in served.twin.tokens


def add_dhan(config):
    closed = {"auth": "http://127.0.0.1:9", "api": "http://127.0.0.1:9"}
    credentials = dict(twin_classes()["dhan"].account)
    config["accounts"]["dhan"] = {
        "broker": "dhan",
        "credentials": credentials,
        "endpoints": closed,
        "sinks": [],
    }


async def test_a_run_that_cannot_begin_is_told_as_that(walk):
    served, _ = await walk("dhan")
    app = App.open(served.settings(), served.twin.clock, None)

    def fail(*_):
        raise StoreError("The disk is full")

    app.store.history.begin_run = fail
    try:
        (outcome,) = await run.run_accounts(app, [app.settings.accounts["dhan"]])
    finally:
        app.store.close()
    assert (outcome.outcome, outcome.error.name) == ("failed", "store_error")
    assert outcome.error.detail == "The disk is full"
