"""PID 1 of a container: whoever is it must wait for every process that lost its parent.

A browser leaves such processes. A service that waited for all of them itself would take the exit
codes of its own commands from those who ask for them, so it becomes the child of a process that
does nothing else.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PASSED_ON = {
    *(signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT),
    *(signal.SIGUSR1, signal.SIGUSR2),
}
SI_KERNEL = 0x80
"""What a terminal sends, it sends to both."""
PR_SET_PDEATHSIG = 1
PR_GET_CHILD_SUBREAPER = 37


def wait_for_orphans() -> None:
    """Where orphans are given to this process, go on in a child; here they are waited for.

    Signals are passed on, and the child's end is ours.
    """
    if os.getpid() != 1 and not _is_subreaper():
        return
    sys.stdout.flush()
    sys.stderr.flush()
    awaited = PASSED_ON | {signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    child = os.fork()
    if not child:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return
    while True:
        told = signal.sigwaitinfo(awaited)
        if told.si_signo == signal.SIGCHLD:
            if (status := _reap(child)) is not None:
                code = os.waitstatus_to_exitcode(status)
                os._exit(code if code >= 0 else 128 - code)
        elif told.si_code != SI_KERNEL:
            os.kill(child, told.si_signo)


def _reap(child: int) -> int | None:
    """Wait for all that has ended; gives how the child did, None where it runs."""
    ended = None
    try:
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            if found[0] == child:
                ended = found[1]
    except ChildProcessError:
        pass  # none is left
    return ended


def _is_subreaper() -> bool:
    answer = ctypes.c_int(0)
    try:
        ctypes.CDLL(None).prctl(PR_GET_CHILD_SUBREAPER, ctypes.byref(answer))
    except (OSError, AttributeError):
        return False
    return bool(answer.value)
