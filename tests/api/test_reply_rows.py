"""What a broker, or something in front of it, answers at one step, and what comes of the whole run."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from starlette.responses import Response
from support.clock import SkippingClock
from support.replies import answering, flow_at, reply
from support.sandbox import SHARED, rehearsal

from autologin import run as walk_of
from autologin.app import App
from autologin.flow.base import AuthCode, Verdict
from autologin.flow.http import broker_client
from autologin.login import interpret
from autologin.login.network import ApiReply
from autologin.login.state import LoginState, Observation
from autologin.sandbox.twin import Refusal
from autologin.service.schedule import TRANSIENT
from autologin.token import Token

ROWS = json.loads((Path(__file__).parent / "replies.json").read_text())
NOW = datetime(2026, 11, 27, 5, 0, tzinfo=UTC)
URL = "http://127.0.0.1:9"
BLOCKS = {"credentials_rejected", "otp_rejected", "account_locked"}


def rows(step):
    found = [row for row in ROWS if row["step"].startswith(step) and row["expect"] != [None]]
    return parametrized(found)


def parametrized(found):
    ids = [f"{row['broker']}-{row['kind']}".replace(" ", "_") for row in found]
    return pytest.mark.parametrize("row", found, ids=ids)


def answer_at(twin, place, row):
    """From now on the twin answers so at this place."""
    body = row["body"] if isinstance(row["body"], str) else json.dumps(row["body"])
    arrive = twin.arrive

    def answer(at, broken=None):
        if at != place:
            return arrive(at, broken)
        twin.counters[at] += 1
        headers = row.get("headers", {})
        raise Refusal(Response(body, row["status"], headers, media_type=row["type"]))

    twin.arrive = answer


def check(row, error, sent):
    assert (error and error.name) in row["expect"], error and error.message
    assert sent == row.get("sends", sent)
    assert (error.name in TRANSIENT) == row.get("rerun", error.name in TRANSIENT)
    assert (error.name in BLOCKS) == row["blocked"]
    assert row.get("hint", "") in error.message
    assert row.get("nowhere", "PLANTED") not in error.message


def store_says_blocked(served, clock):
    app = App.open(served.settings(), clock, SHARED)
    try:
        return bool(app.store.attempts.current_block(served.broker))
    finally:
        app.store.close()


@rows("login")
async def test_at_a_login(walk, row):
    served, _ = await walk(row["broker"])  # the plain one, to have a twin that is served
    twin = served.twin
    before = twin.counters[twin.login_call]
    answer_at(twin, twin.login_call, row)
    outcome = await served.run(twin.clock, force=True)
    check(row, outcome.error, twin.counters[twin.login_call] - before)
    assert store_says_blocked(served, twin.clock) == row["blocked"]
    if "says" in row:
        assert "Register this machine's address" in outcome.error.message
    assert (await served.run(twin.clock)).outcome == "still_valid", "the token from before is kept"


@rows("exchange")
async def test_at_an_exchange(tmp_path, row):
    """Of a login by hand: what comes after the code is the same."""
    clock = SkippingClock()
    async with rehearsal(tmp_path, broker=row["broker"], clock=clock) as served:
        twin = served.twin
        answer_at(twin, "exchange", row)
        app = App.open(served.settings(), clock, SHARED)
        try:
            account = app.settings.accounts[row["broker"]]
            outcome = await walk_of.finish_by_hand(app, account, "the-code")
        finally:
            app.store.close()
        assert not store_says_blocked(served, clock)
    check(row, outcome.error, 1)
    again = outcome.error.name == "broker_unavailable"
    assert twin.counters["exchange"] == (2 if again else 1), "the same code goes out once more"
    if "says" in row:
        assert "Register this machine's address" in outcome.error.message
        assert "127.0.0.1" in outcome.error.message


VERIFIED = [row for row in ROWS if row["step"] == "verify"]


@parametrized(VERIFIED)
async def test_at_the_proof_of_a_token(row):
    body = row["body"] if isinstance(row["body"], str) else json.dumps(row["body"])
    answer = reply(row["status"], row["type"], body)
    async with answering(answer) as server, broker_client(None) as http:
        flow = flow_at(row["broker"], server.url)
        extra = {"base_url": server.url, "susertoken": "u", "session_token": "s"}
        token = Token(SecretStr("t"), NOW, NOW + timedelta(hours=9), "", extra)
        assert (await flow.verify(token, http)).verdict is Verdict(row["verdict"])


@parametrized([row for row in VERIFIED if row["broker"] in {"angelone", "indstocks", "dhan"}])
async def test_what_becomes_of_the_token(walk, row):
    served, _ = await walk(row["broker"])
    twin = served.twin
    answer_at(twin, twin.profile_call, row)
    logins = twin.counters[twin.login_call]
    app = App.open(served.settings(), twin.clock, SHARED)
    try:
        answer = await walk_of.verify_stored(app, app.settings.accounts[row["broker"]])
        assert (app.store.tokens.get(row["broker"]) is not None) == row["token_kept"]
    finally:
        app.store.close()
    assert answer.verdict is Verdict(row["verdict"])
    if row["token_kept"]:
        assert (await served.run(twin.clock)).outcome == "still_valid"
        assert twin.counters[twin.login_call] == logins


@parametrized([row for row in ROWS if row["expect"] == [None] and row["step"] != "verify"])
async def test_a_token_and_what_comes_with_it(row):
    flow = flow_at(row["broker"], URL)
    if "config" in row:
        flow.credentials = flow.credentials.model_copy(update=row["config"])
    answer = httpx.Response(row["status"], json=row["body"])
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer)) as http:
        if row["step"] == "login":
            token = await flow.sign_in(http, "123456", NOW)
        else:
            token = await flow.exchange(AuthCode("c0de", SecretStr("v")), http, NOW)
        if "expires_in_s" in row:
            assert token.expires_at == NOW + timedelta(seconds=row["expires_in_s"])
        elif "expires_at" in row:
            assert token.expires_at == datetime.fromtimestamp(row["body"]["expires_in"], UTC)
        else:
            assert (token.user_id, flow.user_id) == ("AB123456", None)


@rows("page's")
def test_at_a_call_of_the_login_page(row):
    """The page itself is the browser tests' matter: this is what its call's answer is taken for."""
    flow = flow_at(row["broker"], "http://127.0.0.1:9")
    script = flow.login_script(object())
    step = script.steps[0] if "login" in row["step"] else script.steps[-1]
    reply = ApiReply(
        path=step.reply or "/session/code",
        status=row["status"],
        document=False,
        carried_secret=True,
        data=row["body"],
    )
    observed = Observation(0.0, None, replies=(reply,))
    error = interpret.update(script, LoginState(99.0, 0.0, last_step=step), observed).error
    check(row, error, 1)
    if row["kind"].startswith("a warning"):
        from autologin.flow.phrases import attempts_left

        assert attempts_left(error.detail) == 4
