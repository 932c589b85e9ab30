"""Alice Blue's twin."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from autologin.sandbox.brokers._codifi import CodifiTwin
from autologin.sandbox.measured import form
from autologin.sandbox.page_twin import Shown, table
from autologin.sandbox.scenarios import Scenario, scenario
from autologin.sandbox.sdk import Sdk

if TYPE_CHECKING:
    from collections.abc import Mapping

OD = "/open-api/od/v1"
OWN = {
    "token_in_result": scenario(
        "The reply has the token in a list, as a newer SDK reads it", reply="result"
    ),
    "wrong_password_or_code": scenario(
        "The code is refused in words that name the password too; the password was accepted before",
        expect="otp_rejected",
        refused="both",
    ),
    "older_page": scenario(
        "The page as it was before: #userid_inp", page={"fields": "placeholder"}
    ),
}


class AliceBlue(CodifiTwin):
    """One user."""

    broker = "aliceblue"
    title = "Alice Blue"
    measured = form("user_id", screens=2)
    sdk = Sdk(  # it speaks of itself as Alice Blue's
        packages=("ant-a3-tradehub-sdk-production==1.1.7",),
        hosts={"https://a3.aliceblueonline.com": "api"},
        login="""
from TradeMaster.TradeSync import TradeHub

client = TradeHub(user_id=mine["user_id"], auth_code=code, secret_key=mine["api_secret"])
gave = client.get_session_id()["userSession"]
says = client.get_profile()["result"][0]["clientId"]
""",
        calls=(f"{OD}/vendor/getUserDetails",),
        shows="AB12345",
    )
    table: ClassVar[dict[str, Scenario]] = table(OWN, without=("two_screens",))
    fields = (
        Shown("user", "User ID", "new_login_userId"),
        Shown("password", "Password", "new_login_password", "password"),
        Shown("code", "TOTP", "new_login_otp"),
    )
    button = "Next"
    layout = "two_screens"
    sealed_by = "api_secret"
    owner_param = "userId"
    says = "emsg"
    paths = (f"{OD}/vendor/getUserDetails", f"{OD}/profile/")
    account: ClassVar[Mapping[str, str]] = {
        "password": "Sand.box7",
        "totp_secret": "FRMQ45AQJPP5TWKKGP7UKRTZ2TOMW5AR",
        "user_id": "AB12345",
        "app_code": "sandboxapp",
        "api_secret": "sandboxSecret",
    }

    def knows(self, query: Mapping[str, str]) -> bool:
        """Whether it is our app."""
        return query.get("appcode") == self.account["app_code"]
