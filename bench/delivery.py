"""How long a token takes from the redirect to the disk, and how long many deliveries take.

    python bench/delivery.py [RUNS [ACCOUNTS]]

The first part logs in to the sandbox's Zerodha in real Chromium, in this process. It measures from the moment when the
redirect is caught to the file in its place, without the time in which HTTP calls were under way. Its baseline is a file
of the same size that is written, synced and renamed, and nothing else.

The second part drains an outbox of ACCOUNTS x 3 sinks (a file, and two webhooks whose consumer takes 50 ms) in this
process. Its baseline is the consumer's time alone, with as many at once as the product allows.
"""

from __future__ import annotations

import asyncio
import io
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import yaml
from pydantic import SecretStr

from autologin import log
from autologin import run as walk
from autologin.app import App
from autologin.clock import SystemClock
from autologin.config import loader
from autologin.delivery.dispatcher import CONCURRENT, Dispatcher
from autologin.delivery.sinks.base import parse
from autologin.login import capture
from autologin.message import Message
from autologin.sandbox.server import Sandbox
from autologin.secret_refs import RefContext
from autologin.store.store import Store
from autologin.token import Token

TO_DISK = 0.020
"""Seconds, at most, from the redirect to the disk."""
DRAINED = 20.0
"""Seconds, at most, for the whole outbox."""
TAKES = 0.050
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Stopwatch:
    """When the redirect was caught, and for how long HTTP calls were under way since."""

    def __init__(self):
        self.caught = self.calls = 0.0
        take, send = capture.Capture._take, httpx.AsyncClient.send

        def taken(this, *args):
            self.caught, self.calls = self.caught or time.time(), 0.0
            return take(this, *args)

        async def sent(this, *args, **more):
            started = time.perf_counter()
            try:
                return await send(this, *args, **more)
            finally:
                self.calls += time.perf_counter() - started

        capture.Capture._take, httpx.AsyncClient.send = taken, sent


async def to_disk(watch, settings, broker="zerodha"):
    """Seconds from the redirect to the file."""
    if time.time() % 30 > 20:
        await asyncio.sleep(30.1 - time.time() % 30)
    shutil.rmtree(settings.state.path, ignore_errors=True)
    watch.caught = 0.0
    app = App.open(settings, SystemClock())
    (outcome,) = await walk.run_accounts(app, [settings.accounts[broker]])
    assert outcome.outcome == "issued", outcome.error
    app.store.close()
    return (settings.folder / f"tokens/{broker}.json").stat().st_mtime - watch.caught - watch.calls


def plainly_written(folder):
    """Seconds for a file of a token's size alone."""
    started = time.perf_counter()
    with (folder / "plain").open("wb") as file:
        file.write(b"x" * 400)
        file.flush()
        os.fsync(file.fileno())
    (folder / "plain").rename(folder / "there")
    return time.perf_counter() - started


async def redirects(runs):
    """The median time from the redirect to the file, and that of a plain write."""
    with tempfile.TemporaryDirectory() as name:
        async with Sandbox(brokers=["zerodha"], scenarios={"zerodha": ["code_reuse"]}) as sandbox:
            file, watch = Path(name) / "config.yaml", Stopwatch()
            file.write_text(yaml.safe_dump(sandbox.config()))
            settings = loader.load(file, {"HOME": name})
            pairs = [
                (await to_disk(watch, settings), plainly_written(Path(name)))
                for _ in range(runs + 1)
            ][1:]
    return tuple(statistics.median(column) for column in zip(*pairs, strict=True))


async def consumer(reader, writer):
    """Answers every request of a connection after 50 ms."""
    while head := await reader.readuntil(b"\r\n\r\n"):
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        )
        await reader.readexactly(length)
        await asyncio.sleep(TAKES)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")


async def quiet_consumer(reader, writer):
    try:
        await consumer(reader, writer)
    except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
        writer.close()


async def drained(folder, accounts):
    """Seconds for the outbox, and MiB that this process grew by."""
    server = await asyncio.start_server(quiet_consumer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    hook = parse({"type": "webhook", "url": url, "secret": {"env": "HOOK"}})
    file = parse({"type": "file", "path": str(folder / "tokens/{account}.json")})
    store = Store.open(folder / "state", SystemClock())
    post = Dispatcher(
        {"file": file, "one": hook, "two": hook},
        RefContext(folder, {"HOOK": SECRET}),
        store,
        SystemClock(),
    )
    now = datetime.now(UTC)
    token = Token(SecretStr("t" * 300), now, now + timedelta(hours=20), "AB1234", {"api_key": "k"})
    for index in range(accounts):
        store.outbox.enqueue(
            Message.issued(f"account{index}", "zerodha", token), ["file", "one", "two"]
        )
    before, started = peak(), time.perf_counter()
    await post.drain(["file", "one", "two"], seconds=600)
    took = time.perf_counter() - started
    await post.close()
    assert store.outbox.outstanding() == []
    assert len(list((folder / "tokens").iterdir())) == accounts
    server.close()
    return took, peak() - before


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def main():
    log.configure(verbose=False, stream=io.StringIO())
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    accounts = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    ours, plain = await redirects(runs)
    print(
        f"redirect to file   {ours * 1000:.1f} ms (at most {TO_DISK * 1000:.0f})   a plain file {plain * 1000:.1f} ms",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as name:
        took, grew = await drained(Path(name), accounts)
    least = accounts * TAKES / CONCURRENT
    print(
        f"{accounts} x 3 delivered   {took:.1f} s (at most {DRAINED:.0f})   the consumer alone {least:.1f} s   +{grew:.0f} MiB"
    )


asyncio.run(main())
