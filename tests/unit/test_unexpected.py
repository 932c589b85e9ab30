"""What nobody waits for is a line in the log: no traceback, none of its words, once a minute."""

from __future__ import annotations

import asyncio
import ssl
import threading

from autologin.cli import process
from autologin.cli.process import run_async


def test_what_fails_in_the_background_is_a_line(monkeypatch, capfd):
    heard = []
    monkeypatch.setattr(process, "event", lambda _name, **facts: heard.append(facts))
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(process.sys, "unraisablehook", process.sys.unraisablehook)

    async def fail():
        raise KeyError("pass-word-canary")

    def fail_too():
        raise LookupError("pass-word-canary")

    async def work():
        for _ in range(3):
            await asyncio.wait([asyncio.ensure_future(fail())])
        thread = threading.Thread(target=fail_too)
        thread.start()
        thread.join()

    run_async(work())
    assert sorted(one["detail"].partition(" (")[2] for one in heard) == [
        "KeyError)",
        "LookupError)",
    ]
    assert capfd.readouterr().err == ""


def test_no_keys_of_connections_are_written_down(monkeypatch, tmp_path):
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(process.sys, "unraisablehook", process.sys.unraisablehook)
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))

    async def context():
        return ssl.create_default_context()

    assert run_async(context()).keylog_filename is None
    assert list(tmp_path.iterdir()) == []
