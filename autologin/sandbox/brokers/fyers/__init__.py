"""Fyers' twin: the login page, its services, and API v3."""

from __future__ import annotations

from typing import ClassVar

from starlette.routing import BaseRoute

from autologin.sandbox.brokers.fyers.api import Api
from autologin.sandbox.brokers.fyers.pages import Pages, Vagator
from autologin.sandbox.brokers.fyers.scenarios import SCENARIOS
from autologin.sandbox.brokers.fyers.state import FyersState


class Fyers(FyersState):
    """Fyers on its three hosts."""

    broker = "fyers"
    title = "Fyers (API v3)"
    roles = ("api", "vagator", "site")
    readers: ClassVar = {"vagator": "api"}
    table = SCENARIOS

    def routes(self, role: str) -> list[BaseRoute]:
        """The routes of one host."""
        return {
            "api": [*Pages(self).api_routes(), *Api(self).routes()],
            "vagator": Vagator(self).routes(),
            "site": Pages(self).site_routes(),
        }[role]
