"""Prints the matrix of stages and faults at the end of a test run that had any of it."""

from __future__ import annotations

from support.matrix import drawn


def pytest_terminal_summary(terminalreporter):
    results = {}
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, value in getattr(report, "user_properties", []):
                if name == "matrix":
                    pair = tuple(value)
                    results[pair] = outcome == "passed" and results.get(pair, True)
    if results:
        terminalreporter.section("stage x fault")
        for line in drawn(results):
            terminalreporter.write_line(line)
