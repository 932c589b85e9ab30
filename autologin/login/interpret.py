"""What a login's answers mean: the broker's replies first, new words on the page second, dialogs third, silence last."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from autologin.errors import (
    AccountLocked,
    AutologinError,
    BrokerUnavailable,
    CaptchaRequired,
    OtpNotAvailable,
    OtpRejected,
    PageChanged,
    RedirectTimeout,
)
from autologin.flow.phrases import classify, quoted
from autologin.flow.script import LoginScript
from autologin.login.snapshot import LINE
from autologin.redaction import scrub

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from autologin.clock import Clock
    from autologin.flow.script import InputField, Step
    from autologin.login.network import Replies, Reply
    from autologin.login.snapshot import Screen

PATIENCE = 10.0
"""Seconds that a page may show nothing that the flow knows, before that is the answer."""
PENDING_PATIENCE = 30.0
"""The same while some call to the broker is under way; our own submit is waited for until the run's time is over."""
CAPTCHA_PATIENCE = 8.0
"""Seconds that a challenge gets to clear by itself, untouched."""
BLANK = 1.0
"""Seconds that a page without a form must stay the same before its words are taken for an answer."""
ATTEMPTS = re.compile(r"attempts?_?(remaining|left)|remaining_?attempts?", re.IGNORECASE)
FAILED_ATTEMPTS = re.compile(r"(failed|wrong|invalid)_?attempts?", re.IGNORECASE)
STRIKES = 5
"""Wrong entries after which accounts are blocked, as far as it is known of any broker."""
LOCKED = re.compile(r"(user|account)_?(is_?)?(blocked|locked)", re.IGNORECASE)


class Judge:
    """Remembers what was sent last and says what comes of it."""

    script: LoginScript

    def __init__(self, replies: Replies, clock: Clock, deadline: float) -> None:
        self.deadline = deadline
        self.last: Step | None = None
        self.wants = ""
        """What the broker's last answer says it wants next."""
        self.unclear = ""
        """The fields for which two places on the screen are equally good."""
        self.accepted = False
        """Whether the broker accepted what was sent last."""
        self.dialogs: list[str] = []
        self.since = clock.monotonic()
        """When we last did something (monotonic seconds)."""
        self._replies, self._clock = replies, clock
        self._before: Screen | None = None
        self._refused_by_reply: set[str] = set()
        self._aside = ""
        """What the broker said in refusing a call that answers no step: the reason, where nothing goes on."""
        self._challenged_since: float | None = None
        self._plain = ""
        """The words of an answer that is no JSON: a refusal, perhaps, of which the page says nothing."""
        self._words: tuple[tuple[str, ...], float] = ((), 0.0)
        self._first: dict[str, tuple[str, ...]] = {}

    def moved(self) -> None:
        """We did something; patience starts anew."""
        self.since = self._clock.monotonic()

    def sending(self, step: Step, screen: Screen) -> None:
        """A step is about to be filled on this screen: whatever it says already is no answer to it."""
        self.last, self._before = step, screen
        self._first.setdefault(step.name, screen.lines)
        self.dialogs.clear()
        self._aside = self._plain = self._replies.failed = ""
        self.accepted = False
        self.moved()

    def asked(self, screen: Screen) -> None:
        """The consent is about to be given on this screen: whatever it says already is no answer to that."""
        self._before = screen

    def heed(self, replies: Sequence[Reply]) -> bool:
        """Take notice of the broker's replies; gives whether one of them accepts what was sent.

        Raises:
            AutologinError: a reply refuses it, or says that the broker cannot answer.
        """
        news = False
        for reply in replies:
            step = self._step_of(reply)
            if (step or reply.document) and reply.unavailable:
                raise BrokerUnavailable(f"{reply.path} answered {reply.status}", retry_after=reply.retry_after)
            if step and reply.refused:
                self._refused_by_reply.add(step.name)
                raise self._refusal(step, reply)
            if step:
                # Of HTML nobody knows whether it is a yes, unless the flow finds in it what is asked for next.
                wants = step.wants(reply.data or {"html": reply.text}) if step.wants else ""
                self.accepted = bool(reply.data or not reply.text or wants)
                self._plain = "" if self.accepted else _words(reply.text)
                news = news or self.accepted
                self.wants = (wants or self.wants) if step.wants else ""
            elif reply.data and reply.refused:
                self._aside = reply.message or self._aside
        return news

    def heard(self) -> None:
        """What was said so far has been dealt with, and is no answer to what comes next."""
        self.dialogs.clear()
        self._before = None

    def challenged(self, screen: Screen) -> bool:
        """Whether a captcha is on the screen.

        Raises:
            CaptchaRequired: it did not clear by itself.
        """
        if not screen.captcha and not self._talks_of_captcha(screen):
            self._challenged_since = None
            return False
        self._challenged_since = self._challenged_since or self._clock.monotonic()
        if self._clock.monotonic() - self._challenged_since > CAPTCHA_PATIENCE:
            raise CaptchaRequired
        return True

    def read(self, screen: Screen) -> None:
        """Read the dialogs, and what is new on the screen.

        Raises:
            AutologinError: it says no.
        """
        step = None if self.last and self.last.name in self._refused_by_reply else self.last
        lines = [*self.dialogs, *self._new_words(screen)]
        errors = [error for words in lines if (error := classify(words, self.script, step))]
        if errors:  # "Oops, something went wrong" is often the heading of a page that says below what it was
            raise next((error for error in errors if not isinstance(error, BrokerUnavailable)), errors[0])

    def listens(self, screen: Screen) -> bool:
        """Whether the page can be worked with: its scripts are there, or have been waited for long enough."""
        return not screen.loading or self._clock.monotonic() - self.since > PATIENCE

    def silent(self) -> None:
        """The page cannot even be looked at (it navigates, or hangs).

        Raises:
            BrokerUnavailable: it has been so for too long.
        """
        patience = PENDING_PATIENCE if self.last else max(PENDING_PATIENCE, self.script.patience)
        if self._clock.monotonic() > min(self.since + patience, self.deadline):
            raise self._no_answer() or BrokerUnavailable("The page did not answer")

    def give_up(self, screen: Screen, situations: Collection[str], entered: Collection[InputField]) -> None:
        """Raise what it means that nothing known is on the screen, once patience is over."""
        waited = self._clock.monotonic() - self.since
        patience = PENDING_PATIENCE if self._replies.pending else PATIENCE
        if self.last is None and _blank(screen):
            patience = max(patience, self.script.patience)
        ours = self.last is not None and any(request.method != "GET" for request in self._replies.pending)
        if (waited > patience and not ours) or self._clock.monotonic() > self.deadline:
            raise self._conclusion(screen, situations, entered)

    def _conclusion(self, screen: Screen, situations: Collection[str], entered: Collection[InputField]) -> AutologinError:
        if error := self._no_answer() or (CaptchaRequired() if "captcha" in self.wants else None):
            return error
        if "other_code" in situations or any(
            turn.when == "other_code" and turn.name in situations for turn in self.script.clicks
        ):
            return OtpNotAvailable(f"The broker asks for a code that no TOTP seed makes{_shown(screen)}")
        if self.unclear:
            return PageChanged(f"Two places on the page look equally like the {self.unclear}, and autologin does not guess")
        if again := self._said_again(screen) or classify(self._plain, self.script, self.last):
            return again
        done = all(field in entered for step in self.script.steps for field in step.values)
        if done and not self._new_things_to_press(screen):
            return RedirectTimeout(f"The last step was sent, and no redirect came{self._told(screen)}")
        return PageChanged(f"Nothing on the page is known to this flow{self._told(screen)}")

    def _told(self, screen: Screen) -> str:
        if detail := [*self.dialogs[-1:], *([self._aside] if self._aside else [])]:
            return f'; the broker said "{scrub(detail[0])[:120]}"'
        return _shown(screen, self._before.lines if self._before else ())

    def _said_again(self, screen: Screen) -> AutologinError | None:
        """A refusal in the same words as the one before it, which was no news when it came."""
        if self.last is None or self.last.name in self._refused_by_reply:
            return None
        lines = [line for line in screen.lines if line not in self._first[self.last.name]]
        meanings = (classify(line, self.script, self.last) for line in lines)
        return next(filter(None, meanings), None)

    def _no_answer(self) -> BrokerUnavailable | None:
        if self._replies.failed:
            return BrokerUnavailable(f"The broker did not answer {self._replies.failed}")
        if self._replies.pending:
            return BrokerUnavailable("The broker has not answered yet")
        return None

    def _step_of(self, reply: Reply) -> Step | None:
        """The step that a reply answers: by its path, or because the call carried what we typed."""
        if reply.document:
            return None
        by_path = (step for step in self.script.steps if step.reply and reply.path.endswith(step.reply))
        return next(by_path, self.last if reply.carried_secret else None)

    def _refusal(self, step: Step, reply: Reply) -> AutologinError:
        if not reply.data:
            plain = "" if reply.text.lstrip().startswith("<") else reply.text
            no_json = PageChanged(f"The broker refuses this browser or this address (HTTP {reply.status}, no JSON)")
            return classify(plain, self.script, step) or no_json
        error = quoted(AccountLocked, reply.message) if _says_locked(reply.data) else None
        error = error or classify(reply.message, self.script, step)
        if error is None or (isinstance(error, BrokerUnavailable) and "session" not in reply.message.lower()):
            error = quoted(step.refused, reply.message)
        if isinstance(error, OtpRejected) and error.attempts_left is None:
            error.attempts_left = _attempts(reply.data)
        return error

    def _new_words(self, screen: Screen) -> list[str]:
        """The lines that answer us: new since the submit, or all of them where a page has no form at all."""
        if self._before:
            seen = set(self._before.lines)
            return [line for line in screen.lines if line not in seen]
        return list(screen.lines) if not screen.boxes and self._unchanged_for(screen, BLANK) else []

    def _unchanged_for(self, screen: Screen, seconds: float) -> bool:
        now = self._clock.monotonic()
        if self._words[0] != screen.lines:
            self._words = (screen.lines, now)
        return now - self._words[1] >= seconds

    def _talks_of_captcha(self, screen: Screen) -> bool:
        return not screen.boxes and any(
            isinstance(classify(line, LoginScript(()), None), CaptchaRequired) for line in screen.lines
        )

    def _new_things_to_press(self, screen: Screen) -> bool:
        known = {button.name for button in self._before.buttons} if self._before else set()
        return any(button.name not in known for button in screen.buttons)


def _blank(screen: Screen) -> bool:
    """Whether a page shows nothing yet, or only that it is loading."""
    loading = all(re.fullmatch(r"(loading|please wait)\W*", line, re.IGNORECASE) for line in screen.lines)
    return loading and not screen.boxes and not screen.buttons


def _words(html: str) -> str:
    """What an answer in HTML says, where it is short enough to say one thing only."""
    text = " ".join(re.sub(r"(?s)<(script|style)\b.*?</\1>|<[^>]*>", " ", html).split())
    return text if len(text) <= LINE else ""


def _attempts(data: Mapping[str, Any]) -> int | None:
    """The broker's count of attempts left, or of those that failed, wherever its JSON has it."""
    for name, value in data.items():
        if ATTEMPTS.fullmatch(name) and isinstance(value, int):
            return value
        if FAILED_ATTEMPTS.fullmatch(name) and isinstance(value, int):
            return max(STRIKES - value, 0)
        if isinstance(value, dict) and (found := _attempts(value)) is not None:
            return found
    return None


def _says_locked(data: Mapping[str, Any]) -> bool:
    """Whether a flag in the broker's JSON says so."""
    flags = (name for name, value in data.items() if value is True)
    return any(LOCKED.fullmatch(name) for name in flags)


def _shown(screen: Screen, before: Sequence[str] = ()) -> str:
    """What the page says for itself, in a few words: rather what it did not say before."""
    new = [line for line in screen.lines if line not in before]
    words = next(iter([*screen.alerts, *new, *screen.lines]), screen.title)
    return f'; the page shows "{scrub(words)[:120]}"' if words else "; the page is empty"
