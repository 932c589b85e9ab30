"""The sandbox's user, with the strikes that a broker counts, and the codes of the redirect."""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from pyotp.totp import TOTP

STRIKES = 5
"""Wrong entries until an account is blocked, where a broker's own number is not known."""


@dataclass
class TestUser:
    """Somebody with an account: what they type, and what the broker holds against them."""

    __test__ = False  # it is no test, whatever pytest makes of its name

    totp_secret: str
    user_id: str = ""
    password: str = ""
    pin: str = ""
    mobile_number: str = ""
    max_strikes: int = STRIKES
    shared_strikes: bool = False
    """Whether wrong entries of all kinds count together."""
    authorised: bool = False
    """Whether they have allowed the app."""
    blocked: bool = False
    strikes: Counter[str] = field(default_factory=Counter)
    """Wrong entries since the last right one, by kind: otp, password, pin."""
    mistakes: Counter[str] = field(default_factory=Counter)
    """All wrong entries, forgiven or not."""
    used_steps: set[int] = field(default_factory=set)
    """The time steps whose one-time passwords were used."""

    def check_otp(  # a twin calls Twin.check_otp, which knows the scenarios
        self,
        otp: str,
        now: datetime,
        *,
        window: int = 1,
        reuse: bool = False,
        earlier: int = 0,
        refuse: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Whether a one-time password is right, and for the first time; a wrong one is a strike.

        Call it once for each that arrives. `refuse` is asked about a right one; `earlier` strikes
        were there before.
        """
        step = matching_step(self.totp_secret, otp, now, window)
        right = step is not None and (reuse or step not in self.used_steps)
        if step is not None:
            self.used_steps.add(step)
        if right and not refuse():
            self.forgive("otp")
            return True
        self.strike("otp", earlier)
        return False

    def check_password(self, password: str, *, refuse: bool = False) -> bool:
        """Whether it is the password; a wrong one is a strike.

        The twin says when it is forgiven.
        """
        return self._check("password", self.password, password, refuse=refuse)

    def check_pin(self, pin: str, *, refuse: bool = False) -> bool:
        """Whether it is the PIN; a wrong one is a strike."""
        return self._check("pin", self.pin, pin, refuse=refuse)

    def _check(self, kind: str, right: str, given: str, *, refuse: bool) -> bool:
        if hmac.compare_digest(given.encode(), right.encode()) and not refuse:
            return True
        self.strike(kind)
        return False

    def strike(self, kind: str, earlier: int = 0) -> None:
        """Count a wrong entry; too many block the account."""
        self.strikes[kind] += 1
        self.mistakes[kind] += 1
        self.blocked = self.blocked or self.attempts_left(kind, earlier) == 0

    def attempts_left(self, kind: str, earlier: int = 0) -> int:
        """Wrong entries that are still allowed, where `earlier` were there before."""
        wrong = self.strikes.total() if self.shared_strikes else self.strikes[kind]
        return max(self.max_strikes - wrong - earlier, 0)

    def forgive(self, kind: str = "") -> None:
        """Forget the wrong entries of a kind, or all of them."""
        if kind and not self.shared_strikes:
            del self.strikes[kind]
        else:
            self.strikes.clear()


Holder = TypeVar("Holder")


@dataclass
class Grant(Generic[Holder]):
    """A code of the redirect: what it was given for, and until when."""

    holder: Holder
    ends: datetime
    used: bool = False


class Grants(Generic[Holder]):
    """The codes of the redirects. Each counts once, and not for long."""

    def __init__(self) -> None:
        self._grants: dict[str, Grant[Holder]] = {}

    def open(self, code: str, holder: Holder, ends: datetime) -> str:
        """Note a fresh code."""
        self._grants[code] = Grant(holder, ends)
        return code

    def find(self, code: str, now: datetime) -> Grant[Holder] | None:
        """What a code was given for, where it can still be exchanged."""
        grant = self._grants.get(code)
        return grant if grant and not grant.used and grant.ends > now else None

    def use(self, code: str, now: datetime) -> Grant[Holder] | None:
        """The same, for the last time."""
        grant = self.find(code, now)
        if grant:
            grant.used = True
        return grant


def matching_step(seed: str, otp: str, now: datetime, window: int) -> int | None:
    """The time step in which an authenticator shows this one-time password, within the window."""
    totp = TOTP(seed)
    present = int(now.timestamp()) // totp.interval
    steps = range(present - window, present + window + 1)
    return next((step for step in steps if totp.generate_otp(step) == otp), None)
