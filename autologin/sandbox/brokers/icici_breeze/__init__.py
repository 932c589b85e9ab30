"""ICICI Direct's twin: the login pages of apiuser and the Breeze API, all on one host."""

from __future__ import annotations

from starlette.routing import BaseRoute

from autologin.sandbox.brokers.icici_breeze.api import Api
from autologin.sandbox.brokers.icici_breeze.pages import Pages
from autologin.sandbox.brokers.icici_breeze.scenarios import SCENARIOS
from autologin.sandbox.brokers.icici_breeze.state import IciciBreezeState


class IciciBreeze(IciciBreezeState):
    """api.icicidirect.com."""

    broker = "icici_breeze"
    title = "ICICI Direct (Breeze)"
    roles = ("icici",)
    table = SCENARIOS

    def routes(self, role: str) -> list[BaseRoute]:
        """Everything that the host has."""
        del role
        return [*Pages(self).routes(), *Api(self).routes()]
