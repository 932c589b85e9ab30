"""The login pages of brokers whose page asks for a user id, a password and a TOTP, on one form or two.

A broker's twin says what its page looks like and what its API does; the page itself, the way through it and what can go
wrong on it are the same for all of them. Each page is a script that talks to the server on calls of its own.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.api_twin import CODES, ApiBehaviour, ApiTwin, calls, json_object
from autologin.sandbox.scenarios import REDIRECT, Scenario, scenario
from autologin.sandbox.twin import Refusal, alnum, html_error, render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request


@dataclass(frozen=True)
class FormBehaviour(ApiBehaviour):
    """What each of these twins can do; a broker's adds its own fields."""

    refused: str = ""
    """What the page refuses: password, both (in words that name password and code), user or app."""
    exchange: str = ""
    """How the exchange goes: empty (well), refused, unsaid (no token and no reason)."""
    proof: str = ""
    """What the call that proves a token says: empty (well), or other (a refusal that says nothing of the token)."""
    code_param: str = ""
    """Another name for the code in the redirect."""
    owner: str = ""
    """Somebody else's user id in the reply of the exchange."""


REDIRECTS = ("redirect_303", "redirect_js", "redirect_fragment")
"""The kinds of redirect that are tried with each of these pages; Zerodha's twin has them all."""
PAGE = {
    "slow_page": scenario("The page takes 3 s to appear", page={"late": 3}),
    "redesign": scenario("Other ids, classes and order; the labels stay", page={"look": "fresh"}),
    "signup_first": scenario(
        "A sign-up form that asks for a mobile number and an OTP is there 2 s before the login form",
        page={"late": 2, "signup": True},
    ),
    "placeholders": scenario("No labels, only placeholders", page={"look": "placeholders"}),
    "two_screens": scenario("The password first, then the code", page={"screens": "two"}),
    "one_screen": scenario("Everything on one form", page={"screens": "one"}),
    "sends_itself": scenario("The page sends the code at its last digit", page={"screens": "two", "sends_itself": True}),
    "no_fields": scenario("The page has no field", page={"look": "empty"}),
    "ambiguous": scenario("Two fields look like the password", page={"look": "ambiguous"}),
    "captcha": scenario("The page wants a captcha", page={"captcha": True}),
    "wrong_password": scenario("The password is refused", refused="password"),
    "wrong_password_or_code": scenario("Password or code is refused, and nobody says which", refused="both"),
    "wrong_user": scenario("Nobody knows the user", refused="user"),
    "access_denied": scenario("The page answers 403: the address of the machine is not wanted", refused="app"),
    "wrong_secret": scenario("The exchange is refused", exchange="refused"),
    "no_token": scenario("The exchange gives no token and no reason", exchange="unsaid"),
    "wrong_account": scenario("The token is somebody else's", owner="XX9999"),
    "proof_unclear": scenario("The token cannot be proven, for a reason that is not the token's", proof="other"),
}
PLACES = ({"page": "page", "exchange": "exchange"}, {"proof": "call that proves the token"})


def table(more: Mapping[str, Scenario], without: Sequence[str] = ()) -> dict[str, Scenario]:
    """A broker's scenarios: the common ones and its own."""
    redirects = {name: REDIRECT[name] for name in REDIRECTS}
    rows = {**PAGE, **CODES, **calls(*PLACES), **redirects, "expired_code": REDIRECT["expired_code"], **more}
    return {name: row for name, row in rows.items() if name not in without}


def few(*names: str, **more: Scenario) -> dict[str, Scenario]:
    """Some of the common scenarios, for a broker whose page is another's."""
    rows = {**PAGE, **CODES}
    return {**{name: rows[name] for name in names}, **more}


@dataclass(frozen=True)
class Shown:
    """A field of the page, as it is on a good day."""

    name: str
    label: str
    id: str
    type: str = "text"


class FormTwin(ApiTwin):
    """A page and an API for one user."""

    roles = ("login", "api")
    plain = FormBehaviour()
    behaviour: FormBehaviour
    fields: ClassVar[tuple[Shown, Shown, Shown]]
    """The user id, the password and the code."""
    button: ClassVar[str] = "LOGIN"
    screens: ClassVar[str] = "one"
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
            Route("/session/{screen}", self.enter, methods=["POST"]),
            Route("/finish/{visit}", self.finish),
            Route("/recaptcha/anchor", captcha),
            Route("/signup", self.signup, methods=["POST"]),
            self.delivery.route,
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
        return self.behaviour.owner or self.user_id

    async def page(self, request: Request) -> Response:
        """The login page."""
        self.arrive("page", html_error)
        if self.behaviour.refused == "app" or not self.knows(request.query_params):
            raise Refusal(html_error(403))
        visit = alnum(16)
        self.visits[visit] = False
        look = {"screens": self.screens, "button": self.button, "delay": self.page_delay, **self.behaviour.page}
        shown = [vars(one) for one in self.fields]
        return render("form.html", title=self.title, config={"visit": visit, "fields": shown, **look})

    async def enter(self, request: Request) -> Response:
        """What somebody typed: everything, the password, or the code."""
        given = await json_object(request)
        visit, screen = str(given.get("visit")), request.path_params["screen"]
        if "code" in given:
            self.otps.append(str(given["code"]))
        self.arrive("enter", html_error)
        if said := self._refused(visit, screen, given):
            return JSONResponse({"stat": "Not_Ok", "emsg": said})
        return JSONResponse({"stat": "Ok", **({"next": "code"} if screen == "password" else {"url": f"/finish/{visit}"})})

    def _refused(self, visit: str, screen: str, given: Mapping[str, Any]) -> str:
        if visit not in self.visits:
            return "This login has expired"
        if screen != "code":
            if said := self._password_refused(given):
                return said
            self.visits[visit] = True
        return "" if screen == "password" else self._code_refused(visit, str(given.get("code", "")))

    def _code_refused(self, visit: str, code: str) -> str:
        if not self.visits[visit]:
            return "Enter the password first"
        if self.behaviour.refused == "both":
            return "Invalid password or OTP"
        if self.locked:
            return self.said_locked
        return "" if self.check_otp(self.user, code) else self.said_wrong_code

    def _password_refused(self, given: Mapping[str, Any]) -> str:
        if self.behaviour.refused == "user" or given.get("user") != self.user_id:
            return "User profile not found"
        wrong = self.behaviour.refused == "password" or given.get("password") != self.account["password"]
        return "Invalid username or password" if wrong else ""

    async def signup(self, _request: Request) -> Response:
        """Somebody filled in the wrong form."""
        self.arrive("signup")
        return Response(status_code=204)

    async def finish(self, request: Request) -> Response:
        """On to the redirect, with a fresh code."""
        if not self.visits.pop(request.path_params["visit"], False):
            raise Refusal(html_error(403))
        code = self.open_code()
        return self.delivery.answer(self.behaviour.delivery, self.redirect_uri, self.redirect_params(code))

    def open_code(self) -> str:
        """A fresh code for the redirect."""
        self.codes_issued.append(code := alnum(24))
        self.born[code] = self.now().timestamp()
        return code

    def spend(self, seal: str, sealed: Mapping[str, str]) -> str:
        """The code whose checksum this is; it counts once, and not for long. Empty: there is none."""
        code = next((code for code in self.codes_issued if sealed.get(code) == seal and code not in self.codes_exchanged), "")
        if code:
            self.codes_exchanged.append(code)
        fresh = code and self.now().timestamp() - self.born[code] < self.behaviour.code_ttl
        return code if fresh and not self.behaviour.exchange else ""


async def captcha(_request: Request) -> Response:
    """What is in the captcha's frame."""
    return render("captcha.html")
