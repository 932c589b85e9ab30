"""One-time passwords (TOTP, RFC 6238): reading a seed, and making one at the right moment."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qsl

from pydantic import AfterValidator, SecretStr

from autologin import redaction
from autologin.log import event

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyotp.totp import TOTP

    from autologin.clock import Clock

MARGIN = 5.0
"""Seconds that must be left in an OTP's window: typing it and the broker's answer have to fit."""
NO_SEED = "not a TOTP seed: a seed is base32, only the letters A-Z and the digits 2-7"
DIGESTS = ("SHA1", "SHA256", "SHA512")
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
    query = _query(text)
    found = text if query is None else query.get("secret", "")
    if re.match(r"\s*secret\s*[=:]", found, re.IGNORECASE):  # its letters are base32 too
        named = "this begins with its own name: leave out all up to the sign after `secret`"
        raise ValueError(f"{NO_SEED}; {named}")
    seed = re.sub(r"[\s=-]", "", found).upper()
    if query is not None and not seed:
        raise ValueError(f"{NO_SEED}; this otpauth:// address has no secret in it")
    try:
        raw = base64.b32decode(seed + "=" * (-len(seed) % 8))
    except ValueError:
        raise ValueError(NO_SEED + _guess(found.strip())) from None
    if len(raw) * 8 < MIN_SEED_BITS:
        bits = f"{len(raw) * 8} bits, and at least {MIN_SEED_BITS} are needed"
        raise ValueError(f"this TOTP seed is too short: {bits}{_guess(found.strip())}")
    return seed


def _query(text: str) -> dict[str, str] | None:
    """The parameters of an `otpauth://` address, their names in lower case; None for any other."""
    text = text.strip()
    if not text.lower().startswith("otpauth://"):
        return None
    # A plus sign is no space here; of a parameter that is there twice, the first counts.
    # `&amp;` is what a page's source says for `&`.
    written = text.replace("&amp;", "&").partition("?")[2].partition("#")[0]
    pairs = parse_qsl(written.replace("+", "%2B"))
    return {name.lower(): value for name, value in reversed(pairs)}


def _guess(text: str) -> str:
    """What a text is that is no seed, as far as its shape tells; it is not repeated."""
    plain = re.sub(r"[\s-]", "", text)
    if text.lower().startswith("otpauth-migration:"):
        return "; this is an authenticator's export: copy the text beside the broker's QR code"
    if re.fullmatch(r"\d{6}|\d{8}", plain):
        return "; this is one of the codes, not the seed that makes them"
    if re.match(r"[a-z]+://", text, re.IGNORECASE):
        return "; this is another kind of address"
    if re.fullmatch(r"([\"'`“‘]).*[\"'`”’]", text):
        return "; this stands in quotes, which were kept: take them off"
    if re.fullmatch(r"(0x)?[0-9a-f]{20,}", plain, re.IGNORECASE):
        return "; this is hexadecimal: take the broker's own text, or convert it to base32"
    if re.fullmatch(r"[A-Z0-9=]{16,}", plain, re.IGNORECASE):
        return "; this has 0, 1, 8 or 9 in it, and so was misread"
    return ""


def _check_seed(seed: SecretStr) -> SecretStr:
    parse(seed)
    return seed


TotpSeed = Annotated[SecretStr, AfterValidator(_check_seed)]
"""A credential that holds a TOTP seed; an unreadable one is a config error."""


def parse(seed: SecretStr) -> TOTP:
    """The generator for a seed.

    An `otpauth://` address may name its own digits, period and digest.
    """
    from pyotp.totp import TOTP  # noqa: PLC0415  (25 ms that only a login needs)

    text = seed.get_secret_value().strip()
    plain = normalise(text)
    redaction.remember(plain)
    query = _query(text)
    if query is None:
        return TOTP(plain)
    address = "this otpauth:// address"
    kind = re.match(r"otpauth://([^/?]*)", text, re.IGNORECASE)
    if kind and kind[1].lower() not in {"totp", "hotp"}:
        raise ValueError(f"{address} does not begin with otpauth://totp/: copy it again")
    if not re.match(r"otpauth://totp([/?]|$)", text, re.IGNORECASE) or "counter" in query:
        counter = "is a counter-based code (hotp); a time-based one (totp) is needed"
        raise ValueError(f"{address} {counter}")
    digits, period = query.get("digits", "6"), query.get("period", "30")
    if digits not in {"6", "7", "8"}:
        raise ValueError(f"{address} is for codes of another length than 6, 7 or 8 digits")
    if not re.fullmatch(r"[0-9]{1,4}", period) or int(period) <= MARGIN:
        short = f"has a period that is no number of seconds above {MARGIN:g}"
        raise ValueError(f"{address} {short}")
    name = re.sub(r"^HMAC|[^A-Z0-9]", "", query.get("algorithm", "SHA1").upper())
    if name not in DIGESTS:
        raise ValueError(f"{address} names another algorithm than {', '.join(DIGESTS)}")
    digest = getattr(hashlib, name.lower())
    return TOTP(plain, digits=int(digits), interval=int(period), digest=digest)


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
