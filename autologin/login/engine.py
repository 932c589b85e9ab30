"""Signing in on a page: look, interpret, decide, act, and look again until the redirect comes.

Nothing here waits for a fixed time. Each turn of the loop waits for the first of several things:
the next step, the redirect, the consent, the broker's refusal, a captcha. Silence is an error too.
What an answer means is in interpret.py, what to do next in decide.py: both are pure, and
`LoginState` is all that they know. Only this engine assigns it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any, assert_never
from urllib.parse import urlsplit

from autologin.clock import Clock
from autologin.errors import AutologinError, BrokerUnavailable, NeedsPerson, OtpRejected
from autologin.flow.script import LoginScript
from autologin.log import event
from autologin.login import decide, interpret, readiness
from autologin.login.attempts import AttemptLog
from autologin.login.buttons import sender
from autologin.login.capture import Capture
from autologin.login.decide import Action
from autologin.login.forms import FormFiller, PageMoved
from autologin.login.network import NetworkWatcher
from autologin.login.page_kinds import asks_for_captcha
from autologin.login.snapshot import Looks, PageReader, first_line
from autologin.login.state import LoginState, Observation

if TYPE_CHECKING:
    from playwright.async_api import Dialog, Page

PERSON_PATIENCE = 300.0
"""Seconds that a person has, under --headed, for a step that needs one."""

REFILLS = 2
"""How often a form is filled anew that changed while it was filled."""


class LoginEngine:
    """One login in one page: the only place that acts, and that assigns `state`."""

    def __init__(
        self,
        page: Page,
        capture: Capture,
        network: NetworkWatcher,
        attempts: AttemptLog,
        clock: Clock,
        state: LoginState,
    ) -> None:
        self.state = state
        self._page = page
        self._capture = capture
        self._network = network
        self._attempts = attempts
        self._clock = clock
        self._reader = PageReader(page, capture.answered, clock)
        self._filler = FormFiller(page, self._reader, capture, network, attempts, clock)
        self._dialogs: list[str] = []
        self._boxes: list[tuple[Looks, str]] = []
        self._boxes_at = clock.monotonic()
        self.on_wait_for_person: Callable[[float], None] = lambda _seconds: None
        """Told by how many seconds the login's time grows, because a person is to do a step."""
        page.on("dialog", self._on_dialog)

    async def open(self, url: str) -> None:
        """Open the login page.

        Raises:
            BrokerUnavailable: it cannot be reached.
        """
        from playwright.async_api import Error  # noqa: PLC0415  (only a login needs Playwright)

        event("login_url_opened", url=urlsplit(url)._replace(query="", fragment="").geturl())
        left = max(self.state.deadline - self._clock.monotonic(), 1) * 1000
        try:
            await self._reader.until_done(self._page.goto(url, wait_until="commit", timeout=left))
        except Error as error:
            # A redirect that was caught ends the goto with an error too.
            await self._reader.until_done(asyncio.sleep(0.5))
            if not self._capture.answered.is_set():
                raise BrokerUnavailable(
                    f"The login page cannot be reached ({first_line(error)})"
                ) from None
        self._note_action()

    async def drive(self, script: LoginScript) -> None:
        """Sign in by this script, up to the redirect.

        Raises:
            Rejected, NeedsPerson, Transient: as the broker's answer or the page means it.
        """
        try:
            while not self._capture.answered.is_set():
                observed = await self._observe(script)
                if self._capture.answered.is_set():
                    break  # what else the broker has answered is of no interest any more
                self.state = interpret.update(script, self.state, observed)
                if self.state.accepted and self.state.error is None:
                    self._attempts.settle("accepted")
                await self._perform(script, decide.next_action(script, self.state, observed))
            self._capture.refuse_stray()
        except AutologinError as error:
            departures = self._network.departures(self.state.posts_before)
            self._attempts.settle_error(error, departures)
            raise
        self._attempts.settle("accepted")

    async def _observe(self, script: LoginScript) -> Observation:
        snapshot, standing = await self._filler.look(script)
        replies = [] if self._capture.answered.is_set() else await self._network.read()
        dialogs = tuple(self._dialogs)
        self._dialogs.clear()
        boxes = [(box.looks, box.path) for box in snapshot.inputs] if snapshot else []
        if boxes != self._boxes:
            self._boxes, self._boxes_at = boxes, self._reader.changed_at
        return Observation(
            now=self._clock.monotonic(),
            snapshot=snapshot,
            changed_at=self._reader.changed_at,
            boxes_at=self._boxes_at,
            standing=standing,
            departures=self._network.departures(self.state.posts_before),
            replies=replies,
            dialogs=dialogs,
            posts=self._network.posts,
            calls=self._network.calls,
            submitting=self._network.submitting,
            pending=frozenset(request.method for request in self._network.pending),
            failed=self._network.failed,
        )

    async def _perform(self, script: LoginScript, action: Action) -> None:
        match action:
            case decide.Wait():
                pass
            case decide.Fill():
                await self._act(script, self._fill(script, action))
            case decide.TakeClick(click, button):
                event("turn_taken", turn=click.name)
                self.state = self.state.clicking(click.name, self._network.posts)
                await self._act(
                    script, self._filler.press_on_page(button.index, covered=button.covered)
                )
            case decide.Dismiss(words, button):
                event("notice_dismissed", button=words)
                self.state = self.state.dismissing(words)
                await self._act(
                    script, self._filler.press_on_page(button.index, covered=button.covered)
                )
            case decide.GiveConsent():
                await self._act(script, self._allow(script, action))
            case decide.TypeAgain():
                self._attempts.take_back()
                self.state = self.state.typing_again()
            case decide.SubmitAgain(snapshot):
                self.state = replace(self.state, submitted=None)
                await self._act(script, self._filler.submit_again(script, snapshot))
            case decide.SendAnotherOtp(error):
                self._count_rejection(error)
                event(
                    "otp_rejected",
                    level="WARNING",
                    message=error.detail,
                    then="one more code, in a new window",
                )
                self._dialogs.clear()
                self.state = self.state.asking_for_another_otp(error, self._clock.monotonic())
            case decide.AskPerson(error):
                advice = "Do this step in the window; autologin carries on."
                event("needs_person", level="WARNING", message=error.detail, hint=advice)
                self.on_wait_for_person(PERSON_PATIENCE)
                until = self._clock.monotonic() + PERSON_PATIENCE
                self.state = replace(
                    self.state, person_until=until, deadline=self.state.deadline + PERSON_PATIENCE
                )
            case decide.GiveUp(error):
                if isinstance(error, OtpRejected) and error is not self.state.rejection:
                    self._count_rejection(error)
                raise error
            case _:
                assert_never(action)

    async def _act(self, script: LoginScript, work: Coroutine[Any, Any, None]) -> None:
        """Do something on the page, which may change, navigate or be done under our hands."""
        from playwright.async_api import Error  # noqa: PLC0415  (only a login needs Playwright)

        before, posts, sent = self.state, self._network.posts, self._network.sent
        try:
            await self._reader.until_done(work)
        except (Error, PageMoved):
            # The page changed under our hands. Where nothing was sent it may be filled once more.
            if self._is_unsent(posts, sent) and self.state.refilled < REFILLS:
                again = self.state.refilled + 1
                self.state = replace(self.state, refilled=again, entered=before.entered)
                self._attempts.take_back()
        except NeedsPerson as error:
            await self._perform(script, decide.on_error(self.state, error, self._clock.monotonic()))
        self._note_action()

    async def _fill(self, script: LoginScript, action: decide.Fill) -> None:
        """Fill a form and send it.

        The state is written before the first key: what follows can fail at any point.
        """
        prepared = await self._filler.prepare(script, action)
        if prepared is None:
            return
        fill, texts = prepared
        await self._filler.guard(fill)
        before, posts, sent = self.state, self._network.posts, self._network.sent
        self.state = self.state.filling(
            fill.step, fill.form, fill.snapshot, self._clock.monotonic(), posts, self._network.calls
        )
        self._dialogs.clear()
        self._filler.announce(fill, texts)
        typed = await self._filler.enter(script, fill, texts)
        if typed is not None:  # else the page has sent it by itself
            left = readiness.left_empty(script, typed.step, typed.form, typed.snapshot)
            challenged = asks_for_captcha(typed.snapshot) and before.challenged_since is None
            if left or challenged or not typed.send:
                await self._hold(before, typed, left, unsent=self._is_unsent(posts, sent))
                return
            by_button = sender(typed.snapshot, typed.form, typed.step.press) != "Enter"
            submitted = self._network.posts if by_button else None
            self.state = replace(self.state, submitted=submitted, sent_form=typed.form)
            await self._filler.press(script, typed)
        self.state = replace(self.state, rejection=None, held=0, closed_button=False)

    async def _hold(
        self, before: LoginState, typed: decide.Fill, left: str, *, unsent: bool
    ) -> None:
        """Do not send what was typed: it is not all, or a challenge is still there."""
        if unsent:
            closed = before.challenged_since is not None and await self._filler.stays_closed(typed)
            self._attempts.take_back()
            self.state = before.holding(left if typed.send else "", closed_button=closed)
        else:
            self.state = replace(self.state, left_empty=left)

    def _is_unsent(self, posts: int, sent: int) -> bool:
        """Whether nothing that was typed since then can have left: a user id alone may have."""
        secret = self.state.sent_form is None or any(
            not isinstance(self.state.last_step.values.get(field), str)
            for field in self.state.sent_form.inputs
            if self.state.last_step
        )
        return self._network.posts == posts if secret else self._network.sent == sent

    async def _allow(self, script: LoginScript, action: decide.GiveConsent) -> None:
        event("consent_given", button=action.button.name)
        self.state = self.state.allowing(action.snapshot)
        await self._filler.tick(script, action.snapshot)
        await self._filler.press_on_page(action.button.index, covered=action.button.covered)

    def _count_rejection(self, error: OtpRejected) -> None:
        self.state = replace(self.state, otp_rejections=self.state.otp_rejections + 1)
        self._attempts.settle_error(error)

    def _note_action(self) -> None:
        """We did something; patience starts anew."""
        self.state = replace(self.state, acted_at=self._clock.monotonic())

    async def _on_dialog(self, dialog: Dialog) -> None:
        self._dialogs.append(dialog.message)
        await dialog.accept()
