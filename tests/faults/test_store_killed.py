"""Processes that write to the store in a loop are killed at random moments: what they said is stored must be there."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter

import pytest
from support.clock import MORNING, HandClock

from autologin.clock import SystemClock
from autologin.store.database import FILE
from autologin.store.store import Store

TURNS = 10
AT_ONCE = 2
MOTHER = """
import os, signal, sys, time
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
import cryptography.fernet
from pydantic import SecretStr
from autologin.clock import SystemClock
from autologin.store.store import Store
from autologin.token import Token


def write(folder, name):
    now = datetime.now(UTC)
    store = Store.open(folder, SystemClock())
    print("opened")
    for n in count():
        lease = store.leases.acquire(name)
        assert lease
        run = store.history.begin_run(name, "zerodha")
        attempt = store.attempts.begin(lease, name, [name])
        print("attempt", n)
        if store.attempts.claim_otp_step(lease, "seed", n):
            print("step", n)
        store.attempts.settle(attempt, "accepted")
        extra = {"bundle": ["x" * 5000]}
        store.tokens.save(lease, "zerodha", Token(SecretStr(f"token-{name}-{n}"), now, now + timedelta(days=1), "AB1234", extra))
        print("token", n)
        store.history.end_run(run, "issued", None, seconds=1, stages={})
        store.leases.release(lease)
        time.sleep(0.001)  # or the other one never gets its turn


signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    folder, name = map(Path, line.split())
    if child := os.fork():
        print(child, flush=True)
        continue
    sys.stdout = open(name, "w", buffering=1)
    print("born")
    write(folder, name.name)
"""


class Mother:
    """A process whose children, begun without a new interpreter each, write to stores."""

    def __init__(self):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen([sys.executable, "-c", MOTHER], **pipes)

    def child(self, folder, told):
        """A child's number; what it does is told in a file, line by line."""
        self.process.stdin.write(f"{folder} {told}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@pytest.fixture
def mother():
    one = Mother()
    yield one
    one.process.kill()
    one.process.communicate()


def until(true, seconds=30.0):
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.001)


def says(told, word):
    return told.exists() and word in told.read_text()


def gone(child):
    try:
        os.kill(child, 0)
    except ProcessLookupError:
        return True
    return False


def killed(mother, folder, files, *, after, seconds):
    """What children said until SIGKILL came, so many seconds after each had said the word `after`."""
    children = [mother.child(folder, told) for told in files]
    for told in files:
        until(lambda told=told: says(told, after))
    time.sleep(seconds)
    for child in children:
        os.kill(child, signal.SIGKILL)
    for child in children:
        until(lambda child=child: gone(child))
    return [[line.split() for line in told.read_text().splitlines()] for told in files]


def numbers(detail, word):
    return [int(line[1]) for line in detail if line[0] == word]


def check(folder, name, detail):
    """What one writer said is so."""
    with contextlib.closing(sqlite3.connect(folder / FILE)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with contextlib.closing(Store.open(folder, SystemClock())) as one:
        outcomes = [
            outcome
            for (outcome,) in one._database.fetch_all(
                "SELECT outcome FROM attempts WHERE account = ? ORDER BY id", name
            )
        ]
        assert set(numbers(detail, "step")) <= {
            step for (step,) in one._database.fetch_all("SELECT step FROM otp_steps")
        }
        put = len(numbers(detail, "token"))
        found = one.tokens.get(name)
        value = found and found.token.access_token.get_secret_value()
        if put or found:
            assert value in {f"token-{name}-{put - 1}", f"token-{name}-{put}"}
        begun = len(numbers(detail, "attempt"))
        assert begun <= len(outcomes) <= begun + 1
        assert one.leases.acquire(name) is not None
    return put


def test_a_store_whose_writers_are_killed_keeps_what_it_said_it_has(mother, tmp_path):
    chance = random.Random(20261124)
    folder = tmp_path / "state"
    granted: Counter[int] = Counter()
    tokens = 0
    for turn in range(TURNS):
        files = [tmp_path / f"account-{turn}-{number}" for number in range(AT_ONCE)]
        everything = killed(mother, folder, files, after="opened", seconds=chance.uniform(0, 0.06))
        for told, detail in zip(files, everything, strict=True):
            granted.update(numbers(detail, "step"))
            tokens += check(folder, told.name, detail)
    assert tokens > TURNS
    assert set(granted.values()) == {1}


def test_a_first_opening_that_is_killed_leaves_a_folder_that_opens(mother, tmp_path):
    chance = random.Random(8)
    cut_off = 0
    for turn in range(TURNS):
        folder = tmp_path / str(turn)
        seconds = chance.uniform(0, 0.012) if turn else 0
        (detail,) = killed(
            mother, folder, [tmp_path / f"told-{turn}"], after="born", seconds=seconds
        )
        cut_off += detail == [["born"]]
        with contextlib.closing(Store.open(folder, HandClock())) as one:
            assert one.history.begin_run("z", "zerodha")
            assert one.history.runs("z")[0].began == MORNING
    assert cut_off
