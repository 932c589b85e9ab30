"""Zebu's twin: Noren's, at Zebu's addresses. Its page has not been seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from autologin.sandbox.brokers._noren import NorenTwin
from autologin.sandbox.page_twin import table
from autologin.sandbox.scenarios import scenario
from autologin.sandbox.sdk import Sdk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autologin.sandbox.scenarios import Scenario

OWN = {
    "susertoken_counts": scenario(
        "Calls take the susertoken, not the access token", bearer="susertoken"
    ),
    "only_susertoken": scenario("The reply has a susertoken alone", token="susertoken"),  # noqa: S106
}


class Zebu(NorenTwin):
    """One user."""

    broker = "zebu"
    title = "Zebu"
    sdk = Sdk(
        packages=("myntapi==0.0.7",),
        venv="myntapi",
        hosts={"https://go.mynt.in": "api"},
        login="""
from myntapi import app_oauth

client = app_oauth()
app = {"client_id": mine["client_id"], "client_secret": mine["secret_code"]}
gave = client.Oauth_login_using_code(code=code, **app)
says = client.get_limits()["actid"] if gave else ""
""",
        calls=("/NorenWClientAPI/GenAcsTok",),
        headers=("content-type",),
        shows="100000",
    )
    account: ClassVar[Mapping[str, str]] = {
        **NorenTwin.account,
        "totp_secret": "SZKCQ3UKV2HFM7WII7FRTI6UHA35UFF7",
    }
    table: ClassVar[dict[str, Scenario]] = table(OWN, without=("one_screen",))
