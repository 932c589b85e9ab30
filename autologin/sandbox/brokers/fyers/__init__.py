"""Fyers' twin: the login page, its services, and API v3."""

from __future__ import annotations

from typing import ClassVar

from starlette.routing import BaseRoute

from autologin.sandbox.brokers.fyers.api import Api
from autologin.sandbox.brokers.fyers.pages import Pages, Vagator
from autologin.sandbox.brokers.fyers.scenarios import SCENARIOS
from autologin.sandbox.brokers.fyers.state import FyersState
from autologin.sandbox.measured import Measured
from autologin.sandbox.sdk import Sdk


class Fyers(FyersState):
    """Fyers on its three hosts."""

    broker = "fyers"
    title = "Fyers (API v3)"
    roles = ("api", "vagator", "site")
    readers: ClassVar = {"vagator": "api"}
    table = SCENARIOS
    sdk = Sdk(packages=("fyers-apiv3==3.2.0",))
    measured = Measured(
        (
            ("check", "#clientId_rb"),
            ("fill", "#fy_client_id", "fy_id"),
            ("click", "#clientIdSubmit"),
            ("keys", "#confirmOtpForm #first", "otp"),
            ("click", "#confirmOtpSubmit"),
            ("keys", "#verifyPinForm #first", "pin"),
        )
    )

    def routes(self, role: str) -> list[BaseRoute]:
        """The routes of one host."""
        return {
            "api": [*Pages(self).api_routes(), *Api(self).routes()],
            "vagator": Vagator(self).routes(),
            "site": Pages(self).site_routes(),
        }[role]
