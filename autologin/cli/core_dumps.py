"""No core dumps: a file with the memory of a process that died holds every secret that it knew."""

from __future__ import annotations

import resource

_former: list[int] = []
"""The soft limit that we were started with."""


def forbid() -> None:
    """From now on neither this process nor what it starts leaves one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    _former[:] = [soft]
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def forbid_for_good() -> None:
    """The same, and no process that is started can ask for one either."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def allow_again() -> None:
    """As it was before `forbid`, for a program that takes our place."""
    if _former:
        _, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (_former[0], hard))
