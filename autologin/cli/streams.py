"""Standard input, output and error of the process, whatever somebody did to them.

A stream that is closed would leave its number to the next file that is opened, and what is printed
would be written into the store. A message that nobody takes must not stop a login. Data that
nobody takes must not be lost silently.
"""

from __future__ import annotations

import io
import os
import select
import sys
from typing import ClassVar

from autologin.errors import OutputFailed

PATIENCE = 1.0
"""Seconds that a message waits for somebody who has stopped reading; the next ones wait no more."""
PIECE = 4096
"""Bytes: a pipe that takes anything takes so many at once."""


class ReaderGone(BrokenPipeError):
    """Nobody reads standard output any more, and whoever read it knows that."""


def prepare() -> None:
    """Make the three streams usable, before any file is opened."""
    _open_closed()
    sys.stdout = _text(_Data(1, "wb", closefd=False))
    sys.stderr = _text(_Messages(2, "wb", closefd=False))
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  (the process's)


def finish() -> None:
    """Write what is still held. From now on, what cannot be written is dropped: Python tries again.

    Raises:
        OutputFailed, ReaderGone: standard output does not take it.
    """
    try:
        sys.stdout.flush()
    finally:
        _Data.given_up = True


def _open_closed() -> None:
    """Put the null device where a stream is closed.

    Standard output cannot be written then, as if it were closed: nobody gets what is printed there.
    """
    for number, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, mode)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)  # noqa: FBT003  (it takes no keyword)


def _text(raw: io.FileIO) -> io.TextIOWrapper:
    former = sys.stdout if isinstance(raw, _Data) else sys.stderr
    encoding = former.encoding if former else "utf-8"
    return io.TextIOWrapper(
        io.BufferedWriter(raw, PIECE),
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=not isinstance(raw, _Data) or raw.isatty(),
    )


class _Data(io.FileIO):
    """Standard output: that it fails is an error, in our words."""

    given_up: ClassVar[bool] = False
    """Whether nobody is to hear of it any more."""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Write some of it; a stream that somebody made non-blocking is waited for."""
        try:
            while (written := super().write(data)) is None:
                select.select([], [self], [])
        except OSError as error:
            if self.given_up:
                return len(data)
            if isinstance(error, BrokenPipeError):
                raise ReaderGone from None
            raise OutputFailed(f"Standard output cannot be written: {error.strerror}") from None
        else:
            return written


class _Messages(io.FileIO):
    """Standard error: what cannot be written is dropped."""

    _stuck = False

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Write some of it, if somebody takes it within a second."""
        poll = select.poll()
        poll.register(self, select.POLLOUT)
        try:
            self._stuck = not poll.poll(0 if self._stuck else 1000 * PATIENCE)
            if not self._stuck:
                return super().write(bytes(data[:PIECE])) or len(data)
        except OSError:
            pass
        return len(data)
