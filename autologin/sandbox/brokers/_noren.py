"""What the twins of Noren's brokers share: the page, `GenAcsTok`, and the limits."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING, Any, ClassVar

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.jwt import session
from autologin.sandbox.page_twin import FormBehaviour, FormTwin, Shown
from autologin.sandbox.redirects import redirect
from autologin.sandbox.twin import Refusal, alnum, html_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request


@dataclass(frozen=True)
class NorenBehaviour(FormBehaviour):
    """What only these twins can do."""

    token: str = "access_token"  # noqa: S105  (the name of a field)
    """The name of the token in the reply."""
    bearer: str = "either"
    """Which token counts: either, or susertoken alone."""
    expired: str = "401"
    """How a dead token is told: 401, or in words with a 200."""


class NorenTwin(FormTwin):
    """One of Noren's brokers, for one user."""

    plain = NorenBehaviour()
    behaviour: NorenBehaviour
    fields = (
        Shown("user", "User Id", "lgnusrid"),
        Shown("password", "Password", "lgnpwd", "password"),
        Shown("code", "OTP/TOTP", "lgnotp"),
    )
    api_path: ClassVar[str] = "/NorenWClientAPI"
    # as Shoonya's older login said it
    said_locked = "Invalid Input : User Blocked due to multiple wrong attempts"
    said_wrong_code = "Invalid Input : Invalid OTP"
    account: ClassVar[Mapping[str, str]] = {
        "user_id": "FA12345",
        "password": "Sand.box7",
        "totp_secret": "BTYWXR4B2HWMXTOMM76E52DJYGSZNZM6",
        "client_id": "FA12345_U",
        "secret_code": "sandboxSecretCode",
    }

    def reset(self) -> None:
        """Forget visits, tokens, wrong entries and counts. The scenarios stay on."""
        super().reset()
        self.seconds: dict[str, str] = {}

    @property
    def endpoints(self) -> dict[str, str]:
        """The login's base and the API's."""
        return {
            "login": f"{self.origins['login']}/OAuthlogin",
            "api": self.origins["api"] + self.api_path,
        }

    @property
    def credentials(self) -> dict[str, str]:
        """What the account needs."""
        return {**self.account, "redirect_uri": self.redirect_uri}

    def ways_in(self) -> list[BaseRoute]:
        """The authorize address, and the page that it sends to."""
        return [
            Route("/OAuthlogin/authorize/oauth", self.authorize),
            Route("/OAuthlogin/investor-entry-level/login", self.page),
        ]

    async def authorize(self, request: Request) -> Response:
        """On to the page."""
        client = request.query_params.get("client_id", "")
        return redirect(
            f"/OAuthlogin/investor-entry-level/login?api_key={client}&route_to={client.removesuffix('_U')}"
        )

    def knows(self, query: Mapping[str, str]) -> bool:
        """Whether it is our key."""
        return query.get("api_key") == self.account["client_id"]

    def api(self) -> list[BaseRoute]:
        """The paths that we need."""
        return [
            Route(f"{self.api_path}/GenAcsTok", self.exchange, methods=["POST"]),
            Route(f"{self.api_path}/Limits", self.limits, methods=["POST"]),
            Route(
                f"{self.api_path}//Limits", self.limits, methods=["POST"]
            ),  # as Zebu's SDK writes it
        ]

    async def exchange(self, request: Request) -> Response:
        """A token for a code."""
        data = await jdata(request)
        self.arrive("exchange", html_error)
        if self.behaviour.exchange == "unsaid":
            return JSONResponse({"stat": "Ok"})
        if self.behaviour.exchange == "address":
            return JSONResponse({"stat": "Not_Ok", "emsg": "Invalid Input : INVALID_IP"})
        if not self.spend(
            str(data.get("checksum")), {code: self._seal(code) for code in self.codes_issued}
        ):
            return JSONResponse(
                {"stat": "Not_Ok", "emsg": "Invalid Input : Invalid checksum or code"}
            )
        ends = self.next_daily(time(0))
        token = self.open_token(session(self.user_id, ends), ends)
        other = alnum(40)
        self.seconds[other] = token
        told = {
            "stat": "Ok",
            "susertoken": other,
            self.behaviour.token: token,
            "refresh_token": alnum(40),
        }
        return JSONResponse(
            {
                **told,
                "USERID": self.owner,
                "uid": self.owner,
                "actid": self.owner,
                "uname": "SANDBOX",
            }
        )

    async def limits(self, request: Request) -> Response:
        """What the user may spend."""
        data = await jdata(request)
        self.arrive("proof", html_error)
        if self.behaviour.proof == "other":
            return JSONResponse({"stat": "Not_Ok", "emsg": "Error Occurred : 5"})
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        counts = {self.seconds.get(bearer, ""), bearer if self.behaviour.bearer == "either" else ""}
        if not any(map(self.lives, counts)):
            words = {"stat": "Not_Ok", "emsg": "Session Expired :  Invalid Session Key"}
            raise Refusal(JSONResponse(words, 401 if self.behaviour.expired == "401" else 200))
        return JSONResponse({"stat": "Ok", "cash": "100000", "actid": data.get("actid")})

    def _seal(self, code: str) -> str:
        text = self.account["client_id"] + self.account["secret_code"] + code
        return hashlib.sha256(text.encode()).hexdigest()


async def jdata(request: Request) -> dict[str, Any]:
    """What stands behind `jData=`."""
    text = (await request.body()).decode()
    try:
        data = json.loads(text.removeprefix("jData=").split("&jKey=")[0])
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
