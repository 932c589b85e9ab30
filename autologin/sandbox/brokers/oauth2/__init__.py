"""The twin of an OAuth 2.0 server: authorization code with a login page, PKCE, refresh, profile."""

from __future__ import annotations

from starlette.routing import BaseRoute

from autologin.sandbox.brokers.oauth2.api import Api
from autologin.sandbox.brokers.oauth2.pages import Pages
from autologin.sandbox.brokers.oauth2.scenarios import SCENARIOS
from autologin.sandbox.brokers.oauth2.state import OAuth2State


class OAuth2(OAuth2State):
    """The server, on one host."""

    broker = "oauth2"
    title = "OAuth 2.0"
    roles = ("server",)
    table = SCENARIOS

    def routes(self, role: str) -> list[BaseRoute]:
        """The pages and the API."""
        del role
        return [*Pages(self).routes(), *Api(self).routes()]
