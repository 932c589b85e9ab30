"""A token to store, keys, and processes that use a store of their own."""

from __future__ import annotations

import base64
import contextlib
import subprocess
import sys
from datetime import datetime

from pydantic import SecretStr
from support.clock import MORNING

from autologin.store.records import Block
from autologin.token import Token

SECRET = "tok/en+canary=9f8a77"
EXTRA = {
    "public_token": "public-canary-41",
    "login_url": "http://localhost/x",
    "n": 7,
    "nested": {"a": ["ü"]},
}
KEYS = [SecretStr(base64.urlsafe_b64encode(bytes([n]) * 32).decode()) for n in range(3)]
IST = datetime.fromisoformat("2026-11-25T06:00:00+05:30")


def a_token(secret=SECRET, **changes):
    fields = {"issued_at": MORNING, "expires_at": IST, "user_id": "AB1234", "extra": EXTRA}
    return Token(SecretStr(secret), **(fields | changes))


def save(store, account, token=None, sinks=(), broker="zerodha"):
    """Store a token as a run does: under the account's lease."""
    lease = store.leases.acquire(account)
    try:
        store.tokens.save(lease, broker, token or a_token(), sinks)
    finally:
        store.leases.release(lease)


def drop(store, account):
    """Drop the stored token."""
    if stored := store.tokens.get(account):
        store.tokens.drop(account, stored.token)


def mark_verified(store, account):
    """The broker has confirmed the stored token."""
    if stored := store.tokens.get(account):
        store.tokens.mark_verified(account, stored.token)


def set_user_id(store, account, user_id):
    """The broker has told whose the stored token is."""
    if stored := store.tokens.get(account):
        store.tokens.set_user_id(account, stored.token, user_id)


def block(
    store, account, message="Invalid password", error="credentials_rejected", secret="f", **more
):
    """Block an account, as a run does whose secret was refused."""
    refusal = Block(store._database.now(), more.get("what", "password"), error, message)
    store.attempts.block(account, more.get("login", f"login of {account}"), secret, refusal)


READY = """
import sys, time
from pathlib import Path
from autologin.clock import SystemClock
from autologin.store.store import Store
from cryptography.fernet import Fernet
print("ready", flush=True)
sys.stdin.readline()
"""


def python(code, *words, **options):
    """A process of its own that has imported the store, said so, and waits for a line before it runs `code`."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen(
        [sys.executable, "-c", READY + code, *map(str, words)], **pipes, **options
    )


@contextlib.contextmanager
def at_once(code, *words, processes=2):
    """Processes that all begin `code` at the same moment; gives what each of them printed, line by line."""
    running = [python(code, *words) for _ in range(processes)]
    try:
        for process in running:
            assert process.stdout.readline() == "ready\n"
        for process in running:
            process.stdin.write("\n")
            process.stdin.flush()
        yield [process.communicate(timeout=60)[0].splitlines() for process in running]
        assert [process.returncode for process in running] == [0] * processes
    finally:
        for process in running:
            process.kill()
            process.communicate()
