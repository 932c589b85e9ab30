"""Zerodha's flow at a second, independent Kite whose pages the flow's author did not make."""

from __future__ import annotations

import io
import os
from types import SimpleNamespace

import pytest
import yaml
from replicas.kite import PASSWORD, Kite
from replicas.variants import CASES, EVERY_TIME
from support.clock import FastClock
from support.leaks import leaks
from support.selection import PATIENCE

from autologin import log
from autologin import run as walk
from autologin.app import App
from autologin.config import loader

CHOSEN = (
    CASES if os.environ.get("REPLICAS") == "all" else {name: CASES[name] for name in EVERY_TIME}
)
BLOCKING = {"credentials_rejected", "otp_rejected", "account_locked"}


@pytest.fixture
async def visit(tmp_path):
    """Run the one account of a config against a variant, as often as it is called."""
    heard = io.StringIO()
    log.configure(verbose=True, stream=heard)
    clock = FastClock()

    async def run(kite, case):
        content = kite.config()
        account = content["accounts"]["zerodha"]
        account["authorize"] = case.authorize
        account |= {"timeout": case.timeout} if case.timeout else {}
        if case.redirect_uri is None:
            del account["credentials"]["redirect_uri"]
        file = tmp_path / "config.yaml"
        file.touch(mode=0o600)
        file.write_text(yaml.safe_dump(content, allow_unicode=True))
        settings = loader.load(file, {"HOME": str(tmp_path)})
        app = App.open(settings, clock)
        try:
            (outcome,) = await walk.run_accounts(app, list(settings.accounts.values()))
        finally:
            app.store.close()
        assert leaks(kite.secrets, [heard.getvalue(), tmp_path / "state"]) == []
        return outcome

    run.clock, run.heard, run.folder = clock, heard, tmp_path
    return run


@pytest.mark.parametrize("name", CHOSEN)
async def test_a_replica_is_walked_as_the_design_says(visit, name):
    case = CASES[name]
    async with Kite(case.variant, visit.clock) as kite:
        if case.ends in PATIENCE:
            visit.clock.twin = SimpleNamespace(seen=kite.asked)
        outcome = await visit(kite, case)
        ended = outcome.error.name if outcome.error else outcome.outcome
        told = outcome.error.message if outcome.error else ""
        found = (ended, len(kite.passwords), len(kite.codes))
        assert found == (case.ends, case.passwords, case.codes), (
            f"{told}\n{kite.asked}\n{visit.heard.getvalue()}"
        )
        assert set(kite.passwords) <= {PASSWORD}
        assert len(set(kite.codes)) == len(kite.codes), "a code was sent twice"
        assert (kite.hits, kite.unexpected) == ([], [])
        assert len(kite.exchanges) == case.exchanges
        assert (visit.folder / "tokens/zerodha.json").exists() == (case.ends == "issued")
        if ended in BLOCKING:
            before = list(kite.asked)
            again = await visit(kite, case)
            assert (again.error.name, kite.asked) == ("account_blocked", before)
