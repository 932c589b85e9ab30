"""Signing in on a page: look, decide, act, and look again until the redirect comes.

Nothing here waits for a fixed time. Each turn of the loop waits for the first of several things: the next step, the
redirect, the consent, the broker's refusal, a captcha. Silence is an error too.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from autologin import retry
from autologin.errors import (
    AutologinError,
    BrokerUnavailable,
    ConsentRequired,
    NeedsPerson,
    OtpRejected,
)
from autologin.flow.otp import OtpGenerator
from autologin.log import event
from autologin.login import hands
from autologin.login.forms import NOTHING_MOVED, Entry, selectors
from autologin.login.interpret import Judge
from autologin.login.snapshot import (
    CODES,
    ENOUGH,
    Ambiguous,
    Form,
    Screen,
    certain,
    evidence,
    find,
    for_another_code,
    named,
    unticked,
)
from autologin.login.state import answer_in
from autologin.login.view import View, first_line

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from playwright.async_api import Dialog, Page

    from autologin.clock import Clock
    from autologin.flow.script import Click, InputField, LoginScript, Step
    from autologin.login.capture import Capture
    from autologin.login.network import Replies
    from autologin.login.snapshot import Button
    from autologin.login.state import Journal

PERSON_PATIENCE = 300.0
"""Seconds that a person has, under --headed, for a step that needs one."""
PARTIAL = 0.3
"""Seconds that a screen with only some of a step's fields must stay the same: the others may still be on their way."""


class LoginPage:
    """One login in one page. A flow calls `walk` with its script; everything else is how that is done.

    `deadline` is in monotonic seconds; `rejected_codes` are those of earlier runs.
    """

    def __init__(
        self,
        page: Page,
        capture: Capture,
        replies: Replies,
        journal: Journal,
        clock: Clock,
        *,
        deadline: float,
        authorize: bool = True,
        headed: bool = False,
        rejected_codes: int = 0,
    ) -> None:
        self._page, self._capture, self._replies, self._journal, self._clock = page, capture, replies, journal, clock
        self._deadline, self._authorize, self._headed, self.rejected_codes = deadline, authorize, headed, rejected_codes
        self._view = View(page, capture.answered, clock)
        self._judge = Judge(replies, clock, deadline)
        self._entry = Entry(page, capture, replies, journal, clock, self._view, self._judge)
        self._turned: set[str] = set()
        self._pressed: tuple[str, int] | None = None
        """The last turn and the count of calls before it, while it may be pressed once more."""
        self._refilled = False
        self._rejected: OtpRejected | None = None
        """The refusal of the last code, until the page takes another."""
        self._person_until: float | None = None
        page.on("dialog", self._dialog)

    @property
    def secrets_sent(self) -> bool:
        """Whether a secret was typed."""
        return self._entry.secrets_sent

    async def open(self, url: str) -> None:
        """Open the login page.

        Raises:
            BrokerUnavailable: it cannot be reached.
        """
        from playwright.async_api import Error  # noqa: PLC0415  (only a login needs Playwright)

        event("login_url_opened", url=urlsplit(url)._replace(query="", fragment="").geturl())
        left = max(self._deadline - self._clock.monotonic(), 1) * 1000
        try:
            await self._view.until_done(self._page.goto(url, wait_until="commit", timeout=left))
        except Error as error:
            await self._view.until_done(asyncio.sleep(0.5))  # a redirect that was caught ends the goto with an error too
            if not self._capture.answered.is_set():
                raise BrokerUnavailable(f"The login page cannot be reached ({first_line(error)})") from None
        self._judge.moved()

    async def walk(self, script: LoginScript) -> None:
        """Sign in by this script, up to the redirect.

        Raises:
            Rejected, NeedsPerson, Transient: as the broker's answer or the page means it.
        """
        self._judge.script = script
        try:
            while not self._capture.answered.is_set():
                await self._once(script)
        except AutologinError as error:
            self._journal.settle(answer_in(error))
            raise
        self._journal.settle("accepted")

    async def _once(self, script: LoginScript) -> None:
        try:
            screen = await self._view.look(selectors(script))
            if self._capture.answered.is_set():
                return  # what else the broker has answered is of no interest any more
            if self._judge.heed(await self._replies.read()):
                self._journal.settle("accepted")
            if screen is None:
                self._judge.silent()
            elif self._judge.listens(screen) and (act := self._decide(script, screen)):
                await self._do(act)
        except OtpRejected as error:
            self._another_code_or_raise(error)
        except NeedsPerson as error:
            self._wait_for_person_or_raise(self._rejected or error)

    async def _do(self, act: Coroutine[Any, Any, None]) -> None:
        from playwright.async_api import Error  # noqa: PLC0415  (only a login needs Playwright)

        posts, entered = self._replies.posts, set(self._entry.entered)
        try:
            await self._view.until_done(act)
        except Error:
            # The page changed under our hands. Where nothing was sent it may be filled once more.
            if self._replies.posts == posts and not self._refilled:
                self._refilled, self._entry.entered = True, entered
        self._judge.moved()

    def _decide(self, script: LoginScript, screen: Screen) -> Coroutine[Any, Any, None] | None:
        """What to do on this screen; None: wait. Raises what the screen means where it means the end."""
        if self._judge.challenged(screen):
            return None
        if ready := self._ready(script, screen):
            return self._enter(*ready)
        self._judge.read(screen)
        for turn in script.clicks:
            if button := self._turn_to_take(turn, script, screen):
                return self._take(turn, button)
        if button := self._consent(script, screen):
            return self._allow(button, screen)
        if self._entry.in_vain(screen):
            return self._entry.press_again(screen)
        self._judge.give_up(screen, self._situations(script, screen), self._entry.entered)
        return None

    # The next step

    def _ready(self, script: LoginScript, screen: Screen) -> tuple[Step, Form, Screen] | None:
        self._judge.unclear = ""
        for step in script.steps:
            wanted = [field for field in step.values if field not in self._entry.entered]
            if (step.whole and not _all_there(screen, wanted)) or self._too_early(step, script):
                continue
            try:
                form = find(screen, wanted) if wanted else None
            except Ambiguous as fields:
                self._judge.unclear = str(fields)
                return None
            if form and not self._entry.entered and _only_guessed(form):
                continue  # a lonely box is a code's where a code is due; at the start it is as likely a phone number's
            if form and not self._is_former(form) and not self._asks_for_another(step, form, screen):
                return (step, form, screen) if len(form.boxes) == len(wanted) or self._still() else None
        return None

    def _too_early(self, step: Step, script: LoginScript) -> bool:
        """Whether a step is a code's and nothing was sent yet: such a box is a sign-up form's; the login's is on its way."""
        by_us = self._judge.last is None and self._person_until is None
        return by_us and step is not script.steps[0] and all(isinstance(value, OtpGenerator) for value in step.values.values())

    def _is_former(self, form: Form) -> bool:
        """Whether a form still waits for its answer, and only looks as if it could take the next step's field too."""
        for field, boxes in form.boxes.items():
            others = [looks for other, seen in self._entry.filled.items() if other != field for looks in seen]
            if any(box.looks in others and (box.filled or not self._judge.accepted) for box in boxes):
                return True
        return False

    def _still(self) -> bool:
        return self._clock.monotonic() - self._view.changed_at >= PARTIAL

    def _asks_for_another(self, step: Step, form: Form, screen: Screen) -> bool:
        """Whether the form wants another user's password, or a code that is not ours to make."""
        codes = [field for field in form.boxes if field.other and isinstance(step.values[field], OtpGenerator)]
        if any(re.search(field.other, self._judge.wants, re.IGNORECASE) for field in codes):
            return True
        unsure = [field for field in codes if not re.search(field.label, self._judge.wants, re.IGNORECASE)]
        if any(for_another_code(field, box, screen) for field in unsure for box in form.boxes[field]):
            return True
        return self._shows_another_user(step, screen)

    def _shows_another_user(self, step: Step, screen: Screen) -> bool:
        """Whether the page remembers somebody else: their id is shown and ours is nowhere to be typed."""
        ours = {str(value).upper() for field, value in step.values.items() if field.kind == "text"}
        typed = any(field.kind == "text" and field in self._entry.entered for field in step.values)
        if not step.shown_as or typed or find_text(screen, step):
            return False
        shown = re.findall(step.shown_as, " ".join([*screen.lines, *(box.fixed for box in screen.boxes)]))
        return bool(shown) and not ours & {user.upper() for user in shown}

    async def _enter(self, step: Step, form: Form, screen: Screen) -> None:
        if await self._entry.enter(step, form, screen):
            self._rejected = None

    # On the way

    def _situations(self, script: LoginScript, screen: Screen) -> set[str]:
        """Where the login stands, in the words that a turn's `when` uses."""
        now = set(self._turned)
        if not self._entry.entered:
            now.add("start")
        values = [pair for step in script.steps for pair in step.values.items()]
        codes = [
            field
            for field, value in values
            if field.other and isinstance(value, OtpGenerator) and field not in self._entry.entered
        ]
        if any(self._wants_another(field, screen) for field in codes):
            now.add("other_code")
        if any(self._shows_another_user(step, screen) for step in script.steps):
            now.add("other_user")
        return now

    def _wants_another(self, field: InputField, screen: Screen) -> bool:
        """Whether the screen has a box for a code, and the box or the broker says that it is not for ours."""
        if re.search(field.label, self._judge.wants, re.IGNORECASE):
            return False
        if any(for_another_code(field, box, screen) for box in screen.boxes):
            return True
        return bool(re.search(field.other, self._judge.wants, re.IGNORECASE)) and certain(screen, [field]) is not None

    def _turn_to_take(self, turn: Click, script: LoginScript, screen: Screen) -> Button | None:
        if turn.name in self._turned and not self._in_vain(turn):
            return None
        return named(screen, turn.press, css=turn.name) if turn.when in self._situations(script, screen) else None

    def _in_vain(self, turn: Click) -> bool:
        """Whether a turn was pressed and nothing came of it: a page may redraw what was pressed at that very moment."""
        moved_at = max(self._judge.since, self._view.changed_at)
        return self._pressed == (turn.name, self._replies.posts) and self._clock.monotonic() - moved_at > NOTHING_MOVED

    async def _take(self, turn: Click, button: Button) -> None:
        event("turn_taken", turn=turn.name)
        self._pressed = None if turn.name in self._turned else (turn.name, self._replies.posts)
        self._turned.add(turn.name)
        self._judge.wants = ""
        await hands.press(await self._view.element(button.index), covered=button.covered)

    def _consent(self, script: LoginScript, screen: Screen) -> Button | None:
        """The button that allows the app, where this is the consent page."""
        places = ((script.consent_at, screen.path), (script.consent_titled, screen.title))
        at_consent = any(pattern and re.search(pattern, place) for pattern, place in places)
        wider = rf"{script.consent}|^(authori[sz]e|allow|approve|continue|accept|yes)\b" if at_consent else script.consent
        last = self._judge.last  # while its form is still there, "Continue" is that form's button
        waiting = last is not None and certain(screen, list(last.values)) is not None
        ticks = any(unticked(screen, tick.label, css=tick.name) for tick in script.checkboxes)  # may enable the button
        button = None if waiting or "consent" in self._turned else named(screen, wider, enabled=not ticks)
        if button and not self._authorize:
            raise ConsentRequired('The broker asks whether this app may use the account, and `authorize` is "false"')
        return button

    async def _allow(self, button: Button, screen: Screen) -> None:
        event("consent_given", button=button.name)
        self._turned.add("consent")
        self._judge.asked(screen)
        await self._entry.tick(screen)
        await hands.press(await self._view.element(button.index), covered=button.covered)

    # When it does not go on

    def _another_code_or_raise(self, error: OtpRejected) -> None:
        self.rejected_codes += 1
        self._journal.settle("rejected")
        step = self._judge.last
        codes = {field for field, value in step.values.items() if isinstance(value, OtpGenerator)} if step else set()
        if not codes or not retry.may_send_another_code(self.rejected_codes, error.attempts_left):
            raise error
        event("otp_rejected", level="WARNING", message=error.detail, then="one more code, in a new window")
        self._entry.entered -= set(step.values) if step else codes  # a form that holds more than the code comes back empty
        self._rejected = error
        self._judge.heard()
        self._judge.moved()

    def _wait_for_person_or_raise(self, error: NeedsPerson | OtpRejected) -> None:
        if not self._headed:
            raise error
        now = self._clock.monotonic()
        if self._person_until is None:
            event(
                "needs_person", level="WARNING", message=error.detail, hint="Do this step in the window; autologin carries on."
            )
            self._person_until = now + PERSON_PATIENCE
            self._deadline = self._judge.deadline = self._deadline + PERSON_PATIENCE
        if now > self._person_until:
            raise error

    async def _dialog(self, dialog: Dialog) -> None:
        self._judge.dialogs.append(dialog.message)
        await dialog.accept()


def _all_there(screen: Screen, wanted: list[InputField]) -> bool:
    """Whether the fields, more than one, are all on the screen."""
    form = certain(screen, wanted) if len(wanted) > 1 else None
    return form is not None and len(form.boxes) == len(wanted)


def _only_guessed(form: Form) -> bool:
    """Whether a box is taken for a code's for no better reason than that it is alone."""
    single = [(field, boxes[0]) for field, boxes in form.boxes.items() if field.kind in CODES and len(boxes) == 1]
    return any(evidence(field, box) < ENOUGH for field, box in single)


def find_text(screen: Screen, step: Step) -> bool:
    """Whether the page has a box for the user id."""
    texts = [field for field in step.values if field.kind == "text"]
    try:
        return bool(texts) and find(screen, texts) is not None
    except Ambiguous:
        return True
