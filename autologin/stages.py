"""Which stage a run is in, and how long each took."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from autologin import log
from autologin.errors import AutologinError

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
