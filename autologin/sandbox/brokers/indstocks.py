"""INDstocks' twin: a token for the MPIN and a code, at its own pace, and the profile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.api_twin import CODES, ApiBehaviour, ApiTwin, calls, json_object
from autologin.sandbox.jwt import session
from autologin.sandbox.scenarios import Scenario, scenario
from autologin.sandbox.twin import Refusal, html_error

if TYPE_CHECKING:
    from starlette.requests import Request

PACE = timedelta(seconds=60)
LOCKED_FOR = timedelta(minutes=15)


@dataclass(frozen=True)
class INDstocksBehaviour(ApiBehaviour):
    """What only INDstocks' twin can do."""

    one_token: bool = True
    # refused: mpin, key; profile: refused (a 400 that says nothing of the token)
    token_at_top: bool = False
    """Whether the token stands at the top of the reply."""


SCENARIOS: dict[str, Scenario] = {
    "wrong_mpin": scenario("The MPIN is refused", expect="credentials_rejected", refused="mpin"),
    "wrong_key": scenario("The client id is refused", expect="credentials_rejected", refused="key"),
    "token_at_top": scenario("The token stands at the top of the reply", token_at_top=True),
    "no_token": scenario("200, but no token", expect="broker_unavailable", login="empty"),
    "profile_refused": scenario("The profile answers 400", profile="refused"),
    **CODES,
    **calls({"token": "call for a token"}, {"profile": "profile call"}),
}


class INDstocks(ApiTwin):
    """INDstocks' API for one client. `too_soon` counts calls that came before their time."""

    broker = "indstocks"
    title = "INDstocks (API)"
    roles = ("api",)
    login_call = "token"
    table = SCENARIOS
    plain = INDstocksBehaviour()
    behaviour: INDstocksBehaviour
    account: ClassVar = {
        "client_id": "sandbox-client-id-7f3a",
        "mpin": "864209",
        "totp_secret": "ISXWPRLVTTPOM6IBJQTOTWO3KEJKXASZ",
    }

    def reset(self) -> None:
        """Forget tokens, wrong codes and counts. The scenarios stay on."""
        super().reset()
        self.asked: datetime | None = None
        self.too_soon = 0
        self.wrong: list[datetime] = []

    def routes(self, role: str) -> list[BaseRoute]:
        """The paths that we need."""
        del role
        return [
            Route("/generate/token", self.token, methods=["POST"]),
            Route("/user/profile", self.profile),
        ]

    async def token(self, request: Request) -> Response:
        """A token, which ends the one before."""
        body = await json_object(request)
        self.otps.append(str(body.get("totp", "")))
        self._keep_pace()
        self.arrive("token", html_error)
        right = request.headers.get("x-api-key") == self.account["client_id"]
        self.require("key", right, refusal(401, "Invalid client id"))
        self.wrong = [at for at in self.wrong if self.now() - at < LOCKED_FOR]
        if self.behaviour.locked or len(self.wrong) >= self.user.max_strikes:
            raise refusal(403, "Your account is locked for 15 minutes")
        self.require("mpin", body.get("mpin") == self.account["mpin"], refusal(401, "Invalid MPIN"))
        if not self.check_otp(self.user, str(body.get("totp", ""))):
            self.wrong.append(self.now())
            raise refusal(401, "Invalid TOTP")
        ends = self.token_end()
        return JSONResponse(self._reply(self.open_token(session("sandbox", ends), ends)))

    async def profile(self, request: Request) -> Response:
        """Who it is."""
        self.arrive("profile", html_error)
        if self.behaviour.profile == "refused":
            raise refusal(400, "Bad request")
        if not self.lives(request.headers.get("authorization", "")):
            raise refusal(401, "Invalid or expired token")
        return JSONResponse({"status": "success", "data": {"first_name": "SANDBOX"}})

    def _keep_pace(self) -> None:
        """Sixty seconds between two calls."""
        now = self.now()
        if self.asked and now - self.asked < PACE:
            self.too_soon += 1
            raise Refusal(JSONResponse({"status": "error", "message": "Too many requests"}, 429))
        self.asked = now

    def _reply(self, token: str) -> dict[str, Any]:
        if self.behaviour.token_at_top:
            return {"status": "success", "token": token}
        return {
            "status": "success",
            "data": {} if self.behaviour.login == "empty" else {"token": token},
        }


def refusal(status: int, message: str) -> Refusal:
    """An error as the API says it."""
    body = {
        "status": "error",
        "message": message,
        "error_type": "TokenException" if status in {401, 403} else "InputException",
    }
    return Refusal(JSONResponse(body, status))
