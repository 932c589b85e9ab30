"""Work that waits for other programs, in a thread beside the event loop.

A secret's command may take half a minute. Meanwhile other accounts' logins go on, and a signal that
ends the process is heard: then the command is ended too, for which the thread would wait.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from subprocess import Popen

Params = ParamSpec("Params")
Result = TypeVar("Result")


@dataclass
class _Programs:
    """What one thread waits for. Once they are ended, one that starts later is ended at once."""

    started: list[Popen[bytes]] = field(default_factory=list)
    ended: bool = False
    lock: Lock = field(default_factory=Lock)

    def add(self, program: Popen[bytes]) -> None:
        with self.lock:
            self.started.append(program)
            if self.ended:
                _end(program)

    def end(self) -> None:
        with self.lock:
            self.ended = True
            for program in self.started:
                _end(program)


_programs: ContextVar[_Programs | None] = ContextVar("programs", default=None)


async def in_thread(
    work: Callable[Params, Result], *args: Params.args, **kwargs: Params.kwargs
) -> Result:
    """What `work` gives. Where nobody waits for it any more, the programs that it waits for end."""
    mine = _Programs()
    token = _programs.set(mine)
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except asyncio.CancelledError:
        mine.end()
        raise
    finally:
        _programs.reset(token)


def waits_for(program: Popen[bytes]) -> None:
    """Tell that this thread waits for a program, which leads a process group of its own."""
    if (programs := _programs.get()) is not None:
        programs.add(program)


def _end(program: Popen[bytes]) -> None:
    if program.poll() is None:  # else its number may be another's by now
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
