"""What a login starts: what it sees of our secrets, what ends it, what it leaves behind."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest
from support.leaks import leaks
from support.processes import alive, seen_below, send, until
from support.sandbox import rehearsal

KEPT = {"UNKNOWN": "stays", "XDG_DATA_HOME": "/x", "TZ": "UTC", "LANG": "C.UTF-8"}
SECONDS = 10
"""The account's timeout."""
SLACK = 15
"""Seconds that a machine which has other things to do may need more, where three are enough."""


@pytest.fixture
async def held(tmp_path):
    """A login that waits for the broker with its password sent."""
    async with rehearsal(tmp_path) as served:
        served.tmp = tmp_path / "t"
        served.tmp.mkdir()
        served.user.environ["TMPDIR"] = str(served.tmp)
        served.go_on = served.twin.held["/api/login"] = asyncio.Event()
        yield served
        served.go_on.set()


async def logging_in(served, *words):
    """A run that waits for the broker, and all that it has started."""
    process = await served.user.start("run", "zerodha", "--json", *words)
    await until(lambda: served.twin.counters["login"])
    return process, seen_below(process.pid)


def refer_to_environment(served):
    """Secrets come from variables; others hold the same, or speak of secrets by their name."""
    credentials = served.twin.credentials
    canaries = {name: f"canary-of-{name.lower()}" for name in ("WEB", "TELL", "AWS_ACCESS")}
    canaries |= {"AUTOLOGIN_NOTIFY__PING": "http://127.0.0.1:9/canary-of-ping"}
    mine = {"MY_SEED": credentials["totp_secret"], "MY_WORD": credentials["password"]}
    copies = {"COPY": f"x={credentials['password']}", "PLAIN_COPY": credentials["api_secret"]}
    proxy = {"HTTPS_PROXY": "http://joe:canary-of-proxy@127.0.0.1:9"}
    talk = {
        "DEBUG": "pw:*",
        "NODE_OPTIONS": "--no-warnings",
        "SSLKEYLOGFILE": str(served.tmp.parent / "keys"),
    }

    def change(config):
        config["accounts"]["zerodha"]["credentials"] |= {
            "password": {"env": "MY_WORD"},
            "totp_secret": {"env": "MY_SEED"},
        }
        config["http"] = {"token": {"env": "WEB"}}
        config["notify"] = {"urls": [{"env": "TELL"}]}

    served.change(change)
    served.user.environ |= {**canaries, **mine, **copies, **proxy, **talk, **KEPT}
    return [*canaries.values(), *mine.values(), credentials["api_secret"], "canary-of-proxy"], talk


@pytest.mark.parametrize("early", [True, False])
async def test_neither_the_driver_nor_a_browser_sees_a_secret_or_dumps_core(held, early):
    secrets, talk = refer_to_environment(held)
    if early:  # what the config says nothing of, and no value that it would have to be asked about
        for name in ("AUTOLOGIN_NOTIFY__PING", "COPY", "PLAIN_COPY"):
            del held.user.environ[name]
    process, seen = await logging_in(held)
    held.go_on.set()
    await process.communicate()
    assert process.returncode == 0
    assert {"driver", "browser", "part"} <= {one.kind for one in seen}
    told = [f"{one.words} {name}={value}" for one in seen for name, value in one.environ.items()]
    assert leaks(secrets, told) == []
    for one in seen:
        assert one.core == ("0", "0")
        if one.kind in {"driver", "browser"}:
            assert one.environ.items() >= KEPT.items()
            assert one.environ.keys() & talk.keys() == set()
            assert "HTTPS_PROXY" not in one.environ


FROZEN = [("browser", "part"), *([("part",), ("driver",)] if os.environ.get("SCENARIOS") else [])]


@pytest.mark.parametrize("kinds", FROZEN, ids=" and ".join)
async def test_what_is_frozen_does_not_outlive_the_runs_time(held, kinds):
    held.change(lambda config: config["accounts"]["zerodha"].update(timeout=SECONDS))
    began = time.monotonic()
    process, seen = await logging_in(held)
    send([one.pid for one in seen if one.kind in kinds], signal.SIGSTOP)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert time.monotonic() - began < SECONDS + SLACK
    assert process.returncode == 5, (out, err)
    assert b"Traceback" not in err
    assert alive(one.pid for one in seen) == []
    assert list(held.tmp.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stopped_run_ends_a_frozen_browser_and_its_frozen_driver(held, number):
    process, seen = await logging_in(held)
    send([one.pid for one in seen], signal.SIGSTOP)
    process.send_signal(number)
    await asyncio.wait_for(process.communicate(), SLACK)
    assert process.returncode in {143, 130}
    assert alive(one.pid for one in seen) == []
    assert list(held.tmp.iterdir()) == []


@pytest.mark.parametrize("kind", ["browser", "driver"])
async def test_what_is_killed_leaves_nothing(held, kind):
    held.change(lambda config: config["accounts"]["zerodha"].update(timeout=SECONDS))
    process, seen = await logging_in(held)
    send([one.pid for one in seen if one.kind == kind], signal.SIGKILL)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert b"browser_crashed" in out, (out, err)
    assert alive(one.pid for one in seen) == []
    assert list(held.tmp.iterdir()) == []


async def test_the_next_run_ends_and_removes_what_a_killed_one_left(held):
    process, seen = await logging_in(held)
    send([one.pid for one in seen], signal.SIGSTOP)
    process.kill()
    await process.communicate()
    assert list(held.tmp.iterdir())
    held.go_on.set()
    assert (await held.user.says("run", "zerodha")).code == 0
    assert alive(one.pid for one in seen) == []
    assert list(held.tmp.iterdir()) == []
