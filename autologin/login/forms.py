"""Typing a step's values into its form and sending it: as a person would, and never twice."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import SecretStr

from autologin.clock import Clock
from autologin.errors import PageChanged
from autologin.flow.otp import OtpGenerator
from autologin.flow.script import InputField, LoginScript
from autologin.log import event
from autologin.login.attempts import AttemptLog
from autologin.login.buttons import find_unticked, sender, submit_button
from autologin.login.capture import Capture
from autologin.login.decide import Fill
from autologin.login.matching import KEYED, Form, find_certain_form
from autologin.login.network import NetworkWatcher
from autologin.login.readiness import keys_of
from autologin.login.snapshot import InputElement, PageReader, Snapshot

if TYPE_CHECKING:
    from playwright.async_api import ElementHandle, Page

SETTLE = 0.5
"""Seconds in which an OTP may send itself at the last digit, before its button is pressed."""
EMPTIED = 1.5
"""Seconds for which a code is waited for whose box was emptied: the page may send it late."""
STALE = 0.2
"""Seconds after which a page is looked at again before it is filled: making an OTP can take half a
minute."""
CLICK_MS = 1500
"""Milliseconds for an ordinary click; whatever lies over a button longer than this stays there."""
LEAVE_FIELD = """() => {
  let at = document.activeElement, inner = at;
  while ((inner = at?.shadowRoot?.activeElement || at?.contentDocument?.activeElement)) at = inner;
  at?.blur();
}"""
"""Some pages look at a field only when it is left, and enable their button then."""
STOP_IF_EMPTIED = """(pressed, boxes) => {
  const view = pressed.ownerDocument.defaultView;
  const form = pressed.closest('form') || pressed.getRootNode();
  const empty = () => [...form.querySelectorAll('input[type=password]')]
    .filter(box => !box.value && !box.disabled && box.checkVisibility());
  const known = empty();
  const whole = () => boxes.every(box => box.isConnected && (box.value ?? box.textContent))
    && empty().every(box => known.includes(box));
  const names = ['pointerdown', 'mousedown', 'click', 'keydown', 'submit'];
  const lift = () => names.forEach(name => view.removeEventListener(name, look, true));
  const look = event => {
    if (whole()) return lift();  // what the page does with it is its own affair
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  names.forEach(name => view.addEventListener(name, look, true));
  setTimeout(lift, 3000);
}"""
DISABLED = (
    "element => element.matches(':disabled') || element.closest('[aria-disabled=true]') !== null"
)


NUMBER = re.compile(r"-?\d+(\.\d+)?")
BULLETS = re.compile(r"[•●*∗⁎·◦○■]+")
COUNTRY = re.compile(r"\+?\d{1,3}")
"""The code of a country, before a number."""
ENCRYPTED = 20
"""Characters that a value has at least which a page has encrypted."""
BASE64 = re.compile(r"[a-z0-9+/=_:.]+")
"""In lower case."""
OWN_KEYBOARD = (
    "The page wants its own keyboard to be used, and that has no plain button for each character"
)


class PageMoved(Exception):
    """What was to be typed into is not on the page any more, and nothing was sent."""


@dataclass(frozen=True)
class _Typed:
    """A box that was typed into."""

    field: InputField
    element: ElementHandle


class FormFiller:
    """The hands of one login in one page. What was done is the engine's to remember."""

    def __init__(
        self,
        page: Page,
        reader: PageReader,
        capture: Capture,
        network: NetworkWatcher,
        attempts: AttemptLog,
        clock: Clock,
    ) -> None:
        self._page = page
        self._reader = reader
        self._capture = capture
        self._network = network
        self._attempts = attempts
        self._clock = clock
        self._button: ElementHandle | None = None
        self._typed: list[_Typed] = []
        """The boxes that were typed into last for each field."""
        self._holds: dict[InputField, str] = {}
        """What their boxes held at the last look before a press."""
        self._sending: list[ElementHandle] = []
        """Those of the form that was sent last."""

    async def prepare(
        self, script: LoginScript, fill: Fill
    ) -> tuple[Fill, Mapping[InputField, str]] | None:
        """What will be typed, and where: on a fresh look, where making an OTP took time.

        None: the page moved on.
        """
        started = self._clock.monotonic()
        texts = {field: await self._text(fill.step.values[field]) for field in fill.form.inputs}
        if self._clock.monotonic() - started > STALE:
            snapshot, _ = await self.look(script)
            if snapshot:
                form = find_certain_form(snapshot, list(fill.form.inputs))
                if form is None or form.inputs.keys() != fill.form.inputs.keys():
                    return None
                fill = replace(fill, form=form, snapshot=snapshot)
        return fill, texts

    def announce(self, fill: Fill, texts: Mapping[InputField, str]) -> None:
        """Before the first key: write the attempt down, and tell the network what to look for."""
        values = fill.step.values
        self._network.forget_failure()
        for field, value in values.items():
            if field in fill.form.inputs and isinstance(value, str):
                self._network.expect(value, secret=False)
        sources = {field: value for field, value in values.items() if field in texts}
        secrets = [source for source in sources.values() if not isinstance(source, str)]
        self._attempts.begin(secrets)
        for field, source in sources.items():
            if not isinstance(source, str):
                self._network.expect(texts[field])

    async def guard(self, fill: Fill) -> None:
        """Before that: see that what is typed goes to the broker, and watch what leaves.

        Raises:
            ForeignDestination: the page would send it elsewhere.
        """
        button = submit_button(fill.snapshot, fill.form, fill.step.press)
        pressed = [button] if button else fill.snapshot.buttons_of(fill.form.group)
        addresses = [field.sends_to for several in fill.form.inputs.values() for field in several]
        addresses += [one.sends_to for one in pressed]
        self._capture.check_destinations(self._page.url, filter(None, addresses))
        if any(not isinstance(fill.step.values[field], str) for field in fill.form.inputs):
            await self._capture.guard()

    async def look(self, script: LoginScript) -> tuple[Snapshot | None, dict[int, InputField]]:
        """The page, and by index the fields whose text stands in its boxes."""
        snapshot = await self._reader.look(selectors(script), self._boxes)
        if snapshot is None:
            return None, {}
        if not self._reader.watched:  # the page that they were on is gone
            self._typed = []
        return snapshot, {
            index: one.field
            for one, (index, value) in zip(self._typed, self._reader.watched, strict=True)
            if index >= 0 and value
        }

    @property
    def _boxes(self) -> list[ElementHandle]:
        return [one.element for one in self._typed]

    async def enter(
        self, script: LoginScript, fill: Fill, texts: Mapping[InputField, str]
    ) -> Fill | None:
        """Type the texts and see that they are there: what is to be sent, on a fresh look.

        What is gone from its box again, or never arrived, is typed once more, key by key, where
        nothing was sent. None: the page has sent it by itself.

        Raises:
            PageMoved: the boxes are not on the page any more.
            PageChanged: a box does not keep what is typed into it.
        """
        sent, posts = self._network.sent, self._network.posts
        fields = list(fill.form.inputs)
        for again in (False, True):
            last = await self._type(script, fill.form, texts, fields, by_key=again)
            await self._leave_field()
            keyed = fill.step.sends_itself and any(
                one.kind in KEYED or _fills(fill.form.inputs[one], texts[one]) for one in fields
            )
            moved_on = keyed and await self.has_sent_itself(last, sent=sent, posts=posts)
            if moved_on and self._network.posts > posts:
                return None
            fresh = await self._look_again(script, fill)
            if fresh is None:
                if moved_on or self._network.sent > sent:
                    return None
                raise PageMoved
            fill, fields = fresh, self._lost(fresh.form, texts)
            if not fields or self._network.sent > sent:
                return None if moved_on or (keyed and self._network.sent > sent) else fill
            if keyed and await self._is_sent_late(fields, posts):
                return None
        raise PageChanged(f"The page does not keep what is typed for the {fields[0].name}")

    async def _leave_field(self) -> None:
        """Leave the field that was typed into last, as a press would: a page may change by that."""
        from playwright.async_api import Error  # noqa: PLC0415  (only a login needs Playwright)

        with contextlib.suppress(Error):  # it is gone: the next look tells
            await self._page.evaluate(LEAVE_FIELD)

    async def _is_sent_late(self, emptied: Sequence[InputField], posts: int) -> bool:
        """Whether a code whose box was emptied is on its way: it must not be typed twice."""
        start = self._clock.monotonic()
        while any(field.kind in KEYED for field in emptied):
            if self._network.posts > posts:
                return True
            if self._clock.monotonic() - start > EMPTIED:
                break
            await asyncio.sleep(0.02)
        return False

    async def _look_again(self, script: LoginScript, fill: Fill) -> Fill | None:
        """The same form as it is now; None where it is not there."""
        snapshot = await self._reader.look(selectors(script), self._boxes, wait=False)
        if snapshot is None:
            return None
        now = {box.index: box for box in snapshot.inputs}
        inputs: dict[InputField, list[InputElement]] = {}
        self._holds = {}
        for one, (index, value) in zip(self._typed, self._reader.watched, strict=False):
            if one.field in fill.form.inputs and index in now:
                inputs.setdefault(one.field, []).append(now[index])
                self._holds[one.field] = self._holds.get(one.field, "") + value
        if all(len(inputs.get(field, ())) == len(was) for field, was in fill.form.inputs.items()):
            group = list(inputs.values())[-1][-1].group
            return replace(fill, form=Form(group, inputs), snapshot=snapshot)
        anew = find_certain_form(snapshot, list(fill.form.inputs))
        if anew is None or anew.inputs.keys() != fill.form.inputs.keys():
            return None
        for field, boxes in anew.inputs.items():
            self._holds[field] = "".join(await self._reader.values([box.index for box in boxes]))
        return replace(fill, form=anew, snapshot=snapshot)

    def _lost(self, form: Form, texts: Mapping[InputField, str]) -> list[InputField]:
        """The fields of which the page does not hold what was typed."""
        return [
            field
            for field, boxes in form.inputs.items()
            if not is_kept(
                self._holds[field], texts[field], masked=any(box.masked for box in boxes)
            )
        ]

    async def _type(
        self,
        script: LoginScript,
        form: Form,
        texts: Mapping[InputField, str],
        fields: Sequence[InputField],
        *,
        by_key: bool,
    ) -> ElementHandle:
        """Type the texts of these fields into their boxes; gives the last box.

        Raises:
            PageChanged: a box cannot take its text.
        """
        for field in fields:
            _see_that_it_fits(field, form.inputs[field], texts[field])
        elements = {
            field: [await self._reader.element(found.index) for found in form.inputs[field]]
            for field in fields
        }
        kept = set() if by_key else self._kept(form, texts)
        self._typed = [one for one in self._typed if one.field not in fields]
        for field, boxes in elements.items():
            self._typed += [_Typed(field, box) for box in boxes]
            if field in kept:
                continue
            closed = any(found.readonly for found in form.inputs[field])
            if closed and not await open_box(boxes[0]):
                if not await self._press_keys(script, boxes[0], texts[field]):
                    raise PageChanged(OWN_KEYBOARD)
            elif by_key and await self._press_keys(script, boxes[0], texts[field]):
                pass
            elif field.kind in KEYED or len(boxes) > 1:
                await type_otp(self._page, boxes, texts[field])
            else:
                await fill_input(self._page, boxes[0], texts[field], by_key=by_key)
        return boxes[-1]

    def _kept(self, form: Form, texts: Mapping[InputField, str]) -> set[InputField]:
        """The fields whose box holds since an earlier look what was typed into it."""
        held = {
            one.field: (index, value)
            for one, (index, value) in zip(self._typed, self._reader.watched, strict=False)
            if one.field.kind not in KEYED
        }
        return {
            field
            for field, boxes in form.inputs.items()
            if field in held and [box.index for box in boxes] == [held[field][0]]
            if held[field][1] and is_kept(held[field][1], texts[field], masked=False)
        }

    async def _press_keys(self, script: LoginScript, box: ElementHandle, text: str) -> bool:
        """Press a text's keys on the page's own keyboard, each on a fresh look: they may move.

        False: it has none, or not each of these keys as a plain button.

        Raises:
            PageChanged: a key is gone after the first ones were pressed.
        """
        for position, sign in enumerate(text):
            snapshot = await self._reader.look(selectors(script), wait=False)
            keys = keys_of(snapshot, text) if snapshot else None
            if keys is None and position:
                raise PageChanged(OWN_KEYBOARD)
            if keys is None:
                return False
            if not position:
                await box.evaluate("box => box.focus()")
            key = keys[sign]
            await self.press_on_page(key.index, covered=key.covered)
        return True

    async def press(self, script: LoginScript, fill: Fill) -> None:
        """Send a form that was filled: by its button, or by Enter in its last field.

        Boxes to tick are ticked before.
        """
        button = sender(fill.snapshot, fill.form, fill.step.press)
        last = list(fill.form.inputs.values())[-1][-1]
        index = last.index if button is None or button == "Enter" else button.index
        element = await self._reader.element(index)
        await self.tick(script, fill.snapshot)
        self._sending = [one.element for one in self._typed if one.field in fill.form.inputs]
        await self._stop_if_emptied(element)
        if button is None or button == "Enter":
            await element.press("Enter", no_wait_after=True)
        else:
            self._button = element
            await press(element, covered=button.covered)

    async def has_sent_itself(self, last: ElementHandle, *, sent: int, posts: int) -> bool:
        """Whether the page moved on by itself at the last digit.

        Pressing the button too would be a second attempt.

        `sent` and `posts` are the counts from before the first digit: the answer can be quicker
        than the last key's.
        """
        start = self._clock.monotonic()
        while self._clock.monotonic() - start < SETTLE * (3 if self._network.posts > posts else 1):
            if (
                self._network.sent > sent
                or not await last.is_visible()
                or not await last.is_enabled()
            ):
                return True
            await asyncio.sleep(0.02)
        return False

    async def stays_closed(self, fill: Fill) -> bool:
        """Whether the button of a filled form cannot be pressed, nor in half a second."""
        button = submit_button(fill.snapshot, fill.form, fill.step.press)
        if button is None or button.enabled:
            return False
        element = await self._reader.element(button.index)
        start = self._clock.monotonic()
        while self._clock.monotonic() - start < SETTLE:
            if not await element.evaluate(DISABLED):
                return False
            await asyncio.sleep(0.02)
        return True

    async def submit_again(self, script: LoginScript, snapshot: Snapshot) -> None:
        """Press the last form's button once more."""
        assert self._button is not None
        await self.tick(script, snapshot)
        await self._stop_if_emptied(self._button)
        await press(self._button, covered=False)

    async def _stop_if_emptied(self, pressed: ElementHandle) -> None:
        """Let a press go by only if the boxes still hold something when it arrives.

        A page may make them anew at any moment, and a look before the press is one too early.
        """
        await pressed.evaluate(STOP_IF_EMPTIED, self._sending)

    async def press_on_page(self, index: int, *, covered: bool) -> None:
        """Press what an index of the last snapshot means."""
        await press(await self._reader.element(index), covered=covered)

    async def tick(self, script: LoginScript, snapshot: Snapshot) -> None:
        """Checkbox the boxes that the flow names."""
        for tick in script.checkboxes:
            if box := find_unticked(snapshot, tick.label, css=tick.name):
                event("box_ticked", box=tick.name)
                await self.press_on_page(box.index, covered=box.covered)

    async def _text(self, value: str | SecretStr | OtpGenerator) -> str:
        if isinstance(value, SecretStr):
            return value.get_secret_value()
        if isinstance(value, str):
            return value
        if self._network.skew is not None:
            value.learn_skew(self._network.skew)
        return await value.generate()


def selectors(script: LoginScript) -> dict[str, list[str]]:
    """The CSS of everything that a script names, for a look at the page."""
    fields = {field.name: list(field.css) for step in script.steps for field in step.values}
    clicks = {click.name: list(click.css) for click in script.clicks}
    pins = [field.pin for step in script.steps for field in step.values]
    pinned = {pin.key: [pin.css] for pin in (*pins, script.press_pin) if pin}
    return fields | clicks | {tick.name: list(tick.css) for tick in script.checkboxes} | pinned


def _fills(boxes: Sequence[InputElement], text: str) -> bool:
    """Whether a text is all that its box takes: a page may send it at the last character."""
    return len(boxes) == 1 and boxes[0].masked and boxes[0].maxlength == len(text)


async def open_box(element: ElementHandle) -> bool:
    """Whether a box that was readonly can be typed into once it has the focus, or is clicked."""
    from playwright.async_api import Error  # noqa: PLC0415  (only a login needs Playwright)

    await element.evaluate("box => box.focus()")
    if await element.evaluate("box => !box.readOnly"):
        return True
    with contextlib.suppress(Error):
        await element.click(timeout=CLICK_MS, no_wait_after=True)
    return bool(await element.evaluate("box => !box.readOnly"))


def _see_that_it_fits(field: InputField, boxes: Sequence[InputElement], text: str) -> None:
    """See that a text can be typed into its boxes.

    Raises:
        PageChanged: it cannot.
    """
    if len(boxes) > 1 and len(boxes) != len(text):
        raise PageChanged(
            f"The page has {len(boxes)} boxes for the {field.name}, which is not as long"
        )
    if boxes[0].type == "number" and not NUMBER.fullmatch(text):
        raise PageChanged(f"The page takes only a number for the {field.name}, and it is none")


async def fill_input(page: Page, element: ElementHandle, value: str, *, by_key: bool) -> None:
    """Put a value into an input, whatever stood in it: at once, or (`by_key`) as a person would."""
    await element.fill("" if by_key else value)
    if by_key:
        await element.type(value)
    else:
        # A last key for pages that listen to keys only; the input has the focus since it was
        # filled.
        await page.keyboard.press("End")


async def type_otp(page: Page, inputs: Sequence[ElementHandle], otp: str) -> None:
    """Type an OTP or a PIN key by key: into one input, or each digit into its own.

    The page may move on at the last digit, so nothing is read back afterwards.
    """
    for element in inputs:
        if await _read_value(element):
            await element.fill("")
    typed = 0
    if len(inputs) == 1:
        # All but the digit that sends it, at once; where the input does not take them so, key by
        # key below.
        await inputs[0].type(otp[:-1])
        if _is_same(await _read_value(inputs[0]), otp[:-1]):
            typed = len(otp) - 1
        else:
            await inputs[0].fill("")
    for index, digit in enumerate(otp[typed:]):
        # Pages move the focus as they like; each digit says where it belongs.
        await inputs[min(index, len(inputs) - 1)].evaluate("box => box.focus()")
        await page.keyboard.press(digit)


async def press(element: ElementHandle, *, covered: bool) -> None:
    """Press a button once, also when a banner lies over it."""
    from playwright.async_api import Error  # noqa: PLC0415  (only a login needs Playwright)

    with contextlib.suppress(Error):
        if await element.evaluate(DISABLED):
            await element.evaluate(LEAVE_FIELD)
            await element.wait_for_element_state("enabled", timeout=CLICK_MS)
    if not covered:
        try:
            await element.click(timeout=CLICK_MS, no_wait_after=True)
        except Error:
            # It never became clickable, so it was not clicked: something lies over it.
            covered = True
    if covered:
        await element.evaluate("element => element.click()")


async def _read_value(element: ElementHandle) -> str:
    """What stands in an input; Playwright's own way to ask takes four times as long."""
    return str(await element.evaluate("box => 'value' in box ? box.value : box.textContent"))


def is_kept(value: str, text: str, *, masked: bool) -> bool:
    """Whether a box holds what was typed into it.

    Pages change how it looks (capitals, spaces, a country's code before a number), show bullets in
    its place, or encrypt it at once.
    """
    stands, typed = _plain(value), _plain(text)
    if stands == typed:
        return True
    if masked or BULLETS.fullmatch(stands):
        return len(value) >= len(text)
    if stands.endswith(typed) and COUNTRY.fullmatch(stands.removesuffix(typed)):
        return True
    return len(stands) >= ENCRYPTED and bool(BASE64.fullmatch(stands)) and typed not in stands


def _plain(value: str) -> str:
    """A value without what a page adds to show it."""
    return re.sub(r"[\s\-()\u200b-\u200f]", "", value).lower()


def _is_same(one: str, other: str) -> bool:
    return _plain(one) == _plain(other)
