"""The command as a user calls it, in a folder and an environment of its own."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

SCRATCH = tempfile.TemporaryDirectory(prefix="al", ignore_cleanup_errors=True)
"""A short path: Chromium makes sockets in it, whose paths have room for 107 bytes."""


atexit.register(SCRATCH.cleanup)


@dataclass
class Finished:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def account(self):
        (one,) = self.json["accounts"]
        return one


@dataclass
class User:
    """Somebody with a folder, who types commands in it."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)

    async def start(self, *words, **more):
        """Start `autologin WORDS`, in an environment that holds nothing of the tests'."""
        environ = {
            "HOME": str(self.folder),
            "PATH": os.environ["PATH"],
            "TMPDIR": SCRATCH.name,
            **self.environ,
        }
        options = {"stdin": asyncio.subprocess.DEVNULL, "start_new_session": True} | more
        pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
        command = [sys.executable, "-m", "autologin", *map(str, words)]
        return await asyncio.create_subprocess_exec(
            *command, cwd=self.folder, env=environ, **pipes, **options
        )

    async def says(self, *words, stdin=None):
        """The whole of `autologin WORDS`."""
        process = await self.start(
            *words, **({"stdin": asyncio.subprocess.PIPE} if stdin is not None else {})
        )
        out, err = await asyncio.wait_for(
            process.communicate(None if stdin is None else stdin.encode()), 120
        )
        self.heard += [out.decode(), err.decode()]
        assert "Traceback" not in err.decode(), err.decode()
        return Finished(process.returncode, out.decode(), err.decode())
