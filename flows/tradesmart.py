"""TradeSmart.

Docs      https://v2api.tradesmartonline.in   evidence of 2026-08 (OpenAlgo; the page: unverified)
Code      `code` in the query of the redirect (also seen: `request_token`, `request-token`), single
          use
State     nothing of ours comes back; the redirect URL is fixed with the key
Expiry    one trading day, the hour is not documented: midnight in India is taken
Lockout   no limit of wrong entries is published. The password is sent once; a rejected TOTP is
          followed by one more in a new window
Guessed   the whole page, which is taken to be Shoonya's: both brokers have it from one vendor; the
          texts of errors; the name of the token in the reply
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from ._noren import Noren, NorenCredentials


class TradeSmartCredentials(NorenCredentials):
    """What TradeSmart needs: its client id is an API key of its own."""

    client_id: str = Field(description="the API key, in TradeSmart's API settings")


class TradeSmart(Noren):
    """Sign in at v2api.tradesmartonline.in."""

    broker = "tradesmart"
    title = "TradeSmart"
    docs = "https://v2api.tradesmartonline.in"
    evidence = "2026-08"
    notes = "the page is taken to be Shoonya's"
    verified = False
    endpoints: ClassVar[dict[str, str]] = {
        "login": "https://v2api.tradesmartonline.in/OAuthlogin",
        "api": "https://v2api.tradesmartonline.in/NorenWClientAPIv2",
    }
    auth_code_params = ("code", "request_token", "request-token")
    credentials: TradeSmartCredentials
