"""`autologin serve` among clients that open connections and dawdle: its logins go on, and who behaves is answered."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import signal
import socket
from datetime import datetime, timedelta

import httpx
import pytest
from support.processes import until
from support.sandbox import rehearsal

from autologin.clock import IST

FILES = 128
CROWD = 200
DAWDLE = [
    b"",
    b"GET / HTTP/1.1\r\nhost: x\r\n",
    b"POST /sign-in HTTP/1.1\r\nhost: x\r\ncontent-length: 4000\r\n\r\ntoken=",
    b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10000000000\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n" * 100,
]
"""What each says before it falls silent and reads nothing."""


def few_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))


@pytest.fixture
async def served(tmp_path):
    """An account whose login time has come once its config says so."""
    async with rehearsal(tmp_path, broker="groww") as one:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            one.port = free.getsockname()[1]
        one.change(lambda config: config.update(http={"listen": f"127.0.0.1:{one.port}"}))
        yield one


async def test_a_crowd_of_slow_clients_stops_no_login(served):
    later = datetime.now(IST) + timedelta(hours=2)
    served.change(lambda config: config.update(schedule={"at": f"{later:%H:%M}", "days": "daily"}))
    process = await served.user.start("serve", "--log-format", "json", preexec_fn=few_files)
    heard = []

    async def listen():
        while line := await process.stderr.readline():
            heard.append(line)

    listening = asyncio.ensure_future(listen())
    await until(lambda: any(b'"next_run"' in line for line in heard))
    crowd = []
    try:
        for number in range(CROWD):
            one = socket.create_connection(("127.0.0.1", served.port))
            crowd.append(one)
            one.settimeout(0)
            with contextlib.suppress(OSError):
                one.send(DAWDLE[number % len(DAWDLE)])
        now = datetime.now(IST) - timedelta(minutes=1)
        served.change(
            lambda config: config.update(schedule={"at": f"{now:%H:%M}", "days": "daily"})
        )
        process.send_signal(signal.SIGHUP)
        await until(served.token_file.exists)
        async with httpx.AsyncClient(
            trust_env=False, base_url=f"http://127.0.0.1:{served.port}"
        ) as http:
            assert (await http.get("/livez")).text == "alive\n"
            assert (await http.get("/readyz")).status_code == 200
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        for one in crowd:
            one.close()
        if process.returncode is None:
            process.kill()
        await listening
    said = b"".join(heard)
    served.user.heard.append(said.decode())
    assert len(said) < 20_000, said[:4000]
    assert all(json.loads(line) for line in heard)
    assert b"http_crowded" in said
