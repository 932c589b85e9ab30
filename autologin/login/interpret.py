"""What a login's answers mean.

The broker's replies first; dialogs and new words at the form or in an alert region second, silence
last. Everything else that a page says is no answer: it is quoted in the end, and blocks nothing.

Everything here is pure: a state and an observation in, a state or an error out. Nothing raises.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from autologin.errors import (
    AccountLocked,
    AutologinError,
    BrokerUnavailable,
    CaptchaRequired,
    ConsentRequired,
    CredentialsRejected,
    OtpNotAvailable,
    OtpRejected,
    PageChanged,
    RedirectTimeout,
)
from autologin.flow.counts import attempts_left_in
from autologin.flow.phrases import classify, quoted, says
from autologin.flow.script import LoginScript, Step
from autologin.login import voice
from autologin.login.masking import mask
from autologin.login.matching import find_certain_form
from autologin.login.page_kinds import NEVER_FILLED, asks_for_captcha, page_kind
from autologin.login.readiness import left_by_sent
from autologin.login.sites import host_of
from autologin.login.snapshot import LINE, Snapshot, plainly
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
OPEN_HINT = (
    "Nothing is blocked. Sign in by hand at the broker's once, it may tell more there; then run it "
    "again."
)
CAPTCHA_PATIENCE = 8.0
"""Seconds that a challenge gets to clear by itself, untouched."""
BLANK = 1.0
"""Seconds that a page without a form must stay the same before its words are taken for an
answer."""
SETTLED = 0.5
"""Seconds after which new words at a form are an answer: the next screen may be right behind."""
EXPLAINED = 2.0
"""Seconds that a page gets to say what the broker's call has refused without a word."""
DOWN = 3.0
"""Seconds that a page must look like that of an outage: a slow one draws its form later."""
MOST_LINES = 40
"""Lines of a page without a form that are its answer; one with more is about something else."""
FEW_LINES = 12
"""The same of a page that says that the broker is down, or that a firewall sends."""
REFUSED_AT_THE_DOOR = {401, 403, 406, 418, 451}
CHALLENGE_SCRIPT = re.compile(r"challenge-platform|cf[-_]chl|px-captcha|_Incapsula_", re.IGNORECASE)
SCREENS = (CaptchaRequired, ConsentRequired, OtpNotAvailable)
"""What a screen may ask for, without a word of refusal."""
LOCKED = re.compile(r"(user|account)_?(is_?)?(blocked|locked)", re.IGNORECASE)


def update(script: LoginScript, state: LoginState, observed: Observation) -> LoginState:
    """The state after a look.

    Its `error` is set where the look means that the login cannot go on as it is.
    """
    left_empty = state.left_empty or left_by_sent(script, state, observed.snapshot)
    dialogs = (*state.dialogs, *observed.dialogs)
    state = replace(state, error=None, dialogs=dialogs, left_empty=left_empty)
    for reply in observed.replies:
        state = _heed(script, state, reply, observed.now)
        if state.error:
            return state
    if observed.snapshot is None:
        return replace(state, error=_silence(script, state, observed))
    if not is_listening(state, observed):
        return state
    state = _watch_page(state, observed.snapshot, observed)
    if state.down and state.challenged_since is None:
        return replace(state, error=state.error or state.down)
    if state.unexplained and state.error is None:
        return replace(state, error=_explanation(script, state, observed))
    return state


def is_listening(state: LoginState, observed: Observation) -> bool:
    """Whether the page can be worked with.

    Its scripts are there, or were waited for long enough.
    """
    loading = observed.snapshot is not None and observed.snapshot.loading
    return not loading or observed.now - state.acted_at > PATIENCE


def page_error(
    script: LoginScript, state: LoginState, snapshot: Snapshot, now: float
) -> AutologinError | None:
    """What the dialogs and the page say of what was sent, where that is a no."""
    formless = not snapshot.inputs and now - state.lines_since >= BLANK
    if state.last_step is None:
        return _error_at_start(script, state, snapshot, now) if formless else None
    refused = _is_refused_by_reply(state)
    step = None if refused else state.last_step
    texts = [*state.dialogs] if state.departed else []
    may_speak = state.departed and not state.accepted and not state.unread
    if may_speak and any(now - since >= SETTLED for since in state.heard.values()):
        texts += state.heard
    if error := voice.verdict_of_all(texts, script, step):
        return error
    if state.failing and _says_later(script, state, now):
        return state.failing
    anew = state.before is None or snapshot.made != state.before.made
    if not formless or not (may_speak or anew):
        return None
    lines = _new_lines(state, snapshot)
    step = None if refused or state.accepted else state.last_step
    error = voice.verdict_of_all(lines if len(lines) <= MOST_LINES else (), script, step)
    if error and not isinstance(error, PageChanged):
        return error
    stays = state.barred or now - state.lines_since >= DOWN
    return (_door_error(state, snapshot) if anew and stays else None) or error


def _explanation(
    script: LoginScript, state: LoginState, observed: Observation
) -> AutologinError | None:
    """What the broker's page says of a refusal that came without a word.

    None while it may still say it; after that, the refusal alone.
    """
    snapshot, now = observed.snapshot, observed.now
    patience = PATIENCE if observed.pending - {"GET"} else EXPLAINED
    is_over = now - state.unexplained_since >= patience
    said = [text for text, since in state.heard.items() if is_over or now - since >= SETTLED]
    if snapshot and not snapshot.inputs and (is_over or now - state.lines_since >= BLANK):
        lines = _new_lines(state, snapshot)
        said += lines if len(lines) <= MOST_LINES else []
    error = voice.verdict_of_all([*state.dialogs, *said], script, state.last_step)
    if error and (is_over or not isinstance(error, BrokerUnavailable | PageChanged)):
        return error
    if not is_over or state.unexplained is None:
        return None
    if snapshot and (again := _repeated_refusal(script, state, snapshot)):
        return again
    if state.challenged_since is not None:
        return CaptchaRequired()
    if not isinstance(state.unexplained, PageChanged) or not state.last_step or not snapshot:
        return state.unexplained
    if not state.heard and not state.dialogs:
        return state.unexplained
    told = _describe(state, snapshot)
    return PageChanged(f"The broker refused the {state.last_step.name}{told}", hint=OPEN_HINT)


def _says_later(script: LoginScript, state: LoginState, now: float) -> bool:
    """Whether the page says so itself for long enough that nothing else comes of it."""
    said = [text for text, since in state.heard.items() if now - since >= DOWN]
    return isinstance(voice.verdict_of_all(said, script, None), BrokerUnavailable)


def _error_at_start(
    script: LoginScript, state: LoginState, snapshot: Snapshot, now: float
) -> AutologinError | None:
    """What a page without a form says before anything was sent: only the address can be refused."""
    lines = snapshot.lines if len(snapshot.lines) <= MOST_LINES else ()
    error = voice.verdict_of_all(lines, script, None)
    in_json = any(line.startswith("{") for line in lines)
    if isinstance(error, CredentialsRejected) and (in_json or voice.names_app(error.detail)):
        return error
    blocks = isinstance(error, CredentialsRejected | OtpRejected | AccountLocked)
    if door := _door_error(state, snapshot):
        return door if now - state.lines_since >= DOWN or state.barred else None
    return None if blocks else error


def _door_error(
    state: LoginState, snapshot: Snapshot, most: int = FEW_LINES
) -> AutologinError | None:
    """What it means that another page stands in place of the login: an outage, or a firewall."""
    if len(snapshot.lines) > most:
        return None
    said = [snapshot.title, *snapshot.lines]
    if state.barred or voice.is_barrier(said):
        status = f" (HTTP {state.barred})" if state.barred else ""
        detail = f"The broker refuses this browser or this address{status}{_shown(snapshot)}"
        return BrokerUnavailable(detail, retry_after=BARRED, hint=BARRED_HINT)
    if voice.is_outage(said):
        return BrokerUnavailable(f"The broker is down{_shown(snapshot)}")
    return None


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
    if told_last := _last_resort(script, state, snapshot):
        return told_last
    told = _describe(state, snapshot)
    kind = page_kind(snapshot)
    if state.last_step and kind in NEVER_FILLED and snapshot.inputs:
        shown = _shown(snapshot, state.before.said if state.before else frozenset())
        return PageChanged(f"The broker asks for something else first (page: {kind}){shown}")
    if state.entered_all(script) and not _has_new_buttons(state, snapshot):
        return RedirectTimeout(f"The last step was sent, and no redirect came{told}")
    if state.last_step is None and kind in NEVER_FILLED:
        return PageChanged(f"This is no login (page: {kind}){told}")
    return PageChanged(f"Nothing on the page is known to this flow{_out_of_sight(snapshot)}{told}")


def _out_of_sight(snapshot: Snapshot) -> str:
    """Where a login may be that autologin cannot see."""
    frames = [host_of(url) for url in snapshot.frames if host_of(url)]
    if frames:
        return f"; it has a frame of {' and of '.join(dict.fromkeys(frames))}, which stays shut"
    if snapshot.closed:
        return f"; <{snapshot.closed[0]}> shows something that stays shut (a closed shadow tree)"
    return ""


def _heed(script: LoginScript, state: LoginState, reply: ApiReply, now: float) -> LoginState:
    """Take notice of one reply of the broker's."""
    step = _step_of(script, state, reply)
    if reply.document or (step is not None and step == state.last_step):
        state = replace(state, departed=True, down=None if reply.document else state.down)
    if (step or reply.document) and reply.unavailable and not _is_lock(reply):
        detail = f"{reply.path} answered {reply.status}"
        down = BrokerUnavailable(detail, retry_after=reply.retry_after)
        return replace(state, down=down) if reply.document else replace(state, error=down)
    if step is None:
        aside = reply.message if reply.data and reply.refused else ""
        barred = reply.status if reply.document and reply.status in REFUSED_AT_THE_DOOR else 0
        detail = f"{reply.path} answered {reply.status}"
        failing = BrokerUnavailable(detail, retry_after=reply.retry_after)
        return replace(
            state,
            failing=failing if reply.unavailable else state.failing,
            aside=aside or state.aside,
            barred=barred if reply.document else state.barred,
        )
    unflagged = bool(reply.data) and not reply.affirmed
    if reply.refused or (unflagged and voice.verdict(reply.message, script, step)):
        refusal = _refusal(script, step, reply)
        if _leaves_it_to_the_page(state, step, reply, refusal):
            return replace(state, accepted=False, unexplained=refusal, unexplained_since=now)
        refused = state.refused_by_reply | {step.name}
        return replace(state, refused_by_reply=refused, error=refusal)
    # Of HTML nobody knows whether it is a yes, unless the flow finds in it what is asked for next.
    wanted = step.wants(reply.data or {"html": reply.text}) if step.wants else ""
    accepted = bool(wanted) or (not reply.has_error_code if reply.data else not reply.text)
    if not accepted and (error := _stranger(reply, script)):
        return replace(state, error=error)
    in_its_form = accepted or (step.answers == "text" and not reply.is_page)
    if step != state.last_step:
        return state  # a late answer to an earlier step
    return replace(
        state,
        accepted=accepted,
        unexplained=None,
        plain=_words(reply.text) if in_its_form and not accepted else "",
        unread="" if in_its_form or not reply.text.lstrip().startswith("<") else reply.path,
        wanted=(wanted or state.wanted) if step.wants else "",
    )


def _stranger(reply: ApiReply, script: LoginScript) -> AutologinError | None:
    """What an answer is that somebody else than the broker gave, or the broker in an outage."""
    words = [_text_of(reply.text)]
    if len(words[0]) > LINE and not reply.is_page:
        return None
    if voice.is_challenge(words) or CHALLENGE_SCRIPT.search(reply.text):
        return CaptchaRequired()
    if voice.is_outage(words) and not isinstance(
        voice.verdict(words[0], script, None), AccountLocked
    ):
        return BrokerUnavailable(
            f'{reply.path} was answered with "{quotable(words[0], 120)}"',
            retry_after=reply.retry_after,
        )
    return None


def _watch_page(state: LoginState, snapshot: Snapshot, observed: Observation) -> LoginState:
    """Remember since when a challenge and each new text are there, and a formless page stays."""
    now = observed.now
    challenged = asks_for_captcha(snapshot) or _talks_of_captcha(snapshot)
    if not challenged:
        state = replace(state, challenged_since=None)
    elif state.challenged_since is None:
        state = replace(state, challenged_since=now)
    elif now - state.challenged_since > CAPTCHA_PATIENCE:
        state = replace(state, error=CaptchaRequired())
    if not snapshot.inputs and snapshot.lines != state.lines:
        state = replace(state, lines=snapshot.lines, lines_since=now)
    before = state.before
    anew = before is not None and snapshot.made != before.made
    sent = observed.posts > state.posts_before or observed.calls > state.calls_before
    if state.last_step is not None and (anew or sent):
        state = replace(state, departed=True)
    fresh = _heard_in(state, snapshot, observed)
    return replace(state, heard={**dict.fromkeys(fresh, now), **state.heard}) if fresh else state


def _heard_in(state: LoginState, snapshot: Snapshot, observed: Observation) -> list[str]:
    """The texts in alert regions and at the form that are new since the last step was sent."""
    if state.last_step is None or state.before is None:
        return []
    if not state.departed:
        return []  # it is the page's own opinion of what was typed
    is_waiting = bool(observed.pending - {"GET"})
    if is_waiting and observed.now - state.acted_at < PENDING_PATIENCE:
        return []  # the answer is still on its way
    former = _said_before(state, snapshot)
    form = find_certain_form(snapshot, list(state.last_step.values))
    texts = [
        one.text
        for one in snapshot.words
        if one.alert or form is None or form.group in one.groups or -1 in one.groups
    ]
    return [text for text in texts if _is_new(text, former)]


def _said_before(state: LoginState, snapshot: Snapshot) -> frozenset[str]:
    """What the page said before the last step was sent, and so says not in answer to it.

    A page that was loaded anew says everything anew, but for what it says to everybody.
    """
    if state.before is None or state.last_step is None:
        return frozenset()
    if snapshot.made != state.before.made:
        return state.first_said.get(state.last_step.name, frozenset())
    return state.before.said


def _new_lines(state: LoginState, snapshot: Snapshot) -> list[str]:
    former = _said_before(state, snapshot)
    return [line for line in snapshot.lines if _is_new(line, former)]


def _is_new(text: str, former: frozenset[str]) -> bool:
    return plainly(text) not in former


def _silence(
    script: LoginScript, state: LoginState, observed: Observation
) -> AutologinError | None:
    """What it means that the page cannot even be looked at; None while there is patience."""
    patience = PENDING_PATIENCE if state.last_step else max(PENDING_PATIENCE, script.patience)
    if observed.now <= min(state.acted_at + patience, state.deadline):
        return None
    return state.down or _no_answer(observed) or BrokerUnavailable("The page did not answer")


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
    sent = [step for step in script.steps if step.name in state.first_said]
    by_path = (step for step in sent if step.reply and reply.path.endswith(step.reply))
    return next(by_path, state.last_step if reply.carried_secret else None)


def _refusal(script: LoginScript, step: Step, reply: ApiReply) -> AutologinError:
    """What a refused step means, by the broker's flags, its words, and the step itself.

    Only the broker's own words refuse a secret: what stands in front of it has seen none. Where
    they leave it open what is refused, nothing is.
    """
    if not reply.data:
        if stranger := _stranger(reply, script):
            return stranger
        own = step.answers == "text" and not reply.is_page
        no_json = f"The broker refuses this browser or this address (HTTP {reply.status}, no JSON)"
        error = voice.verdict(_words(reply.text), script, step) if own else None
        pause = reply.retry_after or BARRED
        return error or BrokerUnavailable(no_json, retry_after=pause, hint=BARRED_HINT)
    error = quoted(AccountLocked, reply.message) if _says_locked(reply.data) else None
    error = error or voice.meaning_of(reply.message, script, step)
    if isinstance(error, CredentialsRejected | OtpRejected) and voice.is_of_session(reply.message):
        error = quoted(BrokerUnavailable, reply.message)
    if error is None or voice.leaves_open(reply.message, script, step, error):
        error = _unknown_refusal(step, reply)
    if isinstance(error, OtpRejected) and error.attempts_left is None:
        error.attempts_left = attempts_left_in(reply.data)
    return error


def _leaves_it_to_the_page(
    state: LoginState, step: Step, reply: ApiReply, error: AutologinError
) -> bool:
    """Whether the page is the one that says what the broker refused."""
    is_open = isinstance(error, PageChanged) or (not reply.data and reply.status < 500)
    return step == state.last_step and reply.is_wordless and is_open


def _unknown_refusal(step: Step, reply: ApiReply) -> AutologinError:
    """What a refusal means in words that no table knows: the step's own, where they name it."""
    if says(BrokerUnavailable, reply.message):
        return quoted(BrokerUnavailable, reply.message)
    if voice.names_own(reply.message, step):
        return quoted(step.refused, reply.message)
    said = quotable(reply.message, 120)
    return PageChanged(
        f"The broker refused the {step.name}, "
        + (
            f'in words that leave it open why: "{said}"'
            if said
            else f"and its answer does not say why (HTTP {reply.status})"
        ),
        hint=OPEN_HINT,
    )


def _last_resort(
    script: LoginScript, state: LoginState, snapshot: Snapshot
) -> AutologinError | None:
    """What it means that nothing goes on, where the page or the last answer tells."""
    if state.plain and (error := voice.verdict(state.plain, script, state.last_step)):
        return error
    if state.failing:
        return state.failing
    if state.unread:
        return BrokerUnavailable(f"{state.unread} was answered with a page, where JSON was due")
    if error := _repeated_refusal(script, state, snapshot):
        return error
    has_no_login = not any(one.masked for one in snapshot.inputs) and not state.entered
    if has_no_login and (door := _door_error(state, snapshot, MOST_LINES)):
        return door
    for line in _new_lines(state, snapshot):
        asked = None if voice.is_conditional(line) else classify(line, script, None)
        if isinstance(asked, SCREENS):
            return asked
    return None


def _repeated_refusal(
    script: LoginScript, state: LoginState, snapshot: Snapshot
) -> AutologinError | None:
    """A refusal in the same words as the one before it, which was no news when it came."""
    step, before = state.last_step, state.before
    if step is None or before is None or state.accepted or _is_refused_by_reply(state):
        return None
    again = before.said - state.first_said[step.name]
    texts = [one.text for one in snapshot.words if not _is_new(one.text, again)]
    return voice.verdict_of_all(texts, script, step)


def _is_refused_by_reply(state: LoginState) -> bool:
    return state.last_step is not None and state.last_step.name in state.refused_by_reply


def _talks_of_captcha(snapshot: Snapshot) -> bool:
    if snapshot.inputs:
        return False
    return len(snapshot.lines) <= MOST_LINES and voice.is_challenge(
        [snapshot.title, *snapshot.lines]
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
    text = _text_of(html)
    return text if len(text) <= LINE else ""


def _text_of(html: str) -> str:
    return " ".join(re.sub(r"(?s)<(script|style)\b.*?</\1>|<[^>]*>", " ", html).split())


def _is_lock(reply: ApiReply) -> bool:
    """Whether what says "later" is a lock, which another try would prolong."""
    later = reply.status == 429 or reply.status >= 500
    return later and bool(reply.data) and says(AccountLocked, reply.message)


def _says_locked(data: Mapping[str, Any]) -> bool:
    """Whether a flag in the broker's JSON says so."""
    return any(value is True and LOCKED.fullmatch(name) for name, value in data.items())


def _describe(state: LoginState, snapshot: Snapshot) -> str:
    """The broker's last words, from a dialog, a call of the page's, or else the page."""
    if state.dialogs:
        return f'; the broker said "{_show(state.dialogs[-1])}"'
    if state.aside:
        return f'; the broker said "{quotable(state.aside, 120)}"'
    if state.heard:
        return f'; the page shows "{_show(list(state.heard)[-1])}"'
    return _shown(snapshot, state.before.said if state.before else frozenset())


def _shown(snapshot: Snapshot, before: frozenset[str] = frozenset()) -> str:
    """What the page says for itself, in a few words: rather what it did not say before."""
    texts = [*snapshot.alerts, *snapshot.lines]
    new = [text for text in texts if plainly(text) not in before]
    words = next(iter([*new, *texts]), snapshot.title)
    return f'; the page shows "{_show(words)}"' if words else "; the page is empty"


def _show(words: str) -> str:
    """What a page says, which may also show codes and ids that nobody told us of."""
    return mask([words])[0][:120]
