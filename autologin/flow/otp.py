"""One-time passwords (TOTP, RFC 6238): reading a seed, and making one at the right moment."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, SecretStr

from autologin import redaction
from autologin.log import event

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyotp.totp import TOTP

    from autologin.clock import Clock

MARGIN = 5.0
"""Seconds that must be left in an OTP's window: typing it and the broker's answer have to fit."""
TOLERATED_SKEW = 3.0
"""Seconds.

A `Date` header has whole seconds and was under way for a moment: less than this says nothing.
"""
MIN_SEED_BITS = 80
"""Shorter is no seed that any broker hands out; 80 bits (16 characters) still are."""


def normalise(text: str) -> str:
    """The seed as upper-case base32 without padding.

    Accepts what brokers and authenticators show: spaces, dashes, lower case, `=`, and a whole
    `otpauth://` address. Raises ValueError with a sentence that never holds the seed.
    """
    is_address = text.strip().lower().startswith("otpauth://")
    match = re.search(r"[?&]secret=([^&]*)", text) if is_address else None
    seed = re.sub(r"[\s=-]|%20|%3D", "", match.group(1) if match else text).upper()
    try:
        raw = base64.b32decode(seed + "=" * (-len(seed) % 8))
    except ValueError:
        raise ValueError(
            "not a TOTP seed: a seed is base32, only the letters A-Z and the digits 2-7",
        ) from None
    if len(raw) * 8 < MIN_SEED_BITS:
        bits = f"{len(raw) * 8} bits, and at least {MIN_SEED_BITS} are needed"
        raise ValueError(f"this TOTP seed is too short: {bits}")
    return seed


def _check_seed(seed: SecretStr) -> SecretStr:
    parse(seed)
    return seed


TotpSeed = Annotated[SecretStr, AfterValidator(_check_seed)]
"""A credential that holds a TOTP seed; an unreadable one is a config error."""


def parse(seed: SecretStr) -> TOTP:
    """The generator for a seed.

    An `otpauth://` address may name its own digits, period and digest.
    """
    from pyotp import parse_uri  # noqa: PLC0415  (25 ms that only a login needs)
    from pyotp.totp import TOTP  # noqa: PLC0415

    text = seed.get_secret_value().strip()
    plain = normalise(text)
    redaction.remember(plain)
    if text.lower().startswith("otpauth://"):
        address = "this otpauth:// address"
        try:
            found = parse_uri(re.sub(r"(?<=[?&]secret=)[^&]*", plain, text))
        except ValueError as error:
            why = redaction.scrub(str(error))
            raise ValueError(f"{address} cannot be read: {why}") from None
        except TypeError:
            mixed = "mixes a time-based code (totp) with a counter-based one (hotp)"
            raise ValueError(f"{address} {mixed}") from None
        if not isinstance(found, TOTP):
            counter = "is a counter-based code (hotp); a time-based one (totp) is needed"
            raise ValueError(f"{address} {counter}")
        if found.interval <= MARGIN:
            short = f"has a period of {found.interval} seconds, too short to type a code in"
            raise ValueError(f"{address} {short}")
        return found
    return TOTP(plain)


@dataclass
class OtpGenerator:
    """The one-time passwords of one account.

    Each time step is used at most once, across processes and restarts.

    `claim(step)` says True the first time that a step is asked for and False ever after (the store
    keeps the steps). `skew` is the broker's clock minus ours in seconds, as far as the OTPs follow
    it; `measured` is all of it, None where the broker did not tell the time.
    """

    seed: SecretStr
    claim: Callable[[int], bool]
    clock: Clock
    skew: float = 0.0
    measured: float | None = None

    async def generate(self) -> str:
        """A fresh OTP with at least five seconds to live; waits for the next window where it must.

        Make it when the field is there to be filled, not before.
        """
        totp = parse(self.seed)
        while True:
            now = self.clock.now().timestamp() + self.skew
            step, into = divmod(now, totp.interval)
            if totp.interval - into >= MARGIN and self.claim(int(step)):
                otp = str(totp.generate_otp(int(step)))
                redaction.remember_for_days(otp)
                return otp
            event("otp_waits", seconds=round(totp.interval - into, 1))
            await self.clock.sleep(totp.interval - into + 0.05)

    def learn_skew(self, seconds: float) -> None:
        """Follow the broker's clock, which is `seconds` ahead of ours (negative: behind)."""
        self.measured = seconds
        self.skew = seconds if abs(seconds) >= TOLERATED_SKEW else 0.0
        if self.skew:
            event(
                "clock_skew",
                level="WARNING",
                seconds=round(seconds),
                hint="Set this machine's clock (NTP).",
            )
