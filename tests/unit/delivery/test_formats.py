"""What stands in a token's file: JSON, lines that three kinds of readers agree on, or one value; and who may read it."""

from __future__ import annotations

import asyncio
import grp
import json
import os
import pwd
import re
import string
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from support.clock import MORNING
from support.leaks import leaks

from autologin import redaction
from autologin.config import loader
from autologin.delivery import formats
from autologin.delivery.formats import Shape
from autologin.delivery.sinks.base import parse
from autologin.errors import DeliveryFailed
from autologin.message import Message
from autologin.secret_refs import RefContext
from autologin.token import Token

SECRET = "eyJ0eXAi.canary-token_0123456789+/=="
EXTRA = {
    "api_key": "key123",
    "public_token": "public-canary",
    "feed": {"a": "b"},
    "tries": 3,
    "tick": True,
    "none": None,
}


def message(secret=SECRET, user_id="AB1234", broker="zerodha", extra=EXTRA):
    token = Token(SecretStr(secret), MORNING, MORNING + timedelta(hours=20), user_id, extra)
    return Message.issued("mine", broker, token)


def sink(path, **more):
    return parse({"type": "file", "path": str(path), **more}).build(
        "tokens", RefContext(Path("/"), {})
    )


async def written(folder, one=None, **more):
    await sink(folder / "token", **more).deliver(one or message())
    return (folder / "token").read_bytes().decode()


async def refused(work, secret=SECRET):
    with pytest.raises(DeliveryFailed) as caught:
        await work
    assert leaks([secret], [caught.value.message, repr(caught.value)]) == []
    return caught.value.message


def wrong(**keys):
    """What is said of a key that cannot be meant."""
    with pytest.raises(ValidationError) as caught:
        parse({"type": "file", "path": "x", **keys})
    (found,) = caught.value.errors()
    assert (found["loc"], found["type"]) == (tuple(keys)[-1:], "config"), found
    return f"{found['ctx']['detail']} | {found['ctx']['hint']}"


# The three readers


def shell_reads(file, name):
    done = subprocess.run(
        ["sh", "-euc", f'. "$1"; printf %s "${name}"', "sh", file], check=True, capture_output=True
    )
    return done.stdout.decode()


def docker_reads(file, name):
    """As `docker run --env-file` does: each line is NAME=value, cut at the first `=`; `#` begins a comment only at the
    start of a line; blanks before a line are cut off; nothing is done about quotes, dollars and backslashes."""
    found = {}
    for line in file.read_bytes().decode().split("\n"):
        text = line.removesuffix("\r").lstrip()
        if text and not text.startswith("#"):
            key, equals, value = text.partition("=")
            assert equals, "docker would take the value from its own environment"
            assert key, "docker refuses a line without a name"
            assert not re.search(r"\s", key), "docker refuses a name with a blank in it"
            found[key] = value
    return found[name]


def python_reads(file, name):
    return dotenv_values(file)[name]


READERS = (python_reads, docker_reads, shell_reads)


def read_by_all(file, name):
    return {reader.__name__: reader(file, name) for reader in READERS}


ANYTHING = st.one_of(
    st.text(alphabet=string.ascii_letters + string.digits + "_./:=@%+,-", min_size=1),
    st.text(alphabet=string.printable, min_size=1),
    st.text(min_size=1).filter(lambda text: not re.search("[\ud800-\udfff\0]", text)),
)


@settings(max_examples=150, deadline=None)
@given(ANYTHING)
def test_a_value_is_read_alike_by_all_three_or_refused(value):
    try:
        content = formats.render(Shape("dotenv", {"X": "access_token"}), message(value).data)
    except DeliveryFailed:
        assert re.search(r"[^A-Za-z0-9_./:=@%+,-]", value), "refused for nothing"
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "env")
        file.write_bytes(content)
        assert set(read_by_all(file, "X").values()) == {value}


@pytest.mark.parametrize(
    "value",
    [
        "a b",
        "a #b",
        "$HOME",
        "'a'",
        '"a"',
        "a\\b",
        "`id`",
        "a;b",
        "a&b",
        "a\nb",
        "(a)",
        "a|b",
        "a<b",
        "~",
        "a\tb",
        " a",
    ],
)
def test_what_is_refused_would_be_read_wrong_by_one_of_them(tmp_path, value):
    """So the readers above can tell: each of these, written without quotes, is something else to one of them."""
    (tmp_path / "env").write_bytes(f"X={value}\n".encode())
    found = []
    for reader in READERS:
        try:
            found.append(reader(tmp_path / "env", "X"))
        except (subprocess.CalledProcessError, AssertionError):
            found.append(None)
    assert set(found) != {value}
    with pytest.raises(DeliveryFailed):
        formats.render(Shape("dotenv", {"X": "access_token"}), message(value).data)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("canary b", "a space or a tab"),
        ("canary\nB=c", "a line break"),
        ("canary'b", "a quote"),
        ("canary\\b", "a backslash"),
        ("canary$HOME", "a dollar sign"),
        ("canary#b", "a number sign"),
        ("canary&b", "a sign that means something to a shell"),
        ("canary~b", "a sign that means something to a shell"),
        ("canaryü", "a character that is not ASCII"),
        ("canary١", "a character that is not ASCII"),
        ("canary\x1bb", "a control character"),
        ("canary" + "x" * 60_000, "more than 60000 characters"),
    ],
)
async def test_a_refusal_names_the_field_and_the_kind_and_never_the_value(tmp_path, value, kind):
    (tmp_path / "token").write_text("the old one")
    detail = await refused(sink(tmp_path / "token", format="dotenv").deliver(message(value)), value)
    assert f"The token's access_token holds {kind}: " in detail
    assert "format: json" in detail
    assert "canary" not in detail
    assert (tmp_path / "token").read_text() == "the old one"


# dotenv


async def test_lines_are_named_after_the_broker(tmp_path):
    text = await written(tmp_path, format="dotenv")
    assert text == (
        f"ZERODHA_ACCESS_TOKEN={SECRET}\nZERODHA_USER_ID=AB1234\nZERODHA_EXPIRES_AT=2026-11-24T22:45:10+00:00\n"
        "ZERODHA_API_KEY=key123\nZERODHA_PUBLIC_TOKEN=public-canary\nZERODHA_TRIES=3\nZERODHA_TICK=true\n"
    )
    for name, value in dotenv_values(tmp_path / "token").items():
        assert set(read_by_all(tmp_path / "token", name).values()) == {value}


@pytest.mark.parametrize(
    ("broker", "key", "name"),
    [
        ("icici_oauth", "refresh_token", "ICICI_OAUTH_REFRESH_TOKEN"),
        ("5paisa", "feed-token.x", "_5PAISA_FEED_TOKEN_X"),
    ],
)
async def test_every_name_is_one_that_a_shell_takes(tmp_path, broker, key, name):
    await written(tmp_path, message(broker=broker, extra={key: "v"}), format="dotenv")
    assert set(read_by_all(tmp_path / "token", name).values()) == {"v"}


async def test_what_is_extra_and_cannot_stand_there_is_left_out_and_said(tmp_path, capsys):
    from autologin import log

    log.configure()
    text = await written(
        tmp_path,
        message(user_id="", extra={"api_key": "a+b!canary", "access_token": "x", "b": ""}),
        format="dotenv",
    )
    assert [line.split("=")[0] for line in text.splitlines()] == [
        "ZERODHA_ACCESS_TOKEN",
        "ZERODHA_EXPIRES_AT",
    ]
    assert SECRET in text
    told = capsys.readouterr().err
    assert "left_out" in told
    assert "extra.api_key" in told
    assert "canary" not in told


async def test_lines_as_they_are_chosen(tmp_path):
    chosen = {
        "KITE_ACCESS_TOKEN": "access_token",
        "key": "extra.api_key",
        "TRIES": "extra.tries",
        "EMPTY": "user_id",
    }
    text = await written(tmp_path, message(user_id=""), format="dotenv", fields=chosen)
    assert text == f"KITE_ACCESS_TOKEN={SECRET}\nkey=key123\nTRIES=3\nEMPTY=\n"
    assert set(read_by_all(tmp_path / "token", "EMPTY").values()) == {""}
    text = await written(tmp_path, format="dotenv", fields=["access_token", "extra.api_key"])
    assert text == f"ZERODHA_ACCESS_TOKEN={SECRET}\nZERODHA_API_KEY=key123\n"


# json and raw


async def test_json_as_it_is_chosen(tmp_path):
    chosen = {
        "token": "access_token",
        "user": "user_id",
        "feed": "extra.feed",
        "b": "extra.feed.a",
        "all": "extra",
    }
    found = json.loads(await written(tmp_path, fields=chosen))
    assert found == {"token": SECRET, "user": "AB1234", "feed": {"a": "b"}, "b": "b", "all": EXTRA}
    found = json.loads(await written(tmp_path, fields=["access_token", "extra.public_token"]))
    assert found == {"access_token": SECRET, "public_token": "public-canary"}


async def test_raw_is_the_value_and_not_one_byte_more(tmp_path):
    assert await written(tmp_path, format="raw") == SECRET
    assert await written(tmp_path, message("ü \n$"), format="raw") == "ü \n$"
    assert await written(tmp_path, format="raw", fields=["extra.tries"]) == "3"
    assert (
        await written(tmp_path, format="raw", fields={"any": "extra.public_token"})
        == "public-canary"
    )


@pytest.mark.parametrize("format_", ["json", "dotenv", "raw"])
async def test_a_field_that_the_token_does_not_have(tmp_path, format_):
    detail = await refused(
        sink(tmp_path / "token", format=format_, fields=["extra.publik_token"]).deliver(message())
    )
    assert (
        'The token has no field "extra.publik_token". Known here: api_key, public_token' in detail
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format_", ["dotenv", "raw"])
@pytest.mark.parametrize("path", ["extra.feed", "extra.none"])
async def test_a_field_that_is_not_one_value(tmp_path, format_, path):
    detail = await refused(
        sink(tmp_path / "token", format=format_, fields=[path]).deliver(message())
    )
    assert f"The token's {path} is not one value. Write it with `format: json`" in detail


@pytest.mark.parametrize(
    "shape",
    [
        Shape(f, c)
        for f in ("json", "dotenv", "raw")
        for c in ((), ("access_token",), {"X": "access_token"})
    ],
)
def test_what_is_written_is_read_back(shape):
    content = formats.render(shape, message().data).decode()
    assert formats.read_field(shape, content, "access_token", "zerodha") == SECRET
    whole = shape.format != "raw" and not shape.fields
    assert formats.read_field(shape, content, "expires_at", "zerodha") == (
        message().data["expires_at"] if whole else None
    )
    assert formats.read_field(shape, content, "extra.nothing", "zerodha") is None


# A reader in another process

READING = """
import json, sys
file, format, seen, reads = sys.argv[1], sys.argv[2], set(), 0
print("ready", flush=True)
import select
while not select.select([sys.stdin], [], [], 0)[0]:
    text = open(file, "rb").read().decode()
    reads += 1
    token = {"json": lambda: json.loads(text)["access_token"], "raw": lambda: text,
             "dotenv": lambda: dict(line.split("=", 1) for line in text.splitlines())["ZERODHA_ACCESS_TOKEN"]}[format]()
    assert len(token) == 30000 and len(set(token)) == 1 and text.count(token[0]) >= 30000, (len(token), len(text))
    seen.add(token[0])
print(reads, "".join(sorted(seen)))
"""


@pytest.mark.parametrize("format_", ["json", "dotenv", "raw"])
def test_another_process_never_reads_half_a_file(tmp_path, format_):
    ours = sink(tmp_path / "token", format=format_, mode="0640")
    both = [message(letter * 30_000, extra={}) for letter in "QZ"]

    async def write(times):
        for number in range(times):
            await ours.deliver(both[number % 2])

    asyncio.run(write(1))
    command = [sys.executable, "-c", READING, tmp_path / "token", format_]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout.readline() == "ready\n"
        asyncio.run(write(300))
        out, err = reader.communicate("stop\n", timeout=60)
    assert reader.returncode == 0, err
    reads, seen = out.split()
    assert seen == "QZ"
    assert int(reads) > 20
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


# Who may read it


@pytest.mark.parametrize("umask", [0o000, 0o077])
@pytest.mark.parametrize(
    ("mode", "file", "folder"),
    [("0600", 0o600, 0o700), ("640", 0o640, 0o750), ("0o440", 0o440, 0o750)],
)
async def test_the_mode_is_what_was_asked_for(tmp_path, umask, mode, file, folder):
    former = os.umask(umask)
    try:
        await sink(tmp_path / "new" / "token", mode=mode).deliver(message())
    finally:
        os.umask(former)
    assert (tmp_path / "new/token").stat().st_mode & 0o7777 == file
    assert (tmp_path / "new").stat().st_mode & 0o7777 == folder, (
        "who may read the file must get there, and nobody else"
    )


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (
            "0644",
            'would let everybody on this machine at the token | Name the readers in `group`, with mode "0640"',
        ),
        ("0602", "would let everybody"),
        ("0601", "would let everybody"),
        ("0700", "not rights for a file that is read"),
        ("0040", "not rights for a file that is read"),
        (640, 'YAML reads it as a number | Quote it, as "0640"'),
        (0o640, "YAML reads it as a number"),
        (True, "YAML reads it as a number"),
        ("4640", "octal digits"),
        ("0680", "octal digits"),
        ("rw", "octal digits"),
        ("", "octal digits"),
        (None, "octal digits"),
    ],
)
def test_a_mode_that_cannot_be_meant(mode, words):
    assert words in wrong(mode=mode)


@pytest.mark.parametrize("key", ["owner", "group"])
@pytest.mark.parametrize("value", ["", "a b", "-1", -1, 2**32, True, ["a"], "a:b", "٣"])
def test_an_owner_that_cannot_be_meant(key, value):
    wrong(**{key: value})


async def test_names_and_numbers_of_this_user_are_taken(tmp_path):
    mine = {
        "owner": pwd.getpwuid(os.geteuid()).pw_name,
        "group": grp.getgrgid(os.getegid()).gr_name,
    }
    for given_ in (mine, {"owner": os.geteuid(), "group": str(os.getegid())}):
        await written(tmp_path, **given_)
        await sink(tmp_path / "token", **given_).check()
    assert (tmp_path / "token").stat().st_uid == os.geteuid()


@pytest.mark.parametrize(("key", "what"), [("owner", "user"), ("group", "group")])
async def test_a_name_that_this_machine_does_not_know(tmp_path, key, what):
    for work in (
        sink(tmp_path / "token", **{key: "nobody-here"}).deliver(message()),
        sink(tmp_path / "t", **{key: "nobody-here"}).check(),
    ):
        assert (
            f'There is no {what} "nobody-here" here. Correct sinks.tokens.{key}, or give a number.'
            in await refused(work)
        )
    assert list(tmp_path.iterdir()) == []


async def test_a_file_is_given_to_whom_it_is_for_with_the_folder_that_leads_there(tmp_path):
    """Only root can give to anybody; what others are told is tested below."""
    owner, group = (12345, 54321) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    await sink(tmp_path / "new" / "token", owner=owner, group=group, mode="0640").deliver(message())
    for path in (tmp_path / "new", tmp_path / "new/token"):
        assert (path.stat().st_uid, path.stat().st_gid) == (owner, group)


NOT_ROOT = """
import asyncio, os, sys
from datetime import UTC, datetime
from pydantic import SecretStr
from autologin.errors import DeliveryFailed
from autologin.message import Message
from autologin.delivery.sinks.base import parse
from autologin.token import Token
now = datetime.now(UTC)
message = Message.issued("mine", "zerodha", Token(SecretStr("canary-token"), now, now, "AB1234"))
def sink(**more):
    return parse({"type": "file", "path": os.path.join(sys.argv[1], "token"), **more}).build("tokens", None)
asyncio.run(sink().deliver(message))  # everything is imported now
os.unlink(os.path.join(sys.argv[1], "token"))
if os.geteuid() == 0:
    os.chown(sys.argv[1], 65534, 65534)
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
for more in ({"owner": 0}, {"group": 0, "mode": "0640"}):
    for work in (sink(**more).check(), sink(**more).deliver(message)):
        try:
            asyncio.run(work)
        except DeliveryFailed as error:
            print(error.message)
print(os.listdir(sys.argv[1]))
"""


def test_who_may_not_give_a_file_away_is_told_so_by_the_check_already():
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", NOT_ROOT, folder], check=False, capture_output=True, text=True
        )
    *detail, left = done.stdout.splitlines()
    assert len(detail) == 4, done.stderr
    for line in detail:
        assert (
            f"{folder}/token cannot be given to that owner or group: permission denied. Only root may"
            in line
        )
        assert "sinks.tokens" in line
    assert left == "[]"
    assert leaks(["canary-token"], [done.stdout, done.stderr]) == []


# Links


async def test_a_link_to_a_file_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "secret").write_text("not yours")
    for name, there in {
        "file": tmp_path / "secret",
        "nothing": tmp_path / "nowhere",
        "loop": "loop",
    }.items():
        link = tmp_path / "in" / name
        link.symlink_to(there)
        await sink(link, format="raw", mode="0640").check()
        await sink(link, format="raw", mode="0640").deliver(message())
        assert not link.is_symlink()
        assert link.read_text() == SECRET
    assert (tmp_path / "secret").read_text() == "not yours"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "secret"]


# The config


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (
            {"fields": {"token": "acces_token"}},
            'not a field of a token | Did you mean "access_token"?',
        ),
        ({"fields": ["public_token"]}, "not a field of a token"),
        ({"fields": ["access_token.x"]}, "not a field of a token"),
        ({"fields": ["extra."]}, "not a field of a token"),
        ({"fields": []}, "a mapping of names to fields"),
        ({"fields": {}}, "a mapping of names to fields"),
        ({"fields": None}, "a mapping of names to fields"),
        ({"fields": 5}, "a mapping of names to fields"),
        ({"fields": {"a": 5}}, "must hold text only"),
        ({"fields": {5: "user_id"}}, "must hold text only"),
        ({"fields": [["user_id"]]}, "must hold text only"),
        ({"fields": ["user_id", "extra.user_id"]}, "two fields the same name"),
        ({"format": "raw", "fields": ["user_id", "access_token"]}, "must name one field"),
        ({"format": "raw", "fields": ["extra"]}, "names all of `extra`"),
        ({"format": "dotenv", "fields": {"A": "extra"}}, "names all of `extra`"),
        ({"format": "dotenv", "fields": {"A B": "user_id"}}, "a name that no variable can have"),
        ({"format": "dotenv", "fields": {"1A": "user_id"}}, "a name that no variable can have"),
        ({"format": "dotenv", "fields": {"A\n": "user_id"}}, "a name that no variable can have"),
    ],
)
def test_fields_that_cannot_be_meant(keys, words):
    assert words in wrong(**keys)


def test_a_format_that_is_not_known_is_one_problem():
    with pytest.raises(ValidationError) as caught:
        parse({"type": "file", "path": "x", "format": "yaml", "fields": ["user_id"]})
    assert [one["loc"] for one in caught.value.errors()] == [("format",)]


def test_all_of_it_can_be_set_from_outside(tmp_path):
    text = "accounts: {mine: {broker: groww, credentials: {api_key: k, totp_secret: JBSWY3DPEHPK3PXP}, sinks: [t]}}\n"
    (tmp_path / "config.yaml").write_text(text + "sinks: {t: {type: file, path: x}}\n")
    outside = {
        "FORMAT": "dotenv",
        "FIELDS": '{"T": "access_token"}',
        "MODE": "0640",
        "GROUP": "1000",
        "OWNER": "trader",
    }
    environ = {"HOME": str(tmp_path)} | {
        f"AUTOLOGIN_SINKS__T__{key}": value for key, value in outside.items()
    }
    found = loader.load(tmp_path / "config.yaml", environ).sinks["t"]
    assert (found.format, found.fields, found.mode, found.owner, found.group) == (
        "dotenv",
        {"T": "access_token"},
        0o640,
        "trader",
        "1000",
    )
    environ["AUTOLOGIN_SINKS__T__FIELDS"] = "access_token, extra.tokenRefId"
    assert loader.load(tmp_path / "config.yaml", environ).sinks["t"].fields == (
        "access_token",
        "extra.tokenRefId",
    )
    assert "canary" not in redaction.scrub(repr(found))
