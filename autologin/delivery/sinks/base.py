"""Where a token goes.

A sink is one module here, named like its `type` in the config. It defines `Config`, a `SinkConfig`
with the sink's keys, whose `build` makes the sink.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol, Self, runtime_checkable

from pydantic import BaseModel, ConfigDict, PlainValidator, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from autologin.message import ISSUED, Message
from autologin.problems import did_you_mean, refuse
from autologin.secret_refs import RefContext, Secret


@dataclass(frozen=True)
class Receipt:
    """What a delivery has left at a sink, as the sink can find it again.

    `place` is where, `form` in which form the config wants it. `parts` are what lies there, each
    by its name, and the marks that tell it from anything else: a hash, or a version and a time; a
    mark that could not be had is left out at the end. They may betray the token: the store keeps
    fingerprints of them. `words` tell a person what lies there.
    """

    place: str
    form: str = ""
    parts: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    words: str = "something else is there"


class Sink(Protocol):
    """A place that takes tokens."""

    name: str

    async def check(self) -> None:
        """Prove, without a token, that a delivery would arrive. Leaves nothing behind.

        Raises:
            DeliveryFailed: it would not.
        """
        ...

    async def deliver(self, message: Message) -> Receipt | None:
        """Give the message, of one of the types that the sink's config names.

        Gives what it has left there, None where that cannot be known. A try that takes longer than
        half a minute is cut off.

        Raises:
            DeliveryFailed: it did not arrive; what was there before is untouched.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@runtime_checkable
class HoldingSink(Sink, Protocol):
    """A sink that holds the token, may lose it, and can be asked for it."""

    async def look(self, message: Message) -> Receipt:
        """What lies now where this message was, or would be, delivered, whosever it is.

        `parts` are only those that are there. Changes nothing.

        Raises:
            DeliveryFailed: it cannot be told, and why.
        """
        ...


class SinkConfig(BaseModel):
    """What every sink's config has."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    message_types: ClassVar[frozenset[str]] = frozenset({ISSUED})
    """The types of message that such a sink is given."""
    place_key: ClassVar[str] = "path"
    """The key that says where a delivery goes: two accounts may overwrite each other there."""

    type: str

    def build(self, name: str, place: RefContext) -> Sink:
        """The sink that this config describes. Secrets are looked up from `place`.

        Raises:
            ConfigError: a secret cannot be resolved, or a package that it needs is missing.
        """
        raise NotImplementedError(
            f"{name}: a sink of type {self.type} cannot be built from {place.folder}"
        )

    def secrets(self) -> Mapping[str, Secret]:
        """The references that this sink follows, by key, for `autologin check`."""
        return {}

    def with_absolute_paths(self, place: RefContext) -> Self:
        """This config with its relative paths made absolute."""
        del place
        return self

    def with_accounts(self, accounts: Mapping[str, str]) -> Self:
        """This config, for the accounts that name it, each with its broker."""
        del accounts
        return self

    def target(self, account: str, broker: str) -> str | None:
        """What a delivery of this account would overwrite; None where each delivery is its own."""
        del account, broker
        return None

    def file(self, account: str, broker: str) -> Path | None:
        """The file that a delivery of this account replaces; None for a sink that writes none."""
        del account, broker
        return None

    @classmethod
    def variant(cls, raw: Any) -> SinkClass:
        """The class for a sink as it stands in the config."""
        kind = raw.get("type") if isinstance(raw, dict) else None
        return config_class(kind) if cls is SinkConfig and kind in names() else cls


class HoldingConfig(SinkConfig):
    """What a sink's config has that holds the token, may lose it, and can be asked for it.

    `redeliver: false` is for those who take the token away: gone is no reason to deliver it again.
    """

    in_parts: ClassVar[bool] = False
    """Whether a delivery that was cut off may have left a part of the token there."""

    redeliver: bool = True

    def build(self, name: str, place: RefContext) -> HoldingSink:
        """The sink that this config describes."""
        raise NotImplementedError(
            f"{name}: a sink of type {self.type} cannot be built from {place.folder}"
        )


SinkClass = type[SinkConfig]


def names() -> list[str]:
    """Every `type` of sink, sorted."""
    return sorted(
        module.name
        for module in pkgutil.iter_modules([str(Path(__file__).parent)])
        if not module.name.startswith("_") and module.name != "base"
    )


def config_class(kind: str) -> SinkClass:
    """The config of a type of sink; only this type's module is imported."""
    config: SinkClass = importlib.import_module(f"autologin.delivery.sinks.{kind}").Config
    return config


def parse(raw: Any) -> SinkConfig:
    """A sink as it stands in the config, checked by the model of its type."""
    if isinstance(raw, SinkConfig):
        return raw
    kind = raw.get("type") if isinstance(raw, dict) else None
    if kind in names():
        return config_class(str(kind)).model_validate(raw)
    if not isinstance(raw, dict):
        refuse("must be a mapping", 'Such as {type: file, path: "./tokens/{account}.json"}.')
    detail = "is missing" if kind is None else "is not a known type of sink"
    hint = f"Known here: {', '.join(names())}."
    if isinstance(kind, str):
        hint = did_you_mean(kind[:64], names())
    unknown = PydanticCustomError("unknown_type", "{detail}", {"detail": detail, "hint": hint})
    raise ValidationError.from_exception_data(
        "sink", [InitErrorDetails(type=unknown, loc=("type",), input=None)]
    )


SinkField = Annotated[SinkConfig, PlainValidator(parse)]
"""A setting that is a sink."""
