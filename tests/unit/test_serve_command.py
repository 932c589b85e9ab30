"""What `serve` tells the service manager, and that one that does not listen cannot end the service."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import closing
from types import SimpleNamespace

import pytest
from support.cli import User
from support.service import write_config

from autologin.cli.commands import serve
from autologin.cli.service_manager import ServiceManager


@pytest.fixture
def manager(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(str(tmp_path / "notify"))
        one.settimeout(30)
        yield one


def environ(manager, **more):
    return {"NOTIFY_SOCKET": manager.getsockname(), **more}


def test_the_state_is_told(manager):
    with closing(ServiceManager(environ(manager))) as ours:
        ours.tell("READY=1")
    assert manager.recv(64) == b"READY=1"


def test_an_abstract_socket_will_do():
    name = f"autologin-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(f"\0{name}")
        with closing(ServiceManager({"NOTIFY_SOCKET": f"@{name}"})) as ours:
            ours.tell("READY=1")
        assert one.recv(64) == b"READY=1"


@pytest.mark.parametrize(
    "address", ["", "/nowhere/at/all", "@nobody", "vsock:2:1234", "x" * 300, "@" + "x" * 300, "."]
)
def test_a_manager_that_is_not_there_is_no_reason_to_end(address):
    one = ServiceManager({"NOTIFY_SOCKET": address})
    one.tell("READY=1")
    one.tell("WATCHDOG=1")
    one.close()
    one.tell("STOPPING=1")


def test_a_manager_that_does_not_read_keeps_nobody_waiting(manager):
    with closing(ServiceManager(environ(manager))) as ours:
        for _ in range(2000):
            ours.tell("WATCHDOG=1")
    assert manager.recv(64) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    ("microseconds", "seconds"),
    [
        *[(wrong, None) for wrong in ("", "abc", "0", "-5", "1.5", "²", "1e6", " 5", "9" * 40)],
        *[("120000000", 60.0), ("0010000000", 5.0), ("1", 0.1)],
        ("999999999999999999", 499999999999.9999995),
    ],
)
def test_how_often_a_sign_of_life_is_given(microseconds, seconds):
    assert ServiceManager({"WATCHDOG_USEC": microseconds}).sign_every == seconds


@pytest.mark.parametrize("process", ["1", "0", "", "abc", "-1", "99999999"])
def test_another_processs_watchdog_is_not_ours(process):
    assert ServiceManager({"WATCHDOG_USEC": "2", "WATCHDOG_PID": process}).sign_every is None
    ours = ServiceManager({"WATCHDOG_USEC": "2", "WATCHDOG_PID": str(os.getpid())})
    assert ours.sign_every == 0.1


async def test_signs_are_given_while_there_is_life(manager):
    ours = ServiceManager(environ(manager, WATCHDOG_USEC="1"))
    looks = iter([True, True, False, True])
    dead = asyncio.Event()

    def is_alive():
        try:
            return next(looks)
        except StopIteration:
            dead.set()
            return False

    signs = asyncio.ensure_future(ours.give_signs(is_alive))
    await dead.wait()
    signs.cancel()
    ours.close()
    manager.settimeout(0)
    assert [manager.recv(64) for _ in range(3)] == [b"WATCHDOG=1"] * 3
    with pytest.raises(BlockingIOError):
        manager.recv(64)


def test_a_service_that_does_not_look_gives_no_sign(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(serve.time, "monotonic", lambda: now[0])

    service = SimpleNamespace(settings=SimpleNamespace(stop_timeout=100.0))
    life = serve.Life(service)
    now[0] += serve.LOOK + serve.SLACK - 1
    assert life.lasts()
    service.heartbeat()
    now[0] += serve.LOOK + serve.SLACK - 1
    assert life.lasts()
    now[0] += 2
    assert not life.lasts()
    life.end()
    now[0] += 129
    assert life.lasts()
    now[0] += 2
    assert not life.lasts()


@pytest.mark.parametrize("microseconds", ["200000", "abc"])
async def test_the_process_tells_from_its_beginning_to_its_end(manager, tmp_path, microseconds):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    write_config(tmp_path, ["one"], f"http: {{listen: '127.0.0.1:{port}'}}\n")
    (tmp_path / "config.yaml").chmod(0o600)
    user = User(tmp_path, environ(manager, WATCHDOG_USEC=microseconds))
    process = await user.start("serve")
    wanted = [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"WATCHDOG=1"]
    for state in wanted[: 4 if microseconds.isdecimal() else 1]:
        heard = await asyncio.to_thread(manager.recv, 64)
        assert heard in {state, b"WATCHDOG=1"}
    process.terminate()
    while await asyncio.to_thread(manager.recv, 64) != b"STOPPING=1":
        pass
    assert await asyncio.wait_for(process.wait(), 30) == 0
    await process.communicate()
