"""What the webhook sink sends is what the official library for Node takes, and what was changed on the way it does not."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from support.clock import MORNING

from autologin.delivery.sinks.base import parse
from autologin.delivery.sinks.webhook import key_in, new_secret, sign
from autologin.errors import CredentialsRejected, DeliveryFailed, TokenRejected
from autologin.message import Message
from autologin.secret_refs import RefContext
from autologin.token import Token

WEBHOOKS = Path(__file__).parents[1] / "webhooks"
SECRET, OTHER = new_secret(), new_secret()
TOKEN = Token(
    SecretStr("token-canary"),
    MORNING,
    MORNING + timedelta(hours=20),
    "AB1234",
    {"name": 'é "ü" \\ ₹ 😀 \u2028 </a>'},
)
MESSAGES = [
    Message.issued("mine", "zerodha", TOKEN),
    Message.failed(
        "login.failed", "mine", "zerodha", CredentialsRejected("Der Händler: „nein“"), MORNING
    ),
    Message.failed("token.rejected", "mine", "zerodha", TokenRejected(), MORNING),
]


class Node:
    """A consumer in Node, and what it says."""

    def __init__(self, process, url):
        self._process, self.url = process, url

    async def says(self):
        return await _line(self._process)


async def _line(process):
    return json.loads(await asyncio.wait_for(process.stdout.readline(), 30))


@asynccontextmanager
async def consumer(secret=SECRET):
    assert (WEBHOOKS / "node_modules").is_dir(), "run `make sdks`"
    node = shutil.which("node")
    assert node
    environ = {"HOOK_SECRET": secret, "PATH": os.environ["PATH"]}
    process = await asyncio.create_subprocess_exec(
        node, WEBHOOKS / "consumer.js", env=environ, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Node(process, (await _line(process))["url"])
    finally:
        process.terminate()
        await process.communicate()


async def give(url, message, secret):
    sink = parse({"type": "webhook", "url": url, "secret": secret}).build(
        "hook", RefContext(Path("/"), {})
    )
    try:
        await sink.deliver(message)
    finally:
        await sink.close()


@pytest.mark.parametrize("message", MESSAGES, ids=[message.type for message in MESSAGES])
async def test_each_type_is_verified_and_read_as_it_was_meant(message):
    async with consumer() as node:
        await give(node.url, message, SECRET)
        assert await node.says() == {"id": message.id, "event": message.to_json()}


@pytest.mark.parametrize("knows", [SECRET, OTHER], ids=["the new one", "the old one"])
async def test_during_a_rotation_a_consumer_may_know_either_secret(knows):
    async with consumer(knows) as node:
        await give(node.url, MESSAGES[0], [SECRET, OTHER])
        assert (await node.says())["event"] == MESSAGES[0].to_json()


async def test_a_consumer_that_knows_neither_refuses_it():
    async with consumer(new_secret()) as node:
        with pytest.raises(DeliveryFailed, match="answered 401"):
            await give(node.url, MESSAGES[0], [SECRET, OTHER])
        assert await node.says() == {"id": MESSAGES[0].id, "refused": "No matching signature found"}


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ("nothing", None),
        ("body", "No matching signature found"),
        ("id", "No matching signature found"),
        ("time", "No matching signature found"),
        ("an old event", "Message timestamp too old"),
        ("no signature", "Missing required headers"),
    ],
)
async def test_what_was_changed_on_the_way_is_refused(change, refused):
    now = int(time.time())
    body = json.dumps(MESSAGES[0].to_json()).encode()
    headers = sign("msg_1", now - (400 if change == "an old event" else 0), body, [key_in(SECRET)])
    if change == "no signature":
        del headers["webhook-signature"]
    headers |= {"id": {"webhook-id": "msg_2"}, "time": {"webhook-timestamp": str(now + 1)}}.get(
        change, {}
    )
    async with consumer() as node, httpx.AsyncClient(trust_env=False) as http:
        sent = body.replace(b"AB1234", b"AB1235") if change == "body" else body
        answer = await http.post(node.url, content=sent, headers=headers)
        assert (answer.status_code, (await node.says()).get("refused")) == (
            401 if refused else 204,
            refused,
        )
