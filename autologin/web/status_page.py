"""The status page: what stands on it. It is made here as a whole and needs no JavaScript."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autologin.clock import format_ist
from autologin.login import artifacts
from autologin.redaction import scrub
from autologin.status import describe_delivery
from autologin.store.records import Run
from autologin.web.interface import ServiceView
from autologin.web.readiness import REASONS, Readiness, read_readiness

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"
RUNS = 6
"""Runs of each account that are shown."""
WIDTH = 100.0
"""Of a run's bar, in its own units."""
GOOD = {"issued": "logged in", "still_valid": "token still valid"}


@dataclass(frozen=True)
class Part:
    """One stage of a run: a part of its bar."""

    name: str
    seconds: float
    left: float
    width: float


@dataclass(frozen=True)
class Line:
    """One run."""

    run: Run
    parts: Sequence[Part]

    @property
    def good(self) -> bool:
        """Whether it ended with a token."""
        return self.run.outcome in GOOD

    @property
    def words(self) -> str:
        """How it ended."""
        return GOOD.get(self.run.outcome or "", self.run.error or "was cut off")


@dataclass(frozen=True)
class Card:
    """One account."""

    readiness: Readiness
    lines: Sequence[Line]
    failed_at: datetime | None
    """When the picture was taken that is kept of a failure."""

    @property
    def state(self) -> str:
        """A class in the stylesheet."""
        if self.readiness.running:
            return "running"
        if self.readiness.lacking == "blocked" or not self.readiness.ready:
            return "bad"
        return "waiting" if self.readiness.lacking else "good"

    @property
    def badge(self) -> str:
        """The state in a word or three."""
        if self.readiness.running:
            return "logging in"
        if self.state == "waiting":
            return "not due yet"
        return REASONS.get(self.readiness.lacking, "ready")

    def deliveries(self) -> Iterator[tuple[str, str, str]]:
        """Each sink: its name, a class in the stylesheet, and what became of its message."""
        for message in self.readiness.status.owed:
            css_class = {"delivered": "good", None: "waiting"}.get(message.outcome, "bad")
            if message.is_lost:
                css_class = "bad"
            yield message.sink, css_class, describe_delivery(message)


def page(service: ServiceView, *, buttons: bool, signed_in: bool) -> str:
    """The whole page. `buttons`: there are some, for those who are signed in."""
    cards = []
    for account in read_readiness(service):
        lines = [
            Line(run, list(_parts(run))) for run in service.store.history.runs(account.name, RUNS)
        ]
        failure = artifacts.newest(_failures(service), account.name)
        cards.append(Card(account, lines, failure.at if failure else None))
    return _render(
        "status.html",
        cards=cards,
        behind=[card.readiness.name for card in cards if not card.readiness.ready],
        untaken=[notices.describe() for notices in service.untaken_notices()],
        buttons=buttons,
        signed_in=signed_in,
        now=service.clock.now(),
        refresh=4 if any(card.readiness.running for card in cards) else 60,
    )


def sign_in(error: str = "") -> str:
    """The page on which the token is typed."""
    return _render("sign_in.html", error=error)


def picture(service: ServiceView, account: str) -> bytes | None:
    """The newest picture that is kept of an account's failures."""
    if account not in service.settings.accounts:
        return None
    failure = artifacts.newest(_failures(service), account)
    return failure.picture() if failure else None


def _failures(service: ServiceView) -> Path:
    return service.settings.state.path / "failures"


def _parts(run: Run) -> Iterator[Part]:
    whole = sum(run.stages.values()) or 1.0
    left = 0.0
    for name, seconds in run.stages.items():
        width = seconds / whole * WIDTH
        yield Part(name, seconds, round(left, 2), round(width, 2))
        left += width


def _render(name: str, **context: Any) -> str:
    return _templates().get_template(name).render(**context)


@cache
def _templates() -> Environment:
    import jinja2  # noqa: PLC0415  (only whoever opens the page needs it)

    loader = jinja2.FileSystemLoader(TEMPLATES)
    templates = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters |= {"local": _time, "span": span, "scrub": scrub}
    return templates


def _time(moment: datetime) -> Markup:
    """A moment that no line break cuts in two."""
    from markupsafe import Markup  # noqa: PLC0415  (it is jinja2's)

    return Markup('<time datetime="{}">{}</time>').format(moment.isoformat(), format_ist(moment))


def span(seconds: float) -> str:
    """A length of time in words: the two largest units."""
    minutes = int(abs(seconds)) // 60
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    return f"{hours} h {rest} min" if hours else f"{rest} min" if rest else "less than a minute"
