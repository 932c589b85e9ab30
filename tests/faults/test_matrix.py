"""Every stage of a login with every fault that makes sense there; `support/matrix.py` says what must be true.

`make test` takes one cell of each stage, `make nightly` (MATRIX=all) takes them all. The matrix stands at the end of
the output.
"""

from __future__ import annotations

import pytest
from support.matrix import BLOCKED_NEXT, EXIT, cells, expected
from support.matrix_runs import PROMPT, START, Cell

BLOCKED = {"account_locked"}
MOST_LOGINS = 2
"""A login whose answer is lost is made once more."""


@pytest.mark.parametrize(
    ("stage", "fault"), [pytest.param(*one, id=f"{one[0].name}-{one[1].name}") for one in cells()]
)
async def test_a_fault_at_a_stage(stage, fault, tmp_path, record_property):
    record_property("matrix", [stage.name, fault.name])
    async with Cell(stage, fault, tmp_path) as cell:
        first = await cell.first_run()
        assert_ended_right(cell, first)
        assert await cell.left_behind() == []
        issued, delivered, logins = list(cell.twin.tokens), cell.token, cell.logins
        after = await cell.next_run()
        assert_next_run_right(cell, first, after, cell.logins - logins)
        if first.word == "store_error" and issued and cell.mounts:  # the sinks have room for it
            assert delivered in issued or after.word == "still_valid", "a token is lost"
        assert await cell.left_behind(swept=True) == []
        assert cell.went_elsewhere() == []


def assert_ended_right(cell, run):
    """By the right name and exit code, in time, and without a submit too many at the broker."""
    assert "Traceback" not in run.err, run.err
    right = expected(cell.stage, cell.fault)
    assert run.word in right, (run.word, run.code, run.account.get("message"), run.err)
    assert run.code == EXIT[run.word]
    if cell.fault.kind == "signal":
        assert run.seconds < PROMPT
    else:
        assert run.seconds < cell.limit
        assert run.account.get("seconds", 0.0) < cell.limit - START
    again = {"issued", "broker_unavailable", "browser_crashed"}
    most = MOST_LOGINS if run.word in again else 1
    assert max(cell.logins, len(cell.twin.otps)) <= most
    assert len(set(cell.twin.otps)) == len(cell.twin.otps), "a code was sent twice"


def assert_next_run_right(cell, first, after, logins):
    """It has a token, and needs no login for it where the broker had answered; or the account is blocked, rightly."""
    assert "Traceback" not in after.err, after.err
    may_be = (cell.stage.name, cell.fault.name) in BLOCKED_NEXT
    if first.word in BLOCKED or (may_be and after.word == "account_blocked"):
        assert (after.word, after.code, logins) == ("account_blocked", 3, 0)
        return
    assert after.word in {"issued", "still_valid"}, (after.word, after.account.get("message"))
    assert after.code == 0
    assert logins <= 1
    assert cell.token in cell.twin.tokens, "the sink's token is not the broker's"
    assert len(set(cell.twin.otps)) == len(cell.twin.otps), "a code was sent twice"
    if is_kept(cell, first):
        assert (after.word, logins) == ("still_valid", 0), "a token is lost"


def is_kept(cell, first):
    """Whether the broker's token had arrived, so that it must not be lost."""
    if cell.fault.kind == "clock":
        return False  # by a clock that was wrong it may have ended
    asked = {"ended by SIGTERM", "ended by SIGINT"}
    asked_to_end = cell.stage.kind == "call" and first.word in asked
    arrived = cell.stage.kind in {"verify", "sink", "serve"} or cell.stage.name == "delivery, file"
    return first.word == "issued" or arrived or asked_to_end
