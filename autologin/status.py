"""How the accounts are: what the store knows of each, and what the broker says when it is asked."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from autologin.clock import format_ist
from autologin.config import loader
from autologin.delivery import formats
from autologin.errors import ConfigError, TokenRejected
from autologin.exchange import client
from autologin.flow.base import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from autologin.app import App
    from autologin.clock import Clock
    from autologin.config.schema import Account, Settings
    from autologin.store.records import Block, Owed, Run, StoredToken
    from autologin.store.store import Store


@dataclass(frozen=True)
class Status:
    """One account. `verdict` is the broker's, None where it was not asked."""

    account: str
    broker: str
    now: datetime
    stored: StoredToken | None
    block: Block | None
    last: Run | None
    verdict: Verdict | None = None
    detail: str = ""
    error: ConfigError | None = None
    """Why the broker could not even be asked."""
    owed: Sequence[Owed] = ()
    """What became of the newest message at each sink."""

    @property
    def state(self) -> str:
        """`none`, `expired`, or `valid` as far as is known."""
        if self.stored is None:
            return "none"
        return "expired" if self.stored.token.expired(self.now) else "valid"

    def to_json(self) -> dict[str, Any]:
        """For programs; without the token."""
        token = self.stored and {
            "issued_at": self.stored.token.issued_at.isoformat(),
            "expires_at": self.stored.token.expires_at.isoformat(),
            "verified_at": self.stored.verified_at and self.stored.verified_at.isoformat(),
            "user_id": self.stored.token.user_id,
        }
        block = self.block and {"at": self.block.at.isoformat(), "error": self.block.error, "message": self.block.message}
        last = self.last and {
            "began": self.last.began.isoformat(),
            "outcome": self.last.outcome,
            "error": self.last.error,
            "message": self.last.message,
            "seconds": self.last.seconds,
            "stages": dict(self.last.stages),
        }
        verified = self.verdict and self.verdict.value
        known = {"account": self.account, "broker": self.broker, "state": self.state, "token": token}
        deliveries = [_delivery(one) for one in self.owed]
        return {**known, "verified": verified, "blocked": block, "last_run": last, "deliveries": deliveries}


class Sources(Protocol):
    """Where it stands how the accounts are. An app has them, and so has a service."""

    @property
    def settings(self) -> Settings: ...  # noqa: D102
    @property
    def store(self) -> Store: ...  # noqa: D102
    @property
    def clock(self) -> Clock: ...  # noqa: D102


def look(app: Sources) -> list[Status]:
    """What the store knows of every account in the config."""
    store, now = app.store, app.clock.now()
    return [replace(_known(store, name, one.broker, now), owed=_owed(app, one)) for name, one in app.settings.accounts.items()]


def _known(store: Store, name: str, broker: str, now: datetime) -> Status:
    return Status(name, broker, now, store.token(name), store.blocked(name), next(iter(store.runs(name)), None))


def _owed(app: Sources, account: Account) -> list[Owed]:
    return [one for one in app.store.outbox.of(account.name) if one.sink in account.sinks]


def delivery_in_words(one: Owed) -> str:
    """What became of a message, after the name of its sink."""
    if one.outcome == "delivered" and one.settled:
        return f"got its {one.type} at {format_ist(one.settled)}"
    if one.outcome:
        return f"did not get its {one.type}, which is {one.outcome}"
    tried = f" ({one.tries} tries so far: {one.error})" if one.error else ""
    return f"is owed a {one.type}, tried next at {format_ist(one.due)}{tried}" if one.due else f"is owed a {one.type}"


def _delivery(one: Owed) -> dict[str, Any]:
    return {
        "sink": one.sink,
        "type": one.type,
        "outcome": one.outcome or "outstanding",
        "tries": one.tries,
        "error": one.error,
        "next_try": one.due and one.due.isoformat(),
        "settled_at": one.settled and one.settled.isoformat(),
    }


async def verify(app: App, found: Sequence[Status]) -> list[Status]:
    """Ask the brokers about the tokens that are not expired; one that is refused is forgotten."""
    return list(await asyncio.gather(*(_verified(app, one) for one in found)))


def exit_code(found: Sequence[Status]) -> int:
    """2 where the config is to be fixed, 3 where an account has no living token, 5 where a broker gave no answer, else 0."""
    if any(one.error for one in found):
        return ConfigError.exit_code
    if any(one.state != "valid" or one.verdict is Verdict.REJECTED for one in found):
        return TokenRejected.exit_code
    return 5 if any(one.verdict is not Verdict.VALID for one in found) else 0


def token(app: App, account: Account) -> dict[str, Any]:
    """The stored token of an account, as sinks write it.

    Raises:
        TokenRejected: there is none, or it has expired.
    """
    stored = app.store.token(account.name)
    if stored is None or stored.token.expired(app.clock.now()):
        detail = "has no token yet" if stored is None else f"has none since {format_ist(stored.token.expires_at)}"
        raise TokenRejected(f"{account.name} {detail}", hint=f"Run `autologin run {account.name}`.")
    return stored.token.to_json(account.name, account.broker)


def field_of(data: Any, path: str) -> str:
    """One value of a token, by its name; `extra.x` for what is in `extra`.

    Raises:
        AutologinError: there is no such field.
    """
    found = formats.field_of(data, path)
    return found if isinstance(found, str) else json.dumps(found, indent=2, ensure_ascii=False)


async def _verified(app: App, one: Status) -> Status:
    if one.state != "valid" or one.stored is None:
        return one
    account = app.settings.accounts[one.account]
    try:
        flow, proxy = loader.flow_for(app.settings, account, account.place.environ), loader.proxy_url(account)
    except ConfigError as error:
        return replace(one, error=error)  # the other accounts are asked all the same
    async with client(proxy) as http:
        answer = await flow.verify(one.stored.token, http)
    if answer.verdict is Verdict.REJECTED:
        app.store.drop_token(one.account)
    elif answer.verdict is Verdict.VALID:
        app.store.mark_verified(one.account)
    return replace(one, verdict=answer.verdict, detail=answer.detail)
