"""What was delivered is lost: the commands and the service tell the truth about it, and write it again."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
from datetime import datetime, timedelta

import httpx
import pytest
from support.clock import SkippingClock
from support.processes import until
from support.sandbox import SHARED, rehearsal
from support.webhook_consumer import Consumer, listening

from autologin.app import App
from autologin.clock import IST

HOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
async def served(tmp_path):
    """A broker that is logged in to without a browser, and an account with its token."""
    async with rehearsal(tmp_path, broker="angelone") as one:
        done = await one.user.says("run", "--all", "--json")
        assert done.code == 0, done.out + done.err
        yield one


def delivery(done):
    """The one delivery that a command tells of in JSON."""
    (one,) = done.account["deliveries"]
    return one


async def test_a_folder_that_was_removed_is_made_again(served):
    content = served.token_file.read_bytes()
    shutil.rmtree(served.folder / "tokens")
    done = await served.user.says("deliver")
    assert done.code == 0
    assert "delivered to tokens" in done.out
    assert served.token_file.read_bytes() == content


async def test_nothing_owed_is_told_and_where_the_token_is(served):
    done = await served.user.says("deliver")
    assert done.code == 0
    first, second = done.out.splitlines()
    assert first == "angelone: nothing to deliver"
    assert second.strip().startswith("still in tokens since ")
    assert str(served.token_file) in second
    assert delivery(await served.user.says("deliver", "--json")) == {
        "sink": "tokens",
        "outcome": "delivered",
        "message": None,
        "found": "present",
    }


async def test_something_else_is_told_by_every_command_and_written_by_force_alone(served):
    served.token_file.write_text("by hand")
    for words in (["deliver"], ["run", "--all"], ["status", "--verify"]):
        done = await served.user.says(*words, "--json")
        assert done.code == 6, words
        assert delivery(done)["outcome"] == "replaced_by_other"
    message = (await served.user.says("run", "--all", "--json")).account["message"]
    assert "autologin deliver --force" in message
    assert "Fix the sink" not in message  # which would lead nowhere
    assert (await served.user.says("status", "--json")).code == 0
    assert "replaced by something else at" in (await served.user.says("status")).out
    assert "--force" in (await served.user.says("deliver")).out
    assert served.token_file.read_text() == "by hand"
    assert (await served.user.says("deliver", "--force")).code == 0
    assert "by hand" not in served.token_file.read_text()
    assert (await served.user.says("status", "--verify")).code == 0


async def test_status_and_check_tell_what_is_gone_and_write_nothing(served):
    served.token_file.unlink()
    done = await served.user.says("status")
    assert done.code == 0
    assert "got its token.issued" in done.out  # the last answer, of before
    assert "not there any more" not in done.out
    done = await served.user.says("check", "--json")
    (found,) = [one for one in done.json["findings"] if "not there any more" in one["message"]]
    assert (found["level"], "autologin deliver" in found["message"]) == ("warning", True)
    done = await served.user.says("status", "--verify")
    assert done.code == 6
    assert "not there any more at" in done.out
    assert "not there any more at" in (await served.user.says("status")).out
    assert not served.token_file.exists()


async def test_a_run_that_finds_the_token_valid_writes_what_is_gone(served):
    served.token_file.unlink()
    done = await served.user.says("run", "--all", "--json")
    assert (done.code, done.account["outcome"]) == (0, "still_valid")
    assert served.token_file.exists()


async def test_a_token_of_the_broker_that_the_account_had_before_is_not_its_token(served):
    def change(config):
        config["accounts"]["angelone"] |= {
            "broker": "groww",
            "endpoints": {},
            "credentials": {"api_key": "k", "totp_secret": "JBSWY3DPEHPK3PXP"},
        }

    served.change(change)
    assert (await served.user.says("token", "angelone")).code == 3
    assert (await served.user.says("exec", "angelone", "--", "true")).code == 3
    assert (await served.user.says("status", "--json")).account["state"] == "none"
    served.token_file.unlink()
    assert (await served.user.says("deliver")).code == 0
    assert not served.token_file.exists()


async def test_one_login_is_one_delivered_in_the_log(served):
    for words, events in ((["--force"], ["delivered"]), ([], [])):
        done = await served.user.says("run", "--all", *words)
        assert done.code == 0
        told = [word for line in done.err.splitlines() for word in line.split()]
        seen = [word for word in told if word in {"delivered", "redelivered", "replaced"}]
        assert seen == events


# The service


HOST = "127.53.0.1"
"""An address of this machine at which no other test listens."""


def _port():
    with socket.socket() as free:
        free.bind((HOST, 0))
        return free.getsockname()[1]


@contextlib.asynccontextmanager
async def serving(served, **changes):
    """The service as a process, and what `/readyz` answers."""
    url = f"{HOST}:{_port()}"
    at = datetime.now(IST) - timedelta(minutes=1)
    changes |= {"http": {"listen": url}, "schedule": {"at": f"{at:%H:%M}", "days": "daily"}}
    served.change(lambda config: config.update(changes))
    process = await served.user.start("serve", "--log-format", "json")

    def readyz():
        with httpx.Client(trust_env=False) as http, contextlib.suppress(httpx.HTTPError):
            answer = http.get(f"http://{url}/readyz")
            return answer.status_code, answer.json()["accounts"]["angelone"]["reason"]

    try:
        yield readyz
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = await process.communicate()
        served.user.heard += [out.decode(), err.decode()]


async def test_a_service_that_starts_without_the_file_writes_it(served):
    shutil.rmtree(served.folder / "tokens")
    async with serving(served) as readyz:
        await until(lambda: readyz() == (200, None))
        assert served.token_file.exists()
    assert served.twin.counters["login"] <= 1


async def test_a_service_that_cannot_write_it_is_not_ready(served):
    shutil.rmtree(served.folder / "tokens")
    (served.folder / "tokens").write_text("a file")
    async with serving(served) as readyz:
        seen = set()
        await until(lambda: seen.add(readyz()) or (503, "sink_lacks_token") in seen)
        assert not any(answer and answer[0] == 200 for answer in seen)


# A sink that was mended


@pytest.fixture
async def hook():
    async with listening(Consumer()) as consumer:
        yield consumer


@pytest.fixture
async def hooked(tmp_path, hook):
    """An account that delivers to a file and to a webhook, by a clock that skips pauses."""
    async with rehearsal(tmp_path, broker="angelone", clock=SkippingClock()) as one:

        def with_hook(config):
            config["sinks"]["hook"] = {"type": "webhook", "url": hook.url, "secret": HOOK_SECRET}
            config["accounts"]["angelone"]["sinks"] = ["tokens", "hook"]

        one.change(with_hook)
        yield one


def counted(served):
    with contextlib.closing(App.open(served.settings(), served.twin.clock, SHARED).store) as store:
        return {(one.kind, one.outcome): one.number for one in store.history.counters("delivery")}


async def test_a_webhook_that_was_gone_is_tried_at_once_by_the_next_run(hooked, hook):
    hook.answers = [(410, {})]
    first = await hooked.run(hooked.twin.clock)
    assert "410 Gone" in first.error.message
    hook.answers = [(200, {})]
    again = await hooked.run(hooked.twin.clock)
    assert (again.outcome, again.error) == ("still_valid", None)
    assert counted(hooked)["hook", "delivered"] == 1


async def test_a_run_tells_the_present_truth_of_a_webhook_and_not_the_last_one(hooked, hook):
    hook.answers = [(410, {})]
    await hooked.run(hooked.twin.clock)
    hook.answers = [(500, {})]
    again = await hooked.run(hooked.twin.clock)
    assert "500" in again.error.message
    assert "410" not in again.error.message


async def test_a_webhook_that_asked_for_an_hour_is_tried_at_once_by_the_next_run(hooked, hook):
    hook.answers = [(200, {}), (503, {"retry-after": "3600"}), (200, {})]
    await hooked.run(hooked.twin.clock)
    again = await hooked.run(hooked.twin.clock)
    assert (again.outcome, again.error) == ("still_valid", None)


async def test_one_login_is_one_delivered(hooked, hook):
    for number in (1, 2):
        outcome = await hooked.run(hooked.twin.clock, force=True)
        assert (outcome.outcome, outcome.error) == ("issued", None)
        await hooked.run(hooked.twin.clock)
        assert counted(hooked) == {("hook", "delivered"): number, ("tokens", "delivered"): number}
    bodies = [json.loads(body)["data"] for method, _, body in hook.got if method == "POST"]
    assert len(bodies) == 2
    assert bodies[-1] == hooked.token
