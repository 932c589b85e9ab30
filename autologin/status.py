"""How the accounts are: what the store knows of each, and what the broker says when it is asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from autologin.app import App
from autologin.clock import Clock, format_ist
from autologin.config import accounts
from autologin.config.schema import Account, Settings
from autologin.delivery import formats
from autologin.delivery.dispatcher import FORCE, TOO_OFTEN
from autologin.errors import Bug, ConfigError, DeliveryFailed, TokenRejected
from autologin.flow.base import Verdict, Verification
from autologin.flow.http import broker_client
from autologin.flow.results import result_of
from autologin.message import ISSUED
from autologin.secret_refs import follow
from autologin.stages import bugs_told
from autologin.store.records import Block, DeliveryState, Run, StoredToken
from autologin.store.store import Store

NEWS_SECONDS = 5.0
"""How long `--verify` waits for sinks that are told of a token that the broker refuses."""


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
    error: ConfigError | Bug | None = None
    """Why the broker could not even be asked."""
    owed: Sequence[DeliveryState] = ()
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
        block = self.block and {
            "at": self.block.at.isoformat(),
            "error": self.block.error,
            "message": self.block.message,
        }
        last = self.last and {
            "began": self.last.began.isoformat(),
            "outcome": self.last.outcome,
            "error": self.last.error,
            "message": self.last.message,
            "seconds": self.last.seconds,
            "stages": dict(self.last.stages),
        }
        return {
            "account": self.account,
            "broker": self.broker,
            "state": self.state,
            "token": token,
            "verified": self.verdict and self.verdict.value,
            "error": self.error and self.error.name,
            "blocked": block,
            "last_run": last,
            "deliveries": [_delivery_json(message) for message in self.owed],
        }


def read_statuses(settings: Settings, store: Store, clock: Clock) -> list[Status]:
    """What the store knows of every account in the config."""
    now = clock.now()
    return [
        Status(
            name,
            account.broker,
            now,
            stored=_stored(store, account),
            block=store.attempts.current_block(name),
            last=next(iter(store.history.runs(name)), None),
            owed=_owed(store, account),
        )
        for name, account in settings.accounts.items()
    ]


def _stored(store: Store, account: Account) -> StoredToken | None:
    """The token of an account; one of another broker, which it had before, is none of it."""
    stored = store.tokens.get(account.name)
    return stored if stored and stored.broker == account.broker else None


def _owed(store: Store, account: Account) -> list[DeliveryState]:
    return [one for one in store.outbox.latest(account.name) if one.sink in account.sinks]


def describe_delivery(message: DeliveryState) -> str:
    """What became of a message, after the name of its sink."""
    if message.outcome == "delivered" and message.settled:
        then = f"got its {message.type} at {format_ist(message.settled)}"
        return f"{then}{_describe_presence(message)}"
    if message.again and message.outcome is None:
        why = f" ({message.tries} tries so far: {message.error})" if message.error else ""
        return f"has lost its {message.type}, which is delivered again{why}"
    if message.outcome:
        return f"did not get its {message.type}, which is {message.outcome}"
    if message.due is None:
        return f"is owed a {message.type}"
    tried = f" ({message.tries} tries so far: {message.error})" if message.error else ""
    return f"is owed a {message.type}, tried next at {format_ist(message.due)}{tried}"


def _describe_presence(message: DeliveryState) -> str:
    """What the sink said when it was asked last, and when."""
    at = f"at {format_ist(message.looked)}" if message.looked else ""
    fix = "" if TOO_OFTEN in message.words else "; `autologin deliver` writes it again"
    match message.found:
        case "present" if message.looked != message.settled:
            return f", still there {at}"
        case "gone":
            return f", not there any more {at}: {message.words}{fix}"
        case "taken":
            return f", taken away since (seen {at})"
        case "replaced":
            return f", replaced by something else {at}: {message.words}; {FORCE}"
        case "unknown":
            return f", could not be asked {at}: {message.words}"
        case "unasked":
            return f", last seen there {at}, before the service was started"
    return ""


def _delivery_outcome(message: DeliveryState) -> str:
    if message.outcome != "delivered":
        return message.outcome or "outstanding"
    return {"gone": "gone", "replaced": "replaced_by_other"}.get(message.found or "", "delivered")


def _delivery_json(message: DeliveryState) -> dict[str, Any]:
    return {
        "sink": message.sink,
        "type": message.type,
        "outcome": _delivery_outcome(message),
        "found": message.found,
        "looked_at": message.looked and message.looked.isoformat(),
        "detail": message.words or None,
        "tries": message.tries,
        "error": message.error,
        "next_try": message.due and message.due.isoformat(),
        "settled_at": message.settled and message.settled.isoformat(),
    }


async def verify(app: App, statuses: Sequence[Status]) -> list[Status]:
    """Ask the brokers about the tokens that are not expired, and the sinks that were given them.

    A token that the broker refuses is forgotten.
    """
    try:
        return list(await asyncio.gather(*(_verify_safely(app, status) for status in statuses)))
    finally:
        await app.dispatcher.close()


async def _verify_safely(app: App, status: Status) -> Status:
    """Ask about one account; a mistake of ours in it hides none of the others."""
    try:
        with bugs_told():
            return await _verify_account(app, status)
    except Bug as bug:
        return replace(status, error=bug)


async def _verify_account(app: App, status: Status) -> Status:
    if status.state != "valid" or status.stored is None:
        return status
    account = app.settings.accounts[status.account]
    try:
        flow = await follow(lambda: accounts.load_flow(app.settings, account))
        ways = await follow(lambda: accounts.ways_out(account))
    except ConfigError as error:
        return replace(status, error=error)  # the other accounts are asked all the same
    async with broker_client(ways) as http:
        answer = await result_of(flow, flow.verify(status.stored.token, http), Verification)
    if answer.verdict is Verdict.REJECTED:
        sinks = app.drop_token(account, status.stored.token, answer.detail)
        await app.dispatcher.drain(sinks, account=account.name, seconds=NEWS_SECONDS)
    elif answer.verdict is Verdict.VALID:
        app.store.tokens.mark_verified(status.account, status.stored.token)
    await app.dispatcher.look(account.name, account.broker, account.sinks, deliver=False)
    owed = _owed(app.store, account)
    return replace(status, verdict=answer.verdict, detail=answer.detail, owed=owed)


def exit_code(statuses: Sequence[Status]) -> int:
    """What a scheduler is told; the lowest counts.

    1: a mistake of ours. 2: fix the config. 3: an account has no living token. 5: a broker gave no
    answer. 6: a sink has not got its token or has lost it, or something else is in its place.
    Else 0.
    """
    errors = [status.error.exit_code for status in statuses if status.error]
    if errors:
        return min(errors)
    if any(status.state != "valid" or status.verdict is Verdict.REJECTED for status in statuses):
        return TokenRejected.exit_code
    if any(status.verdict is not Verdict.VALID for status in statuses):
        return 5
    owed = [message for status in statuses for message in status.owed]
    lacking = any(
        one.is_lost or (one.outcome is None and one.type == ISSUED and one.tries) for one in owed
    )
    return DeliveryFailed.exit_code if lacking else 0


def token(app: App, account: Account) -> dict[str, Any]:
    """The stored token of an account, as sinks write it.

    Raises:
        TokenRejected: there is none, or it has expired.
    """
    stored = _stored(app.store, account)
    if stored is None or stored.token.expired(app.clock.now()):
        detail = (
            "has no token yet"
            if stored is None
            else f"has none since {format_ist(stored.token.expires_at)}"
        )
        raise TokenRejected(f"{account.name} {detail}", hint=f"Run `autologin run {account.name}`.")
    return stored.token.to_json(account.name, account.broker)


def field_of(data: Any, path: str) -> str:
    """One value of a token, by its name; `extra.x` for what is in `extra`.

    Raises:
        AutologinError: there is no such field.
    """
    value = formats.field_of(data, path)
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
