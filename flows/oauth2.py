"""Any OAuth 2.0 server with an authorization-code login page.

Everything about it is in the account's `options`.

Docs      https://www.rfc-editor.org/rfc/rfc6749 (and 6750, 7636)   tested with oidc-provider 8.8.1
Code      `code` in the redirect, single use; its name is the option `code_param`
State     RFC 6749: `state` comes back as it was sent
Expiry    as the option `expires` says: the reply's `expires_in`, the JWT's `exp`, a time of day in
          India, or seconds
Lockout   unknown: the server's own. We send a password once, a rejected code is followed by one
          more in a new window
Guessed   the page. Fields are found by label, placeholder, autocomplete and type; words for
          refusals have defaults
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from autologin.flow import (
    AuthCode,
    BrokerUnavailable,
    BrowserFlow,
    Checkbox,
    Click,
    CredentialsRejected,
    ExchangeRejected,
    InputField,
    LoginRequest,
    LoginScript,
    OtpGenerator,
    OtpRejected,
    Step,
    Token,
    Verification,
)

from ._oauth2_options import OAuth2Credentials, OAuth2Options
from ._oauth2_wire import (
    challenge,
    new_verifier,
    read_token,
    request_token,
    token_error,
    verify_at,
)

if TYPE_CHECKING:
    import httpx

# The labels come from the options.
USER = InputField(
    "user id",
    "text",
    label="user",
    css=("#username", "[name=username]"),
    autocomplete=("username", "email"),
)
PASSWORD = InputField(
    "password",
    "password",
    label="password",
    css=("[name=password]",),
    autocomplete=("current-password",),
)
OTP = InputField(
    "one-time code",
    "code",
    label="otp",
    css=("#otp", "#totp", "[name=otp]", "[name=totp]"),
    autocomplete=("one-time-code",),
    other=r"app.?code|\bsms\b|\be-?mail\b|text message",
)
TOTP_INSTEAD = Click("TOTP instead", when="other_code", press=r"totp|authenticator")


class OAuth2(BrowserFlow):
    """Sign in at an authorization server's login page."""

    broker = "oauth2"
    title = "OAuth 2.0"
    docs = "https://www.rfc-editor.org/rfc/rfc6749"
    evidence = "2026-11"
    notes = "any OAuth 2.0 server; everything about it is said in YAML"
    endpoints = {"authorize": "", "token": "", "profile": ""}
    needs_endpoints = frozenset({"authorize", "token"})
    auth_code_params = ("code",)
    credentials: OAuth2Credentials
    options: OAuth2Options

    def __init__(
        self,
        credentials: OAuth2Credentials,
        endpoints: Mapping[str, str] | None = None,
        options: OAuth2Options | None = None,
    ) -> None:
        super().__init__(credentials, endpoints, options)
        # As they are written: "/token/" and "/token" are two addresses.
        urls = {**self.endpoints, **(endpoints or {})}
        self.urls = {name: url for name, url in urls.items() if url}
        self.auth_code_params = (self.options.code_param,)
        self.state_param = self.options.state_param

    def login_url(self, nonce: str) -> LoginRequest:
        """The authorize address."""
        query = {
            "client_id": self.credentials.client_id,
            "redirect_uri": self.credentials.redirect_uri,
            "response_type": "code",
        }
        if self.options.scope:
            query["scope"] = self.options.scope
        if nonce:
            query[self.state_param] = nonce
        verifier = new_verifier() if self.options.pkce else None
        if verifier:
            query |= challenge(verifier)
        query |= self.options.authorize_params
        return LoginRequest(f"{self.urls['authorize']}?{urlencode(query)}", verifier)

    def login_script(self, otp: OtpGenerator | None) -> LoginScript:
        """User, password and, where there is a seed, an OTP: on one form or two."""
        told = self.options
        user = replace(USER, label=told.user_label, css=(*told.user_css, *USER.css))
        password = replace(
            PASSWORD,
            label=told.password_label,
            css=(*told.password_css, *PASSWORD.css),
        )
        credentials = Step(
            "credentials",
            {user: self.credentials.user_id, password: self.credentials.password},
            press=told.press,
            refused=CredentialsRejected,
        )
        steps = [credentials]
        if otp:
            code = replace(
                OTP,
                label=told.code_label,
                css=(*told.code_css, *OTP.css),
                digits=told.code_digits,
            )
            alone = Step(
                "one-time code",
                {code: otp},
                press=told.press_code,
                refused=OtpRejected,
                sends_itself=told.code_sends_itself,
            )
            everything = replace(
                credentials,
                name="all at once",
                values={**credentials.values, code: otp},
                whole=True,
                sends_itself=told.code_sends_itself,
            )
            steps = [everything, credentials, alone]
        return LoginScript(
            tuple(steps),
            clicks=(TOTP_INSTEAD,),
            checkboxes=(Checkbox("terms", told.tick),) if told.tick else (),
            consent=told.consent,
            consent_at=told.consent_at,
            phrases=told.phrases(makes_otps=bool(otp)),
        )

    async def exchange(self, auth_code: AuthCode, http: httpx.AsyncClient, now: datetime) -> Token:
        """POST to the token address, as RFC 6749 section 4.1.3 has it."""
        more = {"redirect_uri": self.credentials.redirect_uri}
        if self.options.pkce:
            if auth_code.verifier is None:
                detail = "The PKCE challenge of this login is not known, so it cannot be answered"
                hint = "Start a login by hand with `autologin login-url`."
                raise ExchangeRejected(detail, hint=hint)
            more["code_verifier"] = auth_code.verifier.get_secret_value()
        grant = {"grant_type": "authorization_code", "code": auth_code.get_secret_value()}
        response = await self._request_token(http, grant, **more)
        token = read_token(response, self.credentials, self.options.expires, now)
        if token is None:
            raise token_error(self.title, response)
        return token

    async def verify(self, token: Token, http: httpx.AsyncClient) -> Verification:
        """GET the profile with the token, where there is such an address (RFC 6750)."""
        url = self.urls.get("profile")
        return await verify_at(url, token.access_token, self.options.user_id_path, http)

    async def refresh(self, token: Token, http: httpx.AsyncClient, now: datetime) -> Token | None:
        """The refresh grant of RFC 6749 section 6; any refusal means a login."""
        former = token.extra.get("refresh_token")
        if not former:
            return None
        grant = {"grant_type": "refresh_token", "refresh_token": former}
        try:
            response = await self._request_token(http, grant)
        except BrokerUnavailable:
            return None
        return read_token(response, self.credentials, self.options.expires, now, former)

    async def _request_token(
        self, http: httpx.AsyncClient, grant: Mapping[str, str], **more: str
    ) -> httpx.Response:
        url = self.urls["token"]
        client_auth = self.options.client_auth
        return await request_token(http, url, self.credentials, client_auth, grant, **more)
