"""Fixtures of all tests."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import hypothesis
import pytest
from support.clock import HandClock
from support.matrix_report import pytest_terminal_summary  # noqa: F401  (pytest finds it here)

from autologin import redaction

hypothesis.settings.register_profile(
    "any machine", deadline=None
)  # how quick a machine is proves nothing
hypothesis.settings.load_profile("any machine")
# A shell ignores Ctrl-C for what it starts with `&`, and so would every child.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.dont_write_bytecode = False  # as on the machine of a user, whatever the one of the tests says
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

SCENARIOS = Path(__file__).parent / "scenarios"


def pytest_report_header(config):
    """How many scenarios of login pages there are, and how many of them this run takes."""
    paths = [Path(arg.split("::")[0]).resolve() for arg in config.args]
    if not any(SCENARIOS.is_relative_to(path) or path.is_relative_to(SCENARIOS) for path in paths):
        return None
    from support.selection import chosen, every

    return f"page scenarios: {len(chosen())} of {len(every())}; SCENARIOS=all runs them all"


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture(autouse=True)
def _a_fresh_process(monkeypatch):
    """Nothing of the user's environment, and no secret of an earlier test, reaches a test."""
    for name in os.environ:
        if name.startswith("AUTOLOGIN_"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(redaction, "_known", redaction.Known())
