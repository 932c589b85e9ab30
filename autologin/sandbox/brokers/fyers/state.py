"""What Fyers knows of its user, logins and tokens, and the rules that pages and API keep to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from starlette.responses import JSONResponse, Response

from autologin.sandbox.brokers.fyers.scenarios import FyersBehaviour
from autologin.sandbox.jwt import signed
from autologin.sandbox.twin import Refusal, Twin, alnum
from autologin.sandbox.user import Grants, TestUser

BLOCKED = "We have blocked your account for security reasons"
CAREFULLY = "Please make sure you have entered it correctly."
DENIALS = {
    "s": (("s", "error"), ("code", "-1"), ("message", "Access denied by user")),
    "error": (("error", "access_denied"), ("error_description", "The user denied the request")),
    "bare": (("code", "200"),),
}
GATEWAY = {429: "Too many requests", 502: "Something went wrong, try again later"}


@dataclass
class Visit:
    """A login under way, known by its newest request key, then by its login token."""

    code_right: bool = False
    login_token: str = ""


class FyersState(Twin):
    """One app, one user."""

    plain = FyersBehaviour()
    behaviour: FyersBehaviour
    client_id = "SANDBOX123-100"
    secret_key = "SANDBOXKEY"  # noqa: S105  (a sandbox's)

    def reset(self) -> None:
        """Forget visits, tokens, wrong entries, consents and counts. The scenarios stay on."""
        super().reset()
        seed = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXF"
        self.user = TestUser(seed, "XS12345", pin="4271", shared_strikes=True)
        self.visits: dict[str, Visit] = {}
        self.grants: Grants[TestUser] = Grants()
        self.tokens: dict[str, datetime] = {}
        self.refresh_tokens: list[str] = []

    @property
    def credentials(self) -> dict[str, str]:
        """What the account needs."""
        app = {
            "client_id": self.client_id,
            "secret_key": self.secret_key,
            "redirect_uri": self.redirect_uri,
        }
        return {
            **app,
            "fy_id": self.user.user_id,
            "totp_secret": self.user.totp_secret,
            "pin": self.user.pin,
        }

    @property
    def endpoints(self) -> dict[str, str]:
        """The API's base; it leads to all others."""
        return {"api": f"{self.origins['api']}/api/v3"}

    # What the pages need

    def open_visit(self, visit: Visit | None = None) -> str:
        """A new request key."""
        key = alnum(40)
        self.visits[key] = visit or Visit()
        return key

    def check_id(self, fy_id: str) -> None:
        """Raise for an id without an account."""
        self.check_open()
        if fy_id.upper() != self.user.user_id or self.behaviour.unknown_id:
            words = f"This client id is not associated with any account. {CAREFULLY}"
            raise refusal(self.behaviour.status, -1005, words)

    def check_code(self, value: str) -> None:
        """Raise for a wrong code, and for one that was used before; each is a strike."""
        self.check_open()
        if not self.check_otp(self.user, value):
            words = f"Please enter the valid TOTP. {CAREFULLY}"
            raise self._wrong_entry(-1003, words)
        self.user.forgive()

    def check_pin(self, value: str) -> None:
        """Raise for a wrong PIN; each is a strike."""
        self.check_open()
        if not self.user.check_pin(value, refuse=self.behaviour.wrong_pin):
            raise self._wrong_entry(-1049, "Wrong PIN, Again!")
        self.user.forgive()

    def _wrong_entry(self, code: int, words: str) -> Refusal:
        earlier = self.behaviour.strikes
        left = self.user.attempts_left("", earlier)
        if earlier and self.behaviour.words_left:
            words += f" {left} attempts left"
        failed = self.user.strikes.total() + earlier
        more = {"failed_attempts": failed, "user_blocked": left == 0}
        return refusal(self.behaviour.status, code, words, **more)

    def check_open(self) -> None:
        """Raise where the account is blocked."""
        told = {
            "words": f"{BLOCKED}. Please get in touch with customer services.",
            "flag": "We Have Hit A Dead-end!",
        }
        if kind := self.behaviour.locked or ("words" if self.user.blocked else ""):
            raise refusal(
                self.behaviour.status, -1052, told[kind], failed_attempts=5, user_blocked=True
            )

    def redirect_params(self, state: str | None) -> list[tuple[str, str]]:
        """What the redirect carries: the code, and a status that is called `code`."""
        params = DENIALS.get(self.behaviour.denied) or self._granted()
        return self.with_state(params, ("state", state))

    def _granted(self) -> tuple[tuple[str, str], ...]:
        code = auth_code(alnum(32), self.client_id.partition("-")[0], self.now())
        code += self.behaviour.code_end
        self.grants.open(code, self.user, self.now() + timedelta(seconds=self.behaviour.code_ttl))
        self.codes_issued.append(code)
        return ("s", "ok"), ("code", "200"), ("auth_code", code)

    # What the API needs

    def open_token(self) -> str:
        """A token until 06:00 IST; those from before live on."""
        ends = self.next_daily(time(6))
        plain = self.behaviour.token == "opaque"  # noqa: S105  (a kind)
        token = (
            alnum(40)
            if plain
            else jwt("access_token", alnum(16), self.user.user_id, self.now(), ends)
        )
        self.tokens[token] = ends
        return token

    def open_refresh_token(self) -> str:
        """A refresh token for fifteen days."""
        ends = self.next_daily(time(6)) + timedelta(days=14)
        token = jwt("refresh_token", alnum(16), self.user.user_id, self.now(), ends)
        self.refresh_tokens.append(token)
        return token


def reply(**more: Any) -> JSONResponse:
    """An answer that says yes."""
    return JSONResponse({"s": "ok", "code": 200, "message": "", **more})


def refusal(status: int, code: int, message: str, **more: Any) -> Refusal:
    """An answer that says no, to be raised."""
    return Refusal(JSONResponse({"s": "error", "code": code, "message": message, **more}, status))


def gateway_error(status: int) -> Response:
    """What a service says when it is not well."""
    return JSONResponse(
        {"s": "error", "code": -1018, "message": GATEWAY.get(status, GATEWAY[502])}, status or 502
    )


def auth_code(unique: str, app_id: str, now: datetime) -> str:
    """The code of the redirect; its `exp` promises more than the server keeps."""
    ends = now + timedelta(seconds=30_000)
    claims = {
        "iss": "api.login.fyers.in",
        "sub": "auth_code",
        "aud": '["x:0","x:1"]',
        "uuid": unique,
        "app_id": app_id,
    }
    return signed({**claims, "iat": int(now.timestamp()), "exp": int(ends.timestamp())})


def jwt(kind: str, unique: str, fy_id: str, now: datetime, ends: datetime) -> str:
    """An access_token or a refresh_token."""
    claims = {
        "iss": "api.fyers.in",
        "sub": kind,
        "aud": ["x:0", "x:1", "x:2", "d:1"],
        "at_hash": unique,
        "fy_id": fy_id,
    }
    return signed({**claims, "iat": int(now.timestamp()), "exp": int(ends.timestamp())})
