"""`autologin webhook`: a secret that fits, a consumer that is not fooled, and a test event through a sink."""

from __future__ import annotations

import asyncio
import json
import re

import pytest
from standardwebhooks.webhooks import Webhook
from support.cli import User
from support.leaks import leaks

from autologin.delivery import webhook_consumer
from autologin.delivery.sinks.webhook import key_in, new_secret, sign
from autologin.message import Message

CONFIG = """
accounts:
  zerodha:
    broker: zerodha
    credentials:
      {api_key: "a", api_secret: "secret-canary", user_id: "AB1234", password: "pw-canary", totp_secret: "JBSWY3DPEHPK3PXP"}
    sinks: [hook]
sinks:
  hook: {type: webhook, url: "URL", secret: {env: HOOK_SECRET}}
  tokens: {type: file, path: "t.json"}
state: {path: state}
"""


@pytest.fixture
async def consumer(tmp_path):
    """A running `autologin webhook listen --json`, its address, and a user who knows its secret."""
    user = User(tmp_path, {"HOOK_SECRET": new_secret()})
    process = await user.start("webhook", "listen", "--port", "0", "--json")
    line = (await asyncio.wait_for(process.stderr.readline(), 30)).decode()
    yield user, process, re.search(r"http://\S+", line)[0]
    if process.returncode is None:
        process.terminate()
    await process.communicate()


async def heard(process):
    return json.loads(await asyncio.wait_for(process.stdout.readline(), 30))


async def test_a_secret_is_one_that_the_official_library_takes(tmp_path):
    first, second = [(await User(tmp_path).says("webhook", "secret")).out.strip() for _ in range(2)]
    assert first != second
    assert len(key_in(first)) == 32
    Webhook(first)


async def test_a_test_event_arrives_and_is_verified(consumer):
    user, process, url = consumer
    (user.folder / "config.yaml").write_text(CONFIG.replace("URL", url))
    done = await user.says("webhook", "test", "hook")
    assert (done.code, done.out) == (0, "")
    event = await heard(process)
    assert (event["type"], event["verified"], event["again"]) == ("autologin.test", True, False)
    assert leaks([user.environ["HOOK_SECRET"], "secret-canary"], user.heard) == []


async def post(url, headers, body):
    import httpx

    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.post(url, content=body, headers=headers)).status_code


async def test_what_is_not_signed_is_told_as_that(consumer):
    _, process, url = consumer
    assert await post(url, {}, b"{}") == 401
    assert (await heard(process))["refused"] == "it is not signed"


@pytest.mark.parametrize("change", ["nothing", "body", "secret", "old", "no signature"])
async def test_only_what_is_signed_with_the_secret_and_new_is_accepted(consumer, change):
    import time

    user, process, url = consumer
    key = key_in(new_secret() if change == "secret" else user.environ["HOOK_SECRET"])
    body = b'{"type":"token.issued","timestamp":"x","data":{"account":"mine","access_token":"token-canary"}}'
    headers = sign("msg_1", int(time.time()) - (400 if change == "old" else 0), body, [key])
    if change == "no signature":
        del headers["webhook-signature"]
    status = await post(url, headers, body.replace(b"mine", b"hers") if change == "body" else body)
    event = await heard(process)
    assert (status, event["verified"]) == ((204, True) if change == "nothing" else (401, False))
    assert (event["account"], event["type"]) == (
        ("mine", "token.issued") if change == "nothing" else ("", "")
    )
    assert "token-canary" not in json.dumps(event)


async def test_the_same_event_again_is_told(consumer):
    import time

    user, process, url = consumer
    body = b"{}"
    headers = sign("msg_1", int(time.time()), body, [key_in(user.environ["HOOK_SECRET"])])
    for again in (False, True):
        assert await post(url, headers, body) == 204
        assert (await heard(process))["again"] is again


@pytest.mark.parametrize(
    ("words", "code", "detail"),
    [
        (("webhook", "test", "tokens"), 2, "is not a sink that takes events"),
        (("webhook", "test", "nowhere"), 2, "There are: hook"),
        (("webhook", "test", "hook"), 6, "cannot be reached"),
        (("webhook", "listen", "--secret", "NOT_SET"), 2, "is not a webhook secret"),
    ],
)
async def test_what_cannot_work_is_said(tmp_path, words, code, detail):
    user = User(tmp_path, {"HOOK_SECRET": new_secret()})
    (tmp_path / "config.yaml").write_text(CONFIG.replace("URL", "http://127.0.0.1:9/"))
    done = await user.says(*words)
    assert (done.code, detail in done.err) == (code, True), done.err


async def test_a_port_that_is_in_use(tmp_path):
    async with webhook_consumer.listen(key_in(new_secret()), 0, print) as url:
        user = User(tmp_path, {"HOOK_SECRET": new_secret()})
        done = await user.says("webhook", "listen", "--port", url.rstrip("/").rpartition(":")[2])
    assert (done.code, "cannot be used" in done.err) == (2, True)


def test_a_test_is_a_message_like_the_others(clock):
    message = Message.test(clock.now())
    assert message.to_json()["type"] == "autologin.test"
    assert message.id.startswith("msg_")
