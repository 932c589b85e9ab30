"""What a login's answers mean.

The broker's replies first, new words on the page second, dialogs third, silence last.

Everything here is pure: a state and an observation in, a state or an error out. Nothing raises.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
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
from autologin.flow.counts import attempts_left_in
from autologin.flow.phrases import classify, quoted, says
from autologin.flow.script import LoginScript, Step
from autologin.login.masking import mask
from autologin.login.readiness import left_by_sent
from autologin.login.snapshot import LINE, Snapshot
from autologin.login.state import LoginState, Observation
from autologin.quoting import quotable

if TYPE_CHECKING:
    from autologin.login.network import ApiReply

PATIENCE = 10.0
"""Seconds that a page may show nothing that the flow knows, before that is the answer."""
PENDING_PATIENCE = 30.0
"""The same while a call to the broker is under way; our own submit is waited for until the run's
time is over."""
BARRED = 300.0
"""Seconds before a login is tried again that something in front of the broker has refused."""
BARRED_HINT = (
    "Try again in a few minutes. If it stays so, run it with --headed, or from another address."
)
CAPTCHA_PATIENCE = 8.0
"""Seconds that a challenge gets to clear by itself, untouched."""
BLANK = 1.0
"""Seconds that a page without a form must stay the same before its words are taken for an
answer."""
LOCKED = re.compile(r"(user|account)_?(is_?)?(blocked|locked)", re.IGNORECASE)


def update(script: LoginScript, state: LoginState, observed: Observation) -> LoginState:
    """The state after a look.

    Its `error` is set where the look means that the login cannot go on as it is.
    """
    left_empty = state.left_empty or left_by_sent(script, state, observed.snapshot)
    dialogs = (*state.dialogs, *observed.dialogs)
    state = replace(state, error=None, dialogs=dialogs, left_empty=left_empty)
    for reply in observed.replies:
        state = _heed(script, state, reply)
        if state.error:
            return state
    if observed.snapshot is None:
        return replace(state, error=_silence(script, state, observed))
    if not is_listening(state, observed):
        return state
    return _watch_page(state, observed.snapshot, observed.now)


def is_listening(state: LoginState, observed: Observation) -> bool:
    """Whether the page can be worked with.

    Its scripts are there, or were waited for long enough.
    """
    loading = observed.snapshot is not None and observed.snapshot.loading
    return not loading or observed.now - state.acted_at > PATIENCE


def page_error(
    script: LoginScript, state: LoginState, snapshot: Snapshot, now: float
) -> AutologinError | None:
    """What the dialogs and the new words on the page say, where that is a no."""
    step = None if _is_refused_by_reply(state) else state.last_step
    if state.before is not None:
        former = set(state.before.lines)
        new_lines = [line for line in snapshot.lines if line not in former]
    else:  # a page that has no form at all answers us with everything that it says
        stays = not snapshot.inputs and now - state.lines_since >= BLANK
        new_lines = list(snapshot.lines) if stays else []
    lines = [*state.dialogs, *new_lines]
    errors = [error for line in lines if (error := classify(line, script, step))]
    # "Oops, something went wrong" is often the heading of a page that says below what it was.
    named = (error for error in errors if not isinstance(error, BrokerUnavailable))
    return next(named, errors[0] if errors else None)


def conclusion(
    script: LoginScript,
    state: LoginState,
    observed: Observation,
    snapshot: Snapshot,
    situations: Collection[str],
    unclear: str,
) -> AutologinError | None:
    """What it means that nothing known is on the page; None while there is patience.

    `unclear` names the fields for which two places on the page are equally good.
    """
    waited = observed.now - state.acted_at
    patience = PENDING_PATIENCE if observed.pending else PATIENCE
    if state.last_step is None and _is_blank(snapshot):
        patience = max(patience, script.patience)
    ours = state.last_step is not None and bool(observed.pending - {"GET"})
    if (waited <= patience or ours) and observed.now <= state.deadline:
        return None
    if error := _no_answer(observed):
        return error
    if "captcha" in state.wanted:
        return CaptchaRequired()
    other_otp = any(turn.when == "other_code" and turn.name in situations for turn in script.clicks)
    if "other_code" in situations or other_otp:
        return OtpNotAvailable(
            f"The broker asks for a code that no TOTP seed makes{_shown(snapshot)}"
        )
    if unclear:
        return PageChanged(
            f"Two places on the page look equally like the {unclear}, and autologin does not guess"
        )
    if again := _repeated_refusal(script, state, snapshot) or classify(
        state.plain, script, state.last_step
    ):
        return again
    told = _describe(state, snapshot)
    if state.entered_all(script) and not _has_new_buttons(state, snapshot):
        return RedirectTimeout(f"The last step was sent, and no redirect came{told}")
    return PageChanged(f"Nothing on the page is known to this flow{told}")


def _heed(script: LoginScript, state: LoginState, reply: ApiReply) -> LoginState:
    """Take notice of one reply of the broker's."""
    step = _step_of(script, state, reply)
    if (step or reply.document) and reply.unavailable and not _is_lock(reply):
        unavailable = f"{reply.path} answered {reply.status}"
        return replace(state, error=BrokerUnavailable(unavailable, retry_after=reply.retry_after))
    if step is None:
        aside = reply.message if reply.data and reply.refused else ""
        return replace(state, aside=aside or state.aside)
    if reply.refused:
        refused = state.refused_by_reply | {step.name}
        return replace(state, refused_by_reply=refused, error=_refusal(script, step, reply))
    # Of HTML nobody knows whether it is a yes, unless the flow finds in it what is asked for next.
    wanted = step.wants(reply.data or {"html": reply.text}) if step.wants else ""
    accepted = bool(reply.data or not reply.text or wanted)
    return replace(
        state,
        accepted=accepted,
        plain="" if accepted else _words(reply.text),
        wanted=(wanted or state.wanted) if step.wants else "",
    )


def _watch_page(state: LoginState, snapshot: Snapshot, now: float) -> LoginState:
    """Remember since when a challenge is there, and a page without a form says the same."""
    challenged = snapshot.captcha or _talks_of_captcha(snapshot)
    if not challenged:
        state = replace(state, challenged_since=None)
    elif state.challenged_since is None:
        state = replace(state, challenged_since=now)
    elif now - state.challenged_since > CAPTCHA_PATIENCE:
        state = replace(state, error=CaptchaRequired())
    if not snapshot.inputs and snapshot.lines != state.lines:
        state = replace(state, lines=snapshot.lines, lines_since=now)
    return state


def _silence(
    script: LoginScript, state: LoginState, observed: Observation
) -> AutologinError | None:
    """What it means that the page cannot even be looked at; None while there is patience."""
    patience = PENDING_PATIENCE if state.last_step else max(PENDING_PATIENCE, script.patience)
    if observed.now <= min(state.acted_at + patience, state.deadline):
        return None
    return _no_answer(observed) or BrokerUnavailable("The page did not answer")


def _no_answer(observed: Observation) -> BrokerUnavailable | None:
    if observed.failed:
        return BrokerUnavailable(f"The broker did not answer {observed.failed}")
    if observed.pending:
        return BrokerUnavailable("The broker has not answered yet")
    return None


def _step_of(script: LoginScript, state: LoginState, reply: ApiReply) -> Step | None:
    """The step that a reply answers: by its path, or because the call carried what we typed."""
    if reply.document:
        return None
    by_path = (step for step in script.steps if step.reply and reply.path.endswith(step.reply))
    return next(by_path, state.last_step if reply.carried_secret else None)


def _refusal(script: LoginScript, step: Step, reply: ApiReply) -> AutologinError:
    """What a refused step means, by the broker's flags, its words, and the step itself.

    Only the broker's own words refuse a secret: what stands in front of it has seen none.
    """
    if not reply.data:
        plain = "" if reply.text.lstrip().startswith("<") else reply.text
        no_json = f"The broker refuses this browser or this address (HTTP {reply.status}, no JSON)"
        error = classify(plain, script, step)
        pause = reply.retry_after or BARRED
        return error or BrokerUnavailable(no_json, retry_after=pause, hint=BARRED_HINT)
    error = quoted(AccountLocked, reply.message) if _says_locked(reply.data) else None
    error = error or classify(reply.message, script, step)
    if error is None:
        later = says(BrokerUnavailable, reply.message)
        error = quoted(BrokerUnavailable if later else step.refused, reply.message)
    if isinstance(error, OtpRejected) and error.attempts_left is None:
        error.attempts_left = attempts_left_in(reply.data)
    return error


def _repeated_refusal(
    script: LoginScript, state: LoginState, snapshot: Snapshot
) -> AutologinError | None:
    """A refusal in the same words as the one before it, which was no news when it came."""
    if state.last_step is None or _is_refused_by_reply(state):
        return None
    first = state.first_lines[state.last_step.name]
    lines = (line for line in snapshot.lines if line not in first)
    return next(filter(None, (classify(line, script, state.last_step) for line in lines)), None)


def _is_refused_by_reply(state: LoginState) -> bool:
    return state.last_step is not None and state.last_step.name in state.refused_by_reply


def _talks_of_captcha(snapshot: Snapshot) -> bool:
    if snapshot.inputs:
        return False
    return any(
        isinstance(classify(line, LoginScript(()), None), CaptchaRequired)
        for line in snapshot.lines
    )


def _has_new_buttons(state: LoginState, snapshot: Snapshot) -> bool:
    known = {button.name for button in state.before.buttons} if state.before else set()
    return any(button.name not in known for button in snapshot.buttons)


def _is_blank(snapshot: Snapshot) -> bool:
    """Whether a page shows nothing yet, or only that it is loading."""
    loading = all(
        re.fullmatch(r"(loading|please wait)\W*", line, re.IGNORECASE) for line in snapshot.lines
    )
    return loading and not snapshot.inputs and not snapshot.buttons


def _words(html: str) -> str:
    """What an answer in HTML says, where it is short enough to say one thing only."""
    text = " ".join(re.sub(r"(?s)<(script|style)\b.*?</\1>|<[^>]*>", " ", html).split())
    return text if len(text) <= LINE else ""


def _is_lock(reply: ApiReply) -> bool:
    """Whether a 429 is no pace to keep but a lock, which another try would prolong."""
    return reply.status == 429 and bool(reply.data) and says(AccountLocked, reply.message)


def _says_locked(data: Mapping[str, Any]) -> bool:
    """Whether a flag in the broker's JSON says so."""
    return any(value is True and LOCKED.fullmatch(name) for name, value in data.items())


def _describe(state: LoginState, snapshot: Snapshot) -> str:
    """The broker's last words, from a dialog, a call of the page's, or else the page."""
    if state.dialogs:
        return f'; the broker said "{_show(state.dialogs[-1])}"'
    if state.aside:
        return f'; the broker said "{quotable(state.aside, 120)}"'
    return _shown(snapshot, state.before.lines if state.before else ())


def _shown(snapshot: Snapshot, before: Sequence[str] = ()) -> str:
    """What the page says for itself, in a few words: rather what it did not say before."""
    new = [line for line in snapshot.lines if line not in before]
    words = next(iter([*snapshot.alerts, *new, *snapshot.lines]), snapshot.title)
    return f'; the page shows "{_show(words)}"' if words else "; the page is empty"


def _show(words: str) -> str:
    """What a page says, which may also show codes and ids that nobody told us of."""
    return mask([words])[0][:120]
