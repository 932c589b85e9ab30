"""The file sink: a reader sees the old token or the new one, and what cannot be written is said with its fix."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import socket
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from support.clock import MORNING

from autologin import files
from autologin.delivery.sinks.base import parse
from autologin.errors import DeliveryFailed
from autologin.message import Message
from autologin.secret_refs import RefContext
from autologin.token import Token

OLD = "old-token-" + "o" * 40
SECRET = "new-token-" + "n" * 40


def token(text=SECRET, user_id="AB1234", **extra):
    return Token(SecretStr(text), MORNING, MORNING + timedelta(hours=20), user_id, extra)


def sink(path):
    return parse({"type": "file", "path": str(path)}).build("tokens", RefContext(Path("/"), {}))


async def give(path, one=None):
    await sink(path).deliver(Message.issued("mine", "zerodha", one or token()))


def sink_of(account, path):
    """The sink of an account at zerodha."""
    config = parse({"type": "file", "path": str(path)}).with_accounts({account: "zerodha"})
    return config.build("tokens", RefContext(Path("/"), {}))


async def give_to(one, account):
    await one.deliver(Message.issued(account, "zerodha", token()))


async def refused(work):
    """What was said when it failed; a token is never in it."""
    with pytest.raises(DeliveryFailed) as caught:
        await work
    assert SECRET not in caught.value.message
    assert caught.value.exit_code == 6
    return caught.value.message


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def process(*words):
    return subprocess.run(words, check=False, capture_output=True, text=True)


def mode(path):
    return path.stat().st_mode & 0o777


# What is written


async def test_the_file_is_the_agreed_object(tmp_path):
    await give(tmp_path / "{account}.json", token(public_token="abc", enctoken="ü"))
    text = (tmp_path / "mine.json").read_text()
    assert text.endswith("}\n")
    assert json.loads(text) == {
        "account": "mine",
        "broker": "zerodha",
        "user_id": "AB1234",
        "access_token": SECRET,
        "issued_at": "2026-11-24T02:45:10+00:00",
        "expires_at": "2026-11-24T22:45:10+00:00",
        "extra": {"public_token": "abc", "enctoken": "ü"},
    }


async def test_each_placeholder_is_filled(tmp_path):
    await give(tmp_path / "{broker}" / "{user_id}" / "{account}-{account}.json")
    assert everything(tmp_path) == ["zerodha", "zerodha/AB1234", "zerodha/AB1234/mine-mine.json"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
async def test_only_the_owner_reads_what_is_made(tmp_path, umask):
    former = os.umask(umask)
    try:
        await give(tmp_path / "a" / "b" / "t.json")
    finally:
        os.umask(former)
    assert (mode(tmp_path / "a"), mode(tmp_path / "a/b"), mode(tmp_path / "a/b/t.json")) == (
        0o700,
        0o700,
        0o600,
    )


async def test_a_file_that_others_could_read_is_replaced_by_one_that_they_cannot(tmp_path):
    (tmp_path / "t.json").write_text(OLD)
    (tmp_path / "t.json").chmod(0o666)
    await give(tmp_path / "t.json")
    assert mode(tmp_path / "t.json") == 0o600


async def test_a_folder_that_is_there_keeps_its_rights(tmp_path):
    tmp_path.chmod(0o755)
    await give(tmp_path / "t.json")
    assert mode(tmp_path) == 0o755


async def test_a_relative_path_starts_at_the_configs_folder(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    config = parse({"type": "file", "path": "tokens/{account}.json"}).with_absolute_paths(
        RefContext(tmp_path, {})
    )
    await config.build("tokens", RefContext(tmp_path, {})).deliver(
        Message.issued("mine", "zerodha", token())
    )
    assert everything(tmp_path) == ["tokens", "tokens/mine.json"]
    at_home = parse({"type": "file", "path": "~/t.json"}).with_absolute_paths(
        RefContext(Path("/"), {"HOME": str(tmp_path)})
    )
    assert at_home.path == str(tmp_path / "t.json")


async def test_it_is_written_whole_before_it_has_its_name(tmp_path, monkeypatch):
    """The order: data, fsync of the file, rename, fsync of the folder."""
    order = []
    fsync, replace = os.fsync, Path.replace

    def synced(handle):
        place = Path(f"/proc/self/fd/{handle}").readlink()
        order.append(
            "folder"
            if place.is_dir()
            else f"file of {place.stat().st_size > len(SECRET)}, {mode(place):o}"
        )
        fsync(handle)

    def renamed(self, target):
        order.append(f"rename in {self.parent.relative_to(tmp_path)} to {Path(target).name}")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    await give(tmp_path / "t.json")
    assert order == ["file of True, 600", "rename in . to t.json", "folder"]


async def test_a_reader_never_sees_half_a_file(tmp_path):
    path = tmp_path / "t.json"
    texts = [letter * 20_000 for letter in "ab"]
    await give(path, token(texts[0]))
    stop, seen, wrong = threading.Event(), set(), []

    def read():
        while not stop.is_set():
            try:
                found = json.loads(path.read_bytes())["access_token"]
            except (OSError, ValueError, KeyError) as error:
                wrong.append(repr(error))
            else:
                seen.add(found)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for number in range(300):
            await give(path, token(texts[number % 2]))
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert wrong == []
    assert seen == set(texts)
    assert everything(tmp_path) == ["t.json"]


async def test_many_writers_at_once_leave_one_whole_file(tmp_path):
    await asyncio.gather(
        *(give(tmp_path / "new" / "t.json", token(f"token-{number}" * 500)) for number in range(20))
    )
    assert json.loads((tmp_path / "new/t.json").read_text())["access_token"].startswith("token-")
    assert everything(tmp_path) == ["new", "new/t.json"]


async def test_a_link_is_replaced_and_not_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("not yours")
    (tmp_path / "t.json").symlink_to(elsewhere)
    (tmp_path / "dangling.json").symlink_to(tmp_path / "nowhere")
    await give(tmp_path / "t.json")
    await give(tmp_path / "dangling.json")
    assert elsewhere.read_text() == "not yours"
    assert not (tmp_path / "nowhere").exists()
    assert not (tmp_path / "t.json").is_symlink()
    assert not (tmp_path / "dangling.json").is_symlink()


async def test_a_hard_link_of_somebody_else_keeps_the_old_content(tmp_path):
    (tmp_path / "t.json").write_text(OLD)
    os.link(tmp_path / "t.json", tmp_path / "copy")
    await give(tmp_path / "t.json")
    assert (tmp_path / "copy").read_text() == OLD


# What a killed process left


async def test_what_a_killed_writer_left_is_removed_later(tmp_path):
    ours, fresh = (
        tmp_path / ".t.json.0123456789abcdef.tmp",
        tmp_path / ".t.json.fedcba9876543210.tmp",
    )
    others = tmp_path / ".other.json.0123456789abcdef.tmp"
    for left in (ours, fresh, others):
        left.write_text(OLD)
    for left in (ours, others):
        os.utime(left, (1, 1))
    await give(tmp_path / "t.json")
    assert everything(tmp_path) == sorted([others.name, fresh.name, "t.json"]), (
        "one that may be in use was removed"
    )


async def test_a_name_with_wildcards_removes_nothing_of_others(tmp_path):
    others = tmp_path / ".abc.0123456789abcdef.tmp"
    others.write_text(OLD)
    os.utime(others, (1, 1))
    await give(tmp_path / "[a-z]*")
    assert others.exists()


KILLED = """
import os, pathlib, sys
def kill(handle):
    os.kill(os.getpid(), 9)
os.fsync = kill
from autologin import files
files._write(files._temporary(pathlib.Path(sys.argv[1])), b"half a tok")
"""


async def test_a_writer_killed_in_the_middle_leaves_the_old_file(tmp_path):
    path = tmp_path / "t.json"
    await give(path, token(OLD))
    assert process(sys.executable, "-c", KILLED, path).returncode == -9
    assert json.loads(path.read_text())["access_token"] == OLD
    (left,) = tmp_path.glob(".t.json.*.tmp")
    assert mode(left) == 0o600
    os.utime(left, (1, 1))
    await give(path)
    assert everything(tmp_path) == ["t.json"]


# What cannot be written

CODES = {
    errno.ENOSPC: ("the disk is full", "Free some space"),
    errno.EDQUOT: ("quota", "Free some space"),
    errno.EROFS: ("read-only", "Mount it writable"),
    errno.EACCES: ("permission denied", "Let the user that runs autologin write there"),
    errno.EPERM: ("permission denied", "Let the user that runs autologin write there"),
    errno.EFBIG: ("larger than a file may be", "ulimit -f"),
    errno.EIO: ("Input/output error", "sinks.tokens.path"),
    errno.ENAMETOOLONG: ("File name too long", "Correct sinks.tokens.path"),
}


@pytest.mark.parametrize("step", ["write", "fsync", "rename"])
@pytest.mark.parametrize(
    ("code", "words"), CODES.items(), ids=[errno.errorcode[code] for code in CODES]
)
async def test_a_failure_leaves_the_old_file_and_names_the_mend(
    tmp_path, monkeypatch, step, code, words
):
    path = tmp_path / "t.json"
    await give(path, token(OLD))

    def fail(*_):
        raise OSError(code, os.strerror(code))

    owner, name = {"write": (files, "_write"), "fsync": (os, "fsync"), "rename": (Path, "replace")}[
        step
    ]
    with monkeypatch.context() as broken:
        broken.setattr(owner, name, fail)
        detail = await refused(give(path))
    assert all(word in detail for word in (str(path), *words)), detail
    assert json.loads(path.read_text())["access_token"] == OLD
    assert everything(tmp_path) == ["t.json"]


async def test_a_full_disk(full_disk):
    path = full_disk / "t.json"
    before = path.read_bytes()
    for work in (give(path, token(SECRET, filler="x" * 100_000)), sink(path).check()):
        detail = await refused(work)
        assert f"{path} cannot be written: " in detail
        assert "the disk is full. Free some space." in detail
    assert path.read_bytes() == before
    assert everything(full_disk) == ["ballast", "t.json"]


@pytest.fixture
async def full_disk(tmp_path, monkeypatch):
    """A disk of its own where the system gives one, else a write that says what the kernel would."""
    await give(tmp_path / "small" / "t.json", token(OLD))
    (tmp_path / "small" / "ballast").touch()
    (tmp_path / "disk").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path / "disk"]
    if os.geteuid() == 0 and process(*mount).returncode == 0:
        try:
            await give(tmp_path / "disk" / "t.json", token(OLD))
            with (
                contextlib.suppress(OSError),
                (tmp_path / "disk" / "ballast").open("wb", buffering=0) as ballast,
            ):
                while True:
                    ballast.write(b"x" * 4096)
            yield tmp_path / "disk"
        finally:
            assert process("umount", "-l", tmp_path / "disk").returncode == 0
        return

    def full(_handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    yield tmp_path / "small"


LIMITED = """
import asyncio, sys
from datetime import datetime, UTC
from pydantic import SecretStr
from autologin.errors import DeliveryFailed
from autologin.message import Message
from autologin.delivery.sinks.base import parse
from autologin.token import Token
token = Token(SecretStr("token-canary-" + "x" * 30), datetime.now(UTC), datetime.now(UTC), "AB1234")
message = Message.issued("mine", "zerodha", token)
sink = parse({"type": "file", "path": sys.argv[1]}).build("tokens", None)
for work in (sink.deliver(message), sink.check()):
    try:
        asyncio.run(work)
    except DeliveryFailed as error:
        print(error.message)
"""


async def test_a_process_that_may_write_no_more_bytes(tmp_path):
    path = tmp_path / "t.json"
    await give(path, token(OLD))
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
    done = process(sys.executable, "-c", limit + LIMITED, path)
    assert done.stdout.count("larger than a file may be here. Raise the limit") == 2, (
        done.stdout + done.stderr
    )
    assert "token-canary" not in done.stdout + done.stderr
    assert json.loads(path.read_text())["access_token"] == OLD
    assert everything(tmp_path) == ["t.json"]


async def test_the_path_is_a_folder(tmp_path):
    (tmp_path / "t.json").mkdir()
    for work in (give(tmp_path / "t.json"), sink(tmp_path / "t.json").check()):
        assert "it is a folder, not a file. Name a file in the path." in await refused(work)
    assert everything(tmp_path) == ["t.json"]


def a_pipe(path):
    os.mkfifo(path)


def a_socket(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


def a_link_to_a_pipe(path):
    os.mkfifo(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def a_link_to_a_folder(path):
    path.with_name("elsewhere").mkdir()
    path.symlink_to(path.with_name("elsewhere"))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (a_pipe, "it is a pipe, not a file"),
        (a_socket, "it is a socket, not a file"),
        (a_link_to_a_pipe, "it is a pipe, not a file"),
        (a_link_to_a_folder, "it is a folder, not a file"),
    ],
)
async def test_what_is_no_file_is_not_replaced(tmp_path, monkeypatch, make, words):
    monkeypatch.chdir(tmp_path)  # a socket's path may have a hundred bytes
    make(Path("t.json"))
    before = os.lstat("t.json")
    for path in (tmp_path / "t.json", tmp_path / "{account}.json"):
        checked = sink_of("t", path)
        for work in (give_to(checked, "t"), checked.check()):
            assert words in await refused(work)
    assert os.path.samestat(before, os.lstat("t.json"))


async def test_nothing_is_put_among_the_devices(tmp_path, monkeypatch):
    """Where the output goes to a file, /dev/stdout is a link to a plain one."""
    (tmp_path / "dev" / "shm").mkdir(parents=True)
    (tmp_path / "out").touch()
    (tmp_path / "dev" / "stdout").symlink_to(tmp_path / "out")
    monkeypatch.setattr("autologin.delivery.sinks.file.DEVICES", tmp_path / "dev")
    for path in (tmp_path / "dev" / "stdout", tmp_path / "dev" / "new"):
        for work in (give(path), sink(path).check()):
            assert "not a file" in await refused(work)
    assert (tmp_path / "dev" / "stdout").is_symlink()
    await give(tmp_path / "dev" / "shm" / "t.json")
    assert SECRET in (tmp_path / "dev" / "shm" / "t.json").read_text()


async def test_the_path_leads_through_a_file(tmp_path):
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file" / "t.json", tmp_path / "file" / "more" / "t.json"):
        for work in (give(path), sink(path).check()):
            assert "a part of the path is a file, not a folder. Correct the path." in await refused(
                work
            )
    assert (tmp_path / "file").read_text() == "mine"


async def test_a_read_only_place():
    """/proc takes no files, from root either."""
    for work in (give("/proc/autologin/t.json"), sink("/proc/autologin/t.json").check()):
        detail = await refused(work)
        assert "/proc/autologin/t.json cannot be written: " in detail
        assert "sinks.tokens.path" in detail


@pytest.mark.parametrize(
    "user_id",
    [
        "../../etc/cron.d/x",
        "..",
        "/etc/passwd",
        "a/b",
        "",
        ".hidden",
        "a\0b",
        "a\nb",
        "{account}",
        "-rf",
        "ä" * 300,
    ],
)
async def test_a_user_id_that_leads_out_of_the_folder_is_refused(tmp_path, user_id):
    detail = await refused(give(tmp_path / "in" / "{user_id}.json", token(user_id=user_id)))
    assert "Use {account} instead of {user_id} in sinks.tokens.path" in detail
    assert everything(tmp_path) == []


async def test_such_a_user_id_does_no_harm_where_the_path_does_not_use_it(tmp_path):
    await give(tmp_path / "t.json", token(user_id="../../x"))
    assert everything(tmp_path) == ["t.json"]


# The write check


@pytest.mark.parametrize(
    "path",
    ["t.json", "{account}.json", "made/{broker}/later/{account}.json", "{account}/{user_id}"],
)
async def test_the_write_check_leaves_nothing(tmp_path, path):
    (tmp_path / "t.json").write_text(OLD)
    await sink(tmp_path / path).check()
    assert everything(tmp_path) == ["t.json"]
    assert (tmp_path / "t.json").read_text() == OLD


async def test_a_write_check_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def fail(_handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    assert "the disk is full" in await refused(sink(tmp_path / "{account}.json").check())
    assert everything(tmp_path) == []


# The config


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "must name a file"),
        ("  ", "must name a file"),
        ("tokens/", "must name a file"),
        ("{acount}.json", "{acount} is not a known placeholder"),
        ("{}.json", "{} is not a known placeholder"),
        ("{account.json", "a brace without its other half"),
        ("account}.json", "a brace without its other half"),
    ],
)
def test_a_path_that_cannot_be_meant(path, words):
    with pytest.raises(ValidationError) as caught:
        parse({"type": "file", "path": path})
    (problem,) = caught.value.errors()
    assert words in problem["ctx"]["detail"]
    assert problem["ctx"]["hint"]


@pytest.mark.parametrize(
    "raw",
    [
        {"type": "file"},
        {"type": "file", "path": 5},
        {"type": "file", "path": "x", "rights": "0600"},
    ],
)
def test_other_mistakes_in_a_file_sink(raw):
    with pytest.raises(ValidationError):
        parse(raw)


def test_what_a_delivery_would_overwrite():
    config = parse({"type": "file", "path": "/x/../t/{account}-{broker}"})
    assert config.target("mine", "zerodha") == "/t/mine-zerodha"
    assert parse({"type": "file", "path": "/t/{user_id}"}).target("mine", "zerodha") is None
