"""Zebu's twin: Noren's, at Zebu's addresses. Its page has not been seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from autologin.sandbox.brokers._noren import NorenTwin
from autologin.sandbox.page_twin import table
from autologin.sandbox.scenarios import scenario

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autologin.sandbox.scenarios import Scenario

OWN = {
    "susertoken_counts": scenario("Calls take the susertoken, not the access token", bearer="susertoken"),
    "only_susertoken": scenario("The reply has a susertoken alone", token="susertoken"),  # noqa: S106
}


class Zebu(NorenTwin):
    """One user."""

    broker = "zebu"
    title = "Zebu"
    account: ClassVar[Mapping[str, str]] = {**NorenTwin.account, "totp_secret": "SZKCQ3UKV2HFM7WII7FRTI6UHA35UFF7"}
    table: ClassVar[dict[str, Scenario]] = table(OWN, without=("one_screen",))
