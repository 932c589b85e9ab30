"""What people are told about.

A login that needs a person, an account that is late, a sink that does not get its token.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from autologin.clock import format_ist
from autologin.delivery.dispatcher import TOO_OFTEN
from autologin.errors import Bug, ConfigError, NeedsPerson, Rejected
from autologin.login import artifacts
from autologin.run import Outcome
from autologin.service.notifier import Notifier
from autologin.service.schedule import History, Window, is_good
from autologin.store.records import DeliveryState
from autologin.store.store import Store

MARGIN = timedelta(minutes=10)
"""Before `ready_by`: when it is told that an account has no token yet, while there is time to
act."""
UNDELIVERED = timedelta(minutes=2)
"""How long a sink may be owed a token before somebody is told."""
CONFIG_REFUSED = "config_refused"
"""A cause that is of no account."""

TOLD_AT_ONCE: set[str] = {
    kind.name
    for group in (NeedsPerson, Rejected, ConfigError, Bug)
    for kind in (group, *group.__subclasses__())
}
"""Errors of runs that nothing but a person can mend."""


class AlertRules:
    """Decides what the notifier tells.

    What is wrong with an account's logins is told once in each of its windows: yesterday's news
    must not silence today's.
    """

    def __init__(self, notifier: Notifier, store: Store) -> None:
        self._notifier = notifier
        self._store = store

    def check_outcome(self, account: str, outcome: Outcome, since: datetime | None) -> None:
        """Tell at once what needs a person; everything else may fix itself until it is late."""
        error = outcome.error
        if outcome.outcome != "failed":
            self.end_login_alerts(account)
        elif isinstance(error, NeedsPerson | Rejected | ConfigError | Bug):
            image = error.bundle and error.bundle / artifacts.PICTURE
            self._notifier.alert(account, error.name, error.message, image=image, since=since)

    def check_last_run(self, account: str, window: Window, history: History) -> None:
        """Tell of a run that ended while nobody was there to tell of it.

        The process died before it could, or it was another one's run.
        """
        last = next(iter(history.runs), None)
        if last and last.outcome == "failed" and last.error in TOLD_AT_ONCE:
            self._notifier.alert(account, last.error, last.message or "", since=window.at)

    def report_bug(self, account: str, bug: Bug) -> None:
        """Tell of a mistake of ours outside a run."""
        self._notifier.alert(account, bug.name, bug.message)

    def report_refused_config(self, error: ConfigError) -> None:
        """Tell that a config was not taken over: whoever changed it may believe that it was."""
        problems = "; ".join(f"{problem.key}: {problem.message}" for problem in error.problems)
        text = f"The service goes on with the config that it had. {problems}."
        self._notifier.alert("", CONFIG_REFUSED, text)

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
        why = _reason(history)
        if window.ready_by - MARGIN <= now < window.closes:
            text = f"No verified token yet, and it is due at {due}. {why}"
            self._notifier.alert(account, "late", text, since=window.at)
        if window.ready_by <= now < window.closes:
            text = f"No verified token at {due}. {why}"
            self._notifier.alert(account, "not_ready", text, since=window.at)

    def report_no_answer(self, account: str, window: Window, unanswered: int) -> None:
        """Tell once that the broker takes logins and does not answer them."""
        message = (
            f"The broker took {unanswered} logins in a row and answered none of them. autologin "
            "goes on until trading ends, with pauses of up to 15 minutes. Look whether the broker "
            "has an outage."
        )
        self._notifier.alert(account, "no_answer", message, since=window.at)

    def end_login_alerts(self, account: str) -> None:
        """Tell that what was wrong with an account's logins is over."""
        causes = [
            cause
            for cause in self._store.alerts.causes(account)
            if not cause.startswith(("sink ", "replaced "))
        ]
        self._notifier.recover(account, causes)

    def check_deliveries(self, account: str, sinks: Collection[str], now: datetime) -> None:
        """Tell of a sink that has not got its message for a while, and that it has it."""
        latest = self._store.outbox.latest(account)
        for message in [one for one in latest if one.sink in sinks]:
            cause = f"sink {message.sink}"
            tried = message.outcome is None and message.tries and message.error
            self._check_replaced(account, message)
            if message.outcome == "delivered" and TOO_OFTEN in message.words:
                detail = f"{message.sink} does not hold its token any more: {message.words}"
                self._notifier.alert(account, cause, detail)
            elif message.outcome == "delivered" and message.found not in {"gone", "replaced"}:
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
        elif message.found in {"present", "taken"}:
            self._notifier.recover(account, [cause])


def _reason(history: History) -> str:
    """Why there is no verified token, as far as the runs tell."""
    if history.runs and is_good(history.runs[0]):
        return "The last login worked, but the broker does not confirm its token."
    messages = (run.message for run in history.runs if run.message)
    return next(messages, "No run has come to an end yet.")


def _owed_since(about: str, now: datetime) -> datetime:
    try:
        return datetime.fromisoformat(about)
    except ValueError:
        return now
