"""The token address and the profile (RFC 6749, 6750, 7636)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.brokers.oauth2.state import OAuth2State
from autologin.sandbox.twin import Refusal, alnum, html_error


class Api:
    """What programs call."""

    def __init__(self, twin: OAuth2State) -> None:
        self.twin = twin

    def routes(self) -> list[BaseRoute]:
        """Its paths."""
        return [
            Route("/oauth/token", self.token, methods=["POST"]),
            Route("/oauth/profile", self.profile),
        ]

    async def token(self, request: Request) -> Response:
        """A token for a code, or for a refresh token."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        refreshing = form.get("grant_type") == "refresh_token"
        if not refreshing:
            self.twin.codes_exchanged.append(form.get("code", ""))
        if (
            not refreshing
            and self.twin.behaviour.burns_code_at_502
            and self.twin.once("burnt code")
        ):
            self._granted(form)
            raise Refusal(gateway_error(502))
        self.twin.arrive("refresh" if refreshing else "token", gateway_error)
        self._check_client(request, form)
        if refreshing:
            return self._issue(self._refreshing(form), form["refresh_token"])
        if form.get("grant_type") != "authorization_code":
            raise refusal(400, "unsupported_grant_type", "grant_type is not known")
        return self._issue(self._granted(form))

    def _check_client(self, request: Request, form: Mapping[str, str]) -> None:
        twin = self.twin
        behaviour = twin.behaviour
        by_header = basic(request)
        given = by_header or (form.get("client_id", ""), form.get("client_secret", ""))
        right = (twin.client_id, "" if behaviour.public_client else twin.client_secret)
        if given != right or behaviour.wrong_secret or (behaviour.basic_only and not by_header):
            raise refusal(401, "invalid_client", "client authentication failed")

    def _granted(self, form: Mapping[str, str]) -> Mapping[str, str]:
        grant = self.twin.grants.find(form.get("code", ""), self.twin.now())
        if grant is None:
            raise refusal(400, "invalid_grant", "the code is unknown, used or expired")
        if form.get("redirect_uri") != grant.holder["redirect_uri"]:
            raise refusal(400, "invalid_grant", "redirect_uri mismatch")
        if (challenge := grant.holder.get("code_challenge")) and challenge != s256(
            form.get("code_verifier", "")
        ):
            raise refusal(400, "invalid_grant", "PKCE verification failed")
        grant.used = True
        return grant.holder

    def _refreshing(self, form: Mapping[str, str]) -> Mapping[str, str]:
        found = self.twin.refresh_tokens.get(form.get("refresh_token", ""))
        if found is None or self.twin.behaviour.refresh == "refused":
            raise refusal(400, "invalid_grant", "the refresh token is unknown, used or expired")
        return found

    def _issue(self, params: Mapping[str, str], former: str = "") -> Response:
        twin = self.twin
        behaviour = twin.behaviour
        lifetime = int(behaviour.expires_in or twin.lifetime)
        ends = twin.now() + timedelta(seconds=lifetime)
        access = jwt(ends) if behaviour.jwt else alnum(48)
        twin.tokens[access] = ends
        reply: dict[str, Any] = {
            "access_token": access,
            "token_type": "Bearer",
            "scope": params.get("scope", ""),
        }
        if behaviour.expires_in is not None:
            reply["expires_in"] = behaviour.expires_in or lifetime
        if behaviour.refresh != "none" and (not former or behaviour.refresh == "rotated"):
            twin.refresh_tokens.pop(former, None)
            reply["refresh_token"] = alnum(48)
            twin.refresh_tokens[reply["refresh_token"]] = params
        return JSONResponse(reply)

    async def profile(self, request: Request) -> Response:
        """Whose token it is."""
        twin = self.twin
        twin.arrive("profile", gateway_error)
        if twin.behaviour.profile in {"403", "html"}:
            raise Refusal(
                html_error(403)
                if twin.behaviour.profile == "html"
                else refusal(403, "insufficient_scope").response
            )
        scheme, _, access = request.headers.get("authorization", "").partition(" ")
        ends = twin.tokens.get(access)
        if scheme != "Bearer" or ends is None or ends <= twin.now() or twin.behaviour.dead_token:
            raise refusal(401, "invalid_token", "the token is unknown or expired")
        person = {"user_id": twin.shown_user(), "name": "Sandbox Trader"}
        return JSONResponse({"data": person} if twin.behaviour.profile == "nested" else person)


def refusal(status: int, error: str, description: str = "") -> Refusal:
    """An answer that says no, to be raised."""
    body = {"error": error, **({"error_description": description} if description else {})}
    headers = {"www-authenticate": f'Bearer error="{error}"'} if status == 401 else None
    return Refusal(JSONResponse(body, status, headers))


def gateway_error(status: int) -> Response:
    """What the gateway says when it is not well."""
    return refusal(status or 502, "temporarily_unavailable", "Bad gateway").response


def basic(request: Request) -> tuple[str, str] | None:
    """The client of a Basic header, whose halves are form-encoded; None where there is none."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    name, _, secret = base64.b64decode(encoded).decode().partition(":")
    return unquote_plus(name), unquote_plus(secret)


def s256(verifier: str) -> str:
    """The PKCE challenge of a verifier."""
    return _unpadded(hashlib.sha256(verifier.encode()).digest())


def jwt(ends: datetime) -> str:
    """A token that says when it ends; its signature is nonsense."""
    parts = ({"alg": "HS256", "typ": "JWT"}, {"exp": int(ends.timestamp()), "jti": alnum()})
    return ".".join([*(_unpadded(json.dumps(part).encode()) for part in parts), alnum(43)])


def _unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
