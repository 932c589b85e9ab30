"""The consumers in docs/webhooks.md do what the page says."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from support.clock import MORNING

from autologin.delivery.sinks.base import parse
from autologin.delivery.sinks.webhook import new_secret
from autologin.errors import DeliveryFailed
from autologin.message import Message
from autologin.secret_refs import RefContext
from autologin.token import Token

PAGE = (Path(__file__).parents[2] / "docs/webhooks.md").read_text()
WEBHOOKS = Path(__file__).parents[1] / "webhooks"
TOKEN = Token(SecretStr("token-canary"), MORNING, MORNING + timedelta(hours=20), "AB1234")


@pytest.fixture(params=["python", "js"])
def program(request, tmp_path):
    """The command that runs a consumer of the page, as a reader would who has saved it."""
    (code,) = re.findall(rf"```{request.param}\n(.*?)```", PAGE, re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 15
    if request.param == "python":
        return [sys.executable, "-c", code]
    (tmp_path / "consumer.mjs").write_text(code)
    (tmp_path / "node_modules").symlink_to(WEBHOOKS / "node_modules")
    assert (tmp_path / "node_modules").is_dir(), "run `make sdks`"
    return [shutil.which("node"), str(tmp_path / "consumer.mjs")]


async def test_a_consumer_takes_a_token_once_and_nothing_forged(program):
    secret = new_secret()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {"HOOK_SECRET": secret, "PORT": str(port), "PYTHONUNBUFFERED": "1"}
    pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.DEVNULL}
    consumer = await asyncio.create_subprocess_exec(*program, env=environ, **pipes)
    given = await delivered(port, secret)
    assert given
    line = await asyncio.wait_for(consumer.stdout.readline(), 20)
    assert not await delivered(port, new_secret(), tries=1)
    consumer.terminate()
    rest, _ = await consumer.communicate()
    assert (line, rest) == (b"a token for mine\n", b"")


async def delivered(port, secret, tries=100):
    """Deliver one message twice, as a late answer would make us do; the consumer may still be starting."""
    config = parse({"type": "webhook", "url": f"http://127.0.0.1:{port}/", "secret": secret})
    sink = config.build("hook", RefContext(Path("/"), {}))
    message = Message.issued("mine", "zerodha", TOKEN)
    for _ in range(tries):
        try:
            await sink.deliver(message)
            await sink.deliver(message)
        except DeliveryFailed:
            await asyncio.sleep(0.1)
        else:
            await sink.close()
            return True
    await sink.close()
    return False
