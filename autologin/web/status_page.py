"""The status page: what stands on it. It is made here as a whole and needs no JavaScript."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autologin import status
from autologin.cli import render
from autologin.login import artifacts
from autologin.redaction import scrub
from autologin.web import readiness

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from jinja2 import Environment
    from markupsafe import Markup

    from autologin.store.records import Run
    from autologin.web.app import Board
    from autologin.web.readiness import Standing

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

    standing: Standing
    lines: Sequence[Line]
    failed_at: datetime | None
    """When the picture was taken that is kept of a failure."""

    @property
    def state(self) -> str:
        """A class in the stylesheet."""
        if self.standing.running:
            return "running"
        if self.standing.lacking == "blocked" or not self.standing.ready:
            return "bad"
        return "waiting" if self.standing.lacking else "good"

    @property
    def badge(self) -> str:
        """The state in a word or three."""
        if self.standing.running:
            return "logging in"
        if self.state == "waiting":
            return "not due yet"
        return readiness.REASONS.get(self.standing.lacking, "ready")

    def deliveries(self) -> Iterator[tuple[str, str, str]]:
        """Each sink: its name, a class in the stylesheet, and what became of its message."""
        for one in self.standing.status.owed:
            yield one.sink, {"delivered": "good", None: "waiting"}.get(one.outcome, "bad"), status.delivery_in_words(one)


def page(board: Board, *, buttons: bool, signed_in: bool) -> str:
    """The whole page. `buttons`: there are some, for those who are signed in."""
    cards = [_card(board, one) for one in readiness.standings(board)]
    behind = [card.standing.name for card in cards if not card.standing.ready]
    refresh = 4 if any(card.standing.running for card in cards) else 60
    more = {"buttons": buttons, "signed_in": signed_in, "now": board.clock.now(), "refresh": refresh}
    return _rendered("status.html", cards=cards, behind=behind, **more)


def sign_in(said: str = "") -> str:
    """The page on which the token is typed."""
    return _rendered("sign_in.html", said=said)


def picture(board: Board, account: str) -> bytes | None:
    """The newest picture that is kept of an account's failures."""
    found = artifacts.newest(_failures(board), account) if account in board.settings.accounts else None
    return found.picture() if found else None


def _failures(board: Board) -> Path:
    return board.settings.state.path / "failures"


def _card(board: Board, one: Standing) -> Card:
    lines = [Line(run, list(_parts(run))) for run in board.store.history.runs(one.name, RUNS)]
    kept = artifacts.newest(_failures(board), one.name)
    return Card(one, lines, kept.at if kept else None)


def _parts(run: Run) -> Iterator[Part]:
    whole, left = sum(run.stages.values()) or 1.0, 0.0
    for name, seconds in run.stages.items():
        width = seconds / whole * WIDTH
        yield Part(name, seconds, round(left, 2), round(width, 2))
        left += width


def _rendered(name: str, **context: Any) -> str:
    return _templates().get_template(name).render(**context)


@cache
def _templates() -> Environment:
    import jinja2  # noqa: PLC0415  (only whoever opens the page needs it)

    found = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    found.filters |= {"local": _time, "span": span, "scrub": scrub}
    return found


def _time(moment: datetime) -> Markup:
    """A moment that no line break cuts in two."""
    from markupsafe import Markup  # noqa: PLC0415  (it is jinja2's)

    return Markup('<time datetime="{}">{}</time>').format(moment.isoformat(), render.local(moment))


def span(seconds: float) -> str:
    """A length of time in words: the two largest units."""
    minutes = int(abs(seconds)) // 60
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    return f"{hours} h {rest} min" if hours else f"{rest} min" if rest else "less than a minute"
