"""Which of the scenarios of login pages a test run takes: all, or a sample that misses no name and no broker's own."""

from __future__ import annotations

import os
import zlib
from functools import cache

from autologin.sandbox import page_twin
from autologin.sandbox.scenarios import COMMON, PageBehaviour
from autologin.sandbox.server import twin_classes

SAMPLE = 40
"""One in so many of the scenarios that several brokers share is run for each of them."""

PATIENCE = {"page_changed", "redirect_timeout", "captcha_required", "otp_not_available"}
"""What a run is told where nothing happens any more: the tests do not wait for it in real time."""


@cache
def page_twins():
    """The twins with a login page, by the broker's name."""
    return {
        name: twin for name, twin in twin_classes().items() if isinstance(twin.plain, PageBehaviour)
    }


@cache
def every():
    """Each broker with each of its scenarios."""
    return [(broker, name) for broker, twin in page_twins().items() for name in twin.table]


def sample(cases, every_time):
    """The cases of a slow test: all, where the environment says SCENARIOS=all, else the first few."""
    return cases if os.environ.get("SCENARIOS") == "all" else cases[:every_time]


@cache
def chosen():
    """Those that are run now: all, where the environment says SCENARIOS=all.

    Else each broker's own scenarios, each shared one for one broker at least, and a sample of the rest that is the same
    each time.
    """
    if os.environ.get("SCENARIOS") == "all":
        return every()
    brokers = {}
    for broker, name in every():
        brokers.setdefault(name, []).append(broker)
    wanted = []
    for broker, name in every():
        number = zlib.crc32(f"{broker} {name}".encode())
        takes_it_for_all = brokers[name][zlib.crc32(name.encode()) % len(brokers[name])] == broker
        if not shared(broker, name) or takes_it_for_all or number % SAMPLE == 0:
            wanted.append((broker, name))
    return wanted


def shared(broker, name):
    """Whether a broker's scenario is one that several brokers have, word for word or call for call."""
    row = page_twins()[broker].table[name]
    a_call_fails = row.changes.keys() == {"failures"}
    return a_call_fails or row is COMMON.get(name) or row is page_twin.FAMILY.get(name)


def cases(sample, share=1.0):
    """How many cases a fuzz makes: its share of CASES in the environment, else a sample of a few seconds."""
    whole = os.environ.get("CASES")
    return max(int(int(whole) * share), 1) if whole else sample
