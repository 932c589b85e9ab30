"""ICICI Direct's twin: the login pages of apiuser and the Breeze API, all on one host."""

from __future__ import annotations

from starlette.routing import BaseRoute

from autologin.sandbox.brokers.icici_breeze.api import Api
from autologin.sandbox.brokers.icici_breeze.pages import Pages
from autologin.sandbox.brokers.icici_breeze.scenarios import SCENARIOS
from autologin.sandbox.brokers.icici_breeze.state import IciciBreezeState
from autologin.sandbox.measured import Measured
from autologin.sandbox.sdk import Sdk


class IciciBreeze(IciciBreezeState):
    """api.icicidirect.com."""

    broker = "icici_breeze"
    title = "ICICI Direct (Breeze)"
    roles = ("icici",)
    table = SCENARIOS
    sdk = Sdk(packages=("breeze-connect==1.0.69",), venv="breeze-connect")
    measured = Measured(
        (
            ("fill", "#txtuid", "user_id"),
            ("fill", "#txtPass", "password"),
            ("check", "#chkssTnc"),
            ("click", "#btnSubmit"),
            ("keys", "#pnlOTP input[tg-nm=otp] >> nth=0", "otp"),
            ("click", "#Button1"),
        )
    )

    def routes(self, role: str) -> list[BaseRoute]:
        """Everything that the host has."""
        del role
        return [*Pages(self).routes(), *Api(self).routes()]
