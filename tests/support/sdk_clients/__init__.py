"""The official SDKs, each started in its own venv: `run.py` executes a twin's lines, the others have clients of their own."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

ROOT = Path(__file__).parents[3]


async def start(twin, lines, *, code="", token=None, **changed):
    """What the SDK does with these lines; its venv is made by `scripts/install-sdks`."""
    python = ROOT / f".sdks/{twin.sdk.venv or twin.broker}/bin/python"
    assert python.exists(), "run `make sdks`"
    given = {
        "lines": lines,
        "hosts": {host: twin.origins[role] for host, role in twin.sdk.hosts.items()},
        "mine": {**twin.credentials, **changed},
        "code": code,
        "token": token,
    }
    words = [str(python), str(Path(__file__).with_name("run.py")), json.dumps(given)]
    pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(*words, **pipes)
    out, err = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, err.decode()
    return json.loads(out.decode().splitlines()[-1])
