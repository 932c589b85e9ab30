"""`autologin serve` as it is used, for a while: a login every 20 seconds over three accounts, and what it leaves.

    python bench/soak.py [MINUTES]

The broker ends a session, somebody presses "Run now" on the status page, and the service logs in with real Chromium. After
each minute: logins so far, memory (Pss), processes, temporary files and open files of the service while it waits.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from login import ENVIRON, served
from serve import BROKERS, left, pss

EVERY = 20
"""Seconds between two logins."""
TOKEN = "soak-soak-soak-soak"


def config_of(sandbox, folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    raw = sandbox.config() | {
        "schedule": {"cron": "0 0 29 2 *"},
        "http": {"listen": f"127.0.0.1:{port}", "token": TOKEN},
    }
    file = folder / "config.yaml"
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump(raw))
    return file, f"http://127.0.0.1:{port}"


def signed_in(url, process):
    """Somebody at the status page."""
    http = httpx.Client(base_url=url, headers={"origin": url}, trust_env=False)
    while True:
        assert process.poll() is None, "serve has ended"
        try:
            assert http.post("/sign-in", data={"token": TOKEN}).status_code == 303
        except httpx.ConnectError:
            time.sleep(0.1)
        else:
            return http


def log_in(http, sandbox, broker):
    """End the session of an account at the broker, and have it run."""
    sandbox.twins[broker].reset()
    assert http.post(f"/accounts/{broker}/run").status_code == 303


def issued(http):
    """How many logins went well so far, and how many did not."""
    lines = [
        line
        for line in http.get("/metrics").text.splitlines()
        if line.startswith("autologin_runs_total")
    ]
    good = sum(float(line.rsplit(" ", 1)[1]) for line in lines if 'outcome="issued"' in line)
    return int(good), int(sum(float(line.rsplit(" ", 1)[1]) for line in lines) - good)


def soaked(http, sandbox, process, scratch, minutes):
    """Log in for so many minutes; print a line after each."""
    start = time.monotonic()
    for number in range(minutes * 60 // EVERY):
        time.sleep(max(0.0, start + number * EVERY - time.monotonic()))
        log_in(http, sandbox, BROKERS[number % len(BROKERS)])
        if (number + 1) % (60 // EVERY) == 0:
            time.sleep(EVERY - 5)
            good, bad = issued(http)
            processes, files, opened = left(process, scratch)
            print(
                f"{(number + 1) * EVERY // 60:>3} min  {good:>3} logins, {bad} failed   {pss(process):5.1f} MiB   "
                f"{processes} processes, {files} temporary files, {opened} open files",
                flush=True,
            )


def main():
    minutes = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with served(0.0, BROKERS) as sandbox, tempfile.TemporaryDirectory(prefix="al") as name:
        file, url = config_of(sandbox, Path(name))
        scratch = Path(name) / "tmp"
        scratch.mkdir()
        command = [sys.executable, "-m", "autologin", "--config", str(file), "serve"]
        more = {
            "env": {**ENVIRON, "TMPDIR": str(scratch)},
            "start_new_session": True,
            "stderr": subprocess.DEVNULL,
        }
        process = subprocess.Popen(command, **more)
        soaked(signed_in(url, process), sandbox, process, scratch, minutes)
        os.kill(process.pid, signal.SIGTERM)
        code = process.wait(60)
        alive, files = left_behind(process.pid), len(list(scratch.iterdir()))
        print(f"SIGTERM: exit code {code}, {alive} processes and {files} temporary files left")


def left_behind(session):
    """Processes of a session whose leader has ended."""
    stats = [
        stat.read_text().rpartition(")")[2].split()
        for stat in Path("/proc").glob("[0-9]*/stat")
        if stat.exists()
    ]
    return len([fields for fields in stats if fields[3] == str(session) and fields[0] != "Z"])


if __name__ == "__main__":
    main()
