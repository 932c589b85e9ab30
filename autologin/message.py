"""What a sink is told about an account: a token was issued or refused, or a login failed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from autologin.errors import AutologinError
from autologin.token import Token

Type = Literal[
    "token.issued",
    "login.failed",
    "token.rejected",
    "autologin.test",
    "notice.alert",
    "notice.recovered",
]
ISSUED: Type = "token.issued"
REJECTED: Type = "token.rejected"
ALERT: Type = "notice.alert"
RECOVERED: Type = "notice.recovered"


@dataclass(frozen=True)
class Message:
    """One thing that happened.

    `id` is the same on every try, so that whoever gets it twice can tell. `data` of `token.issued`
    is the token (see `Token.to_json`), and secret; the other types hold no secret. `about` tells
    two messages of one type and account apart: of a token, when it was issued.
    """

    id: str
    type: Type
    at: datetime
    account: str
    broker: str
    data: Mapping[str, Any] = field(repr=False)
    about: str = ""

    @classmethod
    def issued(cls, account: str, broker: str, token: Token) -> Message:
        """A token is there."""
        data = token.to_json(account, broker)
        return cls(
            _new_id(), ISSUED, token.issued_at, account, broker, data, token.issued_at.isoformat()
        )

    @classmethod
    def failed(
        cls, kind: Type, account: str, broker: str, error: AutologinError, now: datetime
    ) -> Message:
        """A login failed, or a token was refused."""
        data = {"account": account, "broker": broker, "error": error.name, "message": error.message}
        return cls(_new_id(), kind, now, account, broker, data, now.isoformat())

    @classmethod
    def test(cls, now: datetime) -> Message:
        """Nothing happened; somebody wants to see whether it arrives."""
        data = {"account": "", "broker": "", "message": "This is a test."}
        return cls(_new_id(), "autologin.test", now, "", "", data, now.isoformat())

    @classmethod
    def notice(
        cls,
        kind: Type,
        account: str,
        causes: Sequence[str],
        at: datetime,
        text: str = "",
        image: str = "",
    ) -> Message:
        """A person is told of a cause, or that causes are over; `image` is a file's path."""
        data = {"account": account, "broker": "", "causes": [*causes], "text": text, "image": image}
        return cls(_new_id(), kind, at, account, "", data)

    @property
    def token(self) -> Token:
        """The token of a `token.issued`."""
        return Token.from_json(self.data)

    def to_json(self) -> dict[str, Any]:
        """The body of a webhook, as Standard Webhooks shapes it."""
        return {"type": self.type, "timestamp": self.at.isoformat(), "data": dict(self.data)}

    @classmethod
    def from_json(cls, identity: str, body: Mapping[str, Any]) -> Message:
        """The message that `to_json` wrote."""
        kind: Type = body["type"]
        data = body["data"]
        at = datetime.fromisoformat(body["timestamp"])
        about = data.get("issued_at", body["timestamp"])
        return cls(identity, kind, at, data["account"], data["broker"], data, about)


def _new_id() -> str:
    return f"msg_{secrets.token_hex(16)}"
