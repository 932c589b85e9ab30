"""Zerodha's twin: Kite's login pages and Kite Connect v3."""

from __future__ import annotations

from starlette.routing import BaseRoute

from autologin.sandbox.brokers.zerodha.api import Api
from autologin.sandbox.brokers.zerodha.pages import Pages
from autologin.sandbox.brokers.zerodha.scenarios import SCENARIOS
from autologin.sandbox.brokers.zerodha.state import ZerodhaState
from autologin.sandbox.measured import Measured


class Zerodha(ZerodhaState):
    """Kite web and api.kite.trade."""

    broker = "zerodha"
    title = "Zerodha (Kite Connect v3)"
    roles = ("login", "api")
    table = SCENARIOS
    measured = Measured(
        (
            ("fill", "#userid", "user_id"),
            ("fill", "#password", "password"),
            ("click", "button[type=submit]"),
            ("type", "#userid[type=number]", "otp"),
        )
    )

    def routes(self, role: str) -> list[BaseRoute]:
        """Kite web, or api.kite.trade."""
        return Pages(self).routes() if role == "login" else Api(self).routes()
