"""What the login engine decides, and what it takes answers for: tables over plain data, without a browser."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from support.clock import HandClock
from support.snapshots import button, field, page

from autologin import redaction
from autologin.errors import (
    AccountLocked,
    BrokerUnavailable,
    CaptchaRequired,
    ConsentRequired,
    CredentialsRejected,
    OtpNotAvailable,
    OtpRejected,
    PageChanged,
    RedirectTimeout,
)
from autologin.flow.otp import OtpGenerator
from autologin.flow.script import Checkbox, Click, InputField, LoginScript, Step
from autologin.login import decide, interpret
from autologin.login.decide import (
    AskPerson,
    Fill,
    GiveConsent,
    GiveUp,
    SendAnotherOtp,
    SubmitAgain,
    TakeClick,
    Wait,
)
from autologin.login.matching import Form, find_form
from autologin.login.network import ApiReply
from autologin.login.snapshot import PlacedText
from autologin.login.state import LoginState, Observation

USER = InputField("user", "text", r"user ?id")
PASSWORD = InputField("password", "password", r"password")
OTP = InputField("totp", "code", r"totp|authenticator|code", other=r"\bsms\b|mobile otp")
SEED = OtpGenerator(
    SecretStr("JBSWY3DPEHPK3PXP"), lambda _step: True, HandClock(datetime(2026, 11, 24, tzinfo=UTC))
)
LOGIN = Step(
    "login",
    {USER: "AB1234", PASSWORD: SecretStr("hunter2")},
    r"log ?in",
    CredentialsRejected,
    "/login",
)
TWOFA = Step(
    "otp",
    {OTP: SEED},
    r"continue|verify",
    OtpRejected,
    "/twofa",
    lambda reply: reply.get("next", ""),
)
SCRIPT = LoginScript((LOGIN, TWOFA))
NOW = 1000.0


USER_BOX = field("User ID")
PASSWORD_BOX = field("Password", "password", index=1)
OTP_BOX = field("External TOTP", "text", id="totp", maxlength=6, numeric=True)
LOGIN_PAGE = page(USER_BOX, PASSWORD_BOX, buttons=(button("Login"),), lines=("Login",))
OTP_PAGE = page(OTP_BOX, buttons=(button("Continue"),), lines=("Enter the code",))
EMPTY = page(lines=("Welcome",))
FRESH = LoginState(deadline=NOW + 80, acted_at=NOW)


def sent(step, on, state=FRESH):
    """The state after a step was filled on a page."""
    return state.filling(step, find_form(on, list(step.values)), on, NOW)


LOGGED_IN = replace(sent(LOGIN, LOGIN_PAGE), accepted=True)
OTP_SENT = sent(TWOFA, OTP_PAGE, LOGGED_IN)


def at_form(snapshot, *texts):
    """The page with these texts beside its form."""
    words = tuple(PlacedText(text, groups=(0,)) for text in texts)
    return replace(snapshot, lines=(*snapshot.lines, *texts), words=words)


def heard(state, snapshot, script=SCRIPT, posts=1):
    """What the page says, a second after it began to say it."""
    for after in (0.0, 1.0):
        observed = look(snapshot, after, posts=posts)
        state = interpret.update(script, state, observed)
    return interpret.page_error(script, state, snapshot, NOW + 1)


def look(snapshot, after=0.0, **more):
    return Observation(now=NOW + after, snapshot=snapshot, changed_at=NOW, **more)


def decision(state, observed, script=SCRIPT):
    return decide.next_action(script, interpret.update(script, state, observed), observed)


def reply(path, http=200, **data):
    return ApiReply(path, http, document=False, carried_secret=True, data=data)


@pytest.mark.parametrize(
    ("state", "snapshot", "step"),
    [
        (FRESH, LOGIN_PAGE, LOGIN),
        (LOGGED_IN, OTP_PAGE, TWOFA),
        (FRESH, OTP_PAGE, None),  # a sign-up form's: nothing was sent yet
        (OTP_SENT, OTP_PAGE, None),  # it was sent
        (FRESH, EMPTY, None),
        (FRESH, None, None),
        (FRESH, replace(LOGIN_PAGE, loading=True), None),
        (FRESH, page(USER_BOX, PASSWORD_BOX, field("Password", "password", index=2)), None),
        (
            LOGGED_IN,
            page(field("SMS OTP code", maxlength=6, numeric=True), buttons=(button("Continue"),)),
            None,
        ),
    ],
)
def test_a_step_is_filled_only_where_it_belongs(state, snapshot, step):
    action = decision(state, look(snapshot))
    assert (action.step if isinstance(action, Fill) else None) is step


@pytest.mark.parametrize(
    ("name", "after", "filled"),
    [
        ("Next", 0.0, False),
        ("Next", 0.79, False),
        ("Next", 0.81, True),
        ("Log in", 0.81, False),
        ("Log in", 1.49, False),
        ("Log in", 1.51, True),
    ],
)
def test_a_part_of_a_form_is_filled_once_the_rest_has_had_its_time(name, after, filled):
    first = page(USER_BOX, buttons=(button(name),))
    action = decision(FRESH, look(first, after))
    assert (isinstance(action, Fill) and action.send) is filled
    assert isinstance(action, Fill) is (after >= 0.3)


def test_a_form_whose_scripts_never_come_is_filled_in_the_end():
    loading = replace(LOGIN_PAGE, loading=True)
    assert isinstance(decision(FRESH, look(loading, 10.0)), Wait)
    assert isinstance(decision(FRESH, look(loading, 10.1)), Fill)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (
            reply("/api/login", 403, message="Invalid username or password"),
            CredentialsRejected,
            "Invalid username",
        ),
        (
            reply("/api/login", 400, message="Something went wrong"),
            BrokerUnavailable,
            "Something went wrong",
        ),
        (
            reply("/api/login", 400, message="Wrong password. Please try again later."),
            CredentialsRejected,
            "Wrong password",
        ),
        (
            reply("/api/login", 500, message="Unable to process your request"),
            BrokerUnavailable,
            "answered 500",
        ),
        (
            reply("/api/login", 400, message="Unable to process your request"),
            BrokerUnavailable,
            "Unable to process",
        ),
        (
            reply("/api/login", 400, message="Your session has expired"),
            BrokerUnavailable,
            "session",
        ),
        (reply("/api/login", 403, message="No", user_blocked=True), AccountLocked, "No"),
        (reply("/api/login", 400, message="Your account is locked"), AccountLocked, "locked"),
        (
            reply("/api/login", 200, status="error", message="Wrong password"),
            CredentialsRejected,
            "Wrong",
        ),
        (reply("/api/login", 502), BrokerUnavailable, "/api/login answered 502"),
        (reply("/api/login", 429), BrokerUnavailable, "answered 429"),
        (reply("/api/login", 429, message="Too many login attempts"), AccountLocked, "Too many"),
        (reply("/api/login", 429, message="Your IP is blocked"), BrokerUnavailable, "answered 429"),
        (
            replace(reply("/api/login", 403), text="<h1>Access denied</h1>"),
            BrokerUnavailable,
            "HTTP 403",
        ),
    ],
)
def test_what_a_reply_to_the_step_means(answer, kind, words):
    state = interpret.update(SCRIPT, sent(LOGIN, LOGIN_PAGE), look(LOGIN_PAGE, replies=[answer]))
    assert type(state.error) is kind
    assert words in state.error.detail


@pytest.mark.parametrize(
    ("data", "left"),
    [
        ({"attempts_left": 2}, 2),
        ({"data": {"remaining_attempts": 1}}, 1),
        ({"failed_attempts": 3}, 2),
        ({"failed_attempts": 9}, 0),
        ({"attempts_left": "2"}, 2),
        ({}, None),
    ],
)
def test_the_brokers_count_of_attempts_is_found_wherever_it_stands(data, left):
    assert interpret.attempts_left_in(data) == left


def test_a_reply_that_answers_nothing_of_ours_is_told_only_at_the_end():
    aside = ApiReply(
        "/analytics", 400, document=False, carried_secret=False, data={"message": "tracker is down"}
    )
    state = interpret.update(SCRIPT, OTP_SENT, look(OTP_PAGE, replies=[aside]))
    assert state.error is None
    end = decision(state, look(replace(OTP_PAGE, inputs=()), 10.1))
    assert isinstance(end.error, RedirectTimeout)
    assert "tracker is down" in end.error.detail


def test_only_the_first_refusal_of_a_batch_counts_and_an_accepted_step_is_known():
    good = reply("/api/login", 200, data={}, status="success")
    assert interpret.update(SCRIPT, sent(LOGIN, LOGIN_PAGE), look(None, replies=[good])).accepted
    bad = reply("/api/login", 403, message="Invalid password")
    state = interpret.update(
        SCRIPT, sent(LOGIN, LOGIN_PAGE), look(None, replies=[good, bad, reply("/x", 502)])
    )
    assert isinstance(state.error, CredentialsRejected)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Invalid TOTP", OtpRejected),
        ("Incorrect code, 2 attempts left", OtpRejected),
        ("Your account has been blocked", AccountLocked),
        ("Something went wrong", BrokerUnavailable),
        ("Welcome back", None),
    ],
)
def test_what_new_words_at_the_form_mean(line, kind):
    error = heard(OTP_SENT, at_form(OTP_PAGE, line))
    assert type(error) is kind if kind else error is None


def test_a_toast_that_has_gone_again_was_said_all_the_same():
    state = interpret.update(SCRIPT, OTP_SENT, look(at_form(OTP_PAGE, "Invalid TOTP"), posts=1))
    assert interpret.page_error(SCRIPT, state, OTP_PAGE, NOW + 0.4) is None, "it may go on"
    assert isinstance(interpret.page_error(SCRIPT, state, OTP_PAGE, NOW + 0.5), OtpRejected)


@pytest.mark.parametrize(
    ("change", "more"),
    [
        ({"accepted": True}, {"posts": 1}),
        ({"unread": "/twofa"}, {"posts": 1}),
        ({}, {"posts": 0}),  # nothing has left
        ({}, {"posts": 1, "pending": frozenset({"POST"})}),  # the answer is on its way
    ],
)
def test_words_at_the_form_are_no_answer_where_the_broker_has_another(change, more):
    state, snapshot = replace(OTP_SENT, **change), at_form(OTP_PAGE, "Invalid TOTP")
    for after in (0.0, 1.0):
        state = interpret.update(SCRIPT, state, look(snapshot, after, **more))
    assert interpret.page_error(SCRIPT, state, snapshot, NOW + 1) is None


def test_words_at_another_form_are_no_answer():
    words = (PlacedText("Invalid TOTP", groups=(1,)),)
    snapshot = replace(OTP_PAGE, groups=("", ""), words=words, lines=("Invalid TOTP",))
    assert heard(OTP_SENT, snapshot) is None


def test_words_that_were_there_before_are_no_answer():
    before = at_form(OTP_PAGE, "Invalid TOTP")
    state = sent(TWOFA, before, LOGGED_IN)
    assert heard(state, before) is None
    assert isinstance(decision(state, look(replace(before, inputs=()), 10.1)), GiveUp)


def test_a_heading_of_an_outage_hides_no_refusal_below_it():
    lines = ("Something went wrong", "Invalid TOTP")
    assert isinstance(heard(OTP_SENT, at_form(OTP_PAGE, *lines)), OtpRejected)
    assert isinstance(heard(OTP_SENT, replace(EMPTY, lines=lines)), OtpRejected)


@pytest.mark.parametrize(("after", "told"), [(0.0, False), (0.9, False), (1.0, True)])
def test_a_page_without_a_form_is_an_answer_once_it_stays(after, told):
    blocked = page(lines=("Your account has been blocked",))
    state = interpret.update(SCRIPT, OTP_SENT, look(blocked, posts=1))
    state = interpret.update(SCRIPT, state, look(blocked, after, posts=1))
    error = interpret.page_error(SCRIPT, state, blocked, NOW + after)
    assert isinstance(error, AccountLocked) if told else error is None


@pytest.mark.parametrize(
    ("after", "action"),
    [(0.0, Fill), (8.0, Fill), (8.1, GiveUp)],
)
def test_under_a_challenge_fields_are_filled_for_eight_seconds_and_nothing_is_sent(after, action):
    challenged = replace(LOGIN_PAGE, captcha=True)
    state = interpret.update(SCRIPT, FRESH, look(challenged))
    found = decision(state, look(challenged, after))
    assert type(found) is action
    if action is GiveUp:
        assert isinstance(found.error, CaptchaRequired)
    else:
        assert not found.send
        filled = tuple(replace(box, filled=True) for box in challenged.inputs)
        assert isinstance(decision(state, look(replace(challenged, inputs=filled), after)), Wait)
    assert decision(state, look(LOGIN_PAGE, after)).send


@pytest.mark.parametrize(
    ("observed", "kind"),
    [
        (look(EMPTY, 10.0), None),
        (look(EMPTY, 10.1), PageChanged),
        (look(EMPTY, 10.1, pending=frozenset({"GET"})), None),
        (look(EMPTY, 30.1, pending=frozenset({"GET"})), BrokerUnavailable),
        (look(EMPTY, 10.1, failed="POST /api/login (net::ERR)"), BrokerUnavailable),
        (look(None, 30.0), None),
        (look(None, 30.1), BrokerUnavailable),
    ],
)
def test_silence_means_something_once_patience_is_over(observed, kind):
    action = decision(FRESH, observed)
    assert type(action.error) is kind if kind else isinstance(action, Wait)


def test_our_own_submit_is_waited_for_until_the_time_is_over():
    busy = {"pending": frozenset({"POST"})}
    assert isinstance(decision(OTP_SENT, look(OTP_PAGE, 79.0, **busy)), Wait)
    assert isinstance(decision(OTP_SENT, look(OTP_PAGE, 80.1, **busy)).error, BrokerUnavailable)


@pytest.mark.parametrize(
    ("state", "snapshot", "kind"),
    [
        (OTP_SENT, EMPTY, RedirectTimeout),
        (OTP_SENT, replace(EMPTY, buttons=(button("Got it"),)), PageChanged),
        (LOGGED_IN, EMPTY, PageChanged),
        (LOGGED_IN, page(field("SMS OTP code", maxlength=6, numeric=True)), OtpNotAvailable),
        (replace(LOGGED_IN, wanted="captcha"), EMPTY, CaptchaRequired),
        (FRESH, page(USER_BOX, PASSWORD_BOX, field("Password", "password", index=2)), PageChanged),
    ],
)
def test_what_it_means_that_nothing_known_is_there(state, snapshot, kind):
    assert type(decision(state, look(snapshot, 10.1)).error) is kind


@pytest.mark.parametrize(
    ("rejections", "left", "action"),
    [
        (0, None, SendAnotherOtp),
        (1, None, GiveUp),
        (0, 4, SendAnotherOtp),
        (0, 3, GiveUp),
        (0, 0, GiveUp),
    ],
)
def test_one_more_otp_at_most_and_none_where_few_attempts_are_left(rejections, left, action):
    state = replace(OTP_SENT, otp_rejections=rejections)
    assert type(decide.on_error(state, OtpRejected("No", attempts_left=left), NOW)) is action


def test_after_a_refused_otp_its_field_is_filled_again_and_old_words_are_dealt_with():
    refused = replace(OTP_PAGE, lines=(*OTP_PAGE.lines, "Invalid TOTP"))
    state = OTP_SENT.asking_for_another_otp(OtpRejected("Invalid TOTP"), NOW + 1)
    assert isinstance(
        decision(state, look(replace(refused, inputs=(replace(OTP_BOX, filled=True),)), 1.5)), Fill
    )


def test_a_refused_password_is_the_end():
    assert isinstance(decide.on_error(LOGGED_IN, CredentialsRejected("No"), NOW), GiveUp)


@pytest.mark.parametrize(
    ("state", "now", "action"),
    [
        (FRESH, NOW, GiveUp),
        (replace(FRESH, headed=True), NOW, AskPerson),
        (replace(FRESH, headed=True, person_until=NOW + 300), NOW + 300, Wait),
        (replace(FRESH, headed=True, person_until=NOW + 300), NOW + 301, GiveUp),
    ],
)
def test_a_person_is_asked_once_and_has_five_minutes(state, now, action):
    assert type(decide.on_error(state, PageChanged("?"), now)) is action


def test_the_last_refusal_of_an_otp_is_told_where_the_page_goes_no_further():
    refused = OtpRejected("Invalid TOTP")
    state = OTP_SENT.asking_for_another_otp(refused, NOW)
    assert decide.on_error(state, PageChanged("?"), NOW).error is refused


CONTINUE_ANYWAY = Click("use totp", "other_code", r"use authenticator")
WITH_TURN = LoginScript((LOGIN, TWOFA), clicks=(CONTINUE_ANYWAY,))
SMS_PAGE = page(
    field("SMS OTP code", maxlength=6, numeric=True),
    buttons=(button("Continue"), button("Use authenticator app", index=3, submit=False)),
)


def test_a_click_of_the_script_is_made_in_its_situation_once_and_again_only_where_nothing_came_of_it():
    action = decision(LOGGED_IN, look(SMS_PAGE), WITH_TURN)
    assert isinstance(action, TakeClick)
    assert action.button.index == 3
    clicked = LOGGED_IN.clicking("use totp", posts=2)
    assert isinstance(decision(clicked, look(SMS_PAGE, 3.0, posts=2), WITH_TURN), Wait)
    assert isinstance(decision(clicked, look(SMS_PAGE, 3.1, posts=2), WITH_TURN), TakeClick)
    assert isinstance(decision(clicked, look(SMS_PAGE, 3.1, posts=3), WITH_TURN), Wait)
    twice = clicked.clicking("use totp", posts=2)
    assert isinstance(decision(twice, look(SMS_PAGE, 9.0, posts=2), WITH_TURN), Wait)


CONSENT_PAGE = page(
    buttons=(button("Cancel"), button("Authorize", index=4)),
    lines=("Allow the app?",),
    path="/authorize",
)


def test_the_consent_is_given_once_and_only_where_the_user_wants_it():
    assert decision(OTP_SENT, look(CONSENT_PAGE)).button.index == 4
    assert isinstance(decision(OTP_SENT.allowing(CONSENT_PAGE), look(CONSENT_PAGE)), Wait)
    refused = decision(replace(OTP_SENT, authorize=False), look(CONSENT_PAGE))
    assert isinstance(refused.error, ConsentRequired)


def test_continue_is_the_consent_only_on_its_page_and_not_while_the_form_is_there():
    script = replace(SCRIPT, consent_at="/authorize")
    asking = replace(CONSENT_PAGE, buttons=(button("Continue"),))
    assert isinstance(decision(OTP_SENT, look(asking), script), GiveConsent)
    assert isinstance(decision(OTP_SENT, look(asking)), Wait)
    assert isinstance(decision(OTP_SENT, look(replace(OTP_PAGE, path="/authorize")), script), Wait)


def test_a_button_that_only_a_tick_enables_is_the_consent_too():
    script = replace(SCRIPT, checkboxes=(Checkbox("terms", r"i accept"),))
    tick = button("I accept the terms", index=7, tag="input", ticked=False)
    asking = replace(CONSENT_PAGE, buttons=(tick, button("Authorize", index=4, enabled=False)))
    assert isinstance(decision(OTP_SENT, look(asking), script), GiveConsent)
    assert isinstance(decision(OTP_SENT, look(asking)), Wait)


def test_a_press_that_visibly_did_nothing_is_repeated_once():
    pressed = replace(OTP_SENT, submitted=1)
    typed = replace(OTP_PAGE, inputs=(replace(OTP_BOX, filled=True),))
    assert isinstance(decision(pressed, look(typed, 3.0, posts=1)), Wait)
    assert isinstance(decision(pressed, look(typed, 3.1, posts=1)), SubmitAgain)
    assert isinstance(decision(pressed, look(typed, 3.1, posts=2)), Wait)
    assert isinstance(decision(replace(pressed, submitted=None), look(typed, 3.1, posts=1)), Wait)


SHOWN = replace(LOGIN, shown_as=r"\b[A-Z]{2}\d{4}\b")


@pytest.mark.parametrize(
    ("inputs", "lines", "filled"),
    [
        ((PASSWORD_BOX,), ("Welcome back, ZZ9999",), False),
        ((PASSWORD_BOX,), ("Welcome back, AB1234",), True),
        ((PASSWORD_BOX,), ("Welcome back",), False),  # whom it means, it does not say
        ((USER_BOX, PASSWORD_BOX), ("Last user: ZZ9999",), True),
    ],
)
def test_the_password_is_not_typed_for_somebody_else(inputs, lines, filled):
    snapshot = page(*inputs, buttons=(button("Login"),), lines=lines)
    action = decision(FRESH, look(snapshot, 1.0), LoginScript((SHOWN, TWOFA)))
    assert isinstance(action, Fill) is filled


def test_the_same_box_is_no_otp_box_until_the_password_was_accepted():
    """Kite gives the TOTP box the user id's id: while the answer is awaited it still is the user id's."""
    reused = field("User ID or code", maxlength=6, numeric=True)
    was = replace(sent(LOGIN, LOGIN_PAGE), looks={USER: frozenset({reused.looks})})
    snapshot = page(reused, buttons=(button("Continue"),))
    assert not isinstance(decision(was, look(snapshot)), Fill)
    assert isinstance(decision(replace(was, accepted=True), look(snapshot)), Fill)
    assert not isinstance(
        decision(replace(was, accepted=True), look(page(replace(reused, filled=True)))), Fill
    )


def test_the_state_is_written_whole_before_the_first_key():
    form = find_form(LOGIN_PAGE, [USER, PASSWORD])
    assert isinstance(form, Form)
    state = replace(FRESH, dialogs=("old",), aside="old", plain="old", accepted=True, submitted=3)
    state = state.filling(LOGIN, form, LOGIN_PAGE, NOW + 2)
    assert state.entered == {USER, PASSWORD}
    assert (state.secrets_sent, state.last_step, state.before) == (True, LOGIN, LOGIN_PAGE)
    assert (state.dialogs, state.aside, state.plain, state.accepted, state.submitted) == (
        (),
        "",
        "",
        False,
        None,
    )
    assert state.acted_at == NOW + 2


@pytest.mark.parametrize("where", ["page", "dialog"])
@pytest.mark.parametrize(
    "words",
    [
        "Your secret is J B S W Y 3 D P E H P K 3 P X P",
        "Your code is 123 456",
        "Session 0f3a-99bc-1d22",
        "Your password is HUNT ER2",
    ],
)
def test_what_a_page_is_quoted_with_holds_no_secret_that_it_shows(words, where):
    redaction.remember("hunter2", "JBSWY3DPEHPK3PXP")
    said = {"dialogs": (words,)} if where == "dialog" else {}
    got = interpret._describe(replace(OTP_SENT, **said), page(lines=(words,)))
    assert got.endswith('****"')
    assert words.split()[0] in got
    assert words.split()[-1] not in got


def test_what_is_refused_without_a_word_waits_for_the_pages_and_lets_another_code_follow():
    refused = [reply("/twofa", 400, e=1)]
    for silence in (0.0, 1.9):
        state = interpret.update(SCRIPT, OTP_SENT, look(OTP_PAGE, replies=refused, posts=1))
        state = interpret.update(SCRIPT, state, look(OTP_PAGE, silence, posts=1))
        assert decide.next_action(SCRIPT, state, look(OTP_PAGE, silence)) == Wait()
    silent = interpret.update(SCRIPT, state, look(OTP_PAGE, 2.0, posts=1))
    assert isinstance(silent.error, PageChanged)
    says = at_form(OTP_PAGE, "Invalid TOTP")
    for after in (1.0, 1.6):
        state = interpret.update(SCRIPT, state, look(says, after, posts=1))
    action = decide.next_action(SCRIPT, state, look(says, 1.6))
    assert isinstance(action, SendAnotherOtp)
    again = state.asking_for_another_otp(action.error, NOW + 1.6)
    assert interpret.update(SCRIPT, again, look(says, 9.0)).error is None
    second = sent(TWOFA, says, again)
    second = interpret.update(SCRIPT, second, look(says, 10.0, replies=refused, posts=2))
    assert second.error is None
    second = interpret.update(SCRIPT, second, look(says, 12.1, posts=2))
    assert isinstance(second.error, OtpRejected)  # in the same words


@pytest.mark.parametrize(
    ("answer", "waits"),
    [
        (ApiReply("/login", 401, document=False, carried_secret=True), True),
        (ApiReply("/login", 401, document=False, carried_secret=True, hidden=True), False),
        (ApiReply("/login", 403, document=False, carried_secret=True, text="Forbidden"), False),
        (ApiReply("/login", 400, document=False, carried_secret=True, text="false"), True),
        (reply("/login", 401, code="E17"), True),
        (reply("/login", 401, error="E17"), True),
        (reply("/login", 400, status="error", message="Error"), True),
        (reply("/login", 403, message="Forbidden"), False),
        (reply("/login", 400, message="Invalid device"), False),
        (reply("/login", 503, code="E17"), False),
        (reply("/login", 429, code="E17"), False),
    ],
)
def test_only_a_brokers_refusal_without_a_word_leaves_it_to_the_page(answer, waits):
    sent_login = sent(LOGIN, LOGIN_PAGE)
    state = interpret.update(SCRIPT, sent_login, look(LOGIN_PAGE, replies=[answer], posts=1))
    assert (state.unexplained is not None, state.error is None) == (waits, waits)


@pytest.mark.parametrize(
    ("data", "accepted"),
    [
        ({"errorCode": "E17"}, False),
        ({"errorCode": 0}, True),
        ({"errorCode": None, "next": ""}, True),
        ({"code": "E17"}, False),
        ({"code": 401}, False),
        ({"code": "aX81k"}, True),
        ({"status": "success", "code": "00"}, True),
    ],
)
def test_the_number_of_an_error_is_no_yes(data, accepted):
    answer = [reply("/login", **data)]
    state = interpret.update(SCRIPT, sent(LOGIN, LOGIN_PAGE), look(LOGIN_PAGE, replies=answer))
    assert (state.accepted, state.error) == (accepted, None)
