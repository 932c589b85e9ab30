"""The command as processes: two at once, killed at any moment, stopped, in a restart loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import pytest
from support.leaks import leaks
from support.processes import children, until
from support.sandbox import rehearsal
from support.selection import sample

from autologin.clock import SystemClock
from autologin.store.store import Store


@pytest.fixture
async def served(tmp_path):
    async with rehearsal(tmp_path) as one:
        yield one


async def kill(process):
    """SIGKILL to the process alone, as the kernel does when memory is short."""
    process.kill()
    await process.communicate()


def left_in(folder):
    """Temporary files and profiles."""
    return [path.name for path in folder.iterdir() if path.name.startswith(("playwright", "."))]


def read_of(session):
    """The command lines and environments of everything that runs in a session."""
    files = [
        file for name in ("cmdline", "environ") for file in Path("/proc").glob(f"[0-9]*/{name}")
    ]
    seen = b""
    for file in files:
        with contextlib.suppress(OSError):
            seen += file.read_bytes() if os.getsid(int(file.parent.name)) == session else b""
    return seen


async def test_two_runs_at_once_log_in_once(served):
    one, other = await asyncio.gather(
        *(served.user.says("run", "zerodha", "--json") for _ in range(2))
    )
    assert sorted([one.account["outcome"], other.account["outcome"]]) == ["issued", "still_valid"]
    assert (one.code, other.code) == (0, 0)
    assert served.twin.counters["login"] == 1
    assert one.account["expires_at"] == other.account["expires_at"]


async def test_two_forced_runs_at_once_log_in_once(served):
    assert (await served.user.says("run", "zerodha")).code == 0
    both = await asyncio.gather(
        *(served.user.says("run", "zerodha", "--force", "--json") for _ in range(2))
    )
    assert sorted(run.account["outcome"] for run in both) == ["issued", "still_valid"]
    assert served.twin.counters["login"] == 2


PLACES = ["login", "exchange", "login_page", "twofa", "finish", "profile"]


@pytest.mark.parametrize("place", sample(PLACES, 2))
async def test_a_run_that_is_killed_leaves_a_store_that_the_next_run_reads(served, place):
    process = await served.user.start("run", "zerodha")
    await until(lambda: served.twin.counters[place])
    await kill(process)
    after = await served.user.says("run", "zerodha", "--json")
    assert (after.code, after.account["error"]) == (0, None), after.account["message"]
    stored = {
        "exchange": {"issued", "still_valid"},
        "profile": {"still_valid"},
    }  # the exchange may have been answered in time
    assert after.account["outcome"] in stored.get(place, {"issued"})
    assert len(set(served.twin.otps)) == len(served.twin.otps), "a code was sent twice"
    await until(lambda: not children(process.pid))


async def test_a_killed_runs_lease_is_free_at_once(served):
    process = await served.user.start("run", "zerodha")
    await until(lambda: served.twin.counters["login_page"])
    await kill(process)
    after = await served.user.says("run", "zerodha", "--json")
    assert after.account["seconds"] < 30
    assert "waiting" not in after.err


async def test_a_restart_loop_does_not_lock_the_account(tmp_path):
    async with rehearsal(tmp_path, "wrong_password") as served:
        codes = [
            (await served.user.says("run", "zerodha", "--json")).account["error"] for _ in range(4)
        ]
    assert codes == ["credentials_rejected", *["account_blocked"] * 3]
    assert served.twin.counters["login"] == 1


async def test_a_loop_of_killed_runs_stops_before_the_broker_does(tmp_path):
    async with rehearsal(tmp_path) as served:
        held = asyncio.Event()  # without it a run could outrun its killer
        served.twin.held["/api/login"] = held
        for _ in range(3):
            seen = served.twin.counters["login"]
            process = await served.user.start("run", "zerodha")
            await until(lambda seen=seen: served.twin.counters["login"] > seen)
            await kill(process)
        held.set()
        after = await served.user.says("run", "zerodha", "--json")
        assert (after.code, after.account["error"]) == (3, "account_blocked")
        assert served.twin.counters["login"] == 3
        assert (await served.user.says("unblock", "zerodha")).code == 0
        assert (await served.user.says("run", "zerodha")).code == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("place", "path"), [("exchange", "/session/token"), ("profile", "/user/profile")]
)
async def test_a_run_that_is_stopped_delivers_what_was_issued(tmp_path, place, path, number):
    async with rehearsal(tmp_path) as served:
        held = served.twin.held[path] = asyncio.Event()
        process = await served.user.start("run", "zerodha")
        await until(lambda: served.twin.counters[place])
        process.send_signal(number)
        held.set()
        _, err = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode in {143, 130}
        assert b"Traceback" not in err
        assert served.token["access_token"] in served.twin.tokens
        after = await served.user.says("run", "zerodha", "--json")
        assert after.account["outcome"] == "still_valid"
        assert served.twin.counters["login"] == 1
    assert children(process.pid) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_run_that_is_stopped_leaves_nothing_behind(tmp_path, number):
    async with rehearsal(tmp_path, "slow_spa") as served:
        process = await served.user.start("run", "zerodha")
        await until(lambda: served.twin.counters["login_page"])
        process.send_signal(number)
        _, err = await asyncio.wait_for(process.communicate(), 15)
    assert process.returncode in {143, 130, 1}
    assert b"Traceback" not in err
    assert children(process.pid) == []
    assert left_in(tmp_path) == []


async def test_ctrl_c_in_a_terminal_does_not_reach_the_browsers_driver(tmp_path):
    """It goes to the terminal's whole foreground group; the driver would die before it could close the browser."""
    async with rehearsal(tmp_path, "slow_spa") as served:
        process = await served.user.start("run", "zerodha")
        await until(lambda: served.twin.counters["login_page"])
        os.killpg(process.pid, signal.SIGINT)
        _, err = await asyncio.wait_for(process.communicate(), 15)
    assert process.returncode == 130
    assert b"xception" not in err, err.decode()
    assert children(process.pid) == []


async def test_what_makes_playwright_talk_is_switched_off(served):
    served.user.environ |= {"DEBUG": "pw:*", "DEBUGP": "1"}
    done = await served.user.says("run", "zerodha", "--json")
    assert (done.code, done.account["outcome"]) == (0, "issued")
    secrets = [served.twin.credentials["password"], *served.twin.otps, *served.twin.codes_issued]
    assert leaks(secrets, [done.out, done.err]) == []


async def test_no_secret_is_in_the_process_list_or_a_childs_environment(served):
    process = await served.user.start("run", "zerodha")
    await until(lambda: served.twin.counters["login"])
    seen = read_of(process.pid)
    await process.communicate()
    mine = served.twin.credentials
    assert seen
    assert [
        key for key in ("password", "api_secret", "totp_secret") if mine[key].encode() in seen
    ] == []


async def test_a_full_disk_before_the_login_costs_no_attempt(served, tmp_path):
    Store.open(tmp_path / "state", SystemClock()).close()
    process = await served.user.start("run", "zerodha", "--json", preexec_fn=_no_more_bytes)
    out, err = await process.communicate()
    assert b"Traceback" not in err
    assert process.returncode == 1, err
    assert b'"store_error"' in out
    assert served.twin.counters["login"] == 0


def _no_more_bytes():
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


async def test_a_secrets_command_that_hangs_holds_up_neither_another_account_nor_the_end(tmp_path):
    async with rehearsal(tmp_path, broker="angelone") as served:
        os.mkfifo(tmp_path / "fifo")

        def add(config):
            accounts = config["accounts"]
            secrets = accounts["angelone"]["credentials"] | {"pin": {"command": "read x < fifo"}}
            hung = accounts["angelone"] | {"credentials": secrets}
            config["accounts"] = {"hung": hung, **accounts}

        served.change(add)
        process = await served.user.start("run", "--all")
        await until(served.token_file.exists)
        process.send_signal(signal.SIGTERM)
        _, err = await asyncio.wait_for(process.communicate(), 15)
    assert process.returncode == 143
    assert b"Traceback" not in err
