"""What the tests of brokers without a page share: runs without a browser, and what must be so after each."""

from __future__ import annotations

import io
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from support.clock import SkippingClock
from support.leaks import leaks
from support.sandbox import rehearsal, secrets_of

from autologin import log
from autologin.login import browser
from autologin.sandbox.api_twin import ApiTwin
from autologin.sandbox.page_twin import FormTwin
from autologin.sandbox.server import twin_classes

BLOCKS = {"credentials_rejected", "otp_rejected", "account_locked"}
TWINS = {
    name: twin
    for name, twin in sorted(twin_classes().items())
    if issubclass(twin, ApiTwin) and not issubclass(twin, FormTwin)
}
"""The twins of the brokers without a page."""


@dataclass
class Walks:
    """Runs of a broker's account, each by a clock of its own."""

    folder: Any
    kept: list = field(default_factory=list)

    async def __call__(self, broker, *scenarios, change=None, **options):
        """A run with scenarios on: the rehearsal, and the outcome."""
        clock = SkippingClock()
        context = rehearsal(self.folder, *scenarios, broker=broker, clock=clock)
        served = await context.__aenter__()
        self.kept.append((context, served))
        if change:
            served.change(change)
        return served, await served.run(clock, **options)

    async def issues(self, broker, scenario):
        """A run that gives a token all the same, after two logins at most."""
        served, outcome = await self(broker, scenario)
        twin = served.twin
        assert (outcome.outcome, outcome.error) == ("issued", None)
        token = json.loads(served.token_file.read_text())
        assert token["access_token"] in twin.tokens
        assert outcome.expires_at - datetime.fromisoformat(token["issued_at"]) <= timedelta(days=1)
        assert len(set(twin.otps)) == len(twin.otps), "a code was sent twice"
        assert twin.counters[twin.login_call] <= 2
        return served, outcome

    async def fails(self, broker, scenario):
        """A run that fails by the scenario's name, after so many logins; where it blocks, another run calls nobody."""
        served, outcome = await self(broker, scenario)
        twin = served.twin
        row = twin.table[scenario]
        assert (outcome.outcome, outcome.error.name) == ("failed", row.expect)
        assert outcome.error.hint
        assert not served.token_file.exists()
        assert len(set(twin.otps)) == len(twin.otps), "a code was sent twice"
        assert twin.counters[twin.login_call] == row.expected_logins
        if row.expect in BLOCKS:
            before = twin.counters.copy()
            assert (await served.run(twin.clock)).error.name == "account_blocked"
            assert twin.counters == before
        return served, outcome


@asynccontextmanager
async def api_runs(folder, monkeypatch):
    """`Walks` without a browser; afterwards nothing secret may stand anywhere but in the token's file."""

    def refuse(*_args, **_options):
        raise AssertionError("a browser was asked for")

    monkeypatch.setattr(browser.Driver, "start_early", refuse)
    monkeypatch.setattr(browser.Driver, "playwright", refuse)
    monkeypatch.setattr(browser, "fresh_context", refuse)
    heard = io.StringIO()
    log.configure(verbose=True, stream=heard)
    walks = Walks(folder)
    yield walks
    for context, served in walks.kept:
        secrets = [*secrets_of(served.twin), *served.twin.tokens]
        assert leaks(secrets, [heard.getvalue(), folder / "state"]) == []
        await context.__aexit__(None, None, None)
