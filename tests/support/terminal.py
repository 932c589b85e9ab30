"""The command in a real pseudo-terminal, and somebody who reads what it asks and types."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import sys
import time

AT_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "autologin", *sys.argv[1:]])
"""


class Terminal:
    """`autologin WORDS` in a terminal of its own. `seen` is all that stood on its screen."""

    def __init__(self, folder, *words, environ=()):
        self.master, slave = pty.openpty()
        env = {"HOME": str(folder), "PATH": os.environ["PATH"], "TERM": "dumb", **dict(environ)}
        command = [sys.executable, "-c", AT_TERMINAL, *map(str, words)]
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            env=env,
            start_new_session=True,
        )
        os.close(slave)
        self.seen, self.read_to = "", 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)

    def until(self, text, seconds=60):
        """Wait for a text that was not read before."""
        end = time.monotonic() + seconds
        while text not in self.seen[self.read_to :]:
            assert self._more(end - time.monotonic()), f"{text!r} never came: {self.seen}"
        self.read_to = self.seen.index(text, self.read_to) + len(text)

    def prompted(self, asked):
        """Wait until it asks for that: the prompt ends the screen, after what explains it."""
        end = time.monotonic() + 60
        while not (
            asked in (last := self.seen.rpartition("\n")[2])
            and last.endswith(": ")
            and len(self.seen) > self.read_to
        ):
            assert self._more(end - time.monotonic()), f"{asked!r} was never asked: {self.seen}"
        self.read_to = len(self.seen)

    def key(self, byte):
        os.write(self.master, byte)

    def stop(self, byte):
        """Press a key that ends it; once more where the first press came between the prompt and Python's waiting for a line."""
        self.key(byte)
        for _ in range(5):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(3)
                return
            self.key(byte)

    def code(self, seconds=60):
        """The exit code, after all that it said was read."""
        end = time.monotonic() + seconds
        while self._more(end - time.monotonic()):
            pass
        return self.process.wait(10)

    def _more(self, seconds):
        if seconds <= 0 or not select.select([self.master], [], [], seconds)[0]:
            return False
        got = b""
        with contextlib.suppress(OSError):  # the other end is closed
            got = os.read(self.master, 65536)
        self.seen += got.decode("utf-8", "replace")
        return bool(got)
