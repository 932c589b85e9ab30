"""A user who makes every mistake: each answer is one screen with the key and the fix, the right exit code, and no secret."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field

import pytest
from pydantic import SecretStr
from support.cli import User
from support.leaks import leaks
from support.sandbox import rehearsal

from autologin.secret_refs import RefContext, Secret, resolve

CANARY = "hunter2canary"
SEED = "JBSWY3DPEHPK3PXPCANARY"
SCREEN = 24
"""Lines of a terminal."""
GOOD = f"""
accounts:
  zerodha:
    broker: zerodha
    credentials:
      api_key: "abc123"
      api_secret: "{CANARY}-secret"
      user_id: "AB1234"
      password: "{CANARY}"
      totp_secret: "JBSWY3DPEHPK3PXP"
    sinks: [tokens]
sinks:
  tokens: {{type: file, path: "tokens/{{account}}.json"}}
state: {{path: state}}
"""
GROWW = f"""
accounts:
  groww: {{broker: groww, credentials: {{api_key: "{CANARY}", totp_secret: "JBSWY3DPEHPK3PXP"}}}}
state: {{path: state}}
"""
CREDENTIALS = "accounts.zerodha.credentials"
VARIABLE = "AUTOLOGIN_ACCOUNTS__ZERODHA__CREDENTIALS__"


@dataclass
class Mistake:
    """A config (changed from the good one, or whole), an environment, and what must be said at which key."""

    key: str
    says: str
    change: tuple[str, str] | None = None
    text: str | None = None
    environ: dict[str, str] = field(default_factory=dict)

    def config(self):
        if self.change:
            assert self.change[0] in GOOD
            return GOOD.replace(*self.change)
        return GOOD if self.text is None else self.text


def typo(key, says, old, new):
    return Mistake(key, says, change=(old, new))


PLAIN = f'password: "{CANARY}"'
AT_LOAD = {
    "empty": Mistake("accounts", "the config is empty", text=""),
    "only comments": Mistake("accounts", "the config is empty", text="# later\n---\n"),
    "null": Mistake("accounts", "no account is configured", text="accounts:\n"),
    "tabs": Mistake(
        "config.yaml, line 3, column 1",
        "is indented with a tab",
        text="accounts:\n  z:\n\tbroker: zerodha\n",
    ),
    "not YAML": Mistake(
        "config.yaml, line 2", "is not YAML", text=f"accounts: [\npassword: {CANARY}: x\n"
    ),
    "unquoted special": Mistake(
        "config.yaml, line", "put quotes around", text=f"password: %{CANARY}@\n"
    ),
    "a list": Mistake("config.yaml", "not a mapping", text=f"- {CANARY}\n"),
    "words": Mistake("config.yaml", "not a mapping", text=f"{CANARY}\n"),
    "twice": Mistake(
        "config.yaml, line 3",
        'the key "state" is there twice',
        text="accounts: {}\nstate: {}\nstate: {}\n",
    ),
    "binary": Mistake("config.yaml", "is not YAML", text="a: \x01\x02\n"),
    "accounts a list": Mistake("accounts", "must be a mapping", text=f"accounts: [{CANARY}]\n"),
    "account a word": Mistake(
        "accounts.zerodha", "must be a mapping", text=f"accounts: {{zerodha: {CANARY}}}\n"
    ),
    "account with no broker": typo(
        "accounts.zerodha.broker", "is missing", "    broker: zerodha\n", ""
    ),
    "credentials a word": Mistake(
        f"{CREDENTIALS}",
        "must be a mapping",
        text=f"accounts: {{zerodha: {{broker: zerodha, credentials: {CANARY}}}}}\n",
    ),
    "unknown top key": typo("acounts", 'Did you mean "accounts"?', "accounts:", "acounts:"),
    "unknown key": typo("sttae", 'Did you mean "state"?', "state:", "sttae:"),
    "unknown broker": typo(
        "accounts.zerodha.broker", 'Did you mean "zerodha"?', "broker: zerodha", "broker: Zerodah"
    ),
    "far broker": typo(
        "accounts.zerodha.broker", "Known here: ", "broker: zerodha", "broker: xyzxyzxyz"
    ),
    "broker a number": typo(
        "accounts.zerodha.broker", "must be text", "broker: zerodha", "broker: 5"
    ),
    "unknown credential": typo(
        f"{CREDENTIALS}.pasword", 'Did you mean "password"?', "password:", "pasword:"
    ),
    "missing credential": typo(f"{CREDENTIALS}.password", "is missing", f"      {PLAIN}\n", ""),
    "unquoted number": typo(f"{CREDENTIALS}.user_id", "Quote it", '"AB1234"', "0123"),
    "unquoted exponent": typo(f"{CREDENTIALS}.user_id", "Quote it", '"AB1234"', "1.5"),
    "unquoted yes": typo(f"{CREDENTIALS}.password", "true or false", PLAIN, "password: yes"),
    "null password": typo(f"{CREDENTIALS}.password", "is null", PLAIN, "password:"),
    "list password": typo(f"{CREDENTIALS}.password", "is a list", PLAIN, f"password: [{CANARY}]"),
    "braces": typo(f"{CREDENTIALS}.password", "needs quotes", PLAIN, f"password: {{{CANARY}: 1}}"),
    "two references": typo(
        f"{CREDENTIALS}.password", "refer to one thing", PLAIN, "password: {env: A, file: B}"
    ),
    "unknown reference": typo(
        f"{CREDENTIALS}.password", 'Did you mean "env"?', PLAIN, "password: {enb: A}"
    ),
    "sinks a word": typo(
        "accounts.zerodha.sinks", "must be a list", "sinks: [tokens]", "sinks: tokens"
    ),
    "unknown sink": typo(
        "accounts.zerodha.sinks.0", 'Did you mean "tokens"?', "sinks: [tokens]", "sinks: [token]"
    ),
    "unknown sink type": typo(
        "sinks.tokens.type", 'Did you mean "file"?', "type: file", "type: flie"
    ),
    "sink without type": typo("sinks.tokens.type", "is missing", "type: file, ", ""),
    "sink without path": typo(
        "sinks.tokens.path", "is missing", ', path: "tokens/{account}.json"', ""
    ),
    "unknown placeholder": typo(
        "sinks.tokens.path", 'Did you mean "account"?', "{account}", "{acount}"
    ),
    "number": typo("concurrency", "must be a whole number", "state:", "concurrency: many\nstate:"),
    "zero": typo("concurrency", "greater than or equal to 1", "state:", "concurrency: 0\nstate:"),
    "duration": typo(
        "accounts.zerodha.timeout",
        "must be a length of time",
        "    sinks:",
        "    timeout: soon\n    sinks:",
    ),
    "time": typo(
        "schedule.at", "must be a time of day", "state:", "schedule: {at: morning}\nstate:"
    ),
    "no days": typo("schedule.days", "mon", "state:", "schedule: {days: []}\nstate:"),
    "no days of an account": typo(
        "accounts.zerodha.schedule.days",
        "not a rule for days",
        "    sinks:",
        "    schedule: {days: []}\n    sinks:",
    ),
    "days": typo("schedule.days", "mon,tue,fri", "state:", "schedule: {days: mondays}\nstate:"),
    "port": typo(
        "http.listen",
        "an address and a port",
        "state:",
        'http: {listen: "127.0.0.1:70000"}\nstate:',
    ),
    "zone": typo(
        "timezone", 'Did you mean "Asia/Kolkata"?', "state:", "timezone: Asia/Kolkatta\nstate:"
    ),
    "endpoint": typo(
        "accounts.zerodha.endpoints.login",
        "must be an address",
        "    sinks:",
        "    endpoints: {login: kite}\n    sinks:",
    ),
    "unknown endpoint": typo(
        "accounts.zerodha.endpoints.logn",
        'Did you mean "login"?',
        "    sinks:",
        '    endpoints: {logn: "https://x.in"}\n    sinks:',
    ),
    "account name": typo(
        "accounts.my kite", "is not a usable name", "  zerodha:\n", "  my kite:\n"
    ),
    "long account name": typo(
        f"accounts.{'z' * 65}", "a name of 65 characters", "  zerodha:\n", f"  {'z' * 65}:\n"
    ),
    "flows_dir": typo("flows_dir", "there is no folder", "state:", "flows_dir: nowhere\nstate:"),
    "state a number": typo("state.path", "must be a path", "path: state", "path: 5"),
    "state a file": typo("state.path", "cannot be used", "path: state", "path: config.yaml"),
    "state below a file": typo(
        "state.path", "cannot be used", "path: state", "path: config.yaml/deeper"
    ),
    "state where nobody writes": typo(
        "state.path", "cannot be used", "path: state", "path: /proc/autologin"
    ),
    "state key": typo(
        "state.keys.0", "NOT_SET is not set", "path: state", "path: state, keys: [{env: NOT_SET}]"
    ),
    "variable and file": Mistake(
        f"{CREDENTIALS}.password",
        "is set twice",
        environ={VARIABLE + "PASSWORD": CANARY, VARIABLE + "PASSWORD_FILE": "config.yaml"},
    ),
    "file that is not there": Mistake(
        VARIABLE + "PASSWORD_FILE",
        "there is no file nowhere",
        environ={VARIABLE + "PASSWORD_FILE": "nowhere"},
    ),
    "unknown variable": Mistake(
        VARIABLE.replace("ACC", "AC") + "PASSWORD",
        f"Did you mean {VARIABLE}PASSWORD?",
        environ={VARIABLE.replace("ACC", "AC") + "PASSWORD": CANARY},
    ),
    "variable of another account": Mistake(
        "accounts.zeroda.broker",
        'Did you mean "zerodha"?',
        environ={"AUTOLOGIN_ACCOUNTS__ZERODA__CREDENTIALS__PASSWORD": CANARY},
    ),
    "secrets folder": Mistake(
        "AUTOLOGIN_SECRETS_DIR", "there is no folder", environ={"AUTOLOGIN_SECRETS_DIR": "/nowhere"}
    ),
    "config that is not there": Mistake(
        "nowhere.yaml", "no such file", environ={"AUTOLOGIN_CONFIG": "nowhere.yaml"}
    ),
    "config that is a folder": Mistake(".", "Is a directory", environ={"AUTOLOGIN_CONFIG": "."}),
}
"""What is seen before anything is done: nothing is written."""

AT_THE_ACCOUNT = {
    "no variable": typo(
        f"{CREDENTIALS}.password", "NOT_SET is not set", PLAIN, "password: {env: NOT_SET}"
    ),
    "near variable": Mistake(
        f"{CREDENTIALS}.password",
        "Did you mean KITE_PASSWORD?",
        change=(PLAIN, "password: {env: KITE_PASWORD}"),
        environ={"KITE_PASSWORD": CANARY},
    ),
    "no file": typo(f"{CREDENTIALS}.password", "nowhere", PLAIN, "password: {file: nowhere}"),
    "folder": typo(
        f"{CREDENTIALS}.password", "cannot be read (Is a directory)", PLAIN, "password: {file: .}"
    ),
    "more than a secret": typo(
        f"{CREDENTIALS}.password", "holds a stray newline", PLAIN, "password: {file: config.yaml}"
    ),
    "command fails": typo(
        f"{CREDENTIALS}.password",
        "the command failed (exit code 1)",
        PLAIN,
        f'password: {{command: "echo {CANARY}; false"}}',
    ),
    "no command": typo(
        f"{CREDENTIALS}.password",
        "no such command",
        PLAIN,
        "password: {command: autologin-nothing}",
    ),
    "silent command": typo(
        f"{CREDENTIALS}.password", "is empty", PLAIN, 'password: {command: "true"}'
    ),
    "empty": typo(f"{CREDENTIALS}.password", "is empty", PLAIN, 'password: ""'),
    "space": typo(f"{CREDENTIALS}.password", "stray space", PLAIN, f'password: "{CANARY} "'),
    "newline": Mistake(
        f"{CREDENTIALS}.password", "stray newline", environ={VARIABLE + "PASSWORD": CANARY + "\n"}
    ),
    "seed of words": typo(
        f"{CREDENTIALS}.totp_secret", "not a TOTP seed", '"JBSWY3DPEHPK3PXP"', f'"{CANARY}!"'
    ),
    "redirect without a scheme": typo(
        f"{CREDENTIALS}.redirect_uri",
        "such as https://127.0.0.1/",
        "    sinks:",
        "      redirect_uri: localhost:8000/back\n    sinks:",
    ),
    "short seed": typo(
        f"{CREDENTIALS}.totp_secret", "too short: 40 bits", '"JBSWY3DPEHPK3PXP"', '"JBSWY3DP"'
    ),
    "counter seed": typo(
        f"{CREDENTIALS}.totp_secret",
        "counter-based",
        '"JBSWY3DPEHPK3PXP"',
        '"otpauth://hotp/Kite?secret=JBSWY3DPEHPK3PXP&counter=1"',
    ),
    "proxy": typo(
        "accounts.zerodha.proxy",
        "http://host:port",
        "    sinks:",
        f'    proxy: "{CANARY}"\n    sinks:',
    ),
}
"""What is seen when the account's turn comes: it is in the history, and no sink hears of it."""

TIMES = {"load": AT_LOAD, "account": AT_THE_ACCOUNT}
ALL = {f"{when} {name}": one for when, table in TIMES.items() for name, one in table.items()}


@pytest.fixture
def user(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return User(home)


def write(user, text):
    file = user.folder / "config.yaml"
    file.touch(mode=0o600)
    file.write_text(text)


def everything(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def is_one_screen(done):
    told = done.err if done.out.startswith("{") else done.out + done.err  # JSON is not for eyes
    assert len(told.splitlines()) <= SCREEN, told
    assert "bug:" not in done.err, done.err
    assert leaks([CANARY, "JBSWY3DP"], [done.out, done.err]) == []


# Configs


@pytest.mark.parametrize("number", range(len(ALL)), ids=[name.replace(" ", "-") for name in ALL])
async def test_a_config_with_a_mistake(user, number):
    """As text and as JSON, by the command that would log in."""
    name, mistake = list(ALL.items())[number]
    write(user, mistake.config())
    user.environ |= mistake.environ
    before = everything(user.folder)
    told, as_json = await asyncio.gather(
        user.says("run", "--all"), user.says("run", "zerodha", "--json")
    )
    for done in (told, as_json):
        assert done.code == 2, done.out + done.err
        is_one_screen(done)
    assert mistake.key in told.err
    assert mistake.says in told.err
    assert "error: " in told.err
    assert as_json.json["error"] == "config_error"
    problem = next(one for one in as_json.json["problems"] if one["key"].startswith(mistake.key))
    assert set(problem) == {"key", "message", "hint"}
    assert mistake.says in f"{problem['message']} {problem['hint']}"
    after = everything(user.folder)
    if name.startswith("load"):
        assert (told.out, as_json.err, after) == ("", "", before)
    else:
        assert {path for path in after if path.relative_to(user.folder).parts[0] != "state"} == set(
            before
        )
        assert leaks([CANARY], [user.folder / "state"]) == []


@pytest.mark.parametrize(
    "command", ["status", "token", "login-url", "exchange", "unblock", "check", "run"]
)
async def test_every_command_says_it_in_the_same_way(user, command):
    write(user, GOOD.replace("password:", "pasword:"))
    before = everything(user.folder)
    words = [command] if command in {"status", "check"} else [command, "zerodha"]
    done = await user.says(*words, stdin="")
    assert done.code == 2
    assert f"{CREDENTIALS}.pasword" in done.out + done.err
    assert 'Did you mean "password"?' in done.out + done.err
    is_one_screen(done)
    if command not in {"login-url", "unblock"}:
        done = await user.says(*words, "--json", stdin="")
        assert (done.code, done.json["error"], done.err) == (2, "config_error", "")
        assert [one["key"] for one in done.json["problems"]] == [
            f"{CREDENTIALS}.pasword",
            f"{CREDENTIALS}.password",
        ]
    assert everything(user.folder) == before


@pytest.mark.parametrize(
    "command", ["run", "status", "token", "login-url", "exchange", "unblock", "check"]
)
async def test_without_a_config(user, command):
    words = [command] if command in {"status", "check"} else [command, "zerodha"]
    done = await user.says(*words, stdin="")
    assert done.code == 2
    detail = done.out + done.err
    assert all(
        word in detail
        for word in ("AUTOLOGIN_CONFIG", "./config.yaml", "autologin init", "autologin demo")
    ), detail
    is_one_screen(done)
    if command not in {"login-url", "unblock"}:
        done = await user.says(*words, "--json", stdin="")
        assert done.code == 2
        assert [one["key"] for one in done.json["problems"]] == ["config"]
    assert everything(user.folder) == {}


async def test_several_problems_are_told_at_once(user):
    write(
        user,
        GOOD.replace("password:", "pasword:")
        .replace("state:", "sttae:")
        .replace("type: file", "type: flie"),
    )
    done = await user.says("run", "zerodha")
    lines = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 4
    assert len(done.err.splitlines()) == 8, "each with its fix"
    is_one_screen(done)


async def test_every_missing_secret_is_told_at_once(user):
    text = GOOD
    for key, value in {
        "api_secret": f"{CANARY}-secret",
        "password": CANARY,
        "totp_secret": "JBSWY3DPEHPK3PXP",
    }.items():
        text = text.replace(f'{key}: "{value}"', f"{key}: {{env: MY_{key.upper()}}}")
    write(user, text)
    done = await user.says("run", "zerodha", "--json")
    assert [one["key"].rsplit(".", 1)[1] for one in done.json["problems"]] == [
        "api_secret",
        "password",
        "totp_secret",
    ]
    assert done.account["error"] == "config_error"
    assert done.account["outcome"] == "failed"


@pytest.mark.parametrize(
    "seed",
    ["jbsw y3dp ehpk 3pxp", "JBSW-Y3DP-EHPK-3PXP====", "otpauth://totp/K?secret=JBSWY3DPEHPK3PXP"],
)
async def test_a_seed_as_people_have_it_is_no_mistake(user, seed):
    write(user, GOOD.replace("JBSWY3DPEHPK3PXP", seed))
    done = await user.says("login-url", "zerodha")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("https://kite.zerodha.com/connect/login?")


# Names


async def test_run_needs_names_or_all(user):
    write(user, GOOD)
    before = everything(user.folder)
    for words, detail in (
        (["run"], "no account is named"),
        (["run", "zerodha", "--all"], "--all and names were given"),
    ):
        done = await user.says(*words)
        assert done.code == 2
        assert detail in done.err
        assert "--all" in done.err.splitlines()[1]
        done = await user.says(*words, "--json")
        assert (done.code, done.json["error"], done.json["problems"][0]["message"]) == (
            2,
            "config_error",
            detail,
        )
    assert everything(user.folder) == before


@pytest.mark.parametrize("command", ["run", "token", "login-url", "exchange", "unblock"])
@pytest.mark.parametrize(
    ("name", "hint"),
    [("zeroda", 'Did you mean "zerodha"?'), ("", "Known here: zerodha."), ("--", "")],
)
async def test_an_unknown_account(user, command, name, hint):
    write(user, GOOD)
    done = await user.says(command, name, stdin="")
    assert done.code == 2
    assert hint in done.err
    is_one_screen(done)
    assert not (user.folder / "tokens").exists()


async def test_one_unknown_account_among_known_ones_stops_all_before_anything_is_sent(tmp_path):
    async with rehearsal(tmp_path) as served:
        done = await served.user.says("run", "zerodha", "nobody", "--json")
        assert (done.code, done.json["error"]) == (2, "config_error")
        assert len(served.twin.seen) == 0


async def test_unknown_commands_and_options(user):
    for words, detail in {
        ("rnu",): "No such command 'rnu'. Did you mean 'run'?",
        ("run", "x", "--hedged"): "No such option '--hedged'. Did you mean '--headed'?",
        ("--confg", "x", "run"): "No such option '--confg'.",
        ("token",): "Missing argument 'NAME'",
        ("browser", "pth"): "No such command 'pth'.",
        ("sandbox", "--port", "70000"): "70000 is not in the range",
        ("sandbox", "--port", "http"): "'http' is not a valid integer",
        ("--config",): "requires an argument",
    }.items():
        done = await user.says(*words)
        assert done.code == 2, words
        assert detail in done.err
        is_one_screen(done)


async def test_flows_with_an_unknown_broker(user):
    done = await user.says("flows", "zerodah")
    assert (done.code, done.out) == (2, "")
    assert (
        done.err == 'error: flows: "zerodah" is not a known broker\n    Did you mean "zerodha"?\n'
    )
    done = await user.says("flows", "zerodah", "--json")
    assert done.json["problems"] == [
        {
            "key": "flows",
            "message": '"zerodah" is not a known broker',
            "hint": 'Did you mean "zerodha"?',
        }
    ]


async def test_flows_of_one_broker_as_json_is_its_row(user):
    done = await user.says("flows", "groww", "--json")
    (row,) = done.json["flows"]
    assert (row["broker"], row["credentials"]) == ("groww", {"api_key": True, "totp_secret": True})


@pytest.mark.parametrize("first", ["0001-01-01", "9999-12-31"])
async def test_the_calendar_at_the_ends_of_time(user, first):
    done = await user.says("calendar", "--from", first, "--days", "5")
    assert done.code in (0, 2)
    is_one_screen(done)


async def test_a_broken_config_does_not_hide_the_list_of_brokers(user):
    write(user, "accounts: [")
    done = await user.says("flows", "--json")
    assert done.code == 0
    assert "zerodha" in [row["broker"] for row in done.json["flows"]]


async def test_browser_path_is_of_the_config_that_would_be_used(user):
    write(user, GOOD + "browser: {executable: sh}\n")
    done = await user.says("browser", "path")
    assert (done.code, done.out.rsplit("/", 1)[1]) == (0, "sh\n")
    write(user, GOOD + "browser: {executable: nowhere}\n")
    done = await user.says("browser", "path")
    assert (done.code, done.out) == (2, "")
    assert "browser.executable: nowhere is not a program" in done.err


# The sandbox


@pytest.mark.parametrize(
    ("words", "key", "says"),
    [
        (["--broker", "zerodah"], "--broker", 'Did you mean "zerodha"?'),
        (["--broker", "xyzxyz"], "--broker", "Known here: "),
        (["--scenario", "wrong_code"], "--scenario", "Write BROKER=NAME"),
        (["--scenario", "zerodha="], "--scenario", "Write BROKER=NAME"),
        (["--scenario", "zerodah=wrong_code"], "--scenario", 'Did you mean "zerodha"?'),
        (["--scenario", "zerodha=wrong_cod"], "--scenario", "did you mean 'wrong_code'?"),
        (["--scenario", "zerodha=xyzxyz"], "--scenario", "the page lists them"),
        (
            ["--broker", "zerodha", "--scenario", "groww=x"],
            "--scenario",
            'serves no broker "groww"',
        ),
    ],
)
async def test_the_sandbox_with_what_it_does_not_know(user, words, key, says):
    done = await user.says("sandbox", "--port", "0", *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {key}: ")
    assert says in done.err
    is_one_screen(done)


async def test_the_sandbox_on_a_port_that_is_in_use(user):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = await user.says("sandbox", "--port", port)
    assert (done.code, done.out) == (1, "")
    assert f"port {port} of 127.0.0.1 cannot be used: Address already in use." in done.err
    assert "--port" in done.err


@pytest.mark.parametrize("given", ["/nowhere/flows", "config.yaml"])
async def test_the_sandbox_with_a_folder_of_flows_that_is_none(user, given):
    write(user, GOOD)
    done = await user.says("sandbox", "--port", "0", "--flows", given)
    assert (done.code, done.out) == (2, "")
    assert f"'{given}'" in done.err


@pytest.mark.parametrize("own", ["config.yaml", "state/autologin.db", "tokens/zerodha.json"])
async def test_the_demo_makes_nothing_anew_that_is_somebodys_own(user, own):
    (user.folder / own).parent.mkdir(exist_ok=True)
    (user.folder / own).write_text(CANARY)
    before = everything(user.folder)
    done = await user.says("demo", "--folder", ".")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: --folder: . holds files that no demo made")
    assert everything(user.folder) == before


async def test_the_demo_in_a_folder_that_nobody_can_write_to(user):
    done = await user.says("demo", "--folder", "/proc/demo")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: --folder: /proc/demo cannot be used")


@pytest.mark.parametrize("command", ["sandbox", "demo"])
async def test_without_the_sandboxs_packages(user, tmp_path, command):
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "sitecustomize.py").write_text(
        "import sys\nsys.modules['starlette'] = None\n"
    )
    user.environ["PYTHONPATH"] = str(tmp_path / "blocked")
    done = await user.says(command)
    assert (done.code, done.out) == (1, "")
    assert "packages that are not installed (starlette" in done.err
    assert "pip install 'broker-autologin[sandbox]'" in done.err
    assert "Traceback" not in done.err
    assert (await user.says("flows")).code == 0, "everything else works without them"


async def serving(user):
    process = await user.start("sandbox", "--port", "0")
    detail = b""
    while b"Ctrl-C stops it" not in detail:
        line = await asyncio.wait_for(process.stderr.readline(), 60)
        assert line, detail
        detail += line
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_the_sandbox_stops_at_once(user, number, code):
    process = await serving(user)
    process.send_signal(number)
    out, err = await asyncio.wait_for(process.communicate(), 10)
    assert (process.returncode, err) == (code, b"")
    assert out.startswith(b"state:")


# Standard input and output


@pytest.mark.parametrize(
    ("pasted", "error", "code"),
    [
        (b"", "exchange_rejected", 3),
        (b"\n", "exchange_rejected", 3),
        (b"   \n", "exchange_rejected", 3),
        (CANARY.encode() + b"\n", "exchange_rejected", 3),
        (b"\xff\xfe" + CANARY.encode() + b"\n", "exchange_rejected", 3),
        (b"request_token=" + CANARY.encode(), "state_mismatch", 3),
        (
            f"https://127.0.0.1/?request_token={CANARY}&state={CANARY}\n".encode(),
            "state_mismatch",
            3,
        ),
        (f"https://127.0.0.1/?foo={CANARY}\n".encode(), "state_mismatch", 3),
        (b"https://[\n", "exchange_rejected", 3),
        (b"://\n", "exchange_rejected", 3),
        (CANARY.encode() * 20_000, "exchange_rejected", 3),
    ],
    ids=[
        "nothing",
        "newline",
        "blank",
        "word",
        "binary",
        "query",
        "another-state",
        "no-code",
        "half",
        "less",
        "long",
    ],
)
async def test_garbage_is_pasted_to_exchange(tmp_path, pasted, error, code):
    async with rehearsal(tmp_path) as served:
        await served.user.says("login-url", "zerodha")
        process = await served.user.start(
            "exchange", "zerodha", "--json", stdin=asyncio.subprocess.PIPE
        )
        out, err = await asyncio.wait_for(process.communicate(pasted), 60)
        served.user.heard += [out.decode(), err.decode()]
    assert process.returncode == code, (out, err)
    assert f'"error": "{error}"'.encode() in out
    assert b"Traceback" not in err
    assert leaks([CANARY], [out.decode(), err.decode(), tmp_path / "state"]) == []
    assert not (tmp_path / "tokens").exists()


async def test_exchange_with_standard_input_closed(user):
    write(user, GOOD)
    process = await user.start("exchange", "zerodha", preexec_fn=lambda: os.close(0))
    _, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 3
    assert b"Nothing was pasted. Paste the address that the browser ended at" in err
    assert b"bug" not in err


@pytest.mark.parametrize("command", ["login-url", "exchange"])
async def test_by_hand_at_a_broker_without_a_login_page(user, command):
    write(user, GROWW)
    done = await user.says(command, "groww", stdin=CANARY + "\n")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: accounts.groww: Groww has no login page")
    assert "`autologin run groww`" in done.err


@pytest.mark.parametrize(
    "words", ["flows", "flows --json", "--help", "check", "status", "sandbox --port 0"]
)
async def test_a_reader_that_has_gone(user, words):
    write(user, GOOD)
    reading, writing = os.pipe()
    os.close(reading)
    environ = {"HOME": str(user.folder), "PATH": os.environ["PATH"], "PYTHONUNBUFFERED": ""}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "autologin", *words.split()),
        cwd=user.folder,
        env=environ,
        stdout=writing,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writing)
    _, err = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, err) == (1, b"")


async def test_ctrl_c_while_a_password_manager_waits(user, tmp_path):
    """The command has a session of its own: it must not outlive the one who asked."""
    seen = tmp_path / "pid"
    write(user, GOOD.replace(PLAIN, f'password: {{command: "echo $$ > {seen}; exec sleep 1000"}}'))
    process = await user.start("check")
    async with asyncio.timeout(60):
        while not (seen.exists() and seen.read_text().strip()):
            assert process.returncode is None
            await asyncio.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, out, err) == (130, b"", b"")
    async with asyncio.timeout(10):
        while alive(int(seen.read_text())):  # noqa: ASYNC110  (it is another process's doing: nobody here could set an event)
            await asyncio.sleep(0.01)


def test_ctrl_c_in_the_moment_in_which_a_password_manager_starts(tmp_path, monkeypatch):
    """Python would raise it before anybody knows the process, which would live on."""
    started = []

    class Interrupted(subprocess.Popen):
        def __init__(self, *args, **more):
            super().__init__(*args, **more)
            started.append(self.pid)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        resolve(
            "password",
            Secret("command", SecretStr("exec sleep 1000")),
            RefContext(tmp_path, {"PATH": os.environ["PATH"]}),
        )
    (pid,) = started
    assert not alive(pid)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
