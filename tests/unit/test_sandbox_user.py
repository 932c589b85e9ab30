"""The sandbox's user, and the codes of the redirect."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from autologin.sandbox.user import Grants, TestUser

SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXQ"
NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
RIGHT = pyotp.TOTP(SEED).at(NOW)


@pytest.fixture
def user():
    return TestUser(SEED, "AB1234", "pass", "1234")


def test_an_otp_counts_once(user):
    assert user.check_otp(RIGHT, NOW)
    assert not user.check_otp(RIGHT, NOW)
    assert user.check_otp(RIGHT, NOW, reuse=True)


def test_an_otp_counts_within_the_window(user):
    later = NOW + timedelta(seconds=31)
    assert not user.check_otp(RIGHT, later, window=0)
    assert TestUser(SEED).check_otp(RIGHT, later, window=1)


def test_only_a_right_otp_is_asked_about(user):
    asked = []
    assert not user.check_otp("000000", NOW, refuse=lambda: asked.append(1) or True)
    assert not user.check_otp(RIGHT, NOW, refuse=lambda: asked.append(1) or True)
    assert (asked, user.strikes["otp"]) == ([1], 2)


def test_a_right_otp_forgives_wrong_ones_and_nothing_else(user):
    user.check_otp("000000", NOW)
    user.check_password("wrong")
    assert user.check_otp(RIGHT, NOW)
    assert (dict(user.strikes), dict(user.mistakes)) == ({"password": 1}, {"otp": 1, "password": 1})


def test_five_wrong_entries_of_a_kind_block(user):
    for _ in range(4):
        user.check_pin("0000")
        user.check_password("x")
    assert (user.blocked, user.attempts_left("pin")) == (False, 1)
    assert not user.check_pin("1234", refuse=True)
    assert user.blocked


def test_wrong_entries_of_all_kinds_count_together_where_the_broker_counts_so():
    user = TestUser(SEED, pin="1234", shared_strikes=True)
    for _ in range(4):
        user.check_otp("000000", NOW)
    assert not user.blocked
    user.check_pin("0000")
    assert user.blocked


def test_strikes_from_before_count(user):
    user.check_otp("000000", NOW, earlier=4)
    assert user.blocked


def test_a_grant_is_used_once_and_in_time(user):
    grants = Grants()
    grants.open("a", user, NOW + timedelta(minutes=3))
    assert grants.find("a", NOW).holder is grants.use("a", NOW).holder is user
    assert grants.find("a", NOW) is grants.use("a", NOW) is None
    grants.open("b", user, NOW)
    assert grants.use("b", NOW) is None
