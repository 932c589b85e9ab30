"""Telling people: once for each cause, on every way, and never at the price of a login."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from contextlib import asynccontextmanager

import pytest
from support.cli import User
from support.clock import HandClock
from support.leaks import leaks

from autologin.config import loader, overrides
from autologin.errors import ConfigError, NoticeFailed
from autologin.service.notifier import Notifier
from autologin.store.store import Store

CANARY = "way-secret-canary"


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    monkeypatch.setattr(overrides, "SECRETS_FOLDER", tmp_path / "no-secrets")


@pytest.fixture
def told(capfd):
    """What stood on standard error so far."""
    from autologin import log

    log.configure(verbose=True)
    return lambda: capfd.readouterr().err


def write(folder, notify):
    account = {
        "broker": "groww",
        "credentials": {"api_key": "k", "totp_secret": "JBSWY3DPEHPK3PXP"},
    }
    whole = {"notify": notify, "state": {"path": "state"}, "accounts": {"mine": account}}
    (folder / "config.yaml").write_text(json.dumps(whole))


def notifier(folder, notify, environ=()):
    write(folder, notify)
    settings = loader.load(
        folder / "config.yaml", {"HOME": str(folder), "PATH": "/usr/bin:/bin", **dict(environ)}
    )
    clock = HandClock()
    return Notifier(settings, Store.open(folder / "state", clock), clock)


async def delivered(one):
    """Let everything that is due be tried once."""
    await one.dispatcher.drain(one.settle(), seconds=0)
    await one.close()


def into(folder):
    """A command that adds what it gets to a file."""
    code = "import sys; open('got', 'a').write(sys.stdin.read() + '\\n')"
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"


def got(folder):
    file = folder / "got"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@asynccontextmanager
async def listening(status=200):
    """A server on loopback: its address, and the requests that came."""
    seen = []

    async def serve(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            (
                int(line.split(":")[1])
                for line in head.splitlines()
                if line.lower().startswith("content-length")
            ),
            0,
        )
        seen.append((head.split()[1], (await reader.readexactly(length)).decode()))
        writer.write(
            f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], seen
    finally:
        server.close()


async def test_a_cause_is_told_once_until_it_is_over(tmp_path):
    one = notifier(tmp_path, {"command": into(tmp_path)})
    for _ in range(3):
        one.alert("mine", "captcha_required", "Look at it.")
    one.alert("other", "captcha_required", "Look at it.")
    await delivered(one)
    assert {(notice["kind"], notice["account"]) for notice in got(tmp_path)} == {
        ("alert", "mine"),
        ("alert", "other"),
    }
    assert len(got(tmp_path)) == 2
    one.recover("mine", ["captcha_required", "late"])
    one.recover("mine", ["captcha_required"])
    await delivered(one)
    assert [notice["kind"] for notice in got(tmp_path)] == ["alert", "alert", "recovered"]
    one.alert("mine", "captcha_required", "Again.")
    await delivered(one)
    assert got(tmp_path)[-1]["text"] == "Again."


async def test_a_restart_does_not_tell_it_again(tmp_path):
    for _ in range(2):
        one = notifier(tmp_path, {"command": into(tmp_path)})
        one.alert("mine", "late", "No token yet.")
        await delivered(one)
    assert len(got(tmp_path)) == 1


async def test_apprise_reaches_a_server(tmp_path):
    async with listening() as (port, seen):
        one = notifier(
            tmp_path, {"urls": [{"env": "WAY"}]}, {"WAY": f"json://127.0.0.1:{port}/{CANARY}"}
        )
        assert await one.test() == ["notify.urls.0"]
        one.alert("mine", "late", "No token yet.")
        await delivered(one)
    assert [json.loads(body)["title"] for _, body in seen] == [
        "autologin: a test",
        "autologin: mine late",
    ]


@pytest.mark.parametrize("status", [500, 404])
async def test_what_is_not_accepted_is_told_and_breaks_nothing(tmp_path, told, status):
    async with listening(status) as (port, _):
        one = notifier(
            tmp_path, {"urls": [{"env": "WAY"}]}, {"WAY": f"json://127.0.0.1:{port}/{CANARY}"}
        )
        with pytest.raises(NoticeFailed, match=r"notify\.urls\.0"):
            await one.test()
        one.alert("mine", "late", "No token yet.")
        await delivered(one)
    detail = told()
    assert "notice_not_sent" in detail
    assert leaks([CANARY], [detail]) == []


async def test_an_address_that_is_none(tmp_path):
    with pytest.raises(ConfigError) as raised:
        await notifier(tmp_path, {"urls": [CANARY]}).test()
    assert raised.value.problems[0].key == "notify.urls.0"
    assert leaks([CANARY], [str(raised.value)]) == []


async def test_a_test_tries_every_way_though_one_fails(tmp_path):
    one = notifier(tmp_path, {"urls": [f"nosuch://{CANARY}"], "command": into(tmp_path)})
    with pytest.raises(ConfigError, match=r"notify\.urls\.0"):
        await one.test()
    assert [notice["kind"] for notice in got(tmp_path)] == ["test"]


async def test_a_way_that_hangs_is_given_up_with_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr("autologin.service.ways.SECONDS", 0.05)
    with pytest.raises(NoticeFailed, match=r"notify\.command: TimeoutError"):
        await notifier(tmp_path, {"command": "sleep 30"}).test()


@pytest.mark.parametrize("command", ["exit 3", "/no/such/command"])
async def test_a_command_that_fails(tmp_path, told, command):
    one = notifier(tmp_path, {"command": command})
    with pytest.raises(NoticeFailed, match="exit code"):
        await one.test()
    one.alert("mine", "late", "No token yet.")
    await delivered(one)
    assert "notice_not_sent" in told()


@pytest.mark.parametrize(("good", "path"), [(True, f"/{CANARY}"), (False, f"/{CANARY}/fail")])
async def test_the_dead_mans_switch(tmp_path, good, path):
    async with listening() as (port, seen):
        one = notifier(
            tmp_path, {"ping": {"env": "PING"}}, {"PING": f"http://127.0.0.1:{port}/{CANARY}"}
        )
        one.ping(good=good)
        await delivered(one)
    assert seen == [(path, "")]


async def test_a_ping_that_fails_is_a_warning_without_its_address(tmp_path, told):
    one = notifier(tmp_path, {"ping": f"http://127.0.0.1:9/{CANARY}"})
    one.ping(good=True)
    await delivered(one)
    detail = told()
    assert "notice_not_sent" in detail
    assert leaks([CANARY], [detail]) == []


async def test_no_secret_is_in_a_notice(tmp_path):
    from autologin import redaction

    redaction.remember(CANARY)
    one = notifier(tmp_path, {"command": into(tmp_path)})
    one.alert("mine", "late", f"The broker said {CANARY}.")
    await delivered(one)
    assert leaks([CANARY], [tmp_path / "got"]) == []


async def test_the_command_line(tmp_path):
    user = User(tmp_path)
    write(tmp_path, {})
    none = await user.says("notify", "test")
    assert (none.code, "notify.urls or notify.command" in none.err) == (2, True)
    write(tmp_path, {"command": into(tmp_path)})
    sent = await user.says("notify", "test")
    assert (sent.code, "notify.command took it." in sent.err) == (0, True)
    assert got(tmp_path)[0]["kind"] == "test"
