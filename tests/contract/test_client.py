"""`autologin.client`: the token for a program, from the store or else from a sink's file; nothing heavy, nothing written."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr
from support.leaks import leaks
from support.store import save

from autologin import client
from autologin.clock import SystemClock
from autologin.delivery.sinks.base import parse
from autologin.errors import ConfigError, StoreError, TokenRejected
from autologin.message import Message
from autologin.secret_refs import RefContext
from autologin.store.store import Store
from autologin.token import Token

SECRET = "client-token-canary+/="
OTHER = "file-token-canary"


def new(secret=SECRET, hours=5.0):
    now = datetime.now(UTC)
    return Token(
        SecretStr(secret),
        now - timedelta(hours=40),
        now + timedelta(hours=hours),
        "AB1234",
        {"public_token": "p"},
    )


def put(folder, token):
    store = Store.open(folder / "state", SystemClock())
    save(store, "mine", token)
    store.close()


def deliver(folder, token, **keys):
    sink = parse({"type": "file", "path": str(folder / "tokens/mine"), **keys}).build(
        "tokens", RefContext(folder, {})
    )
    asyncio.run(sink.deliver(Message.issued("mine", "zerodha", token)))


def write(folder, sinks=("tokens",), **keys):
    """A config as a reading program may have it: without credentials."""
    raw = {
        "accounts": {"mine": {"broker": "zerodha", "sinks": list(sinks)}},
        "state": {"path": "./state"},
    }
    raw["sinks"] = {"tokens": {"type": "file", "path": "./tokens/{account}", **keys}}
    (folder / "config.yaml").write_text(yaml.safe_dump(raw))
    return folder / "config.yaml"


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    return write(tmp_path)


def python(code, folder, **environ):
    environ = {"HOME": str(folder), "PATH": os.environ["PATH"], **environ}
    return subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env=environ,
        timeout=60,
    )


# From the store


def test_it_is_one_line_in_a_program(tmp_path, file):
    put(tmp_path, new())
    code = "from autologin.client import token; print(token('zerodha'))"
    (tmp_path / "elsewhere").mkdir()
    for folder, environ in (
        (tmp_path, {}),
        (tmp_path / "elsewhere", {"AUTOLOGIN_CONFIG": str(file)}),
    ):
        done = python(code, folder, **environ)
        assert (done.stdout, done.stderr) == (SECRET + "\n", "")
    code = (
        "import sys; from autologin.client import token; print(token('mine', config=sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, file],
        check=True,
        capture_output=True,
        text=True,
        env={"HOME": "/"},
    )
    assert done.stdout == SECRET + "\n"


def test_nothing_heavy_is_imported(tmp_path, file):
    put(tmp_path, new())
    code = "import sys; from autologin.client import token; token('zerodha'); print(*{name.split('.')[0] for name in sys.modules})"
    loaded = set(python(code, tmp_path).stdout.split())
    assert "autologin" in loaded
    assert (
        loaded
        & {
            "playwright",
            "httpx",
            "apscheduler",
            "starlette",
            "uvicorn",
            "boto3",
            "click",
            "greenlet",
        }
        == set()
    )


def test_the_whole_of_it(tmp_path, file):
    put(tmp_path, token := new())
    assert client.bundle("mine", config=file) == token.to_json("mine", "zerodha")
    assert client.bundle("zerodha", config=str(file)) == token.to_json("mine", "zerodha")


def test_the_store_comes_first(tmp_path, file):
    put(tmp_path, new())
    deliver(tmp_path, new(OTHER))
    assert client.token("mine", config=file) == SECRET


@pytest.mark.parametrize("hours", [-0.01, -30])
def test_an_expired_one_is_refused(tmp_path, file, hours):
    put(tmp_path, new(hours=hours))
    deliver(tmp_path, new(OTHER))
    for read in (client.token, client.bundle):
        with pytest.raises(TokenRejected, match="mine has none since") as caught:
            read("mine", config=file)
        assert "Run `autologin run mine`" in caught.value.message
        assert leaks([SECRET], [caught.value.message]) == []


def test_a_store_without_a_token_of_this_account(tmp_path, file):
    Store.open(tmp_path / "state", SystemClock()).close()
    deliver(
        tmp_path, new(OTHER)
    )  # the broker refused it: the store has dropped it, the file is still there
    with pytest.raises(TokenRejected, match="mine has no token yet"):
        client.token("mine", config=file)


def test_looking_changes_nothing(tmp_path, file):
    """No folder, key or database is made where there is none; a newer token is not locked out."""
    with pytest.raises(TokenRejected):
        client.token("mine", config=file)
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
    store = Store.open(tmp_path / "state", SystemClock())
    save(store, "mine", new())
    before = (tmp_path / "state/autologin.db").read_bytes()
    assert client.token("mine", config=file) == SECRET, "while another process has it open"
    assert (tmp_path / "state/autologin.db").read_bytes() == before
    store.close()


def test_the_log_of_the_program_stays_its_own(tmp_path, file, capfd):
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows/zerodha.py").write_bytes(
        (Path(__file__).parents[2] / "flows/zerodha.py").read_bytes()
    )
    file.write_text(file.read_text() + "flows_dir: ./flows\n")
    put(tmp_path, new())
    code = (
        "from loguru import logger; from autologin.client import token; token('mine'); "
        "from autologin.log import event; event('after')"
    )
    done = python(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "own_flow" not in done.stderr
    assert "after" in done.stderr


# From a file


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"fields": {"t": "access_token", "e": "expires_at"}},
        {"format": "dotenv"},
        {"format": "dotenv", "fields": {"KITE_ACCESS_TOKEN": "access_token"}},
        {"format": "raw"},
        {"format": "raw", "fields": ["access_token"]},
    ],
)
def test_where_there_is_no_store_the_file_is_read_in_any_format(tmp_path, file, keys):
    write(tmp_path, **keys)
    deliver(tmp_path, new(SECRET), **keys)
    assert client.token("mine", config=file) == SECRET
    assert not (tmp_path / "state").exists()


def test_the_whole_of_it_is_in_a_file_of_json_alone(tmp_path, file):
    deliver(tmp_path, token := new())
    assert client.bundle("mine", config=file) == token.to_json("mine", "zerodha")
    write(tmp_path, format="dotenv")
    deliver(tmp_path, token, format="dotenv")
    with pytest.raises(StoreError, match="There is no store in"):
        client.bundle("mine", config=file)


@pytest.mark.parametrize(
    "keys", [{}, {"format": "dotenv"}, {"fields": {"t": "access_token", "e": "expires_at"}}]
)
def test_an_expired_one_in_a_file_is_refused(tmp_path, file, keys):
    write(tmp_path, **keys)
    deliver(tmp_path, new(hours=-1), **keys)
    with pytest.raises(TokenRejected, match="mine has none since"):
        client.token("mine", config=file)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '"x"', '{"access_token": "client-token-canary", "expires_at": 5}', "\xff"],
)
@pytest.mark.parametrize(
    "ends", ["", ', "expires_at": "soon"}', ', "expires_at": "2026-11-24T00:00:00"}']
)
def test_a_file_that_somebody_else_wrote(tmp_path, file, content, ends):
    (tmp_path / "tokens").mkdir()
    text = '{"access_token": "client-token-canary"' + ends if ends else content
    (tmp_path / "tokens/mine").write_bytes(text.encode("latin-1"))
    with pytest.raises(StoreError, match="does not hold what the sink tokens writes") as caught:
        client.token("mine", config=file)
    assert "canary" not in caught.value.message


def test_a_file_without_the_access_token_is_passed_over(tmp_path, file):
    write(tmp_path, fields=["user_id"])
    deliver(tmp_path, new(), fields=["user_id"])
    with pytest.raises(StoreError, match="There is no store in"):
        client.token("mine", config=file)


def test_a_file_that_is_not_there_yet(tmp_path, file):
    with pytest.raises(
        TokenRejected, match=f"mine has no token yet: there is no file {tmp_path}/tokens/mine"
    ):
        client.token("mine", config=file)


def test_neither_store_nor_file(tmp_path, file):
    write(tmp_path, sinks=())
    with pytest.raises(
        StoreError, match=f"There is no store in {tmp_path}/state, or this user may not look"
    ) as caught:
        client.token("mine", config=file)
    assert "docs/reading-tokens.md" in caught.value.message


def test_a_store_that_is_damaged_or_sealed_otherwise_is_told_or_the_file_is_read(tmp_path, file):
    put(tmp_path, new())
    write(tmp_path, sinks=())
    (tmp_path / "state/key").unlink()
    with pytest.raises(StoreError, match=r"The key of the store in .* is not there"):
        client.token("mine", config=file)
    assert not (tmp_path / "state/key").exists(), "a new key was made"
    (tmp_path / "state/key").write_text("x" * 43 + "=")
    with pytest.raises(StoreError, match="encrypted with another key"):
        client.token("mine", config=file)
    (tmp_path / "state/autologin.db").write_text(
        "no database at all, but text that is long enough" * 100
    )
    with pytest.raises(StoreError, match="cannot be read"):
        client.token("mine", config=file)
    write(tmp_path)
    deliver(tmp_path, new(OTHER))
    assert client.token("mine", config=file) == OTHER


ANOTHER_USER = """
import os, sys
from autologin.client import bundle, token

os.chdir(sys.argv[1])
token("mine", config="config.yaml")  # everything is imported now
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
else:
    os.chmod("state", 0)
print(token("mine", config="config.yaml"), bundle("mine", config="config.yaml")["access_token"])
"""


def test_a_user_who_may_not_open_the_store_reads_the_file(monkeypatch):
    """As it is in production: the store is autologin's own, the file is for the program's group."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        monkeypatch.setenv("HOME", name)
        write(folder, sinks=("tokens",))
        put(folder, new(SECRET))
        root = os.geteuid() == 0
        deliver(folder, new(OTHER), **({"group": 65534, "mode": "0640"} if root else {}))
        if root:
            os.chown(folder, 65534, 65534)
        code = ["-c", ANOTHER_USER, name]
        done = subprocess.run(
            [sys.executable, *code], check=False, capture_output=True, text=True, env={"HOME": name}
        )
        (folder / "state").chmod(0o700)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{OTHER} {OTHER}\n"


# The config


def test_what_is_wrong_elsewhere_in_the_config_does_not_matter(tmp_path, file):
    raw = yaml.safe_load(file.read_text())
    raw["accounts"]["other"] = {"broker": "no-such-broker", "sinks": ["nowhere"]}
    raw["sinks"]["bad"] = {"type": "no-such-type"}
    file.write_text(yaml.safe_dump(raw))
    put(tmp_path, new())
    assert client.token("mine", config=file) == SECRET


def test_a_sink_that_is_written_wrongly_is_told_where_it_is_needed(tmp_path, file):
    write(tmp_path, format="jsno")
    deliver(tmp_path, new(), format="raw")
    with pytest.raises(ConfigError, match=r"sinks\.tokens\.format"):
        client.token("mine", config=file)


def test_a_state_folder_that_is_written_wrongly_leads_to_no_other_store(tmp_path, file):
    put(tmp_path, new())
    (tmp_path / ".local/state").mkdir(parents=True)
    (tmp_path / "state").rename(tmp_path / ".local/state/autologin")
    file.write_text(file.read_text().replace("./state", "~/.local/state/autologin"))
    assert client.token("mine", config=file) == SECRET
    file.write_text(file.read_text().replace("path: ~/.local", "pth: ~/.local"))
    with pytest.raises(ConfigError, match=r"state\.pth"):
        client.token("mine", config=file)


def test_a_config_or_an_account_that_is_not_there(tmp_path, file):
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        client.token("mine", config=tmp_path / "nowhere.yaml")
    with pytest.raises(ConfigError, match='there is no account "mien"'):
        client.token("mien", config=file)
    file.write_text("{")
    with pytest.raises(ConfigError):
        client.token("mine", config=file)
    assert json.dumps(client.__all__) == '["bundle", "token"]'


def test_a_token_of_the_broker_that_the_account_had_before_is_none(file, tmp_path):
    put(tmp_path, new())
    deliver(tmp_path, new(OTHER))
    file.write_text(file.read_text().replace("zerodha", "upstox"))
    with pytest.raises(TokenRejected, match="no token yet"):
        client.token("mine", config=file)
    (tmp_path / "state" / "autologin.db").unlink()
    for read in (client.token, client.bundle):
        with pytest.raises(StoreError):
            read("mine", config=file)
