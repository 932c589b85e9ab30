"""Seconds that somebody outside asks for."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from autologin.clock import LONGEST_RETRY_AFTER, retry_after
from autologin.login.network import skew_of

NONSENSE = [
    None,
    "",
    "x",
    "\u00b2",
    "\u0663",
    "-5",
    "nan",
    "inf",
    "1e9",
    "1 2",
    "Mon, 01 Jan 2024 00:00:00 +99999999999999",
    "Mon, 01 Jan 99999999999 00:00:00 GMT",
    "Mon, 01 Jan 2024 00:00:00 +9999",
    "Mon, 01 Jan 2024 00:00:00 -0000",
]


@pytest.mark.parametrize("header", NONSENSE)
def test_what_is_no_time_asks_for_none(header):
    assert retry_after(header) is None


@pytest.mark.parametrize("header", NONSENSE)
def test_what_is_no_date_says_nothing_of_a_clock(header):
    assert skew_of({"date": header or "x"}, datetime.now(UTC)) is None


def test_seconds_and_dates():
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    earlier = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    assert retry_after(" 17 ") == 17.0
    assert retry_after("1.5") == 1.5
    assert 85 < retry_after(later) <= 90
    assert retry_after(earlier) == 0.0
    assert retry_after("9" * 5000) == LONGEST_RETRY_AFTER


def test_time_zones_are_there_on_a_machine_without_any():
    """A slim image has no /usr/share/zoneinfo."""
    code = "import zoneinfo; import autologin.clock; zoneinfo.ZoneInfo('Europe/Zurich')"
    environ = {**os.environ, "PYTHONTZPATH": ""}
    subprocess.run([sys.executable, "-c", code], env=environ, check=True)
