"""TradeSmart's twin: Noren's, at TradeSmart's addresses. Its page has not been seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from autologin.sandbox.brokers._noren import NorenTwin
from autologin.sandbox.page_twin import table
from autologin.sandbox.scenarios import scenario

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autologin.sandbox.scenarios import Scenario

OWN = {
    "request_token": scenario("The code is called request_token", code_param="request_token"),
    "request_token_hyphen": scenario(
        "The code is called request-token", code_param="request-token"
    ),
    "token_by_another_name": scenario("The reply calls the token accesstoken", token="accesstoken"),  # noqa: S106
}


class TradeSmart(NorenTwin):
    """One user, with an API key of another form."""

    broker = "tradesmart"
    title = "TradeSmart"
    api_path = "/NorenWClientAPIv2"
    account: ClassVar[Mapping[str, str]] = {
        **NorenTwin.account,
        "client_id": "sandboxkey",
        "totp_secret": "55EQJSQNPEQGAPAPV7ISQXWHJKFFPNXL",
    }
    table: ClassVar[dict[str, Scenario]] = table(OWN, without=("one_screen",))
