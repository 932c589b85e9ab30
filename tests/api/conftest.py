"""What the tests of brokers without a page share: a walk without a browser, and what must be so after each."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from kit import SkippingClock, leaks, rehearsal, secrets_of

from autologin import log
from autologin.login import browser

BLOCKS = {"credentials_rejected", "otp_rejected", "account_locked"}


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

    async def issues(self, broker, scenario, *, login, most=2):
        """A run that gives a token all the same; `login` is the call that sends the code, made at most so often."""
        served, outcome = await self(broker, scenario)
        assert (outcome.outcome, outcome.error) == ("issued", None)
        token = json.loads(served.token_file.read_text())
        assert token["access_token"] in served.twin.tokens
        assert outcome.expires_at - datetime.fromisoformat(token["issued_at"]) <= timedelta(days=1)
        assert len(set(served.twin.otps)) == len(served.twin.otps), "a code was sent twice"
        assert served.twin.counters[login] <= most
        return served, outcome

    async def fails(self, broker, scenario, name, *, login, calls=1):
        """A run that fails by this name, after so many calls; where it blocks, another run calls nobody."""
        served, outcome = await self(broker, scenario)
        twin = served.twin
        assert (outcome.outcome, outcome.error.name) == ("failed", name)
        assert outcome.error.hint
        assert not served.token_file.exists()
        assert len(set(twin.otps)) == len(twin.otps), "a code was sent twice"
        assert twin.counters[login] == calls
        if name in BLOCKS:
            before = twin.counters.copy()
            assert (await served.run(twin.clock)).error.name == "account_blocked"
            assert twin.counters == before
        return served, outcome


@pytest.fixture(autouse=True)
def _no_browser(monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("a browser was asked for")

    monkeypatch.setattr(browser.Driver, "start_early", refuse)
    monkeypatch.setattr(browser.Driver, "playwright", refuse)
    monkeypatch.setattr(browser, "fresh_context", refuse)


@pytest.fixture
async def walk(tmp_path):
    """`Walks`; afterwards nothing secret may stand anywhere but in the token's file."""
    heard = io.StringIO()
    log.configure(verbose=True, stream=heard)
    walks = Walks(tmp_path)
    yield walks
    for context, served in walks.kept:
        secrets = [*secrets_of(served.twin), *served.twin.tokens]
        assert leaks(secrets, [heard.getvalue(), tmp_path / "state"]) == []
        await context.__aexit__(None, None, None)
