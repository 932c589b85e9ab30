"""Typing a step's values into its form and sending it, so that nothing is sent twice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import SecretStr

from autologin.errors import OtpRejected
from autologin.flow.otp import OtpGenerator
from autologin.log import event
from autologin.login import hands
from autologin.login.snapshot import CODES, certain, submit_button, unticked

if TYPE_CHECKING:
    from playwright.async_api import ElementHandle, Page

    from autologin.clock import Clock
    from autologin.flow.script import InputField, LoginScript, Step
    from autologin.login.capture import Capture
    from autologin.login.interpret import Judge
    from autologin.login.network import Replies
    from autologin.login.snapshot import Form, Screen
    from autologin.login.state import Journal
    from autologin.login.view import View

SETTLE = 0.5
"""Seconds in which a code may send itself at the last digit, before its button is pressed."""
STALE = 0.2
"""Seconds after which a screen is looked at again before it is filled: making a code can take half a minute."""
NOTHING_MOVED = 3.0
"""Seconds after which a button that visibly did nothing is pressed once more."""


@dataclass
class Entry:
    """What was typed in one login, and how."""

    page: Page
    capture: Capture
    replies: Replies
    journal: Journal
    clock: Clock
    view: View
    judge: Judge
    entered: set[InputField] = field(default_factory=set)
    filled: dict[InputField, set[tuple[str | int, ...]]] = field(default_factory=dict)
    """What the boxes looked like that each field was typed into."""
    secrets_sent: bool = False
    _pressed: tuple[ElementHandle, int] | None = None

    async def enter(self, step: Step, form: Form, screen: Screen) -> bool:
        """Fill a step's form and send it; gives whether it was still there."""
        started = self.clock.monotonic()
        values = {field: await self._value(step.values[field]) for field in form.boxes}
        if self.clock.monotonic() - started > STALE and (fresh := await self.view.look(selectors(self.judge.script))):
            if (found := certain(fresh, list(form.boxes))) is None or found.boxes.keys() != form.boxes.keys():
                return False  # the page moved on meanwhile
            form, screen = found, fresh
        before = self.replies.sent, self.replies.posts
        self._note(step, form, screen, values)
        last = await self._type(form, values)
        await self._send(step, form, screen, last, before)
        return True

    async def tick(self, screen: Screen) -> None:
        """Tick the boxes that the flow names."""
        for tick in self.judge.script.checkboxes:
            if box := unticked(screen, tick.label, css=tick.name):
                event("box_ticked", box=tick.name)
                await hands.press(await self.view.element(box.index), covered=box.covered)

    def in_vain(self, screen: Screen) -> bool:
        """Whether the button was pressed and nothing at all came of it."""
        if self._pressed is None or self.replies.posts > self._pressed[1] or self.judge.last is None:
            return False
        waited = self.clock.monotonic() - self.judge.since
        return waited > NOTHING_MOVED and certain(screen, list(self.judge.last.values)) is not None

    async def press_again(self, screen: Screen) -> None:
        """Press the button that was pressed in vain, once."""
        assert self._pressed is not None
        (element, _), self._pressed = self._pressed, None
        await self.tick(screen)
        await hands.press(element, covered=False)

    async def _value(self, value: str | SecretStr | OtpGenerator) -> str:
        if not isinstance(value, OtpGenerator):
            return value.get_secret_value() if isinstance(value, SecretStr) else value
        if self.replies.skew is not None:
            value.learn_skew(self.replies.skew)
        return await value.generate()

    def _note(self, step: Step, form: Form, screen: Screen, values: dict[InputField, str]) -> None:
        """Write down, before the first key, what is going to be sent."""
        self.entered |= set(form.boxes)
        self.filled |= {field: {box.looks for box in boxes} for field, boxes in form.boxes.items()}
        self.judge.sending(step, screen)
        for wanted, value in step.values.items():
            if wanted in form.boxes and isinstance(value, str):
                self.replies.typed(value, secret=False)
        secret = [values[field] for field in form.boxes if not isinstance(step.values[field], str)]
        if secret:
            self.capture.learning = False
            self.secrets_sent = True
            self.journal.begin("otp" if step.refused is OtpRejected else "password")
        for value in secret:
            self.replies.typed(value)

    async def _type(self, form: Form, values: dict[InputField, str]) -> ElementHandle:
        """Type each value into its boxes; gives the last box."""
        elements: list[ElementHandle] = []
        for wanted, boxes in form.boxes.items():
            elements = [await self.view.element(box.index) for box in boxes]
            if wanted.kind in CODES:
                await hands.type_code(self.page, elements, values[wanted])
            else:
                await hands.fill(self.page, elements[0], values[wanted])
        return elements[-1]

    async def _send(self, step: Step, form: Form, screen: Screen, last: ElementHandle, before: tuple[int, int]) -> None:
        may_send_itself = step.sends_itself and any(field.kind in CODES for field in form.boxes)
        if may_send_itself and await self._sent_itself(last, *before):
            return
        button = submit_button(screen, form.group, step.press)
        await self.tick(screen)
        if button is None:
            await last.press("Enter", no_wait_after=True)
            return
        element = await self.view.element(button.index)
        self._pressed = (element, self.replies.posts)
        await hands.press(element, covered=button.covered)

    async def _sent_itself(self, box: ElementHandle, sent: int, posts: int) -> bool:
        """Whether the page moved on by itself at the last digit: pressing the button too would be a second attempt.

        `sent` and `posts` are the counts from before the first digit: the answer can be quicker than the last key's.
        """
        start = self.clock.monotonic()
        while self.clock.monotonic() - start < SETTLE * (3 if self.replies.posts > posts else 1):
            if self.replies.sent > sent or not await box.is_visible() or not await box.is_enabled():
                return True
            await asyncio.sleep(0.02)
        return False


def selectors(script: LoginScript) -> dict[str, list[str]]:
    """The CSS of everything that a script names, for a look at the page."""
    fields = {field.name: list(field.css) for step in script.steps for field in step.values}
    turns = {turn.name: list(turn.css) for turn in script.clicks}
    return fields | turns | {tick.name: list(tick.css) for tick in script.checkboxes}
