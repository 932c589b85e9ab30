"""What the twins of Codifi's brokers share: a session for a sealed code, and the profile."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING, Any, ClassVar

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.api_twin import json_object
from autologin.sandbox.jwt import session
from autologin.sandbox.page_twin import FormBehaviour, FormTwin
from autologin.sandbox.twin import Refusal, html_error

if TYPE_CHECKING:
    from starlette.requests import Request


@dataclass(frozen=True)
class CodifiBehaviour(FormBehaviour):
    """What only these twins can do."""

    reply: str = ""
    """result: the token stands in a list, as a newer SDK reads it."""


class CodifiTwin(FormTwin):
    """One of Codifi's brokers, for one user."""

    plain = CodifiBehaviour()
    behaviour: CodifiBehaviour

    code_param = "authCode"
    sealed_by: ClassVar[str]
    """The name of the app's secret in the credentials."""
    owner_param: ClassVar[str]
    """The name under which the redirect says whose code it is."""
    paths: ClassVar[tuple[str, str]]
    """Of the exchange and of the profile."""
    says: ClassVar[str]
    """The name under which a refusal has its words."""

    @property
    def credentials(self) -> dict[str, str]:
        """What the account needs."""
        return {**self.account, "redirect_uri": self.redirect_uri}

    def redirect_params(self, code: str) -> list[tuple[str, str]]:
        """The code, and whose it is."""
        return [*super().redirect_params(code), (self.owner_param, self.user_id)]

    def api(self) -> list[BaseRoute]:
        """The paths that we need."""
        return [
            Route(self.paths[0], self.exchange, methods=["POST"]),
            Route(self.paths[1], self.profile),
        ]

    async def exchange(self, request: Request) -> Response:
        """A session for a code."""
        body = await json_object(request)
        self.arrive("exchange", html_error)
        if self.behaviour.exchange == "unsaid":
            return JSONResponse({"stat": "Ok", "status": "Ok"})
        if not self.spend(
            str(body.get("checkSum")), {code: self._seal(code) for code in self.codes_issued}
        ):
            return JSONResponse(self.refusal("Invalid checksum"))
        ends = self.next_daily(time(0))
        token = self.open_token(session(self.user_id, ends), ends)
        if self.behaviour.reply == "result":
            return JSONResponse(
                {"status": "Ok", "message": "Success", "result": [{"accessToken": token}]}
            )
        return JSONResponse(
            {"stat": "Ok", "status": "Ok", "clientId": self.owner, "userSession": token}
        )

    async def profile(self, request: Request) -> Response:
        """Who it is."""
        self.arrive("proof", html_error)
        if self.behaviour.proof == "other":
            return JSONResponse(self.refusal("Failed to get the profile"))
        if not self.lives(request.headers.get("authorization", "").removeprefix("Bearer ")):
            raise Refusal(self.dead())
        return JSONResponse(self.found())

    def found(self) -> dict[str, Any]:
        """A profile."""
        return {"status": "Ok", "message": "Success", "result": [{"clientId": self.user_id}]}

    def refusal(self, words: str) -> dict[str, Any]:
        """A no."""
        return {"stat": "Not_Ok", "status": "Not_Ok", self.says: words}

    def dead(self) -> Response:
        """What a dead token gets."""
        return JSONResponse(self.refusal("Unauthorized"), 401)

    def _seal(self, code: str) -> str:
        return hashlib.sha256(
            (self.user_id + code + self.account[self.sealed_by]).encode()
        ).hexdigest()
