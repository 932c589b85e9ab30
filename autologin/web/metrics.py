"""What Prometheus scrapes, reckoned from the store at that moment.

Nothing is counted in memory, so a restart loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from autologin import __version__
from autologin.delivery.sinks.base import HoldingConfig
from autologin.store.history import CountedThing
from autologin.store.records import Run, StoredToken
from autologin.web.interface import ServiceView
from autologin.web.readiness import Readiness, read_readiness

if TYPE_CHECKING:
    from prometheus_client.core import Metric

Number = float | None
"""None: there is nothing to tell, and no sample is made."""
FORMAT = "text/plain; version=0.0.4; charset=utf-8"


def text(service: ServiceView) -> tuple[bytes, str]:
    """All metrics, and their content type."""
    from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest  # noqa: PLC0415  (3 MiB, only for this)

    registry = CollectorRegistry()
    registry.register(_StoreCollector(service))
    ProcessCollector(registry=registry)
    return generate_latest(registry), FORMAT


class _StoreCollector:
    """The store as a collector of prometheus_client."""

    def __init__(self, service: ServiceView) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """Every metric."""
        accounts = read_readiness(self._service)
        yield _gauge(
            "autologin_info", "The version that runs.", ["version"], [((__version__,), 1.0)]
        )
        for name, (help_text, read) in GAUGES.items():
            samples = [((account.name,), read(account)) for account in accounts]
            yield _gauge(f"autologin_{name}", help_text, ["account"], samples)
        yield _stages(accounts)
        yield from self._counters()
        yield self._backlog()
        yield self._untaken_notices()
        yield self._held(accounts)

    def _counters(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415  (see `text`)

        for name, (help_text, thing, labels) in COUNTERS.items():
            metric = CounterMetricFamily(f"autologin_{name}", help_text, labels=list(labels))
            for counter in self._service.store.history.counters(thing):
                if counter.account in self._service.settings.accounts:
                    values = [getattr(counter, field) for field in labels.values()]
                    metric.add_metric(values, counter.number)
            yield metric

    def _backlog(self) -> Metric:
        backlog = self._service.store.outbox.backlog()
        samples = [((sink,), float(backlog.get(sink, 0))) for sink in self._service.settings.sinks]
        return _gauge(
            "autologin_delivery_backlog", "Messages that a sink has not got yet.", ["sink"], samples
        )

    def _untaken_notices(self) -> Metric:
        notify = self._service.settings.notify
        ways = [f"notify.urls.{index}" for index in range(len(notify.urls))]
        ways += ["notify.command"] if notify.command else []
        untaken = {one.way: float(one.number) for one in self._service.untaken_notices()}
        samples = [((way,), untaken.get(way, 0.0)) for way in ways]
        help_text = "Notices that a way to people was offered and has not taken yet."
        return _gauge("autologin_notices_untaken", help_text, ["way"], samples)

    def _held(self, accounts: Iterable[Readiness]) -> Metric:
        help_text = "1 where a file or parameter with the newest token was last seen to be there."
        sinks = self._service.settings.sinks
        samples = [
            ((account.name, one.sink), float(one.outcome == "delivered" and not one.is_lost))
            for account in accounts
            for one in account.status.owed
            if isinstance(sinks.get(one.sink), HoldingConfig)
        ]
        return _gauge("autologin_sink_holds_token", help_text, ["account", "sink"], samples)


def _stages(accounts: Iterable[Readiness]) -> Metric:
    help_text = "How long each stage of the last run took."
    samples = [
        ((account.name, stage), seconds)
        for account in accounts
        if account.status.last
        for stage, seconds in account.status.last.stages.items()
    ]
    return _gauge("autologin_last_run_stage_seconds", help_text, ["account", "stage"], samples)


def _gauge(
    name: str, help_text: str, labels: list[str], samples: Iterable[tuple[tuple[str, ...], Number]]
) -> Metric:
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415  (see `text`)

    metric = GaugeMetricFamily(name, help_text, labels=labels)
    for values, number in samples:
        if number is not None:
            metric.add_metric(values, number)
    return metric


def _of_token(read: Callable[[StoredToken], datetime | None]) -> Callable[[Readiness], Number]:
    return lambda one: _seconds(read(one.status.stored)) if one.status.stored else None


def _of_run(read: Callable[[Run], Number]) -> Callable[[Readiness], Number]:
    return lambda one: read(one.status.last) if one.status.last else None


def _age(one: Readiness) -> Number:
    return (
        (one.status.now - one.status.stored.token.issued_at).total_seconds()
        if one.status.stored
        else None
    )


def _seconds(moment: datetime | None) -> Number:
    return moment.timestamp() if moment else None


GAUGES: Mapping[str, tuple[str, Callable[[Readiness], Number]]] = {
    "account_due": (
        "1 from an account's login time until the market closes.",
        lambda one: float(one.due),
    ),
    "account_ready": (
        "1 unless an account that is due has no token that was proven today, or a sink lacks it.",
        lambda one: float(one.ready),
    ),
    "account_blocked": (
        "1 while no login is tried, because the broker refused one.",
        lambda one: float(bool(one.status.block)),
    ),
    "account_running": ("1 while a run is under way.", lambda one: float(one.running)),
    "next_run_timestamp_seconds": (
        "When the next login is planned.",
        lambda one: _seconds(one.next_run),
    ),
    "token_issued_timestamp_seconds": (
        "When the stored token was issued.",
        _of_token(lambda one: one.token.issued_at),
    ),
    "token_expiry_timestamp_seconds": (
        "When the stored token ends.",
        _of_token(lambda one: one.token.expires_at),
    ),
    "token_verified_timestamp_seconds": (
        "When the broker last confirmed it.",
        _of_token(lambda one: one.verified_at),
    ),
    "token_age_seconds": ("How old the stored token is.", _age),
    "last_run_timestamp_seconds": (
        "When the last run began.",
        _of_run(lambda run: _seconds(run.began)),
    ),
    "otp_skew_seconds": (
        "The broker's clock minus ours, where the last run made a code.",
        _of_run(lambda run: run.skew),
    ),
    "last_run_duration_seconds": ("How long the last run took.", _of_run(lambda run: run.seconds)),
}
"""Of each account, by name: what the metric says, and how it is read."""

COUNTERS: Mapping[str, tuple[str, CountedThing, Mapping[str, str]]] = {
    "runs": (
        "Runs that ended, by outcome (issued, still_valid, failed) and error.",
        "run",
        {"account": "account", "outcome": "outcome", "error": "kind"},
    ),
    "deliveries": (
        "Messages that a sink got (delivered), got back (redelivered), or will not get.",
        "delivery",
        {"account": "account", "sink": "kind", "outcome": "outcome"},
    ),
    "delivery_failures": (
        "Tries that a sink did not take.",
        "failed_try",
        {"account": "account", "sink": "kind"},
    ),
}
"""By name: what the metric says, what it counts, and its labels with where each stands in a
tally."""
