"""IIFL Capital's twin. Its page has not been seen: it is one of the kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from starlette.responses import JSONResponse, Response

from autologin.sandbox.brokers._codifi import CodifiTwin
from autologin.sandbox.page_twin import Shown, table
from autologin.sandbox.scenarios import Scenario, scenario

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN = {
    "authcode": scenario("The code is called authcode", code_param="authcode"),
    "auth_code": scenario("The code is called auth_code", code_param="auth_code"),
}


class IiflCapital(CodifiTwin):
    """One user."""

    broker = "iiflcapital"
    title = "IIFL Capital"
    table: ClassVar[dict[str, Scenario]] = table(OWN, without=("one_screen",))
    fields = (
        Shown("user", "Client ID / Email / Mobile / PAN", ""),
        Shown("password", "Password", "", "password"),
        Shown("code", "OTP / TOTP", ""),
    )
    button = "Login"
    user_key = "client_id"
    sealed_by = "app_secret"
    owner_param = "clientId"
    says = "message"
    paths = ("/v1/getusersession", "/v1/profile")
    account: ClassVar[Mapping[str, str]] = {
        "password": "Sand.box7",
        "totp_secret": "PTL5HVTP2N2RQ6SCCAF32MOJSD5NHJYT",
        "client_id": "12345678",
        "app_key": "sandboxkey",
        "app_secret": "sandboxSecret",
    }

    @property
    def endpoints(self) -> dict[str, str]:
        """The page, and the API's base."""
        return {"login": self.origins["login"], "api": f"{self.origins['api']}/v1"}

    def knows(self, query: Mapping[str, str]) -> bool:
        """Whether it is our app, and where it is to be sent."""
        back = query.get("redirecturl") or query.get("redirectUrl")
        return query.get("appkey") == self.account["app_key"] and back == self.redirect_uri

    def found(self) -> dict[str, Any]:
        """A profile, in another shape."""
        return {"status": "Ok", "result": {"clientId": self.user_id, "isTotpEnabled": "true"}}

    def dead(self) -> Response:
        """In words, with a code."""
        return JSONResponse(self.refusal("EC044: Token is not valid"), 400)
