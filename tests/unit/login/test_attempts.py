"""The guard of a login: what is sent is written down before, what was refused is not sent again."""

from __future__ import annotations

from typing import ClassVar

import pytest
from pydantic import Field, SecretStr

from autologin import retry
from autologin.errors import (
    AccountBlocked,
    AccountLocked,
    BrokerUnavailable,
    CaptchaRequired,
    CredentialsRejected,
    ExchangeRejected,
    LeaseLost,
    OtpRejected,
    PageChanged,
    StoreError,
)
from autologin.flow.base import ApiFlow, Credentials
from autologin.flow.otp import OtpGenerator, TotpSeed
from autologin.login.attempts import AttemptLog
from autologin.store.leases import LEASE_SECONDS
from autologin.store.store import Store

SEED = "JBSWY3DPEHPK3PXP"


class PaperCredentials(Credentials):
    api_key: SecretStr = Field(default=SecretStr("key"), description="the app")
    user_id: str = Field(default="AB1234", description="the user")
    pin: SecretStr = Field(default=SecretStr("1234"), description="the PIN")
    totp_secret: TotpSeed | None = Field(default=SecretStr(SEED), description="the seed")


class Paper(ApiFlow):
    broker = "paper"
    title = "Paper"
    endpoints: ClassVar = {}
    credentials: PaperCredentials

    async def sign_in(self, http, otp, now):
        raise NotImplementedError

    async def verify(self, token, http):
        raise NotImplementedError


@pytest.fixture
def kept(tmp_path, clock):
    store = Store.open(tmp_path, clock)
    yield store
    store.close()


@pytest.fixture
def run(kept, clock):
    """The guard of a new run, with credentials that differ as told."""

    def begin(account="mine", **changes):
        lease = kept.leases.acquire(account)
        made = {
            name: text if name == "user_id" else SecretStr(text) for name, text in changes.items()
        }
        log = AttemptLog(kept, lease, Paper(PaperCredentials(**made)), clock)
        log.free = lambda: kept.leases.release(lease)
        return log

    return begin


def refused(log, error=None):
    """One login that the broker refuses; gives whether anything was sent."""
    try:
        log.refuse_if_blocked()
        log.begin_all(otp=True)
    except AccountBlocked:
        return False
    else:
        log.settle_error(error or CredentialsRejected("Invalid PIN"))
        return True
    finally:
        log.free()


def sends(log):
    """Whether one more login would be sent; its answer is yes."""
    try:
        log.refuse_if_blocked()
        log.begin_all(otp=True)
    except AccountBlocked:
        return False
    else:
        log.settle("accepted")
        return True
    finally:
        log.free()


def test_a_refused_value_stays_refused_when_it_comes_back(run):
    assert refused(run(pin="1234"))
    assert refused(run(pin="9012"))
    assert not refused(run(pin="1234"))
    assert not refused(run(pin="9012"))
    assert sends(run(pin="5678"))
    assert not refused(run(pin="1234")), "though another one was right since"


@pytest.mark.parametrize("other", ["totp_secret", "api_key"])
def test_another_credential_does_not_lift_it(run, other):
    assert refused(run())
    assert not sends(run(**{other: "KRSXG5CTMVRXEZLU"}))


def test_another_login_id_does(run):
    assert refused(run())
    assert sends(run(user_id="XY9876"))
    assert not sends(run(user_id="ab1234 "))


def test_a_renamed_account_keeps_its_refusals(run):
    assert refused(run("mine"))
    assert not sends(run("hers"))


def test_unblocking_forgets_them_all(run, kept):
    for pin in ("1234", "9012"):
        assert refused(run(pin=pin))
    log = run("renamed")
    log.free()
    assert kept.attempts.unblock("renamed", log.login)
    assert sends(run("renamed", pin="9012"))
    assert sends(run("renamed", pin="1234"))


def test_the_message_names_what_was_refused_and_what_lifts_it(run):
    refused(run())
    log = run("his")
    with pytest.raises(AccountBlocked) as caught:
        log.refuse_if_blocked()
    assert "after credentials_rejected. Invalid PIN" in caught.value.message
    assert "Correct pin in the config" in caught.value.hint
    assert "`autologin unblock his`" in caught.value.hint
    assert "forgets every refused value" in caught.value.hint


def test_a_refused_otp_is_the_seeds(run):
    for _ in range(retry.MAX_OTP_REJECTIONS):
        assert refused(run(), OtpRejected("Invalid TOTP"))
    assert not sends(run())
    assert not sends(run(pin="9012"))
    assert not sends(run(totp_secret="jbsw y3dp ehpk 3pxp"))
    assert sends(run(totp_secret="KRSXG5CTMVRXEZLU"))


def test_a_refused_app_key_is_the_apps(run):
    log = run()
    log.begin_all(otp=True)
    error = CredentialsRejected('Paper said: "Invalid API key"')
    log.settle_error(error)
    log.block(error)
    log.free()
    assert not sends(run())
    assert sends(run(api_key="another"))


def test_a_locked_account_waits_for_any_change(run):
    log = run()
    log.begin_all(otp=True)
    log.settle_error(AccountLocked("locked"))
    log.block(AccountLocked("locked"))
    log.free()
    assert not sends(run())
    assert sends(run(totp_secret="KRSXG5CTMVRXEZLU"))


@pytest.mark.parametrize("answer", [BrokerUnavailable("reset"), None])
def test_a_secret_that_was_never_right_is_sent_three_times_without_an_answer(run, answer):
    for _ in range(retry.UNSETTLED):
        log = run()
        log.refuse_if_blocked()
        log.begin_all(otp=True)
        if answer:  # else the process died
            log.settle_error(answer)
        log.free()
    assert not sends(run())
    assert not sends(run("renamed"))
    assert not sends(run(pin="9012")), "the seed was sent as often"
    assert sends(run(pin="9012", totp_secret="KRSXG5CTMVRXEZLU"))


def test_one_that_was_right_this_week_is_not_held_back_by_an_outage(run, clock):
    assert sends(run())
    clock.move(days=6)
    for times in range(20):
        log = run()
        assert log.is_waiting_out is (times >= retry.UNSETTLED)
        assert refused(log, BrokerUnavailable("502"))
    clock.move(days=2)
    assert not sends(run()), "it was right more than a week ago"


def test_a_connection_that_was_refused_does_not_count(run):
    for _ in range(20):
        assert refused(run(), BrokerUnavailable("refused", sent=False))
    assert sends(run())


def test_what_never_left_does_not_count_and_what_arrived_twice_does(run):
    for departures in (0, 0, 1, 2):
        log = run()
        log.begin_all(otp=True)
        log.settle_error(BrokerUnavailable("closed"), departures)
        log.free()
    assert not sends(run())


def test_answers_that_nobody_understood_end_in_a_block_whoever_was_right(run):
    assert sends(run())
    for _ in range(retry.UNSETTLED):
        assert refused(run(), PageChanged("what?"))
    assert not sends(run())


def test_going_on_to_the_next_secret_means_that_the_last_was_accepted(run):
    log = run()
    generator = OtpGenerator(SecretStr(SEED), lambda _: True, None)
    log.begin([SecretStr("1234")])
    log.begin([generator])
    log.settle_error(OtpRejected("no"))
    assert log.otp_rejections == 1
    log.begin([generator])
    log.settle("accepted")
    assert log.otp_rejections == 0


def test_a_refused_login_id_alone_is_the_login_ids(run):
    log = run()
    log.begin([])
    log.settle_error(CredentialsRejected("User does not exist"))
    log.free()
    assert not sends(run(pin="9012"))
    assert sends(run(user_id="XY9876"))


def test_a_refusal_after_the_otp_is_the_passwords(run, kept):
    log = run()
    log.begin([SecretStr("1234")])
    log.begin([OtpGenerator(SecretStr(SEED), lambda _: True, None)])
    log.settle_error(CredentialsRejected("Invalid user or PIN"))
    log.free()
    assert not sends(run())
    assert sends(run(pin="9012"))
    assert not sends(run(pin="1234"))
    fingerprint = log._refusable.fingerprint
    assert not kept.attempts.count(fingerprint).trusted, "it was never right"


def test_what_was_typed_and_never_sent_is_taken_back(run, kept):
    for _ in range(5):
        log = run()
        log.begin([SecretStr("1234")])
        log.take_back()
        log.free()
    assert not kept.attempts.count(log._refusable.fingerprint).trusted
    assert sends(run())


class TogetherCredentials(PaperCredentials):
    born: SecretStr = Field(default=SecretStr("01/01/1990"), description="the date of birth")


class Together(Paper):
    broker = "together"
    passwords = ("pin", "born")
    credentials: TogetherCredentials


def test_two_secrets_that_are_refused_together_are_each_sent_once_more_at_most(kept, clock):
    """Nobody knows which of them was meant."""
    sent = []
    for year in range(1990, 1995):
        lease = kept.leases.acquire("mine")
        made = TogetherCredentials(born=SecretStr(f"01/01/{year}"))
        log = AttemptLog(kept, lease, Together(made), clock)
        log.free = lambda lease=lease: kept.leases.release(lease)
        if refused(log, CredentialsRejected("Invalid login")):
            sent.append(year)
    assert sent == [1990, 1991]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("Invalid Encryption Key", "api_key"),
        ("Invalid API Key", "api_key"),
        ("Invalid API key or credentials", "pin"),
        ("Invalid user id", "user_id"),
        ("Invalid user id or PIN", "pin"),
        ("No", "pin"),
    ],
)
def test_what_a_refusal_is_about_is_in_its_words(run, kept, words, what):
    log = run()
    log.begin_all(otp=True)
    log.settle_error(CredentialsRejected(words))
    assert kept.attempts.current_block("mine").what == what


@pytest.mark.parametrize(
    ("error", "blocked"),
    [
        (ExchangeRejected("Your IP is not registered", hint="Register it"), False),
        (CaptchaRequired(), False),
        (ExchangeRejected("hm"), True),
        (PageChanged("what?"), True),
    ],
)
def test_what_is_understood_and_no_refusal_of_a_secret_blocks_nothing(run, error, blocked):
    assert sends(run())
    for _ in range(5):
        refused(run(), error)
    assert sends(run()) is not blocked


def test_a_store_that_fails_after_the_answer_hides_neither_token_nor_refusal(
    run, kept, monkeypatch
):
    log = run()
    log.begin_all(otp=True)

    def failing(*_args, **_more):
        raise StoreError("full")

    monkeypatch.setattr(kept.attempts, "settle", failing)
    monkeypatch.setattr(kept.attempts, "block", failing)
    log.settle_error(CredentialsRejected("no"))
    log.settle("accepted")


def test_capitals_and_spaces_do_not_unlock(run):
    log = run()
    log.begin_all(otp=True)
    log.settle_error(AccountLocked("locked"))
    log.block(AccountLocked("locked"))
    log.free()
    assert not sends(run(user_id="ab1234 "))
    assert not sends(run(totp_secret="jbsw y3dp ehpk 3pxp"))


def test_a_block_for_lost_answers_stands_where_status_looks(run, kept):
    for _ in range(retry.UNSETTLED):
        refused(run(), BrokerUnavailable("reset"))
    assert not sends(run())
    assert kept.attempts.current_block("mine").error == "account_blocked"
    assert not sends(run("hers"))
    assert kept.attempts.current_block("mine"), "it is one of both"


def test_a_value_that_a_flow_made_is_counted_too(run):
    log = run()
    log.begin([SecretStr("derived")])
    log.settle_error(CredentialsRejected("no"))
    with pytest.raises(AccountBlocked):
        log.begin([SecretStr("derived")])


def test_a_refused_pin_stops_the_same_run_too(run):
    log = run()
    log.begin_all(otp=True)
    log.settle_error(CredentialsRejected("no"))
    with pytest.raises(AccountBlocked):
        log.begin_all(otp=True)


def test_who_lost_the_lease_sends_nothing(run, kept, clock):
    log = run()
    clock.move(seconds=LEASE_SECONDS + 1)
    assert kept.leases.acquire("mine")
    with pytest.raises(LeaseLost):
        log.begin_all(otp=True)
