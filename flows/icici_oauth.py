"""ICICI Direct "OAuth2". Unverified: no public ICICI document describes it.

Use icici_breeze for real accounts.

Docs      none. ICICI's documents describe Breeze only; these addresses are from users' notes
Code      `code` in the query of the redirect, single use
State     `state` comes back, say the notes
Expiry    the reply's `expires_in`, one to two hours by the notes. A refresh token comes with it:
          set `refresh: true`
Lockout   unknown. We send a password once, a rejected code is followed by one more in a new window
Guessed   everything: no stored public document, SDK or working script shows these addresses
"""

from __future__ import annotations

from pydantic import Field, SecretStr

from ._oauth2_options import OAuth2Credentials, OAuth2Options
from .oauth2 import OAuth2


class IciciOAuthCredentials(OAuth2Credentials):
    """Those of `oauth2`; the notes know no client without a secret."""

    client_secret: SecretStr = Field(description="the app's secret")


class IciciOAuthOptions(OAuth2Options):
    """The options of `oauth2`, as the notes have them."""

    scope: str = "trading"
    user_id_path: str = "user_id"


class IciciOAuth(OAuth2):
    """The flow `oauth2` with ICICI's addresses from users' notes."""

    broker = "icici_oauth"
    title = "ICICI Direct OAuth2"
    docs = "https://api.icicidirect.com/breezeapi/documents/index.html"
    evidence = "2026-11"
    notes = "no public document describes it"
    verified = False
    endpoints = {
        "authorize": "https://api.icicidirect.com/oauth/authorize",
        "token": "https://api.icicidirect.com/oauth/token",
        "profile": "",
    }
    needs_endpoints = frozenset()
    credentials: IciciOAuthCredentials
    options: IciciOAuthOptions
