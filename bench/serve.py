"""What a service costs that waits: proportional memory before and after logins, and its share of a core.

    python bench/serve.py [LOGINS [IDLE]]

`autologin serve`, in a process of its own, looks after Zerodha in the sandbox. Its memory (Pss) is read before the first
login, after it, and after LOGINS of them, each in real Chromium; then its processor time over IDLE seconds of waiting.
The baseline in the same run is a Python that has imported pydantic, httpx and cryptography, and waits.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parent))
from login import ENVIRON, served

BEFORE, AFTER, SHARE = 64, 85, 0.1
"""MiB, MiB, and percent of a core, at most."""
SERVING = """
import asyncio, sys
from pathlib import Path
from autologin import config, log
from autologin.clock import SystemClock
from autologin.desk import Desk
from autologin.http import serve_http
from autologin.market import Calendar
from autologin.service import Service

async def main(file):
    log.configure(verbose=False)
    settings = config.load(file)
    service = Service(Desk.open(settings, SystemClock()), Calendar.load, file)
    web = await serve_http(service, "127.0.0.1:0")
    task = asyncio.ensure_future(service.serve())
    loop = asyncio.get_running_loop()
    print("ready", flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        service.store.drop_token("zerodha")
        service.store._database.do("DELETE FROM otp_steps")  # or each login would wait for a new window
        await service.run_now("zerodha")
        await asyncio.sleep(0.2)
        while service.running("zerodha"):
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)
        print("done", service.store.token("zerodha") is not None, flush=True)
    service.stop()
    await task
    await web.close()

asyncio.run(main(Path(sys.argv[1])))
"""
BASE = "import pydantic, httpx, cryptography.fernet, sys; print('ready', flush=True); sys.stdin.read()"


def pss(process):
    """MiB, shared pages counted in part."""
    text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1]) / 1024


def spent(process):
    """Seconds of processor time."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def started(code, *words):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    process = subprocess.Popen([sys.executable, "-c", code, *words], env=ENVIRON, **pipes)
    assert process.stdout.readline() == "ready\n"
    return process


def log_in(process):
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "done True\n", "a login failed"


def main():
    logins = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    idle = float(sys.argv[2]) if len(sys.argv) > 2 else 60
    with served(0.0) as sandbox, tempfile.TemporaryDirectory() as name:
        file, raw = Path(name) / "config.yaml", sandbox.config()
        raw["schedule"] = {"cron": "0 0 29 2 *"}
        file.write_text(yaml.safe_dump(raw))
        base, serving = started(BASE), started(SERVING, str(file))
        time.sleep(2)
        before, alone = pss(serving), pss(base)
        log_in(serving)
        first = pss(serving)
        for _ in range(logins - 1):
            log_in(serving)
        last = pss(serving)
        was = spent(serving)
        time.sleep(idle)
        share = 100 * (spent(serving) - was) / idle
        for process in (base, serving):
            process.stdin.close()
            process.wait(60)
    print(f"before a login     {before:.0f} MiB (at most {BEFORE})   bare imports {alone:.0f} MiB")
    print(f"after one          {first:.0f} MiB (at most {AFTER})")
    print(f"after {logins:<12} {last:.0f} MiB")
    print(f"waiting            {share:.2f} % of a core (at most {SHARE})")


main()
