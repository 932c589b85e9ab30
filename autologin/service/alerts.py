"""What people are told about.

A login that needs a person, an account that is late, a sink that does not get its token.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from autologin.clock import format_ist
from autologin.delivery.dispatcher import TOO_OFTEN
from autologin.errors import ConfigError, NeedsPerson, Rejected
from autologin.run import Outcome
from autologin.service.notifier import Notifier
from autologin.service.schedule import History, Window
from autologin.store.records import DeliveryState
from autologin.store.store import Store

MARGIN = timedelta(minutes=10)
"""Before `ready_by`: when it is told that an account has no token yet, while there is time to
act."""
UNDELIVERED = timedelta(minutes=2)
"""How long a sink may be owed a token before somebody is told."""


class AlertRules:
    """Decides what the notifier tells."""

    def __init__(self, notifier: Notifier, store: Store) -> None:
        self._notifier = notifier
        self._store = store

    def check_outcome(self, account: str, outcome: Outcome) -> None:
        """Tell at once what needs a person; everything else may fix itself until it is late."""
        error = outcome.error
        if outcome.outcome != "failed":
            self.end_login_alerts(account)
        elif isinstance(error, NeedsPerson | Rejected | ConfigError):
            image = error.bundle and error.bundle / "screenshot.png"
            self._notifier.alert(account, error.name, error.message, image=image)

    def report_rejected_token(self, account: str, detail: str, *, relogin: bool) -> None:
        """Tell that the broker has ended a token in mid-session."""
        fix = "autologin logs in again." if relogin else "Run it again, or set watch.relogin."
        why = f"somebody may have logged in elsewhere ({detail or 'no words'})"
        message = f"The broker refuses the token; {why}. {fix}"
        self._notifier.alert(account, "token_rejected", message)

    def check_readiness(
        self, account: str, window: Window, history: History, now: datetime
    ) -> None:
        """Tell that an account has no verified token, shortly before it is due and when it is."""
        due = format_ist(window.ready_by)
        why = next(
            (run.message for run in history.runs if run.message), "No run has come to an end yet."
        )
        if window.ready_by - MARGIN <= now < window.closes:
            self._notifier.alert(
                account, "late", f"No verified token yet, and it is due at {due}. {why}"
            )
        if window.ready_by <= now < window.closes:
            self._notifier.alert(account, "not_ready", f"No verified token at {due}. {why}")

    def end_login_alerts(self, account: str) -> None:
        """Tell that what was wrong with an account's logins is over."""
        causes = [
            cause
            for cause in self._store.alerts.causes(account)
            if not cause.startswith(("sink ", "replaced "))
        ]
        self._notifier.recover(account, causes)

    def check_deliveries(self, account: str, now: datetime) -> None:
        """Tell of a sink that has not got its message for a while, and that it has it."""
        for message in self._store.outbox.latest(account):
            cause = f"sink {message.sink}"
            tried = message.outcome is None and message.tries and message.error
            self._check_replaced(account, message)
            if message.outcome == "delivered" and TOO_OFTEN in message.words:
                detail = f"{message.sink} does not hold its token any more: {message.words}"
                self._notifier.alert(account, cause, detail)
            elif message.outcome == "delivered":
                self._notifier.recover(account, [cause])
            elif tried and now - _owed_since(message.about, now) >= UNDELIVERED:
                detail = f"{message.sink} has not got its {message.type}: {message.error}"
                self._notifier.alert(account, cause, detail)

    def _check_replaced(self, account: str, message: DeliveryState) -> None:
        """Tell of something else in the token's place, and that a token is there again."""
        cause = f"replaced {message.sink}"
        if message.outcome == "delivered" and message.found == "replaced":
            detail = (
                f"Something else has taken the place of the token at {message.sink}: "
                f"{message.words}. autologin leaves it alone until the next token. "
                "`autologin deliver --force` writes this one again."
            )
            self._notifier.alert(account, cause, detail)
        elif message.found == "present":
            self._notifier.recover(account, [cause])


def _owed_since(about: str, now: datetime) -> datetime:
    try:
        return datetime.fromisoformat(about)
    except ValueError:
        return now
