"""`autologin serve` as a process, with real Chromium: started, stopped, killed, told to read its config again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
from datetime import datetime, timedelta

import httpx
import pytest
from support.processes import children, until
from support.receiver import receiver
from support.sandbox import rehearsal

from autologin.clock import IST


@pytest.fixture
async def served(tmp_path):
    """A sandbox, and a config whose login time was a minute ago."""
    async with rehearsal(tmp_path) as one:
        at = datetime.now(IST) - timedelta(minutes=1)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        one.change(
            lambda config: config.update(
                schedule={"at": f"{at:%H:%M}", "days": "daily"},
                http={"listen": f"127.0.0.1:{port}"},
                stop_timeout=20,
            )
        )
        one.url = f"http://127.0.0.1:{port}"
        yield one


@contextlib.asynccontextmanager
async def serving(served):
    process = await served.user.start("serve", "--log-format", "json")
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def detail(process, name):
    """The next event of this name."""
    async with asyncio.timeout(60):
        while (line := json.loads(await process.stderr.readline()))["event"] != name:
            pass
    return line


async def ended(served, process, how=signal.SIGTERM):
    """What it said until it ended, and its exit code."""
    process.send_signal(how)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    served.user.heard += [out.decode(), err.decode()]
    return process.returncode, [
        json.loads(line) for line in err.decode().splitlines() if line.startswith("{")
    ]


async def ready(served):
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(f"{served.url}/readyz")).status_code


async def test_it_catches_up_serves_and_ends(served):
    async with serving(served) as process:
        await until(served.token_file.exists)
        await until(
            lambda: len(children(process.pid)) == 1
        )  # Chromium and its driver run only while a login does
        assert await ready(served) == 200
        code, events = await ended(served, process)
    assert code == 0
    assert [one["event"] for one in events][-1] == "stopped"
    assert {"next_run", "code_captured", "delivered"} <= {one["event"] for one in events}
    captured = next(one for one in events if one["event"] == "code_captured")
    assert captured["account"] == "zerodha"
    assert captured["run"]
    assert next(one for one in events if one["event"] == "stage_done")["stage"] == "config"
    assert children(process.pid) == []
    async with serving(served) as process:
        await detail(process, "next_run")
        assert await ready(served) == 200
        assert (await ended(served, process))[0] == 0
    assert served.twin.counters["login"] == 1, "a restart logged in again"


async def test_sigterm_in_the_middle_of_a_login_lets_it_end(served):
    served.twin.page_delay = 1.0
    async with serving(served) as process:
        await until(lambda: served.twin.counters["login_page"])
        assert await ready(served) == 503
        code, _ = await ended(served, process)
    assert code == 0
    assert served.token_file.exists()
    assert children(process.pid) == []


async def test_ctrl_c_in_the_middle_of_a_login_lets_it_end(served):
    """A terminal sends it to the whole foreground group, where the browser's driver must not be."""
    served.twin.switch("slow_spa")
    async with serving(served) as process:
        await until(lambda: served.twin.counters["login_page"])
        os.killpg(process.pid, signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 60)
        served.user.heard += [out.decode(), err.decode()]
    assert process.returncode == 0
    assert b"retrying" not in err
    assert served.token_file.exists()


async def test_it_stops_safely_where_a_login_takes_too_long(served):
    served.twin.page_delay = 60.0
    served.change(lambda config: config.update(stop_timeout=1))
    async with serving(served) as process:
        await until(lambda: served.twin.counters["login_page"])
        code, _ = await ended(served, process)
    assert code == 0
    assert children(process.pid) == []
    assert not served.token_file.exists()


async def test_a_kill_in_the_middle_of_a_login_is_caught_up(served):
    served.twin.page_delay = 0.5
    async with serving(served) as process:
        await until(lambda: served.twin.counters["login_page"])
        os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()
    served.twin.page_delay = 0.0
    async with serving(served) as process:
        await until(served.token_file.exists, 60)
        assert (await ended(served, process))[0] == 0


async def test_a_bad_config_is_refused_and_the_old_one_stays(served):
    file = served.folder / "config.yaml"
    async with serving(served) as process:
        await until(served.token_file.exists)
        good = file.read_text()
        file.write_text(good.replace("accounts:", "acounts:"))
        process.send_signal(signal.SIGHUP)
        refused = await detail(process, "config_refused")
        assert refused["hint"]
        assert await ready(served) == 200
        file.write_text(good)
        process.send_signal(signal.SIGHUP)
        await detail(process, "config_reloaded")
        assert (await ended(served, process))[0] == 0
    assert served.twin.counters["login"] == 1


async def test_a_port_that_is_taken_is_told(served):
    with socket.create_server(("127.0.0.1", int(served.url.rpartition(":")[2]))):
        done = await served.user.says("serve")
    assert done.code == 2
    assert "http.listen" in done.err


@pytest.mark.parametrize("state", ["hangs", "is away"])
async def test_a_kill_before_somebody_is_told_of_a_failed_login(served, state):
    refused = "autologin: zerodha credentials rejected"
    async with receiver(here=state == "hangs") as somebody:
        somebody.hangs = True

        def change(config):
            config["accounts"]["zerodha"]["credentials"]["password"] = "not-the-password"
            config.update(notify={"urls": [somebody.url]})

        served.change(change)
        async with serving(served) as process:
            await detail(process, "alert" if state == "hangs" else "notice_not_sent")
            os.killpg(process.pid, signal.SIGKILL)
            await process.communicate()
        somebody.hangs = False
        if state == "is away":
            await somebody.come()
        for _ in range(2):
            async with serving(served) as process:
                await detail(process, "next_run")
                await until(lambda: refused in somebody.titles, 60)
                assert (await ended(served, process))[0] == 0
        assert somebody.titles.count(refused) == 1
    assert served.twin.counters["login"] == 1


async def test_a_receiver_that_hangs_does_not_hold_the_end_up(served):
    async with receiver() as somebody:
        somebody.hangs = True

        def change(config):
            config["accounts"]["zerodha"]["credentials"]["password"] = "not-the-password"
            config.update(notify={"urls": [somebody.url]}, stop_timeout=2)

        served.change(change)
        async with serving(served) as process:
            await detail(process, "alert")
            await until(lambda: somebody.calls, 30)
            async with asyncio.timeout(15):
                code, _ = await ended(served, process)
        assert code == 0
    told = await served.user.says("status")
    assert "credentials_rejected" in told.out
