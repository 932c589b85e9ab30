"""Which scenarios are run, and how: a broker's twin with a scenario on, and the product in front of it."""

from __future__ import annotations

import io

import pytest
from support.clock import FastClock, SkippingClock
from support.leaks import leaks
from support.page_rules import more_secrets
from support.sandbox import rehearsal, secrets_of
from support.selection import chosen

from autologin import log


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
