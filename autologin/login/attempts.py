"""The guard of one account's login: what may be sent, what was sent, and what came of it.

A broker counts wrong entries of a secret, so each secret is counted here by itself: the password
(or PIN) of a login id, the seed of its OTPs, the app's key. Each attempt is on disk before it is
sent; a process that dies leaves one without an answer, so that a restart loop is one long attempt.
A refused value stays refused until a person unblocks the account, also when it comes back after
others were tried, and under another name of the account.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pydantic import SecretStr

from autologin import retry
from autologin.errors import (
    AccountBlocked,
    AccountLocked,
    BrokerUnavailable,
    CaptchaRequired,
    ConsentRequired,
    CredentialsRejected,
    ExchangeRejected,
    ForeignDestination,
    OtpNotAvailable,
    OtpRejected,
    StateMismatch,
    StoreError,
    Transient,
    WrongAccount,
)
from autologin.flow.otp import normalise
from autologin.flow.phrases import named_secret
from autologin.log import event
from autologin.store.records import Block

if TYPE_CHECKING:
    from datetime import datetime

    from autologin.clock import Clock
    from autologin.errors import AutologinError
    from autologin.flow.base import Credentials, Flow
    from autologin.flow.otp import OtpGenerator
    from autologin.store.records import Lease
    from autologin.store.store import Store

Kind = Literal["password", "otp", "login id", "app", "all"]
UNJUDGED = (
    CaptchaRequired,
    ConsentRequired,
    ExchangeRejected,
    ForeignDestination,
    OtpNotAvailable,
    StateMismatch,
    WrongAccount,
)
"""Errors that are understood and say nothing about a secret."""
TOGETHER = 2
MOST_REPEATS = 2
"""What an attempt counts for that may have arrived more than once: how often is only a bound."""


@dataclass(frozen=True)
class Secret:
    """One thing that a broker can refuse. `what` names it as the config does."""

    kind: Kind
    what: str
    fingerprint: str
    part: bool = False
    """Whether it was typed together with another one, so that nobody knows which was refused."""


class AttemptLog:
    """The attempts of one run, under the lease that it holds."""

    def __init__(self, store: Store, lease: Lease, flow: Flow, clock: Clock) -> None:
        self._store = store
        self._lease = lease
        self._clock = clock
        self._values = {
            name: text for name, text in _plain(flow.credentials).items() if text is not None
        }
        self._seed = next(
            (name for name in self._values if getattr(flow.credentials, name) == flow.seed), None
        )
        if self._seed:  # written with spaces or without, it is the same
            self._values[self._seed] = normalise(self._values[self._seed])
        self._login_id = [name for name in flow.login_id if name in self._values]
        self._secrets = [
            name
            for name in self._values
            if isinstance(getattr(flow.credentials, name), SecretStr)
            and name not in {*self._login_id, self._seed}
        ]
        named = [name for name in self._secrets if name in flow.passwords]
        self._passwords = named or self._secrets
        for name in self._login_id:  # nor do capitals make another person
            self._values[name] = self._values[name].strip().upper()
        self.login = login_fingerprint(store, flow.broker, map(self._values.get, self._login_id))
        person = {*self._passwords, *self._login_id, self._seed}
        app = [name for name in self._values if name not in person]
        self._app = self._secret("app", app or self._login_id)
        self._all = self._secret("all", [*self._values])
        # As an older autologin wrote it.
        every = (str(value) for value in _plain(flow.credentials).values())
        self._former = Secret("all", "credentials", store.fingerprint(flow.broker, *every))
        self._refusable = self._app
        """What a refusal of the credentials is about: what was typed last, but for the OTP."""
        self._open: list[tuple[int, Secret]] = []

    # Before

    def refuse_if_blocked(self) -> None:
        """See that a login may be tried with these credentials.

        Raises:
            AccountBlocked: none may, until what was refused changes or a person lifts the block.
        """
        every = [*self._typed(self._passwords), self._secret("login id", self._login_id)]
        every += [self._app, self._all, self._former]
        account = self._lease.account
        block = self._store.attempts.find_block(account, [one.fingerprint for one in every])
        if block:
            raise self._blocked(block)
        for secret in self._typed(self._passwords):
            self._refuse_if_exhausted(secret)

    @property
    def otp_rejections(self) -> int:
        """How many OTPs of this seed the broker has refused since it accepted one."""
        if self._seed is None:
            return 0
        secret = self._secret("otp", [self._seed])
        return self._store.attempts.count(secret.fingerprint).rejected

    @property
    def is_waiting_out(self) -> bool:
        """Whether right secrets were sent so often without an answer that once a run must do."""
        counts = (
            self._store.attempts.count(secret.fingerprint)
            for secret in self._typed(self._passwords)
        )
        return any(count.trusted and count.unanswered >= retry.UNSETTLED for count in counts)

    def sent(self) -> list[datetime]:
        """When something was sent for this login in the last days, the last one last."""
        return self._store.attempts.sent(self.login)

    # Around a call

    def begin(self, values: Collection[SecretStr | OtpGenerator]) -> None:
        """These are about to be typed and sent; none: the login id alone.

        That there is something to send means that the last one was accepted.

        Raises:
            AccountBlocked: they must not be sent.
            LeaseLost: another process has taken over.
        """
        self.settle("accepted")
        typed = sorted(value.get_secret_value() for value in values if isinstance(value, SecretStr))
        names = [name for name in self._secrets if self._values[name] in typed]
        secrets = self._passwords_of(names)
        if typed and not names:  # a flow has made it from its credentials
            fingerprint = self._store.fingerprint("secret", self.login, "password", *typed)
            secrets = [Secret("password", "credentials", fingerprint)]
        if any(not isinstance(value, SecretStr) for value in values) and self._seed:
            secrets.append(self._secret("otp", [self._seed]))
        self._begin(secrets)

    def begin_all(self, *, otp: bool) -> None:
        """Everything that an API login takes is about to be sent.

        Raises:
            AccountBlocked: it must not be sent.
            LeaseLost: another process has taken over.
        """
        self.settle("accepted")
        secrets = self._passwords_of(self._passwords)
        if otp and self._seed:
            secrets.append(self._secret("otp", [self._seed]))
        self._begin(secrets)

    def settle(self, outcome: Literal["accepted"]) -> None:
        """The broker accepted what was sent last."""
        with self._store_may_fail():
            self._store.attempts.settle([attempt for attempt, _ in self._open], outcome)
        self._open = []

    def take_back(self) -> None:
        """What was about to be sent was not: the page moved away under our hands."""
        self._store.attempts.settle([attempt for attempt, _ in self._open], "unsent")
        self._open = []

    def settle_error(self, error: AutologinError, departures: int = 1) -> None:
        """What an error says of what was sent last.

        `departures`: how often it may have reached the broker; 0: it never left this machine.
        """
        if isinstance(error, CredentialsRejected):
            self.block(error)  # at once: it must not be sent again, whatever happens to this run
        with self._store_may_fail():
            self._settle_error(error, departures)
        self._open = []

    def block(self, error: AutologinError) -> None:
        """Send no more what the broker refused with this error."""
        refused = self._refused_by(error)
        block = Block(self._clock.now(), refused.what, error.name, error.detail)
        account = self._lease.account
        with self._store_may_fail():
            self._store.attempts.block(account, self.login, refused.fingerprint, block)

    # Below

    def _settle_error(self, error: AutologinError, departures: int) -> None:
        store = self._store.attempts
        numbers = [attempt for attempt, _ in self._open]
        if isinstance(error, CredentialsRejected | OtpRejected):
            refused = self._refused_by(error)
            ours = [
                attempt
                for attempt, secret in self._open
                if secret == refused or (secret.part and refused.kind == "password")
            ]
            store.settle(ours, "rejected")
            store.settle([attempt for attempt in numbers if attempt not in ours], "unjudged")
        elif departures == 0 or (isinstance(error, BrokerUnavailable) and not error.sent):
            store.settle(numbers, "unsent")
        elif isinstance(error, UNJUDGED) and not _is_unclear(error):
            store.settle(numbers, "unjudged")
        elif not isinstance(error, Transient):
            store.settle(numbers, "unclear")
        else:
            store.settle(numbers, "unanswered")
            for _ in range(min(departures, MOST_REPEATS) - 1):
                store.may_have_repeated(numbers)

    @contextmanager
    def _store_may_fail(self) -> Iterator[None]:
        """What the broker answered matters more than that it is written down.

        That it was sent is on disk already, and counts as unanswered then.
        """
        try:
            yield
        except StoreError as error:
            event("not_stored", level="ERROR", message=error.detail)

    def _passwords_of(self, names: Sequence[str]) -> list[Secret]:
        """What is typed together: refused together, and each of them counted besides."""
        if len(names) < TOGETHER:
            return [self._secret("password", names)] if names else []
        parts = [replace(self._secret("password", [name]), part=True) for name in names]
        return [self._secret("password", names), *parts]

    def _begin(self, secrets: Sequence[Secret]) -> None:
        account = self._lease.account
        if not secrets:
            self._refusable = self._secret("login id", self._login_id)
        for secret in secrets:
            if secret.kind == "password" and not secret.part:
                self._refusable = secret
        prints = [secret.fingerprint for secret in secrets]
        if block := self._store.attempts.find_block(account, prints):
            raise self._blocked(block)
        for secret in secrets:
            self._refuse_if_exhausted(secret)
        numbers = self._store.attempts.begin(self._lease, self.login, prints)
        self._open = list(zip(numbers, secrets, strict=True))

    def _refuse_if_exhausted(self, secret: Secret) -> None:
        count = self._store.attempts.count(secret.fingerprint)
        twice = secret.kind == "otp" or secret.part
        if reason := retry.exhausted(count, secret.what, most=2 if twice else 1):
            clock = " and this machine's clock are" if secret.kind == "otp" else " is"
            hint = f"See that {secret.what}{clock} right, then run {self._unblock}."
            block = Block(self._clock.now(), secret.what, AccountBlocked.name, f"Blocked: {reason}")
            self._store.attempts.block(
                self._lease.account, self.login, secret.fingerprint, block, refused=False
            )
            raise AccountBlocked(block.message, hint=hint)

    def _blocked(self, block: Block) -> AccountBlocked:
        since = f"since {block.at:%Y-%m-%d %H:%M} UTC after {block.error}"
        hint = (
            f"Correct {block.what} in the config. Or run {self._unblock}, once you know why it was "
            "refused: it forgets every refused value of this account."
        )
        if block.error == AccountLocked.name:
            hint = f"Unlock it with the broker, then run {self._unblock}."
        if block.error == AccountBlocked.name:
            hint = f"See that {block.what} is right, then run {self._unblock}."
            return AccountBlocked(block.message, hint=hint)
        return AccountBlocked(f"Blocked {since}. {block.message}", hint=hint)

    @property
    def _unblock(self) -> str:
        return f"`autologin unblock {self._lease.account}`"

    def _refused_by(self, error: AutologinError) -> Secret:
        """Which secret an error is about."""
        if isinstance(error, AccountLocked):
            return self._all
        if isinstance(error, OtpRejected) and self._seed:
            return self._secret("otp", [self._seed])
        named = named_secret(error.detail)
        if named == "app":
            return self._app
        if named == "login id" and self._login_id:
            return self._secret("login id", self._login_id)
        return self._refusable

    def _typed(self, passwords: Sequence[str]) -> list[Secret]:
        """What is typed into pages: the passwords, each and together, and the OTP."""
        found = self._passwords_of(passwords)
        if self._seed:
            found.append(self._secret("otp", [self._seed]))
        return found

    def _secret(self, kind: Kind, names: Sequence[str]) -> Secret:
        names = sorted(names)
        texts = [text for name in names for text in (name, self._values[name])]
        fingerprint = self._store.fingerprint("secret", self.login, kind, *texts)
        return Secret(kind, " and ".join(names) or "credentials", fingerprint)


def _is_unclear(error: AutologinError) -> bool:
    """Whether a refusal's words gave it no meaning of its own: it may be one of a secret."""
    return isinstance(error, ExchangeRejected) and error.default_hint


def login_fingerprint(store: Store, broker: str, login_id: Iterable[str | None]) -> str:
    """A name for one person's login at one broker, whatever the config calls the account."""
    texts = (str(text).strip().upper() for text in login_id)
    return store.fingerprint("login", broker, *texts)


def _plain(credentials: Credentials) -> dict[str, str | None]:
    """The credentials by name, as texts."""
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in credentials.model_dump().items()
    }
