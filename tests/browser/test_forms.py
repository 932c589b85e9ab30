"""The brokers whose page asks for a user id, a password and a TOTP, in real Chromium against their twins: every scenario."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta

import pytest
from kit import SkippingClock, leaks, rehearsal, secrets_of

from autologin import log
from autologin.clock import IST
from autologin.sandbox.server import twin_classes

BROKERS = ("shoonya", "zebu", "tradesmart", "flattrade", "aliceblue", "iiflcapital")
ENDS = {"flattrade": "05:00"}
"""When a token dies; the others' at midnight."""
FAILED = {
    "no_fields": "page_changed",
    "ambiguous": "page_changed",
    "captcha": "captcha_required",
    "wrong_password": "credentials_rejected",
    "wrong_password_or_code": "credentials_rejected",
    "wrong_user": "credentials_rejected",
    "access_denied": "page_changed",
    "wrong_code": "otp_rejected",
    "locked": "account_locked",
    "wrong_secret": "exchange_rejected",
    "no_token": "exchange_rejected",
    "expired_code": "exchange_rejected",
    "wrong_account": "wrong_account",
    "dead_token": "token_rejected",
    "expired_in_words": "token_rejected",
    "broker_502_at_page_always": "broker_unavailable",
    "broker_502_at_exchange_always": "broker_unavailable",
    "429_for_long": "broker_unavailable",
}
AT_CODE = {"aliceblue": {"wrong_password_or_code": "otp_rejected"}}
"""Where the code stands alone, the password before it was accepted."""
BLOCKS = {"credentials_rejected", "otp_rejected", "account_locked"}
TABLE = [(broker, name) for broker in BROKERS for name in twin_classes()[broker].table]


@pytest.fixture
async def walked(tmp_path):
    """Run an account with scenarios on; afterwards nothing secret may stand anywhere but in the token's file."""
    heard, kept = io.StringIO(), []
    log.configure(verbose=True, stream=heard)

    async def walk(broker, *scenarios):
        clock = SkippingClock()
        context = rehearsal(tmp_path, *scenarios, broker=broker, clock=clock)
        served = await context.__aenter__()
        kept.append((context, served))
        return served, await served.run(clock)

    yield walk
    for context, served in kept:
        secrets = [*secrets_of(served.twin), *served.twin.tokens]
        assert leaks(secrets, [heard.getvalue(), tmp_path / "state"]) == []
        await context.__aexit__(None, None, None)


@pytest.mark.parametrize("broker", BROKERS)
async def test_a_plain_login(walked, broker):
    served, outcome = await walked(broker)
    assert (outcome.outcome, outcome.error) == ("issued", None)
    token = json.loads(served.token_file.read_text())
    assert token["access_token"] in served.twin.tokens
    assert token["user_id"] == served.twin.user_id
    assert outcome.expires_at.astimezone(IST).strftime("%H:%M") == ENDS.get(broker, "00:00")
    assert served.twin.counters == {"page": 1, "enter": served.twin.counters["enter"], "exchange": 1, "proof": 1}
    assert served.twin.counters["callback"] == 0, "the redirect reached somebody"
    assert (await served.run(served.twin.clock)).outcome == "still_valid"


@pytest.mark.parametrize(("broker", "scenario"), [row for row in TABLE if row[1] not in FAILED])
async def test_a_token_is_issued_all_the_same(walked, broker, scenario):
    served, outcome = await walked(broker, scenario)
    twin = served.twin
    assert (outcome.outcome, outcome.error) == ("issued", None)
    token = json.loads(served.token_file.read_text())
    assert token["access_token"] in twin.tokens
    assert outcome.expires_at - datetime.fromisoformat(token["issued_at"]) <= timedelta(days=1)
    assert len(set(twin.otps)) == len(twin.otps), "a code was sent twice"
    assert (len(twin.codes_exchanged), twin.counters["signup"]) == (1, 0)


@pytest.mark.parametrize(("broker", "scenario"), [row for row in TABLE if row[1] in FAILED])
async def test_a_login_fails_by_its_name(walked, broker, scenario):
    served, outcome = await walked(broker, scenario)
    twin = served.twin
    expected = AT_CODE.get(broker, {}).get(scenario, FAILED[scenario])
    assert (outcome.outcome, outcome.error.name) == ("failed", expected)
    assert outcome.error.hint
    assert not served.token_file.exists()
    assert len(set(twin.otps)) == len(twin.otps), "a code was sent twice"
    assert len(twin.otps) <= (2 if expected == "otp_rejected" else 1)
    if outcome.error.name in BLOCKS:
        before = twin.counters.copy()
        assert (await served.run(twin.clock)).error.name == "account_blocked"
        assert twin.counters == before
