"""Which stage a run is in, and how long each took; and where a mistake of ours ends."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from autologin import log
from autologin.errors import AutologinError, Bug, is_raised_by_flow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


class TimeOverError(TimeoutError):
    """A time that we set is over; a flow's own code may raise any other TimeoutError."""


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


@asynccontextmanager
async def limit_time(seconds: float | None) -> AsyncIterator[asyncio.Timeout]:
    """End what happens inside after so many seconds (None: never, until it is rescheduled).

    Raises:
        TimeOverError: so it was.
    """
    try:
        async with asyncio.timeout(seconds) as limit:
            yield limit
    except TimeoutError:
        if limit.expired():
            raise TimeOverError from None
        raise


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
    except BaseException as unexpected:
        if _is_end(unexpected):
            raise
        bug = Bug.of(unexpected)
        log.event("bug", level="DEBUG", message=bug.detail, frames=bug.frames)
        raise bug from None


def _is_end(unexpected: BaseException) -> bool:
    """Whether somebody wants what runs to end, and no mistake is it."""
    if isinstance(unexpected, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is None or bool(task.cancelling())
    if isinstance(unexpected, KeyboardInterrupt | GeneratorExit):
        return not is_raised_by_flow(unexpected)
    return False
