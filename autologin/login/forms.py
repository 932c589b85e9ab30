"""Typing a step's values into its form and sending it: as a person would, and never twice."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import SecretStr

from autologin.clock import Clock
from autologin.errors import PageChanged
from autologin.flow.otp import OtpGenerator
from autologin.flow.script import InputField, LoginScript
from autologin.log import event
from autologin.login.attempts import AttemptLog
from autologin.login.buttons import find_unticked, submit_button
from autologin.login.capture import Capture
from autologin.login.decide import Fill
from autologin.login.matching import KEYED, Form, find_certain_form
from autologin.login.network import NetworkWatcher
from autologin.login.snapshot import PageReader, Snapshot

if TYPE_CHECKING:
    from playwright.async_api import ElementHandle, Page

SETTLE = 0.5
"""Seconds in which an OTP may send itself at the last digit, before its button is pressed."""
STALE = 0.2
"""Seconds after which a page is looked at again before it is filled: making an OTP can take half a
minute."""
CLICK_MS = 1500
"""Milliseconds for an ordinary click; whatever lies over a button longer than this stays there."""
LEAVE_FIELD = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  at?.blur();
}"""
"""Some pages look at a field only when it is left, and enable their button then."""
DISABLED = (
    "element => element.matches(':disabled') || element.closest('[aria-disabled=true]') !== null"
)


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

    async def prepare(
        self, script: LoginScript, fill: Fill
    ) -> tuple[Fill, Mapping[InputField, str]] | None:
        """What will be typed, and where: on a fresh look, where making an OTP took time.

        None: the page moved on.
        """
        started = self._clock.monotonic()
        texts = {field: await self._text(fill.step.values[field]) for field in fill.form.inputs}
        if self._clock.monotonic() - started > STALE:
            snapshot = await self._reader.look(selectors(script))
            if snapshot:
                form = find_certain_form(snapshot, list(fill.form.inputs))
                if form is None or form.inputs.keys() != fill.form.inputs.keys():
                    return None
                fill = Fill(fill.step, form, snapshot)
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

    async def type(self, form: Form, texts: Mapping[InputField, str]) -> ElementHandle:
        """Type each text into its inputs; gives the last input."""
        elements: list[ElementHandle] = []
        for field, inputs in form.inputs.items():
            elements = [await self._reader.element(found.index) for found in inputs]
            if field.kind in KEYED:
                await type_otp(self._page, elements, texts[field])
            else:
                await fill_input(self._page, elements[0], texts[field])
        return elements[-1]

    async def find_button(
        self, script: LoginScript, fill: Fill
    ) -> tuple[ElementHandle, bool] | None:
        """The button that sends a form, and whether something lies over it.

        Boxes to tick are ticked. None: Enter does.
        """
        button = submit_button(fill.snapshot, fill.form, fill.step.press)
        await self.tick(script, fill.snapshot)
        if button is None:
            return None
        self._button = await self._reader.element(button.index)
        return self._button, button.covered

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

    async def submit_again(self, script: LoginScript, snapshot: Snapshot) -> None:
        """Press the last form's button once more."""
        assert self._button is not None
        await self.tick(script, snapshot)
        await press(self._button, covered=False)

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


async def fill_input(page: Page, element: ElementHandle, value: str) -> None:
    """Put a value into an input, whatever stood in it, and see that it is there.

    Raises:
        PageChanged: the input does not keep what is typed.
    """
    await element.fill(value)
    # A last key for pages that listen to keys only; the input has the focus since it was filled.
    await page.keyboard.press("End")
    if _is_same(await _read_value(element), value):
        return
    await element.fill("")
    await element.type(value)
    if not _is_same(await _read_value(element), value):
        raise PageChanged("A field of the page does not keep what is typed into it")


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
    return str(await element.evaluate("element => element.value"))


def _is_same(one: str, other: str) -> bool:
    """Whether two values are equal but for how a page shows them (capitals, spaces)."""
    return re.sub(r"[\s-]", "", one).lower() == re.sub(r"[\s-]", "", other).lower()
