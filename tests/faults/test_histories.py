"""Random histories of one login: wrong and changed secrets, lost answers, kills, clock jumps, two processes.

A broker counts what arrives. Whatever happens, a refused value is not sent again before somebody unblocks
the account, a value that was never right is sent three times at most without an answer, one that was right
this week is held back by no outage, no code is sent twice, and no older token replaces a newer one.

`HISTORIES=10000` runs that many; a sample by default.
"""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import sys
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pydantic import SecretStr
from support.clock import MORNING, HandClock

from autologin import log
from autologin import run as walk
from autologin.app import App
from autologin.config import loader
from autologin.errors import (
    BrokerUnavailable,
    CredentialsRejected,
    OtpRejected,
    PageChanged,
)
from autologin.flow import registry
from autologin.flow.base import Verdict, Verification
from autologin.retry import ON_THE_WAY, UNSETTLED
from autologin.secret_refs import parse as parse_secret
from autologin.store.attempts import TRUSTED
from autologin.store.leases import LEASE_SECONDS
from autologin.token import Token

HISTORIES = int(os.environ.get("HISTORIES", "120"))
LIMIT = 20.0
FLOW = '''
from pydantic import Field, SecretStr

from autologin.flow import ApiFlow, Credentials, RateLimit, TotpSeed


class CountedCredentials(Credentials):
    api_key: SecretStr = Field(description="the app")
    user_id: str = Field(description="the user")
    pin: SecretStr = Field(description="the PIN")
    totp_secret: TotpSeed = Field(description="the seed")


class Counted(ApiFlow):
    """A broker that counts."""

    broker = "counted"
    title = "Counted"
    docs = "https://counted.example/"
    evidence = "2026-11"
    endpoints = {"api": "https://counted.example"}
    rate_limits = (RateLimit(1, 20.0),)
    credentials: CountedCredentials
    world = None

    async def sign_in(self, http, otp, now):
        return await self.world.sign_in(self.credentials, otp)

    async def verify(self, token, http):
        return self.world.verify(token)
'''
CONFIG = """
flows_dir: own
state: {path: state}
accounts:
  mine:
    broker: counted
    timeout: 45
    credentials: {api_key: one, user_id: AB1234, pin: "1111", totp_secret: JBSWY3DPEHPK3PXP}
"""
PINS = ["1111", "2222", "3333"]
SEEDS = ["JBSWY3DPEHPK3PXP", "KRSXG5CTMVRXEZLU"]
ANSWERS = ["told", "lost", "unclear", "unreachable", "killed"]


class Killed(BaseException):
    """SIGKILL, as far as one process can have it: nothing after it is done."""


class World:
    """The broker: which secrets are right, what arrived, and what it has told of it."""

    def __init__(self, clock):
        self.clock = clock
        self.pin = PINS[0]
        self.seed = SEEDS[0]
        self.answer = "told"
        self.meanwhile = None
        self.issued = 0
        self.otps = []
        self.under_way = 0
        self.overlaps = 0
        self.accepted = {}
        self.forget()

    def forget(self):
        """Somebody unblocks the account."""
        self.refused = set()
        self.codes = Counter()
        self.silent = Counter()

    async def sign_in(self, credentials, otp):
        answer = self.answer
        if answer == "unreachable":
            raise BrokerUnavailable("refused", sent=False)
        pin = credentials.pin.get_secret_value()
        seed = credentials.totp_secret.get_secret_value()
        right, fits = pin == self.pin, self.fits(otp)
        self.arrive(pin, seed, otp)
        self.issued += 1
        number = self.issued
        self.overlaps += self.under_way
        self.under_way += 1
        try:
            if self.meanwhile:
                work, self.meanwhile = self.meanwhile, None
                await work()
        finally:
            self.under_way -= 1
        if answer == "killed":
            raise Killed
        if answer == "lost":
            raise BrokerUnavailable("reset")
        if answer == "unclear":
            raise PageChanged("what?")
        return self.tell(pin, seed, number, right=right, fits=fits)

    def arrive(self, pin, seed, otp):
        """Hold an entry against what the broker has told so far."""
        now = self.clock.wall
        assert pin not in self.refused, "a refused PIN was sent again"
        assert self.codes[seed] < 2, "a seed was sent after two refused codes"
        for secret in (pin, seed):
            trusted = now - self.accepted.get(secret, MORNING - 2 * TRUSTED) <= TRUSTED
            self.silent[secret] += 1
            assert trusted or self.silent[secret] <= UNSETTLED, "sent into silence"
        self.otps.append((seed, otp, int(self.clock.now().timestamp()) // 30))

    def fits(self, otp):
        now = self.clock.wall.timestamp()
        return any(otp == pyotp.TOTP(self.seed).at(now + ago) for ago in (-30, 0, 30))

    def tell(self, pin, seed, number, *, right, fits):
        if not right:
            self.refused.add(pin)
            self.silent[seed] -= 1
            raise CredentialsRejected("Invalid PIN")
        if not fits:
            self.codes[seed] += 1
            self.silent[pin] -= 1
            raise OtpRejected("Invalid TOTP")
        for secret in (pin, seed):
            self.accepted[secret] = self.clock.wall
            self.silent[secret] = 0
        self.codes[seed] = 0
        now = self.clock.now()
        ends = now + timedelta(hours=20)
        return Token(SecretStr(f"token-{number:06}"), now, ends, "AB1234")

    def verify(self, token):
        return Verification(Verdict.VALID, "AB1234")


class Login(RuleBasedStateMachine):
    """One person's login, through whatever may happen to it."""

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp(dir=SHARED.folder))
        self.clock = HandClock(MORNING)
        self.world = World(self.clock)
        registry.load("counted").world = self.world
        self.name = "mine"
        self.account = SHARED.settings.accounts["mine"]
        state = SHARED.settings.state.model_copy(update={"path": self.folder})
        config = SHARED.settings.model_copy(update={"state": state})
        self.apps = [App.open(config, self.clock) for _ in range(2)]

    def teardown(self):
        for app in getattr(self, "apps", ()):
            app.store.close()
        shutil.rmtree(getattr(self, "folder", ""), ignore_errors=True)

    # What people do

    @rule(pin=st.sampled_from(PINS))
    def edit_the_pin(self, pin):
        self.edit(pin=pin)

    @rule(seed=st.sampled_from(SEEDS))
    def edit_the_seed(self, seed):
        self.edit(totp_secret=seed)

    @rule(key=st.sampled_from(["one", "two"]))
    def edit_the_key(self, key):
        self.edit(api_key=key)

    @rule(name=st.sampled_from(["mine", "renamed"]))
    def rename(self, name):
        self.account = self.account.model_copy(update={"name": name})

    @rule(pin=st.sampled_from(PINS))
    def change_the_pin_at_the_broker(self, pin):
        self.world.pin = pin

    @rule()
    def unblock(self):
        SHARED.loop.run_until_complete(self.apps[0].unblock(self.account))
        self.world.forget()

    # What happens

    @rule(answer=st.sampled_from(ANSWERS))
    def answers_are(self, answer):
        self.world.answer = answer

    @rule(hours=st.sampled_from([0.01, 1, 20, 24 * 8]))
    def time_passes(self, hours):
        self.clock.move(hours=hours)

    @rule(hours=st.sampled_from([-6, 0, 0, 6]))
    def the_clock_is_set(self, hours):
        self.clock.set_ahead(hours=hours)

    @rule(process=st.sampled_from([0, 1]))
    def run(self, process):
        self.settle(self.one_run(process))

    @rule()
    def run_while_the_clock_jumps_and_another_tries(self):
        async def meanwhile():
            self.clock.set_ahead(hours=3)
            await self.one_run(1, timeout=12)  # it has less patience than the lease has time

        before = self.world.overlaps
        self.world.meanwhile = meanwhile
        self.settle(self.one_run(0))
        self.world.meanwhile = None
        assert self.world.overlaps == before, "two logins at once"

    @rule()
    def run_that_stands_still_while_another_takes_over(self):
        async def meanwhile():
            self.clock.move(seconds=LEASE_SECONDS + 1)
            await self.one_run(1)

        self.world.meanwhile = meanwhile
        self.settle(self.one_run(0))
        self.world.meanwhile = None

    # What must be so

    @invariant()
    def no_code_was_sent_twice(self):
        world = getattr(self, "world", None)
        if world:
            assert len(set(world.otps)) == len(world.otps)

    @invariant()
    def the_stored_token_is_never_older(self):
        if getattr(self, "apps", None):
            stored = self.apps[0].store.tokens.get(self.account.name)
            number = int(stored.token.access_token.get_secret_value()[-6:]) if stored else 0
            key = self.account.name
            last = SHARED.last.get((self.folder, key), 0)
            assert number >= last
            SHARED.last[self.folder, key] = number

    # Below

    def edit(self, **values):
        credentials = dict(self.account.credentials)
        credentials |= {key: parse_secret(value) for key, value in values.items()}
        self.account = self.account.model_copy(update={"credentials": credentials})

    def settle(self, work):
        SHARED.loop.run_until_complete(work)

    async def one_run(self, process, **changes):
        account = self.account.model_copy(update=changes)
        try:
            outcome = await walk.run_account(self.apps[process], account, force=True)
        except Killed:
            return
        self.the_stored_token_is_never_older()
        if outcome.error:
            asked = getattr(outcome.error, "retry_after", None)
            assert asked is None or asked <= LIMIT + ON_THE_WAY


class Shared:
    """What all histories use."""

    def __init__(self):
        self.last = {}


SHARED = Shared()


@pytest.mark.timeout(120 + HISTORIES)
def test_histories(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "counted.py").write_text(FLOW)
    (tmp_path / "config.yaml").write_text(CONFIG)
    memory = Path("/dev/shm")
    SHARED.folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else tmp_path))
    SHARED.settings = loader.load(tmp_path / "config.yaml", {"HOME": str(tmp_path)})
    SHARED.loop = asyncio.new_event_loop()
    log.configure(stream=io.StringIO())
    Login.TestCase.settings = settings(
        max_examples=HISTORIES,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    try:
        Login.TestCase("runTest").runTest()
    finally:
        SHARED.loop.close()
        shutil.rmtree(SHARED.folder)
        registry.FLOWS.__path__.remove(str(tmp_path / "own"))
        del sys.modules["autologin.flows.counted"]
