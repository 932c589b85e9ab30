"""Writing down that a secret is about to be sent, before it is, and the broker's answer to it.

A process that dies between the two leaves an attempt without an answer: the next run counts it as
one that may have been refused, so that a restart loop cannot lock an account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from autologin.errors import CredentialsRejected, OtpRejected, Transient

if TYPE_CHECKING:
    from datetime import datetime

    from autologin.errors import AutologinError
    from autologin.store.store import Store

Answer = Literal["accepted", "rejected", "unanswered", "unclear"]


def answer_in(error: AutologinError) -> Answer:
    """What an error says of the secret that was sent before it."""
    if isinstance(error, CredentialsRejected | OtpRejected):
        return "rejected"
    return "unanswered" if isinstance(error, Transient) else "unclear"


class AttemptLog:
    """The attempts of one login with one set of credentials."""

    def __init__(self, store: Store, account: str, fingerprint: str) -> None:
        self._store, self._account, self._fingerprint = store, account, fingerprint
        self._open: int | None = None

    def begin(self, kind: Literal["password", "otp"]) -> None:
        """A secret is about to be sent.

        That there is something to send means that the last one was accepted.
        """
        self.settle("accepted")
        self._open = self._store.attempts.begin(self._account, self._fingerprint, kind)

    def sent(self) -> list[datetime]:
        """When this account's secrets were sent in the last days, the last one last."""
        return self._store.attempts.sent(self._account)

    def settle(self, answer: Answer) -> None:
        """The broker's answer to the last one; `unanswered`: the infrastructure failed, `unclear`.

        Nobody understood it.
        """
        if self._open is not None:
            self._store.attempts.settle(self._open, answer)
        self._open = None
