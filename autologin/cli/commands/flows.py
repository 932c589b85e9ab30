"""The list of brokers, as people and programs want to see it."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

from autologin.config import accounts, loader
from autologin.errors import ConfigError, Problem
from autologin.flow import registry
from autologin.flow.base import BrowserFlow
from autologin.problems import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from autologin.flow.base import Flow


def use_own(file: Path | None) -> None:
    """Let the user's own flows count, where there is a config that names a folder of them."""
    try:
        reading = loader.read(file, loader.environment())
    except ConfigError:
        return  # a list of brokers needs no config
    if reading.settings and reading.settings.flows_dir and reading.settings.flows_dir.is_dir():
        registry.use_folder(reading.settings.flows_dir)


def rows(broker: str | None = None) -> list[dict[str, Any]]:
    """Every broker, or the one: its credentials (True: required), whether it needs a browser, the date of the evidence.

    Raises:
        ConfigError: there is no such broker.
    """
    return [_row(_known(broker))] if broker else [_row(registry.load(one)) for one in registry.names()]


def config_block(broker: str) -> str:
    """An account to paste into a config.

    Raises:
        ConfigError: there is no such broker.
    """
    flow = _known(broker)
    lines = ["accounts:", f"  {broker}:", f"    broker: {broker}", "    credentials:", *_credentials(flow)]
    if flow.needs_endpoints:
        lines += ["    endpoints:", f"      # nobody else knows them: docs/brokers/{broker}.md says which they are"]
        lines += [f'      {name}: "https://fill-in.example"' for name in flow.endpoints if name in flow.needs_endpoints]
    lines += ["    sinks: [tokens]", *_options(flow), "sinks:", '  tokens: {type: file, path: "./tokens/{account}.json"}']
    return "\n".join(lines) + "\n"


def _known(broker: str) -> type[Flow]:
    if broker not in registry.names():
        raise ConfigError(Problem("flows", f'"{broker}" is not a known broker', did_you_mean(broker, registry.names())))
    return registry.load(broker)


def _credentials(flow: type[Flow]) -> list[str]:
    lines = []
    for key, field in flow.credentials_class.model_fields.items():
        value = f"{{env: {flow.broker.upper()}_{key.upper()}}}" if accounts.is_secret(flow, key) else '""'
        mark = "" if field.is_required() else "# "
        lines += [*_comment(field.description or "", 6), f"      {mark}{key}: {value}"]
    return lines


def _options(flow: type[Flow]) -> list[str]:
    """What else can be set, with what counts where it is not."""
    lines = []
    for key, field in flow.options_class.model_fields.items():
        value = json.dumps(field.get_default(call_default_factory=True), ensure_ascii=False)
        lines += [*_comment(field.description or "", 6), f"      # {key}: {value}"]
    return ["    # options:", *lines] if lines else []


def _comment(text: str, indent: int) -> list[str]:
    """A description on lines of its own, above what it describes."""
    return textwrap.wrap(text, 110, initial_indent=" " * indent + "# ", subsequent_indent=" " * indent + "#   ")


def _row(flow: type[Flow]) -> dict[str, Any]:
    return {
        "broker": flow.broker,
        "title": flow.title,
        "credentials": {key: field.is_required() for key, field in flow.credentials_class.model_fields.items()},
        "needs_browser": issubclass(flow, BrowserFlow),
        "not_before": f"{flow.not_before:%H:%M}",
        "evidence": flow.evidence,
        "verified": flow.verified,
        "docs": flow.docs,
    }
