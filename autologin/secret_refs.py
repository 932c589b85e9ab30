"""Where a secret is.

Its own text in the config, or a reference that is followed only when it is needed.

    password: "in plain text"
    password: {env: ZERODHA_PASSWORD}
    password: {file: /run/secrets/zerodha_password}
    password: {command: "pass show zerodha/password"}
    password: {ssm: /trading/zerodha/password}
    password: {aws_secret: "trading/zerodha#password"}

A new kind of reference is one function and one line in `KINDS`.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import PlainValidator, SecretStr

from autologin import aws, files, inheritance, proxies
from autologin.errors import ConfigError, Problem
from autologin.inheritance import Withheld
from autologin.problems import did_you_mean, nearest, refuse
from autologin.threads import in_thread

T = TypeVar("T")

COMMAND_SECONDS = 30.0
WATCHED = """
exec 3<&0
{ read -r line <&3 || kill -KILL 0; } >/dev/null 2>&1 &
exec 3<&- </dev/null
exec sh -c "$1"
"""
"""What runs a command so that it ends with us, also where we are killed (see `_lifeline`)."""
LONGEST_PATH = 2048
LONGEST_PART = 240
"""Bytes. File systems take 255, and temporary files have longer names."""
MAX_BYTES = 64 * 1024
"""More than this is not a secret but a wrong path."""


@dataclass(frozen=True)
class Secret:
    """A secret that is not resolved yet.

    `kind` is "plain" or one of `KINDS`, `target` the text or what is referred to.
    """

    kind: str
    target: SecretStr


@dataclass(frozen=True)
class RefContext:
    """Where references are followed from: the folder of the config file, and the environment.

    `withheld` are the accounts' secrets, which the user's own commands are not to see.
    """

    folder: Path
    environ: Mapping[str, str] = field(repr=False)
    withheld: Withheld = field(default_factory=Withheld, repr=False, compare=False)

    def command_environ(self) -> dict[str, str]:
        """The environment of a command that the config names."""
        return inheritance.for_command(self.environ, self.withheld)

    def ways(self) -> proxies.Ways:
        """By which ways requests leave that are no account's.

        Raises:
            ConfigError: the environment names a proxy that cannot be used.
        """
        try:
            return proxies.of_environment(self.environ)
        except proxies.ProxyError as error:
            raise ConfigError(Problem(error.key, error.detail, error.hint)) from None

    def path(self, text: str) -> Path:
        """A path as written in the config, where `check_path` lets it be.

        `~` is the user's home, a relative one starts at the config's folder.

        Raises:
            UnreadableError: it starts in a home folder, and there is none.
        """
        if text == "~" or text.startswith("~/"):
            if (home := files.home(self.environ)) is None:
                raise UnreadableError(
                    "starts in the home folder, and this user has none",
                    "Write a whole path (/var/lib/...), or set HOME.",
                )
            return self.folder / Path(home, text[2:])
        try:
            return self.folder / Path(text).expanduser()
        except RuntimeError:
            raise UnreadableError(
                "starts in the home folder of a user who is not known here",
                "Correct the name behind ~, or write a whole path.",
            ) from None


class Resolved(NamedTuple):
    """A resolved secret, and whether a newline at its end was left out."""

    value: SecretStr
    newline_left_out: bool = False


class UnreadableError(Exception):
    """A reference that cannot be followed: why, and how to fix it."""

    def __init__(self, detail: str, hint: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint


def resolve(key: str, secret: Secret, context: RefContext) -> Resolved:
    """Follow a reference.

    Raises:
        ConfigError: it leads nowhere, or to a value that is empty or holds a stray newline or
            space. The message never
            holds the value.
    """
    try:
        text = KINDS[secret.kind](secret.target.get_secret_value(), context)
        trimmed = without_newline(text) if secret.kind in ENDS_IN_NEWLINE else text
        _refuse_stray(trimmed)
    except UnreadableError as error:
        raise ConfigError(Problem(key, error.detail, error.hint)) from None
    return Resolved(SecretStr(trimmed), newline_left_out=trimmed != text)


@dataclass
class _Following:
    """References that are followed in a thread, and the command that runs there now."""

    stopped: bool = False
    process: subprocess.Popen[bytes] | None = None

    def run(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        if self.stopped:
            self.stop()

    def stop(self) -> None:
        self.stopped = True
        if self.process and self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


_FOLLOWING: ContextVar[_Following | None] = ContextVar("following", default=None)


async def follow(work: Callable[[], T]) -> T:
    """Do what follows references beside the event loop: a command may take half a minute.

    Where it is cancelled, the command is killed.
    """
    following = _Following()
    token = _FOLLOWING.set(following)
    try:
        return await in_thread(work)
    except asyncio.CancelledError:
        following.stop()
        raise
    finally:
        _FOLLOWING.reset(token)


def exists(path: Path, kind: Callable[[Path], bool] = Path.is_dir) -> bool:
    """Whether a folder (or what `kind` asks for) is at a path.

    False where this user may not look.
    """
    try:
        return kind(path)
    except OSError:
        return False


def check_path(text: str) -> str:
    """A path as written in the config, if it can be one."""
    if not text.strip():
        refuse("is an empty path", "Name a place, or leave the key out.")
    if not text.isprintable():
        refuse("holds a character that no path should have", "Write it again.")
    if len(text.encode()) > LONGEST_PATH or any(
        len(part.encode()) > LONGEST_PART for part in text.split("/")
    ):
        detail = f"is too long: {LONGEST_PART} bytes are possible between two slashes"
        refuse(detail, f"Write a shorter one, of {LONGEST_PATH} bytes at most.")
    user = text.partition("/")[0]
    if len(user) > 1 and user.startswith("~") and os.path.expanduser(user) == user:  # noqa: PTH111
        refuse("names a user that this machine does not know", "Write the whole path instead.")
    return text


def without_newline(text: str) -> str:
    """The text without the one newline that editors and `echo` put at the end."""
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text


def read_file(path: Path) -> str:
    """The text of a file that holds one secret.

    Raises:
        UnreadableError: there is no such file, or it holds no text.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UnreadableError(
            f"there is no file {path}", "Create it, or correct the path."
        ) from None
    except OSError as error:
        detail = f"the file {path} cannot be read ({error.strerror})"
        raise UnreadableError(detail, "Let the user that runs autologin read it.") from None
    except ValueError:  # half a character, or a NUL
        raise UnreadableError("what should name a file is no path", "Correct the path.") from None
    return _decode(raw, f"the file {path}")


def _decode(raw: bytes, where: str) -> str:
    if len(raw) > MAX_BYTES:
        raise UnreadableError(
            f"{where} gives more than 64 KiB: that is not a secret", "Check what it refers to."
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError(
            f"{where} is not UTF-8 text", "Write it again as plain text."
        ) from None


def _refuse_stray(text: str) -> None:
    if not text.strip():
        raise UnreadableError("is empty", "Give it a value.")
    if re.search(r"[\ud800-\udfff]", text):
        raise UnreadableError("is not UTF-8 text", "Write it again as plain text.")
    if "\n" in text or "\r" in text:
        raise UnreadableError(
            "holds a stray newline",
            "Write the value alone, on one line (printf '%s' instead of echo).",
        )
    if text != text.strip():
        raise UnreadableError(
            "holds a stray space at its beginning or end",
            "Remove it; a secret neither starts nor ends with one.",
        )


def _from_environment(name: str, context: RefContext) -> str:
    if name in context.environ:
        return context.environ[name]
    near = nearest(name, context.environ)
    hint = (
        f"Did you mean {near}?"
        if near
        else f"Set it (export {name}=...), or refer to a file or a command instead."
    )
    raise UnreadableError(f"the environment variable {name} is not set", hint)


def _from_file(path: str, context: RefContext) -> str:
    return read_file(context.path(path))


@contextmanager
def _hold_ctrl_c() -> Iterator[Callable[[], None]]:
    """Ctrl-C while a process starts would lose the process.

    It waits until what is yielded is called.
    """
    former = signal.getsignal(signal.SIGINT)
    pressed: list[bool] = []
    held = (
        former is signal.default_int_handler
        and threading.current_thread() is threading.main_thread()
    )

    def release() -> None:
        if held:
            signal.signal(signal.SIGINT, former)
        if pressed:
            pressed.clear()
            raise KeyboardInterrupt

    if held:
        signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
    try:
        yield release
    finally:
        release()


@contextmanager
def _lifeline() -> Iterator[int]:
    """What a command's watcher reads: a line when all is done, the end when we have ended."""
    reading, writing = os.pipe()
    try:
        yield reading
        os.write(writing, b"\n")
    finally:
        os.close(reading)
        os.close(writing)


def _from_command(command: str, context: RefContext) -> str:
    with (
        _lifeline() as lifeline,
        _hold_ctrl_c() as release,
        subprocess.Popen(
            ["sh", "-c", WATCHED, "sh", command],
            stdin=lifeline,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it may quote the secret
            env=context.command_environ(),
            cwd=context.folder,
            start_new_session=True,
        ) as process,
    ):
        try:
            release()
            if following := _FOLLOWING.get():
                following.run(process)
            out, _ = process.communicate(timeout=COMMAND_SECONDS)
        except BaseException as ended:
            with suppress(ProcessLookupError):
                os.killpg(
                    process.pid, signal.SIGKILL
                )  # Ctrl-C does not reach it: it has a session of its own
            process.wait()  # after Ctrl-C nobody else does; PID 1 of a container may not
            if not isinstance(ended, subprocess.TimeoutExpired):
                raise
            detail = f"the command timed out after {COMMAND_SECONDS:g} s"
            hint = (
                "Run it by hand: it may be waiting for an answer, and nobody is there to give one."
            )
            raise UnreadableError(detail, hint) from None
    if process.returncode:
        raise UnreadableError(
            f"the command failed ({_exit_reason(process.returncode)})",
            "Run it by hand to see what it says.",
        )
    return _decode(out, "the command")


def _exit_reason(code: int) -> str:
    if code < 0:
        return f"killed by signal {-code}"
    return f"exit code {code}" + (": no such command" if code == 127 else "")


def _from_ssm(name: str, context: RefContext) -> str:
    with _aws("ssm", context) as (client, where):
        resource = f"arn:aws:ssm:{where}:*:parameter/{name.removeprefix('/')}"
        with aws.in_words("ssm:GetParameter", resource):
            return str(client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])


def _from_aws_secret(target: str, context: RefContext) -> str:
    name, _, field = target.partition("#")
    with _aws("secretsmanager", context) as (client, where):
        resource = f"arn:aws:secretsmanager:{where}:*:secret:{name}-*"
        with aws.in_words("secretsmanager:GetSecretValue", resource):
            text = client.get_secret_value(SecretId=name).get("SecretString", "")
    return _field_of(text, field) if field else str(text)


@contextmanager
def _aws(service: str, context: RefContext) -> Iterator[tuple[Any, str]]:
    """A client, and its region. What AWS refuses is a reference that cannot be followed."""
    try:
        client = aws.client(service, proxies.of_environment(context.environ))
        with closing(client):
            yield client, client.meta.region_name
    except proxies.ProxyError as error:
        raise UnreadableError(f"{error.key} {error.detail}", error.hint) from None
    except aws.AwsError as error:
        raise UnreadableError(
            error.detail, error.hint or "Check the name, and the region (AWS_DEFAULT_REGION)."
        ) from None


def _field_of(text: str, field: str) -> str:
    try:
        held = json.loads(text)
    except ValueError:
        held = None
    if not isinstance(held, dict) or not isinstance(held.get(field), str):
        known = ", ".join(held) if isinstance(held, dict) else "it is not a JSON object"
        raise UnreadableError(
            f'the secret has no field "{field}" that is text', f"Known there: {known}."
        )
    return str(held[field])


KINDS: dict[str, Callable[[str, RefContext], str]] = {
    "plain": lambda text, _context: text,
    "env": _from_environment,
    "file": _from_file,
    "command": _from_command,
    "ssm": _from_ssm,
    "aws_secret": _from_aws_secret,
}
ENDS_IN_NEWLINE = {"file", "command"}


def parse(value: Any) -> Secret:
    """What the config says of a secret.

    Its text, or a mapping of one kind of reference to what it refers to.
    """
    if isinstance(value, Secret):
        return value
    if isinstance(value, str):
        return Secret("plain", SecretStr(value))
    if isinstance(value, dict):
        return _parse_reference(value)
    if value is None:
        refuse("is null", "Give it a value in quotes, or leave the key out.")
    if isinstance(value, list):
        refuse("must be text, and is a list", "Give one value in quotes.")
    hint = 'Quote it ("..."): without quotes YAML changes it ({}).'
    if isinstance(value, bool):
        refuse("must be text, and YAML reads it as true or false", hint.format("yes becomes true"))
    return refuse("must be text, and YAML reads it as a number", hint.format("0123 becomes 83"))


def _parse_reference(value: dict[Any, Any]) -> Secret:
    kinds = sorted(KINDS.keys() - {"plain"})
    example = "Write {env: NAME}, {file: PATH} or {command: ...}."
    if len(value) != 1:
        refuse("must refer to one thing", f"{example} A value that holds braces needs quotes.")
    kind, target = next(iter(value.items()))
    if kind not in kinds:
        # The key may be a password that stands in braces, so it is not repeated.
        meant = (
            did_you_mean(kind, kinds)
            if isinstance(kind, str)
            else f"Known here: {', '.join(kinds)}."
        )
        refuse(
            "refers to a kind of source that is not known",
            f"{meant} A value that holds braces needs quotes.",
        )
    if not isinstance(target, str) or not target.strip():
        refuse(f"its `{kind}` must be text", f"{example} Put quotes around what it names.")
    if kind == "file":
        check_path(target.strip())
    if "\0" in target:
        refuse(f"its `{kind}` holds a NUL character", "Write it again.")
    return Secret(kind, SecretStr(target) if kind == "command" else SecretStr(target.strip()))


SecretField = Annotated[Secret, PlainValidator(parse)]
"""A setting that is a secret."""
