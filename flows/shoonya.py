"""Shoonya (Finvasia).

Docs      https://api.shoonya.com   evidence of 2026-10 (norenrestapioauth 0.0.41, OpenAlgo, seven
          scripts)
Code      `code` in the query of the redirect, single use
State     nothing of ours comes back; the redirect URL is fixed with the key
Expiry    one trading day, the hour is not documented: midnight in India is taken. Log in from the
          registered address: addresses of data centres are said to be refused, and about 06:00 the
          gateway is down
Lockout   no limit of wrong entries is published. The password is sent once; a rejected TOTP is
          followed by one more in a new window
Guessed   the texts of errors; what is shown to an address that is not registered
"""

from __future__ import annotations

from typing import ClassVar

from ._noren import Noren


class Shoonya(Noren):
    """Sign in at api.shoonya.com."""

    broker = "shoonya"
    title = "Shoonya (Finvasia)"
    docs = "https://api.shoonya.com"
    evidence = "2026-10"
    notes = "log in from the registered address"
    endpoints: ClassVar[dict[str, str]] = {
        "login": "https://api.shoonya.com/OAuthlogin",
        "api": "https://api.shoonya.com/NorenWClientAPI",
    }
