"""Deliveries that something goes wrong with, by real processes: nothing is lost, and a message never has two ids."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from pydantic import SecretStr
from support.cli import User
from support.leaks import leaks
from support.sandbox import rehearsal
from support.tls import pair, server_side
from support.webhook_consumer import Consumer, listening

from autologin.clock import SystemClock
from autologin.config import loader
from autologin.delivery.dispatcher import Dispatcher
from autologin.delivery.sinks.webhook import new_secret
from autologin.message import Message
from autologin.sandbox.brokers.groww import Groww
from autologin.store.store import Store
from autologin.token import Token

SECRET = new_secret()
KEYS = {
    "api_key": "a",
    "api_secret": "s",
    "user_id": "AB1234",
    "password": "p",
    "totp_secret": "JBSWY3DPEHPK3PXP",
}
CANARY = "token-canary"


def token(text=CANARY):
    now = datetime.now(UTC)
    return Token(SecretStr(text), now, now + timedelta(hours=20), "AB1234")


class Trader(User):
    """A user with a config, and with a store that is filled in this process."""

    def configure(self, accounts=("mine",), **sinks):
        self.sinks = list(sinks)
        known = {
            name: {"broker": "zerodha", "credentials": KEYS, "sinks": self.sinks}
            for name in accounts
        }
        data = {"accounts": known, "sinks": sinks, "state": {"path": "state"}}
        file = self.folder / "config.yaml"
        file.touch(0o600)
        file.write_text(yaml.safe_dump(data))

    def store(self, clock=None):
        return contextlib.closing(Store.open(self.folder / "state", clock or SystemClock()))

    def owe(self, *accounts):
        """Store a token for each account and owe it to every sink; gives the ids."""
        with self.store() as store:
            messages = [Message.issued(name, "zerodha", token()) for name in accounts or ["mine"]]
            for message in messages:
                store.outbox.enqueue(message, self.sinks)
            return [message.id for message in messages]

    async def owed(self, account="mine"):
        """What `autologin status` says of an account's deliveries, by sink."""
        found = (await self.says("status", "--json")).json
        (one,) = [one for one in found["accounts"] if one["account"] == account]
        return {delivery["sink"]: delivery for delivery in one["deliveries"]}

    def dies(self, at, *words):
        """`autologin WORDS` whose process comes to grief at a place."""
        environ = {"HOME": str(self.folder), "PATH": os.environ["PATH"]}
        command = [sys.executable, "-c", GRIEF, at, *words]
        return subprocess.run(
            command, cwd=self.folder, env=environ, check=False, capture_output=True, text=True
        )


GRIEF = """
import errno, os, runpy, signal, sys
from pathlib import Path
from autologin import files

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def half(path, data, _rights):
    os.write(files._create(path), data[: len(data) // 2])
    die()

def full(_handle):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

places = {
    "half of it is written": (files, "_write", half),
    "it is not on the disk": (os, "fsync", die),
    "it has another name": (Path, "replace", die),
    "the folder is not on the disk": (files, "_sync_folder", die),
    "the disk is full": (os, "fsync", full),
}
setattr(*places[sys.argv.pop(1)])
runpy.run_module("autologin", run_name="__main__", alter_sys=True)
"""


def hook(consumer, **more):
    return {"type": "webhook", "url": consumer.url, "secret": SECRET, **more}


@pytest.fixture
def trader(tmp_path):
    one = Trader(tmp_path)
    yield one
    assert leaks([CANARY, SECRET], one.heard) == []


async def line_with(process, word):
    """The next line on standard error that holds a word."""
    async with asyncio.timeout(60):
        while word not in (line := (await process.stderr.readline()).decode()):
            assert line, f"it ended without {word}"
    return line


async def kill(process):
    process.kill()
    await process.communicate()


# Processes that die


async def test_killed_in_the_middle_of_a_post_and_the_next_one_sends_the_same_message(trader):
    async with listening(Consumer(hold=asyncio.Event())) as consumer:
        trader.configure(hook=hook(consumer))
        (owed,) = trader.owe()
        process = await trader.start("deliver")
        await consumer.heard(1)
        await kill(process)
        assert (await trader.owed())["hook"]["outcome"] == "outstanding"
        consumer.hold.set()
        assert (await trader.says("deliver")).code == 0
    assert consumer.ids == [owed, owed]
    assert consumer.got[0][2] == consumer.got[1][2]
    assert (await trader.owed())["hook"]["outcome"] == "delivered"


@pytest.mark.parametrize("killed", [False, True], ids=["both live", "one is killed"])
async def test_two_processes_that_drain_one_outbox_lose_nothing_and_send_nothing_under_two_ids(
    trader, killed
):
    accounts = [f"a{number:02}" for number in range(40)]
    async with listening(Consumer(hold=asyncio.Event())) as consumer:
        trader.configure(accounts, hook=hook(consumer))
        owed = trader.owe(*accounts)
        one, other = [await trader.start("deliver") for _ in range(2)]
        await consumer.heard(
            32
        )  # what each of them may have under way at one time: both are at work
        if killed:
            await kill(one)
        consumer.hold.set()
        for process in [other] if killed else [one, other]:
            _, err = await process.communicate()
            assert process.returncode == 0, err.decode()
    came = Counter(consumer.ids)
    assert came.keys() == set(owed)
    told = {
        json.loads(body)["data"]["account"]: headers["webhook-id"]
        for _, headers, body in consumer.got
    }
    assert len(told) == len(set(told.values())) == 40
    assert sum(came.values()) == (
        56 if killed else 40
    )  # what the killed one had under way comes again, under the same ids


@pytest.fixture
def asked(monkeypatch):
    """Events for when the twin of Groww was asked about a token, and for when it may answer."""
    came, may_answer, answer = asyncio.Event(), asyncio.Event(), Groww.profile

    async def wait(self, request):
        came.set()
        await may_answer.wait()
        return await answer(self, request)

    monkeypatch.setattr(Groww, "profile", wait)
    return came, may_answer


async def test_killed_between_the_exchange_and_the_delivery_needs_no_other_login(tmp_path, asked):
    came, may_answer = asked
    async with rehearsal(tmp_path, broker="groww") as served, listening(Consumer()) as consumer:
        served.change(lambda config: _add_hook(config, consumer))
        process = await served.user.start("run", "groww")
        await asyncio.wait_for(came.wait(), 60)
        await kill(process)
        may_answer.set()
        assert not served.token_file.exists()
        assert [method for method, _, _ in consumer.got if method == "POST"] == []
        done = await served.user.says("deliver", "--json")
        assert done.code == 0
        assert json.loads(served.token_file.read_text())["access_token"] in served.twin.tokens
        assert [method for method, _, _ in consumer.got if method == "POST"] == ["POST"]
        assert served.twin.counters["access"] == 1


async def test_a_token_that_a_run_still_asks_about_is_not_delivered_by_another_process(
    tmp_path, asked
):
    came, may_answer = asked
    async with (
        rehearsal(tmp_path, "dead_token", broker="groww") as served,
        listening(Consumer()) as consumer,
    ):
        served.change(lambda config: _add_hook(config, consumer))
        process = await served.user.start("run", "groww")
        await asyncio.wait_for(came.wait(), 60)
        assert (await served.user.says("deliver")).code == 6
        may_answer.set()
        await process.communicate()
        assert process.returncode == 3
        assert (await served.user.says("deliver")).code == 0
    assert not served.token_file.exists()
    assert [json.loads(body)["type"] for method, _, body in consumer.got if method == "POST"] == [
        "token.rejected"
    ]


def _add_hook(data, consumer):
    data["sinks"]["hook"] = hook(consumer)
    data["accounts"]["groww"]["sinks"].append("hook")


@pytest.mark.parametrize(
    "place",
    [
        "half of it is written",
        "it is not on the disk",
        "it has another name",
        "the folder is not on the disk",
    ],
)
async def test_killed_while_it_writes_the_file_leaves_the_old_one_whole(trader, place):
    trader.configure(tokens={"type": "file", "path": "t.json"})
    file = trader.folder / "t.json"
    file.write_text("the old token")
    trader.owe()
    assert trader.dies(place, "deliver").returncode == -signal.SIGKILL
    if place == "the folder is not on the disk":
        assert json.loads(file.read_text())["access_token"] == CANARY
    else:
        assert file.read_text() == "the old token"
    assert {left.stat().st_mode & 0o777 for left in trader.folder.glob(".t.json.*")} <= {0o600}
    assert (await trader.owed())["tokens"]["outcome"] == "outstanding"
    assert (await trader.says("deliver")).code == 0
    assert json.loads(file.read_text())["access_token"] == CANARY


# Consumers that are not well


async def test_ten_times_500_and_then_200_is_one_message_whoever_asks(trader, clock):
    """Each try by a process of its own, as far as the store can tell: it is opened anew."""
    async with listening(Consumer([(500, {})] * 10 + [(200, {})])) as consumer:
        trader.configure(hook=hook(consumer))
        settings = loader.load(trader.folder / "config.yaml", {"HOME": str(trader.folder)})
        (owed,) = trader.owe()
        clock.wall = datetime.now(UTC)
        pauses = []
        while not pauses or pauses[-1]:
            with trader.store(clock) as store:
                post = Dispatcher(settings.sinks, settings.ref_context, store, clock)
                await post.drain(["hook"], seconds=0)
                await post.close()
                due = store.outbox.next_due("hook")
            pauses.append((due - clock.now()).total_seconds() if due else 0)
            clock.move(seconds=pauses[-1])
    assert consumer.ids == [owed] * 11
    usual = [2, 5, 15, 30, 60, 120, 120, 120, 120, 120, 0]
    assert [
        usually * 0.79 <= pause <= usually * 1.21
        for usually, pause in zip(usual, pauses, strict=True)
    ] == [True] * 11


async def test_an_answer_after_the_client_gave_up_is_the_same_message_again(trader):
    async with listening(Consumer(hold=asyncio.Event())) as consumer:
        trader.configure(hook=hook(consumer, timeout=0.5))
        (owed,) = trader.owe()
        process = await trader.start("deliver")
        assert "timed out after 0.5 s" in await line_with(process, "delivery_failed")
        consumer.hold.set()
        await process.communicate()
        assert process.returncode == 0
    assert consumer.ids == [owed, owed]
    assert (await trader.owed())["hook"]["tries"] == 1


async def test_a_tls_error_is_outstanding_and_says_what_is_wrong(trader, tmp_path):
    authority = pair(tmp_path, "authority")
    tls = server_side(pair(tmp_path, "server", authority))
    async with listening(Consumer(scheme="https"), tls) as consumer:
        trader.configure(hook=hook(consumer))
        (owed,) = trader.owe()
        process = await trader.start("deliver")
        await line_with(process, "delivery_failed")
        process.terminate()
        await process.communicate()
        assert process.returncode == 143
        found = (await trader.owed())["hook"]
        assert (found["outcome"], found["tries"], bool(found["next_try"])) == (
            "outstanding",
            1,
            True,
        )
        at = f"https://127.0.0.1:{consumer.port} cannot be reached"
        assert (
            f"{at} (its certificate is not trusted: unable to get local issuer certificate)"
            in found["error"]
        )
        assert "Name the CA that signed it in `ca_cert`" in found["error"]
        assert consumer.got == []
        trader.configure(hook=hook(consumer, ca_cert="authority.crt"))
        assert (await trader.says("deliver")).code == 0
    assert consumer.ids == [owed]


async def test_a_consumer_that_is_not_there_delays_no_other_sink(trader):
    async with listening(Consumer()) as consumer:
        nobody = {"type": "webhook", "url": "http://127.0.0.1:9/", "secret": SECRET}
        trader.configure(
            dead=nobody, hook=hook(consumer), tokens={"type": "file", "path": "t.json"}
        )
        trader.owe()
        process = await trader.start("deliver")
        for _ in range(3):
            await line_with(
                process, " deliver"
            )  # "delivered", or "delivery_failed": of each sink one
        process.terminate()
        await process.communicate()
    owed = await trader.owed()
    assert {sink: one["outcome"] for sink, one in owed.items()} == {
        "dead": "outstanding",
        "hook": "delivered",
        "tokens": "delivered",
    }


# Disks that are full


async def test_a_full_disk_below_the_file_leaves_the_old_one_and_the_other_sinks_get_theirs(trader):
    async with listening(Consumer()) as consumer:
        trader.configure(hook=hook(consumer), tokens={"type": "file", "path": "t.json"})
        file = trader.folder / "t.json"
        file.write_text("the old token")
        (owed,) = trader.owe()
        done = await asyncio.to_thread(trader.dies, "the disk is full", "deliver")
        assert (done.returncode, "the disk is full. Free some space" in done.stdout) == (6, True), (
            done.stderr
        )
        assert file.read_text() == "the old token"
        assert list(trader.folder.glob(".t.json.*")) == []
        assert (await trader.says("deliver")).code == 0
    assert json.loads(file.read_text())["access_token"] == CANARY
    assert consumer.ids == [owed]


async def test_a_full_disk_below_the_store_sends_nothing_that_it_could_not_remember(trader):
    async with listening(Consumer()) as consumer:
        trader.configure(hook=hook(consumer))
        (owed,) = trader.owe()
        process = await trader.start("deliver", preexec_fn=_no_more_bytes)
        _, err = await process.communicate()
        assert (process.returncode, b"The store cannot be used" in err, b"Traceback" in err) == (
            1,
            True,
            False,
        ), err
        assert consumer.got == []
        assert (await trader.says("deliver")).code == 0
    assert consumer.ids == [owed]


def _no_more_bytes():
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
