"""Which accounts are ready for the day, and why not: one answer for `/readyz`, for metrics and for the status page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from autologin import status
from autologin.clock import IST

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from autologin.status import Status
    from autologin.web.app import Board

REASONS: Mapping[str, str] = {
    "blocked": "blocked",
    "no_token": "no token",
    "expired": "token expired",
    "not_confirmed_today": "not confirmed today",
}
"""Why an account has no proven token, as programs and as people read it."""


@dataclass(frozen=True)
class Standing:
    """One account. `lacking` is a key of REASONS; empty where there is a token that was proven today.

    `due`: its login time has come; `today`: it has come, or comes later today.
    """

    status: Status
    lacking: str
    due: bool
    today: bool
    running: bool
    next_run: datetime | None

    @property
    def name(self) -> str:
        """The account's name."""
        return self.status.account

    @property
    def ready(self) -> bool:
        """Whether nothing is missing that should be there by now."""
        return not (self.due and self.lacking)

    @property
    def ready_today(self) -> bool:
        """Whether nothing is missing that this day needs, though its login may be still to come."""
        return not (self.today and self.lacking)


def standings(board: Board) -> list[Standing]:
    """Every account in the config."""
    return [_standing(board, one) for one in status.look(board)]


def _standing(board: Board, one: Status) -> Standing:
    name = one.account
    due, today = board.due_now(name), board.due_today(name)
    return Standing(one, _lacking(one), due, today, board.running(name), board.next_run(name))


def _lacking(one: Status) -> str:
    if _proven_today(one):
        return ""
    if one.block:
        return "blocked"
    if one.stored is None or one.stored.broker != one.broker:
        return "no_token"
    return "expired" if one.state == "expired" else "not_confirmed_today"


def _proven_today(one: Status) -> bool:
    """Some brokers cannot be asked about a token: that they issued it today is the proof then."""
    if one.state != "valid" or one.stored is None or one.stored.broker != one.broker:
        return False
    proven = one.stored.verified_at or one.stored.token.issued_at
    return proven.astimezone(IST).date() == one.now.astimezone(IST).date()
