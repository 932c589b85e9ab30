"""What a service costs that waits: proportional memory before and after logins, and its share of a core.

    python bench/serve.py [LOGINS [IDLE]]

A service in a process of its own looks after three accounts in the sandbox. Its memory (Pss) is read before the first login,
after one of each account, and after LOGINS of them, each in real Chromium; then its processor time over IDLE seconds of
waiting, and what is left of all those logins: processes, temporary files, open files. The baseline in the same run is a
Python that has imported pydantic, httpx and cryptography, and waits.
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
BROKERS = ("zerodha", "upstox", "fyers")
SERVING = """
import asyncio, sys
from pathlib import Path
from autologin import log
from autologin.config import loader
from autologin.clock import SystemClock
from autologin.app import App
from autologin.web.app import serve_http
from autologin.market.loader import load_calendar
from autologin.service.service import Service

async def main(file):
    log.configure(verbose=False)
    settings = loader.load(file)
    service = Service(App.open(settings, SystemClock()), load_calendar, file)
    web = await serve_http(service, "127.0.0.1:0")
    task = asyncio.ensure_future(service.serve())
    loop = asyncio.get_running_loop()
    print("ready", flush=True)
    while account := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        service.store.tokens.drop(account)
        service.store._database.execute("DELETE FROM otp_steps")  # or each login would wait for a new window
        await service.run_now(account)
        await asyncio.sleep(0.2)
        while service.running(account):
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)
        print("done", service.store.tokens.get(account) is not None, flush=True)
    service.stop()
    await task
    await web.close()

asyncio.run(main(Path(sys.argv[1])))
"""
BASE = (
    "import pydantic, httpx, cryptography.fernet, sys; print('ready', flush=True); sys.stdin.read()"
)


def pss(process):
    """MiB, shared pages counted in part."""
    text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1]) / 1024


def spent(process):
    """Seconds of processor time."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def started(code, *words, **environ):
    pipes = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.DEVNULL,
        "text": True,
    }
    more = {"env": {**ENVIRON, **environ}, "start_new_session": True}
    process = subprocess.Popen([sys.executable, "-c", code, *words], **more, **pipes)
    assert process.stdout.readline() == "ready\n"
    return process


def log_in(process, account):
    process.stdin.write(f"{account}\n")
    process.stdin.flush()
    assert process.stdout.readline() == "done True\n", f"a login at {account} failed"


def left(process, scratch):
    """Processes, temporary files and open files of the service."""
    stats = [
        stat.read_text().rpartition(")")[2].split()
        for stat in Path("/proc").glob("[0-9]*/stat")
        if stat.exists()
    ]
    session = [fields for fields in stats if fields[3] == str(process.pid) and fields[0] != "Z"]
    return (
        len(session),
        len(list(scratch.iterdir())),
        len(list(Path(f"/proc/{process.pid}/fd").iterdir())),
    )


def main():
    logins = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    idle = float(sys.argv[2]) if len(sys.argv) > 2 else 60
    with served(0.0, BROKERS) as sandbox, tempfile.TemporaryDirectory() as name:
        file, scratch, raw = Path(name) / "config.yaml", Path(name) / "tmp", sandbox.config()
        scratch.mkdir()
        raw["schedule"] = {"cron": "0 0 29 2 *"}
        file.write_text(yaml.safe_dump(raw))
        base, serving = started(BASE), started(SERVING, str(file), TMPDIR=str(scratch))
        time.sleep(2)
        before, alone = pss(serving), pss(base)
        for broker in BROKERS:
            log_in(serving, broker)
        first, had = pss(serving), left(serving, scratch)
        for number in range(len(BROKERS), logins):
            log_in(serving, BROKERS[number % len(BROKERS)])
        last, has = pss(serving), left(serving, scratch)
        was = spent(serving)
        time.sleep(idle)
        share = 100 * (spent(serving) - was) / idle
        for process in (base, serving):
            process.stdin.close()
            process.wait(60)
    print(f"before a login     {before:.0f} MiB (at most {BEFORE})   bare imports {alone:.0f} MiB")
    print(f"after one each     {first:.0f} MiB (at most {AFTER})")
    print(f"after {logins:<12} {last:.0f} MiB")
    print(f"waiting            {share:.2f} % of a core (at most {SHARE})")
    print(
        "left after one each and at the end: {} and {} processes, {} and {} temporary files, {} and {} open files".format(
            *(number for pair in zip(had, has, strict=True) for number in pair)
        )
    )


if __name__ == "__main__":
    main()
