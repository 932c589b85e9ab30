"""Everything that can go wrong, drawn once.

    AutologinError                     1
      StoreError                       1
      NoticeFailed                     1
      OutputFailed                     1
      Bug                              1
      ConfigError                      2
      Rejected                         3   CredentialsRejected  OtpRejected  AccountLocked
                                           AccountBlocked  WrongAccount  ExchangeRejected
                                           TokenRejected  StateMismatch
      NeedsPerson                      4   PageChanged  RedirectTimeout  CaptchaRequired
                                           ConsentRequired  OtpNotAvailable
        ForeignDestination             4
      Transient                        5   BrokerUnavailable  BrowserCrashed
        LeaseLost                      5
      DeliveryFailed                   6

The number is the exit code. `detail` is what happened, in the broker's own words where it has some;
`hint` is what to do next. Known secrets are cut out of both when the error is made, and what is a
token beyond doubt, so an error is always safe to print. `LeaseLost` is named `broker_unavailable`
and `ForeignDestination` `page_changed`: each is one more reason for that. A `Bug` is named
`autologin_error`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from dis import opmap
from pathlib import Path
from typing import TYPE_CHECKING

from autologin.quoting import STEERING, cut_tokens
from autologin.redaction import scrub

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType


LONGEST = 600
"""Characters of what is said in an error."""

OURS = Path(__file__).parent
BUILT_IN_FLOWS = (OURS / "flows", OURS.parent / "flows")
"""Installed, and in a checkout."""
OWN_FLOW = ("your own flow", "Correct that file, then run it again.")
"""Whose mistake it is, and what to do."""


def name_of(kind: type[AutologinError]) -> str:
    """A class name in snake_case: what JSON, metrics and the run history call such an error."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def _in_a_line(text: str) -> str:
    """What others may have said: on one line, cut, without signs that steer a terminal."""
    line = re.sub(STEERING, " ", text)
    return line if len(line) <= LONGEST else f"{line[:LONGEST]} ..."


def _frames_of(bug: BaseException) -> list[tuple[str, str, int]]:
    """Where an exception came through: module, file and line, the innermost last."""
    frames = []
    trace = bug.__traceback__
    while trace is not None:
        frames.append((_module_of(trace), trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    return frames


def is_raised_by_flow(error: BaseException) -> bool:
    """Whether a user's own flow has raised this itself.

    Ctrl-C, and the end of a coroutine that nobody waits for, come out of any line of it as well;
    but not out of a `raise`.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or not _is_own_flow(trace.tb_frame.f_code.co_filename, _module_of(trace)):
        return False
    return trace.tb_frame.f_code.co_code[trace.tb_lasti] == opmap["RAISE_VARARGS"]


def _module_of(trace: TracebackType) -> str:
    return str(trace.tb_frame.f_globals.get("__name__"))


def _is_own_flow(file: str, module: str) -> bool:
    return module.startswith("autologin.flows.") and Path(file).parent not in BUILT_IN_FLOWS


class AutologinError(Exception):
    """Something went wrong."""

    exit_code = 1
    hint = ""
    name = "autologin_error"
    """What JSON, metrics and the run history call this error."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in vars(cls):
            cls.name = name_of(cls)

    def __init__(self, detail: str = "", *, hint: str | None = None) -> None:
        self.detail = _in_a_line(
            cut_tokens(scrub(detail or (type(self).__doc__ or "").strip().splitlines()[0]))
        )
        self.hint = scrub(type(self).hint if hint is None else hint)
        self.default_hint = hint is None
        self.stage: str | None = None
        self.bundle: Path | None = None
        super().__init__(self.detail)

    @property
    def message(self) -> str:
        """One paragraph for a person: the stage, what happened, what to do next, where to look."""
        at = f"{self.stage}: " if self.stage else ""
        detail = self.detail if self.detail.endswith((".", "!", "?")) else f"{self.detail}."
        kept = f"What the page showed is in {self.bundle}." if self.bundle else ""
        return " ".join(filter(None, (at + detail, self.hint, kept)))


class StoreError(AutologinError):
    """The store could not be read or written."""

    hint = "Check the disk and the rights of the state folder."


class NoticeFailed(AutologinError):
    """Somebody who should be told of something could not be reached."""

    hint = "Check `notify` in the config."


class OutputFailed(AutologinError):
    """Standard output could not be written."""

    hint = (
        "Nobody got all that the command printed; what else it does is done. Give it an output "
        "that can be written, then run it again."
    )


class Bug(AutologinError):
    """A mistake in autologin, or in somebody's own flow.

    `frames` is where it came through, without values.
    """

    name = AutologinError.name
    hint = "Please report it, with this line and the output of --verbose."
    frames = ""

    @classmethod
    def in_flow(cls, file: str, what: str) -> Bug:
        """A mistake in a flow that raised nothing."""
        own = Path(file).parent not in BUILT_IN_FLOWS
        who, hint = OWN_FLOW if own else ("autologin", None)
        return cls(
            f"This is a mistake in {who} ({file if own else Path(file).name} {what})", hint=hint
        )

    @classmethod
    def of(cls, unexpected: BaseException) -> Bug:
        """What is told of an exception: its type and its place. Its words may hold secrets."""
        if isinstance(unexpected.__cause__, StopIteration | StopAsyncIteration):
            unexpected = unexpected.__cause__  # Python lets none out of a coroutine as it is
        frames = _frames_of(unexpected)
        what, who, hint = type(unexpected).__name__, "autologin", None
        in_own_flow = any(_is_own_flow(file, module) for module, file, _ in frames)
        for module, file, line in reversed(frames):
            package, _, name = module.partition(".")
            if name == "token" and in_own_flow:
                continue  # it got what makes no token
            if package == "autologin":
                place = f"{name.replace('.', '/')}.py:{line}"
                if _is_own_flow(file, module):
                    place = f"{file}:{line}"
                    who, hint = OWN_FLOW
                what = f"{what} in {place}"
                break
        bug = cls(f"This is a mistake in {who} ({what})", hint=hint)
        bug.frames = " > ".join(f"{file}:{line}" for _, file, line in frames[-30:])
        return bug


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the config: where it is, what it is, how to fix it."""

    key: str
    message: str
    hint: str = ""

    def __post_init__(self) -> None:
        # Names that people chose stand in it: half a character cannot be printed, and a terminal
        # obeys what cannot be seen.
        for name in ("key", "message", "hint"):
            text = getattr(self, name)
            if not text.isprintable():
                seen = (one if one.isprintable() or one == "\n" else "\ufffd" for one in text)
                object.__setattr__(self, name, "".join(seen))

    def __str__(self) -> str:
        return f"{self.key}: {self.message}" + (f"\n    {self.hint}" if self.hint else "")


class ConfigError(AutologinError):
    """The config cannot be used."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem] | Problem) -> None:
        found = [problems] if isinstance(problems, Problem) else list(problems)
        self.problems = [Problem(p.key, scrub(p.message), scrub(p.hint)) for p in found]
        super().__init__()
        self.detail = "\n".join(str(p) for p in self.problems)
        self.args = (self.detail,)


class Rejected(AutologinError):
    """The broker, or our own guard, said no."""

    exit_code = 3


class CredentialsRejected(Rejected):
    """The broker refused the credentials."""

    hint = (
        "Correct the credentials in the config; the account stays blocked until they change "
        "or you run `autologin unblock NAME`."
    )


class OtpRejected(Rejected):
    """The broker refused the code from the authenticator.

    `attempts_left` is the broker's own count, None where it gives none.
    """

    hint = (
        "Check totp_secret (was the authenticator enrolled again?) and this machine's clock, "
        "then run `autologin unblock NAME`."
    )

    def __init__(
        self, detail: str = "", *, attempts_left: int | None = None, hint: str | None = None
    ) -> None:
        self.attempts_left = attempts_left
        super().__init__(detail, hint=hint)


class AccountLocked(Rejected):
    """The broker has locked the account."""

    hint = (
        "Unlock it with the broker (usually by resetting the password), then run "
        "`autologin unblock NAME`."
    )


class AccountBlocked(Rejected):
    """An earlier login was refused, so autologin does not try this account again."""

    hint = (
        "Correct the credentials, or run `autologin unblock NAME` once you know why it was refused."
    )


class WrongAccount(Rejected):
    """The token belongs to somebody else than the configured user."""

    hint = "Check that api_key, user_id and endpoints belong to the same person."


class ExchangeRejected(Rejected):
    """The broker refused to exchange the code for a token.

    `after_no_answer`: the code had been sent before, without an answer, and may have been used up
    by that.
    """

    hint = "Check the API key and API secret in the broker's developer console."
    after_no_answer = False


class TokenRejected(Rejected):
    """The broker refused the token that it had just issued."""

    hint = (
        "Run it again; if it happens twice, check the app's status in the broker's developer "
        "console."
    )


class StateMismatch(Rejected):
    """The redirect did not carry the state of this login, so its code was not used."""

    hint = (
        "Run it again. If it happens every time, something between autologin and the broker "
        "rewrites the redirect."
    )


class NeedsPerson(AutologinError):
    """A person has to look at this login."""

    exit_code = 4
    hint = "Run it with --headed and do the step by hand."


class PageChanged(NeedsPerson):
    """The broker's page is not one that this flow knows."""

    hint = "Look at the failure bundle, or run it with --headed and do the step by hand."


class ForeignDestination(PageChanged):
    """The page would send what is typed to a host that is not the broker's."""

    name = PageChanged.name
    hint = (
        "Do not sign in there by hand before you know why. If the host is the broker's, "
        "add it to `login_hosts` of this account."
    )


class RedirectTimeout(NeedsPerson):
    """The broker accepted the login but never redirected back."""

    hint = "Run it with --headed and see what the page waits for."


class CaptchaRequired(NeedsPerson):
    """The broker asks for a captcha."""

    hint = "autologin solves none. Run it with --headed and solve it yourself."


class ConsentRequired(NeedsPerson):
    """The broker asks whether this app may use the account."""

    hint = "Run it with --headed and allow the app, or set `authorize: true` for this account."


class OtpNotAvailable(NeedsPerson):
    """The broker asks for a one-time code that this machine cannot make."""

    hint = (
        "Enable TOTP (an authenticator app) for this account in the broker's settings, or "
        "run it with --headed."
    )


class Transient(AutologinError):
    """The infrastructure failed; trying again may help."""

    exit_code = 5


class BrokerUnavailable(Transient):
    """The broker could not be reached or did not answer.

    `retry_after` is in seconds, None where the broker named no time. `sent` is False where nothing
    left this machine (the connection was refused), so that no secret can have arrived.
    """

    hint = "Try again in a few minutes."

    def __init__(
        self,
        detail: str = "",
        *,
        retry_after: float | None = None,
        hint: str | None = None,
        sent: bool = True,
    ) -> None:
        self.retry_after, self.sent = retry_after, sent
        super().__init__(detail, hint=hint)


class LeaseLost(BrokerUnavailable):
    """Another autologin process has taken this account over while this one stood still."""

    hint = "Run it again, and see what the other one did with `autologin status`."
    name = name_of(BrokerUnavailable)


class BrowserCrashed(Transient):
    """Chromium could not be started, or it died."""

    hint = "Run `autologin check`; in a container, check its memory limit."


class DeliveryFailed(AutologinError):
    """The token is issued and stored, but a sink did not get it.

    `retry_after` is in seconds, None where the sink named no time; `gone`: it wants nothing more,
    ever; `key` is the sink's key that is to blame, "" where none is.
    """

    exit_code = 6
    hint = (
        "Fix the sink, then run `autologin deliver`: the stored token is delivered without a "
        "new login."
    )

    def __init__(
        self,
        detail: str = "",
        *,
        hint: str | None = None,
        retry_after: float | None = None,
        gone: bool = False,
        key: str = "",
    ) -> None:
        self.retry_after, self.gone, self.key = retry_after, gone, key
        super().__init__(detail, hint=hint)
