"""What `serve` tells the service manager, and that one that does not listen cannot end the service."""

from __future__ import annotations

import socket

from autologin.cli.commands.serve import notify_systemd


def test_the_state_is_told(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        notify_systemd({"NOTIFY_SOCKET": str(tmp_path / "notify")}, "READY=1")
        assert manager.recv(64) == b"READY=1"


def test_a_manager_that_is_gone_is_no_reason_to_end(tmp_path):
    notify_systemd({"NOTIFY_SOCKET": str(tmp_path / "gone")}, "WATCHDOG=1")


def test_a_manager_that_does_not_read_keeps_nobody_waiting(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        for _ in range(2000):
            notify_systemd({"NOTIFY_SOCKET": str(tmp_path / "notify")}, "WATCHDOG=1")
        assert manager.recv(64) == b"WATCHDOG=1"
