"""Shoonya's twin."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from autologin.sandbox.brokers._noren import NorenTwin
from autologin.sandbox.measured import form
from autologin.sandbox.page_twin import table
from autologin.sandbox.scenarios import scenario
from autologin.sandbox.sdk import Sdk

if TYPE_CHECKING:
    from autologin.sandbox.scenarios import Scenario

OWN = {
    "address_not_registered": scenario(
        "The exchange does not know the address", expect="exchange_rejected", exchange="address"
    ),
    "very_slow_page": scenario("The page takes 17 s to appear", page={"late": 17}),
    "expired_in_words": scenario(
        "A dead token is told in words, with a 200",
        expect="token_rejected",
        dead_token=True,
        expired="words",
    ),
}


class Shoonya(NorenTwin):
    """One user."""

    broker = "shoonya"
    title = "Shoonya"
    measured = form("user_id", screens=1)
    sdk = Sdk(
        packages=("norenrestapioauth==0.0.41",),
        venv="norenrestapioauth",
        hosts={"https://api.shoonya.com": "api"},
        login="""
from NorenRestApiPy.NorenApi import NorenApi

client = NorenApi(host="https://api.shoonya.com/NorenWClientAPI", websocket="ws://127.0.0.1/")
app = {"Secret_Code": mine["secret_code"], "client_id": mine["client_id"], "UID": mine["user_id"]}
gave = client.getAccessToken(authcode=code, **app)
says = client.get_limits()["actid"] if gave else ""
""",
        calls=(
            "/NorenWClientAPI/GenAcsTok",
        ),  # it sends no content-type; the documented one is text/plain
        shows="100000",
    )
    table: ClassVar[dict[str, Scenario]] = table(OWN, without=("one_screen",))
