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

    Else of each broker's own scenarios one of each kind, each shared one for one broker at least, and a sample of the
    rest that is the same each time. Of the calls that fail, each place and each way to fail is there once.
    """
    if os.environ.get("SCENARIOS") == "all":
        return every()
    brokers = {}
    for broker, name in filter(lambda case: shared(*case), every()):
        brokers.setdefault(name, []).append(broker)
    wanted, seen = [], set()
    for broker, name in every():
        if not shared(broker, name):
            kinds = {kind(broker, name)}
        elif brokers[name][zlib.crc32(name.encode()) % len(brokers[name])] == broker:
            kinds = set(name.partition("_at_")[::2]) if a_call_fails(broker, name) else {name}
        else:
            kinds = set()
        if kinds - seen or zlib.crc32(f"{broker} {name}".encode()) % SAMPLE == 0:
            wanted.append((broker, name))
        seen |= kinds
    return wanted


def kind(broker, name):
    """What a broker's scenario changes, and to what end: those of one kind are much alike."""
    row = page_twins()[broker].table[name]
    return broker, row.expect, *sorted(row.changes), *sorted(row.changes.get("page") or {})


def a_call_fails(broker, name):
    return page_twins()[broker].table[name].changes.keys() == {"failures"}


def shared(broker, name):
    """Whether a broker's scenario is one that several brokers have, word for word or call for call."""
    row = page_twins()[broker].table[name]
    known = row is COMMON.get(name) or row is page_twin.FAMILY.get(name)
    return known or a_call_fails(broker, name)


def cases(sample, share=1.0):
    """How many cases a fuzz makes: its share of CASES in the environment, else a sample of a few seconds."""
    whole = os.environ.get("CASES")
    return max(int(int(whole) * share), 1) if whole else sample
