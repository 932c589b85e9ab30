"""The twin of an OAuth 2.0 server: authorization code with a login page, PKCE, refresh, profile."""

from __future__ import annotations

from typing import ClassVar

from starlette.routing import BaseRoute

from autologin.sandbox.brokers.oauth2.api import Api
from autologin.sandbox.brokers.oauth2.pages import Pages
from autologin.sandbox.brokers.oauth2.scenarios import SCENARIOS
from autologin.sandbox.brokers.oauth2.state import OAuth2State
from autologin.sandbox.measured import Measured


class OAuth2(OAuth2State):
    """The server, on one host."""

    broker = "oauth2"
    title = "OAuth 2.0"
    roles = ("server",)
    table = SCENARIOS
    measured: ClassVar[Measured | None] = Measured(
        (
            ("fill", "#username", "user_id"),
            ("fill", "#password", "password"),
            ("click", "button[type=submit]"),
            ("type", "#otp", "otp"),
            ("click", "button[type=submit]"),
        ),
        options={"code_sends_itself": False},
    )

    def routes(self, role: str) -> list[BaseRoute]:
        """The pages and the API."""
        del role
        return [*Pages(self).routes(), *Api(self).routes()]
