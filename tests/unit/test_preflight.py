"""`autologin check`: everything that stands against a login, told at once, with its fix, and nothing left behind."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
import socket
import sys
import textwrap
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr
from support.clock import HandClock, SkippingClock
from support.sandbox import rehearsal
from support.store import save

from autologin import files, preflight
from autologin.cli import render
from autologin.clock import SystemClock
from autologin.config import overrides
from autologin.store.store import Store
from autologin.token import Token

CANARY = "hunter2canary"
GOOD = """
accounts:
  zerodha:
    broker: zerodha
    credentials:
      api_key: "abc123"
      api_secret: {env: API_SECRET}
      user_id: "AB1234"
      password: {env: PASSWORD}
      totp_secret: {env: SEED}
    sinks: [tokens]
sinks:
  tokens: {type: file, path: "tokens/{account}.json"}
state: {path: state}
"""
SECRETS = {"API_SECRET": CANARY + "api", "PASSWORD": CANARY, "SEED": "JBSW Y3DP EHPK 3PXP"}
CREDENTIALS = "accounts.zerodha.credentials"


@pytest.fixture(autouse=True)
def _a_browser(monkeypatch, tmp_path_factory):
    """A Chromium to be found: what matters here is whether there is one, and where none is started."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "chromium-headless-shell"
    program.write_text("#!/bin/sh\necho 'Chromium 130.0.0.0'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    monkeypatch.setattr(overrides, "SECRETS_FOLDER", tmp_path / "no-secrets")


def write(folder, text, mode=0o600):
    file = folder / "config.yaml"
    file.touch()
    file.chmod(mode)
    file.write_text(textwrap.dedent(text))
    return file


def look(folder, text=GOOD, mode=0o600, unset=(), clock=None, **environ):
    """What is found. Nothing on disk may have changed, and no secret may be in it."""
    file = write(folder, text, mode)
    before = everything(folder)
    environ = {"HOME": str(folder), **SECRETS, **environ}
    environ = {key: value for key, value in environ.items() if key not in unset}
    found = preflight.run(file, environ, online=False, clock=clock or HandClock())
    assert everything(folder) == before
    assert CANARY not in repr(found)
    return found


def everything(folder):
    """Each file with its content; of the store, which SQLite opens for writing, that it is there."""
    return {
        str(path): path.read_bytes() if path.is_file() and path.suffix != ".db" else None
        for path in folder.rglob("*")
    }


def problems(found, level="problem"):
    """Key -> message and fix of what has to be fixed. Each names a fix."""
    bad = [one for one in found if one.level == level]
    assert [one.key for one in bad if not one.hint] == []
    assert len({one.key for one in bad}) == len(bad), "a key is named twice"
    return {one.key: f"{one.message} | {one.hint}" for one in bad}


# A good config


def test_a_good_config(tmp_path):
    found = look(tmp_path)
    assert {one.level for one in found} == {"ok"}
    assert {one.key: one.message for one in found} == {
        str(tmp_path / "config.yaml"): "the config can be read",
        CREDENTIALS: "all 5 are there, the TOTP seed can be read",
        "accounts.zerodha.proxy": "directly",
        "flows.zerodha": "built in, evidence of 2026-09",
        "accounts.zerodha.schedule": "`serve` logs in next at 2026-11-25 08:15 IST",
        "state.path": f"{tmp_path}/state can be written",
        "calendar": "knows the trading days until 2026-12-31",
        "browser": next(one.message for one in found if one.key == "browser"),
        "sinks.tokens": "a token would arrive",
    }
    assert Path(next(one.message for one in found if one.key == "browser")).is_file()


def test_a_calendar_that_ends_soon_is_a_warning_and_own_days_are_read(tmp_path):
    late = HandClock()
    late.move(days=30)
    assert (
        "after that a login is made on every day"
        in problems(look(tmp_path, clock=late), "warning")["calendar"]
    )
    (tmp_path / "days.yaml").write_text("good_until: 2027-12-31")
    more = GOOD + "calendar: {override: days.yaml}\n"
    assert problems(look(tmp_path, more, clock=late), "warning") == {}
    (tmp_path / "days.yaml").write_text("closed: []")
    assert list(problems(look(tmp_path, more))) == [f"{tmp_path}/days.yaml: closed"]


def test_a_sink_does_not_replace_what_is_no_file(tmp_path):
    (tmp_path / "tokens").mkdir()
    os.mkfifo(tmp_path / "tokens" / "zerodha.json")
    said = problems(look(tmp_path))["sinks.tokens.path"]
    assert "it is a pipe, not a file" in said
    assert "Name a path in sinks.tokens.path" in said


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("config.yaml", "would replace the config itself"),
        ("here/config.yaml", "would replace the config itself"),
        ("state/autologin.db", "lies in the state folder"),
        ("here/state/{user_id}.json", "lies in the state folder"),
        ("state", "lies in the state folder"),
    ],
)
def test_a_sink_does_not_replace_what_is_ours(tmp_path, path, words):
    (tmp_path / "here").symlink_to(tmp_path)
    text = GOOD.replace("tokens/{account}.json", path)
    assert words in problems(look(tmp_path, text))["sinks.tokens.path"]


def test_a_state_folder_that_will_be_made_where_everybody_may_replace_it(tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    text = GOOD.replace("path: state", "path: shared/later/state")
    assert "everybody may replace it" in problems(look(tmp_path, text))["state.path"]
    (tmp_path / "shared").chmod(0o1777)
    assert problems(look(tmp_path, text)) == {}


@pytest.mark.parametrize("segments", ["[]", "null", ""])
def test_an_account_of_no_segment_has_a_schedule_or_is_told(tmp_path, segments):
    text = GOOD.replace("    sinks: [tokens]", f"    sinks: [tokens]\n    segments: {segments}")
    found = look(tmp_path, text)
    assert not any("mistake" in one.message for one in found)


def test_the_environment_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain = {
        "AUTOLOGIN_ACCOUNTS__Z__BROKER": "zerodha",
        "AUTOLOGIN_STATE__PATH": "state",
        "HOME": str(tmp_path),
    }
    found = preflight.run(None, plain, online=False)
    assert problems(found).keys() == {
        f"accounts.z.credentials.{key}"
        for key in ("api_key", "api_secret", "user_id", "password", "totp_secret")
    }
    assert problems(found, "warning").keys() == {"accounts.z.sinks"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("zone", "at", "early"),
    [
        ("Asia/Kolkata", "07:34", True),
        ("Asia/Kolkata", "07:35", False),
        ("UTC", "02:04", True),
        ("UTC", "02:05", False),
    ],
)
def test_a_login_before_the_brokers_reset(tmp_path, zone, at, early):
    found = look(tmp_path, GOOD + f'timezone: {zone}\nschedule: {{at: "{at}"}}\n')
    detail = f"at {at} is before Zerodha's daily reset: the token would die at it | Log in after 07:35 IST."
    assert problems(found, "warning") == ({"accounts.zerodha.schedule.at": detail} if early else {})


# What is wrong


def test_everything_is_told_at_once(tmp_path):
    text = GOOD.replace("sinks: [tokens]", "sinks: [tokns]\n    tmeout: 5").replace(
        "{env: PASSWORD}", "{env: PASWORD}"
    )
    text = text.replace('"tokens/{account}.json"', '"config.yaml/{account}.json"')
    text = text.replace(
        "state: {path: state}",
        "state: {path: config.yaml}\nbrowser: {executable: nowhere}\nconcurency: 3",
    )
    found = problems(look(tmp_path, text, SEED="not a seed!"))
    expected = {
        "accounts.zerodha.sinks.0": 'there is no sink "tokns" | Did you mean "tokens"?',
        "accounts.zerodha.tmeout": 'is not a known key | Did you mean "timeout"?',
        "concurency": 'is not a known key | Did you mean "concurrency"?',
        f"{CREDENTIALS}.password": "the environment variable PASWORD is not set | Did you mean PASSWORD?",
        f"{CREDENTIALS}.totp_secret": "not a TOTP seed",
        "browser.executable": "nowhere is not a program that can be started | Run `autologin browser install`",
        "state.path": "config.yaml cannot be used: Not a directory",
        "sinks.tokens": "a part of the path is a file, not a folder | Correct the path.",
    }
    assert found.keys() == expected.keys()
    assert {key: words for key, words in expected.items() if words not in found[key]} == {}


@pytest.mark.parametrize(
    ("change", "key", "words"),
    [
        (("accounts:", "acounts:"), "acounts", 'is not a known key | Did you mean "accounts"?'),
        (("password:", "pasword:"), f"{CREDENTIALS}.pasword", 'Did you mean "password"?'),
        (
            ("password:", "pasword:"),
            f"{CREDENTIALS}.password",
            "is missing | Add `password`. What belongs here: the Kite pass",
        ),
        (
            ("broker: zerodha", "broker: zeroda"),
            "accounts.zerodha.broker",
            'not a known broker | Did you mean "zerodha"?',
        ),
        (('"abc123"', "0123"), f"{CREDENTIALS}.api_key", "Quote it"),
        (('"abc123"', '""'), f"{CREDENTIALS}.api_key", "is empty"),
        (('"abc123"', "{file: nowhere}"), f"{CREDENTIALS}.api_key", "there is no file"),
        (
            ('"abc123"', '{command: "exit 3"}'),
            f"{CREDENTIALS}.api_key",
            "the command failed (exit code 3)",
        ),
        (
            ('"abc123"', '{command: "autologin-no-such"}'),
            f"{CREDENTIALS}.api_key",
            "no such command",
        ),
        (("type: file", "type: fiel"), "sinks.tokens.type", 'Did you mean "file"?'),
        (("state:", "timezone: Asia/Kolkatta\nstate:"), "timezone", 'Did you mean "Asia/Kolkata"?'),
        (("state:", "flows_dir: mine\nstate:"), "flows_dir", "there is no folder"),
        (
            ("path: state", "path: state, keys: [{env: NO_KEY}]"),
            "state.keys.0",
            "NO_KEY is not set",
        ),
        (("path: state", "path: state, keys: [short]"), "state.keys.0", "is not a key"),
        (("state:", "notify: {ping: {env: NO_PING}}\nstate:"), "notify.ping", "NO_PING is not set"),
        (("state:", "http: {token: {env: NO_TOKEN}}\nstate:"), "http.token", "NO_TOKEN is not set"),
        (
            ("    sinks:", f"    proxy: {CANARY}\n    sinks:"),
            "accounts.zerodha.proxy",
            "http://host:port",
        ),
        (
            ("    sinks:", "    proxy: {env: NO_PROXY_SET}\n    sinks:"),
            "accounts.zerodha.proxy",
            "NO_PROXY_SET is not set",
        ),
        (
            ("    sinks:", f'    proxy: "socks5://me:{CANARY}@127.0.0.1:1"\n    sinks:'),
            "accounts.zerodha.proxy",
            "Chromium does not support",
        ),
    ],
)
def test_a_mistake(tmp_path, change, key, words):
    assert words in problems(look(tmp_path, GOOD.replace(*change)))[key]


@pytest.mark.parametrize(
    ("seed", "words"),
    [
        (CANARY + "!", "not a TOTP seed"),
        ("JBSWY3DP", "too short: 40 bits"),
        ("JBSWY3DPEHPK3PX1", "only the letters A-Z and the digits 2-7"),
        ("otpauth://hotp/Kite?secret=JBSWY3DPEHPK3PXP&counter=1", "counter-based"),
        ("otpauth://totp/Kite", "not a TOTP seed"),
        ("", "is empty"),
        (" JBSWY3DPEHPK3PXP", "stray space"),
    ],
    ids=["words", "short", "digits", "hotp", "no secret", "empty", "space"],
)
def test_a_bad_seed(tmp_path, seed, words):
    assert words in problems(look(tmp_path, SEED=seed))[f"{CREDENTIALS}.totp_secret"]


def test_bytes_that_are_no_text(tmp_path):
    assert (
        "not UTF-8 text"
        in problems(look(tmp_path, API_SECRET=CANARY + "\udcff"))[f"{CREDENTIALS}.api_secret"]
    )


def test_a_stray_newline(tmp_path):
    (tmp_path / "trailing").write_text("abc123\n")
    (tmp_path / "inside").write_text(f"{CANARY}\n{CANARY}\n")
    text = GOOD.replace('"abc123"', "{file: trailing}").replace("{env: PASSWORD}", "{file: inside}")
    found = look(tmp_path, text, API_SECRET=CANARY + "\n")
    assert "holds a stray newline" in problems(found)[f"{CREDENTIALS}.password"]
    assert "holds a stray newline" in problems(found)[f"{CREDENTIALS}.api_secret"]
    warned = problems(found, "warning")[f"{CREDENTIALS}.api_key"]
    assert "ends in a newline, which was left out" in warned
    assert "printf" in warned


def test_a_stray_newline_in_the_secrets_folder(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "autologin_accounts__zerodha__credentials__api_key").write_text("abc123\n")
    found = look(tmp_path, AUTOLOGIN_SECRETS_DIR=str(tmp_path / "run"))
    assert f"{CREDENTIALS}.api_key" in problems(found, "warning")


@pytest.mark.parametrize(
    ("plain", "key"),
    [
        (("{env: PASSWORD}", f'"{CANARY}"'), f"{CREDENTIALS}.password"),
        (("state:", f'http: {{token: "{CANARY}"}}\nstate:'), "http.token"),
        (("state:", f'notify: {{urls: ["tgram://{CANARY}"]}}\nstate:'), "notify.urls.0"),
        (
            ("    sinks:", f'    proxy: "http://me:{CANARY}@127.0.0.1:1"\n    sinks:'),
            "accounts.zerodha.proxy",
        ),
    ],
)
def test_a_config_that_others_can_read_with_a_plain_secret(tmp_path, plain, key):
    text = GOOD.replace(*plain)
    file = str(tmp_path / "config.yaml")
    for mode in (0o640, 0o604, 0o644):
        warned = problems(look(tmp_path, text, mode), "warning")[file]
        assert key in warned
        assert f"chmod 600 {file}" in warned
    assert problems(look(tmp_path, text, 0o600), "warning") == {}


def test_a_config_that_others_can_read_without_a_plain_secret(tmp_path):
    assert problems(look(tmp_path, mode=0o644), "warning") == {}
    text = GOOD.replace("      password: {env: PASSWORD}\n", "")
    found = look(tmp_path, text, 0o644, AUTOLOGIN_ACCOUNTS__ZERODHA__CREDENTIALS__PASSWORD=CANARY)
    assert problems(found, "warning") == {}, "that one is not in the file"


def test_no_browser_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert (
        "no Chromium was found | Run `autologin browser install`"
        in problems(look(tmp_path))["browser"]
    )


def test_a_browser_is_not_asked_for_where_no_account_needs_one(tmp_path):
    text = GOOD.replace("broker: zerodha", "broker: groww")
    text = "\n".join(
        line
        for line in text.splitlines()
        if not any(key in line for key in ("api_secret", "user_id", "passw"))
    )
    found = look(tmp_path, text + "\nbrowser: {executable: nowhere}\n")
    assert problems(found) == {}
    assert "browser" not in {one.key for one in found}


@pytest.mark.parametrize("path", ["config.yaml", "config.yaml/deeper", "/proc/autologin"])
def test_a_state_folder_that_cannot_be_used(tmp_path, path):
    found = problems(look(tmp_path, GOOD.replace("path: state", f"path: {path}")))
    assert "cannot be used" in found["state.path"]


def test_a_state_folder_on_a_full_disk(tmp_path, monkeypatch):
    """Which takes an empty file."""
    monkeypatch.setattr(files.os, "fsync", full)
    assert (
        problems(look(tmp_path))["state.path"]
        == f"{tmp_path}/state cannot be used: No space left on device | Free some space."
    )


def full(_handle):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_store_that_cannot_be_read(tmp_path):
    Store.open(tmp_path / "state", SystemClock()).close()
    assert problems(look(tmp_path)) == {}
    (tmp_path / "state" / "autologin.db").write_bytes(
        b"no database at all, but long enough to look at" * 100
    )
    assert "autologin.db" in problems(look(tmp_path))["state.path"]


def test_a_store_whose_key_is_another(tmp_path):
    Store.open(tmp_path / "state", SystemClock()).close()
    (tmp_path / "state" / "key").write_text("no key")
    assert "holds no key" in problems(look(tmp_path))["state.path"]
    (tmp_path / "state" / "key").unlink()
    assert "is not there | Put it back" in problems(look(tmp_path))["state.path"]
    assert not (tmp_path / "state" / "key").exists(), "check made a key that seals nothing"


def test_an_own_flow_is_named_and_a_broken_one_refused(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "brokenbroker.py").write_text("import nothing_of_that_name\n")
    text = GOOD.replace("state:", "flows_dir: mine\nstate:").replace(
        "broker: zerodha", "broker: brokenbroker"
    )
    found = problems(look(tmp_path, text))
    assert "ModuleNotFoundError" in found["flows.brokenbroker"]
    assert "docs/adding-a-broker.md" in found["flows.brokenbroker"]


@pytest.mark.parametrize("url", ["http://broker.example/x", "http://192.168.1.5:8080"])
def test_a_password_that_would_travel_in_clear(tmp_path, url):
    text = GOOD.replace(
        "broker: zerodha",
        f"broker: zerodha\n    endpoints: {{login: {url}, api: 'http://127.0.0.1:1/'}}",
    )
    found = problems(look(tmp_path, text), "warning")
    assert "travels in clear" in found.pop("accounts.zerodha.endpoints.login")
    assert not [key for key in found if "endpoints" in key]


def test_two_accounts_at_one_broker_share_its_flow(tmp_path):
    one = GOOD.split("accounts:\n")[1].split("sinks:\n  tokens", maxsplit=1)[0]
    found = look(
        tmp_path, GOOD.replace("accounts:\n", "accounts:\n" + one.replace("  zerodha:", "  other:"))
    )
    assert [one.key for one in found].count("flows.zerodha") == 1
    assert {one.level for one in found} == {"ok"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the config is empty | The least that works"),
        ("# nothing\n", "the config is empty"),
        ("state: {path: state}\n", "no account is configured"),
        ("accounts:\n\tzerodha: x\n", "is indented with a tab | Use spaces"),
        ("accounts: [", "is not YAML"),
        ("just words\n", "not a mapping"),
        ("a: &a [*a]\n", "refers to itself | Write out"),
    ],
)
def test_a_file_that_is_hardly_a_config(tmp_path, text, words):
    found = problems(look(tmp_path, text))
    assert any(words in detail for detail in found.values()), found


def test_no_config_and_a_config_that_is_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (only,) = preflight.run(None, {"HOME": str(tmp_path)}, online=False)
    assert (only.key, only.level) == ("config", "problem")
    assert "./config.yaml" in only.message
    assert "autologin demo" in only.hint
    (only,) = preflight.run(tmp_path, {"HOME": str(tmp_path)}, online=False)
    assert "Is a directory" in only.message
    (only,) = preflight.run(tmp_path / "nowhere.yaml", {}, online=False)
    assert (only.key, only.message) == (str(tmp_path / "nowhere.yaml"), "there is no such file")


def test_a_mistake_in_yaml_names_its_file_and_line(tmp_path):
    (key,) = problems(look(tmp_path, "a: 1\nb: [\n"))
    assert key.startswith(f"{tmp_path}/config.yaml, line ")


# Online


async def online(served, clock=None):
    file = served.folder / "config.yaml"
    return await asyncio.to_thread(
        preflight.run, file, {"HOME": str(served.folder)}, online=True, clock=clock
    )


KEY = "accounts.zerodha.endpoints.login"


async def test_online_against_a_broker_whose_clock_agrees(tmp_path):
    async with rehearsal(tmp_path) as served:
        found = await online(served)
        assert {one.level for one in found} == {"ok"}
        assert {one.key: one.message for one in found}[
            KEY
        ] == f"{served.twin.origins['login']} answers, and the clocks agree"
        assert len(served.twin.seen) == 1
        assert (
            sum(served.twin.counters[place] for place in ("login", "twofa", "exchange", "profile"))
            == 0
        )


@pytest.fixture(autouse=True)
def _no_page(monkeypatch):
    """Login pages are opened in tests/browser/test_inspect.py: here is no browser."""

    async def nothing(*_settings):
        return []

    monkeypatch.setattr(preflight, "_check_login_pages", nothing)


async def test_offline_asks_nobody(tmp_path):
    async with rehearsal(tmp_path) as served:
        await asyncio.to_thread(
            preflight.run, tmp_path / "config.yaml", {"HOME": str(tmp_path)}, online=False
        )
        assert len(served.twin.seen) == 0


@pytest.mark.parametrize(
    ("scenario", "words"),
    [("clock_ahead", r"3[456] s ahead of"), ("clock_behind", r"3[456] s behind")],
)
async def test_online_against_a_broker_whose_clock_is_far_off(tmp_path, scenario, words):
    async with rehearsal(tmp_path, scenario) as served:
        found = problems(await online(served))
    assert found.keys() == {KEY}
    assert re.search(words, found[KEY])  # a Date has whole seconds
    assert "Set this machine's clock (NTP)" in found[KEY]


async def test_online_with_a_clock_that_is_a_little_off(tmp_path):
    clock = SkippingClock()
    await clock.sleep(10)
    async with rehearsal(tmp_path) as served:
        found = await online(served, clock)
    assert problems(found) == {}
    assert re.search(r"(9|10|11) s behind", problems(found, "warning")[KEY])


async def test_online_with_a_clock_that_is_days_off(tmp_path):
    async with rehearsal(tmp_path) as served:
        found = problems(await online(served, HandClock()))
    assert "this machine's" in found[KEY]


async def test_online_against_a_broker_that_does_not_tell_the_time(tmp_path):
    async with rehearsal(tmp_path, "no_date_header") as served:
        found = await online(served)
    assert problems(found) == {}
    assert "does not tell the time" in problems(found, "warning")[KEY]


async def test_online_against_a_broker_that_is_down(tmp_path):
    async with rehearsal(tmp_path) as served:
        pass
    found = problems(await online(served))
    assert found.keys() == {KEY}
    assert "no answer from http://127.0.0.1:" in found[KEY]
    assert "Check the network, the address, and the account's proxy" in found[KEY]


async def test_online_through_a_proxy_that_is_down(tmp_path):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://me:{CANARY}@127.0.0.1:{nobody.getsockname()[1]}"
        async with rehearsal(tmp_path) as served:
            served.change(lambda data: data["accounts"]["zerodha"].update(proxy=address))
            found = await online(served)
            assert len(served.twin.seen) == 0, "the proxy was passed by"
    assert "the account's proxy" in problems(found)[KEY]
    way = {one.key: one.message for one in found}["accounts.zerodha.proxy"]
    assert way == f"through proxy http://{address.partition('@')[2]}"
    assert CANARY not in repr(found)


async def test_online_passes_no_proxy_of_the_environments(tmp_path, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with rehearsal(tmp_path) as served:
        assert problems(await online(served)) == {}


async def test_online_a_broken_account_does_not_hide_the_others(tmp_path):
    async with rehearsal(tmp_path, "clock_ahead") as served:

        def add(data):
            data["accounts"]["other"] = {**data["accounts"]["zerodha"], "credentials": {}}

        served.change(add)
        found = problems(await online(served))
    assert KEY in found
    assert "accounts.other.credentials.password" in found


# As a command


async def test_the_command_says_ok_by_its_exit_code(tmp_path):
    (tmp_path / "days.yaml").write_text(
        "good_until: 2999-12-31"
    )  # so that no year's end turns up as a warning
    async with rehearsal(tmp_path) as served:
        served.change(lambda data: data.update(calendar={"override": "days.yaml"}))
        before = sorted(tmp_path.rglob("*"))
        done = await served.user.says("check")
        assert (done.code, done.err) == (0, "")
        assert done.out.splitlines()[-1] == "0 problems, 0 warnings"
        told = (await served.user.says("check", "--json")).json
        assert told["ok"] is True
        assert "problems" not in told
        assert {tuple(sorted(row)) for row in told["findings"]} == {
            ("hint", "key", "level", "message")
        }
        assert sorted(tmp_path.rglob("*")) == before, "check left something"


async def test_the_command_says_what_to_mend(tmp_path):
    async with rehearsal(tmp_path, "clock_behind") as served:
        served.change(lambda data: data["accounts"]["zerodha"].update(tmeout=5))
        before = sorted(tmp_path.rglob("*"))
        for words in (["check"], ["check", "--online"]):
            done = await served.user.says(*words)
            assert done.code == 2
            assert (
                "problem  accounts.zerodha.tmeout: is not a known key\n"
                + " " * 9
                + 'Did you mean "timeout"?'
                in done.out
            )
            assert len(done.out.splitlines()) <= 24
        done = await served.user.says("check", "--online", "--json")
        assert done.code == 2
        assert (done.json["ok"], done.json["error"]) == (False, "config_error")
        no_browser = "accounts.zerodha.pages"  # the one here does not start
        keys = {"accounts.zerodha.tmeout", KEY, no_browser}
        assert {row["key"] for row in done.json["problems"]} == keys
        assert all(row["message"] and row["hint"] for row in done.json["problems"])
        assert sorted(tmp_path.rglob("*")) == before, "check left something"


async def test_a_warning_alone_is_no_problem(tmp_path):
    async with rehearsal(tmp_path) as served:
        (tmp_path / "config.yaml").chmod(0o644)
        done = await served.user.says("check")
    assert done.code == 0
    assert "0 problems, 1 warning" in done.out
    assert f"chmod 600 {'config.yaml'}" in done.out


def test_long_mends_are_indented_as_a_whole(capsys, tmp_path):
    render.print_findings(look(tmp_path, ""), as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "problem  accounts: the config is empty"
    start = lines.index(" " * 9 + "The least that works:")
    example = textwrap.dedent(
        "\n".join(line for line in lines[start + 1 :] if line.startswith(" " * 11))
    )
    assert set(yaml.safe_load(example)) == {"accounts", "sinks"}, "what is shown can be pasted"


def test_a_token_that_is_stored_is_untouched_by_a_check(tmp_path):
    store = Store.open(tmp_path / "state", clock := SystemClock())
    token = Token(SecretStr(CANARY), clock.now(), clock.now() + timedelta(hours=1), "AB1234")
    save(store, "zerodha", token)
    store.close()
    assert problems(look(tmp_path)) == {}
    assert Store.open(tmp_path / "state", clock).tokens.get("zerodha").token == token


def test_json_is_json(capsys, tmp_path):
    render.print_findings(look(tmp_path, "a: [\n"), as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["problems"] == [
        {key: row[key] for key in ("key", "message", "hint")} for row in told["findings"]
    ]
    assert os.environ.get("AUTOLOGIN_CONFIG") is None


# What people really write


def creds(folder, key, value, level="warning"):
    """What is said of a credential of this value, the value being nowhere in it."""
    found = look(folder, GOOD.replace("password: {env: PASSWORD}", "password: {env: PW}"), **value)
    return problems(found, level).get(f"{CREDENTIALS}.{key}", "")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('"hunter2canary"', "keeps quotes around it"),
        ("'hunter2canary'", "keeps quotes around it"),
        ("“hunter2canary”", "keeps quotes around it"),
        ("$KITE_PASSWORD", "looks like a reference in a shell's"),
        ("${KITE_PASSWORD}", "looks like a reference in a shell's"),
        ("{env: KITE_PASSWORD}", "looks like a reference in autologin's own words"),
        ('{"file": "/run/x"}', "looks like a reference in autologin's own words"),
        ("changeme", "looks like a placeholder"),
        ("your_password", "looks like a placeholder"),
        ("YOUR PASSWORD HERE", "looks like a placeholder"),
        ("<password>", "looks like a placeholder"),
        ("xxxxxx", "looks like a placeholder"),
        ("Password", "looks like a placeholder"),
        ("********", "looks like a placeholder"),
        ("mylittlepony", ""),
        ("right battery", ""),
        ("pässwörd☃", ""),
        ("changed-it-twice", ""),
        ("$ecret", "looks like a reference"),
        ("a$b", ""),
    ],
)
def test_a_password_that_nobody_meant_is_a_warning(tmp_path, value, words):
    warned = creds(tmp_path, "password", {"PW": value})
    assert (words in warned) if words else warned == ""
    assert value not in warned


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("PW", "a\u200bcanary", "U+200B, zero width space"),
        ("PW", "\ufeffacanary", "U+FEFF"),
        ("PW", "acanary\u00a0b", "U+00A0, no-break space"),
        ("PW", "acanary\x07", "U+0007"),
        ("PW", "acanary\0b", "U+0000"),
        ("PW", "acanary\r", "stray newline"),
        ("PW", "acanary\n", "stray newline"),
        ("PW", "acanary ", "stray space"),
        ("PW", "acanary\udcff", "is not UTF-8 text"),
        ("API_SECRET", "clé-canary", "no request can carry"),
        ("API_SECRET", "a\u200bcanary", "U+200B"),
    ],
)
def test_a_credential_that_nothing_can_carry_is_a_problem(tmp_path, key, value, words):
    name = {"PW": "password"}.get(key, key.lower())
    told = creds(tmp_path, name, {"PW": "right battery", key: value}, "problem")
    assert words in told
    assert "canary" not in told


@pytest.mark.parametrize(
    "query",
    [
        "algorithm=sha1",
        "algorithm=SHA-256",
        "algorithm=HmacSHA512",
        "digits=8&period=60",
        "Issuer=Other&image=x&foo=1",
        "algorithm=SHA1&issuer=Zerodha+Kite",
    ],
)
def test_a_valid_address_of_a_seed_is_taken(tmp_path, query):
    seed = f"otpauth://totp/Kite:AB1234?secret=JBSWY3DPEHPK3PXP&{query}"
    found = look(tmp_path, SEED=seed)
    assert problems(found) == problems(found, "warning") == {}


@pytest.mark.parametrize(
    ("seed", "words"),
    [
        ("123456", "one of the codes, not the seed"),
        ("123 456", "one of the codes, not the seed"),
        ('"JBSWY3DPEHPK3PXP"', "stands in quotes"),
        ("otpauth-migration://offline?data=canary", "an authenticator's export"),
        ("https://kite.trade/canary", "another kind of address"),
        ("3132333435363738393031323334353637383930", "hexadecimal"),
        ("JBSWY3DPEHPK3PX0", "0, 1, 8 or 9"),
        ("otpauth://totp/x?issuer=canary", "has no secret in it"),
        ("otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&algorithm=MD5", "another algorithm"),
        ("otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&digits=5", "another length"),
        ("otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&period=canary", "a period that is no number"),
        ("otpauth://hotp/x?secret=JBSWY3DPEHPK3PXP", "counter-based"),
    ],
)
def test_what_is_no_seed_is_called_what_it_is(tmp_path, seed, words):
    told = problems(look(tmp_path, SEED=seed))[f"{CREDENTIALS}.totp_secret"]
    assert words in told
    assert "canary" not in told
    assert seed not in told


@pytest.mark.parametrize("token", ["tökén-canary", "with space canary", "a\u200bcanary"])
def test_a_token_of_the_status_page_that_no_header_can_carry(tmp_path, token):
    text = GOOD + "http: {token: {env: TOKEN}}\n"
    told = problems(look(tmp_path, text, TOKEN=token))["http.token"]
    assert "no header can carry" in told
    assert "canary" not in told


@pytest.mark.parametrize(
    "url",
    ["nosuch://canary", "canary", "slack://canary", "mailto://canary@", "tgram://canary"],
)
def test_an_address_that_apprise_cannot_read(tmp_path, url):
    text = GOOD + "notify: {urls: ['json://127.0.0.1/x', {env: WAY}]}\n"
    found = look(tmp_path, text, WAY=url)
    told = problems(found)
    assert told.keys() == {"notify.urls.1"}
    assert "is not an address that Apprise can read" in told["notify.urls.1"]
    assert "canary" not in repr(found)


def test_apprise_that_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    told = problems(look(tmp_path, GOOD + "notify: {urls: ['json://127.0.0.1/x']}\n"))
    assert "pip install 'broker-autologin[notify]'" in told["notify.urls.0"]


@pytest.mark.parametrize("ping", ["hc-ping.com/canary", "ftp://a/canary", "https://"])
def test_a_dead_mans_switch_that_is_no_address(tmp_path, ping):
    found = look(tmp_path, GOOD + "notify: {ping: {env: PING}}\n", PING=ping)
    assert "is not an address" in problems(found)["notify.ping"]
    assert "canary" not in repr(found)
