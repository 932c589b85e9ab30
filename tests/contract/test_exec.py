"""`autologin exec`: the program takes autologin's place, with the token in its environment and nowhere else."""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr
from support.cli import User
from support.leaks import leaks
from support.store import drop, save

from autologin.cli.commands import exec as handover
from autologin.clock import SystemClock
from autologin.delivery import formats
from autologin.flow import registry
from autologin.store.store import Store
from autologin.token import Token

SECRET = "exec-token-canary+/=$HOME 'x'"
EXTRA = {
    "api_key": "key-canary-1",
    "public_token": "public-canary",
    "bundle": {"feed": "feed-canary"},
    "none": None,
    "n": 5,
}
CANARIES = [SECRET, "public-canary", "feed-canary", "apisecret-canary", "password-canary"]
CREDENTIALS = {
    "api_key": "k",
    "api_secret": "apisecret-canary",
    "user_id": "AB1234",
    "password": "password-canary",
}
SHOW = "import json, os, sys; json.dump({'environ': dict(os.environ), 'argv': sys.argv[1:], 'pid': os.getpid()}, sys.stdout)"
WAITING = "import signal, sys; signal.signal({0}, lambda *_: sys.exit(42)); print('ready', flush=True); signal.pause()"


def put(folder, secret=SECRET, hours=5):
    now = datetime.now(UTC)
    token = Token(
        SecretStr(secret), now - timedelta(hours=20), now + timedelta(hours=hours), "AB1234", EXTRA
    )
    store = Store.open(folder / "state", SystemClock())
    save(store, "mine", token)
    store.close()
    return token


@pytest.fixture
def user(tmp_path):
    """Somebody whose account has a token. Nothing that autologin itself says or writes may hold a secret."""
    credentials = CREDENTIALS | {"totp_secret": "JBSWY3DPEHPK3PXP"}
    accounts = {"mine": {"broker": "zerodha", "credentials": credentials, "sinks": []}}
    (tmp_path / "config.yaml").touch(mode=0o600)
    (tmp_path / "config.yaml").write_text(
        yaml.safe_dump({"accounts": accounts, "state": {"path": "./state"}})
    )
    put(tmp_path)
    found = User(tmp_path)
    yield found
    assert leaks(CANARIES, [tmp_path / "state"]) == []


async def shown(user, *words, **environ):
    """What a program saw that was started so."""
    user.environ |= environ
    done = await user.says("exec", "mine", *words)
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


async def refused(user, *words):
    """What was said, and the exit code; a token is in none of it, and nothing was started."""
    done = await user.says("exec", *words)
    assert leaks(CANARIES, [done.out, done.err]) == []
    assert done.out == ""
    return done.code, done.err


async def test_the_environment_has_the_names_that_users_expect(user):
    seen = await shown(user, "--", sys.executable, "-c", SHOW)
    ends = put(user.folder).to_json("mine", "zerodha")["expires_at"]
    environ = seen["environ"]
    ours = {name: value for name, value in environ.items() if re.match("KITE_|ZERODHA_", name)}
    assert abs(
        datetime.fromisoformat(ours.pop("ZERODHA_EXPIRES_AT")) - datetime.fromisoformat(ends)
    ) < timedelta(minutes=5)
    assert ours == {
        "KITE_API_KEY": "key-canary-1",
        "KITE_ACCESS_TOKEN": SECRET,
        "ZERODHA_ACCESS_TOKEN": SECRET,
        "ZERODHA_USER_ID": "AB1234",
        "ZERODHA_API_KEY": "key-canary-1",
        "ZERODHA_PUBLIC_TOKEN": "public-canary",
        "ZERODHA_N": "5",
    }
    assert "JBSWY3DPEHPK3PXP" not in json.dumps(environ), "a credential is nobody's business"
    assert "password-canary" not in json.dumps(environ)


async def test_what_is_there_already_stays_but_for_an_old_token(user):
    seen = await shown(
        user, "--", sys.executable, "-c", SHOW, KITE_ACCESS_TOKEN="yesterday's", MY_OWN="kept"
    )
    assert seen["environ"]["KITE_ACCESS_TOKEN"] == SECRET
    assert seen["environ"]["MY_OWN"] == "kept"
    assert seen["environ"]["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize("dashes", [["--"], []])
async def test_every_word_reaches_the_program_as_it_is(user, dashes):
    words = ["--json", "--help", "-h", "--", "a b", "", "$HOME", "--config=x"]
    seen = await shown(user, *dashes, sys.executable, "-c", SHOW, *words)
    assert seen["argv"] == words


async def test_the_exit_code_is_the_programs(user):
    for code in (0, 1, 3, 42, 255):
        assert (await user.says("exec", "mine", "--", "sh", "-c", f"exit {code}")).code == code


async def test_what_it_reads_and_writes_passes_through(user):
    done = await user.says("exec", "mine", "--", "sh", "-c", "cat; echo there >&2", stdin="here")
    assert (done.out, done.err) == ("here", "there\n")


async def started(user, *command):
    process = await user.start("exec", "mine", "--", *command)
    assert await asyncio.wait_for(process.stdout.readline(), 60) == b"ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
async def test_a_signal_reaches_the_program(user, number):
    process = await started(user, sys.executable, "-c", WAITING.format(int(number)))
    process.send_signal(number)
    assert await asyncio.wait_for(process.wait(), 60) == 42
    process._transport.close()


async def test_a_program_that_a_signal_ends_is_seen_to_end_by_it(user):
    process = await started(user, "sh", "-c", "echo ready; exec sleep 600")
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 60) == -signal.SIGTERM


def looked_at(pid):
    """A process as the system shows it: its arguments, its children, its files."""
    proc = Path(f"/proc/{pid}")
    files = [str(file.readlink()) for file in (proc / "fd").iterdir()]
    return (
        (proc / "cmdline").read_bytes().decode().split("\0"),
        (proc / f"task/{pid}/children").read_text(),
        files,
    )


async def test_it_is_the_same_process_and_no_argument_holds_the_token(user):
    process = await started(user, sys.executable, "-c", WAITING.format(15))
    words, children, open_files = looked_at(process.pid)
    assert words[:2] == [sys.executable, "-c"], "autologin waits beside it"
    assert leaks(CANARIES, words) == []
    assert children == ""
    assert [file for file in open_files if "state" in file] == []
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 60) == 42


async def test_no_signal_is_ignored_because_python_does(user):
    done = await user.says("exec", "mine", "--", "grep", "SigIgn", "/proc/self/status")
    ignored = int(done.out.split()[1], 16)
    assert (
        ignored & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1 | 1 << signal.SIGINT - 1) == 0
    )


# What is refused


async def test_its_core_dumps_are_its_own_affair(user):
    """None is made of autologin; the program may do what it could do before."""
    limits = "import json, resource; print(json.dumps(resource.getrlimit(resource.RLIMIT_CORE)))"
    mine = resource.getrlimit(resource.RLIMIT_CORE)
    assert tuple(await shown(user, "--", sys.executable, "-c", limits)) == mine


@pytest.mark.parametrize("hours", [-1, -30])
async def test_an_expired_token_starts_nothing(user, hours):
    put(user.folder, hours=hours)
    code, detail = await refused(user, "mine", "--", "sh", "-c", "echo started")
    assert code == 3
    assert detail.startswith("token_rejected: mine has n")
    assert "Run `autologin run mine`." in detail


async def test_no_token_starts_nothing(user):
    store = Store.open(user.folder / "state", SystemClock())
    drop(store, "mine")
    store.close()
    assert (await refused(user, "mine", "--", "sh", "-c", "echo started"))[0] == 3


async def test_a_command_that_is_not_there(user):
    for name in ("no-such-command", "./no-such-command", "config.yaml/x"):
        code, detail = await refused(user, "mine", "--", name)
        assert code == 127
        assert f"There is no command {name}. Check the spelling, and PATH." in detail


async def test_a_script_whose_interpreter_is_not_there(user):
    (user.folder / "script").write_text("#!/no/such/interpreter\n")
    (user.folder / "script").chmod(0o755)
    code, detail = await refused(user, "mine", "--", "./script")
    assert (code, "the program in its first line is not there" in detail) == (127, True)


async def test_a_command_that_cannot_be_started(user):
    (user.folder / "text").write_text("echo started\n")
    code, detail = await refused(user, "mine", "--", "./text")
    assert (code, detail) == (126, "error: ./text cannot be started: permission denied.\n")
    (user.folder / "text").chmod(0o755)
    code, detail = await refused(user, "mine", "--", "./text")
    assert (code, detail) == (
        126,
        "error: ./text is not a program. A script needs a first line such as #!/bin/sh.\n",
    )
    assert (await refused(user, "mine", "--", "./state"))[0] == 126


@pytest.mark.parametrize("secret", ["exec-token-canary\0x", "exec-token-canary" + "x" * 200_000])
async def test_a_token_that_no_environment_can_hold(user, secret):
    put(user.folder, secret=secret)
    code, detail = await refused(user, "mine", "--", "sh", "-c", "echo started")
    assert code == 126
    assert detail.startswith("error: sh cannot be started: ")
    assert "canary" not in detail


@pytest.mark.parametrize("words", [["mine"], ["mine", "--"]])
async def test_no_command_at_all(user, words):
    code, detail = await refused(user, *words)
    assert code == 2
    assert "CMD: no command is given" in detail
    assert "autologin exec mine -- python bot.py" in detail


async def test_an_account_that_is_not_there(user):
    code, detail = await refused(user, "mien", "--", "sh", "-c", "echo started")
    assert (code, 'there is no account "mien"' in detail) == (2, True)


# The names


@pytest.mark.parametrize("broker", registry.names())
def test_names_of_a_flow_are_variables_and_fields(broker):
    names = registry.load(broker).environment
    for name, path in names.items():
        assert formats.VARIABLE.fullmatch(name)
        assert path.split(".")[0] in formats.FIELDS


def test_a_name_whose_field_is_not_there_is_left_out():
    data = {
        "broker": "zerodha",
        "access_token": "t",
        "user_id": "",
        "expires_at": "e",
        "extra": {"a": {}},
    }
    named = {"A": "extra.api_key", "B": "access_token", "C": "extra.a", "D": "user_id"}
    assert handover.variables(data, named) == {
        "ZERODHA_ACCESS_TOKEN": "t",
        "ZERODHA_EXPIRES_AT": "e",
        "B": "t",
    }


# `autologin token`, for those who would rather read one value


async def test_token_prints_it_or_one_field_of_it(user):
    assert (await user.says("token", "mine")).out == SECRET + "\n"
    assert (
        await user.says("token", "mine", "--field", "extra.public_token")
    ).out == "public-canary\n"
    assert (await user.says("token", "zerodha", "--json")).json["extra"] == EXTRA
    assert (await user.says("token", "mine", "--field", "extra.bundle", "--json")).json == {
        "feed": "feed-canary"
    }
    assert (await user.says("token", "mine", "--field", "access_token", "--json")).json == SECRET


async def test_token_refuses_what_is_not_there(user):
    done = await user.says("token", "mine", "--field", "extra.publik")
    assert (done.code, done.out) == (1, "")
    assert 'no field "extra.publik". Known here: api_key, public_token' in done.err
    put(user.folder, hours=-1)
    for words in (["mine"], ["mine", "--field", "user_id"]):
        done = await user.says("token", *words)
        assert (done.code, done.out) == (3, "")
    done = await user.says("token", "mine", "--json")
    assert (done.code, done.json["error"]) == (3, "token_rejected")
    assert leaks(CANARIES, [done.out, done.err]) == []
