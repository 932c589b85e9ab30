"""A reference that takes long holds nothing else up, and its command ends with who waits for it."""

from __future__ import annotations

import asyncio
import base64
import shlex
import threading
import time
from pathlib import Path

import pytest
from support.clock import MORNING, HandClock

from autologin.delivery.dispatcher import Dispatcher
from autologin.delivery.sinks.base import parse
from autologin.message import Message
from autologin.secret_refs import RefContext, follow, resolve
from autologin.secret_refs import parse as reference
from autologin.store.store import Store

SECRET = "whsec_" + base64.b64encode(b"a canary of 24 bytes ...").decode()


@pytest.fixture
def slow(tmp_path):
    """A command that gives a secret only once something is there, and tells that it runs."""
    started, go = tmp_path / "started", tmp_path / "go"
    wait = f"touch {shlex.quote(str(started))}; until [ -e {shlex.quote(str(go))} ]; do sleep 0.05; done"
    return f"{wait}; echo {SECRET}", started, go


async def until(is_so):
    """Look again and again, beside the event loop."""
    moment = threading.Event()
    end = time.monotonic() + 10

    def look():
        while not is_so() and time.monotonic() < end:
            moment.wait(0.01)
        assert is_so()

    await asyncio.to_thread(look)


async def test_a_sinks_command_does_not_stop_the_event_loop(tmp_path, slow):
    command, started, go = slow
    config = parse(
        {"type": "webhook", "url": "http://127.0.0.1:9/x", "secret": {"command": command}}
    )
    place = RefContext(Path(tmp_path), {"PATH": "/usr/bin:/bin"})
    store = Store.open(tmp_path / "state", HandClock())
    dispatcher = Dispatcher({"hook": config}, place, store, HandClock())
    telling = [
        asyncio.ensure_future(dispatcher.deliver_now(Message.test(MORNING), ["hook"]))
        for _ in range(2)
    ]
    await until(started.exists)
    assert not any(one.done() for one in telling)
    go.touch()
    for (result,) in await asyncio.wait_for(asyncio.gather(*telling), 20):
        assert "cannot be reached" in repr(result)  # it was asked: the secret was there
    store.close()


async def test_a_command_ends_with_who_waits_for_it(tmp_path, slow):
    command, started, _ = slow
    place = RefContext(Path(tmp_path), {"PATH": "/usr/bin:/bin"})
    group = f"echo $$ >{shlex.quote(str(tmp_path / 'pid'))}; {command}"
    secret = reference({"command": group})
    waiting = asyncio.ensure_future(follow(lambda: resolve("key", secret, place)))
    await until(started.exists)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await until(lambda: has_ended((tmp_path / "pid").read_text().strip()))


def has_ended(pid):
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:  # not there, or gone while it is read
        return True
