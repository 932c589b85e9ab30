"""Which stage a run is in, and how long each took; and where a mistake of ours ends."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from autologin import log
from autologin.errors import AutologinError, Bug

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stages:
    """The stages of one run. `seconds` is the time spent in each so far, all tries together."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside, and attach the stage to what is logged and raised there."""
        started = time.perf_counter()
        with log.about(stage=name):
            try:
                yield
            except AutologinError as error:
                error.stage = error.stage or name
                raise
            finally:
                took = time.perf_counter() - started
                self.seconds[name] = self.seconds.get(name, 0.0) + took
            log.event("stage_done", seconds=f"{took:.2f}")


@contextmanager
def bugs_told() -> Iterator[None]:
    """Make an error of ours of what nobody expected, and log where it came from.

    Raises:
        Bug: so it was.
    """
    try:
        yield
    except AutologinError:
        raise
    except (Exception, SystemExit, asyncio.CancelledError) as unexpected:
        task = asyncio.current_task()
        if isinstance(unexpected, asyncio.CancelledError) and (task is None or task.cancelling()):
            raise  # somebody wants this to end
        bug = Bug.of(unexpected)
        log.event("bug", level="DEBUG", message=bug.detail, frames=bug.frames)
        raise bug from None
