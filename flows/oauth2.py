"""Any OAuth 2.0 server with an authorization-code login page; everything about it is in the account's `options`.

Docs      https://www.rfc-editor.org/rfc/rfc6749 (and 6750, 7636)   tested with oidc-provider 8.8.1
Code      `code` in the redirect, single use; its name is the option `code_param`
State     RFC 6749: `state` comes back as it was sent
Expiry    as the option `expires` says: the reply's `expires_in`, the JWT's `exp`, a time of day in India, or seconds
Lockout   unknown: the server's own. We send a password once, a rejected code is followed by one more in a new window
Guessed   the page. Fields are found by label, placeholder, autocomplete and type; words for refusals have defaults
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from pydantic import Field, SecretStr

from autologin.errors import BrokerUnavailable, CredentialsRejected, ExchangeRejected, OtpRejected
from autologin.flow import base
from autologin.flow.otp import TotpSeed
from autologin.flow.script import Script, Step, Tick, Turn
from autologin.login.snapshot import Field as Box

from ._oauth2_options import Options
from ._oauth2_wire import ask_for_token, challenge, read_token, refuse, verdict, verifier

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import httpx

    from autologin.flow.base import Verified
    from autologin.flow.otp import Otp
    from autologin.login.engine import LoginPage
    from autologin.token import Token

# The labels come from the options.
USER = Box("user id", "text", label="user", css=("#username", "[name=username]"), autocomplete=("username", "email"))
PASSWORD = Box("password", "password", label="password", css=("[name=password]",), autocomplete=("current-password",))
CODE = Box(
    "one-time code",
    "code",
    label="otp",
    css=("#otp", "#totp", "[name=otp]", "[name=totp]"),
    autocomplete=("one-time-code",),
    other=r"app.?code|\bsms\b|\be-?mail\b|text message",
)
TOTP_INSTEAD = Turn("TOTP instead", when="other_code", press=r"totp|authenticator")


class Credentials(base.Credentials):
    """What an authorization-code login needs."""

    client_id: str = Field(description="the app's id at the authorization server")
    client_secret: SecretStr | None = Field(default=None, description="the app's secret; a public client has none")
    redirect_uri: str = Field(description="the redirect address registered for the app, exactly")
    user_id: str = Field(description="what you type into the login page as the user")
    password: SecretStr = Field(description="the password of that user")
    totp_secret: TotpSeed | None = Field(default=None, description="the authenticator's seed, where the login asks for a code")


class OAuth2(base.Flow):
    """Sign in at an authorization server's login page."""

    broker = "oauth2"
    title = "OAuth 2.0"
    docs = "https://www.rfc-editor.org/rfc/rfc6749"
    evidence = "2026-11"
    notes = "any OAuth 2.0 server; everything about it is said in YAML"
    endpoints = {"authorize": "", "token": "", "profile": ""}
    needs_endpoints = frozenset({"authorize", "token"})
    code_params = ("code",)
    Credentials: ClassVar[type[base.Credentials]] = Credentials
    Options: ClassVar[type[base.Options]] = Options

    def __init__(self, credentials: Any, endpoints: Mapping[str, str] | None = None, options: Any = None) -> None:
        super().__init__(credentials, endpoints, options)
        # As they are written: "/token/" and "/token" are two addresses.
        self.urls = {name: url for name, url in {**self.endpoints, **(endpoints or {})}.items() if url}
        self.code_params, self.state_param = (self.options.code_param,), self.options.state_param
        self._verifier = ""

    def login_url(self, nonce: str) -> str:
        """The authorize address."""
        mine, told = self.credentials, self.options
        query = {"client_id": mine.client_id, "redirect_uri": mine.redirect_uri, "response_type": "code"}
        query |= {"scope": told.scope} if told.scope else {}
        query |= {self.state_param: nonce} if nonce else {}
        if told.pkce:
            self._verifier = verifier(mine.client_secret, nonce)
            query |= challenge(self._verifier)
        return f"{self.urls['authorize']}?{urlencode(query | told.authorize_params)}"

    async def login(self, page: LoginPage, otp: Otp | None) -> None:
        """User, password and, where there is a seed, a code: on one form, or one after the other."""
        told, mine = self.options, self.credentials
        user = replace(USER, label=told.user_label, css=(*told.user_css, *USER.css))
        password = replace(PASSWORD, label=told.password_label, css=(*told.password_css, *PASSWORD.css))
        code = replace(CODE, label=told.code_label, css=(*told.code_css, *CODE.css), digits=told.code_digits)
        first: dict[Box, str | SecretStr | Otp] = {user: mine.user_id, password: mine.password}
        steps = [Step("credentials", first, press=told.press, refused=CredentialsRejected)]
        if otp:
            alone = Step("one-time code", {code: otp}, told.press_code, OtpRejected, sends_itself=told.code_sends_itself)
            both = replace(alone, name="all at once", values=first | {code: otp}, press=told.press, whole=True)
            steps = [replace(both, refused=CredentialsRejected), *steps, alone]
        ticks = (Tick("terms", told.tick),) if told.tick else ()
        says = told.phrases(makes_codes=bool(otp))
        await page.walk(Script(tuple(steps), (TOTP_INSTEAD,), ticks, told.consent, told.consent_at, says))

    def resume(self, nonce: str) -> None:
        """The challenge of a login by hand; without a client secret it died with the process that printed the address."""
        if self.credentials.client_secret:
            self.login_url(nonce)

    async def exchange(self, code: SecretStr, http: httpx.AsyncClient, now: datetime) -> Token:
        """POST to the token address, as RFC 6749 section 4.1.3 has it."""
        if self.options.pkce and not self._verifier:
            detail = "Only the process that made the PKCE challenge of a client without a secret can answer it"
            raise ExchangeRejected(detail, hint="Use `autologin run --headed` for a login by hand.")
        mine, told = self.credentials, self.options
        grant = {"grant_type": "authorization_code", "code": code.get_secret_value()}
        more = {"redirect_uri": mine.redirect_uri, **({"code_verifier": self._verifier} if self._verifier else {})}
        response = await ask_for_token(http, self.urls["token"], mine, told.client_auth, grant, **more)
        return read_token(response, mine, told.expires, now) or refuse(self.title, response)

    async def refresh(self, token: Token, http: httpx.AsyncClient, now: datetime) -> Token | None:
        """The refresh grant of RFC 6749 section 6; any refusal means a login."""
        if not (former := token.extra.get("refresh_token")):
            return None
        mine, told, grant = self.credentials, self.options, {"grant_type": "refresh_token", "refresh_token": former}
        try:
            response = await ask_for_token(http, self.urls["token"], mine, told.client_auth, grant)
        except BrokerUnavailable:
            return None
        return read_token(response, mine, told.expires, now, former)

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verified:
        """GET the profile with the token, where there is such an address (RFC 6750)."""
        return await verdict(http, self.urls.get("profile"), token.access_token, self.options.user_id_path)
