"""Zebu (MYNT).

Docs      https://go.mynt.in   evidence of 2026-08 (myntapi 0.0.7, OpenAlgo; the page: unverified)
Code      `code` in the query of the redirect, single use
State     nothing of ours comes back; the redirect URL is fixed with the key
Expiry    one trading day, the hour is not documented: midnight in India is taken
Lockout   no limit of wrong entries is published. The password is sent once; a rejected TOTP is
          followed by one more in a new window
Guessed   the whole page, which is taken to be Shoonya's: both brokers have it from one vendor; the
          texts of errors
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

from ._noren import Noren

if TYPE_CHECKING:
    from pydantic import SecretStr


class Zebu(Noren):
    """Sign in at go.mynt.in."""

    broker = "zebu"
    title = "Zebu (MYNT)"
    docs = "https://go.mynt.in"
    evidence = "2026-08"
    notes = "the page is taken to be Shoonya's"
    verified = False
    endpoints: ClassVar[dict[str, str]] = {
        "login": "https://go.mynt.in/OAuthlogin",
        "api": "https://go.mynt.in/NorenWClientAPI",
    }

    def exchange_body(self, auth_code: SecretStr) -> str:
        """The body as Zebu's SDK sends it (myntapi 0.0.7): without the user's id."""
        body = {"code": auth_code.get_secret_value(), "checksum": self.checksum(auth_code)}
        return "jData=" + json.dumps(body, separators=(",", ":"))
