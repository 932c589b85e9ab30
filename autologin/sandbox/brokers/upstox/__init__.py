"""Upstox's twin: the dialog, the login site with its service, and API v2."""

from __future__ import annotations

from typing import ClassVar

from starlette.routing import BaseRoute

from autologin.sandbox.brokers.upstox.api import Api
from autologin.sandbox.brokers.upstox.pages import Pages, Service
from autologin.sandbox.brokers.upstox.scenarios import SCENARIOS
from autologin.sandbox.brokers.upstox.state import UpstoxState
from autologin.sandbox.measured import Measured
from autologin.sandbox.sdk import Sdk


class Upstox(UpstoxState):
    """Upstox on its four hosts."""

    broker = "upstox"
    title = "Upstox (API v2)"
    roles = ("api", "login", "service", "api_v2")
    readers: ClassVar = {"service": "login"}
    table = SCENARIOS
    sdk = Sdk(packages=("upstox-python-sdk==2.30.0",))
    measured = Measured(
        (
            ("type", "#mobileNum", "mobile_number"),
            ("click", "#getOtp"),
            ("type", "#otpNum", "otp"),
            ("type", "#pinCode", "pin"),
            ("click", "#pinContinueBtn"),
        )
    )

    def routes(self, role: str) -> list[BaseRoute]:
        """The routes of one host."""
        return {
            "api": [*Pages(self).dialog_routes(), *Api(self).routes()],
            "login": Pages(self).login_routes(),
            "service": Service(self).routes(),
            "api_v2": Pages(self).hop_routes(),
        }[role]

    def readable(self, content_type: str) -> bool:
        """A gateway's own pages come without these headers."""
        return "json" in content_type or self.behaviour.blocked == "readable_call"
