"""Where nobody thought that it would run: a user without a name and a home, PID 1 without an init."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import socket
import sys
from datetime import datetime, timedelta

import pytest
from support.processes import descendants, until, zombies
from support.sandbox import rehearsal

from autologin.clock import IST

NOBODY = ("unshare", "--user", "--map-user=12345", "--map-group=12345")
"""A user of whom the system knows nothing but the number."""
FIRST = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc")
"""The first process of a container."""
PR_SET_CHILD_SUBREAPER = 36


async def start(served, *words, before=(), **options):
    """`autologin WORDS` behind another command, with an environment that holds nothing."""
    pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    command = [*before, sys.executable, "-m", "autologin", *words]
    environ = {"PATH": os.environ["PATH"], "TMPDIR": str(served.folder / "t")}
    (served.folder / "t").mkdir(exist_ok=True)
    return await asyncio.create_subprocess_exec(
        *command, cwd=served.folder, env=environ, start_new_session=True, **pipes, **options
    )


async def test_a_user_without_a_name_and_a_home_gets_a_token(tmp_path):
    async with rehearsal(tmp_path) as served:
        process = await start(served, "run", "zerodha", "--json", before=NOBODY)
        out, err = await asyncio.wait_for(process.communicate(), 120)
        served.user.heard += [out.decode(), err.decode()]
        assert process.returncode == 0, (out, err)
        assert served.token["access_token"] in served.twin.tokens
    assert list((tmp_path / "t").iterdir()) == []


@pytest.mark.parametrize("command", ["check", "status", "run"])
async def test_what_needs_a_home_is_named_with_the_way_out(tmp_path, command):
    async with rehearsal(tmp_path) as served:
        served.change(lambda config: config.pop("state"))
        names = ["zerodha"] if command == "run" else []
        process = await start(served, command, *names, "--json", before=NOBODY)
        out, err = await asyncio.wait_for(process.communicate(), 60)
    told = json.loads(out)
    problems = told if isinstance(told, list) else told.get("problems") or told["findings"]
    (found,) = (one for one in problems if one["key"] == "state.path")
    assert "home folder" in found["message"]
    assert "set HOME" in found["hint"]
    assert (process.returncode, err) == (2, b"")


def _be_subreaper():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


@pytest.mark.parametrize("how", ["PID 1", "subreaper"])
async def test_a_service_waits_for_the_orphans_that_it_is_given(tmp_path, how):
    async with rehearsal(tmp_path) as served:
        at = datetime.now(IST) - timedelta(minutes=1)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            listen = f"127.0.0.1:{free.getsockname()[1]}"
        served.change(
            lambda config: config.update(
                schedule={"at": f"{at:%H:%M}", "days": "daily"}, http={"listen": listen}
            )
        )
        if how == "PID 1":
            process = await start(served, "serve", before=FIRST)
        else:
            process = await start(served, "serve", preexec_fn=_be_subreaper)
        await until(served.token_file.exists, 60)
        first, service = [process.pid, *descendants(process.pid)][how == "PID 1" :][:2]
        await until(lambda: descendants(first) == [service])
        await until(lambda: not zombies(first))
        os.kill(first, signal.SIGTERM)
        out, err = await asyncio.wait_for(process.communicate(), 60)
        served.user.heard += [out.decode(), err.decode()]
        assert process.returncode == 0, err
        assert b"stopped" in err
    assert list((tmp_path / "t").iterdir()) == []


LIBATOMIC = "node: error while loading shared libraries: libatomic.so.1: cannot open shared object"
LIBOTHER = "node: error while loading shared libraries: libother.so.3: cannot open shared object"


FAULTS = [
    (f"echo '{LIBATOMIC}' >&2; exit 127", "the library libatomic.so.1", "package libatomic1."),
    ("kill -9 $$", "killed by signal 9", "memory"),
    (f"echo '{LIBOTHER}' >&2; exit 127", "the library libother.so.3", "holds libother.so.3."),
    ("echo 'Error: no module x' >&2; exit 1", "(Error: no module x)", "Install it anew"),
]


@pytest.mark.parametrize(
    ("script", "detail", "hint"), FAULTS if os.environ.get("SCENARIOS") else FAULTS[:2]
)
async def test_why_the_driver_does_not_start_is_told_truly(tmp_path, script, detail, hint):
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\n{script}\n")
    node.chmod(0o755)
    async with rehearsal(tmp_path) as served:
        served.user.environ["PLAYWRIGHT_NODEJS_PATH"] = str(node)
        served.change(lambda config: config["accounts"]["zerodha"].update(timeout=4))
        done = await served.user.says("run", "zerodha", "--json")
        assert (done.code, done.account["error"]) == (5, "browser_crashed")
        assert detail in done.account["message"]
        assert hint in done.account["message"]
        checked = await served.user.says("check")
        assert checked.code == 2
        assert detail in checked.out + checked.err
        assert hint in checked.out + checked.err
