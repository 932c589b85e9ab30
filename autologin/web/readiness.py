"""Which accounts are ready for the day, and why not.

One answer for `/readyz`, for metrics and for the status page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from autologin.clock import IST
from autologin.config.schema import Settings
from autologin.delivery.sinks.base import HoldingConfig
from autologin.status import Status, read_statuses
from autologin.web.interface import ServiceView

REASONS: Mapping[str, str] = {
    "blocked": "blocked",
    "no_token": "no token",
    "expired": "token expired",
    "not_confirmed_today": "not confirmed today",
    "sink_lacks_token": "a sink lacks its token",
    "sink_not_asked": "a sink was not asked yet",
}
"""Why an account has no proven token where it should be, as programs and as people read it."""


@dataclass(frozen=True)
class Readiness:
    """One account.

    `lacking` is a key of REASONS; empty where there is a token that was proven today, and no sink
    that holds tokens is known to lack it.

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


def read_readiness(service: ServiceView) -> list[Readiness]:
    """Every account in the config."""
    return [
        Readiness(
            status,
            lacking=_what_is_lacking(status) or _what_sinks_lack(status, service.settings),
            due=service.due_now(status.account),
            today=service.due_today(status.account),
            running=service.running(status.account),
            next_run=service.next_run(status.account),
        )
        for status in read_statuses(service.settings, service.store, service.clock)
    ]


def _what_is_lacking(status: Status) -> str:
    """A key of REASONS, or nothing.

    A token counts that was proven today. Some brokers cannot be asked about one: that they issued
    it today is the proof.
    """
    stored = status.stored if status.stored and status.stored.broker == status.broker else None
    if stored and status.state == "valid":
        proven = stored.verified_at or stored.token.issued_at
        if proven.astimezone(IST).date() == status.now.astimezone(IST).date():
            return ""
    if status.block:
        return "blocked"
    if stored is None:
        return "no_token"
    return "expired" if status.state == "expired" else "not_confirmed_today"


def _what_sinks_lack(status: Status, settings: Settings) -> str:
    """A key of REASONS, or nothing: of sinks that hold the token and can be asked for it.

    One that has just been put in is on its way; one that was tried and failed is lacking.
    """
    held = [one for one in status.owed if isinstance(settings.sinks.get(one.sink), HoldingConfig)]
    if any(one.is_lost or (one.outcome is None and one.tries) for one in held):
        return "sink_lacks_token"
    return "sink_not_asked" if any(one.found == "unasked" for one in held) else ""
