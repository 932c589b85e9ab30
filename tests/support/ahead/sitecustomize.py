"""Python reads this at its start where the folder is in PYTHONPATH: the product's clock is CLOCK_AHEAD seconds ahead."""

import os
from datetime import timedelta

from autologin.clock import SystemClock

_now = SystemClock.now
_ahead = timedelta(seconds=float(os.environ["CLOCK_AHEAD"]))
SystemClock.now = lambda clock: _now(clock) + _ahead
