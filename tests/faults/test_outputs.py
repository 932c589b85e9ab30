"""Standard input, output and error that are closed, full, stuck or of another alphabet."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from support.selection import sample
from support.store import a_token, save

from autologin.clock import SystemClock
from autologin.config import loader
from autologin.store.store import Store

TOKEN = "access-token-canary"
CONFIG = """
state: {path: state}
sinks:
  tokens: {type: file, path: "tokens/{account}.json"}
accounts:
  mine:
    broker: groww
    credentials: {api_key: "k", totp_secret: "JBSWY3DPEHPK3PXP"}
    endpoints: {api: "http://127.0.0.1:9/v1"}
    sinks: [tokens]
"""


@pytest.fixture
def folder(tmp_path):
    """A config, and a token in its store."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "config.yaml").chmod(0o600)
    settings = loader.load(tmp_path / "config.yaml", {"HOME": str(tmp_path)})
    store = Store.open(settings.state.path, SystemClock())
    now = datetime.now(UTC)
    token = a_token(TOKEN, issued_at=now, expires_at=now + timedelta(hours=20), user_id=None)
    save(store, "mine", token, ["tokens"], broker="groww")
    store.close()
    return tmp_path


def shell(folder, line, **environ):
    """A line of sh in which `autologin` is the command."""
    command = f'autologin() {{ "{sys.executable}" -m autologin "$@"; }}\n{line}'
    return subprocess.run(
        ["sh", "-c", command],
        check=False,
        capture_output=True,
        cwd=folder,
        env={"HOME": str(folder), "PATH": os.environ["PATH"], **environ},
        timeout=60,
    )


@pytest.mark.parametrize("to", [">/dev/full", ">&-"])
@pytest.mark.parametrize("words", sample(["token mine", "status --json", "--help"], 1))
def test_what_cannot_be_printed_is_told(folder, words, to):
    done = shell(folder, f"autologin {words} {to}")
    err = done.stderr.decode()
    assert done.returncode == 1, err
    assert err.startswith("output_failed: Standard output cannot be written: "), err
    assert err.count("\n") == 1
    assert TOKEN not in err


@pytest.mark.parametrize(
    "to", sample(["2>/dev/full", "2>&-", "2>&- <&-", "2>&1 1>/dev/null 2>&-"], 2)
)
def test_messages_that_cannot_be_written_stop_nothing(folder, to):
    assert shell(folder, f"autologin -v status --json {to}").returncode == 0
    done = shell(folder, f"autologin run mine --json {to}")
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr


def test_a_closed_stream_leaves_no_number_to_the_store(folder):
    done = shell(folder, "autologin -v run mine --json >&- 2>&- <&-")
    assert done.returncode == 1
    for file in (folder / "state").rglob("*"):
        assert not file.is_file() or b"token_verified" not in file.read_bytes()
    again = shell(folder, "autologin token mine")
    assert (again.returncode, again.stdout.decode().strip()) == (0, TOKEN)


def test_everything_is_closed_and_full(folder):
    assert shell(folder, "autologin token mine >/dev/full 2>/dev/full").returncode == 1
    assert shell(folder, "autologin token mine >&- 2>&-").returncode == 1


@pytest.mark.parametrize("words", sample(["flows --json", "--help", "flows zerodha"], 1))
def test_a_reader_that_leaves_is_no_error(folder, words):
    done = shell(folder, f"autologin {words} | true")
    assert done.stderr == b""


async def test_a_listener_that_nobody_hears_ends_and_accepts_nothing(folder):
    """Else it would take events for its reader, who has left."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    hooks = {"HOOK_SECRET": secret, "HOME": str(folder), "PATH": os.environ["PATH"]}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "autologin", "webhook", "listen", "--port", "0"),
        cwd=folder,
        env=hooks,
        stderr=-1,
        stdout=-1,
    )
    url = (await process.stderr.readline()).split()[-1].decode()
    process.stdout._transport.close()
    async with httpx.AsyncClient(trust_env=False) as http:
        with pytest.raises(httpx.HTTPError):
            await http.post(url, content=b"{}")
    assert await asyncio.wait_for(process.wait(), 30) == 1
    assert await process.stderr.read() == b""


@pytest.mark.parametrize(
    "environ",
    [
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "ascii:strict"},
        {"PYTHONIOENCODING": "latin-1:strict"},
        {"PYTHONIOENCODING": "cp1252"},
    ],
    ids=str,
)
def test_any_alphabet_will_do(folder, environ):
    text = (folder / "config.yaml").read_text().replace("mine", "राम-é-😀")
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    told = shell(folder, "autologin status --json", **environ)
    assert told.returncode in {0, 2}, told.stderr
    json.loads(told.stdout.decode(environ.get("PYTHONIOENCODING", "utf-8").partition(":")[0]))
    assert b"Traceback" not in shell(folder, "autologin -v status", **environ).stderr


@pytest.mark.parametrize(
    "words", ["run mine --json --bogus", "run --json", "run nobody --json", "statu --json"]
)
def test_json_is_one_object_where_the_command_line_is_wrong(folder, words):
    done = shell(folder, f"autologin {words}")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"] == "config_error"
    assert json.loads(done.stdout)["problems"][0]["message"]


async def test_a_reader_that_stops_reading_messages_stops_nothing(folder):
    """A pipe that nobody empties takes 64 KiB."""
    out, into = os.pipe()
    os.set_blocking(into, False)
    while True:
        try:
            os.write(into, b"x" * 4096)
        except BlockingIOError:
            break
    os.set_blocking(into, True)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "autologin", "-v", "run", "mine"),
        cwd=folder,
        env={"HOME": str(folder), "PATH": os.environ["PATH"]},
        stdout=subprocess.DEVNULL,
        stderr=into,
    )
    assert await asyncio.wait_for(process.wait(), 60) == 0
    os.close(out)
    os.close(into)
