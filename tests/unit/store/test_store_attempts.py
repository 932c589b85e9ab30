"""What was sent is counted before it is answered; blocks, OTP steps, logins by hand."""

from __future__ import annotations

import pytest
from pydantic import SecretStr
from support.clock import MORNING
from support.store import at_once

from autologin.store.attempts import STEPS_KEPT
from autologin.store.records import AttemptCount

# Attempts and blocks


def attempted(kept, kind, outcome, account="z", fingerprint="f"):
    attempt = kept.attempts.begin(account, fingerprint, kind)
    if outcome:
        kept.attempts.settle(attempt, outcome)


def test_attempts_are_counted_by_kind_and_answer(kept):
    for kind, outcome, times in (
        ("password", "rejected", 1),
        ("password", "accepted", 4),
        ("password", None, 1),
        ("password", "unclear", 1),
        ("otp", "rejected", 2),
        ("otp", "unclear", 2),
        ("otp", "unanswered", 3),
        ("otp", None, 1),
    ):
        for _ in range(times):
            attempted(kept, kind, outcome)
    assert kept.attempts.count("z", "f") == AttemptCount(
        rejected_passwords=1, rejected_otps=2, unsettled=5
    )


def test_what_the_broker_took_or_never_got_does_not_count(kept):
    attempted(kept, "password", "accepted")
    attempted(kept, "otp", "unanswered")
    assert kept.attempts.count("z", "f") == AttemptCount()


def test_attempts_with_other_credentials_or_of_other_accounts_do_not_count(kept):
    attempted(kept, "password", "rejected", fingerprint="old")
    attempted(kept, "password", "rejected", account="y")
    assert kept.attempts.count("z", "f") == AttemptCount()
    assert kept.attempts.count("z", "old") == AttemptCount(rejected_passwords=1)


def test_an_attempt_is_on_disk_before_its_answer(opener):
    opener().attempts.begin("z", "f", "password")
    assert opener().attempts.count("z", "f") == AttemptCount(unsettled=1)


def test_a_login_that_worked_clears_the_attempts_of_its_account_alone(kept):
    for account in "zy":
        attempted(kept, "otp", "rejected", account=account)
    kept.attempts.clear("z")
    assert kept.attempts.count("z", "f") == AttemptCount()
    assert kept.attempts.count("y", "f") == AttemptCount(rejected_otps=1)


def test_a_block_holds_for_the_credentials_that_were_refused(opener, clock):
    opener().attempts.block("z", "f", "credentials_rejected", "Invalid password")
    clock.move(hours=40)
    kept = opener()
    for fingerprint in ("f", None):
        block = kept.attempts.find_block("z", fingerprint)
        assert (block.at, block.error, block.message) == (
            MORNING,
            "credentials_rejected",
            "Invalid password",
        )
    assert kept.attempts.find_block("z", "changed") is None
    assert kept.attempts.find_block("y", "f") is None
    assert kept.attempts.find_block("y") is None


def test_a_later_block_replaces_the_first(kept):
    kept.attempts.block("z", "f", "otp_rejected", "one")
    kept.attempts.block("z", "g", "account_locked", "two")
    assert kept.attempts.find_block("z", "f") is None
    assert kept.attempts.find_block("z", "g").message == "two"


def test_unblocking_lifts_the_block_and_forgets_the_attempts(kept):
    attempted(kept, "password", "rejected")
    kept.attempts.block("z", "f", "credentials_rejected", "no")
    kept.attempts.block("y", "f", "credentials_rejected", "no")
    assert kept.attempts.unblock("z") is True
    assert kept.attempts.find_block("z") is None
    assert kept.attempts.count("z", "f") == AttemptCount()
    assert kept.attempts.find_block("y", "f") is not None
    assert kept.attempts.unblock("z") is False


@pytest.mark.parametrize(
    ("outcome", "something"),
    [
        (None, True),
        ("rejected", True),
        ("unclear", True),
        ("accepted", False),
        ("unanswered", False),
    ],
)
def test_unblocking_says_whether_there_was_anything_to_lift(kept, outcome, something):
    attempted(kept, "otp", outcome)
    assert kept.attempts.unblock("z") is something
    assert kept.attempts.count("z", "f") == AttemptCount()


# One-time passwords


def test_a_time_step_is_granted_once_for_each_seed(opener):
    one, other = opener(), opener()
    assert one.attempts.claim_otp_step("seed", 7) is True
    assert one.attempts.claim_otp_step("seed", 7) is False
    assert other.attempts.claim_otp_step("seed", 7) is False
    assert other.attempts.claim_otp_step("seed", 8) is True
    assert other.attempts.claim_otp_step("another", 7) is True


def test_a_day_of_steps_is_remembered_and_no_more(kept):
    steps = range(1000, 1000 + STEPS_KEPT + 5)
    assert all(kept.attempts.claim_otp_step("seed", step) for step in steps)
    assert not any(kept.attempts.claim_otp_step("seed", step) for step in steps[-STEPS_KEPT:])
    assert kept._database.fetch_one("SELECT count(*) FROM otp_steps") == (STEPS_KEPT + 1,)


CLAIMS = """
store = Store.open(Path(sys.argv[1]), SystemClock())
for step in range(200):
    if store.attempts.claim_otp_step("seed", step):
        print(step)
"""


def test_of_two_processes_at_once_exactly_one_gets_each_step(opener, tmp_path):
    opener().close()
    with at_once(CLAIMS, tmp_path / "state") as granted:
        steps = sorted(int(step) for lines in granted for step in lines)
    assert steps == list(range(200))


# Logins by hand


def test_a_nonce_is_kept_until_it_is_dropped(opener):
    opener().attempts.save_manual_login("z", "one", None)
    kept = opener()
    kept.attempts.save_manual_login("z", "two", None)
    assert kept.attempts.manual_login("z").nonce == "two"
    assert kept.attempts.manual_login("y") is None
    kept.attempts.drop_manual_login("z")
    assert kept.attempts.manual_login("z") is None


def test_a_verifier_is_kept_beside_the_nonce_until_both_are_dropped(opener):
    def kept_login():
        found = kept.attempts.manual_login("z")
        return found.nonce, found.verifier and found.verifier.get_secret_value()

    opener().attempts.save_manual_login("z", "one", SecretStr("the verifier"))
    kept = opener()
    assert kept_login() == ("one", "the verifier")
    kept.attempts.save_manual_login("z", "", SecretStr("alone"))
    assert kept_login() == (None, "alone")
    kept.attempts.save_manual_login("z", "two", None)
    assert kept_login() == ("two", None)
    kept.attempts.drop_manual_login("z")
    assert kept.attempts.manual_login("z") is None


def test_a_nonce_does_not_disturb_the_stores_own_key(opener):
    kept = opener()
    name = kept.fingerprint("x")
    kept.attempts.save_manual_login("fingerprint", "nonce", None)
    kept.attempts.drop_manual_login("fingerprint")
    assert opener().fingerprint("x") == name
