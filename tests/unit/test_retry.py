"""What is tried again, and when to stop: each rule at its edges."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clock import MORNING

from autologin import errors, retry
from autologin.errors import (
    AutologinError,
    BrokerUnavailable,
    BrowserCrashed,
    ConfigError,
    CredentialsRejected,
    ExchangeRejected,
    LeaseLost,
    OtpRejected,
    Problem,
)
from autologin.flow.base import RateLimit
from autologin.store.records import AttemptCount

PLENTY = 1000.0


def every_error() -> list[AutologinError]:
    """One of each class."""
    made, waiting = [], [AutologinError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        made.append(kind(Problem("key", "is wrong")) if kind is ConfigError else kind("detail"))
    return sorted(
        (error for error in made if type(error).__module__ == errors.__name__),
        key=lambda error: error.name,
    )


ALL = [error for error in every_error() if not isinstance(error, LeaseLost)]
TRANSIENT = {"transient", "broker_unavailable", "browser_crashed"}
BLOCKING = {"credentials_rejected", "otp_rejected", "account_locked"}


def at(stage: str | None, error: AutologinError) -> AutologinError:
    error.stage = stage
    return error


def after_no_answer() -> ExchangeRejected:
    error = ExchangeRejected("used")
    error.after_no_answer = True
    return error


def pause(
    error: AutologinError,
    tries: int = 1,
    *,
    secrets_sent: bool = False,
    seconds_left: float = PLENTY,
):
    return retry.pause_before_retry(
        error, tries, secrets_sent=secrets_sent, seconds_left=seconds_left
    )


# Codes


@pytest.mark.parametrize(
    ("rejected", "attempts_left", "may"),
    [
        (0, None, True),
        (1, None, True),
        (2, None, False),
        (3, None, False),
        (1, 5, True),
        (1, 4, True),
        (1, 3, False),
        (1, 1, False),
        (1, 0, False),
        (0, 4, True),
        (0, 3, False),
        (2, 4, False),
        (2, 100, False),
    ],
)
def test_another_code_is_sent_once_and_only_with_attempts_to_spare(rejected, attempts_left, may):
    assert retry.may_send_another_otp(rejected, attempts_left) is may


@given(rejected=st.integers(2, 1000), attempts_left=st.none() | st.integers(0, 1000))
def test_no_more_than_two_codes_are_ever_refused(rejected, attempts_left):
    assert not retry.may_send_another_otp(rejected, attempts_left)


@pytest.mark.parametrize("error", ALL, ids=lambda error: error.name)
def test_only_what_counts_towards_a_lock_blocks_the_account(error):
    assert retry.blocks(error) is (error.name in BLOCKING)


@pytest.mark.parametrize("secrets_sent", [False, True])
def test_a_run_whose_lease_is_lost_logs_in_no_more(secrets_sent):
    assert pause(LeaseLost(), secrets_sent=secrets_sent) is None


# Earlier runs


@pytest.mark.parametrize(
    ("count", "otp"),
    [
        (AttemptCount(), False),
        (AttemptCount(rejected=1), True),
        (AttemptCount(unanswered=2), False),
        (AttemptCount(unclear=1, unanswered=1), False),
        (AttemptCount(rejected=1, unanswered=1), True),
        (AttemptCount(unanswered=40, trusted=True), False),
        (AttemptCount(rejected=1, unanswered=40, trusted=True), True),
        (AttemptCount(unclear=2, unanswered=40, trusted=True), False),
    ],
)
def test_a_few_failures_of_earlier_runs_leave_a_login(count, otp):
    assert retry.exhausted(count, "pin", most=2 if otp else 1) is None


@pytest.mark.parametrize(
    ("count", "otp", "why"),
    [
        (AttemptCount(rejected=1), False, "refused pin "),
        (AttemptCount(rejected=2, unanswered=9, trusted=True), False, "refused pin "),
        (AttemptCount(rejected=2), True, "refused pin 2 times"),
        (AttemptCount(rejected=3, trusted=True), True, "refused pin 3 times"),
        (AttemptCount(unanswered=3), False, "3 logins in a row ended without"),
        (AttemptCount(unclear=1, unanswered=3), True, "4 logins in a row ended without"),
        (AttemptCount(rejected=1, unanswered=2), True, "3 logins in a row ended without"),
        (AttemptCount(unclear=3, trusted=True), False, "3 logins ended without a yes or no"),
    ],
)
def test_too_many_failures_of_earlier_runs_leave_none(count, otp, why):
    assert why in (retry.exhausted(count, "pin", most=2 if otp else 1) or "")


@given(st.builds(AttemptCount, *[st.integers(0, 9)] * 3), st.booleans())
def test_a_broker_that_locks_after_five_never_gets_there(count, otp):
    spent = count.rejected + count.unclear + count.unanswered
    assert retry.exhausted(count, "pin", most=2 if otp else 1) or spent < 3


# Another login


@pytest.mark.parametrize("error", ALL, ids=lambda error: error.name)
@pytest.mark.parametrize("secrets_sent", [False, True])
def test_only_the_infrastructure_is_tried_again(error, secrets_sent):
    assert (pause(error, secrets_sent=secrets_sent) is not None) is (error.name in TRANSIENT)


@pytest.mark.parametrize(
    ("tries", "seconds"), [(1, 1.0), (2, 3.0), (3, 8.0), (4, None), (5, None), (100, None)]
)
def test_before_a_secret_was_sent_there_are_four_tries(tries, seconds):
    assert pause(BrowserCrashed(), tries) == seconds


@pytest.mark.parametrize(("tries", "seconds"), [(1, 1.0), (2, None), (3, None), (100, None)])
def test_after_a_secret_was_sent_there_are_two_tries(tries, seconds):
    assert pause(BrowserCrashed(), tries, secrets_sent=True) == seconds


@pytest.mark.parametrize("tries", [1, 2, 3])
def test_after_a_pause_there_must_be_time_for_a_login(tries):
    wanted = retry.PAUSES[tries - 1]
    assert (
        pause(BrokerUnavailable(), tries, seconds_left=wanted + retry.LOGIN_SECONDS + 0.001)
        == wanted
    )
    assert pause(BrokerUnavailable(), tries, seconds_left=wanted + retry.LOGIN_SECONDS) is None
    assert pause(BrokerUnavailable(), tries, seconds_left=0) is None
    assert pause(BrokerUnavailable(), tries, seconds_left=-5) is None


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [(0, 0), (0.5, 0.5), (20, 20), (29.9, 29.9), (30, None), (3600, None)],
)
def test_the_brokers_retry_after_is_obeyed_where_it_fits(retry_after, seconds):
    assert (
        pause(BrokerUnavailable(retry_after=retry_after), seconds_left=30 + retry.LOGIN_SECONDS)
        == seconds
    )


def test_retry_after_buys_no_further_try():
    assert pause(BrokerUnavailable(retry_after=1), 4) is None
    assert pause(BrokerUnavailable(retry_after=1), 2, secrets_sent=True) is None


@pytest.mark.parametrize("stage", [None, "browser", "login", "capture", "verify"])
def test_an_outage_is_tried_again_in_every_stage_but_the_exchange(stage):
    assert pause(at(stage, BrokerUnavailable())) == 1.0


def test_an_exchange_without_an_answer_is_no_reason_for_another_login():
    assert pause(at("exchange", BrokerUnavailable())) is None
    assert pause(at("exchange", BrokerUnavailable(retry_after=1))) is None


def test_a_code_that_was_refused_at_once_is_no_reason_for_another_login():
    assert pause(at("exchange", ExchangeRejected())) is None


def test_a_code_that_an_unanswered_try_may_have_used_up_is_worth_one_more_login():
    error = at("exchange", after_no_answer())
    assert pause(error, 1, secrets_sent=True) == 1.0
    assert pause(error, 2, secrets_sent=True) is None
    assert pause(error, 1, secrets_sent=True, seconds_left=1.0) is None


@pytest.mark.parametrize(
    "error",
    [CredentialsRejected("detail"), OtpRejected("detail", attempts_left=9)],
    ids=lambda e: e.name,
)
@given(tries=st.integers(1, 9), secrets_sent=st.booleans(), seconds_left=st.floats(-10, 1e6))
def test_a_refused_secret_is_never_followed_by_another_login(
    error, tries, secrets_sent, seconds_left
):
    assert pause(error, tries, secrets_sent=secrets_sent, seconds_left=seconds_left) is None


# The same code once more


@pytest.mark.parametrize("error", ALL, ids=lambda error: error.name)
def test_a_code_is_sent_once_more_only_where_nobody_answered(error):
    wanted = 1.0 if error.name in TRANSIENT else None
    assert retry.pause_before_same_auth_code(at("exchange", error), seconds_left=PLENTY) == wanted


def test_a_code_that_was_answered_after_silence_is_not_sent_a_third_time():
    assert retry.pause_before_same_auth_code(after_no_answer(), seconds_left=PLENTY) is None


@pytest.mark.parametrize(
    ("retry_after", "seconds_left", "seconds"),
    [(None, 1.001, 1.0), (None, 1.0, None), (7, 7.5, 7), (7, 7, None), (0, 0.1, 0), (60, 30, None)],
)
def test_the_second_send_of_a_code_fits_into_the_time_that_is_left(
    retry_after, seconds_left, seconds
):
    error = BrokerUnavailable(retry_after=retry_after)
    assert retry.pause_before_same_auth_code(error, seconds_left=seconds_left) == seconds


@pytest.mark.parametrize(
    ("limits", "ago", "pause"),
    [
        ((), (0,), 0),
        ((RateLimit(1, 60),), (), 0),
        ((RateLimit(1, 60),), (20,), 42),
        ((RateLimit(1, 60),), (62,), 0),
        ((RateLimit(2, 100),), (90,), 0),
        ((RateLimit(2, 100),), (90, 10), 12),
        ((RateLimit(2, 100), RateLimit(1, 60)), (90, 10), 52),
        ((RateLimit(1, 60),), (-21600,), 0),
        ((RateLimit(1, 60),), (20, -5), 42),
        ((RateLimit(2, 100),), (90, -5), 0),
    ],
)
def test_a_login_waits_for_the_brokers_limits(limits, ago, pause):
    sent = [MORNING - timedelta(seconds=seconds) for seconds in ago]
    assert retry.pause_before_login(limits, sent, MORNING) == pause


@pytest.mark.parametrize(
    ("life", "left", "soon"),
    [
        (timedelta(days=1), timedelta(minutes=59), True),
        (timedelta(days=1), timedelta(minutes=61), False),
        (timedelta(hours=22), timedelta(minutes=1), False),
        (timedelta(minutes=90), timedelta(minutes=17), True),
        (timedelta(minutes=90), timedelta(minutes=19), False),
    ],
)
def test_a_token_that_lives_by_its_own_clock_is_replaced_before_it_ends(life, left, soon):
    ends = MORNING + left
    assert retry.ends_too_soon(ends - life, ends, MORNING) is soon
