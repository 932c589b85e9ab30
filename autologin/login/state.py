"""Where one login stands: one immutable value, of which only the engine keeps the newest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from autologin.errors import AutologinError, BrokerUnavailable, OtpRejected
from autologin.flow.script import InputField, LoginScript, Step
from autologin.login.matching import Form
from autologin.login.network import ApiReply
from autologin.login.snapshot import Looks, Snapshot


@dataclass(frozen=True)
class Observation:
    """What the engine saw in one look: the page, and what the broker answered behind it."""

    now: float
    """Monotonic seconds, as are all moments here."""
    snapshot: Snapshot | None
    """None where the page cannot be looked at: it navigates, or hangs."""
    changed_at: float = 0.0
    """When the page last changed."""
    replies: Sequence[ApiReply] = ()
    """The broker's answers since the last look."""
    dialogs: Sequence[str] = ()
    """The texts of the `alert()` dialogs since the last look."""
    posts: int = 0
    """How many calls other than GET the page has made so far to the broker."""
    calls: int = 0
    """The same to anybody: what a page hides from us may be an answer all the same."""
    submitting: bool = False
    """Whether a call of the page's that carries a secret has not been answered yet."""
    pending: frozenset[str] = frozenset()
    """The methods of the calls that are under way."""
    failed: str = ""
    """The last call to the broker that got no answer since the last step was sent."""
    boxes_at: float | None = None
    """When the page's boxes last changed; None: as `changed_at`."""
    standing: Mapping[int, InputField] = field(default_factory=dict)
    """By index, the boxes that hold what was typed into them, and for which field."""
    departures: int = 1
    """How often, at most, what was typed last reached the broker; 0: surely not at all."""

    @property
    def boxes_stay(self) -> float:
        """Seconds for which the page's boxes have been the same."""
        return self.now - (self.changed_at if self.boxes_at is None else self.boxes_at)


@dataclass(frozen=True)
class LoginState:
    """What a login has done so far and what it was told. Each change makes a new one."""

    deadline: float
    acted_at: float
    """When we last did something."""
    authorize: bool = True
    """Whether the broker's question, may this app use the account, is answered with yes."""
    headed: bool = False
    otp_rejections: int = 0
    """Those of earlier runs included."""

    entered: frozenset[InputField] = frozenset()
    """The fields that need not be filled any more."""
    looks: Mapping[InputField, frozenset[Looks]] = field(default_factory=dict)
    """What the inputs looked like that each field was typed into."""
    secrets_sent: bool = False
    last_step: Step | None = None
    """The step that was sent last."""
    posts_before: int = 0
    """The count of calls before it."""
    calls_before: int = 0
    """The same of those to anybody."""
    before: Snapshot | None = None
    """The page as it was then: whatever it said already is no answer."""
    first_said: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What the page said when a step was sent for the first time, by the step's name."""
    heard: Mapping[str, float] = field(default_factory=dict)
    """The new texts at the form and in alert regions since it was sent, and since when each is
    there."""
    submitted: int | None = None
    """The count of calls before the button was pressed; None where it was not, or was pressed
    again."""

    clicked: frozenset[str] = frozenset()
    last_click: tuple[str, int] | None = None
    """The last click and the count of calls before it, while it may be pressed once more."""
    refilled: int = 0
    """How often a form was filled once more because the page changed while it was filled."""
    typed_again: bool = False
    """Whether a form was filled once more because its boxes were emptied after it was sent, when
    nothing had left."""
    held: int = 0
    """How often a form was filled and not sent since one was sent."""
    held_for: str = ""
    """What such a form would have been sent without."""
    closed_button: bool = False
    """Whether the button of a form that was filled and not sent could not be pressed then."""
    sent_form: Form | None = None
    """The form that was sent last."""
    left_empty: str = ""
    """The box for a password of that form that was not filled, in words: its refusal says nothing
    of a secret."""

    accepted: bool = False
    """Whether the broker accepted what was sent last."""
    wanted: str = ""
    """What the broker's last answer says it wants next."""
    dialogs: tuple[str, ...] = ()
    refused_by_reply: frozenset[str] = frozenset()
    """The steps that a reply refused: what the page says of them is no news."""
    aside: str = ""
    """What the broker said in refusing a call that answers no step: the reason, where nothing goes
    on."""
    plain: str = ""
    """The words of an answer that is no JSON: a refusal, perhaps, of which the page says
    nothing."""
    unread: str = ""
    """The path of a call of the step's that was answered in another form than the broker's: nothing
    that the page makes of it is the broker's word."""
    departed: bool = False
    """Whether anything of the last step has left: before that nobody can have refused it."""
    failing: BrokerUnavailable | None = None
    """What another call of the page's ended in since then: the reason, where nothing goes on."""
    down: BrokerUnavailable | None = None
    """What the status of the page itself says, as long as it may be a challenge that clears."""
    barred: int = 0
    """The HTTP status with which the page itself was refused; 0: it was not."""
    challenged_since: float | None = None
    """Since when a captcha is on the page."""
    lines: tuple[str, ...] = ()
    lines_since: float = 0.0
    """What a page without a form says, and since when."""

    rejection: OtpRejected | None = None
    """The refusal of the last OTP, until the page takes another."""
    person_until: float | None = None
    """Until when a person may do the step that needs one."""
    unexplained: AutologinError | None = None
    """What a refusal without a word means, if the page does not say either what it was."""
    unexplained_since: float = 0.0
    error: AutologinError | None = None
    """What the last look means, where it means that the login cannot go on as it is."""

    def filling(
        self, step: Step, form: Form, snapshot: Snapshot, now: float, posts: int = 0, calls: int = 0
    ) -> LoginState:
        """A step is about to be typed into this form on this page, after so many calls."""
        looks = {
            name: frozenset(found.looks for found in inputs) for name, inputs in form.inputs.items()
        }
        values = [step.values[name] for name in form.inputs]
        secret = any(not isinstance(value, str) for value in values)
        return replace(
            self,
            acted_at=now,
            entered=self.entered | set(form.inputs),
            looks={**self.looks, **looks},
            secrets_sent=self.secrets_sent or secret,
            last_step=step,
            posts_before=posts,
            calls_before=calls,
            before=snapshot,
            submitted=None,
            sent_form=form,
            left_empty="",
            first_said={step.name: snapshot.said, **self.first_said},
            heard={},
            departed=False,
            failing=None,
            accepted=False,
            dialogs=(),
            aside="",
            plain="",
            unread="",
            unexplained=None,
        )

    def holding(self, left: str, *, closed_button: bool = False) -> LoginState:
        """A form was filled and is not sent, as if nothing had been typed.

        `left`: what it would have been sent without, if that is why.
        """
        held = self.held + 1
        return replace(self, held=held, held_for=left, closed_button=closed_button)

    def typing_again(self) -> LoginState:
        """What was typed last is gone from its boxes, and was surely not sent."""
        entered = self.entered - set(self.sent_form.inputs if self.sent_form else ())
        return replace(self, entered=entered, typed_again=True, submitted=None)

    def clicking(self, name: str, posts: int) -> LoginState:
        """A click of the script is about to be made.

        It may be made once more, where nothing comes of it.
        """
        return replace(
            self,
            clicked=self.clicked | {name},
            last_click=None if name in self.clicked else (name, posts),
            wanted="",
        )

    def dismissing(self, words: str) -> LoginState:
        """A notice is about to be put off; that is done once."""
        return replace(self, clicked=self.clicked | {words})

    def allowing(self, snapshot: Snapshot) -> LoginState:
        """The consent is about to be given on this page."""
        return replace(self, clicked=self.clicked | {"consent"}, before=snapshot)

    def asking_for_another_otp(self, error: OtpRejected, now: float) -> LoginState:
        """The last OTP was refused, and one more may be sent.

        What was said so far is dealt with. A form that holds more than the OTP comes back empty.
        """
        entered = self.entered - set(self.last_step.values if self.last_step else ())
        return replace(
            self,
            entered=entered,
            rejection=error,
            dialogs=(),
            heard={},
            before=None,
            unexplained=None,
            acted_at=now,
        )

    def entered_all(self, script: LoginScript) -> bool:
        """Whether every field of the script was entered."""
        return all(name in self.entered for step in script.steps for name in step.values)
