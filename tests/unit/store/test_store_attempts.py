"""What was sent is counted before it is answered; blocks, OTP steps, logins by hand."""

from __future__ import annotations

import pytest
from pydantic import SecretStr
from support.clock import MORNING
from support.store import a_token, at_once, block

from autologin.errors import LeaseLost
from autologin.store.attempts import ATTEMPTS_KEPT, STEPS_KEPT
from autologin.store.leases import LEASE_SECONDS

# Attempts


@pytest.fixture
def lease(kept):
    return kept.leases.acquire("z")


def attempted(kept, outcome, secret="pin", account="z", login="zerodha AB1234"):
    lease = kept.leases.acquire(account)
    numbers = kept.attempts.begin(lease, login, [secret])
    if outcome:
        kept.attempts.settle(numbers, outcome)
    kept.leases.release(lease)


def counted(kept, secret="pin"):
    count = kept.attempts.count(secret)
    return count.rejected, count.unclear, count.unanswered, count.trusted


def test_what_became_of_a_secret_is_counted(kept):
    for outcome, times in (("rejected", 1), ("unclear", 2), ("unanswered", 3), (None, 1)):
        for _ in range(times):
            attempted(kept, outcome)
    for outcome in ("unjudged", "unsent", "forgiven"):
        attempted(kept, outcome)
    assert counted(kept) == (1, 2, 4, False)


def test_a_secret_that_was_accepted_is_counted_anew(kept):
    attempted(kept, "rejected")
    attempted(kept, None)
    attempted(kept, "accepted")
    assert counted(kept) == (0, 0, 0, True)
    attempted(kept, "rejected")
    assert counted(kept) == (1, 0, 0, True)


@pytest.mark.parametrize(("hours", "trusted"), [(0, True), (167, True), (169, False), (-1, False)])
def test_an_acceptance_is_trusted_for_a_week(kept, clock, hours, trusted):
    attempted(kept, "accepted")
    clock.move(hours=hours)
    assert counted(kept)[3] is trusted


def test_each_secret_is_counted_by_itself(kept):
    attempted(kept, "rejected", secret="old pin")
    attempted(kept, "unanswered", secret="seed")
    assert counted(kept, "old pin")[0] == 1
    assert counted(kept, "seed")[2] == 1
    assert counted(kept) == (0, 0, 0, False)


def test_a_secret_is_counted_under_every_name_of_its_account(kept):
    attempted(kept, "rejected")
    attempted(kept, "rejected", account="renamed")
    assert counted(kept)[0] == 2


def test_an_attempt_is_on_disk_before_its_answer(opener):
    one = opener()
    one.attempts.begin(one.leases.acquire("z"), "l", ["pin"])
    assert counted(opener())[2] == 1


def test_an_attempt_that_may_have_arrived_twice_counts_twice(kept, lease):
    numbers = kept.attempts.begin(lease, "l", ["pin", "seed"])
    kept.attempts.settle(numbers, "unanswered")
    kept.attempts.may_have_repeated(numbers)
    assert counted(kept)[2] == counted(kept, "seed")[2] == 2


def test_old_attempts_are_pruned_and_the_newest_kept(kept, lease):
    for _ in range(ATTEMPTS_KEPT + 5):
        kept.attempts.begin(lease, "l", ["pin"])
    kept.attempts.begin(lease, "l", ["seed"])
    assert counted(kept)[2] == ATTEMPTS_KEPT
    assert counted(kept, "seed")[2] == 1


def test_logins_in_a_row_without_an_answer_are_counted_since_a_moment(kept, clock):
    attempted(kept, "unanswered")
    clock.move(hours=1)
    since = clock.now()
    assert kept.attempts.unanswered("z", since) == 0
    for secret in ("pin", "pin", "seed"):
        attempted(kept, "unanswered", secret=secret)
    attempted(kept, None)
    assert kept.attempts.unanswered("z", since) == 3
    assert kept.attempts.unanswered("y", since) == 0
    attempted(kept, "accepted")
    assert kept.attempts.unanswered("z", since) == 1


def test_moments_at_which_something_was_sent(kept, clock):
    attempted(kept, "rejected")
    clock.move(seconds=5)
    attempted(kept, "accepted", secret="seed", account="renamed")
    attempted(kept, "accepted", login="another person's")
    assert kept.attempts.sent("zerodha AB1234") == [MORNING, clock.now()]
    clock.move(hours=49)
    assert kept.attempts.sent("zerodha AB1234") == []


def test_moments_of_a_clock_that_was_ahead_say_nothing(kept, clock):
    clock.move(hours=6)
    attempted(kept, None)
    clock.move(hours=-6)
    assert kept.attempts.sent("zerodha AB1234") == []
    kept.attempts.unblock("z")
    clock.move(hours=7)
    assert kept.attempts.sent("zerodha AB1234") == []


# Blocks


def stands(kept, *secrets, account="z"):
    return kept.attempts.find_block(account, secrets)


def test_a_block_is_on_the_secret_that_was_refused(opener, clock):
    block(opener(), "z", secret="old pin")
    clock.move(hours=40)
    kept = opener()
    found = stands(kept, "seed", "old pin")
    assert (found.at, found.what) == (MORNING, "password")
    assert (found.error, found.message) == ("credentials_rejected", "Invalid password")
    assert stands(kept, "seed", "new pin") is None


def test_an_older_refused_value_stays_refused(kept, clock):
    for pin in ("1234", "9012"):
        block(kept, "z", secret=pin)
        clock.move(minutes=1)
    assert stands(kept, "1234")
    assert stands(kept, "9012")
    assert stands(kept, "5678") is None
    assert stands(kept, "1234")


def test_a_renamed_account_is_blocked_all_the_same(kept):
    block(kept, "z")
    assert stands(kept, "f", account="renamed")
    assert kept.attempts.current_block("renamed")


def test_what_stands_against_an_account_is_what_its_last_run_found(kept):
    assert kept.attempts.current_block("z") is None
    block(kept, "z", message="one")
    assert kept.attempts.current_block("z").message == "one"
    assert stands(kept, "changed") is None
    assert kept.attempts.current_block("z") is None
    assert stands(kept, "f").message == "one"
    assert kept.attempts.current_block("z").message == "one"


def test_unblocking_forgets_every_refusal_and_what_was_not_answered(kept):
    for pin in ("1234", "9012"):
        block(kept, "z", secret=pin, login="zerodha AB1234")
    block(kept, "y", secret="theirs")
    attempted(kept, "rejected")
    attempted(kept, None)
    assert kept.attempts.unblock("z") is True
    assert stands(kept, "1234", "9012") is None
    assert counted(kept) == (0, 0, 0, False)
    assert stands(kept, "theirs", account="y")
    assert kept.attempts.unblock("z") is False


def test_unblocking_reaches_what_was_refused_under_another_name(kept):
    block(kept, "z", login="zerodha AB1234")
    attempted(kept, "rejected", account="z")
    assert kept.attempts.unblock("renamed") is False
    assert kept.attempts.unblock("renamed", "zerodha AB1234") is True
    assert stands(kept, "f") is None
    assert counted(kept) == (0, 0, 0, False)


def test_unblocking_forgets_no_login(kept):
    attempted(kept, "rejected")
    kept.attempts.unblock("z")
    assert kept.attempts.sent("zerodha AB1234") == [MORNING]


@pytest.mark.parametrize(
    ("outcome", "something"),
    [
        (None, True),
        ("rejected", True),
        ("unclear", True),
        ("unanswered", True),
        ("accepted", False),
    ],
)
def test_unblocking_says_whether_there_was_anything_to_lift(kept, outcome, something):
    attempted(kept, outcome)
    assert kept.attempts.unblock("z") is something


# A fence: what an owner writes after another has taken over is refused


@pytest.mark.parametrize("write", ["attempt", "step", "token"])
def test_who_lost_the_lease_writes_nothing(kept, clock, write):
    late = kept.leases.acquire("z")
    clock.move(seconds=LEASE_SECONDS + 1)
    newer = kept.leases.acquire("z")
    assert newer.number > late.number
    kept.tokens.save(newer, "zerodha", a_token("new-from-B"))
    writes = {
        "attempt": lambda: kept.attempts.begin(late, "l", ["pin"]),
        "step": lambda: kept.attempts.claim_otp_step(late, "seed", 7),
        "token": lambda: kept.tokens.save(late, "zerodha", a_token("old-from-A"), ["tokens"]),
    }
    with pytest.raises(LeaseLost):
        writes[write]()
    assert kept.leases.renew(late) is False
    kept.leases.release(late)
    assert kept.leases.renew(newer) is True
    assert kept.tokens.get("z").token.access_token.get_secret_value() == "new-from-B"
    assert kept.outbox.latest("z") == []
    assert counted(kept)[2] == 0
    assert kept.attempts.claim_otp_step(newer, "seed", 7)


# One-time passwords


def test_a_time_step_is_granted_once_for_each_seed(opener):
    one, other = opener(), opener()
    leases = [one.leases.acquire("z"), other.leases.acquire("y")]
    claims = [
        lambda seed, step, kept=kept, lease=lease: kept.attempts.claim_otp_step(lease, seed, step)
        for kept, lease in zip((one, other), leases, strict=True)
    ]
    assert claims[0]("seed", 7) is True
    assert claims[0]("seed", 7) is False
    assert claims[1]("seed", 7) is False
    assert claims[1]("seed", 8) is True
    assert claims[1]("another", 7) is True


def test_a_day_of_steps_is_remembered_and_no_more(kept, lease):
    steps = range(1000, 1000 + STEPS_KEPT + 5)
    assert all(kept.attempts.claim_otp_step(lease, "seed", step) for step in steps)
    newest = steps[-STEPS_KEPT:]
    assert not any(kept.attempts.claim_otp_step(lease, "seed", step) for step in newest)
    assert kept._database.fetch_one("SELECT count(*) FROM otp_steps") == (STEPS_KEPT + 1,)


def test_a_clock_that_was_days_ahead_does_not_make_us_forget_a_step(kept, lease):
    assert kept.attempts.claim_otp_step(lease, "seed", 1000)
    assert kept.attempts.claim_otp_step(lease, "seed", 1000 + 3 * STEPS_KEPT)
    assert not kept.attempts.claim_otp_step(lease, "seed", 1000)


CLAIMS = """
import os
store = Store.open(Path(sys.argv[1]), SystemClock())
lease = store.leases.acquire(str(os.getpid()))
for step in range(200):
    if store.attempts.claim_otp_step(lease, "seed", step):
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
