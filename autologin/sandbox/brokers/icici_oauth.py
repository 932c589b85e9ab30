"""The twin of what users' notes say of ICICI Direct's "OAuth2": nobody has seen the real one.

It is the twin of any OAuth 2.0 server, without PKCE, with the scope `trading` and tokens that
live an hour and a half.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from autologin.sandbox.brokers import oauth2
from autologin.sandbox.brokers.oauth2.scenarios import SCENARIOS
from autologin.sandbox.scenarios import COMMON

if TYPE_CHECKING:
    from autologin.sandbox.scenarios import Scenario

NAMES = (
    *(
        "single_page_app",
        "no_second_factor",
        "refresh_rotates",
        "refresh_refused",
        "profile_absent",
    ),
)
"""The scenarios that matter to these addresses besides those of all pages; the twin `oauth2` has
them all."""


class IciciOAuth(oauth2.OAuth2):
    """One client, one user."""

    broker = "icici_oauth"
    title = "ICICI Direct OAuth2"
    table: ClassVar[dict[str, Scenario]] = {name: SCENARIOS[name] for name in (*COMMON, *NAMES)}
    lifetime: ClassVar[int] = 5400
    seed: ClassVar[str] = "FVBBTDZ74K35E4FJ4RHWOADABVAU76N4"
    base_options: ClassVar[dict[str, Any]] = {}
    measured = None
