"""Telling people: once for each cause, on every way, and never at the price of a login."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shlex
import sqlite3
import sys
import time
from contextlib import asynccontextmanager

import pytest
from support.cli import User
from support.clock import HandClock
from support.leaks import leaks
from support.receiver import receiver
from support.service_stub import png

from autologin.config import loader, overrides
from autologin.errors import ConfigError, NoticeFailed, StoreError
from autologin.login import artifacts
from autologin.service.notifier import PING_PAUSES, Notifier
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


async def test_what_a_ping_is_answered_with_is_not_read(tmp_path, told):
    async def endless(reader, writer):
        with contextlib.suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nset-cookie: a=\xe9\r\n\r\n")
            while not writer.is_closing():
                writer.write(b" " * 65_536)
                await writer.drain()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        one = notifier(tmp_path, {"ping": f"http://127.0.0.1:{port}/"})
        one.ping(good=True)
        async with asyncio.timeout(10):
            await delivered(one)
    assert "notice_not_sent" not in told()


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


async def test_a_command_that_fails_is_asked_again_until_it_works(tmp_path):
    one = notifier(tmp_path, {"command": f"test -e ready && {into(tmp_path)}"})
    one.alert("mine", "late", "No token yet.")
    await delivered(one)
    assert got(tmp_path) == []
    assert [str(notices.error) for notices in one.untaken()] == ["exit code 1"]
    (tmp_path / "ready").touch()
    one._clock.move(minutes=1)
    await delivered(one)
    assert [notice["text"] for notice in got(tmp_path)] == ["No token yet."]
    assert one.untaken() == []


async def test_it_is_told_after_a_restart_whatever_the_order_of_the_addresses(tmp_path):
    async with receiver() as here, receiver(here=False) as away:
        environ = {"HERE": here.url, "AWAY": away.url}
        one = notifier(tmp_path, {"urls": [{"env": "HERE"}, {"env": "AWAY"}]}, environ)
        one.alert("mine", "late", "No token yet.")
        await delivered(one)
        (untaken,) = one.untaken()
        assert (untaken.way, untaken.number) == ("notify.urls.1", 1)
        await away.come()
        two = notifier(tmp_path, {"urls": [{"env": "AWAY"}, {"env": "HERE"}]}, environ)
        two._clock.move(minutes=10)
        await delivered(two)
        assert here.titles == away.titles == ["autologin: mine late"]
        assert here.taken[0]["message"] == "No token yet."
        assert "2026-11-24 08:15 IST; it could not be told before" in away.taken[0]["message"]


async def test_a_corrected_address_gets_what_the_wrong_one_did_not_take(tmp_path):
    async with receiver() as one, receiver(here=False) as wrong:
        for address in (wrong.url, one.url):
            telling = notifier(tmp_path, {"urls": [address]})
            telling.alert("mine", "late", "No token yet.")
            await delivered(telling)
        assert one.titles == ["autologin: mine late"]
        assert telling.untaken() == []


async def test_a_reference_is_the_same_person_when_the_address_behind_it_changes(tmp_path):
    async with receiver() as one, receiver() as other:
        for address in (one.url, other.url):
            telling = notifier(tmp_path, {"urls": [{"env": "WAY"}]}, {"WAY": address})
            telling.alert("mine", "late", "No token yet.")
            await delivered(telling)
        telling.recover("mine", ["late"])
        await delivered(telling)
        assert (one.titles, other.titles) == (
            ["autologin: mine late"],
            ["autologin: mine recovered"],
        )


async def test_an_address_that_cannot_be_looked_up_yet_waits(tmp_path):
    one = notifier(tmp_path, {"urls": [{"file": "way"}]})
    one.alert("mine", "late", "No token yet.")
    await delivered(one)
    assert "there is no file" in one.untaken()[0].error
    async with receiver() as later:
        (tmp_path / "way").write_text(later.url)
        one._clock.move(minutes=1)
        await delivered(one)
        assert later.titles == ["autologin: mine late"]


async def test_a_way_that_hangs_keeps_nobody_waiting(tmp_path, monkeypatch):
    monkeypatch.setattr("autologin.service.ways.SECONDS", 0.3)
    async with receiver() as slow, receiver() as one:
        slow.hangs = True
        telling = notifier(tmp_path, {"urls": [slow.url, one.url], "command": "sleep 30"})
        telling.alert("mine", "late", "No token yet.")
        sending = asyncio.ensure_future(delivered(telling))
        async with asyncio.timeout(10):
            while not one.taken:  # noqa: ASYNC110
                await asyncio.sleep(0)
            await sending
        assert {(notices.way, notices.error) for notices in telling.untaken()} == {
            ("notify.urls.0", "no answer within 0.3 s"),
            ("notify.command", "no answer within 0.3 s"),
        }


async def test_an_address_that_hangs_holds_only_so_many_threads(tmp_path, monkeypatch):
    monkeypatch.setattr("autologin.service.ways.SECONDS", 0.05)
    monkeypatch.setattr("autologin.service.ways.THREADS", 2)
    async with receiver() as slow:
        slow.hangs = True
        telling = notifier(tmp_path, {"urls": [slow.url]})
        for account in ("a", "b", "c"):
            telling.alert(account, "late", "No token yet.")
        await delivered(telling)
        assert slow.calls <= 2
        errors = store_errors(tmp_path)
        assert max(errors) == "the 2 notices before this one are still on their way"


def store_errors(folder):
    with contextlib.closing(sqlite3.connect(folder / "state" / "autologin.db")) as database:
        return [error for (error,) in database.execute("SELECT error FROM deliveries")]


async def test_a_reference_that_takes_long_does_not_stop_the_loop(tmp_path):
    async with receiver() as one:
        slow = {"command": f"sleep 1; printf %s {one.url}"}
        telling = notifier(tmp_path, {"urls": [slow], "ping": slow})
        telling.alert("mine", "late", "No token yet.")
        telling.ping(good=True)
        sending, longest = asyncio.ensure_future(delivered(telling)), 0.0
        while not sending.done():
            before = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - before)
        assert one.titles == ["autologin: mine late"]
        assert longest < 0.7


def kept_picture(folder, masking=artifacts.MASKING):
    """A bundle's picture, and its report that says how it is masked."""
    (folder / "report.json").write_text(json.dumps({"masking": masking}))
    (folder / "screenshot.png").write_bytes(png())
    return folder / "screenshot.png"


async def test_a_picture_that_is_not_masked_as_today_does_not_go_along(tmp_path):
    """An older autologin may have kept it, and owed it to somebody."""
    picture = kept_picture(tmp_path, None)
    async with receiver() as one:
        telling = notifier(tmp_path, {"urls": [one.url]})
        telling.alert("mine", "captcha_required", "Look.", image=picture)
        await delivered(telling)
        assert [len(notice["attachments"]) for notice in one.taken] == [0]


async def test_a_picture_goes_along_while_it_is_there_and_is_not_needed(tmp_path):
    picture = kept_picture(tmp_path)
    async with receiver() as one:
        telling = notifier(tmp_path, {"urls": [one.url]})
        telling.alert("mine", "captcha_required", "Look.", image=picture)
        await delivered(telling)
        telling.alert("mine", "page_changed", "Look.", image=picture)
        picture.unlink()
        await delivered(telling)
        assert [len(notice["attachments"]) for notice in one.taken] == [1, 0]


async def test_a_picture_that_is_refused_does_not_cost_the_words(tmp_path):
    picture = kept_picture(tmp_path)
    async with receiver() as one:
        one.refuses_pictures = True
        telling = notifier(tmp_path, {"urls": [one.url]})
        telling.alert("mine", "captcha_required", "Look.", image=picture)
        await delivered(telling)
        assert one.titles == ["autologin: mine captcha required"]


@pytest.mark.parametrize("good", [True, False])
async def test_a_ping_is_tried_again_for_a_few_minutes(tmp_path, good):
    async with receiver() as switch:
        switch.status = 503
        one = notifier(tmp_path, {"ping": f"http://127.0.0.1:{switch.port}/switch"})
        one.ping(good=good)
        await reached(lambda: switch.calls == 2)
        switch.status = 200
        await one._pinging
        assert switch.taken == ["/switch" if good else "/switch/fail"]
        calls, switch.status = switch.calls, 503
        one.ping(good=good)
        await one._pinging
        assert switch.calls - calls == 1 + len(PING_PAUSES)


async def test_a_newer_ping_ends_an_older_one_that_did_not_get_through(tmp_path):
    async with receiver() as switch:
        switch.status = 503
        one = notifier(tmp_path, {"ping": f"http://127.0.0.1:{switch.port}/switch"})
        one._clock = clock = StoppedClock()
        one.ping(good=False)
        await reached(lambda: clock.sleepers)
        switch.status = 200
        one.ping(good=True)
        await reached(lambda: switch.taken)
        clock.go.set()
        await one.close()
        assert switch.taken == ["/switch"]


async def test_a_ping_that_waits_does_not_hold_the_end_up(tmp_path):
    one = notifier(tmp_path, {"ping": "http://127.0.0.1:9/switch"})
    one._clock = clock = StoppedClock()
    one.ping(good=True)
    await reached(lambda: clock.sleepers)
    async with asyncio.timeout(5):
        await one.close()


class StoppedClock(HandClock):
    """Whoever sleeps by it sleeps until `go`."""

    def __init__(self):
        super().__init__()
        self.go, self.sleepers = asyncio.Event(), 0

    async def sleep(self, seconds):
        self.sleepers += 1
        await self.go.wait()


async def reached(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  (it is about sockets)
            await asyncio.sleep(0)


async def test_a_store_that_cannot_keep_a_notice_does_not_silence_it(tmp_path, monkeypatch, told):
    one = notifier(tmp_path, {"command": into(tmp_path)})

    def full(*_words):
        raise StoreError("The store cannot be used: database or disk is full")

    monkeypatch.setattr(one._store.alerts, "begin", full)
    monkeypatch.setattr(one._store.notices, "settle", full)
    for _ in range(3):
        one.alert("mine", "late", "No token yet.")
    one.recover("mine", ["late"])
    await delivered(one)
    assert [notice["text"] for notice in got(tmp_path)] == ["No token yet."]
    assert "disk is full" in told()


def test_the_same_address_twice_is_one_way(tmp_path):
    one = notifier(tmp_path, {"urls": ["json://one.example", "json://one.example"]})
    assert len(one._ways) == 1


async def test_addresses_are_not_in_the_store(tmp_path, told):
    one = notifier(tmp_path, {"urls": [f"json://127.0.0.1:9/{CANARY}"]})
    one.alert("mine", "late", "No token yet.")
    await delivered(one)
    one._store.close()
    assert leaks([CANARY], [tmp_path / "state", told()]) == []


async def test_status_names_who_was_not_to_be_reached(tmp_path):
    one = notifier(tmp_path, {"command": "exit 3"})
    one.alert("mine", "late", "No token yet.")
    user = User(tmp_path)
    assert "has not taken" not in (await user.says("status")).out
    await delivered(one)
    line = "notify.command has not taken 1 notice since 2026-11-24 08:15 IST: exit code 3"
    assert line in (await user.says("status")).out.splitlines()
    (notices,) = json.loads((await user.says("status", "--json")).out)["notices"]
    assert notices == {
        "way": "notify.command",
        "number": 1,
        "since": "2026-11-24T02:45:10+00:00",
        "error": "exit code 3",
    }
    assert "mine: nothing to deliver" in (await user.says("deliver")).out


async def test_what_a_command_gets(tmp_path):
    one = notifier(tmp_path, {"command": into(tmp_path)})
    one.alert("mine", "late", "No token yet.")
    await delivered(one)
    one.recover("mine", ["late"])
    await delivered(one)
    alert, recovered = got(tmp_path)
    identity = alert.pop("id")
    assert alert == {
        "kind": "alert",
        "account": "mine",
        "cause": "late",
        "title": "autologin: mine late",
        "text": "No token yet.",
        "at": "2026-11-24T02:45:10+00:00",
    }
    assert recovered["id"] != identity
    assert (recovered["title"], recovered["text"]) == ("autologin: mine recovered", "Over: late.")
