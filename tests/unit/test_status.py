"""`autologin status` and `autologin token`: what the store knows, what the broker says, and what a program can rely on."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr
from support.clock import MORNING
from support.sandbox import rehearsal
from support.store import block, mark_verified, save

from autologin import status
from autologin.app import App
from autologin.cli.commands.status import print_statuses
from autologin.clock import SystemClock
from autologin.config import loader
from autologin.errors import AutologinError, OtpRejected, TokenRejected
from autologin.flow.base import Verdict
from autologin.store.records import StoredToken
from autologin.store.store import Store
from autologin.token import Token

SECRET = "access-token-canary"
TWO = """
accounts:
  mine: &account
    broker: zerodha
    credentials: {api_key: "k", api_secret: "s3cret", user_id: "AB1234", password: "pass-word", totp_secret: "JBSWY3DPEHPK3PXP"}
  hers: *account
state: {path: state}
"""


def token(clock, hours=20.0, text=SECRET, **extra):
    return Token(
        SecretStr(text), clock.now(), clock.now() + timedelta(hours=hours), "AB1234", extra
    )


@pytest.fixture
def app(tmp_path, clock):
    (tmp_path / "config.yaml").write_text(TWO)
    found = App.open(loader.load(tmp_path / "config.yaml", {"HOME": str(tmp_path)}), clock)
    yield found
    found.store.close()


def read(app):
    return status.read_statuses(app.settings, app.store, app.clock)


def shown(found, capsys):
    print_statuses(found, as_json=False)
    return capsys.readouterr().out.splitlines()


# What the store knows


def test_an_account_that_never_ran(app, capsys):
    found = read(app)
    assert shown(found, capsys) == [
        "mine             zerodha      no token",
        "hers             zerodha      no token",
    ]
    assert found[0].to_json() == {
        "account": "mine",
        "broker": "zerodha",
        "state": "none",
        "token": None,
        "verified": None,
        "error": None,
        "blocked": None,
        "last_run": None,
        "deliveries": [],
    }


def test_a_token_through_its_life(app, clock, capsys):
    save(app.store, "mine", token(clock))
    assert shown(read(app), capsys)[0].endswith("valid until 2026-11-25 04:15 IST")
    clock.move(hours=20, seconds=-1)
    assert read(app)[0].state == "valid"
    clock.move(seconds=1)
    assert read(app)[0].state == "expired"
    assert shown(read(app), capsys)[0].endswith("expired at 2026-11-25 04:15 IST")


def test_all_that_there_is_to_tell(app, clock, capsys):
    save(app.store, "mine", token(clock))
    mark_verified(app.store, "mine")
    row = app.store.history.begin_run("mine", "zerodha")
    refused = OtpRejected("The broker said: wrong code", attempts_left=2)
    app.store.history.end_run(row, "failed", refused, seconds=4.25, stages={"login": 4.0})
    block(app.store, "mine", "wrong code", "otp_rejected")
    first = replace(read(app)[0], verdict=Verdict.UNKNOWN, detail="no answer")
    assert shown([first], capsys) == [
        "mine             zerodha      valid until 2026-11-25 04:15 IST, the broker could not be asked",
        "    last confirmed by the broker at 2026-11-24 08:15 IST",
        "    the broker said: no answer",
        "    blocked since 2026-11-24 08:15 IST after otp_rejected: wrong code",
        "    `autologin unblock mine` lifts it, once you know why it was refused",
        "    last run at 2026-11-24 08:15 IST: otp_rejected",
    ]
    told = first.to_json()
    assert told["verified"] == "unknown"
    assert told["blocked"] == {
        "at": MORNING.isoformat(),
        "error": "otp_rejected",
        "message": "wrong code",
    }
    assert told["last_run"]["error"] == "otp_rejected"
    assert told["last_run"]["stages"] == {"login": 4.0}
    assert told["token"]["user_id"] == "AB1234"


def test_a_run_that_was_cut_off(app, capsys):
    app.store.history.begin_run("mine", "zerodha")
    assert shown(read(app), capsys)[1] == "    last run at 2026-11-24 08:15 IST: was cut off"


def test_the_token_itself_is_never_shown(app, clock, capsys):
    save(app.store, "mine", token(clock, public_token="public-canary"))
    found = read(app)
    print_statuses(found, as_json=True)
    print_statuses(found, as_json=False)
    detail = capsys.readouterr().out + repr(found)
    assert SECRET not in detail
    assert "public-canary" not in detail


def test_no_account(capsys):
    assert shown([], capsys) == ["No account is configured."]


# Its exit code

STORED = StoredToken(
    "zerodha", Token(SecretStr("x"), MORNING, MORNING + timedelta(hours=1), "AB1234"), None
)
LIVING = status.Status("a", "zerodha", MORNING, STORED, None, None, Verdict.VALID)
REFUSED, UNASKED = (
    replace(LIVING, verdict=Verdict.REJECTED),
    replace(LIVING, verdict=Verdict.UNKNOWN),
)
MISSING, EXPIRED = (
    replace(LIVING, stored=None, verdict=None),
    replace(LIVING, now=MORNING + timedelta(days=1), verdict=None),
)


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ([], 0),
        ([LIVING], 0),
        ([LIVING, UNASKED], 5),
        ([LIVING, REFUSED], 3),
        ([MISSING], 3),
        ([EXPIRED], 3),
        ([UNASKED, REFUSED], 3),
        ([UNASKED, MISSING], 3),
    ],
)
def test_the_exit_code_of_verify(found, code):
    assert status.exit_code(found) == code


# The token


def test_a_token_and_its_fields(app, clock):
    save(app.store, "mine", token(clock, public_token="public", nested={"a": {"b": 1}}))
    data = status.token(app, app.settings.account("mine"))
    assert data["access_token"] == SECRET
    for field, value in {
        "access_token": SECRET,
        "account": "mine",
        "user_id": "AB1234",
        "expires_at": "2026-11-24T22:45:10+00:00",
        "extra.public_token": "public",
        "extra.nested.a.b": "1",
    }.items():
        assert status.field_of(data, field) == value
    assert json.loads(status.field_of(data, "extra"))["public_token"] == "public"


@pytest.mark.parametrize(
    "field",
    ["", "acces_token", "extra.", "extra.nothing", "access_token.x", ".", "extra.public_token.x"],
)
def test_a_field_that_is_not_there(app, clock, field):
    save(app.store, "mine", token(clock, public_token="public-canary"))
    data = status.token(app, app.settings.account("mine"))
    with pytest.raises(AutologinError, match=r"The token has no field") as caught:
        status.field_of(data, field)
    assert "Known here: " in caught.value.message
    assert SECRET not in caught.value.message
    assert "public-canary" not in caught.value.message


def test_a_token_that_is_missing_or_expired_is_refused(app, clock):
    account = app.settings.account("mine")
    with pytest.raises(TokenRejected, match="mine has no token yet") as caught:
        status.token(app, account)
    assert caught.value.hint == "Run `autologin run mine`."
    save(app.store, "mine", token(clock, hours=1))
    clock.move(hours=1)
    with pytest.raises(TokenRejected, match="mine has none since 2026-11-24 09:15 IST"):
        status.token(app, account)


# With the broker


@pytest.fixture
async def served(tmp_path):
    async with rehearsal(tmp_path) as one:
        yield one


def keep(served, one, name="zerodha"):
    """Put a token into the user's store."""
    store = Store.open(served.folder / "state", SystemClock())
    save(store, name, one)
    store.close()


async def test_verify_a_token_that_the_broker_refuses(served):
    keep(served, token(SystemClock()))
    done = await served.user.says("status", "--verify", "--json")
    assert done.code == 3
    assert done.account["verified"] == "rejected"
    assert done.account["state"] == "valid", "as it was when it was asked about"
    assert served.twin.counters["profile"] == 1
    after = await served.user.says("status", "--json")
    assert (after.code, after.account["state"]) == (0, "none"), "a refused token is forgotten"
    assert SECRET not in "".join(served.user.heard)


@pytest.mark.parametrize("scenario", ["broker_502_at_profile_always", "profile_429"])
async def test_verify_a_token_that_the_broker_cannot_be_asked_about(served, scenario):
    served.twin.switch(scenario)
    keep(served, token(SystemClock()))
    done = await served.user.says("status", "--verify")
    assert done.code == 5
    assert "the broker could not be asked" in done.out
    assert (await served.user.says("token", "zerodha")).out == SECRET + "\n", "it is kept"


async def test_verify_asks_nobody_about_a_token_that_is_expired(served):
    keep(served, token(SystemClock(), hours=-1))
    assert (await served.user.says("status", "--verify")).code == 3
    assert served.twin.counters["profile"] == 0


async def test_verify_goes_through_the_accounts_proxy(served):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        served.change(lambda data: data["accounts"]["zerodha"].update(proxy=address))
        keep(served, token(SystemClock()))
        assert (await served.user.says("status", "--verify")).code == 5
    assert served.twin.counters["profile"] == 0


async def test_one_account_without_its_secret_does_not_hide_the_others(served):
    def add(data):
        mine = data["accounts"]["zerodha"]
        data["accounts"]["hers"] = {
            **mine,
            "credentials": {**mine["credentials"], "password": {"env": "NOT_SET"}},
            "sinks": [],
        }

    served.change(add)
    keep(served, token(SystemClock()))
    keep(served, token(SystemClock()), "hers")
    done = await served.user.says("status", "--verify", "--json")
    assert done.code == 2
    assert {row["account"]: row["verified"] for row in done.json["accounts"]} == {
        "zerodha": "rejected",
        "hers": None,
    }
    assert [problem["key"] for problem in done.json["problems"]] == [
        "accounts.hers.credentials.password"
    ]


async def test_the_commands_without_a_token(served):
    done = await served.user.says("token", "zerodha")
    assert (done.code, done.out) == (3, "")
    assert done.err == "token_rejected: zerodha has no token yet. Run `autologin run zerodha`.\n"
    told = await served.user.says("token", "zerodha", "--json")
    assert (told.code, told.json["error"]) == (3, "token_rejected")
    lost = await served.user.says("token", "zeroda")
    assert lost.code == 2
    assert 'Did you mean "zerodha"?' in lost.err
    lifted = await served.user.says("unblock", "zerodha")
    assert (lifted.code, lifted.out, lifted.err) == (0, "", "zerodha was not blocked.\n")
