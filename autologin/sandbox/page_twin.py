"""Login pages that ask for a user id, a password and a TOTP, on one form or two.

A broker's twin says what its page looks like and what its API does; the page itself, the way
through it and what can go wrong on it are the same for all of them. Each page is a script that
talks to the server on calls of its own.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.api_twin import ApiBehaviour, ApiTwin, json_object
from autologin.sandbox.page import LoginPage, page_routes
from autologin.sandbox.redirects import redirect, with_query
from autologin.sandbox.scenarios import (
    HANG_UP,
    Failure,
    PageBehaviour,
    Scenario,
    common,
    failing,
    scenario,
)
from autologin.sandbox.twin import Refusal, alnum, html_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request


@dataclass(frozen=True)
class FormBehaviour(ApiBehaviour, PageBehaviour):
    """What each of these twins can do; a broker's adds its own fields."""

    refused: str = ""
    """What else the page refuses: both (in words that name password and code), or user."""
    exchange: str = ""
    """How the exchange goes: empty (well), unsaid (no token and no reason), or address (this
    machine's is not registered)."""
    proof: str = ""
    """What the call that proves a token says: empty (well), or other (a refusal that says nothing
    of the token)."""
    code_param: str = ""
    """Another name for the code in the redirect."""


PLACES = {"page": "page", "exchange": "exchange", "proof": "call that proves the token"}
NO_STATE = ("state_lost", "state_wrong")
"""These brokers give no state back: there is none to lose."""
OWN = {
    "signup_first": scenario(
        "A sign-up form that asks for a mobile number and an OTP is there 2 s before the login form",
        page={"late": 2, "signup": True},
    ),
    "two_screens": scenario("The password first, then the code", page={"layout": "two_screens"}),
    "one_screen": scenario("Everything on one form", page={"layout": "one_screen"}),
    "double_submit_counts": scenario(
        "The code has a screen of its own; its last digit sends it, and the button sends it again",
        page={"layout": "two_screens", "sendsItself": ["code"], "lag": 300, "guard": False},
        answer_seconds=0.3,
    ),
    "sends_itself": scenario(
        "The page sends the code at its last digit",
        page={"layout": "two_screens", "sendsItself": True},
    ),
    "sms_only": scenario(
        "The code has a screen of its own and comes by SMS",
        expect="otp_not_available",
        page={"layout": "two_screens", "sms": True},
    ),
    "two_passwords": scenario(
        "Two fields look like the password", expect="page_changed", page={"twice": "password"}
    ),
    "wrong_password_or_code": scenario(
        "Password or code is refused, and nobody says which",
        expect="credentials_rejected",
        refused="both",
    ),
    "wrong_user": scenario("Nobody knows the user", expect="credentials_rejected", refused="user"),
    "no_token": scenario(
        "The exchange gives no token and no no", expect="broker_unavailable", exchange="unsaid"
    ),
    "proof_unclear": scenario(
        "The token cannot be proven, for a reason that is not the token's", proof="other"
    ),
    "one_token": scenario("A new token ends the old one", one_token=True),
    "page_hangs_once": scenario("The first page is cut off", failures={"page": Failure(HANG_UP)}),
    "429_for_long": scenario(
        "Each page answers 429 with Retry-After: 3600",
        expect="broker_unavailable",
        failures={"page": Failure(429, always=True, retry_after=3600)},
    ),
}
FAMILY = {**common(NO_STATE), **OWN, **failing(PLACES, exchange="exchange", proof="proof")}
"""The scenarios of all these twins."""


def table(more: Mapping[str, Scenario], without: Sequence[str] = ()) -> dict[str, Scenario]:
    """A broker's scenarios: the family's and its own."""
    return {**{name: row for name, row in FAMILY.items() if name not in without}, **more}


@dataclass(frozen=True)
class Shown:
    """A field of the page, as it is on a good day."""

    name: str
    label: str
    id: str
    type: str = "text"

    def described(self) -> dict[str, Any]:
        """The field for the page."""
        known = {"user": "username", "password": "current-password", "code": "one-time-code"}
        found: dict[str, Any] = {"name": self.name, "input": {"type": self.type}}
        found["autocomplete"] = known[self.name]
        if self.id:
            found["input"]["id"] = self.id
        if self.name == "code":
            found["input"] |= {"maxlength": 6, "inputmode": "numeric"}
            found["digits"] = 6
        return found


class FormTwin(ApiTwin):
    """A page and an API for one user."""

    roles = ("login", "api")
    plain = FormBehaviour()
    behaviour: FormBehaviour
    fields: ClassVar[tuple[Shown, Shown, Shown]]
    """The user id, the password and the code."""
    button: ClassVar[str] = "LOGIN"
    layout: ClassVar[str] = "one_screen"
    entry: ClassVar[str] = "/"
    """The path of the page."""
    code_param: ClassVar[str] = "code"
    said_locked: ClassVar[str] = "Your account is locked"
    said_wrong_code: ClassVar[str] = "Invalid OTP"
    user_key: ClassVar[str] = "user_id"
    """The name of the user id in the credentials."""

    def reset(self) -> None:
        """Forget visits, tokens, wrong entries and counts. The scenarios stay on."""
        super().reset()
        self.visits: dict[str, bool] = {}
        self.born: dict[str, float] = {}

    def routes(self, role: str) -> list[BaseRoute]:
        """The page and its calls, or the API."""
        if role == "api":
            return self.api()
        return [
            *self.ways_in(),
            Route("/session/consent", self.consent, methods=["POST"]),
            Route("/session/{screen}", self.enter, methods=["POST"]),
            Route("/finish/{visit}", self.finish),
            *page_routes(self),
        ]

    def ways_in(self) -> list[BaseRoute]:
        """The addresses of the page."""
        return [Route(self.entry, self.page)]

    @abstractmethod
    def api(self) -> list[BaseRoute]:
        """The exchange, and what proves a token."""

    @abstractmethod
    def knows(self, query: Mapping[str, str]) -> bool:
        """Whether the query of the page's address names our app."""

    def redirect_params(self, code: str) -> list[tuple[str, str]]:
        """What the redirect carries."""
        return [(self.behaviour.code_param or self.code_param, code)]

    @property
    def user_id(self) -> str:
        """The one user's id."""
        return self.account[self.user_key]

    @property
    def owner(self) -> str:
        """Whose token the API says it is."""
        return "XX9999" if self.behaviour.wrong_account else self.user_id

    def login_page(self) -> LoginPage:
        """The page: three fields on one screen, or the code on a second one."""
        fields = [shown.described() for shown in self.fields]
        texts = {
            **{shown.name: shown.label for shown in self.fields},
            "title": "Sign in",
            "next": self.button,
        }
        screens = {
            "all": {"fields": fields},
            "password": {"fields": fields[:2]},
            "code": {"fields": fields[2:]},
        }
        layouts = {"one_screen": "all", "two_screens": "password"}
        design = {
            "first": "all",
            "screens": screens,
            "layouts": layouts,
            "texts": {"en": texts},
            "signup": [["phone", "tel"], ["otp", "text"]],
            "signup_inside": True,
            "page": {"layout": self.layout},
        }
        return LoginPage(self.title, "#1b7f5c", design)

    async def page(self, request: Request) -> Response:
        """The login page."""
        self.arrive("page", html_error)
        if self.behaviour.door or not self.knows(request.query_params):
            raise Refusal(html_error(403))
        visit = alnum(16)
        self.visits[visit] = False
        return self.login_page().show(self, {"visit": visit})

    async def enter(self, request: Request) -> Response:
        """What somebody typed: everything, the password, or the code."""
        given = await json_object(request)
        visit, screen = str(given.get("visit")), request.path_params["screen"]
        if given.get("code"):
            self.otps.append(str(given["code"]))
        self.arrive("enter", html_error)
        if refused := self._refused(visit, screen, given):
            return JSONResponse({"stat": "Not_Ok", "emsg": refused, "error": refused})
        if screen == "password":
            return JSONResponse({"stat": "Ok", "next": "code"})
        await asyncio.sleep(self.behaviour.answer_seconds)
        asks = {"next": "consent"} if self.behaviour.first_use else {"url": f"/finish/{visit}"}
        return JSONResponse({"stat": "Ok", "last": True, **asks})

    async def consent(self, request: Request) -> Response:
        """A button of the consent page."""
        given = await json_object(request)
        self.arrive("consent", html_error)
        answer = "" if given.get("allowed") else "?denied=1"
        return JSONResponse({"stat": "Ok", "url": f"/finish/{given.get('visit')}{answer}"})

    def _refused(self, visit: str, screen: str, given: Mapping[str, Any]) -> str:
        if visit not in self.visits:
            return "This login has expired"
        if screen != "code":
            if refused := self._password_refused(given):
                return refused
            self.visits[visit] = True
        return "" if screen == "password" else self._code_refused(visit, str(given.get("code", "")))

    def _code_refused(self, visit: str, code: str) -> str:
        if not self.visits[visit]:
            return "Enter the password first"
        if self.behaviour.refused == "both":
            return "Invalid password or OTP"
        if self.locked:
            return self.said_locked
        if self.check_otp(self.user, code):
            return ""
        strikes = self.behaviour.strikes
        left = f" {self.user.attempts_left('otp', strikes)} attempts left." if strikes else ""
        return self.said_wrong_code + left

    def _password_refused(self, given: Mapping[str, Any]) -> str:
        if self.behaviour.refused == "user" or given.get("user") != self.user_id:
            return "User profile not found"
        wrong = self.behaviour.wrong_password or given.get("password") != self.account["password"]
        return "Invalid username or password" if wrong else ""

    async def finish(self, request: Request) -> Response:
        """On to the redirect, with a fresh code."""
        if not self.visits.pop(request.path_params["visit"], False):
            raise Refusal(html_error(403))
        if self.behaviour.denied or "denied" in request.query_params:
            error = str(self.behaviour.denied or "access_denied")
            return redirect(with_query(self.redirect_uri, [("error", error)]))
        code = self.open_code()
        return self.delivery.answer(
            self.behaviour.delivery, self.redirect_uri, self.redirect_params(code)
        )

    def open_code(self) -> str:
        """A fresh code for the redirect."""
        self.codes_issued.append(code := alnum(24) + self.behaviour.code_end)
        self.born[code] = self.now().timestamp()
        return code

    def spend(self, seal: str, sealed: Mapping[str, str]) -> str:
        """The code whose checksum this is; it counts once, and not for long.

        Empty: there is none.
        """
        code = next(
            (
                code
                for code in self.codes_issued
                if sealed.get(code) == seal and code not in self.codes_exchanged
            ),
            "",
        )
        if code:
            self.codes_exchanged.append(code)
        if code and self.behaviour.burns_code_at_502 and self.once("burnt code"):
            raise Refusal(html_error(502))
        fresh = code and self.now().timestamp() - self.born[code] < self.behaviour.code_ttl
        return code if fresh and not self.behaviour.wrong_secret else ""
