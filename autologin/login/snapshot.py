"""What is on a page now.

Plain data for the decisions, and the reader that looks at a page that may navigate, hang or die.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from autologin.clock import Clock
from autologin.errors import BrowserCrashed
from autologin.redaction import scrub

if TYPE_CHECKING:
    from playwright.async_api import ElementHandle, JSHandle, Page

Result = TypeVar("Result")
Looks = tuple[str | int, ...]
"""What tells one input from another, also where a page uses the same element for both."""

SCRIPT = Path(__file__).with_suffix(".js")
LINE = 200
"""Characters of a line that are looked at: what means an error is said at its start."""
VALUES = """(seen, boxes) => boxes
  .map(box => typeof box === 'number' ? seen.elements[box] : box)
  .map(box => [seen.elements.indexOf(box), ('value' in box ? box.value : box.textContent) ?? ''])"""
"""What stands in boxes, given by their indexes or as elements."""
GLANCE = 5.0
"""Seconds after which a page that does not answer a look is given up for this time."""


@dataclass(frozen=True)
class InputElement:
    """One visible input.

    `index` finds its element, `css` are the fields whose selectors match it.
    """

    index: int
    group: int
    type: str
    id: str
    name: str
    label: str
    near: str
    placeholder: str
    autocomplete: str
    maxlength: int
    numeric: bool
    enabled: bool
    readonly: bool
    filled: bool
    css: tuple[str, ...]
    fixed: str
    sends_to: str = ""
    """Where its form goes; empty: to the page itself, or there is no form."""
    tag: str = "input"
    masked: bool = False
    """Whether it hides what is typed, as a password's box does, whatever its type."""
    required: bool = False
    box: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Left, top, width and height in the page, in CSS pixels."""
    frame: str = ""
    """The address of the frame that it is in; empty: in the page itself."""
    path: str = ""
    """A CSS selector that only this element of its document matches; empty in a shadow tree."""
    order: int = 0
    """Its place among all elements of the page, as they stand in the document."""
    form_names: str = ""
    """The words of its form's id and name: in its own they say nothing of it."""
    picture: str = ""
    """What is to be read beside it, as for a captcha: `picture`, `sum` or nothing."""
    drawn: int = 0
    """How many drawn boxes lie beneath it, where it is a see-through one over a row of them."""

    @property
    def words(self) -> str:
        """What the page calls this element."""
        return f"{self.label} {self.placeholder}".strip() or self.near

    @property
    def looks(self) -> Looks:
        """What tells this element from another, also where a page uses one element for both."""
        return (self.type, self.id, self.name, self.words, self.autocomplete, self.maxlength)


@dataclass(frozen=True)
class ButtonElement:
    """One visible thing that can be pressed."""

    index: int
    group: int
    tag: str
    name: str
    submit: bool
    enabled: bool
    covered: bool
    css: tuple[str, ...]
    ticked: bool | None = None
    """Of a element to tick (or a radio button) whether it is; None for everything else."""
    sends_to: str = ""
    """Where it sends its form in place of the form's own address; empty: it does not."""
    box: tuple[int, int, int, int] = (0, 0, 0, 0)
    frame: str = ""
    path: str = ""
    order: int = 0
    """As an input's."""
    id: str = ""
    kind: str = ""
    """Its `name` attribute."""


@dataclass(frozen=True)
class FormElement:
    """What a form (or what stands for one) says of itself, for a judgement of what it is for."""

    text: str = ""
    heading: str = ""
    """The last heading before its first input."""
    within: bool = False
    """Whether that heading is in the form."""
    names: str = ""
    """Its id, name, class, and the path that it goes to."""
    around: str = ""
    """The ids and classes of what it is in."""
    page: bool = False
    """Whether it is the whole page."""
    selects: int = 0
    textareas: int = 0


@dataclass(frozen=True)
class PlacedText:
    """One text in an alert region, or at a form."""

    text: str
    alert: bool = False
    groups: tuple[int, ...] = ()
    """The forms that it stands in or right beside; -1: one in a frame."""


@dataclass(frozen=True)
class Snapshot:
    """What a person would see now."""

    title: str
    path: str
    inputs: tuple[InputElement, ...]
    buttons: tuple[ButtonElement, ...]
    groups: tuple[str, ...]
    lines: tuple[str, ...]
    alerts: tuple[str, ...]
    captcha: bool
    loading: bool = False
    """Whether its scripts are still on their way, so that nobody listens to its fields yet (for
    five seconds at most)."""
    forms: tuple[FormElement, ...] = ()
    """One for each group."""
    frames: tuple[str, ...] = ()
    """The addresses of frames that nobody can look into: those of other origins."""
    captcha_groups: tuple[int, ...] = ()
    """The forms that a captcha is in; none where one stands by itself."""
    closed: tuple[str, ...] = ()
    """The tags of elements that show something, and keep it in a closed shadow tree."""
    words: tuple[PlacedText, ...] = ()
    """The texts in alert regions and at forms, those of its own origin's frames included."""
    made: float = 0.0
    """When this document was made, which tells it from the one that it took the place of."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Snapshot:
        """The snapshot that the script in the page saw."""
        return cls(
            title=data["title"],
            path=data["path"],
            inputs=tuple(
                InputElement(
                    **{**element, "css": tuple(element["css"]), "box": tuple(element["box"])}
                )
                for element in data["inputs"]
            ),
            buttons=tuple(
                ButtonElement(
                    **{**button, "css": tuple(button["css"]), "box": tuple(button["box"])}
                )
                for button in data["buttons"]
            ),
            groups=tuple(data["groups"]),
            lines=tuple(map(_cut, data["lines"])),
            alerts=tuple(map(_cut, data["alerts"])),
            captcha=data["captcha"],
            loading=data["loading"],
            forms=tuple(FormElement(**form) for form in data["forms"]),
            frames=tuple(data["frames"]),
            closed=tuple(data["closed"]),
            captcha_groups=tuple(data["captcha_groups"]),
            words=tuple(
                PlacedText(_cut(one["text"]), one["alert"], tuple(one["groups"]))
                for one in data["words"]
            ),
            made=data["made"],
        )

    def form(self, group: int) -> FormElement:
        """What a group says of itself."""
        return self.forms[group] if group < len(self.forms) else FormElement(self.groups[group])

    @property
    def said(self) -> frozenset[str]:
        """Everything that it says, so that what is new can be told from it."""
        return frozenset(map(plainly, [*self.lines, *(one.text for one in self.words)]))

    def buttons_of(self, group: int) -> list[ButtonElement]:
        """What can be pressed in a form."""
        return [button for button in self.buttons if button.group == group]


def plainly(text: str) -> str:
    """A text without capitals, and without what a page may draw differently."""
    return " ".join(text.casefold().split())


def _cut(line: str) -> str:
    """The start of a line; a secret that is cut through would not be known for one any more."""
    return line if len(line) <= LINE else scrub(line)[:LINE]


@cache
def script() -> str:
    """The JavaScript that looks at a page."""
    return SCRIPT.read_text(encoding="utf-8")


class PageReader:
    """The page of one page, and the elements that its indexes mean."""

    def __init__(self, page: Page, done: asyncio.Event, clock: Clock) -> None:
        self._page, self._done, self._clock = page, done, clock
        self._crashed = asyncio.Event()
        self._mark = ""
        self._seen: JSHandle | None = None
        self._framed: set[int] = set()
        """The elements that are in a frame of the page."""
        self._aside: set[asyncio.Task[None]] = set()
        self.changed_at = clock.monotonic()
        """When the page last changed (monotonic seconds)."""
        self.watched: list[tuple[int, str]] = []
        """Of each box that the last look was asked to look at as well: its index (-1: it is not
        there) and what it holds. Empty where they are of a page that is gone."""
        page.on("crash", lambda _: self._crashed.set())
        page.on("close", lambda _: self._crashed.set())

    async def look(
        self,
        css: Mapping[str, Sequence[str]],
        boxes: Sequence[ElementHandle] = (),
        *,
        wait: bool = True,
    ) -> Snapshot | None:
        """What is on the page now, or (`wait`) as soon as it changes.

        None where nothing can be seen (it navigates, or is done). `boxes` are looked at as well,
        see `watched`.

        Raises:
            BrowserCrashed: the page is gone.
        """
        from playwright.async_api import Error  # noqa: PLC0415  (only a login needs Playwright)

        try:
            return await self.until_done(self._look(css, boxes, wait=wait), within=GLANCE)
        except Error as error:
            if self._crashed.is_set() or "has been closed" in error.message:
                raise BrowserCrashed("Chromium, or the page in it, died") from None
            await asyncio.sleep(0.01)  # let the navigation that took the context away proceed
            return None

    async def element(self, index: int) -> ElementHandle:
        """The element that an index of the last page means."""
        assert self._seen is not None
        found = (
            await self._seen.evaluate_handle("(seen, index) => seen.elements[index]", index)
        ).as_element()
        assert found is not None
        if index in self._framed and (frame := await found.owner_frame()):
            # Only in its own frame Playwright knows what lies over an element.
            found = (await frame.evaluate_handle("element => element", found)).as_element()
            assert found is not None
        return found

    async def values(self, boxes: Sequence[int]) -> list[str]:
        """What stands in the boxes that these indexes of the last snapshot mean."""
        assert self._seen is not None
        return [value for _, value in await self._seen.evaluate(VALUES, list(boxes))]

    async def until_done(
        self, work: Coroutine[Any, Any, Result], *, within: float | None = None
    ) -> Result | None:
        """The result of some work; None where the login was done (or the time over) before it."""
        task = asyncio.ensure_future(work)
        ends = [asyncio.ensure_future(event.wait()) for event in (self._done, self._crashed)]
        try:
            await asyncio.wait([task, *ends], timeout=within, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            if self._crashed.is_set() and not self._done.is_set():
                raise BrowserCrashed("Chromium, or the page in it, died")
            return None
        finally:
            for left in (task, *ends):
                left.cancel()
            with contextlib.suppress(BaseException):
                await asyncio.gather(task, *ends, return_exceptions=True)

    async def _look(
        self, css: Mapping[str, Sequence[str]], boxes: Sequence[ElementHandle], *, wait: bool
    ) -> Snapshot:
        known = self._mark if wait else ""
        seen = await self._page.evaluate_handle(script(), {"css": css, "seen": known})
        data, mark, watched = await self._read(seen, boxes)
        self.watched = [(index, value) for index, value in watched]
        if mark != self._mark:
            self._mark, self.changed_at = mark, self._clock.monotonic()
        if self._seen:
            self._meanwhile(self._seen.dispose())
        if not data["inputs"]:
            # Playwright's own script takes 50 ms to get into a page: let it while there is nothing
            # to fill yet.
            self._meanwhile(self._page.locator("html").count())
        self._seen = seen
        elements = [*data["inputs"], *data["buttons"]]
        self._framed = {element["index"] for element in elements if element["frame"]}
        return Snapshot.from_json(data)

    async def _read(self, seen: JSHandle, boxes: Sequence[ElementHandle]) -> Any:
        from playwright.async_api import Error  # noqa: PLC0415  (only a login needs Playwright)

        if boxes:
            # They may be of a page that is gone.
            with contextlib.suppress(Error):
                return await seen.evaluate(
                    f"(seen, boxes) => [seen.data, seen.mark, ({VALUES})(seen, boxes)]", list(boxes)
                )
        return await seen.evaluate("seen => [seen.data, seen.mark, []]")

    def _meanwhile(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something that nobody waits for, and that may fail."""

        async def quietly() -> None:
            with contextlib.suppress(Exception):
                await work

        task = asyncio.ensure_future(quietly())
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)


def first_line(error: Exception) -> str:
    """The first line of a Playwright error without its call log and without any query.

    Both can hold secrets.
    """
    line = (str(error).splitlines() or [""])[0]
    return re.sub(r"[?#]\S*", "", line)
