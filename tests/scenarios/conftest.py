"""Which scenarios are run, and how: a broker's twin with a scenario on, and the product in front of it."""

from __future__ import annotations

import io

import pytest
from kit import FastClock, SkippingClock, leaks, rehearsal, secrets_of
from selection import chosen, every

from autologin import log


def more_secrets(twin):
    """What else a broker hands out that must stand nowhere."""
    found = [*twin.tokens, *getattr(twin, "refresh_tokens", ()), *getattr(twin, "extended_tokens", ())]
    if twin.broker == "zerodha":
        found += [part for one in twin.sessions.values() for part in (one.enctoken, one.public_token)]
    if twin.broker == "upstox":
        found += [visit.hop for visit in twin.visits.values() if visit.hop]
    if twin.broker == "fyers":
        found += [visit.login_token for visit in twin.visits.values() if visit.login_token]
    return found


@pytest.fixture
def heard():
    """What the product logs, at its most talkative."""
    stream = io.StringIO()
    log.configure(verbose=True, stream=stream)
    return stream


@pytest.fixture
async def walk(tmp_path, heard):
    """Run an account with scenarios on; at the end no secret may stand anywhere but in the token's file.

    `change` edits the account in the config, `patience` says whether patience must run out.
    """
    kept = []

    async def walk(broker, *scenarios, change=None, patience=False, **options):
        clock = FastClock() if patience else SkippingClock()
        context = rehearsal(tmp_path, *scenarios, broker=broker, clock=clock)
        served = await context.__aenter__()
        clock.twin = served.twin
        kept.append((context, served))
        if change:
            served.change(lambda data: change(data["accounts"][broker]))
        return served, await served.run(clock, **options)

    yield walk
    for context, served in kept:
        twin = served.twin
        secrets = [*secrets_of(twin), *more_secrets(twin)]
        assert leaks(secrets, [heard.getvalue(), tmp_path / "state"]) == []
        if twin.broker == "upstox":
            assert leaks([twin.user.mobile_number], [tmp_path / "state" / "failures"]) == []
        await context.__aexit__(None, None, None)


def pytest_generate_tests(metafunc):
    """`case` stands for each scenario that is to be run now."""
    if "case" in metafunc.fixturenames:
        cases = chosen()
        metafunc.parametrize("case", cases, ids=[f"{broker}-{name}" for broker, name in cases])


def pytest_report_header():
    """How many scenarios there are, and how many of them are run."""
    return f"page scenarios: {len(chosen())} of {len(every())}; SCENARIOS=all runs them all"
